/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Claims: every step that protects claims something, every question can be asked, and no answer is believed too much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "manager/claims/claims.h"
#include "policies/seccomp/filter-answer.h"
#include "policies/seccomp/seccomp.h"
#include "tests/unit/plan/plan-fixture.h"

static const ClaimFacts facts = {
        .host_namespaces = { "user:[1]", "mnt:[1]", "pid:[1]", "net:[1]", "ipc:[1]", "uts:[1]", "cgroup:[1]" },
        .leader_namespaces = { "user:[2]", "mnt:[2]", "pid:[2]", "net:[2]", "ipc:[2]", "uts:[2]", "cgroup:[2]" },
        .capabilities = CAPABILITY_MASK_ALL,
        .keyring = 7,
        .leader_is_init = true,
};

static const PolicySet *compile(const ContainerSpec *s) {
        const PolicySet *set = NULL;
        Diag diag = {};

        assert_true(policy_compile(s, -EBADF, &diag, &set) >= 0);
        diag_done(&diag);
        return set;
}

/* As for a running container: the claims of its start, asked by way of exec. */
static void build_labelled(ContainerSpec *s, const ClaimFacts *f, PlanLabels labels, Claims *ret) {
        const PlanParameters start = { .id_base = 0x80000, .id_count = 65536 };
        char *argv[] = { (char *)"bulwark-probe", NULL };
        const ExecParameters join = { .argv = argv, .user_namespace = true, .program = true,
                                      .labels = labels };
        _cleanup_(policy_set_unrefp) const PolicySet *set = compile(s);
        _cleanup_(plan_freep) Plan *a = NULL, *b = NULL;
        Diag diag = {};

        assert_true(plan_build(s, set, &start, &diag, &a) >= 0);
        assert_true(plan_build_exec(s, set, &join, &diag, &b) >= 0);
        assert_true(claims_build(s, set, &a->view, &b->view, f, ret) >= 0);
        diag_done(&diag);
}

static void build(ContainerSpec *s, const ClaimFacts *f, Claims *ret) {
        build_labelled(s, f, (PlanLabels){}, ret);
}

static const Claim *find(const Claims *c, ClaimTopic topic, ClaimView view, const char *words) {
        for (size_t i = 0; i < c->n; i++)
                if (c->items[i].topic == topic && c->items[i].view == view && streq(c->items[i].words, words))
                        return c->items + i;
        fail_msg("no claim \"%s\"", words);
        return NULL;
}

static void every_topic_is_claimed(void **state) {
        _cleanup_(container_spec_unrefp) ContainerSpec *s = fixture_spec();
        _cleanup_(claims_done) Claims c = {};
        bool seen[_CLAIM_TOPIC_MAX] = {};

        build(s, &facts, &c);
        for (size_t i = 0; i < c.n; i++) {
                assert_true(*c.items[i].words);
                seen[c.items[i].topic] = true;
        }
        for (int t = 0; t < _CLAIM_TOPIC_MAX; t++) {
                assert_non_null(claim_topic_to_string((ClaimTopic)t));
                if (t != TOPIC_LABEL && t != TOPIC_LANDLOCK && !seen[t]) /* no security module in the fixture */
                        fail_msg("nothing is claimed about %s", claim_topic_to_string((ClaimTopic)t));
        }
}

static void lines_are_named(void **state) {
        _cleanup_(container_spec_unrefp) ContainerSpec *s = fixture_spec();
        _cleanup_(claims_done) Claims c = {};
        const Claim *one;

        assert_true(fixture_set(s, DIRECTIVE_CapabilityBoundingSet, 9, "CAP_CHOWN") >= 0);
        build(s, &facts, &c);
        one = find(&c, TOPIC_CAPABILITIES, VIEW_PROBE, "bounding set");
        assert_string_equal(one->expected, "0000000000000001");
        assert_string_equal(one->file, "web.container");
        assert_int_equal(one->line, 9);
        assert_string_equal(one->directive, "CapabilityBoundingSet");
        assert_null(find(&c, TOPIC_PROCESS, VIEW_PROBE, "file mode mask")->file);
}

