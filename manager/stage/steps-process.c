/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "manager/base/io.h"
#include "manager/stage/stage.h"

/* A pair of the container's own devpts: never the caller's terminal, never a path of the image. The multiplexer is
 * verified to be one (CVE-2025-52565) and the terminal is opened from the master itself. */
int step_open_terminal(Stage *s, const PlanStep *step) {
        const struct open_how how = { .flags = O_RDWR | O_NOCTTY | O_CLOEXEC,
                                      .resolve = RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS };
        _cleanup_close_ int master = -EBADF, terminal = -EBADF;
        struct statfs fs;
        struct stat st;
        int unlock = 0;

        /* The terminal's file belongs to who opens it; one of the host's ids could not be handed to the user inside. At a start
         * outer makes all as the container's root already. */
        if (s->plan.header->flags & PLAN_FLAG_JOIN) {
                (void)setfsgid(0);
                (void)setfsuid(0);
        }
        master = (int)syscall(SYS_openat2, AT_FDCWD, "/dev/pts/ptmx", &how, sizeof(how));
        if (master < 0)
                return -errno;
        if (fstatfs(master, &fs) < 0 || fstat(master, &st) < 0)
                return -errno;
        if (fs.f_type != DEVPTS_SUPER_MAGIC || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2))
                return -EMEDIUMTYPE;
        if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
                return -errno;
        terminal = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (terminal < 0)
                return -errno;
        if (fchown(terminal, (uid_t)step->a, (gid_t)-1) < 0)
                return -errno;
        /* Whoever asks first finds it: the command may be done with it before its caller has the master. */
        if (step->c > 0 && step->d > 0 &&
            ioctl(terminal, TIOCSWINSZ, &(struct winsize){ .ws_row = (unsigned short)step->c,
                                                           .ws_col = (unsigned short)step->d }) < 0)
                return -errno;
        if (stage_slot(s, step->slot) < 0)
                return -EBADF;
        s->detail = 1;
        unlock = socket_send(stage_slot(s, step->slot), "t", 1, &master, 1);
        if (unlock < 0)
                return unlock;
        stage_slot_set(s, (int64_t)step->b, TAKE_FD(terminal));
        return 0;
}

/* No key of the manager's is reachable, none is shared between containers. CVE-2016-0728. */
int step_session_keyring(Stage *s, const PlanStep *step) {
        if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL, 0, 0, 0) < 0)
                return errno == ENOSYS ? 0 : -errno; /* a kernel without keys has none to share */
        return 0;
}

int step_new_session(Stage *s, const PlanStep *step) {
        return setsid() < 0 ? -errno : 0;
}

int step_fork_payload(Stage *s, const PlanStep *step) {
        long pid;

        pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
        if (pid < 0)
                return -errno;
        if (pid > 0)
                return init_run(s, (pid_t)pid, step->a);

        /* PID 1 is the parent now, and its end ends everything here: no death signal needed any more. */
        atomic_store(&s->page->payload_pid, (int32_t)syscall(SYS_getpid));
        stage_run(s, ACTOR_PAYLOAD, s->step + 1);
}

int step_standard_stream(Stage *s, const PlanStep *step) {
        int fd = stage_slot(s, step->slot);

        if (fd < 0)
                return -EBADF;
        if (fd == (int)step->a)
                return fcntl(fd, F_SETFD, 0) < 0 ? -errno : 0;
        return dup3(fd, (int)step->a, 0) < 0 ? -errno : 0;
}

int step_control_terminal(Stage *s, const PlanStep *step) {
        int fd = stage_slot(s, step->slot);

        if (fd < 0)
                return -EBADF;
        return ioctl(fd, TIOCSCTTY, 0) < 0 ? -errno : 0;
}

/* The directory is entered by a descriptor that was looked up in the root, and the kernel is asked where we are:
 * a path that does not begin with "/" means outside. CVE-2024-21626. */
