/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/string-list.h"
#include "manager/bus/bus-internal.h"

/* Directives that come as properties, a(sv): each with the type of its property, or as a string with what a unit file
 * would say. Either way its text goes through the directive's own parser. */

void changes_done(Changes *c) {
        container_spec_unref(c->draft);
        *c = (Changes){};
}

static int find_directive(const char *name, DirectiveId *ret, sd_bus_error *error) {
        const char *near = NULL;

        for (DirectiveSection s = 0; s < _SECTION_MAX; s++) {
                const RefusedDirective *refused = refused_directive_find(s, name);

                *ret = directive_find(s, name);
                if (*ret >= 0)
                        return 0;
                if (refused)
                        return bus_error_set_code(error, ERROR_UNSUPPORTED, "%s=: not supported%s%s", name,
                                                  refused->why ? ": " : " yet", strempty(refused->why));
                if (!near)
                        near = directive_suggest(s, name);
        }
        if (near)
                return bus_error_set_code(error, ERROR_UNKNOWN_KEY, "%.80s=: unknown; did you mean %s=?", name, near);
        return bus_error_set_code(error, ERROR_UNKNOWN_KEY, "%.80s=: unknown", name);
}

/* The variant as the text of one assignment. */
static int read_text(sd_bus_message *m, const Directive *d, char **ret, sd_bus_error *error) {
        const char *signature = d->type->signature, *contents, *text;
        _cleanup_strv_ char **words = NULL;
        int r;

        r = sd_bus_message_peek_type(m, NULL, &contents);
        if (r < 0)
                return r;
        if (!streq(contents, signature) && !streq(contents, "s"))
                return bus_error_set_code(error, ERROR_USAGE, "%s= has the type '%s', or 's' as text, not '%s'", d->name,
                                          signature, contents);
        r = sd_bus_message_enter_container(m, 'v', contents);
        if (r < 0)
                return r;
        if (streq(contents, signature)) {
                r = bus_read_exploded(m, signature, &words);
                if (r >= 0)
                        r = value_implode(d->type, words, ret);
                if (r == -EINVAL)
                        return bus_error_set_code(error, ERROR_BAD_VALUE, "%s=: this is no value; %s is", d->name,
                                                  d->type->syntax);
        } else {
                r = sd_bus_message_read(m, "s", &text);
                if (r >= 0) {
                        *ret = strdup(text);
                        r = *ret ? 0 : -ENOMEM;
                }
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_change(sd_bus_message *m, Changes *changes, Diag *diag, sd_bus_error *error) {
        ValueContext context = { .diag = diag }; /* no specifier: a value that came over the bus is meant as it is */
        _cleanup_free_ char *text = NULL;
        const char *name;
        DirectiveId id;
        int r;

        r = sd_bus_message_read(m, "s", &name);
        if (r >= 0)
                r = find_directive(name, &id, error);
        if (r >= 0)
                r = read_text(m, &directives[id], &text, error);
        if (r < 0)
                return r;
        context.directive = directives[id].name;
        changes->set[id] = true;
        r = container_spec_assign(changes->draft, id, &context, text);
        if (*text) /* said, if only what is so anyway */
                changes->draft->origins[id].file = "a call";
        return r == -ENOMEM ? r : 0; /* other mistakes stand in diag, and the next is looked for */
}

int changes_read(sd_bus_message *m, const char *name, Changes *ret, sd_bus_error *error) {
        _cleanup_(changes_done) Changes changes = {};
        _cleanup_(diag_done) Diag diag = {};
        int r;

        r = container_spec_new(name, &changes.draft);
        if (r == -EINVAL)
                return bus_error_set_code(error, ERROR_USAGE, "'%.80s' is no container name", name);
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "(sv)");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'r', "sv")) > 0) {
                r = read_change(m, &changes, &diag, error);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r >= 0 && diag.n_errors > 0)
                r = bus_error_set_diag(error, &diag, -EINVAL);
        if (r < 0)
                return r;
        *ret = changes;
        changes = (Changes){};
        return 0;
}

Right changes_right_alone(const Changes *changes) {
        for (DirectiveId id = 0; id < _DIRECTIVE_MAX; id++)
                if (changes->set[id] && container_spec_exposure(changes->draft, id) == EXPOSURE_RAISED)
                        return RIGHT_RAISE;
        return RIGHT_MANAGE;
}

