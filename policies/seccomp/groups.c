/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/string-list.h"
#include "policies/seccomp/seccomp.h"
#include "policies/seccomp/syscall-table.h"

const SyscallGroup syscall_groups[] = {
#define SYSCALL_GROUP(name, summary, members) { name, summary, members },
#include "units/values/syscall-groups.inc"
#undef SYSCALL_GROUP
};

size_t syscall_groups_count(void) {
        return ELEMENTSOF(syscall_groups);
}

const SyscallGroup *syscall_group_find(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(syscall_groups); i++)
                if (streq(syscall_groups[i].name, name))
                        return syscall_groups + i;

        return NULL;
}

/* The data are ours and a test proves that no group contains itself: recursion ends. */
int syscall_group_visit(const SyscallGroup *g, SyscallVisitor visit, void *userdata) {
        for (const char *p = g->members; *p;) {
                char name[SYSCALL_NAME_MAX];
                size_t n = strcspn(p, " ");
                int r;

                if (n >= sizeof(name))
                        return -ENAMETOOLONG;
                memcpy(name, p, n);
                name[n] = '\0';

                if (name[0] == '@') {
                        const SyscallGroup *nested = syscall_group_find(name);

                        r = nested ? syscall_group_visit(nested, visit, userdata) : -ENOENT;
                } else
                        r = visit(name, userdata);
                if (r < 0)
                        return r;

                p += n + (p[n] == ' ');
        }
        return 0;
}

static int collect(const char *name, void *userdata) {
        char ***list = userdata;

        return strv_extend(list, name);
}

static int compare_strings(const void *a, const void *b) {
        return strcmp(*(char *const *)a, *(char *const *)b);
}

int seccomp_groups_expand(const char *name, char ***ret) {
        _cleanup_strv_ char **list = NULL;
        const SyscallGroup *g = syscall_group_find(name);
        size_t n, kept = 0;
        int r;

        if (!g)
                return -ENOENT;

        r = syscall_group_visit(g, collect, &list);
        if (r < 0)
                return r;

        n = strv_length(list);
        qsort(list, n, sizeof(char *), compare_strings);
        for (size_t i = 0; i < n; i++)
                if (kept > 0 && streq(list[kept - 1], list[i]))
                        free(list[i]);
                else
                        list[kept++] = list[i];
        list[kept] = NULL;

        *ret = TAKE_PTR(list);
        return 0;
}
