/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <syslog.h>

#include "manager/base/io.h"
#include "manager/host/streams/log-file.h"
#include "manager/host/streams/log-stream.h"
#include "manager/host/trees/directories.h"

struct LogFile {
        unsigned n_ref;
        int directory, fd;
        uint64_t size, max_size;
};

static int open_current(LogFile *l) {
        struct stat st;
        int fd = openat(l->directory, "log",
                        O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);

        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
                (void)safe_close(fd);
                return -EINVAL;
        }
        l->fd = fd;
        l->size = (uint64_t)st.st_size;
        return 0;
}

int log_file_open(int logs_fd, const char *name, uint64_t max_size, LogFile **ret) {
        _cleanup_(log_file_unrefp) LogFile *l = malloc(sizeof(*l));
        int r;

        if (!l)
                return -ENOMEM;
        *l = (LogFile){ .n_ref = 1, .directory = -EBADF, .fd = -EBADF, .max_size = max_size };
        r = directory_open_private_at(logs_fd, name, &l->directory);
        if (r >= 0)
                r = open_current(l);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

LogFile *log_file_ref(LogFile *l) {
        l->n_ref++;
        return l;
}

LogFile *log_file_unref(LogFile *l) {
        if (!l || --l->n_ref > 0)
                return NULL;
        (void)safe_close(l->fd);
        (void)safe_close(l->directory);
        free(l);
        return NULL;
}

/* log.3 -> log.4, ..., log -> log.1; the oldest is replaced. */
static int rotate(LogFile *l) {
        char from[16], to[16];

        for (unsigned i = LOG_FILES_KEPT; i > 1; i--) {
                (void)snprintf(from, sizeof(from), "log.%u", i - 1);
                (void)snprintf(to, sizeof(to), "log.%u", i);
                if (renameat(l->directory, from, l->directory, to) < 0 && errno != ENOENT)
                        return -errno;
        }
        if (renameat(l->directory, "log", l->directory, "log.1") < 0 && errno != ENOENT)
                return -errno;
        l->fd = safe_close(l->fd);
        return open_current(l);
}

int log_file_append(LogFile *l, const void *data, size_t size) {
        int r;

        if (l->fd < 0 || (l->size > 0 && l->size + size > l->max_size)) {
                r = l->fd < 0 ? open_current(l) : rotate(l);
                if (r < 0)
                        return r;
        }
        r = write_all(l->fd, data, size);
        if (r < 0) {
                (void)!ftruncate(l->fd, (off_t)l->size); /* no half line stays */
                return r;
        }
        l->size += size;
        return 0;
}

static const char *log_origin_letter(LogOrigin o) {
        switch (o) {
        case LOG_ORIGIN_MANAGER:
                return "b";
        case LOG_ORIGIN_ERRORS:
                return "e";
        case LOG_ORIGIN_OUTPUT:
                break;
        }
        return "";
}

size_t log_line_priority(const char *text, size_t size, int *ret_priority) {
        bool has = size >= 3 && text[0] == '<' && text[1] >= '0' && text[1] <= '7' && text[2] == '>';

        *ret_priority = has ? text[1] - '0' : LOG_INFO;
        return has ? 3 : 0;
}

size_t log_line_format(uint64_t usec, int priority, LogOrigin origin, const char *text, size_t size, char *buffer) {
        int head = snprintf(buffer, LOG_LINE_HEAD, "%" PRIu64 " %d%s ", usec, priority, log_origin_letter(origin));
        char *to = buffer + head;

        for (size_t i = 0; i < size; i++)
                to[i] = text[i] == 0 ? ' ' : text[i];
        to[size] = '\n';
        return (size_t)head + size + 1;
}

size_t log_line_cut(const char *data, size_t size, bool at_end, size_t *ret_text) {
        const char *newline = memchr(data, '\n', MIN_OF(size, (size_t)LOG_LINE_MAX + 1));

        if (newline) {
                *ret_text = (size_t)(newline - data);
                return *ret_text + 1;
        }
        if (size > LOG_LINE_MAX)
                size = LOG_LINE_MAX;
        else if (!at_end && size < LOG_LINE_MAX)
                size = 0;
        *ret_text = size;
        return size;
}
