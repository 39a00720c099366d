/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/string-list.h"
#include "manager/container/container-state.h"

#define TO(action, next) { ACTION_##action, CONTAINER_##next, true }

/* Rows of every state in which commands of the unit run, one after another. */
#define COMMANDS_OF(state)                                                                                    \
        [EVENT_STARTED] = TO(NONE, state), [EVENT_NOT_STARTED] = TO(CLEAN, CLEANING),                         \
        [EVENT_COMMAND_ENDED] = TO(REAP, state), [EVENT_EMPTIED] = TO(RUN, state),                            \
        [EVENT_COMMAND_FAILED] = TO(CLEAN, CLEANING)
/* The life has to end for a reason of its own: as by a stop, or, where nobody is there to be asked, at once. */
#define DOOMED                                                                                                \
        [EVENT_MAC_LOST] = TO(KILL, KILLING), [EVENT_DOOM] = TO(TERMINATE, STOPPING),                         \
        [EVENT_DOOM_ABORT] = TO(ABORT, STOPPING), [EVENT_DOOM_KILL] = TO(KILL, KILLING)
#define DOOMED_AT_ONCE                                                                                        \
        [EVENT_MAC_LOST] = TO(KILL, KILLING), [EVENT_DOOM] = TO(KILL, KILLING),                               \
        [EVENT_DOOM_ABORT] = TO(KILL, KILLING), [EVENT_DOOM_KILL] = TO(KILL, KILLING)

/* THE table. A row is a state: its name, systemd's words, its phase, whose commands run in it, which timers may run in it,
 * whether the record of an end may name it; then what happens on which event. Preparing is one local call and never waits,
 * so nothing but its own end can happen there. An event that comes late (the leader ends after cgroup.kill emptied the
 * cgroup; STARTED after a stop) has a cell; one that cannot come has none. */
