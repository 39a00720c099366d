/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The init of a payload that is none itself: PID 1 of the container. It holds no descriptor, no environment, one
 * capability (to signal a payload of another user) and a filter of its own that knows fourteen calls. */
#include <linux/capability.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "manager/stage/init-filter.h"
#include "manager/stage/stage.h"

#define INIT_NAME "bulwark-init"

/* Before the label: no profile of a container has to give its init what dropping needs. */
static int drop_privileges(void) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2] = { { .effective = 1U << CAP_KILL, .permitted = 1U << CAP_KILL } };

        if (prctl(PR_SET_NAME, INIT_NAME) < 0)
                return -errno;
        /* What follows the manager's death no longer concerns a container that runs. */
        if (prctl(PR_SET_PDEATHSIG, 0) < 0)
                return -errno;
        for (unsigned c = 0; c < 64; c++)
                if (c != CAP_KILL && prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0) {
                        if (errno == EINVAL)
                                break;
                        return -errno;
                }
        return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

static int confine_self(void) {
        static struct sock_filter filter[] = INIT_FILTER;
        const struct sock_fprog program = { .len = ELEMENTSOF(filter), .filter = filter };

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        if (syscall(SYS_close_range, 0, ~0U, 1U << 1 /* CLOSE_RANGE_UNSHARE */) < 0)
                return -errno;
        return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0 ? -errno : 0;
}

/* Reaps everything there is; true once the payload itself was among it or, for who lingers, once nothing is left. */
static bool reap(LaunchPage *page, pid_t payload, bool linger) {
        for (;;) {
                siginfo_t si = {};

                if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG) < 0)
                        return atomic_load(&page->exit_known);
                if (si.si_pid == 0)
                        return !linger && atomic_load(&page->exit_known);
                /* Its number may be another process's later. */
                if (si.si_pid != payload || atomic_load(&page->exit_known))
                        continue;
                page->exit_code = si.si_code;
                page->exit_status = si.si_status;
                atomic_store(&page->exit_known, 1);
        }
}

int init_run(Stage *s, pid_t payload, bool linger) {
        LaunchPage *page = s->page;
        sigset_t all;
        int r;

        stage_hide_command_line(s, INIT_NAME);
        sigfillset(&all);
        if (sigprocmask(SIG_SETMASK, &all, NULL) < 0)
                return -errno;
        r = drop_privileges();
        if (r < 0)
                return r;
        stage_run_steps(s, ACTOR_INIT, s->step + 1);
        /* It tells of the host's paths, and the container may be allowed to read this memory. */
        if (munmap((void *)s->plan.header, s->plan.header->size) < 0)
                return -errno;
        r = confine_self();
        if (r < 0)
                return r; /* PID 1 ends, so the kernel kills the payload too */
        stage_futex_set(&page->init_ready);

        while (!reap(page, payload, linger)) {
                int signal = sigwaitinfo(&all, NULL);

                if (signal > 0 && signal != SIGCHLD)
                        (void)kill(atomic_load(&page->exit_known) ? -1 : payload, signal);
        }
        /* The exit code is for whoever looks at the process; the keeper reads the page. */
        _exit(page->exit_code == CLD_EXITED ? page->exit_status : 128 + page->exit_status);
}
