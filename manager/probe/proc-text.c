/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdbool.h>
#include <string.h>

#include "manager/probe/proc-text.h"

void proc_fold(char *text) {
        char *to = text;

        for (const char *from = text; *from; from++) {
                if (!strchr(" \t\n\r", *from))
                        *to++ = *from;
                else if (to > text && to[-1] != ' ')
                        *to++ = ' ';
        }
        if (to > text && to[-1] == ' ')
                to--;
        *to = 0;
}

bool proc_field(const char *status, const char *name, char *value, size_t size) {
        size_t n = strlen(name), length;

        for (const char *line = status; *line; line += strcspn(line, "\n"), line += *line == '\n') {
                if (strncmp(line, name, n) != 0 || line[n] != ':')
                        continue;
                line += n + 1;
                length = strcspn(line, "\n");
                if (length >= size)
                        return false;
                memcpy(value, line, length);
                value[length] = 0;
                proc_fold(value);
                return true;
        }
        return false;
}
