/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <seccomp.h>
#include <sys/mman.h>

#include "manager/base/io.h"
#include "policies/rules.h"
#include "policies/seccomp/bpf-text.h"
#include "policies/seccomp/cache.h"
#include "policies/seccomp/seccomp-compare.h"
#include "policies/seccomp/guards.h"
#include "policies/seccomp/profile.h"
#include "policies/seccomp/seccomp.h"

/* Part of the cache key: raise it when the same profile and guards are to give another program. */
#define FILTER_FORMAT 3

static void releasep(scmp_filter_ctx *context) {
        if (*context)
                seccomp_release(*context);
}

static uint32_t library_denial(int action) {
        return action == SYSCALL_ERROR_KILL ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO((uint16_t)action);
}

static uint32_t library_action(const SyscallEntry *entry) {
        return entry->action != SYSCALL_ALLOW ? library_denial(entry->action) : entry->logged ? SCMP_ACT_LOG : SCMP_ACT_ALLOW;
}

/* A rule whose action is the default one is an error to libseccomp; it needs none. */
static int fill_context(scmp_filter_ctx context, const SeccompProfile *p) {
        int r;

        r = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
        /* A binary tree. When a filter is installed the kernel runs it once for every number, to remember what is
         * always allowed: 0.13 ms instead of 0.37 ms of every start. */
        if (r >= 0)
                r = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
        if (r < 0)
                return r;

        for (size_t i = 0; i < p->table.n; i++) {
                const SyscallEntry *entry = p->table.entries + i;

                if (entry->action == p->denied || seccomp_guarded(p, entry))
                        continue;
                r = seccomp_rule_add(context, library_action(entry), (int)entry->number, 0);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The list, as libseccomp writes it. It wants a descriptor that it can seek. */
static int compile_list(const SeccompProfile *p, struct sock_filter **ret, size_t *ret_n) {
        _cleanup_(releasep) scmp_filter_ctx context = NULL;
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *data = NULL;
        size_t size;
        int r;

        context = seccomp_init(library_denial(p->denied));
        if (!context)
                return -ENOMEM;
        r = fill_context(context, p);
        if (r < 0)
                return r;

        fd = memfd_create("bulwark-filter", MFD_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = seccomp_export_bpf(context, fd);
        if (r < 0)
                return r;
        if (lseek(fd, 0, SEEK_SET) < 0)
                return -errno;
        r = read_file(fd, BPF_MAXINSNS * sizeof(struct sock_filter), &data, &size);
        if (r < 0)
                return r;

        *ret = (struct sock_filter *)TAKE_PTR(data); /* malloc() aligns it */
        *ret_n = size / sizeof(struct sock_filter);
        return 0;
}

/* Everything that decides the program: libseccomp and its version, the list, and the head itself. */
static int compute_key(const SeccompProfile *p, const struct sock_filter *head, size_t n_head, Digest *ret) {
        const struct scmp_version *version = seccomp_version();
        const uint32_t fixed[] = { FILTER_FORMAT, version->major, version->minor, version->micro,
                                   syscall_native_audit_arch(), (uint32_t)p->denied, (uint32_t)p->table.n };
        size_t n = ELEMENTSOF(fixed) + 2 * p->table.n, head_size = n_head * sizeof(struct sock_filter);
        _cleanup_free_ uint32_t *words = NULL;
        uint32_t *w;

        words = malloc(n * sizeof(uint32_t) + head_size);
        if (!words)
                return -ENOMEM;

        memcpy(words, fixed, sizeof(fixed));
        w = words + ELEMENTSOF(fixed);
        for (size_t i = 0; i < p->table.n; i++) {
                *w++ = p->table.entries[i].number;
                *w++ = library_action(p->table.entries + i);
        }
        memcpy(w, head, head_size);

        digest_of(words, n * sizeof(uint32_t) + head_size, ret);
        return 0;
}

/* The head's jumps are relative and it leaves at its end, so libseccomp's part simply follows. */
static int join(const struct sock_filter *head, size_t n_head, const struct sock_filter *list, size_t n_list,
                struct sock_filter **ret) {
        struct sock_filter *program = calloc(n_head + n_list, sizeof(struct sock_filter));

        if (!program)
                return -ENOMEM;

        memcpy(program, head, n_head * sizeof(struct sock_filter));
        memcpy(program + n_head, list, n_list * sizeof(struct sock_filter));
        if (!bpf_valid(program, n_head + n_list)) {
                free(program);
                return -E2BIG;
        }

        *ret = program;
        return 0;
}

static int build_program(const SeccompProfile *p, int cache_fd, struct sock_filter **ret, size_t *ret_n) {
        _cleanup_free_ struct sock_filter *head = NULL, *list = NULL;
        size_t n_head, n_list = 0;
        Digest key;
        int r;

        r = seccomp_guards_build(p, &head, &n_head);
        if (r < 0)
                return r;

        r = compute_key(p, head, n_head, &key);
        if (r < 0)
                return r;
        if (cache_fd >= 0) {
                r = filter_cache_read(cache_fd, &key, ret, ret_n);
                if (r != -ENOENT)
                        return r;
        }

        r = compile_list(p, &list, &n_list);
        if (r < 0)
                return r;
        r = join(head, n_head, list, n_list, ret);
        if (r < 0)
                return r;
        *ret_n = n_head + n_list;

        /* A cache that cannot be written, on a full disk say, only costs time. */
        if (cache_fd >= 0)
                (void)filter_cache_write(cache_fd, &key, *ret, *ret_n);
        return 0;
}

static int compile(const ContainerSpec *spec, int cache_fd, Diag *diag, PolicySet *set) {
        _cleanup_(seccomp_profile_done) SeccompProfile p = {};
        SeccompPolicy *policy = &set->seccomp;
        struct sock_filter *program;
        int r;

        r = seccomp_profile_new(spec, set->capabilities.bounding, diag, &p);
        if (r < 0)
                return r;

        r = build_program(&p, cache_fd, &program, &policy->n_instructions);
        if (r == -E2BIG && p.oci.set)
                return diag_error(diag, ERROR_POLICY, container_spec_origin(spec, DIRECTIVE_SeccompProfile), "SeccompProfile",
                                  "\"%s\": the filter would have more than the %d instructions that the kernel takes", spec->seccomp_profile,
                                  BPF_MAXINSNS);
        if (r < 0)
                return diag_errno(diag, ERROR_POLICY, NULL, "SystemCallFilter", -r,
                                  "the system call filter cannot be compiled");
        policy->program = program;
        digest_of(program, policy->n_instructions * sizeof(struct sock_filter), &policy->digest);

        return seccomp_profile_rules(&p, spec, &policy->rules);
}

static const char *name_of(uint32_t number, const void *userdata) {
        const SyscallEntry *entry = syscall_table_by_number(userdata, number);

        return entry ? entry->name : NULL;
}

static int render(const PolicySet *set, char **ret) {
        _cleanup_(syscall_table_done) SyscallTable names = {};
        int r;

        r = syscall_table_new(&names);
        if (r < 0)
                return r;
        return bpf_to_text(set->seccomp.program, set->seccomp.n_instructions, name_of, &names, ret);
}

static const PolicyRules *rules(const PolicySet *set) {
        return &set->seccomp.rules;
}

static void digest(const PolicySet *set, Digest *ret) {
        *ret = set->seccomp.digest;
}

static void done(PolicySet *set) {
        policy_rules_done(&set->seccomp.rules);
        free(set->seccomp.program);
}

const PolicyBackend policy_backend_seccomp = {
        .name = "seccomp",
        .compile = compile,
        .render = render,
        .rules = rules,
        .digest = digest,
        .done = done,
        .compare = seccomp_compare,
};
