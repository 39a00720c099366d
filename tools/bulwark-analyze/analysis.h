/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One unit on its way through the compiler, with all that was said about it. */

#include <json-c/json.h>

#include "manager/plan/plan.h"
#include "tools/bulwark-analyze/options.h"
#include "units/resolve/resolve.h"

#define EXIT_USAGE 2

typedef struct Analysis {
        HostFacts host;
        Diag diag;
        const ContainerSpec *spec;
        const PolicySet *policies;
        Plan *plan;
} Analysis;
void analysis_done(Analysis *a);

typedef enum AnalysisEnd {
        ANALYZE_POLICIES,
        ANALYZE_PLAN,
} AnalysisEnd;

/* As far as the unit goes; what was wrong is in a->diag. */
int analyze(const Options *o, const char *unit, AnalysisEnd end, Analysis *a);
/* The same up to the policies, and reported; the exit code. */
int analyze_policies(const Options *o, const char *unit, Analysis *a);

/* The exit code that a unit deserves. */
int exit_code(const Analysis *a, int error);
/* Every refusal has words, even one that nobody explained. */
void explain(const char *unit, Analysis *a, int error);
void report(const Options *o, const Analysis *a);

json_object *text_or_null(const char *s);
void print_json(const Options *o, json_object *list);
static inline void json_putp(json_object **o) {
        (void)json_object_put(*o);
}
