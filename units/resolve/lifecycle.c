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

int lifecycle_check(const ContainerSpec *spec, Diag *diag) {
        warn_of_steps(spec, diag);
        warn_of_kill(spec, diag);
        return check_oneshot(spec, diag);
}
