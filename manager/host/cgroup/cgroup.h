/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One container's control groups: made with their limits, read, frozen, killed, listed, removed. All by
 * directory descriptor. fd is ROOT/containers/NAME, where the limits stand; payload_fd the container's own
 * below it. */

#include "manager/host/cgroup/cgroup-root.h"

typedef struct Cgroup {
        int fd, payload_fd;
} Cgroup;
#define CGROUP_EMPTY ((Cgroup){ .fd = -EBADF, .payload_fd = -EBADF })

void cgroup_done(Cgroup *c);

/* Directory name of a container: its name, where a leading '.' or an odd byte is written as \xNN. */
char *cgroup_name_escape(const char *name);

typedef struct CgroupOwner {
        bool delegate; /* writable inside: for a container that boots an init */
        uid_t uid;
        gid_t gid;
} CgroupOwner;
/* -EBUSY where a cgroup of that name still has processes; an empty one is taken over. */
int cgroup_create(const CgroupRoot *root, const char *name, const CgroupLimit *limits, size_t n_limits,
                  const CgroupOwner *owner, Diag *diag, Cgroup *ret);
int cgroup_open(const CgroupRoot *root, const char *name, Cgroup *ret); /* -ENOENT */
/* A fresh place for the next payload; -EBUSY while the old one has processes. */
int cgroup_renew(const CgroupRoot *root, Cgroup *c, const CgroupOwner *owner);

/* Where one more process of the container can live: the cgroup of its leader. That is the payload's, unless an init has
 * handed controllers to children there: then no process may be in it (EBUSY), and the init has moved itself below. path:
 * ROOT/containers/NAME as /proc/PID/cgroup writes it. A directory descriptor of the caller's. */
int cgroup_open_beside(const Cgroup *c, const char *path, pid_t leader, int *ret);

/* Writes them in their order, on what runs. */
int cgroup_apply(const CgroupRoot *root, const Cgroup *c, const CgroupLimit *limits, size_t n, Diag *diag);

/* Whether all of them are in force, without a write. */
bool cgroup_holds(const CgroupRoot *root, const Cgroup *c, const CgroupLimit *limits, size_t n);

/* What containers keep of the host, memory and CPUs, has to be kept by the groups above them too: ROOT and ROOT/containers get
 * the sum of what their containers say now. For when one of them begins or ends to keep something (cgroup_limits_share()). */
void cgroup_share(const CgroupRoot *root);
/* Before a partition takes the CPUs of list. Where the kernel has no such file, the partition is found invalid later. */
void cgroup_share_cpus(const CgroupRoot *root, int fd, const char *list);

typedef struct CgroupEvents {
        bool populated, frozen;
} CgroupEvents;
int cgroup_events(int fd, CgroupEvents *ret);

int cgroup_kill(int fd); /* every process below, at once, also frozen ones */
int cgroup_freeze(int fd, bool freeze);

/* A number from a file of one number, or of "key value" lines (key != NULL). UINT64_MAX where not available.
 */
uint64_t cgroup_number(int fd, const char *file, const char *key);

/* The processes below fd as the host sees them, each once. */
int cgroup_processes(int fd, pid_t **ret, size_t *ret_n);

/* Removes ROOT/containers/NAME and everything below. -EBUSY while it has processes, 0 where it is gone. */
int cgroup_remove(const CgroupRoot *root, const char *name);
/* Names (unescaped) of all directories in ROOT/containers. */
int cgroup_names(const CgroupRoot *root, char ***ret);

/* Small files of a cgroup. read: NUL-terminated, cut at size. */
int cgroup_read(int fd, const char *file, char *buffer, size_t size);
int cgroup_write(int fd, const char *file, const char *value);
