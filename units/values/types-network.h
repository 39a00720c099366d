/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Values of a container's own network: part of types.h, which is what is included. */

#include <netinet/in.h>

#include "units/values/value.h"

typedef struct IpPrefix {
        uint8_t family; /* AF_INET, AF_INET6; 0 = none */
        uint8_t length; /* of a single address: 32, 128 */
        uint8_t bytes[16];
} IpPrefix;
/* "10.1.2.3/20", "fd00::5/64"; without a length that of a single address, and *ret_whole is true. -EINVAL. */
int ip_prefix_parse(const char *text, IpPrefix *ret, bool *ret_whole);
#define IP_PREFIX_TEXT_MAX (INET6_ADDRSTRLEN + 4)
/* with_length: also "/20". */
void ip_prefix_to_text(const IpPrefix *p, bool with_length, char ret[static IP_PREFIX_TEXT_MAX]);
#define IP_PREFIXES_MAX 8
typedef struct IpPrefixItem {
        IpPrefix prefix;
        Origin origin;
} IpPrefixItem;
typedef struct value_ip_prefixes { /* Address= */
        IpPrefixItem *items;
        size_t n;
} value_ip_prefixes;
typedef value_ip_prefixes value_ip_addresses; /* Gateway= */
typedef value_ip_prefixes value_dns_servers;  /* DNS= */
#define DNS_SERVERS_MAX 3 /* what a C library asks; more would be silent */

#define NAMES_DOMAIN "bulwark.internal" /* below it each container of a network has its name */
/* What is wrong with the name of a host, that follows it in a sentence; NULL: it can stand in a hosts file. */
const char *host_name_fault(const char *name);
#define HOST_GATEWAY "host-gateway"
#define HOST_ENTRIES_MAX 256
typedef struct HostEntry {
        char *name;
        bool gateway; /* the host's own address, whatever it is */
        IpPrefix address;
        Origin origin;
} HostEntry;
typedef struct value_host_entries { /* AddHost= */
        HostEntry *items;
        size_t n;
} value_host_entries;
#define NAME_WORDS_MAX 32
typedef char **value_host_names;       /* NetworkAlias= */
typedef char **value_domains;          /* Domains= */
typedef char **value_resolver_options; /* DNSOption= */
typedef enum ResolvConf {
        RESOLV_CONF_AUTO, /* as goes with the network */
        RESOLV_CONF_OFF,
        RESOLV_CONF_HOST, /* from here on a file of the host's */
        RESOLV_CONF_STATIC,
        RESOLV_CONF_UPLINK,
        RESOLV_CONF_STUB,
        _RESOLV_CONF_MAX,
} ResolvConf;
typedef ResolvConf value_resolv_conf;

/* Port=, PublishPort= */
typedef struct PortMapping {
        uint8_t protocol; /* IPPROTO_TCP, IPPROTO_UDP */
        IpPrefix host;    /* the host's address; family 0 = all, of both families */
        uint16_t first, last; /* of the host */
        uint16_t inside;      /* the first of as many */
        Origin origin;
} PortMapping;
bool port_mappings_overlap(const PortMapping *a, const PortMapping *b); /* on the host */
#define PORT_MAPPING_TEXT_MAX (IP_PREFIX_TEXT_MAX + 40)
void port_mapping_to_text(const PortMapping *m, bool quadlet, char ret[static PORT_MAPPING_TEXT_MAX]);
typedef struct value_port_mappings {
        PortMapping *items;
        size_t n;
} value_port_mappings;
typedef value_port_mappings value_publish_ports;
typedef char *value_zone_name;      /* NULL = unset */
typedef char *value_interface_name; /* NULL = unset */

/* IPAddressAllow=, IPAddressDeny=: bits behind the length are 0; a word such as any stands as the prefixes that it means. */
#define IP_FILTER_MAX 512
typedef struct value_ip_filter {
        IpPrefixItem *items;
        size_t n;
} value_ip_filter;
