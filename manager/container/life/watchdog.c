/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* WatchdogSec=: a container that is ready has to send WATCHDOG=1 in time. A frozen one cannot, and one that nobody can
 * hear has no chance to. */
#include <stdio.h>

#include "manager/base/string-list.h"
#include "manager/container/container-internal.h"

uint64_t watchdog_interval(const Container *c) {
        uint64_t said = c->notify.facts.watchdog_usec;

        if (!c->spec || container_spec_watchdog(c->spec) == 0)
                return 0; /* the unit decides whether there is one */
        return said == USEC_INFINITY ? 0 : said > 0 ? said : container_spec_watchdog(c->spec);
}

static int on_expired(sd_event_source *s, uint64_t usec, void *userdata) {
        Container *c = userdata;

        notify_drain(c); /* what the loop has not come to yet may be the very word */
        if (c->notify.watchdog && sd_event_source_get_enabled(c->notify.watchdog, NULL) <= 0)
                watchdog_expired(c);
        return 0;
}

void watchdog_arm(Container *c) {
        uint64_t interval = watchdog_interval(c);
        int r;

        c->notify.watchdog = sd_event_source_disable_unref(c->notify.watchdog);
        if (interval == 0 || !container_is_running(c) || c->frozen || c->freeze_wanted || !c->notify.source ||
            container_waits_for_ready(c))
                return;
        r = sd_event_add_time_relative(c->manager->event, &c->notify.watchdog, CLOCK_MONOTONIC, interval, 1, on_expired, c);
        if (r < 0)
                log_message(&c->manager->config.log, LOG_ERR, "%s: WatchdogSec= cannot be watched: %s", c->name, strerror(-r));
}

void watchdog_expired(Container *c) {
        _cleanup_free_ char *span = time_span_to_string(watchdog_interval(c));
        _cleanup_free_ char *text = NULL;

        if (!container_is_running(c))
                return;
        c->notify.watchdog = sd_event_source_disable_unref(c->notify.watchdog);
        (void)str_append(&text, "it did not say WATCHDOG=1 within %s, or asked for the consequence",
                         strempty(span));
        (void)container_doom(c, RESULT_WATCHDOG, FAILURE_ABORT, text);
}
