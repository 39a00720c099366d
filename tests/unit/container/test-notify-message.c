/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "manager/host/messages/notify-message.h"
#include "units/values/text.h"

#define BIT(f) (UINT32_C(1) << NOTIFY_##f)

/* A message, the fields that it has, and how many have a value that is none. */
static const struct {
        const char *text;
        uint32_t fields;
        unsigned malformed;
} known[] = {
        { "", 0, 0 },
        { "\n\n", 0, 0 },
        { "READY=1", BIT(READY), 0 },
        { "READY=1\n", BIT(READY), 0 },
        { "READY=1\nSTATUS=up\nSTOPPING=1", BIT(READY) | BIT(STATUS) | BIT(STOPPING), 0 },
        { "READY=0", 0, 1 },
        { "READY=", 0, 1 },
        { "READY", 0, 0 },
        { "READY=11", 0, 1 },
        { " READY=1", 0, 0 },
        { "ready=1", 0, 0 },
        { "READYX=1", 0, 0 },
        { "=1", 0, 0 },
        { "X_SYSTEMD_UNIT_ACTIVE=multi-user.target", 0, 0 },
        { "RELOADING=1\nMONOTONIC_USEC=123", BIT(RELOADING) | BIT(MONOTONIC_USEC), 0 },
        { "BARRIER=1", BIT(BARRIER), 0 },
        { "WATCHDOG=1", BIT(WATCHDOG), 0 },
        { "WATCHDOG=trigger", BIT(WATCHDOG_TRIGGER), 0 },
        { "WATCHDOG=2", 0, 1 },
        { "WATCHDOG=1\nWATCHDOG=trigger", BIT(WATCHDOG), 0 }, /* the first counts */
        { "READY=0\nREADY=1", 0, 1 },
        { "WATCHDOG_USEC=0", BIT(WATCHDOG_USEC), 0 },
        { "WATCHDOG_USEC=18446744073709551615", BIT(WATCHDOG_USEC), 0 },
        { "WATCHDOG_USEC=18446744073709551616", 0, 1 },
        { "WATCHDOG_USEC=99999999999999999999999", 0, 1 },
        { "EXTEND_TIMEOUT_USEC=-1", 0, 1 },
        { "EXTEND_TIMEOUT_USEC=+1", 0, 1 },
        { "EXTEND_TIMEOUT_USEC= 1", 0, 1 },
        { "EXTEND_TIMEOUT_USEC=0x10", 0, 1 },
        { "EXTEND_TIMEOUT_USEC=1s", 0, 1 },
        { "MAINPID=2147483647", BIT(MAINPID), 0 },
        { "MAINPID=2147483648", 0, 1 },
        { "ERRNO=4095\nEXIT_STATUS=255", BIT(ERRNO) | BIT(EXIT_STATUS), 0 },
        { "ERRNO=4096\nEXIT_STATUS=256", 0, 2 },
        { "STATUS=", BIT(STATUS), 0 },
        { "STATUS=a=b=c", BIT(STATUS), 0 },
        { "STATUS=\xc3\xa4", BIT(STATUS), 0 },
        { "STATUS=\xc3", 0, 1 },
        { "STATUS=\x1b[2J", 0, 1 },
        { "STATUS=a\tb", 0, 1 },
        { "FDSTORE=1\nFDNAME=a-b.c\nFDPOLL=0", BIT(FDSTORE) | BIT(FDNAME) | BIT(FDPOLL), 0 },
        { "FDNAME=a:b", 0, 1 },
        { "FDNAME=\x7f", 0, 1 },
        { "FDPOLL=1", 0, 1 },
        { "FDSTOREREMOVE=1", BIT(FDSTOREREMOVE), 0 },
};

static void test_known(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(known); i++) {
                NotifyMessage m;

                assert_int_equal(notify_message_parse(known[i].text, strlen(known[i].text), &m), 0);
                if (m.fields != known[i].fields || m.malformed != known[i].malformed)
                        fail_msg("'%s': fields %#x, %u malformed", known[i].text, m.fields, m.malformed);
        }
}

static void test_values(void **state) {
        static const char text[] = "STATUS=two words\nERRNO=13\nEXTEND_TIMEOUT_USEC=7\nFDNAME=log\nSTATUS=again";
        NotifyMessage m;

        assert_int_equal(notify_message_parse(text, sizeof(text), &m), 0); /* with the NUL of the string */
        assert_string_equal(m.status, "two words");
        assert_string_equal(m.fd_name, "log");
        assert_int_equal(m.numbers[NOTIFY_ERRNO], 13);
        assert_int_equal(m.numbers[NOTIFY_EXTEND_TIMEOUT_USEC], 7);
}

static void test_refused_as_a_whole(void **state) {
        char large[NOTIFY_MESSAGE_MAX + 2];
        NotifyMessage m;

        assert_int_equal(notify_message_parse("READY=1\0X", 9, &m), -EBADMSG);
        assert_int_equal(notify_message_parse("\0READY=1", 8, &m), -EBADMSG);
        memset(large, 'x', sizeof(large));
        assert_int_equal(notify_message_parse(large, NOTIFY_MESSAGE_MAX, &m), 0);
        assert_int_equal(notify_message_parse(large, NOTIFY_MESSAGE_MAX + 1, &m), -EBADMSG);
}

/* Cut where a character ends. */
static void test_long_status(void **state) {
        char text[NOTIFY_MESSAGE_MAX] = "STATUS=";
        NotifyMessage m;
        size_t n = strlen(text);

        text[n++] = 'a'; /* so that the limit falls into a character of two bytes */
        while (n + 2 < 2000) {
                text[n++] = (char)0xc3;
                text[n++] = (char)0xa4;
        }
        assert_int_equal(notify_message_parse(text, n, &m), 0);
        assert_int_equal(strlen(m.status), NOTIFY_STATUS_MAX - 1);
        assert_true(utf8_valid(m.status, strlen(m.status)));
}

static void test_names(void **state) {
        for (NotifyField f = 0; f < _NOTIFY_FIELD_MAX; f++)
                assert_non_null(notify_field_to_string(f));
        assert_null(notify_field_to_string(_NOTIFY_FIELD_MAX));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_known),      cmocka_unit_test(test_values), cmocka_unit_test(test_refused_as_a_whole),
                cmocka_unit_test(test_long_status), cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
