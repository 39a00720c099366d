/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "policies/cache-age.h"

#define DAY (UINT64_C(24) * 60 * 60)

const CacheLimits cache_limits = { .unused_seconds = 90 * DAY, .size = UINT64_C(256) << 20 };

typedef struct Entry {
        char *name;
        uint64_t used, size;
} Entry;

typedef struct Entries {
        Entry *items;
        size_t n, room;
} Entries;

static void entries_done(Entries *l) {
        for (size_t i = 0; i < l->n; i++)
                free(l->items[i].name);
        free(l->items);
}

void cache_used(int fd) {
        struct stat st;

        /* Once a day is enough, and no start waits for a disk. */
        if (fstat(fd, &st) >= 0 && (uint64_t)st.st_mtim.tv_sec + DAY < (uint64_t)time(NULL))
                (void)futimens(fd, NULL);
}

static int add(Entries *l, const char *name, const struct stat *st) {
        if (l->n == l->room) {
                const size_t room = 2 * l->room + 64;
                Entry *items = reallocarray(l->items, room, sizeof(Entry));

                if (!items)
                        return -ENOMEM;
                l->items = items;
                l->room = room;
        }
        l->items[l->n] = (Entry){ .name = strdup(name), .used = (uint64_t)st->st_mtim.tv_sec,
                                  .size = (uint64_t)st->st_blocks * 512 };
        if (!l->items[l->n].name)
                return -ENOMEM;
        l->n++;
        return 0;
}

static int list(int cache_fd, Entries *l) {
        const int fd = openat(cache_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        struct dirent *e;
        int r = 0;

        if (!dir) {
                r = -errno;
                (void)safe_close(fd);
                return r;
        }
        while (r >= 0 && (e = readdir(dir))) {
                struct stat st;

                if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) >= 0 && S_ISREG(st.st_mode))
                        r = add(l, e->d_name, &st);
        }
        (void)closedir(dir);
        return r;
}

static int latest_first(const void *x, const void *y) {
        const Entry *a = x, *b = y;

        return a->used < b->used ? 1 : a->used > b->used ? -1 : 0;
}

int cache_sweep(int cache_fd, const CacheLimits *limits, uint64_t now, size_t *ret_removed) {
        _cleanup_(entries_done) Entries l = {};
        uint64_t kept = 0;
        int r;

        *ret_removed = 0;
        r = list(cache_fd, &l);
        if (r < 0 || l.n == 0)
                return r;
        qsort(l.items, l.n, sizeof(Entry), latest_first);
        for (const Entry *e = l.items; e < l.items + l.n; e++) {
                const bool old = e->used + limits->unused_seconds < now;

                if (!old && kept + e->size <= limits->size)
                        kept += e->size;
                else if (unlinkat(cache_fd, e->name, 0) >= 0)
                        (*ret_removed)++;
                else if (errno != ENOENT)
                        r = -errno;
        }
        return r;
}