int step_working_directory(Stage *s, const PlanStep *step) {
        const struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                                      .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
        _cleanup_close_ int root = -EBADF, fd = -EBADF;
        char where[PATH_MAX];

        root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (root < 0)
                return -errno;
        for (unsigned tries = 0; tries < STAGE_LOOKUP_TRIES; tries++) {
                fd = (int)syscall(SYS_openat2, root, plan_text(&s->plan, step->s), &how, sizeof(how));
                if (fd >= 0 || errno != EAGAIN)
                        break;
        }
        if (fd < 0) {
                if (!(step->flags & STEP_FLAG_OPTIONAL) || (errno != ENOENT && errno != ENOTDIR))
                        return -errno;
                if (fchdir(root) < 0)
                        return -errno;
        } else if (fchdir(fd) < 0)
                return -errno;
        if (syscall(SYS_getcwd, where, sizeof(where)) < 0)
                return -errno;
        return where[0] == '/' ? 0 : -EXDEV;
}

static void keep_slot(const Stage *s, int64_t slot, int *keep, size_t *n) {
        int fd = stage_slot(s, slot);

        if (fd >= 0 && *n < PLAN_MAX_SLOTS + 1)
                keep[(*n)++] = fd;
}

/* Descriptors that a later step of this plan names. Everything else goes, before the process can be seen from the
 * inside. CVE-2016-9962, CVE-2024-21626. */
int step_close_descriptors(Stage *s, const PlanStep *step) {
        int keep[PLAN_MAX_SLOTS + 1];
        size_t n = 0;

        keep[n++] = s->status_fd;
        if (step->actor == ACTOR_PAYLOAD) {
                /* The init still has the keeper's capabilities and the host's descriptors until it has confined
                 * itself: nothing of the container may run beside it before. */
                if (s->plan.header->flags & PLAN_FLAG_INIT_ROLE) {
                        int r = stage_futex_wait(&s->page->init_ready);

                        if (r < 0)
                                return r;
                }
                /* From here on the container no longer ends with the keeper. */
                if (prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) < 0)
                        return -errno;
                /* Outer may still hold this table; only our copy shrinks. The status pipe closes by itself at execve,
                 * and so does the program that may be executed. */
                if (unshare(CLONE_FILES) < 0)
                        return -errno;
        }
        for (uint32_t i = s->step + 1; i < s->plan.header->n_steps; i++) {
                const PlanStep *later = s->plan.steps + i;
                const int32_t *passed = (const int32_t *)plan_text(&s->plan, later->s);

                keep_slot(s, later->slot, keep, &n);
                for (size_t k = 0; later->kind == STEP_PASS_DESCRIPTORS && k < later->s.size / sizeof(*passed); k++)
                        keep_slot(s, passed[k], keep, &n);
        }
        s->proc_fd = -EBADF;
        return close_all_but(keep, n);
}

/* Out of the way of the numbers that are given, with what later steps need. All but those close themselves at execve. */
int step_pass_descriptors(Stage *s, const PlanStep *step) {
        const int32_t *slots = (const int32_t *)plan_text(&s->plan, step->s);
        const int n = (int)(step->s.size / sizeof(*slots)), beyond = PLAN_FIRST_PASSED + n;
        const int64_t program = s->plan.steps[s->plan.header->n_steps - 1].slot;
        int moved[PLAN_MAX_SLOTS];

        s->status_fd = fcntl(s->status_fd, F_DUPFD_CLOEXEC, beyond);
        if (s->status_fd < 0)
                return -errno;
        if (stage_slot(s, program) >= 0) {
                stage_slot_set(s, program, fcntl(stage_slot(s, program), F_DUPFD_CLOEXEC, beyond));
                if (stage_slot(s, program) < 0)
                        return -errno;
        }
        for (int i = 0; i < n; i++) {
                moved[i] = fcntl(stage_slot(s, slots[i]), F_DUPFD_CLOEXEC, beyond);
                if (moved[i] < 0)
                        return -errno;
        }
        for (int i = 0; i < n; i++)
                if (dup2(moved[i], PLAN_FIRST_PASSED + i) < 0)
                        return -errno;
        return 0;
}

