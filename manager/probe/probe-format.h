/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What manager and bulwark-probe tell each other. The questions are a sealed memfd, the probe's standard input: a
 * ProbeHeader, then each ProbeQuestion with its text, padded to 8 bytes. The answers come through the pipe that is its
 * standard output: a ProbeAnswer with its text for each question, in order, written as soon as it is known, so that
 * the manager sees how far a probe came that was killed. The manager believes nothing of the answers' form. */

#include <stddef.h>
#include <stdint.h>

#define PROBE_MAGIC UINT32_C(0x31515742) /* "BWQ1" */
#define PROBE_TEXT_MAX 4096              /* of a question, with its NUL */
#define PROBE_ANSWER_MAX 4096            /* without */
#define PROBE_MAX_QUESTIONS 2048
#define PROBE_ARGUMENTS 6

typedef enum QuestionKind {
#define QUESTION(kind, name, calls, operands) QUESTION_##kind,
#include "manager/probe/questions.inc"
#undef QUESTION
        _QUESTION_KIND_MAX,
} QuestionKind;

typedef enum ProbeKeyring {
        KEYRING_SERIAL,
        KEYRING_NAME, /* "_ses": made for a session; "_uid_ses.N": there was none, and the user's is taken */
} ProbeKeyring;

typedef struct ProbeHeader {
        uint32_t magic;
        uint32_t n; /* questions */
        uint32_t size; /* of everything */
        uint32_t reserved;
} ProbeHeader;

typedef struct ProbeQuestion {
        uint16_t kind;
        uint16_t text_size; /* with its NUL; 0 = none */
        uint32_t number;
        uint64_t arguments[PROBE_ARGUMENTS];
} ProbeQuestion;

typedef struct ProbeAnswer {
        uint32_t index; /* of the question */
        uint32_t size;  /* of the text that follows */
} ProbeAnswer;

static inline size_t probe_padded(size_t size) {
        return (size + 7) & ~(size_t)7;
}
