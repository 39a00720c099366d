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

struct Bus {
        Manager *manager;
        sd_event *event;
        Link connections; /* of Connection */
        size_t n_connections;
        Link waits;    /* of Wait */
        Link listings; /* of Listing */
        size_t n_readers;
        Link probes;   /* of ProbeCall: likewise */
        Link sessions; /* of ExecCall: outlives its connection until the manager says that it ended */
        sd_bus_vtable *container_vtable; /* generated from the tables */
        char **changing;                 /* names of the properties that a state change moves */
        sd_event_source *listener;
        sd_event_source *reaper; /* frees condemned connections outside of their own callbacks */
        int spare_fd;            /* given up for a moment to refuse a client when descriptors ran out */
        char *socket_path;
        bool reloading;
        bool crowded; /* the limit of connections was reached and told */
};

typedef struct Connection {
        Link link;
        Bus *bus;
        sd_bus *sd;
        size_t n_delayed;
        bool condemned;
} Connection;

/* Takes sd, which must be started already; puts all objects on it. */
int connection_new(Bus *b, sd_bus *sd, Connection **ret);
Connection *connection_free(Connection *c);
/* Frees it from the loop, not here: for callers that stand in one of its callbacks. */
void connection_condemn(Connection *c);

/* --- objects; userdata of each find and enumerate callback is the Connection */
int manager_object_add(Connection *c);
int container_object_add(Connection *c);
int job_object_add(Connection *c);

int container_vtable_new(sd_bus_vtable **ret, char ***ret_changing);
int container_object_path(const Container *c, char **ret);
int job_object_path(uint32_t id, char **ret); /* id 0 = "/" */

/* The methods that Manager (by name) and Container (by object) share. */
int container_method_job(Container *c, sd_bus_message *m, sd_bus_error *error);
int container_method_kill(Container *c, sd_bus_message *m, sd_bus_error *error);
int container_method_simple(Container *c, sd_bus_message *m, sd_bus_error *error);
int container_reply_dependencies(Container *c, bool reverse, sd_bus_message *m);
int manager_method_list_jobs(sd_bus_message *m, void *userdata, sd_bus_error *error);
int manager_method_get_job(sd_bus_message *m, void *userdata, sd_bus_error *error);
int manager_method_cancel_job(sd_bus_message *m, void *userdata, sd_bus_error *error);
const char *job_state(const Container *c); /* "running", or "waiting" for other jobs */
const char *container_description(const Container *c);
const char *container_fragment_path(const Container *c);

/* --- delayed replies */
int wait_new(Connection *c, sd_bus_message *m, Container *container, sd_bus_error *error);
void waits_check(Bus *b, Container *container, bool removed); /* answers those that are due */
void waits_drop(Bus *b, Connection *c);

int exec_new(Connection *c, sd_bus_message *m, Container *container, const ExecRequest *request, sd_bus_error *error);
bool exec_owned(Connection *c, uint32_t id);
void exec_abandon_all(Connection *c);
void exec_free_all(Bus *b);

int probe_new(Connection *c, sd_bus_message *m, Container *container, sd_bus_error *error);
void probe_drop(Connection *c);
void probe_free_all(Bus *b);

int processes_new(Connection *c, sd_bus_message *m, Container *container, sd_bus_error *error);
void processes_drop(Connection *c);

/* --- signals to every connection; event of the manager */
extern const ManagerListener bus_listener;
/* After each message to c, r is what sending answered: a client that does not read is condemned. */
void connection_sent(Connection *c, int r);
