/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>

#include "manager/base/codec.h"
#include "manager/base/io.h"
#include "manager/base/string-list.h"
#include "policies/selinux/mcs.h"

#define MAGIC UINT32_C(0x53434d42) /* "BMCS" */
#define VERSION 1
#define FILE_MAX (64U << 20)

enum { TAG_NAME = 1, TAG_PAIR = 2, TAG_BLOCK = 3, TAG_VOLUME = 4 }; /* a name opens an entry */

static void entry_done(McsEntry *e) {
        free(e->name);
        free(e->block);
        e->volumes = strv_free(e->volumes);
        *e = (McsEntry){};
}

void mcs_store_done(McsStore *s) {
        for (size_t i = 0; i < s->n; i++)
                entry_done(s->items + i);
        free(s->items);
        *s = (McsStore){};
}

McsEntry *mcs_find(const McsStore *s, const char *name) {
        for (size_t i = 0; *name && i < s->n; i++)
                if (streq(s->items[i].name, name))
                        return s->items + i;
        return NULL;
}

static bool pair_good(uint64_t pair) {
        return pair >> 16 < (pair & 0xffff) && (pair & 0xffff) < MCS_CATEGORIES;
}

static bool pair_taken(const McsStore *s, uint32_t pair) {
        for (size_t i = 0; i < s->n; i++)
                if (s->items[i].pair == pair)
                        return true;
        return false;
}

static int add(McsStore *s, const char *name, uint32_t pair, McsEntry **ret) {
        McsEntry *grown = reallocarray(s->items, s->n + 1, sizeof(*grown));
        char *copy;

        if (!grown)
                return -ENOMEM;
        s->items = grown;
        copy = strdup(name);
        if (!copy)
                return -ENOMEM;
        s->items[s->n] = (McsEntry){ .name = copy, .pair = pair };
        *ret = s->items + s->n++;
        return 0;
}

/* The pair of a number below MCS_PAIRS: all pairs in order of their higher category. */
static uint32_t pair_of_number(uint32_t number) {
        uint32_t high = 1;

        while (number >= high)
                number -= high++;
        return number << 16 | high;
}

/* Nobody can guess the next one; from there on the first that is free. */
static int choose(const McsStore *s, uint32_t *ret) {
        uint32_t start;

        if (getrandom(&start, sizeof(start), 0) != sizeof(start))
                return -errno;
        for (uint32_t i = 0; i < MCS_PAIRS && i <= s->n; i++) { /* n entries cannot take n + 1 pairs */
                *ret = pair_of_number((start % MCS_PAIRS + i) % MCS_PAIRS);
                if (!pair_taken(s, *ret))
                        return 0;
        }
        return -ENOSPC;
}

int mcs_get(McsStore *s, const char *name, McsEntry **ret, bool *ret_new) {
        uint32_t pair = 0;
        int r;

        *ret_new = false;
        *ret = mcs_find(s, name);
        if (*ret)
                return 0;
        r = choose(s, &pair);
        if (r >= 0)
                r = add(s, name, pair, ret);
        *ret_new = r >= 0;
        return r;
}

int mcs_take(McsStore *s, const char *name, uint32_t pair, McsEntry **ret, bool *ret_new) {
        *ret_new = false;
        *ret = mcs_find(s, name);
        if (*ret)
                return (*ret)->pair == pair ? 0 : -EEXIST;
        if (pair_taken(s, pair))
                return -EEXIST;
        *ret_new = true;
        return add(s, name, pair, ret);
}

void mcs_remove(McsStore *s, McsEntry *e) {
        const size_t i = (size_t)(e - s->items);

        entry_done(e);
        memmove(e, e + 1, (s->n - i - 1) * sizeof(*e));
        s->n--;
}

int mcs_add_volume(McsEntry *e, const char *path, bool *ret_new) {
        *ret_new = !strv_contains(e->volumes, path);
        return *ret_new ? strv_extend(&e->volumes, path) : 0;
}

void mcs_level(uint32_t pair, char ret[static MCS_LEVEL_SIZE]) {
        (void)snprintf(ret, MCS_LEVEL_SIZE, "s0:c%u,c%u", (pair >> 16) % MCS_CATEGORIES, (pair & 0xffff) % MCS_CATEGORIES);
}

