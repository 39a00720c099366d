/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every row moves something: set to its SAMPLE, the output of the stage that the row names must change. A protection
 * that silently does nothing cannot land. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "manager/base/codec.h"
#include "manager/base/string-list.h"
#include "manager/host/cgroup/cgroup-limits.h"
#include "policies/compare.h"
#include "tests/tables/compiler.h"

/* What must be taken away for a sample, or be there already for it to mean anything. */
static const struct {
        DirectiveId id;
        const char *lines;
        bool before; /* also in the unit without the sample */
} companions[] = {
        { DIRECTIVE_ExecStart, "[Container]\nExecStart=\n", false },
        { DIRECTIVE_Boot, "[Container]\nExecStart=\n", false },
        { DIRECTIVE_HealthStartupCmd, "[Container]\nHealthCmd=/bin/table\n", true },
        { DIRECTIVE_Image, "[Container]\nRootDirectory=\n", false },
        { DIRECTIVE_RootEphemeralSize, "[Container]\nRootEphemeral=yes\n", true },
        { DIRECTIVE_Notify, "[Container]\nHealthCmd=/bin/table\n", true },
        { DIRECTIVE_FileDescriptorName, "[Container]\nListenStream=80\n", true },
        { DIRECTIVE_RestrictNamespaces, "[Container]\nSystemCallFilter=~kcmp\nSystemCallFilter=unshare setns\n", true },
        { DIRECTIVE_CPUSchedulingPriority, "[Container]\nCPUSchedulingPolicy=fifo\n", true },
        { DIRECTIVE_NUMAMask, "[Container]\nNUMAPolicy=preferred\n", true },
        { DIRECTIVE_PrivateDevices, "[Container]\nAddCapability=CAP_MKNOD\n", true },
        { DIRECTIVE_ProtectSystem, "[Container]\nReadOnly=no\n", true },
        { DIRECTIVE_ProtectControlGroups, "[Container]\nExecStart=\nBoot=yes\n", true },
        { DIRECTIVE_ProtectKernelTunables, "[Container]\nExecStart=\nBoot=yes\n", true },
        { DIRECTIVE_ProtectHostname, "[Container]\nExecStart=\nBoot=yes\n", true },
        { DIRECTIVE_ProtectKernelModules, "[Container]\nAddCapability=CAP_SYS_MODULE\n", true },
        { DIRECTIVE_ProtectKernelLogs, "[Container]\nAddCapability=CAP_SYSLOG\n", true },
        { DIRECTIVE_ProtectClock, "[Container]\nAddCapability=CAP_SYS_TIME\n", true },
        { DIRECTIVE_CPUSetPartition, "[Container]\nAllowedCPUs=0\n", true },
        { DIRECTIVE_SocketBindAllow, "[Container]\nSocketBindDeny=tcp\n", true },
        { DIRECTIVE_IPAddressAllow, "[Container]\nIPAddressDeny=any\n", true },
        { DIRECTIVE_Address, "[Container]\nZone=front\n", true },
        { DIRECTIVE_Gateway, "[Container]\nBridge=br0\nAddress=10.1.2.3/24\n", true },
        { DIRECTIVE_NetworkAlias, "[Container]\nZone=front\n", true },
        { DIRECTIVE_Port, "[Container]\nZone=front\n", true },
        { DIRECTIVE_PublishPort, "[Container]\nZone=front\n", true },
};

typedef struct Outputs {
        char *text[_STAGE_MAX];
} Outputs;

static void outputs_done(Outputs *o) {
        for (int s = 0; s < _STAGE_MAX; s++)
                free(o->text[s]);
        *o = (Outputs){};
}

static char *hex(const void *data, size_t size) {
        char *s = malloc(DIGEST_HEX_SIZE);
        Digest digest;

        assert_non_null(s);
        digest_of(data, size, &digest);
        digest_to_hex(&digest, s);
        return s;
}

static void encode_ref(Encoder *e, const PlanView *p, PlanRef ref) {
        encode_bytes(e, 1, plan_text(p, ref), ref.size);
}

