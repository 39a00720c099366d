/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A person's request becomes jobs: every unit that it may start is read afresh first, then the dependencies are followed,
 * and only when all of it can be done is the first job made. */
#include "manager/container/container-internal.h"
#include "manager/order/transaction.h"

/* --- the graph */

int dependencies_update(Container *c) {
        const ContainerSpec *spec = c->loaded;

        if (!spec && !container_is_down(c)) /* its unit has gone: what it was started with counts */
                spec = c->spec;
        return dependency_graph_set(c->manager->dependencies, c->name, spec);
}

static void warn_of_cycle(const DependencyNode *n, void *userdata) {
        _cleanup_(diag_done) Diag diag = {};
        Manager *m = userdata;

        if (dependency_explain_cycle(m->dependencies, n, true, &diag) < 0)
                return;
        for (size_t i = 0; i < diag.n_entries; i++) {
                _cleanup_free_ char *line = diag_entry_to_string(diag.entries + i);

                log_message(&m->config.log, LOG_WARNING, "%s", strempty(line));
        }
}

void dependencies_warn_of_cycles(Manager *m) {
        (void)dependency_each_cycle(m->dependencies, warn_of_cycle, m);
}

static int compare_views(const void *a, const void *b) {
        const DependencyView *x = a, *y = b;
        int c = strcmp(x->kind, y->kind);

        return c != 0 ? c : strcmp(x->name, y->name);
}

void dependency_views_free(DependencyView *views, size_t n) {
        for (size_t i = 0; i < n; i++)
                free(views[i].origin);
        free(views);
}

int container_dependencies(const Container *c, bool reverse, DependencyView **ret, size_t *ret_n) {
        const DependencyNode *node = dependency_find(c->manager->dependencies, c->name);
        DependencyView *views = NULL;
        DependencyStep s;
        size_t n = 0;

        for (size_t cursor = 0; dependency_next(node, EFFECT_ANY, &cursor, &s);) {
                DependencyView *grown;

                if (s.backwards != reverse)
                        continue;
                grown = reallocarray(views, n + 1, sizeof(*grown));
                if (grown) {
                        views = grown;
                        views[n] = (DependencyView){ dependency_kind_to_string(s.edge->kind, reverse),
                                                     dependency_name(s.other),
                                                     manager_find(c->manager, dependency_name(s.other)),
                                                     dependency_edge_to_string(s.edge) };
                }
                if (!grown || !views[n++].origin) {
                        dependency_views_free(views, n);
                        return -ENOMEM;
                }
        }
        if (n > 1)
                qsort(views, n, sizeof(*views), compare_views);
        *ret = views;
        *ret_n = n;
        return 0;
}

/* --- what a start may pull in is read and checked before */

typedef struct Checked {
        Container *container;
        int error;
        Diag diag;
} Checked;

typedef struct Request {
        Manager *manager;
        Checked *items;
        size_t n;
} Request;

static void request_done(Request *q) {
        for (size_t i = 0; i < q->n; i++)
                diag_done(&q->items[i].diag);
        free(q->items);
}

static bool is_listed(const Request *q, const Container *c) {
        return c->request_index < q->n && q->items[c->request_index].container == c;
}

