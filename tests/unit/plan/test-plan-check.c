/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keeper's gate: a plan that was tampered with is refused, wherever it was touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <linux/filter.h>

#include "manager/base/string-list.h"
#include "tests/unit/plan/plan-fixture.h"

static Plan *plan;

static int setup(void **state) {
        _cleanup_(container_spec_unrefp) ContainerSpec *s = fixture_spec();

        return s ? fixture_plan(s, &plan) : -1;
}

static int teardown(void **state) {
        plan = plan_free(plan);
        return 0;
}

typedef void (*Damage)(PlanHeader *h, PlanSlot *slots, PlanStep *steps, char *data);

static PlanStep *step_of(PlanStep *steps, const PlanHeader *h, StepKind kind) {
        for (uint32_t i = 0; i < h->n_steps; i++)
                if (steps[i].kind == kind)
                        return steps + i;
        fail_msg("no step %s", step_kind_to_string(kind));
        return NULL;
}

#define DAMAGE(name, statement)                                                                               \
        static void name(PlanHeader *h, PlanSlot *slots, PlanStep *steps, char *data) {                       \
                (void)h, (void)slots, (void)steps, (void)data;                                                \
                statement;                                                                                    \
        }
DAMAGE(magic, h->magic ^= 1)
DAMAGE(version, h->version++)
DAMAGE(flags, h->flags |= 1U << 20)
DAMAGE(init_without_fork, h->flags &= ~(uint32_t)PLAN_FLAG_INIT_ROLE)
DAMAGE(size_larger, h->size++)
DAMAGE(steps_more, h->n_steps++)
DAMAGE(steps_many, h->n_steps = UINT32_MAX)
DAMAGE(slots_many, h->n_slots = UINT32_MAX)
DAMAGE(data_huge, h->data_size = UINT32_MAX)
DAMAGE(signal_zero, h->stop_signal = 0)
DAMAGE(signal_large, h->stop_signal = 65)
DAMAGE(kind_unknown, steps[3].kind = _STEP_KIND_MAX)
DAMAGE(actor_none, steps[3].actor = 0)
DAMAGE(actor_two, steps[3].actor = ACTOR_OUTER | ACTOR_INNER)
DAMAGE(actor_wrong, step_of(steps, h, STEP_ENTER_ROOT)->actor = ACTOR_PAYLOAD)
DAMAGE(step_flags, steps[3].flags = 0x80)
DAMAGE(slot_beyond, steps[3].slot = (int16_t)h->n_slots)
DAMAGE(slot_negative, steps[3].slot = -2)
DAMAGE(text_beyond, steps[3].s.offset = h->data_size)
DAMAGE(text_long, steps[3].s.size = h->data_size)
DAMAGE(text_wraps, steps[3].s = ((PlanRef){ .offset = UINT32_MAX, .size = 2 }))
DAMAGE(origin_beyond, steps[3].origin_file = ((PlanRef){ .offset = 1, .size = UINT32_MAX }))
DAMAGE(filter_odd, step_of(steps, h, STEP_SECCOMP)->s.size = 7)
DAMAGE(filter_empty, step_of(steps, h, STEP_SECCOMP)->s.size = 0)
DAMAGE(groups_odd, step_of(steps, h, STEP_IDENTITY)->s = ((PlanRef){ .offset = 0, .size = 3 }))
DAMAGE(stream_four, step_of(steps, h, STEP_STANDARD_STREAM)->a = 3)
DAMAGE(sync_unknown, step_of(steps, h, STEP_AWAIT)->a = _SYNC_POINT_MAX)
DAMAGE(slot_missing, step_of(steps, h, STEP_ENTER_ROOT)->slot = PLAN_NO_SLOT)
DAMAGE(ruleset_nowhere, step_of(steps, h, STEP_LANDLOCK_RULESET)->slot = PLAN_NO_SLOT)
DAMAGE(path_without_ruleset, step_of(steps, h, STEP_LANDLOCK_PATH)->slot = PLAN_NO_SLOT)
DAMAGE(entries_of_nothing, step_of(steps, h, STEP_LANDLOCK_ENTRIES)->s.size = h->data_size)
DAMAGE(names_beyond, step_of(steps, h, STEP_LANDLOCK_ENTRIES)->t.offset = h->data_size)
DAMAGE(ports_backwards, step_of(steps, h, STEP_LANDLOCK_PORTS)->b = 444)
DAMAGE(ports_beyond, step_of(steps, h, STEP_LANDLOCK_PORTS)->c = 65536)
DAMAGE(restrict_nothing, step_of(steps, h, STEP_LANDLOCK_RESTRICT)->slot = PLAN_NO_SLOT)
DAMAGE(tree_beyond, step_of(steps, h, STEP_CLONE_TREE)->b = h->n_slots + 1)
DAMAGE(two_clones, steps[0].kind = STEP_CLONE_INNER)
DAMAGE(execute_early, steps[2] = steps[h->n_steps - 1])
DAMAGE(execute_missing, steps[h->n_steps - 1] = steps[0])
DAMAGE(program_and_path, steps[h->n_steps - 1].slot = 0)
DAMAGE(program_or_path, steps[h->n_steps - 1].s.size = 0)
DAMAGE(slot_kind, slots[0].kind = _SLOT_KIND_MAX)
DAMAGE(slot_path, slots[0].path.size = h->data_size)
DAMAGE(not_terminated, data[h->data_size - 1] = 'x')

