/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>

#include "tools/bulwarkctl/log-merge.h"

#define MISSING_MSEC 250 /* how often a log that does not exist yet is looked for */

typedef struct Line {
        struct LogSource *source;
        LogEntry entry; /* its text is owned */
} Line;

typedef struct LogSource {
        LogMerge *merge;
        char *name, *directory;
        LogReader *reader; /* NULL = nothing was ever logged */
        Line *lines;       /* read and not handed out: [first, n) */
        size_t first, n, allocated;
        bool more;
        int error;
} LogSource;

struct LogMerge {
        const LogSelection *selection;
        log_line_handler handler;
        void *userdata;
        LogSource **sources; /* each stays where it is */
        size_t n_sources;
        Line *kept; /* ring of the last lines */
        size_t n_kept, keep;
        bool following;
};

static void line_done(Line *l) {
        free((char *)l->entry.text);
        l->entry = (LogEntry){};
}

static LogSource *source_free(LogSource *s) {
        while (s->first < s->n)
                line_done(s->lines + s->first++);
        log_reader_free(s->reader);
        free(s->lines);
        free(s->directory);
        free(s->name);
        free(s);
        return NULL;
}

LogMerge *log_merge_free(LogMerge *m) {
        if (!m)
                return NULL;
        for (size_t i = 0; i < m->n_sources; i++)
                source_free(m->sources[i]);
        for (size_t i = 0; i < MIN_OF(m->n_kept, m->keep); i++)
                line_done(m->kept + i);
        free(m->kept);
        free(m->sources);
        free(m);
        return NULL;
}

int log_merge_new(const LogSelection *selection, log_line_handler handler, void *userdata, LogMerge **ret) {
        LogMerge *m = malloc(sizeof(LogMerge));

        if (!m)
                return -ENOMEM;
        *m = (LogMerge){ .selection = selection, .handler = handler, .userdata = userdata };
        *ret = m;
        return 0;
}

int log_merge_add(LogMerge *m, const char *name, const char *directory) {
        LogSource **grown = reallocarray(m->sources, m->n_sources + 1, sizeof(LogSource *)), *s;

        if (!grown)
                return -ENOMEM;
        m->sources = grown;
        s = malloc(sizeof(LogSource));
        if (!s)
                return -ENOMEM;
        *s = (LogSource){ .merge = m, .name = strdup(name), .directory = strdup(directory) };
        if (!s->name || !s->directory) {
                source_free(s);
                return -ENOMEM;
        }
        m->sources[m->n_sources++] = s;
        return 0;
}

/* --- one log */
static int source_push(LogSource *s, const LogEntry *e) {
        char *text;

        if (s->first == s->n)
                s->first = s->n = 0;
        if (s->n == s->allocated) {
                size_t wanted = MAX_OF(s->allocated * 2, (size_t)64);
                Line *grown = reallocarray(s->lines, wanted, sizeof(Line));

                if (!grown)
                        return -ENOMEM;
                s->lines = grown;
                s->allocated = wanted;
        }
        text = malloc(e->size + 1);
        if (!text)
                return -ENOMEM;
        memcpy(text, e->text, e->size);
        s->lines[s->n] = (Line){ .source = s, .entry = *e };
        s->lines[s->n++].entry.text = text;
        return 0;
}

static void source_on_entry(const LogEntry *e, void *userdata) {
        LogSource *s = userdata;
        LogMerge *m = s->merge;

        if (!log_selection_matches(m->selection, e))
                return;
        if (m->following)
                m->handler(s->name, e, m->userdata);
        else if (s->error >= 0)
                s->error = source_push(s, e);
}

static int source_open(LogSource *s, size_t lines) {
        int r;

        r = log_reader_open(s->directory, source_on_entry, s, &s->reader);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        s->more = true;
        return log_reader_begin(s->reader, lines);
}

/* Reads on until there is a line, or no more to read. */
static int source_fill(LogSource *s) {
        while (s->first == s->n && s->more) {
                int r = log_reader_step(s->reader, &s->more);

                if (r < 0 || s->error < 0)
                        return r < 0 ? r : s->error;
        }
        return 0;
}

