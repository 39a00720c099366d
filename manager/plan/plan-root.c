/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <linux/bpf.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/stat.h>

#include "manager/base/string-list.h"
#include "manager/plan/plan-build.h"
#include "policies/container-root.h"
#include "policies/selinux/selinux.h"

#define SAFE (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
#define SAFE_NOEXEC (SAFE | MOUNT_ATTR_NOEXEC)

static int16_t new_file_system(PlanWriter *w, Actor actor, const char *type, uint64_t attributes,
                               const char *const *options) {
        int16_t slot = plan_add_slot(w, SLOT_MADE, type, NULL, 0);

        plan_add_step(w, STEP_NEW_FILE_SYSTEM, actor,
                      (StepOperands){ .slot1 = SLOT(slot), .s = type, .t_ref = plan_add_list(w, options),
                                      .a = attributes });
        return slot;
}
#define OPTIONS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* The same for those whose files take the container's label from the mount. A proc, sysfs or cgroup2 keeps the labels that
 * the kernel gives, and no mqueue of a user namespace may have another (the policy names its files). */
static int16_t new_labelled(PlanWriter *w, Actor actor, const char *type, uint64_t attributes, const char *const *options,
                            const PlanParameters *p) {
        _cleanup_free_ char *context = NULL;
        const char *all[16] = {};
        size_t n = 0;

        for (; options[n] && n + 2 < ELEMENTSOF(all); n++)
                all[n] = options[n];
        if (options[n])
                w->error = -E2BIG;
        if (p->labels.selinux_file_context) {
                if (asprintf(&context, "context=%s", p->labels.selinux_file_context) < 0)
                        w->error = -ENOMEM;
                all[n] = context;
        }
        return new_file_system(w, actor, type, attributes, all);
}

/* hidepid= by number: the words are younger (5.8) than the meaning. */
static void new_proc(PlanWriter *w, const ContainerSpec *spec, RootSlots *slots) {
        static const char *const hidden[_PROTECT_PROC_MAX] = {
                [PROTECT_PROC_NOACCESS] = "hidepid=1",
                [PROTECT_PROC_INVISIBLE] = "hidepid=2",
                [PROTECT_PROC_PTRACEABLE] = "hidepid=4",
        };
        const char *options[3] = {};
        size_t n = 0;

        if (hidden[spec->protect_proc])
                options[n++] = hidden[spec->protect_proc];
        if (spec->proc_subset == PROC_SUBSET_PID)
                options[n++] = "subset=pid";
        plan_origin_row(w, spec, spec->protect_proc != PROTECT_PROC_DEFAULT ? DIRECTIVE_ProtectProc : DIRECTIVE_ProcSubset);
        slots->proc = new_file_system(w, ACTOR_INNER, "proc", SAFE_NOEXEC, n > 0 ? options : NULL);
        plan_origin_none(w);
}

#define MEBIBYTE (UINT64_C(1) << 20)

/* Those whose content depends on the namespaces of who mounts them. */
void plan_inner_file_systems(PlanWriter *w, const ContainerSpec *spec, const PlanParameters *p, RootSlots *slots) {
        const bool groups_closed = !spec->boot || spec->protect_control_groups == PROTECT_CGROUPS_YES ||
                                   spec->protect_control_groups == PROTECT_CGROUPS_STRICT;
        const uint64_t cgroup_attributes = SAFE_NOEXEC | (groups_closed ? MOUNT_ATTR_RDONLY : 0);
        char shm_size[32];

        new_proc(w, spec, slots);
        if (spec->private_network) {
                plan_origin_row(w, spec, DIRECTIVE_PrivateNetwork);
                slots->sys = new_file_system(w, ACTOR_INNER, "sysfs", SAFE_NOEXEC | MOUNT_ATTR_RDONLY, NULL);
                plan_origin_none(w);
        }
        plan_origin_row(w, spec, DIRECTIVE_ProtectControlGroups);
        slots->cgroup = new_file_system(w, ACTOR_INNER, "cgroup2", cgroup_attributes, NULL);
        plan_origin_none(w);
        slots->devpts = new_labelled(w, ACTOR_INNER, "devpts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
                                     OPTIONS("newinstance", "ptmxmode=0666", "mode=0620", "gid=5"), p);
        (void)snprintf(shm_size, sizeof(shm_size), spec->shm_size % MEBIBYTE == 0 ? "size=%llum" : "size=%llu",
                       (unsigned long long)(spec->shm_size % MEBIBYTE == 0 ? spec->shm_size / MEBIBYTE : spec->shm_size));
        plan_origin_row(w, spec, DIRECTIVE_ShmSize);
        slots->shm = new_labelled(w, ACTOR_INNER, "tmpfs", SAFE_NOEXEC, OPTIONS("mode=1777", shm_size), p);
        plan_origin_none(w);
        slots->mqueue = new_file_system(w, ACTOR_INNER, "mqueue", SAFE_NOEXEC, NULL);
        /* The container's own may have no settings in it. */
        plan_sysctls(w, spec, spec->sysctl.n > 0 && spec->proc_subset == PROC_SUBSET_PID ?
                                      new_file_system(w, ACTOR_INNER, "proc", SAFE_NOEXEC, NULL) :
                                      slots->proc);
}