static const StateRow states[_CONTAINER_STATE_MAX] = {
        [CONTAINER_INACTIVE] = { "inactive", "inactive", "dead", PHASE_DOWN, COMMAND_NONE, 0, true, {
                [EVENT_START]        = TO(ASSEMBLE, ASSEMBLING),
                [EVENT_START_LIMIT]  = TO(NONE, FAILED),
                [EVENT_RESTART]      = TO(WAIT, RESTARTING),
                [EVENT_LISTEN]       = TO(LISTEN, LISTENING),
        } },
        [CONTAINER_ASSEMBLING] = { "assembling", "activating", "assembling", PHASE_COMING, COMMAND_NONE, 0, false, {
                [EVENT_ASSEMBLED]     = TO(PREPARE, PREPARING),
                [EVENT_NOT_ASSEMBLED] = TO(NONE, FAILED),
                [EVENT_STOP]          = TO(FORGET, INACTIVE), /* what is being compiled ends up in the cache */
        } },
        [CONTAINER_PREPARING] = { "preparing", "activating", "preparing", PHASE_COMING, COMMAND_NONE, 0, false, {
                [EVENT_PREPARED]     = TO(RUN, CONDITION),
                [EVENT_UNVERIFIED]   = TO(VERIFY, PROBING),
                [EVENT_NOT_PREPARED] = TO(JUDGE, FAILED),
        } },
        [CONTAINER_PROBING] = { "probing", "activating", "start-probe", PHASE_COMING, COMMAND_NONE, TIMER_START, false, {
                [EVENT_VERIFIED]     = TO(RUN, CONDITION),
                [EVENT_NOT_STARTED]  = TO(CLEAN, CLEANING),
                DOOMED_AT_ONCE,
                [EVENT_STOP]         = TO(KILL, KILLING), /* the probe's end is NOT_STARTED then */
        } },
        [CONTAINER_CONDITION] = { "condition", "activating", "condition", PHASE_COMING, COMMAND_CONDITION, TIMER_START, false, {
                COMMANDS_OF(CONDITION),
                [EVENT_COMMANDS_DONE] = TO(RUN, START_PRE),
                DOOMED,
                [EVENT_STOP]         = TO(TERMINATE, STOPPING),
        } },
        [CONTAINER_START_PRE] = { "start-pre", "activating", "start-pre", PHASE_COMING, COMMAND_START_PRE, TIMER_START, false, {
                COMMANDS_OF(START_PRE),
                [EVENT_COMMANDS_DONE] = TO(LAUNCH, LAUNCHING),
                DOOMED,
                [EVENT_STOP]         = TO(TERMINATE, STOPPING),
        } },
        [CONTAINER_LAUNCHING] = { "launching", "activating", "start", PHASE_COMING, COMMAND_NONE, TIMER_START, false, {
                [EVENT_CLONED]       = TO(NONE, RUNNING),
                [EVENT_STARTED]      = TO(NONE, RUNNING),
                [EVENT_NOT_STARTED]  = TO(CLEAN, CLEANING),
                [EVENT_ENDED]        = TO(CLEAN, CLEANING),
                DOOMED_AT_ONCE,
                [EVENT_STOP]         = TO(KILL, KILLING), /* no payload yet that could end by itself */
        } },
        [CONTAINER_RUNNING] = { "running", "active", "running", PHASE_UP, COMMAND_NONE, TIMER_START | TIMER_RUN, false, {
                [EVENT_STARTED]      = TO(NONE, RUNNING), /* Type=simple counts as running before */
                [EVENT_NOT_STARTED]  = TO(CLEAN, CLEANING),
                [EVENT_ENDED]        = TO(CLEAN, CLEANING),
                DOOMED,
                [EVENT_STOP]         = TO(RUN, STOP),
                [EVENT_STOPPING]     = TO(AWAIT_END, STOPPING),
                [EVENT_READY]        = TO(RUN, START_POST),
                [EVENT_RELOAD]       = TO(RELOAD, RELOADING),
        } },
        [CONTAINER_START_POST] = { "start-post", "activating", "start-post", PHASE_COMING, COMMAND_START_POST, TIMER_START, false, {
                COMMANDS_OF(START_POST),
                [EVENT_COMMANDS_DONE] = TO(NONE, RUNNING),
                [EVENT_COMMANDS_OVER] = TO(CLEAN, CLEANING),
                [EVENT_ENDED]        = TO(CLEAN, CLEANING),
                DOOMED,
                [EVENT_STOP]         = TO(TERMINATE, STOPPING), /* it has not started: no ExecStop= */
                [EVENT_STOPPING]     = TO(AWAIT_END, STOPPING),
        } },
        [CONTAINER_RELOADING] = { "reloading", "reloading", "reload", PHASE_UP, COMMAND_RELOAD, TIMER_START | TIMER_RUN | TIMER_RELOAD, false, {
                [EVENT_EMPTIED]      = TO(RUN, RELOADING),
                [EVENT_COMMANDS_DONE] = TO(NONE, RUNNING),
                [EVENT_COMMAND_FAILED] = TO(NONE, RUNNING), /* it runs on as it is */
                [EVENT_ENDED]        = TO(CLEAN, CLEANING),
                DOOMED,
                [EVENT_STOP]         = TO(RUN, STOP),
                [EVENT_STOPPING]     = TO(AWAIT_END, STOPPING),
        } },
        [CONTAINER_EXITED] = { "exited", "active", "exited", PHASE_UP, COMMAND_NONE, 0, true, {
                [EVENT_STOP]         = TO(REVIVE, STOP),
        } },
        [CONTAINER_STOP] = { "stop", "deactivating", "stop", PHASE_GOING, COMMAND_STOP, TIMER_STOP, false, {
                COMMANDS_OF(STOP),
                [EVENT_COMMANDS_DONE] = TO(TERMINATE, STOPPING),
                [EVENT_COMMANDS_OVER] = TO(CLEAN, CLEANING),
                [EVENT_ENDED]        = TO(CLEAN, CLEANING),
                [EVENT_STOP_TIMEOUT] = TO(KILL, KILLING),
                [EVENT_MAC_LOST]     = TO(KILL, KILLING),
                [EVENT_EMPTY_WELL]   = TO(FORGET, INACTIVE), /* nothing to revive: no commands for its end */
                [EVENT_NOT_PREPARED] = TO(NONE, FAILED),
        } },
        [CONTAINER_STOPPING] = { "stopping", "deactivating", "stop-sigterm", PHASE_GOING, COMMAND_NONE, TIMER_STOP, false, {
                [EVENT_STARTED]      = TO(TERMINATE, STOPPING), /* Type=simple: the signal had nobody to go to */
                [EVENT_NOT_STARTED]  = TO(CLEAN, CLEANING),
                [EVENT_ENDED]        = TO(CLEAN, CLEANING),
                [EVENT_COMMAND_ENDED] = TO(CLEAN, CLEANING),
                [EVENT_STOP_TIMEOUT] = TO(FINAL, KILLING),
                [EVENT_OVERDUE]      = TO(TELL, STOPPING),
                [EVENT_DOOM_ABORT]   = TO(ABORT, STOPPING), /* TimeoutStopFailureMode=abort */
                [EVENT_MAC_LOST]     = TO(KILL, KILLING),
        } },
        [CONTAINER_KILLING] = { "killing", "deactivating", "stop-sigkill", PHASE_GOING, COMMAND_NONE, TIMER_STOP, false, {
                [EVENT_STOP_TIMEOUT] = TO(KILL, KILLING), /* of FinalKillSignal= */
                [EVENT_STARTED]      = TO(KILL, KILLING),
                [EVENT_NOT_STARTED]  = TO(CLEAN, CLEANING),
                [EVENT_ENDED]        = TO(CLEAN, CLEANING),
                [EVENT_COMMAND_ENDED] = TO(CLEAN, CLEANING),
        } },
        [CONTAINER_CLEANING] = { "cleaning", "deactivating", "final-sigkill", PHASE_GOING, COMMAND_NONE, 0, false, {
                [EVENT_NEXT_START]   = TO(LAUNCH, LAUNCHING),
                [EVENT_NEXT_START_POST] = TO(RUN, START_POST),
                [EVENT_NEXT_STOP_POST] = TO(RUN, STOP_POST),
                [EVENT_EMPTY_WELL]   = TO(UNDO, INACTIVE),
                [EVENT_EMPTY_REMAIN] = TO(UNDO, EXITED),
                [EVENT_EMPTY_BADLY]  = TO(UNDO, FAILED),
        } },
        [CONTAINER_STOP_POST] = { "stop-post", "deactivating", "stop-post", PHASE_GOING, COMMAND_STOP_POST, TIMER_STOP, false, {
                COMMANDS_OF(STOP_POST),
                [EVENT_COMMANDS_OVER] = TO(CLEAN, CLEANING),
                [EVENT_STOP_TIMEOUT] = TO(KILL, KILLING),
                [EVENT_MAC_LOST]     = TO(KILL, KILLING),
        } },
        [CONTAINER_FAILED] = { "failed", "failed", "failed", PHASE_DOWN, COMMAND_NONE, 0, true, {
                [EVENT_START]        = TO(ASSEMBLE, ASSEMBLING),
                [EVENT_RESET]        = TO(FORGET, INACTIVE),
                [EVENT_START_LIMIT]  = TO(NONE, FAILED),
                [EVENT_RESTART]      = TO(WAIT, RESTARTING), /* at once, from within the end: nobody sees it failed */
                [EVENT_LISTEN]       = TO(LISTEN, LISTENING), /* likewise, or by a start */
        } },
        [CONTAINER_RESTARTING] = { "restarting", "activating", "auto-restart", PHASE_WAITING, COMMAND_NONE, TIMER_RESTART, true, {
                [EVENT_START]        = TO(ASSEMBLE, ASSEMBLING),
                [EVENT_START_LIMIT]  = TO(NONE, FAILED),
                [EVENT_RESTART_REFUSED] = TO(NONE, FAILED),
                [EVENT_STOP]         = TO(FORGET, INACTIVE),
        } },
        [CONTAINER_LISTENING] = { "listening", "active", "listening", PHASE_UP, COMMAND_NONE, 0, false, {
                [EVENT_START]        = TO(ASSEMBLE, ASSEMBLING),
                [EVENT_STOP]         = TO(FORGET, INACTIVE),
                [EVENT_START_LIMIT]  = TO(NONE, FAILED),
                [EVENT_NOT_LISTENING] = TO(NONE, FAILED),
        } },
};

