/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From places to rules. Landlock only grants: the rights of a file are those of every rule on the way from it up to the
 * root, through mount points too. So a protection below a place that has the right cannot be taken away again. It is said by
 * granting the right not to that directory but to each of its entries, without those that lead to the protected path,
 * as they are found at the launch. That is exact as long as nobody can make another entry: where the directory is
 * writable by the unit's own wish the right is granted to all of it, and the protection is listed as unsaid. The locked
 * mounts have it all the same.
 *
 * Listing a directory is never taken away: "ls /etc" needs a right that holds for everything below /etc. What an
 * inaccessible directory contains stays unreadable, though not its names. */
#include <linux/capability.h>
#include <sys/socket.h>

#include "manager/base/string-list.h"
#include "policies/families.h"
#include "policies/landlock/landlock-compare.h"
#include "policies/landlock/landlock.h"
#include "policies/landlock/places.h"
#include "policies/landlock/ports.h"
#include "policies/rules.h"

#define ABI_TRUNCATE 3
#define ABI_NETWORK 4
#define ABI_IOCTL 5
#define ABI_SCOPE 6

static const struct {
        uint64_t right;
        const char *name;
} fs_names[] = {
        { LANDLOCK_ACCESS_FS_EXECUTE, "execute" },         { LANDLOCK_ACCESS_FS_WRITE_FILE, "write-file" }, { LANDLOCK_ACCESS_FS_READ_FILE, "read-file" },
        { LANDLOCK_ACCESS_FS_READ_DIR, "read-dir" },       { LANDLOCK_ACCESS_FS_REMOVE_DIR, "remove-dir" }, { LANDLOCK_ACCESS_FS_REMOVE_FILE, "remove-file" },
        { LANDLOCK_ACCESS_FS_MAKE_CHAR, "make-char" },     { LANDLOCK_ACCESS_FS_MAKE_DIR, "make-dir" },     { LANDLOCK_ACCESS_FS_MAKE_REG, "make-reg" },
        { LANDLOCK_ACCESS_FS_MAKE_SOCK, "make-sock" },     { LANDLOCK_ACCESS_FS_MAKE_FIFO, "make-fifo" },   { LANDLOCK_ACCESS_FS_MAKE_BLOCK, "make-block" },
        { LANDLOCK_ACCESS_FS_MAKE_SYM, "make-sym" },       { LANDLOCK_ACCESS_FS_REFER, "refer" },           { LANDLOCK_ACCESS_FS_TRUNCATE, "truncate" },
        { LANDLOCK_ACCESS_FS_IOCTL_DEV, "ioctl-dev" },
};

int landlock_rights_to_text(uint64_t rights, uint64_t handled, char **ret) {
        const struct {
                uint64_t rights;
                const char *word;
        } words[] = { { FS_READ & handled, "read" }, { FS_WRITE & handled, "write" }, { LANDLOCK_ACCESS_FS_EXECUTE & handled, "execute" } };
        _cleanup_free_ char *s = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(words); i++)
                if (words[i].rights && FLAGS_SET(rights, words[i].rights)) {
                        r = str_append(&s, "%s%s", s ? " " : "", words[i].word);
                        rights &= ~words[i].rights;
                }
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(fs_names); i++)
                if (rights & fs_names[i].right)
                        r = str_append(&s, "%s%s", s ? " " : "", fs_names[i].name);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return *ret ? 0 : str_append(ret, "nothing");
}

static uint64_t handled_by(unsigned abi) {
        return FS_ALL & ~(abi < ABI_TRUNCATE ? LANDLOCK_ACCESS_FS_TRUNCATE : 0) & ~(abi < ABI_IOCTL ? LANDLOCK_ACCESS_FS_IOCTL_DEV : 0);
}

/* --- rules */

typedef struct Build {
        const ContainerSpec *spec;
        const Places *places;
        LandlockPolicy *policy;
} Build;

