/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The SELinux backend: the domain and the labels of a unit, and what it needs beyond the base module. */

#include "policies/compile.h"

#define SELINUX_FILE_TYPE "bulwark_file_t"
#define SELINUX_SHARE_TYPE "bulwark_share_t" /* of trees that several containers share */

extern const PolicyBackend policy_backend_selinux;

/* The one place that makes CIL of a name: "bw_" and 16 hexadecimal digits of the digest, whatever the unit says. */
#define SELINUX_BLOCK_SIZE (sizeof("bw_") + 16)
void selinux_block_name(const Digest *digest, char ret[static SELINUX_BLOCK_SIZE]);

/* A tree of the host that a container writes to, and so has to have its label on disk. */
typedef struct SelinuxVolume {
        const char *path; /* borrowed from the spec */
        const char *base; /* below it no component may be a link; NULL = links that root alone could have made are followed */
        bool shared;      /* for every container: without categories */
        bool missing_ok;
        const Origin *origin;
        const char *directive;
} SelinuxVolume;
int selinux_volumes(const ContainerSpec *spec, SelinuxVolume **ret, size_t *ret_n); /* owned array */

/* Something is written to the root's own tree, which an overlay would keep to itself and lose: such a root has to have its
 * label on disk. */
bool selinux_root_is_written(const ContainerSpec *spec);
/* The same of a read-only bind, by ReadWritePaths= in it. */
bool selinux_bind_is_written(const ContainerSpec *spec, const BindMount *bind);

/* Paths that are never relabelled: the host itself would lose its labels. */
bool selinux_path_is_system(const char *path);
