/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "manager/base/io.h"
#include "manager/base/string-list.h"
#include "manager/host/cgroup/cgroup-root.h"
#include "manager/host/cgroup/cgroup.h"

/* Says that this cgroup was made by cgroup_root_open(), over restarts of the manager. */
#define MARK "trusted.bulwark.root"
#define DIRECTORY_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static const char *const controllers[_CONTROLLER_MAX] = {
        [CONTROLLER_CPU] = "cpu",
        [CONTROLLER_MEMORY] = "memory",
        [CONTROLLER_PIDS] = "pids",
        [CONTROLLER_IO] = "io",
        [CONTROLLER_CPUSET] = "cpuset",
        [CONTROLLER_HUGETLB] = "hugetlb",
        [CONTROLLER_RDMA] = "rdma",
        [CONTROLLER_MISC] = "misc",
};

const char *cgroup_controller_to_string(CgroupController c) {
        return c >= 0 && c < _CONTROLLER_MAX ? controllers[c] : NULL;
}

CgroupController cgroup_controller_from_string(const char *name) {
        for (int i = 0; i < _CONTROLLER_MAX; i++)
                if (streq(controllers[i], name))
                        return (CgroupController)i;
        return _CONTROLLER_INVALID;
}

void cgroup_root_done(CgroupRoot *r) {
        for (size_t i = 0; i < _CONTROLLER_MAX; i++)
                free(r->refused_at[i]);
        cgroup_host_done(&r->host);
        free(r->path);
        (void)safe_close(r->fd);
        (void)safe_close(r->containers_fd);
        *r = CGROUP_ROOT_EMPTY;
}

static bool has_word(const char *text, const char *word) {
        size_t k = strlen(word);

        for (const char *p = text; *p;) {
                size_t n = strcspn(p, " \n");

                if (n == k && memcmp(p, word, n) == 0)
                        return true;
                p += n + (p[n] != 0);
        }
        return false;
}

/* One level of the tree: lets children have every controller that this level has. */
static void enable_controllers(CgroupRoot *root, int fd, const char *where) {
        char have[256], enabled[256], word[32];

        if (cgroup_read(fd, "cgroup.controllers", have, sizeof(have)) < 0 ||
            cgroup_read(fd, "cgroup.subtree_control", enabled, sizeof(enabled)) < 0)
                return;
        for (size_t i = 0; i < _CONTROLLER_MAX; i++) {
                int r;

                if (!has_word(have, controllers[i]) || has_word(enabled, controllers[i]))
                        continue;
                (void)snprintf(word, sizeof(word), "+%s", controllers[i]);
                r = cgroup_write(fd, "cgroup.subtree_control", word);
                if (r < 0 && root->error[i] == 0) {
                        root->error[i] = -r;
                        root->refused_at[i] = strdup(where);
                }
        }
}

static int open_or_make(int parent, const char *name, bool *ret_made) {
        bool made = mkdirat(parent, name, 0755) >= 0;
        _cleanup_close_ int fd = -EBADF;

        if (!made && errno != EEXIST)
                return -errno;
        fd = openat(parent, name, DIRECTORY_FLAGS);
        if (fd < 0)
                return -errno;
        if (made && fchmod(fd, 0755) < 0) /* containers walk down here, see make() in cgroup.c */
                return -errno;
        if (ret_made)
                *ret_made = made;
        return TAKE_FD(fd);
}

