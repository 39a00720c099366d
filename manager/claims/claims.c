/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdio.h>

#include "manager/base/string-list.h"
#include "manager/claims/claims-build.h"
#include "policies/seccomp/filter-answer.h"

static const char *const topics[_CLAIM_TOPIC_MAX] = {
        [TOPIC_NAMESPACE] = "namespace",
        [TOPIC_ID_MAP] = "id-map",
        [TOPIC_IDENTITY] = "identity",
        [TOPIC_CAPABILITIES] = "capabilities",
        [TOPIC_NO_NEW_PRIVILEGES] = "no-new-privileges",
        [TOPIC_FILTER] = "filter",
        [TOPIC_LABEL] = "label",
        [TOPIC_LANDLOCK] = "landlock",
        [TOPIC_MOUNT] = "mount",
        [TOPIC_MASK] = "mask",
        [TOPIC_READ_ONLY] = "read-only",
        [TOPIC_NO_EXEC] = "no-exec",
        [TOPIC_DEVICE] = "device",
        [TOPIC_DESCRIPTORS] = "descriptors",
        [TOPIC_ENVIRONMENT] = "environment",
        [TOPIC_PROCESS] = "process",
        [TOPIC_NETWORK] = "network",
        [TOPIC_KEYRING] = "keyring",
};
static const char *const views[_CLAIM_VIEW_MAX] = {
        [VIEW_PROBE] = "probe",
        [VIEW_LEADER] = "leader",
        [VIEW_PAYLOAD] = "payload",
};
static const char *const results[_CLAIM_RESULT_MAX] = {
        [CLAIM_HOLDS] = "ok",
        [CLAIM_DIFFERS] = "differs",
        [CLAIM_NOT_ASKED] = "not asked",
};
static const char *const namespace_names[_CLAIM_NAMESPACE_MAX] = {
#define X(id, name) [CLAIM_NAMESPACE_##id] = name,
        NAMESPACES(X)
#undef X
};
static const char *const question_calls[_QUESTION_KIND_MAX] = {
#define QUESTION(kind, name, calls, operands) [QUESTION_##kind] = calls,
#include "manager/probe/questions.inc"
#undef QUESTION
};

const char *claim_topic_to_string(ClaimTopic t) {
        return (int)t >= 0 && t < _CLAIM_TOPIC_MAX ? topics[t] : NULL;
}

const char *claim_view_to_string(ClaimView v) {
        return (int)v >= 0 && v < _CLAIM_VIEW_MAX ? views[v] : NULL;
}

const char *claim_result_to_string(ClaimResult r) {
        return (int)r >= 0 && r < _CLAIM_RESULT_MAX ? results[r] : NULL;
}

const char *claim_namespace_to_string(ClaimNamespace n) {
        return (int)n >= 0 && n < _CLAIM_NAMESPACE_MAX ? namespace_names[n] : NULL;
}

static void claim_done(Claim *c) {
        free(c->words);
        free(c->file);
        free(c->directive);
        free(c->text);
        free(c->expected);
        free(c->observed);
}

void claims_done(Claims *c) {
        for (size_t i = 0; i < c->n; i++)
                claim_done(c->items + i);
        free(c->items);
        *c = (Claims){};
}

/* --- building */

void claim_origin_row(ClaimBuilder *b, DirectiveId id) {
        const Origin *o = container_spec_origin(b->spec, id);

        b->origin = o ? *o : (Origin){};
        b->directive = b->origin.file ? directives[id].name : NULL;
}

void claim_origin_step(ClaimBuilder *b, const PlanView *plan, const PlanStep *step) {
        b->origin = (Origin){ .file = step->origin_file.size > 0 ? plan_text(plan, step->origin_file) : NULL,
                              .line = step->origin_line };
        b->directive = b->origin.file && step->origin_directive.size > 0 ? plan_text(plan, step->origin_directive)
                                                                         : NULL;
}

void claim_origin_none(ClaimBuilder *b) {
        b->origin = (Origin){};
        b->directive = NULL;
}

bool claim_askable(const PolicySet *policies, QuestionKind kind) {
        /* Of the calls that are judged by their arguments, these are what the probe itself gives: AF_UNIX, no ioctl
         * that is denied. */
        static const uint64_t arguments[6] = { 1, 1, 1, 1, 1, 1 };
        char name[40];

        for (const char *at = question_calls[kind]; *at;) {
                size_t n = strcspn(at, " ");
                uint32_t answer;
                int number;

                (void)snprintf(name, sizeof(name), "%.*s", (int)n, at);
                number = seccomp_number(name);
                if (number >= 0 && (seccomp_answer(&policies->seccomp, (uint32_t)number, arguments, &answer) < 0 ||
                                    answer != SECCOMP_RET_ALLOW))
                        return false;
                at += n + (at[n] == ' ');
        }
        return true;
}

static char *copy(const char *text) {
        return strdup(strempty(text));
}

