/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "policies/families.h"
#include "policies/seccomp/profile.h"
#include "policies/seccomp/seccomp.h"
#include "units/spec/protections.h"

/* What the launcher may call once the filter is in force. With NoNewPrivileges=yes the filter is loaded last, so
 * that only execve() follows and, where it fails, a report and the end. */
static const char *const launcher_calls[] = { "execve", "execveat", "write", "close", "exit_group" };

/* Without no_new_privs the kernel takes a filter only from who has CAP_SYS_ADMIN, so it is loaded while the
 * stage still is root; the bounding set, the ids and the capabilities follow under the filter (manager/plan).
 * Names with "32" are for architectures whose plain calls know 16 bit ids only. */
static const char *const identity_calls[] = {
        "prctl",       "capset",    "setgroups",   "setgroups32", "setresgid",
        "setresgid32", "setresuid", "setresuid32",
};

#define LIBRARY_ERROR_MAX 4094

/* What one item of the list does to each call that it names. */
typedef struct Application {
        SeccompProfile *profile;
        int action;
        int cause;
        bool by_name;
        bool opens_namespaces;
} Application;

static bool makes_namespaces(const char *name) {
        return streq(name, "unshare") || streq(name, "setns");
}

/* unshare and setns are opened by their own names, by @boot-container, and in a container with Boot=yes by any
 * group. Elsewhere a wide group that happens to contain them (@process, @system-service) does not open them:
 * they give an unprivileged payload the kernel's mount, network and netfilter code, as root of a new user
 * namespace. */
static int apply_to_call(const char *name, void *userdata) {
        const Application *a = userdata;
        SyscallEntry *entry;

        if (a->action == SYSCALL_ALLOW && !a->opens_namespaces && makes_namespaces(name))
                return 0;

        entry = syscall_table_by_name(&a->profile->table, name);
        if (!entry)
                return 0; /* of another architecture */

        entry->action = a->action;
        entry->cause = a->cause;
        entry->by_name = a->by_name;
        return 0;
}

static int apply_built_in(SeccompProfile *p, const char *group, int cause) {
        Application a = { .profile = p, .action = SYSCALL_ALLOW, .cause = cause, .opens_namespaces = true };
        const SyscallGroup *g = syscall_group_find(group);

        return g ? syscall_group_visit(g, apply_to_call, &a) : -ENOENT;
}

static int report_unknown(const SyscallItem *item, const char *directive, Diag *diag) {
        const char *kind = item->name[0] == '@' ? "group of system calls" : "system call";
        char buffer[SYSCALL_NAME_MAX];
        const char *near = syscall_suggest(item->name, buffer);

        if (near)
                return diag_error(diag, ERROR_BAD_VALUE, &item->origin, directive,
                                  "unknown %s '%s'; did you mean %s?", kind, item->name, near);
        return diag_error(diag, ERROR_BAD_VALUE, &item->origin, directive, "unknown %s '%s'", kind, item->name);
}

/* The kernel's largest error, 4095, is one more than libseccomp takes. */
static int check_error(int error, const Origin *origin, const char *directive, Diag *diag) {
        if (error <= LIBRARY_ERROR_MAX)
                return 0;
        return diag_error(diag, ERROR_BAD_VALUE, origin, directive,
                          "the filter cannot return error number %d; numbers go up to %d", error,
                          LIBRARY_ERROR_MAX);
}

/* A name that libseccomp knows here and our own data do not. */
static int ensure_entry(SeccompProfile *p, const char *name, int number) {
        SyscallEntry *entry;
        int r;

        if (number < 0 || syscall_table_by_number(&p->table, (uint32_t)number))
                return 0;

        r = syscall_table_add(&p->table, name, (uint32_t)number, &entry);
        if (r < 0)
                return r;

        entry->action = p->denied;
        entry->cause = CAUSE_REST;
        return 0;
}

static int visit_item(SeccompProfile *p, const SyscallItem *item, const char *directive, SyscallVisitor visit, void *userdata,
                      Diag *diag) {
        const SyscallGroup *group;
        int r;

        if (item->name[0] == '@') {
                group = syscall_group_find(item->name);
                return group ? syscall_group_visit(group, visit, userdata) : report_unknown(item, directive, diag);
        }
        r = syscall_resolve(item->name);
        if (r == -ENOENT)
                return report_unknown(item, directive, diag);
        r = ensure_entry(p, item->name, r);
        return r < 0 ? r : visit(item->name, userdata);
}

