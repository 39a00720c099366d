/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The standard streams of a payload. It only ever holds pipes and /dev/null: a host file in its hands could be opened again
 * through /proc/self/fd, for more than it was given for. A pipe is opened again there on purpose, as /dev/stdout, by whoever
 * the payload has become. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "manager/base/io.h"
#include "manager/container/container-internal.h"

/* What is there is looked at before it is opened, and before it is cut. */
static int open_or_make(const HeldPath *held, int flags, int *ret_fd) {
        int fd;

        if (held->fd >= 0)
                return held_path_reopen(held, O_WRONLY | flags, ret_fd);
        fd = openat(held->directory, held->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | flags, 0644);
        if (fd < 0)
                return -errno;
        *ret_fd = fd;
        return 0;
}

static PathMistake check_file(const HeldPath *held, int fd) {
        struct stat directory, st;

        if (fstat(held->directory, &directory) < 0 || fstat(fd, &st) < 0)
                return PATH_MISTAKE_KIND;
        return path_check_written(held->writer, &directory, &st, geteuid());
}

/* In the directory that is held, whatever its path leads to meanwhile. */
static int file_open(const Container *c, const value_output *o, const Origin *origin, const char *directive, Diag *diag,
                     int *ret_fd) {
        static const int flags[_OUTPUT_MAX] = {
                [OUTPUT_FILE] = 0,
                [OUTPUT_APPEND] = O_APPEND,
                [OUTPUT_TRUNCATE] = 0, /* once it is known to be the container's */
        };
        _cleanup_(held_path_done) HeldPath held = HELD_PATH_EMPTY;
        _cleanup_close_ int fd = -EBADF;
        PathMistake mistake;
        int r;

        r = held_path_open(o->path, &c->manager->trees, HELD_NO_LINK | HELD_MAY_MISS, &held);
        if (r < 0)
                return held_path_report(&held, r, diag, ERROR_FAILED, origin, directive, o->path);
        mistake = held.fd < 0 ? PATH_MISTAKE_NONE : check_file(&held, held.fd);
        if (mistake != PATH_MISTAKE_NONE)
                return diag_error(diag, mistake == PATH_MISTAKE_KIND ? ERROR_BAD_VALUE : ERROR_POLICY, origin, directive,
                                  "\"%s\" %s", o->path, path_mistake_words(mistake));
        r = open_or_make(&held, flags[o->kind], &fd);
        if (r >= 0 && o->kind == OUTPUT_TRUNCATE && ftruncate(fd, 0) < 0)
                r = -errno;
        if (r < 0)
                return diag_errno(diag, ERROR_FAILED, origin, directive, -r, "cannot open \"%s\"", o->path);
        *ret_fd = TAKE_FD(fd);
        return 0;
}

static int pipe_open(Container *c, LogSink sink, LogOrigin from, LogFile *log, int file_fd, int *ret_fd) {
        int fds[2], r;

        r = pipe_for_payload(true, fds);
        if (r < 0) {
                (void)safe_close(file_fd);
                return r;
        }
        r = log_stream_new(c->manager->event, c->manager->scratch, fds[0], sink, from, log, file_fd, c->name,
                           &c->streams[c->n_streams]);
        if (r < 0) {
                (void)safe_close(fds[1]);
                return r;
        }
        c->n_streams++;
        *ret_fd = fds[1];
        return 0;
}

static int lines_open(Container *c, LogOrigin from, Diag *diag, int *ret_fd) {
        _cleanup_(log_file_unrefp) LogFile *log = NULL;
        int r;

        if (c->n_streams > 0 && log_stream_sink(c->streams[0]) == LOG_SINK_LINES)
                return pipe_open(c, LOG_SINK_LINES, from, log_stream_log(c->streams[0]), -EBADF, ret_fd);
        r = log_file_open(c->manager->logs_fd, c->name, LOG_FILE_MAX, &log);
        if (r < 0)
                return diag_errno(diag, ERROR_FAILED, NULL, NULL, -r, "cannot open the log in \"%s\"",
                                  c->log_directory);
        return pipe_open(c, LOG_SINK_LINES, from, log, -EBADF, ret_fd);
}

static int output_open(Container *c, const value_output *o, DirectiveId id, LogOrigin from, Diag *diag,
                       int *ret_fd) {
        const Origin *origin = container_spec_origin(c->spec, id);
        int fd = -EBADF, r;

        switch (o->kind) {
        case OUTPUT_NULL:
                fd = open("/dev/null", O_WRONLY | O_CLOEXEC | O_NOCTTY);
                if (fd < 0)
                        return -errno;
                *ret_fd = fd;
                return 0;
        case OUTPUT_FILE:
        case OUTPUT_APPEND:
        case OUTPUT_TRUNCATE:
                r = file_open(c, o, origin, directives[id].name, diag, &fd);
                return r < 0 ? r : pipe_open(c, LOG_SINK_FILE, from, NULL, fd, ret_fd);
        case OUTPUT_DEFAULT:
        case OUTPUT_JOURNAL:
        case OUTPUT_INHERIT:
                if (journal_open(c->name, &fd) >= 0) {
                        c->logs_to_journal = true;
                        return pipe_open(c, LOG_SINK_JOURNAL, from, NULL, fd, ret_fd);
                }
                return lines_open(c, from, diag, ret_fd);
        case _OUTPUT_MAX:
                break;
        }
        return -EINVAL;
}

