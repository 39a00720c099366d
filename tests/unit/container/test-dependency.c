/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The graph of dependencies and what requests make of it, without any container: by hand, and on random graphs against
 * plain readings of the rules as matrices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "manager/base/string-list.h"
#include "manager/order/dependency.h"
#include "manager/order/transaction.h"

#define NODES_MAX 60U

/* --- units out of text: "a: Requires=b After=b" */

static ContainerSpec *spec_of(const char *name, const char *text) {
        static const char file[] = "x.container";
        ContainerSpec *s = NULL;
        char *copy = strdup(text), *rest = copy;
        unsigned line = 1;

        assert_int_equal(container_spec_new(name, &s), 0);
        for (char *word; (word = strsep(&rest, " "));) {
                char *value = strchr(word, '=');
                DirectiveId id;

                if (!value)
                        continue;
                *value++ = 0;
                for (char *p = value; *p; p++)
                        if (*p == ',')
                                *p = ' ';
                id = directive_find(SECTION_Unit, word);
                assert_true(id >= 0);
                assert_int_equal(container_spec_assign(s, id,
                                                       &(ValueContext){ .origin = { file, ++line }, .directive = word },
                                                       value), 0);
        }
        free(copy);
        return s;
}

static void set_unit(DependencyGraph *g, const char *name, const char *text) {
        ContainerSpec *s = spec_of(name, text);

        assert_int_equal(dependency_graph_set(g, name, s), 0);
        (void)container_spec_unref(s);
}

static DependencyGraph *graph_of(const char *const units[][2], size_t n) {
        DependencyGraph *g = NULL;

        assert_int_equal(dependency_graph_new(&g), 0);
        for (size_t i = 0; i < n; i++)
                set_unit(g, units[i][0], units[i][1]);
        return g;
}

/* --- a world of containers that are where they are said to be */

typedef struct World {
        const char *up, *starting, *stopping, *bad; /* " a b " */
        const char *spared;
} World;

static bool stands_in(const char *list, const char *name) {
        char word[80];

        (void)snprintf(word, sizeof(word), " %s ", name);
        return list && strstr(list, word);
}

static Course course(const char *name, void *userdata) {
        const World *w = userdata;

        return stands_in(w->up, name)         ? COURSE_UP
               : stands_in(w->starting, name) ? COURSE_STARTING
               : stands_in(w->stopping, name) ? COURSE_STOPPING
                                              : COURSE_DOWN;
}

static int check_start(const char *name, Diag *diag, void *userdata) {
        const World *w = userdata;

        return stands_in(w->bad, name) ? diag_error(diag, ERROR_NO_SUCH_UNIT, NULL, NULL, "no unit %s", name) : 0;
}

static int compare_words(const void *a, const void *b) {
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "start:a stop:b", sorted; NULL = refused, and the words in *ret_words. */
static char *jobs_of(DependencyGraph *g, World *w, const char *name, JobType type, char **ret_words, char **ret_left) {
        const TransactionHost host = { course, check_start, w, w->spared };
        Diag diag = {}, left = {};
        Transaction t = {};
        char **list = NULL, *text;
        int r;

        r = transaction_build(g, name, type, &host, &diag, &left, &t);
        if (ret_words)
                *ret_words = diag_to_string(&diag, false);
        if (ret_left)
                *ret_left = diag_to_string(&left, true);
        assert_int_equal(r < 0, diag.n_errors > 0);
        diag_done(&diag);
        diag_done(&left);
        if (r < 0)
                return NULL;
        assert_string_equal(t.jobs[0].name, name);
        for (size_t i = 0; i < t.n_jobs; i++) {
                char *word = NULL;

                assert_int_equal(str_append(&word, "%s:%s", job_type_to_string(t.jobs[i].type), t.jobs[i].name), 0);
                assert_int_equal(strv_push(&list, word), 0);
        }
        qsort(list, strv_length(list), sizeof(*list), compare_words);
        text = strv_join(list, " ");
        strv_free(list);
        transaction_done(&t);
        return text;
}

/* --- by hand */

/* w1 has ended and waits for its next life: the stop that follows goes round it, and not through it. */
static void spared(void **state) {
        static const char *const units[][2] = { { "w1", "BindsTo=w2" }, { "w2", "BindsTo=w1" }, { "top", "Requires=w1" } };
        static const struct {
                const char *spared, *jobs;
        } cases[] = { { NULL, "stop:top stop:w1 stop:w2" }, { "w1", "stop:w2" }, { "other", "stop:top stop:w1 stop:w2" } };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                DependencyGraph *g = graph_of(units, ELEMENTSOF(units));
                World w = { .up = " w2 top ", .stopping = " w1 ", .spared = cases[i].spared };
                char *jobs = jobs_of(g, &w, "w2", JOB_STOP, NULL, NULL);

                assert_string_equal(jobs, cases[i].jobs);
                free(jobs);
                (void)dependency_graph_free(g);
        }
}