static int apply_item(SeccompProfile *p, const ContainerSpec *spec, size_t index, Diag *diag) {
        const SyscallItem *item = spec->system_call_filter.items + index;
        bool is_group = item->name[0] == '@';
        /* An error beside a name always denies: "name:EACCES" and "~name:EACCES" mean the same. */
        Application a = {
                .profile = p,
                .action = item->error != 0 ? item->error : item->negate ? p->denied : SYSCALL_ALLOW,
                .cause = (int)index,
                .by_name = !is_group,
                .opens_namespaces = spec->boot || !is_group || streq(item->name, "@boot-container"),
        };
        int r;

        r = check_error(item->error, &item->origin, "SystemCallFilter", diag);
        return r < 0 ? r : visit_item(p, item, "SystemCallFilter", apply_to_call, &a, diag);
}

static int apply_items(SeccompProfile *p, const ContainerSpec *spec, Diag *diag) {
        int result = 0;

        for (size_t i = 0; i < spec->system_call_filter.n; i++) {
                int r = apply_item(p, spec, i, diag);

                if (r < 0 && result == 0)
                        result = r;
        }
        return result;
}

/* --- SystemCallLog= */

typedef struct LogApplication {
        SeccompProfile *profile;
        bool logged;
} LogApplication;

static int log_call(const char *name, void *userdata) {
        const LogApplication *a = userdata;
        SyscallEntry *entry = syscall_table_by_name(&a->profile->table, name);

        if (entry)
                entry->logged = a->logged;
        return 0;
}

/* As systemd reads it: where the first list begins with '~', all but those. */
static int apply_log(SeccompProfile *p, const ContainerSpec *spec, Diag *diag) {
        const value_syscall_log *log = &spec->system_call_log;
        int result = 0;

        for (size_t i = 0; log->n > 0 && log->items[0].negate && i < p->table.n; i++)
                p->table.entries[i].logged = true;
        for (size_t i = 0; i < log->n; i++) {
                LogApplication a = { p, !log->items[i].negate };
                int r = visit_item(p, log->items + i, "SystemCallLog", log_call, &a, diag);

                if (r < 0 && result == 0)
                        result = r;
        }
        return result;
}

/* The launcher's calls are allowed where the list just does not mention them. A unit that denies one by name,
 * or in any way one that changes identity, would make the start fail later and in the dark: refuse it here. */
static int keep_call(SeccompProfile *p, const ContainerSpec *spec, const char *name, bool identity,
                     Diag *diag) {
        SyscallEntry *entry = syscall_table_by_name(&p->table, name);
        const SyscallItem *item;

        if (!entry || entry->action == SYSCALL_ALLOW)
                return 0;

        if (entry->cause < 0 || (!entry->by_name && !identity)) {
                entry->action = SYSCALL_ALLOW;
                entry->cause = CAUSE_LAUNCHER;
                return 0;
        }

        item = spec->system_call_filter.items + entry->cause;
        if (identity)
                return diag_error(diag, ERROR_CONFLICT, &item->origin, "SystemCallFilter",
                                  "%s denies %s, which the launcher itself calls under the filter when "
                                  "NoNewPrivileges=no; set NoNewPrivileges=yes, or allow %s",
                                  item->name, name, name);
        return diag_error(diag, ERROR_CONFLICT, &item->origin, "SystemCallFilter",
                          "%s cannot be denied: the launcher itself needs it to execute the payload", name);
}

static bool is_one_of(uint32_t number, const char *const *names, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (syscall_resolve(names[i]) == (int)number)
                        return true;
        return false;
}

bool seccomp_is_launcher_call(const ContainerSpec *spec, uint32_t number) {
        return is_one_of(number, launcher_calls, ELEMENTSOF(launcher_calls)) ||
               (!spec->no_new_privileges && is_one_of(number, identity_calls, ELEMENTSOF(identity_calls)));
}