static void attach(PlanWriter *w, int16_t slot, const char *path, unsigned type, unsigned flags, uint64_t d) {
        plan_add_step(w, STEP_MAKE_MOUNTPOINT, ACTOR_OUTER,
                      (StepOperands){ .slot1 = SLOT(slot), .s = path, .a = type, .d = d & PLAN_NO_SYMLINKS, .flags = flags });
        plan_add_step(w, STEP_ATTACH, ACTOR_OUTER,
                      (StepOperands){ .slot1 = SLOT(slot), .s = path, .d = d, .flags = flags });
}

static bool is_standard(const char *name) {
        for (const ContainerDevice *d = container_devices; d->name; d++)
                if (streq(d->name, name))
                        return true;
        for (const ContainerDeviceLink *l = container_device_links; l->name; l++)
                if (streq(l->name, name))
                        return true;
        return startswith(name, "pts/") || startswith(name, "shm/") || startswith(name, "mqueue/");
}

/* An earlier rule makes it, or the directory. */
static bool is_made_before(const ContainerSpec *spec, size_t i, const char *path, size_t n) {
        for (size_t k = 0; k < i; k++) {
                const char *other = spec->device_rules[k].node;

                if (other && strncmp(other, path, n) == 0 && (other[n] == 0 || other[n] == '/'))
                        return true;
        }
        return false;
}

/* A node that DeviceAllow= names, with the directories on its way; owner is the container's root, and the mode the host's
 * as far as the line lets it be. */
static void make_unit_node(PlanWriter *w, const ContainerSpec *spec, size_t i, int16_t dev) {
        const DeviceRule *rule = spec->device_rules + i;
        const char *name = rule->node ? rule->node + strlen("/dev/") : NULL;
        const unsigned mode = rule->mode & ((rule->access & BPF_DEVCG_ACC_READ ? 0444U : 0) | (rule->access & BPF_DEVCG_ACC_WRITE ? 0222U : 0));

        if (!name || is_standard(name) || is_made_before(spec, i, rule->node, strlen(rule->node)))
                return;
        plan_origin(w, &rule->origin, "DeviceAllow");
        for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
                char directory[PATH_MAX];

                (void)snprintf(directory, sizeof(directory), "%.*s", (int)(slash - name), name);
                if (!is_made_before(spec, i, rule->node, (size_t)(slash - rule->node)))
                        plan_add_step(w, STEP_MAKE_DIRECTORY, ACTOR_OUTER, (StepOperands){ .slot1 = SLOT(dev), .s = directory, .a = 0755 });
        }
        plan_add_step(w, STEP_MAKE_NODE, ACTOR_OUTER,
                      (StepOperands){ .slot1 = SLOT(dev), .s = name, .a = mode | (rule->block ? S_IFBLK : 0),
                                      .b = (uint64_t)rule->major << 32 | rule->minor });
}

/* A /dev of the unit's own: nodes that outer makes as the container's root in a tmpfs of the host's user namespace,
 * where they work; nobody inside can make more. */
static void make_dev(PlanWriter *w, const ContainerSpec *spec, const PlanParameters *p, RootSlots *slots) {
        static const char *const directories[] = { "pts", "shm", "mqueue", PLAN_MASK_HOME };
        char uid[32], gid[32];

        (void)snprintf(uid, sizeof(uid), "uid=%u", p->id_count > 0 ? p->id_base : 0);
        (void)snprintf(gid, sizeof(gid), "gid=%u", p->id_count > 0 ? p->id_base : 0);
        slots->dev = new_labelled(w, ACTOR_OUTER, "tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
                                  OPTIONS("mode=0755", "size=4m", "nr_inodes=4096", uid, gid), p);
        for (const ContainerDevice *d = container_devices; d->name; d++)
                plan_add_step(w, STEP_MAKE_NODE, ACTOR_OUTER,
                              (StepOperands){ .slot1 = SLOT(slots->dev), .s = d->name, .a = d->mode,
                                              .b = (uint64_t)d->major << 32 | d->minor });
        for (size_t i = 0; i < spec->n_device_rules; i++)
                make_unit_node(w, spec, i, slots->dev);
        plan_origin_none(w);
        for (const ContainerDeviceLink *l = container_device_links; l->name; l++)
                plan_add_step(w, STEP_MAKE_SYMLINK, ACTOR_OUTER,
                              (StepOperands){ .slot1 = SLOT(slots->dev), .s = l->name, .t = l->target });
        for (size_t i = 0; i < ELEMENTSOF(directories); i++)
                plan_add_step(w, STEP_MAKE_DIRECTORY, ACTOR_OUTER,
                              (StepOperands){ .slot1 = SLOT(slots->dev), .s = directories[i], .a = 0755 });
        plan_add_step(w, STEP_MAKE_DIRECTORY, ACTOR_OUTER,
                      (StepOperands){ .slot1 = SLOT(slots->dev), .s = PLAN_MASK_DIRECTORY, .a = 0 });
        plan_add_step(w, STEP_MAKE_FILE, ACTOR_OUTER,
                      (StepOperands){ .slot1 = SLOT(slots->dev), .s = PLAN_MASK_FILE, .a = 0 });
}

