/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The %-specifiers of systemd.unit(5) that mean something for a container. */

#include "units/syntax/unit-load.h"

enum { SPECIFIER_RESULT_MAX = 64 * 1024 };

typedef struct SpecifierContext {
        const ContainerSpec *spec;   /* name, prefix, instance, fragment_path */
        const SpecifierFacts *facts; /* may be NULL: nothing of the host is known */
} SpecifierContext;

/* ValueContext.expand; userdata is a SpecifierContext. */
int specifier_expand(const ValueContext *c, const char *word, char **ret);

/* Undoes systemd's escaping of names: '-' becomes '/', "\xNN" a byte. -EINVAL where it is none. */
int name_unescape(const char *s, char **ret);
