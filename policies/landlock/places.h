/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the unit lets the payload do where: the root, every mount, and every path with a protection of its own. A place
 * speaks for everything below it up to the next one. */

#include "manager/base/landlock-abi.h"
#include "units/spec/container-spec.h"

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_MAKE_DEVICE (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK)
/* Devices apart: who may make those is told by the capabilities. */
#define FS_WRITE                                                                                              \
        (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |              \
         LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |                    \
         LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER |                       \
         LANDLOCK_ACCESS_FS_TRUNCATE)
#define FS_ALL ((LANDLOCK_ACCESS_FS_IOCTL_DEV << 1) - 1)

typedef struct Place {
        const char *path; /* borrowed from the spec, or constant */
        uint64_t base;    /* rights of what is mounted there */
        uint64_t want;    /* after the unit's protections; listing is never taken away, see landlock.c */
        bool missing_ok;
        bool mount;       /* of the unit's: what is said of a directory above does not make it read-only */
        bool kernel;      /* a file system of the kernel's own, the same in every container */
        const Origin *origin; /* of what made it a place; NULL = built in */
        const char *directive;
} Place;
typedef struct Places {
        Place *items; /* sorted by path: an ancestor stands before what is below it */
        size_t n;
} Places;

int places_collect(const ContainerSpec *spec, bool makes_devices, Places *ret);
static inline void places_done(Places *p) {
        free(p->items);
        *p = (Places){};
}

/* The part of path below top ("" for top itself), or NULL where it is not there. */
const char *path_below(const char *path, const char *top);
