/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Checks of a whole unit, for spec_check() alone: what no single line can know. Each tells all that it finds; the answer is 0,
 * or the error code that its last finding has. */

#include "units/resolve/resolve-steps.h"

/* What every check sees. */
typedef struct Check {
        const ContainerSpec *spec;
        const HostFacts *host;
        const UnitFacts *facts;
        Diag *diag;
} Check;

static inline const Origin *where(const Check *c, DirectiveId id) {
        return container_spec_origin(c->spec, id);
}

static inline bool is_set(const Check *c, DirectiveId id) {
        return container_spec_origin(c->spec, id)->file;
}

static inline int worse(int error, int r) {
        return r < 0 ? r : error;
}

int check_filters(const Check *c);
int check_network(const Check *c);
int check_names(const Check *c);
int check_memory(const Check *c);
int check_tasks(const Check *c);
int check_partition(const Check *c);
