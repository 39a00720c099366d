/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Speaks to the kernel by selinuxfs, procfs and netlink alone; what needs SELinux's libraries is the helper's. */
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/selinux_netlink.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "manager/base/io.h"
#include "manager/base/string-list.h"
#include "policies/selinux/mcs.h"
#include "policies/selinux/selinux-load.h"
#include "policies/selinux/selinux.h"
#include "units/resolve/resolve.h"

#define STORE "selinux"
#define CONTEXT_MAX 4096U
#define XATTR "security.selinux"

typedef struct Loader {
        McsStore store;
        int netlink; /* what watch() gave out */
        bool enforcing;
} Loader;

static void loader_done(void *data) {
        Loader *l = data;

        mcs_store_done(&l->store);
        (void)safe_close(l->netlink);
        free(l);
}

static void look_at_mode(Loader *l) {
        MacFacts facts = {};

        mac_facts_refresh(&facts);
        l->enforcing = facts.selinux_enforcing;
}

static int loader_of(PolicyHost *h, Diag *diag, Loader **ret) {
        void **slot = policy_host_slot(h, &policy_loader_selinux, loader_done);
        Loader *l = *slot;
        int r;

        if (!l) {
                l = malloc(sizeof(*l));
                if (!l)
                        return -ENOMEM;
                *l = (Loader){ .netlink = -EBADF };
                look_at_mode(l);
                r = mcs_load(policy_host_config(h)->state_fd, STORE, diag, &l->store);
                if (r < 0) {
                        loader_done(l);
                        return r;
                }
                *slot = l;
        }
        *ret = l;
        return 0;
}

static bool used(const ContainerSpec *spec) {
        return spec->mac.selinux;
}

static int save(PolicyHost *h, const Loader *l) {
        return mcs_save(&l->store, policy_host_config(h)->state_fd, STORE);
}

/* --- contexts */

/* The policy in the kernel takes what is written here, or it is no context; and answers how it writes the same itself, which
 * is what processes and files will show ("c1,c2" for "c1.c2"). */
static bool context_look(const char *context, char **ret) {
        _cleanup_close_ int fd = open("/sys/fs/selinux/context", O_RDWR | O_CLOEXEC);
        char text[CONTEXT_MAX];
        ssize_t n;

        if (fd < 0 || write(fd, context, strlen(context) + 1) < 0)
                return false;
        n = read(fd, text, sizeof(text) - 1);
        if (n <= 0)
                return false;
        text[n] = 0;
        *ret = strdup(text);
        return *ret;
}

static bool context_known(const char *context) {
        _cleanup_free_ char *text = NULL;

        return context_look(context, &text);
}

/* One domain alone can be made permissive. The kernel's answer to what a domain may do ends with flags, and the first of
 * them says so; which class is asked about does not matter. */
static bool domain_is_permissive(const char *context) {
        _cleanup_close_ int fd = open("/sys/fs/selinux/access", O_RDWR | O_CLOEXEC);
        _cleanup_free_ char *question = NULL;
        char answer[128];
        unsigned flags;
        ssize_t n;

        if (fd < 0 || str_append(&question, "%s %s 1", context, context) < 0 || write(fd, question, strlen(question)) < 0)
                return false;
        n = read(fd, answer, sizeof(answer) - 1);
        if (n <= 0)
                return false;
        answer[n] = 0;
        return sscanf(answer, "%*x %*x %*x %*x %*u %x", &flags) == 1 && (flags & 1U);
}

/* *context becomes what the kernel writes for it. */
static bool context_canonical(char **context) {
        char *text = NULL;

        if (!context_look(*context, &text))
                return false;
        free(*context);
        *context = text;
        return true;
}

/* USER:ROLE:TYPE is the part before the third colon. */
static const char *level_of(const char *context) {
        for (unsigned i = 0; context && i < 3; i++) {
                context = strchr(context, ':');
                if (context)
                        context++;
        }
        return strempty(context);
}

/* Files of a process with a range have its lower end. */
static int file_context(const SELinuxPolicy *p, const char *level, char **ret) {
        return str_append(ret, "system_u:object_r:%s:%.*s", p->file_type, (int)strcspn(level, "-"), level);
}

/* Of what several share. Where the unit names a type, that decides. */
static int shared_context(const SELinuxPolicy *p, char **ret) {
        return str_append(ret, "system_u:object_r:%s:s0", streq(p->file_type, SELINUX_FILE_TYPE) ? SELINUX_SHARE_TYPE : p->file_type);
}

