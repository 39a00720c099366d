/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "manager/images/image-name.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static bool name_part_valid(const char *s, size_t n, bool host) {
        if (n == 0 || !strchr(LOWER DIGITS, s[0]) || !strchr(LOWER DIGITS, s[n - 1]))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!s[i] || !strchr(host ? LOWER DIGITS "._-:" : LOWER DIGITS "._-", s[i]))
                        return false;
        return true;
}

static bool name_tag_valid(const char *tag) {
        size_t n = strlen(tag);

        return n > 0 && n <= IMAGE_TAG_MAX && strspn(tag, LOWER UPPER DIGITS "._-") == n && tag[0] != '.' && tag[0] != '-';
}

/* The colon of a tag stands behind the last slash; one before it begins a port. */
static const char *name_tag(const char *name) {
        const char *slash = strrchr(name, '/');

        return strchr(slash ? slash : name, ':');
}

static bool name_valid(const char *name, const char *end) {
        for (const char *part = name;; part++) {
                const char *slash = memchr(part, '/', (size_t)(end - part)), *stop = slash ? slash : end;

                if (!name_part_valid(part, (size_t)(stop - part), slash && part == name))
                        return false;
                if (!slash)
                        return true;
                part = slash;
        }
}

int image_name_normalize(const char *text, char **ret) {
        const char *tag = name_tag(text);
        size_t n = tag ? (size_t)(tag - text) : strlen(text);
        char name[IMAGE_NAME_MAX + 1];

        if (strlen(text) > IMAGE_NAME_MAX || (tag && !name_tag_valid(tag + 1)) || !name_valid(text, text + n))
                return -EINVAL;
        if (snprintf(name, sizeof(name), "%s%s", text, tag ? "" : ":latest") >= (int)sizeof(name))
                return -EINVAL;
        *ret = strdup(name);
        return *ret ? 0 : -ENOMEM;
}

static void name_swap(const char *from, char a, char b, char *ret) {
        size_t i = 0;

        for (; from[i]; i++)
                ret[i] = from[i] == a ? b : from[i];
        ret[i] = 0;
}

static int name_check(const char *name) {
        _cleanup_free_ char *normal = NULL;
        int r = image_name_normalize(name, &normal);

        return r < 0 ? r : streq(name, normal) ? 0 : -EINVAL;
}

int image_name_to_file(const char *name, char ret[static IMAGE_NAME_MAX + 1]) {
        int r = name_check(name);

        if (r >= 0)
                name_swap(name, '/', '+', ret);
        return r;
}

int image_name_from_file(const char *file, char ret[static IMAGE_NAME_MAX + 1]) {
        if (strlen(file) > IMAGE_NAME_MAX || strchr(file, '/'))
                return -EINVAL;
        name_swap(file, '+', '/', ret);
        return name_check(ret);
}
