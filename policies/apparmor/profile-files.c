/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A profile allows or says nothing: what wins within it is not the longest path but any rule that matches. So the tree
 * is cut into pieces that do not overlap, at every path where something changes, and each piece gets one rule. */
#include <linux/bpf.h>

#include "manager/base/string-list.h"
#include "policies/apparmor/profile-files.h"
#include "policies/apparmor/quote.h"
#include "policies/container-root.h"
#include "policies/rules.h"

typedef enum FileAccess {
        FILE_READ = 1 << 0,
        FILE_WRITE = 1 << 1,
        FILE_EXECUTE = 1 << 2,
        FILE_ALL = FILE_READ | FILE_WRITE | FILE_EXECUTE,
} FileAccess;

/* In the order in which people write them. Every exec inherits the profile. */
static const struct {
        FileAccess access;
        const char *letters;
} access_letters[] = {
        { FILE_EXECUTE, "m" }, { FILE_READ, "r" },    { FILE_WRITE, "wl" },
        { FILE_READ, "k" },    { FILE_EXECUTE, "ix" },
};

/* What the unit, or every container, says about a path and all below it. */
typedef enum AreaKind {
        AREA_MOUNT,  /* of the unit's; the root is one */
        AREA_KERNEL, /* a part of the kernel's own file systems */
        AREA_COVER,  /* decides about some access where other things are mounted */
        AREA_HIDDEN, /* nothing there is reached */
} AreaKind;

typedef struct Area {
        const char *path;   /* "" is the root */
        AreaKind kind;
        unsigned decides;   /* of AREA_COVER: about which access */
        unsigned access;    /* what there is then */
        const Origin *origin;
        const char *directive;
} Area;

typedef struct Areas {
        Area *items;
        size_t n, room;
        bool failed; /* no memory; asked once at the end */
} Areas;

static void add(Areas *l, Area area) {
        if (l->n == l->room) {
                size_t room = l->room == 0 ? 128 : 2 * l->room;
                Area *items = l->failed ? NULL : reallocarray(l->items, room, sizeof(Area));

                if (!items) {
                        l->failed = true;
                        return;
                }
                l->items = items;
                l->room = room;
        }
        l->items[l->n++] = area;
}

/* --- the kernel's own file systems: by name what a payload may read, nothing where no name stands */

static const char *const readable[] = {
        "/proc/buddyinfo", "/proc/cgroups", "/proc/cmdline", "/proc/cpuinfo", "/proc/crypto", "/proc/devices",
        "/proc/diskstats", "/proc/filesystems", "/proc/loadavg", "/proc/locks", "/proc/meminfo", "/proc/modules",
        "/proc/mounts", "/proc/net", "/proc/partitions", "/proc/pressure", "/proc/self", "/proc/softirqs", "/proc/stat",
        "/proc/swaps", "/proc/sys", "/proc/sysvipc", "/proc/thread-self", "/proc/uptime", "/proc/version",
        "/proc/vmstat", "/proc/zoneinfo",
        "/sys/block", "/sys/bus", "/sys/class", "/sys/dev", "/sys/devices", "/sys/fs", "/sys/hypervisor",
        "/sys/kernel/mm", "/sys/module",
};

/* A process's own directory is known by no name; and what is open of /dev. Huge pages that belong to no file are mapped
 * under the name of a root: that there is one above them, read-only or not, the mounts know. */
static const char *const fixed_rules[] = {
        "/ rw,",
        "/{proc,sys,dev,dev/fd}/ r,",
        "/sys/kernel/ r,",
        "/proc/[0-9]*/{,**} r,",
        ("owner /proc/[0-9]*/{,task/[0-9]*/}{autogroup,comm,coredump_filter,gid_map,loginuid,oom_adj,oom_score_adj,projid_map,"
         "sched,setgroups,timerslack_ns,uid_map} rw,"),
        "/dev/pts/{,*} rw,",
};

/* An init writes for processes of other users, and makes what its units expect in /dev. No node: that needs a
 * capability that it has not got. */
