/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/capability.h>

#include "manager/base/string-list.h"
#include "policies/caps/caps.h"
#include "policies/compare.h"
#include "policies/rules.h"
#include "units/spec/protections.h"

/* A small set for one service run by root: it may own, bind and change identity inside its own files. Not
 * CAP_NET_RAW (spoofing), CAP_MKNOD (devices), CAP_AUDIT_WRITE, CAP_SYS_PTRACE. */
static const uint8_t default_capabilities[] = {
        CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_FOWNER,           CAP_FSETID,     CAP_KILL,    CAP_SETGID,
        CAP_SETUID, CAP_SETPCAP,      CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT, CAP_SETFCAP,
};

/* What a service manager needs as PID 1: it mounts, makes namespaces, configures its network, sets limits.
 * Given only in a user namespace of the container's own, where these have no power over the host. Without one
 * (PrivateUsers=no) CAP_SYS_ADMIN is the host's: Boot=yes then adds nothing and the unit must say it. Not
 * among them: modules, raw I/O, the clock, the kernel log, MAC, BPF and devices. */
static const uint8_t boot_capabilities[] = {
        CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_SYS_PTRACE,      CAP_SYS_RESOURCE,    CAP_SYS_NICE,
        CAP_SYS_BOOT,  CAP_IPC_OWNER, CAP_SYS_TTY_CONFIG,  CAP_AUDIT_WRITE,     CAP_LEASE,
        CAP_IPC_LOCK,  CAP_NET_BROADCAST, CAP_LINUX_IMMUTABLE, CAP_DAC_READ_SEARCH,
};

static uint64_t bit(unsigned capability) {
        return UINT64_C(1) << capability;
}

static uint64_t mask_of(const uint8_t *list, size_t n) {
        uint64_t mask = 0;

        for (size_t i = 0; i < n; i++)
                mask |= bit(list[i]);
        return mask;
}

uint64_t capabilities_default(void) {
        return mask_of(default_capabilities, ELEMENTSOF(default_capabilities));
}

uint64_t capabilities_boot(void) {
        return mask_of(boot_capabilities, ELEMENTSOF(boot_capabilities));
}

static uint64_t mask_of_list(const value_capability_list *list) {
        uint64_t mask = 0;

        for (size_t i = 0; i < list->n; i++)
                mask |= bit(list->items[i].capability);
        return mask & CAPABILITY_MASK_ALL;
}

static const Origin *origin_in_list(const value_capability_list *list, unsigned capability) {
        for (size_t i = 0; i < list->n; i++)
                if (list->items[i].capability == capability)
                        return &list->items[i].origin;

        return NULL;
}

/* The set before the deltas. */
static uint64_t base_set(const ContainerSpec *spec, Diag *diag) {
        if (spec->capability_bounding_set.set)
                return spec->capability_bounding_set.mask & CAPABILITY_MASK_ALL;
        if (!spec->boot)
                return capabilities_default();
        if (spec->private_users.mode != PRIVATE_USERS_NO)
                return capabilities_default() | capabilities_boot();

        diag_warning(diag, ERROR_POLICY, container_spec_origin(spec, DIRECTIVE_Boot), "Boot",
                     "without a user namespace of its own (PrivateUsers=no) the container gets no further "
                     "capabilities; name what its init needs with AddCapability=");
        return capabilities_default();
}

static int report_both(const ContainerSpec *spec, Diag *diag, uint64_t both) {
        int r = 0;

        if (both == CAPABILITY_MASK_ALL)
                return diag_error(diag, ERROR_CONFLICT, origin_in_list(&spec->drop_capability, 0),
                                  "DropCapability", "all are dropped, and AddCapability= adds all; keep one");

        for (unsigned c = 0; c < 64; c++)
                if (both & bit(c)) {
                        const Origin *added = origin_in_list(&spec->add_capability, c);

                        r = diag_error(diag, ERROR_CONFLICT, origin_in_list(&spec->drop_capability, c),
                                       "DropCapability", "%s is also added by AddCapability= (%s:%u); keep one",
                                       capability_to_string(c), strempty(added->file), added->line);
                }
        return r;
}

/* What the place of a writable tree, or a protection, takes away whatever else the unit says. */
static uint64_t forbidden(const ContainerSpec *spec) {
        return (spec->exposed_tree.path ? bit(CAP_SETFCAP) : 0) | protections_capabilities(spec);
}

/* AddCapability= and DropCapability= have no order between them, so one capability in both is a contradiction.
 * But "all" in one of them is a starting point: it leaves nothing of *base, and the other one narrows it. */
