/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/bus/bus-internal.h"

/* WaitContainer: the reply is held back until the container is neither active nor changing. */

typedef struct Wait {
        Link link;
        Connection *connection;
        Container *container; /* borrowed; container_removed answers before it goes */
        sd_bus_message *message;
} Wait;

static void wait_free(Wait *w) {
        link_remove(&w->link);
        w->connection->n_delayed--;
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

int wait_new(Connection *c, sd_bus_message *m, Container *container, sd_bus_error *error) {
        Wait *w;

        if (container_at_rest(container))
                return wait_reply(m, container);
        if (c->n_delayed >= BUS_MAX_DELAYED)
                return bus_error_set_code(error, ERROR_BUSY, "This connection waits for %d answers already",
                                          BUS_MAX_DELAYED);
        w = calloc(1, sizeof(Wait));
        if (!w)
                return -ENOMEM;

        *w = (Wait){ .connection = c, .container = container, .message = sd_bus_message_ref(m) };
        link_append(&c->bus->waits, &w->link);
        c->n_delayed++;
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
                connection_sent(w->connection, wait_reply(w->message, container));
                wait_free(w);
        }
}

void waits_drop(Bus *b, Connection *c) {
        for (Link *l = b->waits.next, *next; l != &b->waits; l = next) {
                Wait *w = container_of(l, Wait, link);

                next = l->next;
                if (w->connection == c)
                        wait_free(w);
        }
}
