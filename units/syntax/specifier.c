/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>

#include "manager/base/string-list.h"
#include "units/syntax/specifier.h"

/* Adds n bytes; the result of one assignment stays bounded, however often a specifier is repeated. */
typedef struct Output {
        char *text;
        size_t n, size;
} Output;

static void output_done(Output *o) {
        free(o->text);
}

static int output_add(Output *o, const char *s, size_t n) {
        if (n > SPECIFIER_RESULT_MAX - o->n)
                return -E2BIG;
        if (o->size - o->n <= n) {
                size_t size = 2 * (o->n + n) + 64;
                char *grown = realloc(o->text, size);

                if (!grown)
                        return -ENOMEM;
                o->text = grown;
                o->size = size;
        }
        memcpy(o->text + o->n, s, n);
        o->n += n;
        o->text[o->n] = 0;
        return 0;
}

static int hex_digit(char c) {
        return c >= '0' && c <= '9'   ? c - '0'
               : c >= 'a' && c <= 'f' ? c - 'a' + 10
               : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                      : -1;
}

int name_unescape(const char *s, char **ret) {
        _cleanup_free_ char *out = malloc(strlen(s) + 1);
        char *q = out;

        if (!out)
                return -ENOMEM;
        for (; *s; s++) {
                int high, low;

                if (*s == '-') {
                        *q++ = '/';
                        continue;
                }
                if (*s != '\\') {
                        *q++ = *s;
                        continue;
                }
                high = s[1] == 'x' ? hex_digit(s[2]) : -1;
                low = high >= 0 ? hex_digit(s[3]) : -1;
                if (low < 0 || (high == 0 && low == 0))
                        return -EINVAL;
                *q++ = (char)(high << 4 | low);
                s += 3;
        }
        *q = 0;
        *ret = TAKE_PTR(out);
        return 0;
}

/* --- what depends on the unit */

typedef int (*SpecifierFunc)(const ContainerSpec *s, char **ret);

static int copy(const char *s, char **ret) {
        char *c = strdup(strempty(s));

        if (!c)
                return -ENOMEM;
        *ret = c;
        return 0;
}

static int full_name(const ContainerSpec *s, char **ret) {
        char *name = NULL;
        int r;

        r = str_append(&name, "%s.container", s->name);
        if (r < 0)
                return r;
        *ret = name;
        return 0;
}

static int name(const ContainerSpec *s, char **ret) {
        return copy(s->name, ret);
}

static int prefix(const ContainerSpec *s, char **ret) {
        return copy(s->prefix, ret);
}

static int prefix_unescaped(const ContainerSpec *s, char **ret) {
        return name_unescape(s->prefix, ret);
}

static int instance(const ContainerSpec *s, char **ret) {
        return copy(s->instance, ret);
}

static int instance_unescaped(const ContainerSpec *s, char **ret) {
        return name_unescape(strempty(s->instance), ret);
}

static const char *last_component(const ContainerSpec *s) {
        const char *dash = strrchr(s->prefix, '-');

        return dash ? dash + 1 : s->prefix;
}

static int component(const ContainerSpec *s, char **ret) {
        return copy(last_component(s), ret);
}

static int component_unescaped(const ContainerSpec *s, char **ret) {
        return name_unescape(last_component(s), ret);
}

static int file_name(const ContainerSpec *s, char **ret) {
        _cleanup_free_ char *inner = NULL;
        char *path = NULL;
        int r;

        r = name_unescape(s->instance ? s->instance : s->prefix, &inner);
        if (r < 0)
                return r;
        r = str_append(&path, "%s%s", *inner == '/' ? "" : "/", inner);
        if (r < 0)
                return r;
        *ret = path;
        return 0;
}

static int fragment(const ContainerSpec *s, char **ret) {
        return s->fragment_path ? copy(s->fragment_path, ret) : -ENXIO;
}

static int fragment_directory(const ContainerSpec *s, char **ret) {
        const char *slash = s->fragment_path ? strrchr(s->fragment_path, '/') : NULL;
        char *d;

        if (!s->fragment_path)
                return -ENXIO;
        d = slash ? strndup(s->fragment_path,
                            slash == s->fragment_path ? 1 : (size_t)(slash - s->fragment_path))
                  : strdup(".");
        if (!d)
                return -ENOMEM;
        *ret = d;
        return 0;
}

static int credentials_directory(const ContainerSpec *s, char **ret) {
        return str_append(ret, CREDENTIALS_BASE "/%s", s->name);
}

