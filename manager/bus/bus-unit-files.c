/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <sys/stat.h>

#include "manager/base/string-list.h"
#include "manager/bus/bus-internal.h"
#include "units/install/install.h"
#include "units/syntax/unit-load.h"

/* What [Install] sections say, done for others: methods, signatures and words of systemd1. As there nothing is read again
 * by this alone: Reload follows. */

#define FILES_MAX 256 /* in one call: each costs looks at every link */

typedef struct UnitFiles {
        InstallRequest request;
        char **search_path, **preset_path;
        char *transient;
        InstallChanges changes;
} UnitFiles;

static void unit_files_done(UnitFiles *u) {
        strv_free(u->search_path);
        strv_free(u->preset_path);
        free(u->transient);
        install_changes_done(&u->changes);
}

/* The directory of transient units is the manager's own: no link is made there. */
static int unit_files_open(Connection *c, UnitFiles *u) {
        const ManagerConfig *config = manager_config(c->bus->manager);
        int r;

        r = str_append(&u->transient, "%s/transient", config->runtime_directory);
        for (char **path = config->unit_path; r >= 0 && path && *path; path++)
                if (!streq(*path, u->transient))
                        r = strv_extend(&u->search_path, *path);
        if (r >= 0)
                r = strv_split(PRESET_PATH_DEFAULT, ':', &u->preset_path);
        u->request.search_path = u->search_path;
        u->request.transient = u->transient;
        u->request.facts = manager_specifiers(c->bus->manager);
        return r;
}

static int preset_one(const UnitFiles *u, const char *name, Diag *diag, InstallChanges *changes) {
        return install_preset(&u->request, name, u->preset_path, diag, changes);
}

typedef struct UnitFilesMethod {
        const char *member;
        int (*change)(const InstallRequest *q, const char *name, Diag *diag, InstallChanges *changes);
        bool runtime, force; /* are arguments */
        bool carries;        /* the answer begins with whether there was anything to do */
} UnitFilesMethod;

static const UnitFilesMethod methods[] = {
        { "EnableUnitFiles", install_enable, true, true, true },
        { "DisableUnitFiles", install_disable, true, false, false },
        { "MaskUnitFiles", install_mask, true, true, false },
        { "UnmaskUnitFiles", install_unmask, true, false, false },
        { "PresetUnitFiles", NULL, true, true, true },
        { "RevertUnitFiles", install_revert, false, false, false },
};

static int read_flag(sd_bus_message *m, bool wanted, bool *ret) {
        int truth = false, r = 0;

        if (wanted)
                r = sd_bus_message_read(m, "b", &truth);
        *ret = truth;
        return r < 0 ? r : 0;
}

int unit_files_read(sd_bus_message *m, char ***ret_files, bool *ret_runtime, bool *ret_force, sd_bus_error *error) {
        const char *member = sd_bus_message_get_member(m);
        _cleanup_strv_ char **files = NULL;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(methods); i++) {
                if (!streq(methods[i].member, member))
                        continue;
                r = sd_bus_message_read_strv(m, &files);
                if (r >= 0 && strv_length(files) > FILES_MAX)
                        return bus_error_set_code(error, ERROR_USAGE, "More than %d unit files in one call", FILES_MAX);
                if (r >= 0)
                        r = read_flag(m, methods[i].runtime, ret_runtime);
                if (r >= 0)
                        r = read_flag(m, methods[i].force, ret_force);
                if (r < 0)
                        return r;
                *ret_files = TAKE_PTR(files);
                return 0;
        }
        return -EOPNOTSUPP;
}

