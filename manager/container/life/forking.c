/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>

#include "manager/container/life/forking.h"

static const char *why_no_number(int32_t number) {
        switch (-number) {
        case ENOENT:
        case ENOTDIR:
                return "there is no such file yet";
        case ELOOP:
                return "it is a link, or there are too many on the way";
        case ENOTTY:
                return "it is no regular file";
        case EINVAL:
                return "its first line is no number of a process";
        case EAGAIN:
                return "its file system has not answered yet";
        default:
                return "it cannot be read";
        }
}

ForkingMove forking_decide(const ForkingFacts *f, int32_t *ret_main, const char **ret_why) {
        int32_t candidate = 0;

        *ret_main = 0;
        *ret_why = NULL;
        if (f->code == 0) {
                *ret_why = "its ExecStart= has not ended";
                return FORKING_WAIT;
        }
        if (!f->ignored && (f->code != CLD_EXITED || f->status != 0)) {
                *ret_why = "its ExecStart= has failed";
                return FORKING_WAIT; /* for the end of all that it has left */
        }
        if (f->has_file && (f->number <= 0 || !f->number_is_child)) {
                *ret_why = f->number <= 0 ? why_no_number(f->number) :
                                            "no process of that number lives in the container as a child of its init";
                return FORKING_WAIT;
        }
        if (f->has_file)
                candidate = f->number;
        else if (f->guess && f->n_children == 1)
                candidate = f->child;
        if (candidate <= 0)
                return FORKING_DONE;
        *ret_main = candidate;
        if (f->answer == candidate)
                return FORKING_DONE;
        *ret_why = "its init has not answered whether the process is a child";
        return f->asked == candidate && f->answer == 0 ? FORKING_WAIT : FORKING_ASK;
}
