/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "manager/base/io.h"
#include "manager/probe/probe.h"
#include "manager/probe/proc-text.h"

#define FILE_MAX (1U << 20)
#define NAMES_MAX 1024U
#define NODE_NAME ".bulwark-probe"

/* Of a file of procfs, terminated, owned; read straight on, since its size says nothing. */
static int slurp(const char *path, char **ret) {
        _cleanup_close_ int fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
        _cleanup_free_ char *buffer = NULL;
        size_t n = 0;
        int r;

        if (fd < 0)
                return -errno;
        buffer = malloc(FILE_MAX + 1);
        if (!buffer)
                return -ENOMEM;
        r = read_all(fd, buffer, FILE_MAX, &n);
        if (r < 0)
                return r;
        buffer[n] = 0;
        *ret = TAKE_PTR(buffer);
        return 0;
}

void ask_link(const ProbeQuestion *q, const char *text, Answer *a) {
        char target[PROBE_ANSWER_MAX];
        ssize_t n = readlinkat(AT_FDCWD, text, target, sizeof(target) - 1);

        if (n < 0) {
                answer_error(a, errno);
                return;
        }
        target[n] = 0;
        answer_add(a, "%s", target);
}

void ask_file(const ProbeQuestion *q, const char *text, Answer *a) {
        _cleanup_free_ char *content = NULL;
        int r = slurp(text, &content);

        if (r < 0) {
                answer_error(a, -r);
                return;
        }
        answer_add(a, "%s", content);
        proc_fold(a->text);
        a->size = strlen(a->text);
}

void ask_field(const ProbeQuestion *q, const char *text, Answer *a) {
        _cleanup_free_ char *status = NULL;
        char value[PROBE_ANSWER_MAX];
        int r = slurp("/proc/self/status", &status);

        if (r < 0)
                answer_error(a, -r);
        else if (proc_field(status, text, value, sizeof(value)))
                answer_add(a, "%s", value);
        else
                answer_error(a, ENODATA);
}

/* --- mounts: "36 35 98:0 /root /point rw,noatime master:1 - ext4 /dev/root rw" */

static int mount_id_of(const char *path, uint64_t *ret) {
        _cleanup_close_ int fd = openat(AT_FDCWD, path, O_PATH | O_CLOEXEC);
        struct statx st = {};

        if (fd < 0)
                return -errno;
        if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0)
                return -errno;
        if (!(st.stx_mask & STATX_MNT_ID))
                return -EOPNOTSUPP;
        *ret = st.stx_mnt_id;
        return 0;
}

static void describe_mount(const char *line, Answer *a) {
        char root[PROBE_ANSWER_MAX], options[256], type[256];
        const char *dash;
        int at = 0;

        if (sscanf(line, "%*s %*s %*s %4095s %*s %255s%n", root, options, &at) < 2 || at == 0 ||
            !(dash = strstr(line + at, " - ")) || sscanf(dash, " - %255s", type) != 1) {
                answer_error(a, EBADMSG);
                return;
        }
        /* Between the options and the dash stands with whom mount events are shared. */
        answer_add(a, "type=%s,root=%s,%s,%s", type, root, options, dash == line + at ? "private" : "shared");
}

void ask_mount(const ProbeQuestion *q, const char *text, Answer *a) {
        _cleanup_free_ char *mounts = NULL;
        uint64_t id = 0;
        int r;

        r = mount_id_of(text, &id);
        if (r >= 0)
                r = slurp("/proc/self/mountinfo", &mounts);
        if (r < 0) {
                answer_error(a, -r);
                return;
        }
        for (const char *line = mounts; *line; line += strcspn(line, "\n"), line += *line == '\n')
                if (strtoull(line, NULL, 10) == id) {
                        char one[2 * PROBE_ANSWER_MAX];
                        size_t n = MIN_OF(strcspn(line, "\n"), sizeof(one) - 1);

                        memcpy(one, line, n);
                        one[n] = 0;
                        describe_mount(one, a);
                        return;
                }
        answer_error(a, ENODATA);
}

/* --- names */

typedef struct linux_dirent64 {
        uint64_t ino, offset;
        unsigned short size;
        unsigned char type;
        char name[];
} Entry;

/* Calls each name but "." and ".."; positive errno. */
static int each_name(int fd, void (*call)(const char *name, void *userdata), void *userdata) {
        char buffer[8192] __attribute__((aligned(8)));
        ssize_t n;

        while ((n = syscall(SYS_getdents64, fd, buffer, sizeof(buffer))) > 0)
                for (ssize_t at = 0; at < n; at += ((Entry *)(buffer + at))->size) {
                        const Entry *e = (Entry *)(buffer + at);

                        if (!streq(e->name, ".") && !streq(e->name, ".."))
                                call(e->name, userdata);
                }
        return n < 0 ? errno : 0;
}

typedef struct Names {
        char *items[NAMES_MAX];
        size_t n;
} Names;

static void collect(const char *name, void *userdata) {
        Names *l = userdata;

        if (l->n < NAMES_MAX)
                l->items[l->n++] = strdup(name);
}

static int compare(const void *x, const void *y) {
        const char *const *a = x, *const *b = y;

        return strcmp(strempty(*a), strempty(*b));
}

