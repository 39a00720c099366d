/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* sd-event by hand: a clock that stands until it is moved, sources that fire when told to. The linker puts these in the place
 * of libsystemd's for everything but libsystemd itself (--wrap, tests/core/meson.build). */

#include <systemd/sd-event.h>

#include "manager/base/util.h"

typedef struct FakeLoop FakeLoop;

FakeLoop *fake_loop_new(void);
FakeLoop *fake_loop_free(FakeLoop *l); /* what still waits is freed, too */
static inline sd_event *fake_loop_event(FakeLoop *l) {
        return (sd_event *)l;
}

void fake_loop_run(FakeLoop *l); /* everything that is due now, until nothing is */
/* The clock goes on; each timer fires at its own time. */
void fake_loop_wait(FakeLoop *l, uint64_t usec);
bool fake_loop_next_timer(const FakeLoop *l, uint64_t *ret_at); /* monotonic */
size_t fake_loop_count(const FakeLoop *l); /* sources that are enabled */
bool fake_source_is_armed(const sd_event_source *s);

void fake_clock_set(uint64_t monotonic_usec); /* the one that clock_gettime(2) shows from now on */
uint64_t fake_clock_now(void);
