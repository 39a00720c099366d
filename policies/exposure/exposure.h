/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How much of the host a unit leaves within reach, as one number from 0.0 (nothing) to 10.0, in the manner of
 * systemd-analyze security: each row has a weight and is open by 0 to 10. It tells units apart; it is no proof. Pure. */

#include "policies/compile.h"

typedef struct ExposureRow {
        const char *name; /* the directive, or what else decides */
        unsigned weight;
        const char *why;  /* what an attacker gains where it is open */
        unsigned (*open)(const PolicySet *set); /* 0 to 10 */
} ExposureRow;
extern const ExposureRow exposure_rows[];
size_t exposure_rows_count(void);

unsigned exposure_tenths(const PolicySet *set); /* 0 to 100 */
const char *exposure_word(unsigned tenths);     /* "safe" ... "dangerous" */
/* Refuses what is above ExposureMax=, with the rows that weigh most. */
int exposure_check(const PolicySet *set, Diag *diag);