/* The level is the unit's, or a pair that is kept for it. */
static int choose_level(PolicyHost *h, const PolicyClient *client, Diag *diag, char **ret) {
        const SELinuxPolicy *p = &client->set->selinux;
        char own[MCS_LEVEL_SIZE];
        McsEntry *e = NULL;
        bool is_new;
        Loader *l;
        int r;

        if (p->context || p->level)
                return str_append(ret, "%s", p->context ? level_of(p->context) : p->level);
        r = loader_of(h, diag, &l);
        if (r >= 0)
                r = mcs_get(&l->store, client->name, &e, &is_new);
        if (r == -ENOSPC)
                return diag_error(diag, ERROR_NO_MEMORY, NULL, NULL,
                                  "all %u pairs of SELinux categories are taken; remove units that are not used", MCS_PAIRS);
        if (r >= 0 && is_new)
                r = save(h, l);
        if (r < 0)
                return r;
        mcs_level(e->pair, own);
        return str_append(ret, "%s", own);
}

static const Origin *origin_of(const PolicyClient *client) {
        const ContainerSpec *spec = client->set->spec;

        return container_spec_origin(spec, spec->selinux_context.context ? DIRECTIVE_SELinuxContext
                                                                         : DIRECTIVE_MandatoryAccessControl);
}

static int no_base_module(const PolicyClient *client, Diag *diag) {
        return diag_error(diag, ERROR_POLICY, origin_of(client), "MandatoryAccessControl",
                          "this host enforces SELinux and its policy does not know Bulwark; run \"bulwarkctl policy install\", "
                          "or write MandatoryAccessControl=no");
}

/* --- work: labels on disk, and the module of the units */

typedef struct Job {
        bool label;
        char text[]; /* label: the path */
} Job;

static Job *job_new(bool label, const char *text) {
        Job *j = malloc(sizeof(*j) + strlen(text) + 1);

        if (!j)
                return NULL;
        j->label = label;
        memcpy(j->text, text, strlen(text) + 1);
        return j;
}

static bool has_label(const char *path, const char *context) {
        char found[CONTEXT_MAX];
        ssize_t n = lgetxattr(path, XATTR, found, sizeof(found) - 1);

        if (n < 0)
                return false;
        found[n] = 0;
        return streq(found, context);
}

