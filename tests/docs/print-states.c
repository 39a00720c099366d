/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints the state table, for the test that holds bulwarkd(8) against it. */
#include <stdio.h>
#include <stdlib.h>

#include "manager/container/container-state.h"

int main(void) {
        char *text = NULL;

        if (container_transitions_print(&text) < 0 || fputs(text, stdout) == EOF)
                return 1;
        free(text);
        return 0;
}
