/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/capability.h>
#include <stdio.h>
#include <sys/socket.h>

#include "manager/base/string-list.h"
#include "policies/apparmor/apparmor-compare.h"
#include "policies/apparmor/apparmor.h"
#include "policies/apparmor/extra-rules.h"
#include "policies/apparmor/profile-files.h"
#include "policies/apparmor/quote.h"
#include "policies/families.h"
#include "policies/rules.h"

/* Pins what the rules mean: a kernel that can mediate more does not, until the text says so. Files of a container that
 * lie outside of its root, its output say, are named as if they lay in it; removed ones keep their name. */
#define HEAD_LINES 2U
#define HEAD "abi <abi/3.0>,\nprofile \"%s\" flags=(attach_disconnected,mediate_deleted) {\n"

typedef struct Profile {
        const ContainerSpec *spec;
        const PolicySet *set;
        const char *name;
        PolicyRules *rules;
        int error; /* the first failure; asked once at the end */
} Profile;

#define rule(p, origin, ...)                                                                                  \
        do {                                                                                                  \
                if ((p)->error >= 0)                                                                          \
                        (p)->error = policy_rules_add((p)->rules, origin, __VA_ARGS__);                       \
        } while (false)

/* --- capabilities: those of the bounding set. They are asked for in the container's own user namespace too. */

static void capability_rules(Profile *p) {
        const CapabilityPolicy *c = &p->set->capabilities;
        const Origin *origin = container_spec_origin(p->spec, DIRECTIVE_CapabilityBoundingSet);

        for (unsigned capability = 0; capability < 64; capability++) {
                const char *name = capability_to_string(capability);
                char word[32];
                size_t n = 0;

                if (!(c->bounding & (UINT64_C(1) << capability)) || !name)
                        continue;
                for (name += strlen("CAP_"); name[n] && n < sizeof(word) - 1; n++)
                        word[n] = (char)(name[n] >= 'A' && name[n] <= 'Z' ? name[n] - 'A' + 'a' : name[n]);
                word[n] = 0;
                rule(p, origin, "capability %s,", word);
        }
        /* The keeper's init is in the profile too, and hands the stop signal to a payload of any user. The payload's own
         * bounding set goes on to lack it. */
        if (p->spec->init_role && !(c->bounding & (UINT64_C(1) << CAP_KILL)))
                rule(p, NULL, "capability kill,");
}

/* --- network: the families that the system call filter lets through */

static const struct {
        unsigned family;
        const char *name;
        const char *const *types;
} network[] = {
#define TYPES(...) ((const char *const[]){ __VA_ARGS__, NULL })
        { AF_UNIX, "unix", TYPES("stream", "dgram", "seqpacket") },
        { AF_INET, "inet", TYPES("stream", "dgram", "seqpacket") },
        { AF_INET6, "inet6", TYPES("stream", "dgram", "seqpacket") },
        { AF_NETLINK, "netlink", TYPES("raw", "dgram") },
        { AF_PACKET, "packet", TYPES("raw", "dgram") },
        { AF_VSOCK, "vsock", TYPES("stream", "dgram", "seqpacket") },
        { AF_CAN, "can", TYPES("raw", "dgram") },
        { AF_BLUETOOTH, "bluetooth", TYPES("stream", "dgram", "seqpacket", "raw") },
        { AF_ALG, "alg", TYPES("seqpacket") },
        { AF_TIPC, "tipc", TYPES("stream", "dgram", "seqpacket", "rdm") },
        { AF_XDP, "xdp", TYPES("raw") },
};

static void network_rules(Profile *p) {
        const uint64_t bounding = p->set->capabilities.bounding;
        const bool raw = bounding & (UINT64_C(1) << CAP_NET_RAW);

        for (size_t i = 0; i < ELEMENTSOF(network); i++) {
                if (!address_families_have(address_families_within(p->spec, bounding), network[i].family))
                        continue;
                for (const char *const *type = network[i].types; *type; type++)
                        rule(p, NULL, "network %s %s,", network[i].name, *type);
                if (raw && (network[i].family == AF_INET || network[i].family == AF_INET6))
                        rule(p, NULL, "network %s raw,", network[i].name);
        }
}

