/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* DeviceAllow= meets the host: numbers of what its items name. */
#include <fnmatch.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <sys/stat.h>

#include "units/resolve/resolve-steps.h"

static bool is_group(const char *name) {
        return *name != '/';
}

static int rule_add(ContainerSpec *s, DeviceRule rule) {
        DeviceRule *grown = reallocarray(s->device_rules, s->n_device_rules + 1, sizeof(*grown));

        if (!grown)
                return -ENOMEM;
        s->device_rules = grown;
        grown[s->n_device_rules++] = rule;
        return 0;
}

/* Lines "136 pts" under "Character devices:" and "Block devices:". */
static int resolve_group(ContainerSpec *s, const DeviceAllowItem *item, const char *text, Diag *diag) {
        const bool block = startswith(item->name, "block-");
        const char *pattern = strchr(item->name, '-') + 1;
        bool in_block = false;
        size_t found = 0;

        for (const char *line = strempty(text); *line; line += strcspn(line, "\n"), line += *line == '\n') {
                char name[64];
                unsigned major;
                int r;

                if (startswith(line, "Block devices"))
                        in_block = true;
                if (sscanf(line, "%u %63s", &major, name) != 2 || in_block != block || fnmatch(pattern, name, 0) != 0)
                        continue;
                r = rule_add(s, (DeviceRule){ .block = block, .major = major, .minor = DEVICE_MINOR_ANY, .access = item->access,
                                              .origin = item->origin });
                if (r < 0)
                        return r;
                found++;
        }
        if (found == 0) /* as in systemd: what is not there cannot be opened */
                diag_warning(diag, ERROR_HOST_LACKS, &item->origin, "DeviceAllow",
                             "the kernel has no %s now; nothing is allowed by this line", item->name);
        return 0;
}

static int resolve_node(ContainerSpec *s, const DeviceAllowItem *item, const DeviceFact *f, Diag *diag) {
        if (!f || f->error == ENOENT || f->error == ENOTDIR)
                return diag_error(diag, ERROR_HOST_LACKS, &item->origin, "DeviceAllow",
                                  "this host has no %s; load the module that makes it, or take the line out", item->name);
        if (f->error != 0)
                return diag_errno(diag, ERROR_HOST_LACKS, &item->origin, "DeviceAllow", f->error, "cannot look at %s", item->name);
        if (!S_ISCHR(f->mode) && !S_ISBLK(f->mode))
                return diag_error(diag, ERROR_BAD_VALUE, &item->origin, "DeviceAllow", "%s is no device", item->name);
        if (S_ISBLK(f->mode))
                diag_warning(diag, ERROR_POLICY, &item->origin, "DeviceAllow",
                             "%s is a disk of the host: who may read or write it goes around every file's permissions", item->name);
        /* The launch makes the node from within the control group; who opens a node is judged all the same. */
        return rule_add(s, (DeviceRule){ .node = s->private_devices == TRISTATE_YES ? NULL : item->name, .block = S_ISBLK(f->mode),
                                         .major = f->major, .minor = f->minor, .mode = f->mode & 0666,
                                         .access = item->access | (s->private_devices == TRISTATE_YES ? 0 : BPF_DEVCG_ACC_MKNOD),
                                         .origin = item->origin });
}

int devices_resolve(ContainerSpec *s, const UnitFacts *facts, Diag *diag) {
        const value_device_allow *v = &s->device_allow;
        int error = 0;

        if (s->private_devices == TRISTATE_NO && v->n == 0)
                error = diag_error(diag, ERROR_CONFLICT, container_spec_origin(s, DIRECTIVE_PrivateDevices), "PrivateDevices",
                                   "no opens nothing alone: a container never sees the /dev of the host; name its devices with "
                                   "DeviceAllow=, or take the line out");
        for (size_t i = 0; i < v->n; i++) {
                int r = is_group(v->items[i].name) ?
                                resolve_group(s, v->items + i, facts->device_groups, diag) :
                                resolve_node(s, v->items + i, i < facts->n_devices ? facts->devices + i : NULL, diag);

                error = r < 0 ? r : error;
        }
        s->devices_filtered = v->n > 0 || s->device_policy != DEVICE_POLICY_AUTO;
        return error;
}