static const char *const boot_rules[] = {
        "/proc/[0-9]*/{,task/[0-9]*/}{comm,coredump_filter,gid_map,loginuid,oom_score_adj,setgroups,uid_map} rw,",
        "/dev/{.#*,core,console,hugepages/,hugepages/**,initctl,kmsg,log,tty[0-9]*} rwlk,",
};

static void add_kernel(Areas *l, const ContainerSpec *spec) {
        static const char *const closed[] = { "/dev", "/proc", "/sys" }, *const shared[] = { "/dev/mqueue", "/dev/shm" };
        const Origin *boot = container_spec_origin(spec, DIRECTIVE_Boot);

        for (size_t i = 0; i < ELEMENTSOF(closed); i++)
                add(l, (Area){ .path = closed[i], .kind = AREA_KERNEL });
        for (size_t i = 0; i < ELEMENTSOF(shared); i++)
                add(l, (Area){ .path = shared[i], .kind = AREA_KERNEL, .access = FILE_READ | FILE_WRITE });
        for (size_t i = 0; i < ELEMENTSOF(readable); i++)
                add(l, (Area){ .path = readable[i], .kind = AREA_KERNEL, .access = FILE_READ });
        if (spec->boot && spec->protect_control_groups != PROTECT_CGROUPS_YES && spec->protect_control_groups != PROTECT_CGROUPS_STRICT)
                add(l, (Area){ .path = "/sys/fs/cgroup", .kind = AREA_KERNEL, .access = FILE_READ | FILE_WRITE, .origin = boot });
        if (spec->boot && spec->private_network && spec->protect_kernel_tunables != TRISTATE_YES)
                add(l, (Area){ .path = "/proc/sys/net", .kind = AREA_KERNEL, .access = FILE_READ | FILE_WRITE, .origin = boot });
        if (container_spec_binds_log(spec))
                add(l, (Area){ .path = "/dev/log", .kind = AREA_KERNEL, .access = FILE_READ | FILE_WRITE,
                               .origin = container_spec_origin(spec, DIRECTIVE_BindLogSockets) });
        for (const char *const *p = container_masked_paths; *p; p++)
                add(l, (Area){ .path = *p, .kind = AREA_HIDDEN });
}

/* --- what the unit mounts and covers */

static void add_binds(Areas *l, const value_binds *binds, unsigned access, const char *directive) {
        for (size_t i = 0; i < binds->n; i++) {
                const BindMount *b = binds->items + i;

                add(l, (Area){ .path = b->destination, .access = access & ~(b->noexec ? FILE_EXECUTE : 0U),
                               .origin = &b->origin, .directive = directive });
        }
}

static void add_tmpfs(Areas *l, const ContainerSpec *spec) {
        for (const ContainerTmpfs *t = container_writable_defaults; t->path; t++)
                add(l, (Area){ .path = t->path, .access = FILE_ALL });
        for (size_t i = 0; i < spec->temporary_file_system.n; i++) {
                const TmpfsMount *t = spec->temporary_file_system.items + i;

                add(l, (Area){ .path = t->path,
                               .access = FILE_ALL & ~((t->noexec ? FILE_EXECUTE : 0U) | (t->read_only ? FILE_WRITE : 0U)),
                               .origin = &t->origin, .directive = t->implied ? t->implied : "TemporaryFileSystem" });
        }
}

