/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "units/resolve/checks.h"
#include "units/spec/name-files.h"

/* --- filters of packets and sockets */

/* An Allow is an exception of a Deny: alone it would look like a wall and be none. */
static int check_allow_alone(const Check *c) {
        if (c->spec->ip_address_allow.n > 0 && c->spec->ip_address_deny.n == 0)
                diag_warning(c->diag, ERROR_CONFLICT, &c->spec->ip_address_allow.items[0].origin, "IPAddressAllow",
                             "restricts nothing alone; write IPAddressDeny=any beside it");
        return 0;
}

int check_filters(const Check *c) {
        return check_allow_alone(c);
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

/* --- names */

static int check_resolv_conf(const Check *c) {
        static const DirectiveId rows[] = { DIRECTIVE_DNS, DIRECTIVE_Domains, DIRECTIVE_DNSOption };
        int error = 0;

        for (size_t i = 0; c->spec->resolv_conf == RESOLV_CONF_OFF && i < ELEMENTSOF(rows); i++)
                if (is_set(c, rows[i]))
                        error = diag_error(c->diag, ERROR_CONFLICT, where(c, rows[i]), directives[rows[i]].name,
                                           "contradicts ResolvConf=off, which leaves the root's own file in its place; take one of them out");
        if (c->spec->resolv_conf > RESOLV_CONF_OFF && c->spec->dns.n > 0)
                error = diag_error(c->diag, ERROR_CONFLICT, where(c, DIRECTIVE_DNS), "DNS",
                                   "contradicts ResolvConf=, which takes the servers from a file of the host; take one of them out");
        return error;
}

/* What a line asks for lies under a mount of the same unit. */
static int check_bound_names(const Check *c) {
        int error = 0;

        for (NameFile f = 0; f < _NAME_FILE_MAX; f++) {
                const BindMount *bind = container_spec_bound_file(c->spec, f);
                DirectiveId row;

                (void)container_spec_gets_file(c->spec, f, &row);
                if (bind && row != _DIRECTIVE_MAX && c->spec->resolv_conf != RESOLV_CONF_OFF)
                        error = diag_error(c->diag, ERROR_CONFLICT, where(c, row), directives[row].name,
                                           "is never seen: the unit binds %s (%s:%u), so that %s is what stands there; take one of them out",
                                           bind->destination, strempty(bind->origin.file), bind->origin.line, name_files[f].path);
        }
        return error;
}

int check_names(const Check *c) {
        const ContainerSpec *s = c->spec;
        int error = worse(check_resolv_conf(c), check_bound_names(c));

        if (s->network_alias && !s->zone && !s->bridge)
                error = diag_error(c->diag, ERROR_CONFLICT, where(c, DIRECTIVE_NetworkAlias), "NetworkAlias",
                                   "nobody would know it: other containers do in a network that they share; write Zone=NAME or Bridge=INTERFACE");
        for (size_t i = 0; i < s->add_host.n; i++)
                if (s->add_host.items[i].gateway && s->private_network && (s->bridge ? s->gateway.n == 0 : !container_spec_has_network(s)))
                        error = diag_error(c->diag, ERROR_CONFLICT, &s->add_host.items[i].origin, "AddHost",
                                           s->bridge ? "'%s' is " HOST_GATEWAY ", which on a Bridge= is the unit's Gateway=; write that, or an address" :
                                                       "'%s' is " HOST_GATEWAY ", and no network leads there; write Zone=NAME or VirtualEthernet=yes",
                                           s->add_host.items[i].name);
        return error;
}

/* On an administrator's bridge a container has an address that others see. */
static int check_ports(const Check *c, DirectiveId id, bool linked) {
        const value_port_mappings *v = container_spec_field_const(c->spec, id), *other = &c->spec->port;
        int error = 0;

        if (v->n == 0)
                return 0;
        if (!linked)
                return diag_error(c->diag, ERROR_CONFLICT, &v->items[0].origin, directives[id].name,
                                  "needs a network that the host leads to; write Zone=NAME or VirtualEthernet=yes");
        if (c->spec->bridge)
                return diag_error(c->diag, ERROR_CONFLICT, &v->items[0].origin, directives[id].name,
                                  "contradicts Bridge=, where the container has an address of its own to be reached at; write Zone=NAME instead");
        for (size_t i = 0; id == DIRECTIVE_PublishPort && i < v->n; i++)
                for (size_t k = 0; k < other->n; k++)
                        if (port_mappings_overlap(&v->items[i], &other->items[k]))
                                error = diag_error(c->diag, ERROR_CONFLICT, &v->items[i].origin, directives[id].name,
                                                   "a port of the host that a Port= of the unit has");
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
        error = worse(error, check_ports(c, DIRECTIVE_Port, network != _DIRECTIVE_MAX));
        error = worse(error, check_ports(c, DIRECTIVE_PublishPort, network != _DIRECTIVE_MAX));
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
