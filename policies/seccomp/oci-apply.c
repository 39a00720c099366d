/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A profile of OCI runtimes beside the unit's own list. Nothing that it allows opens what the list denies. */
#include "manager/base/string-list.h"
#include "policies/rules.h"
#include "policies/seccomp/profile.h"

#define PROFILE "SeccompProfile"

/* Whether any way through the rules of a call lets it pass. */
static bool may_pass(const OciRule *rules, size_t n, OciAnswer otherwise) {
        bool passes = otherwise.action == SYSCALL_ALLOW;

        for (size_t i = 0; i < n; i++)
                passes |= rules[i].answer.action == SYSCALL_ALLOW;
        return passes;
}

const OciRule *oci_profile_judges(const SeccompProfile *p, const SyscallEntry *entry, size_t *ret_n, OciAnswer *ret_else) {
        bool said;

        *ret_n = 0;
        if (entry->action == SYSCALL_ERROR_KILL) /* nothing is stricter */
                return NULL;
        return p->oci.set ? oci_profile_rules(&p->oci, entry->number, ret_n, ret_else, &said) : NULL;
}

/* A profile that only forgets what the launcher calls is no reason to refuse; one that names it is. */
static int check_launcher(const SyscallEntry *entry, size_t n_rules, OciAnswer otherwise, bool said, const ContainerSpec *spec,
                          Diag *diag) {
        if (!said || (n_rules == 0 && otherwise.action == SYSCALL_ALLOW))
                return 0;
        return diag_error(diag, ERROR_CONFLICT, container_spec_origin(spec, DIRECTIVE_SeccompProfile), PROFILE,
                          "\"%s\" %s %s, which the launcher itself calls under the filter; allow it there", spec->seccomp_profile,
                          n_rules > 0 ? "judges the arguments of" : "denies", entry->name);
}

static int apply_to_entry(SeccompProfile *p, SyscallEntry *entry, const ContainerSpec *spec, Diag *diag) {
        OciAnswer otherwise;
        bool said;
        size_t n;
        const OciRule *rules = oci_profile_rules(&p->oci, entry->number, &n, &otherwise, &said);

        if (seccomp_is_launcher_call(spec, entry->number))
                return check_launcher(entry, n, otherwise, said, spec, diag);
        if ((n == 0 || !may_pass(rules, n, otherwise)) && oci_stricter(otherwise.action, entry->action)) {
                entry->action = otherwise.action;
                entry->cause = CAUSE_OCI;
        }
        return 0;
}

int oci_profile_apply(SeccompProfile *p, const ContainerSpec *spec, uint64_t bounding, Diag *diag) {
        const Origin *origin = container_spec_origin(spec, DIRECTIVE_SeccompProfile);
        int result;

        if (!spec->seccomp_profile)
                return 0;
        if (!spec->seccomp_profile_text)
                return diag_error(diag, ERROR_MISSING, origin, PROFILE, "\"%s\" was not read", spec->seccomp_profile);
        result = oci_profile_read(spec->seccomp_profile_text, spec->seccomp_profile, bounding, origin, diag, &p->oci);
        for (size_t i = 0; result >= 0 && i < p->table.n; i++)
                result = apply_to_entry(p, p->table.entries + i, spec, diag);
        return result;
}

void oci_profile_apply_log(SeccompProfile *p) {
        for (size_t i = 0; p->oci.set && i < p->table.n; i++) {
                SyscallEntry *entry = p->table.entries + i;
                OciAnswer otherwise = {};
                size_t n;
                const OciRule *rules = oci_profile_judges(p, entry, &n, &otherwise);

                entry->logged |= otherwise.logged;
                for (size_t k = 0; k < n; k++)
                        entry->logged |= rules[k].answer.logged;
        }
}

int oci_profile_add_rules(const SeccompProfile *p, const ContainerSpec *spec, PolicyRules *rules) {
        _cleanup_free_ char *text = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < p->table.n; i++) {
                OciAnswer otherwise;
                size_t n;

                (void)oci_profile_judges(p, p->table.entries + i, &n, &otherwise);
                if (n > 0)
                        r = str_append(&text, "%s %s", text ? "" : "deny by their arguments", p->table.entries[i].name);
        }
        if (r < 0 || !text)
                return r;
        return policy_rules_take(rules, container_spec_origin(spec, DIRECTIVE_SeccompProfile), TAKE_PTR(text));
}
