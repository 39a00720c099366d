/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manager/base/io.h"
#include "manager/host/sockets/socket-bind.h"
#include "units/values/text.h"

static const char *path_of(const ListenAddress *a) {
        return a->address.any.sa_family == AF_UNIX && a->address.un.sun_path[0] ? a->address.un.sun_path : NULL;
}

/* With its mode from the first moment: by a second call for it, somebody may have put another file in the place. */
static int make_directory(const char *path, mode_t mode) {
        const mode_t mask = umask(0);
        const int r = mkdir(path, mode) < 0 && errno != EEXIST ? -errno : 0;

        (void)umask(mask);
        return r;
}

static int make_parents(const char *path, mode_t mode) {
        _cleanup_free_ char *s = strdup(path);
        int r = s ? 0 : -ENOMEM;

        for (char *slash = s ? strchr(s + 1, '/') : NULL; r >= 0 && slash; slash = strchr(slash + 1, '/')) {
                *slash = 0;
                r = make_directory(s, mode);
                *slash = '/';
        }
        return r;
}

/* Somebody who lives is left alone: of what nobody answers for, the kernel says so. */
static int remove_stale(const ListenAddress *a, int type) {
        _cleanup_close_ int fd = -EBADF;
        struct stat st;

        if (lstat(path_of(a), &st) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (!S_ISSOCK(st.st_mode))
                return -EADDRINUSE;
        fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, &a->address.any, a->size) >= 0 || errno != ECONNREFUSED)
                return -EADDRINUSE;
        return unlink(path_of(a)) < 0 ? -errno : 0;
}

static int find_user(const char *name, uid_t *ret) {
        const struct passwd *pw;
        uint64_t n;

        if (!name)
                return 0;
        if (parse_u64(name, &n) >= 0 && n < UINT32_MAX) {
                *ret = (uid_t)n;
                return 0;
        }
        pw = getpwnam(name);
        if (!pw)
                return -ENOENT;
        *ret = pw->pw_uid;
        return 0;
}

static int find_group(const char *name, gid_t *ret) {
        const struct group *gr;
        uint64_t n;

        if (!name)
                return 0;
        if (parse_u64(name, &n) >= 0 && n < UINT32_MAX) {
                *ret = (gid_t)n;
                return 0;
        }
        gr = getgrnam(name);
        if (!gr)
                return -ENOENT;
        *ret = gr->gr_gid;
        return 0;
}

/* Who can write to the directory may put another file in its place meanwhile: only a socket of ours is given away. */
static int give(const char *path, uid_t uid, gid_t gid) {
        _cleanup_close_ int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISSOCK(st.st_mode) || st.st_uid != geteuid() || st.st_nlink != 1)
                return -EPERM;
        return fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

/* The node gets the mode that the socket itself has. */
static int bind_path(int fd, const ContainerSpec *spec, const ListenAddress *a, int type, uid_t uid, gid_t gid) {
        mode_t mask;
        int r;

        r = make_parents(path_of(a), spec->directory_mode);
        if (r >= 0)
                r = remove_stale(a, type);
        if (r < 0)
                return r;
        if (fchmod(fd, spec->socket_mode) < 0)
                return -errno;
        mask = umask(0);
        r = bind(fd, &a->address.any, a->size) < 0 ? -errno : 0;
        (void)umask(mask);
        if (r < 0 || (uid == (uid_t)-1 && gid == (gid_t)-1))
                return r;
        r = give(path_of(a), uid, gid);
        if (r < 0)
                (void)unlink(path_of(a));
        return r;
}

static int bind_internet(int fd, const ContainerSpec *spec, const ListenAddress *a, int type) {
        const int on = 1, only = spec->bind_ipv6_only == BIND_IPV6_ONLY;

        if (type == SOCK_STREAM && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
                return -errno;
        if (a->address.any.sa_family == AF_INET6 && spec->bind_ipv6_only != BIND_IPV6_DEFAULT &&
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)) < 0)
                return -errno;
        return bind(fd, &a->address.any, a->size) < 0 ? -errno : 0;
}

/* A port alone is one of IPv4 where the kernel has no IPv6. */
static int open_socket(ListenAddress *a, int type, int *ret) {
        int fd = socket(a->address.any.sa_family, type | SOCK_CLOEXEC, 0);

        if (fd < 0 && errno == EAFNOSUPPORT && a->any) {
                const in_port_t port = a->address.in6.sin6_port;

                a->address.in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = port };
                a->size = sizeof(a->address.in);
                fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
        }
        if (fd < 0)
                return -errno;
        *ret = fd;
        return 0;
}

static int owner_of(const ContainerSpec *spec, Diag *diag, uid_t *ret_uid, gid_t *ret_gid) {
        if (find_user(spec->socket_user, ret_uid) < 0)
                return diag_error(diag, ERROR_MISSING, container_spec_origin(spec, DIRECTIVE_SocketUser), "SocketUser",
                                  "the host has no user '%s'", spec->socket_user);
        if (find_group(spec->socket_group, ret_gid) < 0)
                return diag_error(diag, ERROR_MISSING, container_spec_origin(spec, DIRECTIVE_SocketGroup), "SocketGroup",
                                  "the host has no group '%s'", spec->socket_group);
        return 0;
}

int socket_bind(const ContainerSpec *spec, const SpecSocket *s, Diag *diag, int *ret) {
        const char *name = directives[s->directive].name;
        _cleanup_close_ int fd = -EBADF;
        uid_t uid = (uid_t)-1;
        gid_t gid = (gid_t)-1;
        ListenAddress a;
        int r;

        r = listen_address_parse(s->item->text, &a);
        if (r < 0)
                return r;
        if (path_of(&a)) {
                r = owner_of(spec, diag, &uid, &gid);
                if (r < 0)
                        return r;
        }
        r = open_socket(&a, s->type, &fd);
        if (r >= 0 && path_of(&a))
                r = bind_path(fd, spec, &a, s->type, uid, gid);
        else if (r >= 0 && a.address.any.sa_family == AF_UNIX)
                r = bind(fd, &a.address.any, a.size) < 0 ? -errno : 0;
        else if (r >= 0)
                r = bind_internet(fd, spec, &a, s->type);
        if (r >= 0 && s->type != SOCK_DGRAM && listen(fd, (int)MIN_OF(spec->backlog, (uint32_t)INT32_MAX)) < 0)
                r = -errno;
        if (r == -EADDRINUSE)
                return diag_errno(diag, ERROR_CONFLICT, &s->item->origin, name, -r, "somebody else has '%s' already", s->item->text);
        if (r < 0)
                return diag_errno(diag, ERROR_FAILED, &s->item->origin, name, -r, "cannot open '%s'", s->item->text);
        *ret = TAKE_FD(fd);
        return 0;
}
