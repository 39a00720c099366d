/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Programs of the control group: attached above what the container can reach, before anything runs in it, and read back.
 * They live as long as the group does, whichever manager or keeper runs; what a manager inside adds can only deny more. */
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "manager/container/container-internal.h"
#include "manager/host/part.h"
#include "policies/bpf/devices.h"

#define MAX_ATTACHED 16

static int bpf_call(int command, union bpf_attr *attr) {
        long r = syscall(SYS_bpf, command, attr, sizeof(*attr));

        return r < 0 ? -errno : (int)r;
}

static int filter_load(const DevicePolicyProgram *p, int *ret_fd) {
        union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE, .insn_cnt = (uint32_t)p->n_instructions,
                                .insns = (uint64_t)(uintptr_t)p->program, .license = (uint64_t)(uintptr_t) "LGPL-2.1-or-later",
                                .prog_name = "bulwark_dev" };
        int fd = bpf_call(BPF_PROG_LOAD, &attr);

        if (fd < 0)
                return fd;
        *ret_fd = fd;
        return 0;
}

static int program_id(int fd, uint32_t *ret) {
        struct bpf_prog_info info = {};
        union bpf_attr attr = { .info = { .bpf_fd = (uint32_t)fd, .info_len = sizeof(info), .info = (uint64_t)(uintptr_t)&info } };
        int r = bpf_call(BPF_OBJ_GET_INFO_BY_FD, &attr);

        if (r < 0)
                return r;
        *ret = info.id;
        return 0;
}

/* What the kernel says is attached there. */
static int filter_is_there(int cgroup_fd, int program_fd, bool *ret) {
        uint32_t ids[MAX_ATTACHED] = {}, id;
        union bpf_attr attr = { .query = { .target_fd = (uint32_t)cgroup_fd, .attach_type = BPF_CGROUP_DEVICE,
                                           .prog_ids = (uint64_t)(uintptr_t)ids, .prog_cnt = MAX_ATTACHED } };
        int r = program_id(program_fd, &id);

        if (r >= 0)
                r = bpf_call(BPF_PROG_QUERY, &attr);
        if (r < 0)
                return r;
        *ret = false;
        for (uint32_t i = 0; i < attr.query.prog_cnt && i < MAX_ATTACHED; i++)
                *ret |= ids[i] == id;
        return 0;
}

static int filter_attach(int cgroup_fd, int program_fd) {
        union bpf_attr attr = { .target_fd = (uint32_t)cgroup_fd, .attach_bpf_fd = (uint32_t)program_fd,
                                .attach_type = BPF_CGROUP_DEVICE, .attach_flags = BPF_F_ALLOW_MULTI };

        return bpf_call(BPF_PROG_ATTACH, &attr);
}

static void filters_free(PolicySet *set) {
        policy_backend_devices.done(set);
}

static int filters_prepare(Container *c, Launch *launch, Diag *diag) {
        const DirectiveId id = c->spec->device_policy != DEVICE_POLICY_AUTO ? DIRECTIVE_DevicePolicy : DIRECTIVE_DeviceAllow;
        const Origin *origin = container_spec_origin(c->spec, id);
        _cleanup_(filters_free) PolicySet set = {};
        _cleanup_close_ int fd = -EBADF;
        bool there = false;
        int r;

        if (!c->spec->devices_filtered)
                return 0;
        r = policy_backend_devices.compile(c->spec, -EBADF, diag, &set); /* the plan has let the other policies go */
        if (r < 0)
                return r;
        r = filter_load(&set.devices, &fd);
        if (r < 0)
                return diag_errno(diag, ERROR_HOST_LACKS, origin, directives[id].name, -r,
                                  "the kernel takes no device filter (bpf(2); the manager needs CAP_BPF and CAP_NET_ADMIN, or "
                                  "CAP_SYS_ADMIN); take the line out to do without");
        r = filter_attach(c->cgroup.fd, fd);
        if (r >= 0)
                r = filter_is_there(c->cgroup.fd, fd, &there);
        if (r < 0)
                return diag_errno(diag, ERROR_HOST_LACKS, origin, directives[id].name, -r, "the device filter cannot be attached to %s",
                                  strempty(c->cgroup_path));
        if (!there)
                return diag_error(diag, ERROR_FAILED, origin, directives[id].name, "the device filter was attached to %s and is not there",
                                  strempty(c->cgroup_path));
        return 0;
}

const LifePart part_filters = {
        .name = "filters",
        .of_the_end = true,
        .prepare = filters_prepare,
};