static void add_covers(Areas *l, const ContainerSpec *spec) {
        const struct {
                const value_paths *paths;
                const char *directive;
                AreaKind kind;
                unsigned decides, access;
        } rows[] = {
                { &spec->read_only_paths, "ReadOnlyPaths", AREA_COVER, FILE_WRITE, 0 },
                { &spec->read_write_paths, "ReadWritePaths", AREA_COVER, FILE_WRITE, FILE_WRITE },
                { &spec->exec_paths, "ExecPaths", AREA_COVER, FILE_EXECUTE, FILE_EXECUTE },
                { &spec->no_exec_paths, "NoExecPaths", AREA_COVER, FILE_EXECUTE, 0 },
                { &spec->inaccessible_paths, "InaccessiblePaths", AREA_HIDDEN, 0, 0 },
        };

        for (size_t k = 0; k < ELEMENTSOF(rows); k++)
                for (size_t i = 0; i < rows[k].paths->n; i++) {
                        const PathItem *p = rows[k].paths->items + i;

                        add(l, (Area){ .path = streq(p->path, "/") ? "" : p->path, .kind = rows[k].kind,
                                       .decides = rows[k].decides, .access = rows[k].access, .origin = &p->origin,
                                       .directive = p->implied ? p->implied : rows[k].directive });
                }
}

/* Of two of one path the later stands above the earlier, as mounts do. */
static int areas_of(const ContainerSpec *spec, Areas *l) {
        add(l, (Area){ .path = "", .access = spec->read_only ? FILE_READ | FILE_EXECUTE : FILE_ALL,
                       .origin = container_spec_origin(spec, DIRECTIVE_ReadOnly) });
        add_tmpfs(l, spec);
        add_binds(l, &spec->bind_paths, FILE_ALL, "BindPaths");
        add_binds(l, &spec->bind_read_only_paths, FILE_READ | FILE_EXECUTE, "BindReadOnlyPaths");
        add_kernel(l, spec);
        add_covers(l, spec);
        return l->failed ? -ENOMEM : 0;
}

static bool covers(const Area *a, const char *path) {
        const char *rest = startswith(path, a->path);

        return rest && (*rest == 0 || *rest == '/');
}

/* The last word on path: of the deepest area that may have one. */
static const Area *deepest(const Areas *l, const char *path, bool (*speaks)(const Area *a, unsigned access), unsigned access) {
        const Area *found = NULL;

        for (size_t i = 0; i < l->n; i++)
                if (speaks(l->items + i, access) && covers(l->items + i, path) &&
                    (!found || strlen(l->items[i].path) >= strlen(found->path)))
                        found = l->items + i;
        return found;
}

static bool is_mounted(const Area *a, unsigned access) {
        return a->kind == AREA_MOUNT || a->kind == AREA_KERNEL;
}

static bool is_cover(const Area *a, unsigned access) {
        return a->kind == AREA_COVER && (a->decides & access);
}

/* Whether the cover has the last word about access on what is mounted. One above it knows nothing of what it is:
 *
 * - a mount of the unit's says itself whether it is written to, and whether it is not executed from;
 * - a part of the kernel's file systems can be closed from above, and not be opened. */
static bool cover_wins(const Area *cover, const Area *mounted, unsigned access) {
        if (covers(mounted, cover->path))
                return true;
        if (mounted->kind == AREA_KERNEL)
                return !(cover->access & access);
        return access == FILE_EXECUTE && (mounted->access & FILE_EXECUTE);
}

/* What holds at path, and at everything below it that no other area changes; who said so. */
static unsigned access_at(const Areas *l, const char *path, const Area **ret_area) {
        const Area *mounted = deepest(l, path, is_mounted, 0);
        unsigned access = mounted->access;

        *ret_area = mounted;
        for (unsigned one = FILE_WRITE; one <= FILE_EXECUTE; one <<= 1) {
                const Area *cover = deepest(l, path, is_cover, one);

                if (!cover || access == 0 || !cover_wins(cover, mounted, one) || !((access ^ cover->access) & one))
                        continue;
                access = (access & ~one) | (cover->access & one);
                *ret_area = cover;
        }
        for (size_t i = 0; i < l->n; i++)
                if (l->items[i].kind == AREA_HIDDEN && covers(l->items + i, path)) {
                        *ret_area = l->items + i;
                        return 0;
                }
        return access;
}

/* --- the cuts: every area's path and all above it */

