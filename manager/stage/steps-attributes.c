/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a process inherits. Each step sets one attribute and, where the kernel might do less than it says, looks. */
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "manager/stage/stage.h"

#ifndef PR_SCHED_CORE
#define PR_SCHED_CORE 62
#endif
#define CORE_GET 0
#define CORE_CREATE 1
#define CORE_THREAD 0

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif
#define IOPRIO_OF_PROCESS 1
#define IOPRIO_SHIFT 13
#define AFFINITY_BYTES 1024 /* 8192 processors: more than any kernel has */

/* --- files of /proc/self, through the keeper's own procfs */

static int attribute_open(const Stage *s, const char *directory, const char *name, int flags) {
        char path[64];
        int fd;

        if ((size_t)snprintf(path, sizeof(path), "%s/%s", directory, name) >= sizeof(path))
                return -ENAMETOOLONG;
        fd = openat(s->proc_fd, path, flags | O_CLOEXEC | O_NOFOLLOW);
        return fd < 0 ? -errno : fd;
}

static int attribute_read(const Stage *s, const char *directory, const char *name, char *text, size_t size) {
        _cleanup_close_ int fd = attribute_open(s, directory, name, O_RDONLY);
        ssize_t n;

        if (fd < 0)
                return fd;
        n = read(fd, text, size - 1);
        if (n < 0)
                return -errno;
        text[n] = 0;
        text[strcspn(text, "\n")] = 0;
        return 0;
}

int step_process_file(Stage *s, const PlanStep *step) {
        const char *name = plan_text(&s->plan, step->s), *value = plan_text(&s->plan, step->t);
        _cleanup_close_ int fd = attribute_open(s, "self", name, O_WRONLY);
        char text[64];
        int r;

        if (fd < 0)
                return fd;
        /* What has its base in the name is read so by the kernel, and written without it. */
        if (snprintf(text, sizeof(text), "%s%s", streq(name, "coredump_filter") ? "0x" : "", value) < 0)
                return -EINVAL;
        if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
                return -errno;
        r = attribute_read(s, "self", name, text, sizeof(text));
        if (r < 0)
                return r;
        return streq(text, value) ? 0 : -EOPNOTSUPP;
}

int step_process_control(Stage *s, const PlanStep *step) {
        return prctl((int)step->a, (unsigned long)step->b, (unsigned long)step->c, 0UL, 0UL) < 0 ? -errno : 0;
}

/* The kernel's own structure: the C library keeps two signals to itself, which are inherited like the others. */
typedef struct SignalAction {
        void (*handler)(int);
        unsigned long flags;
        void (*restorer)(void);
        uint64_t mask;
} SignalAction;

int step_signals(Stage *s, const PlanStep *step) {
        const uint64_t none = 0;

        for (int signal = 1; signal <= 64; signal++) {
                const SignalAction action = { .handler = step->a & (UINT64_C(1) << (signal - 1)) ? SIG_IGN : SIG_DFL };

                if (signal == SIGKILL || signal == SIGSTOP)
                        continue;
                s->detail = (uint32_t)signal;
                if (syscall(SYS_rt_sigaction, signal, &action, NULL, sizeof(none)) < 0)
                        return -errno;
        }
        return syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none)) < 0 ? -errno : 0;
}

int step_personality(Stage *s, const PlanStep *step) {
        return personality((unsigned long)step->a) < 0 ? -errno : 0;
}

/* --- where and when it runs */

/* Every bit: the kernel takes away what is not there or not in the control group. */
int step_cpu_affinity(Stage *s, const PlanStep *step) {
        static uint64_t wanted[AFFINITY_BYTES / 8], seen[AFFINITY_BYTES / 8];

        memset(wanted, step->s.size > 0 ? 0 : 0xff, sizeof(wanted));
        memcpy(wanted, plan_text(&s->plan, step->s), MIN_OF((size_t)step->s.size, sizeof(wanted)));
        if (syscall(SYS_sched_setaffinity, 0, sizeof(wanted), wanted) < 0)
                return errno == EINVAL ? -ENXIO : -errno;
        if (step->s.size == 0)
                return 0;
        if (syscall(SYS_sched_getaffinity, 0, sizeof(seen), seen) < 0)
                return -errno;
        for (uint32_t i = 0; i < sizeof(wanted) * 8; i++)
                if (wanted[i / 64] & ~seen[i / 64] & (UINT64_C(1) << (i % 64))) {
                        s->detail = i;
                        return -ENXIO;
                }
        return 0;
}

