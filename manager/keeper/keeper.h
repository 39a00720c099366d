/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The keeper: parent and reaper of all containers, holder of what must outlive the manager. One thread, one epoll
 * loop, no configuration. A Record is one launched plan; records stand in order of start. */

#include <signal.h>

#include "manager/base/util.h"
#include "manager/stage/launch-page.h"
#include "manager/keeper/store.h"

#define KEEPER_MAX_CONNECTIONS 16
#define KEEPER_MAX_OUTGOING 8192 /* messages a connection may be behind before it is closed */

typedef struct Connection Connection;
typedef struct Record Record;
typedef struct Outgoing Outgoing;

/* How far STOP-ALL has come with a container. */
typedef enum StopPhase {
        STOP_NOT_BEGUN,
        STOP_ASKED,
        STOP_KILLED,
        STOP_GIVEN_UP, /* killed in vain: it hangs in the kernel, e.g. on a dead disk */
} StopPhase;

struct Record {
        Record *previous, *next;
        char id[KEEPER_ID_MAX];
        uint64_t sequence; /* of its start; never used again */
        KeeperState state;
        bool join;       /* an exec session: not kept */
        bool doomed;     /* failed or abandoned: gone once both processes are reaped */
        bool silent;     /* nobody is to be told */
        bool created;    /* waits for GO */
        uint32_t depth;
        StopPhase stop_phase;
        uint64_t stop_deadline; /* of that phase; CLOCK_MONOTONIC, microseconds */
        Connection *owner; /* who launched it; NULL once that has gone */

        pid_t outer, inner;
        bool outer_alive, inner_alive;
        int pidfd, page_fd, plan_fd, cgroup_fd, blob_fd, status_fd;
        int held[KEEPER_MAX_HELD];
        uint32_t n_held;
        LaunchPage *page; /* mapped while launching */
        bool init_role;
        bool awaits_go;  /* its plan has inner wait; of those that join, a trial's alone, whose namespaces are its own */
        uint32_t last_step;
        int stop_signal;
        uint64_t stop_timeout_usec;

        StepFailure failure;
        int exit_code, exit_status;
        int32_t payload_pid;
        uint64_t started_realtime, exited_realtime, started_monotonic, exited_monotonic;
};

/* A message that a socket had no room for. */
struct Outgoing {
        Outgoing *next;
        KeeperMessage message;
        int fd; /* negative = none */
};

struct Connection {
        int fd; /* negative = free place */
        Outgoing *outgoing; /* what did not fit into the socket, oldest first */
        size_t n_outgoing;
        bool listing;       /* a LIST is under way; its reply comes last, then the rest */
        uint64_t store_from; /* sequence of the stored set that comes next */
        uint64_t list_from; /* sequence of the record that comes next */
        KeeperMessage list_reply;
};

typedef struct Keeper {
        int epoll_fd, listen_fd, signal_fd, proc_fd;
        int socket_directory_fd; /* of the host, which the keeper's own root does not show */
        const char *socket_path; /* as it was told; argv's memory */
        int reserve_fd; /* given up to refuse a connection when there is no other */
        char *command_line; /* argv's memory */
        size_t command_line_size;
        Connection connections[KEEPER_MAX_CONNECTIONS];
        Record *first, *last;
        uint64_t last_sequence;
        Store store;
        KeeperPoint crash_at; /* for tests; NONE = never */
        bool stopping;     /* STOP-ALL is under way */
        bool exit_at_end;  /* ... and ends the keeper */
        uint64_t stop_end; /* CLOCK_MONOTONIC, microseconds: no patience any more */
        int32_t asked_by;  /* place of the connection that is owed an answer over a re-execution */
} Keeper;

void keeper_empty(Keeper *k); /* no descriptor, no connection, no record */

/* The name of the copy in memory that it runs from, as /proc/PID/exe shows it. */
#define KEEPER_SEALED_NAME "bulwark-keeper"

/* One comparison, but for the test that has it die here: as the kernel would end it. */
static inline void keeper_at(const Keeper *k, KeeperPoint point) {
        if (k->crash_at == point)
                (void)raise(SIGKILL);
}

/* Moves a descriptor to KEEPER_HELD_FIRST or beyond; where no number is free it stays what it is. */
int keeper_hold(int fd);

