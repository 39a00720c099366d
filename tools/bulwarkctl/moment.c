/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <stdio.h>
#include <time.h>

#include "manager/base/string-list.h"
#include "tools/bulwarkctl/moment.h"
#include "units/values/value.h"
#include "units/values/types.h"

static const struct {
        const char *word;
        int days; /* from the midnight that was last */
} day_rows[] = {
        { "yesterday", -1 },
        { "today", 0 },
        { "tomorrow", 1 },
};

static int moment_span(const char *text, uint64_t *ret) {
        Diag diag = {};
        ValueContext c = { .diag = &diag, .directive = "" };
        value_time_span span;
        int r;

        /* A bare number could be seconds, or the seconds since 1970 that "@" means. */
        if (text[strspn(text, "0123456789. ")] == 0)
                return -EINVAL;
        r = value_type_time_span.parse(&c, text, &span);
        diag_done(&diag);
        if (r < 0 || span == USEC_INFINITY)
                return -EINVAL;
        *ret = span;
        return 0;
}

static int moment_shift(uint64_t now, uint64_t span, bool back, uint64_t *ret) {
        if (back)
                *ret = span < now ? now - span : 0;
        else if (__builtin_add_overflow(now, span, ret))
                return -EINVAL;
        return 0;
}

/* "-1h", "+1h", "1h ago", and "1h" alone, which is ago too. */
static int moment_relative(const char *text, uint64_t now, uint64_t *ret) {
        const char *end = endswith(text, " ago");
        _cleanup_free_ char *span_text = NULL;
        bool back = *text != '+';
        uint64_t span;
        int r;

        if (end && (*text == '-' || *text == '+'))
                return -EINVAL;
        text += *text == '-' || *text == '+';
        span_text = end ? strndup(text, (size_t)(end - text)) : strdup(text);
        if (!span_text)
                return -ENOMEM;
        r = moment_span(span_text, &span);
        return r < 0 ? r : moment_shift(now, span, back, ret);
}

static int moment_since_epoch(const char *text, uint64_t *ret) {
        uint64_t seconds = 0, fraction = 0, unit = USEC_PER_SEC / 10;

        if (!isdigit((unsigned char)*text))
                return -EINVAL;
        for (; isdigit((unsigned char)*text); text++)
                if (__builtin_mul_overflow(seconds, UINT64_C(10), &seconds) ||
                    __builtin_add_overflow(seconds, (uint64_t)(*text - '0'), &seconds))
                        return -EINVAL;
        if (*text == '.')
                for (text++; isdigit((unsigned char)*text); text++, unit /= 10)
                        fraction += unit * (uint64_t)(*text - '0');
        if (*text || __builtin_mul_overflow(seconds, USEC_PER_SEC, &seconds))
                return -EINVAL;
        return __builtin_add_overflow(seconds, fraction, ret) ? -EINVAL : 0;
}

/* "Z", " UTC", "+01:00": *ret_offset is what local time there is ahead of UTC. */
static bool moment_zone(const char *text, long *ret_offset) {
        int hours, minutes, n = 0;

        *ret_offset = 0;
        if (streq(text, "Z") || streq(text, " UTC"))
                return true;
        text += *text == ' ';
        if ((*text != '+' && *text != '-') || sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &n) != 2 || text[1 + n] ||
            hours > 14 || minutes > 59 || hours < 0 || minutes < 0)
                return false;
        *ret_offset = (*text == '-' ? -1 : 1) * (hours * 3600L + minutes * 60L);
        return true;
}

static int moment_of(struct tm *tm, const char *rest, uint64_t *ret) {
        uint64_t fraction = 0, unit = USEC_PER_SEC / 10;
        int64_t seconds;
        long offset;

        if (*rest == '.') {
                if (!isdigit((unsigned char)rest[1]))
                        return -EINVAL;
                for (rest++; isdigit((unsigned char)*rest); rest++, unit /= 10)
                        fraction += unit * (uint64_t)(*rest - '0');
        }
        tm->tm_isdst = -1;
        if (!*rest)
                seconds = mktime(tm);
        else if (moment_zone(rest, &offset))
                seconds = timegm(tm) - offset;
        else
                return -EINVAL;
        if (seconds < 0 || (uint64_t)seconds > UINT64_MAX / USEC_PER_SEC - 1)
                return -EINVAL;
        *ret = (uint64_t)seconds * USEC_PER_SEC + fraction;
        return 0;
}

/* Dates and times of day, the longest form first. What a form does not name is today's, or zero. */
static int moment_calendar(const char *text, const struct tm *today, uint64_t *ret) {
        static const struct {
                const char *format;
                bool whole; /* a fraction or zone may follow */
        } forms[] = {
                { "%Y-%m-%d %H:%M:%S", true }, { "%Y-%m-%dT%H:%M:%S", true }, { "%Y-%m-%d %H:%M", false },
                { "%Y-%m-%dT%H:%M", false },   { "%Y-%m-%d", false },         { "%H:%M:%S", false },
                { "%H:%M", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(forms); i++) {
                struct tm tm = *today;
                const char *rest;

                tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
                rest = strptime(text, forms[i].format, &tm);
                if (rest && (forms[i].whole || !*rest || moment_zone(rest, &(long){ 0 })))
                        return moment_of(&tm, rest, ret);
        }
        return -EINVAL;
}

int moment_parse(const char *text, uint64_t now, uint64_t *ret) {
        time_t seconds = (time_t)(now / USEC_PER_SEC);
        struct tm today;
        int r;

        if (!localtime_r(&seconds, &today))
                return -EINVAL;
        if (streq(text, "now")) {
                *ret = now;
                return 0;
        }
        for (size_t i = 0; i < ELEMENTSOF(day_rows); i++)
                if (streq(text, day_rows[i].word)) {
                        today.tm_mday += day_rows[i].days;
                        today.tm_hour = today.tm_min = today.tm_sec = 0;
                        return moment_of(&today, "", ret);
                }
        if (*text == '@')
                return moment_since_epoch(text + 1, ret);
        r = moment_calendar(text, &today, ret);
        return r == -EINVAL ? moment_relative(text, now, ret) : r;
}