/* --- what the unit mounts */

static unsigned depth_of(const char *path) {
        unsigned n = 0;

        for (; *path; path++)
                n += *path == '/';
        return n;
}

/* What is near the root comes first: a link from a file deep in /etc mostly leads into /run or /usr, and what is mounted there
 * later would hide it. */
static int unit_mount_compare(const void *a, const void *b) {
        const UnitMount *x = a, *y = b;
        const unsigned k = depth_of(x->path), l = depth_of(y->path);

        return k != l ? (k > l) - (k < l) : strcmp(x->path, y->path);
}

static size_t n_defaults(void) {
        size_t n = 0;

        while (container_writable_defaults[n].path)
                n++;
        return n;
}

static int unit_mounts_collect(const ContainerSpec *spec, UnitMount **ret, size_t *ret_n) {
        size_t room = spec->bind_paths.n + spec->bind_read_only_paths.n + spec->temporary_file_system.n +
                      n_defaults(),
               n = 0;
        UnitMount *m = calloc(room, sizeof(UnitMount));

        if (!m)
                return -ENOMEM;
        for (size_t i = 0; i < spec->bind_paths.n; i++, n++)
                m[n] = (UnitMount){ .path = spec->bind_paths.items[i].destination,
                                    .origin = &spec->bind_paths.items[i].origin,
                                    .directive = spec->bind_paths.items[i].directive ?: "BindPaths",
                                    .bind = &spec->bind_paths.items[i] };
        for (size_t i = 0; i < spec->bind_read_only_paths.n; i++, n++)
                m[n] = (UnitMount){ .path = spec->bind_read_only_paths.items[i].destination,
                                    .origin = &spec->bind_read_only_paths.items[i].origin,
                                    .directive = spec->bind_read_only_paths.items[i].directive ?: "BindReadOnlyPaths",
                                    .bind = &spec->bind_read_only_paths.items[i],
                                    .bind_read_only = true };
        for (size_t i = 0; i < spec->temporary_file_system.n; i++, n++)
                m[n] = (UnitMount){ .path = spec->temporary_file_system.items[i].path,
                                    .origin = &spec->temporary_file_system.items[i].origin,
                                    .directive = spec->temporary_file_system.items[i].implied ?
                                                         spec->temporary_file_system.items[i].implied :
                                                         "TemporaryFileSystem",
                                    .tmpfs = &spec->temporary_file_system.items[i] };
        for (const ContainerTmpfs *t = container_writable_defaults; t->path; t++) {
                bool taken = false;

                for (size_t j = 0; j < n; j++)
                        taken |= streq(m[j].path, t->path);
                if (!taken)
                        m[n++] = (UnitMount){ .path = t->path, .default_mode = t->mode };
        }
        qsort(m, n, sizeof(UnitMount), unit_mount_compare);
        *ret = m;
        *ret_n = n;
        return 0;
}

static int tmpfs_options(const TmpfsMount *t, char ***ret) {
        _cleanup_strv_ char **options = NULL;
        char *one = NULL;
        int r;

        r = asprintf(&one, "mode=%04o", t->mode == (mode_t)-1 ? 0755 : t->mode);
        r = r < 0 ? -ENOMEM : strv_push(&options, one);
        if (r >= 0 && t->size_permille > 0)
                r = asprintf(&one, "size=%u%%", t->size_permille / 10) < 0 ? -ENOMEM : strv_push(&options, one);
        else if (r >= 0 && t->size > 0 && t->size != UINT64_MAX)
                r = asprintf(&one, "size=%llu", (unsigned long long)t->size) < 0 ? -ENOMEM
                                                                                 : strv_push(&options, one);
        if (r >= 0 && t->inodes > 0 && t->inodes != UINT64_MAX)
                r = asprintf(&one, "nr_inodes=%llu", (unsigned long long)t->inodes) < 0
                            ? -ENOMEM
                            : strv_push(&options, one);
        if (r >= 0 && t->uid != UINT32_MAX)
                r = asprintf(&one, "uid=%u", t->uid) < 0 ? -ENOMEM : strv_push(&options, one);
        if (r >= 0 && t->gid != UINT32_MAX)
                r = asprintf(&one, "gid=%u", t->gid) < 0 ? -ENOMEM : strv_push(&options, one);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(options);
        return 0;
}

static uint64_t tmpfs_attributes(const TmpfsMount *t) {
        static const uint64_t atime[_TMPFS_ATIME_MAX] = {
                [TMPFS_RELATIME] = MOUNT_ATTR_RELATIME,
                [TMPFS_NOATIME] = MOUNT_ATTR_NOATIME,
                [TMPFS_STRICTATIME] = MOUNT_ATTR_STRICTATIME,
        };

        return atime[t->atime] | (t->nodiratime ? MOUNT_ATTR_NODIRATIME : 0) | (t->noexec ? MOUNT_ATTR_NOEXEC : 0) |
               (t->read_only ? MOUNT_ATTR_RDONLY : 0);
}

