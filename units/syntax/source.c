/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "manager/base/held-path.h"
#include "manager/base/io.h"
#include "manager/base/string-list.h"
#include "units/syntax/source.h"

void unit_source_done(UnitSource *s) {
        free(s->text);
        *s = (UnitSource){};
}

static const char *type_words(mode_t mode) {
        switch (mode & S_IFMT) {
        case S_IFDIR:
                return "is a directory";
        case S_IFIFO:
                return "is a FIFO";
        case S_IFSOCK:
                return "is a socket";
        case S_IFBLK:
        case S_IFCHR:
                return "is a device";
        default:
                return "is not a regular file";
        }
}

static bool is_null_device(const struct stat *st) {
        return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

static int report_open(const char *shown, int error, Diag *diag) {
        Origin origin = {.file = shown};

        if (error == ELOOP)
                return diag_error(
                        diag, ERROR_SYNTAX, &origin, NULL,
                        "the symbolic links of this file lead in a circle; link it to a regular file");
        if (error == EACCES || error == EPERM)
                return diag_errno(diag, ERROR_ACCESS, &origin, NULL, error, "cannot open");
        return diag_errno(diag, ERROR_FAILED, &origin, NULL, error, "cannot open");
}

/* ENOENT has two meanings: nothing there, or a link to nothing. */
static int report_missing(const char *path, const char *shown, Diag *diag) {
        Origin origin = {.file = shown};
        struct stat st;

        if (fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -ENOENT;
        (void)diag_error(
                diag, ERROR_SYNTAX, &origin, NULL,
                "is a symbolic link to a file that does not exist; repair it, or link to /dev/null to mask");
        return -EINVAL;
}

/* Whoever can write a unit decides what root starts. A file that a person named is only looked at, and told about: the
 * manager would refuse it among its units. */
static int check_trust(const struct stat *st, const char *shown, SourceFlags flags, Diag *diag) {
        const bool foreign = st->st_uid != 0 && st->st_uid != geteuid(), written = st->st_mode & (S_IWGRP | S_IWOTH);
        _cleanup_free_ char *words = NULL;
        Origin origin = {.file = shown};
        int r = 0;

        if (foreign)
                r = str_append(&words, "belongs to user %u, who could change what is started; run: chown root '%s'",
                               (unsigned)st->st_uid, shown);
        else if (written)
                r = str_append(&words, "can be written by %s (mode %04o); run: chmod go-w '%s'",
                               st->st_mode & S_IWOTH ? "everybody" : "its group", (unsigned)(st->st_mode & 07777), shown);
        if (r < 0 || !words)
                return r;
        if (FLAGS_SET(flags, SOURCE_TRUSTED))
                return diag_error(diag, ERROR_POLICY, &origin, NULL, "%s", words);
        diag_warning(diag, ERROR_POLICY, &origin, NULL, "%s; the manager refuses it as it is", words);
        return 0;
}

static int check_regular(const struct stat *st, const char *shown, Diag *diag) {
        Origin origin = {.file = shown};

        if (!S_ISREG(st->st_mode))
                return diag_error(diag, ERROR_SYNTAX, &origin, NULL,
                                  "%s; a unit must be a regular file of text", type_words(st->st_mode));
        if (st->st_size > UNIT_FILE_SIZE_MAX)
                return diag_error(diag, ERROR_SYNTAX, &origin, NULL,
                                  "is larger than %d KiB, which no unit needs", UNIT_FILE_SIZE_MAX / 1024);
        return 0;
}

/* --- what it is a link to: a file of root's that is no unit, such as one with passwords, must not be read as one, for the mistakes
 * that are told quote its lines */

static int absolute_path(const char *path, char **ret) {
        _cleanup_free_ char *directory = NULL;
        char *s = NULL;
        int r;

        directory = path[0] == '/' ? strdup("") : getcwd(NULL, 0);
        if (!directory)
                return -errno;
        r = str_append(&s, "%s/%s", directory, path);
        if (r >= 0)
                *ret = s;
        return r;
}

static int check_target(const HeldPath *h, const char *path, const char *shown, Diag *diag) {
        const char *slash = strrchr(path, '/'), *suffix = strrchr(slash ? slash + 1 : path, '.');
        Origin origin = {.file = shown};

        if (!suffix || endswith(h->name, suffix))
                return 0;
        return diag_error(diag, ERROR_POLICY, &origin, NULL,
                          "is a symbolic link to \"%s\", which is not named as such a file; link it to one that ends in %s",
                          h->path, suffix);
}

/* Who reads as a user sees nothing that the user could not see. */
static int hold(const char *path, const char *shown, SourceFlags flags, Diag *diag, HeldPath *ret) {
        _cleanup_free_ char *absolute = NULL, *words = NULL;
        const bool careful = geteuid() == 0 || FLAGS_SET(flags, SOURCE_TRUSTED);
        Origin origin = {.file = shown};
        int r;

        *ret = HELD_PATH_EMPTY;
        r = absolute_path(path, &absolute);
        if (r >= 0 && careful)
                r = held_path_open(absolute, NULL, 0, ret);
        else if (r >= 0) {
                ret->fd = open(absolute, O_PATH | O_CLOEXEC);
                r = ret->fd < 0 ? -errno : 0;
        }
        words = held_path_words(ret, r);
        if (words)
                return diag_error(diag, ERROR_POLICY, &origin, NULL, "is not read: %s", words);
        if (r == -ENOENT)
                return report_missing(absolute, shown, diag);
        return r < 0 ? report_open(shown, -r, diag) : 0;
}

static int check_held(const HeldPath *h, const struct stat *st, const char *path, const char *shown, SourceFlags flags,
                      Diag *diag) {
        const bool followed = h->path && !endswith(path, h->name);
        Origin origin = {.file = shown};
        int r;

        r = check_regular(st, shown, diag);
        if (r >= 0 && h->path)
                r = check_target(h, path, shown, diag);
        if (r >= 0)
                r = check_trust(st, shown, followed ? flags | SOURCE_TRUSTED : flags, diag);
        if (r < 0)
                return r;
        if (h->path && path_check_read(h->writer, st) == PATH_MISTAKE_LINKS)
                return diag_error(diag, ERROR_POLICY, &origin, NULL, "%s", path_mistake_words(PATH_MISTAKE_LINKS));
        return 0;
}

/* First looks with O_PATH, which has no effect on whatever it opens; only a regular file is then really opened. */
int unit_source_read(const char *path, const char *shown, SourceFlags flags, Diag *diag, UnitSource *ret) {
        _cleanup_(held_path_done) HeldPath held = HELD_PATH_EMPTY;
        _cleanup_close_ int fd = -EBADF;
        Origin origin = {.file = shown};
        UnitSource s = {};
        struct stat st;
        int r;

        r = hold(path, shown, flags, diag, &held);
        if (r < 0)
                return r;
        if (fstat(held.fd, &st) < 0)
                return report_open(shown, errno, diag);
        if (is_null_device(&st) || (S_ISREG(st.st_mode) && st.st_size == 0)) {
                *ret = (UnitSource){.masked = true};
                return 0;
        }
        r = check_held(&held, &st, path, shown, flags, diag);
        if (r < 0)
                return r;
        r = held_path_reopen(&held, O_RDONLY, &fd);
        if (r < 0)
                return report_open(shown, -r, diag);
        r = read_file(fd, UNIT_FILE_SIZE_MAX, &s.text, &s.size);
        if (r < 0)
                return diag_errno(diag, ERROR_FAILED, &origin, NULL, -r, "cannot read");
        *ret = s;
        return 0;
}
