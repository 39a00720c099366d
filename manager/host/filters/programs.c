/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/bpf.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "manager/host/filters/programs.h"

#define MAX_ATTACHED 64 /* BPF_CGROUP_MAX_PROGS */
#define NAME_PREFIX "bulwark_"

/* Where ours can be. */
static const uint32_t attach_types[] = {
        BPF_CGROUP_DEVICE, BPF_CGROUP_INET_INGRESS, BPF_CGROUP_INET_EGRESS, BPF_CGROUP_INET4_BIND, BPF_CGROUP_INET6_BIND,
};

static int bpf_call(int command, union bpf_attr *attr) {
        long r = syscall(SYS_bpf, command, attr, sizeof(*attr));

        return r < 0 ? -errno : (int)r;
}

static uint64_t pointer(const void *p) {
        return (uint64_t)(uintptr_t)p;
}

static void program_name(const CgroupProgram *p, char ret[static BPF_OBJ_NAME_LEN]) {
        (void)snprintf(ret, BPF_OBJ_NAME_LEN, NAME_PREFIX "%s", p->name);
}

static int program_info(int fd, struct bpf_prog_info *info) {
        union bpf_attr attr = { .info = { .bpf_fd = (uint32_t)fd, .info_len = sizeof(*info), .info = pointer(info) } };

        return bpf_call(BPF_OBJ_GET_INFO_BY_FD, &attr);
}

/* --- what is there */

typedef struct Attached {
        uint32_t ids[MAX_ATTACHED];
        size_t n;
} Attached;

static int attached_list(int cgroup_fd, uint32_t type, Attached *ret) {
        union bpf_attr attr = { .query = { .target_fd = (uint32_t)cgroup_fd, .attach_type = type, .prog_ids = pointer(ret->ids),
                                           .prog_cnt = MAX_ATTACHED } };
        int r = bpf_call(BPF_PROG_QUERY, &attr);

        if (r < 0)
                return r;
        ret->n = MIN_OF((size_t)attr.query.prog_cnt, (size_t)MAX_ATTACHED);
        return 0;
}

/* The next of ours from *at on; *ret_fd stays negative where there is none. name NULL = whatever its name. */
static int attached_next(const Attached *l, const char *name, size_t *at, int *ret_fd, struct bpf_prog_info *ret) {
        *ret_fd = -EBADF;
        for (; *at < l->n; (*at)++) {
                union bpf_attr attr = { .prog_id = l->ids[*at] };
                int fd = bpf_call(BPF_PROG_GET_FD_BY_ID, &attr), r;

                if (fd == -ENOENT) /* gone meanwhile */
                        continue;
                if (fd < 0)
                        return fd;
                *ret = (struct bpf_prog_info){};
                r = program_info(fd, ret);
                if (r >= 0 && (name ? streq(ret->name, name) : !!startswith(ret->name, NAME_PREFIX))) {
                        (*at)++;
                        *ret_fd = fd;
                        return 0;
                }
                (void)close(fd);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* --- counters */

/* The one map of a program; -ENODATA where it has none. */
static int program_map(int fd, int *ret_fd) {
        uint32_t id = 0;
        struct bpf_prog_info info = { .nr_map_ids = 1, .map_ids = pointer(&id) };
        union bpf_attr attr = {};
        int r = program_info(fd, &info);

        if (r < 0)
                return r;
        if (info.nr_map_ids < 1 || id == 0)
                return -ENODATA;
        attr.map_id = id;
        r = bpf_call(BPF_MAP_GET_FD_BY_ID, &attr);
        if (r < 0)
                return r;
        *ret_fd = r;
        return 0;
}

static int map_of_group(int cgroup_fd, int *ret_fd) {
        static const uint32_t types[] = { BPF_CGROUP_INET_INGRESS, BPF_CGROUP_INET_EGRESS };

        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                struct bpf_prog_info info;
                Attached l = {};
                size_t at = 0;
                int r = attached_list(cgroup_fd, types[i], &l), fd = -EBADF;

                while (r >= 0 && at < l.n) {
                        r = attached_next(&l, NULL, &at, &fd, &info);
                        if (r < 0 || fd < 0)
                                break;
                        r = program_map(fd, ret_fd);
                        (void)close(fd);
                        if (r != -ENODATA)
                                return r;
                        r = 0;
                }
                if (r < 0)
                        return r;
        }
        return -ENODATA;
}

int programs_counters(int cgroup_fd, PacketCounters *ret) {
        _cleanup_close_ int fd = -EBADF;
        uint32_t key = 0;
        union bpf_attr attr = {};
        int r = map_of_group(cgroup_fd, &fd);

        if (r < 0)
                return r;
        attr.map_fd = (uint32_t)fd;
        attr.key = pointer(&key);
        attr.value = pointer(ret);
        return bpf_call(BPF_MAP_LOOKUP_ELEM, &attr);
}

/* The group's, where there is one already: of the other direction, or of the program that this one replaces. */
static int map_for(int cgroup_fd, int *ret_fd) {
        union bpf_attr attr = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = sizeof(uint32_t), .value_size = sizeof(PacketCounters),
                                .max_entries = 1, .map_name = NAME_PREFIX "count" };
        int r = map_of_group(cgroup_fd, ret_fd);

        if (r != -ENODATA)
                return r;
        r = bpf_call(BPF_MAP_CREATE, &attr);
        if (r < 0)
                return r;
        *ret_fd = r;
        return 0;
}

