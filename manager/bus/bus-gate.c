/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "manager/base/string-list.h"
#include "manager/bus/bus-internal.h"
#include "units/values/value.h"

/* The gate of the system bus: a filter before all objects. A call that not everybody may make is kept, its caller's
 * uid asked of the bus and, where that is not root, the right asked of polkit; nothing waits for either. Once allowed
 * the same message is queued again and goes through as if it had just come: its object is looked up afresh. A call
 * without a row is root's. */

typedef struct Rule {
        const char *member; /* of the manager's interface, of the container's, or both */
        Right right;
        const char *verb;
        bool named; /* the container's name is the first argument, where the object is the manager */
        int (*refine)(Connection *c, sd_bus_message *m, Demand *demand, sd_bus_error *error);
} Rule;

typedef struct Gate {
        Link link;
        Caller *caller;
        sd_bus_message *message;
        const Rule *rule;
        Demand demand;
        char *fragment;    /* of the unit when it was asked for */
        uint32_t number;   /* of the question */
        sd_bus_slot *asks; /* polkit */
        bool allowed;
        Right granted;
} Gate;

/* --- what each call needs */
static int refine_exec(Connection *c, sd_bus_message *m, Demand *demand, sd_bus_error *error) {
        _cleanup_(exec_request_done) ExecRequest request = {};
        int r;

        r = exec_request_read(m, &request, error);
        if (r >= 0)
                r = exec_request_details(&request, demand);
        if (r < 0)
                return r;
        if (request.shell) {
                demand->right = RIGHT_SHELL;
                demand->verb = "shell";
                return 0;
        }
        /* Without a command in the details: what is executed stands in the unit, and no rule for a command means it. */
        return request.health ? 0 : demand_set_words(demand, DETAIL_COMMAND, request.argv);
}

/* replace is what everybody means: only another mode is told. What is wrong with it is said to those who may. */
static int refine_job(Connection *c, sd_bus_message *m, Demand *demand, sd_bus_error *error) {
        const char *mode;
        int r;

        r = sd_bus_message_read(m, "s", &mode);
        return r < 0 || streq(mode, job_mode_to_string(JOB_MODE_REPLACE)) ? r : demand_set(demand, DETAIL_MODE, mode);
}

static int refine_kill(Connection *c, sd_bus_message *m, Demand *demand, sd_bus_error *error) {
        char text[16];
        const char *whom, *name;
        int32_t number;
        int r;

        r = sd_bus_message_read(m, "si", &whom, &number);
        if (r < 0)
                return r;
        (void)snprintf(text, sizeof(text), "%d", (int)number);
        name = number > 0 ? signal_to_string(number) : NULL;
        r = demand_set(demand, DETAIL_WHOM, whom);
        return r < 0 ? r : demand_set(demand, DETAIL_SIGNAL, name ? name : text);
}

/* The container is told in the details: a rule for one must not cancel another's job. */
static int demand_of_job(Connection *c, uint32_t id, Demand *demand, sd_bus_error *error) {
        Container *container = id > 0 ? job_container(c->bus->manager, id) : NULL;

        if (!container)
                return bus_error_set_code(error, ERROR_NOT_ACTIVE, "There is no job %u", (unsigned)id);
        return demand_set(demand, DETAIL_UNIT, container_name(container));
}

static int refine_job_number(Connection *c, sd_bus_message *m, Demand *demand, sd_bus_error *error) {
        uint32_t id;
        int r;

        r = sd_bus_message_read(m, "u", &id);
        return r < 0 ? r : demand_of_job(c, id, demand, error);
}

static int refine_job_object(Connection *c, sd_bus_message *m, Demand *demand, sd_bus_error *error) {
        uint32_t id = 0;

        (void)job_path_parse(sd_bus_message_get_path(m), &id);
        return demand_of_job(c, id, demand, error);
}