/* Everything of a plan that the keeper acts on; not the origins, which move with any line of a unit. */
static char *plan_effect(const PlanView *p) {
        Encoder e = {};
        char *digest;

        encoder_begin(&e, PLAN_MAGIC, PLAN_VERSION);
        encode_u64(&e, 1, (uint64_t)p->header->stop_signal);
        encode_u64(&e, 1, p->header->stop_timeout_usec);
        encode_u64(&e, 1, p->header->flags);
        for (uint32_t i = 0; i < p->header->n_slots; i++) {
                encode_u64(&e, 1, p->slots[i].kind);
                encode_u64(&e, 1, p->slots[i].flags);
                encode_ref(&e, p, p->slots[i].path);
        }
        for (uint32_t i = 0; i < p->header->n_steps; i++) {
                const PlanStep *s = &p->steps[i];
                const uint64_t numbers[] = { s->kind, s->actor, s->flags, (uint64_t)s->slot, s->a, s->b, s->c, s->d };

                encode_bytes(&e, 1, numbers, sizeof(numbers));
                encode_ref(&e, p, s->s);
                encode_ref(&e, p, s->t);
                encode_ref(&e, p, s->u);
        }
        assert_int_equal(encoder_finish(&e), 0);
        digest = hex(e.data, e.size);
        encoder_done(&e);
        return digest;
}

static char *limits_text(const ContainerSpec *spec) {
        _cleanup_(cgroup_limits_done) CgroupLimits limits = {};
        char *s = strdup("");

        assert_int_equal(cgroup_limits_render(spec, &limits), 0);
        for (size_t i = 0; i < limits.n; i++) {
                char *line = NULL, *joined = NULL;

                assert_true(asprintf(&line, "%s=%s", limits.items[i].file, limits.items[i].value) > 0);
                assert_true(asprintf(&joined, "%s%s\n", s, line) > 0);
                free(line);
                free(s);
                s = joined;
        }
        return s;
}

/* What each stage makes of the unit. The manager's rows act in its state machine and its outputs, which the host tests
 * drive; here their text is what can be seen. */
static Outputs outputs_of(const char *unit) {
        _cleanup_(compilation_done) Compilation c = {};
        Outputs o = {};

        if (compile_text(unit, &c) < 0) {
                _cleanup_free_ char *words = diag_to_string(&c.diag, true);

                fail_msg("%s\n-- is refused:\n%s", unit, words);
        }
        assert_int_equal(container_spec_print(c.spec, &o.text[STAGE_SPEC]), 0);
        o.text[STAGE_MANAGER] = strdup(o.text[STAGE_SPEC]);
        o.text[STAGE_PLAN] = plan_effect(&c.plan->view);
        o.text[STAGE_POLICY] = hex(&c.policies->digest, sizeof(Digest));
        o.text[STAGE_CGROUP] = limits_text(c.spec);
        return o;
}

static const char *companion_of(DirectiveId id, bool set) {
        for (size_t i = 0; i < ELEMENTSOF(companions); i++)
                if (companions[i].id == id && (set || companions[i].before))
                        return companions[i].lines;
        return "";
}

static char *unit_with(DirectiveId id, bool set) {
        const Directive *d = &directives[id];
        char *unit = NULL;

        assert_true(asprintf(&unit, "[Container]\nRootDirectory=/srv/table\nExecStart=/bin/table\n%s[%s]\n%s%s%s\n",
                             companion_of(id, set), section_to_string(d->section), set ? d->name : "# nothing",
                             set ? "=" : "", set ? d->sample : "") > 0);
        return unit;
}

static void every_row_moves_its_stage(void **state) {
        size_t dead = 0;

        for (DirectiveId id = 0; id < _DIRECTIVE_MAX; id++) {
                _cleanup_free_ char *without = unit_with(id, false), *with = unit_with(id, true);
                _cleanup_(outputs_done) Outputs before = outputs_of(without), after = outputs_of(with);
                const Directive *d = &directives[id];

                if (streq(before.text[d->stage], after.text[d->stage])) {
                        print_error("%s=%s does not move the %s\n", d->name, d->sample,
                                    directive_stage_to_string(d->stage));
                        dead++;
                }
                if (streq(before.text[STAGE_SPEC], after.text[STAGE_SPEC])) {
                        print_error("%s=%s does not move the printed spec\n", d->name, d->sample);
                        dead++;
                }
        }
        assert_int_equal(dead, 0);
}