static int compare_paths(const void *a, const void *b) {
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static int cuts_of(const Areas *l, char ***ret) {
        _cleanup_strv_ char **cuts = NULL;
        size_t n = 0, room = 0;

        for (size_t i = 0; i < l->n; i++) {
                const char *path = l->items[i].path;

                for (size_t k = strlen(path);; k--)
                        if (k == 0 || path[k] == 0 || path[k] == '/') {
                                if (n + 1 >= room) {
                                        char **grown = reallocarray(cuts, room = 2 * room + 64, sizeof(char *));

                                        if (!grown)
                                                return -ENOMEM;
                                        cuts = grown;
                                }
                                cuts[n] = strndup(path, k);
                                if (!cuts[n])
                                        return -ENOMEM;
                                cuts[++n] = NULL;
                                if (k == 0)
                                        break;
                        }
        }
        qsort(cuts, n, sizeof(char *), compare_paths);
        for (size_t i = 1, k = 1; i <= n; i++) {
                if (i == n) {
                        cuts[k] = NULL;
                        break;
                }
                if (streq(cuts[i], cuts[k - 1]))
                        free(cuts[i]);
                else
                        cuts[k++] = cuts[i];
        }
        *ret = TAKE_PTR(cuts);
        return 0;
}

/* Names of what is cut out directly below cuts[at], pointing into cuts. They are sorted: those below a path follow it,
 * if not at once ("/a-b" comes before "/a/b"). */
static int names_below(char **cuts, size_t at, char ***ret, size_t *ret_n) {
        const size_t length = strlen(cuts[at]);
        char **names = NULL;
        size_t n = 0;

        for (char **c = cuts + at + 1; *c && startswith(*c, cuts[at]); c++) {
                char *name = *c + length + 1, **grown;

                if ((*c)[length] != '/' || strchr(name, '/'))
                        continue;
                grown = reallocarray(names, n + 1, sizeof(char *));
                if (!grown) {
                        free(names);
                        return -ENOMEM;
                }
                names = grown;
                names[n++] = name;
        }
        *ret = names;
        *ret_n = n;
        return 0;
}

static int letters_of(unsigned access, char **ret) {
        char *s = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(access_letters); i++)
                if (access & access_letters[i].access)
                        r = str_append(&s, "%s", access_letters[i].letters);
        if (r < 0) {
                free(s);
                return r;
        }
        *ret = s;
        return 0;
}