static int refine_settings(sd_bus_message *m, Demand *demand, sd_bus_error *error) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = changes_read(m, strempty(demand->details[DETAIL_UNIT]), &demand->changes, error);
        if (r >= 0)
                r = changes_print(&demand->changes, &text);
        return r < 0 ? r : demand_set(demand, DETAIL_SETTINGS, text);
}

/* What the values alone tell decides what is asked for. To hold them against the unit before it is known that the caller
 * may do anything with it would answer a guess: see gate_compare(). */
static int refine_properties(Connection *c, sd_bus_message *m, Demand *demand, sd_bus_error *error) {
        int runtime, r;

        r = sd_bus_message_read(m, "b", &runtime);
        if (r >= 0 && runtime)
                r = demand_set(demand, DETAIL_RUNTIME, "yes");
        if (r >= 0)
                r = refine_settings(m, demand, error);
        if (r >= 0)
                demand->right = changes_right_alone(&demand->changes);
        return r;
}

static int refine_transient(Connection *c, sd_bus_message *m, Demand *demand, sd_bus_error *error) {
        int r;

        r = refine_job(c, m, demand, error);
        return r < 0 ? r : refine_settings(m, demand, error);
}

static int set_unit(Demand *demand, const char *name) {
        const char *suffix = endswith(name, ".container");
        _cleanup_free_ char *bare = strndup(name, suffix ? (size_t)(suffix - name) : strlen(name));

        if (!bare)
                return -ENOMEM;
        if (!container_name_valid(bare) && !endswith(bare, "@"))
                return 0; /* of no unit; what is wrong with it is said to those who may */
        return demand_set(demand, DETAIL_UNIT, bare);
}

static int refine_unit_file(Connection *c, sd_bus_message *m, Demand *demand, sd_bus_error *error) {
        const char *name;
        int r;

        r = sd_bus_message_read(m, "s", &name);
        return r < 0 ? r : set_unit(demand, name);
}

/* A rule for one unit means a call about that one alone; of several all are told, and none stands for the others. */
static int refine_unit_files(Connection *c, sd_bus_message *m, Demand *demand, sd_bus_error *error) {
        _cleanup_strv_ char **files = NULL;
        bool runtime = false, force = false;
        int r;

        r = unit_files_read(m, &files, &runtime, &force, error);
        if (r >= 0 && strv_length(files) == 1)
                r = set_unit(demand, files[0]);
        if (r >= 0)
                r = demand_set_words(demand, DETAIL_FILES, files);
        if (r >= 0 && runtime)
                r = demand_set(demand, DETAIL_RUNTIME, "yes");
        if (r >= 0 && force)
                r = demand_set(demand, DETAIL_FORCE, "yes");
        return r;
}

