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
static int make_directory(const HeldPath *h, mode_t mode) {
        const mode_t mask = umask(0);
        const int r = mkdirat(h->directory, h->name, mode) < 0 && errno != EEXIST ? -errno : 0;

        (void)umask(mask);
        return r;
}

/* Each parent is looked up once more after it was made, so that a link in its place is seen. */
static int make_parents(const char *path, const PathTrees *trees, mode_t mode, HeldPath *ret) {
        _cleanup_free_ char *s = strdup(path);
        int r = s ? 0 : -ENOMEM;

        for (char *slash = s ? strchr(s + 1, '/') : NULL; r >= 0 && slash; slash = strchr(slash + 1, '/')) {
                _cleanup_(held_path_done) HeldPath h = HELD_PATH_EMPTY;

                *slash = 0;
                r = held_path_open(s, trees, HELD_MAY_MISS, &h);
                if (r >= 0 && h.fd < 0)
                        r = make_directory(&h, mode);
                if (r < 0 && h.link) {
                        *ret = h;
                        h = HELD_PATH_EMPTY;
                }
                *slash = '/';
        }
        return r;
}

/* The directory, held, and what lies at the path by now, a link too. */
static int hold_path(const char *path, const PathTrees *trees, mode_t mode, HeldPath *ret) {
        int r = held_path_open(path, trees, HELD_NO_LINK | HELD_MAY_MISS, ret);

        if (r != -ENOENT)
                return r;
        held_path_done(ret);
        r = make_parents(path, trees, mode, ret);
        return r < 0 ? r : held_path_open(path, trees, HELD_NO_LINK | HELD_MAY_MISS, ret);
}

/* Where somebody else can exchange a part of the path, the socket is made and asked by the directory that is held; elsewhere by
 * its own name, which getsockname(2) tells. */
static int address_of(const ListenAddress *a, const HeldPath *h, struct sockaddr_un *ret, socklen_t *ret_size) {
        int n;

        if (h->writer == PATH_WRITER_ROOT) {
                *ret = a->address.un;
                *ret_size = a->size;
                return 0;
        }
        *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
        n = snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", h->directory, h->name);
        if (n < 0 || (size_t)n >= sizeof(ret->sun_path))
                return -ENAMETOOLONG;
        *ret_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n + 1);
        return 0;
}

/* Somebody who lives is left alone: of what nobody answers for, the kernel says so. */
static int remove_stale(const HeldPath *h, const struct sockaddr_un *address, socklen_t size, int type) {
        _cleanup_close_ int fd = -EBADF;
        struct stat st;

        if (h->fd < 0)
                return 0;
        if (fstat(h->fd, &st) < 0)
                return -errno;
        if (!S_ISSOCK(st.st_mode))
                return -EADDRINUSE;
        fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (const struct sockaddr *)address, size) >= 0 || errno != ECONNREFUSED)
                return -EADDRINUSE;
        return unlinkat(h->directory, h->name, 0) < 0 ? -errno : 0;
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
static int give(const HeldPath *h, uid_t uid, gid_t gid, uint64_t *ret_inode) {
        _cleanup_close_ int fd = openat(h->directory, h->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISSOCK(st.st_mode) || st.st_uid != geteuid() || st.st_nlink != 1)
                return -EPERM;
        *ret_inode = st.st_ino;
        if (uid == (uid_t)-1 && gid == (gid_t)-1)
                return 0;
        return fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

static void remove_entry(const HeldPath *h, uint64_t inode) {
        struct stat st;

        if (inode != 0 && fstatat(h->directory, h->name, &st, AT_SYMLINK_NOFOLLOW) >= 0 && S_ISSOCK(st.st_mode) &&
            st.st_ino == inode)
                (void)unlinkat(h->directory, h->name, 0);
}

void socket_remove(const char *path, const PathTrees *trees, uint64_t inode) {
        _cleanup_(held_path_done) HeldPath h = HELD_PATH_EMPTY;

        if (held_path_open(path, trees, HELD_NO_LINK, &h) >= 0)
                remove_entry(&h, inode);
}

/* The node gets the mode that the socket itself has. */
static int bind_held(int fd, const ContainerSpec *spec, const ListenAddress *a, const HeldPath *h, int type, uid_t uid,
                     gid_t gid, uint64_t *ret_inode) {
        struct sockaddr_un address;
        socklen_t size;
        mode_t mask;
        int r;

        r = address_of(a, h, &address, &size);
        if (r >= 0)
                r = remove_stale(h, &address, size, type);
        if (r < 0)
                return r;
        if (fchmod(fd, spec->socket_mode) < 0)
                return -errno;
        mask = umask(0);
        r = bind(fd, (const struct sockaddr *)&address, size) < 0 ? -errno : 0;
        (void)umask(mask);
        if (r < 0)
                return r;
        r = give(h, uid, gid, ret_inode);
        if (r < 0)
                remove_entry(h, *ret_inode);
        return r;
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

static int bind_path(int fd, const ContainerSpec *spec, const SpecSocket *s, const ListenAddress *a, const PathTrees *trees,
                     Diag *diag, uint64_t *ret_inode) {
        _cleanup_(held_path_done) HeldPath h = HELD_PATH_EMPTY;
        uid_t uid = (uid_t)-1;
        gid_t gid = (gid_t)-1;
        int r;

        r = owner_of(spec, diag, &uid, &gid);
        if (r < 0)
                return r;
        r = hold_path(path_of(a), trees, spec->directory_mode, &h);
        if (r < 0 && h.link)
                return held_path_report(&h, r, diag, ERROR_POLICY, &s->item->origin, directives[s->directive].name, path_of(a));
        return r < 0 ? r : bind_held(fd, spec, a, &h, s->type, uid, gid, ret_inode);
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

int socket_bind(const ContainerSpec *spec, const SpecSocket *s, const PathTrees *trees, Diag *diag, int *ret,
                uint64_t *ret_inode) {
        const char *name = directives[s->directive].name;
        const size_t n_errors = diag ? diag->n_errors : 0;
        _cleanup_close_ int fd = -EBADF;
        uint64_t inode = 0;
        ListenAddress a;
        int r;

        r = listen_address_parse(s->item->text, &a);
        if (r < 0)
                return r;
        r = open_socket(&a, s->type, &fd);
        if (r >= 0 && path_of(&a))
                r = bind_path(fd, spec, s, &a, trees, diag, &inode);
        else if (r >= 0 && a.address.any.sa_family == AF_UNIX)
                r = bind(fd, &a.address.any, a.size) < 0 ? -errno : 0;
        else if (r >= 0)
                r = bind_internet(fd, spec, &a, s->type);
        if (r >= 0 && s->type != SOCK_DGRAM && listen(fd, (int)MIN_OF(spec->backlog, (uint32_t)INT32_MAX)) < 0)
                r = -errno;
        if (r < 0 && diag && diag->n_errors > n_errors)
                return r;
        if (r == -EADDRINUSE)
                return diag_errno(diag, ERROR_CONFLICT, &s->item->origin, name, -r, "somebody else has '%s' already", s->item->text);
        if (r < 0)
                return diag_errno(diag, ERROR_FAILED, &s->item->origin, name, -r, "cannot open '%s'", s->item->text);
        *ret_inode = inode;
        *ret = TAKE_FD(fd);
        return 0;
}
