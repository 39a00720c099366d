/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The meaning of SystemCallFilter= a second time, as slow and as plain as possible: no table, no program, one
 * system call at a time. The compiled filter must agree with it on every (arch, number, arguments). */

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>

#include "manager/base/string-list.h"
#include "policies/compile.h"
#include "policies/seccomp/seccomp.h"
#include "policies/seccomp/syscall-table.h"

#define NAIVE_NUMBERS 1024 /* all below; a number beyond is unknown. Not for ABIs with a base of their own */

typedef struct NaiveSet {
        bool has[NAIVE_NUMBERS];
} NaiveSet;

typedef struct Naive {
        NaiveSet *items; /* one an item of the filter */
        size_t n_items;
        NaiveSet known, standard, boot, always;
} Naive;

static inline void naive_add(NaiveSet *s, const char *name) {
        int number = syscall_resolve(name);

        if (number >= 0 && number < NAIVE_NUMBERS)
                s->has[number] = true;
}

static inline void naive_add_word(NaiveSet *s, const char *word) {
        _cleanup_strv_ char **names = NULL;

        if (word[0] != '@')
                naive_add(s, word);
        else if (seccomp_groups_expand(word, &names) >= 0)
                for (char **n = names; n && *n; n++)
                        naive_add(s, *n);
}

static inline void naive_init(Naive *n, const ContainerSpec *spec) {
        *n = (Naive) {};
        n->n_items = spec->system_call_filter.n;
        n->items = calloc(n->n_items + 1, sizeof(NaiveSet));
        if (!n->items)
                abort();
        naive_add_word(&n->known, "@known");
        naive_add_word(&n->standard, "@default-container");
        naive_add_word(&n->boot, "@boot-container");
        naive_add_word(&n->always, "@default");
        for (size_t i = 0; i < n->n_items; i++) {
                naive_add_word(n->items + i, spec->system_call_filter.items[i].name);
                /* What a newer libseccomp knows beyond our groups. */
                if (spec->system_call_filter.items[i].name[0] != '@')
                        naive_add_word(&n->known, spec->system_call_filter.items[i].name);
        }
}

static inline void naive_done(Naive *n) {
        free(n->items);
        *n = (Naive) {};
}

static inline bool naive_is(uint32_t number, const char *name) {
        int known = syscall_resolve(name);

        return known >= 0 && (uint32_t)known == number;
}

static inline uint32_t naive_return(int error) {
        return error == 0 ? SECCOMP_RET_ALLOW
               : error == SYSCALL_ERROR_KILL ? SECCOMP_RET_KILL_PROCESS
                                             : SECCOMP_RET_ERRNO | (uint32_t)error;
}

/* The list alone: 0 = allowed, else the error. *ret_item = the last item that decided, or -1. */
static inline int naive_list(const Naive *n, const ContainerSpec *spec, uint32_t number, ssize_t *ret_item) {
        const value_syscall_filter *f = &spec->system_call_filter;
        int denied = spec->system_call_error_number ? spec->system_call_error_number : EPERM;
        bool replace = f->n > 0 && !f->items[0].negate;
        bool start = replace ? n->always.has[number]
                             : n->standard.has[number] || (spec->boot && n->boot.has[number]);
        bool separate = naive_is(number, "unshare") || naive_is(number, "setns");
        int action = start ? 0 : denied;

        *ret_item = -1;
        for (size_t i = 0; i < f->n; i++) {
                bool group = f->items[i].name[0] == '@';

                if (!n->items[i].has[number])
                        continue;
                if (f->items[i].error)
                        action = f->items[i].error;
                else if (f->items[i].negate)
                        action = denied;
                else if (separate && group && !spec->boot && !streq(f->items[i].name, "@boot-container"))
                        continue;
                else
                        action = 0;
                *ret_item = (ssize_t)i;
        }
        return action;
}

