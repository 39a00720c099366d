/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The %-specifiers of systemd.unit(5) that mean something for a container. */

#include "units/syntax/unit-load.h"

enum { SPECIFIER_RESULT_MAX = 64 * 1024 };

/* What a specifier brought into a path that is no name there: an empty one, "." or "..", or several. It would lead to another
 * place than the one that the unit shows: /srv/%i to /srv itself. */
typedef struct SpecifierMistake {
        char letter; /* 0 = none since it was last asked */
        const char *what;
} SpecifierMistake;

typedef struct SpecifierContext {
        const ContainerSpec *spec;   /* name, prefix, instance, fragment_path */
        const SpecifierFacts *facts; /* may be NULL: nothing of the host is known */
        SpecifierMistake *mistake;   /* kept from expand() to check_path(); may be NULL */
} SpecifierContext;

/* ValueContext.expand; userdata is a SpecifierContext. */
int specifier_expand(const ValueContext *c, const char *word, char **ret);

/* ValueContext.check_path */
int specifier_check_path(const ValueContext *c);

/* Undoes systemd's escaping of names: '-' becomes '/', "\xNN" a byte. -EINVAL where it is none. */
int name_unescape(const char *s, char **ret);
