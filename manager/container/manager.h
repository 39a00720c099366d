/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The registry of containers and everything that can be done to them. No sd-bus type: this room publishes events,
 * manager/bus listens; sd-event is its only loop. All functions run on the loop's thread and never block longer
 * than a local system call. Errors carry words in diag. */

#include <systemd/sd-event.h>
#include <systemd/sd-id128.h>

#include "manager/base/hash.h"
#include "manager/base/log.h"
#include "manager/container/container-state.h"
#include "manager/container/event-kind.h"
#include "manager/host/cgroup/usage.h"
#include "units/spec/container-spec.h"
#include "units/syntax/unit-load.h"

typedef struct Manager Manager;
typedef struct Container Container;

typedef struct ManagerConfig {
        char **unit_path;
        char *config_file;       /* bulwarkd.conf; NULL = the default, which may be missing */
        char *runtime_directory; /* /run/bulwark; 0700 */
        char *state_directory;   /* /var/lib/bulwark; 0700 */
        char *cgroup;            /* delegated root relative to the cgroup2 mount, or absolute; NULL = found */
        char *keeper;            /* path of bulwark-keeper */
        char *probe;             /* path of bulwark-probe */
        char **omit_steps;       /* for tests of the probe only: kinds of steps that no plan has; NULL = all */
        const char *crash_at;    /* for tests only, borrowed: crash-points.h; NULL = never */
        char *policy_helper;     /* path of bulwark-policy */
        bool standalone;         /* start a keeper where none answers */
        /* Becomes the installed program; jobs_fd is what that one gives to manager_take_over_jobs(). Only comes back with
         * why not. NULL = cannot be done. */
        int (*become)(int jobs_fd, Diag *diag, void *userdata);
        void *become_userdata;
        Log log;
} ManagerConfig;

int manager_new(const ManagerConfig *config, sd_event *event, Diag *diag, Manager **ret);
/* Connects to the keeper (standalone: starts it), adopts what it holds, loads all units. */
int manager_start(Manager *m, Diag *diag);
Manager *manager_free(Manager *m); /* containers run on */
/* Standalone: stops every container, all at once but for what After= says, then the keeper; `done` is called at the end. */
int manager_shutdown(Manager *m, void (*done)(void *userdata), void *userdata);
/* The keeper is about to be restarted: what runs now is started by the next manager, which finds the names in RUNTIME/again. */
int manager_remember_running(Manager *m);
/* daemon-reexec: as soon as no start is under way, of which none begins until then, the manager becomes the program that is
 * installed. Where that cannot be, refused() is called, once, and all is as it was. -ERROR_BUSY words where it is under way. */
int manager_reexecute(Manager *m, Diag *diag, void (*refused)(int r, const Diag *diag, void *userdata), void *userdata);
/* Jobs of the manager that we were, after manager_start(); fd stays the caller's. */
int manager_take_over_jobs(Manager *m, int fd);
const ManagerConfig *manager_config(const Manager *m);
const SpecifierFacts *manager_specifiers(const Manager *m); /* of the host, as they were at the last reload */

/* --- events; any pointer may be NULL */
typedef struct ManagerListener {
        void (*container_new)(Container *c, void *userdata);
        void (*container_removed)(Container *c, void *userdata);
        void (*container_changed)(Container *c, void *userdata); /* state or a property moved */
        /* Something happened to it; what belongs to that can be read of it now. Before container_changed. */
        void (*event)(Container *c, EventKind kind, void *userdata);
        void (*unit_changed)(Container *c, void *userdata); /* its unit was read again: any directive may have moved */
        void (*job_new)(uint32_t id, Container *c, void *userdata);
        /* result: systemd's words: done, canceled, timeout, failed, dependency, skipped, refused */
        void (*job_removed)(uint32_t id, Container *c, const char *result, void *userdata);
        void (*reloading)(bool active, void *userdata);
} ManagerListener;
int manager_listen(Manager *m, const ManagerListener *listener, void *userdata); /* listener is borrowed */
void manager_unlisten(Manager *m, void *userdata);

/* --- registry */
Container *manager_first(Manager *m); /* sorted by name */
Container *manager_next(Manager *m, Container *c);
Container *manager_find(Manager *m, const char *name); /* known ones only */
/* A container known by name, loading its unit where it is not known yet (templates). ERROR_NO_SUCH_UNIT, ... */
int manager_get(Manager *m, const char *name, Diag *diag, Container **ret);
int manager_reload(Manager *m, Diag *diag); /* daemon-reload: bad units keep their last good definition while running */

