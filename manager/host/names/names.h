/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a life has of its files with names. They lie in RUNTIME/names as FILE:CONTAINER from the preparation of the life to its end. */

#include "manager/host/names/hosts-file.h"

typedef struct Names {
        bool held, told; /* told: why its root has no place for one */
        HostsFile hosts; /* open where others come and go; fd is owned, negative = not open */
} Names;
