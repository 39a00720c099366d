/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/string-list.h"
#include "manager/bus/bus-internal.h"
#include "policies/caps/caps.h"

/* org.bulwark1.Container: methods, what a container is at the moment (the table below), and a property for each row
 * of the directive table. The vtable is generated from both tables, so a new row needs nothing here. */

int container_object_path(const Container *c, char **ret) {
        int r;

        r = sd_bus_path_encode(BUS_CONTAINER_PREFIX, container_name(c), ret);
        return r < 0 ? r : 0;
}

/* --- methods */
int bus_read_mode(sd_bus_message *m, JobMode *ret, sd_bus_error *error) {
        const char *word;
        int r;

        r = sd_bus_message_read(m, "s", &word);
        if (r < 0)
                return r;
        *ret = job_mode_from_string(word);
        if (*ret < 0)
                return bus_error_set_code(error, ERROR_USAGE,
                                          "'%.80s' is no job mode; there are \"replace\", \"fail\" and "
                                          "\"ignore-dependencies\"", word);
        return 0;
}

int container_method_job(Container *c, sd_bus_message *m, sd_bus_error *error) {
        static const struct {
                const char *word; /* StartContainer on the manager, Start on the container */
                JobRequest request;
        } rows[] = { /* a longer word stands before its beginning */
                { "Start", REQUEST_START },
                { "Stop", REQUEST_STOP },
                { "Restart", REQUEST_RESTART },
                { "TryRestart", REQUEST_TRY_RESTART },
                { "ReloadOrRestart", REQUEST_RELOAD_OR_RESTART },
                { "ReloadOrTryRestart", REQUEST_RELOAD_OR_TRY_RESTART },
                { "Reload", REQUEST_RELOAD },
        };
        _cleanup_(diag_done) Diag diag = {};
        const char *member = sd_bus_message_get_member(m);
        JobRequest request = _JOB_REQUEST_MAX;
        JobMode mode;
        uint32_t id = 0;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(rows) && request == _JOB_REQUEST_MAX; i++)
                if (startswith(member, rows[i].word))
                        request = rows[i].request;
        if (request == _JOB_REQUEST_MAX)
                return -EOPNOTSUPP;

        r = bus_read_mode(m, &mode, error);
        if (r < 0)
                return r;
        r = container_queue_manual_job(c, container_job_of(c, request), mode, &diag, &id);
        if (r < 0)
                return bus_error_set_diag(error, &diag, r);
        return bus_reply_job(m, id);
}

int container_method_kill(Container *c, sd_bus_message *m, sd_bus_error *error) {
        _cleanup_(diag_done) Diag diag = {};
        const char *whom;
        int32_t number;
        int r;

        r = sd_bus_message_read(m, "si", &whom, &number);
        if (r < 0)
                return r;
        if (!streq(whom, "leader") && !streq(whom, "all"))
                return bus_error_set_code(error, ERROR_USAGE,
                                          "'%s' names no process; there are \"leader\" and \"all\"", whom);
        if (number <= 0 || !signal_to_string(number))
                return bus_error_set_code(error, ERROR_USAGE, "%d is no signal", (int)number);

        r = container_kill(c, whom, number, &diag);
        if (r < 0)
                return bus_error_set_diag(error, &diag, r);
        return sd_bus_reply_method_return(m, NULL);
}

/* Methods without further arguments: the member's first word says which. */
int container_method_simple(Container *c, sd_bus_message *m, sd_bus_error *error) {
        static const struct {
                const char *word;
                int (*call)(Container *c, Diag *diag);
        } rows[] = {
                { "Freeze", container_freeze },
                { "Thaw", container_thaw },
                { "ResetFailed", container_reset_failed },
        };
        const char *member = sd_bus_message_get_member(m);
        _cleanup_(diag_done) Diag diag = {};

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                int r;

                if (!startswith(member, rows[i].word))
                        continue;
                r = rows[i].call(c, &diag);
                if (r < 0)
                        return bus_error_set_diag(error, &diag, r);
                return sd_bus_reply_method_return(m, NULL);
        }
        return -EOPNOTSUPP;
}

static int method_job(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return container_method_job(userdata, m, error);
}

static int method_kill(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return container_method_kill(userdata, m, error);
}