/* What is only read gets its label from an overlay; a writable tree was labelled on disk, and so is what several share. */
static bool is_labelled_by_overlay(const ContainerSpec *spec, const PlanParameters *p, const UnitMount *m) {
        return p->labels.selinux_file_context && m->bind && m->bind_read_only && m->bind->label == BIND_LABEL_OWN &&
               !selinux_bind_is_written(spec, m->bind);
}

/* Descriptors of the binds, and the tmpfs, which inner makes so that they belong to the container. */
static int unit_mounts_slots(PlanWriter *w, const ContainerSpec *spec, const PlanParameters *p, UnitMount *mounts, size_t n) {
        for (size_t i = 0; i < n; i++) {
                UnitMount *m = mounts + i;
                char name[64];

                m->directory_slot = -1;
                plan_origin(w, m->origin, m->directive);
                if (m->bind) {
                        (void)snprintf(name, sizeof(name), "%.60s", m->bind->destination);
                        m->slot = plan_add_slot(w, SLOT_TREE, name, m->bind->source,
                                                (m->bind->recursive ? STEP_FLAG_RECURSIVE : 0) |
                                                        (m->bind->missing_ok ? STEP_FLAG_OPTIONAL : 0));
                        if (is_labelled_by_overlay(spec, p, m))
                                m->directory_slot = plan_add_slot(w, SLOT_DIRECTORY, name, m->bind->source, STEP_FLAG_OPTIONAL);
                } else if (m->tmpfs) {
                        _cleanup_strv_ char **options = NULL;
                        int r = tmpfs_options(m->tmpfs, &options);

                        if (r < 0)
                                return r;
                        m->slot = new_labelled(w, ACTOR_INNER, "tmpfs",
                                               SAFE | (tmpfs_attributes(m->tmpfs) & ~(uint64_t)MOUNT_ATTR_RDONLY),
                                               (const char *const *)options, p);
                } else {
                        char mode[16];

                        (void)snprintf(mode, sizeof(mode), "mode=%s", m->default_mode);
                        m->slot = new_labelled(w, ACTOR_INNER, "tmpfs", SAFE, OPTIONS(mode, "size=10%"), p);
                }
        }
        return 0;
}

static unsigned optional_flag(const UnitMount *m) {
        return m->bind && m->bind->missing_ok ? STEP_FLAG_OPTIONAL : 0;
}

/* While the layers of overlays can still be named: before the root is entered. */
static void unit_mounts_attributes(PlanWriter *w, const ContainerSpec *spec, const PlanParameters *p,
                                   const UnitMount *mounts, size_t n, const RootSlots *slots) {
        for (size_t i = 0; i < n; i++) {
                const UnitMount *m = mounts + i;
                const uint64_t attributes = SAFE | (m->bind_read_only ? MOUNT_ATTR_RDONLY : 0) |
                                            (m->bind && m->bind->noexec ? MOUNT_ATTR_NOEXEC : 0);

                if (!m->bind)
                        continue;
                plan_origin(w, m->origin, m->directive);
                plan_add_step(w, STEP_SET_ATTRIBUTES, ACTOR_OUTER,
                              (StepOperands){ .slot1 = SLOT(m->slot),
                                              .a = attributes,
                                              .flags = optional_flag(m) |
                                                       (m->bind->recursive ? STEP_FLAG_RECURSIVE : 0) |
                                                       (m->bind->idmap && p->id_count > 0 ? STEP_FLAG_IDMAP : 0) });
                if (!is_labelled_by_overlay(spec, p, m))
                        continue;
                plan_add_step(w, STEP_SET_ATTRIBUTES, ACTOR_OUTER,
                              (StepOperands){ .slot1 = SLOT(m->directory_slot),
                                              .a = attributes,
                                              .flags = STEP_FLAG_OPTIONAL |
                                                       (m->bind->idmap && p->id_count > 0 ? STEP_FLAG_IDMAP : 0) });
                plan_add_step(w, STEP_OVERLAY, ACTOR_OUTER,
                              (StepOperands){ .slot1 = SLOT(m->slot), .s = p->labels.selinux_file_context,
                                              .a = attributes, .b = (uint64_t)slots->layers,
                                              .d = (uint64_t)m->directory_slot + 1,
                                              .flags = optional_flag(m) });
        }
}

static void unit_mounts_attach(PlanWriter *w, const UnitMount *mounts, size_t n) {
        for (size_t i = 0; i < n; i++) {
                const UnitMount *m = mounts + i;

                plan_origin(w, m->origin, m->directive);
                attach(w, m->slot, m->path, m->bind ? 0 : S_IFDIR, optional_flag(m),
                       m->bind || m->tmpfs ? PLAN_ALONE : 0);
        }
        /* Only now: what stands in them needed its mount points. */
        for (size_t i = 0; i < n; i++) {
                const UnitMount *m = mounts + i;

                if (!m->tmpfs || !m->tmpfs->read_only)
                        continue;
                plan_origin(w, m->origin, m->directive);
                plan_add_step(w, STEP_SET_ATTRIBUTES, ACTOR_OUTER, (StepOperands){ .slot1 = SLOT(m->slot), .a = MOUNT_ATTR_RDONLY });
        }
}