/* Nothing runs before a start: nothing is asked from outside, and there is no leader to be like. */
static void before_a_start(void **state) {
        _cleanup_(container_spec_unrefp) ContainerSpec *s = fixture_spec();
        _cleanup_(claims_done) Claims c = {};
        ClaimFacts none = facts;

        memset(none.leader_namespaces, 0, sizeof(none.leader_namespaces));
        build(s, &none, &c);
        for (size_t i = 0; i < c.n; i++)
                assert_int_equal(c.items[i].view, VIEW_PROBE);
}

static void filters_decide_what_is_asked(void **state) {
        _cleanup_(container_spec_unrefp) ContainerSpec *s = fixture_spec();
        _cleanup_(claims_done) Claims c = {};
        size_t not_asked;

        assert_true(fixture_set(s, DIRECTIVE_SystemCallFilter, 9, "@default") >= 0);
        build(s, &facts, &c);
        not_asked = claims_count(&c, CLAIM_NOT_ASKED);
        assert_true(not_asked > 0);
        assert_false(find(&c, TOPIC_PROCESS, VIEW_PROBE, "host name")->askable);
        assert_true(find(&c, TOPIC_ENVIRONMENT, VIEW_PROBE, "environment variables")->askable);
        assert_true(find(&c, TOPIC_FILTER, VIEW_PROBE, "mount is denied")->askable);
}

/* A group whose calls a container may not make by default, and of which none is tried, would be believed. */
static void every_denied_group_is_tried(void **state) {
        static const char *const untried[] = { "@cpu-emulation" /* modify_ldt alone here, and only on x86 */ };
        _cleanup_(container_spec_unrefp) ContainerSpec *s = fixture_spec();
        _cleanup_(claims_done) Claims c = {};

        assert_true(fixture_set(s, DIRECTIVE_SystemCallFilter, 9, "@default") >= 0);
        build(s, &facts, &c);
        for (size_t g = 0; g < syscall_groups_count(); g++) {
                char **names = NULL;
                bool tried = streq(syscall_groups[g].name, "@default") || streq(syscall_groups[g].name, untried[0]);

                assert_true(seccomp_groups_expand(syscall_groups[g].name, &names) >= 0);
                for (char **n = names; *n; n++) {
                        for (size_t i = 0; i < c.n; i++)
                                tried |= c.items[i].kind == QUESTION_SYSTEM_CALL &&
                                         (int)c.items[i].number == seccomp_number(*n);
                        free(*n);
                }
                free(names);
                if (!tried)
                        fail_msg("no call of %s is tried", syscall_groups[g].name);
        }
}

