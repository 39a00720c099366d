/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An event of a container as one line of JSON. */

#include "manager/container/manager.h"

/* Owned. */
int life_event_text(const Container *c, EventKind kind, const char *words, char **ret);
/* Is there a row for this name among the details of event-kinds.inc? */
bool life_detail_known(const char *name);
/* Appends a JSON string: control characters escaped, at most max bytes of it. text is UTF-8. */
int life_append_string(char **text, const char *s, size_t max);
