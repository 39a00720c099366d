/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* StateDirectory= and its four kin as one table: systemd.exec(5). Each name is a directory of the host that the manager makes
 * for the unit and binds into the container at the same place. What they bind is derived from the draft when it is read, as
 * items of bind_paths and bind_read_only_paths that name their directive, so that plan and policies know of binds alone. */

#include "units/spec/container-spec.h"

typedef struct ServiceDirectoryKind {
        DirectiveId names, mode; /* mode: _DIRECTIVE_INVALID where none is made */
        const char *base;     /* on the host and in the container */
        const char *variable; /* of the payload's environment: the paths, separated by colons */
        bool idmap;           /* the disk has the container's own ids; else those that they are mapped to (/run: a tmpfs of an old
                               * kernel cannot be mapped) */
        bool given;           /* bound read-only where the host has it, never made: configuration belongs to the administrator */
} ServiceDirectoryKind;

#define SERVICE_DIRECTORY_KINDS 5
extern const ServiceDirectoryKind service_directory_kinds[SERVICE_DIRECTORY_KINDS];

const value_directories *service_directories_of(const ContainerSpec *s, const ServiceDirectoryKind *kind);
/* Where the directory of a derived bind lies; NULL: another's bind. */
const char *service_directory_base(const BindMount *b);
/* Once, of a draft that was read whole. -ENOMEM. */
int service_directories_derive(ContainerSpec *draft);
/* "/var/lib/web:/var/lib/other"; NULL where the unit has none. Owned. -ENOMEM. */
int service_directories_value(const ContainerSpec *s, const ServiceDirectoryKind *kind, char **ret);
