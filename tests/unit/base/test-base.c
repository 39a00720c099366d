/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "manager/base/codec.h"
#include "manager/base/diag.h"
#include "manager/base/hash.h"
#include "manager/base/io.h"
#include "manager/base/string-list.h"

static void test_error_table(void **state) {
        for (int c = 0; c < _ERROR_CODE_MAX; c++) {
                assert_non_null(error_code_to_string(c));
                assert_in_range(error_code_exit_status(c), 1, 7);
                assert_non_null(endswith(error_code_meaning(c), "."));
                assert_int_equal(error_code_from_bus_name(error_code_bus_name(c)), c);
        }
        assert_int_equal(error_code_from_bus_name("org.freedesktop.DBus.Error.Failed"), _ERROR_CODE_INVALID);
}

static void test_diag(void **state) {
        const Origin where = { "web.container", 3 };
        _cleanup_(diag_done) Diag d = {};
        _cleanup_free_ char *errors = NULL, *all = NULL;

        diag_warning(&d, ERROR_CONFLICT, NULL, NULL, "odd");
        assert_int_equal(d.n_errors, 0);
        assert_int_equal(diag_error(&d, ERROR_BAD_VALUE, &where, "User", "is %s", "bad"), -EINVAL);
        assert_int_equal(diag_errno(&d, ERROR_FAILED, NULL, NULL, ENOENT, "cannot open"), -ENOENT);
        assert_int_equal(d.n_errors, 2);
        assert_int_equal(diag_first_code(&d), ERROR_BAD_VALUE);
        errors = diag_to_string(&d, false);
        assert_string_equal(errors, "web.container:3: User=: is bad\ncannot open: No such file or directory");
        all = diag_to_string(&d, true);
        assert_non_null(strstr(all, "warning: odd\n"));
        assert_int_equal(diag_error(NULL, ERROR_ACCESS, NULL, NULL, "nobody listens"), -EACCES);
}

static void test_string_list(void **state) {
        _cleanup_strv_ char **l = NULL, **copy = NULL;
        _cleanup_free_ char *joined = NULL, *empty = NULL;

        assert_int_equal(strv_extend(&l, "a"), 0);
        assert_int_equal(strv_extend(&l, ""), 0);
        assert_int_equal(strv_extend(&l, "c"), 0);
        joined = strv_join(l, ", ");
        assert_string_equal(joined, "a, , c");
        copy = strv_copy(l);
        assert_true(strv_equal(l, copy));
        assert_false(strv_equal(l, NULL));
        assert_true(strv_contains(l, "c"));
        empty = strv_join(NULL, ",");
        assert_string_equal(empty, "");
}

