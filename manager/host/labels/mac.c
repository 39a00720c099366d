/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Labels are chosen for a life, read back from its processes, and looked at again whenever the policy in the kernel
 * moves. A label that was believed to be applied and was not is no confinement: what has another one is killed. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/xattr.h>

#include "manager/base/io.h"
#include "manager/container/container-internal.h"

/* --- a life takes its labels */

static PolicyClient client_of(const Container *c) {
        return (PolicyClient){ .name = c->name, .set = c->policies, .id_base = c->id_base, .id_count = c->id_count };
}

int mac_load(Container *c, Diag *diag) {
        const PolicyClient client = client_of(c);

        policy_labels_done(&c->labels);
        c->labels.family = true;
        c->policy_digest = c->policies->digest;
        for (size_t i = 0; i < policy_loaders_count(); i++) {
                int r = policy_loaders[i]->used(c->spec)
                                ? policy_loaders[i]->load(c->manager->policies, &client, diag, &c->labels)
                                : 0;

                if (r < 0 && diag->n_errors == 0)
                        return diag_errno(diag, ERROR_POLICY,
                                          container_spec_origin(c->spec, DIRECTIVE_MandatoryAccessControl),
                                          "MandatoryAccessControl", -r, "cannot load the policy for %s",
                                          policy_loaders[i]->name);
                if (r < 0)
                        return r;
        }
        /* The host enforces, or this was refused before; one domain of it may not. */
        if (c->spec->mac.required && !policy_labels_enforced(&c->labels))
                return diag_error(diag, ERROR_POLICY, container_spec_origin(c->spec, DIRECTIVE_MandatoryAccessControl),
                                  "MandatoryAccessControl",
                                  "is required, but the label of this container does not confine: the host stopped enforcing, or "
                                  "its SELinux domain is permissive; see semanage permissive -l");
        return 0;
}

PlanLabels mac_plan_labels(const Container *c) {
        return (PlanLabels){ .apparmor_profile = c->labels.apparmor_profile,
                             .selinux_context = c->labels.selinux_context,
                             .selinux_file_context = c->labels.selinux_file_context };
}