/* --- jobs: return the id at once; job_removed tells the end. What the dependencies pull in gets jobs of its own. */
typedef enum JobType {
        JOB_START,
        JOB_STOP,
        JOB_RESTART,
        JOB_RELOAD,
        JOB_NOP, /* what was asked for has nothing to do: it ends at once */
        _JOB_TYPE_MAX,
} JobType;
const char *job_type_to_string(JobType t);
typedef enum JobMode {
        JOB_MODE_REPLACE,             /* jobs that stand against it are canceled */
        JOB_MODE_FAIL,                /* they refuse it */
        JOB_MODE_IGNORE_DEPENDENCIES, /* this container alone, and at once */
        _JOB_MODE_MAX,
        _JOB_MODE_INVALID = -EINVAL,
} JobMode;
const char *job_mode_to_string(JobMode m);
JobMode job_mode_from_string(const char *word);
int container_queue_job(Container *c, JobType type, JobMode mode, Diag *diag, uint32_t *ret_id);
/* The same for a person, whom RefuseManualStart= and RefuseManualStop= may refuse. */
int container_queue_manual_job(Container *c, JobType type, JobMode mode, Diag *diag, uint32_t *ret_id);
/* What is asked for where it depends on the container what is done: see container_job_of(). */
typedef enum JobRequest {
        REQUEST_START,
        REQUEST_STOP,
        REQUEST_RESTART,
        REQUEST_TRY_RESTART,           /* only what is active */
        REQUEST_RELOAD,
        REQUEST_RELOAD_OR_RESTART,     /* what is not active is started */
        REQUEST_RELOAD_OR_TRY_RESTART,
        _JOB_REQUEST_MAX,
} JobRequest;
JobType container_job_of(const Container *c, JobRequest request);
bool container_can_reload(const Container *c); /* its unit says how, whether it runs or not */
int manager_cancel_job(Manager *m, uint32_t id, Diag *diag); /* the container stays as far as it has come */

/* --- dependencies, of all units; sorted */
typedef struct DependencyView {
        const char *kind, *name; /* "Requires" and the other container; "RequiredBy" where reverse is asked for */
        const Container *container; /* NULL = not loaded */
        char *origin;               /* owned: "FILE:LINE: Requires=db" */
} DependencyView;
int container_dependencies(const Container *c, bool reverse, DependencyView **ret, size_t *ret_n);
void dependency_views_free(DependencyView *views, size_t n);

/* The payload's ends of streams that a client has the others of; for one launch. */
typedef struct Attachment {
        bool terminal;
        unsigned rows, columns;
        int fds[3]; /* with a terminal the first alone, a socket on which its master is sent; negative = what the unit says */
} Attachment;
#define ATTACHMENT_NONE ((Attachment){ .fds = { -EBADF, -EBADF, -EBADF } })
/* ret_ours: what the client gets, as many as *ret_n. */
int attachment_open(bool terminal, unsigned rows, unsigned columns, Attachment *ret, int ret_ours[static 3], size_t *ret_n);
void attachment_done(Attachment *a);

/* --- units that no file of the administrator holds. Values come as a draft, of which only the rows in set count. */
/* Writes draft as a unit below the runtime directory, loads it as any other and queues its start. It goes when it has
 * ended well and has no job; one that failed stays until it is reset. */
int manager_start_transient(Manager *m, const ContainerSpec *draft, JobMode mode, Diag *diag, Container **ret,
                            uint32_t *ret_id);
/* The same, and the payload that this starts has these streams; what is taken of them is left empty. */
int manager_run_transient(Manager *m, const ContainerSpec *draft, JobMode mode, Attachment *attachment, Diag *diag, uint32_t *ret_id);
/* Writes a drop-in for each row (runtime: for this boot), reads the unit again and applies limits to what runs. A unit
 * that would be bad, or a limit that the host lacks, changes nothing. */
int container_set_properties(Container *c, bool runtime, const ContainerSpec *draft, const bool set[static _DIRECTIVE_MAX],
                             Diag *diag);
bool container_transient(const Container *c);
/* The directives in which what runs differs from its unit as it was last read: names, owned. */
int container_restart_needed(const Container *c, char ***ret);

int container_kill(Container *c, const char *whom, int signal, Diag *diag); /* whom: "leader" or "all" */
int container_freeze(Container *c, Diag *diag);
int container_thaw(Container *c, Diag *diag);
int container_reset_failed(Container *c, Diag *diag);