/* The volume by its own name: what is looked at, labelled and remembered has no link in it. */
static int volume_resolve(const PolicyHostConfig *host, const SelinuxVolume *v, char **ret) {
        _cleanup_(held_path_done) HeldPath held = HELD_PATH_EMPTY, base = HELD_PATH_EMPTY;
        const char *rest;
        int r = held_path_open(v->path, host->trees, 0, &held);

        if (r >= 0 && v->base) {
                r = held_path_open(v->base, host->trees, 0, &base);
                rest = r < 0 ? NULL : startswith(held.path, base.path);
                if (r >= 0 && (!rest || !streq(rest, v->path + strlen(v->base))))
                        r = -ELOOP;
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(held.path);
        return 0;
}

static int work_make(const char *what, const char *key, const char *const *argv, Job *job, PolicyWork **ret) {
        _cleanup_(policy_work_freep) PolicyWork *w = NULL;
        Digest digest;
        int r = 0;

        digest_of(key, strlen(key), &digest);
        w = policy_work_new(what, &digest);
        if (!w || !job) {
                free(job);
                return -ENOMEM;
        }
        w->data = job;
        for (size_t i = 0; r >= 0 && argv[i]; i++)
                r = strv_extend(&w->argv, argv[i]);
        if (r >= 0)
                *ret = TAKE_PTR(w);
        return r;
}

/* Who runs would lose what it works on. Who does not is labelled for again at its next start. */
static int check_not_anothers(const PolicyHostConfig *host, const Loader *l, const PolicyClient *client, const SelinuxVolume *v,
                              const char *path, const char *shared, Diag *diag) {
        char found[CONTEXT_MAX], own[MCS_LEVEL_SIZE];
        const ssize_t n = lgetxattr(path, XATTR, found, sizeof(found) - 1);

        if (n < 0)
                return 0;
        found[n] = 0;
        for (size_t i = 0; i < l->store.n; i++) {
                const McsEntry *e = l->store.items + i;

                if (!*e->name || streq(e->name, client->name) || !strv_contains(e->volumes, path) || !host->lives ||
                    !host->lives(e->name, host->userdata))
                        continue;
                mcs_level(e->pair, own);
                if (streq(level_of(found), own) || streq(found, shared))
                        return diag_error(diag, ERROR_POLICY, v->origin, v->directive,
                                          "'%s' is labelled for the container %s%s, which runs and would lose it; write the "
                                          "option shared in both units, or stop %s first",
                                          path, e->name, streq(found, shared) ? " and whoever shares it" : "", e->name);
        }
        return 0;
}

/* The topmost directory is labelled last: where it has the label, all below was given it. */
static int work_volumes(PolicyHost *h, const PolicyClient *client, Diag *diag, PolicyWork **ret) {
        const ContainerSpec *spec = client->set->spec;
        _cleanup_free_ char *level = NULL, *own = NULL, *shared = NULL;
        _cleanup_free_ SelinuxVolume *volumes = NULL;
        size_t n = 0;
        Loader *l;
        int r;

        r = selinux_volumes(spec, &volumes, &n);
        if (r < 0 || n == 0)
                return r;
        r = loader_of(h, diag, &l);
        if (r >= 0)
                r = choose_level(h, client, diag, &level);
        if (r >= 0)
                r = file_context(&client->set->selinux, level, &own);
        if (r >= 0)
                r = shared_context(&client->set->selinux, &shared);
        if (r >= 0 && (!context_canonical(&own) || !context_canonical(&shared)))
                return 0; /* load() says what is wrong with it */
        for (size_t i = 0; r >= 0 && !*ret && i < n; i++) {
                const char *context = volumes[i].shared ? shared : own;
                _cleanup_free_ char *what = NULL, *key = NULL, *path = NULL;

                /* What is missing, or is not to be followed, is told by who opens it. */
                r = volume_resolve(policy_host_config(h), volumes + i, &path);
                if (r < 0 && r != -ENOMEM) {
                        r = 0;
                        continue;
                }
                if (r < 0 || has_label(path, context))
                        continue;
                r = check_not_anothers(policy_host_config(h), l, client, volumes + i, path, shared, diag);
                if (r >= 0)
                        r = str_append(&what, "labelling %s", path);
                if (r >= 0)
                        r = str_append(&key, "label %s %s", context, path);
                if (r >= 0)
                        r = work_make(what, key,
                                      (const char *const[]){ policy_host_config(h)->helper, "label", path, context, NULL },
                                      job_new(true, path), ret);
        }
        return r;
}

/* One module holds the blocks of all containers that are known, so that a transaction costs the same for all. */
static int module_text(const Loader *l, const PolicyClient *client, char **ret) {
        _cleanup_strv_ char **seen = NULL;
        int r = strv_extend(&seen, client->set->selinux.cil);

        for (size_t i = 0; r >= 0 && i < l->store.n; i++)
                if (l->store.items[i].block && !strv_contains(seen, l->store.items[i].block))
                        r = strv_extend(&seen, l->store.items[i].block);
        if (r < 0)
                return r;
        *ret = strv_join(seen, "");
        return *ret ? 0 : -ENOMEM;
}

static int work_module(PolicyHost *h, const PolicyClient *client, Diag *diag, PolicyWork **ret) {
        const SELinuxPolicy *p = &client->set->selinux;
        _cleanup_free_ char *context = NULL, *text = NULL;
        Loader *l;
        int r;

        if (!p->cil)
                return 0;
        r = str_append(&context, "system_u:system_r:%s:s0", p->type);
        if (r >= 0)
                r = loader_of(h, diag, &l);
        if (r < 0 || context_known(context)) /* its name is its content's */
                return r;
        if (!context_known("system_u:system_r:bulwark_c_t:s0"))
                return no_base_module(client, diag);
        r = module_text(l, client, &text);
        if (r >= 0)
                /* One after the other: each has all blocks of the ones before. */
                r = work_make("building the SELinux policy", "selinux module",
                              (const char *const[]){ policy_host_config(h)->helper, "sync", NULL }, job_new(false, ""),
                              ret);
        if (r >= 0)
                r = memfd_sealed("bulwark-units.cil", text, strlen(text), &(*ret)->input);
        return r;
}

static int work(PolicyHost *h, const PolicyClient *client, Diag *diag, PolicyWork **ret) {
        int r = work_module(h, client, diag, ret);

        return r < 0 || *ret ? r : work_volumes(h, client, diag, ret);
}

/* volume NULL: the block is in use from now on. */
static int remember(PolicyHost *h, const PolicyClient *client, const char *volume, Diag *diag) {
        McsEntry *e = NULL;
        bool is_new, more = true;
        Loader *l;
        int r;

        r = loader_of(h, diag, &l);
        if (r >= 0)
                r = mcs_get(&l->store, client->name, &e, &is_new);
        if (r >= 0 && volume)
                r = mcs_add_volume(e, volume, &more);
        else if (r >= 0) {
                free(e->block);
                e->block = strdup(client->set->selinux.cil);
                r = e->block ? 0 : -ENOMEM;
        }
        return r >= 0 && (more || is_new) ? save(h, l) : r;
}

/* Believed done, and was not: work() would ask for the same again, for ever. */
static int check_done(const PolicyClient *client, const PolicyWork *w, const Job *job, Diag *diag) {
        _cleanup_free_ char *context = NULL;
        int r;

        if (job->label)
                return has_label(job->text, w->argv[3])
                               ? 0
                               : diag_error(diag, ERROR_POLICY, NULL, NULL, "%s has another label than was written", job->text);
        r = str_append(&context, "system_u:system_r:%s:s0", client->set->selinux.type);
        if (r < 0 || context_known(context))
                return r;
        return diag_error(diag, ERROR_POLICY, NULL, NULL,
                          "the SELinux policy was built, but the kernel does not know \"%s\"", context);
}

/* The directive that most likely made the block what the policy does not take. */
static DirectiveId cause_of_block(const ContainerSpec *spec) {
        if (spec->selinux_extra_rules.n > 0)
                return DIRECTIVE_SELinuxExtraRules;
        return spec->socket_bind_allow.n > 0 ? DIRECTIVE_SocketBindAllow : DIRECTIVE_CapabilityBoundingSet;
}

static int finish(PolicyHost *h, const PolicyClient *client, PolicyWork *w, int status, const char *errors, Diag *diag) {
        const Job *job = w->data;
        DirectiveId cause;
        int r;

        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
                r = check_done(client, w, job, diag);
                return r < 0 ? r : remember(h, client, job->label ? job->text : NULL, diag);
        }
        cause = cause_of_block(client->set->spec);
        return diag_error(diag, ERROR_POLICY, job->label ? NULL : container_spec_origin(client->set->spec, cause),
                          job->label ? NULL : directives[cause].name, "%s failed: %.*s", w->what,
                          (int)strcspn(isempty(errors) ? "it was killed" : errors, "\n"),
                          isempty(errors) ? "it was killed" : errors);
}

