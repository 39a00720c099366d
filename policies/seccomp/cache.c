/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>

#include "manager/base/codec.h"
#include "manager/base/io.h"
#include "policies/cache-age.h"
#include "policies/seccomp/bpf-text.h"
#include "policies/seccomp/cache.h"

#define CACHE_MAGIC UINT32_C(0x46534257) /* "WBSF" */
#define CACHE_VERSION 1
#define CACHE_MAX_SIZE (BPF_MAXINSNS * sizeof(struct sock_filter) + 4096)

typedef enum CacheTag {
        CACHE_TAG_KEY = 1,
        CACHE_TAG_PROGRAM = 2,
} CacheTag;

#define CACHE_NAME_PREFIX "seccomp-"
typedef struct CacheName {
        char text[sizeof(CACHE_NAME_PREFIX) - 1 + DIGEST_HEX_SIZE];
} CacheName;

static CacheName cache_name(const Digest *key) {
        CacheName name = { CACHE_NAME_PREFIX };

        digest_to_hex(key, name.text + sizeof(CACHE_NAME_PREFIX) - 1);
        return name;
}

static int take_program(const Field *f, struct sock_filter **ret, size_t *ret_n) {
        struct sock_filter *program;

        if (f->size == 0 || f->size % sizeof(struct sock_filter) != 0)
                return -EBADMSG;

        program = malloc(f->size);
        if (!program)
                return -ENOMEM;
        memcpy(program, f->data, f->size);

        if (!bpf_valid(program, f->size / sizeof(struct sock_filter))) {
                free(program);
                return -EBADMSG;
        }

        free(*ret);
        *ret = program;
        *ret_n = f->size / sizeof(struct sock_filter);
        return 0;
}

static int decode(const void *data, size_t size, const Digest *key, struct sock_filter **ret, size_t *ret_n) {
        _cleanup_free_ struct sock_filter *program = NULL;
        bool key_matches = false;
        Decoder d;
        size_t n = 0;
        int r;

        r = decoder_begin(&d, data, size, CACHE_MAGIC);
        if (r < 0)
                return r;
        if (d.version != CACHE_VERSION)
                return -EBADMSG;

        for (;;) {
                Field f;

                r = decode_next(&d, &f);
                if (r == -ENODATA)
                        break;
                if (r < 0)
                        return r;
                if (f.tag == CACHE_TAG_KEY)
                        key_matches = f.size == sizeof(Digest) && memcmp(f.data, key, sizeof(Digest)) == 0;
                if (f.tag == CACHE_TAG_PROGRAM) {
                        r = take_program(&f, &program, &n);
                        if (r < 0)
                                return r;
                }
        }
        if (!key_matches || !program)
                return -EBADMSG;

        *ret = TAKE_PTR(program);
        *ret_n = n;
        return 0;
}

int filter_cache_read(int cache_fd, const Digest *key, struct sock_filter **ret, size_t *ret_n) {
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *data = NULL;
        CacheName name = cache_name(key);
        size_t size;
        int r;

        fd = openat(cache_fd, name.text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return -ENOENT;

        r = read_file(fd, CACHE_MAX_SIZE, &data, &size);
        if (r >= 0)
                r = decode(data, size, key, ret, ret_n);
        if (r >= 0)
                cache_used(fd);

        return r == -ENOMEM || r >= 0 ? r : -ENOENT;
}

int filter_cache_write(int cache_fd, const Digest *key, const struct sock_filter *program, size_t n) {
        CacheName name = cache_name(key);
        Encoder e = {};
        int r;

        encoder_begin(&e, CACHE_MAGIC, CACHE_VERSION);
        encode_bytes(&e, CACHE_TAG_KEY, key, sizeof(Digest));
        encode_bytes(&e, CACHE_TAG_PROGRAM, program, n * sizeof(struct sock_filter));
        r = encoder_finish(&e);
        if (r >= 0)
                r = write_file_atomic(cache_fd, name.text, e.data, e.size, 0600);

        encoder_done(&e);
        return r;
}