static inline bool naive_in(uint32_t number, const char *const *names) {
        for (; *names; names++)
                if (naive_is(number, *names))
                        return true;
        return false;
}

static const char *const naive_last_calls[] = { "execve", "execveat", "write", "close", "exit_group", NULL };
static const char *const naive_identity_calls[] = {
        "prctl",       "capset",    "setgroups",   "setgroups32", "setresgid",
        "setresgid32", "setresuid", "setresuid32", NULL,
};

/* Whether the launcher's own needs make the unit impossible. */
static inline bool naive_possible(const Naive *n, const ContainerSpec *spec) {
        for (uint32_t number = 0; number < NAIVE_NUMBERS; number++) {
                ssize_t item;

                if (!n->known.has[number] || naive_list(n, spec, number, &item) == 0 || item < 0)
                        continue;
                if (naive_in(number, naive_last_calls) && spec->system_call_filter.items[item].name[0] != '@')
                        return false;
                if (!spec->no_new_privileges && naive_in(number, naive_identity_calls))
                        return false;
        }
        return true;
}

static inline int naive_number(const Naive *n, const ContainerSpec *spec, uint32_t number) {
        ssize_t item;
        int action = naive_list(n, spec, number, &item);

        if (naive_in(number, naive_last_calls) ||
            (!spec->no_new_privileges && naive_in(number, naive_identity_calls)))
                return 0;
        return action;
}

static inline bool naive_family_allowed(const ContainerSpec *spec, uint32_t family, uint64_t bounding) {
        const value_address_families *v = &spec->restrict_address_families;
        bool standard = family == AF_UNIX || family == AF_INET || family == AF_INET6 || family == AF_NETLINK ||
                        (family == AF_PACKET && (bounding & (UINT64_C(1) << CAP_NET_RAW)));
        bool named = family < 64 && (v->mask & (UINT64_C(1) << family));

        return !v->set ? standard : v->negate ? standard && !named : named;
}

/* Namespaces that RestrictNamespaces= and the place of what is written take away. */
static inline uint32_t naive_lost_namespaces(const ContainerSpec *spec) {
        return (spec->restrict_namespaces.set ? NAMESPACES_ALL & ~spec->restrict_namespaces.allowed : 0) |
               (spec->exposed_tree.path ? (uint32_t)CLONE_NEWUSER : 0);
}

static inline bool naive_no_set_ids(const ContainerSpec *spec) {
        return spec->restrict_suid_sgid == TRISTATE_YES || spec->exposed_tree.path;
}

static inline bool naive_no_realtime(const ContainerSpec *spec) {
        return spec->restrict_realtime == TRISTATE_YES || (spec->restrict_realtime == TRISTATE_UNSET && !spec->boot);
}

static inline bool naive_hidden(const ContainerSpec *spec, uint32_t number) {
        static const char *const set_ids[] = { "openat2", "io_uring_setup", "io_uring_enter", "io_uring_register", NULL };

        return (naive_no_set_ids(spec) && naive_in(number, set_ids)) ||
               (naive_no_realtime(spec) && naive_is(number, "sched_setattr"));
}

/* The mode of a call that makes a file or changes its mode; 0 where it does neither. */
static inline uint32_t naive_mode(uint32_t number, const uint32_t *low) {
        static const char *const second[] = { "chmod", "fchmod", "mknod", "mkdir", "creat", NULL };
        static const char *const third[] = { "fchmodat", "fchmodat2", "mknodat", "mkdirat", NULL };
        const uint32_t makes = O_CREAT | 020000000;

        if (naive_in(number, second))
                return low[1];
        if (naive_in(number, third))
                return low[2];
        if (naive_is(number, "open"))
                return low[1] & makes ? low[2] : 0;
        return naive_is(number, "openat") && (low[2] & makes) ? low[3] : 0;
}

