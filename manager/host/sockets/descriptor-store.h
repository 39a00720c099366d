/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a container has stored with FDSTORE=1: a part of Container that outlives its lives as FileDescriptorStorePreserve=
 * says. The keeper holds the same, so that neither end loses anything with the other; what is said here is there once the
 * keeper has it. */

#include <systemd/sd-event.h>

#include "manager/host/sockets/close-apart.h"
#include "manager/keeper/protocol.h"

typedef struct Stored Stored;

typedef struct DescriptorStore {
        Stored *first; /* in the order in which they came */
        size_t n;
        Stored **order; /* the same, as descriptor_compare() orders their files: room for KEEPER_STORE_MAX from the first on */
        CloseApart *closing;
} DescriptorStore;
