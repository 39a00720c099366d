/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Why a launch came to nothing: the step that failed, as whoever asked for the launch is told. Part of the keeper's
 * protocol, so that its size and its fields stay as they are. */

#include <stdint.h>

typedef struct StepFailure {
        uint16_t kind;   /* StepKind */
        uint16_t index;  /* in the plan */
        int32_t error;   /* negative errno */
        uint32_t detail; /* step's own: e.g. which candidate, which of several calls (enum in steps' code) */
        uint32_t reserved;
} StepFailure;
