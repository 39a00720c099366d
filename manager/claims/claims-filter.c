/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Claims about the filter: what the very program that the kernel was given answers, tried. */
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>

#include "manager/claims/claims-build.h"
#include "policies/seccomp/filter-answer.h"

#define NONE 1 /* points nowhere, and is not NULL, which many calls take for "nothing" */
#define ALL UINT64_MAX
#define HIGH (UINT64_C(1) << 32)

static const struct {
        const char *name;
        uint64_t arguments[PROBE_ARGUMENTS];
        const char *words;
} calls[] = {
#define CALL(name, a, b, c, d, e, words) { #name, { a, b, c, d, e, ALL }, words },
#include "manager/claims/calls.inc"
#undef CALL
};

void claims_of_filter(ClaimBuilder *b) {
        claim_origin_row(b, DIRECTIVE_SystemCallFilter);
        for (size_t i = 0; i < ELEMENTSOF(calls); i++) {
                int number = seccomp_number(calls[i].name);
                uint32_t answer;
                ClaimText t = { .topic = TOPIC_FILTER, .kind = QUESTION_SYSTEM_CALL, .number = (uint32_t)number };
                int r;

                if (number < 0)
                        continue; /* of another architecture */
                r = seccomp_answer(&b->policies->seccomp, (uint32_t)number, calls[i].arguments, &answer);
                if (r < 0) {
                        b->error = r;
                        return;
                }
                if ((answer & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_ERRNO)
                        continue;
                memcpy(t.arguments, calls[i].arguments, sizeof(t.arguments));
                t.expected = strerrorname_np((int)(answer & SECCOMP_RET_DATA));
                if (t.expected)
                        claim_add(b, t, "%s is denied", calls[i].words ? calls[i].words : calls[i].name);
        }
}