static int append_changes(sd_bus_message *reply, const InstallChanges *changes) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "(sss)");
        for (size_t i = 0; r >= 0 && i < changes->n; i++) {
                const InstallChange *change = changes->items + i;

                r = sd_bus_message_open_container(reply, 'r', "sss");
                if (r >= 0)
                        r = sd_bus_message_append(reply, "s", change->target ? "symlink" : "unlink");
                if (r >= 0)
                        r = bus_append_text(reply, change->path);
                if (r >= 0)
                        r = bus_append_text(reply, change->target);
                if (r >= 0)
                        r = sd_bus_message_close_container(reply);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* All of them, also after a mistake; every mistake is told. Links are for everybody to see, as a person's would be. */
static int change_all(UnitFiles *u, const UnitFilesMethod *method, char *const *files, Diag *diag) {
        mode_t saved = umask(0022);
        int error = 0;

        for (char *const *file = files; file && *file; file++) {
                int r = strchr(*file, '/') ? diag_error(diag, ERROR_USAGE, NULL, NULL, "'%.80s' is a path; the name of a container "
                                                        "is wanted, whose unit is in the search path", *file) :
                        method->change ? method->change(&u->request, *file, diag, &u->changes) :
                                         preset_one(u, *file, diag, &u->changes);

                if (r < 0 && error == 0)
                        error = r;
        }
        (void)umask(saved);
        return error;
}

int manager_method_change_unit_files(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(unit_files_done) UnitFiles u = {};
        _cleanup_(diag_done) Diag diag = {};
        _cleanup_strv_ char **files = NULL;
        const UnitFilesMethod *method = methods;
        Connection *c = userdata;
        int r;

        while (!streq(method->member, sd_bus_message_get_member(m))) /* the vtable has no others */
                method++;
        r = unit_files_read(m, &files, &u.request.runtime, &u.request.force, error);
        if (r >= 0)
                r = unit_files_open(c, &u);
        if (r < 0)
                return r;
        r = change_all(&u, method, files, &diag);
        if (u.changes.n > 0)
                signals_unit_files_changed(c->bus);
        if (r < 0)
                return bus_error_set_diag(error, &diag, r);
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0 && method->carries)
                r = sd_bus_message_append(reply, "b", true);
        if (r >= 0)
                r = append_changes(reply, &u.changes);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

int manager_method_get_unit_file_state(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(unit_files_done) UnitFiles u = {};
        _cleanup_(diag_done) Diag diag = {};
        Connection *c = userdata;
        InstallState state;
        const char *name;
        int r;

        r = sd_bus_message_read(m, "s", &name);
        if (r >= 0)
                r = unit_files_open(c, &u);
        if (r < 0)
                return r;
        r = install_state(&u.request, name, &diag, &state);
        if (r < 0)
                return bus_error_set_diag(error, &diag, r);
        return sd_bus_reply_method_return(m, "s", install_state_to_string(state));
}

/* --- a list of all */
void enabled_units_done(EnabledUnits *e) {
        for (size_t i = 0; i < ELEMENTSOF(e->links); i++)
                install_links_free(e->links[i], e->n_links[i]);
        *e = (EnabledUnits){};
}

int enabled_units_read(Connection *c, EnabledUnits *ret) {
        _cleanup_(enabled_units_done) EnabledUnits e = {};
        _cleanup_(unit_files_done) UnitFiles u = {};
        int r;

        r = unit_files_open(c, &u);
        for (size_t i = 0; r >= 0 && i < MIN_OF(strv_length(u.search_path), ELEMENTSOF(e.links)); i++)
                r = install_links((char *[]){ u.search_path[i], NULL }, &e.links[i], &e.n_links[i]);
        if (r < 0)
                return r;
        *ret = e;
        e = (EnabledUnits){};
        return 0;
}

const char *enabled_units_word(Connection *c, const EnabledUnits *e, const char *name) {
        static const InstallState states[ELEMENTSOF(e->links)] = { INSTALL_ENABLED, INSTALL_ENABLED_RUNTIME };
        const Container *container = manager_find(c->bus->manager, name);
        const ContainerSpec *spec = container ? container_spec(container) : NULL;

        for (size_t i = 0; i < ELEMENTSOF(e->links); i++)
                for (size_t k = 0; k < e->n_links[i]; k++)
                        if (streq(e->links[i][k].name, name))
                                return install_state_to_string(states[i]);
        return install_state_to_string(spec && strv_length(spec->wanted_by) + strv_length(spec->required_by) +
                                       strv_length(spec->upheld_by) + strv_length(spec->alias) > 0 ? INSTALL_DISABLED :
                                                                                                     INSTALL_STATIC);
}