static const struct {
        char letter;
        SpecifierFunc get;
} unit_specifiers[] = {
        {'n', full_name},
        {'N', name},
        {'p', prefix},
        {'P', prefix_unescaped},
        {'i', instance},
        {'I', instance_unescaped},
        {'j', component},
        {'J', component_unescaped},
        {'f', file_name},
        {'y', fragment},
        {'Y', fragment_directory},
        {'d', credentials_directory},
};

/* --- what depends on the host */

static const struct {
        char letter;
        size_t offset;
        const char *what;
} host_specifiers[] = {
#define FACT(letter, field, what)                                                                           \
        { letter, offsetof(SpecifierFacts, field), what }
        FACT('m', machine_id, "machine id"),
        FACT('b', boot_id, "boot id"),
        FACT('H', host_name, "host name"),
        FACT('l', short_host_name, "short host name"),
        FACT('q', pretty_host_name, "pretty host name"),
        FACT('v', kernel_release, "kernel release"),
        FACT('a', architecture, "architecture"),
        FACT('o', os_id, "operating system's id"),
        FACT('w', os_version_id, "operating system's version"),
        FACT('B', os_build_id, "operating system's build id"),
        FACT('W', os_variant_id, "operating system's variant"),
        FACT('A', os_image_version, "operating system's image version"),
        FACT('M', os_image_id, "operating system's image id"),
        FACT('t', runtime_directory, "runtime directory"),
        FACT('S', state_directory, "state directory"),
        FACT('C', cache_directory, "cache directory"),
        FACT('L', logs_directory, "log directory"),
        FACT('E', config_directory, "configuration directory"),
        FACT('T', temporary_directory, "temporary directory"),
        FACT('V', persistent_temporary_directory, "persistent temporary directory"),
        FACT('u', user_name, "manager's user"),
        FACT('U', user_id, "manager's user id"),
        FACT('g', group_name, "manager's group"),
        FACT('G', group_id, "manager's group id"),
        FACT('h', user_home, "manager's home directory"),
        FACT('s', user_shell, "manager's shell"),
#undef FACT
};

static const struct {
        char letter;
        const char *why;
} refused[] = {
        {'r', "the container's cgroup is chosen at start and hidden from it; name no cgroup path in a unit"},
        {'R', "the container's cgroup is chosen at start and hidden from it; name no cgroup path in a unit"},
        {'c', "the container's cgroup is chosen at start and hidden from it; name no cgroup path in a unit"},
        {'D', "the shared data directory is not supported yet; write the path"},
};

static int unit_specifier(const ValueContext *c, char letter, SpecifierFunc get, const ContainerSpec *s,
                          char **ret) {
        int r = get(s, ret);

        if (r == -EINVAL)
                return value_error(c,
                                   "'%%%c' cannot be used: the unit's name is not validly escaped, '\\' "
                                   "must begin '\\xNN'",
                                   letter);
        if (r == -ENXIO)
                return value_error(c, "'%%%c' cannot be used: the unit was not read from a file", letter);
        return r;
}

static int specifier_value(const ValueContext *c, char letter, char **ret) {
        const SpecifierContext *context = c->userdata;

        for (size_t i = 0; i < ELEMENTSOF(unit_specifiers); i++)
                if (unit_specifiers[i].letter == letter)
                        return unit_specifier(c, letter, unit_specifiers[i].get, context->spec, ret);
        for (size_t i = 0; i < ELEMENTSOF(host_specifiers); i++) {
                const char *value = NULL;

                if (host_specifiers[i].letter != letter)
                        continue;
                if (context->facts)
                        memcpy(&value, (const char *)context->facts + host_specifiers[i].offset,
                               sizeof(value));
                if (!value)
                        return value_error(c, "'%%%c' cannot be used: the %s is not known here", letter,
                                           host_specifiers[i].what);
                return copy(value, ret);
        }
        for (size_t i = 0; i < ELEMENTSOF(refused); i++)
                if (refused[i].letter == letter)
                        return value_error(c, "the specifier '%%%c' is refused: %s", letter, refused[i].why);
        return value_error(
                c, "'%%%c' is not a specifier; see systemd.unit(5), and write '%%%%' for a percent sign",
                letter);
}

/* --- as parts of a path */

/* Their values are paths, and have a '/' of their own. */
#define PATH_SPECIFIERS "fyYtSCLETVhs"