static int apply_deltas(const ContainerSpec *spec, Diag *diag, uint64_t *base, uint64_t *ret) {
        uint64_t add = mask_of_list(&spec->add_capability), drop = mask_of_list(&spec->drop_capability);
        bool add_all = add == CAPABILITY_MASK_ALL, drop_all = drop == CAPABILITY_MASK_ALL;

        if ((add & drop) && add_all == drop_all)
                return report_both(spec, diag, add & drop);

        if (add_all || drop_all)
                *base = 0;
        *ret = (drop_all ? add : (*base | add) & ~drop) & ~forbidden(spec);
        return 0;
}

uint64_t capabilities_bounding(const ContainerSpec *spec) {
        uint64_t base = base_set(spec, NULL), bounding = 0;

        return apply_deltas(spec, NULL, &base, &bounding) < 0 ? 0 : bounding;
}

static int check_ambient(const ContainerSpec *spec, Diag *diag, uint64_t bounding) {
        uint64_t missing = spec->ambient_capabilities.mask & ~bounding & CAPABILITY_MASK_ALL;
        int r = 0;

        /* What the bounding set was to be is not known: what it seems to lack follows from that mistake. */
        if (spec->wrong[DIRECTIVE_CapabilityBoundingSet] || spec->wrong[DIRECTIVE_AddCapability] ||
            spec->wrong[DIRECTIVE_Boot])
                return 0;
        for (unsigned c = 0; c < 64; c++)
                if (missing & bit(c)) {
                        const Origin *dropped = origin_in_list(&spec->drop_capability, c);

                        r = diag_error(diag, ERROR_CONFLICT, &spec->ambient_capabilities.origin,
                                       "AmbientCapabilities",
                                       dropped ? "%s is dropped by DropCapability=; keep one"
                                               : "%s is not in the bounding set; add AddCapability=%s",
                                       capability_to_string(c), capability_to_string(c));
                }
        return r;
}

/* Which line a capability of the bounding set comes from; NULL = the default. */
static const Origin *cause_of(const ContainerSpec *spec, uint64_t base, unsigned capability) {
        if (!(base & bit(capability)))
                return origin_in_list(&spec->add_capability, capability);
        if (spec->capability_bounding_set.set)
                return &spec->capability_bounding_set.origin;

        return capabilities_default() & bit(capability) ? NULL : container_spec_origin(spec, DIRECTIVE_Boot);
}

static int add_forbidden(const ContainerSpec *spec, CapabilityPolicy *policy) {
        int r = 0;

        for (unsigned c = 0; r >= 0 && c < 64; c++)
                if (protections_capabilities(spec) & bit(c))
                        r = policy_rules_add(&policy->rules, protections_origin(spec, c), "deny %s", capability_to_string(c));
        if (r < 0 || !spec->exposed_tree.path)
                return r;
        return policy_rules_add(&policy->rules, &spec->exposed_tree.origin,
                                "deny CAP_SETFCAP: users of the host can enter %s, where the container may write",
                                spec->exposed_tree.path);
}

static int add_rules(const ContainerSpec *spec, uint64_t base, CapabilityPolicy *policy) {
        bool root = spec->identity.uid == 0;
        int r = add_forbidden(spec, policy);

        for (unsigned c = 0; r >= 0 && c < 64; c++) {
                if (policy->bounding & bit(c))
                        r = policy_rules_add(&policy->rules, cause_of(spec, base, c), "%s bounding%s",
                                             capability_to_string(c), root ? " permitted effective" : "");
                if (r >= 0 && (policy->ambient & bit(c)))
                        r = policy_rules_add(&policy->rules, &spec->ambient_capabilities.origin,
                                             "%s %sinheritable ambient", capability_to_string(c),
                                             root ? "" : "permitted effective ");
        }
        return r;
}

static int caps_compile(const ContainerSpec *spec, int cache_fd, Diag *diag, PolicySet *set) {
        CapabilityPolicy *policy = &set->capabilities;
        uint64_t base;
        int r;

        base = base_set(spec, diag);
        r = apply_deltas(spec, diag, &base, &policy->bounding);
        if (r < 0)
                return r;
        r = check_ambient(spec, diag, policy->bounding);
        if (r < 0)
                return r;

        /* An inheritable set beyond the ambient one only serves file capabilities of the image: never. */
        policy->ambient = policy->inheritable = spec->ambient_capabilities.mask & CAPABILITY_MASK_ALL;
        /* Root regains its bounding set at execve() anyway; anybody else has what is ambient and no more. */
        policy->permitted = policy->effective = spec->identity.uid == 0 ? policy->bounding : policy->ambient;

        return add_rules(spec, base, policy);
}

