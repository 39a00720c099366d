/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of this room share: the Bus, its connections, its delayed replies. */

#include <systemd/sd-bus.h>

#include "manager/bus/bus-value.h"
#include "manager/bus/bus.h"
#include "manager/bus/names.h"

/* An intrusive ring: a head that points at itself is the empty list. */
typedef struct Link {
        struct Link *next, *previous;
} Link;

static inline void link_init(Link *head) {
        head->next = head->previous = head;
}

static inline bool link_is_empty(const Link *head) {
        return head->next == head;
}

static inline void link_append(Link *head, Link *item) {
        item->next = head;
        item->previous = head->previous;
        head->previous->next = item;
        head->previous = item;
}

static inline void link_remove(Link *item) {
        item->previous->next = item->next;
        item->next->previous = item->previous;
        link_init(item);
}

/* The way to the system bus, which may come late, go, and come back (bus-system.c). */
typedef struct SystemBus {
        sd_bus *connecting; /* not a Connection yet: nothing is sent on it, or it would pile up */
        sd_event_source *retry;
        sd_event_source *watch; /* of the directory in which its socket, or that one's directory, will appear */
        char *awaited;          /* under this name */
        uint64_t delay;
        bool joined; /* it is wanted: not before the manager is whole, whose start is a reload, too */
        bool missed; /* its end was told */
        BusSettled settled; /* to be called once */
        void *settled_userdata;
        sd_event_source *patience;
} SystemBus;

struct Bus {
        Manager *manager;
        sd_event *event;
        Link connections; /* of Connection */
        size_t n_connections;
        Link waits;    /* of Wait */
        Link listings; /* of Listing */
        size_t n_readers;
        Link sessions; /* of ExecCall: outlives its caller until the manager says that it ended */
        Link probes;   /* of ProbeCall: likewise */
        Link scopings; /* of Scoping */
        Link gates;    /* of Gate: calls whose caller is being asked for */
        sd_bus_vtable *container_vtables[2]; /* generated from the tables; [1] = for a bus that others listen to */
        char **changing;                     /* names of the properties that a state change moves */
        SystemBus system;
        sd_event_source *listener;
        sd_event_source *reaper; /* frees condemned connections outside of their own callbacks */
        int spare_fd;            /* given up for a moment to refuse a client when descriptors ran out */
        char *socket_path;
        bool reloading;
        uint32_t last_question; /* to polkit */
        bool closing;
        bool crowded; /* the limit of connections was reached and told */
};

/* What a call needs; each has its polkit action (bus-polkit.c). */
typedef enum Right {
        RIGHT_NONE, /* anybody may */
        RIGHT_INSPECT,
        RIGHT_MANAGE,
        RIGHT_EXEC,
        RIGHT_SHELL,
        RIGHT_RELOAD,
        RIGHT_UNIT_FILES,
        RIGHT_RAISE, /* manage, and take protection away */
        RIGHT_ROOT,  /* root only, nobody is asked */
        _RIGHT_MAX,
} Right;

/* What a job's object shows; made anew each time one is found. */
typedef struct JobView {
        uint32_t id;
        Container *container;
        const char *type, *state;
} JobView;

typedef struct Connection {
        Link link;
        JobView job;
        Bus *bus;
        sd_bus *sd;
        bool shared; /* the system bus: many callers, each to be asked for */
        Right granted; /* to the message that is being handled; of the private socket always RIGHT_ROOT */
        sd_event_source *begun; /* of a private one */
        char *asked;   /* the unit that it was granted for; NULL = whichever it names */
        Link callers;  /* of Caller */
        size_t n_callers;
        bool condemned;
} Connection;

/* Who waits for us: the one client of a private connection, or a unique name on the system bus. Exists while
 * anything is owed to it; when it goes, all of that goes. */
typedef struct Caller {
        Link link; /* of the connection's */
        Connection *connection;
        char *name; /* NULL: the client of the private socket */
        bool known; /* the bus has told the uid */
        uid_t uid;
        size_t n_delayed;  /* replies that it waits for, and sessions */
        size_t n_sessions;
        sd_bus_slot *vanishes, *asks_uid;
} Caller;

/* Takes sd, which must be started already; puts all objects on it. */
int connection_new(Bus *b, sd_bus *sd, bool shared, Connection **ret);
Connection *connection_free(Connection *c);
/* Frees it from the loop, not here: for callers that stand in one of its callbacks. */
void connection_condemn(Connection *c);

