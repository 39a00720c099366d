/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A path of a unit as root may follow it: looked up once, component by component, held from then on by descriptors and never
 * looked up again. Where somebody other than root can put another file in the place of a component, that component must not be
 * a symbolic link: it could lead root anywhere. Whether that is so is a pure decision over owner, mode and the trees that
 * containers can write. Owned by who opened it. */

#include <sys/stat.h>

#include "manager/base/diag.h"

/* --- what containers can write: the trees that units have writable, by their topmost inode. Files there may belong to root and
 * were still made by a container. */
typedef struct PathTree {
        uint64_t device, inode;
} PathTree;

typedef struct PathTrees PathTrees;
struct PathTrees {
        PathTree *items; /* sorted */
        size_t n;
        const PathTrees *more; /* borrowed, may be NULL */
};

void path_trees_done(PathTrees *t);
int path_trees_add(PathTrees *t, uint64_t device, uint64_t inode); /* once; -ENOMEM */
bool path_trees_has(const PathTrees *t, uint64_t device, uint64_t inode); /* t may be NULL */

/* --- the decision */

typedef enum PathWriter {
        PATH_WRITER_ROOT, /* alone */
        PATH_WRITER_OWNER,
        PATH_WRITER_GROUP,
        PATH_WRITER_OTHERS,
        PATH_WRITER_CONTAINER,
        _PATH_WRITER_MAX,
} PathWriter;

const char *path_writer_words(PathWriter w); /* "the owner of that directory" */

typedef struct PathEntry {
        mode_t mode;
        uid_t uid;
        bool tree; /* containers can write what is below */
} PathEntry;

/* Who can put something else in the place of entry: above is the answer for the directory that it lies in. own: root, and who
 * asks. In a sticky directory what belongs to root stays where it is. */
PathWriter path_writer(PathWriter above, const PathEntry *directory, const PathEntry *entry, uid_t own);

/* Root writes and reads only a regular file with one name that its owner has laid there: by a hard link another user could have
 * chosen a file of a third one. */
typedef enum PathMistake {
        PATH_MISTAKE_NONE,
        PATH_MISTAKE_KIND,  /* not a regular file */
        PATH_MISTAKE_LINKS, /* has another name somewhere */
        PATH_MISTAKE_OWNER, /* laid there by somebody who is neither root nor the directory's owner */
        _PATH_MISTAKE_MAX,
} PathMistake;

const char *path_mistake_words(PathMistake m);
PathMistake path_check_written(PathWriter writer, const struct stat *directory, const struct stat *file, uid_t own);
PathMistake path_check_read(PathWriter writer, const struct stat *file);

/* --- the walk */

typedef enum HeldFlags {
        HELD_QUICK = 1 << 0,    /* who could write there does not matter where no component is a link: one call */
        HELD_MAY_MISS = 1 << 1, /* the last component may be missing: fd is -EBADF then */
        HELD_NO_LINK = 1 << 2,  /* the last component is taken as it is, a link too */
} HeldFlags;

typedef struct HeldPath {
        int fd;            /* O_PATH */
        int directory;     /* O_PATH, where it lies; -EBADF after HELD_QUICK without a link */
        char *path;        /* without links; NULL after HELD_QUICK without a link */
        const char *name;  /* its end, the entry of directory; "." for "/" */
        PathWriter writer; /* who else could put something else in its place */
        char *link;        /* where it failed because of a link: which one, and writer who could have made it */
} HeldPath;
#define HELD_PATH_EMPTY ((HeldPath){ .fd = -EBADF, .directory = -EBADF })

void held_path_done(HeldPath *h);
/* trees may be NULL. -EPERM with link set: a link that is not root's alone. -ELOOP: too many, or one of procfs that leads
 * anywhere. ret is to be emptied also on failure. */
int held_path_open(const char *path, const PathTrees *trees, unsigned flags, HeldPath *ret);

/* Opens the file itself for reading or writing, by what is held. Never blocks on a FIFO, never becomes a terminal's. */
int held_path_reopen(const HeldPath *h, int flags, int *ret_fd);

/* The words for a failure of held_path_open(): the link, who could have made it, what to do. Returns r. */
int held_path_report(const HeldPath *h, int r, Diag *diag, ErrorCode code, const Origin *origin, const char *directive,
                     const char *path);
/* The same as a text of its own, NULL where r is another failure: for those who keep it for later. */
char *held_path_words(const HeldPath *h, int r);
