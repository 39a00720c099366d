/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a file of a control group says after it was written: whether that is what was asked for. Pure. */
#include <ctype.h>
#include <stdio.h>
#include <unistd.h>

#include "manager/host/cgroup/cgroup-limits.h"

/* The next "3" or "0-7" of a list; false at its end, and where it is none. */
static bool list_next(const char **p, unsigned long *first, unsigned long *last) {
        char *end;

        while (**p == ',' || isspace((unsigned char)**p))
                (*p)++;
        if (!isdigit((unsigned char)**p))
                return false;
        *first = *last = strtoul(*p, &end, 10);
        if (*end == '-')
                *last = strtoul(end + 1, &end, 10);
        *p = end;
        return true;
}

static bool list_has(const char *list, unsigned long n) {
        unsigned long first, last;

        while (list_next(&list, &first, &last))
                if (first <= n && n <= last)
                        return true;
        return false;
}

bool cgroup_list_within(const char *list, const char *whole) {
        unsigned long first, last;

        while (list_next(&list, &first, &last))
                for (unsigned long n = first; n <= last; n++)
                        if (!list_has(whole, n))
                                return false;
        return true;
}

static bool same_line(const char *value, const char *text) {
        const size_t n = strcspn(text, "\n");

        return strlen(value) == n && memcmp(value, text, n) == 0;
}

static bool same_bytes(const char *value, const char *text) {
        const uint64_t page = (uint64_t)getpagesize();
        char *end;
        uint64_t v;

        if (!isdigit((unsigned char)*value) || !isdigit((unsigned char)*text))
                return same_line(value, text);
        v = strtoull(text, &end, 10);
        return (*end == '\n' || !*end) && v == strtoull(value, NULL, 10) / page * page;
}

/* "8:0 rbps=1000" in "8:0 rbps=1000 wbps=max riops=max wiops=max". A device whose limits are all none, or whose weight is the
 * default, has no line. */
static bool has_device(const char *value, const char *text) {
        const size_t head = strcspn(value, " ") + 1, n = strlen(value + head);
        const char *tail = value + head + (n > 3 ? n - 3 : 0);

        for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
                const size_t line = strcspn(text, "\n");

                if (line < head || memcmp(text, value, head) != 0)
                        continue;
                for (const char *p = text + head; p < text + line;) {
                        const size_t word = strcspn(p, " \n");

                        if (word == n && memcmp(p, value + head, n) == 0)
                                return true;
                        p += word + (p[word] == ' ');
                }
                return false;
        }
        return streq(tail, "max") || streq(value + head, "default") || streq(value + head, "target=0");
}

bool cgroup_limit_holds(CgroupFormat format, const char *value, const char *text, const char *effective) {
        switch (format) {
        case CGROUP_FORMAT_TEXT:
        case CGROUP_FORMAT_PARTITION:
                return same_line(value, text);
        case CGROUP_FORMAT_BYTES:
                return same_bytes(value, text);
        case CGROUP_FORMAT_DEVICE:
                return has_device(value, text);
        case CGROUP_FORMAT_CPUS:
                return same_line(streq(value, "\n") ? "" : value, text) &&
                       (streq(value, "\n") || !effective || cgroup_list_within(effective, value));
        case CGROUP_FORMAT_UNREAD:
        case _CGROUP_FORMAT_MAX:
                break;
        }
        return true;
}