static int method_simple(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return container_method_simple(userdata, m, error);
}

/* userdata of a method is the container; that of the vtable it stands in, which is being walked, the connection. */
static Connection *asking_connection(sd_bus_message *m) {
        return sd_bus_slot_get_userdata(sd_bus_get_current_slot(sd_bus_message_get_bus(m)));
}

static int method_set_properties(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return container_method_set_properties(asking_connection(m), userdata, m, error);
}

static int method_exec(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(exec_request_done) ExecRequest request = {};
        Caller *caller;
        int r;

        r = exec_request_read(m, &request, error);
        if (r >= 0)
                r = caller_of(asking_connection(m), m, &caller);
        return r < 0 ? r : exec_new(caller, m, userdata, &request, error);
}

static const sd_bus_vtable container_methods[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Start", SD_BUS_ARGS("s", mode), SD_BUS_RESULT("o", job), method_job, 0),
        SD_BUS_METHOD_WITH_ARGS("Stop", SD_BUS_ARGS("s", mode), SD_BUS_RESULT("o", job), method_job, 0),
        SD_BUS_METHOD_WITH_ARGS("Restart", SD_BUS_ARGS("s", mode), SD_BUS_RESULT("o", job), method_job, 0),
        SD_BUS_METHOD_WITH_ARGS("TryRestart", SD_BUS_ARGS("s", mode), SD_BUS_RESULT("o", job), method_job, 0),
        SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_ARGS("s", mode), SD_BUS_RESULT("o", job), method_job, 0),
        SD_BUS_METHOD_WITH_ARGS("ReloadOrRestart", SD_BUS_ARGS("s", mode), SD_BUS_RESULT("o", job), method_job, 0),
        SD_BUS_METHOD_WITH_ARGS("ReloadOrTryRestart", SD_BUS_ARGS("s", mode), SD_BUS_RESULT("o", job), method_job, 0),
        SD_BUS_METHOD_WITH_ARGS("Kill", SD_BUS_ARGS("s", whom, "i", signal), SD_BUS_NO_RESULT, method_kill, 0),
        SD_BUS_METHOD_WITH_ARGS("Freeze", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_simple, 0),
        SD_BUS_METHOD_WITH_ARGS("Thaw", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_simple, 0),
        SD_BUS_METHOD_WITH_ARGS("ResetFailed", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_simple, 0),
        SD_BUS_METHOD_WITH_ARGS("SetProperties", SD_BUS_ARGS("b", runtime, "a(sv)", properties), SD_BUS_NO_RESULT,
                                method_set_properties, 0),
        SD_BUS_METHOD_WITH_ARGS("Exec", SD_BUS_ARGS("as", argv, "a{sv}", options),
                                SD_BUS_RESULT("o", job, "u", session, "h", pidfd, "ah", descriptors), method_exec, 0),
};

/* --- what a container is at the moment */
typedef struct Property {
        const char *name, *signature;
        uint64_t flags;
        bool secret; /* ids, paths, messages: not for everybody who is on the bus */
        /* one of the three, by the signature */
        const char *(*text)(const Container *c);
        uint64_t (*number)(const Container *c);
        int (*append)(const Container *c, sd_bus_message *reply);
} Property;

static const char *get_launch_error(const Container *c) {
        ErrorCode code = container_launch_error(c);

        return code < 0 ? NULL : error_code_bus_name(code);
}

static const char *get_result(const Container *c) {
        return container_result_to_string(container_result(c));
}

const char *container_fragment_path(const Container *c) {
        const ContainerSpec *spec = container_spec(c);

        return spec ? spec->fragment_path : NULL;
}

const char *container_description(const Container *c) {
        const ContainerSpec *spec = container_spec(c);

        return spec ? spec->description : NULL;
}

static int append_drop_ins(const Container *c, sd_bus_message *reply) {
        const ContainerSpec *spec = container_spec(c);

        return bus_append_texts(reply, spec ? spec->drop_in_paths : NULL);
}