static const struct {
        const char *name;
        Damage damage;
} damages[] = {
#define ROW(name) { #name, name }
        ROW(magic), ROW(version), ROW(flags), ROW(init_without_fork), ROW(size_larger), ROW(steps_more),
        ROW(steps_many), ROW(slots_many), ROW(data_huge), ROW(signal_zero), ROW(signal_large), ROW(kind_unknown),
        ROW(actor_none), ROW(actor_two), ROW(actor_wrong), ROW(step_flags), ROW(slot_beyond), ROW(slot_negative),
        ROW(text_beyond), ROW(text_long), ROW(text_wraps), ROW(origin_beyond), ROW(filter_odd), ROW(filter_empty),
        ROW(groups_odd), ROW(stream_four), ROW(sync_unknown), ROW(slot_missing), ROW(two_clones),
        ROW(ruleset_nowhere), ROW(path_without_ruleset), ROW(entries_of_nothing), ROW(names_beyond),
        ROW(ports_backwards), ROW(ports_beyond), ROW(restrict_nothing), ROW(tree_beyond),
        ROW(execute_early), ROW(program_and_path), ROW(program_or_path),
        ROW(execute_missing), ROW(slot_kind), ROW(slot_path), ROW(not_terminated),
};

static void test_good(void **state) {
        PlanView view;

        assert_int_equal(plan_check(plan->data, plan->size, &view), 0);
}

static void test_damaged(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(damages); i++) {
                _cleanup_free_ void *copy = malloc(plan->size);
                PlanHeader *h = copy;
                PlanSlot *slots = (PlanSlot *)(h + 1);
                PlanStep *steps;
                PlanView view;

                memcpy(copy, plan->data, plan->size);
                steps = (PlanStep *)(slots + h->n_slots);
                damages[i].damage(h, slots, steps, (char *)(steps + h->n_steps));
                if (plan_check(copy, plan->size, &view) != -EBADMSG)
                        fail_msg("%s was not noticed", damages[i].name);
        }
}

/* A root of layers: what their names may be, how many there are, and which of them need a layer to write to. */
static void test_layers(void **state) {
        static const struct {
                const char *one, *two; /* names; two NULL = the only one */
                bool writable;
                int result;
        } rows[] = {
                { "a", "b", true, 0 },          { "a/tree", "b/tree", true, 0 },  { "a", NULL, true, 0 },
                { "a", NULL, false, 0 },        { "a", "b", false, -EBADMSG },    { "..", "b", true, -EBADMSG },
                { "a/..", "b", true, -EBADMSG }, { "/a", "b", true, -EBADMSG },   { "a/", "b", true, -EBADMSG },
                { "a//c", "b", true, -EBADMSG }, { ".", "b", true, -EBADMSG },    { "a", "b:c", true, -EBADMSG },
                { "a", "b,upperdir=c", true, -EBADMSG }, { "a", "b\\", true, -EBADMSG }, { "a", "", true, -EBADMSG },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char *names[] = { (char *)rows[i].one, (char *)rows[i].two, NULL };
                _cleanup_(container_spec_unrefp) ContainerSpec *s = fixture_spec();
                _cleanup_(plan_freep) Plan *p = NULL;
                _cleanup_free_ void *copy = NULL;
                PlanHeader *h;
                PlanView view;

                assert_non_null(s);
                s->layers = strv_copy(names);
                s->layers_path = strdup("/store");
                s->layers_directive = DIRECTIVE_RootDirectory;
                if (fixture_plan(s, &p) < 0) { /* its own check refuses it */
                        assert_int_equal(rows[i].result, -EBADMSG);
                        continue;
                }
                copy = malloc(p->size);
                assert_non_null(copy);
                h = memcpy(copy, p->data, p->size);
                step_of((PlanStep *)((PlanSlot *)(h + 1) + h->n_slots), h, STEP_LAYERS)->c = rows[i].writable;
                if (plan_check(copy, p->size, &view) != rows[i].result)
                        fail_msg("%s and %s: not %d", rows[i].one, rows[i].two, rows[i].result);
        }
}

static void test_truncated(void **state) {
        _cleanup_free_ void *copy = malloc(plan->size);
        PlanView view;

        memcpy(copy, plan->data, plan->size);
        for (size_t n = 0; n < plan->size; n++)
                assert_int_equal(plan_check(copy, n, &view), -EBADMSG);
}

static void test_every_kind_has_a_name(void **state) {
        for (unsigned k = 0; k < _STEP_KIND_MAX; k++) {
                assert_non_null(step_kind_to_string(k));
                assert_int_not_equal(step_kind_actors(k), 0);
        }
        assert_null(step_kind_to_string(_STEP_KIND_MAX));
}

/* For tests of the probe: a plan loses whole kinds of steps, and is checked again. */
static void steps_can_be_omitted(void **state) {
        char *kinds[] = { (char *)"seccomp", (char *)"attach-mask", NULL };
        char *unknown[] = { (char *)"seccomp", (char *)"nothing", NULL }, *needed[] = { (char *)"execute", NULL };
        _cleanup_(plan_freep) Plan *rest = NULL;
        size_t kept = 0;

        assert_int_equal(plan_omit(plan, kinds, &rest), 0);
        for (uint32_t i = 0; i < plan->view.header->n_steps; i++) {
                const PlanStep *s = plan->view.steps + i;

                if (s->kind == STEP_SECCOMP || s->kind == STEP_ATTACH_MASK)
                        continue;
                assert_memory_equal(s, rest->view.steps + kept, sizeof(*s));
                kept++;
        }
        assert_int_equal(rest->view.header->n_steps, kept);
        assert_true(kept < plan->view.header->n_steps);
        assert_int_equal(plan_omit(plan, unknown, &rest), -ENOENT);
        assert_int_equal(plan_omit(plan, needed, &rest), -EBADMSG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good),
                cmocka_unit_test(test_damaged),
                cmocka_unit_test(test_layers),
                cmocka_unit_test(test_truncated),
                cmocka_unit_test(test_every_kind_has_a_name),
                cmocka_unit_test(steps_can_be_omitted),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