static void requests(void **state) {
        static const char *const units[][2] = {
                { "web", "Requires=db Wants=cache Conflicts=old After=db" },
                { "db", "Requires=disk" },
                { "cache", "Requires=missing BindsTo=ram" },
                { "bound", "BindsTo=db" },
                { "part", "PartOf=web" },
                { "log", "PropagatesStopTo=shipper" },
                { "src", "StopPropagatedFrom=log" },
                { "enemy", "Conflicts=web" },
                { "torn", "Requires=web,enemy" },
                { "soft", "Wants=web,enemy" },
                { "loop1", "After=loop2 Requires=db" },
                { "loop2", "Before=loop3" },
                { "loop3", "Before=loop1 After=loop1" },
                { "needs-loop", "Requires=loop1" },
                { "wants-loop", "Wants=loop1" },
                { "sick", "Requires=web,missing" },
                { "up1", "Upholds=up2" },
                { "hard", "Requires=mid" },
                { "mid", "Conflicts=hard" },
                { "ban", "Requires=mild,k" },
                { "mild", "Wants=w" },
                { "k", "Conflicts=w" },
                { "front", "PropagatesReloadTo=back" },
                { "back", "PropagatesReloadTo=last" },
                { "listens", "ReloadPropagatedFrom=back" },
        };
        static const struct {
                const char *name;
                JobType type;
                const char *up, *jobs, *words, *left; /* jobs NULL = refused with the words */
        } cases[] = {
                { "web", JOB_START, NULL, "start:db start:disk start:web", NULL, "the start of cache is left out" },
                { "web", JOB_START, " db disk ", "start:web", NULL, NULL },
                { "web", JOB_START, " old enemy ", "start:db start:disk start:web stop:enemy stop:old", NULL, NULL },
                { "db", JOB_STOP, " db web bound part ", "stop:bound stop:db stop:part stop:web", NULL, NULL },
                { "disk", JOB_STOP, " disk db ", "stop:db stop:disk", NULL, NULL },
                { "web", JOB_STOP, " web db ", "stop:web", NULL, NULL },
                { "web", JOB_STOP, NULL, "stop:web", NULL, NULL },
                { "web", JOB_RESTART, " web db disk part ", "restart:part restart:web", NULL, NULL },
                { "web", JOB_RESTART, " web db disk ", "restart:web", NULL, NULL },
                { "db", JOB_RESTART, " web db disk ", "restart:db restart:web", NULL, NULL },
                { "log", JOB_STOP, " log shipper src ", "stop:log stop:shipper stop:src", NULL, NULL },
                { "torn", JOB_START, NULL, NULL, "Conflicts=: the request would both start and stop web", NULL },
                { "torn", JOB_START, NULL, NULL, "torn cannot be without enemy", NULL },
                { "soft", JOB_START, NULL, "start:db start:disk start:soft start:web", NULL, "the start of enemy is left" },
                { "loop1", JOB_START, NULL, NULL, "x.container:2: Before=: loop1 is to start after loop3, in a circle of 2", NULL },
                { "needs-loop", JOB_START, NULL, NULL, "needs-loop cannot be without loop1", NULL },
                { "wants-loop", JOB_START, NULL, "start:wants-loop", NULL, "in a circle of" },
                { "loop2", JOB_STOP, " loop2 loop1 ", "stop:loop2", NULL, NULL },
                { "sick", JOB_START, NULL, NULL, "no unit missing\nx.container:2: Requires=: sick cannot be without missing",
                  NULL },
                { "up1", JOB_START, NULL, "start:up1 start:up2", NULL, NULL },
                { "hard", JOB_START, NULL, NULL, "both start and stop hard", NULL },
                { "ban", JOB_START, NULL, "start:ban start:k start:mild", NULL, "w has to be stopped for the same request" },
                { "nobody", JOB_START, NULL, "start:nobody", NULL, NULL },
                { "front", JOB_RELOAD, " front back last listens ", "reload:back reload:front reload:last reload:listens", NULL,
                  NULL },
                { "front", JOB_RELOAD, " front back ", "reload:back reload:front", NULL, NULL },
                { "front", JOB_RESTART, " front back ", "restart:front", NULL, NULL },
        };
        DependencyGraph *g = graph_of(units, ELEMENTSOF(units));

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                World w = { .up = cases[i].up, .bad = " missing " };
                _cleanup_free_ char *words = NULL, *left = NULL;
                _cleanup_free_ char *jobs = jobs_of(g, &w, cases[i].name, cases[i].type, &words, &left);

                if (!cases[i].jobs != !jobs || (jobs && !streq(jobs, cases[i].jobs)))
                        fail_msg("%s of %s with%s up: %s; %s", job_type_to_string(cases[i].type), cases[i].name,
                                 strempty(cases[i].up), jobs ? jobs : "refused", words);
                if (cases[i].words && !strstr(words, cases[i].words))
                        fail_msg("\"%s\" is not in: %s", cases[i].words, words);
                if (cases[i].left && !strstr(left, cases[i].left))
                        fail_msg("\"%s\" is not in: %s", cases[i].left, left);
        }
        (void)dependency_graph_free(g);
}