/* What the switches of a unit refuse of a call that its list allows. */
static inline bool naive_switched_off(const ContainerSpec *spec, uint32_t number, const uint32_t *low) {
        static const char *const protections[] = { "mprotect", "pkey_mprotect", NULL };
        static const char *const mappings[] = { "mmap", "mmap2", NULL };
        const uint32_t lost = naive_lost_namespaces(spec), policy = low[1] & ~0x40000000U;

        if (naive_no_set_ids(spec) && (naive_mode(number, low) & 06000))
                return true;
        if (naive_no_realtime(spec) && naive_is(number, "sched_setscheduler") && policy != 0 && policy != 3 && policy != 5 && policy != 7)
                return true;
        if (spec->lock_personality == TRISTATE_YES && naive_is(number, "personality") && low[0] != 0 && low[0] != UINT32_MAX)
                return true;
        if (spec->memory_deny_write_execute == TRISTATE_YES &&
            ((naive_in(number, mappings) && (low[2] & PROT_WRITE) && (low[2] & PROT_EXEC)) ||
             (naive_in(number, protections) && (low[2] & PROT_EXEC)) || (naive_is(number, "shmat") && (low[2] & SHM_EXEC))))
                return true;
        if (lost != 0 && naive_is(number, "unshare"))
                return low[0] & lost;
        return lost != 0 && naive_is(number, "setns") && (low[1] == 0 || (low[1] & lost));
}

static inline uint32_t naive_decide(const Naive *n, const ContainerSpec *spec, uint64_t bounding,
                                    const struct seccomp_data *d) {
        int denied = spec->system_call_error_number ? spec->system_call_error_number : EPERM;
        uint32_t number = (uint32_t)d->nr, low[6];
        bool namespaces;
        ssize_t item;
        int action;

        if (d->arch != syscall_native_audit_arch())
                return SECCOMP_RET_KILL_PROCESS;
        if (d->arch == AUDIT_ARCH_X86_64 && number >= 0x40000000 && number != UINT32_MAX)
                return SECCOMP_RET_KILL_PROCESS;
        if (number >= NAIVE_NUMBERS || !n->known.has[number])
                return SECCOMP_RET_ERRNO | ENOSYS;

        for (size_t i = 0; i < 6; i++)
                low[i] = (uint32_t)d->args[i];
        action = naive_number(n, spec, number);
        namespaces = naive_list(n, spec, (uint32_t)syscall_resolve("unshare"), &item) == 0;
        if ((naive_is(number, "clone3") && (action != 0 || !namespaces || naive_lost_namespaces(spec) != 0)) ||
            (action == 0 && naive_hidden(spec, number))) {
                (void)naive_list(n, spec, number, &item);
                if (action != 0 && item >= 0 && spec->system_call_filter.items[item].error)
                        return naive_return(action);
                return SECCOMP_RET_ERRNO | ENOSYS;
        }
        if (action != 0)
                return naive_return(action);

        if (naive_is(number, "ioctl") && (low[1] == TIOCSTI || low[1] == TIOCLINUX))
                return naive_return(denied);
        if (naive_is(number, "personality") && low[0] != 0 && low[0] != 8 && low[0] != 0x20000 &&
            low[0] != 0x20008 && low[0] != UINT32_MAX)
                return naive_return(denied);
        if ((naive_is(number, "socket") || naive_is(number, "socketpair")) &&
            !naive_family_allowed(spec, low[0], bounding))
                return SECCOMP_RET_ERRNO | EAFNOSUPPORT;
        if (naive_is(number, "socket") && spec->socket_bind_deny.n > 0 && (low[2] == 256 || low[2] == 262))
                return SECCOMP_RET_ERRNO | EPROTONOSUPPORT;
        if (naive_is(number, "clone") && (low[0] & (namespaces ? naive_lost_namespaces(spec) : NAMESPACES_ALL)))
                return naive_return(denied);
        if (naive_switched_off(spec, number, low))
                return naive_return(denied);

        return SECCOMP_RET_ALLOW;
}
