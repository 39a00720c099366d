/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which files with names the manager gives a container: each is a row, and lies over what its root has at that path. */

#include "units/spec/container-spec.h"

typedef enum NameFile {
        NAME_FILE_HOSTS,
        NAME_FILE_RESOLV_CONF,
        NAME_FILE_HOSTNAME,
        _NAME_FILE_MAX,
        _NAME_FILE_INVALID = -EINVAL,
} NameFile;

typedef struct NameFileRow {
        const char *name; /* of the slot, and among the manager's own files */
        const char *path; /* in the container */
        bool made;        /* where the root has none, a place is made for it */
} NameFileRow;
extern const NameFileRow name_files[_NAME_FILE_MAX];
NameFile name_file_from_string(const char *name);

/* Whether the container gets the file. *ret_row, which may be NULL: the row that asks for it, without which the start has failed;
 * _DIRECTIVE_MAX: it is a default, which a root may make impossible. */
bool container_spec_gets_file(const ContainerSpec *s, NameFile file, DirectiveId *ret_row);
/* A bind of the unit at the file's path or above it: what stands there is the unit's own affair. NULL = there is none. */
const BindMount *container_spec_bound_file(const ContainerSpec *s, NameFile file);

/* Whether both are on the same network beside loopback, so that they reach each other by name. */
bool container_spec_shares_network(const ContainerSpec *a, const ContainerSpec *b);
