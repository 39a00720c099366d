/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A datagram on /dev/log. Its parts lie within it, one behind the other, and none of them ends a line of a log or a field of
 * the journal. */
#include <stdio.h>

#include "manager/host/streams/syslog-message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds, const char *what) {
        if (holds)
                return;
        (void)fprintf(stderr, "%s\n", what);
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const char *begin = (const char *)data, *end = begin + size;
        SyslogMessage m;

        syslog_message_parse(begin, size, &m);
        check(m.level >= 0 && m.level <= 7 && m.facility >= 1 && m.facility <= 23, "a priority that is none");
        check(m.body >= begin && m.body <= end && m.body_size <= (size_t)(end - m.body), "a body outside of the message");
        check(m.text >= m.body && m.text + m.text_size == m.body + m.body_size, "a text that is not the body's end");
        check(!m.identifier || (m.identifier == m.body && m.identifier_size > 0 && m.identifier_size <= SYSLOG_IDENTIFIER_MAX &&
                                m.identifier + m.identifier_size < m.text),
              "an identifier in another place");
        check(m.identifier || m.identifier_size == 0, "a size of nothing");
        for (size_t i = 0; i < m.identifier_size; i++)
                check(m.identifier[i] && !strchr(" \t\n\r", m.identifier[i]), "a blank in the identifier");
        check(!m.pid == (m.pid_size == 0) && m.pid_size <= SYSLOG_PID_MAX && (!m.pid || m.identifier), "a number without a name");
        for (size_t i = 0; i < m.pid_size; i++)
                check(m.pid[i] >= '0' && m.pid[i] <= '9', "a number of something else");
        return 0;
}
