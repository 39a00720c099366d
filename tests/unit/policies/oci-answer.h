/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A second, plain reading of the rules of a profile, held against the program that the kernel would get. */

#include "policies/seccomp/profile.h"
#include "tests/unit/policies/bpf-run.h"

static inline bool oci_holds(const OciCondition *c, const uint64_t *arguments) {
        const uint64_t a = arguments[c->argument];

        switch (c->compare) {
        case OCI_COMPARE_NE:
                return a != c->value;
        case OCI_COMPARE_LT:
                return a < c->value;
        case OCI_COMPARE_LE:
                return a <= c->value;
        case OCI_COMPARE_EQ:
                return a == c->value;
        case OCI_COMPARE_GE:
                return a >= c->value;
        case OCI_COMPARE_GT:
                return a > c->value;
        case OCI_COMPARE_MASKED_EQ:
                return (a & c->value) == c->second;
        case _OCI_COMPARE_MAX:
                break;
        }
        abort();
}

static inline uint32_t oci_return(int action) {
        return action == SYSCALL_ALLOW        ? SECCOMP_RET_ALLOW
               : action == SYSCALL_ERROR_KILL ? SECCOMP_RET_KILL_PROCESS
                                              : SECCOMP_RET_ERRNO | (uint32_t)action;
}

static inline unsigned oci_class(uint32_t answer) {
        answer &= SECCOMP_RET_ACTION_FULL;
        return answer == SECCOMP_RET_KILL_PROCESS ? 2 : answer == SECCOMP_RET_ERRNO ? 1 : 0;
}

/* The strictest of the rules that hold; where none does, what is said of all calls. */
static inline int oci_plain_answer(const OciProfile *p, uint32_t number, const uint64_t *arguments) {
        const OciRule *best = NULL;

        for (size_t i = 0; i < p->n_rules; i++) {
                const OciRule *rule = p->rules + i;
                bool holds = rule->number == number;

                for (size_t k = 0; holds && k < rule->n_conditions; k++)
                        holds = oci_holds(rule->conditions + k, arguments);
                if (holds && (!best || oci_class(oci_return(rule->answer.action)) > oci_class(oci_return(best->answer.action))))
                        best = rule;
        }
        return best ? best->answer.action : p->fallback.action;
}

static inline uint32_t oci_ask(const PolicySet *set, uint32_t number, const uint64_t *arguments) {
        struct seccomp_data d = { .nr = (int)number, .arch = syscall_native_audit_arch() };

        memcpy(d.args, arguments, sizeof(d.args));
        return bpf_run(set->seccomp.program, set->seccomp.n_instructions, &d);
}

static inline bool oci_number_agrees(const PolicySet *with, const PolicySet *without, const OciProfile *p, uint32_t number,
                                     const uint64_t *arguments, bool known) {
        const uint32_t own = oci_ask(without, number, arguments), both = oci_ask(with, number, arguments);
        const uint32_t said = seccomp_is_launcher_call(with->spec, number) ? SECCOMP_RET_ALLOW
                                                                          : oci_return(oci_plain_answer(p, number, arguments));
        const unsigned wanted = oci_class(own) > oci_class(said) ? oci_class(own) : oci_class(said);

        if (!known) /* newer than the profile of every unit: ENOSYS, whoever speaks of it */
                return both == own;
        return oci_class(both) == wanted && (oci_class(own) >= oci_class(said) || both == said);
}

/* Arguments that lie at and beside what the conditions name. */
static inline bool oci_arguments_agree(const PolicySet *with, const PolicySet *without, const OciProfile *p,
                                       const SyscallTable *known) {
        for (size_t i = 0; i < p->n_rules && i < 512; i++)
                for (size_t k = 0; k < p->rules[i].n_conditions; k++) {
                        const OciCondition *c = p->rules[i].conditions + k;
                        const uint64_t values[] = { c->value,     c->value + 1,           c->value - 1, c->second,
                                                    c->second | ~c->value, c->value ^ UINT64_C(1) << 32, 0,            UINT64_MAX };

                        for (size_t v = 0; v < ELEMENTSOF(values); v++) {
                                uint64_t arguments[6] = {};

                                for (size_t j = 0; j < p->rules[i].n_conditions; j++)
                                        arguments[p->rules[i].conditions[j].argument] =
                                                p->rules[i].conditions[j].compare == OCI_COMPARE_MASKED_EQ
                                                        ? p->rules[i].conditions[j].second
                                                        : p->rules[i].conditions[j].value;
                                arguments[c->argument] = values[v];
                                if (!oci_number_agrees(with, without, p, p->rules[i].number, arguments,
                                                       syscall_table_by_number(known, p->rules[i].number)))
                                        return false;
                        }
                }
        return true;
}

static inline bool oci_compare(const PolicySet *with, const PolicySet *without, const char *text) {
        _cleanup_(syscall_table_done) SyscallTable known = {};
        OciProfile p = {};
        bool agree = syscall_table_new(&known) >= 0 &&
                     oci_profile_read(text, "p.json", with->capabilities.bounding, NULL, NULL, &p) >= 0;
        const uint64_t none[6] = {};

        for (uint32_t number = 0; agree && number < 500; number++)
                agree = oci_number_agrees(with, without, &p, number, none, syscall_table_by_number(&known, number));
        agree = agree && oci_arguments_agree(with, without, &p, &known);
        oci_profile_done(&p);
        return agree;
}

/* True also where the profile is refused with words. */
static inline bool oci_answers_agree(const char *text, const char *filter) {
        _cleanup_(container_spec_unrefp) ContainerSpec *plain = NULL, *spec = NULL;
        _cleanup_(policy_set_unrefp) const PolicySet *with = NULL, *without = NULL;
        const ValueContext c = { .origin = { "web.container", 1 }, .directive = "SystemCallFilter" };
        _cleanup_(diag_done) Diag diag = {};
        int r;

        if (container_spec_new("web", &plain) < 0 || container_spec_new("web", &spec) < 0)
                abort();
        spec->seccomp_profile = strdup("/etc/p.json");
        spec->seccomp_profile_text = strdup(text);
        if (*filter && (value_type_syscall_filter.parse(&c, filter, &plain->system_call_filter) < 0 ||
                        value_type_syscall_filter.parse(&c, filter, &spec->system_call_filter) < 0))
                abort();
        if (policy_compile(plain, -EBADF, NULL, &without) < 0)
                abort();
        r = policy_compile(spec, -EBADF, &diag, &with);
        return r < 0 ? diag.n_errors > 0 && diag.n_entries < 64 : oci_compare(with, without, text);
}
