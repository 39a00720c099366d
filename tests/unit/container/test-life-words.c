/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is told of containers: words for each kind of event, and details that the line of JSON can hold. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

#include <cmocka.h>

#include "manager/base/string-list.h"
#include "manager/host/streams/life-details.h"
#include "manager/host/streams/life-words.h"

static void words_say_what_happened(void **state) {
        static const struct {
                EventKind kind;
                LifeFacts facts;
                const char *words;
                int priority;
        } rows[] = {
                { EVENT_KIND_RUNNING, { .leader = 12, .success = true }, "runs, process 12", LOG_INFO },
                { EVENT_KIND_EXIT, { .code = CLD_EXITED, .success = true }, "ended with exit code 0", LOG_INFO },
                { EVENT_KIND_EXIT, { .code = CLD_EXITED, .status = 3 }, "ended with exit code 3", LOG_NOTICE },
                { EVENT_KIND_EXIT, { .code = CLD_KILLED, .status = SIGTERM, .success = true }, "was ended by SIGTERM", LOG_INFO },
                { EVENT_KIND_EXIT, { .code = CLD_DUMPED, .status = SIGSEGV }, "was ended by SIGSEGV, its memory was dumped", LOG_NOTICE },
                { EVENT_KIND_EXIT, { .code = 0 }, "ended; its exit code is not known", LOG_NOTICE },
                { EVENT_KIND_STOP, { .success = true }, "is stopped", LOG_INFO },
                { EVENT_KIND_STOP, { .result = "unhealthy" }, "is ended (unhealthy)", LOG_WARNING },
                { EVENT_KIND_REFUSED, { .result = "policy", .error = "a" }, "was not started: a", LOG_WARNING },
                { EVENT_KIND_FAILED, { .result = "launch", .error = "a\nb" }, "has failed: a b", LOG_ERR },
                { EVENT_KIND_LISTENING, { .success = true }, "listens on its sockets", LOG_INFO },
                { EVENT_KIND_LISTENING, { .error = "no program" }, "listens on its sockets again: no program", LOG_WARNING },
                { EVENT_KIND_FAILED, { .result = "timeout" }, "has failed (timeout)", LOG_ERR },
                { EVENT_KIND_RESTART_SCHEDULED, { .restart_in = 100 * USEC_PER_MSEC + 3, .n_restarts = 2 },
                  "is started again in 100ms (restart 3)", LOG_NOTICE },
                { EVENT_KIND_RESTART_SCHEDULED, { .restart_in = 3 }, "is started again in 0 (restart 1)", LOG_NOTICE },
                { EVENT_KIND_HEALTH, { .health = "healthy" }, "is healthy", LOG_INFO },
                { EVENT_KIND_HEALTH, { .health = "unhealthy", .streak = 3 }, "is unhealthy: 3 bad checks in a row", LOG_WARNING },
                { EVENT_KIND_OOM, { .oom_kills = 2 }, "the kernel has killed processes of it for want of memory: 2 so far",
                  LOG_WARNING },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                int priority = -1;
                char *words = life_words(rows[i].kind, &rows[i].facts, &priority);

                assert_string_equal(words, rows[i].words);
                assert_int_equal(priority, rows[i].priority);
                free(words);
        }
}

static void every_kind_has_words_and_details(void **state) {
        static const char *const details[] = {
#define EVENT_KIND(kind, word, details) details,
#include "manager/container/event-kinds.inc"
#undef EVENT_KIND
        };

        for (EventKind kind = 0; kind < _EVENT_KIND_MAX; kind++) {
                const LifeFacts facts = {};
                char **names = NULL;
                int priority = -1;
                char *words = life_words(kind, &facts, &priority);

                assert_non_null(words);
                assert_true(*words && priority >= LOG_ERR && priority <= LOG_DEBUG);
                assert_int_equal(strv_split(details[kind], ' ', &names), 0);
                for (size_t i = 0; names && names[i]; i++)
                        if (!life_detail_known(names[i]))
                                fail_msg("no row for the detail %s", names[i]);
                strv_free(names);
                free(words);
        }
}

/* A container writes some of the details: nothing in them ends the string, the line, or it in the middle of a character. */
static void strings_are_json(void **state) {
        static const struct {
                const char *text, *json;
                size_t max;
        } rows[] = {
                { "plain", "\"plain\"", 99 },
                { "", "\"\"", 99 },
                { "a\"b\\c\nd\x1b", "\"a\\u0022b\\u005cc\\u000ad\\u001b\"", 99 },
                { "\n\n", "\"\\u000a\\u000a\"", 99 },
                { "abcdef", "\"abc\"", 3 },
                { "ab\xc3\xa4", "\"ab\"", 3 },
                { "ab\xc3\xa4", "\"ab\xc3\xa4\"", 4 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char *text = NULL;

                assert_int_equal(life_append_string(&text, rows[i].text, rows[i].max), 0);
                assert_string_equal(text, rows[i].json);
                free(text);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(words_say_what_happened),
                cmocka_unit_test(every_kind_has_words_and_details),
                cmocka_unit_test(strings_are_json),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
