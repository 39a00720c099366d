/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a running container is joined. Credentials that a container must not see are dropped before it sees the process, but
 * a filter that is in force so early has to let the process through to execve(). */
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "manager/plan/plan-build.h"
#include "policies/seccomp/filter-answer.h"

/* What follows the filter, in the order of the calls. execve(), write(), close() and exit_group() are in every filter, and
 * so is what a change of ids needs without no_new_privs (policies/seccomp/profile.c). */
static const struct {
        const char *name;
        JoinNeeds needs; /* only where the plan does that */
        uint64_t arguments[6];
} calls[] = {
        { "clone", 0, { PLAN_JOIN_CLONE_FLAGS } },
        { "setsid", 0, {} },
        { "ioctl", JOIN_NEEDS_TERMINAL, { 0, TIOCSCTTY } },
        { "sched_setscheduler", JOIN_NEEDS_SCHEDULING, { 0, SCHED_OTHER | SCHED_RESET_ON_FORK } },
        { "sched_setscheduler", JOIN_NEEDS_REALTIME, { 0, SCHED_FIFO | SCHED_RESET_ON_FORK } },
        { "sched_setscheduler", JOIN_NEEDS_REALTIME, { 0, SCHED_RR | SCHED_RESET_ON_FORK } },
};

static bool is_allowed(const SeccompPolicy *policy, const char *name, const uint64_t arguments[6]) {
        int number = seccomp_number(name);
        uint32_t answer = SECCOMP_RET_KILL_PROCESS;

        if (number < 0 || seccomp_answer(policy, (uint32_t)number, arguments, &answer) < 0)
                return false;
        answer &= SECCOMP_RET_ACTION_FULL;
        return answer == SECCOMP_RET_ALLOW || answer == SECCOMP_RET_LOG;
}

/* A process that was never executed inside belongs to the host's user namespace whatever it has joined, and is not
 * dumpable: only CAP_SYS_PTRACE of that user namespace looks into it, and never out of a Landlock domain. ptrace(2). */
JoinFacts join_facts(const PolicySet *policies, bool user_namespace, unsigned needs) {
        JoinFacts facts = { .watched = !user_namespace && policies->landlock.abi == 0 &&
                                       (policies->capabilities.bounding & (UINT64_C(1) << CAP_SYS_PTRACE)),
                            .labelled_late = policies->spec && policies->spec->mac.apparmor &&
                                             policies->spec->apparmor_profile.kind == APPARMOR_NAMED };

        for (size_t i = 0; i < ELEMENTSOF(calls) && !facts.denied; i++)
                if (FLAGS_SET(needs, calls[i].needs) &&
                    !is_allowed(&policies->seccomp, calls[i].name, calls[i].arguments))
                        facts.denied = calls[i].name;
        return facts;
}

JoinOrder join_order(const JoinFacts *facts) {
        if (facts->watched && (facts->denied || facts->labelled_late))
                return JOIN_REFUSED;
        return facts->denied ? JOIN_FILTERED_LATE : JOIN_BORN_CONFINED;
}
