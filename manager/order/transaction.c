/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/string-list.h"
#include "manager/order/transaction.h"

static const JobMerge merges[_JOB_TYPE_MAX][_JOB_TYPE_MAX] = {
        /*                 [wanted] start          stop            restart         reload          nop */
        [JOB_START]   = { MERGE_KEEP,     MERGE_CONFLICT, MERGE_GROW,     MERGE_KEEP,     MERGE_KEEP },
        [JOB_STOP]    = { MERGE_CONFLICT, MERGE_KEEP,     MERGE_CONFLICT, MERGE_CONFLICT, MERGE_KEEP },
        [JOB_RESTART] = { MERGE_KEEP,     MERGE_CONFLICT, MERGE_KEEP,     MERGE_KEEP,     MERGE_KEEP },
        [JOB_RELOAD]  = { MERGE_KEEP,     MERGE_CONFLICT, MERGE_GROW,     MERGE_KEEP,     MERGE_KEEP },
        [JOB_NOP]     = { MERGE_GROW,     MERGE_GROW,     MERGE_GROW,     MERGE_GROW,     MERGE_KEEP },
};

JobMerge job_merge(JobType installed, JobType wanted) {
        return merges[installed][wanted];
}

/* One piece of work: a job, wanted by an edge. */
typedef struct Request {
        DependencyNode *node; /* NULL = a container without dependencies */
        const char *name;
        JobType type;
        bool matters;
        const DependencyEdge *by;
} Request;

typedef struct Builder {
        DependencyGraph *graph;
        const TransactionHost *host;
        Transaction t;
        size_t size; /* of t.jobs, as allocated */
        const char **banned; /* borrowed: starts that were only wanted, and stood against something that matters */
        size_t n_banned;
        DependencyNode **failed; /* starts that were only wanted, and cannot be: not tried again from every side */
        size_t n_failed;
        bool again; /* something was banned: build once more, without it */
        unsigned depth;
} Builder;

#define DEPTH_MAX 4096U /* of one requirement behind the other; the stack is finite */

void transaction_done(Transaction *t) {
        free(t->jobs);
        *t = (Transaction){};
}

/* The mark may be left from a job that was taken back, or from another transaction: it counts where it is true. */
static TransactionJob *find(Builder *b, DependencyNode *node) {
        size_t at = node ? dependency_marks(node)->job : 0;

        return at < b->t.n_jobs && b->t.jobs[at].node == node ? b->t.jobs + at : NULL;
}

static bool is_banned(const Builder *b, const char *name) {
        for (size_t i = 0; i < b->n_banned; i++)
                if (streq(b->banned[i], name))
                        return true;
        return false;
}

static int ban(Builder *b, const char *name) {
        const char **grown = reallocarray(b->banned, b->n_banned + 1, sizeof(*grown));

        if (!grown)
                return -ENOMEM;
        b->banned = grown;
        b->banned[b->n_banned++] = name;
        b->again = true;
        return -EAGAIN;
}

