/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* SeccompProfile=: a profile of OCI runtimes, as JSON, read into rules. It comes from whoever wrote a profile for somebody else's
 * containers, so it is bounded, nothing in it is passed over, and it can only take away: what it allows is what the unit's own
 * filter allows, too. */

#include "policies/compile.h"

typedef enum OciCompare {
        OCI_COMPARE_NE,
        OCI_COMPARE_LT,
        OCI_COMPARE_LE,
        OCI_COMPARE_EQ,
        OCI_COMPARE_GE,
        OCI_COMPARE_GT,
        OCI_COMPARE_MASKED_EQ, /* (argument & value) == second */
        _OCI_COMPARE_MAX,
} OciCompare;

typedef struct OciCondition {
        uint32_t argument;
        OciCompare compare;
        uint64_t value, second;
} OciCondition;

typedef struct OciAnswer {
        int action; /* SYSCALL_ALLOW, an errno or SYSCALL_ERROR_KILL */
        bool logged;
} OciAnswer;

#define OCI_ARGUMENTS_MAX 6
typedef struct OciRule {
        uint32_t number;
        OciAnswer answer;
        OciCondition conditions[OCI_ARGUMENTS_MAX]; /* all of them hold, or the rule says nothing */
        size_t n_conditions;
        size_t order; /* in which they stand in the file */
} OciRule;

typedef struct OciProfile {
        OciAnswer fallback; /* of a call that no rule is about, or of whose rules none says anything */
        OciRule *rules;     /* by number; of one call the strictest first, and what holds without conditions is the last */
        size_t n_rules;
        bool set;
} OciProfile;

/* Consumes nothing; path is for words. All mistakes are reported, the first of them at once: what follows may follow from it. */
int oci_profile_read(const char *text, const char *path, uint64_t bounding, const Origin *origin, Diag *diag, OciProfile *ret);
void oci_profile_done(OciProfile *p);

/* The rules of one call, as they are to be asked: the first whose conditions hold decides, else *ret_else. n 0: *ret_else is the
 * answer whatever the arguments. *ret_said: some rule names the call. */
const OciRule *oci_profile_rules(const OciProfile *p, uint32_t number, size_t *ret_n, OciAnswer *ret_else, bool *ret_said);

/* kill is stricter than an errno, that than being allowed. */
bool oci_stricter(int a, int b);