static int glob_of(char **cuts, size_t at, char **ret) {
        _cleanup_free_ char *quoted = NULL, *others = NULL, *s = NULL, **names = NULL;
        size_t n;
        int r;

        r = names_below(cuts, at, &names, &n);
        if (r >= 0 && *cuts[at])
                r = apparmor_quote(cuts[at], &quoted);
        if (r >= 0 && n > 0)
                r = apparmor_other_names(names, n, &others);
        if (r < 0)
                return r;
        if (n == 0)
                r = str_append(&s, "\"%s{,/,/**}\"", quoted);
        else if (quoted)
                r = str_append(&s, "\"%s{,/,/{%s}{,/,/**}}\"", quoted, others);
        else
                r = str_append(&s, "\"/{,{%s}{,/,/**}}\"", others);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

static int cannot_say(int r, const Area *area, Diag *diag) {
        if (r != -EINVAL)
                return r;
        return diag_error(diag, ERROR_POLICY, area->origin, area->directive,
                          "cannot be written in an AppArmor profile: '%s' has a control character; name it otherwise",
                          area->path);
}

static int cut_rule(const Areas *l, char **cuts, size_t at, Diag *diag, PolicyRules *rules) {
        _cleanup_free_ char *letters = NULL, *glob = NULL;
        const Area *area;
        const unsigned access = access_at(l, cuts[at], &area);
        int r;

        if (access == 0)
                return 0;
        r = letters_of(access, &letters);
        if (r >= 0)
                r = glob_of(cuts, at, &glob);
        if (r >= 0)
                r = policy_rules_add(rules, area->origin, "%s %s,", glob, letters);
        return cannot_say(r, area, diag);
}

/* --- beside the cuts: the fixed rules know no unit, so what it covers among them has to be denied in words. A read-only
 * mount leaves devices writable. */

static int deny(const Area *a, const char *path, const char *letters, PolicyRules *rules) {
        _cleanup_free_ char *quoted = NULL;
        int r;

        r = apparmor_quote(path, &quoted);
        return r < 0 ? r : policy_rules_add(rules, a->origin, "deny \"%s{,/,/**}\" %s,", quoted, letters);
}

static int deny_covered(const Areas *l, PolicyRules *rules, const Area **ret_guilty) {
        static const Area proc = { .path = "/proc" }, tops[] = { { .path = "/dev" }, { .path = "/proc" }, { .path = "/sys" } };
        const Area *above = deepest(l, "/proc", is_cover, FILE_WRITE);
        int r = 0;

        if (above && !(above->access & FILE_WRITE))
                r = deny(*ret_guilty = above, "/proc", "wl", rules);
        for (const Area *a = l->items; r >= 0 && a < l->items + l->n; a++) {
                *ret_guilty = a;
                if (is_cover(a, FILE_WRITE) && !(a->access & FILE_WRITE) && covers(&proc, a->path) && !streq(a->path, "/proc"))
                        r = deny(a, a->path, "wl", rules);
                for (size_t i = 0; r >= 0 && i < ELEMENTSOF(tops); i++)
                        if (a->kind == AREA_HIDDEN && a->directive && (covers(tops + i, a->path) || covers(a, tops[i].path)))
                                r = deny(a, covers(tops + i, a->path) ? a->path : tops[i].path, "mrwlkx", rules);
        }
        return r;
}

static int deny_in_kernel(const Areas *l, Diag *diag, PolicyRules *rules) {
        const Area *guilty = l->items;
        int r;

        r = deny_covered(l, rules, &guilty);
        return cannot_say(r, guilty, diag);
}

static int fixed(const char *const *list, size_t n, const Origin *origin, PolicyRules *rules) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = policy_rules_add(rules, origin, "%s", list[i]);
        return r;
}

static int device_rules(const ContainerSpec *spec, PolicyRules *rules) {
        int r = 0;

        for (const ContainerDevice *d = container_devices; r >= 0 && d->name; d++)
                r = policy_rules_add(rules, NULL, "/dev/%s rw,", d->name);
        for (size_t i = 0; r >= 0 && i < spec->n_device_rules; i++) {
                const DeviceRule *rule = spec->device_rules + i;
                _cleanup_free_ char *quoted = NULL;

                if (!rule->node)
                        continue;
                r = apparmor_quote(rule->node, &quoted);
                if (r >= 0)
                        r = policy_rules_add(rules, &rule->origin, "\"%s\" %s%s,", quoted, rule->access & BPF_DEVCG_ACC_READ ? "r" : "",
                                             rule->access & BPF_DEVCG_ACC_WRITE ? "w" : "");
        }
        return r;
}

int apparmor_file_rules(const ContainerSpec *spec, Diag *diag, PolicyRules *rules) {
        _cleanup_(freep) Area *owner = NULL;
        _cleanup_strv_ char **cuts = NULL;
        Areas areas = {};
        int r, result = 0;

        r = areas_of(spec, &areas);
        owner = areas.items;
        if (r >= 0)
                r = cuts_of(&areas, &cuts);
        if (r < 0)
                return r;
        for (size_t i = 0; cuts[i]; i++) {
                r = cut_rule(&areas, cuts, i, diag, rules);
                if (r < 0)
                        result = r;
        }
        r = fixed(fixed_rules, ELEMENTSOF(fixed_rules), NULL, rules);
        if (r >= 0)
                r = device_rules(spec, rules);
        if (r >= 0 && spec->boot)
                r = fixed(boot_rules, ELEMENTSOF(boot_rules), container_spec_origin(spec, DIRECTIVE_Boot), rules);
        if (r >= 0)
                r = deny_in_kernel(&areas, diag, rules);
        return r < 0 ? r : result;
}
