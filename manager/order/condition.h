/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether a container may start by its Condition...= and Assert...=: facts of the host in, decision out. Pure. The facts
 * of one question are what manager/host/conditions/ has looked at for it. */

#include "units/resolve/resolve.h"

typedef struct ConditionFacts {
        /* of what a path leads to */
        bool exists, directory, symlink, socket, mount_point, writable, encrypted;
        bool not_empty;  /* a directory with entries; a regular file with bytes */
        bool executable; /* a regular file that may be executed */
        /* of everything else, as its kind needs it */
        bool flag;
        uint64_t number;
        char *text; /* owned; NULL = the host has none */
} ConditionFacts;
void condition_facts_done(ConditionFacts *f);

/* The answer to the question itself, before '!'. */
bool condition_holds(ConditionKind kind, const char *parameter, const ConditionFacts *f);

/* Who looks at the host. */
typedef int (*ConditionGather)(ConditionKind kind, const char *parameter, const HostFacts *host, ConditionFacts *ret);

typedef struct ConditionVerdict {
        bool met;
        bool asserts;                /* an Assert...= was not met */
        DirectiveId directive;       /* the one that was not met; of triggers the last */
        const ConditionItem *item;
} ConditionVerdict;

/* Conditions first, then asserts, as systemd. All without '|' must hold, and of those with it one, whatever its kind. */
ConditionVerdict conditions_judge(const ContainerSpec *spec, const HostFacts *host, ConditionGather gather);
/* "ConditionPathExists=/x was not met (web.container:3)" */
int condition_verdict_to_string(const ConditionVerdict *v, char **ret);