/* fd: a tree that the manager has just made for the container, at path. */
int mac_give(const Container *c, int fd, const char *path, Diag *diag) {
        const PolicyClient client = client_of(c);

        for (size_t i = 0; i < policy_loaders_count(); i++) {
                int r = policy_loaders[i]->give && policy_loaders[i]->used(c->spec)
                                ? policy_loaders[i]->give(c->manager->policies, &client, &c->labels, fd, path, diag)
                                : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

/* SELinux looks at each descriptor that an execve hands on, and at what is executed. */
int mac_label_file(const Container *c, int fd) {
        const char *context = c->labels.selinux_file_context;

        if (!context)
                return 0;
        return fsetxattr(fd, "security.selinux", context, strlen(context) + 1, 0) < 0 ? -errno : 0;
}

void mac_adopt(Container *c) {
        for (size_t i = 0; i < policy_loaders_count(); i++) {
                int r = policy_loaders[i]->expected(&c->labels)
                                ? policy_loaders[i]->adopt(c->manager->policies, c->name, &c->labels)
                                : 0;

                if (r < 0)
                        log_message(&c->manager->config.log, LOG_ERR, "%s: cannot take over its %s label: %s", c->name,
                                    policy_loaders[i]->name, strerror(-r));
        }
        mac_verify(c);
}

void mac_release(Container *c) {
        for (size_t i = 0; i < policy_loaders_count(); i++)
                if (policy_loaders[i]->expected(&c->labels))
                        policy_loaders[i]->release(c->manager->policies, c->name, &c->labels);
}

void mac_forget(Container *c) {
        for (size_t i = 0; i < policy_loaders_count(); i++) {
                _cleanup_(diag_done) Diag diag = {};

                if (policy_loaders[i]->forget(c->manager->policies, c->name, &diag) < 0)
                        log_diag(&c->manager->config.log, &diag);
        }
}

void mac_sweep(Manager *m) {
        _cleanup_free_ const char **names = calloc(m->n_sorted + 1, sizeof(char *));
        size_t n = 0;

        /* One that is only remembered, for how it ended, needs nothing any more. */
        for (size_t i = 0; names && i < m->n_sorted; i++)
                if (m->sorted[i]->load != LOAD_NOT_FOUND || !container_is_down(m->sorted[i]))
                        names[n++] = m->sorted[i]->name;
        for (size_t i = 0; names && i < policy_loaders_count(); i++) {
                _cleanup_(diag_done) Diag diag = {};

                if (policy_loaders[i]->sweep && policy_loaders[i]->sweep(m->policies, names, n, &diag) < 0)
                        log_diag(&m->config.log, &diag);
        }
}

/* --- reading back */

static bool has_labels(const Container *c) {
        for (size_t i = 0; i < policy_loaders_count(); i++)
                if (policy_loaders[i]->expected(&c->labels))
                        return true;
        return false;
}

static int proc_open(pid_t pid, int *ret) {
        char path[sizeof("/proc/") + 3 * sizeof(pid_t)];

        (void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
        *ret = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return *ret < 0 ? -errno : 0;
}

/* The process of a pidfd still lives: then the number meant it all the while. */
static bool is_alive(int pidfd) {
        return pidfd_signal(pidfd, 0) >= 0;
}

/* A process that ends while it is read has nothing to show; that is no loss. */
typedef struct Finding {
        bool bad;
        const PolicyLoader *loader;
        char *found;
        const char *opened; /* it has its label, and that means less than it did */
} Finding;

static void finding_done(Finding *f) {
        free(f->found);
        *f = (Finding){};
}

static void check_leader(const Container *c, int pidfd, pid_t pid, Finding *f) {
        _cleanup_close_ int proc = -EBADF;

        if (proc_open(pid, &proc) < 0 || !is_alive(pidfd))
                return;
        f->bad = !policy_labels_hold(&c->labels, proc, &f->loader, &f->found) && is_alive(pidfd);
        if (!f->bad)
                finding_done(f);
}

static bool same_link(int a, int b, const char *name) {
        char x[64], y[64];
        ssize_t n = readlinkat(a, name, x, sizeof(x)), k = readlinkat(b, name, y, sizeof(y));

        return n > 0 && n == k && memcmp(x, y, (size_t)n) == 0;
}

/* Of the container: in its process namespace. The keeper's clones on their way in are in its cgroup before, and have
 * their label only with their execve. */
static bool is_inside(int leader, int proc) {
        return same_link(leader, proc, "ns/pid");
}

static void check_members(const Container *c, Finding *f) {
        _cleanup_close_ int leader = -EBADF;
        _cleanup_free_ pid_t *pids = NULL;
        size_t n = 0;

        if (proc_open(c->leader, &leader) < 0 || container_processes(c, &pids, &n) < 0)
                return;
        for (size_t i = 0; i < n && !f->bad; i++) {
                _cleanup_close_ int proc = -EBADF;

                if (proc_open(pids[i], &proc) < 0 || !is_inside(leader, proc))
                        continue;
                /* Asked again after the answer: a process that has gone answers nothing, or for nobody. */
                if (!policy_labels_hold(&c->labels, proc, &f->loader, &f->found) && is_inside(leader, proc) &&
                    is_alive(c->leader_fd))
                        f->bad = true;
                else
                        finding_done(f);
        }
}

/* The label is what it should be: does it mean what it did? */
static void check_meaning(const Container *c, Finding *f) {
        f->opened = policy_labels_opened(c->manager->policies, &c->labels, &f->loader);
        f->bad = f->opened != NULL;
}

static void explain(Container *c, const Finding *f, const char *when) {
        _cleanup_(diag_done) Diag diag = {};

        if (f->opened)
                (void)diag_error(&diag, ERROR_POLICY, container_spec_origin(c->spec, DIRECTIVE_MandatoryAccessControl),
                                 "MandatoryAccessControl", "%s %s", when, f->opened);
        else
                (void)diag_error(&diag, ERROR_POLICY, container_spec_origin(c->spec, DIRECTIVE_MandatoryAccessControl),
                                 "MandatoryAccessControl", "%s a process has the %s label \"%s\" instead of \"%s\"", when,
                         f->loader->name, f->found ? f->found : "(none)", f->loader->expected(&c->labels));
        diag_keep(&diag, &c->last_error);
        log_message(&c->manager->config.log, LOG_ERR, "%s: %s", c->name, strempty(c->last_error));
}

static void lose(Container *c, KillReason why) {
        c->kill_reason = why;
        c->verified = false;
        (void)container_event(c, EVENT_MAC_LOST);
}

void mac_verify_start(Container *c) {
        _cleanup_(finding_done) Finding f = {};

        if (!c->spec || c->leader_fd < 0 || !has_labels(c))
                return;
        check_leader(c, c->leader_fd, c->leader, &f);
        if (!f.bad && c->labels.family)
                check_members(c, &f);
        if (!f.bad)
                check_meaning(c, &f);
        c->verified = !f.bad;
        if (!f.bad)
                return;
        explain(c, &f, "after its start");
        lose(c, KILL_MISMATCH);
}

void mac_verify(Container *c) {
        _cleanup_(finding_done) Finding f = {};
        bool was_lost = c->mac_lost;

        if (!c->spec || !container_is_running(c) || !has_labels(c))
                return;
        /* A command on its way in is inside before its execve gives it the label: then everybody is looked at as soon
         * as it has arrived. */
        c->mac_pending = sessions_launching(c);
        check_leader(c, c->leader_fd, c->leader, &f);
        if (!f.bad && c->labels.family && !c->mac_pending)
                check_members(c, &f);
        if (!f.bad)
                check_meaning(c, &f);
        if (!f.bad) {
                c->verified |= !c->mac_lost;
                return;
        }
        c->mac_lost = true;
        if (!was_lost || c->spec->mac_lost == MAC_LOST_STOP)
                explain(c, &f, "while it runs");
        if (c->spec->mac_lost == MAC_LOST_STOP) {
                lose(c, KILL_MAC_LOST);
                return;
        }
        c->verified = false;
        if (!was_lost) {
                container_send_state(c);
                container_notify(c);
        }
}

void mac_session_settled(Container *c) {
        if (c->mac_pending && !sessions_launching(c))
                mac_verify(c);
}

bool mac_verify_session(Container *c, int leader_fd, pid_t leader, Diag *diag) {
        _cleanup_(finding_done) Finding f = {};

        if (!has_labels(c) || leader <= 0)
                return true;
        check_leader(c, leader_fd, leader, &f);
        if (f.bad)
                (void)diag_error(diag, ERROR_POLICY, NULL, NULL,
                                 "the command has the %s label \"%s\" instead of \"%s\"; it was killed", f.loader->name,
                                 f.found ? f.found : "(none)", f.loader->expected(&c->labels));
        return !f.bad;
}

/* --- the policy in the kernel moves */

static int on_policy_changed(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Manager *m = userdata;

        for (size_t i = 0; i < policy_loaders_count(); i++)
                if (m->mac_sources[i] == s)
                        policy_loaders[i]->drain(m->policies);
        for (size_t i = 0; i < m->n_sorted; i++)
                mac_verify(m->sorted[i]);
        return 0;
}

static int watch(Manager *m, size_t i) {
        int fd = -EBADF, r;

        r = policy_loaders[i]->watch(m->policies, &fd);
        if (r == -EOPNOTSUPP)
                return 0;
        if (r >= 0) {
                r = sd_event_add_io(m->event, &m->mac_sources[i], fd, EPOLLIN, on_policy_changed, m);
                /* Waking up for news is all it is for: an exit status or a request goes first. */
                if (r >= 0)
                        r = sd_event_source_set_priority(m->mac_sources[i], SD_EVENT_PRIORITY_NORMAL + 10);
        }
        return r < 0 ? r : 0;
}

static bool lives(const char *container, void *userdata) {
        const Container *c = manager_find(userdata, container);

        return c && !container_is_down(c);
}

int mac_open(Manager *m) {
        const PolicyHostConfig config = { .state_fd = m->state_fd,
                                          .cache_fd = m->cache_fd,
                                          .helper = m->config.policy_helper,
                                          .trees = &m->trees,
                                          .lives = lives,
                                          .userdata = m };
        int r;

        _Static_assert(ELEMENTSOF(m->mac_sources) >= 2, "a source for each loader");
        if (policy_loaders_count() > ELEMENTSOF(m->mac_sources))
                return -E2BIG;
        r = policy_host_new(&config, &m->policies);
        for (size_t i = 0; r >= 0 && i < policy_loaders_count(); i++) {
                r = watch(m, i);
                if (r < 0)
                        log_message(&m->config.log, LOG_WARNING,
                                    "changes of the %s policy are not noticed: %s", policy_loaders[i]->name,
                                    strerror(-r));
                r = 0;
        }
        return r;
}
