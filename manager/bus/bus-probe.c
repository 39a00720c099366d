/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/string-list.h"
#include "manager/bus/bus-internal.h"
#include "manager/claims/claims.h"

/* ProbeContainer. The reply waits for the probe; a client that has gone by then is not told. The record lives until the
 * manager has called back, because the manager holds a pointer to it. */

typedef struct ProbeCall {
        Link link;
        Caller *caller;          /* NULL: it has gone */
        sd_bus_message *message; /* NULL: likewise */
} ProbeCall;

static void call_free(ProbeCall *p) {
        link_remove(&p->link);
        if (p->caller)
                caller_release(p->caller, false);
        sd_bus_message_unref(p->message);
        free(p);
}

static int append_claim(sd_bus_message *reply, const Claim *claim) {
        const char *result = claim_result_to_string(claim_result(claim));
        _cleanup_free_ char *expected = NULL;
        const char *texts[] = { claim_topic_to_string(claim->topic),
                                claim_view_to_string(claim->view),
                                claim->words,
                                NULL,
                                claim->observed,
                                claim->file };
        int r;

        r = claim_expected(claim, &expected);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'r', "ssssssuss");
        texts[3] = expected;
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(texts); i++)
                r = bus_append_text(reply, texts[i]);
        if (r >= 0)
                r = sd_bus_message_append(reply, "u", (uint32_t)claim->line);
        if (r >= 0)
                r = bus_append_text(reply, claim->directive);
        if (r >= 0)
                r = bus_append_text(reply, result);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int call_reply(const ProbeCall *p, const Claims *claims) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(p->message, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ssssssuss)");
        for (size_t i = 0; r >= 0 && i < claims->n; i++)
                r = append_claim(reply, claims->items + i);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static void on_done(int r, const Diag *diag, const Claims *claims, void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        ProbeCall *p = userdata;

        if (p->caller && r >= 0)
                connection_sent(p->caller->connection, call_reply(p, claims));
        else if (p->caller) {
                (void)bus_error_set_diag(&error, diag, r);
                connection_sent(p->caller->connection, sd_bus_reply_method_error(p->message, &error));
        }
        call_free(p);
}

int probe_new(Caller *caller, sd_bus_message *m, Container *container, sd_bus_error *error) {
        _cleanup_(diag_done) Diag diag = {};
        ProbeCall *p;
        int r;

        r = caller_hold(caller, false, error);
        if (r < 0)
                return r;
        p = calloc(1, sizeof(ProbeCall));
        if (!p) {
                caller_release(caller, false);
                return -ENOMEM;
        }
        p->caller = caller;
        p->message = sd_bus_message_ref(m);
        link_append(&caller->connection->bus->probes, &p->link);
        r = container_probe(container, &diag, on_done, p);
        if (r < 0) {
                call_free(p);
                return bus_error_set_diag(error, &diag, r);
        }
        return 1; /* the reply comes later */
}

void probe_drop(Caller *caller) {
        Bus *b = caller->connection->bus;

        for (Link *l = b->probes.next; l != &b->probes; l = l->next) {
                ProbeCall *p = container_of(l, ProbeCall, link);

                if (p->caller != caller)
                        continue;
                p->caller = NULL;
                caller_release(caller, false);
                p->message = sd_bus_message_unref(p->message);
        }
}

void probe_free_all(Bus *b) {
        while (!link_is_empty(&b->probes))
                call_free(container_of(b->probes.next, ProbeCall, link));
}
