/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* notify_access, store_preserve, ready_mode, health_failure: who in the container may talk to the manager, what it keeps for
 * it, when it counts as started, and what follows when it is not well. */
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

static const char *const store_preserve_words[] = {
        [STORE_PRESERVE_NO] = "no",
        [STORE_PRESERVE_RESTART] = "restart",
        [STORE_PRESERVE_YES] = "yes",
        [_STORE_PRESERVE_MAX] = NULL,
};

DEFINE_CHOICE_TYPE(store_preserve, store_preserve_words, STORE_PRESERVE_RESTART, "no, restart or yes");

static const char *const ready_mode_words[] = {
        [READY_NO] = "no",
        [READY_HEALTHY] = "healthy",
        [_READY_MODE_MAX] = NULL,
};
static const char *const health_failure_words[] = {
        [HEALTH_FAILURE_NONE] = "none",
        [HEALTH_FAILURE_KILL] = "kill",
        [HEALTH_FAILURE_RESTART] = "restart",
        [HEALTH_FAILURE_STOP] = "stop",
        [_HEALTH_FAILURE_MAX] = NULL,
};

DEFINE_CHOICE_TYPE(ready_mode, ready_mode_words, READY_NO, "no or healthy");
DEFINE_CHOICE_TYPE(health_failure, health_failure_words, HEALTH_FAILURE_NONE, "none, kill, restart or stop");