static int keep_launcher(SeccompProfile *p, const ContainerSpec *spec, Diag *diag) {
        int result = 0;

        for (size_t i = 0; i < ELEMENTSOF(launcher_calls); i++) {
                int r = keep_call(p, spec, launcher_calls[i], false, diag);

                if (r < 0)
                        result = r;
        }

        for (size_t i = 0; !spec->no_new_privileges && i < ELEMENTSOF(identity_calls); i++) {
                int r = keep_call(p, spec, identity_calls[i], true, diag);

                if (r < 0)
                        result = r;
        }
        return result;
}

/* A call whose arguments lie in memory, which a filter cannot read, answers ENOSYS: the C library then takes
 * the call that can be judged. Not where the unit gave it an error of its own. */
static void hide(SeccompProfile *p, const ContainerSpec *spec, SyscallEntry *entry) {
        if (entry->action != SYSCALL_ALLOW && entry->cause >= 0 &&
            spec->system_call_filter.items[entry->cause].error != 0)
                return;
        if (entry->action == SYSCALL_ERROR_KILL && entry->cause == CAUSE_OCI)
                return;

        entry->action = ENOSYS;
        entry->cause = CAUSE_HIDDEN;
}

/* What carries out, with arguments in memory, a call that a switch has judged; io_uring does so beside every filter. */
static const struct {
        SeccompSwitch needs;
        const char *name;
} hidden_calls[] = {
        { SWITCH_SET_IDS, "openat2" },        { SWITCH_SET_IDS, "io_uring_setup" },
        { SWITCH_SET_IDS, "io_uring_enter" }, { SWITCH_SET_IDS, "io_uring_register" },
        { SWITCH_REALTIME, "sched_setattr" },
};

static void hide_by_name(SeccompProfile *p, const ContainerSpec *spec, const char *name) {
        SyscallEntry *entry = syscall_table_by_name(&p->table, name);

        if (entry)
                hide(p, spec, entry);
}

static void hide_switched(SeccompProfile *p, const ContainerSpec *spec) {
        for (size_t i = 0; i < ELEMENTSOF(hidden_calls); i++) {
                SyscallEntry *entry = syscall_table_by_name(&p->table, hidden_calls[i].name);

                if (entry && entry->action == SYSCALL_ALLOW && (p->switches & hidden_calls[i].needs))
                        hide(p, spec, entry);
        }
}

/* New namespaces are made by unshare(), by clone() with CLONE_NEW* flags and by clone3(). unshare decides for
 * all three: where it is denied, clone() is allowed without those flags (policies/seccomp/guards.c), and
 * clone3() is hidden. It is hidden wherever it is denied: after EPERM the C library would not fall back to
 * clone(), and no thread could be made. socketcall() hides the address family. */
static void settle_hidden(SeccompProfile *p, const ContainerSpec *spec) {
        const SyscallEntry *unshare = syscall_table_by_name(&p->table, "unshare");
        const SyscallEntry *clone3 = syscall_table_by_name(&p->table, "clone3");
        const bool namespaces = unshare && unshare->action == SYSCALL_ALLOW;

        p->denied_clone = namespaces ? p->denied_namespaces : NAMESPACES_ALL;
        if (p->denied_clone != 0)
                p->switches |= SWITCH_CLONE;
        if (p->denied_clone != 0 || (clone3 && clone3->action != SYSCALL_ALLOW))
                hide_by_name(p, spec, "clone3");
        hide_by_name(p, spec, "socketcall");
        hide_switched(p, spec);
}

static void deny_everything(SeccompProfile *p) {
        for (size_t i = 0; i < p->table.n; i++) {
                p->table.entries[i].action = p->denied;
                p->table.entries[i].cause = CAUSE_REST;
        }
}

/* One denies for good: what protections name stays denied, whatever list allows it. */
static int deny_call(const char *name, void *userdata) {
        const Application *a = userdata;
        SyscallEntry *entry = syscall_table_by_name(&a->profile->table, name);

        if (entry && (entry->action == SYSCALL_ALLOW || entry->cause == CAUSE_REST)) {
                entry->action = a->action;
                entry->cause = a->cause;
        }
        return 0;
}

static int deny_words(const char *words, Application *a) {
        int r = 0;

        while (r >= 0 && *words) {
                char name[SYSCALL_NAME_MAX];
                const size_t n = strcspn(words, " ");
                const SyscallGroup *group;

                (void)snprintf(name, sizeof(name), "%.*s", (int)n, words);
                group = *name == '@' ? syscall_group_find(name) : NULL;
                r = group ? syscall_group_visit(group, deny_call, a) : deny_call(name, a);
                words += n + (words[n] == ' ');
        }
        return r;
}

