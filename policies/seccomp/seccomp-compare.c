/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/string-list.h"
#include "policies/seccomp/guards.h"
#include "policies/seccomp/profile.h"
#include "policies/seccomp/seccomp-compare.h"

typedef struct Side {
        const ContainerSpec *spec;
        SeccompProfile profile;
} Side;

static void side_done(Side *s) {
        seccomp_profile_done(&s->profile);
}

/* Calls that the same lines treat in the same way are one change. */
typedef struct Group {
        int before, after; /* actions */
        const Origin *from, *to;
        char *names;
} Group;
typedef struct Groups {
        Group *items;
        size_t n;
} Groups;

static void groups_done(Groups *g) {
        for (size_t i = 0; i < g->n; i++)
                free(g->items[i].names);
        free(g->items);
}

static bool same_origin(const Origin *a, const Origin *b) {
        return a == b || (a && b && a->line == b->line && streq_ptr(a->file, b->file));
}

static int group_add(Groups *g, int before, int after, const Origin *from, const Origin *to, const char *name) {
        Group *items;

        for (size_t i = 0; i < g->n; i++) {
                Group *one = g->items + i;

                if (one->before == before && one->after == after && same_origin(one->from, from) && same_origin(one->to, to))
                        return str_append(&one->names, " %s", name);
        }
        items = reallocarray(g->items, g->n + 1, sizeof(Group));
        if (!items)
                return -ENOMEM;
        g->items = items;
        items[g->n] = (Group){ .before = before, .after = after, .from = from, .to = to };
        g->n++;
        return str_append(&items[g->n - 1].names, "%s", name);
}

/* A call that a newer libseccomp knows and only one unit names: the other filter takes its number for an unknown one. */
static SyscallEntry missing_entry(const SyscallEntry *like) {
        SyscallEntry e = *like;

        e.action = ENOSYS;
        e.cause = CAUSE_DEFAULT;
        return e;
}

/* "every other call" of one filter and of the other is one change of SystemCallErrorNumber=, not one a call. */
static bool both_rest(const Side *a, const SyscallEntry *x, const Side *b, const SyscallEntry *y) {
        return x->cause == CAUSE_REST && y->cause == CAUSE_REST && x->action == a->profile.denied &&
               y->action == b->profile.denied;
}

/* unshare decides for whatever makes namespaces. */
static const Origin *origin_of_call(const Side *s, const SyscallEntry *entry) {
        const SyscallEntry *unshare = syscall_table_by_name(&s->profile.table, "unshare");

        if (unshare && (streq(entry->name, "clone") || streq(entry->name, "clone3")))
                return seccomp_profile_origin(s->spec, unshare);
        return seccomp_profile_origin(s->spec, entry);
}

static int compare_call(const Side *a, const SyscallEntry *x, const Side *b, const SyscallEntry *y, Groups *groups,
                        PolicyChanges *changes) {
        const Origin *from = origin_of_call(a, x), *to = origin_of_call(b, y);

        if (both_rest(a, x, b, y))
                return 0;
        if (x->action != y->action)
                return group_add(groups, x->action, y->action, from, to, x->name);
        if (x->action != SYSCALL_ALLOW)
                return 0;
        return seccomp_guards_compare(&(GuardSide){ &a->profile, a->spec, x, from },
                                      &(GuardSide){ &b->profile, b->spec, y, to }, changes);
}

static int compare_calls(const Side *a, const Side *b, Groups *groups, PolicyChanges *changes) {
        const SyscallTable *s = &a->profile.table, *t = &b->profile.table;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < s->n; i++) {
                const SyscallEntry *x = s->entries + i, *y = syscall_table_by_number(t, x->number);
                const SyscallEntry missing = missing_entry(x);

                r = compare_call(a, x, b, y ? y : &missing, groups, changes);
        }
        for (size_t i = 0; r >= 0 && i < t->n; i++) {
                const SyscallEntry *y = t->entries + i, missing = missing_entry(y);

                if (!syscall_table_by_number(s, y->number))
                        r = compare_call(a, &missing, b, y, groups, changes);
        }
        return r;
}

