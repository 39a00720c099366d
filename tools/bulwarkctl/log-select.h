/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which log lines are wanted: --since, --until, --priority, --grep. */

#include <regex.h>

#include "tools/bulwarkctl/log-reader.h"
#include "tools/bulwarkctl/options.h"

typedef struct LogSelection {
        uint64_t since, until; /* 0 = no such limit */
        unsigned priorities;   /* a bit each; 0 = all */
        bool has_pattern;
        regex_t pattern;
        bool (*wanted)(const LogEntry *e, void *userdata); /* NULL = all */
        void *userdata;
} LogSelection;

/* -EINVAL with words (owned) where the pattern is none. */
int log_selection_init(LogSelection *s, const Options *o, char **reterr);
void log_selection_done(LogSelection *s);
bool log_selection_is_all(const LogSelection *s);
bool log_selection_matches(const LogSelection *s, const LogEntry *e);
