/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/string-list.h"
#include "units/spec/container-spec.h"

int container_name_split(const char *name, char **ret_prefix, char **ret_instance) {
        _cleanup_free_ char *prefix = NULL, *instance = NULL;
        size_t n = container_name_length(name);
        const char *at;

        if (n == 0)
                return -EINVAL;
        at = memchr(name, '@', n);
        prefix = strndup(name, at ? (size_t)(at - name) : n);
        if (!prefix)
                return -ENOMEM;
        if (at) {
                instance = strndup(at + 1, n - (size_t)(at + 1 - name));
                if (!instance)
                        return -ENOMEM;
        }
        *ret_prefix = TAKE_PTR(prefix);
        *ret_instance = TAKE_PTR(instance);
        return 0;
}

void *container_spec_field(ContainerSpec *s, DirectiveId id) {
        return (char *)s + directives[id].offset;
}

const void *container_spec_field_const(const ContainerSpec *s, DirectiveId id) {
        return (const char *)s + directives[id].offset;
}

const Origin *container_spec_origin(const ContainerSpec *s, DirectiveId id) {
        return &s->origins[id];
}

static int apply_default(ContainerSpec *s, DirectiveId id) {
        const Directive *d = &directives[id];
        ValueContext c = { .directive = d->name };

        return d->default_text ? d->type->parse(&c, d->default_text, container_spec_field(s, id)) : 0;
}

static int is_default(const ContainerSpec *s, DirectiveId id, bool *ret) {
        _cleanup_(container_spec_unrefp) ContainerSpec *defaults = NULL;
        _cleanup_free_ char *text = NULL, *default_text = NULL;
        const ValueType *type = directives[id].type;
        int r;

        r = container_spec_new(s->name, &defaults);
        if (r < 0)
                return r;
        r = type->print(container_spec_field_const(s, id), &text);
        if (r < 0)
                return r;
        r = type->print(container_spec_field_const(defaults, id), &default_text);
        if (r < 0)
                return r;
        *ret = streq(text, default_text);
        return 0;
}

/* As systemd: an empty line of one kind takes the conditions of every kind away; asserts are a list of their own. */
static void reset_conditions(ContainerSpec *s, DirectiveId of) {
        bool asserts = false;

        (void)condition_kind_of(directives[of].name, &asserts);
        for (DirectiveId id = 0; id < _DIRECTIVE_MAX; id++) {
                bool other = false;

                if (directives[id].type != &value_type_conditions ||
                    condition_kind_of(directives[id].name, &other) < 0 || other != asserts)
                        continue;
                value_type_conditions.done(container_spec_field(s, id));
                s->origins[id] = (Origin){};
        }
}

/* Never the type's empty value for a scalar: that of a boolean is "no", and an empty ReadOnly= must not open. */
static int assign_nothing(ContainerSpec *s, DirectiveId id, const ValueContext *c) {
        const ValueType *type = directives[id].type;
        bool untouched = true;
        int r;

        if (type == &value_type_conditions)
                reset_conditions(s, id);
        else if (type->list) {
                r = type->parse(c, "", container_spec_field(s, id));
                if (r < 0)
                        return r;
                r = is_default(s, id, &untouched);
                if (r < 0)
                        return r;
        } else {
                if (type->done)
                        type->done(container_spec_field(s, id));
                memset(container_spec_field(s, id), 0, type->size);
                r = apply_default(s, id);
                if (r < 0)
                        return r;
        }
        s->origins[id] = untouched ? (Origin){} : c->origin;
        return 0;
}

int container_spec_assign(ContainerSpec *s, DirectiveId id, const ValueContext *c, const char *text) {
        int r;

        if (!text[strspn(text, " \t\r\n")])
                return assign_nothing(s, id, c);
        s->origins[id] = c->origin;
        r = directives[id].type->parse(c, text, container_spec_field(s, id));
        if (r < 0)
                container_spec_spoil(s, id, r);
        return r;
}

void container_spec_spoil(ContainerSpec *s, DirectiveId id, int error) {
        if (s->error == 0)
                s->error = error;
        if (id >= 0)
                s->wrong[id] = true;
}

