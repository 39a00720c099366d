/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <utlist.h>

#include "tests/core/fake-loop.h"
#include "tests/core/wrapped.h"

#define EPOCH (UINT64_C(1700000000) * USEC_PER_SEC) /* what the wall shows when the clock is at 0 */

typedef enum SourceKind { SOURCE_IO, SOURCE_TIME, SOURCE_DEFER, SOURCE_CHILD } SourceKind;

typedef struct FakeSource {
        struct FakeSource *prev, *next;
        FakeLoop *loop;
        SourceKind kind;
        int enabled, fd;
        bool owns_fd, dead;
        uint32_t events;
        uint64_t at;
        void *handler, *userdata;
} FakeSource;

struct FakeLoop {
        FakeSource *sources;
        FakeSource *running; /* whose handler is under way: freed after it */
};

/* --- the clock: one for all, as the kernel's is */

static uint64_t *the_clock(void) {
        static _Thread_local uint64_t now;

        return &now;
}

void fake_clock_set(uint64_t monotonic_usec) {
        *the_clock() = monotonic_usec;
}

uint64_t fake_clock_now(void) {
        return *the_clock();
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret) {
        uint64_t now = *the_clock() + (clock == CLOCK_REALTIME ? EPOCH : 0);

        *ret = (struct timespec){ .tv_sec = (time_t)(now / USEC_PER_SEC), .tv_nsec = (long)(now % USEC_PER_SEC * NSEC_PER_USEC) };
        return 0;
}

/* --- the loop */

FakeLoop *fake_loop_new(void) {
        return calloc(1, sizeof(FakeLoop));
}

static void source_free(FakeSource *s) {
        if (s->owns_fd)
                (void)safe_close(s->fd);
        free(s);
}

FakeLoop *fake_loop_free(FakeLoop *l) {
        FakeSource *s, *next;

        if (!l)
                return NULL;
        DL_FOREACH_SAFE(l->sources, s, next) {
                DL_DELETE(l->sources, s);
                source_free(s);
        }
        free(l);
        return NULL;
}

static void dispatch(FakeLoop *l, FakeSource *s, uint32_t revents) {
        FakeSource *outer = l->running;

        if (s->enabled == SD_EVENT_ONESHOT)
                s->enabled = SD_EVENT_OFF;
        l->running = s;
        if (s->kind == SOURCE_IO)
                (void)((sd_event_io_handler_t)s->handler)((sd_event_source *)s, s->fd, revents, s->userdata);
        else if (s->kind == SOURCE_TIME)
                (void)((sd_event_time_handler_t)s->handler)((sd_event_source *)s, s->at, s->userdata);
        else
                (void)((sd_event_handler_t)s->handler)((sd_event_source *)s, s->userdata);
        l->running = outer;
        if (s->dead)
                source_free(s);
}

static bool is_due(const FakeSource *s, uint32_t *ret_revents) {
        struct pollfd p = { .fd = s->fd, .events = (short)(s->events & (POLLIN | POLLOUT)) };

        *ret_revents = 0;
        if (s->enabled == SD_EVENT_OFF)
                return false;
        if (s->kind == SOURCE_TIME)
                return s->at <= fake_clock_now();
        if (s->kind == SOURCE_DEFER)
                return true;
        if (s->kind != SOURCE_IO || poll(&p, 1, 0) <= 0)
                return false;
        *ret_revents = (uint32_t)p.revents;
        return true;
}

static bool run_one(FakeLoop *l, SourceKind kind) {
        FakeSource *s, *first = NULL;
        uint32_t revents, first_revents = 0;

        DL_FOREACH(l->sources, s)
        if (s->kind == kind && (!first || s->at < first->at) && is_due(s, &revents)) {
                first = s;
                first_revents = revents;
        }
        if (first)
                dispatch(l, first, first_revents);
        return first;
}

void fake_loop_run(FakeLoop *l) {
        for (unsigned i = 0; i < 100000; i++)
                if (!run_one(l, SOURCE_IO) && !run_one(l, SOURCE_DEFER) && !run_one(l, SOURCE_TIME))
                        return;
        abort(); /* it goes round */
}

bool fake_loop_next_timer(const FakeLoop *l, uint64_t *ret_at) {
        bool found = false;
        FakeSource *s;

        DL_FOREACH(l->sources, s)
        if (s->kind == SOURCE_TIME && s->enabled != SD_EVENT_OFF && (!found || s->at < *ret_at)) {
                *ret_at = s->at;
                found = true;
        }
        return found;
}

void fake_loop_wait(FakeLoop *l, uint64_t usec) {
        uint64_t end = fake_clock_now() + usec, at = 0;

        fake_loop_run(l);
        while (fake_loop_next_timer(l, &at) && at <= end) {
                fake_clock_set(MAX_OF(at, fake_clock_now()));
                fake_loop_run(l);
        }
        fake_clock_set(end);
}

