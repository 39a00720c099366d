/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "manager/base/string-list.h"
#include "policies/rules.h"
#include "policies/selinux/binds.h"

static const struct {
        SocketProtocol protocol, other;
        const char *name;
} protocols[] = {
        { SOCKET_PROTOCOL_TCP, SOCKET_PROTOCOL_UDP, "tcp" },
        { SOCKET_PROTOCOL_UDP, SOCKET_PROTOCOL_TCP, "udp" },
};

/* --- into the block */

static int add_item(const SocketBindItem *item, const char *protocol, PolicyRules *rules, char **body) {
        int r;

        if (item->first == 0) {
                r = policy_rules_add(rules, &item->origin, "bind every port of %s", protocol);
                return r < 0 ? r : str_append(body, " (allow process port_type (%s_socket (name_bind)))\n", protocol);
        }
        r = policy_rules_add(rules, &item->origin, "bind %s:%u-%u", protocol, item->first, item->last);
        return r < 0 ? r : str_append(body, " ; binds %s %u-%u\n", protocol, item->first, item->last);
}

int selinux_binds_compile(const ContainerSpec *spec, PolicyRules *rules, char **body) {
        int r = 0;

        for (size_t p = 0; p < ELEMENTSOF(protocols); p++) {
                bool named = false;

                for (size_t i = 0; r >= 0 && i < spec->socket_bind_allow.n; i++) {
                        const SocketBindItem *item = spec->socket_bind_allow.items + i;

                        if (item->protocol == protocols[p].other)
                                continue;
                        r = add_item(item, protocols[p].name, rules, body);
                        named |= item->first > 0;
                }
                if (r >= 0 && named)
                        r = str_append(body, " (typeattribute %s_port)\n (allow process %s_port (%s_socket (name_bind)))\n",
                                       protocols[p].name, protocols[p].name, protocols[p].name);
        }
        return r;
}

/* --- and out of the module */

static int add_range(const char *block, const char *words, BindRange **ranges, size_t *n) {
        BindRange range = {}, *grown;
        char protocol[4];
        unsigned first, last;

        if (sscanf(words, "%3s %5u-%5u", protocol, &first, &last) != 3 || isempty(block) || first == 0 || first > last ||
            last > UINT16_MAX || (!streq(protocol, "tcp") && !streq(protocol, "udp")))
                return -EBADMSG;
        range.udp = streq(protocol, "udp");
        range.first = (uint16_t)first;
        range.last = (uint16_t)last;
        (void)snprintf(range.block, sizeof(range.block), "%s", block);
        grown = reallocarray(*ranges, *n + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        *ranges = grown;
        grown[(*n)++] = range;
        return 0;
}

int selinux_binds_parse(const char *cil, BindRange **ret, size_t *ret_n) {
        _cleanup_free_ BindRange *ranges = NULL;
        char block[sizeof(ranges->block)] = "";
        size_t n = 0;
        int r = 0;

        for (const char *line = cil, *next; r >= 0 && *line; line = next) {
                const char *words;

                next = strchrnul(line, '\n');
                next += *next == '\n';
                if ((words = startswith(line, "(block ")))
                        (void)snprintf(block, sizeof(block), "%.*s", (int)strcspn(words, " \n"), words);
                else if ((words = startswith(line, " ; binds ")))
                        r = add_range(block, words, &ranges, &n);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(ranges);
        *ret_n = n;
        return 0;
}
