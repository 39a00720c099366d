/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "policies/selinux/label.h"
#include "policies/selinux/selinux.h"

#define XATTR "security.selinux"
#define REPORT_EVERY 20000U

typedef struct Labelling {
        const char *path, *context;
        size_t size; /* of context, with its NUL as SELinux's own tools write it */
        dev_t device;
        unsigned n;
} Labelling;

/* fd is O_PATH: neither a device nor a pipe is ever opened. The magic link leads to exactly this inode. */
static int set_label(const Labelling *l, int fd) {
        char link[32], found[4096];
        ssize_t n;

        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = getxattr(link, XATTR, found, sizeof(found));
        if (n > 0 && (size_t)n >= l->size - 1 && memcmp(found, l->context, l->size - 1) == 0 &&
            ((size_t)n == l->size - 1 || found[l->size - 1] == 0))
                return 0;
        return setxattr(link, XATTR, l->context, l->size, 0) < 0 ? -errno : 0;
}

static int label_below(Labelling *l, int directory);

/* A name that has gone meanwhile needs no label. */
static int label_entry(Labelling *l, int parent, const char *name) {
        _cleanup_close_ int fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;
        int r = 0;

        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_dev != l->device)
                return 0;
        if (++l->n % REPORT_EVERY == 0) {
                (void)printf("labelling %s: %u files\n", l->path, l->n);
                (void)fflush(stdout);
        }
        if (S_ISDIR(st.st_mode))
                r = label_below(l, fd);
        return r < 0 ? r : set_label(l, fd);
}

static int label_below(Labelling *l, int directory) {
        int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW), r = 0;
        const struct dirent *e;
        DIR *d;

        if (fd < 0)
                return -errno;
        d = fdopendir(fd);
        if (!d) {
                (void)close(fd);
                return -errno;
        }
        for (errno = 0; r >= 0 && (e = readdir(d)); errno = 0)
                if (!streq(e->d_name, ".") && !streq(e->d_name, ".."))
                        r = label_entry(l, dirfd(d), e->d_name);
        if (r >= 0 && errno > 0)
                r = -errno;
        (void)closedir(d);
        return r;
}

/* Each level of the tree holds two descriptors. */
static void raise_limit(void) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) >= 0) {
                limit.rlim_cur = limit.rlim_max;
                (void)setrlimit(RLIMIT_NOFILE, &limit);
        }
}

int label_tree(const char *path, const char *context) {
        Labelling l = { .path = path, .context = context, .size = strlen(context) + 1 };
        struct open_how how = { .flags = O_PATH | O_CLOEXEC | O_NOFOLLOW, .resolve = RESOLVE_NO_SYMLINKS };
        _cleanup_close_ int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how)); /* what is looked at is what is labelled */
        struct stat st;
        int r = 0;

        if (fd < 0 || selinux_path_is_system(path)) {
                r = fd < 0 ? -errno : -EPERM;
                (void)fprintf(stderr, "%s: %s\n", path,
                              r == -EPERM  ? "belongs to the host and is not relabelled for a container"
                              : r == -ELOOP ? "a symbolic link has come onto the way there, and is not followed"
                                            : strerror(-r));
                return r;
        }
        if (fstat(fd, &st) < 0)
                r = -errno;
        raise_limit();
        l.device = st.st_dev;
        if (r >= 0 && S_ISDIR(st.st_mode))
                r = label_below(&l, fd);
        if (r >= 0)
                r = set_label(&l, fd);
        if (r < 0)
                (void)fprintf(stderr, "cannot label %s: %s\n", path,
                              r == -EOPNOTSUPP ? "its file system has no labels; write the option nolabel" : strerror(-r));
        return r;
}
