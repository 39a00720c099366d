/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <seccomp.h>
#include <stdio.h>

#include "policies/seccomp/seccomp.h"
#include "policies/seccomp/syscall-table.h"
#include "units/values/text.h"
#include "units/values/types.h"

static const struct {
        const char *name;
        uint32_t number;
} newer_numbers[] = {
#define SYSCALL_NUMBER(name, number) { name, number },
#include "policies/seccomp/syscall-numbers.inc"
#undef SYSCALL_NUMBER
};

/* What an ABI adds to the common numbers. */
#if defined(__mips__) && _MIPS_SIM == _ABIO32
#define NUMBER_BASE 4000
#elif defined(__mips__) && _MIPS_SIM == _ABI64
#define NUMBER_BASE 5000
#elif defined(__mips__)
#define NUMBER_BASE 6000
#elif defined(__alpha__)
#define NUMBER_BASE 110
#else
#define NUMBER_BASE 0
#endif

static int find_newer(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(newer_numbers); i++)
                if (streq(newer_numbers[i].name, name))
                        return (int)newer_numbers[i].number + NUMBER_BASE;

        return -ENOENT;
}

typedef struct NameSearch {
        const char *name;
        bool found;
} NameSearch;

static int match_name(const char *name, void *userdata) {
        NameSearch *s = userdata;

        s->found = s->found || streq(name, s->name);
        return 0;
}

static bool name_in_data(const char *name) {
        NameSearch search = { .name = name };

        for (size_t i = 0; i < syscall_groups_count() && !search.found; i++)
                (void)syscall_group_visit(syscall_groups + i, match_name, &search);

        return search.found;
}

int syscall_resolve(const char *name) {
        int r;

        /* libseccomp speaks: -1 unknown, other negative numbers stand for calls of other architectures. */
        r = seccomp_syscall_resolve_name(name);
        if (r >= 0)
                return r;
        if (r != __NR_SCMP_ERROR)
                return -ENOSYS;

        r = find_newer(name);
        if (r >= 0)
                return r;

        return name_in_data(name) ? -ENOSYS : -ENOENT;
}

uint32_t syscall_native_audit_arch(void) {
        return seccomp_arch_native();
}

static int compare_entries(const void *a, const void *b) {
        const SyscallEntry *x = a, *y = b;

        return x->number < y->number ? -1 : x->number > y->number;
}

static int append(SyscallTable *t, const char *name, uint32_t number) {
        SyscallEntry *entry;

        if (t->n == t->room) {
                size_t room = t->room == 0 ? 512 : 2 * t->room;
                SyscallEntry *entries = reallocarray(t->entries, room, sizeof(SyscallEntry));

                if (!entries)
                        return -ENOMEM;
                t->entries = entries;
                t->room = room;
        }

        entry = t->entries + t->n;
        *entry = (SyscallEntry) { .number = number };
        if (strlen(name) >= sizeof(entry->name))
                return -ENAMETOOLONG;
        strcpy(entry->name, name);
        t->n++;
        return 0;
}

static int append_known(const char *name, void *userdata) {
        int number = seccomp_syscall_resolve_name(name);

        if (number == __NR_SCMP_ERROR)
                number = find_newer(name);

        return number < 0 ? 0 : append(userdata, name, (uint32_t)number);
}

void syscall_table_done(SyscallTable *t) {
        free(t->entries);
        *t = (SyscallTable) {};
}

int syscall_table_new(SyscallTable *ret) {
        _cleanup_(syscall_table_done) SyscallTable t = {};
        const SyscallGroup *known = syscall_group_find("@known");
        size_t kept = 0;
        int r;

        r = known ? syscall_group_visit(known, append_known, &t) : -ENOENT;
        if (r < 0)
                return r;

        qsort(t.entries, t.n, sizeof(SyscallEntry), compare_entries);
        for (size_t i = 0; i < t.n; i++)
                if (kept == 0 || t.entries[kept - 1].number != t.entries[i].number)
                        t.entries[kept++] = t.entries[i];
        t.n = kept;

        *ret = t;
        t = (SyscallTable) {};
        return 0;
}

SyscallEntry *syscall_table_by_number(const SyscallTable *t, uint32_t number) {
        SyscallEntry key = { .number = number };

        return t->n == 0 ? NULL : bsearch(&key, t->entries, t->n, sizeof(SyscallEntry), compare_entries);
}

SyscallEntry *syscall_table_by_name(const SyscallTable *t, const char *name) {
        int number = syscall_resolve(name);

        return number < 0 ? NULL : syscall_table_by_number(t, (uint32_t)number);
}

int syscall_table_add(SyscallTable *t, const char *name, uint32_t number, SyscallEntry **ret) {
        int r;

        r = append(t, name, number);
        if (r < 0)
                return r;

        qsort(t->entries, t->n, sizeof(SyscallEntry), compare_entries);
        *ret = syscall_table_by_number(t, number);
        return 0;
}

DenialText denial_to_string(int action) {
        const char *name = action == SYSCALL_ERROR_KILL ? "kill" : errno_to_string(action);
        DenialText t;

        if (name)
                (void)snprintf(t.text, sizeof(t.text), "%s", name);
        else
                (void)snprintf(t.text, sizeof(t.text), "errno %d", action);
        return t;
}

/* --- did you mean */

typedef struct Suggestion {
        const char *wanted;
        unsigned distance;
        char *best; /* SYSCALL_NAME_MAX */
} Suggestion;

static int consider(const char *name, void *userdata) {
        Suggestion *s = userdata;
        unsigned d = text_distance(s->wanted, name, s->distance);

        if (d < s->distance && strlen(name) < SYSCALL_NAME_MAX) {
                s->distance = d;
                strcpy(s->best, name);
        }
        return 0;
}

const char *syscall_suggest(const char *name, char buffer[static SYSCALL_NAME_MAX]) {
        Suggestion s = { .wanted = name, .distance = text_distance_limit(name) + 1, .best = buffer };

        buffer[0] = '\0';
        if (name[0] == '@') {
                for (size_t i = 0; i < syscall_groups_count(); i++)
                        (void)consider(syscall_groups[i].name, &s);
        } else
                (void)syscall_group_visit(syscall_group_find("@known"), consider, &s);

        return buffer[0] ? buffer : NULL;
}
