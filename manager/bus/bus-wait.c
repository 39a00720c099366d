/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/bus/bus-internal.h"

/* WaitContainer: the reply is held back until the container is neither active nor changing. */

typedef struct Wait {
        Link link;
        Caller *caller;
        Container *container; /* borrowed; container_removed answers before it goes */
        sd_bus_message *message;
} Wait;

static void wait_free(Wait *w) {
        link_remove(&w->link);
        caller_release(w->caller, false);
        sd_bus_message_unref(w->message);
        free(w);
}

static bool container_at_rest(const Container *c) {
        const char *state = container_active_state(c);

        return container_job(c, NULL) == 0 && (streq(state, "inactive") || streq(state, "failed"));
}

static int wait_reply(sd_bus_message *m, const Container *c) {
        const ExitReport *report = container_exit(c);
        bool known = report && report->valid;

        return sd_bus_reply_method_return(m, "ssii", container_active_state(c),
                                          container_result_to_string(container_result(c)),
                                          known ? (int32_t)report->code : 0, known ? (int32_t)report->status : 0);
}

int wait_new(Caller *caller, sd_bus_message *m, Container *container, sd_bus_error *error) {
        Wait *w;
        int r;

        if (container_at_rest(container))
                return wait_reply(m, container);
        r = caller_hold(caller, false, error);
        if (r < 0)
                return r;
        w = calloc(1, sizeof(Wait));
        if (!w) {
                caller_release(caller, false);
                return -ENOMEM;
        }

        *w = (Wait){ .caller = caller, .container = container, .message = sd_bus_message_ref(m) };
        link_append(&caller->connection->bus->waits, &w->link);
        return 1; /* sd-bus: the reply comes later */
}

void waits_check(Bus *b, Container *container, bool removed) {
        if (!removed && !container_at_rest(container))
                return;
        for (Link *l = b->waits.next, *next; l != &b->waits; l = next) {
                Wait *w = container_of(l, Wait, link);

                next = l->next;
                if (w->container != container)
                        continue;
                connection_sent(w->caller->connection, wait_reply(w->message, container));
                wait_free(w);
        }
}

void waits_drop(Caller *caller) {
        Bus *b = caller->connection->bus;

        for (Link *l = b->waits.next, *next; l != &b->waits; l = next) {
                Wait *w = container_of(l, Wait, link);

                next = l->next;
                if (w->caller == caller)
                        wait_free(w);
        }
}