int step_memory_policy(Stage *s, const PlanStep *step) {
        const void *nodes = step->s.size > 0 ? plan_text(&s->plan, step->s) : NULL;

        /* The kernel takes one bit less than it is told. */
        return syscall(SYS_set_mempolicy, (int)step->a, nodes, nodes ? step->s.size * 8 + 1 : 0) < 0 ? -errno : 0;
}

int step_io_priority(Stage *s, const PlanStep *step) {
        return syscall(SYS_ioprio_set, IOPRIO_OF_PROCESS, 0, (int)(step->a << IOPRIO_SHIFT | step->b)) < 0 ? -errno : 0;
}

int step_nice(Stage *s, const PlanStep *step) {
        return setpriority(PRIO_PROCESS, 0, (int)(int64_t)step->a) < 0 ? -errno : 0;
}

int step_scheduling(Stage *s, const PlanStep *step) {
        const struct sched_param parameter = { .sched_priority = (int)step->b };

        return syscall(SYS_sched_setscheduler, 0, (int)step->a | (step->c ? SCHED_RESET_ON_FORK : 0), &parameter) < 0 ?
                       -errno :
                       0;
}

/* Who shares the keeper's cookie may run beside it on one core. There is no way back to none: a new one is shared with
 * nobody else. */
int step_core_scheduling(Stage *s, const PlanStep *step) {
        uint64_t cookie = 0;

        if (prctl(PR_SCHED_CORE, CORE_GET, 0, CORE_THREAD, &cookie) < 0 || cookie == 0)
                return 0;
        return prctl(PR_SCHED_CORE, CORE_CREATE, 0, CORE_THREAD, 0) < 0 ? -errno : 0;
}

/* --- resource limits */

/* A limit of open files is not above this, whatever one may. */
static int files_at_most(const Stage *s, rlim_t *ret) {
        char text[32];
        int r = attribute_read(s, "sys/fs", "nr_open", text, sizeof(text));

        if (r < 0)
                return r;
        *ret = strtoul(text, NULL, 10);
        return 0;
}

/* Outer raises what the payload needs, as it alone may; it keeps what is higher, since it needs much itself. Its soft limits
 * count as well: the kernel takes those of who makes a user namespace for what all in there have together. */
int step_resource_ceiling(Stage *s, const PlanStep *step) {
        const __rlimit_resource_t resource = (__rlimit_resource_t)step->a;
        rlim_t wanted = step->b == UINT64_MAX ? RLIM_INFINITY : (rlim_t)step->b;
        struct rlimit limit;
        int r = 0, error;

        if (getrlimit(resource, &limit) < 0)
                return -errno;
        if (resource == RLIMIT_NOFILE && wanted == RLIM_INFINITY)
                r = files_at_most(s, &wanted);
        if (r < 0)
                return r;
        if (wanted > limit.rlim_max) {
                const struct rlimit raised = { .rlim_cur = resource == RLIMIT_CORE ? limit.rlim_cur : wanted,
                                               .rlim_max = wanted };

                if (setrlimit(resource, &raised) >= 0)
                        return 0;
                error = -errno;
        } else
                error = 0;
        limit.rlim_cur = resource == RLIMIT_CORE ? limit.rlim_cur : limit.rlim_max;
        return setrlimit(resource, &limit) < 0 ? -errno : error;
}

int step_resource_limit(Stage *s, const PlanStep *step) {
        const __rlimit_resource_t resource = (__rlimit_resource_t)step->a;
        struct rlimit now, wanted = { .rlim_cur = (rlim_t)step->b, .rlim_max = (rlim_t)step->c };

        if (getrlimit(resource, &now) < 0)
                return -errno;
        if ((step->flags & STEP_FLAG_LENIENT) || (resource == RLIMIT_NOFILE && wanted.rlim_max == RLIM_INFINITY))
                wanted.rlim_max = MIN_OF(wanted.rlim_max, now.rlim_max);
        wanted.rlim_cur = MIN_OF(wanted.rlim_cur, wanted.rlim_max);
        return setrlimit(resource, &wanted) < 0 ? -errno : 0;
}