/* mounts.c */

/* A new mount of a file system, attached nowhere: nosuid, nodev, noexec. */
int keeper_file_system(const char *type, unsigned attributes, int *ret);

/* A mount namespace with an empty root, and in it a procfs and a sysfs.
 *
 * A mount namespace is always born as a copy of the whole of another one, with what no path leads to any more: where a new
 * root was moved over "/" (by systemd for a service with InaccessiblePaths=, say) the old one stays beneath it with
 * everything that is mounted there. Nobody gets in, but the kernel counts it: a procfs or sysfs that is wholly visible
 * somewhere in the namespace gives the right to mount a fresh one (mnt_already_visible()), without our masks, to whoever may
 * mount in the container. So the namespace that all containers' are copied from holds nothing of the host's. It needs the
 * two, since inner mounts its own by the same rule; they go when outer leaves this root. And a copy of four mounts is made
 * more quickly than one of all the host's, none of which we keep from being unmounted. */
int keeper_own_mounts(const Keeper *k);

/* record.c */

/* What is known of a container or a manager lives in pages that no launch inherits: a container may be allowed to read the
 * memory of its init, and of what joins it. Zeroed; NULL and errno. */
void *keeper_new(size_t size);
void keeper_delete(void *object, size_t size);

Record *record_new(Keeper *k, const char *id);
void record_free(Keeper *k, Record *r);
Record *record_find(const Keeper *k, const char *id);
int record_open_pidfd(Record *r);      /* of inner, which is not reaped yet */
void record_learn_inner(Record *r); /* its pid, once outer has cloned it */
void record_kill(Record *r); /* SIGKILL to both processes and the cgroup of a container */
void record_describe(const Record *r, uint16_t type, KeeperMessage *ret);

/* launch.c: plan memfd and descriptors in, clone out. Takes fds (all closed or kept on return). */
int launch(Keeper *k, Connection *c, const KeeperMessage *m, int *fds, size_t n_fds);
LaunchPage *launch_map(int fd); /* both parts; NULL and errno */
void launch_status(Keeper *k, Record *r); /* the status pipe is readable */
void launch_settle(Keeper *k, Record *r); /* after a reap or the pipe's end: decide what has become of it */

/* connection.c */
void connection_arm(Keeper *k, Connection *c); /* what it waits for may have changed */
int outgoing_add(Connection *c, const KeeperMessage *m, int fd); /* duplicates fd; negative = none */
void connection_answer_handshake(Keeper *k, Connection *c, int error);
void connection_ready(Keeper *k, Connection *c); /* what it waits for has come: a request, or room for answers */
void connection_close(Keeper *k, Connection *c);
/* To who launched it, if that is still there; fd negative = none. Who falls too far behind is closed, and finds
 * everything again by LIST. */
void keeper_send(Keeper *k, Connection *to, const KeeperMessage *m, int fd);
/* To every connection. */
void keeper_send_exit(Keeper *k, const Record *r, const KeeperMessage *m);

/* reexec.c */

/* Becomes the program, for the manager at c. Only comes back with why not, and then nothing has changed: as
 * KEEPER_HANDSHAKE_REEXEC says. */
int keeper_reexec(Keeper *k, Connection *c, int program_fd);
/* What an old keeper asks of a program before it becomes it: would it understand this state? The answer is the program's
 * exit code, KEEPER_CHECKED = yes. */
#define KEEPER_CHECKED 42
int keeper_check(int state_fd);
/* The other end of keeper_reexec(), in the new program: everything that the old one held, watched again, and its manager
 * answered. Takes state_fd. */
int keeper_take_over(Keeper *k, int state_fd);

/* stop.c */
void stop_all(Keeper *k, bool exit_at_end);
bool stop_continue(Keeper *k); /* false: nothing that STOP-ALL waits for is left */
int stop_wait_msec(const Keeper *k); /* for epoll_wait */

uint64_t keeper_now(int clock); /* microseconds */
int keeper_watch(Keeper *k, int fd, void *what);
/* Closes a watched descriptor. A fresh clone may still share its file, so that closing alone would leave the loop
 * with a pointer to what is gone. Returns -EBADF. */
int keeper_unwatch(Keeper *k, int fd);
