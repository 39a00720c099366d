/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/plan/unit-freeze.h"

int unit_freeze_over(ContainerSpec *draft, const HostFacts *host, const UnitFacts *facts, Diag *diag,
                     const ContainerSpec **ret) {
        _cleanup_(container_spec_unrefp) ContainerSpec *kept = container_spec_ref(draft);
        const PolicySet *policies = NULL;
        int r;

        r = spec_resolve(draft, host, facts, diag, ret);
        if (r < 0 && r != -ENOMEM && policy_compile(kept, -EBADF, diag, &policies) >= 0)
                (void)policy_set_unref(policies); /* nothing more to tell; its policies are for nobody */
        return r;
}

int unit_freeze(ContainerSpec *draft, const HostFacts *host, Diag *diag, const ContainerSpec **ret) {
        UnitFacts facts = {};
        int r;

        r = unit_facts_gather(draft, host, &facts);
        if (r < 0)
                (void)container_spec_unref(draft);
        else
                r = unit_freeze_over(draft, host, &facts, diag, ret);
        unit_facts_done(&facts);
        return r;
}