static int list(Request *q, Container *c) {
        Checked *grown;

        if (is_listed(q, c))
                return 0;
        grown = reallocarray(q->items, q->n + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        q->items = grown;
        c->request_index = q->n;
        q->items[q->n++] = (Checked){ .container = c };
        return 0;
}

static Course course_of(const Container *c) {
        if (c->job)
                return c->job->type == JOB_STOP ? COURSE_STOPPING : c->job->type == JOB_RELOAD ? COURSE_UP : COURSE_STARTING;
        if (container_is_dead(c))
                return COURSE_DOWN;
        if (!container_is_up(c))
                return COURSE_STOPPING;
        return container_is_ready(c) ? COURSE_UP : COURSE_STARTING;
}

/* A start of what runs does nothing, whatever its unit looks like by now; but what it needs may be missing. */
static void check_one(Checked *k, bool restart) {
        Container *c = k->container;

        if (restart || !container_is_up(c) || c->job)
                k->error = container_check_start(c, &k->diag);
        if (k->error < 0 && container_is_dead(c))
                container_keep_refusal(c, &k->diag);
}

static int check_all(Request *q, Container *c, JobType type) {
        unsigned follows = EFFECT_START | EFFECT_START_WEAKLY | (type == JOB_RESTART ? EFFECT_RESTART : 0);
        int r;

        r = list(q, c);
        for (size_t i = 0; r >= 0 && i < q->n; i++) {
                DependencyStep s;

                check_one(q->items + i, type == JOB_RESTART);
                if (q->items[i].error < 0)
                        continue;
                for (size_t cursor = 0;;) {
                        /* The graph may get other nodes below, but what this one says does not change any more. */
                        const DependencyNode *n =
                                dependency_find(q->manager->dependencies, q->items[i].container->name);
                        Container *other;

                        if (r < 0 || !dependency_next(n, follows, &cursor, &s))
                                break;
                        if (manager_get(q->manager, dependency_name(s.other), NULL, &other) >= 0)
                                r = list(q, other);
                }
        }
        return r;
}

static Course on_course(const char *name, void *userdata) {
        const Request *q = userdata;
        const Container *c = manager_find(q->manager, name);

        return c ? course_of(c) : COURSE_DOWN;
}

static int on_check_start(const char *name, Diag *diag, void *userdata) {
        const Request *q = userdata;
        Container *c = manager_find(q->manager, name);

        if (!c) /* nothing is loaded here: the graph must stay as it is */
                return diag_error(diag, ERROR_NO_SUCH_UNIT, NULL, NULL, "no unit \"%s.container\"", name);
        if (!is_listed(q, c) || q->items[c->request_index].error >= 0)
                return 0;
        for (size_t i = 0; i < q->items[c->request_index].diag.n_entries; i++) {
                const DiagEntry *e = q->items[c->request_index].diag.entries + i;

                if (e->level == DIAG_ERROR)
                        (void)diag_error(diag, e->code, &(Origin){ e->file, e->line }, e->directive, "%s", e->text);
        }
        return q->items[c->request_index].error;
}

/* --- from the list to the jobs */

static bool starts(JobType type) {
        return type == JOB_START || type == JOB_RESTART;
}

static int refuse_busy(Manager *m, const Transaction *t, Diag *diag) {
        int error = 0;

        for (size_t i = 0; i < t->n_jobs; i++) {
                const TransactionJob *j = t->jobs + i;
                const Container *c = manager_find(m, j->name);

                if (c && c->job && job_merge(c->job->type, j->type) == MERGE_CONFLICT)
                        error = diag_error(diag, ERROR_BUSY, j->by ? &j->by->origin : NULL,
                                           j->by ? directives[j->by->directive].name : NULL, "%s has a %s job already",
                                           c->name, job_type_to_string(c->job->type));
        }
        return error;
}

static int install(Container *c, JobType type, bool ignore_order, uint32_t *ret_id) {
        JobMerge how = c->job ? job_merge(c->job->type, type) : MERGE_CONFLICT;

        if (how == MERGE_GROW)
                job_grow(c, type);
        if (how != MERGE_CONFLICT) {
                if (ignore_order && !c->job->ignore_order) {
                        c->job->ignore_order = true;
                        job_schedule(c->manager);
                }
                *ret_id = c->job->id;
                return 0;
        }
        if (c->job)
                job_finish(c, "canceled", false);
        return job_install(c, type, ignore_order, ret_id);
}

/* The request itself is the last: when it is told of, all that it waits for is there. */
static int install_all(Manager *m, const Transaction *t, uint32_t *ret_id) {
        uint32_t id = 0;

        for (size_t i = t->n_jobs; i > 0; i--) {
                Container *c = manager_find(m, t->jobs[i - 1].name);
                int r;

                if (i > 1 && c && t->jobs[i - 1].type == JOB_RELOAD && !container_can_reload(c))
                        continue; /* passed on to one that has nothing to do about it */
                r = c ? install(c, t->jobs[i - 1].type, false, &id) : -ENOENT;

                if (r < 0)
                        return r;
        }
        *ret_id = id;
        return 0;
}

static void log_left_out(Manager *m, const char *name, const Diag *left_out) {
        for (size_t i = 0; i < left_out->n_entries; i++) {
                _cleanup_free_ char *line = diag_entry_to_string(left_out->entries + i);

                log_message(&m->config.log, LOG_WARNING, "%s: %s", name, strempty(line));
        }
}

/* What is asked of a job before it is queued. */
typedef struct JobAsk {
        JobType type;
        JobMode mode;
        bool manual;        /* by a person, not because of another unit or of the container's own end */
        const char *spared; /* a container that a stop leaves alone; NULL = none */
} JobAsk;

/* The unit as it was read last: a start has just read it. */
static int check_manual(const Container *c, const JobAsk *ask, Diag *diag) {
        const ContainerSpec *spec = c->loaded ? c->loaded : c->spec;
        const struct {
                DirectiveId id;
                bool refuses;
        } rows[] = {
                { DIRECTIVE_RefuseManualStart, spec && spec->refuse_manual_start && starts(ask->type) },
                { DIRECTIVE_RefuseManualStop,
                  spec && spec->refuse_manual_stop && (ask->type == JOB_STOP || ask->type == JOB_RESTART) },
        };

        for (size_t i = 0; ask->manual && i < ELEMENTSOF(rows); i++)
                if (rows[i].refuses)
                        return diag_error(diag, ERROR_ACCESS, container_spec_origin(spec, rows[i].id), directives[rows[i].id].name,
                                          "%s is %s by other units only", c->name,
                                          rows[i].id == DIRECTIVE_RefuseManualStart ? "started" : "stopped");
        return 0;
}

static int queue_with_dependencies(Container *c, const JobAsk *ask, Diag *diag, uint32_t *ret_id) {
        _cleanup_(request_done) Request q = { .manager = c->manager };
        _cleanup_(transaction_done) Transaction t = {};
        _cleanup_(diag_done) Diag left_out = {};
        const TransactionHost host = { on_course, on_check_start, &q, ask->spared };
        int r = 0;

        if (starts(ask->type))
                r = check_all(&q, c, ask->type);
        if (r >= 0)
                r = check_manual(c, ask, diag);
        if (r >= 0)
                r = transaction_build(c->manager->dependencies, c->name, ask->type, &host, diag, &left_out, &t);
        if (r < 0)
                return r;
        log_left_out(c->manager, c->name, &left_out);
        if (ask->mode == JOB_MODE_FAIL)
                r = refuse_busy(c->manager, &t, diag);
        return r < 0 ? r : install_all(c->manager, &t, ret_id);
}

static int queue_alone(Container *c, const JobAsk *ask, Diag *diag, uint32_t *ret_id) {
        Checked k = { .container = c };
        int r;

        if (starts(ask->type))
                check_one(&k, ask->type == JOB_RESTART);
        r = k.error;
        for (size_t i = 0; r < 0 && i < k.diag.n_entries; i++) {
                const DiagEntry *e = k.diag.entries + i;

                (void)diag_error(diag, e->code, &(Origin){ e->file, e->line }, e->directive, "%s", e->text);
        }
        diag_done(&k.diag);
        if (r >= 0)
                r = check_manual(c, ask, diag);
        return r < 0 ? r : install(c, ask->type, true, ret_id);
}

/* --- what is to be done */

bool container_can_reload(const Container *c) {
        const ContainerSpec *spec = c->spec && !container_is_dead(c) ? c->spec : c->loaded;

        return spec && (spec->exec_reload.n > 0 || spec->type == CONTAINER_TYPE_NOTIFY_RELOAD);
}

static int check_reload(const Container *c, Diag *diag) {
        if (!container_is_up(c))
                return diag_error(diag, ERROR_NOT_ACTIVE, NULL, NULL, "%s is not running (%s)", c->name, container_sub_state(c));
        if (!container_can_reload(c))
                return diag_error(diag, ERROR_STATE, NULL, NULL,
                                  "%s cannot be reloaded: its unit has neither ExecReload= nor Type=notify-reload", c->name);
        return 0;
}

/* By systemd's rules. A container with a start or restart job is on its way, and counts as active. */
JobType container_job_of(const Container *c, JobRequest request) {
        const bool up = container_is_up(c) || c->state == CONTAINER_RESTARTING || (c->job && starts(c->job->type));
        const bool reloads = container_is_up(c) && container_can_reload(c);

        switch (request) {
        case REQUEST_START:
                return JOB_START;
        case REQUEST_STOP:
                return JOB_STOP;
        case REQUEST_RESTART:
                return JOB_RESTART;
        case REQUEST_TRY_RESTART:
                return up ? JOB_RESTART : JOB_NOP;
        case REQUEST_RELOAD:
                return JOB_RELOAD;
        case REQUEST_RELOAD_OR_RESTART:
                return reloads ? JOB_RELOAD : up ? JOB_RESTART : JOB_START;
        case REQUEST_RELOAD_OR_TRY_RESTART:
                return reloads ? JOB_RELOAD : up ? JOB_RESTART : JOB_NOP;
        case _JOB_REQUEST_MAX:
                break;
        }
        return _JOB_TYPE_MAX;
}

static int queue(Container *c, const JobAsk *ask, Diag *diag, uint32_t *ret_id) {
        const JobType type = ask->type;
        int r;

        if ((int)type < 0 || type >= _JOB_TYPE_MAX || (int)ask->mode < 0 || ask->mode >= _JOB_MODE_MAX)
                return -EINVAL;
        if (type != JOB_STOP && c->manager->shutting_down)
                return diag_error(diag, ERROR_BUSY, NULL, NULL, "the manager is stopping all containers");
        if (!starts(type) && container_is_dead(c) && c->load == LOAD_NOT_FOUND)
                return diag_error(diag, ERROR_NO_SUCH_UNIT, NULL, NULL, "no unit \"%s.container\"", c->name);
        if (type == JOB_RELOAD) {
                r = check_reload(c, diag);
                if (r < 0)
                        return r;
        }
        if (type == JOB_NOP)
                return install(c, type, true, ret_id);
        if (ask->mode == JOB_MODE_IGNORE_DEPENDENCIES)
                return queue_alone(c, ask, diag, ret_id);
        return queue_with_dependencies(c, ask, diag, ret_id);
}

int container_queue_job(Container *c, JobType type, JobMode mode, Diag *diag, uint32_t *ret_id) {
        return queue(c, &(JobAsk){ .type = type, .mode = mode }, diag, ret_id);
}

int container_queue_manual_job(Container *c, JobType type, JobMode mode, Diag *diag, uint32_t *ret_id) {
        return queue(c, &(JobAsk){ .type = type, .mode = mode, .manual = true }, diag, ret_id);
}

int container_queue_following_stop(Container *c, const char *spared, Diag *diag, uint32_t *ret_id) {
        return queue_with_dependencies(c, &(JobAsk){ .type = JOB_STOP, .spared = spared }, diag, ret_id);
}