static int append_load_error(const Container *c, sd_bus_message *reply) {
        static const struct {
                const char *load_state;
                ErrorCode code;
        } rows[] = {
                { "not-found", ERROR_NO_SUCH_UNIT },
                { "masked", ERROR_MASKED },
        };
        const char *words = container_load_error(c), *state = container_load_state(c);
        ErrorCode code = ERROR_FAILED;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (streq(rows[i].load_state, state))
                        code = rows[i].code;

        r = sd_bus_message_open_container(reply, 'r', "ss");
        if (r < 0)
                return r;
        r = sd_bus_message_append(reply, "s", words ? error_code_bus_name(code) : "");
        if (r < 0)
                return r;
        r = bus_append_text(reply, words);
        if (r < 0)
                return r;
        return sd_bus_message_close_container(reply);
}

static int append_job(const Container *c, sd_bus_message *reply) {
        uint32_t id = container_job(c, NULL);
        _cleanup_free_ char *path = NULL;
        int r;

        r = job_object_path(id, &path);
        if (r < 0)
                return r;
        return sd_bus_message_append(reply, "(uo)", id, path);
}

static int append_invocation(const Container *c, sd_bus_message *reply) {
        sd_id128_t id = container_invocation(c);

        return sd_bus_message_append_array(reply, 'y', id.bytes, sd_id128_is_null(id) ? 0 : sizeof(id.bytes));
}

static uint64_t get_leader(const Container *c) {
        return (uint64_t)container_leader(c);
}

static uint64_t get_control(const Container *c) {
        return (uint64_t)container_control(c);
}

static ExitReport exit_report(const Container *c) {
        const ExitReport *report = container_exit(c);

        return report && report->valid ? *report : (ExitReport){};
}

static uint64_t get_exit_code(const Container *c) {
        return (uint64_t)exit_report(c).code;
}

static uint64_t get_exit_status(const Container *c) {
        return (uint64_t)exit_report(c).status;
}

static uint64_t get_n_restarts(const Container *c) {
        return container_n_restarts(c);
}

static uint64_t get_exit_time(const Container *c) {
        return exit_report(c).realtime_usec;
}

static uint64_t get_active_enter(const Container *c) {
        return container_since(c, true, false);
}

static uint64_t get_active_exit(const Container *c) {
        return container_since(c, false, false);
}

#define USAGE(property, file, key, scale)                                \
        static uint64_t get_usage_##property(const Container *c) {       \
                return container_usage(c, CGROUP_USAGE_##property);      \
        }
#include "manager/host/cgroup/usage.inc"
#undef USAGE

static uint64_t get_uid_base(const Container *c) {
        uint32_t base, count;

        return container_id_range(c, &base, &count) < 0 ? 0 : base;
}

static uint64_t get_uid_count(const Container *c) {
        uint32_t base, count;

        return container_id_range(c, &base, &count) < 0 ? 0 : count;
}

static uint64_t get_logs_to_journal(const Container *c) {
        return container_logs_to_journal(c);
}

static int append_mac_backends(const Container *c, sd_bus_message *reply) {
        const char *names[8];
        size_t n = container_mac_backends(c, names, ELEMENTSOF(names) - 1);

        names[n] = NULL;
        return bus_append_texts(reply, (char *const *)names);
}

static int append_mac_unsaid(const Container *c, sd_bus_message *reply) {
        _cleanup_strv_ char **list = NULL;
        int r;

        r = container_mac_unsaid(c, &list);
        return r < 0 ? r : bus_append_texts(reply, list);
}

static int append_policy_digest(const Container *c, sd_bus_message *reply) {
        static const Digest nothing;
        const Digest *digest = container_policy_digest(c);
        char hex[DIGEST_HEX_SIZE] = "";

        if (!digest_equal(digest, &nothing))
                digest_to_hex(digest, hex);
        return sd_bus_message_append(reply, "s", hex);
}

static int append_restart_needed(const Container *c, sd_bus_message *reply) {
        _cleanup_strv_ char **names = NULL;
        int r;

        r = container_restart_needed(c, &names);
        return r < 0 ? r : bus_append_texts(reply, names);
}

static uint64_t get_condition_result(const Container *c) {
        return container_condition_met(c);
}

static uint64_t get_assert_result(const Container *c) {
        return container_assert_met(c);
}

static uint64_t get_can_reload(const Container *c) {
        return container_can_reload(c);
}

static uint64_t get_transient(const Container *c) {
        return container_transient(c);
}

static uint64_t get_mac_verified(const Container *c) {
        return container_mac_verified(c);
}

