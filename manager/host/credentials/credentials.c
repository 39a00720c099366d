/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "manager/base/io.h"
#include "manager/base/string-list.h"
#include "manager/host/credentials/credentials.h"

/* Where a name is looked for, the first that has it wins; systemd.exec(5). */
static const char *const stores[] = { "/etc/credstore", "/run/credstore", "/usr/local/lib/credstore", "/usr/lib/credstore" };

typedef struct Writer {
        const CredentialsRequest *request;
        int directory; /* of the new file system */
        size_t size;
} Writer;

/* --- the file system */

static int set_option(int fs, const char *key, const char *value) {
        return syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, value, 0) < 0 ? -errno : 0;
}

static int new_file_system(const CredentialsRequest *q, int *ret) {
        _cleanup_close_ int fs = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
        int r;

        if (fs < 0)
                return -errno;
        r = set_option(fs, "size", "2m"); /* of whole pages: many small ones take more than their bytes */
        if (r >= 0)
                r = set_option(fs, "nr_inodes", "1024");
        if (r >= 0)
                r = set_option(fs, "mode", "0700");
        if (r >= 0 && q->context)
                r = set_option(fs, "context", q->context);
        if (r < 0)
                return r;
        (void)syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, "noswap", NULL, 0); /* Linux 6.4 */
        if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return -errno;
        *ret = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
        return *ret < 0 ? -errno : 0;
}