/* --- all of them */
static void merge_keep(LogMerge *m, Line *l) {
        Line *place = m->kept + m->n_kept++ % m->keep;

        line_done(place);
        *place = *l;
}

static int merge_run(LogMerge *m, const char **ret_failed) {
        for (;;) {
                LogSource *oldest = NULL;
                Line *l;

                for (size_t i = 0; i < m->n_sources; i++) {
                        LogSource *s = m->sources[i];
                        int r = source_fill(s);

                        if (r < 0) {
                                *ret_failed = s->directory;
                                return r;
                        }
                        if (s->first < s->n &&
                            (!oldest || s->lines[s->first].entry.realtime_usec <
                                                oldest->lines[oldest->first].entry.realtime_usec))
                                oldest = s;
                }
                if (!oldest)
                        return 0;
                l = oldest->lines + oldest->first++;
                if (m->kept) {
                        merge_keep(m, l);
                        continue;
                }
                m->handler(oldest->name, &l->entry, m->userdata);
                line_done(l);
                if (ferror(stdout))
                        return -EPIPE;
        }
}

static void merge_hand_out(LogMerge *m) {
        size_t n = MIN_OF(m->n_kept, m->keep);

        for (size_t i = m->n_kept - n; i < m->n_kept; i++) {
                Line *l = m->kept + i % m->keep;

                m->handler(l->source->name, &l->entry, m->userdata);
                line_done(l);
        }
        m->n_kept = 0;
}

int log_merge_tail(LogMerge *m, size_t lines, const char **ret_failed) {
        bool all = log_selection_is_all(m->selection);
        int r;

        for (size_t i = 0; i < m->n_sources; i++) {
                r = source_open(m->sources[i], all || lines == 0 ? lines : SIZE_MAX);
                if (r < 0) {
                        *ret_failed = m->sources[i]->directory;
                        return r;
                }
        }
        if (lines > 0 && lines != SIZE_MAX && (!all || m->n_sources > 1)) {
                m->kept = calloc(lines, sizeof(Line));
                if (!m->kept)
                        return -ENOMEM;
                m->keep = lines;
        }
        r = merge_run(m, ret_failed);
        if (r >= 0 && m->kept)
                merge_hand_out(m);
        return r;
}

/* --- what comes */
static int source_catch_up(LogSource *s, int watch, bool *ret_missing) {
        int r;

        if (!s->reader) {
                r = source_open(s, SIZE_MAX);
                if (r < 0)
                        return r;
                if (!s->reader) {
                        *ret_missing = true;
                        return 0;
                }
                if (inotify_add_watch(watch, s->directory, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
                        return -errno;
        }
        while (s->more) {
                r = log_reader_step(s->reader, &s->more);
                if (r < 0)
                        return r;
        }
        return log_reader_catch_up(s->reader);
}

static int follow_wait(int watch, bool missing) {
        char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
        struct pollfd fds[] = {
                { .fd = watch, .events = POLLIN },
                { .fd = STDOUT_FILENO }, /* a reader that has gone is noticed without a line to write */
        };

        if (fflush(stdout) != 0)
                return -errno;
        if (poll(fds, ELEMENTSOF(fds), missing ? MISSING_MSEC : -1) < 0 && errno != EINTR)
                return -errno;
        if (fds[1].revents & (POLLERR | POLLHUP | POLLNVAL))
                return -EPIPE;
        if ((fds[0].revents & POLLIN) && read(watch, events, sizeof(events)) < 0 && errno != EAGAIN)
                return -errno;
        return 0;
}

int log_merge_follow(LogMerge *m, const char **ret_failed) {
        _cleanup_close_ int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

        if (watch < 0)
                return -errno;
        m->following = true;
        for (size_t i = 0; i < m->n_sources; i++)
                if (m->sources[i]->reader &&
                    inotify_add_watch(watch, m->sources[i]->directory, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
                        return -errno;
        for (;;) {
                bool missing = false;
                int r;

                for (size_t i = 0; i < m->n_sources; i++) {
                        r = source_catch_up(m->sources[i], watch, &missing);
                        if (r < 0) {
                                *ret_failed = m->sources[i]->directory;
                                return r;
                        }
                }
                r = follow_wait(watch, missing);
                if (r < 0)
                        return r;
        }
}
