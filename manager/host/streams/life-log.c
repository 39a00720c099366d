/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <syslog.h>
#include <time.h>

#include "manager/container/container-internal.h"
#include "manager/host/streams/life-details.h"
#include "manager/host/streams/life-log.h"
#include "manager/host/streams/life-words.h"

struct LifeLog {
        Manager *manager;
        LogFile *events;
        bool broken;     /* it was said that they cannot be written */
};

static uint64_t life_log_now(void) {
        struct timespec t = {};

        (void)clock_gettime(CLOCK_REALTIME, &t);
        return (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / NSEC_PER_USEC;
}

static LifeFacts life_facts(const Container *c) {
        const ExitReport *exit = container_exit(c);
        ContainerResult result = container_result(c);

        return (LifeFacts){ .leader = container_leader(c),
                            .code = exit && exit->valid ? exit->code : 0,
                            .status = exit && exit->valid ? exit->status : 0,
                            .result = container_result_to_string(result),
                            .success = result == RESULT_SUCCESS,
                            .error = container_last_error(c),
                            .health = container_health(c),
                            .streak = container_health_streak(c),
                            .n_restarts = container_n_restarts(c),
                            .restart_in = container_restart_in(c),
                            .oom_kills = container_n_oom_kills(c) };
}

/* --- the container's own log: its open file, since only one may rotate it */
static LogFile *container_log(const Container *c) {
        LogFile *file = c->log ? log_writer_file(c->log) : NULL;

        return file ? log_file_ref(file) : NULL;
}

static int write_line(LogFile *log, uint64_t now, int priority, const char *text) {
        size_t size = MIN_OF(strlen(text), (size_t)LOG_LINE_MAX);
        _cleanup_free_ char *line = malloc(size + LOG_LINE_HEAD);

        return line ? log_file_append(log, line, log_line_format(now, priority, LOG_ORIGIN_MANAGER, text, size, line)) : -ENOMEM;
}

/* The text in the form that may hold anything: its size, then its bytes. */
static void tell_journal(Container *c, int priority, const char *words) {
        _cleanup_free_ char *fields = NULL, *text = NULL;
        uint64_t size;
        int r;

        r = str_append(&fields, "PRIORITY=%d\nBULWARK_CONTAINER=%s\nOBJECT_SYSTEMD_UNIT=bulwark@%s.service\nSYSLOG_IDENTIFIER=bulwarkd\n",
                       priority, c->name, c->name);
        if (r >= 0)
                r = str_append(&text, "%s: %s\n", c->name, words);
        if (r < 0)
                return;
        size = htole64(strlen(text) - 1);
        (void)journal_socket_send(log_scratch_journal(c->manager->scratch),
                                  (const struct iovec[]){ { fields, strlen(fields) },
                                                          { (char *)"MESSAGE\n", strlen("MESSAGE\n") },
                                                          { &size, sizeof(size) },
                                                          { text, strlen(text) } }, 4);
}

static void tell_container_log(Container *c, uint64_t now, int priority, const char *words) {
        _cleanup_(log_file_unrefp) LogFile *log = NULL;

        if (c->logs_to_journal) {
                tell_journal(c, priority, words);
                return;
        }
        log = container_log(c);
        if (!log && log_file_open(c->manager->logs_fd, c->name, LOG_FILE_MAX, &log) < 0)
                return;
        (void)write_line(log, now, priority, words);
}

/* --- STATE/events */
static int events_open(LifeLog *l) {
        return l->events ? 0 : log_file_open(l->manager->state_fd, "events", EVENTS_FILE_MAX, &l->events);
}

void life_log_open(LifeLog *l) {
        (void)events_open(l); /* the first event tries again, and says so */
}

static int events_write(LifeLog *l, const Container *c, EventKind kind, uint64_t now, int priority, const char *words) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = events_open(l);
        if (r < 0)
                return r;
        r = life_event_text(c, kind, words, &text);
        return r < 0 ? r : write_line(l->events, now, priority, text);
}

/* Each unit that is read, at each boot, would push out what happened. */
static bool is_recorded(EventKind kind) {
        return kind != EVENT_KIND_LOADED && kind != EVENT_KIND_MASKED && kind != EVENT_KIND_NOT_FOUND;
}

static void on_event(Container *c, EventKind kind, void *userdata) {
        _cleanup_free_ char *words = NULL;
        uint64_t now = life_log_now();
        LifeFacts facts = life_facts(c);
        LifeLog *l = userdata;
        const Log *log = &l->manager->config.log;
        int priority, r;

        words = life_words(kind, &facts, &priority);
        if (!words)
                return;
        /* Where both go to the journal, the line that names the container is enough. */
        if (!(log->prefix && c->logs_to_journal && priority < LOG_DEBUG))
                log_message(log, priority, "%s: %s", c->name, words);
        if (priority < LOG_DEBUG && c->spec)
                tell_container_log(c, now, priority, words);
        if (!is_recorded(kind))
                return;
        r = events_write(l, c, kind, now, priority, words);
        if (r < 0 && !l->broken)
                log_message(log, LOG_WARNING, "cannot write to %s/events: %s", l->manager->config.state_directory, strerror(-r));
        l->broken = r < 0;
}

static const ManagerListener life_log_listener = { .event = on_event };

int life_log_new(Manager *m, LifeLog **ret) {
        LifeLog *l = malloc(sizeof(LifeLog));
        int r;

        if (!l)
                return -ENOMEM;
        *l = (LifeLog){ .manager = m };
        r = manager_listen(m, &life_log_listener, l);
        if (r < 0) {
                free(l);
                return r;
        }
        *ret = l;
        return 0;
}

LifeLog *life_log_free(LifeLog *l) {
        if (!l)
                return NULL;
        manager_unlisten(l->manager, l);
        (void)log_file_unref(l->events);
        free(l);
        return NULL;
}
