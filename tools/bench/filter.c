/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Writes the default unit's seccomp program, raw, for the floor: filter >FILE. Both sides of the comparison
 * then install the same filter. */

#include <stdio.h>
#include <stdlib.h>

#include "policies/compile.h"
#include "units/resolve/resolve.h"

static int compile(Diag *diag, const PolicySet **ret) {
        static const char unit[] = "[Container]\nRootDirectory=/usr\nExecStart=/bin/true\n";
        const ContainerSpec *spec = NULL;
        ContainerSpec *draft = NULL;
        UnitFacts unit_facts = {};
        HostFacts host = {};
        int r;

        r = host_facts_gather(&host);
        if (r >= 0)
                r = unit_load_text("bench.container", unit, sizeof(unit) - 1, &host.specifiers, diag,
                                   &draft);
        if (r >= 0) {
                r = unit_facts_gather(draft, NULL, &unit_facts);
                if (r >= 0)
                        r = spec_resolve(TAKE_PTR(draft), &host, &unit_facts, diag, &spec);
        }
        if (r >= 0)
                r = policy_compile(spec, -EBADF, diag, ret);
        container_spec_unref((ContainerSpec *)spec);
        unit_facts_done(&unit_facts);
        host_facts_done(&host);
        return r;
}

int main(void) {
        _cleanup_(diag_done) Diag diag = {};
        const PolicySet *policies = NULL;
        size_t n;

        if (compile(&diag, &policies) < 0) {
                _cleanup_free_ char *text = diag_to_string(&diag, true);

                (void)fprintf(stderr, "filter: the default policy does not compile: %s\n", text ? text : "no memory");
                return EXIT_FAILURE;
        }
        n = fwrite(policies->seccomp.program, 8, policies->seccomp.n_instructions, stdout);
        if (n != policies->seccomp.n_instructions || fflush(stdout) != 0) {
                (void)fprintf(stderr, "filter: cannot write\n");
                return EXIT_FAILURE;
        }
        policies = policy_set_unref(policies);
        return EXIT_SUCCESS;
}
