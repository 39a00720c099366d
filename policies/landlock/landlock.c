/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/string-list.h"
#include "policies/landlock/landlock.h"
#include "policies/rules.h"

static int compile(const ContainerSpec *spec, int cache_fd, Diag *diag, PolicySet *set) {
        return 0;
}

static int render(const PolicySet *set, char **ret) {
        char *s = strdup("");

        if (!s)
                return -ENOMEM;
        *ret = s;
        return 0;
}

static const PolicyRules *rules(const PolicySet *set) {
        return &set->landlock.rules;
}

static void digest(const PolicySet *set, Digest *ret) {
        *ret = (Digest){};
}

static void done(PolicySet *set) {
        policy_rules_done(&set->landlock.rules);
        policy_rules_done(&set->landlock.unsaid);
        for (size_t i = 0; i < set->landlock.n_paths; i++) {
                free(set->landlock.paths[i].path);
                strv_free(set->landlock.paths[i].except);
        }
        free(set->landlock.paths);
        free(set->landlock.ports);
}

const PolicyBackend policy_backend_landlock = {
        .name = "landlock",
        .compile = compile,
        .render = render,
        .rules = rules,
        .digest = digest,
        .done = done,
};