static const Rule manager_rules[] = {
        { "ListContainers", RIGHT_NONE },
        { "ListContainerProperties", RIGHT_NONE }, /* on the system bus without what RIGHT_INSPECT is for */
        { "ListJobs", RIGHT_NONE },
        { "GetJob", RIGHT_NONE },
        { "CancelJob", RIGHT_MANAGE, "cancel", false, refine_job_number },
        { "GetContainer", RIGHT_INSPECT, "inspect", true },
        { "ListUnitFiles", RIGHT_INSPECT, "inspect" },
        { "GetUnitFileState", RIGHT_INSPECT, "inspect", false, refine_unit_file },
        { "EnableUnitFiles", RIGHT_UNIT_FILES, "enable", false, refine_unit_files },
        { "DisableUnitFiles", RIGHT_UNIT_FILES, "disable", false, refine_unit_files },
        { "MaskUnitFiles", RIGHT_UNIT_FILES, "mask", false, refine_unit_files },
        { "UnmaskUnitFiles", RIGHT_UNIT_FILES, "unmask", false, refine_unit_files },
        { "PresetUnitFiles", RIGHT_UNIT_FILES, "preset", false, refine_unit_files },
        { "RevertUnitFiles", RIGHT_UNIT_FILES, "revert", false, refine_unit_files },
        { "GetUnitPaths", RIGHT_INSPECT, "inspect", true },
        { "GetContainerProcesses", RIGHT_INSPECT, "inspect", true },
        { "ListDependencies", RIGHT_INSPECT, "inspect", true },
        { "WaitContainer", RIGHT_INSPECT, "inspect", true },
        { "StartContainer", RIGHT_MANAGE, "start", true, refine_job },
        { "StopContainer", RIGHT_MANAGE, "stop", true, refine_job },
        { "RestartContainer", RIGHT_MANAGE, "restart", true, refine_job },
        { "TryRestartContainer", RIGHT_MANAGE, "restart", true, refine_job },
        { "ReloadContainer", RIGHT_MANAGE, "reload", true, refine_job },
        { "ReloadOrRestartContainer", RIGHT_MANAGE, "restart", true, refine_job },
        { "ReloadOrTryRestartContainer", RIGHT_MANAGE, "restart", true, refine_job },
        { "KillContainer", RIGHT_MANAGE, "kill", true, refine_kill },
        { "FreezeContainer", RIGHT_MANAGE, "freeze", true },
        { "ThawContainer", RIGHT_MANAGE, "thaw", true },
        { "ResetFailedContainer", RIGHT_MANAGE, "reset-failed", true },
        { "ResetFailed", RIGHT_MANAGE, "reset-failed" },
        { "ProbeContainer", RIGHT_MANAGE, "probe", true }, /* a program of ours runs inside */
        /* it names a directory of the host for its root, and what is executed there */
        { "StartTransientContainer", RIGHT_RAISE, "start-transient", true, refine_transient },
        { "RunContainer", RIGHT_RAISE, "start-transient", true, refine_transient },
        { "SetContainerProperties", RIGHT_RAISE, "set-property", true, refine_properties },
        { "Reload", RIGHT_RELOAD, "reload" },
        { "Reexecute", RIGHT_RELOAD, "reexecute" },
        { "ExecContainer", RIGHT_EXEC, "exec", true, refine_exec },
        { "KillExec", RIGHT_NONE }, /* of sessions of one's own */
};

static const Rule container_rules[] = {
        { "Start", RIGHT_MANAGE, "start", false, refine_job },
        { "Stop", RIGHT_MANAGE, "stop", false, refine_job },
        { "Restart", RIGHT_MANAGE, "restart", false, refine_job },
        { "TryRestart", RIGHT_MANAGE, "restart", false, refine_job },
        { "Reload", RIGHT_MANAGE, "reload", false, refine_job },
        { "ReloadOrRestart", RIGHT_MANAGE, "restart", false, refine_job },
        { "ReloadOrTryRestart", RIGHT_MANAGE, "restart", false, refine_job },
        { "Kill", RIGHT_MANAGE, "kill", false, refine_kill },
        { "Freeze", RIGHT_MANAGE, "freeze" },
        { "Thaw", RIGHT_MANAGE, "thaw" },
        { "ResetFailed", RIGHT_MANAGE, "reset-failed" },
        { "Exec", RIGHT_EXEC, "exec", false, refine_exec },
        { "SetProperties", RIGHT_RAISE, "set-property", false, refine_properties },
};

static const Rule job_rules[] = {
        { "Cancel", RIGHT_MANAGE, "cancel", false, refine_job_object },
};

static const Rule rule_open = { NULL, RIGHT_NONE };
static const Rule rule_inspect = { NULL, RIGHT_INSPECT, "inspect" };
static const Rule rule_root = { NULL, RIGHT_ROOT };

static const Rule *find_member(const Rule *rules, size_t n, const char *member) {
        for (size_t i = 0; i < n; i++)
                if (streq(rules[i].member, member))
                        return rules + i;
        return &rule_root;
}