static int add_job(Builder *b, const Request *q) {
        size_t n = b->t.n_jobs;

        if (n == b->size) {
                TransactionJob *grown = reallocarray(b->t.jobs, 2 * n + 4, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                b->t.jobs = grown;
                b->size = 2 * n + 4;
        }
        if (q->node)
                dependency_marks(q->node)->job = b->t.n_jobs;
        b->t.jobs[b->t.n_jobs++] = (TransactionJob){ q->node, q->name, q->type, q->matters, q->by };
        return 0;
}

static int contradiction(const TransactionJob *there, const Request *q, Diag *diag) {
        const DependencyEdge *lines[] = { there->by, q->by };

        for (size_t i = 0; i < ELEMENTSOF(lines); i++)
                if (lines[i])
                        (void)diag_error(diag, ERROR_CONFLICT, &lines[i]->origin, directives[lines[i]->directive].name,
                                         "the request would both %s and %s %s", job_type_to_string(there->type),
                                         job_type_to_string(q->type), q->name);
        return -EDEADLK;
}

/* *ret_new: there is work to do for its dependencies. */
static int merge(Builder *b, TransactionJob *there, const Request *q, Diag *diag, bool *ret_new) {
        JobMerge how = job_merge(there->type, q->type);

        if (how == MERGE_CONFLICT) {
                if (!q->matters || there->matters)
                        return contradiction(there, q, diag);
                return ban(b, there->name);
        }
        *ret_new = how == MERGE_GROW || (q->matters && !there->matters);
        if (how == MERGE_GROW)
                there->type = q->type;
        if (q->matters)
                there->matters = true;
        return 0;
}

static int request(Builder *b, const Request *q, Diag *diag, Diag *left_out);

/* What each type of job pulls in: by which effects of its edges, which job, and whether the first one can be without. */
static const struct {
        JobType type;
        unsigned effect;
        JobType pulls;
        bool matters;
} pulls[] = {
        { JOB_START, EFFECT_START, JOB_START, true },
        { JOB_START, EFFECT_START_WEAKLY, JOB_START, false },
        { JOB_START, EFFECT_STOP_BY_START, JOB_STOP, true },
        { JOB_START, EFFECT_STOP_BY_START_WEAKLY, JOB_STOP, false },
        { JOB_RESTART, EFFECT_START, JOB_START, true },
        { JOB_RESTART, EFFECT_START_WEAKLY, JOB_START, false },
        { JOB_RESTART, EFFECT_STOP_BY_START, JOB_STOP, true },
        { JOB_RESTART, EFFECT_STOP_BY_START_WEAKLY, JOB_STOP, false },
        { JOB_RESTART, EFFECT_RESTART, JOB_RESTART, true },
        { JOB_STOP, EFFECT_STOP, JOB_STOP, true },
        { JOB_RELOAD, EFFECT_RELOAD, JOB_RELOAD, false },
};

/* A restart or reload that is passed on is for those that are active only. */
static bool is_not_active(const Builder *b, const char *name) {
        Course course = b->host->course(name, b->host->userdata);

        return course == COURSE_DOWN || course == COURSE_STOPPING;
}

static bool has_failed(const Builder *b, DependencyNode *node) {
        size_t at = dependency_marks(node)->failure;

        return at < b->n_failed && b->failed[at] == node;
}

static int remember_failure(Builder *b, DependencyNode *node) {
        DependencyNode **grown = reallocarray(b->failed, b->n_failed + 1, sizeof(*grown));

        if (!grown)
                return -ENOMEM;
        b->failed = grown;
        dependency_marks(node)->failure = b->n_failed;
        b->failed[b->n_failed++] = node;
        return 0;
}

/* Without it: whatever it had pulled in goes, too. */
static void leave_out(Builder *b, const Request *q, size_t n_before, const Diag *why, Diag *left_out) {
        b->t.n_jobs = n_before;
        for (size_t i = 0; i < why->n_entries; i++) {
                const DiagEntry *e = why->entries + i;

                diag_warning(left_out, e->code, &(Origin){ e->file, e->line }, e->directive, "%s", e->text);
        }
        diag_warning(left_out, ERROR_CONFLICT, &q->by->origin, directives[q->by->directive].name,
                     "the %s of %s is left out", job_type_to_string(q->type), q->name);
}

static int pull(Builder *b, const Request *by, const DependencyStep *s, size_t row, Diag *diag, Diag *left_out) {
        _cleanup_(diag_done) Diag why = {};
        const Request q = { .node = s->other,
                            .name = dependency_name(s->other),
                            .type = pulls[row].pulls,
                            .matters = by->matters && pulls[row].matters,
                            .by = s->edge };
        size_t n_before = b->t.n_jobs;
        int r;

        if ((q.type == JOB_RESTART || q.type == JOB_RELOAD) && is_not_active(b, q.name))
                return 0;
        if (q.type == JOB_STOP && b->host->spared && streq(q.name, b->host->spared))
                return 0;
        if (pulls[row].matters) {
                r = request(b, &q, diag, left_out);
                if (r < 0 && !b->again && q.type == JOB_START) /* the lines that lead to where it failed */
                        (void)diag_error(diag, ERROR_CONFLICT, &q.by->origin, directives[q.by->directive].name,
                                         "%s cannot be without %s", by->name, q.name);
                return r;
        }
        if (q.type == JOB_START && has_failed(b, q.node))
                return 0;
        r = request(b, &q, &why, left_out);
        if (r < 0 && r != -ENOMEM && !b->again) {
                leave_out(b, &q, n_before, &why, left_out);
                r = q.type == JOB_START ? remember_failure(b, q.node) : 0;
        }
        return r;
}

static int check_start(Builder *b, const Request *q, Diag *diag) {
        bool cyclic = false;
        int r;

        if (q->type != JOB_START && q->type != JOB_RESTART)
                return 0;
        if (is_banned(b, q->name))
                return diag_error(diag, ERROR_CONFLICT, q->by ? &q->by->origin : NULL,
                                  q->by ? directives[q->by->directive].name : NULL,
                                  "%s has to be stopped for the same request", q->name);
        if (q->node) {
                r = dependency_in_cycle(b->graph, q->node, &cyclic);
                if (r < 0)
                        return r;
        }
        if (cyclic) {
                r = dependency_explain_cycle(b->graph, q->node, false, diag);
                return r < 0 ? r : -ELOOP;
        }
        return b->host->check_start(q->name, diag, b->host->userdata);
}

static int pull_all(Builder *b, const Request *q, Diag *diag, Diag *left_out) {
        for (size_t row = 0; row < ELEMENTSOF(pulls); row++) {
                DependencyStep s;

                if (pulls[row].type != q->type)
                        continue;
                for (size_t cursor = 0; dependency_next(q->node, pulls[row].effect, &cursor, &s);) {
                        int r = pull(b, q, &s, row, diag, left_out);

                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

static int request(Builder *b, const Request *q, Diag *diag, Diag *left_out) {
        TransactionJob *there = find(b, q->node);
        bool is_new = true;
        int r;

        if (there)
                r = merge(b, there, q, diag, &is_new);
        else {
                r = check_start(b, q, diag);
                if (r >= 0)
                        r = add_job(b, q);
        }
        if (r < 0 || !is_new)
                return r;
        if (b->depth >= DEPTH_MAX)
                return diag_error(diag, ERROR_CONFLICT, NULL, NULL, "more than %u containers need one another in a row",
                                  DEPTH_MAX);
        b->depth++;
        r = pull_all(b, q, diag, left_out);
        b->depth--;
        return r;
}

/* Those that are where they shall be were asked for what follows from it, and need no job themselves. */
static void drop_done(Builder *b) {
        static const Course done[_JOB_TYPE_MAX] = { [JOB_START] = COURSE_UP, [JOB_STOP] = COURSE_DOWN };
        size_t n = 0;

        for (size_t i = 0; i < b->t.n_jobs; i++) {
                const TransactionJob *j = b->t.jobs + i;

                if (i == 0 || j->type == JOB_RESTART || j->type == JOB_RELOAD ||
                    b->host->course(j->name, b->host->userdata) != done[j->type])
                        b->t.jobs[n++] = *j;
        }
        b->t.n_jobs = n;
}

int transaction_build(DependencyGraph *g, const char *name, JobType type, const TransactionHost *host, Diag *diag,
                      Diag *left_out, Transaction *ret) {
        const Request anchor = { .node = dependency_find(g, name), .name = name, .type = type, .matters = true };
        Builder b = { .graph = g, .host = host };
        int r;

        do {
                _cleanup_(diag_done) Diag why = {};

                diag_done(left_out);
                b.again = false;
                b.t.n_jobs = b.n_failed = 0;
                r = request(&b, &anchor, &why, left_out);
                if (r < 0 && !b.again)
                        for (size_t i = 0; i < why.n_entries; i++)
                                (void)diag_error(diag, why.entries[i].code,
                                                 &(Origin){ why.entries[i].file, why.entries[i].line },
                                                 why.entries[i].directive, "%s", why.entries[i].text);
        } while (b.again);
        free(b.banned);
        free(b.failed);
        if (r < 0) {
                transaction_done(&b.t);
                return r;
        }
        drop_done(&b);
        *ret = b.t;
        return 0;
}