static int add_rule(const Build *b, const char *path, uint64_t access, char **except, const Place *cause) {
        LandlockPolicy *p = b->policy;
        _cleanup_free_ char *rights = NULL, *names = NULL;
        LandlockPathRule *grown;
        int r;

        access &= p->handled_fs;
        if (access == 0) {
                strv_free(except);
                return 0;
        }
        grown = reallocarray(p->paths, p->n_paths + 1, sizeof(*grown));
        if (!grown) {
                strv_free(except);
                return -ENOMEM;
        }
        p->paths = grown;
        p->paths[p->n_paths++] = (LandlockPathRule){ .access = access, .path = strdup(path), .except = except,
                                                     .missing_ok = cause->missing_ok,
                                                     .origin = cause->origin ? *cause->origin : (Origin){},
                                                     .directive = cause->origin ? cause->directive : NULL };
        if (!p->paths[p->n_paths - 1].path)
                return -ENOMEM;
        r = landlock_rights_to_text(access, p->handled_fs, &rights);
        if (r < 0)
                return r;
        names = except ? strv_join(except, " ") : NULL;
        return policy_rules_add(&p->rules, cause->origin,
                                except ? "allow %s on the entries of %s without %s%s" : "allow %s below %s%s%s", rights, path,
                                strempty(names), cause->missing_ok ? ", which may be missing" : "");
}

/* Below path there are places that lack some of rights: those of the answer. */
static uint64_t lost_below(const Build *b, const char *path, uint64_t rights) {
        uint64_t lost = 0;

        for (size_t i = 0; i < b->places->n; i++) {
                const char *rest = path_below(b->places->items[i].path, path);

                if (rest && *rest)
                        lost |= rights & ~b->places->items[i].want;
        }
        return lost & ~LANDLOCK_ACCESS_FS_READ_DIR;
}