static const Rule *properties_rule(sd_bus_message *m) {
        const char *interface, *name;

        if (!startswith(strempty(sd_bus_message_get_path(m)), BUS_CONTAINER_PREFIX "/"))
                return &rule_open; /* the manager's and a job's hide nothing */
        if (sd_bus_message_is_method_call(m, NULL, "Get") && sd_bus_message_read(m, "ss", &interface, &name) > 0 &&
            streq(interface, BUS_INTERFACE_CONTAINER) && container_property_public(name))
                return &rule_open;
        return &rule_inspect;
}

static const Rule *find_rule(sd_bus_message *m) {
        const char *interface = sd_bus_message_get_interface(m), *member = sd_bus_message_get_member(m);

        if (!interface)
                return &rule_root; /* sd-bus would look for the member in all of them */
        if (streq(interface, BUS_INTERFACE_MANAGER))
                return find_member(manager_rules, ELEMENTSOF(manager_rules), member);
        if (streq(interface, BUS_INTERFACE_CONTAINER))
                return find_member(container_rules, ELEMENTSOF(container_rules), member);
        if (streq(interface, BUS_INTERFACE_JOB))
                return find_member(job_rules, ELEMENTSOF(job_rules), member);
        if (streq(interface, "org.freedesktop.DBus.Properties"))
                return properties_rule(m);
        if (streq(interface, "org.freedesktop.DBus.ObjectManager"))
                return &rule_inspect;
        if (streq(interface, "org.freedesktop.DBus.Peer") ||
            streq(interface, "org.freedesktop.DBus.Introspectable"))
                return &rule_open;
        return &rule_root;
}

/* The unit in the details of the question, in its one spelling. */
static int read_unit(sd_bus_message *m, const Rule *rule, char **ret, sd_bus_error *error) {
        _cleanup_free_ char *decoded = NULL;
        const char *name, *suffix;
        int r;

        r = sd_bus_path_decode(sd_bus_message_get_path(m), BUS_CONTAINER_PREFIX, &decoded);
        if (r < 0)
                return r;
        name = decoded;
        if (rule->named) {
                r = sd_bus_message_read(m, "s", &name);
                if (r < 0)
                        return r;
        }
        if (!name)
                return 0;
        if (!container_name_valid(name))
                return bus_error_set_code(error, ERROR_USAGE, "'%.80s' is no container name", name);
        suffix = endswith(name, ".container");
        *ret = strndup(name, suffix ? (size_t)(suffix - name) : strlen(name));
        return *ret ? 0 : -ENOMEM;
}

static int read_demand(Connection *c, sd_bus_message *m, const Rule *rule, Demand *demand, sd_bus_error *error) {
        int r;

        *demand = (Demand){ .right = rule->right, .verb = rule->verb };
        r = read_unit(m, rule, &demand->details[DETAIL_UNIT], error);
        if (r >= 0 && rule->refine)
                r = rule->refine(c, m, demand, error);
        if (r < 0 && !sd_bus_error_is_set(error))
                r = sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS, "The arguments are not those of this method");
        return r < 0 ? r : 0;
}

/* --- a call that waits at the gate */
static Gate *gate_free(Gate *g) {
        if (!g)
                return NULL;
        link_remove(&g->link);
        if (g->asks)
                polkit_cancel(g->caller->connection->sd, g->number);
        sd_bus_slot_unref(g->asks);
        caller_release(g->caller, false);
        sd_bus_message_unref(g->message);
        demand_done(&g->demand);
        free(g->fragment);
        free(g);
        return NULL;
}
DEFINE_CLEANUP(Gate, gate_free)

static const char *unit_fragment(const Connection *c, const char *unit) {
        Container *container = unit ? manager_find(c->bus->manager, unit) : NULL;

        return container ? container_fragment_path(container) : NULL;
}

