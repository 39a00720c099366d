/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>

#include "tools/bulwarkctl/flow.h"

static void close_from(Flow *f) {
        if (f->own_from)
                safe_close(f->from);
        f->from = -EBADF;
}

static void close_to(Flow *f) {
        if (f->own_to)
                safe_close(f->to);
        f->to = -EBADF;
}

void flow_done(Flow *f) {
        close_from(f);
        close_to(f);
}

bool flow_finished(const Flow *f) {
        return f->from < 0 && (f->to < 0 || f->start == f->end);
}

void flow_prepare(const Flow *f, struct pollfd fds[static 2]) {
        bool pending = f->start < f->end;

        fds[0] = (struct pollfd){ .fd = pending ? -1 : f->from, .events = POLLIN };
        /* without anything to write still told when the reader has gone */
        fds[1] = (struct pollfd){ .fd = f->to, .events = pending ? POLLOUT : 0 };
}

static void reader_gone(Flow *f) {
        f->start = f->end = 0;
        close_from(f);
        close_to(f);
}

static int flow_read(Flow *f) {
        ssize_t n = read(f->from, f->buffer, sizeof(f->buffer));

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        f->start = f->end = 0;
        if (n <= 0) { /* EIO: the last user of a terminal has gone */
                int r = n < 0 && errno != EIO ? -errno : 0;

                close_from(f);
                if (f->terminal && f->to >= 0) {
                        f->buffer[0] = 0x04;
                        f->end = 1;
                } else if (f->own_to)
                        close_to(f);
                return r;
        }
        if (f->watch && f->watch(f->buffer, (size_t)n, f->userdata)) {
                f->stopped = true;
                return 0;
        }
        f->end = (size_t)n;
        return 0;
}

/* poll() promises room for PIPE_BUF bytes; more could block, but on a descriptor of our own, which is
 * non-blocking. */
static int flow_write(Flow *f) {
        size_t size = f->own_to ? f->end - f->start : MIN_OF(f->end - f->start, (size_t)PIPE_BUF);
        ssize_t n = write(f->to, f->buffer + f->start, size);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n < 0) {
                int r = errno == EPIPE || errno == EIO ? 0 : -errno;

                reader_gone(f);
                return r;
        }
        f->start += (size_t)n;
        if (f->start == f->end && f->from < 0 && f->own_to && !f->terminal)
                close_to(f);
        return 0;
}

int flow_process(Flow *f, const struct pollfd fds[static 2]) {
        int r;

        /* A pipe says POLLERR, a terminal POLLHUP; neither would let poll() sleep again. */
        if (f->to >= 0 && (fds[1].revents & (POLLERR | POLLHUP | POLLNVAL))) {
                reader_gone(f);
                return 0;
        }
        if (f->to >= 0 && (fds[1].revents & POLLOUT) && f->start < f->end) {
                r = flow_write(f);
                if (r < 0)
                        return r;
        }
        if (f->from >= 0 && (fds[0].revents & (POLLIN | POLLHUP | POLLERR | POLLNVAL)))
                return flow_read(f);
        return 0;
}
