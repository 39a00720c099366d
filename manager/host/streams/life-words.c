/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <signal.h>
#include <syslog.h>

#include "manager/base/string-list.h"
#include "manager/host/streams/life-words.h"
#include "units/values/types.h"

static int words_of_exit(const LifeFacts *f, char **text) {
        const char *signal;

        switch (f->code) {
        case CLD_EXITED:
                return str_append(text, "ended with exit code %d", f->status);
        case CLD_KILLED:
        case CLD_DUMPED:
                signal = signal_to_string(f->status);
                if (str_append(text, "was ended by %s", signal ? signal : "a signal") < 0)
                        return -ENOMEM;
                return f->code == CLD_DUMPED ? str_append(text, ", its memory was dumped") : 0;
        default:
                return str_append(text, "ended; its exit code is not known");
        }
}

/* The words of the failure, else the word of the result. */
static int words_of_result(const LifeFacts *f, const char *what, char **text) {
        int r;

        r = str_append(text, "%s", what);
        if (r >= 0 && !isempty(f->error))
                return str_append(text, ": %s", f->error);
        if (r >= 0 && !f->success)
                r = str_append(text, " (%s)", strempty(f->result));
        return r;
}

static int words_of_restart(const LifeFacts *f, char **text) {
        _cleanup_free_ char *span = time_span_to_string(f->restart_in - f->restart_in % USEC_PER_MSEC);

        if (f->restart_in == USEC_INFINITY)
                return str_append(text, "is started again when it is told to");
        return str_append(text, "is started again in %s (restart %u)", f->restart_in < USEC_PER_MSEC ? "0" : strempty(span),
                          f->n_restarts + 1);
}

static int words_of_health(const LifeFacts *f, char **text) {
        int r;

        r = str_append(text, "is %s", strempty(f->health));
        if (r >= 0 && f->streak > 0)
                r = str_append(text, ": %u bad check%s in a row", f->streak, f->streak == 1 ? "" : "s");
        return r;
}

static int life_words_append(EventKind kind, const LifeFacts *f, char **text, int *priority) {
        switch (kind) {
        case EVENT_KIND_LOADED:
                *priority = LOG_DEBUG;
                return str_append(text, "its unit was read");
        case EVENT_KIND_BAD:
                *priority = LOG_WARNING;
                return str_append(text, "its unit has mistakes");
        case EVENT_KIND_MASKED:
                *priority = LOG_DEBUG;
                return str_append(text, "its unit is masked");
        case EVENT_KIND_NOT_FOUND:
                *priority = LOG_DEBUG;
                return str_append(text, "its unit is gone");
        case EVENT_KIND_REFUSED:
                *priority = LOG_WARNING;
                return words_of_result(f, "was not started", text);
        case EVENT_KIND_START:
                *priority = LOG_DEBUG;
                return f->n_restarts > 0 ? str_append(text, "starts (restart %u)", f->n_restarts) : str_append(text, "starts");
        case EVENT_KIND_LISTENING:
                /* A start that failed, of one that traffic starts, ends here and not in "failed". */
                *priority = isempty(f->error) ? LOG_INFO : LOG_WARNING;
                return isempty(f->error) ? str_append(text, "listens on its sockets")
                                         : str_append(text, "listens on its sockets again: %s", f->error);
        case EVENT_KIND_RUNNING:
                return str_append(text, "runs, process %ld", (long)f->leader);
        case EVENT_KIND_READY:
                *priority = LOG_DEBUG;
                return str_append(text, "is active");
        case EVENT_KIND_RELOAD:
                *priority = LOG_DEBUG;
                return str_append(text, "reloads");
        case EVENT_KIND_RELOADED:
                return str_append(text, "has reloaded");
        case EVENT_KIND_FROZEN:
                return str_append(text, "is frozen");
        case EVENT_KIND_THAWED:
                return str_append(text, "goes on");
        case EVENT_KIND_HEALTH:
                *priority = streq_ptr(f->health, "healthy") ? LOG_INFO : LOG_WARNING;
                return words_of_health(f, text);
        case EVENT_KIND_OOM:
                *priority = LOG_WARNING;
                return str_append(text, "the kernel has killed processes of it for want of memory: %" PRIu64 " so far", f->oom_kills);
        case EVENT_KIND_MAC_LOST:
                *priority = LOG_ERR;
                return str_append(text, "a process of it was found without its label");
        case EVENT_KIND_STOP:
                *priority = f->success ? LOG_INFO : LOG_WARNING;
                return f->success ? str_append(text, "is stopped") : words_of_result(f, "is ended", text);
        case EVENT_KIND_EXIT:
                *priority = f->success ? LOG_INFO : LOG_NOTICE;
                return words_of_exit(f, text);
        case EVENT_KIND_RESTART_SCHEDULED:
                *priority = LOG_NOTICE;
                return words_of_restart(f, text);
        case EVENT_KIND_STOPPED:
                return str_append(text, "has stopped");
        case EVENT_KIND_FAILED:
                *priority = LOG_ERR;
                return words_of_result(f, "has failed", text);
        case EVENT_KIND_RESET:
                *priority = LOG_DEBUG;
                return str_append(text, "is not failed any longer");
        case EVENT_KIND_DAEMON_RELOAD:
                return str_append(text, "all unit files were read again");
        case _EVENT_KIND_MAX:
                break;
        }
        return -EINVAL;
}

char *life_words(EventKind kind, const LifeFacts *f, int *ret_priority) {
        char *text = NULL;

        *ret_priority = LOG_INFO;
        if (life_words_append(kind, f, &text, ret_priority) < 0) {
                free(text);
                return NULL;
        }
        for (char *p = text; *p; p++) /* mistakes of several lines stay one line of a log */
                if (*p == '\n')
                        *p = ' ';
        return text;
}