static uint64_t get_mac_label_lost(const Container *c) {
        return container_mac_lost(c);
}

static uint64_t get_landlock_abi(const Container *c) {
        return container_landlock_abi(c);
}

static uint64_t get_n_stored(const Container *c) {
        return container_n_stored(c);
}

static uint64_t get_status_error(const Container *c) {
        return container_status_error(c);
}

static uint64_t get_status_exit(const Container *c) {
        return container_status_exit(c);
}

static uint64_t get_health_streak(const Container *c) {
        return container_health_streak(c);
}

#define CONST SD_BUS_VTABLE_PROPERTY_CONST
#define CHANGES SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
#define LIVE 0 /* read from the kernel each time; no signal tells */
#define OPEN false
#define SECRET true
static const Property properties[] = {
        { "Id", "s", CONST, OPEN, .text = container_name },
        { "LoadState", "s", CHANGES, OPEN, .text = container_load_state },
        { "LoadError", "(ss)", CHANGES, SECRET, .append = append_load_error },
        { "ActiveState", "s", CHANGES, OPEN, .text = container_active_state },
        { "SubState", "s", CHANGES, OPEN, .text = container_sub_state },
        { "FreezerState", "s", CHANGES, OPEN, .text = container_freezer_state },
        { "Result", "s", CHANGES, OPEN, .text = get_result },
        { "LastError", "s", CHANGES, SECRET, .text = container_last_error },
        { "LaunchError", "s", CHANGES, OPEN, .text = get_launch_error },
        { "ConditionResult", "b", CHANGES, OPEN, .number = get_condition_result },
        { "AssertResult", "b", CHANGES, OPEN, .number = get_assert_result },
        { "FragmentPath", "s", CHANGES, SECRET, .text = container_fragment_path },
        { "DropInPaths", "as", CHANGES, SECRET, .append = append_drop_ins },
        { "CanReload", "b", CHANGES, OPEN, .number = get_can_reload },
        { "Transient", "b", CHANGES, OPEN, .number = get_transient },
        { "RestartNeeded", "as", LIVE, OPEN, .append = append_restart_needed },
        { "Job", "(uo)", CHANGES, OPEN, .append = append_job },
        { "InvocationID", "ay", CHANGES, OPEN, .append = append_invocation },
        { "MainPID", "u", CHANGES, SECRET, .number = get_leader },
        { "ControlPID", "u", CHANGES, SECRET, .number = get_control },
        { "ExecMainCode", "i", CHANGES, OPEN, .number = get_exit_code },
        { "ExecMainStatus", "i", CHANGES, OPEN, .number = get_exit_status },
        { "NRestarts", "u", CHANGES, OPEN, .number = get_n_restarts },
        { "RestartUSecNext", "t", LIVE, OPEN, .number = container_restart_in },
        { "OOMKills", "t", LIVE, OPEN, .number = container_n_oom_kills },
        { "ExecMainStartTimestamp", "t", CHANGES, OPEN, .number = container_start_usec },
        { "ExecMainExitTimestamp", "t", CHANGES, OPEN, .number = get_exit_time },
        { "ActiveEnterTimestamp", "t", CHANGES, OPEN, .number = get_active_enter },
        { "ActiveExitTimestamp", "t", CHANGES, OPEN, .number = get_active_exit },
        { "StateChangeTimestamp", "t", CHANGES, OPEN, .number = container_state_change_usec },
        { "ControlGroup", "s", CHANGES, SECRET, .text = container_cgroup },
#define USAGE(property, file, key, scale) { #property, "t", LIVE, OPEN, .number = get_usage_##property },
#include "manager/host/cgroup/usage.inc"
#undef USAGE
        { "UIDRangeBase", "u", CHANGES, SECRET, .number = get_uid_base },
        { "UIDRangeCount", "u", CHANGES, SECRET, .number = get_uid_count },
        { "MACBackends", "as", CHANGES, OPEN, .append = append_mac_backends },
        { "MACLabel", "s", CHANGES, SECRET, .text = container_mac_label },
        { "MACVerified", "b", CHANGES, OPEN, .number = get_mac_verified },
        { "MACLabelLost", "b", CHANGES, OPEN, .number = get_mac_label_lost },
        { "LandlockABI", "u", CHANGES, OPEN, .number = get_landlock_abi },
        { "MACUnsaid", "as", LIVE, SECRET, .append = append_mac_unsaid },
        { "PolicyDigest", "s", CHANGES, SECRET, .append = append_policy_digest },
        { "Progress", "s", CHANGES, SECRET, .text = container_progress },
        { "StatusText", "s", CHANGES, SECRET, .text = container_status_text },
        { "NFileDescriptorStore", "u", CHANGES, OPEN, .number = get_n_stored },
        { "StatusErrno", "i", CHANGES, OPEN, .number = get_status_error },
        { "StatusExit", "i", CHANGES, OPEN, .number = get_status_exit },
        { "WatchdogUSec", "t", CHANGES, OPEN, .number = container_watchdog_usec },
        { "HealthStatus", "s", CHANGES, OPEN, .text = container_health },
        { "HealthFailingStreak", "u", CHANGES, OPEN, .number = get_health_streak },
        { "HealthOutput", "s", CHANGES, SECRET, .text = container_health_output },
        { "HealthTimestamp", "t", CHANGES, OPEN, .number = container_health_usec },
        { "LogDirectory", "s", CHANGES, SECRET, .text = container_log_directory },
        { "LogsToJournal", "b", CHANGES, OPEN, .number = get_logs_to_journal },
};