/* Calls that only one of them logs, or that only one of them allows and so logs. */
static int compare_logged(const Side *a, const Side *b, PolicyChanges *changes) {
        const Origin *from = container_spec_origin(a->spec, DIRECTIVE_SystemCallLog);
        const Origin *to = container_spec_origin(b->spec, DIRECTIVE_SystemCallLog);
        const struct {
                const Side *has, *lacks;
                const char *words;
        } rows[] = { { a, b, "no longer log" }, { b, a, "log" } };
        int r = 0;

        for (size_t k = 0; r >= 0 && k < ELEMENTSOF(rows); k++) {
                const SyscallTable *t = &rows[k].has->profile.table;
                _cleanup_free_ char *names = NULL;

                for (size_t i = 0; r >= 0 && i < t->n; i++) {
                        const SyscallEntry *other = syscall_table_by_number(&rows[k].lacks->profile.table, t->entries[i].number);

                        if (t->entries[i].logged && !(other && other->logged))
                                r = str_append(&names, " %s", t->entries[i].name);
                }
                if (r >= 0 && names)
                        r = policy_changes_add(changes, POLICY_DIFFERS, from, to, "%s%s", rows[k].words, names);
        }
        return r;
}

static bool same_judgement(const OciRule *x, size_t n, OciAnswer a, const OciRule *y, size_t m, OciAnswer b) {
        if (n != m || (n > 0 && a.action != b.action))
                return false;
        for (size_t i = 0; i < n; i++) {
                if (x[i].answer.action != y[i].answer.action || x[i].n_conditions != y[i].n_conditions)
                        return false;
                for (size_t k = 0; k < x[i].n_conditions; k++) {
                        const OciCondition *c = x[i].conditions + k, *d = y[i].conditions + k;

                        if (c->argument != d->argument || c->compare != d->compare || c->value != d->value || c->second != d->second)
                                return false;
                }
        }
        return true;
}

/* Calls whose arguments SeccompProfile= judges. */
static int compare_judged(const Side *a, const Side *b, PolicyChanges *changes) {
        const Origin *from = container_spec_origin(a->spec, DIRECTIVE_SeccompProfile);
        const Origin *to = container_spec_origin(b->spec, DIRECTIVE_SeccompProfile);
        int r = 0;

        for (size_t i = 0; r >= 0 && i < a->profile.table.n; i++) {
                const SyscallEntry *entry = a->profile.table.entries + i;
                OciAnswer before = {}, after = {};
                size_t n, m;
                const OciRule *x = oci_profile_judges(&a->profile, entry, &n, &before);
                const OciRule *y = oci_profile_judges(&b->profile, entry, &m, &after);

                if (!same_judgement(x, n, before, y, m, after))
                        r = policy_changes_add(changes, n == 0 ? POLICY_TIGHTER : m == 0 ? POLICY_LOOSER : POLICY_DIFFERS, from, to,
                                               "%s %s by its arguments", m == 0 ? "no longer deny" : "deny", entry->name);
        }
        return r;
}

static int tell_group(const Group *g, PolicyChanges *changes) {
        if (g->after == SYSCALL_ALLOW)
                return policy_changes_add(changes, POLICY_LOOSER, g->from, g->to, "allow %s", g->names);
        if (g->before == SYSCALL_ALLOW)
                return policy_changes_add(changes, POLICY_TIGHTER, g->from, g->to, "deny %s: %s", g->names,
                                          denial_to_string(g->after).text);
        return policy_changes_add(changes, POLICY_DIFFERS, g->from, g->to, "deny %s: %s -> %s", g->names,
                                  denial_to_string(g->before).text, denial_to_string(g->after).text);
}

int seccomp_compare(const PolicySet *before, const PolicySet *after, PolicyChanges *changes) {
        _cleanup_(side_done) Side a = { .spec = before->spec }, b = { .spec = after->spec };
        _cleanup_(groups_done) Groups groups = {};
        int r;

        r = seccomp_profile_new(a.spec, before->capabilities.bounding, NULL, &a.profile);
        if (r >= 0)
                r = seccomp_profile_new(b.spec, after->capabilities.bounding, NULL, &b.profile);
        if (r >= 0)
                r = compare_calls(&a, &b, &groups, changes);
        for (size_t i = 0; r >= 0 && i < groups.n; i++)
                r = tell_group(groups.items + i, changes);
        if (r >= 0)
                r = compare_logged(&a, &b, changes);
        if (r >= 0)
                r = compare_judged(&a, &b, changes);
        if (r >= 0 && a.profile.denied != b.profile.denied)
                r = policy_changes_add(changes, POLICY_DIFFERS,
                                       container_spec_origin(a.spec, DIRECTIVE_SystemCallErrorNumber),
                                       container_spec_origin(b.spec, DIRECTIVE_SystemCallErrorNumber),
                                       "deny every other system call: %s -> %s", denial_to_string(a.profile.denied).text,
                                       denial_to_string(b.profile.denied).text);
        return r;
}
