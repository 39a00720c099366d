/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/string-list.h"
#include "policies/bpf/filters-build.h"
#include "policies/rules.h"

int filter_add(FilterPolicy *f, const CgroupProgram *program, BpfAssembler *a) {
        int r = bpf_finish(a);

        if (r >= 0 && f->n >= ELEMENTSOF(f->programs))
                r = -E2BIG;
        if (r >= 0) {
                f->programs[f->n] = *program;
                f->programs[f->n].n = a->n;
                f->programs[f->n].origins = TAKE_PTR(a->origins);
                f->programs[f->n++].items = TAKE_PTR(a->items);
        }
        bpf_done(a);
        return r;
}

/* Of the digests of the programs, and of where each is attached. */
static void compute_digest(FilterPolicy *f) {
        struct {
                Digest program;
                uint32_t attach, reserved;
        } parts[CGROUP_PROGRAMS_MAX] = {};

        for (size_t i = 0; i < f->n; i++) {
                digest_of(f->programs[i].items, f->programs[i].n * sizeof(struct bpf_insn), &parts[i].program);
                parts[i].attach = f->programs[i].attach;
        }
        digest_of(parts, f->n * sizeof(parts[0]), &f->digest);
}

static int filters_compile(const ContainerSpec *spec, int cache_fd, Diag *diag, PolicySet *set) {
        static const struct {
                int (*compile)(const ContainerSpec *spec, FilterPolicy *f);
                DirectiveId id;
        } kinds[] = {
                { packet_filter_compile, DIRECTIVE_IPAddressDeny },
                { bind_filter_compile, DIRECTIVE_SocketBindDeny },
        };
        FilterPolicy *f = &set->filters;

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                int r = kinds[i].compile(spec, f);

                if (r < 0)
                        return diag_errno(diag, ERROR_POLICY, container_spec_origin(spec, kinds[i].id), directives[kinds[i].id].name, -r,
                                          "its program cannot be put together");
        }
        if (f->n > 0)
                compute_digest(f);
        return 0;
}

/* Only where somebody wants to read it: a start does not. */
static int filters_render(const PolicySet *set, char **ret) {
        _cleanup_free_ char *s = NULL;
        int r = 0;

        if (set->filters.n == 0)
                r = str_append(&s, "no filter: nothing is said of sockets and packets\n");
        for (size_t i = 0; r >= 0 && i < set->filters.n; i++) {
                const CgroupProgram *p = set->filters.programs + i;
                _cleanup_free_ char *text = NULL;

                r = bpf_program_text(&(BpfAssembler){ .items = p->items, .origins = p->origins, .n = p->n }, &text);
                if (r >= 0)
                        r = str_append(&s, "%s\n%s", p->name, text);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

static const PolicyRules *filters_rules(const PolicySet *set) {
        return &set->filters.rules;
}

static void filters_digest(const PolicySet *set, Digest *ret) {
        *ret = set->filters.digest;
}

static void filters_done(PolicySet *set) {
        policy_rules_done(&set->filters.rules);
        for (size_t i = 0; i < set->filters.n; i++) {
                free(set->filters.programs[i].items);
                free(set->filters.programs[i].origins);
        }
}

const PolicyBackend policy_backend_filters = {
        .name = "filters",
        .compile = filters_compile,
        .render = filters_render,
        .rules = filters_rules,
        .digest = filters_digest,
        .done = filters_done,
};
