/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>

#include "tools/bulwarkctl/verbs.h"

#define ANY VERB_ANY
const Verb verb_rows[] = {
#define VERB(n, function, args, least, most, g, accepted, complete, bits, text)                             \
        {.name = n,                                                                                         \
         .run = verb_##function,                                                                            \
         .arguments = args,                                                                                 \
         .min = least,                                                                                      \
         .max = most,                                                                                       \
         .group = GROUP_##g,                                                                                \
         .options = accepted,                                                                               \
         .completion = COMPLETE_##complete,                                                                 \
         .flags = bits,                                                                                     \
         .help = text },
#include "tools/bulwarkctl/verbs.inc"
#undef VERB
};
#undef ANY
const size_t n_verb_rows = ELEMENTSOF(verb_rows);

int payload_exit_status(int code, int status) {
        switch (code) {
        case CLD_EXITED:
                return status & 0xff;
        case CLD_KILLED:
        case CLD_DUMPED:
                return 128 + (status & 0x7f);
        default:
                return -ENODATA;
        }
}

int program_failure_status(const char *error_name) {
        switch (error_code_from_bus_name(strempty(error_name))) {
        case ERROR_NO_PROGRAM:
                return 127;
        case ERROR_EXEC:
                return 126;
        default:
                return -ENODATA;
        }
}
