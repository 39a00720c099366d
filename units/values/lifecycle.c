/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* restart_policy, restart_mode, failure_mode, oom_policy, kill_mode, count: when a container is started again, and how often. */
#include <stdio.h>

#include "units/values/parse.h"

static const char *const restart_policy_words[] = {
        [RESTART_NO] = "no",
        [RESTART_ALWAYS] = "always",
        [RESTART_ON_SUCCESS] = "on-success",
        [RESTART_ON_FAILURE] = "on-failure",
        [RESTART_ON_ABNORMAL] = "on-abnormal",
        [RESTART_ON_ABORT] = "on-abort",
        [RESTART_ON_WATCHDOG] = "on-watchdog",
        [_RESTART_POLICY_MAX] = NULL,
};
static const char *const restart_mode_words[] = {
        [RESTART_MODE_NORMAL] = "normal",
        [RESTART_MODE_DIRECT] = "direct",
        [_RESTART_MODE_MAX] = NULL,
};
static const char *const failure_mode_words[] = {
        [FAILURE_TERMINATE] = "terminate",
        [FAILURE_ABORT] = "abort",
        [FAILURE_KILL] = "kill",
        [_FAILURE_MODE_MAX] = NULL,
};

DEFINE_CHOICE_TYPE(restart_policy, restart_policy_words, RESTART_NO,
                   "no, always, on-success, on-failure, on-abnormal, on-abort or on-watchdog");
DEFINE_CHOICE_TYPE(restart_mode, restart_mode_words, RESTART_MODE_NORMAL, "normal or direct");
DEFINE_CHOICE_TYPE(failure_mode, failure_mode_words, FAILURE_TERMINATE, "terminate, abort or kill");

static const char *const oom_policy_words[] = {
        [OOM_POLICY_UNSET] = "",
        [OOM_POLICY_CONTINUE] = "continue",
        [OOM_POLICY_STOP] = "stop",
        [OOM_POLICY_KILL] = "kill",
        [_OOM_POLICY_MAX] = NULL,
};

DEFINE_CHOICE_TYPE(oom_policy, oom_policy_words, OOM_POLICY_UNSET, "continue, stop or kill; empty lets Bulwark choose");

const char *restart_policy_to_string(RestartPolicy p) {
        return (int)p >= 0 && p < _RESTART_POLICY_MAX ? restart_policy_words[p] : NULL;
}

/* --- kill_mode */

static const char *const kill_mode_words[] = {
        [KILL_MODE_MIXED] = "mixed",
        [KILL_MODE_CONTROL_GROUP] = "control-group",
        [_KILL_MODE_MAX] = NULL,
};

static int kill_mode_parse(const ValueContext *c, const char *text, void *field) {
        int v = 0, r;

        /* What they leave behind on a host cannot be left behind here, and the signal goes where theirs does. */
        if (streq(text, "process") || streq(text, "none")) {
                diag_warning(c->diag, ERROR_POLICY, &c->origin, c->directive,
                             "%s means mixed: the kernel ends every process of a container with its first one, and none "
                             "is ever left behind", text);
                text = kill_mode_words[KILL_MODE_MIXED];
        }
        r = value_choice_parse(c, text, kill_mode_words, KILL_MODE_MIXED, &v);
        if (r >= 0)
                *(value_kill_mode *)field = (value_kill_mode)v;
        return r;
}

static int kill_mode_print(const void *field, char **ret) {
        return value_print_scalar(kill_mode_words[*(const value_kill_mode *)field], ret);
}

static int kill_mode_explode(const void *field, char ***ret) {
        return value_explode_one(kill_mode_words[*(const value_kill_mode *)field], ret);
}

const ValueType value_type_kill_mode = {
        .name = "kill_mode",
        .syntax = "mixed or control-group; process and none mean mixed",
        .signature = "s",
        .size = sizeof(value_kill_mode),
        .parse = kill_mode_parse,
        .print = kill_mode_print,
        .explode = kill_mode_explode,
        .words = kill_mode_words,
};

/* --- count */

static int count_parse(const ValueContext *c, const char *text, void *field) {
        uint64_t v = 0;

        if (!value_is_reset(text) && (parse_u64(text, &v) < 0 || v > UINT32_MAX))
                return value_error(c, "'%s' is not a number from 0 to %u", text, UINT32_MAX);
        *(value_count *)field = (value_count)v;
        return 0;
}

static int count_print(const void *field, char **ret) {
        return asprintf(ret, "%u", (unsigned)*(const value_count *)field) < 0 ? -ENOMEM : 0;
}

static int count_explode(const void *field, char ***ret) {
        return value_explode_u64(*(const value_count *)field, ret);
}

const ValueType value_type_count = {
        .name = "count",
        .syntax = "a number",
        .signature = "u",
        .size = sizeof(value_count),
        .parse = count_parse,
        .print = count_print,
        .explode = count_explode,
};
