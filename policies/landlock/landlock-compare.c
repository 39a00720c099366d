/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A ruleset takes away what it handles and gives back what a rule allows; a path has what rules say of it and of any
 * directory above it. So both rulesets are asked about every path that either of them names. */
#include "manager/base/landlock-abi.h"
#include "manager/base/string-list.h"
#include "policies/landlock/landlock-compare.h"
#include "policies/landlock/landlock.h"

#define PORTS 65536

static const char *const net_names[] = { "bind", "connect" };
static const char *const scope_names[] = { "abstract sockets", "signals" };

/* How the rights of one kind are called. */
typedef struct Names {
        const char *const *words;
        size_t n;
        uint64_t handled; /* of files, which the rules have words for; then words is NULL */
} Names;
#define NAMES(list) ((Names){ list, ELEMENTSOF(list), 0 })

static int append_bits(char **s, uint64_t bits, Names names) {
        _cleanup_free_ char *text = NULL;
        int r = 0;

        if (!names.words) {
                r = landlock_rights_to_text(bits, names.handled, &text);
                return r < 0 ? r : str_append(s, " %s", text);
        }
        for (unsigned i = 0; r >= 0 && i < names.n; i++)
                if (bits >> i & 1)
                        r = str_append(s, " %s", names.words[i]);
        return r;
}

/* What is possible over there and not here is looser; the other way round tighter. */
static int tell(uint64_t before, uint64_t after, const Origin *from, const Origin *to, Names names, const char *what,
                PolicyChanges *changes) {
        const struct {
                PolicyDirection direction;
                const char *word;
                uint64_t bits;
        } sides[] = {
                { POLICY_TIGHTER, "no longer:", before & ~after },
                { POLICY_LOOSER, "allow", after & ~before },
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(sides); i++) {
                char *text = NULL;

                if (sides[i].bits == 0)
                        continue;
                r = str_append(&text, "%s", sides[i].word);
                if (r >= 0)
                        r = append_bits(&text, sides[i].bits, names);
                if (r >= 0)
                        r = str_append(&text, " %s", what);
                if (r < 0) {
                        free(text);
                        return r;
                }
                r = policy_changes_take(changes, sides[i].direction, from, to, text);
        }
        return r;
}

/* --- paths */

/* path is below directory, or it; *ret_rest what follows, "" for itself. */
static bool below(const char *path, const char *directory, const char **ret_rest) {
        const char *rest;

        if (streq(directory, "/")) {
                *ret_rest = path + 1;
                return true;
        }
        rest = startswith(path, directory);
        if (!rest || (*rest && *rest != '/'))
                return false;
        *ret_rest = rest + (*rest == '/');
        return true;
}

static bool rule_covers(const LandlockPathRule *rule, const char *path) {
        _cleanup_free_ char *first = NULL;
        const char *rest;

        if (!below(path, rule->path, &rest))
                return false;
        if (!rule->except)
                return true;
        first = strndup(rest, strcspn(rest, "/"));
        return first && *first && !strv_contains(rule->except, first); /* its entries, not itself */
}

static uint64_t allowed(const LandlockPolicy *l, const char *path, const Origin **origin) {
        uint64_t bits = ~l->handled_fs;

        for (size_t i = 0; i < l->n_paths; i++)
                if (rule_covers(l->paths + i, path)) {
                        bits |= l->paths[i].access;
                        if (streq(l->paths[i].path, path) || !*origin)
                                *origin = &l->paths[i].origin;
                }
        return bits;
}

static int compare_strings(const void *a, const void *b) {
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_probe(char ***probes, const char *path) {
        return strv_contains(*probes, path) ? 0 : strv_extend(probes, path);
}

static int collect_probes(const LandlockPolicy *l, char ***probes) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < l->n_paths; i++) {
                const LandlockPathRule *rule = l->paths + i;

                r = add_probe(probes, rule->path);
                for (char *const *name = rule->except; r >= 0 && name && *name; name++) {
                        _cleanup_free_ char *path = NULL;

                        r = str_append(&path, "%s/%s", streq(rule->path, "/") ? "" : rule->path, *name);
                        if (r >= 0)
                                r = add_probe(probes, path);
                }
                if (r >= 0 && rule->except) { /* an entry that is not excepted; no file has this name */
                        _cleanup_free_ char *path = NULL;

                        r = str_append(&path, "%s/*", streq(rule->path, "/") ? "" : rule->path);
                        if (r >= 0)
                                r = add_probe(probes, path);
                }
        }
        return r;
}

/* A rule of its entries alone, in either ruleset: then what is asked about the directory holds for it and nothing below. */
static bool split_at(const LandlockPolicy *l, const char *path) {
        for (size_t i = 0; i < l->n_paths; i++)
                if (l->paths[i].except && streq(l->paths[i].path, path))
                        return true;
        return false;
}

