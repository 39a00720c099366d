/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ruleset of the plan, built within the container's own mounts. landlock(7). */
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "manager/base/landlock-abi.h"
#include "manager/stage/stage.h"

/* Rights that a file can have which is no directory. */
#define FILE_RIGHTS                                                                                           \
        (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |                   \
         LANDLOCK_ACCESS_FS_TRUNCATE | LANDLOCK_ACCESS_FS_IOCTL_DEV)

int step_landlock_ruleset(Stage *s, const PlanStep *step) {
        const LandlockRuleset attributes = { step->a, step->b, step->c };
        /* An older kernel takes no more than it knows. */
        const size_t size = step->c ? sizeof(attributes) : step->b ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
        int fd = (int)syscall(SYS_landlock_create_ruleset, &attributes, size, 0);

        if (fd < 0)
                return -errno;
        stage_slot_set(s, step->slot, fd);
        return 0;
}

static int add_path(int ruleset, int fd, uint64_t rights) {
        struct landlock_path_beneath_attr rule = { .parent_fd = fd };
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        rule.allowed_access = S_ISDIR(st.st_mode) ? rights : rights & FILE_RIGHTS;
        if (rule.allowed_access == 0 || S_ISLNK(st.st_mode))
                return 0; /* what a link leads to has rules of its own */
        return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_KIND_PATH, &rule, 0) < 0 ? -errno : 0;
}

static int open_in_root(const char *path, uint64_t flags) {
        const struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS };
        int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

        return fd < 0 ? -errno : fd;
}

int step_landlock_path(Stage *s, const PlanStep *step) {
        _cleanup_close_ int fd = -EBADF;

        if (stage_slot(s, step->slot) < 0)
                return -EBADF;
        fd = open_in_root(plan_text(&s->plan, step->s), O_PATH);
        return fd < 0 ? fd : add_path(stage_slot(s, step->slot), fd, step->a);
}

static bool is_left_out(const Stage *s, const PlanStep *step, const char *name) {
        const char *at = plan_text(&s->plan, step->t), *end = at + step->t.size;

        for (; at < end; at += strlen(at) + 1)
                if (streq(at, name))
                        return true;
        return false;
}

struct entry { /* linux_dirent64 */
        uint64_t inode;
        int64_t offset;
        uint16_t size;
        uint8_t type;
        char name[];
};

int step_landlock_entries(Stage *s, const PlanStep *step) {
        static char buffer[32768] __attribute__((aligned(8)));
        _cleanup_close_ int directory = -EBADF;
        const int ruleset = stage_slot(s, step->slot);
        long n;

        if (ruleset < 0)
                return -EBADF;
        directory = open_in_root(plan_text(&s->plan, step->s), O_RDONLY | O_DIRECTORY);
        if (directory < 0)
                return directory;
        while ((n = syscall(SYS_getdents64, directory, buffer, sizeof(buffer))) > 0)
                for (long at = 0; at < n;) {
                        const struct entry *e = (const struct entry *)(buffer + at);
                        _cleanup_close_ int fd = -EBADF;
                        int r;

                        at += e->size;
                        if (streq(e->name, ".") || streq(e->name, "..") || is_left_out(s, step, e->name))
                                continue;
                        fd = openat(directory, e->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
                        if (fd < 0 && errno == ENOENT)
                                continue; /* gone since it was listed */
                        r = fd < 0 ? -errno : add_path(ruleset, fd, step->a);
                        if (r < 0)
                                return r;
                }
        return n < 0 ? -errno : 0;
}

int step_landlock_ports(Stage *s, const PlanStep *step) {
        for (uint64_t port = step->b; port <= step->c; port++) {
                const LandlockPort rule = { step->a, port };

                if (syscall(SYS_landlock_add_rule, stage_slot(s, step->slot), LANDLOCK_RULE_KIND_PORT, &rule, 0) < 0)
                        return -errno;
        }
        return 0;
}

/* Whoever runs this still has CAP_SYS_ADMIN in its user namespace, so that no_new_privs is not needed for it. */
int step_landlock_restrict(Stage *s, const PlanStep *step) {
        const int fd = stage_slot(s, step->slot);

        if (fd < 0)
                return -EBADF;
        if (syscall(SYS_landlock_restrict_self, fd, 0) < 0)
                return -errno;
        stage_slot_set(s, step->slot, -EBADF);
        return close(fd) < 0 ? -errno : 0;
}