/* A socket that the manager has bound: writing to it is asked of its file, not of the mount. A command
 * that runs without the payload has nothing to say, and the socket is for one life. */
static void notify_slot(PlanWriter *w, const ContainerSpec *spec, const PlanParameters *p, RootSlots *slots) {
        slots->notify = -1;
        if (container_spec_notify_access(spec) == NOTIFY_ACCESS_NONE || plan_is_beside(p))
                return;
        plan_origin_row(w, spec, spec->notify_access == NOTIFY_ACCESS_UNSET ? DIRECTIVE_Type : DIRECTIVE_NotifyAccess);
        slots->notify = plan_add_slot(w, SLOT_NOTIFY, "notify", NULL, 0);
        plan_add_step(w, STEP_SET_ATTRIBUTES, ACTOR_OUTER,
                      (StepOperands){ .slot1 = SLOT(slots->notify), .a = SAFE_NOEXEC | MOUNT_ATTR_RDONLY });
        plan_origin_none(w);
}

static void notify_attach(PlanWriter *w, const ContainerSpec *spec, const RootSlots *slots) {
        if (slots->notify < 0)
                return;
        plan_origin_row(w, spec, spec->notify_access == NOTIFY_ACCESS_UNSET ? DIRECTIVE_Type : DIRECTIVE_NotifyAccess);
        attach(w, slots->notify, PLAN_NOTIFY_SOCKET, S_IFREG, 0, 0);
        plan_origin_none(w);
}

static DirectiveId credentials_row(const ContainerSpec *spec) {
        return spec->load_credential.n > 0 ? DIRECTIVE_LoadCredential :
               spec->set_credential.n > 0  ? DIRECTIVE_SetCredential :
                                             DIRECTIVE_ImportCredential;
}

/* The manager fills it when the launch is sent: no secret is in the plan. */
static void credentials_slot(PlanWriter *w, const ContainerSpec *spec, RootSlots *slots) {
        slots->credentials = -1;
        if (!container_spec_has_credentials(spec))
                return;
        plan_origin_row(w, spec, credentials_row(spec));
        slots->credentials = plan_add_slot(w, SLOT_CREDENTIALS, "credentials", NULL, 0);
        plan_add_step(w, STEP_SET_ATTRIBUTES, ACTOR_OUTER,
                      (StepOperands){ .slot1 = SLOT(slots->credentials), .a = SAFE_NOEXEC | MOUNT_ATTR_RDONLY });
        plan_origin_none(w);
}

static void credentials_attach(PlanWriter *w, const ContainerSpec *spec, const RootSlots *slots) {
        char path[sizeof(CREDENTIALS_BASE) + 128];

        if (slots->credentials < 0)
                return;
        plan_origin_row(w, spec, credentials_row(spec));
        (void)snprintf(path, sizeof(path), CREDENTIALS_BASE "/%s", spec->name);
        attach(w, slots->credentials, path, S_IFDIR, 0, false);
        plan_origin_none(w);
}

/* The same for syslog(3). Commands that run without the payload may have something to say, too. */
static void log_slot(PlanWriter *w, const ContainerSpec *spec, RootSlots *slots) {
        slots->log = -1;
        if (!container_spec_binds_log(spec))
                return;
        plan_origin_row(w, spec, DIRECTIVE_BindLogSockets);
        slots->log = plan_add_slot(w, SLOT_LOG, "log", NULL, 0);
        plan_add_step(w, STEP_SET_ATTRIBUTES, ACTOR_OUTER,
                      (StepOperands){ .slot1 = SLOT(slots->log), .a = SAFE_NOEXEC | MOUNT_ATTR_RDONLY });
        plan_origin_none(w);
}

static void log_attach(PlanWriter *w, const ContainerSpec *spec, const RootSlots *slots) {
        if (slots->log < 0)
                return;
        plan_origin_row(w, spec, DIRECTIVE_BindLogSockets);
        attach(w, slots->log, PLAN_LOG_SOCKET, S_IFREG, 0, PLAN_NO_SYMLINKS);
        plan_origin_none(w);
}

/* The manager's files, which nobody inside writes to. */
static void names_slots(PlanWriter *w, const ContainerSpec *spec, RootSlots *slots) {
        for (NameFile f = 0; f < _NAME_FILE_MAX; f++) {
                DirectiveId row;

                slots->names[f] = -1;
                if (!container_spec_gets_file(spec, f, &row))
                        continue;
                plan_origin_none(w);
                if (row != _DIRECTIVE_MAX)
                        plan_origin_row(w, spec, row);
                slots->names[f] = plan_add_slot(w, SLOT_NAMES, name_files[f].path, name_files[f].name, 0);
                plan_add_step(w, STEP_SET_ATTRIBUTES, ACTOR_OUTER,
                              (StepOperands){ .slot1 = SLOT(slots->names[f]), .a = SAFE_NOEXEC | MOUNT_ATTR_RDONLY });
                plan_origin_none(w);
        }
}

/* What no line asks for is left out where the root has no place for it: then its own file holds, if it has one. In the host's own
 * root, and in one that Volatile=state leaves as it is, nothing is made for a default. */