static void answer_names(Names *l, Answer *a) {
        qsort(l->items, l->n, sizeof(char *), compare);
        for (size_t i = 0; i < l->n; i++) {
                answer_add(a, "%s%s", i > 0 ? "," : "", strempty(l->items[i]));
                free(l->items[i]);
        }
}

void ask_list(const ProbeQuestion *q, const char *text, Answer *a) {
        _cleanup_close_ int fd = openat(AT_FDCWD, text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        Names names = {};
        int error;

        error = fd < 0 ? errno : each_name(fd, collect, &names);
        if (error > 0)
                answer_error(a, error);
        else
                answer_names(&names, a);
}

typedef struct Numbers {
        Names names;
        int but;
} Numbers;

static void collect_number(const char *name, void *userdata) {
        Numbers *l = userdata;

        if (atoi(name) != l->but)
                collect(name, &l->names);
}

void ask_descriptors(const ProbeQuestion *q, const char *text, Answer *a) {
        _cleanup_close_ int fd = openat(AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        Numbers numbers = { .but = fd };
        int error;

        error = fd < 0 ? errno : each_name(fd, collect_number, &numbers);
        if (error > 0)
                answer_error(a, error);
        else
                answer_names(&numbers.names, a);
}

static void count(const char *name, void *userdata) {
        (*(size_t *)userdata)++;
}

void ask_read(const ProbeQuestion *q, const char *text, Answer *a) {
        _cleanup_close_ int fd = openat(AT_FDCWD, text, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        size_t names = 0;
        int error = 0;
        char byte;
        ssize_t n;

        if (fd < 0) {
                answer_error(a, errno);
                return;
        }
        n = read(fd, &byte, 1);
        if (n < 0 && errno == EISDIR)
                error = each_name(fd, count, &names);
        else if (n < 0)
                error = errno;
        if (error > 0)
                answer_error(a, error);
        else
                answer_add(a, n > 0 || names > 0 ? "content" : "empty");
}

/* --- attempts that leave nothing behind */

static void answer_opened(Answer *a, int fd) {
        if (fd < 0)
                answer_error(a, errno);
        else
                answer_add(a, "ok");
        safe_close(fd);
}

void ask_write(const ProbeQuestion *q, const char *text, Answer *a) {
        int fd = openat(AT_FDCWD, text, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

        if (fd < 0 && errno == EISDIR)
                fd = openat(AT_FDCWD, text, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
        answer_opened(a, fd);
}

void ask_open(const ProbeQuestion *q, const char *text, Answer *a) {
        answer_opened(a, openat(AT_FDCWD, text, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

void ask_map_executable(const ProbeQuestion *q, const char *text, Answer *a) {
        _cleanup_close_ int fd = openat(AT_FDCWD, text, O_TMPFILE | O_RDWR | O_CLOEXEC, 0700);
        void *code;

        if (fd < 0 || write(fd, "x", 1) != 1) {
                answer_error(a, errno);
                return;
        }
        code = mmap(NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
        if (code == MAP_FAILED)
                answer_error(a, errno);
        else
                answer_add(a, "ok");
        if (code != MAP_FAILED)
                (void)munmap(code, 1);
}

void ask_device(const ProbeQuestion *q, const char *text, Answer *a) {
        struct statx st = {};

        if (syscall(SYS_statx, AT_FDCWD, text, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st) < 0)
                answer_error(a, errno);
        else if (S_ISCHR(st.stx_mode) || S_ISBLK(st.stx_mode))
                answer_add(a, "%s %u:%u", S_ISCHR(st.stx_mode) ? "char" : "block", st.stx_rdev_major,
                           st.stx_rdev_minor);
        else
                answer_add(a, "no device");
}

void ask_make_node(const ProbeQuestion *q, const char *text, Answer *a) {
        char path[PROBE_TEXT_MAX + sizeof(NODE_NAME) + 1];

        (void)snprintf(path, sizeof(path), "%s/" NODE_NAME, text);
        if (syscall(SYS_mknodat, AT_FDCWD, path, S_IFCHR | 0600, makedev(1, 3)) < 0) {
                answer_error(a, errno);
                return;
        }
        (void)unlinkat(AT_FDCWD, path, 0);
        answer_add(a, "ok");
}

void ask_working_directory(const ProbeQuestion *q, const char *text, Answer *a) {
        struct statx here = {}, there = {};
        char where[PROBE_ANSWER_MAX];
        bool found = syscall(SYS_statx, AT_FDCWD, text, 0, STATX_INO, &there) >= 0;

        if (!found && (errno == ENOENT || errno == ENOTDIR))
                answer_add(a, "missing,");
        if (found && syscall(SYS_statx, AT_FDCWD, ".", 0, STATX_INO, &here) >= 0 && here.stx_ino == there.stx_ino &&
            here.stx_dev_major == there.stx_dev_major && here.stx_dev_minor == there.stx_dev_minor)
                answer_add(a, "%s", text);
        else if (syscall(SYS_getcwd, where, sizeof(where)) >= 0)
                answer_add(a, "%s", where);
        else
                answer_error(a, errno);
}
