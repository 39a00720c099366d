/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <signal.h>

#include "manager/base/io.h"
#include "manager/container/registry/crash-points.h"

static const char *const names[_CRASH_POINT_MAX] = {
#define CRASH_POINT(id, name, during, where) [CRASH_##id] = name,
#include "manager/container/registry/crash-points.inc"
#undef CRASH_POINT
};

static const char *const inside_names[_KEEPER_POINT_MAX] = {
#define KEEPER_POINT(id, name, during, where) [KEEPER_AT_##id] = name,
#include "manager/keeper/crash-points.inc"
#undef KEEPER_POINT
};

int crash_plan_parse(const char *text, Diag *diag, CrashPlan *ret) {
        static const char manager[] = "manager:", keeper[] = "keeper:";
        bool of_keeper;
        const char *name;

        *ret = CRASH_NEVER;
        if (!text)
                return 0;
        of_keeper = startswith(text, keeper);
        name = text + (of_keeper ? strlen(keeper) : startswith(text, manager) ? strlen(manager) : 0);
        for (CrashPoint p = 0; name != text && p < _CRASH_POINT_MAX; p++)
                if (streq(name, names[p])) {
                        *ret = (CrashPlan){ .point = p, .keeper = of_keeper };
                        return 0;
                }
        for (KeeperPoint p = KEEPER_POINT_NONE + 1; of_keeper && p < _KEEPER_POINT_MAX; p++)
                if (streq(name, inside_names[p])) {
                        ret->inside = p;
                        return 0;
                }
        return diag_error(diag, ERROR_USAGE, NULL, NULL,
                          "'%s' is no crash point; write manager:NAME or keeper:NAME, NAME of a crash-points.inc", text);
}

/* As the kernel would end it: no handler, no goodbye. The keeper's death is waited for, so that what the manager does
 * next certainly meets it. */
void crash_now(CrashPlan *plan, int keeper_fd) {
        if (!plan->keeper) {
                (void)raise(SIGKILL);
                return;
        }
        *plan = CRASH_NEVER;
        if (keeper_fd >= 0 && pidfd_signal(keeper_fd, SIGKILL) >= 0)
                (void)poll(&(struct pollfd){ .fd = keeper_fd, .events = POLLIN }, 1, -1);
}
