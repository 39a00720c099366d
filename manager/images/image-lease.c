/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "manager/base/io.h"
#include "manager/images/image-lease.h"
#include "manager/images/image-store.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_LENGTH 36
#define LEASE_SIZE_MAX 256
#define LOCK_TRIES 20
#define LOCK_WAIT_NSEC (5 * 1000 * 1000)

static int lease_boot(char ret[static BOOT_ID_LENGTH + 1]) {
        _cleanup_close_ int fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, ret, BOOT_ID_LENGTH);

        if (n < 0)
                return -errno;
        ret[n] = 0;
        return n == BOOT_ID_LENGTH ? 0 : -EIO;
}

static int lease_lock(int store_fd, int *ret_fd) {
        _cleanup_close_ int fd = openat(store_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0)
                return -errno;
        for (unsigned i = 0; flock(fd, LOCK_SH | LOCK_NB) < 0; i++) {
                if (errno != EWOULDBLOCK && errno != EINTR)
                        return -errno;
                if (i == LOCK_TRIES)
                        return -EBUSY;
                (void)nanosleep(&(struct timespec){ .tv_nsec = LOCK_WAIT_NSEC }, NULL);
        }
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int image_lease_take(int store_fd, const char *container, const Digest *manifest) {
        char boot[BOOT_ID_LENGTH + 1], image[DIGEST_HEX_SIZE + 8] = "images/", text[BOOT_ID_LENGTH + sizeof(image) + 3];
        _cleanup_close_ int lock = -EBADF, leases = -EBADF;
        int r = lease_lock(store_fd, &lock);

        if (r >= 0)
                r = lease_boot(boot);
        if (r < 0)
                return r;
        digest_to_hex(manifest, image + strlen(image));
        if (faccessat(store_fd, image, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (mkdirat(store_fd, "leases", 0700) < 0 && errno != EEXIST)
                return -errno;
        leases = openat(store_fd, "leases", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (leases < 0)
                return -errno;
        (void)snprintf(text, sizeof(text), "%s %s\n", boot, image + strlen("images/"));
        return write_file_volatile(leases, container, text, strlen(text), 0600);
}

static void lease_path(const char *container, char *ret, size_t size) {
        (void)snprintf(ret, size, "leases/%s", container);
}

void image_lease_drop(int store_fd, const char *container) {
        char path[IMAGE_NAME_MAX + 32];

        lease_path(container, path, sizeof(path));
        (void)unlinkat(store_fd, path, 0);
}

int image_lease_read(int store_fd, const char *container, Digest *ret) {
        char boot[BOOT_ID_LENGTH + 1], path[IMAGE_NAME_MAX + 32];
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = lease_boot(boot);

        lease_path(container, path, sizeof(path));
        if (r >= 0)
                r = image_store_read(store_fd, path, LEASE_SIZE_MAX, &text, &size);
        if (r < 0)
                return r;
        text[strcspn(text, "\n")] = 0;
        if (strlen(text) != BOOT_ID_LENGTH + DIGEST_HEX_SIZE)
                return -EBADMSG;
        if (strncmp(text, boot, BOOT_ID_LENGTH) != 0)
                return -ESTALE;
        return digest_from_hex(text + BOOT_ID_LENGTH + 1, ret) < 0 ? -EBADMSG : 0;
}

int image_lease_holder(int store_fd, const Digest *manifest, char **ret) {
        _cleanup_strv_ char **names = NULL;
        int r = image_store_names(store_fd, "leases", &names);

        *ret = NULL;
        if (r == -ENOENT)
                return 0;
        for (char **n = names; r >= 0 && n && *n; n++) {
                Digest digest;
                int k = image_lease_read(store_fd, *n, &digest);

                if (k == -ENOMEM)
                        return k;
                if (k >= 0 && digest_equal(&digest, manifest)) {
                        *ret = strdup(*n);
                        return *ret ? 0 : -ENOMEM;
                }
        }
        return r;
}
