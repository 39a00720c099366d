/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/socket.h>

#include "manager/base/landlock-abi.h"
#include "policies/families.h"
#include "policies/landlock/ports.h"

#define ABI_PORTS 4
#define PORTS 65536

static const SocketBindItem *item_of(const value_socket_binds *l, uint8_t family, unsigned port) {
        for (size_t i = 0; i < l->n; i++)
                if (l->items[i].protocol != SOCKET_PROTOCOL_UDP && (l->items[i].family == 0 || l->items[i].family == family) &&
                    port >= l->items[i].first && port <= l->items[i].last)
                        return &l->items[i];
        return NULL;
}

/* As systemd judges a port: allowed where an Allow names it, else denied where a Deny does, else allowed. Landlock knows no
 * families: a port that one of them allows stays open here, and the control group's program judges it. */
static bool port_allowed(const ContainerSpec *spec, unsigned port, const SocketBindItem **ret_allow) {
        static const uint8_t families[] = { AF_INET, AF_INET6 };
        bool allowed = false;

        *ret_allow = NULL;
        for (size_t i = 0; i < ELEMENTSOF(families) && !*ret_allow; i++) {
                *ret_allow = item_of(&spec->socket_bind_allow, families[i], port);
                allowed |= *ret_allow || !item_of(&spec->socket_bind_deny, families[i], port);
        }
        return allowed;
}

static bool origin_same(const Origin *a, const Origin *b) {
        return a->file == b->file && a->line == b->line;
}

static int add_port(LandlockPolicy *l, uint16_t port, const Origin *origin, const char *directive) {
        LandlockPortRule *last = l->n_ports > 0 ? &l->ports[l->n_ports - 1] : NULL;

        if (last && last->last + 1 == port && origin_same(&last->origin, origin)) {
                last->last = port;
                return 0;
        }
        last = reallocarray(l->ports, l->n_ports + 1, sizeof(LandlockPortRule));
        if (!last)
                return -ENOMEM;
        l->ports = last;
        l->ports[l->n_ports++] = (LandlockPortRule){ .access = LANDLOCK_ACCESS_NET_BIND_TCP,
                                                     .first = port, .last = port, .origin = *origin,
                                                     .directive = directive };
        return 0;
}

static int bind_rules(const ContainerSpec *spec, LandlockPolicy *l) {
        const Origin *rest = container_spec_origin(spec, DIRECTIVE_SocketBindDeny);
        int r = 0;

        for (unsigned port = 0; r >= 0 && port < PORTS; port++) {
                const SocketBindItem *allow;

                if (port_allowed(spec, port, &allow))
                        r = add_port(l, (uint16_t)port, allow ? &allow->origin : rest,
                                     allow ? "SocketBindAllow" : "SocketBindDeny");
        }
        return r;
}

/* Whether a TCP port is denied at all: without, each port would be a rule for nothing. */
static bool denies_tcp(const ContainerSpec *spec) {
        const SocketBindItem *allow;

        for (unsigned port = 0; port < PORTS; port++)
                if (!port_allowed(spec, port, &allow))
                        return true;
        return false;
}

int landlock_ports_compile(const ContainerSpec *spec, PolicySet *set) {
        const uint64_t families = address_families_of(spec, set);
        LandlockPolicy *l = &set->landlock;

        if (l->abi < ABI_PORTS)
                return 0;
        if (!address_families_have(families, AF_INET) && !address_families_have(families, AF_INET6)) {
                l->handled_net = LANDLOCK_ACCESS_NET_BIND_TCP | LANDLOCK_ACCESS_NET_CONNECT_TCP;
                return 0;
        }
        if (spec->socket_bind_deny.n == 0 || !denies_tcp(spec))
                return 0;
        l->handled_net = LANDLOCK_ACCESS_NET_BIND_TCP;
        return bind_rules(spec, l);
}
