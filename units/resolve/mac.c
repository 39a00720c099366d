/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* MandatoryAccessControl= meets the host: which modules the payload will be confined by. Pure: what the kernel runs is
 * among the facts. */
#include "manager/base/landlock-abi.h"
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

        if ((mac->apparmor && !f->apparmor_lenient) || (mac->selinux && f->selinux_enforcing))
                return 0;
        if (mac->apparmor)
                return diag_error(diag, ERROR_HOST_LACKS, origin, "MandatoryAccessControl",
                                  "is required%s, but AppArmor as a whole does not enforce here; write enforce to "
                                  "/sys/module/apparmor/parameters/mode",
                                  who_requires(s));
        if (mac->selinux)
                return diag_error(diag, ERROR_HOST_LACKS, origin, "MandatoryAccessControl",
                                  "is required%s, but SELinux is permissive here and denies nothing; run setenforce 1",
                                  who_requires(s));
        if (f->apparmor && s->apparmor_profile.kind == APPARMOR_UNCONFINED)
                return diag_error(diag, ERROR_CONFLICT, origin, "MandatoryAccessControl",
                                  "is required%s, but AppArmorProfile=unconfined leaves it out, and the kernel has no "
                                  "other module; take AppArmorProfile= out",
                                  who_requires(s));
        return diag_error(diag, ERROR_HOST_LACKS, origin, "MandatoryAccessControl",
                          "is required%s, but the kernel runs neither AppArmor nor SELinux; boot it with apparmor=1 "
                          "security=apparmor or security=selinux selinux=1, or write auto to do without",
                          who_requires(s));
}

/* What a unit says about its SELinux label contradicts itself, or the host. */
static int check_selinux(const ContainerSpec *s, const HostFacts *host, MacMode mode, Diag *diag) {
        const bool named = s->selinux_context.context;
        const struct {
                DirectiveId id;
                const char *name;
                bool given, only_generated;
        } rows[] = {
                { DIRECTIVE_SELinuxContext, "SELinuxContext", named && !s->selinux_context.optional, false },
                { DIRECTIVE_SELinuxLevel, "SELinuxLevel", s->selinux_level, true },
                { DIRECTIVE_SELinuxFileType, "SELinuxFileType", s->selinux_file_type, false },
                { DIRECTIVE_SELinuxExtraRules, "SELinuxExtraRules", s->selinux_extra_rules.n > 0, true },
        };
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const Origin *origin = container_spec_origin(s, rows[i].id);

                if (!rows[i].given)
                        continue;
                if (mode == MAC_MODE_NO)
                        r = diag_error(diag, ERROR_CONFLICT, origin, rows[i].name,
                                       "contradicts MandatoryAccessControl=no; leave one of them out");
                else if (rows[i].only_generated && named)
                        r = diag_error(diag, ERROR_CONFLICT, origin, rows[i].name,
                                       "belongs to a generated context, and SELinuxContext= names one; write its level there, "
                                       "and its rules into the policy that defines it");
        }
        if (rows[0].given && mode != MAC_MODE_NO && !host->mac.selinux)
                r = diag_error(diag, ERROR_HOST_LACKS, container_spec_origin(s, DIRECTIVE_SELinuxContext), "SELinuxContext",
                               "the kernel does not run SELinux; boot it with security=selinux selinux=1, or write a '-' "
                               "before the context to do without");
        return r;
}

/* --- AppArmorProfile= and AppArmorExtraRules= */

/* The row that says something about an AppArmor profile, and would be left unheard without one. */
static DirectiveId apparmor_asked(const ContainerSpec *s) {
        if (s->origins[DIRECTIVE_AppArmorProfile].file && s->apparmor_profile.kind != APPARMOR_UNCONFINED)
                return DIRECTIVE_AppArmorProfile;
        return s->apparmor_extra_rules.n > 0 ? DIRECTIVE_AppArmorExtraRules : _DIRECTIVE_INVALID;
}

