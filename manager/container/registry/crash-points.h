/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where a test has somebody die: BULWARK_TEST_CRASH=manager:NAME or keeper:NAME in bulwarkd's environment, NAME of
 * crash-points.inc; or keeper:NAME of manager/keeper/crash-points.inc, where the keeper dies by itself. Without it a point is
 * one comparison. */

#include "manager/container/manager.h"
#include "manager/keeper/protocol.h"

typedef enum CrashPoint {
#define CRASH_POINT(id, name, during, where) CRASH_##id,
#include "manager/container/registry/crash-points.inc"
#undef CRASH_POINT
        _CRASH_POINT_MAX,
        _CRASH_POINT_INVALID = -EINVAL,
} CrashPoint;

typedef struct CrashPlan {
        CrashPoint point;
        bool keeper; /* it dies, and the manager goes on; else the manager */
        KeeperPoint inside; /* the keeper, in its own code; NONE = not there */
} CrashPlan;

#define CRASH_NEVER ((CrashPlan){ .point = _CRASH_POINT_INVALID })

int crash_plan_parse(const char *text, Diag *diag, CrashPlan *ret); /* NULL = never */

/* The death itself; the keeper's happens once. */
void crash_now(CrashPlan *plan, int keeper_fd);

#define crash_point(m, id)                                             \
        do {                                                           \
                if ((m)->crash.point == CRASH_##id)                    \
                        crash_now(&(m)->crash, (m)->keeper_fd);        \
        } while (0)
