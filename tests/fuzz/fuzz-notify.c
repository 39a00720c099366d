/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A datagram of a container. What is taken from it is text fit for a terminal, and numbers within their bounds. */
#include <stdio.h>

#include "manager/host/messages/notify-message.h"
#include "units/values/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds, const char *what) {
        if (holds)
                return;
        (void)fprintf(stderr, "%s\n", what);
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        NotifyMessage m;

        if (notify_message_parse((const char *)data, size, &m) < 0)
                return 0;
        check(size <= NOTIFY_MESSAGE_MAX + 1, "a long message was taken");
        check(m.fields >> _NOTIFY_FIELD_MAX == 0, "a field that is none");
        check(utf8_valid(m.status, strlen(m.status)) && !text_has_control(m.status), "a status that is no plain text");
        check(strlen(m.status) <= NOTIFY_STATUS_MAX && strlen(m.fd_name) <= NOTIFY_FD_NAME_MAX, "a text without an end");
        check(notify_has(&m, NOTIFY_STATUS) || !*m.status, "a status that was not said");
        check(!notify_has(&m, NOTIFY_MAINPID) || m.numbers[NOTIFY_MAINPID] <= INT32_MAX, "a process that cannot be");
        check(!notify_has(&m, NOTIFY_ERRNO) || m.numbers[NOTIFY_ERRNO] <= 4095, "an errno that cannot be");
        check(!notify_has(&m, NOTIFY_EXIT_STATUS) || m.numbers[NOTIFY_EXIT_STATUS] <= 255, "a status that cannot be");
        return 0;
}