static int apply_protections(SeccompProfile *p, const ContainerSpec *spec) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < protections_count(); i++) {
                Application a = { .profile = p, .action = p->denied, .cause = CAUSE_PROTECTION - (int)i };

                if (protections[i].calls && protections[i].on(spec))
                        r = deny_words(protections[i].calls, &a);
        }
        return r;
}

/* As systemd reads the list, with one difference: where systemd starts from "everything" (the first item has
 * a '~', or there is no list), this starts from the default list. A first item without '~' replaces the
 * default list; @default is then always part of it. Later items add or take away, in order. */
static int apply_filter(SeccompProfile *p, const ContainerSpec *spec, uint64_t bounding, Diag *diag) {
        const value_syscall_filter *filter = &spec->system_call_filter;
        bool allow_list = filter->n > 0 && !filter->items[0].negate;
        int r, q;

        deny_everything(p);

        r = 0;
        if (!allow_list && spec->boot)
                r = apply_built_in(p, "@boot-container", CAUSE_BOOT);
        if (r >= 0)
                r = apply_built_in(p, allow_list ? "@default" : "@default-container", CAUSE_DEFAULT);
        if (r < 0)
                return r;

        r = apply_items(p, spec, diag);
        q = apply_protections(p, spec);
        if (q < 0)
                return q;
        q = oci_profile_apply(p, spec, bounding, diag);
        if (r >= 0)
                r = q;
        q = keep_launcher(p, spec, diag);
        settle_hidden(p, spec);
        if (r >= 0)
                r = q;
        q = apply_log(p, spec, diag);
        oci_profile_apply_log(p);
        return r < 0 ? r : q;
}

void seccomp_profile_done(SeccompProfile *p) {
        syscall_table_done(&p->table);
        oci_profile_done(&p->oci);
}

static void set_switches(SeccompProfile *p, const ContainerSpec *spec) {
        const struct {
                SeccompSwitch name;
                bool on;
        } rows[] = {
                { SWITCH_TRANSPORTS, spec->socket_bind_deny.n > 0 },
                { SWITCH_SET_IDS, spec->restrict_suid_sgid == TRISTATE_YES || spec->exposed_tree.path },
                /* An init gives its own services their scheduling. */
                { SWITCH_REALTIME, spec->restrict_realtime == TRISTATE_YES ||
                                           (spec->restrict_realtime == TRISTATE_UNSET && !spec->boot) },
                { SWITCH_WRITE_EXECUTE, spec->memory_deny_write_execute == TRISTATE_YES },
                { SWITCH_PERSONALITY, spec->lock_personality == TRISTATE_YES },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].on)
                        p->switches |= rows[i].name;
        if (spec->restrict_namespaces.set)
                p->denied_namespaces = NAMESPACES_ALL & ~spec->restrict_namespaces.allowed;
        /* Root of a new user namespace has CAP_SETFCAP again, for the same files. */
        if (spec->exposed_tree.path)
                p->denied_namespaces |= CLONE_NEWUSER;
        if (p->denied_namespaces != 0)
                p->switches |= SWITCH_NAMESPACES;
}

int seccomp_profile_new(const ContainerSpec *spec, uint64_t bounding, Diag *diag, SeccompProfile *ret) {
        _cleanup_(seccomp_profile_done) SeccompProfile p = {
                .denied = spec->system_call_error_number != 0 ? spec->system_call_error_number : EPERM,
        };
        const uint64_t families = address_families_within(spec, bounding);
        int r;

        for (uint32_t family = 0; family < ADDRESS_FAMILY_MAX; family++)
                if (address_families_have(families, family))
                        p.families[p.n_families++] = family;
        set_switches(&p, spec);
        r = check_error(p.denied, container_spec_origin(spec, DIRECTIVE_SystemCallErrorNumber),
                        "SystemCallErrorNumber", diag);
        if (r < 0)
                return r;
        r = syscall_table_new(&p.table);
        if (r < 0)
                return r;
        r = apply_filter(&p, spec, bounding, diag);
        if (r < 0)
                return r;

        *ret = p;
        p = (SeccompProfile) {};
        return 0;
}