/* --- objects; userdata of each find and enumerate callback is the Connection */
int manager_object_add(Connection *c);
int container_object_add(Connection *c);
int job_object_add(Connection *c);

/* shared: what not everybody may read is only said to have changed. ret_changing may be NULL. */
int container_vtable_new(bool shared, sd_bus_vtable **ret, char ***ret_changing);
bool container_property_public(const char *name);
/* Those of names that are no setting, as a{sv}; shared: without what not everybody may read. */
int container_append_properties(const Container *c, sd_bus_message *m, char *const *names, bool shared);
int container_append_public(const Container *c, sd_bus_message *m); /* as a{sv} */
int container_object_path(const Container *c, char **ret);
int job_object_path(uint32_t id, char **ret); /* id 0 = "/" */
int bus_reply_job(sd_bus_message *call, uint32_t id); /* answers the call with the job's object */

/* The methods that Manager (by name) and Container (by object) share. */
int bus_read_mode(sd_bus_message *m, JobMode *ret, sd_bus_error *error);
int container_method_job(Container *c, sd_bus_message *m, sd_bus_error *error);
int container_method_kill(Container *c, sd_bus_message *m, sd_bus_error *error);
int container_method_simple(Container *c, sd_bus_message *m, sd_bus_error *error);
int container_reply_dependencies(Container *c, bool reverse, sd_bus_message *m);
int manager_method_list_jobs(sd_bus_message *m, void *userdata, sd_bus_error *error);
int manager_method_get_job(sd_bus_message *m, void *userdata, sd_bus_error *error);
int manager_method_cancel_job(sd_bus_message *m, void *userdata, sd_bus_error *error);
Container *job_container(Manager *m, uint32_t id);       /* NULL = no such job */
int job_path_parse(const char *path, uint32_t *ret_id);  /* -EINVAL */
const char *job_state(const Container *c); /* "running", or "waiting" for other jobs */
const char *container_description(const Container *c);
const char *container_fragment_path(const Container *c);

/* --- callers */
int caller_of(Connection *c, sd_bus_message *m, Caller **ret);
/* Whether so many more replies may be owed to all clients of its user. */
int caller_check(const Caller *caller, size_t more, bool session, sd_bus_error *error);
int caller_hold(Caller *caller, bool session, sd_bus_error *error); /* one more, if it may */
void caller_release(Caller *caller, bool session);
void caller_lost(Caller *caller); /* it has gone: everything that was owed to it goes */
Caller *caller_free(Caller *caller);
void callers_sweep(Connection *c); /* those to whom nothing is owed */

/* --- the gate: before any object sees a message of the system bus */
int gate_filter(sd_bus_message *m, void *userdata, sd_bus_error *error);
/* Of a container that a method was led to: -EACCES where permission was asked for under another name. */
int connection_check_asked(const Connection *c, const Container *container, sd_bus_error *error);
void gates_drop(Caller *caller);

/* What a rule of polkit can see of a call, beside its right; names in bus-polkit.c. NULL = does not apply. */
typedef enum Detail {
        DETAIL_UNIT,
        DETAIL_MODE,     /* of a job, but for the usual one */
        DETAIL_WHOM,     /* a signal is for */
        DETAIL_SIGNAL,
        DETAIL_COMMAND,  /* every word, quoted so that one does not look like two */
        DETAIL_USER,
        DETAIL_DIRECTORY,
        DETAIL_ENVIRONMENT, /* every assignment, quoted as the command */
        DETAIL_TERMINAL,
        DETAIL_DETACH,
        DETAIL_HEALTH_CHECK,
        DETAIL_SETTINGS, /* as lines of a unit file */
        DETAIL_RUNTIME,
        DETAIL_FILES,    /* unit files, quoted as the command */
        DETAIL_FORCE,    /* of links that lead elsewhere */
        _DETAIL_MAX,
} Detail;

/* --- directives as arguments */
typedef struct Changes {
        ContainerSpec *draft; /* of which only the rows in set count */
        bool set[_DIRECTIVE_MAX];
} Changes;
void changes_done(Changes *c);
int changes_read(sd_bus_message *m, const char *name, Changes *ret, sd_bus_error *error); /* a(sv) */
int changes_print(const Changes *changes, char **ret); /* the assignments, a line each */
/* The right that the change needs: before anybody is known to may do anything by the change alone, then also by the unit
 * as it is (NULL: nobody has loaded it). */
