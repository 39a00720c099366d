/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of this room share and nobody else sees. */

/* The default function falls through its cases, which clang takes for a mistake. */
#define HASH_FUNCTION(key, size, hash) HASH_OAT(key, size, hash)
#include <uthash.h>

#include "manager/base/string-list.h"
#include "manager/host/cgroup/cgroup.h"
#include "manager/container/life/commands.h"
#include "manager/order/dependency.h"
#include "manager/host/sockets/descriptor-store.h"
#include "manager/container/life/forking.h"
#include "manager/container/life/health.h"
#include "manager/keeper-client/keeper-client.h"
#include "manager/record/kept-set.h"
#include "manager/host/streams/log-stream.h"
#include "manager/container/registry/crash-points.h"
#include "manager/host/machine/machine.h"
#include "manager/container/event-kind.h"
#include "manager/container/manager.h"
#include "manager/host/messages/notify.h"
#include "manager/container/life/restart-policy.h"
#include "manager/host/sockets/sockets.h"
#include "manager/plan/plan.h"
#include "manager/host/ids/id-ranges.h"
#include "manager/host/trees/slots.h"
#include "manager/host/network/network.h"
#include "manager/host/names/names.h"
#include "policies/load.h"
#include "units/resolve/resolve.h"

/* why cgroup.kill was written */
typedef enum KillReason {
        KILL_NONE,
        KILL_CANCELED, /* a stop before the payload ran */
        KILL_TIMEOUT,  /* TimeoutStopSec= was over */
        KILL_MISMATCH, /* its label after the start was not what it was to be */
        KILL_MAC_LOST, /* nor any more */
        _KILL_REASON_MAX,
} KillReason;

/* A start under way: from prepare until the payload runs. */
typedef struct Launch {
        Plan *plan;
        SlotSet slots;
} Launch;
Launch *launch_free(Launch *l);
DEFINE_CLEANUP(Launch, launch_free)

/* A start of Type=forking whose main process is not known yet. */
typedef struct Forking {
        sd_event_source *starter; /* the end of ExecStart= */
        sd_event_source *pause, *reading;
        uint64_t pause_usec;
        ForkingFacts facts;
        const char *why; /* it has not started yet */
} Forking;

/* Zone= and its like, from the preparation of a life to its end. */
typedef struct Network {
        bool held;
        bool ports_kept; /* the keeper holds ports of the host for it */
        NetworkAddresses addresses;
} Network;

typedef struct Job {
        uint32_t id;
        JobType type;
        bool stopping; /* RESTART: the first half */
        bool running;  /* whom it had to wait for is done; of a RESTART, for each half anew */
        bool begun;    /* START, second half of RESTART: the container was told to start */
        bool ignore_order;
        bool advancing;
        sd_event_source *timeout; /* JobTimeoutSec= */
        sd_event_source *telling; /* it waits for another: since some time */
        sd_event_source *running_timeout; /* JobRunningTimeoutSec= */
} Job;

/* Restart=, and how often there were starts. */
typedef struct Restart {
        bool pending;  /* decided: the end that is under way is followed by another life */
        bool due;      /* RESTARTING: its time has come, and a job is queued */
        bool again;    /* the start under way is one; the record of the end that led to it stands until it runs */
        uint64_t at;   /* monotonic; USEC_INFINITY = never by itself */
        uint64_t count; /* in a row, since a person last started it */
        StartLimit limit;
        sd_event_source *timer;
} Restart;

/* What the end of a life is to others; looked at from the loop (settle.c). */
typedef enum Consequence {
        CONSEQUENCE_MOVED = 1 << 0,   /* it or its job moved: the rules of its neighbours may apply now */
        CONSEQUENCE_FAILURE = 1 << 1, /* OnFailure= */
        CONSEQUENCE_SUCCESS = 1 << 2, /* OnSuccess= */
        CONSEQUENCE_END = 1 << 3,     /* it ended by itself: PropagatesStopTo= */
} Consequence;

struct Container {
        Manager *manager;
        char *name, *log_directory;
        UT_hash_handle hh;

        LoadState load;
        char *load_error;
        const ContainerSpec *loaded; /* the unit as it was last read; NULL = it never loaded */
        const ContainerSpec *spec;   /* what runs, or ran last, was started with this */

        const ContainerSpec *limits; /* whose resource limits are in force; NULL = spec's */
        bool transient;              /* loaded is a unit that manager_start_transient() wrote */