/* --- one life */

static int keep_block(PolicyHost *h, const PolicyClient *client, Diag *diag) {
        const char *cil = client->set->selinux.cil;
        const McsEntry *e;
        Loader *l;
        int r = loader_of(h, diag, &l);

        if (r < 0)
                return r;
        e = mcs_find(&l->store, client->name);
        if (!cil || (e && streq_ptr(e->block, cil)))
                return 0;
        return remember(h, client, NULL, diag);
}

static int load(PolicyHost *h, const PolicyClient *client, Diag *diag, PolicyLabels *labels) {
        const SELinuxPolicy *p = &client->set->selinux;
        _cleanup_free_ char *level = NULL, *context = NULL, *file = NULL;
        Loader *l;
        int r;

        r = choose_level(h, client, diag, &level);
        if (r >= 0)
                r = p->context ? str_append(&context, "%s", p->context)
                               : str_append(&context, "system_u:system_r:%s:%s", p->type, level);
        if (r >= 0)
                r = file_context(p, level, &file);
        if (r < 0)
                return r;
        if (!context_canonical(&context)) {
                if (p->optional)
                        return 0; /* the unit says that it can do without */
                if (!p->context && !context_known("system_u:system_r:bulwark_c_t:s0"))
                        return no_base_module(client, diag);
                return diag_error(diag, ERROR_POLICY, origin_of(client), "SELinuxContext",
                                  "this host's policy knows no context \"%s\"", context);
        }
        if (!context_canonical(&file))
                return diag_error(diag, ERROR_POLICY,
                                  container_spec_origin(client->set->spec, DIRECTIVE_SELinuxFileType), "SELinuxFileType",
                                  "this host's policy knows no context \"%s\"", file);
        r = keep_block(h, client, diag);
        if (r >= 0)
                r = loader_of(h, diag, &l);
        if (r < 0)
                return r;
        look_at_mode(l);
        labels->selinux_enforced = l->enforcing && !domain_is_permissive(context);
        labels->selinux_context = TAKE_PTR(context);
        labels->selinux_file_context = TAKE_PTR(file);
        labels->family &= !p->context;
        return 0;
}

/* Remembered first: a label whose pair nobody keeps would be another container's some day. */
static int give(PolicyHost *h, const PolicyClient *client, const PolicyLabels *labels, int fd, const char *path, Diag *diag) {
        const char *context = labels->selinux_file_context;
        int r;

        if (!context)
                return 0;
        r = remember(h, client, path, diag);
        if (r < 0)
                return r;
        return fsetxattr(fd, XATTR, context, strlen(context) + 1, 0) < 0 ? -errno : 0;
}

