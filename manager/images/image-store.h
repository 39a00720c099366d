/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The store of images, as a start sees it: directories and small files that are either whole or not there.
 *
 *     lock            flock: shared by an import, exclusive by what removes
 *     blobs/HEX       manifests and configurations, as they came
 *     layers/ID/tree  a layer; beside it meta and opaque
 *     images/HEX      a record, named by the manifest's digest
 *     refs/FILE       a name: one line, the digest
 *     leases/NAME     a container that runs from an image (image-lease.h)
 *     tmp/...         imports under way, and what is being removed
 *
 * Written by bulwark-image alone, but for the leases, which are the manager's. */

#include "manager/images/image-name.h"
#include "manager/images/image-record.h"

#define IMAGE_STORE_DIRECTORY "/var/lib/bulwark/images"

/* Only a directory of root's in which nobody else writes is a store: -EPERM. */
int image_store_open(const char *path, int *ret_fd);

/* NAME, NAME@sha256:HEX (both must fit), sha256:HEX, or the first 12 digits and more of an image's digest.
 * -ENOENT: no such image; -EINVAL: no such name can be; -ENOTUNIQ: several images begin so. */
int image_store_find(int store_fd, const char *name, Digest *ret);

/* -EBADMSG: the record is damaged. */
int image_store_load(int store_fd, const Digest *manifest, ImageRecord **ret);

/* The digest that a file of refs/ names. */
int image_store_read_ref(int store_fd, const char *file, Digest *ret);

/* The names in a directory of the store, sorted; those that begin with a dot are left out. */
int image_store_names(int store_fd, const char *directory, char ***ret);

/* A regular file below the store, never through a link. */
int image_store_read(int store_fd, const char *path, size_t max, char **ret, size_t *ret_size);

/* Where the layers of an image are, below the store: layers/ID/tree, the lowest first. One that occurs again further up is left
 * out below: an overlay takes no directory twice, and shows the same without it. */
int image_store_directories(const ImageRecord *image, char ***ret);