        Attachment attached; /* streams of the next payload, which whoever asked for it has the other ends of */

        const PolicySet *policies; /* of loaded: compiled by the check, used by the start that follows */

        /* --- mandatory access control, of the life that runs or ran last */
        PolicyLabels labels;
        Digest policy_digest; /* of everything that the kernel was given */
        bool verified;        /* every label was read back from the processes */
        bool mac_lost;        /* and later was not there any more (MACLost=warn) */
        bool mac_pending;     /* the policy moved while a command was on its way in: look again */
        bool awaits_work;     /* ASSEMBLING: work of this key runs */
        Digest awaited;
        char *progress;       /* what it says, or whom a job waits for; for people */

        bool condition_missed, assert_missed; /* why the last start was none */
        ContainerState state;
        Restart restart;
        Job *job;
        unsigned consequences;
        uint64_t automatic_since; /* starts that no person asked for are counted, so that they cannot go round */
        unsigned automatic_starts;
        sd_event_source *automatic_timer; /* Upholds=: tried too often, once more when this is over */
        size_t request_index;             /* scratch of job-request.c */
        size_t parts_begun; /* of life_parts[]: what is undone when the life is over */
        Launch *launch; /* of the payload, from its preparation until it runs */
        bool spawning;  /* the keeper has it, or a command's, and has not told how it went */
        char *last_error;
        ErrorCode launch_error; /* of the step that ended the last start; _ERROR_CODE_INVALID = none did */

        /* --- the life that runs, or the last one */
        sd_id128_t invocation;
        uint32_t id_base, id_count;
        Digest unit_digest;
        pid_t leader;
        int leader_fd;                  /* pidfd, -EBADF = none */
        sd_event_source *leader_source; /* only where no keeper reports the end */
        sd_event_source *stop_timer;
        uint64_t stop_deadline; /* monotonic; 0 = no stop under way */
        bool stop_requested;
        KillReason kill_reason;
        ContainerResult doom; /* it was ended because it had failed: so; SUCCESS = it was not */
        bool aborting;        /* SIGABRT was sent: nothing but cgroup.kill follows */
        sd_event_source *life_timer;
        uint64_t life_deadline; /* of life_timer */
        bool end_saved;    /* the record of the end is on disk: the keeper may forget */
        bool keeper_knows; /* the keeper has an entry that an ACK must drop */
        Machine machine;
        Cgroup cgroup;
        bool payload_used; /* somebody was launched into its payload's part, or it was killed */
        char *cgroup_path; /* relative to the mount; set with cgroup */
        int watch;         /* inotify descriptor of cgroup.events, -1 = none */
        int oom_watch;     /* and of memory.events */
        bool oom_told;     /* OOMPolicy=continue: once a life */
        uint64_t oom_seen, oom_read; /* kills by the kernel in this life; what its control group last said of them */
        uint64_t oom_kills; /* of which the life has been told, or which came before its payload */
        bool frozen, freeze_wanted;
        LogStream *streams[LOG_STREAMS_MAX];
        size_t n_streams;
        LogWriter *log; /* of the life; NULL = it has none */
        bool logs_to_journal;

        Network network;
        Names names;
        Notify notify;
        Health health;
        Commands commands;
        Forking forking;
        DescriptorStore store; /* beyond the life, and so are the */
        Sockets sockets;

        ContainerResult result;
        ExitReport exit;
        uint64_t start_realtime, start_monotonic;
        uint64_t active_enter[2], active_exit[2], state_change; /* [0] realtime, [1] monotonic */
        uint64_t moment[2]; /* of the next change of state; 0 = when it comes */
        uint64_t start_sequence;                                /* order of starts, for shutdown */

        unsigned n_refused; /* starts that did not begin */
        size_t n_sessions;
        bool shown; /* container_new was told */
        EventFacts told; /* what listeners know of it */
};

typedef struct Listener {
        const ManagerListener *callbacks;
        void *userdata;
} Listener;

/* daemon-reexec is wanted, as long as refused is set. */
typedef struct Reexec {
        void (*refused)(int r, const Diag *diag, void *userdata);
        void *userdata;
        sd_event_source *patience;
} Reexec;

typedef struct Session Session;
typedef struct Probe Probe;
typedef struct Parting Parting;

struct Manager {
        ManagerConfig config;
        char *keeper_socket;
        sd_event *event;
        HostFacts host;
        char **aliases; /* other name, own name, ...: links among the units, as they were last read */
        bool host_gathered;

