/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "manager/bus/bus-internal.h"

/* One question to polkit about one call. The subject is the caller's unique name on the bus, which nobody else can
 * ever have; a number of a process could by then be another's. Whatever is no clear yes is a no. */

#define PATIENCE (25 * USEC_PER_SEC)
#define PATIENCE_INTERACTIVE (120 * USEC_PER_SEC) /* a person types a password */
#define ALLOW_INTERACTION 1U                      /* CheckAuthorizationFlags of polkit */

static const struct {
        const char *action, *words;
} rights[_RIGHT_MAX] = {
        [RIGHT_INSPECT] = { "org.bulwark1.inspect",
                            "Authentication is required to look into the settings of containers." },
        [RIGHT_MANAGE] = { "org.bulwark1.manage-containers",
                           "Authentication is required to $(verb) the container '$(unit)'." },
        [RIGHT_EXEC] = { "org.bulwark1.exec",
                         "Authentication is required to execute a command in the container '$(unit)'." },
        [RIGHT_SHELL] = { "org.bulwark1.shell",
                          "Authentication is required to open a shell in the container '$(unit)'." },
        [RIGHT_RELOAD] = { "org.bulwark1.reload", "Authentication is required to read all unit files again." },
        [RIGHT_RAISE] = { "org.bulwark1.raise-exposure",
                          "Authentication is required to take protection away from the container '$(unit)'." },
};

void demand_done(Demand *d) {
        free(d->unit);
        free(d->command);
        free(d->user);
        *d = (Demand){};
}

const char *right_action(Right right) {
        return right >= 0 && right < _RIGHT_MAX ? rights[right].action : NULL;
}

static int append_details(sd_bus_message *m, const Demand *d) {
        const struct {
                const char *name, *value;
        } rows[] = {
                { "unit", d->unit },
                { "verb", d->verb },
                { "command", d->command },
                { "user", d->user },
                { "polkit.message", rights[d->right].words },
        };
        int r;

        r = sd_bus_message_open_container(m, 'a', "{ss}");
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(rows); i++)
                if (rows[i].value)
                        r = sd_bus_message_append(m, "{ss}", rows[i].name, rows[i].value);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static void cancellation_id(uint32_t number, char id[static 32]) {
        (void)snprintf(id, 32, "bulwark-%u", (unsigned)number);
}

static int polkit_message(sd_bus *sd, const char *member, sd_bus_message **ret) {
        return sd_bus_message_new_method_call(sd, ret, "org.freedesktop.PolicyKit1",
                                              "/org/freedesktop/PolicyKit1/Authority",
                                              "org.freedesktop.PolicyKit1.Authority", member);
}

int polkit_ask(sd_bus *sd, const char *name, const Demand *demand, bool interactive, uint32_t number,
               sd_bus_message_handler_t answer, void *userdata, sd_bus_slot **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        char id[32];
        int r;

        cancellation_id(number, id);
        r = polkit_message(sd, "CheckAuthorization", &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "(sa{sv})s", "system-bus-name", 1, "name", "s", name,
                                          rights[demand->right].action);
        if (r >= 0)
                r = append_details(m, demand);
        if (r >= 0)
                r = sd_bus_message_append(m, "us", interactive ? ALLOW_INTERACTION : 0, id);
        if (r >= 0)
                r = sd_bus_call_async(sd, ret, m, answer, userdata, interactive ? PATIENCE_INTERACTIVE : PATIENCE);
        return r < 0 ? r : 0;
}

/* Nobody waits for the answer any more: a dialog would ask a person for nothing. */
void polkit_cancel(sd_bus *sd, uint32_t number) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        char id[32];
        int r;

        cancellation_id(number, id);
        r = polkit_message(sd, "CancelCheckAuthorization", &m);
        if (r >= 0)
                r = sd_bus_message_set_auto_start(m, false);
        if (r >= 0)
                r = sd_bus_message_set_expect_reply(m, false);
        if (r >= 0)
                r = sd_bus_message_append(m, "s", id);
        if (r >= 0)
                (void)sd_bus_send(sd, m, NULL);
}

int polkit_read_answer(sd_bus_message *reply, const Demand *demand, sd_bus_error *error) {
        const char *action = rights[demand->right].action;
        const sd_bus_error *failed = sd_bus_message_get_error(reply);
        int authorized = 0, challenge = 0, r;

        if (failed && (sd_bus_error_has_name(failed, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
                       sd_bus_error_has_name(failed, SD_BUS_ERROR_NAME_HAS_NO_OWNER)))
                return bus_error_set_code(error, ERROR_ACCESS, "Only root may do this: polkit, which could allow it to "
                                          "others (%s), does not run", action);
        if (failed)
                return bus_error_set_code(error, ERROR_ACCESS, "polkit does not allow %s: %s", action,
                                          strempty(failed->message));
        r = sd_bus_message_enter_container(reply, 'r', "bba{ss}");
        if (r > 0)
                r = sd_bus_message_read(reply, "bb", &authorized, &challenge);
        if (r <= 0)
                return bus_error_set_code(error, ERROR_ACCESS, "polkit's answer about %s cannot be read", action);
        if (authorized)
                return 0;
        return bus_error_set_code(error, ERROR_ACCESS, challenge ? "%s needs authentication, and none was given" :
                                  "polkit does not allow %s", action);
}
