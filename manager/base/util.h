/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The vocabulary every file speaks: ownership (_cleanup_, TAKE_*), string equality, array sizes. Knows no
 * domain word. Header only, so that the static keeper can use it. */

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define _unused_ __attribute__((unused))
#define _nonnull_ __attribute__((nonnull))
#define _warn_unused_result_ __attribute__((warn_unused_result))

#define ELEMENTSOF(a) (sizeof(a) / sizeof((a)[0]))
#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))
#define FLAGS_SET(v, f) (((v) & (f)) == (f))
#define STRINGIFY_(x) #x
#define STRINGIFY(x) STRINGIFY_(x)
#define CONCATENATE_(a, b) a##b
#define CONCATENATE(a, b) CONCATENATE_(a, b)
#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

#define NSEC_PER_USEC UINT64_C(1000)
#define USEC_PER_MSEC UINT64_C(1000)
#define USEC_PER_SEC UINT64_C(1000000)
#define USEC_INFINITY UINT64_MAX

/* Hands a pointer (a descriptor) over: the variable is emptied, the value returned. */
#define TAKE_PTR(p)                                                                                           \
        ({                                                                                                    \
                __auto_type _p = &(p);                                                                        \
                __auto_type _v = *_p;                                                                         \
                *_p = NULL;                                                                                   \
                _v;                                                                                           \
        })
#define TAKE_FD(fd)                                                                                           \
        ({                                                                                                    \
                int *_f = &(fd);                                                                              \
                int _v = *_f;                                                                                 \
                *_f = -EBADF;                                                                                 \
                _v;                                                                                           \
        })

/* Defines what _cleanup_() calls for TYPE *, from its free function that accepts NULL and returns NULL. */
#define DEFINE_CLEANUP(type, func)                                                                            \
        static inline void func##p(type **p) {                                                                \
                if (*p)                                                                                       \
                        *p = func(*p);                                                                        \
        }

static inline bool streq(const char *a, const char *b) {
        return strcmp(a, b) == 0;
}

/* NULL equals only NULL. */
static inline bool streq_ptr(const char *a, const char *b) {
        return a == b || (a && b && strcmp(a, b) == 0);
}

/* The rest of s after prefix, or NULL where s does not start with it. */
static inline const char *startswith(const char *s, const char *prefix) {
        size_t n = strlen(prefix);

        return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

/* Where in s the suffix begins, or NULL. */
static inline const char *endswith(const char *s, const char *suffix) {
        size_t n = strlen(s), k = strlen(suffix);

        return n >= k && memcmp(s + n - k, suffix, k) == 0 ? s + n - k : NULL;
}

static inline bool isempty(const char *s) {
        return !s || !*s;
}

static inline const char *strempty(const char *s) {
        return s ? s : "";
}

static inline void freep(void *p) {
        free(*(void **)p);
}

/* Closes an owned descriptor, keeps errno; returns -EBADF to assign back. */
static inline int safe_close(int fd) {
        if (fd >= 0) {
                int saved = errno;

                (void)close(fd);
                errno = saved;
        }
        return -EBADF;
}

static inline void closep(int *fd) {
        *fd = safe_close(*fd);
}

#define _cleanup_free_ _cleanup_(freep)
#define _cleanup_close_ _cleanup_(closep)
