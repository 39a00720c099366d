/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A random walk over the state table: whatever comes when, a life has one end, its undo comes once and in reverse order, no
 * timer runs outside its states, nothing is told to others before it listens, and when all is down nothing is left.
 *
 * BULWARK_WALK_STEPS= and BULWARK_WALK_SEED= make it longer or another one; BULWARK_WALK_TRACE=1 tells all that led to a failure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/core/fake-host.h"

#define STEPS 100000 /* seconds, also where a sanitizer looks on; a million are for those who have changed something here */
#define ROUNDS_OF 20000 /* each on a host of its own, so that a failure is found again soon */
#define UNITS_MAX 8
#define LAST_MOVES 40

static const char *const units[] = {
#define UNIT(name, text) name, text,
#include "tests/core/units.inc"
#undef UNIT
};

static uint64_t number_of(const char *name, uint64_t otherwise) {
        const char *value = getenv(name);

        return value ? strtoull(value, NULL, 10) : otherwise;
}

/* xorshift: the same everywhere. */
static uint64_t next(uint64_t *seed) {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        return *seed;
}

/* What the keeper and the payload do comes often, so that lives come to their end; what people do less, a new manager seldom. */
static const struct {
        const char *verb;
        unsigned weight;
        const char *argument;
} moves[] = {
        { "start", 6, NULL },     { "stop", 3, NULL },      { "restart", 2, NULL },   { "reload", 2, NULL },  { "cancel", 1, NULL },
        { "reset", 1, NULL },     { "up", 16, NULL },       { "fail", 2, NULL },      { "exit", 6, "0" },     { "exit", 3, "1" },
        { "die", 4, "15" },       { "die", 2, "9" },        { "leave", 2, "0" },      { "leave", 1, "1" },    { "empty", 8, NULL },
        { "joined", 8, NULL },    { "command", 8, "0" },    { "command", 2, "1" },    { "ready", 6, NULL },   { "reloaded", 3, NULL },
        { "stopping", 1, NULL },  { "extend", 1, "20" },    { "wait", 2, "1" },       { "timer", 4, NULL },   { "traffic", 3, NULL },
        { "oom", 1, NULL },       { "freeze", 1, NULL },    { "thaw", 1, NULL },      { "maclost", 1, NULL }, { "doom", 1, NULL },
        { "doom", 1, "abort" },   { "doom", 1, "kill" },    { "keep", 2, NULL },
};

/* The last moves that met something, for the one who has to find out. */
typedef struct Way {
        char words[LAST_MOVES][64];
        size_t n;
} Way;

static void go(FakeHost *h, Container *c, const char *verb, const char *argument, Way *way) {
        char words[sizeof(way->words[0])];

        (void)snprintf(words, sizeof(words), "%s/%s%s%s", container_name(c), verb, argument ? ":" : "", strempty(argument));
        if (h->tracing)
                fake_note(words);
        if (fake_do(h, c, verb, argument))
                memcpy(way->words[way->n++ % LAST_MOVES], words, sizeof(words));
}

static void move(FakeHost *h, Container *c, uint64_t *seed, Way *way) {
        unsigned sum = 0, at;

        if (next(seed) % 2000 == 0) {
                go(h, c, next(seed) % 2 ? "manager" : "lost", NULL, way);
                return;
        }
        for (size_t i = 0; i < ELEMENTSOF(moves); i++)
                sum += moves[i].weight;
        at = (unsigned)(next(seed) % sum);
        for (size_t i = 0; i < ELEMENTSOF(moves); i++) {
                if (at < moves[i].weight) {
                        go(h, c, moves[i].verb, moves[i].argument, way);
                        return;
                }
                at -= moves[i].weight;
        }
}

/* Everything comes down: what is told to stop is killed, what is left goes, and time passes. */
static void bring_down(FakeHost *h, const char *const *names) {
        for (unsigned round = 0; round < 60; round++)
                for (size_t i = 0; names[i]; i += 2) {
                        Container *c = fake_container(h, names[i]);

                        if (!c)
                                continue;
                        if (round % 20 == 0) {
                                (void)fake_do(h, c, "thaw", NULL);
                                (void)fake_do(h, c, "stop", NULL);
                        }
                        if (!fake_do(h, c, "up", NULL) && !fake_do(h, c, "joined", NULL) && !fake_do(h, c, "command", NULL) &&
                            !fake_do(h, c, "die", NULL) && !fake_do(h, c, "empty", NULL))
                                (void)fake_do(h, c, "wait", "7");
                }
}

static uint64_t walk(uint64_t seed, uint64_t steps, size_t without_undo, char **ret_violation, uint64_t *ret_met, uint64_t *ret_lives) {
        const char *chosen[2 * UNITS_MAX + 1] = {};
        uint64_t lives, events = 0, first = seed;
        Way way = {};
        FakeHost *h;

        seed = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
        for (size_t i = 0; i < UNITS_MAX; i++) {
                size_t unit;
                bool taken;

                do {
                        unit = 2 * (next(&seed) % (ELEMENTSOF(units) / 2));
                        taken = false;
                        for (size_t k = 0; k < i; k++)
                                taken |= chosen[2 * k] == units[unit];
                } while (taken);
                chosen[2 * i] = units[unit];
                chosen[2 * i + 1] = units[unit + 1];
        }
        h = fake_host_new(chosen);
        h->without_undo = without_undo;
        h->tracing = getenv("BULWARK_WALK_TRACE");
        for (uint64_t i = 0; i < steps && !h->violation; i++) {
                Container *c = fake_container(h, chosen[2 * (next(&seed) % UNITS_MAX)]);

                if (!c)
                        continue;
                move(h, c, &seed, &way);
                fake_check(h);
        }
        bring_down(h, chosen);
        fake_check_rest(h);
        *ret_met += way.n;
        events = h->n_events;
        lives = h->n_lives;
        if (h->violation && h->trace)
                (void)fprintf(stderr, "%s\n", h->trace);
        if (h->violation) {
                for (size_t i = way.n < LAST_MOVES ? 0 : way.n - LAST_MOVES; i < way.n; i++)
                        print_error("%s ", way.words[i % LAST_MOVES]);
                if (str_append(ret_violation, "seed %llu, after %llu events: %s", (unsigned long long)first,
                               (unsigned long long)events, h->violation) < 0)
                        abort();
        }
        (void)fake_host_free(h);
        *ret_lives += lives;
        return events;
}

static void whatever_comes_when(void **state) {
        const uint64_t steps = number_of("BULWARK_WALK_STEPS", STEPS);
        uint64_t seed = number_of("BULWARK_WALK_SEED", 1), events = 0, met = 0, lives = 0;

        for (uint64_t done = 0; done < steps; done += ROUNDS_OF) {
                _cleanup_free_ char *violation = NULL;

                events += walk(seed++, MIN_OF(steps - done, (uint64_t)ROUNDS_OF), 0, &violation, &met, &lives);
                if (violation)
                        fail_msg("%s", violation);
        }
        print_message("%llu steps, %llu of which met something, %llu changes of state, %llu lives\n", (unsigned long long)steps,
                      (unsigned long long)met, (unsigned long long)events, (unsigned long long)lives);
        assert_true(met > steps / 10 && events > steps / 10 && lives > steps / 200);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(whatever_comes_when),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
