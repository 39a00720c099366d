/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who runs from an image: a file leases/CONTAINER of the store, the boot and the image's digest in it. While it stands there, the
 * image and its layers are not removed. One of another boot is none: what ran then is gone. */

#include "manager/base/hash.h"

/* Under the store's lock, which is waited for briefly: -EBUSY where images are being removed for longer. -ENOENT: the image is gone. */
int image_lease_take(int store_fd, const char *container, const Digest *manifest);
void image_lease_drop(int store_fd, const char *container);

/* The image that a container runs from; -ESTALE: of another boot. */
int image_lease_read(int store_fd, const char *container, Digest *ret);
/* A container that runs from an image; NULL = none. For who holds the store's lock alone. */
int image_lease_holder(int store_fd, const Digest *manifest, char **ret);
