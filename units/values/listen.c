/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* listen, bind_ipv6_only, start_on, descriptor_name, access_mode: sockets that are open before the container runs. */
#include <arpa/inet.h>
#include <stdio.h>

#include "units/values/parse.h"

#define PORT_MAX 65535

/* --- listen */

static int parse_port(const char *text, uint16_t *ret) {
        uint64_t port;

        if (parse_u64(text, &port) < 0 || port == 0 || port > PORT_MAX)
                return -EINVAL;
        *ret = (uint16_t)port;
        return 0;
}

static int parse_unix(const char *text, ListenAddress *ret) {
        struct sockaddr_un *un = &ret->address.un;
        size_t n = strlen(text);

        if (n < 2 || n >= sizeof(un->sun_path))
                return -ENAMETOOLONG;
        *un = (struct sockaddr_un){ .sun_family = AF_UNIX };
        memcpy(un->sun_path, text, n);
        if (*text == '@')
                un->sun_path[0] = 0;
        ret->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (*text == '/'));
        return 0;
}

/* "ADDRESS:PORT" or "[ADDRESS]:PORT". */
static int parse_inet(const char *text, ListenAddress *ret) {
        const char *colon = strrchr(text, ':');
        size_t n = colon ? (size_t)(colon - text) : 0;
        char host[INET6_ADDRSTRLEN + 2] = "";
        uint16_t port;

        if (n == 0 || n >= sizeof(host) || parse_port(colon + 1, &port) < 0)
                return -EINVAL;
        memcpy(host, text, n);
        if (host[0] == '[' && host[n - 1] == ']') {
                host[n - 1] = 0;
                ret->address.in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port) };
                ret->size = sizeof(ret->address.in6);
                return inet_pton(AF_INET6, host + 1, &ret->address.in6.sin6_addr) == 1 ? 0 : -EINVAL;
        }
        ret->address.in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port) };
        ret->size = sizeof(ret->address.in);
        return inet_pton(AF_INET, host, &ret->address.in.sin_addr) == 1 ? 0 : -EINVAL;
}

int listen_address_parse(const char *text, ListenAddress *ret) {
        ListenAddress a = {};
        uint16_t port;
        int r;

        if (*text == '/' || *text == '@')
                r = parse_unix(text, &a);
        else if (parse_port(text, &port) >= 0) {
                a.address.in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port),
                                                       .sin6_addr = IN6ADDR_ANY_INIT };
                a.size = sizeof(a.address.in6);
                a.any = true;
                r = 0;
        } else
                r = parse_inet(text, &a);
        if (r >= 0)
                *ret = a;
        return r;
}

/* The one way to write it, so that two lines that mean the same are the same. */
static int address_text(const ListenAddress *a, const char *word, char **ret) {
        char host[INET6_ADDRSTRLEN];
        char *s = NULL;
        int r;

        if (a->address.any.sa_family == AF_UNIX)
                r = str_append(&s, "%s", word);
        else if (a->any)
                r = str_append(&s, "%u", (unsigned)ntohs(a->address.in6.sin6_port));
        else if (a->address.any.sa_family == AF_INET6)
                r = str_append(&s, "[%s]:%u", inet_ntop(AF_INET6, &a->address.in6.sin6_addr, host, sizeof(host)),
                               (unsigned)ntohs(a->address.in6.sin6_port));
        else
                r = str_append(&s, "%s:%u", inet_ntop(AF_INET, &a->address.in.sin_addr, host, sizeof(host)),
                               (unsigned)ntohs(a->address.in.sin_port));
        if (r < 0)
                return r;
        *ret = s;
        return 0;
}

static void listen_done(void *field) {
        value_listen *v = field;

        for (size_t i = 0; i < v->n; i++)
                free(v->items[i].text);
        free(v->items);
        *v = (value_listen){};
}

