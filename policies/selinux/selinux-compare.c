/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policies/selinux/selinux-compare.h"

/* A domain of the unit's own is named by its content, and that is compared by the rules in it. */
int selinux_compare(const PolicySet *before, const PolicySet *after, PolicyChanges *changes) {
        static const char *const choices[] = { "context", "domain", "level", "files", NULL };

        return policy_compare_rules(&before->selinux.rules, &after->selinux.rules, choices, changes);
}
