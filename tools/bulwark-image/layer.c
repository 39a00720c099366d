/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "tools/bulwark-image/layer.h"
#include "tools/bulwark-image/tree.h"

static const char *const note_words[_NOTE_MAX] = {
        [NOTE_DEVICE] = "a device node: containers get theirs from DeviceAllow=",
        [NOTE_SOCKET] = "a socket",
        [NOTE_ATTRIBUTE] = "an extended attribute that only the host may set",
        [NOTE_AUFS] = "a file of aufs",
        [NOTE_ACL] = "an access control list",
};

void layer_done(Layer *l) {
        for (size_t i = 0; i < l->n_times; i++)
                free(l->times[i].path);
        free(l->times);
        strv_free(l->opaque);
        layer_forget_parent(l);
}

int layer_refuse(Layer *l, const char *path, const char *why) {
        char shown[256];
        size_t n = 0;

        for (; *path && n + 5 < sizeof(shown); path++) /* a name must not write on a terminal */
                n += (size_t)snprintf(shown + n, sizeof(shown) - n, (unsigned char)*path < ' ' || *path == 0x7f ? "\\x%02x" : "%c",
                                      (unsigned char)*path);
        shown[n] = 0;
        return diag_error(l->diag, ERROR_BAD_VALUE, NULL, NULL, "the archive is refused: %s: %s", n > 0 ? shown : "/", why);
}

void layer_note(Layer *l, LayerNote note, const char *path) {
        if (l->notes[note]++ < LIMIT_NOTES)
                diag_warning(l->diag, ERROR_BAD_VALUE, NULL, NULL, "left out: %s: %s", path, note_words[note]);
}

static void layer_sum_notes(Layer *l) {
        for (int i = 0; i < _NOTE_MAX; i++)
                if (l->notes[i] > LIMIT_NOTES)
                        diag_warning(l->diag, ERROR_BAD_VALUE, NULL, NULL, "left out, and %" PRIu64 " more: %s", l->notes[i] - LIMIT_NOTES,
                                     note_words[i]);
}

void layer_forget_parent(Layer *l) {
        free(l->parent);
        free(l->parent_path);
        l->parent = l->parent_path = NULL;
        l->parent_fd = safe_close(l->parent_fd);
}

int layer_clear(Layer *l, const Place *place) {
        struct stat st;

        if (fstatat(place->dir_fd, place->leaf, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;
        l->parent_stale = true;
        return tree_remove(place->dir_fd, place->leaf);
}

int layer_add_time(Layer *l, const char *dir, const char *leaf, int64_t seconds, long nanoseconds) {
        LayerTime t = { .seconds = seconds, .nanoseconds = nanoseconds };

        if (l->n_times == l->room_times) {
                size_t room = 2 * l->room_times + 64;
                LayerTime *more = reallocarray(l->times, room, sizeof(*more));

                if (!more)
                        return -ENOMEM;
                l->times = more;
                l->room_times = room;
        }
        if (str_append(&t.path, "%s%s%s", dir, *dir && *leaf ? "/" : "", leaf) < 0)
                return -ENOMEM;
        l->times[l->n_times++] = t;
        return 0;
}

int layer_add_opaque(Layer *l, const char *dir, const char *leaf) {
        _cleanup_free_ char *path = NULL;
        int r = str_append(&path, "%s%s%s", dir, *dir && *leaf ? "/" : "", leaf);

        if (r < 0)
                return r;
        if (strchr(path, '\n'))
                return layer_refuse(l, path, "a line's end in the name of a directory that replaces another");
        if (strv_contains(l->opaque, path))
                return 0;
        if (++l->n_opaque > LIMIT_OPAQUE)
                return layer_refuse(l, path, "too many directories that replace others");
        return strv_push(&l->opaque, TAKE_PTR(path));
}

static int layer_set_times(Layer *l) {
        for (size_t i = 0; i < l->n_times; i++) {
                const LayerTime *t = l->times + i;
                _cleanup_close_ int fd = image_tree_open(l->tree_fd, t->path, O_RDONLY | O_DIRECTORY);
                const struct timespec times[2] = { { .tv_sec = t->seconds, .tv_nsec = t->nanoseconds },
                                                   { .tv_sec = t->seconds, .tv_nsec = t->nanoseconds } };

                if (fd < 0) /* replaced by what came later */
                        continue;
                if (futimens(fd, times) < 0)
                        return diag_errno(l->diag, ERROR_FAILED, NULL, NULL, errno, "cannot set the time of /%s", t->path);
        }
        return 0;
}

/* What was replaced by another file since is opaque no longer. */
static void layer_prune_opaque(Layer *l) {
        char **kept = l->opaque;

        for (char **o = l->opaque; o && *o; o++) {
                int fd = image_tree_open(l->tree_fd, *o, O_PATH | O_DIRECTORY);

                if (fd < 0)
                        free(*o);
                else
                        *kept++ = *o;
                (void)safe_close(fd);
        }
        if (kept)
                *kept = NULL;
}

static int layer_root(Layer *l) {
        _cleanup_close_ int from = -EBADF;

        if (l->has_root || view_root_is_plain(l->view))
                return 0;
        l->needs_lower = true;
        from = image_tree_open(l->view->layers[l->view->n_layers - 1].tree_fd, "", O_RDONLY | O_DIRECTORY);
        return from < 0 ? from : tree_copy_attributes(from, l->tree_fd);
}

static int layer_make(Layer *l, const char *path, struct archive *a, struct archive_entry *e) {
        WhiteoutPath whiteout = whiteout_look(path);
        char copy[LIMIT_PATH + 1];
        Place place;
        int r;

        if (whiteout == WHITEOUT_WRONG)
                return layer_refuse(l, path, "a whiteout with something below it");
        if (whiteout == WHITEOUT_IGNORED) {
                layer_note(l, NOTE_AUFS, path);
                return 0;
        }
        memcpy(copy, path, strlen(path) + 1);
        r = layer_place(l, copy, &place);
        if (r < 0)
                return r;
        return whiteout == WHITEOUT_YES ? whiteout_apply(l, &place, path) : entry_apply(l, &place, path, a, e);
}

static int layer_read_entry(Layer *l, struct archive *a, struct archive_entry *e) {
        const char *raw = archive_entry_pathname(e);
        char path[LIMIT_PATH + 1];
        int r;

        if (++l->n_entries > LIMIT_ENTRIES)
                return layer_refuse(l, strempty(raw), "the archive has more than two million entries");
        if (!raw)
                return layer_refuse(l, "(no name)", "its name cannot be read");
        r = layer_normalize(l, raw, path);
        if (r >= 0)
                r = layer_make(l, path, a, e);
        if (r < 0 && l->diag->n_errors == 0)
                (void)diag_errno(l->diag, r == -ENOMEM || r == -ENOSPC ? ERROR_NO_MEMORY : ERROR_FAILED, NULL, NULL, -r,
                                 "cannot extract /%s", path);
        return r;
}

int layer_extract(Layer *l, BlobStream *stream) {
        struct archive *a = blob_stream_tar(stream);
        struct archive_entry *e;
        int r;

        if (fchmod(l->tree_fd, 0755) < 0 || layer_add_time(l, "", "", 0, 0) < 0)
                return -errno;
        for (;;) {
                r = archive_read_next_header(a, &e);
                if (r == ARCHIVE_EOF)
                        break;
                if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
                        return blob_stream_error(stream);
                r = layer_read_entry(l, a, e);
                if (r < 0)
                        return r;
        }
        layer_sum_notes(l);
        layer_prune_opaque(l);
        r = layer_root(l);
        return r < 0 ? r : layer_set_times(l);
}
