/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stdio.h>

#include "policies/compare.h"

void policy_changes_done(PolicyChanges *c) {
        for (size_t i = 0; i < c->n; i++)
                free(c->items[i].text);
        free(c->items);
        *c = (PolicyChanges){};
}

int policy_changes_take(PolicyChanges *c, PolicyDirection direction, const Origin *before, const Origin *after, char *text) {
        PolicyChange *items;

        if (!text)
                return -ENOMEM;
        items = reallocarray(c->items, c->n + 1, sizeof(PolicyChange));
        if (!items) {
                free(text);
                return -ENOMEM;
        }
        c->items = items;
        items[c->n++] = (PolicyChange){ .direction = direction,
                                        .text = text,
                                        .before = before ? *before : (Origin){},
                                        .after = after ? *after : (Origin){} };
        return 0;
}

int policy_changes_add(PolicyChanges *c, PolicyDirection direction, const Origin *before, const Origin *after,
                       const char *format, ...) {
        char *text = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&text, format, ap);
        va_end(ap);
        return n < 0 ? -ENOMEM : policy_changes_take(c, direction, before, after, text);
}

/* --- rules as texts */

static bool takes_away(const char *text) {
        static const char *const words[] = { "deny ", "audit deny ", "kill " };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (startswith(text, words[i]))
                        return true;
        return false;
}

static const PolicyRule *same_rule(const PolicyRules *rules, const char *text) {
        for (size_t i = 0; i < rules->n; i++)
                if (streq(rules->items[i].text, text))
                        return rules->items + i;
        return NULL;
}

static const PolicyRule *rule_of_choice(const PolicyRules *rules, const char *choice) {
        for (size_t i = 0; i < rules->n; i++) {
                const char *rest = startswith(rules->items[i].text, choice);

                if (rest && *rest == ' ')
                        return rules->items + i;
        }
        return NULL;
}

static bool is_choice(const char *text, const char *const *choices) {
        for (const char *const *c = choices; c && *c; c++) {
                const char *rest = startswith(text, *c);

                if (rest && *rest == ' ')
                        return true;
        }
        return false;
}

static int compare_choices(const PolicyRules *before, const PolicyRules *after, const char *const *choices,
                           PolicyChanges *changes) {
        int r = 0;

        for (const char *const *c = choices; r >= 0 && c && *c; c++) {
                const PolicyRule *a = rule_of_choice(before, *c), *b = rule_of_choice(after, *c);
                size_t skip = strlen(*c) + 1;

                if ((!a && !b) || (a && b && streq(a->text, b->text)))
                        continue;
                r = policy_changes_add(changes, POLICY_DIFFERS, a ? &a->origin : NULL, b ? &b->origin : NULL,
                                       "%s: %s -> %s", *c, a ? a->text + skip : "none", b ? b->text + skip : "none");
        }
        return r;
}

int policy_compare_rules(const PolicyRules *before, const PolicyRules *after, const char *const *choices,
                         PolicyChanges *changes) {
        int r = compare_choices(before, after, choices, changes);

        for (size_t i = 0; r >= 0 && i < before->n; i++) {
                const PolicyRule *a = before->items + i;

                if (!is_choice(a->text, choices) && !same_rule(after, a->text))
                        r = policy_changes_add(changes, takes_away(a->text) ? POLICY_LOOSER : POLICY_TIGHTER, &a->origin,
                                               NULL, "no longer: %s", a->text);
        }
        for (size_t i = 0; r >= 0 && i < after->n; i++) {
                const PolicyRule *b = after->items + i;

                if (!is_choice(b->text, choices) && !same_rule(before, b->text))
                        r = policy_changes_add(changes, takes_away(b->text) ? POLICY_TIGHTER : POLICY_LOOSER, NULL,
                                               &b->origin, "%s", b->text);
        }
        return r;
}

int policy_compare(const PolicyBackend *backend, const PolicySet *before, const PolicySet *after, PolicyChanges *changes) {
        size_t n = changes->n;
        Digest a, b;
        int r;

        r = backend->compare ? backend->compare(before, after, changes)
                             : policy_compare_rules(backend->rules(before), backend->rules(after), NULL, changes);
        if (r < 0 || changes->n > n)
                return r;

        backend->digest(before, &a);
        backend->digest(after, &b);
        /* Two units may differ by nothing but the names that were made of theirs. */
        if (digest_equal(&a, &b) || !streq(before->spec->name, after->spec->name))
                return 0;
        return policy_changes_add(changes, POLICY_DIFFERS, NULL, NULL, "the kernel is given something else for the same rules");
}