        Container *by_name; /* hash */
        Container **sorted;
        size_t n_sorted;

        Listener *listeners;
        size_t n_listeners;
        struct LifeLog *life_log; /* the first of them */

        int runtime_fd, state_fd, records_fd, lives_fd, logs_fd, cache_fd;
        int notify_fd; /* RUNTIME/notify: sockets of launches under way */
        int log_fd;    /* RUNTIME/log: sockets of syslog(3) of what runs */
        int names_fd;  /* RUNTIME/names: hosts, resolv.conf and hostname of what runs */
        CgroupRoot cgroup;
        bool cgroup_open;
        bool adopted; /* the records on disk were read once */
        IdRanges ranges;
        PathTrees trees; /* whatever a container could write since this manager runs: links in there are not root's */

        PolicyHost *policies;
        struct Assembly *assemblies; /* outside compilers that run */
        size_t n_assemblies;
        sd_event_source *mac_sources[2]; /* one a loader */

        KeeperClient *keeper;
        sd_event_source *reconnect_timer;
        uint64_t reconnect_delay;
        bool keeper_started; /* by this manager */
        int keeper_fd; /* pidfd, to see its end at shutdown */

        char *image_store;    /* STATE/images */
        char *transient_path; /* RUNTIME/transient: units and drop-ins that came over the bus */
        int transient_fd;
        sd_event_source *transient_source;

        int inotify_fd;
        sd_event_source *inotify_source;

        DependencyGraph *dependencies;
        bool to_settle; /* some container has consequences */
        sd_event_source *job_source;
        uint32_t last_job;
        uint64_t last_start;
        Session *sessions;
        Probe *probes;
        struct PacketTable *packets; /* NULL = no container has a network */
        Parting *partings; /* descriptors that are closed when the keeper has answered */

        bool shutting_down;
        void (*shutdown_done)(void *userdata);
        void *shutdown_userdata;
        sd_event_source *shutdown_source;
        Reexec reexec;
        const MachineHost *machine_host; /* NULL = nobody is there */
        void *machine_userdata;

        LogScratch *scratch;
        CrashPlan crash;
};

uint64_t now_usec(clockid_t clock);
/* Formats a Diag that is thrown away into *text: what container_last_error() and container_load_error()
 * show. */
void diag_keep(const Diag *diag, char **text);

/* --- container.c */
int container_make(Manager *m, const char *name, Container **ret);
void container_destroy(Container *c);
/* The one way a state changes: looks the cell up, runs its action, follows with the events that the action
 * caused, tells listeners and the job. An event without a cell is ignored, and false returned. */
bool container_event(Container *c, ContainerEvent event);
/* Adoption: what was found is what is; no action. */
void container_restore_state(Container *c, ContainerState state);
void container_stamp_active(Container *c); /* it counts as active from now on, without a change of state */
void container_stamp_start(Container *c); /* the change of state that follows was when the keeper saw it start */
void container_notify(Container *c);
void container_skip_events(Container *c); /* what it is by now has happened before and was told then */
void container_tell_events(Container *c); /* what happened since the last time; container_notify() begins with it */
bool container_is_down(const Container *c); /* inactive, exited or failed */
bool container_is_running(const Container *c); /* its payload runs, and nobody has begun to end it */

/* --- actions: return the event that follows at once, _CONTAINER_EVENT_NONE where one will come later or
 * none */
ContainerEvent action_assemble(Container *c);
ContainerEvent action_prepare(Container *c);
ContainerEvent action_verify(Container *c);
ContainerEvent action_launch(Container *c);
ContainerEvent action_terminate(Container *c);
ContainerEvent action_await_end(Container *c);
ContainerEvent action_abort(Container *c);
ContainerEvent action_kill(Container *c);
ContainerEvent action_clean(Container *c);
ContainerEvent action_undo(Container *c);
ContainerEvent action_forget(Container *c);
ContainerEvent action_abort(Container *c);
ContainerEvent action_judge(Container *c);
ContainerEvent action_listen(Container *c);
ContainerEvent action_wait(Container *c);
ContainerEvent action_run(Container *c);
ContainerEvent action_reap(Container *c);
ContainerEvent action_reload(Container *c);
ContainerEvent action_revive(Container *c);
ContainerEvent action_final(Container *c);
ContainerEvent action_tell(Container *c);