static int render_set(const char *name, uint64_t mask, char **s) {
        int r;

        r = str_append(s, "%-11s", name);
        for (unsigned c = 0; r >= 0 && c < 64; c++)
                if (mask & bit(c))
                        r = str_append(s, " %s", capability_to_string(c));

        return r < 0 ? r : str_append(s, "%s\n", mask == 0 ? " none" : "");
}

static int caps_render(const PolicySet *set, char **ret) {
        const struct {
                const char *name;
                uint64_t mask;
        } sets[] = {
                { "bounding", set->capabilities.bounding },
                { "permitted", set->capabilities.permitted },
                { "effective", set->capabilities.effective },
                { "inheritable", set->capabilities.inheritable },
                { "ambient", set->capabilities.ambient },
        };
        _cleanup_free_ char *s = NULL;

        for (size_t i = 0; i < ELEMENTSOF(sets); i++) {
                int r = render_set(sets[i].name, sets[i].mask, &s);

                if (r < 0)
                        return r;
        }

        *ret = TAKE_PTR(s);
        return 0;
}

static const PolicyRules *caps_rules(const PolicySet *set) {
        return &set->capabilities.rules;
}

static void caps_digest(const PolicySet *set, Digest *ret) {
        const CapabilityPolicy *c = &set->capabilities;
        const uint64_t content[] = { c->bounding, c->permitted, c->effective, c->inheritable, c->ambient };

        digest_of(content, sizeof(content), ret);
}

static void caps_done(PolicySet *set) {
        policy_rules_done(&set->capabilities.rules);
}

/* --- two units side by side */

static const Origin *set_origin(const PolicySet *set, unsigned capability) {
        const ContainerSpec *spec = set->spec;
        const Origin *o;

        if (!(set->capabilities.bounding & bit(capability))) {
                o = protections_origin(spec, capability);
                if (!o && capability == CAP_SETFCAP && spec->exposed_tree.path)
                        o = &spec->exposed_tree.origin;
                if (o)
                        return o;
                o = origin_in_list(&spec->drop_capability, capability);
                return o ? o : spec->capability_bounding_set.set ? &spec->capability_bounding_set.origin : NULL;
        }
        o = origin_in_list(&spec->add_capability, capability);
        if (o || !spec->capability_bounding_set.set)
                return o ? o : cause_of(spec, UINT64_MAX, capability);
        return &spec->capability_bounding_set.origin;
}

/* Where only the sets below the bounding one move, their own lines did it. */
static const Origin *capability_origin(const PolicySet *set, unsigned capability, bool bounding, bool ambient) {
        if (bounding)
                return set_origin(set, capability);
        return ambient ? &set->spec->ambient_capabilities.origin : container_spec_origin(set->spec, DIRECTIVE_User);
}

static int compare_capability(const PolicySet *before, const PolicySet *after, unsigned c, PolicyChanges *changes) {
        const CapabilityPolicy *a = &before->capabilities, *b = &after->capabilities;
        const struct {
                const char *name;
                uint64_t before, after;
        } sets[] = {
                { "bounding", a->bounding, b->bounding },          { "permitted", a->permitted, b->permitted },
                { "effective", a->effective, b->effective },       { "inheritable", a->inheritable, b->inheritable },
                { "ambient", a->ambient, b->ambient },
        };
        const bool bounding = (a->bounding ^ b->bounding) & bit(c), ambient = (a->ambient ^ b->ambient) & bit(c);
        const Origin *from = capability_origin(before, c, bounding, ambient), *to = capability_origin(after, c, bounding, ambient);
        _cleanup_free_ char *gained = NULL, *lost = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(sets); i++)
                if ((sets[i].before ^ sets[i].after) & bit(c))
                        r = str_append(sets[i].after & bit(c) ? &gained : &lost, " %s", sets[i].name);
        if (r >= 0 && lost)
                r = policy_changes_add(changes, POLICY_TIGHTER, from, to, "no longer: %s%s", capability_to_string(c), lost);
        if (r >= 0 && gained)
                r = policy_changes_add(changes, POLICY_LOOSER, from, to, "%s%s", capability_to_string(c), gained);
        return r;
}

static int caps_compare(const PolicySet *before, const PolicySet *after, PolicyChanges *changes) {
        int r = 0;

        for (unsigned c = 0; r >= 0 && c < 64; c++)
                if (CAPABILITY_MASK_ALL & bit(c))
                        r = compare_capability(before, after, c, changes);
        return r;
}

const PolicyBackend policy_backend_caps = {
        .name = "caps",
        .compile = caps_compile,
        .render = caps_render,
        .rules = caps_rules,
        .digest = caps_digest,
        .done = caps_done,
        .compare = caps_compare,
};