int container_spec_new(const char *name, ContainerSpec **ret) {
        _cleanup_(container_spec_unrefp) ContainerSpec *s = NULL;
        int r;

        if (!container_name_valid(name))
                return -EINVAL;
        s = calloc(1, sizeof(ContainerSpec));
        if (!s)
                return -ENOMEM;
        s->n_ref = 1;

        s->name = strndup(name, container_name_length(name));
        if (!s->name)
                return -ENOMEM;
        r = container_name_split(name, &s->prefix, &s->instance);
        if (r < 0)
                return r;
        for (DirectiveId id = 0; id < _DIRECTIVE_MAX; id++) {
                r = apply_default(s, id);
                if (r < 0)
                        return r;
        }

        *ret = TAKE_PTR(s);
        return 0;
}

static ContainerSpec *container_spec_free(ContainerSpec *s) {
        for (DirectiveId id = 0; id < _DIRECTIVE_MAX; id++)
                if (directives[id].type->done)
                        directives[id].type->done(container_spec_field(s, id));

        free(s->identity.groups);
        free(s->identity.user_name);
        free(s->identity.home);
        free(s->identity.shell);
        strv_free(s->exec_environment);
        free(s->exec_directory);
        free(s->exposed_tree.path);
        free(s->device_rules);
        free(s->layers_path);
        strv_free(s->layers);
        free(s->seccomp_profile_text);

        free(s->name);
        free(s->prefix);
        free(s->instance);
        free(s->fragment_path);
        strv_free(s->drop_in_paths);
        strv_free(s->sources);
        free(s);
        return NULL;
}

ContainerSpec *container_spec_ref(const ContainerSpec *s) {
        /* The count is the one thing about a frozen spec that moves; nobody else sees it. */
        ContainerSpec *mutable = (ContainerSpec *)s;

        if (mutable)
                mutable->n_ref++;
        return mutable;
}

ContainerSpec *container_spec_unref(ContainerSpec *s) {
        if (!s || --s->n_ref > 0)
                return NULL;
        return container_spec_free(s);
}

/* One "Name=text" line, or two where a list's default must be taken away first. */
static int print_row(const Directive *d, const char *text, const char *default_text, char **out) {
        /* A last backslash would join the next line; a blank behind it is stripped and keeps it apart. */
        const char *guard = endswith(text, "\\") ? " " : "";
        int r;

        if (d->type->list && *default_text && *text) {
                r = str_append(out, "%s=\n", d->name);
                if (r < 0)
                        return r;
        }
        return str_append(out, "%s=%s%s\n", d->name, text, guard);
}

/* The line that takes one kind away takes all of them: the others are written again behind it. */
static int print_conditions(const ContainerSpec *s, DirectiveId of, char **out) {
        bool asserts = false, other = false;
        int r;

        (void)condition_kind_of(directives[of].name, &asserts);
        r = str_append(out, "%s=\n", directives[of].name);
        for (DirectiveId id = 0; r >= 0 && id < _DIRECTIVE_MAX; id++) {
                _cleanup_free_ char *text = NULL;

                if (directives[id].type != &value_type_conditions || condition_kind_of(directives[id].name, &other) < 0 ||
                    other != asserts)
                        continue;
                r = value_type_conditions.print(container_spec_field_const(s, id), &text);
                if (r >= 0 && *text)
                        r = print_row(&directives[id], text, "", out);
        }
        return r;
}

int container_spec_print_row(const ContainerSpec *s, DirectiveId id, char **out) {
        const Directive *d = &directives[id];
        _cleanup_free_ char *text = NULL;
        int r;

        r = d->type->print(container_spec_field_const(s, id), &text);
        if (r < 0)
                return r;
        if (d->type == &value_type_conditions)
                return print_conditions(s, id, out);
        /* a list takes the place of what was there, whatever it was */
        return print_row(d, text, d->type->list ? "something" : "", out);
}

bool container_spec_row_equal(const ContainerSpec *a, const ContainerSpec *b, DirectiveId id) {
        _cleanup_free_ char *x = NULL, *y = NULL;
        const ValueType *type = directives[id].type;

        return type->print(container_spec_field_const(a, id), &x) >= 0 &&
               type->print(container_spec_field_const(b, id), &y) >= 0 && streq(x, y);
}