/* The canonical text of a resolved spec reads back to the same text and the same plan. */
static void printed_text_reads_back(void **state) {
        for (DirectiveId id = 0; id < _DIRECTIVE_MAX; id++) {
                _cleanup_free_ char *unit = unit_with(id, true);
                _cleanup_(outputs_done) Outputs first = outputs_of(unit), second = outputs_of(first.text[STAGE_SPEC]);

                assert_string_equal(first.text[STAGE_SPEC], second.text[STAGE_SPEC]);
                assert_string_equal(first.text[STAGE_POLICY], second.text[STAGE_POLICY]);
                assert_string_equal(first.text[STAGE_CGROUP], second.text[STAGE_CGROUP]);
        }
}

static void the_same_unit_gives_the_same_bytes(void **state) {
        _cleanup_free_ char *unit = unit_with(DIRECTIVE_BindPaths, true);
        _cleanup_(outputs_done) Outputs first = outputs_of(unit), second = outputs_of(unit);

        for (int s = 0; s < _STAGE_MAX; s++)
                assert_string_equal(first.text[s], second.text[s]);
}

static void compile_or_fail(const char *unit, Compilation *c) {
        if (compile_text(unit, c) < 0) {
                _cleanup_free_ char *words = diag_to_string(&c->diag, true);

                fail_msg("%s\n-- is refused:\n%s", unit, words);
        }
}

static void compare_all(const Compilation *before, const Compilation *after, PolicyChanges *changes) {
        for (size_t i = 0; i < policy_backends_count(); i++)
                assert_int_equal(policy_compare(policy_backends[i], before->policies, after->policies, changes), 0);
        assert_int_equal(policy_compare_unit(before->spec, after->spec, changes), 0);
}

static size_t count(const PolicyChanges *changes, PolicyDirection direction) {
        size_t n = 0;

        for (size_t i = 0; i < changes->n; i++)
                n += changes->items[i].direction == direction;
        return n;
}

/* What protects and was changed is told, names the line that did it, and is the opposite the other way round. */
static void every_protection_shows_in_a_comparison(void **state) {
        size_t dead = 0;

        for (DirectiveId id = 0; id < _DIRECTIVE_MAX; id++) {
                _cleanup_free_ char *without = unit_with(id, false), *with = unit_with(id, true);
                _cleanup_(policy_changes_done) PolicyChanges there = {}, back = {}, same = {};
                _cleanup_(compilation_done) Compilation before = {}, after = {}, again = {};
                bool named = false;

                if (!FLAGS_SET(directives[id].flags, DIRECTIVE_FLAG_SECURITY))
                        continue;
                compile_or_fail(without, &before);
                compile_or_fail(with, &after);
                compile_or_fail(with, &again);
                compare_all(&before, &after, &there);
                compare_all(&after, &before, &back);
                compare_all(&after, &again, &same);
                for (size_t i = 0; i < there.n; i++)
                        named |= there.items[i].after.line > 0 &&
                                 there.items[i].after.line == container_spec_origin(after.spec, id)->line;
                if (there.n == 0 || !named || same.n > 0 || count(&there, POLICY_LOOSER) != count(&back, POLICY_TIGHTER) ||
                    count(&there, POLICY_TIGHTER) != count(&back, POLICY_LOOSER)) {
                        print_error("%s=%s: %zu changes, %s its line, %zu back, %zu to itself\n", directives[id].name,
                                    directives[id].sample, there.n, named ? "with" : "without", back.n, same.n);
                        dead++;
                }
        }
        assert_int_equal(dead, 0);
}

