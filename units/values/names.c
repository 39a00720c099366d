/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* host_entries, host_names, domains, resolver_options, dns_servers, resolv_conf: which names a container knows. What stands in them
 * becomes a line of /etc/hosts or of /etc/resolv.conf: nothing that would begin another line, or another word, gets through. */
#include <ctype.h>
#include <sys/socket.h>

#include "units/values/parse.h"

#define NAME_MAX_LENGTH 253
#define LABEL_MAX_LENGTH 63
#define OPTION_MAX_LENGTH 64

/* Labels of letters, digits, inner hyphens and '_', which programs of containers are fond of. */
static const char *labels_fault(const char *s) {
        size_t label = 0;

        if (strlen(s) > NAME_MAX_LENGTH)
                return "is longer than 253 characters";
        for (const char *p = s;; p++) {
                if (*p == '.' || *p == 0) {
                        if (label == 0)
                                return "has an empty part before or after a dot";
                        if (p[-1] == '-' || p[-(ssize_t)label] == '-')
                                return "has a part that begins or ends with a hyphen";
                        if (label > LABEL_MAX_LENGTH)
                                return "has a part longer than 63 characters";
                        if (*p == 0)
                                return NULL;
                        label = 0;
                        continue;
                }
                if (!(isascii(*p) && isalnum((unsigned char)*p)) && *p != '-' && *p != '_')
                        return "has a character that is no letter, digit, hyphen, '_' or dot";
                label++;
        }
}

const char *host_name_fault(const char *s) {
        const char *fault = labels_fault(s), *last = strrchr(s, '.');

        if (fault)
                return fault;
        last = last ? last + 1 : s;
        if (strspn(last, "0123456789") == strlen(last) || ((last[0] == '0') && (last[1] == 'x' || last[1] == 'X')))
                return "would be read as an address";
        if (strcasecmp(last, "localhost") == 0)
                return "is the name of loopback everywhere";
        return NULL;
}

/* --- host_entries: AddHost= */

static void host_entries_done(void *field) {
        value_host_entries *v = field;

        for (size_t i = 0; i < v->n; i++)
                free(v->items[i].name);
        free(v->items);
        *v = (value_host_entries){};
}

/* "[fd00::1]" is fd00::1, as it stands in URLs. */
static int entry_address(const char *text, IpPrefix *ret) {
        char bare[64];
        const size_t n = strlen(text);
        bool whole;
        int r;

        if (n >= sizeof(bare))
                return -EINVAL;
        (void)stpcpy(bare, text);
        if (n > 2 && bare[0] == '[' && bare[n - 1] == ']') {
                memmove(bare, bare + 1, n - 2);
                bare[n - 2] = 0;
        }
        r = ip_prefix_parse(bare, ret, &whole);
        return r < 0 ? r : whole ? 0 : -EINVAL;
}

static int host_entry_item(const ValueContext *c, const char *word, void *field) {
        const char *colon = strchr(word, ':'), *fault;
        value_host_entries *v = field;
        _cleanup_free_ char *name = NULL;
        HostEntry entry = { .origin = c->origin };
        int r;

        if (!colon)
                return value_error(c, "'%s' names no address; write NAME:ADDRESS, such as db:10.1.2.3", word);
        name = strndup(word, (size_t)(colon - word));
        if (!name)
                return -ENOMEM;
        fault = host_name_fault(name);
        if (fault)
                return value_error(c, "'%s' %s; write NAME:ADDRESS, such as db:10.1.2.3", name, fault);
        entry.gateway = streq(colon + 1, HOST_GATEWAY);
        if (!entry.gateway && entry_address(colon + 1, &entry.address) < 0)
                return value_error(c, "'%s' is no address; write one such as 10.1.2.3 or fd00::3, or %s", colon + 1, HOST_GATEWAY);
        if (v->n >= HOST_ENTRIES_MAX)
                return value_error(c, "there are more than %d", HOST_ENTRIES_MAX);
        r = value_grow(c, &v->items, v->n, sizeof(*v->items));
        if (r < 0)
                return r;
        entry.name = TAKE_PTR(name);
        v->items[v->n++] = entry;
        return 0;
}

static int host_entries_parse(const ValueContext *c, const char *text, void *field) {
        if (!value_is_reset(text))
                return value_each_word(c, text, host_entry_item, field);
        host_entries_done(field);
        return 0;
}