int changes_print(const Changes *changes, char **ret) {
        _cleanup_free_ char *text = NULL;
        int r;

        for (DirectiveId id = 0; id < _DIRECTIVE_MAX; id++) {
                if (!changes->set[id])
                        continue;
                r = container_spec_print_row(changes->draft, id, &text);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(text);
        return 0;
}

Right changes_right(const Changes *changes, const ContainerSpec *before) {
        for (DirectiveId id = 0; id < _DIRECTIVE_MAX; id++)
                if (changes->set[id] &&
                    (before ? container_spec_loosens(before, changes->draft, id) :
                              container_spec_exposure(changes->draft, id) != EXPOSURE_NONE))
                        return RIGHT_RAISE;
        return RIGHT_MANAGE;
}

/* --- methods */
int container_method_set_properties(Connection *c, Container *container, sd_bus_message *m, sd_bus_error *error) {
        _cleanup_(changes_done) Changes changes = {};
        _cleanup_(diag_done) Diag diag = {};
        int runtime, r;

        r = sd_bus_message_read(m, "b", &runtime);
        if (r >= 0)
                r = changes_read(m, container_name(container), &changes, error);
        if (r < 0)
                return r;
        /* The unit may have become a stricter one while permission was asked for. */
        if (c->granted == RIGHT_MANAGE && changes_right(&changes, container_spec(container)) == RIGHT_RAISE)
                return bus_error_set_code(error, ERROR_ACCESS, "%s changed while permission was asked for; call again",
                                          container_name(container));
        r = container_set_properties(container, runtime, changes.draft, changes.set, &diag);
        if (r < 0)
                return bus_error_set_diag(error, &diag, r);
        return sd_bus_reply_method_return(m, NULL);
}

/* systemd1 has auxiliary units there; a container has none. */
static int read_no_auxiliary(sd_bus_message *m, sd_bus_error *error) {
        int r;

        r = sd_bus_message_enter_container(m, 'a', "(sa(sv))");
        if (r < 0)
                return r;
        if (sd_bus_message_at_end(m, false) <= 0)
                return bus_error_set_code(error, ERROR_USAGE, "A transient container has no auxiliary units: the last "
                                          "argument must be empty");
        return sd_bus_message_exit_container(m);
}

int manager_method_start_transient(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(changes_done) Changes changes = {};
        _cleanup_(diag_done) Diag diag = {};
        Connection *c = userdata;
        const char *name;
        JobMode mode;
        Container *container;
        uint32_t id = 0;
        int r;

        r = sd_bus_message_read(m, "s", &name);
        if (r >= 0)
                r = bus_read_mode(m, &mode, error);
        if (r >= 0)
                r = changes_read(m, name, &changes, error);
        if (r >= 0)
                r = read_no_auxiliary(m, error);
        if (r < 0)
                return r;
        r = manager_start_transient(c->bus->manager, changes.draft, mode, &diag, &container, &id);
        if (r < 0)
                return bus_error_set_diag(error, &diag, r);
        return bus_reply_job(m, id);
}

static int run_reply(sd_bus_message *m, uint32_t id, const int *fds, size_t n, sd_bus_message **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "u", id);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "h");
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = sd_bus_message_append_basic(reply, 'h', &fds[i]); /* duplicates it */
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(reply);
        return 0;
}

/* The same with streams of the caller's: a(sv) is followed by whether they are a terminal, and its rows and columns. */
int manager_method_run(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(changes_done) Changes changes = {};
        _cleanup_(attachment_done) Attachment attachment = ATTACHMENT_NONE;
        _cleanup_(diag_done) Diag diag = {};
        Connection *c = userdata;
        int terminal = 0, ours[3], r;
        uint32_t id = 0, rows = 0, columns = 0;
        const char *name;
        size_t n = 0;
        JobMode mode;

        r = sd_bus_message_read(m, "s", &name);
        if (r >= 0)
                r = bus_read_mode(m, &mode, error);
        if (r >= 0)
                r = changes_read(m, name, &changes, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "buu", &terminal, &rows, &columns);
        if (r < 0)
                return r;
        if (rows > UINT16_MAX || columns > UINT16_MAX)
                return bus_error_set_code(error, ERROR_USAGE, "no terminal has %u rows and %u columns", rows, columns);
        r = attachment_open(terminal, rows, columns, &attachment, ours, &n);
        if (r < 0)
                return r;
        r = manager_run_transient(c->bus->manager, changes.draft, mode, &attachment, &diag, &id);
        if (r < 0)
                r = bus_error_set_diag(error, &diag, r);
        else
                r = run_reply(m, id, ours, n, &reply);
        for (size_t i = 0; i < n; i++)
                (void)close(ours[i]);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}