static int adopt(PolicyHost *h, const char *container, const PolicyLabels *labels) {
        McsEntry *e;
        uint32_t pair;
        bool is_new;
        Loader *l;
        int r;

        if (mcs_pair_of(labels->selinux_context, &pair) < 0)
                return 0; /* a level of the unit's own */
        r = loader_of(h, NULL, &l);
        if (r >= 0)
                r = mcs_take(&l->store, container, pair, &e, &is_new);
        return r >= 0 && is_new ? save(h, l) : r;
}

/* The pair stays the container's: its files have it. */
static void release(PolicyHost *h, const char *container, const PolicyLabels *labels) {
}

/* Trees that were removed or relabelled since need no pair any more. */
static void drop_volumes(McsEntry *e) {
        char level[MCS_LEVEL_SIZE];
        size_t kept = 0;

        mcs_level(e->pair, level);
        for (size_t i = 0; e->volumes && e->volumes[i]; i++) {
                char found[CONTEXT_MAX];
                ssize_t n = lgetxattr(e->volumes[i], XATTR, found, sizeof(found) - 1);

                found[n < 0 ? 0 : n] = 0;
                if (streq(level_of(found), level))
                        e->volumes[kept++] = e->volumes[i];
                else
                        free(e->volumes[i]);
        }
        if (e->volumes)
                e->volumes[kept] = NULL;
}

static int forget(PolicyHost *h, const char *container, Diag *diag) {
        McsEntry *e;
        Loader *l;
        int r = loader_of(h, diag, &l);

        if (r < 0)
                return r;
        e = mcs_find(&l->store, container);
        if (!e)
                return 0;
        free(e->block);
        e->block = NULL;
        e->name[0] = 0;
        for (size_t i = l->store.n; i-- > 0;)
                if (!*l->store.items[i].name) {
                        drop_volumes(l->store.items + i);
                        if (strv_length(l->store.items[i].volumes) == 0)
                                mcs_remove(&l->store, l->store.items + i);
                }
        return save(h, l);
}

/* --- reading back */

static int label_of(int proc, char **ret) {
        _cleanup_close_ int fd = openat(proc, "attr/current", O_RDONLY | O_CLOEXEC);
        char text[CONTEXT_MAX];
        ssize_t n;

        if (fd < 0)
                return -errno;
        n = read(fd, text, sizeof(text) - 1);
        if (n < 0)
                return -errno;
        text[n] = 0;
        text[strcspn(text, "\n")] = 0;
        *ret = strdup(text);
        return *ret ? 0 : -ENOMEM;
}

static const char *expected(const PolicyLabels *labels) {
        return labels->selinux_context;
}

static const char *opened(PolicyHost *h, const PolicyLabels *labels) {
        Loader *l;

        if (!labels->selinux_enforced || loader_of(h, NULL, &l) < 0)
                return NULL;
        if (!l->enforcing)
                return "SELinux became permissive";
        return domain_is_permissive(labels->selinux_context) ? "its SELinux domain was made permissive" : NULL;
}

/* The kernel says on netlink that a policy was loaded, or enforcing switched. */
static int watch(PolicyHost *h, int *ret_fd) {
        const struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1U << (SELNLGRP_AVC - 1) };
        _cleanup_close_ int fd = -EBADF;
        Loader *l;
        int r;

        if (access("/sys/fs/selinux/enforce", F_OK) < 0)
                return -EOPNOTSUPP;
        r = loader_of(h, NULL, &l);
        if (r < 0)
                return r;
        fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SELINUX);
        if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;
        (void)safe_close(l->netlink);
        *ret_fd = l->netlink = TAKE_FD(fd);
        return 0;
}

static void drain(PolicyHost *h) {
        char message[1024];
        Loader *l;

        if (loader_of(h, NULL, &l) < 0)
                return;
        while (recv(l->netlink, message, sizeof(message), 0) >= 0 || errno == ENOBUFS)
                ;
        look_at_mode(l);
}

const PolicyLoader policy_loader_selinux = {
        .name = "selinux",
        .used = used,
        .work = work,
        .finish = finish,
        .load = load,
        .give = give,
        .adopt = adopt,
        .release = release,
        .forget = forget,
        .label_of = label_of,
        .expected = expected,
        .opened = opened,
        .watch = watch,
        .drain = drain,
};
