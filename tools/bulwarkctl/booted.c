/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* login, poweroff, reboot: what has a meaning for a container that runs an init of its own. As machinectl(1). */
#include <signal.h>
#include <stdio.h>

#include "tools/bulwarkctl/exec-request.h"
#include "tools/bulwarkctl/names.h"

/* What getty runs on a console; a container without one has login(1). */
#define LOGIN_SCRIPT                                                                                                          \
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin; command -v agetty >/dev/null 2>&1 && exec agetty --noclear --keep-baud - "       \
        "\"${TERM:-linux}\"; command -v login >/dev/null 2>&1 && exec login; echo 'there is no agetty and no login in it' >&2; exit 1"

/* 0 where it has an init that runs; else says what is wrong, and what would be right. */
static int booted_check(Context *c, const char *name, const char *instead) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *path = NULL, *state = NULL;
        int boot = 0, r;

        r = client_container(&c->client, name, &error, &path);
        if (r >= 0)
                r = sd_bus_get_property_trivial(c->client.bus, c->client.destination, path, BUS_INTERFACE_CONTAINER, "Boot", &error, 'b', &boot);
        if (r >= 0)
                r = client_property_string(&c->client, path, BUS_INTERFACE_CONTAINER, "ActiveState", &error, &state);
        if (r < 0)
                return client_report(&error, r, c->options->verb->name, name);
        if (!boot) {
                error_printf("%s runs a program, and no system of its own (Boot=yes) that could do this; use \"bulwarkctl %s %s\"", name,
                             instead, name);
                return EXIT_FAILURE;
        }
        if (streq(state, "inactive") || streq(state, "failed")) {
                error_printf("%s is not running; \"bulwarkctl start %s\" starts it", name, name);
                return EXIT_NOT_ACTIVE;
        }
        return EXIT_SUCCESS;
}

static int signal_init(Context *c, const char *name, const char *context, const char *instead, int number) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = booted_check(c, name, instead);
        if (r != EXIT_SUCCESS)
                return r;
        r = client_call(&c->client, 0, &error, NULL, "KillContainer", "ssi", name, "leader", number);
        return r < 0 ? client_report(&error, r, context, name) : EXIT_SUCCESS;
}

/* What systemd(1) takes for "systemctl poweroff". */
static int poweroff_one(Context *c, const char *name) {
        return signal_init(c, name, "cannot power off", "stop", SIGRTMIN + 4);
}

/* What the kernel tells an init of Ctrl-Alt-Del by: every init knows it. */
static int reboot_one(Context *c, const char *name) {
        return signal_init(c, name, "cannot reboot", "restart", SIGINT);
}

int verb_poweroff(Context *c) {
        return names_for_each(c, poweroff_one);
}

int verb_reboot(Context *c) {
        return names_for_each(c, reboot_one);
}

int verb_login(Context *c) {
        char *const argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)LOGIN_SCRIPT };
        char buffer[256];
        const ExecRequest q = { .name = container_name_of(c->options->arguments[0], buffer),
                                .argv = argv,
                                .n_argv = ELEMENTSOF(argv),
                                .terminal = true };
        int status = EXIT_SUCCESS;

        if (client_connect(&c->client, &status) < 0)
                return status;
        status = booted_check(c, q.name, "shell");
        return status == EXIT_SUCCESS ? exec_run(c, &q) : status;
}
