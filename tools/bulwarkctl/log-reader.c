/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "tools/bulwarkctl/log-reader.h"

#define FILES_MAX 1000 /* rotated files looked for */
#define BLOCK 65536
#define LINE_MAX_SIZE (1024 * 1024) /* a longer line is handed out in pieces */

struct LogReader {
        int directory;
        log_entry_handler handler;
        void *userdata;
        int fd; /* the file being read; -EBADF before the first */
        off_t offset;
        unsigned n_younger; /* files that log_reader_step() has not begun */
        char *partial; /* a line whose end has not been written yet */
        size_t n_partial;
};

bool log_entry_parse(const char *line, size_t size, LogEntry *ret) {
        LogEntry e = {};
        size_t i = 0;

        for (; i < size && i < 20 && isdigit((unsigned char)line[i]); i++)
                e.realtime_usec = e.realtime_usec * 10 + (uint64_t)(line[i] - '0');
        if (i == 0 || i + 2 > size || line[i] != ' ' || line[i + 1] < '0' || line[i + 1] > '7')
                return false;
        e.priority = (unsigned)(line[i + 1] - '0');
        i += 2;
        e.origin = 'o';
        if (i < size && (line[i] == 'e' || line[i] == 'b'))
                e.origin = line[i++];
        if (i < size && line[i] != ' ')
                return false;
        i += i < size;
        e.text = line + i;
        e.size = size - i;
        *ret = e;
        return true;
}

int log_reader_open(const char *directory, log_entry_handler handler, void *userdata, LogReader **ret) {
        LogReader *l;

        l = malloc(sizeof(LogReader));
        if (!l)
                return -ENOMEM;
        *l = (LogReader){ .directory = -EBADF, .handler = handler, .userdata = userdata, .fd = -EBADF };
        l->directory = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (l->directory < 0) {
                int r = -errno;

                log_reader_free(l);
                return r;
        }
        *ret = l;
        return 0;
}

LogReader *log_reader_free(LogReader *l) {
        if (!l)
                return NULL;
        safe_close(l->directory);
        safe_close(l->fd);
        free(l->partial);
        free(l);
        return NULL;
}

/* 0 is the newest file. */
static int open_nth(const LogReader *l, unsigned n, int *ret_fd) {
        char name[16] = "log";
        struct stat st;
        int fd;

        if (n > 0)
                (void)snprintf(name, sizeof(name), "log.%u", n);
        fd = openat(l->directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
                safe_close(fd);
                return -EINVAL;
        }
        *ret_fd = fd;
        return 0;
}

static void hand_out(LogReader *l, const char *line, size_t size) {
        LogEntry e;

        if (!log_entry_parse(line, size, &e)) /* shown rather than lost */
                e = (LogEntry){ .priority = 6, .origin = 'o', .text = line, .size = size };
        l->handler(&e, l->userdata);
}

static int take_piece(LogReader *l, const char *data, size_t size, bool complete) {
        if (l->n_partial > 0 || !complete) {
                char *grown = realloc(l->partial, l->n_partial + size + 1);

                if (!grown)
                        return -ENOMEM;
                memcpy(grown + l->n_partial, data, size);
                l->partial = grown;
                l->n_partial += size;
                if (!complete && l->n_partial < LINE_MAX_SIZE)
                        return 0;
                hand_out(l, l->partial, l->n_partial);
                l->n_partial = 0;
                return 0;
        }
        hand_out(l, data, size);
        return 0;
}

static int read_block(LogReader *l, bool *ret_more) {
        char buffer[BLOCK], *p = buffer;
        ssize_t n;

        n = pread(l->fd, buffer, sizeof(buffer), l->offset);
        if (n < 0)
                return -errno;
        l->offset += n;
        while (p < buffer + n) {
                size_t left = (size_t)(buffer + n - p);
                char *end = memchr(p, '\n', left);
                int r;

                r = take_piece(l, p, end ? (size_t)(end - p) : left, end);
                if (r < 0)
                        return r;
                p = end ? end + 1 : buffer + n;
        }
        *ret_more = n > 0;
        return 0;
}

