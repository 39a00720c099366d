/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "manager/base/io.h"
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
static int report_missing(int dir_fd, const char *path, const char *shown, Diag *diag) {
        Origin origin = {.file = shown};
        struct stat st;

        if (fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -ENOENT;
        (void)diag_error(
                diag, ERROR_SYNTAX, &origin, NULL,
                "is a symbolic link to a file that does not exist; repair it, or link to /dev/null to mask");
        return -EINVAL;
}

/* Whoever can write a unit decides what root starts. */
static int check_trust(const struct stat *st, const char *shown, Diag *diag) {
        Origin origin = {.file = shown};

        if (st->st_uid != 0 && st->st_uid != geteuid())
                return diag_error(
                        diag, ERROR_POLICY, &origin, NULL,
                        "belongs to user %u, who could change what is started; run: chown root '%s'",
                        st->st_uid, shown);
        if (st->st_mode & (S_IWGRP | S_IWOTH))
                return diag_error(diag, ERROR_POLICY, &origin, NULL,
                                  "can be written by %s (mode %04o); run: chmod go-w '%s'",
                                  st->st_mode & S_IWOTH ? "everybody" : "its group", st->st_mode & 07777,
                                  shown);
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

/* First looks with O_PATH, which has no effect on whatever it opens; only a regular file is then really
 * opened. What may have been put in its place in between cannot hang us either: O_NONBLOCK, and the inode is
 * compared. */
int unit_source_read(int dir_fd, const char *path, const char *shown, SourceFlags flags, Diag *diag,
                     UnitSource *ret) {
        _cleanup_close_ int pin = -EBADF, fd = -EBADF;
        Origin origin = {.file = shown};
        UnitSource s = {};
        struct stat st, again;
        int r;

        pin = openat(dir_fd, path, O_PATH | O_CLOEXEC);
        if (pin < 0)
                return errno == ENOENT ? report_missing(dir_fd, path, shown, diag)
                                       : report_open(shown, errno, diag);
        if (fstat(pin, &st) < 0)
                return report_open(shown, errno, diag);
        if (is_null_device(&st) || (S_ISREG(st.st_mode) && st.st_size == 0)) {
                *ret = (UnitSource){.masked = true};
                return 0;
        }
        r = check_regular(&st, shown, diag);
        if (r < 0)
                return r;
        if (FLAGS_SET(flags, SOURCE_TRUSTED)) {
                r = check_trust(&st, shown, diag);
                if (r < 0)
                        return r;
        }

        fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return report_open(shown, errno, diag);
        if (fstat(fd, &again) < 0)
                return report_open(shown, errno, diag);
        if (again.st_dev != st.st_dev || again.st_ino != st.st_ino)
                return diag_error(diag, ERROR_FAILED, &origin, NULL,
                                  "was replaced while it was read; try again");
        r = read_file(fd, UNIT_FILE_SIZE_MAX, &s.text, &s.size);
        if (r < 0)
                return diag_errno(diag, ERROR_FAILED, &origin, NULL, -r, "cannot read");
        *ret = s;
        return 0;
}