/* --- load.c */
int definition_load(Manager *m, const char *name, Diag *diag, LoadState *ret_state,
                    const ContainerSpec **ret);
/* Reads the unit afresh. What runs keeps what it was started with; a unit that has become bad, its last good
 * one. */
int container_load(Container *c, Diag *diag);
int container_compile(Container *c, Diag *diag); /* policies of loaded */
void container_drop_policies(Container *c);
void container_use_spec(Container *c, const ContainerSpec *spec); /* takes a reference of its own */
/* What refuses a start before the host is touched: a bad unit, a rule that cannot be compiled, a missing
 * controller. */
void container_keep_refusal(Container *c, const Diag *diag); /* for people: a start that did not even begin */
int container_check_start(Container *c, Diag *diag);

/* --- container-launch.c */
void container_begin_life(Container *c);
/* The plan of a start as it is for this life. */
int container_plan_start(Container *c, const PolicySet *policies, bool trial, Diag *diag, Plan **ret);
int passed_open(const Container *c, const PlanView *plan, SlotSet *slots);
/* Leaves out of *plan what tests of the probe want left out. */
int container_omit_steps(const Container *c, Plan **plan, Diag *diag);
void container_spawn_lost(Container *c, int error);
int container_spawn(Container *c, Launch *launch); /* SPAWN to the keeper, in place of what it has of the container */
int container_renew_cgroup(Container *c, Diag *diag);
int container_revive(Container *c, Diag *diag);
#define CONTAINER_HELD_MAX (2 * LOG_STREAMS_MAX + 1)
size_t container_held_descriptors(const Container *c, int ret[static CONTAINER_HELD_MAX]);
/* What its parts do in the live namespaces; then the keeper may go on. */
int container_let_go(Container *c, const KeeperMessage *m, int pidfd, Diag *diag);
void container_created(Container *c, const KeeperMessage *m, int pidfd);
void container_started(Container *c, const KeeperMessage *m, int *pidfd);
void container_not_started(Container *c, const KeeperMessage *m);

/* --- assemble.c: outside compilers, off the loop */
void assemblies_free(Manager *m);
/* A start that ends before it has changed the host: the words and the event for it. */
ContainerEvent container_refuse_start(Container *c, ContainerResult result, Diag *diag, int r);

/* --- machine.c: RegisterMachine=yes */
CgroupRoot *container_cgroup_root(Container *c); /* below which its control groups are */
int machine_check(const Container *c, Diag *diag);
int machine_prepare(Container *c, Diag *diag, bool *ret_waits);
int machine_adopt(Container *c, const char *path); /* path: of one of its control groups; -ENODATA: it is in the keeper's */
void machine_begin(Container *c);
void machine_done(Container *c);

/* --- mac.c: labels are chosen, read back and watched */
int mac_open(Manager *m);
int mac_load(Container *c, Diag *diag);   /* into the kernel, for a new life: sets c->labels */
void mac_adopt(Container *c);             /* c->labels of a life that another manager began */
void mac_release(Container *c);           /* the life is over, its cgroup empty */
void mac_forget(Container *c);            /* its unit is gone for good */
void mac_sweep(Manager *m);               /* all units are read, what runs is taken over: the rest may go */
PlanLabels mac_plan_labels(const Container *c);
int mac_give(const Container *c, int fd, const char *path, Diag *diag); /* an empty tree that was just made for it: gets its label */
int mac_label_file(const Container *c, int fd); /* a memfd that the container gets: labelled as its own files are */
void mac_verify_start(Container *c);      /* the payload was executed: is it what it was to be? */
void mac_verify(Container *c);            /* and is it still? */
/* A command has arrived or failed to. */
void mac_session_settled(Container *c);
/* One process that joined; false with words. */
bool mac_verify_session(Container *c, int leader_fd, pid_t leader, Diag *diag);

/* --- container-end.c */
void container_ended(Container *c, const ExitReport *report);
void container_orphaned(Container *c); /* no keeper knows it: its leader's pidfd is watched instead */
void container_release(Container *c);  /* everything of a life but its report; the cgroup stays */
int container_arm_stop_timer(Container *c, uint64_t deadline);
void container_cgroup_changed(Container *c);
void container_oom_changed(Container *c); /* OOMPolicy= */
void container_look_for_oom(Container *c);
uint64_t container_oom_kills(const Container *c); /* since its payload was launched */
void container_save_end(Container *c, ContainerState state); /* RUNTIME/state/NAME */
bool container_is_empty(const Container *c); /* no process is in its control group */
ContainerEvent container_end_event(const Container *c); /* what follows where nothing is left of the last life */

