/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <stdio.h>

#include "tools/bulwarkctl/log-select.h"

/* As journalctl(1): a pattern without a capital letter matches either case. */
static bool pattern_has_capital(const char *pattern) {
        for (; *pattern; pattern++)
                if (isupper((unsigned char)*pattern))
                        return true;
        return false;
}

int log_selection_init(LogSelection *s, const Options *o, char **reterr) {
        int flags = REG_EXTENDED | REG_NOSUB, r;

        *s = (LogSelection){ .since = o->since, .until = o->until, .priorities = o->priorities };
        if (!o->grep)
                return 0;
        if (!pattern_has_capital(o->grep))
                flags |= REG_ICASE;
        r = regcomp(&s->pattern, o->grep, flags);
        if (r != 0) {
                char words[128];

                (void)regerror(r, &s->pattern, words, sizeof(words));
                if (asprintf(reterr, "\"%s\" is no value for --grep: it is no regular expression (%s)", o->grep, words) < 0) {
                        *reterr = NULL;
                        return -ENOMEM;
                }
                return -EINVAL;
        }
        s->has_pattern = true;
        return 0;
}

void log_selection_done(LogSelection *s) {
        if (s->has_pattern)
                regfree(&s->pattern);
        s->has_pattern = false;
}

bool log_selection_is_all(const LogSelection *s) {
        return s->since == 0 && s->until == 0 && s->priorities == 0 && !s->has_pattern && !s->wanted;
}

bool log_selection_matches(const LogSelection *s, const LogEntry *e) {
        regmatch_t range = { .rm_eo = (regoff_t)e->size };

        if (s->since != 0 && e->realtime_usec < s->since)
                return false;
        if (s->until != 0 && e->realtime_usec > s->until)
                return false;
        if (s->priorities != 0 && !(s->priorities & (1U << e->priority)))
                return false;
        if (s->wanted && !s->wanted(e, s->userdata))
                return false;
        /* The text has no end of its own. */
        return !s->has_pattern || regexec(&s->pattern, e->text, 1, &range, REG_STARTEND) == 0;
}
