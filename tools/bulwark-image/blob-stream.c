/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "tools/bulwark-image/blob-stream.h"
#include "tools/bulwark-image/limits.h"

#define STREAM_BUFFER (256U << 10)

struct BlobStream {
        int fd;
        const uint8_t *memory; /* what is left of it */
        size_t memory_size;
        uint8_t *buffer;
        DigestStream *file_digest, *content_digest;
        uint64_t file_size, content_size;
        struct archive *filter, *tar;
        Diag *diag;
        bool told; /* the reason stands in diag already */
};

static ssize_t stream_take(BlobStream *s, const void **ret) {
        ssize_t n;

        if (s->fd < 0) {
                n = (ssize_t)MIN_OF(s->memory_size, (size_t)STREAM_BUFFER);
                *ret = s->memory;
                s->memory += n;
                s->memory_size -= (size_t)n;
                return n;
        }
        do
                n = read(s->fd, s->buffer, STREAM_BUFFER);
        while (n < 0 && errno == EINTR);
        *ret = s->buffer;
        return n;
}

/* The file's side. */
static ssize_t stream_read_file(struct archive *a, void *userdata, const void **ret) {
        BlobStream *s = userdata;
        ssize_t n = stream_take(s, ret);

        if (n < 0) {
                archive_set_error(a, errno, "cannot read the file");
                return ARCHIVE_FATAL;
        }
        digest_stream_update(s->file_digest, *ret, (size_t)n);
        s->file_size += (uint64_t)n;
        return n;
}

static int stream_refuse(BlobStream *s, const char *words) {
        s->told = true;
        return diag_error(s->diag, ERROR_BAD_VALUE, NULL, NULL, "the archive is refused: %s", words);
}

static int stream_check(BlobStream *s) {
        if (s->content_size > LIMIT_LAYER_BYTES)
                return stream_refuse(s, "it has more than 64 GiB decompressed");
        if (s->content_size > LIMIT_RATIO_FREE && s->content_size / LIMIT_RATIO > s->file_size)
                return stream_refuse(s, "it grows more than " STRINGIFY(200) " times when it is decompressed, and beyond 64 MiB");
        return 0;
}

/* The tar's side: a block of what came out of the decompressor. */
static ssize_t stream_read_content(struct archive *a, void *userdata, const void **ret) {
        BlobStream *s = userdata;
        size_t size = 0;
        la_int64_t offset;
        int r;

        do
                r = archive_read_data_block(s->filter, ret, &size, &offset);
        while (r == ARCHIVE_RETRY || (r == ARCHIVE_OK && size == 0));
        if (r == ARCHIVE_EOF)
                return 0;
        if (r < ARCHIVE_WARN) {
                archive_set_error(a, EBADMSG, "%s", strempty(archive_error_string(s->filter)));
                return ARCHIVE_FATAL;
        }
        digest_stream_update(s->content_digest, *ret, size);
        s->content_size += size;
        if (stream_check(s) < 0) {
                archive_set_error(a, EFBIG, "refused");
                return ARCHIVE_FATAL;
        }
        return (ssize_t)size;
}

BlobStream *blob_stream_free(BlobStream *s) {
        if (!s)
                return NULL;
        (void)archive_read_free(s->tar);
        (void)archive_read_free(s->filter);
        s->file_digest = digest_stream_free(s->file_digest);
        s->content_digest = digest_stream_free(s->content_digest);
        free(s->buffer);
        free(s);
        return NULL;
}

static int stream_explain(BlobStream *s, struct archive *a) {
        if (!s->told)
                (void)diag_error(s->diag, ERROR_BAD_VALUE, NULL, NULL, "the archive cannot be read: %s",
                                 strempty(archive_error_string(a)));
        s->told = true;
        return -EBADMSG;
}

/* The library's own decompressors: what archive_read_support_filter_all() adds are programs of the host. */
static int (*const stream_filters[])(struct archive *) = {
        archive_read_support_filter_gzip,
        archive_read_support_filter_zstd,
        archive_read_support_filter_xz,
        archive_read_support_filter_bzip2,
};

static int stream_open(BlobStream *s) {
        struct archive_entry *entry;

        for (size_t i = 0; i < ELEMENTSOF(stream_filters); i++)
                if (stream_filters[i](s->filter) != ARCHIVE_OK)
                        return stream_explain(s, s->filter);
        if (archive_read_support_format_raw(s->filter) != ARCHIVE_OK || archive_read_support_format_empty(s->filter) != ARCHIVE_OK ||
            archive_read_open(s->filter, s, NULL, stream_read_file, NULL) != ARCHIVE_OK ||
            archive_read_next_header(s->filter, &entry) != ARCHIVE_OK)
                return stream_explain(s, s->filter);
        if (archive_read_support_format_tar(s->tar) != ARCHIVE_OK ||
            archive_read_open(s->tar, s, NULL, stream_read_content, NULL) != ARCHIVE_OK)
                return stream_explain(s, s->tar);
        return 0;
}

int blob_stream_new(int fd, const void *memory, size_t size, Diag *diag, BlobStream **ret) {
        _cleanup_(blob_stream_freep) BlobStream *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        *s = (BlobStream){ .fd = fd, .memory = memory, .memory_size = size, .diag = diag };
        s->buffer = malloc(STREAM_BUFFER);
        s->file_digest = digest_stream_new();
        s->content_digest = digest_stream_new();
        s->filter = archive_read_new();
        s->tar = archive_read_new();
        if (!s->buffer || !s->file_digest || !s->content_digest || !s->filter || !s->tar)
                return -ENOMEM;
        r = stream_open(s);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

struct archive *blob_stream_tar(BlobStream *s) {
        return s->tar;
}

int blob_stream_error(BlobStream *s) {
        return stream_explain(s, s->tar);
}

int blob_stream_finish(BlobStream *s, Digest *ret_file, uint64_t *ret_file_size, Digest *ret_content, uint64_t *ret_content_size) {
        const void *data;
        ssize_t n;

        while ((n = stream_read_content(s->tar, s, &data)) > 0)
                ;
        if (n < 0)
                return stream_explain(s, s->tar);
        while ((n = stream_read_file(s->tar, s, &data)) > 0) /* what a decompressor does not look at */
                ;
        if (n < 0)
                return stream_explain(s, s->tar);
        digest_stream_finish(s->file_digest, ret_file);
        digest_stream_finish(s->content_digest, ret_content);
        *ret_file_size = s->file_size;
        *ret_content_size = s->content_size;
        return 0;
}