/* Every line of the circle, and no other. */
static void cycle_words(void **state) {
        static const char *const units[][2] = {
                { "a", "Wants=z After=b" },
                { "b", "Description=x After=c" },
                { "c", "Before=b,x Requires=a After=a" },
                { "d", "After=a" },
        };
        DependencyGraph *g = graph_of(units, ELEMENTSOF(units));
        _cleanup_free_ char *text = NULL;
        Diag diag = {};
        bool cyclic;

        assert_int_equal(dependency_in_cycle(g, dependency_find(g, "d"), &cyclic), 0);
        assert_false(cyclic);
        assert_int_equal(dependency_in_cycle(g, dependency_find(g, "c"), &cyclic), 0);
        assert_true(cyclic);
        assert_int_equal(dependency_explain_cycle(g, dependency_find(g, "a"), true, &diag), 0);
        assert_int_equal(diag.n_errors, 0);
        text = diag_to_string(&diag, true);
        assert_non_null(strstr(text, "x.container:3: After=: warning: a is to start after b, in a circle of 3"));
        assert_non_null(strstr(text, "x.container:3: After=: warning: b is to start after c, in a circle of 3"));
        assert_non_null(strstr(text, "x.container:4: After=: warning: c is to start after a, in a circle of 3"));
        assert_int_equal(diag.n_entries, 3);
        diag_done(&diag);

        /* the line is taken away: no cycle any more */
        set_unit(g, "c", "Requires=a");
        assert_int_equal(dependency_in_cycle(g, dependency_find(g, "a"), &cyclic), 0);
        assert_false(cyclic);
        (void)dependency_graph_free(g);
}

/* How deep each stands decides when it is stopped at the end of the host; a circle counts as one. */
static void depths(void **state) {
        static const char *const units[][2] = {
                { "a", "After=b Wants=z" }, { "b", "Before=d" }, { "c", "After=a" }, { "d", "After=c" },
                { "x", "After=y,b" },       { "y", "After=x" },  { "w", "After=x" },
        };
        static const struct {
                const char *name;
                uint32_t depth;
        } expected[] = { { "b", 0 }, { "z", 0 }, { "a", 1 }, { "c", 2 }, { "d", 3 }, { "x", 1 }, { "y", 1 }, { "w", 2 }, { "none", 0 } };
        DependencyGraph *g = graph_of(units, ELEMENTSOF(units));

        for (size_t i = 0; i < ELEMENTSOF(expected); i++)
                assert_int_equal(dependency_depth(g, dependency_find(g, expected[i].name)), expected[i].depth);
        set_unit(g, "a", "Wants=z");
        assert_int_equal(dependency_depth(g, dependency_find(g, "d")), 2);
        (void)dependency_graph_free(g);
}

static size_t count_edges(const DependencyGraph *g, const char *name) {
        DependencyStep s;
        size_t n = 0;

        for (size_t cursor = 0; dependency_next(dependency_find(g, name), EFFECT_ANY, &cursor, &s);)
                n++;
        return n;
}