/* The entries of path that lead to places which lack right. */
static int names_without(const Build *b, const char *path, uint64_t right, char ***ret) {
        _cleanup_strv_ char **names = NULL;

        for (size_t i = 0; i < b->places->n; i++) {
                const char *rest = path_below(b->places->items[i].path, path);
                _cleanup_free_ char *name = NULL;
                int r;

                if (!rest || !*rest || (b->places->items[i].want & right))
                        continue;
                name = strndup(rest, strcspn(rest, "/"));
                if (!name)
                        return -ENOMEM;
                if (strv_contains(names, name))
                        continue;
                r = strv_extend(&names, name);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(names);
        return 0;
}

static const Place *place_at(const Build *b, const char *path) {
        for (size_t i = 0; i < b->places->n; i++)
                if (streq(b->places->items[i].path, path))
                        return b->places->items + i;
        return NULL;
}

static int enumerate(const Build *b, const char *path, uint64_t rights, const Place *cause, unsigned depth);

/* Directories between path and a protected place: their other entries have the right, too. */
static int descend(const Build *b, const char *path, char *const *names, uint64_t right, const Place *cause, unsigned depth) {
        for (char *const *n = names; n && *n; n++) {
                _cleanup_free_ char *child = NULL;
                int r = str_append(&child, "%s/%s", streq(path, "/") ? "" : path, *n);

                if (r >= 0 && !place_at(b, child)) /* a place speaks for itself */
                        r = enumerate(b, child, right, cause, depth + 1);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Rights with the same exceptions make one rule. */
static int enumerate(const Build *b, const char *path, uint64_t rights, const Place *cause, unsigned depth) {
        if (depth > 4096)
                return -ELOOP;
        while (rights) {
                const uint64_t first = rights & -rights;
                _cleanup_strv_ char **names = NULL;
                uint64_t together = 0;
                int r;

                r = names_without(b, path, first, &names);
                for (uint64_t bit = first; r >= 0 && bit <= FS_ALL; bit <<= 1) {
                        _cleanup_strv_ char **others = NULL;

                        if (!(rights & bit))
                                continue;
                        r = names_without(b, path, bit, &others);
                        if (r >= 0 && strv_equal(names, others))
                                together |= bit;
                }
                if (r >= 0) {
                        char **copy = strv_copy(names);

                        r = names && !copy ? -ENOMEM : add_rule(b, path, together, copy, cause);
                }
                if (r >= 0)
                        r = descend(b, path, names, together, cause, depth);
                if (r < 0)
                        return r;
                rights &= ~together;
        }
        return 0;
}

/* The protections below a writable place that are left to the mounts. */
static int leave_unsaid(const Build *b, const Place *p, uint64_t lost) {
        for (size_t i = 0; i < b->places->n; i++) {
                const Place *q = b->places->items + i;
                const char *rest = path_below(q->path, p->path);
                int r;

                if (!rest || !*rest || q->kernel || !(lost & ~q->want) || !q->directive)
                        continue;
                r = policy_rules_add(&b->policy->unsaid, q->origin,
                                     "%s=%s lies below %s, which is writable: Landlock cannot take a right away again; the "
                                     "mount enforces it",
                                     q->directive, q->path, p->path);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_place(const Build *b, const Place *p) {
        const uint64_t want = p->want & b->policy->handled_fs, lost = lost_below(b, p->path, want);
        int r;

        if (want & LANDLOCK_ACCESS_FS_WRITE_FILE) {
                r = leave_unsaid(b, p, lost);
                return r < 0 ? r : add_rule(b, p->path, want, NULL, p);
        }
        r = add_rule(b, p->path, want & ~lost, NULL, p);
        return r < 0 ? r : enumerate(b, p->path, lost, p, 0);
}

/* --- network and scopes */

static int compile_network(const ContainerSpec *spec, PolicySet *set) {
        const uint64_t families = address_families_of(spec, set);
        const Origin *restricted = container_spec_origin(spec, DIRECTIVE_RestrictAddressFamilies);
        LandlockPolicy *p = &set->landlock;
        int r;

        r = landlock_ports_compile(spec, set);
        if (r >= 0 && (p->handled_net & LANDLOCK_ACCESS_NET_CONNECT_TCP))
                r = policy_rules_add(&p->rules, restricted, "deny bind and connect of TCP");
        else if (r >= 0 && p->handled_net)
                r = policy_rules_add(&p->rules, container_spec_origin(spec, DIRECTIVE_SocketBindDeny), "deny bind of TCP");
        else if (r >= 0 && p->abi < ABI_NETWORK && !address_families_have(families, AF_INET) && !address_families_have(families, AF_INET6))
                r = policy_rules_add(&p->unsaid, restricted, "no TCP needs Landlock ABI %d; the system call filter enforces it",
                                     ABI_NETWORK);
        for (size_t i = 0; r >= 0 && i < p->n_ports; i++)
                r = p->ports[i].first == p->ports[i].last
                            ? policy_rules_add(&p->rules, &p->ports[i].origin, "allow bind of TCP port %u", p->ports[i].first)
                            : policy_rules_add(&p->rules, &p->ports[i].origin, "allow bind of TCP ports %u-%u", p->ports[i].first,
                                               p->ports[i].last);
        return r;
}

static int compile_scopes(const ContainerSpec *spec, LandlockPolicy *p) {
        int r;

        if (p->abi < ABI_SCOPE) {
                r = policy_rules_add(&p->unsaid, NULL, "signals to whom the program did not start: need ABI %d", ABI_SCOPE);
                if (r < 0 || spec->private_network)
                        return r;
                return policy_rules_add(&p->unsaid, container_spec_origin(spec, DIRECTIVE_PrivateNetwork),
                                        "the host's abstract sockets: need ABI %d", ABI_SCOPE);
        }
        p->scoped = LANDLOCK_SCOPE_SIGNAL;
        r = policy_rules_add(&p->rules, NULL, "deny signals to whom the program did not start");
        if (r < 0 || spec->private_network) /* else the network namespace has none of the host's */
                return r;
        p->scoped |= LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET;
        return policy_rules_add(&p->rules, container_spec_origin(spec, DIRECTIVE_PrivateNetwork),
                                "deny abstract sockets of whom the program did not start");
}

/* --- what else is left to the mounts */

/* Rules stand on files, not on paths: the same file below two places has the rights of both. */
static int leave_aliases(const ContainerSpec *spec, LandlockPolicy *p) {
        int r = 0;

        for (size_t i = 0; i < spec->bind_paths.n; i++) {
                const BindMount *w = spec->bind_paths.items + i;
                const char *inside = spec->root_directory ? path_below(w->source, spec->root_directory) : NULL;

                for (size_t k = 0; r >= 0 && k < spec->bind_read_only_paths.n; k++) {
                        const BindMount *o = spec->bind_read_only_paths.items + k;

                        if (path_below(w->source, o->source))
                                r = policy_rules_add(&p->unsaid, &o->origin,
                                                     "BindReadOnlyPaths=%s shows files that BindPaths=%s makes writable: Landlock "
                                                     "knows them by no path; the mount enforces it",
                                                     o->destination, w->destination);
                }
                if (r >= 0 && spec->read_only && inside && !streq(inside, w->destination + 1))
                        r = policy_rules_add(&p->unsaid, container_spec_origin(spec, DIRECTIVE_ReadOnly),
                                             "ReadOnly=/%s shows files that BindPaths=%s makes writable: Landlock knows them by no "
                                             "path; the mount enforces it",
                                             inside, w->destination);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int compile_rest(const ContainerSpec *spec, LandlockPolicy *p) {
        int r = leave_aliases(spec, p);

        if (r >= 0 && p->abi < ABI_TRUNCATE)
                r = policy_rules_add(&p->unsaid, NULL, "truncation of what can only be read: needs ABI %d; the mounts enforce it",
                                     ABI_TRUNCATE);
        return r;
}

static void warn_of_mounts(const ContainerSpec *spec, const PolicySet *set, Diag *diag) {
        if (set->capabilities.bounding & (UINT64_C(1) << CAP_SYS_ADMIN))
                diag_warning(diag, ERROR_POLICY, container_spec_origin(spec, DIRECTIVE_AddCapability), "AddCapability",
                             "CAP_SYS_ADMIN mounts nothing: below Landlock nobody does; a container that has to mount is one with "
                             "Boot=yes or MandatoryAccessControl=no");
}

static int compile(const ContainerSpec *spec, int cache_fd, Diag *diag, PolicySet *set) {
        _cleanup_(places_done) Places places = {};
        LandlockPolicy *p = &set->landlock;
        const Build b = { spec, &places, p };
        int r;

        p->abi = MIN_OF(spec->mac.landlock_abi, (unsigned)LANDLOCK_ABI_KNOWN);
        if (p->abi < LANDLOCK_ABI_NEEDED) {
                p->abi = 0;
                return 0;
        }
        warn_of_mounts(spec, set, diag);
        p->handled_fs = handled_by(p->abi);
        r = places_collect(spec, set->capabilities.bounding & (UINT64_C(1) << CAP_MKNOD), &places);
        for (size_t i = 0; r >= 0 && i < places.n; i++)
                r = add_place(&b, places.items + i);
        if (r >= 0)
                r = compile_network(spec, set);
        if (r >= 0)
                r = compile_scopes(spec, p);
        return r < 0 ? r : compile_rest(spec, p);
}

static int render(const PolicySet *set, char **ret) {
        const LandlockPolicy *p = &set->landlock;
        _cleanup_free_ char *s = NULL, *handled = NULL;
        int r;

        if (p->abi == 0) {
                r = str_append(&s, "no ruleset\n");
                if (r >= 0)
                        *ret = TAKE_PTR(s);
                return r;
        }
        r = landlock_rights_to_text(p->handled_fs, p->handled_fs, &handled);
        if (r >= 0)
                r = str_append(&s, "abi %u\nhandled %s\n", p->abi, handled);
        for (size_t i = 0; r >= 0 && i < p->rules.n; i++)
                r = str_append(&s, "%s\n", p->rules.items[i].text);
        for (size_t i = 0; r >= 0 && i < p->unsaid.n; i++)
                r = str_append(&s, "unsaid: %s\n", p->unsaid.items[i].text);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

static const PolicyRules *rules(const PolicySet *set) {
        return &set->landlock.rules;
}

/* The text says all that the kernel is given. */
static void digest(const PolicySet *set, Digest *ret) {
        _cleanup_free_ char *text = NULL;

        if (render(set, &text) >= 0)
                digest_of(text, strlen(text), ret);
}

static void done(PolicySet *set) {
        LandlockPolicy *p = &set->landlock;

        policy_rules_done(&p->rules);
        policy_rules_done(&p->unsaid);
        for (size_t i = 0; i < p->n_paths; i++) {
                free(p->paths[i].path);
                (void)strv_free(p->paths[i].except);
        }
        free(p->paths);
        free(p->ports);
}

const PolicyBackend policy_backend_landlock = {
        .name = "landlock",
        .compile = compile,
        .render = render,
        .rules = rules,
        .digest = digest,
        .done = done,
        .compare = landlock_compare,
};