/* An init brings its own. */
bool container_spec_binds_log(const ContainerSpec *s) {
        return s->bind_log_sockets == TRISTATE_UNSET ? !s->boot : s->bind_log_sockets == TRISTATE_YES;
}

/* As systemd: an init looks after what runs below it. */
OomPolicy container_spec_oom_policy(const ContainerSpec *s) {
        if (s->oom_policy != OOM_POLICY_UNSET)
                return s->oom_policy;
        return s->boot ? OOM_POLICY_CONTINUE : OOM_POLICY_STOP;
}

bool container_spec_has_credentials(const ContainerSpec *s) {
        return s->load_credential.n > 0 || s->set_credential.n > 0 || (s->import_credential && s->import_credential[0]);
}

DirectiveId container_spec_network(const ContainerSpec *s) {
        return s->zone ? DIRECTIVE_Zone : s->bridge ? DIRECTIVE_Bridge : s->virtual_ethernet ? DIRECTIVE_VirtualEthernet : _DIRECTIVE_MAX;
}

uint64_t container_spec_watchdog(const ContainerSpec *s) {
        return s->watchdog_usec == USEC_INFINITY ? 0 : s->watchdog_usec;
}

NotifyAccess container_spec_notify_access(const ContainerSpec *s) {
        if (s->notify_access != NOTIFY_ACCESS_UNSET)
                return s->notify_access;
        return container_type_notifies(s->type) || container_spec_watchdog(s) > 0 || s->file_descriptor_store_max > 0 ?
                       NOTIFY_ACCESS_MAIN :
                       NOTIFY_ACCESS_NONE;
}

bool container_spec_socket(const ContainerSpec *s, size_t index, SpecSocket *ret) {
        const struct {
                const value_listen *list;
                DirectiveId directive;
                int type;
        } rows[] = {
                { &s->listen_stream, DIRECTIVE_ListenStream, SOCK_STREAM },
                { &s->listen_datagram, DIRECTIVE_ListenDatagram, SOCK_DGRAM },
                { &s->listen_seqpacket, DIRECTIVE_ListenSequentialPacket, SOCK_SEQPACKET },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                if (index < rows[i].list->n) {
                        *ret = (SpecSocket){ .type = rows[i].type,
                                             .directive = rows[i].directive,
                                             .item = rows[i].list->items + index };
                        return true;
                }
                index -= rows[i].list->n;
        }
        return false;
}

/* A root that goes with the life is written to unless ReadOnly=yes is said. */
static bool default_is_meant(const ContainerSpec *s, DirectiveId id) {
        return id == DIRECTIVE_ReadOnly && s->origins[id].file && container_spec_root(s).upper != ROOT_UPPER_NONE;
}

int container_spec_print(const ContainerSpec *s, char **ret) {
        _cleanup_(container_spec_unrefp) ContainerSpec *defaults = NULL;
        _cleanup_free_ char *out = NULL;
        int section = _SECTION_INVALID, r;

        r = container_spec_new(s->name, &defaults);
        if (r < 0)
                return r;

        for (DirectiveId id = 0; id < _DIRECTIVE_MAX; id++) {
                _cleanup_free_ char *text = NULL, *default_text = NULL;
                const Directive *d = &directives[id];

                r = d->type->print(container_spec_field_const(s, id), &text);
                if (r < 0)
                        return r;
                r = d->type->print(container_spec_field_const(defaults, id), &default_text);
                if (r < 0)
                        return r;
                if (streq(text, default_text) && !default_is_meant(s, id))
                        continue;

                if (section != (int)d->section) {
                        section = (int)d->section;
                        r = str_append(&out, "%s[%s]\n", out ? "\n" : "", section_to_string(d->section));
                        if (r < 0)
                                return r;
                }
                r = print_row(d, text, default_text, &out);
                if (r < 0)
                        return r;
        }

        if (!out) {
                out = strdup("");
                if (!out)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(out);
        return 0;
}

const DirectiveId io_limit_rows[] = {
        DIRECTIVE_IODeviceWeight, DIRECTIVE_IOReadBandwidthMax, DIRECTIVE_IOWriteBandwidthMax, DIRECTIVE_IOReadIOPSMax,
        DIRECTIVE_IOWriteIOPSMax, DIRECTIVE_IODeviceLatencyTargetSec, _DIRECTIVE_MAX,
};