typedef struct Span {
        size_t begin, end; /* in the result */
        char letter;
} Span;

typedef struct Spans {
        Span *items;
        size_t n;
} Spans;

static void spans_done(Spans *s) {
        free(s->items);
}

static int spans_add(Spans *s, size_t begin, size_t end, char letter) {
        Span *grown = reallocarray(s->items, s->n + 1, sizeof(*grown));

        if (!grown)
                return -ENOMEM;
        s->items = grown;
        s->items[s->n++] = (Span){ .begin = begin, .end = end, .letter = letter };
        return 0;
}

static const char *component_mistake(const char *s, size_t n) {
        if (n == 0)
                return "nothing";
        if (s[0] != '.' || n > 2 || (n == 2 && s[1] != '.'))
                return NULL;
        return n == 1 ? "'.'" : "'..'";
}

/* One component of the result, and whether the value has to do with it. The slash that a path begins with, and that of a value
 * that is a path, stand behind nothing. */
static const char *span_mistake(const Span *s, const char *text, size_t begin, size_t end) {
        const bool is_path = strchr(PATH_SPECIFIERS, s->letter);

        if (s->begin > end || s->end < begin)
                return NULL;
        if (begin == end && s->begin < s->end && s->begin == begin && (begin == 0 || is_path))
                return NULL;
        if (s->begin < s->end && (s->end == begin || s->begin == end) && begin != end)
                return NULL; /* ends before it, or begins behind it */
        return component_mistake(text + begin, end - begin);
}

static void find_mistake(const Spans *spans, const char *text, SpecifierMistake *ret) {
        for (size_t i = 0; i < spans->n; i++) {
                const Span *s = spans->items + i;

                if (!strchr(PATH_SPECIFIERS, s->letter) && memchr(text + s->begin, '/', s->end - s->begin))
                        *ret = (SpecifierMistake){ .letter = s->letter, .what = "more than one name, as it has a '/'" };
                for (size_t begin = 0; !ret->letter;) {
                        const size_t end = begin + strcspn(text + begin, "/");
                        const char *what = span_mistake(s, text, begin, end);

                        if (what)
                                *ret = (SpecifierMistake){ .letter = s->letter, .what = what };
                        if (!text[end])
                                break;
                        begin = end + 1;
                }
        }
}

int specifier_check_path(const ValueContext *c) {
        const SpecifierContext *context = c->userdata;
        const SpecifierMistake m = context->mistake ? *context->mistake : (SpecifierMistake){};

        if (!m.letter)
                return 0;
        *context->mistake = (SpecifierMistake){};
        return value_error(c, "'%%%c' is %s here, and would make this another place; %s", m.letter, m.what,
                           strchr("iI", m.letter)   ? "give the instance another name"
                           : strchr("NnpPjJ", m.letter) ? "name the unit otherwise"
                                                     : "write what is meant");
}

int specifier_expand(const ValueContext *c, const char *word, char **ret) {
        _cleanup_(output_done) Output o = {};
        _cleanup_(spans_done) Spans spans = {};
        const SpecifierContext *context = c->userdata;
        int r;

        r = output_add(&o, "", 0);
        while (r == 0 && *word) {
                _cleanup_free_ char *value = NULL;
                size_t n = strcspn(word, "%");

                if (n > 0) {
                        r = output_add(&o, word, n);
                        word += n;
                        continue;
                }
                if (word[1] == '%') {
                        r = output_add(&o, "%", 1);
                        word += 2;
                        continue;
                }
                /* As systemd: only before a letter or a digit it begins a specifier. "50% off" and "--limit=80%" are text. */
                if (!isascii(word[1]) || !isalnum((unsigned char)word[1])) {
                        r = output_add(&o, word++, 1);
                        continue;
                }
                r = specifier_value(c, word[1], &value);
                if (r < 0)
                        return r;
                r = output_add(&o, value, strlen(value));
                if (r >= 0)
                        r = spans_add(&spans, o.n - strlen(value), o.n, word[1]);
                word += 2;
        }
        if (r == -E2BIG)
                return value_error(c, "the value grows beyond %d KiB by its specifiers",
                                   SPECIFIER_RESULT_MAX / 1024);
        if (r < 0)
                return r;
        if (context->mistake && !context->mistake->letter)
                find_mistake(&spans, o.text, context->mistake);
        *ret = TAKE_PTR(o.text);
        return 0;
}