/* --- restart.c */
/* At the end of a life, or of a start that failed, with its result, before it is recorded: does another follow? */
bool container_plan_restart(Container *c);
ContainerEvent container_follow_end(Container *c); /* when all of it is over: the event that leads there */
void container_resume_restart(Container *c);       /* found in the records: it waits on */
void container_disarm_restart(Container *c);
void container_check_restart(Container *c);        /* its job came to nothing: it cannot wait for ever */
/* One more start begins; false, with words and the record, where StartLimitBurst= says no. */
bool container_take_start(Container *c);
void container_forget_starts(Container *c);        /* reset-failed */

/* --- signals.c */
int container_signal_stop(Container *c, int signal); /* to whom KillMode= says; the leader has to be there */
int container_signal_all(Container *c, int signal);  /* every process, each once */

/* --- timers.c */
/* Ends a life that has failed, so that its result is this one whatever its payload's exit is, and Restart= may follow.
 * false: there is none, or it is ending already. */
bool container_doom(Container *c, ContainerResult result, FailureMode how, const char *why);
void container_arm_life(Container *c); /* after every change of state */
bool container_extend_life(Container *c, uint64_t until); /* the limit that is in force now; false: it was as late already */

/* --- cgroup-watch.c */
int cgroup_watch_open(Manager *m);
void cgroup_watch_add(Container *c);
void cgroup_watch_remove(Container *c);

/* --- transient.c */
void transient_schedule(Manager *m); /* looks for transient units that are over */

/* --- properties.c */
void container_use_limits(Container *c, const ContainerSpec *spec); /* takes a reference; NULL = spec's */

/* --- job.c */
Job *job_free(Job *j);
void job_advance(Container *c);
void job_schedule(Manager *m);
int job_restore(Container *c, JobType type);
int job_install(Container *c, JobType type, bool ignore_order, uint32_t *ret_id);
void job_grow(Container *c, JobType type);
/* recursive: starts that need this one and have not begun end with "dependency". */
void job_finish(Container *c, const char *result, bool recursive);
JobPhase job_phase(const Job *j);
bool container_is_dead(const Container *c); /* inactive or failed */
bool container_is_up(const Container *c);   /* active, or on its way there */
/* May those that start after it start? It is not on its way any more, and there is nothing else that it has to show
 * first. Whoever makes this true for a container calls dependencies_moved(). */
bool container_is_ready(const Container *c);

/* --- job-request.c */
/* The container's place in the graph after its unit was read, or it has got another. */
int dependencies_update(Container *c);
/* The stop of c that follows from the end of another. spared, or NULL: see TransactionHost. */
int container_queue_following_stop(Container *c, const char *spared, Diag *diag, uint32_t *ret_id);
void dependencies_warn_of_cycles(Manager *m);

/* --- settle.c */
void dependencies_moved(Container *c);
void dependencies_state_changed(Container *c, ContainerState before);
void dependencies_job_failed(Container *c); /* its start did not even begin */
void dependencies_settle(Manager *m);
void dependencies_settle_all(Manager *m); /* the rules, for every container: after a start or a reload */

/* --- step-error.c: the words for a step that failed */
int step_failure_explain(const Plan *plan, const StepFailure *f, Diag *diag);

/* --- outputs.c */
/* Opens the trees of a plan, and remembers those that the container can write. */
int container_open_trees(Container *c, const PlanView *plan, SlotSet *slots, Diag *diag);
/* Standard input: a pipe with all that there is to read, or /dev/null. diag may be NULL. */
int input_open(const Container *c, Diag *diag, int *ret_fd);
int outputs_open(Container *c, const PlanView *plan, Launch *launch, Diag *diag);

/* Further ends of the streams that the life has. */
int outputs_open_again(Container *c, int ret[static 3]);
int outputs_reopen(Container *c, const PlanView *plan, Launch *launch);
int outputs_adopt(Container *c, const ContainerSpec *spec, LogSource from, LogSink sink, LogOrigin origin, int fd, int file_fd);
void outputs_release(Container *c);
/* The tree of its /dev/log for the slot of a plan that has one; made where this life has none yet. */
int log_socket_open(Container *c, const PlanView *plan, SlotSet *slots, Diag *diag);
/* The trees of the files with names for the slots of a plan. */
int names_open(Container *c, const PlanView *plan, SlotSet *slots, Diag *diag);
void log_sockets_sweep(Manager *m); /* of lives that ended without an earlier manager */

