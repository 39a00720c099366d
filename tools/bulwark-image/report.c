/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "tools/bulwark-image/command.h"

void command_report(const Diag *diag) {
        for (size_t i = 0; i < diag->n_entries; i++) {
                const DiagEntry *e = diag->entries + i;

                (void)fprintf(stderr, "%s: %s\n", e->level == DIAG_ERROR ? "Error" : "Note", e->text);
        }
}
