/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Most units need nothing but a domain of the base module and a level. What goes beyond is one CIL block a unit, named by
 * its own content: two units that want the same share it, and a block that the kernel knows is the right one. */
#include <ctype.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/socket.h>

#include "manager/base/string-list.h"
#include "policies/families.h"
#include "policies/rules.h"
#include "policies/selinux/binds.h"
#include "policies/selinux/selinux-compare.h"
#include "policies/selinux/selinux.h"

#define BIT(capability) (UINT64_C(1) << (capability))

/* What bulwark.cil gives on the host's own capabilities; a unit without a user namespace may keep more. */
#define BASE_CAPABILITIES                                                                                       \
        (BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) | BIT(CAP_FSETID) | BIT(CAP_KILL) | BIT(CAP_SETGID) |   \
         BIT(CAP_SETUID) | BIT(CAP_SETPCAP) | BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_SYS_CHROOT) | BIT(CAP_SETFCAP) |        \
         BIT(CAP_AUDIT_WRITE))
#define INIT_CAPABILITIES                                                                                       \
        (BASE_CAPABILITIES | BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_NET_RAW) | BIT(CAP_NET_ADMIN) | BIT(CAP_SYS_ADMIN) |      \
         BIT(CAP_SYS_PTRACE) | BIT(CAP_SYS_RESOURCE) | BIT(CAP_SYS_NICE) | BIT(CAP_SYS_TTY_CONFIG) | BIT(CAP_SYS_BOOT))
/* The same on those of a user namespace: only these are kept from everybody. */
#define NO_USERNS_CAPABILITIES                                                                                  \
        (BIT(CAP_AUDIT_CONTROL) | BIT(CAP_AUDIT_READ) | BIT(CAP_MAC_ADMIN) | BIT(CAP_MAC_OVERRIDE) | BIT(CAP_MKNOD) |     \
         BIT(CAP_SYS_MODULE) | BIT(CAP_SYS_PACCT) | BIT(CAP_SYS_RAWIO) | BIT(CAP_SYS_TIME) | BIT(CAP_SYSLOG) |            \
         BIT(CAP_CHECKPOINT_RESTORE))

void selinux_block_name(const Digest *digest, char ret[static SELINUX_BLOCK_SIZE]) {
        char hex[DIGEST_HEX_SIZE];

        digest_to_hex(digest, hex);
        (void)snprintf(ret, SELINUX_BLOCK_SIZE, "bw_%.16s", hex);
}

static bool has_network(const ContainerSpec *spec, const PolicySet *set) {
        const uint64_t families = address_families_of(spec, set);

        return address_families_have(families, AF_INET) || address_families_have(families, AF_INET6);
}

static bool has_peers(const ContainerSpec *spec) {
        const value_binds *lists[] = { &spec->bind_paths, &spec->bind_read_only_paths };

        for (size_t l = 0; l < ELEMENTSOF(lists); l++)
                for (size_t i = 0; i < lists[l]->n; i++)
                        if (lists[l]->items[i].label == BIND_LABEL_SHARED)
                                return true;
        return false;
}

/* An init without IP sockets has no domain of its own: the filter keeps them from it. */
static const char *base_type(const ContainerSpec *spec, const PolicySet *set) {
        static const char *const types[][2] = { { "bulwark_init_t", "bulwark_init_peer_t" },
                                                { "bulwark_c_t", "bulwark_peer_t" },
                                                { "bulwark_nonet_t", "bulwark_nonet_peer_t" } };

        return types[spec->boot ? 0 : has_network(spec, set) ? 1 : 2][has_peers(spec)];
}

/* One statement of the block, and the same for people. */
static int statement(SELinuxPolicy *p, char **body, const Origin *origin, const char *text) {
        int r = str_append(body, " %s\n", text);

        return r < 0 ? r : policy_rules_add(&p->rules, origin, "%s", text);
}

/* --- capabilities beyond the base */

static const Origin *origin_of_capability(const ContainerSpec *spec, unsigned capability) {
        for (size_t i = 0; i < spec->add_capability.n; i++)
                if (spec->add_capability.items[i].capability == capability)
                        return &spec->add_capability.items[i].origin;
        return container_spec_origin(spec, DIRECTIVE_CapabilityBoundingSet);
}

static int capability(SELinuxPolicy *p, char **body, const ContainerSpec *spec, unsigned c, bool userns) {
        const char *name = capability_to_string(c);
        char lower[64], text[128];
        size_t n = 0;

        if (!name)
                return -EINVAL;
        for (name += strlen("CAP_"); name[n] && n + 1 < sizeof(lower); n++)
                lower[n] = (char)tolower((unsigned char)name[n]);
        lower[n] = 0;
        (void)snprintf(text, sizeof(text), "(allow process self (%s (%s)))",
                       c < 32 ? (userns ? "cap_userns" : "capability") : (userns ? "cap2_userns" : "capability2"), lower);
        return statement(p, body, origin_of_capability(spec, c), text);
}

static int capabilities(SELinuxPolicy *p, char **body, const ContainerSpec *spec, uint64_t bounding) {
        const bool userns = spec->private_users.mode != PRIVATE_USERS_NO;
        const uint64_t base = userns ? CAPABILITY_MASK_ALL & ~NO_USERNS_CAPABILITIES
                                     : (spec->boot ? INIT_CAPABILITIES : BASE_CAPABILITIES);
        int r = 0;

        for (unsigned c = 0; r >= 0 && c < 64; c++)
                if (bounding & ~base & CAPABILITY_MASK_ALL & BIT(c))
                        r = capability(p, body, spec, c, userns);
        return r;
}