void claim_add(ClaimBuilder *b, ClaimText t, const char *words, ...) {
        Claim *grown, c = { .topic = t.topic,
                            .view = t.view,
                            .line = b->origin.line,
                            .kind = t.kind,
                            .number = t.number,
                            .test = t.test,
                            .askable = t.view != VIEW_PROBE || claim_askable(b->policies, t.kind) };
        va_list list;
        int n;

        if (b->error < 0)
                return;
        memcpy(c.arguments, t.arguments, sizeof(c.arguments));
        va_start(list, words);
        n = vasprintf(&c.words, words, list);
        va_end(list);
        if (n < 0)
                c.words = NULL;
        c.text = copy(t.text);
        c.expected = copy(t.expected);
        c.file = b->origin.file ? strdup(b->origin.file) : NULL;
        c.directive = b->directive ? strdup(b->directive) : NULL;
        grown = reallocarray(b->claims->items, b->claims->n + 1, sizeof(Claim));
        if (grown)
                b->claims->items = grown;
        if (!grown || !c.words || !c.text || !c.expected || (b->origin.file && !c.file) ||
            (b->directive && !c.directive)) {
                claim_done(&c);
                b->error = -ENOMEM;
                return;
        }
        if (strlen(c.text) + 1 > PROBE_TEXT_MAX || b->claims->n >= PROBE_MAX_QUESTIONS) {
                claim_done(&c);
                b->error = -E2BIG;
                return;
        }
        b->claims->items[b->claims->n++] = c;
}

int claims_build(const ContainerSpec *spec, const PolicySet *policies, const PlanView *start, const PlanView *process,
                 const ClaimFacts *facts, Claims *ret) {
        _cleanup_(claims_done) Claims claims = {};
        ClaimBuilder b = { .spec = spec,
                           .policies = policies,
                           .start = start,
                           .process = process,
                           .facts = facts,
                           .claims = &claims };

        claims_of_process(&b);
        claims_of_files(&b);
        claims_of_filter(&b);
        if (facts->leader_namespaces[CLAIM_NAMESPACE_PID])
                claims_from_outside(&b);
        if (b.error < 0)
                return b.error;
        *ret = claims;
        claims = (Claims){};
        return 0;
}

/* --- judging */

static bool includes_word(const char *list, const char *word, size_t n) {
        for (const char *at = list; *at; at += at[strcspn(at, ",")] ? strcspn(at, ",") + 1 : strlen(at))
                if (strcspn(at, ",") == n && strncmp(at, word, n) == 0)
                        return true;
        return false;
}

static bool includes_all(const char *observed, const char *words, size_t size) {
        for (const char *at = words; at < words + size;) {
                size_t n = strcspn(at, ",|");

                if (!includes_word(observed, at, n))
                        return false;
                at += n + 1;
        }
        return true;
}

static bool includes_any(const char *observed, const char *alternatives) {
        for (const char *at = alternatives;; at++) {
                size_t n = strcspn(at, "|");

                if (n > 0 && includes_all(observed, at, n))
                        return true;
                at += n;
                if (!*at)
                        return false;
        }
}

static bool within(const char *observed, const char *expected) {
        char *end;
        unsigned long long found = strtoull(observed, &end, 16);

        return end != observed && *end == 0 && (found & ~strtoull(expected, NULL, 16)) == 0;
}

ClaimResult claim_result(const Claim *c) {
        bool holds = false;

        if (!c->askable)
                return CLAIM_NOT_ASKED;
        if (!c->observed)
                return CLAIM_DIFFERS;
        switch (c->test) {
        case TEST_EQUAL:
                holds = streq(c->observed, c->expected);
                break;
        case TEST_DIFFERS:
                holds = !streq(c->observed, c->expected);
                break;
        case TEST_INCLUDES:
                holds = includes_any(c->observed, c->expected);
                break;
        case TEST_WITHIN:
                holds = within(c->observed, c->expected);
                break;
        }
        return holds ? CLAIM_HOLDS : CLAIM_DIFFERS;
}

size_t claims_count(const Claims *c, ClaimResult result) {
        size_t n = 0;

        for (size_t i = 0; i < c->n; i++)
                n += claim_result(c->items + i) == result;
        return n;
}

int claim_expected(const Claim *c, char **ret) {
        static const char *const prefixes[] = { [TEST_EQUAL] = "", [TEST_DIFFERS] = "not ", [TEST_INCLUDES] = "",
                                                [TEST_WITHIN] = "within " };
        _cleanup_free_ char *s = NULL;
        int r = str_append(&s, "%s", prefixes[c->test]);

        for (const char *at = c->expected; r >= 0 && *at;) {
                size_t n = c->test == TEST_INCLUDES ? strcspn(at, "|") : strlen(at);

                r = str_append(&s, "%.*s%s", (int)n, at, at[n] ? " or " : "");
                at += n + (at[n] ? 1 : 0);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}
