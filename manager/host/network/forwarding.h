/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which interfaces have to take packets that are not for this host, so that containers have a way out, and which of them do so for us
 * alone: what comes in by these and is not for a container is dropped by our rules, as it was before. Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum ForwardingAnswer {
        FORWARDING_LEFT,   /* as it is */
        FORWARDING_OWN,    /* a container's: on */
        FORWARDING_OPENED, /* on for us alone */
} ForwardingAnswer;

typedef struct ForwardingFacts {
        bool all;      /* the host forwards anyway */
        bool own;      /* of a container's, or of a zone */
        bool loopback;
        bool port;     /* of a bridge, whose interface counts */
        bool on;       /* it forwards now */
        bool by_us;    /* since we have written that */
} ForwardingFacts;

ForwardingAnswer forwarding_judge(const ForwardingFacts *f);
