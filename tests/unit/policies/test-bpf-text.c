/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <linux/audit.h>
#include <linux/seccomp.h>

#include "policies/seccomp/bpf-text.h"

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, (value))
#define JUMP(test, value, yes, no) BPF_JUMP(BPF_JMP | (test) | BPF_K, (value), (yes), (no))

static const char *name_of(uint32_t number, const void *userdata) {
        return number == 0 ? "zero" : number == 16 ? userdata : NULL;
}

static void golden(void **state) {
        static const struct sock_filter program[] = {
                LOAD(arch),
                JUMP(BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0),
                RETURN(SECCOMP_RET_KILL_PROCESS),
                LOAD(nr),
                JUMP(BPF_JGE, 0x40000000, 0, 1),
                RETURN(SECCOMP_RET_KILL_THREAD),
                JUMP(BPF_JEQ, 0, 0, 1),
                RETURN(SECCOMP_RET_ALLOW),
                JUMP(BPF_JEQ, 16, 0, 6),
                LOAD(args[1]),
                BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff),
                JUMP(BPF_JEQ, 0, 2, 0),
                JUMP(BPF_JSET, 0x10, 0, 2),
                BPF_STMT(BPF_JMP | BPF_JA, 1),
                RETURN(SECCOMP_RET_ERRNO | 1),
                JUMP(BPF_JGT, 500, 0, 1),
                RETURN(SECCOMP_RET_ERRNO | 38),
                LOAD(instruction_pointer),
                RETURN(SECCOMP_RET_ERRNO | 4000),
                RETURN(SECCOMP_RET_LOG),
        };
        _cleanup_free_ char *text = NULL;

        assert_int_equal(bpf_to_text(program, ELEMENTSOF(program), name_of, "sixteen", &text), 0);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        assert_string_equal(text, "   0  load arch\n"
                                  "   1  jeq  0xc000003e, 3, 2\n"
                                  "   2  return kill\n"
                                  "   3  load nr\n"
                                  "   4  jge  0x40000000, 5, 6\n"
                                  "   5  return kill-thread\n"
                                  "   6  jeq  0x0, 7, 8  # zero\n"
                                  "   7  return allow\n"
                                  "   8  jeq  0x10, 9, 15  # sixteen\n"
                                  "   9  load arg1.low\n"
                                  "  10  and  0xff\n"
                                  "  11  jeq  0x0, 14, 12\n" /* not a number: no name */
                                  "  12  jset 0x10, 13, 15\n"
                                  "  13  jump 15\n"
                                  "  14  return EPERM\n"
                                  "  15  jgt  0x1f4, 16, 17\n"
                                  "  16  return ENOSYS\n"
                                  "  17  load ip.low\n"
                                  "  18  return 0x50fa0\n"
                                  "  19  return log\n");
#endif
}

/* Where two ways meet with different contents, a number is no longer known to be one. */
static void names_only_where_sure(void **state) {
        static const struct sock_filter program[] = {
                LOAD(nr), JUMP(BPF_JGT, 5, 0, 1), LOAD(arch), JUMP(BPF_JEQ, 0, 0, 0), RETURN(SECCOMP_RET_ALLOW),
        };
        _cleanup_free_ char *text = NULL;

        assert_int_equal(bpf_to_text(program, ELEMENTSOF(program), name_of, "", &text), 0);
        assert_null(strchr(text, '#'));
}

static void refused(void **state) {
        static const struct {
                struct sock_filter program[3];
                size_t n;
        } cases[] = {
                { { RETURN(0) }, 0 },                                                      /* empty */
                { { LOAD(nr) }, 1 },                                                       /* no return */
                { { JUMP(BPF_JEQ, 0, 1, 0), RETURN(0) }, 2 },                              /* jumps off the end */
                { { JUMP(BPF_JEQ, 0, 0, 1), RETURN(0) }, 2 },
                { { BPF_STMT(BPF_JMP | BPF_JA, 1), RETURN(0) }, 2 },
                { { BPF_STMT(BPF_JMP | BPF_JA, UINT32_MAX), RETURN(0) }, 2 },
                { { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), RETURN(0) }, 2 },              /* beyond the data */
                { { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), RETURN(0) }, 2 },               /* not aligned */
                { { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, UINT32_MAX - 3), RETURN(0) }, 2 },
                { { BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), RETURN(0) }, 2 },
                { { BPF_STMT(BPF_RET | BPF_A, 0) }, 1 },
                { { { 0xffff, 0, 0, 0 }, RETURN(0) }, 2 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char *text = NULL;

                if (bpf_valid(cases[i].program, cases[i].n))
                        fail_msg("case %zu is valid", i);
                assert_int_equal(bpf_to_text(cases[i].program, cases[i].n, NULL, NULL, &text), -EBADMSG);
                assert_null(text);
        }
}

static void length_is_bounded(void **state) {
        _cleanup_free_ struct sock_filter *program = calloc(BPF_MAXINSNS + 1, sizeof(struct sock_filter));

        assert_non_null(program);
        for (size_t i = 0; i <= BPF_MAXINSNS; i++)
                program[i] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
        assert_true(bpf_valid(program, BPF_MAXINSNS));
        assert_false(bpf_valid(program, BPF_MAXINSNS + 1));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(golden),
                cmocka_unit_test(names_only_where_sure),
                cmocka_unit_test(refused),
                cmocka_unit_test(length_is_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
