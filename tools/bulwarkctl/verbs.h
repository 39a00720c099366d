/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The commands. Each takes the whole context and answers with the exit status of the program. */

#include "tools/bulwarkctl/client.h"
#include "tools/bulwarkctl/options.h"
#include "tools/bulwarkctl/ui.h"

struct Context {
        const Options *options;
        Client client;
        Ui ui;
        json_object *more; /* of list: properties by container, while it runs */
        char **names; /* that the arguments mean: names.h; owned */
};

#define VERB(name, function, ...) int verb_##function(Context *c);
#include "tools/bulwarkctl/verbs.inc"
#undef VERB

/* Checks a container's unit as it would be with this search path; mistakes go to standard error. Its exit status. */
int offline_verify(const char *unit_path, const char *name);

/* Whether the unit is enabled, for this boot or every one. */
bool unit_is_enabled(const Context *c, const char *name);

/* Writes the whole help, or one command's. */
void help_print(const Ui *ui, const Verb *verb);

/* The exit status of a payload: its own, or 128 + the signal. code is a CLD_*; anything else is unknown:
 * -ENODATA. */
int payload_exit_status(int code, int status);

/* The exit status that a shell gives where the program could not be run, from the name of the manager's error: 127 where it
 * was not found, 126 where it could not be executed; -ENODATA where the error is another. */
int program_failure_status(const char *error_name);
