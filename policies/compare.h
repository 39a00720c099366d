/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Two units side by side: what the second one loosens, what it tightens, layer by layer. Pure, as what it compares. */

#include "policies/compile.h"

typedef enum PolicyDirection {
        POLICY_LOOSER,
        POLICY_TIGHTER,
        POLICY_DIFFERS, /* neither, or nobody can tell */
        _POLICY_DIRECTION_MAX,
} PolicyDirection;

typedef struct PolicyChange {
        PolicyDirection direction;
        char *text;
        Origin before, after; /* who decided it on either side; file NULL = default. Borrowed from the specs */
} PolicyChange;
struct PolicyChanges {
        PolicyChange *items;
        size_t n;
};
void policy_changes_done(PolicyChanges *c);

/* Origins may be NULL. take takes text, also on failure. */
int policy_changes_take(PolicyChanges *c, PolicyDirection direction, const Origin *before, const Origin *after, char *text);
int policy_changes_add(PolicyChanges *c, PolicyDirection direction, const Origin *before, const Origin *after,
                       const char *format, ...) _printf_(5, 6);

/* One layer. Where the kernel would be given something else for a unit of the same name, there is at least one change. */
int policy_compare(const PolicyBackend *backend, const PolicySet *before, const PolicySet *after, PolicyChanges *changes);

/* What SECURITY rows say that no backend compiles: mounts, namespaces, users, limits. */
int policy_compare_unit(const ContainerSpec *before, const ContainerSpec *after, PolicyChanges *changes);

/* For backends whose rules are texts. A rule that begins with one of the words (NULL-terminated; may be NULL) and a blank
 * is a choice, of which either side has one: another choice is neither looser nor tighter. */
int policy_compare_rules(const PolicyRules *before, const PolicyRules *after, const char *const *choices,
                         PolicyChanges *changes);
