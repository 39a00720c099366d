/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <stdio.h>

#include "manager/base/string-list.h"
#include "policies/rules.h"
#include "policies/seccomp/guards.h"
#include "policies/seccomp/profile.h"
#include "units/spec/protections.h"

/* The table's entries by name, as people look for them. */
typedef struct NameOrder {
        const SyscallEntry **entries;
        size_t n;
} NameOrder;

static void name_order_done(NameOrder *o) {
        free(o->entries);
}

static int compare_names(const void *a, const void *b) {
        const SyscallEntry *const *x = a, *const *y = b;

        return strcmp((*x)->name, (*y)->name);
}

static int name_order_new(const SyscallTable *t, NameOrder *ret) {
        const SyscallEntry **entries = calloc(t->n, sizeof(SyscallEntry *));

        if (!entries)
                return -ENOMEM;
        for (size_t i = 0; i < t->n; i++)
                entries[i] = t->entries + i;
        qsort(entries, t->n, sizeof(SyscallEntry *), compare_names);

        *ret = (NameOrder) { .entries = entries, .n = t->n };
        return 0;
}

/* "allow A B C", "deny A B: EPERM": the calls that one cause decided in one way. NULL where there are none. */
static int describe(const NameOrder *order, int cause, int action, char **ret) {
        _cleanup_free_ char *text = NULL;
        size_t size, n = 0;
        FILE *f;

        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;

        fputs(action == SYSCALL_ALLOW ? "allow" : "deny", f);
        for (size_t i = 0; i < order->n; i++)
                if (order->entries[i]->cause == cause && order->entries[i]->action == action) {
                        fputc(' ', f);
                        fputs(order->entries[i]->name, f);
                        n++;
                }
        if (action != SYSCALL_ALLOW)
                fprintf(f, ": %s", denial_to_string(action).text);
        if (ferror(f) | (fclose(f) != 0))
                return -ENOMEM;

        *ret = n > 0 ? TAKE_PTR(text) : NULL;
        return 0;
}

static int add_calls(const NameOrder *order, int cause, int action, const Origin *origin,
                     PolicyRules *rules) {
        char *text;
        int r;

        r = describe(order, cause, action, &text);
        if (r < 0 || !text)
                return r;
        return policy_rules_take(rules, origin, text);
}

static int add_items(const SeccompProfile *p, const NameOrder *order, const ContainerSpec *spec,
                     PolicyRules *rules) {
        for (size_t i = 0; i < spec->system_call_filter.n; i++) {
                const SyscallItem *item = spec->system_call_filter.items + i;
                int action = item->error != 0 ? item->error : item->negate ? p->denied : SYSCALL_ALLOW;
                int r = add_calls(order, (int)i, action, &item->origin, rules);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* One rule for each answer that SeccompProfile= gives, in the order of the errors' numbers. */
static int add_oci(const SeccompProfile *p, const NameOrder *order, const ContainerSpec *spec, PolicyRules *rules) {
        const Origin *origin = container_spec_origin(spec, DIRECTIVE_SeccompProfile);
        int r = 0;

        for (int action = SYSCALL_ERROR_KILL, next; r >= 0 && p->oci.set && action < INT_MAX; action = next) {
                if (action != SYSCALL_ALLOW)
                        r = add_calls(order, CAUSE_OCI, action, origin, rules);
                next = INT_MAX;
                for (size_t i = 0; i < order->n; i++)
                        if (order->entries[i]->cause == CAUSE_OCI && order->entries[i]->action > action)
                                next = MIN_OF(next, order->entries[i]->action);
        }
        return r < 0 ? r : oci_profile_add_rules(p, spec, rules);
}

/* "log A B": what is allowed, and told to the kernel's log. */
static int add_logged(const NameOrder *order, const ContainerSpec *spec, PolicyRules *rules) {
        _cleanup_free_ char *text = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < order->n; i++)
                if (order->entries[i]->logged && order->entries[i]->action == SYSCALL_ALLOW)
                        r = str_append(&text, "%s %s", text ? "" : "log", order->entries[i]->name);
        if (r < 0 || !text)
                return r;
        return policy_rules_take(rules, container_spec_origin(spec, DIRECTIVE_SystemCallLog), TAKE_PTR(text));
}

/* What holds for every filter, whatever its list. */
static int add_fixed(const SeccompProfile *p, const ContainerSpec *spec, PolicyRules *rules) {
        const Origin *denied = container_spec_origin(spec, DIRECTIVE_SystemCallErrorNumber);
        int r;

        r = policy_rules_add(rules, NULL, "deny system calls that this version does not know: ENOSYS");
        if (r >= 0)
                r = policy_rules_add(rules, NULL, "kill on a system call of another ABI");
        if (r >= 0)
                r = policy_rules_add(rules, denied, "deny every other system call: %s",
                                     denial_to_string(p->denied).text);
        return r;
}

int seccomp_profile_rules(const SeccompProfile *p, const ContainerSpec *spec, PolicyRules *rules) {
        const Origin *boot = container_spec_origin(spec, DIRECTIVE_Boot);
        _cleanup_(name_order_done) NameOrder order = {};
        int r;

        r = name_order_new(&p->table, &order);
        if (r >= 0)
                r = add_calls(&order, CAUSE_DEFAULT, SYSCALL_ALLOW, NULL, rules);
        if (r >= 0)
                r = add_calls(&order, CAUSE_BOOT, SYSCALL_ALLOW, boot, rules);
        if (r >= 0)
                r = add_calls(&order, CAUSE_LAUNCHER, SYSCALL_ALLOW, NULL, rules);
        if (r >= 0)
                r = add_items(p, &order, spec, rules);
        if (r >= 0)
                r = add_calls(&order, CAUSE_HIDDEN, ENOSYS, NULL, rules);
        if (r >= 0)
                r = add_oci(p, &order, spec, rules);
        for (size_t i = 0; r >= 0 && i < protections_count(); i++)
                r = add_calls(&order, CAUSE_PROTECTION - (int)i, p->denied, container_spec_origin(spec, protections[i].id), rules);
        if (r >= 0)
                r = seccomp_guards_rules(p, spec, rules);
        if (r >= 0)
                r = add_logged(&order, spec, rules);
        if (r >= 0)
                r = add_fixed(p, spec, rules);
        return r;
}

const Origin *seccomp_profile_origin(const ContainerSpec *spec, const SyscallEntry *entry) {
        if (entry->cause >= 0)
                return &spec->system_call_filter.items[entry->cause].origin;
        if (entry->cause <= CAUSE_PROTECTION)
                return container_spec_origin(spec, protections[CAUSE_PROTECTION - entry->cause].id);
        if (entry->cause == CAUSE_BOOT)
                return container_spec_origin(spec, DIRECTIVE_Boot);
        if (entry->cause == CAUSE_OCI)
                return container_spec_origin(spec, DIRECTIVE_SeccompProfile);
        /* Who is not on the list is refused by whoever wrote the list, where somebody did. */
        if (entry->cause == CAUSE_REST && spec->system_call_filter.n > 0)
                return container_spec_origin(spec, DIRECTIVE_SystemCallFilter);
        return NULL;
}
