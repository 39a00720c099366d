/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The graph that the dependencies of all units make. Pure: it knows names and specs, not containers. A node stands for a
 * name that some unit mentions or that mentions another; who has no dependency has no node and costs nothing. Every
 * edge keeps the line that made it, which lives in the spec that its node holds on to. */

#include <limits.h>

#include "units/spec/container-spec.h"

typedef enum DependencyKind {
        DEPENDENCY_REQUIRES,
        DEPENDENCY_REQUISITE,
        DEPENDENCY_WANTS,
        DEPENDENCY_BINDS_TO,
        DEPENDENCY_PART_OF,
        DEPENDENCY_UPHOLDS,
        DEPENDENCY_CONFLICTS,
        DEPENDENCY_AFTER,
        DEPENDENCY_ON_FAILURE,
        DEPENDENCY_ON_SUCCESS,
        DEPENDENCY_PROPAGATES_STOP_TO,
        DEPENDENCY_PROPAGATES_RELOAD_TO,
        _DEPENDENCY_MAX,
        _DEPENDENCY_INVALID = -EINVAL,
} DependencyKind;

/* What an edge means for the container at its other end. Which kind has which, seen from which end, is one table in
 * dependency.c. */
typedef enum DependencyEffect {
        EFFECT_START = 1 << 0,        /* a start of this one starts the other, and cannot be without */
        EFFECT_START_WEAKLY = 1 << 1, /* the same, but can */
        EFFECT_STOP_BY_START = 1 << 2, /* a start of this one stops the other */
        EFFECT_STOP_BY_START_WEAKLY = 1 << 3,
        EFFECT_VERIFY = 1 << 4,       /* a start of this one fails unless the other is active */
        EFFECT_STOP = 1 << 5,         /* a stop of this one stops the other */
        EFFECT_RESTART = 1 << 6,      /* a restart of this one restarts the other, where that is active */
        EFFECT_FAIL = 1 << 7,         /* a start of this one that fails fails the other's, if that has not begun */
        EFFECT_NEEDS = 1 << 8,        /* this one cannot be active without the other */
        EFFECT_STOP_BY_END = 1 << 9,  /* where this one ends by itself, the other is stopped */
        EFFECT_HOLDS = 1 << 10,       /* while this one is active, the other is needed (StopWhenUnneeded=) */
        EFFECT_UPHOLDS = 1 << 11,     /* while this one is active, the other is kept so */
        EFFECT_AFTER = 1 << 12,       /* this one starts after the other and stops before it */
        EFFECT_BEFORE = 1 << 13,      /* the same from the other end */
        EFFECT_ON_FAILURE = 1 << 14,  /* this one's failure starts the other */
        EFFECT_ON_SUCCESS = 1 << 15,  /* this one's success does */
        /* what NEEDS, HOLDS and UPHOLDS are from the other end */
        EFFECT_NEEDED = 1 << 16,
        EFFECT_HELD = 1 << 17,
        EFFECT_UPHELD = 1 << 18,
        EFFECT_RELOAD = 1 << 19,      /* a reload of this one reloads the other, where that is active and can be */
} DependencyEffect;

typedef struct DependencyGraph DependencyGraph;
typedef struct DependencyNode DependencyNode;

typedef struct DependencyEdge {
        DependencyKind kind;
        DependencyNode *from, *to;
        /* As it was written; Before= and StopPropagatedFrom= are written at the other end. */
        DirectiveId directive;
        Origin origin;
} DependencyEdge;

int dependency_graph_new(DependencyGraph **ret);
DependencyGraph *dependency_graph_free(DependencyGraph *g);
DEFINE_CLEANUP(DependencyGraph, dependency_graph_free)

/* What the unit of that name says now; NULL = nothing. -ENOMEM leaves the name without any of its own. */
int dependency_graph_set(DependencyGraph *g, const char *name, const ContainerSpec *spec);

DependencyNode *dependency_find(const DependencyGraph *g, const char *name); /* NULL = no dependency names it */
const char *dependency_name(const DependencyNode *n);

/* Numbers that the holder of the graph may keep at a node; the graph does not look at them. */
typedef struct DependencyMarks {
        size_t job, failure;
} DependencyMarks;
DependencyMarks *dependency_marks(DependencyNode *n);

#define EFFECT_ANY UINT_MAX /* every edge, also one that has none on the other end */
/* Steps through the edges of n that have any of these effects on the other end. Start with *cursor = 0; n may be NULL.
 * The graph must not change in between. */
typedef struct DependencyStep {
        const DependencyEdge *edge;
        DependencyNode *other;
        unsigned effects; /* all of the edge, seen from n */
        bool backwards;   /* n is the edge's target */
} DependencyStep;
bool dependency_next(const DependencyNode *n, unsigned effects, size_t *cursor, DependencyStep *ret);

const char *dependency_kind_to_string(DependencyKind k, bool backwards); /* "Requires", "RequiredBy" */

/* "/etc/bulwark/units/a.container:3: Requires=b": the line that made it. Owned. */
char *dependency_edge_to_string(const DependencyEdge *e);
/* The name that stands in that line. */
const char *dependency_edge_written(const DependencyEdge *e);

/* --- order */

/* Is the node part of a cycle of After= and Before=? -ENOMEM. */
int dependency_in_cycle(DependencyGraph *g, const DependencyNode *n, bool *ret);
/* How many containers, one upon the other, start before this one: of two that are ordered the later one has more. Inside a
 * cycle all have the same. */
uint32_t dependency_depth(DependencyGraph *g, const DependencyNode *n);
/* The words: one entry an edge of a shortest cycle through n, errors or warnings. */
int dependency_explain_cycle(DependencyGraph *g, const DependencyNode *n, bool warn, Diag *diag);
/* Calls once for every cycle with one node of it. */
int dependency_each_cycle(DependencyGraph *g, void (*found)(const DependencyNode *n, void *userdata), void *userdata);

/* What a container is about to do, as far as order is concerned. */
typedef enum JobPhase {
        PHASE_NONE,
        PHASE_START, /* a start that has not ended, or the second half of a restart */
        PHASE_STOP,  /* a stop, or the first half of a restart */
} JobPhase;
/* Whom a job of n has to wait for: a stop always goes before a start; of two starts the one that is named in the other's
 * After= goes first, of two stops the other way round. Inside a cycle there is no order. NULL = nobody. */
const DependencyEdge *dependency_waits_for(DependencyGraph *g, const DependencyNode *n, JobPhase mine,
                                           JobPhase (*phase_of)(const char *name, void *userdata), void *userdata);
