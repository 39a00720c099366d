/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A layer's bytes on their way: from a file, through a decompressor of the library (never a program), to a reader of tar. Both
 * digests are made of every byte that passes, of what stands in the file and of what comes out. */

#include <archive.h>
#include <archive_entry.h>

#include "manager/base/diag.h"
#include "manager/base/hash.h"

typedef struct BlobStream BlobStream;

/* Borrows fd, which stands at its beginning, or reads the size bytes of memory where fd < 0. */
int blob_stream_new(int fd, const void *memory, size_t size, Diag *diag, BlobStream **ret);
BlobStream *blob_stream_free(BlobStream *s);
DEFINE_CLEANUP(BlobStream, blob_stream_free)

struct archive *blob_stream_tar(BlobStream *s);

/* Reads what is left behind the tar's end, in both. A limit that was passed, or a damaged file, is an error here at the latest. */
int blob_stream_finish(BlobStream *s, Digest *ret_file, uint64_t *ret_file_size, Digest *ret_content, uint64_t *ret_content_size);

/* Adds why the last call of the tar reader failed. Always < 0. */
int blob_stream_error(BlobStream *s);
