/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "manager/base/io.h"
#include "manager/base/string-list.h"
#include "tools/bulwark-image/layer-meta.h"
#include "tools/bulwark-image/tree.h"

#define META_SIZE_MAX 4096
#define META_FORMAT                                                                                                  \
        "bulwark-layer 1\nkey %5s %64s\ntree %64s\nopaque %64s\nsize %" SCNu64 "\nentries %" SCNu64 "\nbytes %" SCNu64 "\nwhiteouts %" SCNu64 \
        "\nroot %u\n"

int layer_meta_write(int dir_fd, const LayerMeta *m) {
        char key[DIGEST_HEX_SIZE], tree[DIGEST_HEX_SIZE], opaque[DIGEST_HEX_SIZE];
        _cleanup_free_ char *text = NULL;
        int r;

        digest_to_hex(&m->key, key);
        digest_to_hex(&m->tree, tree);
        digest_to_hex(&m->opaque, opaque);
        r = str_append(&text,
                       "bulwark-layer 1\nkey %s %s\ntree %s\nopaque %s\nsize %" PRIu64 "\nentries %" PRIu64 "\nbytes %" PRIu64 "\nwhiteouts %" PRIu64
                       "\nroot %u\n",
                       layer_kind_to_string(m->kind), key, tree, opaque, m->size, m->entries, m->bytes, m->whiteouts, m->has_root);
        return r < 0 ? r : write_file_volatile(dir_fd, "meta", text, strlen(text), 0600);
}

int layer_meta_read(int dir_fd, LayerMeta *ret) {
        char kind[6] = "", key[DIGEST_HEX_SIZE] = "", tree[DIGEST_HEX_SIZE] = "", opaque[DIGEST_HEX_SIZE] = "";
        _cleanup_close_ int fd = image_tree_open(dir_fd, "meta", O_RDONLY);
        _cleanup_free_ char *text = NULL;
        unsigned root = 0;
        LayerMeta m = {};
        size_t size;
        int r;

        if (fd < 0)
                return fd;
        r = read_file(fd, META_SIZE_MAX, &text, &size);
        if (r < 0)
                return r;
        if (sscanf(text, META_FORMAT, kind, key, tree, opaque, &m.size, &m.entries, &m.bytes, &m.whiteouts, &root) != 9)
                return -EBADMSG;
        m.kind = layer_kind_from_string(kind);
        m.has_root = root != 0;
        if (m.kind < 0 || digest_from_hex(key, &m.key) < 0 || digest_from_hex(tree, &m.tree) < 0 ||
            digest_from_hex(opaque, &m.opaque) < 0)
                return -EBADMSG;
        *ret = m;
        return 0;
}