int mcs_pair_of(const char *context, uint32_t *ret) {
        char level[MCS_LEVEL_SIZE];
        const char *tail = strstr(context, ":s0:c");
        unsigned low, high;

        if (!tail || sscanf(tail, ":s0:c%4u,c%4u", &low, &high) != 2 || low >= high || high >= MCS_CATEGORIES)
                return -EINVAL;
        mcs_level(low << 16 | high, level);
        if (!streq(tail + 1, level)) /* more than a pair */
                return -EINVAL;
        *ret = low << 16 | high;
        return 0;
}

int mcs_encode(const McsStore *s, void **ret, size_t *ret_size) {
        _cleanup_(encoder_done) Encoder e = {};
        int r;

        encoder_begin(&e, MAGIC, VERSION);
        for (size_t i = 0; i < s->n; i++) {
                encode_string(&e, TAG_NAME, s->items[i].name);
                encode_u64(&e, TAG_PAIR, s->items[i].pair);
                encode_string(&e, TAG_BLOCK, s->items[i].block);
                for (char **v = s->items[i].volumes; v && *v; v++)
                        encode_string(&e, TAG_VOLUME, *v);
        }
        r = encoder_finish(&e);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(e.data);
        *ret_size = e.size;
        return 0;
}

static int decode_field(McsStore *s, const Field *f, McsEntry **current) {
        _cleanup_free_ char *text = NULL;
        uint64_t pair;
        int r;

        if (f->tag == TAG_PAIR) {
                r = *current ? field_u64(f, &pair) : -EBADMSG;
                if (r >= 0 && (!pair_good(pair) || pair_taken(s, (uint32_t)pair) || (*current)->pair != 0))
                        r = -EBADMSG;
                if (r >= 0)
                        (*current)->pair = (uint32_t)pair;
                return r;
        }
        if (f->tag != TAG_NAME && f->tag != TAG_BLOCK && f->tag != TAG_VOLUME)
                return 0;
        r = field_string(f, &text);
        if (r < 0)
                return r;
        if (f->tag == TAG_NAME)
                return mcs_find(s, text) ? -EBADMSG : add(s, text, 0, current);
        if (!*current || (f->tag == TAG_BLOCK && (*current)->block))
                return -EBADMSG;
        if (f->tag == TAG_VOLUME)
                return strv_push(&(*current)->volumes, TAKE_PTR(text));
        (*current)->block = TAKE_PTR(text);
        return 0;
}

int mcs_decode(const void *data, size_t size, McsStore *ret) {
        _cleanup_(mcs_store_done) McsStore s = {};
        McsEntry *current = NULL;
        Decoder d;
        Field f;
        int r;

        r = decoder_begin(&d, data, size, MAGIC);
        if (r < 0)
                return r;
        while ((r = decode_next(&d, &f)) >= 0) {
                r = decode_field(&s, &f, &current);
                if (r < 0)
                        return r;
        }
        if (r != -ENODATA)
                return r;
        for (size_t i = 0; i < s.n; i++)
                if (!pair_good(s.items[i].pair))
                        return -EBADMSG;
        *ret = s;
        s = (McsStore){};
        return 0;
}

int mcs_load(int dir_fd, const char *file, Diag *diag, McsStore *ret) {
        _cleanup_close_ int fd = openat(dir_fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        _cleanup_free_ char *data = NULL, *bad = NULL;
        size_t size;
        int r;

        *ret = (McsStore){};
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        r = read_file(fd, FILE_MAX, &data, &size);
        if (r >= 0)
                r = mcs_decode(data, size, ret);
        if (r != -EBADMSG)
                return r;
        if (asprintf(&bad, "%s.bad", file) < 0)
                return -ENOMEM;
        if (renameat(dir_fd, file, dir_fd, bad) < 0)
                return -errno;
        diag_warning(diag, ERROR_STATE, NULL, NULL,
                     "the list of SELinux categories is damaged and was set aside as \"%s\"; volumes are labelled anew", bad);
        return 0;
}

int mcs_save(const McsStore *s, int dir_fd, const char *file) {
        _cleanup_free_ void *data = NULL;
        size_t size;
        int r = mcs_encode(s, &data, &size);

        return r < 0 ? r : write_file_atomic(dir_fd, file, data, size, 0600);
}
