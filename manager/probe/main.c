/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>

#include "manager/base/io.h"
#include "manager/probe/probe.h"

const QuestionOp question_ops[_QUESTION_KIND_MAX] = {
        [QUESTION_LINK] = ask_link,
        [QUESTION_FILE] = ask_file,
        [QUESTION_FIELD] = ask_field,
        [QUESTION_LIMIT] = ask_limit,
        [QUESTION_MOUNT] = ask_mount,
        [QUESTION_READ] = ask_read,
        [QUESTION_WRITE] = ask_write,
        [QUESTION_MAP_EXECUTABLE] = ask_map_executable,
        [QUESTION_LIST] = ask_list,
        [QUESTION_DEVICE] = ask_device,
        [QUESTION_OPEN] = ask_open,
        [QUESTION_MAKE_NODE] = ask_make_node,
        [QUESTION_SYSTEM_CALL] = ask_system_call,
        [QUESTION_DESCRIPTORS] = ask_descriptors,
        [QUESTION_ENVIRONMENT] = ask_environment,
        [QUESTION_WORKING_DIRECTORY] = ask_working_directory,
        [QUESTION_HOST_NAME] = ask_host_name,
        [QUESTION_SESSION] = ask_session,
        [QUESTION_DEATH_SIGNAL] = ask_death_signal,
        [QUESTION_LOOPBACK] = ask_loopback,
        [QUESTION_KEYRING] = ask_keyring,
};

void answer_add(Answer *a, const char *format, ...) {
        va_list list;
        int n;

        va_start(list, format);
        n = vsnprintf(a->text + a->size, sizeof(a->text) - a->size, format, list);
        va_end(list);
        if (n > 0)
                a->size = MIN_OF(a->size + (size_t)n, sizeof(a->text) - 1);
}

void answer_error(Answer *a, int error) {
        const char *name = strerrorname_np(error);

        a->size = 0;
        if (name)
                answer_add(a, "%s", name);
        else
                answer_add(a, "error %d", error);
}

/* The head and the text in one write, so that a reader never sees half of what is known. */
static int tell(uint32_t index, const Answer *a) {
        char record[sizeof(ProbeAnswer) + PROBE_ANSWER_MAX];
        const ProbeAnswer head = { .index = index, .size = (uint32_t)a->size };

        memcpy(record, &head, sizeof(head));
        memcpy(record + sizeof(head), a->text, a->size);
        return write_all(STDOUT_FILENO, record, sizeof(head) + a->size);
}

/* Mapped, not read: mmap() is what every filter allows. */
static const ProbeHeader *questions_map(void) {
        const ProbeHeader *h;
        uint32_t size;

        h = mmap(NULL, sizeof(*h), PROT_READ, MAP_PRIVATE, STDIN_FILENO, 0);
        if (h == MAP_FAILED || h->magic != PROBE_MAGIC)
                return NULL;
        size = h->size;
        h = mmap(NULL, size, PROT_READ, MAP_PRIVATE, STDIN_FILENO, 0);
        return h == MAP_FAILED ? NULL : h;
}

int main(void) {
        const ProbeHeader *h = questions_map();
        const char *at, *end;

        if (!h)
                return EXIT_FAILURE;
        at = (const char *)(h + 1);
        end = (const char *)h + h->size;
        for (uint32_t i = 0; i < h->n; i++) {
                const ProbeQuestion *q = (const ProbeQuestion *)at;
                Answer a = {};

                if ((size_t)(end - at) < sizeof(*q) || q->kind >= _QUESTION_KIND_MAX ||
                    (size_t)(end - at) < sizeof(*q) + probe_padded(q->text_size))
                        return EXIT_FAILURE;
                question_ops[q->kind](q, q->text_size > 0 ? (const char *)(q + 1) : "", &a);
                if (tell(i, &a) < 0)
                        return EXIT_FAILURE;
                at += sizeof(*q) + probe_padded(q->text_size);
        }
        return EXIT_SUCCESS;
}
