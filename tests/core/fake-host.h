/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A host that is none: keeper, control groups, policies, streams, links and the clock are tables in memory, so that the core
 * (jobs, launch, end, adoption, restart, commands, sockets) runs without root and as fast as it computes. The manager is the
 * real one; what of its surroundings is another says wrapped.inc.
 *
 * What happens is written down in words, in its order; what must never happen is told as a violation. */

#include "manager/container/container-internal.h"
#include "tests/core/fake-loop.h"

#define FAKE_LAUNCHES_MAX 512

/* What the keeper has. */
typedef struct FakeLaunch {
        bool used, join, told_up;
        char id[KEEPER_ID_MAX];
        KeeperState state;
        int pid, pidfd, blob;
        int held[KEEPER_MAX_HELD];
        size_t n_held;
        int code, status;
        uint64_t started, exited; /* monotonic */
        uint64_t order;
} FakeLaunch;

typedef struct FakeGroup { /* of a container */
        bool exists, populated, frozen;
        uint64_t oom_kills;
} FakeGroup;

typedef struct FakeRecord {
        char name[KEEPER_ID_MAX];
        int directory; /* 0: ends, 1: lives */
        void *data;
        size_t size;
} FakeRecord;

/* What is known of a container beyond its manager. */
typedef struct FakeContainer {
        char name[64];
        FakeGroup group;
        bool policy;          /* is in the kernel */
        bool lives, undone;   /* a life was prepared; and undone */
        unsigned ends;        /* of that life, as they were told */
        ContainerState seen;
        int sockets[8];
        size_t n_sockets;
} FakeContainer;

typedef struct FakeReply {
        KeeperReply reply;
        void *userdata;
        int error;
} FakeReply;

typedef struct FakeHost {
        char *directory;
        FakeLoop *loop;
        Manager *manager;
        KeeperClient *client; /* the manager's end */
        bool keeper_down;
        FakeLaunch launches[FAKE_LAUNCHES_MAX];
        uint64_t n_launched;
        FakeReply replies[256];
        size_t n_replies;
        sd_event_source *reply_source;
        FakeRecord records[128];
        size_t n_records;
        FakeContainer containers[64];
        size_t n_containers;
        char links[16][16];
        size_t n_links;
        int group_of_fd[4096]; /* index of containers, + 1 */
        bool watched; /* the manager has begun */
        bool tracing;
        char *trace;
        char *violation;      /* the first one */
        size_t without_undo;  /* index + 1 of the part whose undo does nothing */
        size_t undone[64];    /* the parts of the undo under way, in the order in which they came */
        size_t n_undone;
        uint64_t n_events, n_lives;
        char last_result[32]; /* of a job */
} FakeHost;

/* units: NAME, text, NAME, text, ..., NULL. */
FakeHost *fake_host_new(const char *const *units);
FakeHost *fake_host_free(FakeHost *h);
void fake_manager_new(FakeHost *h);
void fake_manager_free(FakeHost *h);
Container *fake_container(FakeHost *h, const char *name);

/* One stimulus: "start", "exit:1", "wait:5"; false: there is nothing for it. Then all that follows at once has followed. */
bool fake_do(FakeHost *h, Container *c, const char *verb, const char *argument);
size_t fake_verbs_count(void);
const char *fake_verb_name(size_t i);
FakeLaunch *fake_launch_of(FakeHost *h, const char *name, bool join, int state); /* the oldest; state < 0: any */

size_t fake_parts_count(void);
const char *fake_part_name(size_t part);
bool fake_part_has_undo(size_t part);

/* For the files of the fake host. */
FakeHost *fake_host_current(void);
FakeContainer *fake_known(const char *name);
void fake_note(const char *words);

void fake_violation(FakeHost *h, const char *format, ...) _printf_(2, 3);
void fake_check(FakeHost *h); /* what holds between two stimuli */
void fake_check_rest(FakeHost *h); /* and what holds when everything is down */