/* --- exec: a process under the container's own confinement */
typedef struct ExecRequest {
        char **argv;
        char *user;         /* NULL = the unit's */
        char *directory;    /* NULL = the unit's */
        char **environment; /* additions */
        bool terminal;
        bool health;        /* argv is ignored: HealthCmd= */
        bool detach;        /* no streams: /dev/null, and the session is its caller's no more once it runs */
        bool shell;         /* argv is ignored: the user's login shell from the container's passwd, else /bin/sh */
        unsigned rows, columns;
} ExecRequest;
typedef struct ExecSession {
        uint32_t id;  /* out of the numbers of jobs */
        int pidfd;    /* of the process; borrowed */
        int stdio[3]; /* owned by the callee of `started`: the manager's ends; terminal: [0] is the master, others -EBADF */
} ExecSession;
/* started() once (r < 0: diag says why, and ended() is not called), then ended() once. `started` takes the descriptors. */
int container_exec(Container *c, const ExecRequest *request, Diag *diag,
                   void (*started)(int r, const Diag *diag, ExecSession *session, void *userdata),
                   void (*ended)(uint32_t id, int exit_code, int exit_status, void *userdata), void *userdata);
int manager_exec_signal(Manager *m, uint32_t id, int signal); /* -ESRCH */
/* The client of a session has gone: its process gets SIGHUP and is killed with its pipes. */
void manager_exec_abandon(Manager *m, uint32_t id);

/* --- probe: what the unit promises against what the kernel answers, under the container's own confinement */
typedef struct Claims Claims;
/* done() once, where this answered 0: r < 0 and diag says why nothing can be told; else the claims, borrowed. */
typedef void (*ProbeDone)(int r, const Diag *diag, const Claims *claims, void *userdata);
int container_probe(Container *c, Diag *diag, ProbeDone done, void *userdata);

/* --- what a container is */
typedef struct ExitReport {
        bool valid;
        int code, status; /* CLD_*, status; code 0 = unknown (the keeper was lost) */
        uint64_t realtime_usec, monotonic_usec;
} ExitReport;
typedef enum ContainerResult { /* systemd's words for Result= */
        RESULT_SUCCESS,
        RESULT_EXIT_CODE,
        RESULT_SIGNAL,
        RESULT_CORE_DUMP,
        RESULT_TIMEOUT,
        RESULT_OOM_KILL,
        RESULT_LAUNCH,    /* "launch": a step of the plan failed */
        RESULT_RESOURCES, /* preparing failed */
        RESULT_POLICY,    /* a protection could not be compiled or loaded */
        RESULT_LABEL_MISMATCH, /* the payload was not under its label after its execve; it was killed */
        RESULT_MAC_LOST,  /* it lost its label while it ran, and was killed */
        RESULT_PROBE,     /* VerifyOnStart=enforce: a claim of the unit does not hold; the payload never ran */
        RESULT_UNKNOWN,   /* exit status lost with the keeper */
        RESULT_PROTOCOL,  /* Type=notify: it ended without having said READY=1 */
        RESULT_UNHEALTHY, /* HealthOnFailure=kill, or Notify=healthy and it never was */
        RESULT_TRIGGER_LIMIT, /* TriggerLimitBurst= */
        RESULT_WATCHDOG,  /* WatchdogSec= passed without a word from it */
        RESULT_START_LIMIT, /* "start-limit-hit": too many starts in too short a time */
        RESULT_EXEC_CONDITION, /* ExecCondition= said no: nothing was started, and nothing has failed */
        _RESULT_MAX,
} ContainerResult;
const char *container_result_to_string(ContainerResult r);

