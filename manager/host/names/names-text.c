/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <ctype.h>
#include <net/if.h>
#include <sys/socket.h>

#include "manager/base/string-list.h"
#include "manager/host/names/hosts-file.h"
#include "manager/host/names/names-text.h"

#define BLANKS " \t"

int container_host_name(const char *name, char **ret) {
        _cleanup_free_ char *s = strdup(name);

        if (!s)
                return -ENOMEM;
        for (char *at = strchr(s, '@'); at; at = strchr(at, '@'))
                *at = '-';
        *ret = host_name_fault(s) ? NULL : TAKE_PTR(s);
        return 0;
}

/* --- hosts */

static int add_name(char **line, char ***seen, const char *name) {
        int r;

        if (!name || strv_contains(*seen, name))
                return 0;
        r = str_append(line, " %s", name);
        return r < 0 ? r : strv_extend(seen, name);
}

static int one_line(const char *first, const char *host_name, char *const *aliases, const IpPrefix *address, char **ret) {
        _cleanup_free_ char *line = NULL, *below = NULL;
        _cleanup_strv_ char **seen = NULL;
        char text[IP_PREFIX_TEXT_MAX];
        int r = 0;

        ip_prefix_to_text(address, false, text);
        if (host_name)
                r = str_append(&below, "%s." NAMES_DOMAIN, host_name);
        if (r >= 0)
                r = str_append(&line, "%s", text);
        if (r >= 0)
                r = add_name(&line, &seen, first);
        if (r >= 0)
                r = add_name(&line, &seen, host_name);
        if (r >= 0)
                r = add_name(&line, &seen, below);
        for (; r >= 0 && aliases && *aliases; aliases++)
                r = add_name(&line, &seen, *aliases);
        if (r >= 0 && seen)
                *ret = TAKE_PTR(line);
        return r;
}

int hosts_lines(const char *first, const char *host_name, char *const *aliases, const IpPrefix *addresses, size_t n, char ***ret) {
        _cleanup_strv_ char **l = NULL;

        for (size_t i = 0; i < n; i++) {
                char *line = NULL;
                int r = one_line(first, host_name, aliases, addresses + i, &line);

                if (r >= 0 && line)
                        r = strv_push(&l, line);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(l);
        return 0;
}

/* The first word is an address, and nothing in the rest is more than text. */
static bool host_line_good(const char *line, size_t n) {
        char word[INET6_ADDRSTRLEN + IFNAMSIZ];
        const size_t k = strcspn(line, BLANKS "\n");
        uint8_t address[16];

        for (size_t i = 0; i < n; i++)
                if (!isprint((unsigned char)line[i]) && line[i] != '\t')
                        return false;
        if (k >= n || k >= sizeof(word))
                return false;
        memcpy(word, line, k);
        word[k] = 0;
        word[strcspn(word, "%")] = 0;
        return inet_pton(AF_INET, word, address) == 1 || inet_pton(AF_INET6, word, address) == 1;
}

static int add_host_text(char **s, const char *text) {
        int r = 0;

        for (const char *p = text; r >= 0 && *p;) {
                const size_t n = strcspn(p, "\n");

                if (host_line_good(p, n))
                        r = str_append(s, "%.*s\n", (int)n, p);
                p += n + (p[n] == '\n');
        }
        return r;
}

static int add_lines(char **s, char *const *lines) {
        int r = 0;

        for (; r >= 0 && lines && *lines; lines++)
                r = str_append(s, "%s\n", *lines);
        return r;
}

static int add_entry(char **s, const HostEntry *e, const HostsQuestion *q) {
        const IpPrefix *addresses = e->gateway ? q->gateways : &e->address;
        const size_t n = e->gateway ? q->n_gateways : 1;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++) {
                char text[IP_PREFIX_TEXT_MAX];

                ip_prefix_to_text(addresses + i, false, text);
                r = str_append(s, "%s %s\n", text, e->name);
        }
        return r;
}