static int append_number(sd_bus_message *reply, char type, uint64_t v) {
        switch (type) {
        case 'u':
        case 'i': /* the same 32 bits */
                return sd_bus_message_append_basic(reply, type, &(uint32_t){ (uint32_t)v });
        case 'b':
                return sd_bus_message_append_basic(reply, type, &(int){ v != 0 });
        case 't':
                return sd_bus_message_append_basic(reply, type, &v);
        default:
                return -EINVAL;
        }
}

static int get_property(sd_bus *bus, const char *path, const char *interface, const char *name,
                        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        for (size_t i = 0; i < ELEMENTSOF(properties); i++) {
                const Property *p = properties + i;

                if (!streq(p->name, name))
                        continue;
                if (p->append)
                        return p->append(userdata, reply);
                if (p->number)
                        return append_number(reply, p->signature[0], p->number(userdata));
                return bus_append_text(reply, p->text(userdata));
        }
        return -ENOENT;
}

/* Rows whose empty value means a default set: shown is the set, as systemd does. */
static const struct {
        DirectiveId id;
        uint64_t (*number)(const ContainerSpec *spec);
} effective_rows[] = {
        { DIRECTIVE_CapabilityBoundingSet, capabilities_bounding },
};

static int get_directive(sd_bus *bus, const char *path, const char *interface, const char *name,
                         sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const ContainerSpec *spec = container_spec(userdata);
        _cleanup_strv_ char **values = NULL;
        DirectiveId id = _DIRECTIVE_INVALID;
        int r;

        for (DirectiveSection s = 0; s < _SECTION_MAX && id < 0; s++)
                id = directive_find(s, name);
        if (id < 0)
                return -ENOENT;
        for (size_t i = 0; spec && i < ELEMENTSOF(effective_rows); i++)
                if (effective_rows[i].id == id)
                        return append_number(reply, 't', effective_rows[i].number(spec));

        if (spec) { /* a unit that never loaded has every property, each empty */
                r = directives[id].type->explode(container_spec_field_const(spec, id), &values);
                if (r < 0)
                        return r;
        }
        return bus_append_exploded(reply, directives[id].type->signature, values);
}

/* --- what everybody on a bus may read: what a list of containers shows, no path, id or setting */
bool container_property_public(const char *name) {
        DirectiveId id = directive_find(SECTION_Unit, name);

        for (size_t i = 0; i < ELEMENTSOF(properties); i++)
                if (streq(properties[i].name, name))
                        return !properties[i].secret;
        return id >= 0;
}

