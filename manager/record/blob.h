/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The state of one running container as bytes: held by the keeper in a memfd, opaque to it, and once on disk
 * under RUNTIME/live/ for the day when the keeper is lost as well. Everything that a new manager needs to
 * carry on, also where the unit has changed or gone since. */

#include <systemd/sd-id128.h>

#include "manager/container/life/health.h"
#include "manager/host/streams/log-stream.h"
#include "manager/container/manager.h"
#include "manager/host/messages/notify.h"
#include "manager/container/life/restart-policy.h"
#include "manager/host/network/network.h"
#include "policies/load.h"

typedef struct BlobStream {
        LogSource from;
        LogSink sink;
        LogOrigin origin;
} BlobStream;

typedef struct Blob {
        char *name;
        sd_id128_t invocation;
        char *unit_text; /* canonical text of the spec it was started with */
        const ContainerSpec
                *spec; /* frozen again from unit_text and the resolved fields; NULL where it cannot be */
        uint32_t id_base, id_count;
        pid_t leader;
        uint64_t start_realtime, start_monotonic, active_realtime, active_monotonic, sequence;
        uint64_t inactive_realtime, inactive_monotonic; /* when it last ceased to be active */
        uint64_t state_change;                          /* realtime */
        bool stop_requested, restart, logs_to_journal;
        uint64_t stop_deadline; /* monotonic */
        uint32_t kill_reason, doom;
        bool aborting;
        uint64_t n_restarts;
        StartLimit start_limit;
        PolicyLabels labels;
        Digest policy_digest;
        bool verified, mac_lost;
        BlobStream streams[LOG_STREAMS_MAX];
        size_t n_streams;
        bool holds_notify; /* the last descriptor that is held is the socket for messages */
        NotifyFacts notify;
        HealthFacts health;
        uint32_t command_kind, command_index; /* CommandKind; which runs, or ran last */
        bool command_alone;
        uint64_t oom_kills; /* before the payload */
        uint64_t exit_code, exit_status, exit_realtime, exit_monotonic; /* of a oneshot's last ExecStart=; 0 = none yet */
        NetworkAddresses network;
} Blob;
void blob_done(Blob *b);

/* spec may be NULL. */
int blob_encode(const Blob *b, void **ret, size_t *ret_size);
int blob_decode(const void *data, size_t size, Blob *ret); /* -EBADMSG: damaged, or no name */