/* --- commands.c, command-run.c */
void commands_begin_life(Container *c);
void commands_abandon(Container *c); /* the life goes on, or ends, without the command that has joined it */
void commands_free(Container *c);
const char *command_directive(CommandKind kind);
const ExecCommand *command_current(const Container *c); /* NULL = all of its kind are done */
int command_begin_alone(Container *c, Diag *diag);
int command_begin_joined(Container *c, Diag *diag);
/* Runs the current command, or tells that there is none; also once more, under another manager. */
ContainerEvent command_continue(Container *c);
/* How it ended: the event that follows. */
ContainerEvent command_judge(Container *c, int code, int status, bool timed_out);
ContainerEvent command_failed(Container *c, ContainerResult result, char *why); /* takes why */
void command_ended(Container *c, const ExitReport *report); /* of one that had a life of its own */
void command_not_started(Container *c, const StepFailure *failure);
void command_check_reaped(Container *c);
void command_reloaded(Container *c); /* it has said READY=1 again */
bool container_awaits_reload(const Container *c);
pid_t command_joined_pid(const Container *c); /* 0 = none */
void command_extend(Container *c, uint64_t until); /* the time of one that has joined, and of a reload */
bool command_awaits_start_post(const Container *c); /* ExecStartPost= follow as soon as the payload is ready */

/* --- notify.c */
void notify_begin(Container *c); /* a new life: nothing was said yet */
/* The socket of a life whose plan wants one, and its mount for the launch. */
int notify_open(Container *c, const PlanView *plan, Launch *launch, Diag *diag);
int notify_mount(const Container *c, const PlanView *plan, SlotSet *slots);
int notify_take(Container *c, int fd); /* adoption; takes fd */
/* The payload runs: what it says is heard. payload_pid: inside of the container, 0 = not known. */
void notify_listen(Container *c, pid_t payload_pid);
void notify_drain(Container *c); /* what was said until now */
void notify_close(Container *c);
void notify_sweep(Manager *m); /* sockets of launches that went with an earlier manager */
/* The payload runs, but has not shown yet that it does what it is there for. */
bool container_waits_for_ready(const Container *c);
bool container_was_ready(const Container *c); /* it has shown it, or need not */
void container_readiness_moved(Container *c);

void notify_ready(Container *c); /* it has shown that it does what it is there for */
void notify_find_main(Container *c); /* anew, after the facts have another number */
#define CONTAINER_FIRST_PID 2 /* of a payload that the init of Bulwark forks, before anything else */
/* How the container counts a process, whose number is the host's, that is a child of its leader; 0 = it is none. */
pid_t container_child_number(const Container *c, pid_t pid);

/* --- forking-run.c */
void forking_told(Container *c, const KeeperMessage *m); /* EVENT_PAYLOAD */
void forking_end(Container *c);
char *forking_why(const Container *c); /* what a start waits for, owned; NULL = nothing of this kind */

/* --- descriptor-store.c */
/* What is taken of fds is set negative; *ret_why is set where one was refused. True: something is different now. */
bool descriptor_store_add(Container *c, const char *name, bool no_poll, int *fds, size_t n, const char **ret_why);
bool descriptor_store_remove(Container *c, const char *name);
int descriptor_store_names(const Container *c, char ***ret);
int descriptor_store_dup(const Container *c, size_t index, int *ret);
void descriptor_store_send(Container *c); /* all of it, to a keeper that may know nothing */
void descriptor_store_life_over(Container *c);
void descriptor_store_settle(Container *c); /* its state moved, or its job has ended: does anybody still need it? */
void descriptor_store_forget(Container *c);
void descriptor_store_done(Container *c); /* the manager ends: the keeper holds it all */
void descriptor_partings_free(Manager *m);
void descriptor_store_take(Container *c, const void *data, size_t size, int *fds, size_t n_fds); /* what it takes it sets negative */

