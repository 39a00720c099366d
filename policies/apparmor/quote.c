/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "policies/apparmor/quote.h"
#include "units/values/types.h"

/* Glob characters, what stands between two alternatives, variables (@{X}), the end of the quotes, the escape itself. */
#define SPECIAL "*?[]{}^,@\"\\"

static bool is_control(char c) {
        return (unsigned char)c < 0x20 || c == 0x7f;
}

int apparmor_quote(const char *s, char **ret) {
        char *text, *q;

        if (!*s)
                return -EINVAL;
        for (const char *p = s; *p; p++)
                if (is_control(*p))
                        return -EINVAL;
        q = text = malloc(4 * strlen(s) + 1);
        if (!text)
                return -ENOMEM;
        /* A character of several bytes may be taken apart, and the text of a profile is shown to people. */
        for (; *s; s++)
                if ((unsigned char)*s >= 0x80)
                        q += sprintf(q, "\\%03o", (unsigned char)*s);
                else {
                        if (strchr(SPECIAL, *s))
                                *q++ = '\\';
                        *q++ = *s;
                }
        *q = 0;
        *ret = text;
        return 0;
}

/* '+' is in no container's name, so that two of them never come to the same. */
int apparmor_profile_name(const char *container, char **ret) {
        char *text, *q;

        q = text = malloc(strlen(APPARMOR_PROFILE_PREFIX) + 3 * strlen(container) + 1);
        if (!text)
                return -ENOMEM;
        q = stpcpy(q, APPARMOR_PROFILE_PREFIX);
        for (const char *p = container; *p; p++)
                if (*p == ':' || *p == '\\')
                        q += sprintf(q, "+%02x", (unsigned char)*p);
                else
                        *q++ = *p;
        *q = 0;
        *ret = text;
        return 0;
}