static void names_attach(PlanWriter *w, const ContainerSpec *spec, const RootSlots *slots) {
        const SpecRoot root = container_spec_root(spec);
        const bool closed = root.upper == ROOT_UPPER_NONE && (spec->volatile_mode == VOLATILE_STATE || streq(strempty(root.path), "/"));

        for (NameFile f = 0; f < _NAME_FILE_MAX; f++) {
                StepOperands o = { .slot1 = SLOT(slots->names[f]), .s = name_files[f].path, .d = PLAN_OVER_LINK };
                DirectiveId row;

                if (slots->names[f] < 0)
                        continue;
                (void)container_spec_gets_file(spec, f, &row);
                plan_origin_none(w);
                if (row != _DIRECTIVE_MAX)
                        plan_origin_row(w, spec, row);
                else
                        o.flags = STEP_FLAG_LENIENT;
                if (row != _DIRECTIVE_MAX || (name_files[f].made && !closed)) {
                        o.a = S_IFREG;
                        plan_add_step(w, STEP_MAKE_MOUNTPOINT, ACTOR_OUTER, o);
                        o.a = 0;
                }
                plan_add_step(w, STEP_ATTACH, ACTOR_OUTER, o);
                plan_origin_none(w);
        }
}

static void cover_read_only(PlanWriter *w, const char *path, unsigned flags) {
        int16_t slot = plan_add_slot(w, SLOT_MADE, path, NULL, 0);

        plan_add_step(w, STEP_CLONE_TREE, ACTOR_OUTER,
                      (StepOperands){ .slot1 = SLOT(slot), .s = path, .flags = flags | STEP_FLAG_RECURSIVE });
        plan_add_step(w, STEP_SET_ATTRIBUTES, ACTOR_OUTER,
                      (StepOperands){ .slot1 = SLOT(slot), .a = MOUNT_ATTR_RDONLY,
                                      .flags = flags | STEP_FLAG_RECURSIVE });
        plan_add_step(w, STEP_ATTACH, ACTOR_OUTER,
                      (StepOperands){ .slot1 = SLOT(slot), .s = path, .flags = flags });
}

static void cover_kernel_file_systems(PlanWriter *w, const ContainerSpec *spec, const RootSlots *slots) {
        int16_t net = -1;

        plan_origin_none(w);
        for (const char *const *p = container_masked_paths; *p; p++)
                plan_add_step(w, STEP_ATTACH_MASK, ACTOR_OUTER,
                              (StepOperands){ .slot1 = SLOT(slots->dev), .s = *p,
                                              .flags = STEP_FLAG_OPTIONAL });
        /* An init with a network of its own configures it. */
        if (spec->boot && spec->private_network && spec->protect_kernel_tunables != TRISTATE_YES) {
                net = plan_add_slot(w, SLOT_MADE, "/proc/sys/net", NULL, 0);
                plan_add_step(w, STEP_CLONE_TREE, ACTOR_OUTER,
                              (StepOperands){ .slot1 = SLOT(net), .s = "/proc/sys/net" });
        }
        for (const char *const *p = container_read_only_paths; *p; p++)
                cover_read_only(w, *p, STEP_FLAG_OPTIONAL);
        if (net >= 0)
                plan_add_step(w, STEP_ATTACH, ACTOR_OUTER,
                              (StepOperands){ .slot1 = SLOT(net), .s = "/proc/sys/net" });
}

static void mask_unit_paths(PlanWriter *w, const ContainerSpec *spec, const RootSlots *slots) {
        for (size_t i = 0; i < spec->inaccessible_paths.n; i++) {
                const PathItem *p = spec->inaccessible_paths.items + i;

                plan_origin(w, &p->origin, p->implied ? p->implied : "InaccessiblePaths");
                plan_add_step(w, STEP_ATTACH_MASK, ACTOR_OUTER,
                              (StepOperands){ .slot1 = SLOT(slots->dev), .s = p->path,
                                              .flags = p->missing_ok ? STEP_FLAG_OPTIONAL : 0 });
        }
}

/* Of the root directory only /usr, in a file system of the life's own, where the usual names lead into it. */
static void root_alone(PlanWriter *w, const ContainerSpec *spec, const PlanParameters *p, uint64_t attributes, const RootSlots *slots) {
        static const char *const names[] = { "bin", "sbin", "lib", "lib64" };
        static const struct {
                const char *name;
                unsigned mode;
        } directories[] = { { "etc", 0755 }, { "var", 0755 }, { "home", 0755 }, { "root", 0700 }, { "mnt", 0755 } };
        char target[16];

        plan_add_step(w, STEP_LAYERS, ACTOR_OUTER,
                      (StepOperands){ .slot1 = SLOT(slots->tree), .s_ref = plan_add_list(w, OPTIONS("usr")),
                                      .t = p->labels.selinux_file_context, .a = attributes | MOUNT_ATTR_RDONLY,
                                      .b = (uint64_t)slots->layers });
        plan_origin_row(w, spec, DIRECTIVE_Volatile);
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                (void)snprintf(target, sizeof(target), "usr/%s", names[i]);
                plan_add_step(w, STEP_MAKE_SYMLINK, ACTOR_OUTER,
                              (StepOperands){ .slot1 = SLOT(slots->root), .s = names[i], .t = target });
        }
        for (size_t i = 0; i < ELEMENTSOF(directories); i++)
                plan_add_step(w, STEP_MAKE_DIRECTORY, ACTOR_OUTER,
                              (StepOperands){ .slot1 = SLOT(slots->root), .s = directories[i].name, .a = directories[i].mode });
}

