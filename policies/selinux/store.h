/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The host's policy store, by libsemanage: for bulwark-policy only. Slow (seconds), and a failed transaction changes
 * nothing. Says what it does on standard output, what went wrong on standard error. */

#include "manager/base/util.h"

#define STORE_BASE_MODULE "bulwark"
#define STORE_UNITS_MODULE "bulwark_units"

typedef struct StoreOptions {
        const char *root; /* of a system that is being built; NULL = this one */
        bool no_reload;   /* the kernel keeps the policy it has */
} StoreOptions;

int store_available(void); /* -EOPNOTSUPP where it was built without libsemanage */
/* Each is one transaction; nothing is done where the store is so already. The base module: */
int store_install(const StoreOptions *options, const char *text, size_t size);
/* Base module, the module of all units, and their ports. */
int store_remove(const StoreOptions *options);
/* The module of all units and the ports that they are for; "" takes both out. */
int store_sync(const StoreOptions *options, const char *text);
/* Gives the path and all below the labels of the host's file contexts. */
int store_restore_labels(const char *path);
