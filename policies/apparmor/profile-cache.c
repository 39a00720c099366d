/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>

#include "manager/base/codec.h"
#include "manager/base/io.h"
#include "policies/apparmor/profile-cache.h"
#include "policies/cache-age.h"

#define CACHE_MAGIC UINT32_C(0x50414257) /* "WBAP" */
#define CACHE_VERSION 1

typedef enum CacheTag {
        CACHE_TAG_KEY = 1,
        CACHE_TAG_BINARY = 2,
} CacheTag;

#define CACHE_NAME_PREFIX "apparmor-"
typedef struct CacheName {
        char text[sizeof(CACHE_NAME_PREFIX) - 1 + DIGEST_HEX_SIZE];
} CacheName;

static CacheName cache_name(const Digest *key) {
        CacheName name = { CACHE_NAME_PREFIX };

        digest_to_hex(key, name.text + sizeof(CACHE_NAME_PREFIX) - 1);
        return name;
}

static int decode(const void *data, size_t size, const Digest *key, const void **ret, size_t *ret_size) {
        const void *binary = NULL;
        bool key_matches = false;
        size_t n = 0;
        Decoder d;
        Field f;
        int r;

        r = decoder_begin(&d, data, size, CACHE_MAGIC);
        if (r < 0)
                return r;
        if (d.version != CACHE_VERSION)
                return -EBADMSG;
        while ((r = decode_next(&d, &f)) >= 0) {
                if (f.tag == CACHE_TAG_KEY)
                        key_matches = f.size == sizeof(Digest) && memcmp(f.data, key, sizeof(Digest)) == 0;
                if (f.tag == CACHE_TAG_BINARY) {
                        binary = f.data;
                        n = f.size;
                }
        }
        if (r != -ENODATA || !key_matches || n == 0)
                return -EBADMSG;
        *ret = binary;
        *ret_size = n;
        return 0;
}

int profile_cache_read(int cache_fd, const Digest *key, void **ret, size_t *ret_size) {
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *record = NULL;
        CacheName name = cache_name(key);
        const void *binary;
        size_t size, n;
        void *copy;
        int r;

        fd = openat(cache_fd, name.text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return -ENOENT;
        r = read_file(fd, PROFILE_BINARY_MAX + 4096, &record, &size);
        if (r >= 0)
                r = decode(record, size, key, &binary, &n);
        if (r < 0)
                return r == -ENOMEM ? r : -ENOENT;
        cache_used(fd);
        copy = malloc(n);
        if (!copy)
                return -ENOMEM;
        *ret = memcpy(copy, binary, n);
        *ret_size = n;
        return 0;
}

int profile_cache_write(int cache_fd, const Digest *key, const void *data, size_t size) {
        CacheName name = cache_name(key);
        Encoder e = {};
        int r;

        encoder_begin(&e, CACHE_MAGIC, CACHE_VERSION);
        encode_bytes(&e, CACHE_TAG_KEY, key, sizeof(Digest));
        encode_bytes(&e, CACHE_TAG_BINARY, data, size);
        r = encoder_finish(&e);
        if (r >= 0)
                r = write_file_atomic(cache_fd, name.text, e.data, e.size, 0600);
        encoder_done(&e);
        return r;
}
