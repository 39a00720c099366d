/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/string-list.h"
#include "policies/selinux/selinux.h"
#include "policies/rules.h"

static int compile(const ContainerSpec *spec, int cache_fd, Diag *diag, PolicySet *set) {
        return 0;
}

static int render(const PolicySet *set, char **ret) {
        char *s = strdup(strempty(set->selinux.cil));

        if (!s)
                return -ENOMEM;
        *ret = s;
        return 0;
}

static const PolicyRules *rules(const PolicySet *set) {
        return &set->selinux.rules;
}

static void digest(const PolicySet *set, Digest *ret) {
        *ret = set->selinux.digest;
}

static void done(PolicySet *set) {
        policy_rules_done(&set->selinux.rules);
        free(set->selinux.type);
        free(set->selinux.file_type);
        free(set->selinux.context);
        free(set->selinux.level);
        free(set->selinux.cil);
}

const PolicyBackend policy_backend_selinux = {
        .name = "selinux",
        .compile = compile,
        .render = render,
        .rules = rules,
        .digest = digest,
        .done = done,
};