static void test_digest(void **state) {
        char hex[DIGEST_HEX_SIZE];
        Digest d;

        digest_of("abc", 3, &d); /* FIPS 180-2, appendix B.1 */
        digest_to_hex(&d, hex);
        assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void test_sealed(void **state) {
        _cleanup_close_ int fd = -EBADF;

        assert_int_equal(memfd_sealed("x", "data", 4, &fd), 0);
        assert_int_equal(pwrite(fd, "y", 1, 0), -1);
        assert_int_equal(errno, EPERM);
        assert_int_equal(ftruncate(fd, 1), -1);
        assert_int_equal(fcntl(fd, F_ADD_SEALS, 0), -1);
}

static int directory_new(char *path) {
        assert_non_null(mkdtemp(path));
        return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void test_atomic_file(void **state) {
        char path[] = "/tmp/test-base-XXXXXX";
        _cleanup_close_ int dir = directory_new(path), fd = -EBADF;
        _cleanup_free_ char *text = NULL;
        size_t size = 0;

        assert_int_equal(write_file_atomic(dir, "f", "one", 3, 0600), 0);
        assert_int_equal(write_file_atomic(dir, "f", "second", 6, 0600), 0);
        fd = openat(dir, "f", O_RDONLY | O_CLOEXEC);
        assert_int_equal(read_file(fd, 6, &text, &size), 0);
        assert_int_equal(size, 6);
        assert_string_equal(text, "second");
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        assert_int_equal(read_file(fd, 5, &text, NULL), -EFBIG);

        /* Where it cannot be replaced, nothing changes and nothing is left. */
        assert_int_equal(mkdirat(dir, "d", 0700), 0);
        assert_int_equal(write_file_atomic(dir, "d", "x", 1, 0600), -EISDIR);
        assert_int_equal(unlinkat(dir, "d", AT_REMOVEDIR), 0);
        assert_int_equal(unlinkat(dir, "f", 0), 0);
        assert_int_equal(rmdir(path), 0);
}

static void test_read_file_refuses_others(void **state) {
        _cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC), dir = open("/", O_RDONLY | O_CLOEXEC);
        char *text = NULL;

        assert_int_equal(read_file(null, 10, &text, NULL), -EINVAL);
        assert_int_equal(read_file(dir, 10, &text, NULL), -EINVAL);
}

static void test_socket(void **state) {
        int pair[2], two[2] = { 0, 1 }, got[2] = { -EBADF, -EBADF };
        size_t size, n;
        char data[8];

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        assert_int_equal(socket_send(pair[0], "hello", 5, two, 2), 0);
        assert_int_equal(socket_receive(pair[1], data, sizeof(data), &size, got, 2, &n), 0);
        assert_int_equal(size, 5);
        assert_int_equal(n, 2);
        assert_int_equal(fcntl(got[0], F_GETFD), FD_CLOEXEC);
        (void)close(got[0]);
        (void)close(got[1]);

        /* More than the reader can hold is refused whole, and no descriptor stays. */
        assert_int_equal(socket_send(pair[0], "hello", 5, two, 2), 0);
        assert_int_equal(socket_receive(pair[1], data, sizeof(data), &size, got, 1, &n), -E2BIG);
        assert_int_equal(socket_send(pair[0], "123456789", 9, NULL, 0), 0);
        assert_int_equal(socket_receive(pair[1], data, sizeof(data), &size, got, 1, &n), -E2BIG);

        (void)close(pair[0]);
        assert_int_equal(socket_receive(pair[1], data, sizeof(data), &size, got, 1, &n), 0);
        assert_int_equal(size, 0);
        assert_int_equal(socket_send(pair[1], "x", 1, NULL, 0), -EPIPE);
        (void)close(pair[1]);
}

#define MAGIC 0x54534554

static void encode(Encoder *e) {
        encoder_begin(e, MAGIC, 3);
        encode_u64(e, 1, 7);
        encode_string(e, 2, "text");
        encode_string(e, 3, NULL);
        encode_bytes(e, 4, "a\0b", 3);
        assert_int_equal(encoder_finish(e), 0);
}

static void test_codec(void **state) {
        _cleanup_(encoder_done) Encoder e = {};
        _cleanup_free_ char *text = NULL;
        uint64_t number = 0;
        Decoder d;
        Field f;

        encode(&e);
        assert_int_equal(decoder_begin(&d, e.data, e.size, MAGIC), 0);
        assert_int_equal(d.version, 3);
        assert_int_equal(decode_next(&d, &f), 0);
        assert_int_equal(field_u64(&f, &number), 0);
        assert_int_equal(number, 7);
        assert_int_equal(decode_next(&d, &f), 0);
        assert_int_equal(field_u64(&f, &number), -EBADMSG);
        assert_int_equal(field_string(&f, &text), 0);
        assert_string_equal(text, "text");
        assert_int_equal(decode_next(&d, &f), 0);
        assert_int_equal(f.tag, 4);
        assert_int_equal(field_string(&f, &text), -EBADMSG);
        assert_int_equal(decode_next(&d, &f), -ENODATA);
        assert_int_equal(decoder_begin(&d, e.data, e.size, MAGIC + 1), -EBADMSG);
}

static void test_codec_damage(void **state) {
        _cleanup_(encoder_done) Encoder e = {};
        Decoder d;

        encode(&e);
        for (size_t i = 0; i < e.size; i++) {
                e.data[i] ^= 0x40;
                assert_int_equal(decoder_begin(&d, e.data, e.size, MAGIC), -EBADMSG);
                e.data[i] ^= 0x40;
                assert_int_equal(decoder_begin(&d, e.data, i, MAGIC), -EBADMSG);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_error_table),
                cmocka_unit_test(test_diag),
                cmocka_unit_test(test_string_list),
                cmocka_unit_test(test_digest),
                cmocka_unit_test(test_sealed),
                cmocka_unit_test(test_atomic_file),
                cmocka_unit_test(test_read_file_refuses_others),
                cmocka_unit_test(test_socket),
                cmocka_unit_test(test_codec),
                cmocka_unit_test(test_codec_damage),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
