/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* device_allow, device_policy: which devices there are beside those of every container. */
#include <linux/bpf.h>

#include "units/values/parse.h"

#define ALL_ACCESS (BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD)

static const char *const device_policy_words[] = { "auto", "closed", "strict", NULL };
DEFINE_CHOICE_TYPE(device_policy, device_policy_words, DEVICE_POLICY_AUTO, "auto, closed or strict");

static const struct {
        char letter;
        unsigned access;
} letters[] = {
        { 'r', BPF_DEVCG_ACC_READ },
        { 'w', BPF_DEVCG_ACC_WRITE },
        { 'm', BPF_DEVCG_ACC_MKNOD },
};

void device_access_text(unsigned access, char text[static 4]) {
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(letters); i++)
                if (access & letters[i].access)
                        text[n++] = letters[i].letter;
        text[n] = 0;
}

static void device_allow_done(void *field) {
        value_device_allow *v = field;

        for (size_t i = 0; i < v->n; i++)
                free(v->items[i].name);
        free(v->items);
        *v = (value_device_allow){};
}

static int access_parse(const ValueContext *c, const char *word, unsigned *ret) {
        unsigned access = 0;

        for (const char *p = word; *p; p++) {
                unsigned one = 0;

                for (size_t i = 0; i < ELEMENTSOF(letters); i++)
                        if (letters[i].letter == *p)
                                one = letters[i].access;
                if (one == 0 || (access & one))
                        return value_error(c, "'%s' is no access to a device; write some of r, w and m, each once", word);
                access |= one;
        }
        *ret = access;
        return 0;
}

static int name_check(const ValueContext *c, const char *word, char **ret) {
        const bool group = startswith(word, "char-") || startswith(word, "block-");
        char *path;
        int r;

        if (group) {
                if (!strchr(word, '-')[1] || strchr(word, '/'))
                        return value_error(c, "'%s' names no group; write one of /proc/devices, such as char-pts, or char-*", word);
                *ret = strdup(word);
                return *ret ? 0 : -ENOMEM;
        }
        if (!startswith(word, "/dev/"))
                return value_error(c, "'%s' is no device; write a path below /dev/, or a group such as char-pts", word);
        r = value_check_path(c, word, &path);
        if (r < 0)
                return r;
        *ret = path;
        return 0;
}

static int device_add(const ValueContext *c, value_device_allow *v, const char *name, const char *access) {
        DeviceAllowItem item = { .access = ALL_ACCESS, .origin = c->origin };
        int r = access ? access_parse(c, access, &item.access) : 0;

        if (r >= 0)
                r = name_check(c, name, &item.name);
        if (r >= 0)
                r = value_grow(c, &v->items, v->n, sizeof(item));
        if (r < 0) {
                free(item.name);
                return r;
        }
        v->items[v->n++] = item;
        return 0;
}

/* One device a line, as in systemd; " ; " separates more, so that a list can be printed. */
static int device_allow_parse(const ValueContext *c, const char *text, void *field) {
        _cleanup_free_ char *name = NULL, *access = NULL;
        value_device_allow *v = field;
        int r = 0;

        if (value_is_reset(text)) {
                device_allow_done(field);
                return 0;
        }
        while (r >= 0) {
                _cleanup_free_ char *raw = NULL, *word = NULL;

                r = value_next_word(c, &text, &raw);
                if (r >= 0 && raw)
                        r = value_expand(c, raw, &word);
                if (r < 0)
                        return r;
                if (word && !streq(word, ";")) {
                        if (!name)
                                name = TAKE_PTR(word);
                        else if (!access)
                                access = TAKE_PTR(word);
                        else
                                return value_error(c, "'%s' is one word too many; write one device and its access a line", word);
                        continue;
                }
                if (!name)
                        return value_error(c, "a device is missing; write for example /dev/fuse rw");
                r = device_add(c, v, name, access);
                free(TAKE_PTR(name));
                free(TAKE_PTR(access));
                if (!word)
                        break;
        }
        return r;
}

static int device_allow_explode(const void *field, char ***ret) {
        _cleanup_strv_ char **l = NULL;
        const value_device_allow *v = field;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < v->n; i++) {
                char access[4];

                device_access_text(v->items[i].access, access);
                r = strv_extend(&l, v->items[i].name);
                if (r >= 0)
                        r = strv_extend(&l, access);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

static int device_allow_implode(char *const *words, char **ret) {
        _cleanup_free_ char *s = NULL;
        size_t n = strv_length(words);
        int r = str_append(&s, "%s", "");

        if (n % 2 != 0)
                return -EINVAL;
        for (size_t i = 0; r >= 0 && i < n; i += 2) {
                _cleanup_free_ char *escaped = value_escape_specifiers(words[i]), *quoted = escaped ? value_quote(escaped) : NULL;

                if (!quoted)
                        return -ENOMEM;
                if (words[i + 1][strspn(words[i + 1], "rwm")])
                        return -EINVAL;
                r = str_append(&s, "%s%s%s%s", i > 0 ? " ; " : "", quoted, *words[i + 1] ? " " : "", words[i + 1]);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

static int device_allow_print(const void *field, char **ret) {
        _cleanup_strv_ char **words = NULL;
        int r = device_allow_explode(field, &words);

        return r < 0 ? r : device_allow_implode(words, ret);
}

const ValueType value_type_device_allow = {
        .name = "device_allow",
        .syntax = "a path below /dev/ or a group such as char-pts, and the access to it: some of r, w and m",
        .signature = "a(ss)",
        .size = sizeof(value_device_allow),
        .list = true,
        .parse = device_allow_parse,
        .print = device_allow_print,
        .explode = device_allow_explode,
        .implode = device_allow_implode,
        .done = device_allow_done,
};