int step_bounding_set(Stage *s, const PlanStep *step) {
        for (unsigned c = 0; c < 64; c++) {
                if (step->a & (UINT64_C(1) << c))
                        continue;
                s->detail = c;
                if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0) {
                        if (errno == EINVAL) /* beyond the kernel's last capability */
                                break;
                        return -errno;
                }
        }
        return 0;
}

int step_identity(Stage *s, const PlanStep *step) {
        const gid_t *groups = (const gid_t *)plan_text(&s->plan, step->s);

        if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
                return -errno;
        s->detail = 1;
        if (setgroups(step->s.size / sizeof(gid_t), step->s.size > 0 ? groups : NULL) < 0)
                return -errno;
        s->detail = 2;
        if (syscall(SYS_setresgid, step->b, step->b, step->b) < 0)
                return -errno;
        s->detail = 3;
        if (syscall(SYS_setresuid, step->a, step->a, step->a) < 0)
                return -errno;
        s->detail = 4;
        if (step->actor == ACTOR_OUTER)
                return stage_guard_again();
        /* What runs on from here ends no more with the keeper, but nobody looks into it before execve either. */
        return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : 0;
}

int stage_set_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2];

        for (unsigned i = 0; i < 2; i++)
                data[i] = (struct __user_cap_data_struct){ .effective = (uint32_t)(effective >> (32 * i)),
                                                           .permitted = (uint32_t)(permitted >> (32 * i)),
                                                           .inheritable = (uint32_t)(inheritable >> (32 * i)) };
        return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

int step_capabilities(Stage *s, const PlanStep *step) {
        int r;

        r = stage_set_capabilities(step->a, step->b, step->c);
        if (r < 0)
                return r;
        s->detail = 1;
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
                return -errno;
        for (unsigned c = 0; c < 64; c++)
                if (step->d & (UINT64_C(1) << c) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0) < 0)
                        return -errno;
        s->detail = 2;
        /* SecureBits=keep-caps-locked forbids it, and execve() takes the flag away in any case. */
        return prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0 && errno != EPERM ? -errno : 0;
}

int step_no_new_privileges(Stage *s, const PlanStep *step) {
        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

int step_seccomp(Stage *s, const PlanStep *step) {
        struct sock_fprog program = { .len = (unsigned short)(step->s.size / sizeof(struct sock_filter)),
                                      .filter = (struct sock_filter *)plan_text(&s->plan, step->s) };

        if (step->s.size / sizeof(struct sock_filter) > BPF_MAXINSNS)
                return -E2BIG;
        return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_LOG, &program) < 0 ? -errno : 0;
}

#define EXEC_MAX_STRINGS 4096

static int split_list(const PlanView *p, PlanRef list, char **ret, size_t max) {
        char *at = (char *)plan_text(p, list), *end = at + list.size;
        size_t n = 0;

        for (; at < end; at += strlen(at) + 1) {
                if (n + 1 >= max)
                        return -E2BIG;
                ret[n++] = at;
        }
        ret[n] = NULL;
        return 0;
}

int step_execute(Stage *s, const PlanStep *step) {
        static char *candidates[64], *argv[EXEC_MAX_STRINGS], *environment[EXEC_MAX_STRINGS];
        int r, worst = -ENOENT;

        r = split_list(&s->plan, step->s, candidates, ELEMENTSOF(candidates));
        if (r >= 0)
                r = split_list(&s->plan, step->t, argv, EXEC_MAX_STRINGS);
        if (r >= 0)
                r = split_list(&s->plan, step->u, environment, EXEC_MAX_STRINGS);
        if (r < 0)
                return r;
        if (step->slot != PLAN_NO_SLOT) {
                (void)syscall(SYS_execveat, stage_slot(s, step->slot), "", argv, environment, AT_EMPTY_PATH);
                return -errno;
        }
        for (char **c = candidates; *c; c++, s->detail++) {
                (void)execve(*c, argv, environment);
                /* As execvp(3): a file that may not be executed is remembered, the search goes on. */
                if (errno == EACCES)
                        worst = -EACCES;
                else if (errno != ENOENT && errno != ENOTDIR)
                        return -errno;
        }
        return worst;
}