int step_file_mode_mask(Stage *s, const PlanStep *step) {
        (void)umask((mode_t)step->a);
        return 0;
}

/* --- keys and privileges */

/* The user's keyring is that of the real uid, which is root's until the ids change; what may be done to it later depends on
 * a filter, so it is linked now. */
int step_user_keyring(Stage *s, const PlanStep *step) {
        int r = 0;

        if (syscall(SYS_setresgid, step->b, -1, -1) < 0 || syscall(SYS_setresuid, step->a, -1, -1) < 0)
                return -errno;
        if (syscall(SYS_keyctl, KEYCTL_LINK, KEY_SPEC_USER_KEYRING, KEY_SPEC_SESSION_KEYRING, 0, 0) < 0)
                r = -errno;
        s->detail = 1;
        if (syscall(SYS_setresuid, 0, -1, -1) < 0 || syscall(SYS_setresgid, 0, -1, -1) < 0)
                return -errno;
        return r;
}

/* After the ids, whose change needs the bits to be as they were, and has taken the effective set away. Only calls that every
 * filter has: it may be in force. */
int step_secure_bits(Stage *s, const PlanStep *step) {
        const uint64_t held = step->b | UINT64_C(1) << CAP_SETPCAP;
        const int now = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);
        const int transient = 1 << 4; /* keep-caps: IDENTITY set it, execve() takes it away */
        int r;

        if (now < 0)
                return -errno;
        if ((now & ~transient) == (int)step->a)
                return 0;
        r = stage_set_capabilities(held, held, 0);
        if (r < 0)
                return r;
        s->detail = 1;
        return prctl(PR_SET_SECUREBITS, (unsigned long)step->a, 0, 0, 0) < 0 ? -errno : 0;
}

/* --- of the namespaces */

int step_domain_name(Stage *s, const PlanStep *step) {
        return setdomainname(plan_text(&s->plan, step->s), step->s.size) < 0 ? -errno : 0;
}

/* The same words, whatever the kernel puts between them. */
static bool same_words(const char *a, const char *b) {
        for (;;) {
                const size_t n = strcspn(a += strspn(a, " \t\n"), " \t\n"), k = strcspn(b += strspn(b, " \t\n"), " \t\n");

                if (n != k || memcmp(a, b, n) != 0)
                        return false;
                if (n == 0)
                        return true;
                a += n;
                b += k;
        }
}

/* Through the procfs that inner has just mounted, where nothing lies over it yet. A value that the kernel takes for another one
 * is told: it was not what the unit says. */
int step_sysctl(Stage *s, const PlanStep *step) {
        const char *value = plan_text(&s->plan, step->t);
        const struct open_how how = { .flags = O_RDWR | O_CLOEXEC,
                                      .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV };
        _cleanup_close_ int fd = -EBADF;
        char text[512];
        ssize_t n;

        fd = (int)syscall(SYS_openat2, stage_slot(s, step->slot), plan_text(&s->plan, step->s), &how, sizeof(how));
        if (fd < 0)
                return -errno;
        s->detail = 1;
        if (write(fd, value, step->t.size) != (ssize_t)step->t.size)
                return errno != 0 ? -errno : -EIO;
        s->detail = 2;
        n = pread(fd, text, sizeof(text) - 1, 0);
        if (n < 0)
                return -errno;
        text[n] = 0;
        return same_words(text, value) ? 0 : -EDOM;
}

/* Outer itself stays in the time of the host: the namespace is its children's, who must not be there yet. */
int step_time_offsets(Stage *s, const PlanStep *step) {
        _cleanup_close_ int fd = -EBADF;

        if (unshare(CLONE_NEWTIME) < 0)
                return -errno;
        s->detail = 1;
        fd = attribute_open(s, "self", "timens_offsets", O_WRONLY);
        if (fd < 0)
                return fd;
        return write(fd, plan_text(&s->plan, step->s), step->s.size) == (ssize_t)step->s.size ? 0 : -errno;
}
