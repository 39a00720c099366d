/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The device filter, run by an interpreter of our own and held against a plain reading of its rules. */
#include <linux/bpf.h>

#include "policies/bpf/assembler.h"
#include "policies/container-root.h"
#include "tests/unit/policies/fixture.h"

/* What the kernel would return; the program may jump forward only, and every register is 32 bits of interest. */
static uint32_t run(const struct bpf_insn *items, size_t n, const struct bpf_cgroup_dev_ctx *context) {
        uint64_t r[11] = {};

        for (size_t at = 0; at < n; at++) {
                const struct bpf_insn *i = items + at;
                const uint32_t value = (uint32_t)i->imm;

                switch (i->code) {
                case BPF_LDX | BPF_MEM | BPF_W:
                        assert_int_equal(i->src_reg, 1);
                        assert_in_range(i->off, 0, sizeof(*context) - 4);
                        r[i->dst_reg] = *(const uint32_t *)((const char *)context + i->off);
                        break;
                case BPF_ALU64 | BPF_MOV | BPF_X:
                        r[i->dst_reg] = r[i->src_reg];
                        break;
                case BPF_ALU64 | BPF_MOV | BPF_K:
                        r[i->dst_reg] = value;
                        break;
                case BPF_ALU | BPF_AND | BPF_K:
                        r[i->dst_reg] = (uint32_t)r[i->dst_reg] & value;
                        break;
                case BPF_ALU | BPF_RSH | BPF_K:
                        r[i->dst_reg] = (uint32_t)r[i->dst_reg] >> value;
                        break;
                case BPF_JMP32 | BPF_JNE | BPF_K:
                        assert_true(i->off >= 0);
                        at += (uint32_t)r[i->dst_reg] != value ? (size_t)i->off : 0;
                        break;
                case BPF_JMP | BPF_EXIT:
                        return (uint32_t)r[0];
                default:
                        fail_msg("instruction %zu: %#x", at, i->code);
                }
        }
        fail_msg("the program runs over its end");
        return 0;
}

static bool allowed(const ContainerSpec *spec, bool block, unsigned major, unsigned minor, unsigned access) {
        for (const ContainerDevice *d = container_devices; d->name; d++)
                if (!block && d->major == major && d->minor == minor)
                        return true;
        if (!block && ((major == 5 && minor == 2) || major == 136))
                return true;
        for (size_t i = 0; i < spec->n_device_rules; i++) {
                const DeviceRule *rule = spec->device_rules + i;

                if (rule->block == block && rule->major == major && (rule->minor == DEVICE_MINOR_ANY || rule->minor == minor) &&
                    (access & ~rule->access) == 0)
                        return true;
        }
        return false;
}

static unsigned random_below(unsigned *state, unsigned n) {
        *state = *state * 1103515245U + 12345U;
        return (*state >> 16) % n;
}

static void random_rules(ContainerSpec *spec, unsigned *state) {
        static const unsigned minors[] = { 0, 1, 7, 229, DEVICE_MINOR_ANY };

        spec->devices_filtered = true;
        spec->n_device_rules = random_below(state, 40);
        spec->device_rules = calloc(spec->n_device_rules + 1, sizeof(DeviceRule));
        assert_non_null(spec->device_rules);
        for (size_t i = 0; i < spec->n_device_rules; i++)
                spec->device_rules[i] = (DeviceRule){ .block = random_below(state, 2), .major = random_below(state, 12),
                                                      .minor = minors[random_below(state, ELEMENTSOF(minors))],
                                                      .access = 1 + random_below(state, 7), .origin = { FIXTURE_FILE, (unsigned)i } };
}

static void agrees(void **state) {
        unsigned seed = 1;

        for (unsigned k = 0; k < 60; k++) {
                _cleanup_(container_spec_unrefp) ContainerSpec *spec = fixture_spec("");
                _cleanup_(policy_set_unrefp) const PolicySet *set = NULL;
                _cleanup_(diag_done) Diag diag = {};

                random_rules(spec, &seed);
                assert_int_equal(policy_compile(spec, -EBADF, &diag, &set), 0);
                for (unsigned n = 0; n < 4000; n++) {
                        const bool block = random_below(&seed, 2);
                        const unsigned access = 1 + random_below(&seed, 7), major = random_below(&seed, 140), minor = random_below(&seed, 240);
                        const struct bpf_cgroup_dev_ctx c = {
                                .access_type = access << 16 | (block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
                                .major = n % 2 ? major % 12 : major, .minor = n % 3 ? minor % 8 : minor,
                        };

                        if (run(set->devices.program, set->devices.n_instructions, &c) != allowed(spec, block, c.major, c.minor, access))
                                fail_msg("%s %u:%u access %u of %zu rules", block ? "block" : "char", c.major, c.minor, access,
                                         spec->n_device_rules);
                }
        }
}

static void only_where_asked(void **state) {
        _cleanup_(policy_set_unrefp) const PolicySet *set = fixture_compile("", -EBADF);

        assert_int_equal(set->devices.n_instructions, 0);
        assert_int_equal(set->devices.rules.n, 0);
}

static void labels(void **state) {
        BpfAssembler a = {};
        _cleanup_free_ char *text = NULL;
        int end;

        a.now = (BpfOrigin){ { "u", 3 }, "X" };
        end = bpf_label(&a);
        bpf_jump_if(&a, BPF_JNE, 3, 2, end);
        bpf_emit(&a, BPF_SET(0, 1));
        bpf_emit(&a, BPF_RETURN);
        a.now = (BpfOrigin){};
        bpf_place(&a, end);
        bpf_emit(&a, BPF_SET(0, 0));
        bpf_emit(&a, BPF_RETURN);
        assert_int_equal(bpf_finish(&a), 0);
        assert_int_equal(bpf_program_text(&a, &text), 0);
        assert_string_equal(text, "   0  if r3 != 0x2 goto 3  # u:3: X=\n   1  r0 = 0x1  # u:3: X=\n   2  return r0  # u:3: X=\n"
                                  "   3  r0 = 0\n   4  return r0\n");
        bpf_done(&a);

        bpf_jump(&a, bpf_label(&a)); /* it stands nowhere */
        assert_int_equal(bpf_finish(&a), -EINVAL);
        bpf_done(&a);
        end = bpf_label(&a);
        bpf_place(&a, end);
        bpf_jump(&a, end); /* backwards: a loop */
        assert_int_equal(bpf_finish(&a), -EINVAL);
        bpf_done(&a);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(agrees),
                cmocka_unit_test(only_where_asked),
                cmocka_unit_test(labels),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