static int check_apparmor_without_mac(const ContainerSpec *s, Diag *diag) {
        const DirectiveId asked = apparmor_asked(s);
        const bool own = s->mandatory_access_control != MAC_MODE_UNSET;

        if (asked < 0 || s->wrong[asked])
                return 0;
        return diag_error(diag, ERROR_CONFLICT, container_spec_origin(s, asked), directives[asked].name,
                          "contradicts MandatoryAccessControl=no%s: without it no profile is entered; take one of them out",
                          own ? "" : ", which bulwarkd.conf says for every unit");
}

static int check_extra_rules(const ContainerSpec *s, Diag *diag) {
        const bool named = s->apparmor_profile.kind == APPARMOR_NAMED;

        if (s->apparmor_extra_rules.n == 0 || s->apparmor_profile.kind == APPARMOR_GENERATED)
                return 0;
        return diag_error(diag, ERROR_CONFLICT, &s->apparmor_extra_rules.items[0].origin, "AppArmorExtraRules",
                          "contradicts AppArmorProfile=%s: only a generated profile takes them; write them into that "
                          "profile, or AppArmorProfile=generated",
                          named ? s->apparmor_profile.name : "unconfined");
}

static int check_named(const ContainerSpec *s, const HostFacts *host, Diag *diag) {
        const value_apparmor_profile *p = &s->apparmor_profile;

        if (p->kind != APPARMOR_NAMED || p->missing_ok || host->mac.apparmor)
                return 0;
        return diag_error(diag, ERROR_HOST_LACKS, container_spec_origin(s, DIRECTIVE_AppArmorProfile), "AppArmorProfile",
                          "names a profile, but the kernel does not run AppArmor; boot it with apparmor=1 "
                          "security=apparmor, or write -%s to do without",
                          p->name);
}

static void warn_unconfined(const ContainerSpec *s, const HostFacts *host, Diag *diag) {
        if (s->apparmor_profile.kind == APPARMOR_UNCONFINED && host->mac.apparmor)
                diag_warning(diag, ERROR_POLICY, container_spec_origin(s, DIRECTIVE_AppArmorProfile), "AppArmorProfile",
                             "unconfined opens what the host's AppArmor would deny; AppArmorExtraRules= opens single "
                             "things");
}

static int check_apparmor(const ContainerSpec *s, const HostFacts *host, MacMode mode, Diag *diag) {
        int r = 0, k;

        if (s->wrong[DIRECTIVE_AppArmorProfile])
                return 0;
        if (mode == MAC_MODE_NO)
                return check_apparmor_without_mac(s, diag);
        k = check_extra_rules(s, diag);
        if (k < 0)
                r = k;
        k = check_named(s, host, diag);
        if (k < 0)
                r = k;
        warn_unconfined(s, host, diag);
        return r;
}

/* Needs nothing but the draft; sets s->mac. */
int mac_resolve(ContainerSpec *s, const HostFacts *host, Diag *diag) {
        const MacMode mode = mode_of(s, host);
        int r = check_selinux(s, host, mode, diag), k;

        s->mac = (MacDecision){};
        k = check_apparmor(s, host, mode, diag);
        if (k < 0)
                r = k;
        if (mode == MAC_MODE_NO)
                return r;
        s->mac = (MacDecision){
                .apparmor = host->mac.apparmor && s->apparmor_profile.kind != APPARMOR_UNCONFINED,
                .selinux = host->mac.selinux,
                .required = mode == MAC_MODE_REQUIRED,
                /* An init mounts, and no process below a Landlock ruleset may. */
                .landlock_abi = s->boot || host->mac.landlock_abi < LANDLOCK_ABI_NEEDED ? 0 : host->mac.landlock_abi,
        };
        if (mode == MAC_MODE_REQUIRED && check_required(s, host, &s->mac, diag) < 0)
                r = -EOPNOTSUPP; /* it has been told */
        return r;
}
