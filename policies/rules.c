/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stdio.h>

#include "policies/rules.h"

int policy_rules_take(PolicyRules *rules, const Origin *origin, char *text) {
        PolicyRule *items;

        if (!text)
                return -ENOMEM;

        items = reallocarray(rules->items, rules->n + 1, sizeof(PolicyRule));
        if (!items) {
                free(text);
                return -ENOMEM;
        }
        rules->items = items;
        rules->items[rules->n++] = (PolicyRule) { .text = text, .origin = origin ? *origin : (Origin) {} };
        return 0;
}

int policy_rules_add(PolicyRules *rules, const Origin *origin, const char *format, ...) {
        char *text = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&text, format, ap);
        va_end(ap);

        return n < 0 ? -ENOMEM : policy_rules_take(rules, origin, text);
}

void policy_rules_done(PolicyRules *rules) {
        for (size_t i = 0; i < rules->n; i++)
                free(rules->items[i].text);
        free(rules->items);
        *rules = (PolicyRules) {};
}
