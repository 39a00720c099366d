/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* enable, disable, mask, unmask, preset, is-enabled: links on disk, and then everybody who read them is told. Works
 * without a manager, too. */
#include <stdio.h>

#include "manager/base/string-list.h"
#include "tools/bulwarkctl/table.h"
#include "tools/bulwarkctl/verbs.h"
#include "units/install/install.h"
#include "units/resolve/resolve.h"

typedef struct Install {
        Context *context;
        HostFacts host;
        char **search_path, **preset_path;
        InstallRequest request;
        InstallChanges changes;
} Install;

static void install_done(Install *i) {
        host_facts_done(&i->host);
        strv_free(i->search_path);
        strv_free(i->preset_path);
        install_changes_done(&i->changes);
}

static int install_open(Context *c, Install *i) {
        const Options *o = c->options;
        int r;

        *i = (Install){ .context = c };
        r = host_facts_gather(&i->host);
        if (r >= 0)
                r = strv_split(o->unit_path ? o->unit_path : UNIT_PATH_DEFAULT, ':', &i->search_path);
        if (r >= 0)
                r = strv_split(o->preset_path ? o->preset_path : PRESET_PATH_DEFAULT, ':', &i->preset_path);
        if (r < 0)
                return r;
        i->request = (InstallRequest){ .search_path = i->search_path,
                                       .facts = &i->host.specifiers,
                                       .runtime = o->runtime,
                                       .force = o->force };
        return 0;
}

bool unit_is_enabled(const Context *c, const char *name) {
        _cleanup_(install_done) Install i = {};
        _cleanup_(diag_done) Diag diag = {};
        InstallState state;

        return install_open((Context *)(uintptr_t)c, &i) >= 0 && install_state(&i.request, name, &diag, &state) >= 0 &&
               (state == INSTALL_ENABLED || state == INSTALL_ENABLED_RUNTIME);
}

/* --- after a change */

/* The service manager reads what the generator makes of the links. */
static void reload_service_manager(const Options *o) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        if (access("/run/systemd/system", F_OK) < 0)
                return;
        r = sd_bus_open_system(&bus);
        if (r >= 0)
                r = sd_bus_call_method(bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                                       "org.freedesktop.systemd1.Manager", "Reload", &error, NULL, NULL);
        if (r < 0 && !o->quiet)
                fprintf(stderr, "Warning: the service manager did not read its units again (%s); run systemctl daemon-reload\n",
                        error.message ? error.message : strerror(-r));
}

static void reload_manager(Context *c) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;

        c->client.runtime_directory = runtime_directory_choose(c->options->runtime_directory);
        if (client_try_connect(&c->client) < 0)
                return; /* it reads the links when it starts */
        (void)client_call(&c->client, UINT64_MAX, &error, NULL, "Reload", NULL);
        client_done(&c->client);
}

static void print_changes(const Options *o, const InstallChanges *changes) {
        for (size_t i = 0; !o->quiet && i < changes->n; i++)
                if (changes->items[i].target)
                        fprintf(stderr, "Created link %s -> %s.\n", changes->items[i].path, changes->items[i].target);
                else
                        fprintf(stderr, "Removed %s.\n", changes->items[i].path);
}

typedef int (*InstallFunc)(const Install *i, const char *name, Diag *diag, InstallChanges *changes);

/* --- by the manager, for whoever may not write to the directories */

static int change_append(sd_bus_message *m, const Options *o, const char *signature) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "s");
        for (size_t n = 0; r >= 0 && n < o->n_arguments; n++)
                r = sd_bus_message_append(m, "s", o->arguments[n]);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0 && signature[0])
                r = sd_bus_message_append(m, "b", (int)o->runtime);
        if (r >= 0 && signature[0] && signature[1])
                r = sd_bus_message_append(m, "b", (int)o->force);
        return r;
}

static int change_print(const Options *o, sd_bus_message *reply) {
        const char *kind, *path, *target;
        int r = 0;

        if (startswith(strempty(sd_bus_message_get_signature(reply, true)), "b"))
                r = sd_bus_message_skip(reply, "b");
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "(sss)");
        while (r >= 0 && (r = sd_bus_message_read(reply, "(sss)", &kind, &path, &target)) > 0)
                if (!o->quiet && streq(kind, "symlink"))
                        fprintf(stderr, "Created link %s -> %s.\n", path, target);
                else if (!o->quiet)
                        fprintf(stderr, "Removed %s.\n", path);
        return r;
}

