/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "manager/base/string-list.h"
#include "manager/bus/bus-internal.h"
#include "units/values/value.h"

/* One question to polkit about one call. The subject is the caller's unique name on the bus, which nobody else can
 * ever have; a number of a process could by then be another's. Whatever is no clear yes is a no. */

#define PATIENCE (25 * USEC_PER_SEC)
#define PATIENCE_INTERACTIVE (120 * USEC_PER_SEC) /* a person types a password */
#define DETAILS_MAX (64U << 10)
#define ALLOW_INTERACTION 1U                      /* CheckAuthorizationFlags of polkit */

/* tools/packaging/50-org.bulwark1.rules */
#define OPERATORS "the group \"bulwark\""

static const struct RightRow {
        const char *action, *words;
        const char *who; /* group that has the right from the packaged rules, as people read it; NULL = none has */
} rights[_RIGHT_MAX] = {
        [RIGHT_INSPECT] = { "org.bulwark1.inspect",
                            "Authentication is required to look into the settings of containers.", OPERATORS },
        [RIGHT_MANAGE] = { "org.bulwark1.manage-containers",
                           "Authentication is required to $(verb) the container '$(unit)'.", OPERATORS },
        [RIGHT_EXEC] = { "org.bulwark1.exec",
                         "Authentication is required to execute a command in the container '$(unit)'." },
        [RIGHT_SHELL] = { "org.bulwark1.shell",
                          "Authentication is required to open a shell in the container '$(unit)'." },
        [RIGHT_RELOAD] = { "org.bulwark1.reload", "Authentication is required to read all unit files again." },
        [RIGHT_UNIT_FILES] = { "org.bulwark1.manage-unit-files",
                               "Authentication is required to $(verb) the unit files of containers." },
        [RIGHT_RAISE] = { "org.bulwark1.raise-exposure",
                          "Authentication is required to take protection away from the container '$(unit)'." },
};

/* Names of details; those of an earlier version keep their meaning, since rules look for them. */
static const char *const detail_names[_DETAIL_MAX] = {
        [DETAIL_UNIT] = "unit", [DETAIL_MODE] = "mode", [DETAIL_WHOM] = "whom", [DETAIL_SIGNAL] = "signal",
        [DETAIL_COMMAND] = "command", [DETAIL_USER] = "user", [DETAIL_DIRECTORY] = "directory",
        [DETAIL_ENVIRONMENT] = "environment", [DETAIL_TERMINAL] = "terminal", [DETAIL_DETACH] = "detach", [DETAIL_HEALTH_CHECK] = "health-check",
        [DETAIL_SETTINGS] = "settings", [DETAIL_RUNTIME] = "runtime", [DETAIL_FILES] = "files", [DETAIL_FORCE] = "force",
};

void demand_done(Demand *d) {
        for (Detail i = 0; i < _DETAIL_MAX; i++)
                free(d->details[i]);
        changes_done(&d->changes);
        *d = (Demand){};
}

int demand_set(Demand *d, Detail detail, const char *value) {
        char *copy = value ? bus_text(value) : NULL;

        if (value && !copy)
                return -ENOMEM;
        free(d->details[detail]);
        d->details[detail] = copy;
        return 0;
}

int demand_set_words(Demand *d, Detail detail, char *const *words) {
        _cleanup_free_ char *text = NULL;
        int r;

        for (char *const *word = words; word && *word; word++) {
                _cleanup_free_ char *quoted = value_quote(*word);

                if (!quoted)
                        return -ENOMEM;
                r = str_append(&text, "%s%s", text ? " " : "", quoted);
                if (r < 0)
                        return r;
        }
        return demand_set(d, detail, text);
}

/* What a rule, or a person, cannot look through as a whole is not asked about. */
static int check_length(const Demand *d, sd_bus_error *error) {
        size_t size = 0;

        for (Detail i = 0; i < _DETAIL_MAX; i++)
                size += d->details[i] ? strlen(d->details[i]) : 0;
        if (size > DETAILS_MAX)
                return bus_error_set_code(error, ERROR_USAGE, "The request is too long for polkit to be asked about all of it: "
                                          "%zu bytes, at most %u", size, DETAILS_MAX);
        return 0;
}

const char *right_action(Right right) {
        return right >= 0 && right < _RIGHT_MAX ? rights[right].action : NULL;
}

static int append_details(sd_bus_message *m, const Demand *d) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "{ss}");
        if (r >= 0)
                r = sd_bus_message_append(m, "{ss}{ss}", "verb", d->verb, "polkit.message", rights[d->right].words);
        for (Detail i = 0; r >= 0 && i < _DETAIL_MAX; i++)
                if (d->details[i])
                        r = sd_bus_message_append(m, "{ss}", detail_names[i], d->details[i]);
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
               sd_bus_message_handler_t answer, void *userdata, sd_bus_slot **ret, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        char id[32];
        int r;

        r = check_length(demand, error);
        if (r < 0)
                return r;
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

/* Who is refused learns what is missing: a group to be in, a rule to be written. */
static int refuse_by_polkit(const struct RightRow *right, bool challenge, sd_bus_error *error) {
        return bus_error_set_code(error, ERROR_ACCESS, "%s %s%s%s%s; see THE SYSTEM BUS in org.bulwark1(5)",
                                  challenge ? right->action : "polkit does not allow",
                                  challenge ? "needs authentication, and none was given" : right->action,
                                  right->who ? ": " : "", right->who ? right->who : "",
                                  right->who ? " may, or a rule in /etc/polkit-1/rules.d has to allow it" :
                                               ": a rule in /etc/polkit-1/rules.d has to allow it");
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
        return refuse_by_polkit(rights + demand->right, challenge, error);
}
