/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints the state table, or its diagram, for the test that holds bulwarkd(8) against them. */
#include <stdio.h>
#include <stdlib.h>

#include "manager/container/container-state.h"

int main(int argc, char **argv) {
        char *text = NULL;

        if ((argc > 1 ? container_states_draw(&text) : container_transitions_print(&text)) < 0 || fputs(text, stdout) == EOF)
                return 1;
        free(text);
        return 0;
}
