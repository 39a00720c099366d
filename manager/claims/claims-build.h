/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files that make claims share; private to this room. */

#include "manager/claims/claims.h"

typedef struct ClaimBuilder {
        const ContainerSpec *spec;
        const PolicySet *policies;
        const PlanView *start, *process;
        const ClaimFacts *facts;
        Claims *claims;
        int error;   /* the first failure; asked once at the end */
        Origin origin; /* of the claims that come; file NULL = every container's */
        const char *directive;
} ClaimBuilder;

void claim_origin_row(ClaimBuilder *b, DirectiveId id);
void claim_origin_step(ClaimBuilder *b, const PlanView *plan, const PlanStep *step);
void claim_origin_none(ClaimBuilder *b);

/* The claim to fill in with what differs from an ordinary one (a text answer that is equal, of the probe); text,
 * expected and words are copied. */
typedef struct ClaimText {
        ClaimTopic topic;
        ClaimView view;
        QuestionKind kind;
        const char *text;
        uint32_t number;
        uint64_t arguments[PROBE_ARGUMENTS];
        ClaimTest test;
        const char *expected;
} ClaimText;
void claim_add(ClaimBuilder *b, ClaimText claim, const char *words, ...) _printf_(3, 4);

/* The filter lets through every call that the question takes. */
bool claim_askable(const PolicySet *policies, QuestionKind kind);

void claims_of_process(ClaimBuilder *b);
void claims_of_filter(ClaimBuilder *b);
void claims_of_files(ClaimBuilder *b);
void claims_from_outside(ClaimBuilder *b);
