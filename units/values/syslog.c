/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* syslog_level, syslog_facility, log_patterns: how lines of a log are marked, and which of them are kept. */
#include "units/values/parse.h"

/* A word's place is its number. */
static const char *const level_words[] = {
        "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug", NULL,
};
static const char *const facility_words[] = {
        "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
        "", "", "", "", /* nobody's */
        "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7", NULL,
};

DEFINE_CHOICE_TYPE(syslog_level, level_words, 6, "emerg, alert, crit, err, warning, notice, info or debug");
DEFINE_CHOICE_TYPE(syslog_facility, facility_words, 3,
                   "kern, user, mail, daemon, auth, syslog, lpr, news, uucp, cron, authpriv, ftp, or local0 to local7");

/* What the two languages do not share, and what makes a match cost more than the text is long. */
static const struct {
        const char *text, *why;
} foreign[] = {
        { "(?", "groups that begin with (? are of Perl" },
        { "*?", "lazy repetitions are of Perl" },
        { "+?", "lazy repetitions are of Perl" },
        { "\\d", "\\d is of Perl; write [0-9]" },
        { "\\D", "\\D is of Perl; write [^0-9]" },
};

static const char *foreign_part(const char *pattern) {
        for (size_t i = 0; i < ELEMENTSOF(foreign); i++)
                if (strstr(pattern, foreign[i].text))
                        return foreign[i].why;
        for (const char *p = strchr(pattern, '\\'); p && p[1]; p = strchr(p + 2, '\\'))
                if (p[1] >= '1' && p[1] <= '9')
                        return "a reference back makes a match take for ever";
        return NULL;
}

int log_pattern_compile(const char *text, bool *ret_deny, regex_t *ret) {
        *ret_deny = *text == '~';
        return regcomp(ret, text + *ret_deny, REG_EXTENDED | REG_NOSUB) == 0 ? 0 : -EINVAL;
}

static int check_pattern(const ValueContext *c, const char *text) {
        const char *pattern = text + (*text == '~'), *why = foreign_part(pattern);
        char words[128];
        regex_t regex;
        int r;

        if (why)
                return value_error(c, "'%s': %s", text, why);
        r = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);
        if (r == 0) {
                regfree(&regex);
                return 0;
        }
        (void)regerror(r, NULL, words, sizeof(words));
        return value_error(c, "'%s' is no extended regular expression of regex(7): %s", text, words);
}

static int log_patterns_parse(const ValueContext *c, const char *text, void *field) {
        value_log_patterns *v = field;
        const size_t before = value_is_reset(text) ? 0 : v->n;
        int r = value_type_rules.parse(c, text, field);

        for (size_t i = before; r >= 0 && i < v->n; i++)
                r = check_pattern(c, v->items[i].text);
        return r;
}

static int log_patterns_print(const void *field, char **ret) {
        return value_type_rules.print(field, ret);
}

static int log_patterns_explode(const void *field, char ***ret) {
        return value_type_rules.explode(field, ret);
}

static int log_patterns_implode(char *const *list, char **ret) {
        return value_type_rules.implode(list, ret);
}

static void log_patterns_done(void *field) {
        value_type_rules.done(field);
}

const ValueType value_type_log_patterns = {
        .name = "log_patterns",
        .syntax = "an extended regular expression of regex(7), '~' before it to drop what matches; ' ; ' between two in one line",
        .signature = "as",
        .size = sizeof(value_log_patterns),
        .list = true,
        .parse = log_patterns_parse,
        .print = log_patterns_print,
        .explode = log_patterns_explode,
        .implode = log_patterns_implode,
        .done = log_patterns_done,
};