static bool to_file(OutputKind kind) {
        return kind == OUTPUT_FILE || kind == OUTPUT_APPEND || kind == OUTPUT_TRUNCATE;
}

/* One file and one position, where both streams name the same. */
static bool share_stream(const value_output *out, const value_output *error) {
        if (error->kind == OUTPUT_INHERIT)
                return to_file(out->kind);
        return to_file(error->kind) && error->kind == out->kind && streq_ptr(error->path, out->path);
}

static int open_errors(Container *c, int output_fd, Diag *diag, int *ret_fd) {
        const value_output *out = &c->spec->standard_output, *error = &c->spec->standard_error;
        int fd;

        if (!share_stream(out, error))
                return output_open(c, error->kind == OUTPUT_INHERIT ? out : error, DIRECTIVE_StandardError,
                                   LOG_ORIGIN_ERRORS, diag, ret_fd);
        fd = fcntl(output_fd, F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return -errno;
        *ret_fd = fd;
        return 0;
}

/* The plan says in which slots it wants them. */
static int hand_over(const PlanView *plan, SlotSet *slots, int fds[static 3]) {
        for (uint32_t i = 0; i < plan->header->n_slots; i++) {
                int which = (int)plan->slots[i].kind - SLOT_STDIN, r;

                if (which < 0 || which > 2 || fds[which] < 0)
                        continue;
                r = slot_set_add(slots, (int16_t)i, TAKE_FD(fds[which]));
                if (r < 0)
                        return r;
        }
        return 0;
}

int outputs_open(Container *c, const PlanView *plan, Launch *launch, Diag *diag) {
        int fds[3] = { -EBADF, -EBADF, -EBADF }, r;

        r = input_open(c, diag, &fds[0]);
        if (r >= 0)
                r = output_open(c, &c->spec->standard_output, DIRECTIVE_StandardOutput, LOG_ORIGIN_OUTPUT,
                                diag, &fds[1]);
        if (r >= 0)
                r = open_errors(c, fds[1], diag, &fds[2]);
        if (r >= 0)
                r = hand_over(plan, &launch->slots, fds);
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                (void)safe_close(fds[i]);
        return r;
}

/* --- once more, for what runs beside the payload or after it: into the same pipes, so that no file is cut a second time */

static int output_open_again(Container *c, const value_output *o, LogOrigin from, size_t *stream, int *ret_fd) {
        if (o->kind != OUTPUT_NULL && *stream < c->n_streams &&
            (log_stream_sink(c->streams[*stream]) == LOG_SINK_FILE) == to_file(o->kind))
                return log_stream_open_writer(c->streams[(*stream)++], ret_fd);
        if (!to_file(o->kind) && o->kind != OUTPUT_NULL && c->logs_to_journal) /* begun by a manager that had no pipe for it */
                return journal_open(c->name, ret_fd);
        *ret_fd = open("/dev/null", O_WRONLY | O_CLOEXEC | O_NOCTTY);
        return *ret_fd < 0 ? -errno : 0;
}

int outputs_open_again(Container *c, int ret[static 3]) {
        const value_output *out = &c->spec->standard_output, *error = &c->spec->standard_error;
        int fds[3] = { -EBADF, -EBADF, -EBADF }, r;
        size_t stream = 0;

        r = input_open(c, NULL, &fds[0]);
        if (r >= 0)
                r = output_open_again(c, out, LOG_ORIGIN_OUTPUT, &stream, &fds[1]);
        if (r >= 0 && share_stream(out, error)) {
                fds[2] = fcntl(fds[1], F_DUPFD_CLOEXEC, 3);
                r = fds[2] < 0 ? -errno : 0;
        } else if (r >= 0)
                r = output_open_again(c, error->kind == OUTPUT_INHERIT ? out : error, LOG_ORIGIN_ERRORS, &stream, &fds[2]);
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                if (r >= 0)
                        ret[i] = fds[i];
                else
                        (void)safe_close(fds[i]);
        return r;
}

int outputs_reopen(Container *c, const PlanView *plan, Launch *launch) {
        int fds[3], r;

        r = outputs_open_again(c, fds);
        if (r < 0)
                return r;
        r = hand_over(plan, &launch->slots, fds);
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                (void)safe_close(fds[i]);
        return r;
}