/* --- other processes: those of the container. The host's root may signal and trace it whatever the profile says, or not
 * even process 1 could stop it. */

static void process_rules(Profile *p) {
        rule(p, NULL, "signal (send,receive) peer=\"%s\",", p->name);
        rule(p, NULL, "signal (receive) peer=unconfined,");
        rule(p, NULL, "ptrace (trace,read,tracedby,readby) peer=\"%s\",", p->name);
        rule(p, NULL, "ptrace (tracedby,readby) peer=unconfined,");
}

/* --- an init mounts; what it could reach the kernel's switches by, it does not mount */

static const char *const boot_rules[] = {
        "mount,",
        "umount,",
        "pivot_root,",
        "deny mount fstype=(binfmt_misc,bpf,configfs,debugfs,devtmpfs,efivarfs,pstore,securityfs,selinuxfs,smackfs,tracefs),",
};

static void mount_rules(Profile *p) {
        for (size_t i = 0; p->spec->boot && i < ELEMENTSOF(boot_rules); i++)
                rule(p, container_spec_origin(p->spec, DIRECTIVE_Boot), "%s", boot_rules[i]);
}

static int text_of(AppArmorPolicy *policy) {
        _cleanup_free_ char *text = NULL;
        size_t size = strlen(HEAD) + strlen(policy->profile) + strlen("}\n");
        char *q;

        for (size_t i = 0; i < policy->rules.n; i++)
                size += strlen(policy->rules.items[i].text) + strlen("  \n");
        q = text = malloc(size + 1);
        if (!text)
                return -ENOMEM;
        q += snprintf(q, size, HEAD, policy->profile);
        for (size_t i = 0; i < policy->rules.n; i++)
                q = stpcpy(stpcpy(stpcpy(q, "  "), policy->rules.items[i].text), "\n");
        (void)stpcpy(q, "}\n");
        policy->text = TAKE_PTR(text);
        digest_of(policy->text, strlen(policy->text), &policy->digest);
        return 0;
}

static int generate(const ContainerSpec *spec, Diag *diag, PolicySet *set) {
        AppArmorPolicy *policy = &set->apparmor;
        Profile p = { .spec = spec, .set = set, .rules = &policy->rules };
        int r, result = 0;

        r = apparmor_profile_name(spec->name, &policy->profile);
        if (r < 0)
                return r;
        p.name = policy->profile;
        capability_rules(&p);
        network_rules(&p);
        process_rules(&p);
        mount_rules(&p);
        if (p.error < 0)
                return p.error;
        r = apparmor_file_rules(spec, diag, &policy->rules);
        if (r < 0)
                result = r;
        r = apparmor_extra_rules(spec, diag, &policy->rules);
        if (r < 0)
                result = r;
        return result < 0 ? result : text_of(policy);
}

static int compile(const ContainerSpec *spec, int cache_fd, Diag *diag, PolicySet *set) {
        const Origin *origin = container_spec_origin(spec, DIRECTIVE_AppArmorProfile);
        AppArmorPolicy *policy = &set->apparmor;

        switch (spec->apparmor_profile.kind) {
        case APPARMOR_UNCONFINED:
                return policy_rules_add(&policy->rules, origin, "no profile");
        case APPARMOR_NAMED:
                policy->profile = strdup(spec->apparmor_profile.name);
                policy->optional = spec->apparmor_profile.missing_ok;
                if (!policy->profile)
                        return -ENOMEM;
                return policy_rules_add(&policy->rules, origin, "the host's profile %s%s", policy->profile,
                                        policy->optional ? ", where it is loaded" : "");
        case APPARMOR_GENERATED:
                break;
        }
        return generate(spec, diag, set);
}

const PolicyRule *apparmor_rule_at(const AppArmorPolicy *p, unsigned line) {
        return p->text && line > HEAD_LINES && line - HEAD_LINES <= p->rules.n ? p->rules.items + (line - HEAD_LINES - 1)
                                                                            : NULL;
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
        const AppArmorPolicy *p = &set->apparmor;
        const char *name = strempty(p->profile);
        struct {
                Digest name, text;
                uint8_t optional;
        } parts = { .text = p->digest, .optional = p->optional };

        digest_of(name, strlen(name), &parts.name);
        digest_of(&parts, sizeof(parts), ret);
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
