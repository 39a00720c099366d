/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The policy verbs, and what they share: layers, origins, lines on a terminal. */

#include "tools/bulwark-analyze/analysis.h"

int verb_policy_show(const Options *o);
int verb_policy_diff(const Options *o);
int verb_policy_export(const Options *o);

/* Was the layer asked for? All are where none was named. */
bool layer_wanted(const Options *o, size_t backend);
/* Why the layer does not confine the payload on this host; NULL = it does. Owned by *ret. */
int layer_note(const Analysis *a, const char *layer, char **ret);

/* "web.container:7", or "default". */
int origin_to_string(const Origin *origin, char **ret);
/* The directive that stands there; NULL where none does. Static. */
int verb_security(const Options *o);
const char *origin_directive(const Origin *origin);
/* Adds file, line and directive. */
int origin_to_json(const Origin *origin, json_object *to);

typedef enum Shade {
        SHADE_PLAIN,
        SHADE_BOLD,
        SHADE_RED,
        SHADE_GREEN,
        SHADE_YELLOW,
        _SHADE_MAX,
} Shade;
typedef struct Screen {
        size_t width; /* SIZE_MAX = standard output is no terminal: lines are as long as they are */
        bool colors;
} Screen;
Screen screen_of_stdout(void);
void screen_shade(const Screen *s, Shade shade); /* SHADE_PLAIN ends any other */
/* The cursor stands in a column: text, broken at blanks where it would not fit, and the end of the line. */
void screen_text(const Screen *s, size_t column, const char *text);
