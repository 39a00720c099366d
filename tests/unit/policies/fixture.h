/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From lines of a unit to a spec, without the reader of units: what policies see is the spec. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "manager/base/string-list.h"
#include "policies/compile.h"

#define FIXTURE_FILE "web.container"

static inline void fixture_assign(ContainerSpec *spec, Diag *diag, const char *line, unsigned number) {
        const char *equals = strchr(line, '=');
        _cleanup_free_ char *name = NULL;
        ValueContext c = { .diag = diag, .origin = { FIXTURE_FILE, number } };
        DirectiveId id;

        assert_non_null(equals);
        name = strndup(line, (size_t)(equals - line));
        assert_non_null(name);
        id = directive_find(SECTION_Container, name);
        if (id < 0)
                fail_msg("no such directive: %s", name);

        c.directive = directives[id].name;
        if (directives[id].type->parse(&c, equals + 1, container_spec_field(spec, id)) < 0)
                fail_msg("%s: %s", line, diag->n_entries > 0 ? diag->entries[diag->n_entries - 1].text : "?");
        spec->origins[id] = c.origin;
}

/* Lines are separated by '\n' and numbered from 1. User= only takes a number here. */
static inline ContainerSpec *fixture_spec(const char *unit) {
        _cleanup_(diag_done) Diag diag = {};
        ContainerSpec *spec = NULL;
        unsigned number = 0;

        assert_int_equal(container_spec_new("web", &spec), 0);
        for (const char *p = unit; *p;) {
                size_t n = strcspn(p, "\n");
                _cleanup_free_ char *line = strndup(p, n);

                assert_non_null(line);
                number++;
                if (*line)
                        fixture_assign(spec, &diag, line, number);
                p += n + (p[n] == '\n');
        }
        if (spec->user)
                spec->identity.uid = (uid_t)strtoul(spec->user, NULL, 10);
        return spec;
}

/* A set that must compile, without complaint. */
static inline const PolicySet *fixture_compile(const char *unit, int cache_fd) {
        _cleanup_(container_spec_unrefp) ContainerSpec *spec = fixture_spec(unit);
        _cleanup_(diag_done) Diag diag = {};
        const PolicySet *set = NULL;

        if (policy_compile(spec, cache_fd, &diag, &set) < 0)
                fail_msg("does not compile: %s\n%s", unit,
                         diag.n_entries > 0 ? diag.entries[diag.n_entries - 1].text : "no word of why");
        return set;
}

/* What a unit that must not compile says; owned. */
static inline char *fixture_complaint(const char *unit) {
        _cleanup_(container_spec_unrefp) ContainerSpec *spec = fixture_spec(unit);
        _cleanup_(diag_done) Diag diag = {};
        const PolicySet *set = NULL;
        char *words;

        if (policy_compile(spec, -EBADF, &diag, &set) >= 0)
                fail_msg("compiles: %s", unit);
        assert_null(set);
        assert_true(diag.n_errors > 0);
        words = diag_to_string(&diag, true);
        assert_non_null(words);
        return words;
}

static inline const PolicyRule *fixture_rule(const PolicyRules *rules, const char *text) {
        for (size_t i = 0; i < rules->n; i++)
                if (streq(rules->items[i].text, text))
                        return rules->items + i;

        return NULL;
}