static void gate_refuse(Gate *g, const sd_bus_error *error) {
        Connection *c = g->caller->connection;

        log_message(&manager_config(c->bus->manager)->log, LOG_DEBUG, "Refused %s of %s to user %u on the system bus: %s",
                    sd_bus_message_get_member(g->message), g->demand.details[DETAIL_UNIT] ? g->demand.details[DETAIL_UNIT] : "the manager",
                    (unsigned)g->caller->uid, strempty(error->message));
        connection_sent(c, sd_bus_reply_method_error(g->message, error));
        gate_free(g);
}

/* Not freed before the message has come round again: it is known by its address, so the address must stay its own. */
static void gate_allow(Gate *g, Right right) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        g->allowed = true;
        g->granted = right;
        r = sd_bus_enqueue_for_read(g->caller->connection->sd, g->message);
        if (r < 0) {
                (void)bus_error_set_diag(&error, NULL, r);
                gate_refuse(g, &error);
        }
}

static void gate_ask(Gate *g);

/* The caller may manage the unit: only now its values are looked at. True: they make it weaker than it is, which is a
 * question of its own. */
static bool gate_compare(Gate *g) {
        const char *unit = g->demand.details[DETAIL_UNIT];
        const Container *container = unit ? manager_find(g->caller->connection->bus->manager, unit) : NULL;

        if (g->demand.right != RIGHT_MANAGE || !g->demand.changes.draft)
                return false;
        g->demand.right = changes_right(&g->demand.changes, container ? container_spec(container) : NULL);
        return g->demand.right != RIGHT_MANAGE;
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *unused) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Gate *g = userdata;

        if (sd_bus_error_has_name(sd_bus_message_get_error(reply), SD_BUS_ERROR_NO_REPLY))
                polkit_cancel(g->caller->connection->sd, g->number);
        g->asks = sd_bus_slot_unref(g->asks);
        if (polkit_read_answer(reply, &g->demand, &error) < 0)
                gate_refuse(g, &error);
        else if (gate_compare(g))
                gate_ask(g);
        else
                gate_allow(g, g->demand.right);
        return 0;
}

static void gate_ask(Gate *g) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Connection *c = g->caller->connection;
        const char *fragment = unit_fragment(c, g->demand.details[DETAIL_UNIT]);
        int r = 0;

        if (!right_action(g->demand.right))
                r = bus_error_set_code(&error, ERROR_ACCESS, "Only root may do this");
        if (r >= 0 && fragment && !g->fragment) {
                g->fragment = strdup(fragment);
                r = g->fragment ? 0 : -ENOMEM;
        }
        if (r >= 0) {
                g->number = ++c->bus->last_question;
                r = polkit_ask(c->sd, g->caller->name, &g->demand,
                               sd_bus_message_get_allow_interactive_authorization(g->message) > 0, g->number, on_answer, g,
                               &g->asks, &error);
        }
        if (r < 0) {
                if (!sd_bus_error_is_set(&error))
                        (void)bus_error_set_code(&error, ERROR_ACCESS, "polkit cannot be asked: %s", strerror(-r));
                gate_refuse(g, &error);
        }
}

static void gate_decide(Gate *g) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        if (g->caller->uid == 0) {
                gate_allow(g, RIGHT_ROOT);
                return;
        }
        if (caller_check(g->caller, 0, false, &error) < 0) /* now that it is known with whose other calls */
                gate_refuse(g, &error);
        else
                gate_ask(g);
}

/* --- the uid, once for each caller */
static int on_uid(sd_bus_message *reply, void *userdata, sd_bus_error *unused) {
        Caller *caller = userdata;
        Bus *b = caller->connection->bus;
        uint32_t uid;

        caller->asks_uid = sd_bus_slot_unref(caller->asks_uid);
        if (sd_bus_message_is_method_error(reply, NULL) || sd_bus_message_read(reply, "u", &uid) <= 0) {
                caller_lost(caller); /* it has gone, or the bus does not know whose it is: nobody's */
                return 0;
        }
        caller->uid = uid;
        caller->known = true;
        for (Link *l = b->gates.next, *next; l != &b->gates; l = next) {
                Gate *g = container_of(l, Gate, link);

                next = l->next;
                if (g->caller == caller && !g->allowed)
                        gate_decide(g);
        }
        return 0;
}

