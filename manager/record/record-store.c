/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The records of a container on disk: RUNTIME/state/NAME (how it ended), RUNTIME/live/NAME (what runs). */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#include "manager/base/io.h"
#include "manager/record/record-store.h"

#define RECORD_MAX (16U << 20)

int record_save(int dir_fd, const char *name, const void *data, size_t size) {
        _cleanup_free_ char *file = cgroup_name_escape(name);

        return file ? write_file_volatile(dir_fd, file, data, size, 0600) : -ENOMEM;
}

void record_remove(int dir_fd, const char *name) {
        _cleanup_free_ char *file = cgroup_name_escape(name);

        if (file)
                (void)unlinkat(dir_fd, file, 0);
}

static int set_aside(int dir_fd, const char *file) {
        char bad[NAME_MAX + 1];

        if ((size_t)snprintf(bad, sizeof(bad), ".%s.bad", file) >= sizeof(bad))
                return -ENAMETOOLONG;
        return renameat(dir_fd, file, dir_fd, bad) < 0 ? -errno : 0;
}

static int load_one(int dir_fd, const char *file, RecordLoader load, void *userdata) {
        _cleanup_close_ int fd = openat(dir_fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        _cleanup_free_ char *data = NULL;
        size_t size;
        int r;

        r = fd < 0 ? -errno : read_file(fd, RECORD_MAX, &data, &size);
        return r < 0 ? r : load(data, size, userdata);
}

int records_load(int dir_fd, RecordLoader load, void *userdata, size_t *ret_damaged) {
        int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        size_t damaged = 0;
        DIR *d;

        if (fd < 0)
                return -errno;
        d = fdopendir(fd);
        if (!d) {
                (void)safe_close(fd);
                return -errno;
        }
        for (struct dirent *e; (e = readdir(d));) {
                if (e->d_name[0] == '.') {
                        /* A record that was being written when the manager died: the old one still stands.
                         */
                        if (startswith(e->d_name, ".#"))
                                (void)unlinkat(dir_fd, e->d_name, 0);
                        continue;
                }
                if (load_one(dir_fd, e->d_name, load, userdata) < 0) {
                        (void)set_aside(dir_fd, e->d_name);
                        damaged++;
                }
        }
        (void)closedir(d);
        *ret_damaged = damaged;
        return 0;
}