static int append_named(const Container *c, sd_bus_message *m, const char *name, const char *signature,
                        sd_bus_property_get_t get) {
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(m, 's', name);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', signature);
        if (r >= 0)
                r = get(NULL, NULL, NULL, name, m, (void *)c, NULL);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int container_append_properties(const Container *c, sd_bus_message *m, char *const *names, bool shared) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(properties); i++) {
                const Property *p = properties + i;

                if (strv_contains(names, p->name) && !(shared && p->secret))
                        r = append_named(c, m, p->name, p->signature, get_property);
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int container_append_public(const Container *c, sd_bus_message *m) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(properties); i++)
                if (!properties[i].secret)
                        r = append_named(c, m, properties[i].name, properties[i].signature, get_property);
        for (DirectiveId id = 0; r >= 0 && id < _DIRECTIVE_MAX; id++)
                if (directives[id].section == SECTION_Unit)
                        r = append_named(c, m, directives[id].name, directives[id].type->signature, get_directive);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* --- the vtable */
int container_vtable_new(bool shared, sd_bus_vtable **ret, char ***ret_changing) {
        static const sd_bus_vtable end[] = { SD_BUS_VTABLE_END };
        _cleanup_strv_ char **changing = NULL;
        _cleanup_free_ sd_bus_vtable *vtable = NULL;
        size_t n = ELEMENTSOF(container_methods);
        int r;

        vtable = calloc(n + ELEMENTSOF(properties) + _DIRECTIVE_MAX + 1, sizeof(sd_bus_vtable));
        if (!vtable)
                return -ENOMEM;

        memcpy(vtable, container_methods, sizeof(container_methods));
        for (size_t i = 0; i < ELEMENTSOF(properties); i++) {
                const Property *p = properties + i;
                /* PropertiesChanged goes to everybody: it names what not everybody may read, without the value */
                uint64_t flags = shared && p->secret && p->flags == CHANGES ?
                                         SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION : p->flags;

                vtable[n++] = (sd_bus_vtable)SD_BUS_PROPERTY(p->name, p->signature, get_property, 0, flags);
                if (p->flags != CHANGES)
                        continue;
                r = strv_extend(&changing, p->name);
                if (r < 0)
                        return r;
        }
        for (DirectiveId id = 0; id < _DIRECTIVE_MAX; id++)
                vtable[n++] = (sd_bus_vtable)SD_BUS_PROPERTY(directives[id].name, directives[id].type->signature,
                                                             get_directive, 0,
                                                             SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION);
        vtable[n] = end[0];

        *ret = TAKE_PTR(vtable);
        if (ret_changing)
                *ret_changing = TAKE_PTR(changing);
        return 0;
}

static int container_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret_found,
                          sd_bus_error *error) {
        _cleanup_free_ char *name = NULL;
        Connection *c = userdata;
        Container *found = NULL;
        int r;

        r = sd_bus_path_decode(path, BUS_CONTAINER_PREFIX, &name);
        if (r < 0)
                return r;
        if (r == 0 || !container_name_valid(name))
                return 0;
        if (c->shared) { /* looking at a path must not fill the registry: anybody may do it */
                *ret_found = manager_find(c->bus->manager, name);
                return *ret_found ? 1 : 0;
        }
        r = manager_get(c->bus->manager, name, NULL, &found);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return 0;
        *ret_found = found;
        return 1;
}

static int container_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes,
                               sd_bus_error *error) {
        _cleanup_strv_ char **nodes = NULL;
        Connection *c = userdata;
        size_t n = 0;

        for (Container *i = manager_first(c->bus->manager); i; i = manager_next(c->bus->manager, i))
                n++;
        nodes = calloc(n + 1, sizeof(char *)); /* at once: pushing one by one is quadratic */
        if (!nodes)
                return -ENOMEM;

        n = 0;
        for (Container *i = manager_first(c->bus->manager); i; i = manager_next(c->bus->manager, i)) {
                int r;

                r = container_object_path(i, &nodes[n++]);
                if (r < 0)
                        return r;
        }
        *ret_nodes = TAKE_PTR(nodes);
        return 0;
}

int container_object_add(Connection *c) {
        int r;

        r = sd_bus_add_fallback_vtable(c->sd, NULL, BUS_CONTAINER_PREFIX, BUS_INTERFACE_CONTAINER,
                                       c->bus->container_vtables[c->shared], container_find, c);
        if (r < 0)
                return r;
        r = sd_bus_add_node_enumerator(c->sd, NULL, BUS_CONTAINER_PREFIX, container_enumerate, c);
        return r < 0 ? r : 0;
}
