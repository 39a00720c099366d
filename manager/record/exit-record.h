/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How a life ended: the judgement (pure), and its record on disk under RUNTIME/state/NAME, written before
 * the keeper is allowed to forget. Kept until the next start. */

#include <systemd/sd-id128.h>

#include "manager/container/manager.h"
#include "manager/container/life/restart-policy.h"

typedef struct ExitFacts {
        int code, status;                   /* CLD_*; 0 = unknown */
        const value_exit_statuses *success; /* SuccessExitStatus=, may be NULL */
        bool oneshot;
        bool stop_requested; /* by us: then death by stop_signal is what was asked for */
        int stop_signal;
        bool timed_out; /* TimeoutStopSec= was over */
        bool canceled;  /* killed before the payload ran, by a stop job */
        bool oom;       /* the kernel's OOM killer was in this cgroup */
} ExitFacts;
ContainerResult exit_classify(const ExitFacts *f);

/* How an init ended that was PID 1 itself. reboot(2) in a PID namespace ends it by a signal that only tells what was
 * asked for: after a power-off or halt *report says what it means, exit code 0; *ret_reboot after a restart. */
void exit_of_init(ExitReport *report, bool *ret_reboot);

typedef struct ExitRecord {
        char *name;
        ContainerState state; /* INACTIVE, EXITED, FAILED or RESTARTING */
        ContainerResult result;
        ExitReport exit;
        sd_id128_t invocation;
        uint64_t start_realtime, active_enter[2], active_exit[2], state_change;
        uint32_t id_base, id_count;
        bool logs_to_journal;
        uint64_t restart_at; /* monotonic; of RESTARTING */
        uint64_t n_restarts;
        StartLimit start_limit;
        char *last_error;
} ExitRecord;
void exit_record_done(ExitRecord *r);
int exit_record_encode(const ExitRecord *r, void **ret, size_t *ret_size);
int exit_record_decode(const void *data, size_t size, ExitRecord *ret); /* -EBADMSG */