Transition container_transition(ContainerState state, ContainerEvent event) {
        if (state < 0 || state >= _CONTAINER_STATE_MAX || event < 0 || event >= _CONTAINER_EVENT_MAX)
                return (Transition){};
        return states[state].cells[event];
}

static const char *const events[_CONTAINER_EVENT_MAX] = {
        [EVENT_START] = "start", [EVENT_ASSEMBLED] = "assembled", [EVENT_NOT_ASSEMBLED] = "not-assembled",
        [EVENT_MAC_LOST] = "mac-lost", [EVENT_DOOM] = "doom", [EVENT_DOOM_ABORT] = "doom-abort",
        [EVENT_DOOM_KILL] = "doom-kill",
        [EVENT_PREPARED] = "prepared",
        [EVENT_UNVERIFIED] = "unverified", [EVENT_VERIFIED] = "verified",
        [EVENT_NOT_PREPARED] = "not-prepared", [EVENT_CLONED] = "cloned",
        [EVENT_STARTED] = "started", [EVENT_NOT_STARTED] = "not-started",
        [EVENT_STOPPING] = "stopping",
        [EVENT_STOP] = "stop", [EVENT_STOP_TIMEOUT] = "stop-timeout", [EVENT_OVERDUE] = "overdue",
        [EVENT_ENDED] = "ended", [EVENT_EMPTY_WELL] = "empty-well",
        [EVENT_EMPTY_REMAIN] = "empty-remain", [EVENT_EMPTY_BADLY] = "empty-badly",
        [EVENT_RESET] = "reset", [EVENT_RESTART] = "restart", [EVENT_RESTART_REFUSED] = "restart-refused",
        [EVENT_START_LIMIT] = "start-limit",
        [EVENT_READY] = "ready", [EVENT_RELOAD] = "reload", [EVENT_COMMAND_ENDED] = "command-ended",
        [EVENT_EMPTIED] = "emptied", [EVENT_COMMAND_FAILED] = "command-failed",
        [EVENT_COMMANDS_DONE] = "commands-done", [EVENT_COMMANDS_OVER] = "commands-over",
        [EVENT_NEXT_START] = "next-start", [EVENT_NEXT_START_POST] = "next-start-post",
        [EVENT_NEXT_STOP_POST] = "next-stop-post",
        [EVENT_LISTEN] = "listen", [EVENT_NOT_LISTENING] = "not-listening",
};