/* Walks from the mount to the root, component by component. */
static int walk(CgroupRoot *root, bool enable_above) {
        _cleanup_close_ int fd = open(root->host.mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_free_ char *copy = strdup(root->path);
        char *save = NULL;
        bool made = false;

        if (!copy)
                return -ENOMEM;
        if (fd < 0)
                return -errno;
        for (char *name = strtok_r(copy, "/", &save); name; name = strtok_r(NULL, "/", &save)) {
                int next;

                if (streq(name, "..") || streq(name, "."))
                        return -EINVAL;
                if (enable_above)
                        enable_controllers(root, fd, root->host.mount);
                next = open_or_make(fd, name, &made);
                if (next < 0)
                        return next;
                (void)safe_close(fd);
                fd = next;
        }
        if (made)
                (void)fsetxattr(fd, MARK, "1", 1, 0);
        root->fd = TAKE_FD(fd);
        return 0;
}

static int make_children(CgroupRoot *root) {
        int fd;

        fd = open_or_make(root->fd, "keeper", NULL);
        if (fd < 0)
                return fd;
        (void)close(fd);
        fd = open_or_make(root->fd, "containers", NULL);
        if (fd < 0)
                return fd;
        root->containers_fd = fd;
        return 0;
}

static int set_path(CgroupRoot *root, const char *path) {
        const char *below = startswith(path, root->host.mount);

        if (below && (*below == '/' || !*below))
                path = below;
        while (*path == '/')
                path++;
        return str_append(&root->path, "/%s", path);
}

int cgroup_root_take_keeper(const CgroupRoot *r, pid_t pid) {
        char number[24];

        (void)snprintf(number, sizeof(number), "%d", (int)pid);
        return cgroup_write(r->fd, "keeper/cgroup.procs", number);
}

int cgroup_root_open(const char *path, bool enable_above, pid_t keeper, Diag *diag, CgroupRoot *ret) {
        _cleanup_(cgroup_root_done) CgroupRoot root = CGROUP_ROOT_EMPTY;
        char have[256];
        int r;

        r = cgroup_host_read(&root.host);
        if (r < 0)
                return diag_errno(diag, ERROR_HOST_LACKS, NULL, NULL, -r,
                                  "cannot read /proc/self/mountinfo");
        if (!root.host.mount) {
                (void)diag_error(diag, ERROR_HOST_LACKS, NULL, NULL,
                                 "no cgroup2 file system is mounted; mount one: mount -t cgroup2 cgroup2 "
                                 "/sys/fs/cgroup (hybrid hosts: /sys/fs/cgroup/unified)");
                return -EOPNOTSUPP;
        }
        r = set_path(&root, path);
        if (r < 0)
                return r;
        r = walk(&root, enable_above);
        if (r >= 0)
                r = make_children(&root);
        if (r < 0)
                return diag_errno(diag, ERROR_FAILED, NULL, NULL, -r,
                                  "cannot open the control group \"%s%s\"", root.host.mount, root.path);
        /* First: with a process in the root the kernel would enable those controllers that threads can have, and take its
         * children for groups of threads from then on. */
        if (keeper > 0)
                (void)cgroup_root_take_keeper(&root, keeper);
        enable_controllers(&root, root.fd, root.path);
        enable_controllers(&root, root.containers_fd, root.path);
        if (cgroup_read(root.containers_fd, "cgroup.subtree_control", have, sizeof(have)) >= 0)
                for (size_t i = 0; i < _CONTROLLER_MAX; i++)
                        root.available[i] = has_word(have, controllers[i]);
        *ret = root;
        root = CGROUP_ROOT_EMPTY;
        return 0;
}

void cgroup_root_remove(const CgroupRoot *r) {
        _cleanup_close_ int parent = -EBADF;
        const char *name = strrchr(r->path, '/');
        char mark[4];

        (void)unlinkat(r->fd, "keeper", AT_REMOVEDIR);
        (void)unlinkat(r->fd, "containers", AT_REMOVEDIR);
        if (!name || !name[1] || fgetxattr(r->fd, MARK, mark, sizeof(mark)) < 0)
                return;
        parent = openat(r->fd, "..", DIRECTORY_FLAGS);
        if (parent >= 0)
                (void)unlinkat(parent, name + 1, AT_REMOVEDIR);
}

static int refuse(const CgroupRoot *r, const CgroupLimit *l, CgroupController c, Diag *diag) {
        const char *legacy = cgroup_host_legacy_path(&r->host, l->controller);

        if (legacy)
                (void)diag_error(
                        diag, ERROR_HOST_LACKS, &l->origin, l->directive,
                        "this host cannot enforce it: the \"%s\" controller is mounted as cgroup v1 at "
                        "%s; boot with systemd.unified_cgroup_hierarchy=1 (or cgroup_no_v1=%s), or remove "
                        "the line",
                        l->controller, legacy, l->controller);
        else if (r->error[c] == EBUSY)
                (void)diag_error(
                        diag, ERROR_HOST_LACKS, &l->origin, l->directive,
                        "this host cannot enforce it: the \"%s\" controller cannot be enabled in \"%s\", "
                        "which has processes of its own; give the manager a delegated control group by "
                        "--cgroup=, or remove the line",
                        l->controller, strempty(r->refused_at[c]));
        else if (r->error[c] > 0)
                (void)diag_error(
                        diag, ERROR_HOST_LACKS, &l->origin, l->directive,
                        "this host cannot enforce it: the \"%s\" controller cannot be enabled in \"%s\": "
                        "%s; give the manager a delegated control group by --cgroup=, or remove the line",
                        l->controller, strempty(r->refused_at[c]), strerror(r->error[c]));
        else
                (void)diag_error(diag, ERROR_HOST_LACKS, &l->origin, l->directive,
                                 "this host cannot enforce it: the \"%s\" controller is not available below "
                                 "\"%s%s\"; enable it in the cgroup.subtree_control files above (systemd: "
                                 "Delegate=yes), boot a kernel that has it, or remove the line",
                                 l->controller, r->host.mount, r->path);
        return -EOPNOTSUPP;
}

int cgroup_limits_check(const CgroupRoot *r, const CgroupLimit *limits, size_t n, Diag *diag) {
        int result = 0;

        for (size_t i = 0; i < n; i++) {
                CgroupController c = cgroup_controller_from_string(limits[i].controller);

                if (limits[i].needed && !r->available[c])
                        result = refuse(r, limits + i, c, diag);
        }
        return result;
}
