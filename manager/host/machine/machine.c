/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "manager/base/string-list.h"
#include "manager/container/container-internal.h"

#define MACHINE_NAME_MAX 64
#define BUS_PATIENCE (10 * USEC_PER_SEC)

/* --- names */

int machine_unit_name(const char *container, char **ret) {
        char hex[SD_ID128_STRING_MAX];
        sd_id128_t id;
        int r;

        r = sd_id128_randomize(&id);
        if (r < 0)
                return r;
        return str_append(ret, "bulwark-%s-%.8s.scope", container, sd_id128_to_string(id, hex));
}

/* A host name: labels of letters, digits and hyphens, which also need no quoting in a unit's name. */
bool machine_name_valid(const char *name) {
        size_t n = strlen(name);

        if (n == 0 || n > MACHINE_NAME_MAX || strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") != n)
                return false;
        for (size_t i = 0; i < n; i++) {
                bool edge = i == 0 || i + 1 == n || name[i - 1] == '.' || name[i + 1] == '.';

                if (edge && (name[i] == '-' || name[i] == '.'))
                        return false;
        }
        return true;
}

int machine_root_of_path(const char *path, char **ret) {
        const char *scope = strstr(path, ".scope/containers/"), *slice = strstr(path, "/machine.slice/");

        if (!scope || !slice || slice > scope)
                return -ENODATA;
        *ret = strndup(slice, (size_t)(scope - slice) + strlen(".scope"));
        return *ret ? 0 : -ENOMEM;
}

/* --- where the container's control groups are */

CgroupRoot *container_cgroup_root(Container *c) {
        return c->machine.root.fd >= 0 ? &c->machine.root : &c->manager->cgroup;
}

int machine_adopt(Container *c, const char *path) {
        _cleanup_free_ char *root = NULL;
        const char *name;
        int r;

        r = machine_root_of_path(path, &root);
        if (r < 0)
                return r;
        r = cgroup_root_open(root, false, 0, NULL, &c->machine.root);
        if (r < 0)
                return r;
        name = strrchr(root, '/') + 1;
        c->machine.unit = strdup(name);
        c->machine.registered = true;
        return c->machine.unit ? 0 : -ENOMEM;
}

/* --- the way there */

const char *container_machine_unit(const Container *c) {
        return c->machine.unit;
}

int machine_check(const Container *c, Diag *diag) {
        const Origin *origin = container_spec_origin(c->loaded, DIRECTIVE_RegisterMachine);

        if (!c->loaded->register_machine || machine_name_valid(c->name))
                return 0;
        return diag_error(diag, ERROR_UNSUPPORTED, origin, "RegisterMachine",
                          "systemd-machined knows machines by names of hosts only, and \"%s\" is none: letters, digits, "
                          "hyphens and dots, 64 at most; name the unit otherwise, or remove the line", c->name);
}

static int ask_for_scope(Container *c, Diag *diag) {
        const Origin *origin = container_spec_origin(c->loaded, DIRECTIVE_RegisterMachine);
        Manager *m = c->manager;
        int r;

        r = machine_unit_name(c->name, &c->machine.unit);
        if (r >= 0)
                r = anchor_start(&c->machine.anchor_fd, &c->machine.anchor);
        if (r >= 0)
                r = m->machine_host->make_scope(c, c->machine.unit, c->machine.anchor, m->machine_userdata);
        return r < 0 ? diag_errno(diag, ERROR_FAILED, origin, "RegisterMachine", -r, "cannot ask for a scope") : 0;
}

static void refuse(Container *c, Diag *diag, int r) {
        machine_done(c);
        (void)container_event(c, container_refuse_start(c, RESULT_RESOURCES, diag, r));
}

static int on_no_bus(sd_event_source *s, uint64_t usec, void *userdata) {
        _cleanup_(diag_done) Diag diag = {};
        Container *c = userdata;

        refuse(c, &diag, diag_error(&diag, ERROR_HOST_LACKS, container_spec_origin(c->loaded, DIRECTIVE_RegisterMachine),
                                    "RegisterMachine", "the system bus is not there, over which systemd and systemd-machined are "
                                    "spoken to; start it, or remove the line"));
        return 0;
}

/* Before anything is made: a scope for it to be made in. *ret_waits: container_scoped() will follow. */
int machine_prepare(Container *c, Diag *diag, bool *ret_waits) {
        int r;

        *ret_waits = false;
        if (!c->loaded->register_machine || c->machine.root.fd >= 0)
                return 0;
        machine_done(c);
        if (c->manager->machine_host)
                r = ask_for_scope(c, diag);
        else /* at boot it may only be a moment away */
                r = sd_event_add_time_relative(c->manager->event, &c->machine.patience, CLOCK_MONOTONIC, BUS_PATIENCE,
                                               USEC_PER_MSEC, on_no_bus, c);
        *ret_waits = r >= 0;
        if (r < 0)
                machine_done(c);
        return r < 0 ? r : 0;
}

void manager_set_machine_host(Manager *m, const MachineHost *host, void *userdata) {
        m->machine_host = host;
        m->machine_userdata = userdata;
        for (size_t i = 0; host && i < m->n_sorted; i++) {
                _cleanup_(diag_done) Diag diag = {};
                Container *c = m->sorted[i];
                int r;

                if (!c->machine.patience)
                        continue;
                c->machine.patience = sd_event_source_disable_unref(c->machine.patience);
                r = ask_for_scope(c, &diag);
                if (r < 0)
                        refuse(c, &diag, r);
        }
}

static int enter_scope(Container *c, Diag *diag) {
        _cleanup_free_ char *path = NULL;
        int r;

        r = cgroup_path_of_process(c->machine.anchor, &path);
        if (r >= 0 && !endswith(path, c->machine.unit))
                r = -ENODATA;
        if (r < 0)
                return diag_errno(diag, ERROR_FAILED, NULL, "RegisterMachine", -r, "cannot find the control group of %s",
                                  c->machine.unit);
        /* It has to be a leaf: then controllers can be enabled for what is beside it. */
        return cgroup_root_open(path, false, c->machine.anchor, diag, &c->machine.root);
}

void container_scoped(Container *c, const char *unit, int r, const char *words) {
        _cleanup_(diag_done) Diag diag = {};

        if (c->state != CONTAINER_ASSEMBLING || !streq_ptr(c->machine.unit, unit) || c->machine.root.fd >= 0)
                return; /* it was stopped meanwhile, and perhaps started again */
        if (r < 0)
                (void)diag_error(&diag, ERROR_HOST_LACKS, container_spec_origin(c->loaded, DIRECTIVE_RegisterMachine),
                                 "RegisterMachine", "%s", words);
        else
                r = enter_scope(c, &diag);
        if (r < 0)
                refuse(c, &diag, r);
        else
                (void)container_event(c, EVENT_ASSEMBLED);
}

/* The payload runs. */
void machine_begin(Container *c) {
        Manager *m = c->manager;

        if (c->machine.root.fd < 0)
                return;
        if (c->machine.anchor_fd >= 0)
                (void)anchor_hold(TAKE_FD(c->machine.anchor_fd), c->leader_fd);
        if (c->machine.registered || !m->machine_host || c->leader <= 0)
                return;
        c->machine.registered = true;
        m->machine_host->register_machine(c, m->machine_userdata);
}

void container_register_failed(Container *c, const char *words) {
        c->machine.registered = false;
        log_message(&c->manager->config.log, LOG_WARNING, "%s: it runs, but systemd-machined does not know it: %s", c->name, words);
}

void machine_done(Container *c) {
        Manager *m = c->manager;

        if (c->machine.registered && m->machine_host)
                m->machine_host->unregister_machine(c->name, m->machine_userdata);
        if (c->machine.root.fd >= 0)
                cgroup_root_remove(&c->machine.root);
        cgroup_root_done(&c->machine.root);
        (void)safe_close(c->machine.anchor_fd);
        c->machine.patience = sd_event_source_disable_unref(c->machine.patience);
        free(c->machine.unit);
        c->machine = MACHINE_EMPTY;
}
