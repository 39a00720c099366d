/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What of a policy touches the host: texts go through outside compilers, artefacts into the kernel, labels are chosen,
 * read back and watched. compile.h is pure and this is not; bulwark-analyze links only that. One row a security module;
 * a module whose library is missing at build time has a row that refuses with words.
 *
 * Everything but the work of an outside program runs on the event loop and takes a few milliseconds at most. */

#include "manager/base/held-path.h"
#include "policies/compile.h"

/* What one life of a container entered: chosen by load(), kept in the keeper's blob, read back from processes. Owned. */
typedef struct PolicyLabels {
        char *apparmor_profile;     /* NULL = none */
        char *selinux_context;      /* with its level; NULL = none */
        char *selinux_file_context; /* of what is mounted for it; NULL = none */
        char *apparmor_content;     /* of a generated profile: its place and digest in the kernel; NULL = not known */
        bool apparmor_enforced, selinux_enforced; /* when the life began: what never was cannot get lost */
        bool family;                /* every process of the container has the same; false where a profile or domain that
                                     * somebody else wrote may have transitions */
} PolicyLabels;
void policy_labels_done(PolicyLabels *l);

typedef struct PolicyHostConfig {
        int state_fd;       /* STATE directory: what outlives the boot; borrowed */
        int cache_fd;       /* compiled artefacts, keyed by digest; borrowed; -EBADF = none */
        const char *helper; /* bulwark-policy: runs the slow libraries; borrowed */
        const PathTrees *trees; /* what containers can write: links in there are not root's; borrowed, NULL = nothing */
        bool (*lives)(const char *container, void *userdata); /* does it run, or is it about to? NULL = nobody does */
        void *userdata;
} PolicyHostConfig;
typedef struct PolicyHost PolicyHost;
int policy_host_new(const PolicyHostConfig *config, PolicyHost **ret);
PolicyHost *policy_host_free(PolicyHost *h);
DEFINE_CLEANUP(PolicyHost, policy_host_free)
/* An artefact went into the cache: from time to time what nobody has used for long goes out. */
void policy_host_made(PolicyHost *h);
const PolicyHostConfig *policy_host_config(const PolicyHost *h);

/* A program that must run to its end before a set can be loaded. */
typedef struct PolicyWork {
        char **argv;  /* argv[0] is an absolute path */
        int input;    /* its standard input: a sealed memfd; -EBADF = nothing */
        int output;   /* its standard output: a memfd that finish() reads; -EBADF = lines of progress for people */
        char *what;   /* for people: "compiling the AppArmor profile" */
        Digest key;   /* who needs work of the same key waits for the one that runs */
        void *data;   /* the loader's own, freed with free() */
} PolicyWork;
PolicyWork *policy_work_new(const char *what, const Digest *key);
PolicyWork *policy_work_free(PolicyWork *w);
DEFINE_CLEANUP(PolicyWork, policy_work_free)

/* What a container asks for: its name, the set, and where its unit's files lie. */
typedef struct PolicyClient {
        const char *name; /* of the container */
        const PolicySet *set;
        uint32_t id_base, id_count;
} PolicyClient;

typedef struct PolicyLoader {
        const char *name;
        bool (*used)(const ContainerSpec *spec);
        /* The next piece of work before load() can succeed; *ret stays NULL where there is none (any more). */
        int (*work)(PolicyHost *h, const PolicyClient *client, Diag *diag, PolicyWork **ret);
        /* It ended: status as from wait(2), errors what it wrote to standard error. Takes over what it made. */
        int (*finish)(PolicyHost *h, const PolicyClient *client, PolicyWork *work, int status, const char *errors,
                      Diag *diag);
        /* Into the kernel; writes its part of *labels. */
        int (*load)(PolicyHost *h, const PolicyClient *client, Diag *diag, PolicyLabels *labels);
        /* A tree that the manager has just made for the container, where work() found none yet: gets what work() would have
         * given it. fd: the tree, empty; path: where it lies, without links. NULL = the module knows no labels of files. */
        int (*give)(PolicyHost *h, const PolicyClient *client, const PolicyLabels *labels, int fd, const char *path, Diag *diag);
        /* A life that an earlier manager began is still there: what it entered is in use. */
        int (*adopt)(PolicyHost *h, const char *container, const PolicyLabels *labels);
        /* The life has ended, its control group is empty. */
        void (*release)(PolicyHost *h, const char *container, const PolicyLabels *labels);
        /* The unit is gone for good: nothing of it may stay in the kernel or in the state directory. Never called
         * while a process of the container lives. */
        int (*forget)(PolicyHost *h, const char *container, Diag *diag);
        /* Once, when the manager has read all units and taken over what runs: nothing of a container that is not among
         * these stays in the kernel, unless a process has it. NULL = there is nothing to sweep. */
        int (*sweep)(PolicyHost *h, const char *const *containers, size_t n, Diag *diag);
        /* What the process behind proc (its directory in a procfs) has; owned text. */
        int (*label_of)(int proc, char **ret);
        const char *(*expected)(const PolicyLabels *labels); /* what it has to be; NULL = nothing */
        /* Whether the label still means what it did when the life began: neither the module nor the policy behind the label
         * has been opened. NULL = it does; else why not, as a clause. */
        const char *(*opened)(PolicyHost *h, const PolicyLabels *labels);
        /* A descriptor that becomes readable when the policy in the kernel changed: reloaded, torn down, switched off;
         * -EOPNOTSUPP = there is none. drain() takes what it has to say. */
        int (*watch)(PolicyHost *h, int *ret_fd);
        void (*drain)(PolicyHost *h);
} PolicyLoader;
extern const PolicyLoader *const policy_loaders[];
size_t policy_loaders_count(void);

/* The loader's own memory, made by it when it is first asked; done is called at the end. */
void **policy_host_slot(PolicyHost *h, const PolicyLoader *loader, void (*done)(void *data));

/* Whether the process behind proc has what labels say. false with the label found (owned, may be NULL: it could not be
 * read); *ret_loader tells whose it is. */
bool policy_labels_hold(const PolicyLabels *labels, int proc, const PolicyLoader **ret_loader, char **ret_found);

/* NULL = each label means what it did; else why it does not, and *ret_loader tells whose it is. */
const char *policy_labels_opened(PolicyHost *h, const PolicyLabels *labels, const PolicyLoader **ret_loader);
/* Whether at least one of the modules enforced when the life began. */
bool policy_labels_enforced(const PolicyLabels *labels);
