/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <syslog.h>

#include "manager/host/streams/syslog-message.h"

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

static bool is_blank(char c) {
        return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == 0;
}

/* "<N>" to "<NNN>", up to facility 23 and level 7. */
static size_t take_priority(const char *p, size_t size, int *ret) {
        int n = 0;
        size_t i = 1;

        if (size < 3 || *p != '<')
                return 0;
        for (; i < size && i <= 3 && is_digit(p[i]); i++)
                n = 10 * n + (p[i] - '0');
        if (i == 1 || i >= size || p[i] != '>' || n > (23 << 3 | 7))
                return 0;
        *ret = n;
        return i + 1;
}

/* The time of syslog(3), which is the sender's word: that of arrival counts. 'a' = a letter, '0' = a digit, '_' = a digit or a blank */
static size_t time_length(const char *p, size_t size) {
        static const char shape[] = "aaa _0 00:00:00 ";

        if (size < sizeof(shape) - 1)
                return 0;
        for (size_t i = 0; shape[i]; i++)
                if (shape[i] == 'a'   ? !isalpha((unsigned char)p[i])
                    : shape[i] == '0' ? !is_digit(p[i])
                    : shape[i] == '_' ? !is_digit(p[i]) && p[i] != ' '
                                      : p[i] != shape[i])
                        return 0;
        return sizeof(shape) - 1;
}

/* "NAME: " or "NAME[PID]: " in front of the text. */
static void take_identifier(SyslogMessage *m) {
        size_t end = 0, name, pid = 0;

        while (end < m->body_size && !is_blank(m->body[end]))
                end++;
        if (end < 2 || m->body[end - 1] != ':')
                return;
        name = end - 1;
        if (m->body[name - 1] == ']') {
                size_t open = name - 1;

                while (open > 0 && is_digit(m->body[open - 1]))
                        open--;
                if (open > 1 && m->body[open - 1] == '[' && name - 1 - open > 0 && name - 1 - open <= SYSLOG_PID_MAX) {
                        pid = name - 1 - open;
                        m->pid = m->body + open;
                        name = open - 1;
                }
        }
        if (name > SYSLOG_IDENTIFIER_MAX) {
                m->pid = NULL;
                return;
        }
        m->pid_size = pid;
        m->identifier = m->body;
        m->identifier_size = name;
        while (end < m->body_size && is_blank(m->body[end]))
                end++;
        m->text = m->body + end;
        m->text_size = m->body_size - end;
}

void syslog_message_parse(const char *data, size_t size, SyslogMessage *ret) {
        int priority = LOG_USER | LOG_NOTICE;
        SyslogMessage m = {};
        size_t at;

        at = take_priority(data, size, &priority);
        at += time_length(data + at, size - at);
        while (size > at && is_blank(data[size - 1]))
                size--;
        m.level = priority & 7;
        m.facility = priority >> 3;
        if (m.facility == LOG_KERN >> 3)
                m.facility = LOG_USER >> 3;
        m.body = m.text = data + at;
        m.body_size = m.text_size = size - at;
        take_identifier(&m);
        *ret = m;
}