int hosts_text(const HostsQuestion *q, char **ret) {
        _cleanup_free_ char *s = NULL;
        int r = 0;

        if (!q->host_text)
                r = str_append(&s, "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n");
        if (r >= 0 && q->own_lines)
                r = add_lines(&s, q->own_lines);
        else if (r >= 0)
                r = str_append(&s, "127.0.0.1 %s\n", q->own);
        for (size_t i = 0; r >= 0 && i < q->entries->n; i++)
                r = add_entry(&s, q->entries->items + i, q);
        if (r >= 0 && q->host_text)
                r = add_host_text(&s, q->host_text);
        if (r >= 0)
                r = str_append(&s, "%s", HOSTS_FILE_MARK);
        if (r >= 0)
                r = add_lines(&s, q->peers);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

/* --- resolv.conf */

typedef struct Resolver {
        char **servers, **domains, **options;
} Resolver;

static void resolver_done(Resolver *v) {
        v->servers = strv_free(v->servers);
        v->domains = strv_free(v->domains);
        v->options = strv_free(v->options);
}

/* A word of the host's file goes on as it is, if it is one: no control character, and no more than fits. */
static int words_of(const char *p, size_t n, char ***l) {
        while (n > 0) {
                const size_t skip = strspn(p, BLANKS), k = strcspn(p + MIN_OF(skip, n), BLANKS "\n");
                _cleanup_free_ char *word = NULL;
                bool good = true;
                int r;

                if (skip >= n)
                        break;
                p += skip;
                n -= skip;
                word = strndup(p, MIN_OF(k, n));
                if (!word)
                        return -ENOMEM;
                for (const char *c = word; *c; c++)
                        good &= isascii(*c) && isgraph((unsigned char)*c) && *c != '#' && *c != ';';
                if (good && strlen(word) <= 253 && strv_length(*l) < NAME_WORDS_MAX) {
                        r = strv_extend(l, word);
                        if (r < 0)
                                return r;
                }
                p += MIN_OF(k, n);
                n -= MIN_OF(k, n);
        }
        return 0;
}

/* What leads to no other host than who asks, or only over an interface of the host. */
static bool is_near(const char *server) {
        uint8_t a[16] = {};

        if (strchr(server, '%'))
                return true;
        if (inet_pton(AF_INET, server, a) == 1)
                return a[0] == 127 || a[0] == 0;
        return inet_pton(AF_INET6, server, a) != 1 || IN6_IS_ADDR_LOOPBACK((struct in6_addr *)a) || IN6_IS_ADDR_UNSPECIFIED((struct in6_addr *)a) ||
               IN6_IS_ADDR_LINKLOCAL((struct in6_addr *)a);
}

static bool is_server(const char *word) {
        char bare[INET6_ADDRSTRLEN];
        const size_t n = strcspn(word, "%");
        uint8_t a[16];

        if (n >= sizeof(bare))
                return false;
        memcpy(bare, word, n);
        bare[n] = 0;
        return inet_pton(AF_INET, bare, a) == 1 || inet_pton(AF_INET6, bare, a) == 1;
}

static int server_of(const char *p, size_t n, bool near, char ***servers) {
        _cleanup_strv_ char **words = NULL;
        int r = words_of(p, n, &words);

        if (r < 0 || !words || !is_server(words[0]) || (!near && is_near(words[0])) || strv_length(*servers) >= DNS_SERVERS_MAX)
                return r;
        return strv_extend(servers, words[0]);
}

/* The last line that says what is searched holds, options add up. near: also servers of the host's own loopback. */
static int resolver_parse(const char *text, bool near, Resolver *v) {
        int r = 0;

        for (const char *p = strempty(text); r >= 0 && *p;) {
                const size_t n = strcspn(p, "\n"), k = strcspn(p, BLANKS "\n");

                if (k == 10 && memcmp(p, "nameserver", k) == 0)
                        r = server_of(p + k, n - k, near, &v->servers);
                else if ((k == 6 && memcmp(p, "search", k) == 0) || (k == 6 && memcmp(p, "domain", k) == 0)) {
                        v->domains = strv_free(v->domains);
                        r = words_of(p + k, n - k, &v->domains);
                } else if (k == 7 && memcmp(p, "options", k) == 0)
                        r = words_of(p + k, n - k, &v->options);
                p += n + (p[n] == '\n');
        }
        return r;
}

static int given_servers(const value_dns_servers *dns, Resolver *v) {
        for (size_t i = 0; i < dns->n; i++) {
                char text[IP_PREFIX_TEXT_MAX];
                int r;

                ip_prefix_to_text(&dns->items[i].prefix, false, text);
                r = strv_extend(&v->servers, text);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* From where the servers come. *ret_why: why there are none. */
static int resolver_find(const ResolverQuestion *q, Resolver *v, const char **ret_why) {
        const bool near = q->verbatim || q->reach == RESOLVER_REACH_HOST;
        int r;

        *ret_why = NULL;
        if (q->dns->n > 0)
                return given_servers(q->dns, v);
        if (!q->verbatim && q->reach == RESOLVER_REACH_NOTHING) {
                *ret_why = "This container has loopback alone: no name server can be reached.";
                return 0;
        }
        r = resolver_parse(q->host_text, near, v);
        if (r >= 0 && !v->servers && !near && q->uplink_text) {
                resolver_done(v);
                r = resolver_parse(q->uplink_text, near, v);
        }
        if (r >= 0 && !v->servers)
                *ret_why = q->reach == RESOLVER_REACH_OUTSIDE && q->host_text ?
                                   "The host names no name server that can be reached from here; DNS= can." :
                                   "The host names no name server; DNS= can.";
        return r;
}

static int add_row(char **s, const char *key, char *const *words) {
        _cleanup_free_ char *joined = NULL;

        if (!words || !words[0])
                return 0;
        joined = strv_join(words, " ");
        return joined ? str_append(s, "%s %s\n", key, joined) : -ENOMEM;
}

int resolver_text(const ResolverQuestion *q, char **ret) {
        _cleanup_(resolver_done) Resolver v = {};
        _cleanup_free_ char *s = NULL;
        const char *why;
        int r;

        r = resolver_find(q, &v, &why);
        if (r >= 0 && why)
                r = str_append(&s, "# %s\n", why);
        for (char **server = v.servers; r >= 0 && server && *server; server++)
                r = str_append(&s, "nameserver %s\n", *server);
        if (r >= 0)
                r = add_row(&s, "search", q->domains && q->domains[0] ? q->domains : v.domains);
        if (r >= 0)
                r = add_row(&s, "options", q->options && q->options[0] ? q->options : v.options);
        if (r < 0)
                return r;
        if (!s && !(s = strdup("")))
                return -ENOMEM;
        *ret = TAKE_PTR(s);
        return 0;
}