/* --- sockets.c */
int sockets_open(Container *c, Diag *diag); /* those of c->spec, and no others */
int sockets_send(Container *c);
int sockets_dup(const Container *c, size_t index, int *ret);
bool sockets_wait(const Container *c); /* a start, from where it stands, is to listen */
ContainerEvent sockets_follow_end(const Container *c);
void sockets_settle(Container *c); /* its state moved, or its job has ended */
void sockets_take(Container *c, const void *data, size_t size, int *fds, size_t n_fds);
void sockets_resume(Container *c);
void sockets_done(Container *c); /* the manager ends: the keeper holds them */

/* --- health.c */
void health_begin(Container *c); /* checks go on, or begin, where they are wanted at this moment */
void health_stop(Container *c);
void health_reset(Container *c); /* a new life */
void health_free(Container *c);
int health_command(const ContainerSpec *spec, char ***ret); /* -ENODATA: there is none */

/* --- watchdog.c */
uint64_t watchdog_interval(const Container *c); /* 0 = none */
void watchdog_arm(Container *c);     /* from now on, where the container is to be watched at this moment */
void watchdog_expired(Container *c); /* also by its own word */

/* --- exec.c */
bool session_has(const Container *c, pid_t pid); /* is it the first process of a command? */
pid_t session_pid(const Manager *m, uint32_t id); /* 0 = it does not run */
typedef struct SessionCallbacks {
        void (*started)(int r, const Diag *diag, ExecSession *session, void *userdata);
        void (*ended)(uint32_t id, int exit_code, int exit_status, void *userdata);
        void *userdata;
} SessionCallbacks;
int container_check_running(const Container *c, Diag *diag); /* and may be entered */
/* A plan (taken) whose last step executes the given program; input is its standard input, [1] of the session's
 * descriptors its output and errors. */
int session_start_program(Container *c, Plan **plan, int input, int program, Diag *diag,
                          const SessionCallbacks *callbacks, uint32_t *ret_id);
/* A plan (taken) of a command of the unit, with its streams (taken). */
int session_start_command(Container *c, Plan **plan, int stdio[static 3], Diag *diag, const SessionCallbacks *callbacks);
bool sessions_event(Manager *m, const KeeperMessage *message, int *fds, size_t n_fds);
bool sessions_launching(const Container *c); /* some command has not been executed yet */
void sessions_lost(Manager *m);
void sessions_free(Manager *m);

/* --- probe.c */
void probes_free(Manager *m);

/* --- adopt.c */
void manager_adopt_listed(Manager *m, const KeeperMessage *message, int *fds, size_t n_fds);
void manager_adopt_stored(Manager *m, const KeeperMessage *message, int *fds, size_t n_fds);
int manager_adopt(Manager *m, Diag *diag); /* LIST, then what no keeper knows */
void manager_sweep(Manager *m);            /* control groups that nobody owns */
void manager_autostart(Manager *m);        /* queues starts of what is enabled */
void manager_queue_start(Manager *m, const char *name, const char *why); /* why, as "which %s": for the log where it cannot */
void manager_start_remembered(Manager *m); /* of manager_remember_running(); again.c */
int container_encode_life(const Container *c, void **ret, size_t *ret_size);
void container_save_life(
        Container *c); /* RUNTIME/live/NAME: found again when manager and keeper are both gone */
void container_forget_life(Container *c);

/* --- keeper-link.c */
int manager_keeper_attach(Manager *m, Diag *diag);
int manager_keeper_open(Manager *m); /* makes the client, not connected */
void manager_keeper_lost(void *userdata);
void container_send_state(Container *c); /* the state blob, after something in it moved */
/* What is kept beyond the life: set->n descriptors from fds[1] on, which stay the caller's; fds[0] is room for the set as
 * bytes. An empty set takes out what was kept. */
int container_send_kept(Container *c, KeptKind kind, const KeptSet *set, int *fds, KeeperReply reply, void *userdata);
void container_send_ack(Container *c);
void manager_finish_shutdown(Manager *m);

/* --- reexec.c */
void manager_check_rest(Manager *m); /* goes, where that is wanted and no start is under way */

/* --- manager.c */
void manager_tell_reloading(Manager *m, bool active);
int manager_add(Manager *m, const char *name, Container **ret);
void manager_announce(Container *c); /* tells listeners of it, once */
void manager_forget(Container *c);   /* tells listeners, and frees it */
/* The name that such another name stands for, owned; NULL = it is none, or memory lacks. */
char *manager_alias_of(const Manager *m, const char *name);
bool manager_forget_gone(Container *c); /* whether it was one, and c is no more */
bool container_is_forgettable(const Container *c);
