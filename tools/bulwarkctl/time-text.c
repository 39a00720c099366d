/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "manager/base/string-list.h"
#include "tools/bulwarkctl/time-text.h"

uint64_t now_realtime(void) {
        struct timespec ts;

        (void)clock_gettime(CLOCK_REALTIME, &ts);
        return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / NSEC_PER_USEC;
}

/* Without a locale strftime() speaks English, which is what scripts expect. */
static bool local_time(uint64_t usec, struct tm *ret) {
        time_t t = (time_t)(usec / USEC_PER_SEC);

        return localtime_r(&t, ret);
}

char *timestamp_to_text(uint64_t usec) {
        char buffer[64];
        struct tm tm;

        if (usec == 0 || usec == USEC_INFINITY || !local_time(usec, &tm) ||
            strftime(buffer, sizeof(buffer), "%a %Y-%m-%d %H:%M:%S %Z", &tm) == 0)
                return strdup("n/a");
        return strdup(buffer);
}

char *log_time_to_text(uint64_t usec) {
        char buffer[64];
        struct tm tm;

        if (!local_time(usec, &tm) || strftime(buffer, sizeof(buffer), "%b %d %H:%M:%S", &tm) == 0)
                return strdup("n/a");
        return strdup(buffer);
}

#define MINUTE (60 * USEC_PER_SEC)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define WEEK (7 * DAY)
#define MONTH (2629800 * USEC_PER_SEC)
#define YEAR (31557600 * USEC_PER_SEC)

static const struct {
        uint64_t size;
        const char *one, *many;
} units[] = {
        { YEAR, " year", " years" },
        { MONTH, " month", " months" },
        { WEEK, " week", " weeks" },
        { DAY, " day", " days" },
        { HOUR, "h", "h" },
        { MINUTE, "min", "min" },
};

/* Seconds keep their milliseconds only where nothing larger than a minute stands before them. */
static int append_seconds(char **text, uint64_t usec, bool fraction) {
        const char *space = *text ? " " : "";
        uint64_t msec = usec / USEC_PER_MSEC;

        if (usec == 0 && *text)
                return 0;
        if (usec >= USEC_PER_SEC && (!fraction || msec % 1000 == 0))
                return str_append(text, "%s%" PRIu64 "s", space, usec / USEC_PER_SEC);
        if (usec >= USEC_PER_SEC)
                return str_append(text, "%s%" PRIu64 ".%03" PRIu64 "s", space, msec / 1000, msec % 1000);
        if (!fraction && *text)
                return 0;
        if (msec > 0)
                return str_append(text, "%s%" PRIu64 "ms", space, msec);
        return usec == 0 ? str_append(text, "0") : str_append(text, "%s%" PRIu64 "us", space, usec);
}

char *span_to_text(uint64_t usec, unsigned parts) {
        char *text = NULL;
        int r = 0;

        if (usec == USEC_INFINITY)
                return strdup("infinity");
        for (size_t i = 0; i < ELEMENTSOF(units) && parts > 0 && r >= 0; i++) {
                uint64_t n = usec / units[i].size;

                if (n == 0)
                        continue;
                r = str_append(&text, "%s%" PRIu64 "%s", text ? " " : "", n,
                               n == 1 ? units[i].one : units[i].many);
                usec %= units[i].size;
                parts--;
        }
        if (r >= 0 && parts > 0)
                r = append_seconds(&text, usec, !text);
        if (r < 0) {
                free(text);
                return NULL;
        }
        return text;
}

char *ago_to_text(uint64_t usec, uint64_t now) {
        bool past = usec <= now;
        uint64_t distance = past ? now - usec : usec - now;
        _cleanup_free_ char *span = NULL;
        char *text = NULL;

        if (distance < USEC_PER_SEC)
                return strdup("just now");
        span = span_to_text(distance - distance % USEC_PER_SEC, distance >= DAY ? 1 : 2);
        if (!span || str_append(&text, past ? "%s ago" : "in %s", span) < 0)
                return NULL;
        return text;
}

char *size_to_text(uint64_t bytes) {
        static const char suffixes[] = "BKMGTPE";
        char *text = NULL;
        uint64_t unit = 1;
        size_t i = 0;

        if (bytes == UINT64_MAX)
                return strdup("infinity");
        while (bytes / unit >= 1024) {
                unit *= 1024;
                i++;
        }
        if (i == 0 || (__uint128_t)(bytes % unit) * 10 / unit == 0)
                return str_append(&text, "%" PRIu64 "%c", bytes / unit, suffixes[i]) < 0 ? NULL : text;
        return str_append(&text, "%" PRIu64 ".%" PRIu64 "%c", bytes / unit,
                          (uint64_t)((__uint128_t)(bytes % unit) * 10 / unit), suffixes[i]) < 0
                       ? NULL
                       : text;
}