/* --- load and attach */

static int load_with(const CgroupProgram *p, int map_fd, int *ret_fd) {
        const size_t size = p->n * sizeof(struct bpf_insn);
        _cleanup_free_ struct bpf_insn *items = malloc(size);
        union bpf_attr attr = { .prog_type = p->type, .expected_attach_type = p->attach, .insn_cnt = (uint32_t)p->n, .insns = pointer(items),
                                .license = pointer("LGPL-2.1-or-later") };
        int r;

        if (!items)
                return -ENOMEM;
        memcpy(items, p->items, size);
        for (size_t i = 0; i < p->n; i++)
                if (program_uses_map(items + i))
                        items[i].imm = map_fd;
        program_name(p, attr.prog_name);
        r = bpf_call(BPF_PROG_LOAD, &attr);
        if (r < 0)
                return r;
        *ret_fd = r;
        return 0;
}

static bool needs_map(const CgroupProgram *p) {
        for (size_t i = 0; i < p->n; i++)
                if (program_uses_map((const struct bpf_insn *)p->items + i))
                        return true;
        return false;
}

static int attach(int cgroup_fd, int fd, uint32_t type, int old) {
        union bpf_attr attr = { .target_fd = (uint32_t)cgroup_fd, .attach_bpf_fd = (uint32_t)fd, .attach_type = type,
                                .attach_flags = BPF_F_ALLOW_MULTI };

        if (old >= 0) {
                attr.attach_flags |= BPF_F_REPLACE;
                attr.replace_bpf_fd = (uint32_t)old;
        }
        return bpf_call(BPF_PROG_ATTACH, &attr);
}

/* The kernel's own word for it: the number and the tag of what is attached are those of what was loaded. */
static int read_back(int cgroup_fd, int fd, uint32_t type, const char *name) {
        struct bpf_prog_info own = {}, found;
        _cleanup_close_ int there = -EBADF;
        Attached l = {};
        size_t at = 0;
        int r = program_info(fd, &own);

        if (r >= 0)
                r = attached_list(cgroup_fd, type, &l);
        if (r >= 0)
                r = attached_next(&l, name, &at, &there, &found);
        if (r < 0)
                return r;
        return there >= 0 && found.id == own.id && memcmp(found.tag, own.tag, sizeof(own.tag)) == 0 ? 0 : -ENOLINK;
}

int program_load(int cgroup_fd, const CgroupProgram *program, int *ret_fd) {
        _cleanup_close_ int map_fd = -EBADF;
        int r = needs_map(program) ? map_for(cgroup_fd, &map_fd) : 0;

        return r < 0 ? r : load_with(program, map_fd, ret_fd);
}

int program_attach(int cgroup_fd, const CgroupProgram *program, int fd) {
        _cleanup_close_ int old = -EBADF;
        char name[BPF_OBJ_NAME_LEN];
        struct bpf_prog_info info;
        Attached l = {};
        size_t at = 0;
        int r;

        program_name(program, name);
        r = attached_list(cgroup_fd, program->attach, &l);
        if (r >= 0)
                r = attached_next(&l, name, &at, &old, &info);
        if (r >= 0)
                r = attach(cgroup_fd, fd, program->attach, old);
        return r < 0 ? r : read_back(cgroup_fd, fd, program->attach, name);
}

static bool is_among(const CgroupProgram *programs, size_t n, uint32_t type, const char *name) {
        for (size_t i = 0; i < n; i++) {
                char own[BPF_OBJ_NAME_LEN];

                program_name(programs + i, own);
                if (programs[i].attach == type && streq(own, name))
                        return true;
        }
        return false;
}

static int detach(int cgroup_fd, int fd, uint32_t type) {
        union bpf_attr attr = { .target_fd = (uint32_t)cgroup_fd, .attach_bpf_fd = (uint32_t)fd, .attach_type = type };

        return bpf_call(BPF_PROG_DETACH, &attr);
}

int programs_keep(int cgroup_fd, const CgroupProgram *programs, size_t n) {
        int result = 0;

        for (size_t i = 0; i < ELEMENTSOF(attach_types); i++) {
                Attached l = {};
                size_t at = 0;
                int r = attached_list(cgroup_fd, attach_types[i], &l);

                while (r >= 0) {
                        _cleanup_close_ int fd = -EBADF;
                        struct bpf_prog_info info;

                        r = attached_next(&l, NULL, &at, &fd, &info);
                        if (r < 0 || fd < 0)
                                break;
                        if (!is_among(programs, n, attach_types[i], info.name))
                                r = detach(cgroup_fd, fd, attach_types[i]);
                }
                if (r < 0 && result == 0)
                        result = r;
        }
        return result;
}
