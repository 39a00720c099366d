/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "manager/base/io.h"
#include "manager/base/string-list.h"
#include "manager/host/cgroup/cgroup-host.h"
#include "manager/host/cgroup/cgroup.h"

#define DIRECTORY_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
/* What a delegated subtree may grow to: beyond, even listing it would cost the manager too much. */
#define DEPTH_MAX 32
#define DESCENDANTS_MAX "4096"
#define PROCESSES_MAX (1U << 22)
#define REMOVE_TRIES 50
#define READ_BACK_MAX 4096

void cgroup_done(Cgroup *c) {
        (void)safe_close(c->fd);
        (void)safe_close(c->payload_fd);
        *c = CGROUP_EMPTY;
}

int cgroup_read(int fd, const char *file, char *buffer, size_t size) {
        _cleanup_close_ int f = openat(fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        size_t n = 0;
        int r;

        if (f < 0)
                return -errno;
        r = read_all(f, buffer, size - 1, &n);
        if (r < 0)
                return r;
        buffer[n] = 0;
        return 0;
}

int cgroup_write(int fd, const char *file, const char *value) {
        _cleanup_close_ int f = openat(fd, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

        return f < 0 ? -errno : write_all(f, value, strlen(value));
}

char *cgroup_name_escape(const char *name) {
        _cleanup_free_ char *s = malloc(4 * strlen(name) + 1);
        char *to = s;

        if (!s)
                return NULL;
        for (const char *p = name; *p; p++) {
                unsigned char c = (unsigned char)*p;

                if (c == '/' || c == '\\' || c < ' ' || (p == name && c == '.'))
                        to += sprintf(to, "\\x%02x", c);
                else
                        *to++ = (char)c;
        }
        *to = 0;
        return TAKE_PTR(s);
}

static char *name_unescape(const char *s) {
        char *name = strdup(s), *to = name;

        if (!name)
                return NULL;
        for (const char *p = s; *p;) {
                unsigned c;

                if (p[0] == '\\' && p[1] == 'x' && isxdigit((unsigned char)p[2]) &&
                    isxdigit((unsigned char)p[3]) && sscanf(p + 2, "%2x", &c) == 1) {
                        *to++ = (char)c;
                        p += 4;
                } else
                        *to++ = *p++;
        }
        *to = 0;
        return name;
}

/* A kernel can take a text and mean something else by it: a set of CPUs that are not there, a partition that it cannot make. */
static int verify_limit(int fd, const CgroupLimit *l, const char *file, const char *value, Diag *diag) {
        char text[READ_BACK_MAX], effective[READ_BACK_MAX] = "", name[64];
        bool has_effective = false;
        int r;

        if (l->format == CGROUP_FORMAT_UNREAD)
                return 0;
        r = cgroup_read(fd, file, text, sizeof(text));
        if (r >= 0 && l->format == CGROUP_FORMAT_CPUS) {
                (void)snprintf(name, sizeof(name), "%s.effective", file);
                has_effective = cgroup_read(fd, name, effective, sizeof(effective)) >= 0;
        }
        if (r < 0)
                return diag_errno(diag, ERROR_HOST_LACKS, &l->origin, l->directive, -r, "cannot read \"%s\" back", file);
        if (cgroup_limit_holds(l->format, value, text, has_effective ? effective : NULL))
                return 0;
        text[strcspn(text, "\n")] = effective[strcspn(effective, "\n")] = 0;
        if (l->format == CGROUP_FORMAT_CPUS && has_effective)
                (void)diag_error(diag, ERROR_HOST_LACKS, &l->origin, l->directive,
                                 "\"%s\" is not what the container would get: the kernel gives \"%s\"; name what this host has online "
                                 "and what the control groups above allow", value, effective);
        else
                (void)diag_error(diag, ERROR_HOST_LACKS, &l->origin, l->directive,
                                 "the kernel has taken \"%s\" for \"%s\", but says \"%s\"%s", value, file, text,
                                 l->format == CGROUP_FORMAT_PARTITION ? "; the CPUs must belong to no other group, and the groups "
                                                                        "above must be able to give them away" : "");
        return -EOPNOTSUPP;
}

static int apply_limit(int fd, const CgroupRoot *root, const CgroupLimit *l, Diag *diag) {
        const char *file = l->file, *value = l->value;
        int r;

        if (!root->available[cgroup_controller_from_string(l->controller)])
                return l->needed ? -EOPNOTSUPP : 0;
        if (l->format == CGROUP_FORMAT_PARTITION && l->needed) {
                char list[READ_BACK_MAX];

                if (cgroup_read(fd, "cpuset.cpus", list, sizeof(list)) >= 0)
                        cgroup_share_cpus(root, fd, list);
        }
        r = cgroup_write(fd, file, value);
        if (r == -ENOENT && l->fallback) {
                file = l->fallback;
                value = l->fallback_value ? l->fallback_value : value;
                r = cgroup_write(fd, file, value);
        }
        if (r == -ENOENT && !l->needed)
                return 0;
        if (r == -ENOENT)
                return diag_errno(
                        diag, ERROR_HOST_LACKS, &l->origin, l->directive, ENOENT,
                        "this kernel has no \"%s\": the \"%s\" controller was built without it; boot "
                        "a kernel that has it, or remove the line",
                        l->file, l->controller);
        if (r < 0)
                return diag_errno(diag, ERROR_HOST_LACKS, &l->origin, l->directive, -r,
                                  "the kernel refuses \"%s\" for \"%s\"", value, file);
        return verify_limit(fd, l, file, value, diag);
}

int cgroup_apply(const CgroupRoot *root, const Cgroup *c, const CgroupLimit *limits, size_t n, Diag *diag) {
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++)
                r = apply_limit(c->fd, root, limits + i, diag);
        return r;
}

bool cgroup_holds(const CgroupRoot *root, const Cgroup *c, const CgroupLimit *limits, size_t n) {
        for (size_t i = 0; i < n; i++) {
                const CgroupLimit *l = limits + i;
                const bool other = l->fallback && faccessat(c->fd, l->file, F_OK, AT_SYMLINK_NOFOLLOW) < 0;

                if (!root->available[cgroup_controller_from_string(l->controller)]) {
                        if (l->needed)
                                return false;
                } else if (verify_limit(c->fd, l, other ? l->fallback : l->file,
                                        other && l->fallback_value ? l->fallback_value : l->value, NULL) < 0)
                        return false;
        }
        return true;
}

/* The files that a delegated cgroup's owner needs; the limits stay the host's. */
static int delegate(const CgroupRoot *root, const Cgroup *c, const CgroupOwner *owner) {
        static const char *const files[] = { "cgroup.procs", "cgroup.threads", "cgroup.subtree_control" };
        char word[32];

        (void)cgroup_write(c->fd, "cgroup.max.depth", STRINGIFY(DEPTH_MAX));
        (void)cgroup_write(c->fd, "cgroup.max.descendants", DESCENDANTS_MAX);
        for (int i = 0; i < _CONTROLLER_MAX; i++)
                if (root->available[i]) {
                        (void)snprintf(word, sizeof(word), "+%s", cgroup_controller_to_string(i));
                        (void)cgroup_write(c->fd, "cgroup.subtree_control", word);
                }
        if (fchown(c->payload_fd, owner->uid, owner->gid) < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                if (fchownat(c->payload_fd, files[i], owner->uid, owner->gid, AT_SYMLINK_NOFOLLOW) < 0)
                        return -errno;
        return 0;
}

static int make(int parent, const char *name, int *ret_fd) {
        _cleanup_close_ int fd = -EBADF;

        if (mkdirat(parent, name, 0755) < 0)
                return -errno;
        fd = openat(parent, name, DIRECTORY_FLAGS);
        if (fd < 0)
                return -errno;
        /* Whatever the umask: before Linux 6.16 mounting cgroup2 in the container's namespaces walks down
         * here with the permissions of its root, which is nobody to us. */
        if (fchmod(fd, 0755) < 0)
                return -errno;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int cgroup_create(const CgroupRoot *root, const char *name, const CgroupLimit *limits, size_t n_limits,
                  const CgroupOwner *owner, Diag *diag, Cgroup *ret) {
        _cleanup_(cgroup_done) Cgroup c = CGROUP_EMPTY;
        _cleanup_free_ char *directory = cgroup_name_escape(name);
        int r;

        if (!directory)
                return -ENOMEM;
        r = make(root->containers_fd, directory, &c.fd);
        if (r == -EEXIST) {
                /* A stray of a start that died: taken away first, so that no old limit stays. */
                r = cgroup_remove(root, name);
                if (r >= 0)
                        r = make(root->containers_fd, directory, &c.fd);
        }
        if (r < 0)
                return diag_errno(diag, r == -EBUSY ? ERROR_BUSY : ERROR_FAILED, NULL, NULL, -r,
                                  "cannot make the control group \"%s/containers/%s\"", root->path,
                                  directory);
        r = cgroup_apply(root, &c, limits, n_limits, diag);
        if (r >= 0) {
                r = make(c.fd, "payload", &c.payload_fd);
                if (r >= 0 && owner && owner->delegate)
                        r = delegate(root, &c, owner);
                if (r < 0)
                        (void)diag_errno(diag, ERROR_FAILED, NULL, NULL, -r,
                                         "cannot make the control group \"%s/containers/%s/payload\"",
                                         root->path, directory);
        }
        if (r < 0) {
                (void)cgroup_write(c.fd, "cpuset.cpus.partition", "member"); /* at once, where it was one */
                (void)cgroup_remove(root, name);
                return r;
        }
        *ret = c;
        c = CGROUP_EMPTY;
        return 0;
}

int cgroup_open(const CgroupRoot *root, const char *name, Cgroup *ret) {
        _cleanup_(cgroup_done) Cgroup c = CGROUP_EMPTY;
        _cleanup_free_ char *directory = cgroup_name_escape(name);

        if (!directory)
                return -ENOMEM;
        c.fd = openat(root->containers_fd, directory, DIRECTORY_FLAGS);
        if (c.fd < 0)
                return -errno;
        c.payload_fd = openat(c.fd, "payload", DIRECTORY_FLAGS); /* a half-made one has none */
        *ret = c;
        c = CGROUP_EMPTY;
        return 0;
}

static bool parse_key(const char *text, const char *key, uint64_t *ret) {
        size_t k = key ? strlen(key) : 0;

        for (const char *p = text; *p;) {
                size_t n = strcspn(p, "\n");

                if (!key || (n > k && memcmp(p, key, k) == 0 && p[k] == ' ')) {
                        const char *number = key ? p + k + 1 : p;

                        if (!isdigit((unsigned char)*number))
                                return false; /* "max" */
                        *ret = strtoull(number, NULL, 10);
                        return true;
                }
                p += n + (p[n] == '\n');
        }
        return false;
}

uint64_t cgroup_number(int fd, const char *file, const char *key) {
        uint64_t value;
        char text[2048];

        if (fd < 0 || cgroup_read(fd, file, text, sizeof(text)) < 0 || !parse_key(text, key, &value))
                return UINT64_MAX;
        return value;
}

int cgroup_open_beside(const Cgroup *c, const char *path, pid_t leader, int *ret) {
        /* Names below the payload's cgroup are the container's to choose. */
        const struct open_how how = { .flags = DIRECTORY_FLAGS,
                                      .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV };
        _cleanup_free_ char *where = NULL;
        const char *below;
        int fd, r;

        r = cgroup_path_of_process(leader, &where);
        if (r < 0)
                return r;
        below = startswith(where, path);
        below = below ? startswith(below, "/payload") : NULL;
        if (!below || (below[0] && below[0] != '/'))
                return -ESRCH; /* the leader has gone, its number is somebody else's */
        fd = (int)syscall(SYS_openat2, c->payload_fd, below[0] ? below + 1 : ".", &how, sizeof(how));
        if (fd < 0)
                return -errno;
        *ret = fd;
        return 0;
}

int cgroup_events(int fd, CgroupEvents *ret) {
        uint64_t populated = 0, frozen = 0;
        char text[512];
        int r;

        r = cgroup_read(fd, "cgroup.events", text, sizeof(text));
        if (r < 0)
                return r;
        if (!parse_key(text, "populated", &populated))
                return -EBADMSG;
        (void)parse_key(text, "frozen", &frozen);
        *ret = (CgroupEvents){ .populated = populated != 0, .frozen = frozen != 0 };
        return 0;
}

int cgroup_kill(int fd) {
        return cgroup_write(fd, "cgroup.kill", "1");
}

int cgroup_freeze(int fd, bool freeze) {
        return cgroup_write(fd, "cgroup.freeze", freeze ? "1" : "0");
}

/* --- walks: no recursion, the depth is bounded */

typedef struct PidSet {
        pid_t *items;
        size_t n, room;
} PidSet;

static int pid_set_add(PidSet *s, pid_t pid) {
        if (s->n == s->room) {
                size_t room = MAX_OF(s->room * 2, (size_t)16);
                pid_t *grown = reallocarray(s->items, room, sizeof(pid_t));

                if (!grown)
                        return -ENOMEM;
                s->items = grown;
                s->room = room;
        }
        s->items[s->n++] = pid;
        return 0;
}

static int read_processes(int fd, PidSet *set) {
        _cleanup_close_ int f = openat(fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
        FILE *stream;
        int pid, r = 0;

        if (f < 0)
                return errno == ENOENT || errno == ENODEV ? 0 : -errno;
        stream = fdopen(f, "re");
        if (!stream)
                return -errno;
        (void)TAKE_FD(f);
        while (r >= 0 && fscanf(stream, "%d", &pid) == 1) {
                if (pid > 0) /* 0 = a process outside our pid namespace */
                        r = pid_set_add(set, pid);
                if (set->n > PROCESSES_MAX)
                        r = -E2BIG;
        }
        (void)fclose(stream);
        return r;
}

/* The next child directory of the stream, NULL at the end. */
static const char *next_directory(DIR *d) {
        for (struct dirent *e; (e = readdir(d));)
                if (e->d_type == DT_DIR && !streq(e->d_name, ".") && !streq(e->d_name, ".."))
                        return e->d_name;
        return NULL;
}

static int open_stream(int parent, const char *name, DIR **ret) {
        int fd = openat(parent, name, DIRECTORY_FLAGS);
        DIR *d;

        if (fd < 0)
                return -errno;
        d = fdopendir(fd);
        if (!d) {
                (void)safe_close(fd);
                return -errno;
        }
        *ret = d;
        return 0;
}

static int walk_processes(int fd, PidSet *set) {
        DIR *stack[DEPTH_MAX + 2] = {};
        size_t depth = 0;
        int r = open_stream(fd, ".", stack);

        if (r < 0)
                return r;
        depth = 1;
        r = read_processes(dirfd(stack[0]), set);
        while (depth > 0) {
                const char *name = r < 0 ? NULL : next_directory(stack[depth - 1]);

                if (!name) {
                        (void)closedir(stack[--depth]);
                        continue;
                }
                if (depth == ELEMENTSOF(stack) ||
                    open_stream(dirfd(stack[depth - 1]), name, stack + depth) < 0)
                        continue; /* too deep cannot be (cgroup.max.depth); else removed meanwhile */
                depth++;
                r = read_processes(dirfd(stack[depth - 1]), set);
        }
        return r;
}

static int compare_pids(const void *a, const void *b) {
        pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

        return x < y ? -1 : x > y;
}

int cgroup_processes(int fd, pid_t **ret, size_t *ret_n) {
        PidSet set = {};
        size_t n = 0;
        int r = walk_processes(fd, &set);

        if (r < 0) {
                free(set.items);
                return r;
        }
        if (set.n > 0)
                qsort(set.items, set.n, sizeof(pid_t), compare_pids);
        for (size_t i = 0; i < set.n; i++) /* one that moved during the walk is seen twice */
                if (i == 0 || set.items[i] != set.items[i - 1])
                        set.items[n++] = set.items[i];
        *ret = set.items;
        *ret_n = n;
        return 0;
}

/* Removes the whole tree once, deepest first, going down again from the top after each leaf. */
static int remove_tree(int parent, const char *name) {
        for (;;) {
                _cleanup_close_ int at = fcntl(parent, F_DUPFD_CLOEXEC, 3);
                char leaf[256];

                if (at < 0)
                        return -errno;
                (void)snprintf(leaf, sizeof(leaf), "%s", name);
                for (;;) {
                        const char *child;
                        DIR *d = NULL;
                        int r;

                        if (unlinkat(at, leaf, AT_REMOVEDIR) >= 0 || errno == ENOENT)
                                break;
                        if (errno != EBUSY && errno != ENOTEMPTY)
                                return -errno;
                        r = open_stream(at, leaf, &d);
                        if (r < 0)
                                return r;
                        child = next_directory(d);
                        if (!child) {
                                (void)closedir(d);
                                return -EBUSY; /* processes */
                        }
                        (void)snprintf(leaf, sizeof(leaf), "%s", child);
                        (void)safe_close(at);
                        at = fcntl(dirfd(d), F_DUPFD_CLOEXEC, 3);
                        (void)closedir(d);
                        if (at < 0)
                                return -errno;
                }
                if (faccessat(parent, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
                        return 0;
        }
}

int cgroup_remove(const CgroupRoot *root, const char *name) {
        _cleanup_free_ char *directory = cgroup_name_escape(name);
        int r = -EBUSY;

        if (!directory)
                return -ENOMEM;
        /* A task that was just reaped can pin its cgroup for a moment longer than "populated 0" says. */
        for (unsigned i = 0; i < REMOVE_TRIES && r == -EBUSY; i++) {
                CgroupEvents events;
                Cgroup c;

                if (i > 0)
                        (void)nanosleep(&(struct timespec){ .tv_nsec = 500000 }, NULL);
                r = remove_tree(root->containers_fd, directory);
                if (r != -EBUSY || cgroup_open(root, name, &c) < 0)
                        continue;
                if (cgroup_events(c.fd, &events) >= 0 && events.populated)
                        i = REMOVE_TRIES; /* somebody lives there: waiting is not ours */
                cgroup_done(&c);
        }
        return r;
}

int cgroup_renew(const CgroupRoot *root, Cgroup *c, const CgroupOwner *owner) {
        int r = -EBUSY;

        c->payload_fd = safe_close(c->payload_fd);
        for (unsigned i = 0; i < REMOVE_TRIES && r == -EBUSY; i++) {
                CgroupEvents events;

                if (i > 0)
                        (void)nanosleep(&(struct timespec){ .tv_nsec = 500000 }, NULL);
                r = remove_tree(c->fd, "payload");
                if (r == -EBUSY && cgroup_events(c->fd, &events) >= 0 && events.populated)
                        break;
        }
        if (r >= 0)
                r = make(c->fd, "payload", &c->payload_fd);
        if (r >= 0 && owner && owner->delegate)
                r = delegate(root, c, owner);
        return r;
}

int cgroup_names(const CgroupRoot *root, char ***ret) {
        _cleanup_strv_ char **names = NULL;
        DIR *d = NULL;
        int r = open_stream(root->containers_fd, ".", &d);

        if (r < 0)
                return r;
        for (const char *name; r >= 0 && (name = next_directory(d));) {
                char *plain = name_unescape(name);

                r = plain ? strv_push(&names, plain) : -ENOMEM;
        }
        (void)closedir(d);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(names);
        return 0;
}