static void tests_judge(void **state) {
        static const struct {
                ClaimTest test;
                const char *expected, *observed;
                bool holds;
        } rows[] = {
                { TEST_EQUAL, "0 0", "0 0", true },
                { TEST_EQUAL, "0 0", "0 0 ", false },
                { TEST_EQUAL, "", NULL, false },
                { TEST_DIFFERS, "pid:[1]", "pid:[2]", true },
                { TEST_DIFFERS, "pid:[1]", "pid:[1]", false },
                { TEST_DIFFERS, "pid:[1]", NULL, false },
                { TEST_INCLUDES, "ro,nosuid|EACCES", "type=tmpfs,nosuid,ro,noexec", true },
                { TEST_INCLUDES, "ro,nosuid|EACCES", "EACCES", true },
                { TEST_INCLUDES, "ro,nosuid|EACCES", "rw,nosuid", false },
                { TEST_INCLUDES, "ro", "root=/ro,rw", false },
                { TEST_INCLUDES, "ro", "", false },
                { TEST_WITHIN, "00000000000000ff", "0000000000000003", true },
                { TEST_WITHIN, "00000000000000ff", "0000000000000100", false },
                { TEST_WITHIN, "00000000000000ff", "EACCES", false },
                { TEST_WITHIN, "00000000000000ff", "", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const Claim c = { .test = rows[i].test,
                                  .expected = (char *)rows[i].expected,
                                  .observed = (char *)rows[i].observed,
                                  .askable = true };

                if ((claim_result(&c) == CLAIM_HOLDS) != rows[i].holds)
                        fail_msg("row %zu: %s against %s", i, rows[i].expected, strempty(rows[i].observed));
        }
}

static bool has(const Claims *c, const char *words) {
        for (size_t i = 0; i < c->n; i++)
                if (streq(c->items[i].words, words))
                        return true;
        return false;
}

#define CLOSED "/proc/self/mem is closed by the profile"

static void a_profile_is_claimed(void **state) {
        const PlanLabels labels = { .apparmor_profile = "bulwark-web" };

        for (unsigned extra = 0; extra < 2; extra++) {
                _cleanup_(container_spec_unrefp) ContainerSpec *s = fixture_spec();
                _cleanup_(claims_done) Claims c = {};

                if (extra)
                        assert_true(fixture_set(s, DIRECTIVE_AppArmorExtraRules, 9, "/x r,") >= 0);
                build_labelled(s, &facts, labels, &c);
                assert_string_equal(find(&c, TOPIC_LABEL, VIEW_PROBE, "apparmor label")->expected, "bulwark-web (enforce)");
                assert_string_equal(find(&c, TOPIC_LABEL, VIEW_PAYLOAD, "apparmor label")->expected,
                                    "bulwark-web (enforce)");
                assert_int_equal(has(&c, CLOSED), !extra); /* a rule of the unit may open it */
        }
}

static void a_context_is_claimed(void **state) {
        const PlanLabels labels = { .selinux_context = "u:r:t:s0:c1,c2" };
        _cleanup_(container_spec_unrefp) ContainerSpec *s = fixture_spec();
        _cleanup_(claims_done) Claims c = {};

        build_labelled(s, &facts, labels, &c);
        assert_string_equal(find(&c, TOPIC_LABEL, VIEW_PROBE, "selinux label")->expected, labels.selinux_context);
        assert_string_equal(find(&c, TOPIC_LABEL, VIEW_PAYLOAD, "selinux label")->expected, labels.selinux_context);
        assert_false(has(&c, CLOSED));
}

static void questions_go_and_answers_come(void **state) {
        _cleanup_(container_spec_unrefp) ContainerSpec *s = fixture_spec();
        _cleanup_(claims_done) Claims c = {};
        _cleanup_free_ void *data = NULL;
        const ProbeHeader *h;
        char answers[64];
        ProbeAnswer head = { .index = 0, .size = 2 };
        size_t size, at = sizeof(*h);

        build(s, &facts, &c);
        assert_true(claims_questions(&c, &data, &size) >= 0);
        h = data;
        assert_int_equal(h->size, size);
        for (uint32_t i = 0; i < h->n; i++) {
                const ProbeQuestion *q = (const ProbeQuestion *)((char *)data + at);

                assert_true(q->kind < _QUESTION_KIND_MAX);
                assert_int_equal(((const char *)(q + 1))[q->text_size - 1], 0);
                at += sizeof(*q) + probe_padded(q->text_size);
        }
        assert_int_equal(at, size);

        /* One answer of many: it counts, the rest does not hold, and that it is not all is told. */
        memcpy(answers, &head, sizeof(head));
        memcpy(answers + sizeof(head), "hi", 2);
        assert_int_equal(claims_take_answers(&c, answers, sizeof(head) + 2), -EBADMSG);
        assert_string_equal(c.items[0].observed, "hi");
        assert_null(c.items[1].observed);
        assert_int_equal(claim_result(c.items + 1), CLAIM_DIFFERS);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_topic_is_claimed),       cmocka_unit_test(lines_are_named),
                cmocka_unit_test(before_a_start),               cmocka_unit_test(filters_decide_what_is_asked),
                cmocka_unit_test(every_denied_group_is_tried),  cmocka_unit_test(tests_judge),
                cmocka_unit_test(a_profile_is_claimed),         cmocka_unit_test(a_context_is_claimed),
                cmocka_unit_test(questions_go_and_answers_come),
        };

        return cmocka_run_group_tests_name("claims", tests, NULL, NULL);
}