/* What a unit does not say any more is gone, also at the other end; who is not mentioned is forgotten. */
static void units_are_read_again(void **state) {
        static const char *const units[][2] = { { "a", "Requires=b,c Before=d" }, { "b", "After=a" } };
        DependencyGraph *g = graph_of(units, ELEMENTSOF(units));
        _cleanup_free_ char *line = NULL;
        DependencyStep s;
        size_t cursor = 0;

        assert_int_equal(count_edges(g, "a"), 4);
        assert_int_equal(count_edges(g, "b"), 2);
        assert_int_equal(count_edges(g, "d"), 1);
        assert_true(dependency_next(dependency_find(g, "d"), EFFECT_AFTER, &cursor, &s));
        line = dependency_edge_to_string(s.edge);
        assert_string_equal(line, "x.container:3: Before=d");
        set_unit(g, "a", "Requires=b");
        assert_null(dependency_find(g, "c"));
        assert_null(dependency_find(g, "d"));
        assert_int_equal(count_edges(g, "b"), 2);
        assert_int_equal(dependency_graph_set(g, "a", NULL), 0);
        assert_int_equal(count_edges(g, "b"), 1);
        assert_int_equal(dependency_graph_set(g, "b", NULL), 0);
        assert_null(dependency_find(g, "a"));
        assert_null(dependency_find(g, "b"));
        (void)dependency_graph_free(g);
}

static void merge_table(void **state) {
        static const JobMerge expected[_JOB_TYPE_MAX][_JOB_TYPE_MAX] = {
                [JOB_START] = { [JOB_START] = MERGE_KEEP, [JOB_STOP] = MERGE_CONFLICT, [JOB_RESTART] = MERGE_GROW,
                                [JOB_RELOAD] = MERGE_KEEP, [JOB_NOP] = MERGE_KEEP },
                [JOB_STOP] = { [JOB_START] = MERGE_CONFLICT, [JOB_STOP] = MERGE_KEEP, [JOB_RESTART] = MERGE_CONFLICT,
                               [JOB_RELOAD] = MERGE_CONFLICT, [JOB_NOP] = MERGE_KEEP },
                [JOB_RESTART] = { [JOB_START] = MERGE_KEEP, [JOB_STOP] = MERGE_CONFLICT, [JOB_RESTART] = MERGE_KEEP,
                                  [JOB_RELOAD] = MERGE_KEEP, [JOB_NOP] = MERGE_KEEP },
                [JOB_RELOAD] = { [JOB_START] = MERGE_KEEP, [JOB_STOP] = MERGE_CONFLICT, [JOB_RESTART] = MERGE_GROW,
                                 [JOB_RELOAD] = MERGE_KEEP, [JOB_NOP] = MERGE_KEEP },
                [JOB_NOP] = { [JOB_START] = MERGE_GROW, [JOB_STOP] = MERGE_GROW, [JOB_RESTART] = MERGE_GROW,
                              [JOB_RELOAD] = MERGE_GROW, [JOB_NOP] = MERGE_KEEP },
        };

        for (JobType a = 0; a < _JOB_TYPE_MAX; a++)
                for (JobType b = 0; b < _JOB_TYPE_MAX; b++)
                        assert_int_equal(job_merge(a, b), expected[a][b]);
}

/* --- at random, against matrices */

typedef struct Matrix {
        bool needs[NODES_MAX][NODES_MAX], wants[NODES_MAX][NODES_MAX], after[NODES_MAX][NODES_MAX];
        size_t n;
} Matrix;

static uint32_t seed = 1;
static uint32_t random_below(uint32_t n) {
        seed = seed * 1664525 + 1013904223;
        return (seed >> 8) % n;
}

static DependencyGraph *random_graph(Matrix *m) {
        DependencyGraph *g = NULL;
        uint32_t sparse = 1 + random_below(40), forward = random_below(2);

        *m = (Matrix){ .n = 2 + random_below(NODES_MAX - 2) };
        assert_int_equal(dependency_graph_new(&g), 0);
        for (size_t i = 0; i < m->n; i++) {
                _cleanup_free_ char *text = strdup("");
                char name[24];

                for (size_t k = 0; k < m->n; k++) {
                        if (i == k || random_below(sparse + 2) > 0)
                                continue;
                        switch (random_below(4)) {
                        case 0:
                                m->needs[i][k] = true;
                                assert_int_equal(str_append(&text, " Requires=n%zu", k), 0);
                                break;
                        case 1:
                                m->wants[i][k] = true;
                                assert_int_equal(str_append(&text, " Wants=n%zu", k), 0);
                                break;
                        default:
                                if (forward && k < i) /* half of the graphs have no cycle */
                                        continue;
                                if (random_below(2) > 0) {
                                        m->after[i][k] = true;
                                        assert_int_equal(str_append(&text, " After=n%zu", k), 0);
                                } else if (!forward) {
                                        m->after[k][i] = true;
                                        assert_int_equal(str_append(&text, " Before=n%zu", k), 0);
                                }
                        }
                }
                (void)snprintf(name, sizeof(name), "n%zu", i);
                set_unit(g, name, text);
        }
        return g;
}

