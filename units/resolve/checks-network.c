/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "units/resolve/checks.h"

/* --- ports */

#define LANDLOCK_ABI_PORTS 4

/* Only Landlock denies a port, and only of TCP: where it does not, what was meant to be denied would be open. */
static int check_bind_deny(const Check *c, const SocketBindItem *item) {
        const char *name = directives[DIRECTIVE_SocketBindDeny].name;
        const MacDecision *mac = &c->spec->mac;

        if (item->protocol != SOCKET_PROTOCOL_TCP)
                return diag_error(c->diag, ERROR_UNSUPPORTED, &item->origin, name,
                                  "ports of UDP cannot be denied, which would need a BPF program; write tcp or tcp:PORT");
        if (c->spec->boot)
                return diag_error(c->diag, ERROR_CONFLICT, &item->origin, name,
                                  "contradicts Boot=yes: ports are denied by Landlock, below which no init could mount");
        if (mac->landlock_abi == 0 && c->spec->mandatory_access_control == MAC_MODE_NO)
                return diag_error(c->diag, ERROR_CONFLICT, &item->origin, name,
                                  "contradicts MandatoryAccessControl=no: ports are denied by Landlock");
        if (mac->landlock_abi < LANDLOCK_ABI_PORTS)
                return diag_error(c->diag, ERROR_HOST_LACKS, &item->origin, name,
                                  "ports are denied by Landlock of ABI %d, and this container gets %s%.0u; a kernel of "
                                  "Linux 6.7 or later with Landlock enabled (lsm=landlock,...) has it",
                                  LANDLOCK_ABI_PORTS, mac->landlock_abi == 0 ? "none" : "ABI ", mac->landlock_abi);
        return 0;
}

int check_socket_binds(const Check *c) {
        const value_socket_binds *deny = &c->spec->socket_bind_deny;
        int error = 0;

        for (size_t i = 0; i < deny->n; i++)
                error = worse(error, check_bind_deny(c, &deny->items[i]));
        return error;
}

/* --- addresses, and what they are on */

static bool is_within(const IpPrefix *network, const IpPrefix *address) {
        if (network->family != address->family)
                return false;
        for (unsigned i = 0; i < network->length; i++)
                if ((network->bytes[i / 8] ^ address->bytes[i / 8]) & 0x80 >> i % 8)
                        return false;
        return true;
}

static bool is_in_a_network(const value_ip_prefixes *networks, const IpPrefix *address) {
        for (size_t i = 0; i < networks->n; i++)
                if (is_within(&networks->items[i].prefix, address))
                        return true;
        return false;
}

static int check_gateways(const Check *c) {
        const value_ip_addresses *v = &c->spec->gateway;
        int error = 0;

        for (size_t i = 0; i < v->n; i++) {
                char text[IP_PREFIX_TEXT_MAX];

                ip_prefix_to_text(&v->items[i].prefix, false, text);
                for (size_t k = 0; k < i; k++)
                        if (v->items[k].prefix.family == v->items[i].prefix.family)
                                error = diag_error(c->diag, ERROR_CONFLICT, &v->items[i].origin, "Gateway",
                                                   "'%s' is the second of its family, and there is one way out", text);
                if (!is_in_a_network(&c->spec->address, &v->items[i].prefix))
                        error = diag_error(c->diag, ERROR_CONFLICT, &v->items[i].origin, "Gateway",
                                           "'%s' is in no network of an Address= of the unit, so that no packet would find it", text);
        }
        return error;
}

/* A zone, and a link to the host alone, have the host as their first address. */
static int check_addresses(const Check *c) {
        const value_ip_prefixes *v = &c->spec->address;
        int error = 0;

        for (size_t i = 0; !c->spec->bridge && i < v->n; i++) {
                const IpPrefix *p = &v->items[i].prefix;
                const unsigned size = p->family == AF_INET ? 32 : 128;
                char text[IP_PREFIX_TEXT_MAX];
                IpPrefix first = *p;

                ip_prefix_to_text(p, true, text);
                for (unsigned bit = p->length; bit < size; bit++)
                        first.bytes[bit / 8] &= (uint8_t)~(0x80U >> bit % 8);
                first.bytes[size / 8 - 1] |= 1;
                if (p->length > size - 2)
                        error = diag_error(c->diag, ERROR_CONFLICT, &v->items[i].origin, "Address",
                                           "the network of '%s' has no room for the host; give it a length of %u or less", text, size - 2);
                else if (memcmp(first.bytes, p->bytes, sizeof(first.bytes)) == 0)
                        error = diag_error(c->diag, ERROR_CONFLICT, &v->items[i].origin, "Address",
                                           "'%s' is the first of its network, which the host has; choose another", text);
                for (size_t k = 0; k < i; k++)
                        if (v->items[k].prefix.family == p->family)
                                error = diag_error(c->diag, ERROR_CONFLICT, &v->items[i].origin, "Address",
                                                   "'%s' is the second of its family; only with Bridge= are there several", text);
        }
        return error;
}

int check_network(const Check *c) {
        const DirectiveId network = container_spec_network(c->spec);
        int error = 0;

        for (size_t i = 0; network == _DIRECTIVE_MAX && i < 2; i++) {
                const DirectiveId id = i == 0 ? DIRECTIVE_Address : DIRECTIVE_Gateway;
                const value_ip_prefixes *v = container_spec_field_const(c->spec, id);

                if (v->n > 0)
                        error = diag_error(c->diag, ERROR_CONFLICT, &v->items[0].origin, directives[id].name,
                                           "needs an interface to be on; write Zone=NAME, Bridge=INTERFACE or VirtualEthernet=yes");
        }
        if (network == _DIRECTIVE_MAX)
                return error;
        if (!c->spec->private_network)
                error = diag_error(c->diag, ERROR_CONFLICT, where(c, network), directives[network].name,
                                   "contradicts PrivateNetwork=no, which shares the host's own network; take one of them out");
        if (c->spec->zone && c->spec->bridge)
                error = diag_error(c->diag, ERROR_CONFLICT, where(c, DIRECTIVE_Bridge), "Bridge",
                                   "contradicts Zone=, which has a bridge of its own; take one of them out");
        if (network != DIRECTIVE_VirtualEthernet && is_set(c, DIRECTIVE_VirtualEthernet) && !c->spec->virtual_ethernet)
                error = diag_error(c->diag, ERROR_CONFLICT, where(c, DIRECTIVE_VirtualEthernet), "VirtualEthernet",
                                   "contradicts %s=, which is a virtual Ethernet link; take one of them out", directives[network].name);
        error = worse(error, check_addresses(c));
        return worse(error, check_gateways(c));
}
