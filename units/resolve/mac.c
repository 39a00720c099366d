/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* MandatoryAccessControl= meets the host: which modules the payload will be confined by. Pure: what the kernel runs is
 * among the facts. */
#include "units/resolve/resolve-steps.h"

static MacMode mode_of(const ContainerSpec *s, const HostFacts *host) {
        if (s->mandatory_access_control != MAC_MODE_UNSET)
                return s->mandatory_access_control;
        return host->mac.mode != MAC_MODE_UNSET ? host->mac.mode : MAC_MODE_AUTO;
}

/* Where `required` was said, for the words. */
static const char *who_requires(const ContainerSpec *s) {
        return s->mandatory_access_control == MAC_MODE_UNSET ? " (bulwarkd.conf says so for every unit)" : "";
}

static int check_required(const ContainerSpec *s, const HostFacts *host, const MacDecision *mac, Diag *diag) {
        const Origin *origin = container_spec_origin(s, DIRECTIVE_MandatoryAccessControl);
        const MacFacts *f = &host->mac;

        if (mac->apparmor || (mac->selinux && f->selinux_enforcing))
                return 0;
        if (mac->selinux)
                return diag_error(diag, ERROR_HOST_LACKS, origin, "MandatoryAccessControl",
                                  "is required%s, but SELinux is permissive here and denies nothing; run setenforce 1",
                                  who_requires(s));
        return diag_error(diag, ERROR_HOST_LACKS, origin, "MandatoryAccessControl",
                          "is required%s, but the kernel runs neither AppArmor nor SELinux; boot it with apparmor=1 "
                          "security=apparmor or security=selinux selinux=1, or write auto to do without",
                          who_requires(s));
}

/* Needs nothing but the draft; sets s->mac. */
int mac_resolve(ContainerSpec *s, const HostFacts *host, Diag *diag) {
        const MacMode mode = mode_of(s, host);

        s->mac = (MacDecision){};
        if (mode == MAC_MODE_NO)
                return 0;
        s->mac = (MacDecision){
                .apparmor = host->mac.apparmor,
                .selinux = host->mac.selinux,
                /* An init mounts, and no process below a Landlock ruleset may. */
                .landlock_abi = s->boot ? 0 : host->mac.landlock_abi,
        };
        return mode == MAC_MODE_REQUIRED ? check_required(s, host, &s->mac, diag) : 0;
}
