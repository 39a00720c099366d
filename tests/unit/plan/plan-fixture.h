/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A spec filled by hand through the table's own parsers, and a policy set that needs no compiler. */

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "manager/base/landlock-abi.h"
#include "manager/plan/plan.h"

static inline int fixture_set(ContainerSpec *s, DirectiveId id, unsigned line, const char *text) {
        const ValueContext c = { .origin = { "web.container", line }, .directive = directives[id].name };
        int r = directives[id].type->parse(&c, text, container_spec_field(s, id));

        if (r >= 0)
                s->origins[id] = c.origin;
        return r;
}

static inline ContainerSpec *fixture_spec(void) {
        static char *environment[] = { (char *)"PATH=/usr/bin:/bin", (char *)"LEVEL=3", (char *)"WORDS=a b", NULL };
        ContainerSpec *s = NULL;

        if (container_spec_new("web", &s) < 0 || fixture_set(s, DIRECTIVE_RootDirectory, 2, "/srv/web") < 0 ||
            fixture_set(s, DIRECTIVE_ExecStart, 3, "/bin/web --level=${LEVEL} $WORDS") < 0)
                return NULL;
        s->init_role = true;
        s->exec_directory = strdup("/");
        for (char **e = environment; *e; e++) {
                s->exec_environment = reallocarray(s->exec_environment, (size_t)(e - environment) + 2, sizeof(char *));
                s->exec_environment[e - environment] = strdup(*e);
                s->exec_environment[e - environment + 1] = NULL;
        }
        return s;
}

static inline const PolicySet *fixture_policies(void) {
        static struct sock_filter allow[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
        static char *names[] = { (char *)"shadow", (char *)"passwd", NULL };
        static LandlockPathRule paths[] = { { .access = 0x8, .path = (char *)"/" },
                                            { .access = 0x4, .path = (char *)"/etc", .except = names, .missing_ok = true } };
        static LandlockPortRule ports[] = { { .access = 1, .first = 80, .last = 443 } };
        static const PolicySet set = {
                .n_ref = 1,
                .capabilities = { .bounding = 0x3, .permitted = 0x3, .effective = 0x3 },
                .seccomp = { .program = allow, .n_instructions = 1 },
                .landlock = { .abi = 6, .handled_fs = 0xc, .handled_net = 1,
                              .scoped = LANDLOCK_SCOPE_SIGNAL | LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET,
                              .paths = paths, .n_paths = 2, .ports = ports, .n_ports = 1 },
        };

        return &set;
}

static inline int fixture_plan(const ContainerSpec *s, Plan **ret) {
        const PlanParameters p = { .id_base = 0x80000, .id_count = 65536 };
        Diag diag = {};
        int r = plan_build(s, fixture_policies(), &p, &diag, ret);

        diag_done(&diag);
        return r;
}