static void close_matrix(bool a[NODES_MAX][NODES_MAX], size_t n) {
        for (size_t k = 0; k < n; k++)
                for (size_t i = 0; i < n; i++)
                        for (size_t j = 0; a[i][k] && j < n; j++)
                                a[i][j] |= a[k][j];
}

static bool lists_job(const Transaction *t, size_t node) {
        char name[24];

        (void)snprintf(name, sizeof(name), "n%zu", node);
        for (size_t i = 0; i < t->n_jobs; i++)
                if (streq(t->jobs[i].name, name))
                        return true;
        return false;
}

/* What can start: nothing that it needs, however far, is bad. What comes along: all that is needed or wanted by what
 * comes along and can start. */
static void closure_oracle(const Matrix *m, const bool *bad, size_t anchor, bool *ret_possible, bool *ret_comes) {
        bool needs[NODES_MAX][NODES_MAX], can[NODES_MAX], grew = true;

        memcpy(needs, m->needs, sizeof(needs));
        close_matrix(needs, m->n);
        for (size_t i = 0; i < m->n; i++) {
                can[i] = !bad[i];
                for (size_t k = 0; k < m->n; k++)
                        can[i] = can[i] && !(needs[i][k] && bad[k]);
        }
        memset(ret_comes, 0, NODES_MAX * sizeof(bool));
        *ret_possible = ret_comes[anchor] = can[anchor];
        while (grew) {
                grew = false;
                for (size_t i = 0; i < m->n; i++)
                        for (size_t k = 0; ret_comes[i] && k < m->n; k++)
                                if ((m->needs[i][k] || (m->wants[i][k] && can[k])) && !ret_comes[k])
                                        ret_comes[k] = grew = true;
        }
}

static char world_bad[NODES_MAX * 8];

/* Runs the jobs in any order that they are allowed in; whoever runs before whom it had to wait for is caught. */
static void run_in_order(DependencyGraph *g, const Matrix *m, bool *pending, JobPhase phase);

static struct {
        const bool *pending;
        JobPhase phase;
} running;

static JobPhase phase_of(const char *name, void *userdata) {
        return running.pending[strtoul(name + 1, NULL, 10)] ? running.phase : PHASE_NONE;
}

static void run_in_order(DependencyGraph *g, const Matrix *m, bool *pending, JobPhase phase) {
        bool cyclic[NODES_MAX][NODES_MAX];
        size_t left = 0;

        memcpy(cyclic, m->after, sizeof(cyclic));
        close_matrix(cyclic, m->n);
        for (size_t i = 0; i < m->n; i++)
                left += pending[i];
        running.pending = pending;
        running.phase = phase;
        while (left > 0) {
                size_t start = random_below((uint32_t)m->n), ran = 0;

                for (size_t k = 0; k < m->n && ran == 0; k++) {
                        size_t i = (start + k) % m->n;
                        char name[24];

                        (void)snprintf(name, sizeof(name), "n%zu", i);
                        if (!pending[i] ||
                            dependency_waits_for(g, dependency_find(g, name), phase, phase_of, NULL))
                                continue;
                        for (size_t j = 0; j < m->n; j++) {
                                bool first = phase == PHASE_START ? m->after[i][j] : m->after[j][i];

                                if (first && pending[j] && !(cyclic[i][j] && cyclic[j][i]))
                                        fail_msg("n%zu ran before n%zu", i, j);
                        }
                        pending[i] = false;
                        ran = 1;
                }
                if (ran == 0)
                        fail_msg("%zu jobs wait for one another for ever", left);
                left--;
        }
}

