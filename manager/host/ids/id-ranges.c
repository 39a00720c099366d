/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>

#include "manager/base/codec.h"
#include "manager/base/io.h"
#include "manager/plan/plan.h"
#include "manager/host/ids/id-ranges.h"

#define MAGIC UINT32_C(0x53444942) /* "BIDS" */
#define VERSION 1
#define FILE_MAX (16U << 20)
#define ATTEMPTS 32768U /* more than there are ranges */

enum { TAG_NAME = 1, TAG_BASE = 2 }; /* a base closes its entry */

void id_ranges_done(IdRanges *r) {
        for (size_t i = 0; i < r->n; i++)
                free(r->items[i].name);
        free(r->items);
        *r = (IdRanges){};
}

static const IdRange *by_base(const IdRanges *r, uint32_t base) {
        for (size_t i = 0; i < r->n; i++)
                if (r->items[i].base == base)
                        return r->items + i;
        return NULL;
}

static const IdRange *by_name(const IdRanges *r, const char *name) {
        for (size_t i = 0; i < r->n; i++)
                if (streq(r->items[i].name, name))
                        return r->items + i;
        return NULL;
}

static int add(IdRanges *r, const char *name, uint32_t base) {
        IdRange *grown = reallocarray(r->items, r->n + 1, sizeof(*grown));
        char *copy;

        if (!grown)
                return -ENOMEM;
        r->items = grown;
        copy = strdup(name);
        if (!copy)
                return -ENOMEM;
        r->items[r->n++] = (IdRange){ .name = copy, .base = base };
        return 0;
}

int id_ranges_get(IdRanges *r, const char *name, uint32_t *ret_base, bool *ret_new) {
        const IdRange *known = by_name(r, name);

        if (known) {
                *ret_base = known->base;
                *ret_new = false;
                return 0;
        }
        for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
                uint32_t base = id_range_candidate(name, attempt);
                int q;

                if (by_base(r, base))
                        continue;
                q = add(r, name, base);
                if (q < 0)
                        return q;
                *ret_base = base;
                *ret_new = true;
                return 0;
        }
        return -ENOSPC;
}

int id_ranges_take(IdRanges *r, const char *name, uint32_t base) {
        const IdRange *holder = by_base(r, base);

        if (holder)
                return streq(holder->name, name) ? 0 : -EEXIST;
        if (by_name(r, name))
                return -EEXIST;
        return add(r, name, base);
}

void id_ranges_drop(IdRanges *r, const char *name, bool *ret_dropped) {
        *ret_dropped = false;
        for (size_t i = 0; i < r->n; i++) {
                if (!streq(r->items[i].name, name))
                        continue;
                free(r->items[i].name);
                memmove(r->items + i, r->items + i + 1, (r->n - i - 1) * sizeof(*r->items));
                r->n--;
                *ret_dropped = true;
                return;
        }
}

int id_ranges_encode(const IdRanges *r, void **ret, size_t *ret_size) {
        _cleanup_(encoder_done) Encoder e = {};
        int q;

        encoder_begin(&e, MAGIC, VERSION);
        for (size_t i = 0; i < r->n; i++) {
                encode_string(&e, TAG_NAME, r->items[i].name);
                encode_u64(&e, TAG_BASE, r->items[i].base);
        }
        q = encoder_finish(&e);
        if (q < 0)
                return q;
        *ret = TAKE_PTR(e.data);
        *ret_size = e.size;
        return 0;
}

int id_ranges_decode(const void *data, size_t size, IdRanges *ret) {
        _cleanup_(id_ranges_done) IdRanges ranges = {};
        _cleanup_free_ char *name = NULL;
        Decoder d;
        Field f;
        int r;

        r = decoder_begin(&d, data, size, MAGIC);
        if (r < 0)
                return r;
        while ((r = decode_next(&d, &f)) >= 0) {
                uint64_t base;

                if (f.tag == TAG_NAME) {
                        free(name);
                        name = NULL;
                        r = field_string(&f, &name);
                } else if (f.tag == TAG_BASE) {
                        r = field_u64(&f, &base);
                        if (r >= 0 && (!name || base == 0 || base > UINT32_MAX - ID_RANGE_COUNT ||
                                       by_base(&ranges, (uint32_t)base) || by_name(&ranges, name)))
                                r = -EBADMSG;
                        if (r >= 0)
                                r = add(&ranges, name, (uint32_t)base);
                }
                if (r < 0)
                        return r;
        }
        if (r != -ENODATA)
                return r;
        *ret = ranges;
        ranges = (IdRanges){};
        return 0;
}

int id_ranges_load(int dir_fd, const char *file, Diag *diag, IdRanges *ret) {
        _cleanup_close_ int fd = openat(dir_fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        _cleanup_free_ char *data = NULL, *bad = NULL;
        size_t size;
        int r;

        if (fd < 0) {
                if (errno == ENOENT) {
                        *ret = (IdRanges){};
                        return 0;
                }
                return -errno;
        }
        r = read_file(fd, FILE_MAX, &data, &size);
        if (r >= 0)
                r = id_ranges_decode(data, size, ret);
        if (r != -EBADMSG)
                return r;
        if (asprintf(&bad, "%s.bad", file) < 0)
                return -ENOMEM;
        if (renameat(dir_fd, file, dir_fd, bad) < 0)
                return -errno;
        diag_warning(
                diag, ERROR_STATE, NULL, NULL,
                "the list of id ranges is damaged and was set aside as \"%s\"; ranges are given out anew",
                bad);
        *ret = (IdRanges){};
        return 0;
}

int id_ranges_save(const IdRanges *r, int dir_fd, const char *file) {
        _cleanup_free_ void *data = NULL;
        size_t size;
        int q = id_ranges_encode(r, &data, &size);

        return q < 0 ? q : write_file_atomic(dir_fd, file, data, size, 0600);
}
