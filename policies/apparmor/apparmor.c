/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/string-list.h"
#include "policies/apparmor/apparmor-compare.h"
#include "policies/apparmor/apparmor.h"
#include "policies/rules.h"

static int compile(const ContainerSpec *spec, int cache_fd, Diag *diag, PolicySet *set) {
        return 0;
}

static int render(const PolicySet *set, char **ret) {
        char *s = strdup(strempty(set->apparmor.text));

        if (!s)
                return -ENOMEM;
        *ret = s;
        return 0;
}

static const PolicyRules *rules(const PolicySet *set) {
        return &set->apparmor.rules;
}

static void digest(const PolicySet *set, Digest *ret) {
        *ret = set->apparmor.digest;
}

static void done(PolicySet *set) {
        policy_rules_done(&set->apparmor.rules);
        free(set->apparmor.profile);
        free(set->apparmor.text);
}

const PolicyBackend policy_backend_apparmor = {
        .name = "apparmor",
        .compile = compile,
        .render = render,
        .rules = rules,
        .digest = digest,
        .done = done,
        .compare = apparmor_compare,
};
