/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What bulwark-image was asked to do. */

#include "manager/base/diag.h"

typedef struct CommandOptions {
        const char *store;
        bool json, pretty, no_legend, quiet, force, dry_run, all;
        char **arguments; /* borrowed */
        size_t n_arguments;
} CommandOptions;

/* < 0: diag has the reason. */
typedef int (*Command)(const CommandOptions *o, Diag *diag);

/* Tells on standard error what diag has collected. */
void command_report(const Diag *diag);

#define COMMAND(name, function, arguments, min, max) int command_##function(const CommandOptions *o, Diag *diag);
#include "tools/bulwark-image/commands.inc"
#undef COMMAND