/* What changed for the nearest directory above that was asked about need not be told again. */
static size_t parent_of(const LandlockPolicy *a, const LandlockPolicy *b, char *const *probes, size_t at) {
        const char *rest;

        for (size_t i = at; i-- > 0;)
                if (!endswith(probes[i], "/*") && !split_at(a, probes[i]) && !split_at(b, probes[i]) &&
                    below(probes[at], probes[i], &rest))
                        return i;
        return at;
}

static int compare_paths(const LandlockPolicy *a, const LandlockPolicy *b, uint64_t known, PolicyChanges *changes) {
        _cleanup_strv_ char **probes = NULL;
        _cleanup_free_ uint64_t *gained = NULL, *lost = NULL;
        size_t n;
        int r;

        r = add_probe(&probes, "/");
        if (r >= 0)
                r = collect_probes(a, &probes);
        if (r >= 0)
                r = collect_probes(b, &probes);
        if (r < 0)
                return r;
        n = strv_length(probes);
        qsort(probes, n, sizeof(char *), compare_strings);
        gained = calloc(n, sizeof(uint64_t));
        lost = calloc(n, sizeof(uint64_t));
        if (!gained || !lost)
                return -ENOMEM;
        for (size_t i = 0; r >= 0 && i < n; i++) {
                const Origin *from = NULL, *to = NULL;
                uint64_t before = allowed(a, probes[i], &from) & known, after = allowed(b, probes[i], &to) & known;
                _cleanup_free_ char *what = NULL;
                size_t parent = parent_of(a, b, probes, i);
                uint64_t told_gained = parent == i ? 0 : gained[parent], told_lost = parent == i ? 0 : lost[parent];

                gained[i] = after & ~before;
                lost[i] = before & ~after;
                if (split_at(a, probes[i]) || split_at(b, probes[i]))
                        r = str_append(&what, "on %s itself", probes[i]);
                else
                        r = str_append(&what, "%s %s", streq(probes[i], "/") ? "below" : "on", probes[i]);
                if (r >= 0)
                        r = tell(lost[i] & ~told_lost, gained[i] & ~told_gained, from, to,
                                 (Names){ .handled = known }, what, changes);
        }
        return r;
}

/* --- ports */

static uint64_t port_access(const LandlockPolicy *l, unsigned port, const Origin **origin) {
        uint64_t bits = ~l->handled_net;

        for (size_t i = 0; i < l->n_ports; i++)
                if (port >= l->ports[i].first && port <= l->ports[i].last) {
                        bits |= l->ports[i].access;
                        *origin = &l->ports[i].origin;
                }
        return bits;
}

/* Who closed the ports that no rule opens. */
static const Origin *closed_by(const ContainerSpec *spec) {
        const Origin *o = container_spec_origin(spec, DIRECTIVE_SocketBindDeny);

        return o->file ? o : container_spec_origin(spec, DIRECTIVE_RestrictAddressFamilies);
}

/* Neighbours of one kind are one change. */
static int compare_ports(const PolicySet *x, const PolicySet *y, uint64_t known, PolicyChanges *changes) {
        const LandlockPolicy *a = &x->landlock, *b = &y->landlock;
        unsigned first = 0;
        int r = 0;

        for (unsigned port = 0; r >= 0 && port < PORTS; port++) {
                const Origin *from = NULL, *to = NULL, *unused = NULL;
                uint64_t before = port_access(a, port, &from) & known, after = port_access(b, port, &to) & known;
                _cleanup_free_ char *what = NULL;

                if (port + 1 < PORTS && (port_access(a, port + 1, &unused) & known) == before &&
                    (port_access(b, port + 1, &unused) & known) == after)
                        continue;
                if (before != after) {
                        r = first == port ? str_append(&what, "on TCP port %u", port)
                                          : str_append(&what, "on TCP ports %u-%u", first, port);
                        if (r >= 0)
                                r = tell(before, after, from ? from : closed_by(x->spec), to ? to : closed_by(y->spec),
                                         NAMES(net_names), what, changes);
                }
                first = port + 1;
        }
        return r;
}

int landlock_compare(const PolicySet *before, const PolicySet *after, PolicyChanges *changes) {
        const LandlockPolicy *a = &before->landlock, *b = &after->landlock;
        int r;

        r = compare_paths(a, b, a->handled_fs | b->handled_fs, changes);
        if (r >= 0)
                r = compare_ports(before, after, a->handled_net | b->handled_net, changes);
        if (r >= 0)
                r = tell(~a->scoped & (a->scoped | b->scoped), ~b->scoped & (a->scoped | b->scoped), NULL, NULL,
                         NAMES(scope_names), "out of the container", changes);
        return r;
}
