/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/landlock-abi.h"
#include "manager/base/string-list.h"
#include "policies/landlock/landlock.h"
#include "policies/landlock/ports.h"
#include "policies/rules.h"

static int compile(const ContainerSpec *spec, int cache_fd, Diag *diag, PolicySet *set) {
        LandlockPolicy *l = &set->landlock;

        l->abi = MIN_OF(spec->mac.landlock_abi, (unsigned)LANDLOCK_ABI_KNOWN);
        return landlock_ports_compile(spec, set);
}

/* Chains the digest of a further piece. */
static void digest_mix(Digest *d, const Digest *piece) {
        const Digest pair[] = { *d, *piece };

        digest_of(pair, sizeof(pair), d);
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

/* Numbers only, so that no origin is among them. */
static void digest(const PolicySet *set, Digest *ret) {
        const LandlockPolicy *l = &set->landlock;
        const uint64_t head[] = { l->abi, l->handled_fs, l->handled_net, l->scoped };
        Digest part;

        digest_of(head, sizeof(head), ret);
        for (size_t i = 0; i < l->n_ports; i++) {
                const uint64_t rule[] = { l->ports[i].access, l->ports[i].first, l->ports[i].last };

                digest_of(rule, sizeof(rule), &part);
                digest_mix(ret, &part);
        }
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