static int change_by_manager(Context *c, const char *verb, const char *member, const char *signature) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL, late = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *m = NULL, *reply = NULL;
        _cleanup_free_ char *head = NULL;
        int status = EXIT_FAILURE, r;

        c->client.runtime_directory = runtime_directory_choose(c->options->runtime_directory);
        if (client_connect(&c->client, &status) < 0)
                return status;
        r = sd_bus_message_new_method_call(c->client.bus, &m, c->client.destination, BUS_PATH, BUS_INTERFACE_MANAGER, member);
        if (r >= 0)
                r = change_append(m, c->options, signature);
        if (r >= 0)
                r = sd_bus_call(c->client.bus, m, UINT64_MAX, &error, &reply);
        if (r >= 0)
                r = change_print(c->options, reply);
        if (r < 0)
                return str_append(&head, "cannot %s", verb) < 0 ? EXIT_FAILURE : client_report(&error, r, head, NULL);
        if (c->options->no_reload)
                return EXIT_SUCCESS;
        r = client_call(&c->client, UINT64_MAX, &late, NULL, "Reload", NULL);
        return r < 0 ? client_report(&late, r, "cannot have the manager read the units again", NULL) : EXIT_SUCCESS;
}

/* flags: the arguments behind the names: runtime, force. */
static int change_all(Context *c, const char *verb, InstallFunc change, const char *member, const char *flags,
                      int (*now)(Context *c)) {
        _cleanup_(install_done) Install i = {};
        int status = EXIT_SUCCESS;

        if (geteuid() != 0 && !c->options->unit_path) {
                status = change_by_manager(c, verb, member, flags);
                return status == EXIT_SUCCESS && now && c->options->now ? now(c) : status;
        }
        if (install_open(c, &i) < 0)
                return EXIT_FAILURE;
        for (size_t n = 0; n < c->options->n_arguments; n++) {
                _cleanup_(diag_done) Diag diag = {};
                _cleanup_free_ char *head = NULL, *text = NULL;
                int r = change(&i, c->options->arguments[n], &diag, &i.changes);

                if (r >= 0)
                        continue;
                text = diag_to_string(&diag, true);
                if (str_append(&head, "cannot %s %s", verb, c->options->arguments[n]) >= 0)
                        error_print(head, isempty(text) ? strerror(-r) : text);
                if (status == EXIT_SUCCESS)
                        status = diag.n_errors > 0 ? error_code_exit_status(diag_first_code(&diag)) : EXIT_FAILURE;
        }
        print_changes(c->options, &i.changes);
        if (i.changes.n > 0 && !c->options->no_reload) {
                reload_manager(c);
                reload_service_manager(c->options);
        }
        if (status == EXIT_SUCCESS && now && c->options->now)
                status = now(c);
        return status;
}

static int enable_one(const Install *i, const char *name, Diag *diag, InstallChanges *changes) {
        return install_enable(&i->request, name, diag, changes);
}

static int disable_one(const Install *i, const char *name, Diag *diag, InstallChanges *changes) {
        return install_disable(&i->request, name, diag, changes);
}

static int mask_one(const Install *i, const char *name, Diag *diag, InstallChanges *changes) {
        return install_mask(&i->request, name, diag, changes);
}

static int unmask_one(const Install *i, const char *name, Diag *diag, InstallChanges *changes) {
        return install_unmask(&i->request, name, diag, changes);
}

static int preset_one(const Install *i, const char *name, Diag *diag, InstallChanges *changes) {
        return install_preset(&i->request, name, i->preset_path, diag, changes);
}

int verb_enable(Context *c) {
        return change_all(c, "enable", enable_one, "EnableUnitFiles", "bb", verb_start);
}

int verb_disable(Context *c) {
        return change_all(c, "disable", disable_one, "DisableUnitFiles", "b", verb_stop);
}

int verb_mask(Context *c) {
        return change_all(c, "mask", mask_one, "MaskUnitFiles", "bb", verb_stop);
}

int verb_unmask(Context *c) {
        return change_all(c, "unmask", unmask_one, "UnmaskUnitFiles", "b", NULL);
}

int verb_preset(Context *c) {
        return change_all(c, "preset", preset_one, "PresetUnitFiles", "bb", NULL);
}

/* As systemctl: the states, one a line; success where one is enabled in some way. */
int verb_is_enabled(Context *c) {
        static const bool good[_INSTALL_STATE_MAX] = {
                [INSTALL_STATIC] = true, [INSTALL_ENABLED] = true, [INSTALL_ENABLED_RUNTIME] = true, [INSTALL_ALIAS] = true,
        };
        _cleanup_(install_done) Install i = {};
        size_t n_missing = 0;
        bool found = false;

        if (install_open(c, &i) < 0)
                return EXIT_FAILURE;
        for (size_t n = 0; n < c->options->n_arguments; n++) {
                _cleanup_(diag_done) Diag diag = {};
                InstallState state;
                int r = install_state(&i.request, c->options->arguments[n], &diag, &state);

                if (r < 0) {
                        _cleanup_free_ char *text = diag_to_string(&diag, false);

                        error_print(c->options->arguments[n], isempty(text) ? strerror(-r) : text);
                        n_missing++;
                        continue;
                }
                if (!c->options->quiet)
                        puts(install_state_to_string(state));
                found |= good[state];
        }
        if (found)
                return EXIT_SUCCESS;
        return n_missing == c->options->n_arguments ? EXIT_NO_UNIT : EXIT_FAILURE;
}
