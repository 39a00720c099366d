/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/stat.h>

#include "manager/base/io.h"
#include "manager/host/names/hosts-file.h"

#define PAGE 4096U /* what is written within one appears at once */

static int write_at(int fd, const char *text, size_t n, uint64_t at) {
        while (n > 0) {
                ssize_t k = pwrite(fd, text, n, (off_t)at);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k <= 0)
                        return k < 0 ? -errno : -EIO;
                text += k;
                n -= (size_t)k;
                at += (uint64_t)k;
        }
        return 0;
}

typedef struct Text {
        char *bytes;
        size_t n;
} Text;

static void text_done(Text *t) {
        free(t->bytes);
}

static int text_read(const HostsFile *f, Text *ret) {
        if (lseek(f->fd, 0, SEEK_SET) < 0)
                return -errno;
        return read_file(f->fd, HOSTS_FILE_MAX, &ret->bytes, &ret->n);
}

/* The next line of those that may change, with its end; it begins at *at. NULL = there is no further one. */
static const char *line_next(const Text *t, size_t *at, size_t *ret_n) {
        const char *mark, *end;

        if (*at == 0) {
                mark = memmem(t->bytes, t->n, HOSTS_FILE_MARK, strlen(HOSTS_FILE_MARK));
                *at = mark ? (size_t)(mark - t->bytes) + strlen(HOSTS_FILE_MARK) : t->n;
        }
        end = *at < t->n ? memchr(t->bytes + *at, '\n', t->n - *at) : NULL;
        if (!end)
                return NULL;
        *ret_n = (size_t)(end - (t->bytes + *at)) + 1;
        return t->bytes + *at;
}

/* What took the place of a longer line has blanks behind it. */
static bool line_is(const char *line, size_t n, const char *wanted) {
        const size_t k = strlen(wanted);

        if (n <= k || memcmp(line, wanted, k) != 0)
                return false;
        while (n - 1 > k && line[n - 2] == ' ')
                n--;
        return n - 1 == k;
}

/* As a comment first, which its first byte then makes a line. */
static int take_place(HostsFile *f, const char *line, size_t at, size_t room) {
        const size_t n = strlen(line);
        char blanks[64];
        int r;

        r = write_at(f->fd, line + 1, n - 1, at + 1);
        memset(blanks, ' ', sizeof(blanks));
        for (size_t done = n; r >= 0 && done < room - 1; done += MIN_OF(sizeof(blanks), room - 1 - done))
                r = write_at(f->fd, blanks, MIN_OF(sizeof(blanks), room - 1 - done), at + done);
        if (r >= 0)
                r = write_at(f->fd, line, 1, at);
        if (r >= 0)
                f->dead -= MIN_OF(room, f->dead);
        return r;
}

/* A free line that is long enough; the shortest of them. */
static bool find_place(const Text *t, size_t n, size_t *ret_at, size_t *ret_room) {
        size_t room = 0, k;
        const char *line;

        for (size_t at = 0; (line = line_next(t, &at, &k)); at += k)
                if (*line == '#' && k > n && (room == 0 || k < room)) {
                        *ret_at = at;
                        room = *ret_room = k;
                }
        return room > 0;
}

static int append(HostsFile *f, const char *line) {
        const size_t n = strlen(line);
        _cleanup_free_ char *text = NULL;
        const uint64_t at = f->size;
        const bool parts = at / PAGE != (at + n) / PAGE;
        int r;

        if (at + n + 1 > HOSTS_FILE_MAX)
                return -EFBIG;
        text = malloc(n + 2);
        if (!text)
                return -ENOMEM;
        memcpy(text, line, n);
        (void)stpcpy(text + n, "\n");
        if (parts)
                text[0] = '#';
        r = write_at(f->fd, text, n + 1, at);
        if (r >= 0 && parts)
                r = write_at(f->fd, line, 1, at);
        if (r < 0) {
                (void)ftruncate(f->fd, (off_t)at);
                return r;
        }
        f->size += n + 1;
        return 0;
}

int hosts_file_add(HostsFile *f, const char *line) {
        _cleanup_(text_done) Text t = {};
        size_t at, room;

        if (f->dead > strlen(line)) {
                int r = text_read(f, &t);

                if (r < 0)
                        return r;
                if (find_place(&t, strlen(line), &at, &room))
                        return take_place(f, line, at, room);
        }
        return append(f, line);
}

int hosts_file_remove(HostsFile *f, const char *line) {
        _cleanup_(text_done) Text t = {};
        const char *known;
        size_t n;
        int r = text_read(f, &t);

        if (r < 0)
                return r;
        for (size_t at = 0; (known = line_next(&t, &at, &n)); at += n)
                if (line_is(known, n, line)) {
                        r = write_at(f->fd, "#", 1, at);
                        f->dead += r < 0 ? 0 : n;
                        return r;
                }
        return -ENOENT;
}

static size_t find(const char *line, size_t n, char *const *lines, size_t n_lines) {
        size_t from = 0, to = n_lines;

        while (n > 1 && line[n - 2] == ' ')
                n--;
        while (from < to) {
                const size_t middle = (from + to) / 2;
                int order = strncmp(lines[middle], line, n - 1);

                if (order == 0)
                        order = lines[middle][n - 1] == 0 ? 0 : 1;
                if (order == 0)
                        return middle;
                if (order < 0)
                        from = middle + 1;
                else
                        to = middle;
        }
        return n_lines;
}

int hosts_file_settle(HostsFile *f, char *const *lines, size_t n) {
        _cleanup_(text_done) Text t = {};
        _cleanup_free_ bool *there = calloc(n + 1, sizeof(bool));
        const char *known;
        struct stat st;
        size_t k;
        int r;

        if (!there)
                return -ENOMEM;
        if (fstat(f->fd, &st) < 0)
                return -errno;
        f->size = (uint64_t)st.st_size;
        f->dead = 0;
        r = text_read(f, &t);
        for (size_t at = 0; r >= 0 && (known = line_next(&t, &at, &k)); at += k) {
                const size_t which = *known == '#' ? n : find(known, k, lines, n);

                if (which < n && !there[which]) {
                        there[which] = true;
                        continue;
                }
                if (*known != '#')
                        r = write_at(f->fd, "#", 1, at);
                f->dead += k;
        }
        for (size_t i = 0; r >= 0 && i < n; i++)
                if (!there[i])
                        r = hosts_file_add(f, lines[i]);
        return r;
}
