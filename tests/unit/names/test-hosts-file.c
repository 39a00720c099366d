/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "manager/base/io.h"
#include "manager/host/names/hosts-file.h"

#define BASE "127.0.0.1 localhost\n# 10.0.0.9 not-a-peer\n10.0.0.9 fixed\n" HOSTS_FILE_MARK

static HostsFile file_of(const char *text) {
        HostsFile f = { .fd = memfd_create("hosts", MFD_CLOEXEC), .size = strlen(text) };

        assert_true(f.fd >= 0);
        assert_int_equal(write_all(f.fd, text, strlen(text)), 0);
        return f;
}

static char *text_of(const HostsFile *f) {
        char *text;
        size_t n;

        assert_true(lseek(f->fd, 0, SEEK_SET) == 0);
        assert_int_equal(read_file(f->fd, HOSTS_FILE_MAX, &text, &n), 0);
        return text;
}

static void check(const HostsFile *f, const char *wanted) {
        _cleanup_free_ char *text = text_of(f);

        assert_string_equal(text, wanted);
        assert_int_equal(f->size, strlen(wanted));
}

static void test_come_and_go(void **state) {
        HostsFile f = file_of(BASE);

        assert_int_equal(hosts_file_add(&f, "10.0.0.2 web"), 0);
        assert_int_equal(hosts_file_add(&f, "10.0.0.3 database"), 0);
        check(&f, BASE "10.0.0.2 web\n10.0.0.3 database\n");
        assert_int_equal(hosts_file_remove(&f, "10.0.0.3 database"), 0);
        check(&f, BASE "10.0.0.2 web\n#0.0.0.3 database\n");
        assert_int_equal(hosts_file_remove(&f, "10.0.0.3 database"), -ENOENT);
        assert_int_equal(hosts_file_remove(&f, "10.0.0.2 we"), -ENOENT);
        assert_int_equal(hosts_file_remove(&f, "10.0.0.2 web2"), -ENOENT);
        /* a shorter one takes the place, and is found there */
        assert_int_equal(hosts_file_add(&f, "10.0.0.4 db"), 0);
        check(&f, BASE "10.0.0.2 web\n10.0.0.4 db      \n");
        assert_int_equal(hosts_file_remove(&f, "10.0.0.4 db"), 0);
        /* none is long enough */
        assert_int_equal(hosts_file_add(&f, "10.0.0.5 a-longer-name"), 0);
        check(&f, BASE "10.0.0.2 web\n#0.0.0.4 db      \n10.0.0.5 a-longer-name\n");
        assert_int_equal(hosts_file_add(&f, "10.0.0.3 database"), 0);
        check(&f, BASE "10.0.0.2 web\n10.0.0.3 database\n10.0.0.5 a-longer-name\n");
        /* what stands before the mark is nobody's */
        assert_int_equal(hosts_file_remove(&f, "10.0.0.9 fixed"), -ENOENT);
        (void)close(f.fd);
}

static void test_settle(void **state) {
        char *const wanted[] = { (char *)"10.0.0.2 web", (char *)"10.0.0.3 db", (char *)"10.0.0.4 late" };
        HostsFile f = file_of(BASE "10.0.0.3 db\n10.0.0.8 gone\n#0.0.0.2 web\n10.0.0.3 db\n10.0.0.3 dbx\n");

        f.size = 1; /* nothing of it is believed */
        assert_int_equal(hosts_file_settle(&f, wanted, ELEMENTSOF(wanted)), 0);
        check(&f, BASE "10.0.0.3 db\n10.0.0.4 late\n10.0.0.2 web\n#0.0.0.3 db\n#0.0.0.3 dbx\n");
        assert_int_equal(hosts_file_settle(&f, NULL, 0), 0);
        check(&f, BASE "#0.0.0.3 db\n#0.0.0.4 late\n#0.0.0.2 web\n#0.0.0.3 db\n#0.0.0.3 dbx\n");
        (void)close(f.fd);
        f = file_of("no mark\n10.0.0.3 db\n");
        assert_int_equal(hosts_file_settle(&f, NULL, 0), 0);
        check(&f, "no mark\n10.0.0.3 db\n");
        (void)close(f.fd);
}

/* However many come and go, the file has room for those that were there at once. */
static void test_bounded(void **state) {
        HostsFile f = file_of(BASE);
        struct stat st;

        for (unsigned i = 0; i < 20000; i++) {
                char line[64], old[64];

                (void)snprintf(line, sizeof(line), "10.0.%u.%u name-%05u", i / 250 % 250, i % 250, i);
                (void)snprintf(old, sizeof(old), "10.0.%u.%u name-%05u", (i - 3) / 250 % 250, (i - 3) % 250, i - 3);
                assert_int_equal(hosts_file_add(&f, line), 0);
                if (i >= 3)
                        assert_int_equal(hosts_file_remove(&f, old), 0);
        }
        assert_int_equal(fstat(f.fd, &st), 0);
        assert_in_range(st.st_size, strlen(BASE), 1000);
        (void)close(f.fd);
}

static void test_too_many(void **state) {
        HostsFile f = file_of(BASE);

        f.size = HOSTS_FILE_MAX - 5;
        assert_int_equal(hosts_file_add(&f, "10.0.0.2 web"), -EFBIG);
        (void)close(f.fd);
}

/* A line that lies over the end of a page. */
static void test_pages(void **state) {
        HostsFile f = file_of(BASE);
        _cleanup_free_ char *text = NULL;
        const char *p;

        for (unsigned i = 0; i < 500; i++) {
                char line[64];

                (void)snprintf(line, sizeof(line), "10.0.%u.%u n-%u", i / 250, i % 250, i);
                assert_int_equal(hosts_file_add(&f, line), 0);
        }
        text = text_of(&f);
        p = strstr(text, HOSTS_FILE_MARK) + strlen(HOSTS_FILE_MARK);
        for (unsigned i = 0; i < 500; i++, p = strchr(p, '\n') + 1)
                assert_int_equal(*p, '1');
        assert_int_equal(*p, 0);
        (void)close(f.fd);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_come_and_go), cmocka_unit_test(test_settle), cmocka_unit_test(test_bounded),
                cmocka_unit_test(test_too_many),    cmocka_unit_test(test_pages),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