Right changes_right_alone(const Changes *changes);
Right changes_right(const Changes *changes, const ContainerSpec *before);

typedef struct Demand {
        Right right;
        const char *verb;
        char *details[_DETAIL_MAX];
        Changes changes; /* to be held against the unit once it is known that the caller may manage it; else empty */
} Demand;
void demand_done(Demand *d);
int demand_set(Demand *d, Detail detail, const char *value); /* a copy; NULL = none */
int demand_set_words(Demand *d, Detail detail, char *const *words);
/* answer() is called once, unless the slot goes before. */
int polkit_ask(sd_bus *sd, const char *name, const Demand *demand, bool interactive, uint32_t number,
               sd_bus_message_handler_t answer, void *userdata, sd_bus_slot **ret, sd_bus_error *error);
/* 0 only where polkit said yes; every other answer is an error with words. */
int polkit_read_answer(sd_bus_message *reply, const Demand *demand, sd_bus_error *error);
void polkit_cancel(sd_bus *sd, uint32_t number);
const char *right_action(Right right); /* NULL: none can be asked for */

/* --- the system bus */
void bus_system_lost(Bus *b);
void bus_system_look(Bus *b); /* a reload: one that cannot be watched for may be there now */
void bus_system_close(Bus *b);

Connection *bus_shared_connection(const Bus *b); /* NULL = none */

/* --- machines */
int bus_machines_begin(Connection *c); /* the system bus is there */
void bus_machines_end(Bus *b);         /* and is not any more */

/* --- directives as arguments: methods */
int container_method_set_properties(Connection *c, Container *container, sd_bus_message *m, sd_bus_error *error);
int manager_method_start_transient(sd_bus_message *m, void *userdata, sd_bus_error *error);
int manager_method_run(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* --- unit files: what a person has changed about them */
int manager_method_change_unit_files(sd_bus_message *m, void *userdata, sd_bus_error *error); /* Enable, Disable, Mask, ... */
int manager_method_get_unit_file_state(sd_bus_message *m, void *userdata, sd_bus_error *error);
/* The arguments of the first. */
int unit_files_read(sd_bus_message *m, char ***ret_files, bool *ret_runtime, bool *ret_force, sd_bus_error *error);
void signals_unit_files_changed(Bus *b);
/* What is enabled, read once for a list of all units. */
typedef struct EnabledUnits {
        struct InstallLink *links[2]; /* lasting; until the next boot */
        size_t n_links[2];
} EnabledUnits;
void enabled_units_done(EnabledUnits *e);
int enabled_units_read(Connection *c, EnabledUnits *ret);
/* As GetUnitFileState says of a unit that is neither masked nor bad. */
const char *enabled_units_word(Connection *c, const EnabledUnits *e, const char *name);

/* --- delayed replies */
int wait_new(Caller *caller, sd_bus_message *m, Container *container, sd_bus_error *error);
void waits_check(Bus *b, Container *container, bool removed); /* answers those that are due */
void waits_drop(Caller *caller);

/* argv and options of a call as a request; the caller of this empties it, also after a failure. */
int exec_request_read(sd_bus_message *m, ExecRequest *request, sd_bus_error *error);
void exec_request_done(ExecRequest *request);
int exec_request_details(const ExecRequest *request, Demand *demand);
int exec_new(Caller *caller, sd_bus_message *m, Container *container, const ExecRequest *request, sd_bus_error *error);
Container *exec_container(const Bus *b, uint32_t id); /* of a session that runs; NULL = no such */
Container *exec_next(const Bus *b, size_t *position, uint32_t *ret_id);
bool exec_owned(const Caller *caller, uint32_t id);
void exec_abandon_all(Caller *caller);
void exec_free_all(Bus *b);

int probe_new(Caller *caller, sd_bus_message *m, Container *container, sd_bus_error *error);
void probe_drop(Caller *caller);
void probe_free_all(Bus *b);

int processes_new(Caller *caller, sd_bus_message *m, Container *container, sd_bus_error *error);
void processes_drop(Caller *caller);

/* --- signals to every connection; event of the manager */
extern const ManagerListener bus_listener;
void signals_session_new(Bus *b, uint32_t id, Container *container);
void signals_session_removed(Bus *b, uint32_t id, Container *container, bool well);
/* After each message to c, r is what sending answered: a client that does not read is condemned. */
void connection_sent(Connection *c, int r);
