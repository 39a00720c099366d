/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The standard streams of a payload, and its /dev/log. It only ever holds pipes, that socket and /dev/null: a host file in its
 * hands could be opened again through /proc/self/fd, for more than it was given for. A pipe is opened again there on purpose,
 * as /dev/stdout, by whoever the payload has become. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "manager/base/io.h"
#include "manager/container/container-internal.h"
#include "manager/host/messages/message-socket.h"

/* The log of this life: the journal where there is one, else files of our own. */
static int log_of(Container *c, Diag *diag, LogWriter **ret) {
        JournalSocket *journal = log_scratch_journal(c->manager->scratch);
        LogFile *file = NULL;
        int r = 0;

        if (!c->log) {
                if (!journal_socket_open(journal))
                        r = log_file_open(c->manager->logs_fd, c->name, LOG_FILE_MAX, &file);
                if (r < 0)
                        return diag_errno(diag, ERROR_FAILED, NULL, NULL, -r, "cannot open the log in \"%s\"", c->log_directory);
                r = log_writer_new(c->name, c->spec, file, journal, &c->log);
                if (r < 0)
                        return r;
        }
        *ret = c->log;
        return 0;
}

static LogSink sink_of(const LogWriter *w) {
        return log_writer_to_journal(w) ? LOG_SINK_JOURNAL : LOG_SINK_LINES;
}

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

static int stream_add(Container *c, const LogStreamEnds *ends) {
        int r = log_stream_new(c->manager->event, c->manager->scratch, ends, &c->streams[c->n_streams]);

        if (r >= 0)
                c->n_streams++;
        return r;
}

static int pipe_open(Container *c, LogSink sink, LogOrigin origin, LogWriter *writer, int file_fd, int *ret_fd) {
        int fds[2], r;

        r = pipe_for_payload(true, fds);
        if (r < 0) {
                (void)safe_close(file_fd);
                return r;
        }
        r = stream_add(c, &(LogStreamEnds){ .from = LOG_SOURCE_PIPE, .fd = fds[0], .sink = sink, .origin = origin, .writer = writer,
                                            .file_fd = file_fd });
        if (r < 0) {
                (void)safe_close(fds[1]);
                return r;
        }
        *ret_fd = fds[1];
        return 0;
}

