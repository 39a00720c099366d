/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* notify_access: who in the container may talk to the manager. */
#include "units/values/parse.h"

static const char *const notify_access_words[] = {
        [NOTIFY_ACCESS_UNSET] = "",
        [NOTIFY_ACCESS_NONE] = "none",
        [NOTIFY_ACCESS_MAIN] = "main",
        [NOTIFY_ACCESS_EXEC] = "exec",
        [NOTIFY_ACCESS_ALL] = "all",
        [_NOTIFY_ACCESS_MAX] = NULL,
};

DEFINE_CHOICE_TYPE(notify_access, notify_access_words, NOTIFY_ACCESS_UNSET,
                   "none, main, exec or all; empty lets Bulwark choose");