/* Which way the samples lead from the default. */
static void samples_lead_the_right_way(void **state) {
        static const struct {
                DirectiveId id;
                PolicyDirection direction;
        } known[] = {
                { DIRECTIVE_User, POLICY_TIGHTER },
                { DIRECTIVE_Group, POLICY_TIGHTER },
                { DIRECTIVE_SupplementaryGroups, POLICY_LOOSER },
                { DIRECTIVE_ReadOnly, POLICY_LOOSER },
                { DIRECTIVE_BindPaths, POLICY_LOOSER },
                { DIRECTIVE_BindReadOnlyPaths, POLICY_LOOSER },
                { DIRECTIVE_TemporaryFileSystem, POLICY_LOOSER },
                { DIRECTIVE_InaccessiblePaths, POLICY_TIGHTER },
                { DIRECTIVE_ReadOnlyPaths, POLICY_TIGHTER },
                { DIRECTIVE_ReadWritePaths, POLICY_LOOSER },
                { DIRECTIVE_NoExecPaths, POLICY_TIGHTER },
                { DIRECTIVE_ExecPaths, POLICY_LOOSER },
                { DIRECTIVE_PrivateNetwork, POLICY_LOOSER },
                { DIRECTIVE_RestrictAddressFamilies, POLICY_TIGHTER },
                { DIRECTIVE_RestrictSUIDSGID, POLICY_TIGHTER },
                { DIRECTIVE_RestrictNamespaces, POLICY_TIGHTER },
                { DIRECTIVE_RestrictRealtime, POLICY_LOOSER },
                { DIRECTIVE_MemoryDenyWriteExecute, POLICY_TIGHTER },
                { DIRECTIVE_LockPersonality, POLICY_TIGHTER },
                { DIRECTIVE_ProtectKernelModules, POLICY_TIGHTER },
                { DIRECTIVE_ProtectClock, POLICY_TIGHTER },
                { DIRECTIVE_PrivateDevices, POLICY_TIGHTER },
                { DIRECTIVE_DeviceAllow, POLICY_LOOSER },
                { DIRECTIVE_DevicePolicy, POLICY_TIGHTER },
                { DIRECTIVE_ProtectHostname, POLICY_TIGHTER },
                { DIRECTIVE_ProtectSystem, POLICY_TIGHTER },
                { DIRECTIVE_ProtectHome, POLICY_TIGHTER },
                { DIRECTIVE_PrivateTmp, POLICY_LOOSER },
                { DIRECTIVE_ProtectProc, POLICY_TIGHTER },
                { DIRECTIVE_ProtectKernelTunables, POLICY_TIGHTER },
                { DIRECTIVE_SocketBindAllow, POLICY_LOOSER },
                { DIRECTIVE_SocketBindDeny, POLICY_TIGHTER },
                { DIRECTIVE_IPAddressAllow, POLICY_LOOSER },
                { DIRECTIVE_IPAddressDeny, POLICY_TIGHTER },
                { DIRECTIVE_PrivateUsers, POLICY_DIFFERS },
                { DIRECTIVE_CapabilityBoundingSet, POLICY_TIGHTER },
                { DIRECTIVE_AddCapability, POLICY_LOOSER },
                { DIRECTIVE_DropCapability, POLICY_TIGHTER },
                { DIRECTIVE_AmbientCapabilities, POLICY_LOOSER },
                { DIRECTIVE_NoNewPrivileges, POLICY_LOOSER },
                { DIRECTIVE_SystemCallErrorNumber, POLICY_DIFFERS },
                { DIRECTIVE_SeccompProfile, POLICY_TIGHTER },
                { DIRECTIVE_SystemCallLog, POLICY_DIFFERS },
                { DIRECTIVE_MandatoryAccessControl, POLICY_LOOSER },
                { DIRECTIVE_MACLost, POLICY_LOOSER },
                { DIRECTIVE_MemoryMax, POLICY_TIGHTER },
                { DIRECTIVE_TasksMax, POLICY_TIGHTER },
        };
        static const char *const signs[_POLICY_DIRECTION_MAX] = { "looser", "tighter", "different" };

        for (size_t i = 0; i < ELEMENTSOF(known); i++) {
                _cleanup_free_ char *without = unit_with(known[i].id, false), *with = unit_with(known[i].id, true);
                _cleanup_(compilation_done) Compilation before = {}, after = {};
                _cleanup_(policy_changes_done) PolicyChanges changes = {};
                bool found = false;

                compile_or_fail(without, &before);
                compile_or_fail(with, &after);
                compare_all(&before, &after, &changes);
                for (size_t k = 0; k < changes.n; k++)
                        found |= changes.items[k].direction == known[i].direction &&
                                 changes.items[k].after.line == container_spec_origin(after.spec, known[i].id)->line;
                if (!found)
                        fail_msg("%s=%s makes nothing %s", directives[known[i].id].name, directives[known[i].id].sample,
                                 signs[known[i].direction]);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_row_moves_its_stage),
                cmocka_unit_test(printed_text_reads_back),
                cmocka_unit_test(the_same_unit_gives_the_same_bytes),
                cmocka_unit_test(every_protection_shows_in_a_comparison),
                cmocka_unit_test(samples_lead_the_right_way),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
