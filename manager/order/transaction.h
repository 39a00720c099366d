/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What else has to be done for one request: a job for every container that its dependencies pull in. Pure: the graph and
 * a few facts in, a list of jobs or the words of the refusal out. Nothing is changed until the whole list stands. */

#include "manager/order/dependency.h"
#include "manager/container/manager.h"

/* Where a container is going, with its job counted in. */
typedef enum Course {
        COURSE_DOWN,     /* at rest, without a job */
        COURSE_UP,       /* active, without a job */
        COURSE_STARTING, /* on its way there, or with a start or restart job */
        COURSE_STOPPING, /* a stop job, or it is ending */
} Course;

typedef struct TransactionHost {
        Course (*course)(const char *name, void *userdata);
        /* 0, or the words that refuse a start of it: no unit, a bad one, ... */
        int (*check_start)(const char *name, Diag *diag, void *userdata);
        void *userdata;
        /* No stop of this one is pulled in: it has ended, is why others are stopped, and waits for its next life. */
        const char *spared;
} TransactionHost;

typedef struct TransactionJob {
        DependencyNode *node; /* NULL = the request's own container has no dependencies */
        const char *name;     /* borrowed of the graph, or the request's */
        JobType type;
        bool matters;             /* the request cannot be without it */
        const DependencyEdge *by; /* what pulled it in; NULL = it is the request */
} TransactionJob;

typedef struct Transaction {
        TransactionJob *jobs; /* the request itself is the first */
        size_t n_jobs;
} Transaction;
void transaction_done(Transaction *t);

/* A refusal has its words in diag. left_out, empty before, collects why something that was only wanted is not done. */
int transaction_build(DependencyGraph *g, const char *name, JobType type, const TransactionHost *host, Diag *diag,
                      Diag *left_out, Transaction *ret);

/* What becomes of a job that is there when another is asked for. A table. */
typedef enum JobMerge {
        MERGE_KEEP,     /* it does what is asked for as well */
        MERGE_GROW,     /* it becomes what is asked for, and keeps its id */
        MERGE_CONFLICT, /* replace: it is canceled; fail: the request is refused */
} JobMerge;
JobMerge job_merge(JobType installed, JobType wanted);