static const char *const actions[_CONTAINER_ACTION_MAX] = {
        [ACTION_NONE] = "none", [ACTION_ASSEMBLE] = "assemble", [ACTION_PREPARE] = "prepare", [ACTION_LAUNCH] = "launch",
        [ACTION_VERIFY] = "verify", [ACTION_TERMINATE] = "terminate", [ACTION_KILL] = "kill", [ACTION_FINAL] = "final", [ACTION_TELL] = "tell", [ACTION_CLEAN] = "clean",
        [ACTION_AWAIT_END] = "await-end", [ACTION_ABORT] = "abort",
        [ACTION_UNDO] = "undo", [ACTION_FORGET] = "forget", [ACTION_JUDGE] = "judge", [ACTION_WAIT] = "wait",
        [ACTION_RUN] = "run", [ACTION_REAP] = "reap", [ACTION_RELOAD] = "reload", [ACTION_REVIVE] = "revive",
        [ACTION_LISTEN] = "listen",
};

const StateRow *container_state_row(ContainerState s) {
        return s >= 0 && s < _CONTAINER_STATE_MAX ? states + s : NULL;
}

const char *container_state_to_string(ContainerState s) {
        return s >= 0 && s < _CONTAINER_STATE_MAX ? states[s].name : NULL;
}

StatePhase container_phase(ContainerState s) {
        return states[s].phase;
}

const char *container_event_to_string(ContainerEvent e) {
        return e >= 0 && e < _CONTAINER_EVENT_MAX ? events[e] : NULL;
}

const char *container_action_to_string(ContainerAction a) {
        return (int)a >= 0 && a < _CONTAINER_ACTION_MAX ? actions[a] : NULL;
}

int container_transitions_print(char **ret) {
        _cleanup_free_ char *text = NULL;
        int r;

        for (int s = 0; s < _CONTAINER_STATE_MAX; s++)
                for (int e = 0; e < _CONTAINER_EVENT_MAX; e++) {
                        const Transition *t = &states[s].cells[e];

                        if (!t->allowed)
                                continue;
                        r = str_append(&text, "%-10s %-15s %-10s %s\n", states[s].name, events[e], actions[t->action],
                                       states[t->next].name);
                        if (r < 0)
                                return r;
                }
        *ret = TAKE_PTR(text);
        return 0;
}

static int draw_state(const StateRow *row, const char *phase, char **text) {
        bool leads_to[_CONTAINER_STATE_MAX] = {};
        const char *between = "-->";
        int r;

        for (int e = 0; e < _CONTAINER_EVENT_MAX; e++)
                if (row->cells[e].allowed && states + row->cells[e].next != row)
                        leads_to[row->cells[e].next] = true;
        r = str_append(text, "%-8s %-10s ", phase, row->name);
        for (int s = 0; r >= 0 && s < _CONTAINER_STATE_MAX; s++)
                if (leads_to[s]) {
                        r = str_append(text, "%s %s", between, states[s].name);
                        between = ",";
                }
        return r < 0 ? r : str_append(text, "\n");
}

int container_states_draw(char **ret) {
        static const char *const phases[_PHASE_MAX] = { "down", "waiting", "coming", "up", "going" };
        _cleanup_free_ char *text = NULL;

        for (int p = 0; p < _PHASE_MAX; p++) {
                const char *word = phases[p];

                for (int s = 0; s < _CONTAINER_STATE_MAX; s++) {
                        int r;

                        if (states[s].phase != (StatePhase)p)
                                continue;
                        r = draw_state(states + s, word, &text);
                        if (r < 0)
                                return r;
                        word = "";
                }
        }
        *ret = TAKE_PTR(text);
        return 0;
}
