/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>

#include "manager/host/cgroup/cgroup.h"
#include "manager/host/cgroup/usage.h"

#define USAGE_TEXT_MAX 16384 /* io.stat has a line a device */
#define HUNDREDTHS 100

static const struct {
        const char *property, *file, *key;
        uint64_t scale;
} rows[_CGROUP_USAGE_MAX] = {
#define USAGE(property_, file_, key_, scale_) [CGROUP_USAGE_##property_] = { #property_, file_, key_, scale_ },
#include "manager/host/cgroup/usage.inc"
#undef USAGE
};

const char *cgroup_usage_to_string(CgroupUsage u) {
        return (int)u >= 0 && u < _CGROUP_USAGE_MAX ? rows[u].property : NULL;
}

/* "12.34" in hundredths, "max" is nothing. */
static bool usage_read_number(const char *p, bool decimals, uint64_t *ret) {
        uint64_t v = 0;
        char *end;

        if (!isdigit((unsigned char)*p))
                return false;
        v = strtoull(p, &end, 10);
        if (decimals) {
                v *= HUNDREDTHS;
                if (end[0] == '.' && isdigit((unsigned char)end[1]))
                        v += (uint64_t)(end[1] - '0') * 10 + (isdigit((unsigned char)end[2]) ? (uint64_t)(end[2] - '0') : 0);
        }
        *ret = v;
        return true;
}

/* The word "KEY=" of each line that begins with first ("" = of every line), added up. No line at all is nothing yet: 0. */
static uint64_t usage_sum(const char *text, const char *first, const char *word, bool decimals) {
        const size_t f = strlen(first), w = strlen(word);
        uint64_t sum = 0;

        for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
                const char *end = line + strcspn(line, "\n");

                if (f > 0 && ((size_t)(end - line) <= f || memcmp(line, first, f) != 0 || line[f] != ' '))
                        continue;
                for (const char *p = line; p < end; p += strcspn(p, " \n"), p += *p == ' ') {
                        uint64_t v;

                        if ((size_t)(end - p) > w && memcmp(p, word, w) == 0 && usage_read_number(p + w, decimals, &v))
                                sum = v > UINT64_MAX - 1 - sum ? UINT64_MAX - 1 : sum + v;
                }
        }
        return sum;
}

static uint64_t usage_of_line(const char *text, const char *key) {
        const size_t k = key ? strlen(key) : 0;
        uint64_t v;

        for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
                if (!key || (strncmp(line, key, k) == 0 && line[k] == ' '))
                        return usage_read_number(line + (key ? k + 1 : 0), false, &v) ? v : UINT64_MAX;
        return UINT64_MAX;
}

uint64_t cgroup_usage_parse(CgroupUsage u, const char *text) {
        const char *key = rows[u].key, *some = key ? startswith(key, "some ") : NULL;
        uint64_t v;

        if (some)
                v = *text ? usage_sum(text, "some", some, streq(some, "avg10=")) : UINT64_MAX;
        else if (key && key[strlen(key) - 1] == '=')
                v = usage_sum(text, "", key, false);
        else
                v = usage_of_line(text, key);
        return v > (UINT64_MAX - 1) / rows[u].scale ? UINT64_MAX : v * rows[u].scale;
}

uint64_t cgroup_usage(int fd, CgroupUsage u) {
        char text[USAGE_TEXT_MAX];

        if (fd < 0 || cgroup_read(fd, rows[u].file, text, sizeof(text)) < 0)
                return UINT64_MAX;
        return cgroup_usage_parse(u, text);
}
