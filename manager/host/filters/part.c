/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Programs of the control group: attached above what the container can reach, before anything runs in it, and read back.
 * They live as long as the group does, whichever manager or keeper runs; what a manager inside adds can only deny more. */
#include "manager/container/container-internal.h"
#include "manager/host/filters/programs.h"
#include "manager/host/part.h"
#include "policies/bpf/devices.h"

#define FILTERS_MAX (1 + CGROUP_PROGRAMS_MAX) /* that of devices, too */

/* Everything that the unit asks for: the plan has let the policies go by now. */
static int filters_compile(const ContainerSpec *spec, Diag *diag, PolicySet *set) {
        int r = policy_backend_devices.compile(spec, -EBADF, diag, set);

        return r < 0 ? r : policy_backend_filters.compile(spec, -EBADF, diag, set);
}

static void filters_free(PolicySet *set) {
        policy_backend_devices.done(set);
        policy_backend_filters.done(set);
}

static size_t filters_list(const ContainerSpec *spec, const PolicySet *set, CgroupProgram ret[static FILTERS_MAX]) {
        size_t n = 0;

        if (set->devices.n_instructions > 0)
                ret[n++] = (CgroupProgram){ .name = "dev", .type = BPF_PROG_TYPE_CGROUP_DEVICE, .attach = BPF_CGROUP_DEVICE,
                                            .items = set->devices.program, .n = set->devices.n_instructions,
                                            .directive = spec->device_policy != DEVICE_POLICY_AUTO ? DIRECTIVE_DevicePolicy :
                                                                                                    DIRECTIVE_DeviceAllow };
        for (size_t i = 0; i < set->filters.n; i++)
                ret[n++] = set->filters.programs[i];
        return n;
}

static int filters_report(const Container *c, const CgroupProgram *p, int r, Diag *diag) {
        const Origin *origin = container_spec_origin(c->spec, p->directive);
        const char *name = directives[p->directive].name;

        if (r == -ENOLINK)
                return diag_error(diag, ERROR_FAILED, origin, name, "the program \"%s\" was attached to %s and is not there", p->name,
                                  strempty(c->cgroup_path));
        return diag_errno(diag, ERROR_HOST_LACKS, origin, name, -r,
                          "the kernel does not take the program \"%s\" for %s (bpf(2); the manager needs CAP_BPF and CAP_NET_ADMIN, or "
                          "CAP_SYS_ADMIN); take the line out to do without", p->name, strempty(c->cgroup_path));
}

/* Makes the group's programs those of the spec: each in one step, so that what runs there is never without. */
static int filters_put(const Container *c, const ContainerSpec *spec, Diag *diag) {
        _cleanup_(filters_free) PolicySet set = {};
        CgroupProgram programs[FILTERS_MAX];
        size_t n;
        int r;

        r = filters_compile(spec, diag, &set);
        if (r < 0)
                return r;
        n = filters_list(spec, &set, programs);
        for (size_t i = 0; i < n; i++) {
                _cleanup_close_ int fd = -EBADF;

                r = program_load(c->cgroup.fd, programs + i, &fd);
                crash_point(c->manager, FILTER_LOADED);
                if (r >= 0)
                        r = program_attach(c->cgroup.fd, programs + i, fd);
                if (r < 0)
                        return filters_report(c, programs + i, r, diag);
                crash_point(c->manager, FILTER_ATTACHED);
        }
        r = programs_keep(c->cgroup.fd, programs, n);
        return r < 0 && n > 0 ? filters_report(c, programs, r, diag) : 0;
}

static int filters_prepare(Container *c, Launch *launch, Diag *diag) {
        return filters_put(c, c->spec, diag);
}

const LifePart part_filters = {
        .name = "filters",
        .of_the_end = true,
        .prepare = filters_prepare,
};
