/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "tools/bulwarkctl/verbs.h"

/* From now on, each time one of the containers on the command line says what its start is at, a line goes to standard
 * error; not with --quiet or --no-block. */
int progress_show(Context *c);
