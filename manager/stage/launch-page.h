/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The shared memory of a launch, in a memfd, so that an exit status written by the container's init is still there when the
 * keeper looks later. Two parts, a page each:
 *
 *   LaunchPage  keeper, outer, inner and payload meet here. Inner and init are seen by the container, which may be allowed to
 *               write into them: what stands here says how this one launch goes, and decides nothing about other processes.
 *   LaunchOwn   the keeper's and outer's, whom no container sees. Nothing that outer clones inherits it.
 *
 * The keeper inherits neither to the launches that follow. */

#include <stdatomic.h>
#include <unistd.h>

#include "manager/plan/plan-format.h"
#include "manager/stage/step-failure.h"

#define LAUNCH_PAGE_SIZE 4096
/* In the keeper, descriptors that outlive a launch have numbers from here on; a launch finds its own below. */
#define KEEPER_HELD_FIRST 512
#define LAUNCH_CREATED_BYTE 'c' /* on the status pipe: inner waits for GO */

typedef struct LaunchPage {
        _Atomic uint32_t sync[_SYNC_POINT_MAX]; /* futexes: 0 = not reached, 1 = reached */
        _Atomic uint32_t go;                    /* futex: set by the keeper on GO */
        int32_t unused;                         /* what follows has its place for an init of an older keeper */
        _Atomic int32_t payload_pid;            /* inside the container */
        _Atomic uint32_t init_ready;            /* futex: the init holds nothing any more */
        _Atomic uint32_t progress;              /* step that was begun last, by whomever */
        _Atomic uint32_t failed;                /* 1 once failure is complete; the first failure wins */
        _Atomic uint32_t failing;
        StepFailure failure;
        int32_t mount_namespace; /* descriptor, in the table that outer and inner share */
        _Atomic uint32_t exit_known;
        int32_t exit_code, exit_status; /* of the payload, told by the init */
        int32_t slots[PLAN_MAX_SLOTS];  /* descriptors; negative = absent */
        /* Of a payload that goes on without its first process. The keeper asks, and the init, which alone knows its
         * children, takes the question out as it answers: the number is the main process from now on, or, negative, it is
         * no child. */
        _Atomic int32_t main_asked, main_answer;
        /* How the first process of such a payload ended, well. It is no end of the payload: an init that is killed later
         * must not seem to have ended so. */
        _Atomic uint32_t starter_known;
        int32_t starter_code, starter_status;
} LaunchPage;

_Static_assert(sizeof(LaunchPage) <= LAUNCH_PAGE_SIZE, "a launch fits one page");

typedef struct LaunchOwn {
        volatile int32_t inner_pid; /* host's pid; the kernel writes it before inner can run */
} LaunchOwn;

/* Of either part: what madvise(2) takes. */
static inline size_t launch_part_size(void) {
        long page = sysconf(_SC_PAGESIZE);

        return page > LAUNCH_PAGE_SIZE ? (size_t)page : LAUNCH_PAGE_SIZE;
}

static inline LaunchOwn *launch_own(LaunchPage *page) {
        return (LaunchOwn *)(void *)((char *)page + launch_part_size());
}