/* --- the block */

static int extra_rules(SELinuxPolicy *p, char **body, const ContainerSpec *spec) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < spec->selinux_extra_rules.n; i++)
                r = statement(p, body, &spec->selinux_extra_rules.items[i].origin, spec->selinux_extra_rules.items[i].text);
        return r;
}

static const char block_head[] = " (type process)\n"
                                 " (roletype system_r process)\n"
                                 " (typeattributeset domain (process))\n"
                                 " (typeattributeset bulwark_domain (process))\n"
                                 " (call bulwark_launches (bulwarkd_t process))\n";

static int compile_block(const ContainerSpec *spec, const PolicySet *set, SELinuxPolicy *p) {
        _cleanup_free_ char *body = NULL, *whole = NULL;
        char name[SELINUX_BLOCK_SIZE];
        int r;

        r = capabilities(p, &body, spec, set->capabilities.bounding);
        if (r >= 0 && has_network(spec, set))
                r = selinux_binds_compile(spec, &p->rules, &body);
        if (r >= 0)
                r = extra_rules(p, &body, spec);
        if (r < 0 || !body)
                return r;
        r = str_append(&whole, "%s%s%s (typeattributeset %s (process))\n%s", block_head,
                       has_peers(spec) ? " (typeattributeset bulwark_peer_domain (process))\n" : "",
                       has_network(spec, set) ? " (typeattributeset bulwark_net_domain (process))\n" : "", spec->boot ? "bulwark_init_domain" : "bulwark_plain_domain", body);
        if (r < 0)
                return r;
        digest_of(whole, strlen(whole), &p->digest);
        selinux_block_name(&p->digest, name);
        r = str_append(&p->cil, "(block %s\n%s)\n", name, whole);
        if (r < 0)
                return r;
        free(p->type);
        p->type = NULL;
        return str_append(&p->type, "%s.process", name);
}

/* --- labels */

static int copy(char **to, const char *from) {
        if (!from)
                return 0;
        *to = strdup(from);
        return *to ? 0 : -ENOMEM;
}

static int check_volumes(const ContainerSpec *spec, Diag *diag) {
        _cleanup_free_ SelinuxVolume *volumes = NULL;
        size_t n = 0;
        int r = selinux_volumes(spec, &volumes, &n);

        if (r < 0 || !spec->mac.selinux)
                return r;
        for (size_t i = 0; i < n; i++)
                if (selinux_path_is_system(volumes[i].path))
                        r = diag_error(diag, ERROR_POLICY, volumes[i].origin, volumes[i].directive,
                                       "'%s' belongs to the host and is not relabelled for a container; %s", volumes[i].path,
                                       streq(volumes[i].directive, "RootDirectory")
                                               ? "write ReadOnly=yes without ReadWritePaths=, which needs no label on disk"
                                               : "name a directory of the container's own, or write the option nolabel and "
                                                 "SELinuxExtraRules= for what it needs");
        return r;
}

static int describe(const ContainerSpec *spec, SELinuxPolicy *p) {
        const Origin *context = container_spec_origin(spec, DIRECTIVE_SELinuxContext);
        int r;

        if (p->context)
                r = policy_rules_add(&p->rules, context, "context %s%s", p->context, p->optional ? ", where it is known" : "");
        else {
                r = policy_rules_add(&p->rules,
                                     container_spec_origin(spec, spec->boot ? DIRECTIVE_Boot : DIRECTIVE_RestrictAddressFamilies),
                                     "domain %s", p->type);
                if (r >= 0)
                        r = policy_rules_add(&p->rules, container_spec_origin(spec, DIRECTIVE_SELinuxLevel), "level %s",
                                             p->level ? p->level : "s0 with two categories of its own");
        }
        return r < 0 ? r
                     : policy_rules_add(&p->rules, container_spec_origin(spec, DIRECTIVE_SELinuxFileType), "files %s",
                                        p->file_type);
}

static int compile(const ContainerSpec *spec, int cache_fd, Diag *diag, PolicySet *set) {
        SELinuxPolicy *p = &set->selinux;
        int r;

        r = copy(&p->file_type, spec->selinux_file_type ? spec->selinux_file_type : SELINUX_FILE_TYPE);
        if (r >= 0)
                r = copy(&p->level, spec->selinux_level);
        if (r >= 0)
                r = copy(&p->context, spec->selinux_context.context);
        p->optional = spec->selinux_context.optional;
        if (r >= 0 && !p->context) {
                r = copy(&p->type, base_type(spec, set));
                if (r >= 0)
                        r = compile_block(spec, set, p);
        }
        if (r >= 0)
                r = describe(spec, p);
        return r < 0 ? r : check_volumes(spec, diag);
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

/* Of everything that decides about a label, not of the block alone. */
static void digest(const PolicySet *set, Digest *ret) {
        const SELinuxPolicy *p = &set->selinux;
        const char *parts[] = { p->type, p->file_type, p->context, p->level, p->optional ? "-" : "", p->cil };
        Digest digests[ELEMENTSOF(parts)];

        for (size_t i = 0; i < ELEMENTSOF(parts); i++)
                digest_of(strempty(parts[i]), strlen(strempty(parts[i])), digests + i);
        digest_of(digests, sizeof(digests), ret);
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
        .compare = selinux_compare,
};
