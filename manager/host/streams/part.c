/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/io.h"
#include "manager/container/container-internal.h"
#include "manager/host/part.h"
#include "manager/record/blob.h"

/* The standard streams and /dev/log: pipes and a socket that the manager reads and the keeper holds (outputs.c). */

static void streams_begin(Container *c) {
        c->logs_to_journal = false;
}

static int streams_prepare(Container *c, Launch *launch, Diag *diag) {
        return outputs_open(c, &launch->plan->view, launch, diag);
}

static int streams_fill(Container *c, Launch *launch, Diag *diag) {
        return outputs_reopen(c, &launch->plan->view, launch);
}

static void streams_undo(Container *c) {
        for (size_t i = 0; i < c->n_streams; i++)
                log_stream_drain(c->streams[i]);
}

static void streams_save(const Container *c, Blob *b) {
        b->logs_to_journal = c->logs_to_journal;
        b->n_streams = c->n_streams;
        for (size_t i = 0; i < c->n_streams; i++)
                b->streams[i] = (BlobStream){ .from = log_stream_source(c->streams[i]),
                                              .sink = log_stream_sink(c->streams[i]),
                                              .origin = log_stream_origin(c->streams[i]) };
}

static int streams_open(Container *c, const Blob *b, int *held, size_t n_held) {
        size_t file = b->n_streams;

        for (size_t i = 0; i < b->n_streams && i < n_held; i++) {
                const BlobStream *s = b->streams + i;
                int fd, file_fd = -EBADF, r;

                if (s->sink == LOG_SINK_FILE && file >= n_held)
                        return -EBADMSG;
                fd = TAKE_FD(held[i]);
                if (s->sink == LOG_SINK_FILE)
                        file_fd = TAKE_FD(held[file++]);
                r = outputs_adopt(c, b->spec ? b->spec : c->spec, s->from, s->sink, s->origin, fd, file_fd);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void streams_adopt(Container *c, Adoption *a) {
        c->logs_to_journal = a->blob->logs_to_journal;
        if (a->cgroup_fd >= 0 && streams_open(c, a->blob, a->held, a->n_held) < 0)
                log_message(&c->manager->config.log, LOG_ERR, "%s: its output cannot be read any more", c->name);
}

const LifePart part_streams = {
        .name = "streams",
        .of_the_end = true,
        .begin = streams_begin,
        .prepare = streams_prepare,
        .fill = streams_fill,
        .undo = streams_undo,
        .release = outputs_release,
        .save = streams_save,
        .adopt = streams_adopt,
        .sweep = log_sockets_sweep,
};
