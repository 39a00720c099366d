/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A part of a life: one thing that a container needs of its host, or that accompanies it while it lives. A part is a row of
 * life_parts[] (manager/container/life/parts.c) and a folder; the row's order there is the order of its effects: prepared
 * from the first to the last, undone from the last that was begun back to the first. Where a folder meets the container is
 * its part.c. Every member may be NULL.
 *
 * A life comes to be by begin, check, prepare (once), fill (for each launch of the payload) and live, is told by started and
 * moved, and ends by undo and release. Another manager takes it over by adopt and resume, from what save has written. */

#include "manager/base/diag.h"

typedef struct Container Container;
typedef struct Manager Manager;
typedef struct Launch Launch;
typedef struct Blob Blob;

/* What a manager finds of a life that an earlier one began. */
typedef struct Adoption {
        Blob *blob;      /* parts take out of it what they own */
        int cgroup_fd;   /* of one of its control groups, borrowed; -EBADF: no keeper knows the life */
        int *held;       /* what the keeper held for the life, as container_held_descriptors() has it; taken = negative */
        size_t n_held;
        int payload_pid; /* inside of the container; 0 = not known */
} Adoption;

typedef struct LifePart {
        const char *name;
        bool of_the_end; /* a life that only runs the commands of its end, after RemainAfterExit=, is prepared with it, too */

        void (*begin)(Container *c); /* the last life's traces go */
        /* Refuses a start before the host is touched, by the unit as it was last read. */
        int (*check)(const Container *c, Diag *diag);
        int (*prepare)(Container *c, Launch *launch, Diag *diag); /* what fails half way is undone by undo */
        int (*fill)(Container *c, Launch *launch, Diag *diag);    /* in place of prepare, for a launch that is not the first */
        /* The namespaces of a launch are there, and nothing of the container runs yet: for each launch whose plan waits for it. */
        int (*live)(Container *c, int pid, int pidfd, Diag *diag);
        void (*started)(Container *c, int payload_pid);           /* the payload was executed */
        void (*moved)(Container *c);   /* its state, or its job, is another now */
        void (*undo)(Container *c);    /* the life is over: what prepare made on the host goes; also of one begun only */
        void (*release)(Container *c); /* memory and descriptors of a life that is over, or that another manager takes over */

        void (*save)(const Container *c, Blob *b); /* borrowed by b */
        void (*adopt)(Container *c, Adoption *a);  /* its values and descriptors; no state is known yet */
        void (*resume)(Container *c, const Adoption *a); /* it goes on */

        void (*settle)(Container *c, bool first); /* all is adopted; first: by a manager that has just begun, else by one that has lived on */
        void (*forget)(Container *c);  /* its unit is gone for good */
        void (*sweep)(Manager *m);     /* all that lives was adopted: what is left of others may go */
        void (*done)(Container *c);    /* the container's value ends */
} LifePart;

extern const LifePart part_ids, part_policies, part_machine, part_cgroup, part_filters, part_directories, part_layers, part_trees, part_streams, part_messages, part_sockets,
        part_store, part_network, part_names;
/* and those that are the life's own (manager/container/life) */
extern const LifePart part_plan, part_commands, part_health, part_forking;
