/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policies/apparmor/apparmor.h"
#include "policies/bpf/devices.h"
#include "policies/bpf/filters.h"
#include "policies/caps/caps.h"
#include "policies/compile.h"
#include "policies/exposure/exposure.h"
#include "policies/families.h"
#include "policies/landlock/landlock.h"
#include "policies/seccomp/seccomp.h"
#include "policies/selinux/selinux.h"

/* Order matters: seccomp and what follows it read the bounding set. */
const PolicyBackend *const policy_backends[] = {
        &policy_backend_caps,
        &policy_backend_seccomp,
        &policy_backend_apparmor,
        &policy_backend_selinux,
        &policy_backend_landlock,
        &policy_backend_devices,
        &policy_backend_filters,
};

size_t policy_backends_count(void) {
        return ELEMENTSOF(policy_backends);
}

const PolicySet *policy_set_ref(const PolicySet *p) {
        if (p)
                ((PolicySet *)p)->n_ref++;
        return p;
}

const PolicySet *policy_set_unref(const PolicySet *p) {
        PolicySet *set = (PolicySet *)p; /* the count is the one thing that still changes */

        if (!set || --set->n_ref > 0)
                return NULL;

        for (size_t i = 0; i < ELEMENTSOF(policy_backends); i++)
                policy_backends[i]->done(set);
        container_spec_unref(set->spec);
        free(set);
        return NULL;
}

/* What the kernel will be given, and nothing else: moving a line of the unit does not change it. */
static void compute_digest(PolicySet *set) {
        Digest parts[ELEMENTSOF(policy_backends)] = {};

        for (size_t i = 0; i < ELEMENTSOF(policy_backends); i++)
                policy_backends[i]->digest(set, parts + i);
        digest_of(parts, sizeof(parts), &set->digest);
}

int policy_compile(const ContainerSpec *spec, int cache_fd, Diag *diag, const PolicySet **ret) {
        _cleanup_(policy_set_unrefp) const PolicySet *owner = NULL;
        PolicySet *set;
        int result = 0;

        set = calloc(1, sizeof(PolicySet));
        if (!set)
                return -ENOMEM;
        set->n_ref = 1;
        set->spec = container_spec_ref((ContainerSpec *)spec); /* frozen; only its count changes */
        owner = set;

        /* Every backend is asked, so that a person reads all mistakes at once. */
        for (size_t i = 0; i < ELEMENTSOF(policy_backends); i++) {
                int r = policy_backends[i]->compile(spec, cache_fd, diag, set);

                if (r < 0 && result == 0)
                        result = r;
        }
        if (result >= 0)
                result = address_families_check_sockets(spec, address_families_of(spec, set), diag);
        if (result >= 0)
                result = exposure_check(set, diag);
        if (result < 0)
                return result;

        compute_digest(set);
        *ret = TAKE_PTR(owner);
        return 0;
}
