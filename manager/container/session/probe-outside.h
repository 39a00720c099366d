/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the host knows of a container, and the answers that can be read from outside. */

#include "manager/claims/claims.h"
#include "manager/container/manager.h"

typedef struct OutsideFacts {
        ClaimFacts facts; /* borrows the rest */
        char *host[_CLAIM_NAMESPACE_MAX], *leader[_CLAIM_NAMESPACE_MAX];
} OutsideFacts;
void outside_facts_done(OutsideFacts *f);
/* With those of the leader where one runs. -ESRCH: it has just ended. */
int outside_facts(const Container *c, OutsideFacts *ret);
/* Answers what is claimed of leader and payload. -ESRCH: they have ended meanwhile. */
int outside_answer(const Container *c, Claims *claims);