static void random_graphs(void **state) {
        size_t cyclic_graphs = 0, refused = 0, jobs = 0;

        for (unsigned round = 0; round < 600; round++) {
                Matrix m, reach;
                DependencyGraph *g = random_graph(&m);
                bool bad[NODES_MAX] = {}, comes[NODES_MAX], possible, any_cycle = false;
                size_t anchor = random_below((uint32_t)m.n);
                World w = { .bad = world_bad };
                const TransactionHost host = { course, check_start, &w, NULL };
                Transaction t = {};
                Diag diag = {}, left = {};
                char name[24];
                int r;

                reach = m;
                close_matrix(reach.after, m.n);
                strcpy(world_bad, " ");
                for (size_t i = 0; i < m.n; i++) {
                        bool cyclic = true;

                        (void)snprintf(name, sizeof(name), "n%zu", i);
                        assert_int_equal(dependency_in_cycle(g, dependency_find(g, name), &cyclic), 0);
                        if (cyclic != reach.after[i][i])
                                fail_msg("round %u: n%zu %s in a cycle", round, i, cyclic ? "is not" : "is");
                        any_cycle |= cyclic;
                        bad[i] = cyclic || random_below(30) == 0;
                        if (bad[i] && !cyclic) {
                                strcat(world_bad, name);
                                strcat(world_bad, " ");
                        }
                        if (cyclic) { /* each told edge is there, and they close */
                                Diag words = {};

                                assert_int_equal(dependency_explain_cycle(g, dependency_find(g, name), false, &words), 0);
                                assert_true(words.n_entries >= 2);
                                for (size_t k = 0; k < words.n_entries; k++) {
                                        unsigned long a = 0, b = 0, before = 0, unused = 0;

                                        assert_int_equal(sscanf(words.entries[k].text, "n%lu is to start after n%lu", &a, &b), 2);
                                        assert_true(m.after[a][b]);
                                        assert_int_equal(
                                                sscanf(words.entries[(k + words.n_entries - 1) % words.n_entries].text,
                                                       "n%lu is to start after n%lu", &unused, &before), 2);
                                        assert_int_equal(a, before);
                                }
                                diag_done(&words);
                        }
                }
                cyclic_graphs += any_cycle;

                closure_oracle(&m, bad, anchor, &possible, comes);
                (void)snprintf(name, sizeof(name), "n%zu", anchor);
                r = transaction_build(g, name, JOB_START, &host, &diag, &left, &t);
                if ((r >= 0) != possible)
                        fail_msg("round %u: the start of %s is %s", round, name, possible ? "refused" : "let through");
                for (size_t i = 0; r >= 0 && i < m.n; i++)
                        if (lists_job(&t, i) != comes[i])
                                fail_msg("round %u: n%zu %s", round, i, comes[i] ? "is forgotten" : "comes along");
                refused += r < 0;
                jobs += t.n_jobs;
                if (r >= 0)
                        run_in_order(g, &m, comes, PHASE_START);
                for (size_t i = 0; i < m.n; i++) /* everything stops, cycles or not */
                        comes[i] = true;
                run_in_order(g, &m, comes, PHASE_STOP);

                transaction_done(&t);
                diag_done(&diag);
                diag_done(&left);
                (void)dependency_graph_free(g);
        }
        /* or the test shows nothing */
        assert_true(cyclic_graphs > 100 && cyclic_graphs < 500);
        assert_true(refused > 50 && refused < 550);
        assert_true(jobs > 600);
}

/* Thousands in a row or around one: no recursion over the order, no square of the number. */
static void large_graphs(void **state) {
        World w = {};
        DependencyGraph *g = NULL;
        _cleanup_free_ char *jobs = NULL;
        bool cyclic;

        assert_int_equal(dependency_graph_new(&g), 0);
        for (unsigned i = 0; i < 3000; i++) {
                _cleanup_free_ char *name = NULL, *text = NULL;

                assert_int_equal(str_append(&name, "n%u", i), 0);
                assert_int_equal(str_append(&text, "Requires=n%u After=n%u Wants=hub", i + 1, i + 1), 0);
                set_unit(g, name, text);
        }
        assert_int_equal(dependency_in_cycle(g, dependency_find(g, "n5"), &cyclic), 0);
        assert_false(cyclic);
        jobs = jobs_of(g, &w, "n0", JOB_START, NULL, NULL);
        assert_non_null(jobs);
        assert_non_null(strstr(jobs, "start:n3000"));
        set_unit(g, "n3000", "After=n0");
        assert_int_equal(dependency_in_cycle(g, dependency_find(g, "n5"), &cyclic), 0);
        assert_true(cyclic);
        (void)dependency_graph_free(g);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(requests),      cmocka_unit_test(spared),
                cmocka_unit_test(cycle_words),   cmocka_unit_test(units_are_read_again),
                cmocka_unit_test(depths),        cmocka_unit_test(merge_table),
                cmocka_unit_test(random_graphs), cmocka_unit_test(large_graphs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