static int ask_uid(Caller *caller) {
        int r;

        if (caller->asks_uid)
                return 0;
        r = sd_bus_call_method_async(caller->connection->sd, &caller->asks_uid, "org.freedesktop.DBus",
                                     "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetConnectionUnixUser", on_uid,
                                     caller, "s", caller->name);
        return r < 0 ? r : 0;
}

static int gate_new(Connection *c, sd_bus_message *m, const Rule *rule, sd_bus_error *error) {
        _cleanup_(gate_freep) Gate *g = NULL;
        Caller *caller;
        int r;

        r = caller_of(c, m, &caller);
        if (r >= 0)
                r = caller_hold(caller, false, error);
        if (r < 0)
                return r;
        g = calloc(1, sizeof(Gate));
        if (!g) {
                caller_release(caller, false);
                return -ENOMEM;
        }
        *g = (Gate){ .caller = caller, .message = sd_bus_message_ref(m), .rule = rule };
        link_append(&c->bus->gates, &g->link);
        r = read_demand(c, m, rule, &g->demand, error);
        if (r >= 0 && !caller->known)
                r = ask_uid(caller);
        if (r < 0)
                return r;
        if (caller->known)
                gate_decide(TAKE_PTR(g));
        else
                TAKE_PTR(g);
        return 1; /* sd-bus: the message is taken */
}

/* Rules are written for a container's own name: what another name leads to was not asked about. */
int connection_check_asked(const Connection *c, const Container *container, sd_bus_error *error) {
        if (!c->asked || streq(c->asked, container_name(container)))
                return 0;
        return bus_error_set_code(error, ERROR_ACCESS, "%s is another name of %s, which permission has to be asked for; call "
                                  "again with that name", c->asked, container_name(container));
}

/* What was asked about must still be what it was: not another unit under the same name. */
static int gate_pass(Connection *c, Gate *g, sd_bus_error *error) {
        const char *unit = g->demand.details[DETAIL_UNIT], *fragment = unit_fragment(c, unit);
        int r;

        if (g->fragment && !streq_ptr(g->fragment, fragment))
                return bus_error_set_code(error, ERROR_ACCESS, "%s became another unit while permission was asked for; "
                                          "call again", unit);
        if (g->granted != RIGHT_ROOT && unit) {
                const Container *found = manager_find(c->bus->manager, unit);

                c->asked = strdup(unit);
                if (!c->asked)
                        return -ENOMEM;
                r = found ? connection_check_asked(c, found, error) : 0;
                if (r < 0)
                        return r;
        }
        c->granted = g->granted;
        return 0;
}

int gate_filter(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Connection *c = userdata;
        const Rule *rule;
        uint8_t type;
        int r;

        connection_sent(c, 0);
        r = sd_bus_message_get_type(m, &type);
        if (r < 0 || type != SD_BUS_MESSAGE_METHOD_CALL)
                return r;
        c->granted = RIGHT_NONE;
        c->asked = (free(c->asked), NULL);
        for (Link *l = c->bus->gates.next; l != &c->bus->gates; l = l->next) {
                Gate *g = container_of(l, Gate, link);

                if (g->message != m)
                        continue;
                r = gate_pass(c, g, error);
                gate_free(g);
                return r;
        }
        rule = find_rule(m);
        return rule->right == RIGHT_NONE ? 0 : gate_new(c, m, rule, error);
}

void gates_drop(Caller *caller) {
        Bus *b = caller->connection->bus;

        for (Link *l = b->gates.next, *next; l != &b->gates; l = next) {
                Gate *g = container_of(l, Gate, link);

                next = l->next;
                if (g->caller == caller)
                        gate_free(g);
        }
}