const char *container_name(const Container *c);
Manager *container_manager(const Container *c);
ContainerState container_state(const Container *c);
const char *container_active_state(const Container *c); /* inactive activating active deactivating failed reloading */
const char *container_sub_state(const Container *c);
const char *container_load_state(const Container *c);   /* loaded not-found masked bad */
const char *container_freezer_state(const Container *c); /* running, freezing, frozen, thawing */
const ContainerSpec *container_spec(const Container *c); /* as the unit was last read; NULL where it never loaded */
const char *container_load_error(const Container *c);    /* all mistakes, NULL = none */
bool container_condition_met(const Container *c); /* by the last start, for want of one true */
bool container_assert_met(const Container *c);
const char *container_last_error(const Container *c);    /* why the last job failed: step, errno, unit line */
ErrorCode container_launch_error(const Container *c); /* why the last start ended before its payload ran; _ERROR_CODE_INVALID = it did not */
ContainerResult container_result(const Container *c);
const ExitReport *container_exit(const Container *c);
pid_t container_leader(const Container *c);              /* of its payload; 0 = none */
pid_t container_control(const Container *c);             /* of the command that its unit runs beside the payload; 0 = none */
sd_id128_t container_invocation(const Container *c);
uint64_t container_since(const Container *c, bool active, bool monotonic); /* when ActiveState last became / ceased to be active; 0 */
unsigned container_n_restarts(const Container *c); /* by Restart=, since a person last started it */
uint64_t container_restart_in(const Container *c); /* until the next life that Restart= wants; 0 = none, USEC_INFINITY = when told to */
uint64_t container_n_oom_kills(const Container *c); /* by the kernel, in the life that runs or ran last */
uint64_t container_state_change_usec(const Container *c); /* realtime */
uint64_t container_start_usec(const Container *c);        /* realtime: when the payload was last executed; 0 = never */
int container_id_range(const Container *c, uint32_t *ret_base, uint32_t *ret_count); /* -ENODATA = none */
/* The security modules of the life that runs, or ran last: "apparmor", "selinux", "landlock"; at most max of them. */
size_t container_mac_backends(const Container *c, const char **ret, size_t max);
const char *container_mac_label(const Container *c);     /* profile or context of its processes; NULL = none */
bool container_mac_verified(const Container *c);         /* every label was read back from outside */
bool container_mac_lost(const Container *c);             /* and one was not there any more later (MACLost=warn) */
unsigned container_landlock_abi(const Container *c);      /* 0 = no ruleset */
/* What of the unit Landlock, or its ABI here, cannot say, a line each with its place. Owned list. */
int container_mac_unsaid(const Container *c, char ***ret);
const Digest *container_policy_digest(const Container *c); /* of all that the kernel was given; zeroes = nothing yet */
const char *container_progress(const Container *c);      /* what a start that takes long is at, or its job waits for; NULL = nothing */
const char *container_cgroup(const Container *c);        /* relative to the cgroup2 mount; NULL = none */
uint32_t container_job(const Container *c, JobType *ret_type); /* 0 = none */
bool container_job_running(const Container *c);           /* its job does not wait for another any more */
/* From the cgroup, live; UINT64_MAX = not available */
uint64_t container_usage(const Container *c, CgroupUsage u); /* UINT64_MAX: the host does not tell */
int container_processes(const Container *c, pid_t **ret, size_t *ret_n); /* host pids in the cgroup */

/* What the container said about itself, this life or the last one. */
const char *container_status_text(const Container *c); /* STATUS=; NULL = nothing */
uint32_t container_n_stored(const Container *c);       /* descriptors that it has stored */
uint32_t container_status_error(const Container *c);   /* ERRNO=, EXIT_STATUS=; 0 = nothing */
uint32_t container_status_exit(const Container *c);
uint64_t container_watchdog_usec(const Container *c);  /* within which it has to speak; 0 = it need not */

const char *container_health(const Container *c); /* starting, healthy, unhealthy; "" = nothing is checked */
uint32_t container_health_streak(const Container *c); /* bad checks in a row */
const char *container_health_output(const Container *c); /* of the last check; NULL = none yet */
uint64_t container_health_usec(const Container *c);   /* realtime of the last check; 0 = none yet */

/* --- RegisterMachine=yes: who speaks to systemd and to systemd-machined, while that can be done; answers come back as below */
typedef struct MachineHost {
        /* A scope of that name with the process in it, where machined has no machine of the container's name yet. */
        int (*make_scope)(Container *c, const char *unit, pid_t anchor, void *userdata);
        void (*register_machine)(Container *c, void *userdata);
        void (*unregister_machine)(const char *name, void *userdata);
} MachineHost;
void manager_set_machine_host(Manager *m, const MachineHost *host, void *userdata); /* host: borrowed; NULL = nobody any more */
void container_scoped(Container *c, const char *unit, int r, const char *words); /* once for each make_scope() that succeeded */
void container_register_failed(Container *c, const char *words);
const char *container_machine_unit(const Container *c); /* the scope that it is in, or will be; NULL = none */

/* --- logs: files under STATE/logs/NAME/, newest "log", rotated "log.1"...; lines "REALTIME_USEC PRIORITY TEXT\n".
 * as in log-file.h. With journald the payload writes to the journal itself. */
bool container_logs_to_journal(const Container *c);
const char *container_log_directory(const Container *c);
