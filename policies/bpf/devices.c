/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The device filter of a control group: what DeviceAllow= and DevicePolicy= come to. */
#include <stdio.h>

#include "policies/bpf/assembler.h"
#include "policies/bpf/devices.h"
#include "policies/compile.h"
#include "policies/container-root.h"
#include "policies/rules.h"

#define ALL_ACCESS (BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD)

/* Beside the nodes of every container: its terminals. */
static const struct {
        const char *words;
        unsigned major, minor;
} terminals[] = {
        { "/dev/ptmx", 5, 2 },
        { "/dev/pts/*", 136, DEVICE_MINOR_ANY },
};

enum { RESULT, CONTEXT, ACCESS, TYPE, MAJOR, MINOR, SCRATCH };

static void emit_head(BpfAssembler *a) {
        bpf_emit(a, BPF_LOAD_32(ACCESS, CONTEXT, offsetof(struct bpf_cgroup_dev_ctx, access_type)));
        bpf_emit(a, BPF_COPY(TYPE, ACCESS));
        bpf_emit(a, BPF_AND_32(TYPE, 0xffff));
        bpf_emit(a, BPF_SHIFT_32(ACCESS, 16));
        bpf_emit(a, BPF_LOAD_32(MAJOR, CONTEXT, offsetof(struct bpf_cgroup_dev_ctx, major)));
        bpf_emit(a, BPF_LOAD_32(MINOR, CONTEXT, offsetof(struct bpf_cgroup_dev_ctx, minor)));
}

static void emit_rule(BpfAssembler *a, const DeviceRule *rule) {
        const int next = bpf_label(a);

        a->now = (BpfOrigin){ rule->origin, "DeviceAllow" };
        bpf_jump_if(a, BPF_JNE, TYPE, rule->block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR, next);
        bpf_jump_if(a, BPF_JNE, MAJOR, (int32_t)rule->major, next);
        if (rule->minor != DEVICE_MINOR_ANY)
                bpf_jump_if(a, BPF_JNE, MINOR, (int32_t)rule->minor, next);
        if (rule->access != ALL_ACCESS) {
                bpf_emit(a, BPF_COPY(SCRATCH, ACCESS));
                bpf_emit(a, BPF_AND_32(SCRATCH, (int32_t)~rule->access));
                bpf_jump_if(a, BPF_JNE, SCRATCH, 0, next);
        }
        bpf_emit(a, BPF_SET(RESULT, 1));
        bpf_emit(a, BPF_RETURN);
        bpf_place(a, next);
}

static int assemble(const ContainerSpec *spec, BpfAssembler *a) {
        emit_head(a);
        for (const ContainerDevice *d = container_devices; d->name; d++)
                emit_rule(a, &(DeviceRule){ .major = d->major, .minor = d->minor, .access = ALL_ACCESS });
        for (size_t i = 0; i < ELEMENTSOF(terminals); i++)
                emit_rule(a, &(DeviceRule){ .major = terminals[i].major, .minor = terminals[i].minor, .access = ALL_ACCESS });
        for (size_t i = 0; i < spec->n_device_rules; i++)
                emit_rule(a, spec->device_rules + i);
        a->now = (BpfOrigin){};
        bpf_emit(a, BPF_SET(RESULT, 0));
        bpf_emit(a, BPF_RETURN);
        return bpf_finish(a);
}

static int add_rule(const DeviceRule *rule, PolicyRules *rules) {
        char minor[16] = "*", access[4];

        device_access_text(rule->access, access);
        if (rule->minor != DEVICE_MINOR_ANY)
                (void)snprintf(minor, sizeof(minor), "%u", rule->minor);
        return policy_rules_add(rules, &rule->origin, "allow %s %u:%s %s%s%s", rule->block ? "block" : "char", rule->major, minor, access,
                                rule->node ? " " : "", strempty(rule->node));
}

static int add_rules(const ContainerSpec *spec, PolicyRules *rules) {
        const Origin *policy = container_spec_origin(spec, spec->device_policy != DEVICE_POLICY_AUTO ? DIRECTIVE_DevicePolicy :
                                                                                                     DIRECTIVE_DeviceAllow);
        int r = policy_rules_add(rules, policy, "deny every other device");

        for (const ContainerDevice *d = container_devices; r >= 0 && d->name; d++)
                r = policy_rules_add(rules, NULL, "allow char %u:%u rwm /dev/%s", d->major, d->minor, d->name);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(terminals); i++)
                r = policy_rules_add(rules, NULL, "allow terminals %s", terminals[i].words);
        for (size_t i = 0; r >= 0 && i < spec->n_device_rules; i++)
                r = add_rule(spec->device_rules + i, rules);
        return r;
}

static int devices_compile(const ContainerSpec *spec, int cache_fd, Diag *diag, PolicySet *set) {
        _cleanup_(bpf_done) BpfAssembler a = {};
        DevicePolicyProgram *p = &set->devices;
        int r;

        if (!spec->devices_filtered)
                return 0;
        r = assemble(spec, &a);
        if (r >= 0)
                r = bpf_program_text(&a, &p->text);
        if (r < 0)
                return diag_errno(diag, ERROR_POLICY, container_spec_origin(spec, DIRECTIVE_DeviceAllow), "DeviceAllow", -r,
                                  "the device filter cannot be put together");
        p->program = TAKE_PTR(a.items);
        p->n_instructions = a.n;
        digest_of(p->program, p->n_instructions * sizeof(struct bpf_insn), &p->digest);
        return add_rules(spec, &p->rules);
}

static int devices_render(const PolicySet *set, char **ret) {
        *ret = strdup(set->devices.text ? set->devices.text : "no filter: /dev holds what every container has\n");
        return *ret ? 0 : -ENOMEM;
}

static const PolicyRules *devices_rules(const PolicySet *set) {
        return &set->devices.rules;
}

static void devices_digest(const PolicySet *set, Digest *ret) {
        *ret = set->devices.digest;
}

static void devices_done(PolicySet *set) {
        policy_rules_done(&set->devices.rules);
        free(set->devices.program);
        free(set->devices.text);
}

const PolicyBackend policy_backend_devices = {
        .name = "devices",
        .compile = devices_compile,
        .render = devices_render,
        .rules = devices_rules,
        .digest = devices_digest,
        .done = devices_done,
};
