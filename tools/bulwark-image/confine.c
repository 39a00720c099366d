/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "manager/base/landlock-abi.h"
#include "tools/bulwark-image/confine.h"
#include "tools/bulwark-image/limits.h"

/* Owners, modes, times and file capabilities of any user. CAP_MKNOD and CAP_SYS_ADMIN are not here: a whiteout needs neither,
 * opaque marks are set by the parent. */
static const unsigned kept_capabilities[] = { CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_SETFCAP };

static uint64_t confine_kept(void) {
        uint64_t set = 0;

        for (size_t i = 0; i < ELEMENTSOF(kept_capabilities); i++)
                set |= UINT64_C(1) << kept_capabilities[i];
        return set;
}

static int confine_capabilities(void) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2] = {};
        uint64_t kept = confine_kept();

        for (int i = 0; i < 64; i++)
                if (!(kept >> i & 1) && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0 && errno != EINVAL)
                        return -errno;
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
                return -errno;
        for (unsigned i = 0; i < 2; i++)
                data[i].effective = data[i].permitted = (uint32_t)(kept >> (32 * i));
        return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

#define CONFINE_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define CONFINE_WRITE                                                                                                  \
        (CONFINE_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE | LANDLOCK_ACCESS_FS_REMOVE_FILE |  \
         LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR |                    \
         LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_REFER)

/* Every right of the kernel's version is handled: what is not allowed below is refused. */
static LandlockRuleset confine_handled(long abi) {
        uint64_t fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1; /* ABI 1 */

        fs |= abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0;
        fs |= abi >= 3 ? LANDLOCK_ACCESS_FS_TRUNCATE : 0;
        fs |= abi >= 5 ? LANDLOCK_ACCESS_FS_IOCTL_DEV : 0;
        return (LandlockRuleset){
                .handled_fs = fs,
                .handled_net = abi >= 4 ? LANDLOCK_ACCESS_NET_BIND_TCP | LANDLOCK_ACCESS_NET_CONNECT_TCP : 0,
                .scoped = abi >= 6 ? LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL : 0,
        };
}

static int confine_allow(int ruleset, int fd, uint64_t access) {
        struct landlock_path_beneath_attr rule = { .allowed_access = access, .parent_fd = fd };
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISDIR(st.st_mode)) /* the kernel takes no right of directories for it */
                rule.allowed_access &= LANDLOCK_ACCESS_FS_READ_FILE;
        return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_KIND_PATH, &rule, 0) < 0 ? -errno : 0;
}

static int confine_landlock(int write_fd, const int *read_fds, size_t n_read) {
        long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
        size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
        _cleanup_close_ int ruleset = -EBADF;
        LandlockRuleset handled;
        int r;

        if (abi < LANDLOCK_ABI_NEEDED) /* not in this kernel, or too old to rename with */
                return 0;
        handled = confine_handled(abi);
        ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, size, 0);
        if (ruleset < 0)
                return -errno;
        r = confine_allow(ruleset, write_fd, CONFINE_WRITE & handled.handled_fs);
        for (size_t i = 0; i < n_read && r >= 0; i++)
                r = confine_allow(ruleset, read_fds[i], CONFINE_READ);
        if (r < 0)
                return r;
        return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? -errno : 0;
}

static int confine_memory(void) {
#if defined(__SANITIZE_ADDRESS__)
        return 0; /* its shadow is terabytes of address space */
#else
        const struct rlimit limit = { .rlim_cur = LIMIT_MEMORY, .rlim_max = LIMIT_MEMORY };

        return setrlimit(RLIMIT_AS, &limit) < 0 ? -errno : 0;
#endif
}

int confine_self(int write_fd, const int *read_fds, size_t n_read, Diag *diag) {
        int r;

        if (unshare(CLONE_NEWNET | CLONE_NEWIPC) < 0)
                return diag_errno(diag, ERROR_POLICY, NULL, NULL, errno, "cannot leave the network before a foreign archive is read");
        if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return diag_errno(diag, ERROR_POLICY, NULL, NULL, errno, "cannot give up privileges");
        r = confine_memory();
        if (r >= 0)
                r = confine_landlock(write_fd, read_fds, n_read);
        if (r >= 0)
                r = confine_capabilities();
        return r < 0 ? diag_errno(diag, ERROR_POLICY, NULL, NULL, -r, "cannot give up privileges before a foreign archive is read") : 0;
}
