/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A layer's archive becomes a tree. Everything happens below the tree's descriptor; what lies below in the image is only
 * looked at, and only where the archive cannot be understood without. */

#include "tools/bulwark-image/blob-stream.h"
#include "tools/bulwark-image/limits.h"
#include "manager/images/layer-view.h"

/* What is left out, and told at the end. */
typedef enum LayerNote {
        NOTE_DEVICE,
        NOTE_SOCKET,
        NOTE_ATTRIBUTE,
        NOTE_AUFS,
        NOTE_ACL,
        _NOTE_MAX,
} LayerNote;

typedef struct LayerTime {
        char *path;
        int64_t seconds;
        long nanoseconds;
} LayerTime;

typedef struct Layer {
        int tree_fd;      /* borrowed */
        const View *view; /* borrowed */
        Diag *diag;
        bool needs_lower; /* the tree is right only above this view */
        bool has_root;    /* the archive says what its root directory is like */
        uint64_t n_entries, n_whiteouts, bytes;
        uint64_t n_setid; /* set-user-ID and set-group-ID files: kept, counted */
        char **opaque;    /* directories; owned */
        size_t n_opaque;
        LayerTime *times; /* of directories: set when nothing is made in them any longer */
        size_t n_times, room_times;
        uint64_t notes[_NOTE_MAX];
        /* the parent of the last entry, as the archive calls it and as it is */
        char *parent, *parent_path;
        int parent_fd;
        bool parent_stale; /* something was replaced since */
} Layer;

#define LAYER_INIT { .tree_fd = -EBADF, .parent_fd = -EBADF }
void layer_done(Layer *l);

/* Until the tar's end. The stream is not finished yet. */
int layer_extract(Layer *l, BlobStream *stream);

/* --- of the files that make it */

typedef struct Place {
        int dir_fd;           /* borrowed from the layer */
        const char *dir_path; /* likewise; "" = the root */
        const char *leaf;     /* "" = the root itself */
} Place;

/* The words of `why` after path. Always < 0. */
int layer_refuse(Layer *l, const char *path, const char *why);
void layer_note(Layer *l, LayerNote note, const char *path);
int layer_add_time(Layer *l, const char *dir, const char *leaf, int64_t seconds, long nanoseconds);
int layer_add_opaque(Layer *l, const char *dir, const char *leaf);
void layer_forget_parent(Layer *l);
/* Makes room for something else at the place. */
int layer_clear(Layer *l, const Place *place);

/* raw, from the archive, without "." and empty parts and the leading slash. Names that no file can have are refused. */
int layer_normalize(Layer *l, const char *raw, char ret[static LIMIT_PATH + 1]);
/* Where path is to be made: its parent in the tree, made where the archive leaves it out, resolved where it goes through a link. */
int layer_place(Layer *l, char *path, Place *ret);

/* One entry at its place. */
int entry_apply(Layer *l, const Place *place, const char *path, struct archive *a, struct archive_entry *e);

/* What the names in a path say before anything is made of it. */
typedef enum WhiteoutPath {
        WHITEOUT_NO,
        WHITEOUT_YES,     /* the last one is a whiteout */
        WHITEOUT_WRONG,   /* one that has something below it */
        WHITEOUT_IGNORED, /* aufs kept its own books there */
} WhiteoutPath;
WhiteoutPath whiteout_look(const char *path);
int whiteout_apply(Layer *l, const Place *place, const char *path);
