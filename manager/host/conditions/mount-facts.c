/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manager/base/io.h"
#include "manager/host/conditions/mount-facts.h"

#define FSTAB_MAX (256 * 1024)

/* NULL where the host has none: then nothing must be mounted. */
static char *fstab_read(void) {
        const char *path = getenv("BULWARK_FSTAB");
        _cleanup_close_ int fd = open(path ? path : "/etc/fstab", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        char *text = NULL;
        size_t n;

        return fd >= 0 && read_file(fd, FSTAB_MAX, &text, &n) >= 0 ? text : NULL;
}

static bool is_mounted(const char *point) {
        struct statx sx;

        return statx(AT_FDCWD, point, AT_NO_AUTOMOUNT, STATX_TYPE, &sx) >= 0 &&
               (sx.stx_attributes & sx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0;
}

int mount_need_missing(const ContainerSpec *spec, MountNeed *ret, char **ret_point) {
        _cleanup_free_ char *fstab = fstab_read();
        MountNeed need;

        *ret_point = NULL;
        for (size_t i = 0; fstab && container_spec_mount_need(spec, i, &need); i++) {
                _cleanup_free_ char *point = NULL;
                int r = fstab_mount_for(fstab, need.path, &point);

                if (r < 0)
                        return r;
                if (!point || is_mounted(point))
                        continue;
                *ret = need;
                *ret_point = TAKE_PTR(point);
                return 0;
        }
        return 0;
}
