/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The core under a host that is none: what happens, and what follows from it, a row each (scenarios.inc).
 *
 * --update prints the rows with what follows now: to be read before it is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/core/fake-host.h"

#define UNITS_MAX 8
#define COLUMNS 96

typedef struct Scenario {
        const char *name, *units, *script, *trace;
} Scenario;

static const char *const units[] = {
#define UNIT(name, text) name, text,
#include "tests/core/units.inc"
#undef UNIT
};

static const Scenario scenarios[] = {
#define SCENARIO(name, units, script, ...) { name, units, script, "" __VA_ARGS__ },
#include "tests/core/scenarios.inc"
#undef SCENARIO
};

static const char *unit_text(const char *name, size_t n) {
        for (size_t i = 0; i < ELEMENTSOF(units); i += 2)
                if (strlen(units[i]) == n && memcmp(units[i], name, n) == 0)
                        return units[i + 1];
        fail_msg("there is no unit \"%.*s\" in units.inc", (int)n, name);
        return NULL;
}

/* "verb", "verb:argument", "unit/verb"; without a unit, of the first. */
static void run_step(FakeHost *h, const char *first, char *step) {
        char *slash = strchr(step, '/'), *verb = slash ? slash + 1 : step, *argument = strchr(verb, ':');
        Container *c;

        if (slash)
                *slash = 0;
        if (argument)
                *argument++ = 0;
        c = fake_container(h, slash ? step : first);
        assert_non_null(c);
        if (!fake_do(h, c, verb, argument))
                assert_true(str_append(&h->trace, " (%s: nothing)", verb) >= 0);
        fake_check(h);
}

static void add_words(FakeHost *h) {
        for (size_t i = 0; i < h->manager->n_sorted; i++) {
                const Container *c = h->manager->sorted[i];

                assert_true(str_append(&h->trace, " [%s %s %s]", container_active_state(c), container_sub_state(c),
                                       container_result_to_string(container_result(c))) >= 0);
        }
}

/* The trace, owned. */
static char *run_scenario(const Scenario *s, size_t without_undo, char **ret_violation) {
        const char *texts[2 * UNITS_MAX + 1] = {};
        char *names = strdup(s->units), *script = strdup(s->script), *save = NULL, *trace;
        size_t n = 0;
        FakeHost *h;

        assert_true(names && script);
        for (char *p = strtok_r(names, " ", &save); p; p = strtok_r(NULL, " ", &save)) {
                assert_true(n < UNITS_MAX);
                texts[2 * n] = p;
                texts[2 * n++ + 1] = unit_text(p, strlen(p));
        }
        h = fake_host_new(texts);
        h->without_undo = without_undo;
        h->tracing = true;
        for (char *p = strtok_r(script, " ", &save); p; p = strtok_r(NULL, " ", &save)) {
                assert_true(str_append(&h->trace, "| %s", p) >= 0);
                run_step(h, texts[0], p);
        }
        add_words(h);
        trace = h->trace;
        *ret_violation = h->violation;
        h->trace = h->violation = NULL;
        (void)fake_host_free(h);
        free(names);
        free(script);
        return trace;
}

static void what_follows_is_as_written(void **state) {
        size_t wrong = 0;

        for (size_t i = 0; i < ELEMENTSOF(scenarios); i++) {
                _cleanup_free_ char *violation = NULL;
                _cleanup_free_ char *trace = run_scenario(scenarios + i, 0, &violation);

                if (violation)
                        print_error("%s: %s\n", scenarios[i].name, violation);
                if (!streq(trace, scenarios[i].trace))
                        print_error("%s:\n   wanted %s\n   found  %s\n", scenarios[i].name, scenarios[i].trace, trace);
                wrong += violation || !streq(trace, scenarios[i].trace);
        }
        assert_int_equal(wrong, 0);
        assert_true(ELEMENTSOF(scenarios) >= 150);
}

/* Whichever undo does nothing, some scenario tells. */
static void no_undo_can_be_taken_out(void **state) {
        for (size_t part = 0; part < fake_parts_count(); part++) {
                _cleanup_free_ char *first = NULL;

                if (!fake_part_has_undo(part))
                        continue;
                for (size_t i = 0; !first && i < ELEMENTSOF(scenarios); i++)
                        free(run_scenario(scenarios + i, part + 1, &first));
                if (!first)
                        fail_msg("without the undo of \"%s\" every scenario is as it was", fake_part_name(part));
        }
}

/* A line for each stimulus, and further ones where it is long. */
static void print_trace(char *trace) {
        size_t column = 0;

        for (char *p = trace; *p;) {
                size_t n = strcspn(p + 1, " |") + 1;

                if (*p == '|' || column + n > COLUMNS) {
                        printf("%s\n         \"", column > 0 ? "\"" : ",");
                        column = 0;
                }
                printf("%.*s", (int)n, p);
                column += n;
                p += n;
        }
        printf("\")\n");
}

static int update(void) {
        for (size_t i = 0; i < ELEMENTSOF(scenarios); i++) {
                const Scenario *s = scenarios + i;
                _cleanup_free_ char *violation = NULL;
                _cleanup_free_ char *trace = run_scenario(s, 0, &violation);

                printf("SCENARIO(\"%s\", \"%s\", \"%s\"", s->name, s->units, s->script);
                print_trace(trace);
                if (violation)
                        (void)fprintf(stderr, "%s: %s\n", s->name, violation);
        }
        return 0;
}

int main(int argc, char **argv) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_follows_is_as_written),
                cmocka_unit_test(no_undo_can_be_taken_out),
        };

        return argc > 1 && streq(argv[1], "--update") ? update() : cmocka_run_group_tests(tests, NULL, NULL);
}
