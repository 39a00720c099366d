/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the registry in memory keeps of itself and of a container: fake-manager.c is how they live, fake-container.c what
 * is told of them. */

#include "manager/container/manager.h"

typedef struct Session Session;

struct Container {
        Container *next;
        Manager *manager;
        char *name;
        const char *load_error;
        ContainerSpec *spec;
        ContainerState state;
        ContainerResult result;
        ExitReport exit;
        bool frozen;
        uint32_t job;
        JobType job_type;
        sd_event_source *job_source, *end_source;
        uint64_t active[2], changed;
        char *last_error;
};

struct Session {
        Session *next;
        Manager *manager;
        uint32_t id;
        pid_t pid;
        int stdio[3]; /* given away by started() */
        int error;
        sd_event_source *start_source, *child_source;
        void (*started)(int r, const Diag *diag, ExecSession *session, void *userdata);
        void (*ended)(uint32_t id, int exit_code, int exit_status, void *userdata);
        void *userdata;
};

typedef struct Listener {
        const ManagerListener *callbacks;
        void *userdata;
} Listener;

struct Manager {
        const ManagerConfig *config;
        sd_event *event;
        Container *containers;
        Session *sessions;
        Listener listeners[4];
        uint32_t last_job;
        unsigned n_reloads;
        bool reexec_asked;
        sd_event_source *shutdown_source;
        void (*shutdown_done)(void *userdata);
        void *shutdown_userdata;
};