/* What is written goes to a layer in memory, and goes with it. */
static void root_upper(PlanWriter *w, const ContainerSpec *spec, const PlanParameters *p, const SpecRoot *root, uint64_t attributes,
                       const RootSlots *slots) {
        if (root->upper == ROOT_UPPER_ALONE)
                root_alone(w, spec, p, attributes, slots);
        else if (root->layers)
                plan_add_step(w, STEP_LAYERS, ACTOR_OUTER,
                              (StepOperands){ .slot1 = SLOT(slots->root), .s_ref = plan_add_list(w, (const char *const *)root->layers),
                                              .t = p->labels.selinux_file_context, .a = attributes,
                                              .b = (uint64_t)slots->layers, .c = 1 });
        else
                plan_add_step(w, STEP_OVERLAY, ACTOR_OUTER,
                              (StepOperands){ .slot1 = SLOT(slots->root), .s = p->labels.selinux_file_context, .a = attributes,
                                              .b = (uint64_t)slots->layers, .c = 1 });
}

/* The root is read-only from the start, but its topmost mount only at the end: mount points may be missing in it. */
static void root_attributes(PlanWriter *w, const ContainerSpec *spec, const PlanParameters *p, const RootSlots *slots) {
        const uint64_t attributes = MOUNT_ATTR_NODEV | (spec->no_new_privileges ? MOUNT_ATTR_NOSUID : 0);

        const SpecRoot root = container_spec_root(spec);

        plan_origin_row(w, spec, root.directive);
        plan_add_step(w, STEP_SET_ATTRIBUTES, ACTOR_OUTER,
                      (StepOperands){ .slot1 = SLOT(slots->tree),
                                      .a = attributes | (spec->read_only || root.upper != ROOT_UPPER_NONE ? MOUNT_ATTR_RDONLY : 0),
                                      .flags = STEP_FLAG_RECURSIVE | (p->id_count > 0 ? STEP_FLAG_IDMAP : 0) });
        if (root.upper != ROOT_UPPER_NONE)
                root_upper(w, spec, p, &root, attributes, slots);
        else if (!selinux_root_is_written(spec) && slots->layers >= 0) /* missing mount points are made in the upper layer */
                plan_add_step(w, STEP_OVERLAY, ACTOR_OUTER,
                              (StepOperands){ .slot1 = SLOT(slots->root), .s = p->labels.selinux_file_context,
                                              .a = attributes, .b = (uint64_t)slots->layers, .c = 1 });
        else if (spec->read_only)
                plan_add_step(w, STEP_SET_ATTRIBUTES, ACTOR_OUTER,
                              (StepOperands){ .slot1 = SLOT(slots->root), .b = MOUNT_ATTR_RDONLY });
}

#define INODES_PER_MEBIBYTE 256 /* a file of a page each */

/* Enough for the mount points that a unit needs where nothing else is ever written there; else as much as may be written. */
static void make_layers(PlanWriter *w, const ContainerSpec *spec, const PlanParameters *p, RootSlots *slots) {
        const SpecRoot root = container_spec_root(spec);
        const uint64_t bytes = spec->root_ephemeral_size;
        char size[40], inodes[40], uid[32], gid[32];

        slots->layers = -1;
        slots->tree = slots->root;
        (void)snprintf(size, sizeof(size), "size=%llu", (unsigned long long)bytes);
        (void)snprintf(inodes, sizeof(inodes), "nr_inodes=%llu",
                       (unsigned long long)MAX_OF(bytes / MEBIBYTE * INODES_PER_MEBIBYTE, (uint64_t)1024));
        plan_origin_row(w, spec, DIRECTIVE_RootEphemeralSize);
        if (root.upper == ROOT_UPPER_EPHEMERAL && !spec->read_only)
                slots->layers = new_labelled(w, ACTOR_OUTER, "tmpfs", SAFE_NOEXEC, OPTIONS("mode=0700", size, inodes), p);
        else if (p->labels.selinux_file_context || root.upper != ROOT_UPPER_NONE) {
                plan_origin_none(w);
                slots->layers = new_labelled(w, ACTOR_OUTER, "tmpfs", SAFE_NOEXEC,
                                             OPTIONS("mode=0700", "size=4m", "nr_inodes=16384"), p);
        }
        if (root.upper == ROOT_UPPER_ALONE) {
                (void)snprintf(uid, sizeof(uid), "uid=%u", p->id_count > 0 ? p->id_base : 0);
                (void)snprintf(gid, sizeof(gid), "gid=%u", p->id_count > 0 ? p->id_base : 0);
                plan_origin_row(w, spec, DIRECTIVE_RootEphemeralSize);
                slots->root = new_labelled(w, ACTOR_OUTER, "tmpfs",
                                           MOUNT_ATTR_NODEV | (spec->no_new_privileges ? MOUNT_ATTR_NOSUID : 0),
                                           OPTIONS("mode=0755", size, inodes, uid, gid), p);
        }
        plan_origin_none(w);
}

