/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/string-list.h"
#include "policies/apparmor/apparmor-compare.h"
#include "policies/rules.h"

/* Each profile speaks of itself, by a name made of its unit's: that is no difference. */
static int rules_without_name(const AppArmorPolicy *p, PolicyRules *ret) {
        size_t skip = strlen(p->profile);
        int r = 0;

        for (size_t i = 0; r >= 0 && i < p->rules.n; i++) {
                const char *text = p->rules.items[i].text;
                char *plain = NULL;

                for (const char *at; r >= 0 && (at = strstr(text, p->profile)); text = at + skip)
                        r = str_append(&plain, "%.*sPROFILE", (int)(at - text), text);
                if (r >= 0)
                        r = str_append(&plain, "%s", text);
                if (r >= 0)
                        r = policy_rules_take(ret, &p->rules.items[i].origin, plain);
                else
                        free(plain);
        }
        return r;
}

static int compare_generated(const AppArmorPolicy *a, const AppArmorPolicy *b, PolicyChanges *changes) {
        _cleanup_(policy_rules_done) PolicyRules before = {}, after = {};
        int r;

        r = rules_without_name(a, &before);
        if (r >= 0)
                r = rules_without_name(b, &after);
        return r < 0 ? r : policy_compare_rules(&before, &after, NULL, changes);
}

static const char *profile_words(const AppArmorPolicy *p) {
        return p->text ? "the generated profile" : p->profile ? p->profile : "no profile";
}

/* Who chose a profile that is not generated. */
static const Origin *choice_origin(const AppArmorPolicy *p) {
        return !p->text && p->rules.n > 0 ? &p->rules.items[0].origin : NULL;
}

int apparmor_compare(const PolicySet *before, const PolicySet *after, PolicyChanges *changes) {
        const AppArmorPolicy *a = &before->apparmor, *b = &after->apparmor;
        PolicyDirection direction = POLICY_DIFFERS; /* what somebody else's profile allows is not known */

        if (a->text && b->text)
                return compare_generated(a, b, changes);
        if (!a->text && !b->text && streq_ptr(a->profile, b->profile) && a->optional == b->optional)
                return 0;
        if (!a->profile != !b->profile)
                direction = a->profile ? POLICY_LOOSER : POLICY_TIGHTER;
        else if (streq_ptr(a->profile, b->profile) && a->optional != b->optional)
                direction = b->optional ? POLICY_LOOSER : POLICY_TIGHTER;
        return policy_changes_add(changes, direction, choice_origin(a), choice_origin(b), "%s%s -> %s%s", profile_words(a),
                                  a->optional ? ", where it is loaded" : "", profile_words(b),
                                  b->optional ? ", where it is loaded" : "");
}
