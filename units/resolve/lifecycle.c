/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Contradictions between the settings of start, end and restart. */
#include "units/resolve/resolve-steps.h"

#define TIMEOUT_START (90 * USEC_PER_SEC)

static bool is_said(const ContainerSpec *s, DirectiveId id) {
        return container_spec_origin(s, id)->file;
}

void lifecycle_resolve(ContainerSpec *spec) {
        if (spec->timeout_start_usec == 0 && !is_said(spec, DIRECTIVE_TimeoutStartSec))
                spec->timeout_start_usec = spec->type == CONTAINER_TYPE_ONESHOT ? USEC_INFINITY : TIMEOUT_START;
        if (spec->timeout_start_usec == 0)
                spec->timeout_start_usec = USEC_INFINITY;
        if (spec->timeout_stop_usec == 0)
                spec->timeout_stop_usec = USEC_INFINITY;
        if (spec->timeout_abort_usec == 0)
                spec->timeout_abort_usec = is_said(spec, DIRECTIVE_TimeoutAbortSec) ? USEC_INFINITY : spec->timeout_stop_usec;
}

static int check_oneshot(const ContainerSpec *s, Diag *diag) {
        if (s->type != CONTAINER_TYPE_ONESHOT || (s->restart != RESTART_ALWAYS && s->restart != RESTART_ON_SUCCESS))
                return 0;
        return diag_error(diag, ERROR_CONFLICT, container_spec_origin(s, DIRECTIVE_Restart), "Restart",
                          "'%s' would run a Type=oneshot over and over, and never let its start come to an end; write "
                          "on-failure, or take Type=oneshot out",
                          restart_policy_to_string(s->restart));
}

/* As in systemd: what cannot have an effect is told, and refuses nothing. */
static void warn_of_steps(const ContainerSpec *s, Diag *diag) {
        if (s->restart_steps > 0 && s->restart_max_delay_usec == USEC_INFINITY)
                diag_warning(diag, ERROR_CONFLICT, container_spec_origin(s, DIRECTIVE_RestartSteps), "RestartSteps",
                             "has no effect without RestartMaxDelaySec=");
        else if (s->restart_steps == 0 && s->restart_max_delay_usec != USEC_INFINITY)
                diag_warning(diag, ERROR_CONFLICT, container_spec_origin(s, DIRECTIVE_RestartMaxDelaySec),
                             "RestartMaxDelaySec", "has no effect without RestartSteps=");
        else if (s->restart_steps > 0 && s->restart_max_delay_usec < s->restart_usec)
                diag_warning(diag, ERROR_CONFLICT, container_spec_origin(s, DIRECTIVE_RestartMaxDelaySec),
                             "RestartMaxDelaySec", "is less than RestartSec=, and has no effect");
}

static void warn_of_kill(const ContainerSpec *s, Diag *diag) {
        if (!s->send_sigkill && s->final_kill_signal > 0)
                diag_warning(diag, ERROR_CONFLICT, container_spec_origin(s, DIRECTIVE_FinalKillSignal), "FinalKillSignal",
                             "has no effect with SendSIGKILL=no");
}

/* Where the line comes from a Quadlet file, a shell reads it; here they are arguments of the program. */
static void warn_of_shell_words(const value_exec_list *list, const char *directive, Diag *diag) {
        static const char *const words[] = { "||", "&&", "|", "&", ";", ">", ">>", "<", "2>&1", ">/dev/null" };

        for (size_t i = 0; i < list->n; i++)
                for (char *const *a = list->items[i].argv; a && *a; a++)
                        for (size_t k = 0; k < ELEMENTSOF(words); k++)
                                if (streq(*a, words[k])) {
                                        diag_warning(diag, ERROR_BAD_VALUE, &list->items[i].origin, directive,
                                                     "'%s' is an argument of the program here, since no shell reads the line; "
                                                     "write /bin/sh -c '...'", *a);
                                        return;
                                }
}

/* TimeoutStartSec= ends a start that waits for the first good check, and bad ones are not counted before this period ends. */
static void warn_of_late_health(const ContainerSpec *s, Diag *diag) {
        const uint64_t timeout = s->timeout_start_usec > 0 ? s->timeout_start_usec : TIMEOUT_START;

        if (s->notify == READY_HEALTHY && is_said(s, DIRECTIVE_HealthStartPeriod) && s->timeout_start_usec != USEC_INFINITY &&
            (s->timeout_start_usec > 0 || !is_said(s, DIRECTIVE_TimeoutStartSec)) && s->health_start_period_usec >= timeout)
                diag_warning(diag, ERROR_CONFLICT, container_spec_origin(s, DIRECTIVE_HealthStartPeriod), "HealthStartPeriod",
                             "is not shorter than TimeoutStartSec=, which ends a start with Notify=healthy before");
}

/* systemd-nspawn adds to its list; here, as in a service, a list takes the default's place, and no init starts with less. */
static void warn_of_boot_filter(const ContainerSpec *s, Diag *diag) {
        const value_syscall_filter *f = &s->system_call_filter;

        if (!s->boot || f->n == 0 || f->items[0].negate)
                return;
        for (size_t i = 0; i < f->n; i++)
                if (streq(f->items[i].name, "@boot-container") && !f->items[i].negate)
                        return;
        diag_warning(diag, ERROR_POLICY, &f->items[0].origin, "SystemCallFilter",
                     "takes the place of what an init needs; add @boot-container to the list");
}

int lifecycle_check(const ContainerSpec *spec, Diag *diag) {
        warn_of_steps(spec, diag);
        warn_of_kill(spec, diag);
        warn_of_shell_words(&spec->health_cmd, "HealthCmd", diag);
        warn_of_shell_words(&spec->health_startup_cmd, "HealthStartupCmd", diag);
        warn_of_late_health(spec, diag);
        warn_of_boot_filter(spec, diag);
        return check_oneshot(spec, diag);
}
