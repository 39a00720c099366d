/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A layer, compressed or not. Whatever it holds, files are made below one directory only, the tree can be read and removed, and
 * no node is a device but a whiteout. */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

#include "tools/bulwark-image/layer.h"
#include "tools/bulwark-image/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds, const char *what) {
        if (holds)
                return;
        (void)fprintf(stderr, "%s\n", what);
        abort();
}

static int look(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        check(!S_ISBLK(st->st_mode) && (!S_ISCHR(st->st_mode) || layer_is_whiteout(st)), "a device");
        return 0;
}

/* On top of nothing, and on top of itself: what is left out is looked for below. */
static void extract(const uint8_t *data, size_t size, int tree_fd, const View *view) {
        __attribute__((cleanup(diag_done))) Diag diag = {};
        __attribute__((cleanup(layer_done))) Layer l = LAYER_INIT;
        _cleanup_(blob_stream_freep) BlobStream *stream = NULL;
        Digest a, b;
        uint64_t n, k;
        int r = blob_stream_new(-1, data, size, &diag, &stream);

        l.tree_fd = tree_fd;
        l.view = view;
        l.diag = &diag;
        if (r >= 0)
                r = layer_extract(&l, stream);
        if (r >= 0)
                r = blob_stream_finish(stream, &a, &n, &b, &k);
        check((r < 0) == (diag.n_errors > 0), "a refusal without a reason, or a reason without a refusal");
        check(r < 0 || n == size, "not every byte was read");
        check(tree_digest(tree_fd, &a) >= 0 || geteuid() != 0, "a tree that cannot be read");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char top[] = "/tmp/fuzz-image-layer-XXXXXX", path[64];
        __attribute__((cleanup(view_done))) View view = {};
        _cleanup_close_ int fd = -EBADF, low = -EBADF, high = -EBADF;

        if (!mkdtemp(top))
                return 0;
        fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        check(fd >= 0 && mkdirat(fd, "low", 0755) >= 0 && mkdirat(fd, "high", 0755) >= 0, "no directory");
        low = image_tree_open(fd, "low", O_RDONLY | O_DIRECTORY);
        high = image_tree_open(fd, "high", O_RDONLY | O_DIRECTORY);
        extract(data, size, low, &view);
        check(view_add(&view, fcntl(low, F_DUPFD_CLOEXEC, 3), NULL) >= 0, "no memory");
        extract(data, size, high, &view);
        (void)snprintf(path, sizeof(path), "%s", top);
        (void)nftw(path, look, 16, FTW_PHYS);
        check(tree_remove(fd, "low") >= 0 && tree_remove(fd, "high") >= 0 && rmdir(top) >= 0, "something is left, or stands elsewhere");
        return 0;
}
