/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What stands in a container's /etc/hosts and /etc/resolv.conf: pure, from what is known of it and of the host. */

#include "units/spec/container-spec.h"

/* The name by which others of a network call a container: its own, where that can be the name of a host; web-blue for web@blue.
 * NULL in *ret: it has none. */
int container_host_name(const char *name, char **ret);

/* What it is called on its network: that name (NULL = none), the same below bulwark.internal, and NetworkAlias=; one line for each
 * address, "ADDRESS NAME ..." without an end. first, or NULL: how it calls itself. */
int hosts_lines(const char *first, const char *host_name, char *const *aliases, const IpPrefix *addresses, size_t n, char ***ret);

typedef struct HostsQuestion {
        const char *own;           /* its host name */
        char *const *own_lines;    /* of hosts_lines(); empty: it is on no network of its own */
        char *const *peers;        /* lines of the others */
        const char *host_text;     /* the host's own file, whose network it shares; NULL = it does not */
        const value_host_entries *entries; /* AddHost= */
        const IpPrefix *gateways;  /* what host-gateway is */
        size_t n_gateways;
} HostsQuestion;
int hosts_text(const HostsQuestion *q, char **ret);

typedef enum ResolverReach {
        RESOLVER_REACH_NOTHING, /* loopback alone */
        RESOLVER_REACH_OUTSIDE, /* a network of its own: what listens on the host's loopback is not there */
        RESOLVER_REACH_HOST,    /* all that the host reaches */
} ResolverReach;
typedef struct ResolverQuestion {
        ResolverReach reach;
        const value_dns_servers *dns;
        char *const *domains, *const *options;
        const char *host_text;   /* /etc/resolv.conf, or what ResolvConf= names; NULL = there is none */
        const char *uplink_text; /* where that only names a resolver on loopback: what it asks itself; NULL = there is none */
        bool verbatim;           /* ResolvConf= names host_text: its servers are meant */
} ResolverQuestion;
int resolver_text(const ResolverQuestion *q, char **ret);