size_t fake_loop_count(const FakeLoop *l) {
        size_t n = 0;
        FakeSource *s;

        DL_FOREACH(l->sources, s)
        n += s->enabled != SD_EVENT_OFF;
        return n;
}

bool fake_source_is_armed(const sd_event_source *s) {
        return s && ((const FakeSource *)s)->enabled != SD_EVENT_OFF;
}

/* --- sd-event's names */

static int source_add(sd_event *e, sd_event_source **ret, FakeSource init) {
        FakeSource *s = malloc(sizeof(*s));

        if (!s)
                return -ENOMEM;
        *s = init;
        s->loop = (FakeLoop *)e;
        DL_APPEND(s->loop->sources, s);
        if (ret)
                *ret = (sd_event_source *)s;
        return 0;
}

int __wrap_sd_event_add_io(sd_event *e, sd_event_source **ret, int fd, uint32_t events, sd_event_io_handler_t handler, void *userdata) {
        return source_add(e, ret, (FakeSource){ .kind = SOURCE_IO, .enabled = SD_EVENT_ON, .fd = fd, .events = events,
                                                .handler = (void *)handler, .userdata = userdata });
}

int __wrap_sd_event_add_time(sd_event *e, sd_event_source **ret, clockid_t clock, uint64_t usec, uint64_t accuracy,
                             sd_event_time_handler_t handler, void *userdata) {
        return source_add(e, ret, (FakeSource){ .kind = SOURCE_TIME, .enabled = SD_EVENT_ONESHOT, .fd = -EBADF, .at = usec,
                                                .handler = (void *)handler, .userdata = userdata });
}

int __wrap_sd_event_add_time_relative(sd_event *e, sd_event_source **ret, clockid_t clock, uint64_t usec, uint64_t accuracy,
                                      sd_event_time_handler_t handler, void *userdata) {
        return __wrap_sd_event_add_time(e, ret, clock, fake_clock_now() + usec, accuracy, handler, userdata);
}

int __wrap_sd_event_add_defer(sd_event *e, sd_event_source **ret, sd_event_handler_t handler, void *userdata) {
        return source_add(e, ret, (FakeSource){ .kind = SOURCE_DEFER, .enabled = SD_EVENT_ONESHOT, .fd = -EBADF,
                                                .handler = (void *)handler, .userdata = userdata });
}

int __wrap_sd_event_add_child(sd_event *e, sd_event_source **ret, pid_t pid, int options, sd_event_child_handler_t handler,
                              void *userdata) {
        return -EOPNOTSUPP; /* no other process is part of this */
}

sd_event *__wrap_sd_event_ref(sd_event *e) {
        return e;
}

sd_event *__wrap_sd_event_unref(sd_event *e) {
        return NULL;
}

sd_event_source *__wrap_sd_event_source_disable_unref(sd_event_source *source) {
        FakeSource *s = (FakeSource *)source;

        if (!s)
                return NULL;
        DL_DELETE(s->loop->sources, s);
        s->enabled = SD_EVENT_OFF;
        s->dead = true;
        if (s->loop->running != s)
                source_free(s);
        return NULL;
}

sd_event *__wrap_sd_event_source_get_event(sd_event_source *s) {
        return (sd_event *)((FakeSource *)s)->loop;
}

int __wrap_sd_event_source_get_enabled(sd_event_source *s, int *ret) {
        if (ret)
                *ret = ((FakeSource *)s)->enabled;
        return ((FakeSource *)s)->enabled != SD_EVENT_OFF;
}

int __wrap_sd_event_source_set_enabled(sd_event_source *s, int enabled) {
        if (s)
                ((FakeSource *)s)->enabled = enabled;
        return 0;
}

int __wrap_sd_event_source_get_time(sd_event_source *s, uint64_t *ret) {
        *ret = ((FakeSource *)s)->at;
        return 0;
}

int __wrap_sd_event_source_set_time(sd_event_source *s, uint64_t usec) {
        ((FakeSource *)s)->at = usec;
        return 0;
}

int __wrap_sd_event_source_set_time_relative(sd_event_source *s, uint64_t usec) {
        return __wrap_sd_event_source_set_time(s, fake_clock_now() + usec);
}

int __wrap_sd_event_source_set_io_events(sd_event_source *s, uint32_t events) {
        ((FakeSource *)s)->events = events;
        return 0;
}

int __wrap_sd_event_source_set_io_fd_own(sd_event_source *s, int own) {
        ((FakeSource *)s)->owns_fd = own;
        return 0;
}

int __wrap_sd_event_source_set_priority(sd_event_source *s, int64_t priority) {
        return 0;
}

int __wrap_sd_event_source_set_ratelimit(sd_event_source *s, uint64_t interval, unsigned burst) {
        return 0;
}