static int lines_open(Container *c, LogOrigin origin, Diag *diag, int *ret_fd) {
        LogWriter *log;
        int r = log_of(c, diag, &log);

        if (r < 0)
                return r;
        c->logs_to_journal |= log_writer_to_journal(log);
        return pipe_open(c, sink_of(log), origin, log, -EBADF, ret_fd);
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

/* --- /dev/log: one socket a life, mounted into every launch of it. It keeps its name so long, below a directory that is root's
 * alone, since what has none cannot be mounted again. */

static bool has_log_socket(const Container *c) {
        for (size_t i = 0; i < c->n_streams; i++)
                if (log_stream_source(c->streams[i]) == LOG_SOURCE_MESSAGES)
                        return true;
        return false;
}

static int log_socket_make(Container *c, Diag *diag) {
        LogWriter *log;
        int fd, r;

        if (c->n_streams == LOG_STREAMS_MAX)
                return -ENOBUFS;
        r = log_of(c, diag, &log);
        if (r >= 0)
                r = message_socket_new(c, c->manager->log_fd, false, &fd);
        if (r < 0)
                return r;
        return stream_add(c, &(LogStreamEnds){ .from = LOG_SOURCE_MESSAGES, .fd = fd, .sink = sink_of(log),
                                               .origin = LOG_ORIGIN_OUTPUT, .writer = log, .file_fd = -EBADF });
}

int log_socket_open(Container *c, const PlanView *plan, SlotSet *slots, Diag *diag) {
        int tree = -EBADF, r = 0;

        for (uint32_t i = 0; i < plan->header->n_slots; i++) {
                if (plan->slots[i].kind != SLOT_LOG)
                        continue;
                if (!has_log_socket(c))
                        r = log_socket_make(c, diag);
                if (r >= 0)
                        r = message_socket_mount(c->manager->log_fd, c->name, &tree);
                if (r >= 0)
                        return slot_set_add(slots, (int16_t)i, tree);
                return diag_errno(diag, ERROR_FAILED, container_spec_origin(c->spec, DIRECTIVE_BindLogSockets), "BindLogSockets", -r,
                                  "cannot make the socket for syslog(3)");
        }
        return 0;
}

static bool log_socket_is_used(Manager *m, const char *name) {
        const Container *c = manager_find(m, name);

        return c && has_log_socket(c);
}

void log_sockets_sweep(Manager *m) {
        message_sockets_sweep(m, m->log_fd, log_socket_is_used);
}

void outputs_release(Container *c) {
        if (has_log_socket(c))
                (void)unlinkat(c->manager->log_fd, c->name, 0);
        while (c->n_streams > 0) {
                c->n_streams--;
                c->streams[c->n_streams] = log_stream_free(c->streams[c->n_streams]);
        }
        c->log = log_writer_unref(c->log);
}

/* A new manager takes over what the keeper held: pipe or socket, and the file that some write to. Takes both. */
int outputs_adopt(Container *c, const ContainerSpec *spec, LogSource from, LogSink sink, LogOrigin origin, int fd, int file_fd) {
        LogFile *file = NULL;
        int r = 0;

        if (sink != LOG_SINK_FILE && !c->log) {
                if (sink == LOG_SINK_LINES)
                        r = log_file_open(c->manager->logs_fd, c->name, LOG_FILE_MAX, &file);
                if (r >= 0)
                        r = log_writer_new(c->name, spec, file, log_scratch_journal(c->manager->scratch), &c->log);
        }
        if (r < 0) {
                (void)safe_close(fd);
                (void)safe_close(file_fd);
                return r;
        }
        return stream_add(c, &(LogStreamEnds){ .from = from, .fd = fd, .sink = sink, .origin = origin,
                                               .writer = sink == LOG_SINK_FILE ? NULL : c->log, .file_fd = file_fd });
}

static int terminal_hand_over(const PlanView *plan, SlotSet *slots, Attachment *a) {
        for (uint32_t i = 0; i < plan->header->n_slots; i++)
                if (plan->slots[i].kind == SLOT_TERMINAL)
                        return slot_set_add(slots, (int16_t)i, TAKE_FD(a->fds[0]));
        return 0;
}

/* Whoever has the other ends sees the end of what is written when the payload, and nobody else, has let go of it. */
static int attached_open(Container *c, const PlanView *plan, Launch *launch, Diag *diag) {
        Attachment a = c->attached;
        int r;

        c->attached = ATTACHMENT_NONE;
        r = a.terminal ? terminal_hand_over(plan, &launch->slots, &a) : hand_over(plan, &launch->slots, a.fds);
        if (r >= 0)
                r = log_socket_open(c, plan, &launch->slots, diag);
        attachment_done(&a);
        return r;
}

int outputs_open(Container *c, const PlanView *plan, Launch *launch, Diag *diag) {
        int fds[3] = { -EBADF, -EBADF, -EBADF }, r;

        if (c->attached.fds[0] >= 0)
                return attached_open(c, plan, launch, diag);
        r = input_open(c, diag, &fds[0]);
        if (r >= 0)
                r = output_open(c, &c->spec->standard_output, DIRECTIVE_StandardOutput, LOG_ORIGIN_OUTPUT,
                                diag, &fds[1]);
        if (r >= 0)
                r = open_errors(c, fds[1], diag, &fds[2]);
        if (r >= 0)
                r = hand_over(plan, &launch->slots, fds);
        if (r >= 0)
                r = log_socket_open(c, plan, &launch->slots, diag);
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                (void)safe_close(fds[i]);
        return r;
}

/* --- once more, for what runs beside the payload or after it: into the same pipes, so that no file is cut a second time */

static int output_open_again(Container *c, const value_output *o, LogOrigin from, size_t *stream, int *ret_fd) {
        while (*stream < c->n_streams && log_stream_source(c->streams[*stream]) != LOG_SOURCE_PIPE)
                (*stream)++;
        if (o->kind != OUTPUT_NULL && *stream < c->n_streams &&
            (log_stream_sink(c->streams[*stream]) == LOG_SINK_FILE) == to_file(o->kind))
                return log_stream_open_writer(c->streams[(*stream)++], ret_fd);
        /* Begun by a manager that had no pipe for it. */
        if (!to_file(o->kind) && o->kind != OUTPUT_NULL && c->logs_to_journal && c->n_streams < LOG_STREAMS_MAX) {
                *stream = LOG_STREAMS_MAX;
                return lines_open(c, from, NULL, ret_fd);
        }
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
        if (r >= 0)
                r = log_socket_open(c, plan, &launch->slots, NULL);
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                (void)safe_close(fds[i]);
        return r;
}