/* From the offset to what is the end by now. */
static int read_on(LogReader *l) {
        bool more = true;

        while (more) {
                int r = read_block(l, &more);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* The offset at which the last `lines` lines of a file begin; *ret_found says how many there are from there
 * on. */
static int find_tail(int fd, size_t lines, off_t *ret_offset, size_t *ret_found) {
        size_t found = 0;
        char buffer[BLOCK];
        struct stat st;
        off_t end;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (lines == 0) {
                *ret_offset = st.st_size;
                *ret_found = 0;
                return 0;
        }
        for (end = st.st_size; end > 0;) {
                size_t size = (size_t)MIN_OF(end, (off_t)BLOCK);
                ssize_t n = pread(fd, buffer, size, end - (off_t)size);

                if (n < 0)
                        return -errno;
                if ((size_t)n != size) /* cut under our hands */
                        break;
                for (size_t i = size; i-- > 0;) {
                        off_t at = end - (off_t)size + (off_t)i;

                        if (buffer[i] != '\n' || at == st.st_size - 1)
                                continue;
                        if (++found == lines) {
                                *ret_offset = at + 1;
                                *ret_found = found;
                                return 0;
                        }
                }
                end -= (off_t)size;
        }
        *ret_offset = 0;
        *ret_found = found + (st.st_size > 0);
        return 0;
}

/* Makes fd the file being read; what was half a line of the last one stays half a line. */
static void switch_to(LogReader *l, int fd, off_t offset) {
        if (l->n_partial > 0) {
                hand_out(l, l->partial, l->n_partial);
                l->n_partial = 0;
        }
        safe_close(l->fd);
        l->fd = fd;
        l->offset = offset;
}

/* Reads the files younger than the n-th, oldest first. */
static int read_younger(LogReader *l, unsigned n) {
        while (n-- > 0) {
                int fd, r;

                r = open_nth(l, n, &fd);
                if (r == -ENOENT) /* between rename and creation: the next look finds it */
                        return 0;
                if (r < 0)
                        return r;
                switch_to(l, fd, 0);
                r = read_on(l);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The oldest file that the last lines reach into, and where in it they begin. -ENOENT: nothing was logged.
 */
static int find_start(const LogReader *l, size_t lines, int *ret_fd, off_t *ret_offset, unsigned *ret_n) {
        _cleanup_close_ int fd = -EBADF;
        off_t offset = 0;
        unsigned n;

        for (n = 0; n < FILES_MAX; n++) {
                size_t found = 0;
                int older, r;

                r = open_nth(l, n, &older);
                if (r == -ENOENT && n == 0) /* rotated this moment */
                        continue;
                if (r == -ENOENT)
                        break;
                if (r < 0)
                        return r;
                safe_close(fd);
                fd = older;
                offset = 0;
                if (lines == SIZE_MAX)
                        continue;
                r = find_tail(fd, lines, &offset, &found);
                if (r < 0)
                        return r;
                if (found >= lines) {
                        n++;
                        break;
                }
                lines -= found;
        }
        if (fd < 0)
                return -ENOENT;
        *ret_fd = TAKE_FD(fd);
        *ret_offset = offset;
        *ret_n = n - 1;
        return 0;
}

int log_reader_begin(LogReader *l, size_t lines) {
        off_t offset = 0;
        unsigned n = 0;
        int fd = -EBADF, r;

        r = find_start(l, lines, &fd, &offset, &n);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        switch_to(l, fd, offset);
        l->n_younger = n;
        return 0;
}

int log_reader_step(LogReader *l, bool *ret_more) {
        bool more = false;
        int fd, r;

        if (l->fd >= 0) {
                r = read_block(l, &more);
                if (r < 0)
                        return r;
        }
        if (!more && l->n_younger > 0) {
                r = open_nth(l, --l->n_younger, &fd);
                if (r < 0 && r != -ENOENT) /* between rename and creation: the next look finds it */
                        return r;
                more = r >= 0;
                if (more)
                        switch_to(l, fd, 0);
        }
        *ret_more = more;
        return 0;
}

int log_reader_tail(LogReader *l, size_t lines) {
        bool more = true;
        int r;

        r = log_reader_begin(l, lines);
        while (r >= 0 && more)
                r = log_reader_step(l, &more);
        return r;
}

int log_reader_catch_up(LogReader *l) {
        struct stat mine, other;
        int fd, r;

        if (l->fd < 0)
                return read_younger(l, 1);
        r = read_on(l);
        if (r < 0)
                return r;
        if (fstat(l->fd, &mine) < 0)
                return -errno;

        /* Rotated since? Then ours has got its last line before the rename: it is read once more, and left.
         */
        for (unsigned n = 0; n < FILES_MAX; n++) {
                bool same;

                r = open_nth(l, n, &fd);
                if (r == -ENOENT && n == 0)
                        return 0;
                if (r == -ENOENT)
                        return mine.st_nlink > 0 ? 0 : read_younger(l, n);
                if (r < 0)
                        return r;
                same = fstat(fd, &other) >= 0 && other.st_ino == mine.st_ino && other.st_dev == mine.st_dev;
                safe_close(fd);
                if (!same)
                        continue;
                if (n == 0)
                        return 0;
                r = read_on(l);
                return r < 0 ? r : read_younger(l, n);
        }
        return 0;
}
