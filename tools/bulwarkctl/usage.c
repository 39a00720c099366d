/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/string-list.h"
#include "tools/bulwarkctl/time-text.h"
#include "tools/bulwarkctl/usage.h"

const char *const usage_pressures[] = { "CPUPressure", "MemoryPressure", "IOPressure", NULL };

int usage_fetch(Client *c, const char *const *names, json_object **ret) {
        _cleanup_message_ sd_bus_message *m = NULL, *reply = NULL;
        _cleanup_json_ json_object *all = NULL, *rows = json_object_new_object();
        int r;

        if (!rows)
                return -ENOMEM;
        r = sd_bus_message_new_method_call(c->bus, &m, c->destination, BUS_PATH, BUS_INTERFACE_MANAGER, "ListContainerProperties");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "s");
        for (size_t i = 0; r >= 0 && names[i]; i++)
                r = sd_bus_message_append_basic(m, 's', names[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r < 0)
                return r;
        r = sd_bus_call(c->bus, m, 0, NULL, &reply);
        if (r >= 0)
                r = message_to_json(reply, &all);
        for (size_t i = 0; r >= 0 && json_object_is_type(all, json_type_array) && i < json_object_array_length(all); i++) {
                json_object *row = json_object_array_get_idx(all, i);

                (void)json_object_object_add(rows, json_object_get_string(json_object_array_get_idx(row, 0)),
                                             json_object_get(json_object_array_get_idx(row, 1)));
        }
        if (r == -ENOMEM || client_disconnected(NULL, r))
                return r;
        *ret = TAKE_PTR(rows);
        return 0;
}

int usage_add_size(Table *t, uint64_t bytes) {
        _cleanup_free_ char *text = size_to_text(bytes);

        return text ? table_add_amount(t, bytes, text) : -ENOMEM;
}

int usage_add_time(Table *t, uint64_t nsec) {
        const uint64_t usec = nsec == UINT64_MAX ? UINT64_MAX : nsec / NSEC_PER_USEC;
        _cleanup_free_ char *text = NULL;

        text = usec == UINT64_MAX ? strdup("-") : usec < 1000 ? strdup("0") : span_to_text(usec - usec % 1000, 2);
        return text ? table_add_amount(t, usec, text) : -ENOMEM;
}

uint64_t usage_rate(uint64_t before, uint64_t after, uint64_t usec) {
        if (before == UINT64_MAX || after == UINT64_MAX || usec == 0)
                return UINT64_MAX;
        if (after <= before)
                return 0;
        after -= before;
        return after > UINT64_MAX / USEC_PER_SEC ? after / usec * USEC_PER_SEC : after * USEC_PER_SEC / usec;
}