static int credential_write(Writer *w, const char *name, const void *data, size_t size) {
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (w->size + size > CREDENTIALS_MAX)
                return -EFBIG;
        fd = openat(w->directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
        if (fd < 0)
                return errno == EEXIST ? 0 : -errno; /* the first of a name wins */
        r = write_all(fd, data, size);
        if (r < 0)
                return r;
        w->size += size;
        return fchown(fd, w->request->uid, w->request->gid) < 0 ? -errno : 0;
}

static bool has_credential(const Writer *w, const char *name) {
        return faccessat(w->directory, name, F_OK, AT_SYMLINK_NOFOLLOW) >= 0;
}

/* --- what is read */

static int read_held(const HeldPath *held, void **ret, size_t *ret_size) {
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *data = NULL;
        size_t size = 0;
        struct stat st;
        int r;

        if (fstat(held->fd, &st) < 0)
                return -errno;
        switch (path_check_read(held->writer, &st)) {
        case PATH_MISTAKE_NONE:
                break;
        case PATH_MISTAKE_KIND:
                return S_ISDIR(st.st_mode) ? -EISDIR : -EOPNOTSUPP;
        case PATH_MISTAKE_LINKS:
        case PATH_MISTAKE_OWNER:
        case _PATH_MISTAKE_MAX:
        default:
                return -EPERM;
        }
        r = held_path_reopen(held, O_RDONLY, &fd);
        if (r < 0)
                return r;
        data = malloc(CREDENTIALS_MAX + 1);
        if (!data)
                return -ENOMEM;
        r = read_all(fd, data, CREDENTIALS_MAX + 1, &size);
        if (r < 0)
                return r;
        if (size > CREDENTIALS_MAX)
                return -EFBIG;
        *ret = TAKE_PTR(data);
        *ret_size = size;
        return 0;
}

static int load_file(Writer *w, const char *name, const char *path) {
        _cleanup_(held_path_done) HeldPath held = HELD_PATH_EMPTY;
        _cleanup_free_ void *data = NULL;
        size_t size = 0;
        int r;

        r = held_path_open(path, w->request->trees, 0, &held);
        if (r >= 0)
                r = read_held(&held, &data, &size);
        if (r >= 0)
                r = credential_write(w, name, data, size);
        if (data)
                explicit_bzero(data, size);
        return r;
}

typedef int (*EntryFunc)(Writer *w, const char *path, const char *entry, const void *userdata);

/* Calls each() for the entries of a directory of root's, sorted by nothing. */
static int each_entry(Writer *w, const char *path, EntryFunc each, const void *userdata) {
        _cleanup_(held_path_done) HeldPath held = HELD_PATH_EMPTY;
        int fd, r;
        DIR *d;

        r = held_path_open(path, w->request->trees, 0, &held);
        if (r >= 0)
                r = held_path_reopen(&held, O_RDONLY | O_DIRECTORY, &fd);
        if (r < 0)
                return r;
        d = fdopendir(fd);
        if (!d) {
                (void)close(fd);
                return -ENOMEM;
        }
        for (const struct dirent *e; r >= 0 && (e = readdir(d));)
                if (e->d_name[0] != '.')
                        r = each(w, path, e->d_name, userdata);
        (void)closedir(d);
        return r;
}

/* LoadCredential=NAME:DIRECTORY: each file as NAME_FILE. */
static int load_entry(Writer *w, const char *path, const char *entry, const void *userdata) {
        _cleanup_free_ char *name = NULL, *file = NULL;
        int r;

        r = str_append(&name, "%s_%s", (const char *)userdata, entry);
        if (r >= 0)
                r = str_append(&file, "%s/%s", path, entry);
        if (r < 0 || strlen(name) > NAME_MAX)
                return r < 0 ? r : -ENAMETOOLONG;
        r = load_file(w, name, file);
        return r == -EISDIR || r == -EOPNOTSUPP ? 0 : r; /* what is no file is not of them */
}

static int load_path(Writer *w, const char *name, const char *path) {
        int r = load_file(w, name, path);

        return r == -EISDIR ? each_entry(w, path, load_entry, name) : r;
}

/* -ENOENT: nowhere. */
static int load_from_stores(Writer *w, const char *name, const char *file) {
        int r = -ENOENT;

        for (size_t i = 0; i <= ELEMENTSOF(stores) && r == -ENOENT; i++) {
                const char *store = i == 0 ? w->request->inherited : stores[i - 1];
                _cleanup_free_ char *path = NULL;

                if (!store)
                        continue;
                r = str_append(&path, "%s/%s", store, file);
                if (r >= 0)
                        r = load_path(w, name, path);
        }
        return r;
}

/* --- the directives */

static bool is_set(const ContainerSpec *s, const char *name) {
        for (size_t i = 0; i < s->set_credential.n; i++)
                if (streq(s->set_credential.items[i].name, name))
                        return true;
        return false;
}

static int load_refused(const CredentialSource *c, int r, Diag *diag) {
        const char *from = c->path ?: c->name;

        if (r == -EFBIG)
                return diag_error(diag, ERROR_BAD_VALUE, &c->origin, "LoadCredential",
                                  "the credentials are longer than %u KiB together", CREDENTIALS_MAX >> 10);
        if (r == -EOPNOTSUPP)
                return diag_error(diag, ERROR_UNSUPPORTED, &c->origin, "LoadCredential",
                                  "\"%s\" is neither a file nor a directory; sockets are not read", from);
        if (r == -EPERM)
                return diag_error(diag, ERROR_POLICY, &c->origin, "LoadCredential",
                                  "\"%s\" could be somebody else's file, by a link or a second name that root has not made; keep it "
                                  "where only root can write", from);
        return diag_errno(diag, ERROR_FAILED, &c->origin, "LoadCredential", -r, "cannot read the credential \"%s\"%s", from,
                          from[0] == '/' ? "" : " in /etc/credstore or its like");
}

static int load_all(Writer *w, Diag *diag) {
        const value_credential_sources *v = &w->request->spec->load_credential;
        int error = 0;

        for (size_t i = 0; i < v->n; i++) {
                const CredentialSource *c = v->items + i;
                const char *from = c->path ?: c->name;
                int r = *from == '/' ? load_path(w, c->name, from) : load_from_stores(w, c->name, from);

                if (r < 0 && !(r == -ENOENT && is_set(w->request->spec, c->name)))
                        error = load_refused(c, r, diag);
        }
        return error;
}

static int import_entry(Writer *w, const char *path, const char *entry, const void *userdata) {
        _cleanup_free_ char *file = NULL;
        int r;

        if (fnmatch(userdata, entry, FNM_NOESCAPE) != 0 || has_credential(w, entry))
                return 0;
        r = str_append(&file, "%s/%s", path, entry);
        if (r >= 0)
                r = load_file(w, entry, file);
        return r == -EISDIR || r == -EOPNOTSUPP || r == -ENOENT ? 0 : r;
}

/* What matches in any store; nothing need to. */
static int import_all(Writer *w, Diag *diag) {
        const ContainerSpec *s = w->request->spec;

        for (char *const *glob = s->import_credential; glob && *glob; glob++)
                for (size_t i = 0; i <= ELEMENTSOF(stores); i++) {
                        const char *store = i == 0 ? w->request->inherited : stores[i - 1];
                        int r = store ? each_entry(w, store, import_entry, *glob) : 0;

                        if (r < 0 && r != -ENOENT)
                                return diag_errno(diag, r == -EPERM ? ERROR_POLICY : ERROR_FAILED,
                                                  container_spec_origin(s, DIRECTIVE_ImportCredential), "ImportCredential", -r,
                                                  "cannot import \"%s\" from %s", *glob, store);
                }
        return 0;
}

static int set_all(Writer *w, Diag *diag) {
        const value_credential_texts *v = &w->request->spec->set_credential;

        for (size_t i = 0; i < v->n; i++) {
                int r = has_credential(w, v->items[i].name) ?
                                0 : credential_write(w, v->items[i].name, v->items[i].text, strlen(v->items[i].text));

                if (r < 0)
                        return diag_errno(diag, ERROR_FAILED, &v->items[i].origin, "SetCredential", -r,
                                          "cannot make the credential \"%s\"", v->items[i].name);
        }
        return 0;
}

/* Nothing in it changes from here on; the mount's flags are locked when it enters the container. */
static int seal(const CredentialsRequest *q, int fd) {
        struct mount_attr attributes = { .attr_set = MOUNT_ATTR_RDONLY };
        _cleanup_close_ int top = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (top < 0 || fchown(top, q->uid, q->gid) < 0 || fchmod(top, 0500) < 0)
                return -errno;
        return syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attributes, sizeof(attributes)) < 0 ? -errno : 0;
}

int credentials_open(const CredentialsRequest *q, Diag *diag, int *ret_fd) {
        _cleanup_close_ int fd = -EBADF;
        Writer w = { .request = q };
        int r;

        r = new_file_system(q, &fd);
        if (r < 0)
                return diag_errno(diag, ERROR_FAILED, NULL, NULL, -r, "cannot make a file system for the credentials");
        w.directory = fd;
        r = load_all(&w, diag);
        if (r >= 0)
                r = import_all(&w, diag);
        if (r >= 0)
                r = set_all(&w, diag);
        if (r < 0)
                return r;
        r = seal(q, fd);
        if (r < 0)
                return diag_errno(diag, ERROR_FAILED, NULL, NULL, -r, "cannot close the file system of the credentials");
        *ret_fd = TAKE_FD(fd);
        return 0;
}