int plan_outer_root(PlanWriter *w, const ContainerSpec *spec, const PlanParameters *p, RootSlots *slots,
                    Diag *diag) {
        _cleanup_free_ UnitMount *mounts = NULL;
        size_t n = 0;
        int r;

        r = unit_mounts_collect(spec, &mounts, &n);
        if (r >= 0)
                r = unit_mounts_slots(w, spec, p, mounts, n);
        if (r < 0)
                return diag_errno(diag, ERROR_NO_MEMORY, NULL, NULL, -r, "cannot build the plan");
        plan_origin_none(w);
        plan_add_step(w, STEP_REACH, ACTOR_INNER, (StepOperands){ .a = SYNC_FILE_SYSTEMS_MADE });

        plan_origin_none(w);
        make_layers(w, spec, p, slots);
        root_attributes(w, spec, p, slots);
        unit_mounts_attributes(w, spec, p, mounts, n, slots);
        notify_slot(w, spec, p, slots);
        credentials_slot(w, spec, slots);
        log_slot(w, spec, slots);
        names_slots(w, spec, slots);
        plan_origin_none(w);
        make_dev(w, spec, p, slots);
        if (!spec->private_network) {
                plan_origin_row(w, spec, DIRECTIVE_PrivateNetwork);
                slots->sys = new_file_system(w, ACTOR_OUTER, "sysfs", SAFE_NOEXEC | MOUNT_ATTR_RDONLY, NULL);
                plan_origin_none(w);
        }
        plan_add_step(w, STEP_AWAIT, ACTOR_OUTER, (StepOperands){ .a = SYNC_FILE_SYSTEMS_MADE });
        plan_origin_row(w, spec, container_spec_root(spec).directive);
        plan_add_step(w, STEP_ENTER_ROOT, ACTOR_OUTER, (StepOperands){ .slot1 = SLOT(slots->root) });

        if (slots->tree != slots->root)
                attach(w, slots->tree, "/usr", S_IFDIR, 0, PLAN_NO_SYMLINKS);
        plan_origin_none(w);
        attach(w, slots->proc, "/proc", S_IFDIR, 0, PLAN_NO_SYMLINKS);
        attach(w, slots->sys, "/sys", S_IFDIR, 0, PLAN_NO_SYMLINKS);
        attach(w, slots->cgroup, "/sys/fs/cgroup", S_IFDIR, 0, PLAN_NO_SYMLINKS);
        attach(w, slots->dev, "/dev", S_IFDIR, 0, PLAN_NO_SYMLINKS);
        attach(w, slots->devpts, "/dev/pts", S_IFDIR, 0, PLAN_NO_SYMLINKS);
        if (slots->terminal >= 0)
                plan_add_step(w, STEP_OPEN_TERMINAL, ACTOR_OUTER,
                              (StepOperands){ .slot1 = SLOT(slots->terminal_socket),
                                              .a = spec->identity.uid + (p->id_count > 0 ? p->id_base : 0),
                                              .b = (uint64_t)slots->terminal, .c = p->rows, .d = p->columns });
        attach(w, slots->shm, "/dev/shm", S_IFDIR, 0, PLAN_NO_SYMLINKS);
        attach(w, slots->mqueue, "/dev/mqueue", S_IFDIR, 0, PLAN_NO_SYMLINKS);
        unit_mounts_attach(w, mounts, n);
        names_attach(w, spec, slots);
        notify_attach(w, spec, slots);
        credentials_attach(w, spec, slots);
        log_attach(w, spec, slots);
        cover_kernel_file_systems(w, spec, slots);

        plan_origin_row(w, spec, DIRECTIVE_ReadOnly);
        if (spec->read_only)
                plan_add_step(w, STEP_SET_ATTRIBUTES, ACTOR_OUTER,
                              (StepOperands){ .slot1 = SLOT(slots->root), .a = MOUNT_ATTR_RDONLY });
        plan_origin_none(w);
        if (!spec->boot)
                plan_add_step(w, STEP_SET_ATTRIBUTES, ACTOR_OUTER,
                              (StepOperands){ .slot1 = SLOT(slots->dev), .a = MOUNT_ATTR_RDONLY });
        /* Copies of the root's tree: made of it as it now is, read-only. */
        r = plan_cover_paths(w, spec, mounts, n, slots->root);
        if (r < 0)
                return diag_errno(diag, ERROR_NO_MEMORY, NULL, NULL, -r, "cannot build the plan");
        mask_unit_paths(w, spec, slots);
        plan_origin_none(w);
        plan_add_step(w, STEP_LOCK_MOUNTS, ACTOR_OUTER, (StepOperands){});
        plan_add_step(w, STEP_REACH, ACTOR_OUTER, (StepOperands){ .a = SYNC_ROOT_READY });
        return 0;
}