static int listen_error(const ValueContext *c, const char *word, int r) {
        if (r == -ENAMETOOLONG)
                return value_error(c, "'%s' is no name that a socket can have: the kernel's limit is %zu bytes", word,
                                   sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
        if (startswith(word, "vsock:"))
                return value_error(c, "'%s': sockets of virtual machines are not supported", word);
        return value_error(c, "'%s' is no address; write a port from 1 to %d, IPV4:PORT, [IPV6]:PORT, /PATH or @NAME", word,
                           PORT_MAX);
}

static int listen_item(const ValueContext *c, const char *word, void *field) {
        _cleanup_free_ char *expanded = NULL, *path = NULL, *text = NULL;
        value_listen *v = field;
        ListenAddress a;
        int r;

        r = value_expand(c, word, &expanded);
        if (r < 0)
                return r;
        word = expanded;
        if (*word == '/') {
                r = value_check_path(c, word, &path);
                if (r < 0)
                        return r;
                word = path;
        }
        r = listen_address_parse(word, &a);
        if (r < 0)
                return listen_error(c, word, r);
        r = address_text(&a, word, &text);
        if (r >= 0)
                r = value_grow(c, &v->items, v->n, sizeof(ListenItem));
        if (r < 0)
                return r;
        v->items[v->n++] = (ListenItem){ .text = TAKE_PTR(text), .origin = c->origin };
        return 0;
}

static int listen_parse(const ValueContext *c, const char *text, void *field) {
        if (value_is_reset(text)) {
                listen_done(field);
                return 0;
        }
        return value_each_word(c, text, listen_item, field);
}

static int listen_explode(const void *field, char ***ret) {
        const value_listen *v = field;
        _cleanup_strv_ char **l = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < v->n; i++)
                r = strv_extend(&l, v->items[i].text);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

static int listen_print(const void *field, char **ret) {
        return value_print_exploded(listen_explode, field, ret);
}

const ValueType value_type_listen = {
        .name = "listen",
        .syntax = "addresses: PORT, IPV4:PORT, [IPV6]:PORT, /PATH or @NAME",
        .signature = "as",
        .size = sizeof(value_listen),
        .list = true,
        .parse = listen_parse,
        .print = listen_print,
        .explode = listen_explode,
        .done = listen_done,
};

/* --- bind_ipv6_only, start_on */

static const char *const bind_ipv6_only_words[] = {
        [BIND_IPV6_DEFAULT] = "default",
        [BIND_IPV6_BOTH] = "both",
        [BIND_IPV6_ONLY] = "ipv6-only",
        [_BIND_IPV6_MAX] = NULL,
};
static const char *const start_on_words[] = {
        [START_ON_TRAFFIC] = "traffic",
        [START_ON_START] = "start",
        [_START_ON_MAX] = NULL,
};

DEFINE_CHOICE_TYPE(bind_ipv6_only, bind_ipv6_only_words, BIND_IPV6_DEFAULT, "default, both or ipv6-only");
DEFINE_CHOICE_TYPE(start_on, start_on_words, START_ON_TRAFFIC, "traffic or start");

/* --- descriptor_name */

#define DESCRIPTOR_NAME_MAX 255

static int descriptor_name_parse(const ValueContext *c, const char *text, void *field) {
        _cleanup_free_ char *s = NULL;
        value_descriptor_name *v = field;
        int r;

        if (value_is_reset(text)) {
                free(*v);
                *v = NULL;
                return 0;
        }
        r = value_scalar(c, text, &s);
        if (r < 0)
                return r;
        if (strlen(s) > DESCRIPTOR_NAME_MAX)
                return value_error(c, "the name is too long; %d bytes are the limit", DESCRIPTOR_NAME_MAX);
        for (const char *p = s; *p; p++)
                if (*p < ' ' || *p > '~' || *p == ':')
                        return value_error(c, "'%s' is no name of a descriptor: it is ASCII without ':'", s);
        free(*v);
        *v = TAKE_PTR(s);
        return 0;
}

static void descriptor_name_done(void *field) {
        free(*(value_descriptor_name *)field);
        *(value_descriptor_name *)field = NULL;
}

static int descriptor_name_print(const void *field, char **ret) {
        const value_descriptor_name *v = field;
        char *s = value_escape_specifiers(strempty(*v));

        if (!s)
                return -ENOMEM;
        *ret = s;
        return 0;
}

static int descriptor_name_explode(const void *field, char ***ret) {
        return value_explode_one(*(const value_descriptor_name *)field, ret);
}

const ValueType value_type_descriptor_name = {
        .name = "descriptor_name",
        .syntax = "a name of ASCII without ':'",
        .signature = "s",
        .size = sizeof(value_descriptor_name),
        .parse = descriptor_name_parse,
        .print = descriptor_name_print,
        .explode = descriptor_name_explode,
        .done = descriptor_name_done,
};

/* --- access_mode */

static int access_mode_parse(const ValueContext *c, const char *text, void *field) {
        value_access_mode v = 0;
        size_t n = strspn(text, "01234567");

        if (value_is_reset(text)) {
                *(value_access_mode *)field = 0;
                return 0;
        }
        if (text[n] || n > 5)
                return value_error(c, "'%s' is no mode; write an octal number such as 0660", text);
        for (size_t i = 0; i < n; i++)
                v = v * 8 + (value_access_mode)(text[i] - '0');
        if (v > 07777)
                return value_error(c, "'%s' is more than a mode has; write at most 07777", text);
        *(value_access_mode *)field = v;
        return 0;
}

static int access_mode_print(const void *field, char **ret) {
        return asprintf(ret, "%04o", *(const value_access_mode *)field) < 0 ? -ENOMEM : 0;
}

static int access_mode_explode(const void *field, char ***ret) {
        return value_explode_u64(*(const value_access_mode *)field, ret);
}

/* The bus has the number itself, as systemd's has. */
static int access_mode_implode(char *const *words, char **ret) {
        uint64_t v;
        int r = value_implode_u64(words, &v);

        if (r < 0)
                return r;
        if (v > 07777)
                return -EINVAL;
        return asprintf(ret, "%04o", (unsigned)v) < 0 ? -ENOMEM : 0;
}

const ValueType value_type_access_mode = {
        .name = "access_mode",
        .syntax = "an octal number such as 0660",
        .signature = "u",
        .size = sizeof(value_access_mode),
        .parse = access_mode_parse,
        .print = access_mode_print,
        .explode = access_mode_explode,
        .implode = access_mode_implode,
};
