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

typedef struct Children {
        LaunchPage *page;
        uint64_t flags;
        pid_t main;   /* whose end is the payload's, and who gets the signals; 0 = not known */
        bool started; /* Type=forking: the first process has ended, well, and left the rest behind */
        bool over;    /* the end of the main process has come */
} Children;

static void tell_end(Children *c, int code, int status) {
        c->page->exit_code = code;
        c->page->exit_status = status;
        atomic_store(&c->page->exit_known, 1);
}

static void main_ended(Children *c, const siginfo_t *si) {
        const bool starter = (c->flags & INIT_FORKING) && !c->started;

        c->main = 0; /* its number may be another process's later */
        if (starter && ((c->flags & INIT_STARTER_IGNORED) || (si->si_code == CLD_EXITED && si->si_status == 0))) {
                c->started = true;
                c->page->starter_code = si->si_code;
                c->page->starter_status = si->si_status;
                atomic_store(&c->page->starter_known, 1);
                return;
        }
        /* What could not start has left nothing that is worth staying for. */
        c->over = starter || !(c->flags & INIT_LINGERS);
        tell_end(c, si->si_code, si->si_status);
}

/* All have ended, and none of them was known as the main process: what started them is all that can be told of. */
static bool none_left(Children *c) {
        if (c->started && !atomic_load(&c->page->exit_known))
                tell_end(c, c->page->starter_code, c->page->starter_status);
        return atomic_load(&c->page->exit_known);
}

/* Reaps everything there is; true once nothing is to be waited for any more. */
static bool reap(Children *c) {
        for (;;) {
                siginfo_t si = {};

                if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG) < 0)
                        return none_left(c);
                if (si.si_pid == 0)
                        return c->over;
                if (si.si_pid == c->main)
                        main_ended(c, &si);
        }
}

/* The keeper asks with a number that stood in the container: it is believed of a child alone, which may have ended but is
 * not reaped yet, so that the number is its own. */
static void answer(Children *c) {
        pid_t asked = c->started ? atomic_exchange(&c->page->main_asked, 0) : 0;
        siginfo_t si;

        if (asked <= 0 || c->over)
                return;
        if (waitid(P_PID, (id_t)asked, &si, WEXITED | WNOHANG | WNOWAIT) < 0)
                asked = -asked;
        else
                c->main = asked;
        atomic_store(&c->page->main_answer, asked);
}

int init_run(Stage *s, pid_t payload, uint64_t flags) {
        Children children = { .page = s->page, .flags = flags, .main = payload };
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

        for (answer(&children); !reap(&children); answer(&children)) {
                int signal = sigwaitinfo(&all, NULL);

                if (signal > 0 && signal != SIGCHLD)
                        (void)kill(children.main > 0 ? children.main : -1, signal);
        }
        /* The exit code is for whoever looks at the process; the keeper reads the page. */
        _exit(page->exit_code == CLD_EXITED ? page->exit_status : 128 + page->exit_status);
}
