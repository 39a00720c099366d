/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* bulwark-probe: a static program that is executed as the last step of a container's own plan, and tells what the
 * kernel answers there. */

#include "manager/base/util.h"
#include "manager/probe/probe-format.h"

/* An answer under construction: text within its size, always terminated. */
typedef struct Answer {
        char text[PROBE_ANSWER_MAX + 1];
        size_t size;
} Answer;
void answer_add(Answer *a, const char *format, ...) _printf_(2, 3);
void answer_error(Answer *a, int error); /* "EPERM" */

typedef void (*QuestionOp)(const ProbeQuestion *q, const char *text, Answer *a);
extern const QuestionOp question_ops[_QUESTION_KIND_MAX];

/* ask-files.c */
void ask_link(const ProbeQuestion *q, const char *text, Answer *a);
void ask_file(const ProbeQuestion *q, const char *text, Answer *a);
void ask_field(const ProbeQuestion *q, const char *text, Answer *a);
void ask_mount(const ProbeQuestion *q, const char *text, Answer *a);
void ask_read(const ProbeQuestion *q, const char *text, Answer *a);
void ask_write(const ProbeQuestion *q, const char *text, Answer *a);
void ask_map_executable(const ProbeQuestion *q, const char *text, Answer *a);
void ask_list(const ProbeQuestion *q, const char *text, Answer *a);
void ask_device(const ProbeQuestion *q, const char *text, Answer *a);
void ask_open(const ProbeQuestion *q, const char *text, Answer *a);
void ask_make_node(const ProbeQuestion *q, const char *text, Answer *a);
void ask_descriptors(const ProbeQuestion *q, const char *text, Answer *a);
void ask_working_directory(const ProbeQuestion *q, const char *text, Answer *a);
/* ask-process.c */
void ask_limit(const ProbeQuestion *q, const char *text, Answer *a);
void ask_system_call(const ProbeQuestion *q, const char *text, Answer *a);
void ask_environment(const ProbeQuestion *q, const char *text, Answer *a);
void ask_host_name(const ProbeQuestion *q, const char *text, Answer *a);
void ask_session(const ProbeQuestion *q, const char *text, Answer *a);
void ask_death_signal(const ProbeQuestion *q, const char *text, Answer *a);
void ask_loopback(const ProbeQuestion *q, const char *text, Answer *a);
void ask_keyring(const ProbeQuestion *q, const char *text, Answer *a);
