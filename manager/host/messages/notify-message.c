/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/host/messages/notify-message.h"
#include "units/values/text.h"

typedef struct Value {
        const char *text;
        size_t size;
} Value;

static bool value_is(const Value *v, const char *word) {
        return v->size == strlen(word) && memcmp(v->text, word, v->size) == 0;
}

/* Decimal and nothing else: no sign, no blank, no other base. */
static bool value_number(const Value *v, uint64_t max, uint64_t *ret) {
        uint64_t n = 0;

        for (size_t i = 0; i < v->size; i++) {
                unsigned digit = (unsigned)(v->text[i] - '0');

                if (digit > 9 || n > (UINT64_MAX - digit) / 10)
                        return false;
                n = n * 10 + digit;
        }
        *ret = n;
        return v->size > 0 && n <= max;
}

/* People read it: UTF-8 without control characters, cut between two characters. */
static bool take_status(NotifyMessage *m, const Value *v) {
        size_t n = v->size;

        if (!utf8_valid(v->text, v->size))
                return false;
        if (n > NOTIFY_STATUS_MAX)
                for (n = NOTIFY_STATUS_MAX; n > 0 && ((unsigned char)v->text[n] & 0xc0) == 0x80;)
                        n--;
        memcpy(m->status, v->text, n);
        m->status[n] = 0;
        if (!text_has_control(m->status))
                return true;
        m->status[0] = 0;
        return false;
}

/* As sd_pid_notify_with_fds(3) has it: ASCII, no control character, no colon. */
static bool take_fd_name(NotifyMessage *m, const Value *v) {
        if (v->size > NOTIFY_FD_NAME_MAX)
                return false;
        for (size_t i = 0; i < v->size; i++)
                if (v->text[i] < ' ' || v->text[i] > '~' || v->text[i] == ':')
                        return false;
        memcpy(m->fd_name, v->text, v->size);
        m->fd_name[v->size] = 0;
        return true;
}

/* WORD: that value alone. Otherwise a number up to MAX. */
static const struct {
        const char *name, *word;
        uint64_t max;
        bool (*take)(NotifyMessage *m, const Value *v);
} rows[_NOTIFY_FIELD_MAX] = {
        [NOTIFY_READY] = { "READY", .word = "1" },
        [NOTIFY_STOPPING] = { "STOPPING", .word = "1" },
        [NOTIFY_RELOADING] = { "RELOADING", .word = "1" },
        [NOTIFY_BARRIER] = { "BARRIER", .word = "1" },
        [NOTIFY_WATCHDOG] = { "WATCHDOG", .word = "1" },
        [NOTIFY_WATCHDOG_TRIGGER] = { "WATCHDOG", .word = "trigger" },
        [NOTIFY_WATCHDOG_USEC] = { "WATCHDOG_USEC", .max = UINT64_MAX },
        [NOTIFY_EXTEND_TIMEOUT_USEC] = { "EXTEND_TIMEOUT_USEC", .max = UINT64_MAX },
        [NOTIFY_MONOTONIC_USEC] = { "MONOTONIC_USEC", .max = UINT64_MAX },
        [NOTIFY_MAINPID] = { "MAINPID", .max = INT32_MAX },
        [NOTIFY_ERRNO] = { "ERRNO", .max = 4095 },
        [NOTIFY_EXIT_STATUS] = { "EXIT_STATUS", .max = 255 },
        [NOTIFY_FDSTORE] = { "FDSTORE", .word = "1" },
        [NOTIFY_FDSTOREREMOVE] = { "FDSTOREREMOVE", .word = "1" },
        [NOTIFY_FDPOLL] = { "FDPOLL", .word = "0" },
        [NOTIFY_STATUS] = { "STATUS", .take = take_status },
        [NOTIFY_FDNAME] = { "FDNAME", .take = take_fd_name },
};

const char *notify_field_to_string(NotifyField f) {
        return (int)f >= 0 && f < _NOTIFY_FIELD_MAX ? rows[f].name : NULL;
}

static bool take(NotifyMessage *m, NotifyField f, const Value *v) {
        if (rows[f].take)
                return rows[f].take(m, v);
        return rows[f].word ? value_is(v, rows[f].word) : value_number(v, rows[f].max, &m->numbers[f]);
}

static void parse_line(NotifyMessage *m, uint32_t *seen, const char *line, size_t size) {
        const char *equal = memchr(line, '=', size);
        const size_t n = equal ? (size_t)(equal - line) : 0;
        const Value v = { equal ? equal + 1 : line, equal ? size - n - 1 : 0 };
        bool known = false, taken = false;

        for (NotifyField f = 0; equal && f < _NOTIFY_FIELD_MAX; f++) {
                if (strlen(rows[f].name) != n || memcmp(rows[f].name, line, n) != 0)
                        continue;
                if (*seen >> f & 1)
                        return;
                *seen |= UINT32_C(1) << f;
                known = true;
                if (take(m, f, &v)) {
                        m->fields |= UINT32_C(1) << f;
                        taken = true;
                }
        }
        m->malformed += known && !taken;
}

int notify_message_parse(const char *data, size_t size, NotifyMessage *ret) {
        NotifyMessage m = {};
        uint32_t seen = 0;

        if (size > 0 && data[size - 1] == 0) /* some send the end of their string, too */
                size--;
        if (size > NOTIFY_MESSAGE_MAX || memchr(data, 0, size))
                return -EBADMSG;
        for (size_t at = 0, n; at < size; at += n + 1) {
                const char *end = memchr(data + at, '\n', size - at);

                n = end ? (size_t)(end - data) - at : size - at;
                parse_line(&m, &seen, data + at, n);
        }
        *ret = m;
        return 0;
}
