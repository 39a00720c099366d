/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Protections that a unit switches on with one word, as data: what each takes away whatever else the unit says. */

#include "units/spec/container-spec.h"

typedef struct Protection {
        DirectiveId id;
        bool (*on)(const ContainerSpec *s);
        uint64_t capabilities; /* not among the container's, also where AddCapability= names them */
        const char *calls;     /* system calls and groups that are denied, also where SystemCallFilter= allows them; NULL = none */
        const char *hidden[3]; /* places that are inaccessible, where they exist */
        const char *why_not;   /* why "no" is refused, and what to write instead; NULL = it has a meaning */
} Protection;
extern const Protection protections[];
size_t protections_count(void);

/* All that is taken away, and who takes a capability: NULL = none does. */
uint64_t protections_capabilities(const ContainerSpec *s);
const Origin *protections_origin(const ContainerSpec *s, unsigned capability);