static int host_entries_explode(const void *field, char ***ret) {
        const value_host_entries *v = field;
        _cleanup_strv_ char **l = NULL;

        for (size_t i = 0; i < v->n; i++) {
                char address[IP_PREFIX_TEXT_MAX] = HOST_GATEWAY, *s = NULL;
                int r;

                if (!v->items[i].gateway)
                        ip_prefix_to_text(&v->items[i].address, false, address);
                r = str_append(&s, "%s:%s", v->items[i].name, address);
                if (r >= 0)
                        r = strv_push(&l, s);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(l);
        return 0;
}

static int host_entries_print(const void *field, char **ret) {
        return value_print_exploded(host_entries_explode, field, ret);
}

const ValueType value_type_host_entries = {
        .name = "host_entries",
        .syntax = "NAME:ADDRESS, such as db:10.1.2.3 or db:fd00::3; " HOST_GATEWAY " is the address of the host",
        .signature = "as",
        .size = sizeof(value_host_entries),
        .list = true,
        .parse = host_entries_parse,
        .print = host_entries_print,
        .explode = host_entries_explode,
        .done = host_entries_done,
};

/* --- host_names, domains, resolver_options: words of which each is looked at */

static void words_done(void *field) {
        char ***v = field;

        *v = strv_free(*v);
}

static int words_explode(const void *field, char ***ret) {
        char *const *const *v = field;
        char **copy = strv_copy(*v);

        if (!copy && *v && **v)
                return -ENOMEM;
        *ret = copy;
        return 0;
}

static int words_print(const void *field, char **ret) {
        return value_print_exploded(words_explode, field, ret);
}

static int word_put(const ValueContext *c, const char *word, char ***v) {
        if (strv_contains(*v, word))
                return value_error(c, "'%s' stands twice", word);
        if (strv_length(*v) >= NAME_WORDS_MAX)
                return value_error(c, "there are more than %d", NAME_WORDS_MAX);
        return strv_extend(v, word);
}

static int host_name_item(const ValueContext *c, const char *word, void *field) {
        const char *fault = host_name_fault(word), *suffix;

        if (fault)
                return value_error(c, "'%s' %s", word, fault);
        suffix = endswith(word, "." NAMES_DOMAIN);
        if (suffix)
                return value_error(c, "'%s': names below %s are those of containers, by what each is called", word, NAMES_DOMAIN);
        return word_put(c, word, field);
}

static int domain_item(const ValueContext *c, const char *word, void *field) {
        const char *fault;

        if (*word == '~' || streq(word, "."))
                return value_error(c, "'%s' chooses a name server for a domain, which a resolv.conf cannot say; write a domain to search", word);
        fault = labels_fault(word);
        if (fault)
                return value_error(c, "'%s' %s; write a domain such as example.com", word, fault);
        return word_put(c, word, field);
}

static int resolver_option_item(const ValueContext *c, const char *word, void *field) {
        if (strlen(word) > OPTION_MAX_LENGTH || strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-:") != strlen(word) || !isalpha((unsigned char)*word))
                return value_error(c, "'%s' is no option of resolv.conf(5); write for example ndots:2 or timeout:3", word);
        return word_put(c, word, field);
}

#define DEFINE_WORDS_TYPE(type_name, item_, syntax_)                                                  \
        static int type_name##_parse(const ValueContext *c, const char *text, void *field) {          \
                if (!value_is_reset(text))                                                             \
                        return value_each_word(c, text, item_, field);                                 \
                words_done(field);                                                                     \
                return 0;                                                                              \
        }                                                                                              \
        const ValueType value_type_##type_name = {                                                     \
                .name = #type_name,                                                                    \
                .syntax = syntax_,                                                                     \
                .signature = "as",                                                                     \
                .size = sizeof(value_##type_name),                                                     \
                .list = true,                                                                          \
                .parse = type_name##_parse,                                                            \
                .print = words_print,                                                                  \
                .explode = words_explode,                                                              \
                .done = words_done,                                                                    \
        }

DEFINE_WORDS_TYPE(host_names, host_name_item, "names of letters, digits, hyphens, '_' and dots");
DEFINE_WORDS_TYPE(domains, domain_item, "domains that are searched, such as example.com");
DEFINE_WORDS_TYPE(resolver_options, resolver_option_item, "options of resolv.conf(5), such as ndots:2");

/* --- resolv_conf: systemd-nspawn's words, but for those that would change the root */

static const char *const resolv_conf_words[] = {
        [RESOLV_CONF_AUTO] = "auto",
        [RESOLV_CONF_OFF] = "off",
        [RESOLV_CONF_HOST] = "copy-host",
        [RESOLV_CONF_STATIC] = "copy-static",
        [RESOLV_CONF_UPLINK] = "copy-uplink",
        [RESOLV_CONF_STUB] = "copy-stub",
        NULL,
};

static int resolv_conf_parse(const ValueContext *c, const char *text, void *field) {
        const char *rest;
        int v = RESOLV_CONF_AUTO, r;

        text += strspn(text, WHITESPACE);
        rest = startswith(text, "replace-");
        if (!rest)
                rest = startswith(text, "bind-");
        if (rest)
                return value_error(c, "'%s': the container gets a file of its own, which covers what its root has; write copy-%s", text, rest);
        if (startswith(text, "delete"))
                return value_error(c, "'delete' would change the root; write InaccessiblePaths=/etc/resolv.conf");
        r = value_choice_parse(c, text, resolv_conf_words, RESOLV_CONF_AUTO, &v);
        if (r >= 0)
                *(value_resolv_conf *)field = (value_resolv_conf)v;
        return r;
}

static int resolv_conf_print(const void *field, char **ret) {
        return value_print_scalar(resolv_conf_words[*(const value_resolv_conf *)field], ret);
}

static int resolv_conf_explode(const void *field, char ***ret) {
        return value_explode_one(resolv_conf_words[*(const value_resolv_conf *)field], ret);
}

const ValueType value_type_resolv_conf = {
        .name = "resolv_conf",
        .syntax = "auto, off, copy-host, copy-static, copy-uplink or copy-stub",
        .signature = "s",
        .size = sizeof(value_resolv_conf),
        .parse = resolv_conf_parse,
        .print = resolv_conf_print,
        .explode = resolv_conf_explode,
        .words = resolv_conf_words,
};
