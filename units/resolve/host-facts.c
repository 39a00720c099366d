/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The only file before a launch that asks the host anything. */
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>

#include "manager/base/io.h"
#include "manager/base/string-list.h"
#include "units/resolve/resolve-steps.h"

#define FACT_FILE_MAX (64U << 10)
#define UNIT_FILE_MAX (1U << 20)
#define SECCOMP_PROFILE_MAX (256U << 10) /* it is kept with the record of the life */

/* Opens a regular file below dir_fd. The path is opened without being read first: a device node in an
 * untrusted root must not even be opened, a FIFO must not block. -EINVAL = not a regular file. */
static int open_regular(int dir_fd, const char *path, uint64_t resolve, int *ret_fd) {
        struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = resolve};
        char proc[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
        _cleanup_close_ int pinned = -EBADF;
        struct stat st;
        int fd;

        pinned = (int)syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));
        if (pinned < 0)
                return -errno;
        if (fstat(pinned, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;

        (void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", pinned);
        fd = open(proc, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return -errno;
        *ret_fd = fd;
        return 0;
}

/* The text of a small file; a NUL inside is refused, for the text would end there unseen. */
static int read_whole(int fd, size_t max, char **ret) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        r = read_file(fd, max, &text, &size);
        if (r < 0)
                return r;
        if (strlen(text) != size)
                return -EBADMSG;
        *ret = TAKE_PTR(text);
        return 0;
}

static int read_text(int dir_fd, const char *path, uint64_t resolve, size_t max, char **ret) {
        _cleanup_close_ int fd = -EBADF;
        int r;

        r = open_regular(dir_fd, path, resolve, &fd);
        return r < 0 ? r : read_whole(fd, max, ret);
}

/* --- the host */

/* Keeps s in f->strings and returns it; NULL where memory ran out (the specifier is then "not known"). */
static const char *keep(HostFacts *f, const char *s) {
        if (!s || strv_extend(&f->strings, s) < 0)
                return NULL;
        return f->strings[strv_length(f->strings) - 1];
}

/* The first line of a file, without the characters that do not belong to a 128 bit id where one is asked
 * for. */
static const char *keep_line(HostFacts *f, const char *path, bool id128) {
        _cleanup_free_ char *text = NULL;
        char *to;

        if (read_text(AT_FDCWD, path, 0, FACT_FILE_MAX, &text) < 0)
                return NULL;
        text[strcspn(text, "\n")] = 0;
        if (id128) {
                to = text;
                for (const char *from = text; *from; from++)
                        if (*from != '-')
                                *to++ = *from;
                *to = 0;
                if (strlen(text) != 32 || strspn(text, "0123456789abcdef") != 32)
                        return NULL;
        }
        return keep(f, text);
}

static uint64_t read_number(const char *path) {
        _cleanup_free_ char *text = NULL;

        if (read_text(AT_FDCWD, path, 0, FACT_FILE_MAX, &text) < 0)
                return 0;
        return strtoull(text, NULL, 10);
}

/* A NAME=VALUE line of os-release(5) or machine-info(5), quotes taken off. Owned; NULL where there is none.
 */
static char *shell_field(const char *text, const char *name) {
        size_t n = strlen(name);

        for (const char *p = text; p && *p; p = strchr(p, '\n'), p += p ? 1 : 0) {
                size_t k = strcspn(p, "\n");
                const char *v = p + n + 1;

                if (strncmp(p, name, n) != 0 || p[n] != '=')
                        continue;
                k -= n + 1;
                if (k >= 2 && (*v == '"' || *v == '\'') && v[k - 1] == *v)
                        return strndup(v + 1, k - 2);
                return strndup(v, k);
        }
        return NULL;
}

static void gather_os_release(HostFacts *f) {
        _cleanup_free_ char *text = NULL;
        const struct {
                const char *name, **field;
        } fields[] = {
                {"ID", &f->specifiers.os_id},
                {"VERSION_ID", &f->specifiers.os_version_id},
                {"BUILD_ID", &f->specifiers.os_build_id},
                {"IMAGE_ID", &f->specifiers.os_image_id},
                {"IMAGE_VERSION", &f->specifiers.os_image_version},
                {"VARIANT_ID", &f->specifiers.os_variant_id},
        };

        if (read_text(AT_FDCWD, "/etc/os-release", 0, FACT_FILE_MAX, &text) < 0 &&
            read_text(AT_FDCWD, "/usr/lib/os-release", 0, FACT_FILE_MAX, &text) < 0)
                return;
        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                _cleanup_free_ char *value = shell_field(text, fields[i].name);

                *fields[i].field =
                        keep(f, strempty(value)); /* a field that is not set is empty, as in systemd */
        }
}

/* The kernel's word for a machine, in systemd's spelling. */
static const char *architecture_name(const char *machine) {
        static const struct {
                const char *kernel, *ours;
        } names[] = {
                {"x86_64", "x86-64"},
                {"i386", "x86"},
                {"i486", "x86"},
                {"i586", "x86"},
                {"i686", "x86"},
                {"aarch64", "arm64"},
                {"armv6l", "arm"},
                {"armv7l", "arm"},
                {"armv8l", "arm"},
                {"ppc64le", "ppc64-le"},
                {"s390x", "s390x"},
                {"riscv64", "riscv64"},
                {"loongarch64", "loongarch64"},
                {"mips64", "mips64"},
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (streq(names[i].kernel, machine))
                        return names[i].ours;
        return machine;
}

static void gather_names(HostFacts *f) {
        _cleanup_free_ char *info = NULL, *pretty = NULL;
        struct utsname u;

        if (uname(&u) < 0)
                return;
        f->specifiers.host_name = keep(f, u.nodename);
        f->specifiers.kernel_release = keep(f, u.release);
        f->specifiers.architecture = keep(f, architecture_name(u.machine));

        if (read_text(AT_FDCWD, "/etc/machine-info", 0, FACT_FILE_MAX, &info) >= 0)
                pretty = shell_field(info, "PRETTY_HOSTNAME");
        f->specifiers.pretty_host_name = keep(f, isempty(pretty) ? u.nodename : pretty);

        u.nodename[strcspn(u.nodename, ".")] = 0;
        f->specifiers.short_host_name = keep(f, u.nodename);
}

/* The manager always is root and lives in the system's directories, whoever asks (bulwark-analyze must tell
 * what the manager would do): these are constants, not questions. */
static void set_manager_facts(SpecifierFacts *s) {
        s->user_name = s->group_name = "root";
        s->user_id = s->group_id = "0";
        s->user_home = "/root";
        s->user_shell = "/bin/sh";
        s->runtime_directory = "/run";
        s->state_directory = "/var/lib";
        s->cache_directory = "/var/cache";
        s->logs_directory = "/var/log";
        s->config_directory = "/etc";
        s->temporary_directory = "/tmp";
        s->persistent_temporary_directory = "/var/tmp";
}

static void gather_numbers(HostFacts *f) {
        uint64_t pids = read_number("/proc/sys/kernel/pid_max");
        uint64_t threads = read_number("/proc/sys/kernel/threads-max");
        struct sysinfo info;

        if (sysinfo(&info) >= 0)
                f->memory_total = (uint64_t)info.totalram * info.mem_unit;
        f->tasks_max = pids == 0 || threads == 0 ? MAX_OF(pids, threads) : MIN_OF(pids, threads);

        for (unsigned cap = 0; cap < 64; cap++) {
                int r = prctl(PR_CAPBSET_READ, cap);

                if (r < 0)
                        break;
                f->last_capability = cap;
                if (r > 0)
                        f->capabilities |= UINT64_C(1) << cap;
        }
}

/* --- mandatory access control */

static bool file_says(const char *path, const char *word) {
        _cleanup_free_ char *text = NULL;

        if (read_text(AT_FDCWD, path, 0, FACT_FILE_MAX, &text) < 0)
                return false;
        text[strcspn(text, "\n")] = 0;
        return streq(text, word);
}

/* The words of AppArmor's parameter under which profiles only log, or not even that. Who may not read it believes the best. */
static bool apparmor_is_lenient(void) {
        static const char *const words[] = { "complain", "unconfined", "prompt" };
        _cleanup_free_ char *text = NULL;

        if (read_text(AT_FDCWD, "/sys/module/apparmor/parameters/mode", 0, FACT_FILE_MAX, &text) < 0)
                return false;
        text[strcspn(text, "\n")] = 0;
        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (streq(text, words[i]))
                        return true;
        return false;
}

/* The module's parameter is there in every mount namespace; securityfs may be missing, and who needs it says so then. */
void mac_facts_refresh(MacFacts *f) {
        f->apparmor = file_says("/sys/module/apparmor/parameters/enabled", "Y");
        f->apparmor_lenient = f->apparmor && apparmor_is_lenient();
        f->selinux_enforcing = file_says("/sys/fs/selinux/enforce", "1");
        f->selinux = f->selinux_enforcing || file_says("/sys/fs/selinux/enforce", "0");
}

static void gather_mac(MacFacts *f) {
        const long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

        mac_facts_refresh(f);
        f->landlock_abi = abi > 0 ? (unsigned)abi : 0;
}

int host_facts_gather(HostFacts *ret) {
        *ret = (HostFacts){};
        set_manager_facts(&ret->specifiers);
        ret->specifiers.machine_id = keep_line(ret, "/etc/machine-id", true);
        ret->specifiers.boot_id = keep_line(ret, "/proc/sys/kernel/random/boot_id", true);
        gather_names(ret);
        gather_os_release(ret);
        gather_numbers(ret);
        gather_mac(&ret->mac);
        return 0;
}

void host_facts_done(HostFacts *f) {
        strv_free(f->strings);
        *f = (HostFacts){};
}

/* --- one unit */

/* Who owns all of the host anyway needs no link. */
bool unit_tree_is_written(const ContainerSpec *s, const char *path) {
        bool written = s->root_directory && streq(path, s->root_directory) && container_spec_root_is_kept(s);

        for (size_t i = 0; i < s->bind_paths.n; i++)
                written |= streq(path, s->bind_paths.items[i].source);
        return written && !streq(path, "/");
}

static int add_tree(const ContainerSpec *s, const char *path, PathTrees *t) {
        struct stat st;

        if (!path || !unit_tree_is_written(s, path) || stat(path, &st) < 0)
                return 0;
        return path_trees_add(t, st.st_dev, st.st_ino);
}

int unit_trees_gather(const ContainerSpec *draft, PathTrees *t) {
        int r = add_tree(draft, draft->root_directory, t);

        for (size_t i = 0; r >= 0 && i < draft->bind_paths.n; i++)
                r = add_tree(draft, draft->bind_paths.items[i].source, t);
        return r;
}

static void gather_root(const char *path, const PathTrees *trees, UnitFacts *f, int *ret_fd) {
        _cleanup_(held_path_done) HeldPath held = HELD_PATH_EMPTY;
        struct stat root, host;
        int fd, r;

        r = held_path_open(path, trees, HELD_QUICK, &held);
        if (r < 0) {
                f->root_refused = held_path_words(&held, r);
                f->root_error = -r;
                return;
        }
        fd = TAKE_FD(held.fd);
        f->root_exists = true;
        if (fstat(fd, &root) < 0) {
                f->root_error = errno;
                (void)close(fd);
                return;
        }
        f->root_is_directory = S_ISDIR(root.st_mode);
        f->root_is_host = stat("/", &host) >= 0 && host.st_dev == root.st_dev && host.st_ino == root.st_ino;
        *ret_fd = fd;
}

static void gather_database(int root_fd, const char *path, char **ret, int *ret_error) {
        int r;

        r = read_text(root_fd, path, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS, UNIT_FILE_MAX, ret);
        *ret_error = r < 0 && r != -ENOENT ? -r : 0;
}

/* A file that somebody else could have laid in its place may be one that only root reads: then a container would see it. */
static int read_held(const char *path, const PathTrees *trees, char **ret, char **ret_refused) {
        _cleanup_(held_path_done) HeldPath held = HELD_PATH_EMPTY;
        _cleanup_close_ int fd = -EBADF;
        PathMistake mistake;
        struct stat st;
        int r;

        r = held_path_open(path, trees, 0, &held);
        if (r < 0) {
                *ret_refused = held_path_words(&held, r);
                return r;
        }
        if (fstat(held.fd, &st) < 0)
                return -errno;
        mistake = path_check_read(held.writer, &st);
        if (mistake == PATH_MISTAKE_KIND)
                return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
        if (mistake != PATH_MISTAKE_NONE) {
                *ret_refused = strdup(path_mistake_words(mistake));
                return -EPERM;
        }
        r = held_path_reopen(&held, O_RDONLY, &fd);
        return r < 0 ? r : read_whole(fd, UNIT_FILE_MAX, ret);
}

static int gather_environment_files(const ContainerSpec *draft, const PathTrees *trees, UnitFacts *f) {
        size_t n = draft->environment_file.n;

        if (n == 0)
                return 0;
        f->environment_files = calloc(n, sizeof(*f->environment_files));
        if (!f->environment_files)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                const char *path = draft->environment_file.items[i].path;
                int r;

                f->n_environment_files = i + 1;
                f->environment_files[i].path = strdup(path);
                if (!f->environment_files[i].path)
                        return -ENOMEM;
                r = read_held(path, trees, &f->environment_files[i].text, &f->environment_files[i].refused);
                if (r < 0)
                        f->environment_files[i].error = -r;
        }
        return 0;
}

static void gather_seccomp_profile(const ContainerSpec *draft, const PathTrees *trees, UnitFacts *f) {
        int r;

        if (!draft->seccomp_profile)
                return;
        r = read_held(draft->seccomp_profile, trees, &f->seccomp_profile.text, &f->seccomp_profile.refused);
        if (r >= 0 && strlen(f->seccomp_profile.text) > SECCOMP_PROFILE_MAX) {
                free(f->seccomp_profile.text);
                f->seccomp_profile.text = NULL;
                r = -EFBIG;
        }
        f->seccomp_profile.error = r < 0 ? -r : 0;
}

/* Closed to everybody but the host's root. The mode's group bits are the mask of an access control list, too. */
static bool is_closed(const struct stat *st) {
        return S_ISDIR(st->st_mode) && st->st_uid == 0 && (st->st_mode & (S_IXGRP | S_IXOTH)) == 0;
}

/* Only what lies above counts, and of that nothing that lies in a place where a container can write: what is its own it
 * may open again. Where nothing can be known, it is not closed. */
static bool tree_is_shut(const char *path, const PathTrees *written) {
        char real[PATH_MAX];
        bool shut = false;

        if (!realpath(path, real))
                return false;
        while (real[1]) {
                char *slash = strrchr(real, '/');
                struct stat st;

                slash[slash == real] = 0;
                if (lstat(real, &st) < 0)
                        return false;
                if (path_trees_has(written, st.st_dev, st.st_ino))
                        shut = false;
                else if (is_closed(&st))
                        shut = true;
        }
        return shut;
}

static int gather_devices(const ContainerSpec *draft, UnitFacts *f) {
        const value_device_allow *v = &draft->device_allow;

        if (v->n == 0)
                return 0;
        f->devices = calloc(v->n, sizeof(*f->devices));
        if (!f->devices)
                return -ENOMEM;
        for (; f->n_devices < v->n; f->n_devices++) {
                DeviceFact *d = f->devices + f->n_devices;
                const char *name = v->items[f->n_devices].name;
                struct stat st;

                if (*name != '/') {
                        if (!f->device_groups)
                                (void)read_text(AT_FDCWD, "/proc/devices", 0, FACT_FILE_MAX, &f->device_groups);
                } else if (stat(name, &st) < 0)
                        d->error = errno;
                else
                        *d = (DeviceFact){ .mode = st.st_mode, .major = major(st.st_rdev), .minor = minor(st.st_rdev) };
        }
        return 0;
}

/* A limit is of a whole disk: the kernel has none for a partition. */
static void gather_disk(const char *path, DiskFact *f) {
        char partition[64], up[80], text[32] = "";
        unsigned first, second;
        struct stat st;
        dev_t d;
        size_t n = 0;

        if (stat(path, &st) < 0) {
                f->error = errno;
                return;
        }
        d = S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev;
        if (S_ISCHR(st.st_mode) || major(d) == 0) {
                f->error = ENODEV;
                return;
        }
        *f = (DiskFact){ .major = major(d), .minor = minor(d) };
        (void)snprintf(partition, sizeof(partition), "/sys/dev/block/%u:%u/partition", major(d), minor(d));
        if (access(partition, F_OK) < 0)
                return;
        (void)snprintf(up, sizeof(up), "/sys/dev/block/%u:%u/../dev", major(d), minor(d));
        {
                _cleanup_close_ int fd = open(up, O_RDONLY | O_CLOEXEC);

                if (fd >= 0 && read_all(fd, text, sizeof(text) - 1, &n) >= 0 && sscanf(text, "%u:%u", &first, &second) == 2)
                        *f = (DiskFact){ .major = first, .minor = second };
                else
                        f->error = ENODEV;
        }
}

static int gather_disks(const ContainerSpec *draft, UnitFacts *f) {
        size_t n = 0;

        for (const DirectiveId *row = io_limit_rows; *row != _DIRECTIVE_MAX; row++)
                n += ((const value_io_limits *)container_spec_field_const(draft, *row))->n;
        if (n == 0)
                return 0;
        f->disks = calloc(n, sizeof(*f->disks));
        if (!f->disks)
                return -ENOMEM;
        for (const DirectiveId *row = io_limit_rows; *row != _DIRECTIVE_MAX; row++) {
                const value_io_limits *v = container_spec_field_const(draft, *row);

                for (size_t i = 0; i < v->n; i++)
                        gather_disk(v->items[i].path, f->disks + f->n_disks++);
        }
        return 0;
}

static int gather_trees(const ContainerSpec *draft, const PathTrees *written, UnitFacts *f) {
        const size_t max = container_spec_host_trees_max(draft);
        HostTree tree;

        f->trees = calloc(max, sizeof(*f->trees));
        if (!f->trees)
                return -ENOMEM;
        for (size_t i = 0; i < max; i++) {
                if (!container_spec_host_tree(draft, i, &tree))
                        continue;
                f->trees[f->n_trees].path = strdup(tree.path);
                if (!f->trees[f->n_trees].path)
                        return -ENOMEM;
                f->trees[f->n_trees++].shut = tree_is_shut(tree.path, written);
        }
        return 0;
}

static bool is_in_root(int root_fd, const char *path) {
        struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
        _cleanup_close_ int fd = root_fd < 0 ? -EBADF : (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));

        return fd >= 0;
}

/* For the reader of a unit alone: whoever writes a path of the container there asks the wrong system. */
static int gather_condition_paths(const ContainerSpec *draft, int root_fd, UnitFacts *f) {
        for (DirectiveId id = 0; id < _DIRECTIVE_MAX; id++) {
                const value_conditions *v = container_spec_field_const(draft, id);
                struct ConditionPathFact *grown;

                if (directives[id].type != &value_type_conditions || v->n == 0 ||
                    !condition_kind_is_path(condition_kind_of(directives[id].name, NULL)))
                        continue;
                grown = reallocarray(f->condition_paths, f->n_condition_paths + v->n, sizeof(*grown));
                if (!grown)
                        return -ENOMEM;
                f->condition_paths = grown;
                for (size_t i = 0; i < v->n; i++)
                        f->condition_paths[f->n_condition_paths++] = (struct ConditionPathFact){
                                .directive = id,
                                .item = v->items + i,
                                .on_host = access(v->items[i].parameter, F_OK) >= 0,
                                .in_root = is_in_root(root_fd, v->items[i].parameter),
                        };
        }
        return 0;
}

#define ZONE_RULES "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789<>+-,.:/" /* of POSIX's TZ */
#define ZONE_FILE_MAX (64U << 10)

/* The last line of a file of tzfile(5), version 2 and later: the rules from now on, which every C library reads without a file. */
static int read_zone(const char *path, char **ret) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        char data[ZONE_FILE_MAX + 1];
        const char *line;
        struct stat st;
        ssize_t n;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        n = S_ISREG(st.st_mode) ? read(fd, data, sizeof(data) - 1) : 0;
        if (n < 0)
                return -errno;
        if (n < 8 || memcmp(data, "TZif", 4) != 0 || data[4] < '2' || data[n - 1] != '\n')
                return -ENODATA;
        data[n - 1] = 0;
        line = memrchr(data, '\n', (size_t)n - 1);
        if (!line || strlen(line + 1) != (size_t)(data + n - 2 - line) || !line[1] || strspn(line + 1, ZONE_RULES) != strlen(line + 1))
                return -ENODATA;
        *ret = strdup(line + 1);
        return *ret ? 0 : -ENOMEM;
}

static int gather_timezone(const ContainerSpec *draft, UnitFacts *f) {
        char path[PATH_MAX];
        int r;

        if (!draft->timezone)
                return 0;
        (void)snprintf(path, sizeof(path), streq(draft->timezone, "local") ? "/etc/localtime" : "/usr/share/zoneinfo/%s", draft->timezone);
        r = read_zone(path, &f->timezone);
        f->timezone_error = r < 0 ? -r : 0;
        return r == -ENOMEM ? r : 0;
}

static int gather_passed(const ContainerSpec *draft, UnitFacts *f) {
        int r = 0;

        for (char *const *name = draft->pass_environment; r >= 0 && name && *name; name++) {
                const char *value = getenv(*name);
                char *assignment = NULL;

                if (!value)
                        continue;
                if (asprintf(&assignment, "%s=%s", *name, value) < 0)
                        return -ENOMEM;
                r = strv_push(&f->passed, assignment);
        }
        return r;
}

int unit_facts_gather(const ContainerSpec *draft, const HostFacts *host, UnitFacts *ret) {
        _cleanup_(path_trees_done) PathTrees own = { .more = host ? host->trees : NULL };
        _cleanup_(unit_facts_done) UnitFacts f = {};
        _cleanup_close_ int root = -EBADF;
        int r;

        r = unit_trees_gather(draft, &own);
        if (r < 0)
                return r;
        if (draft->root_directory) {
                f.root_path = strdup(draft->root_directory);
                if (!f.root_path)
                        return -ENOMEM;
                gather_root(draft->root_directory, &own, &f, &root);
        }
        if (f.root_is_directory) {
                gather_database(root, "etc/passwd", &f.passwd, &f.passwd_error);
                gather_database(root, "etc/group", &f.group, &f.group_error);
        }
        r = image_gather(draft, host && host->image_store ? host->image_store : IMAGE_STORE_DIRECTORY, &f);
        if (r >= 0)
                r = gather_passed(draft, &f);
        if (r >= 0)
                r = gather_timezone(draft, &f);
        if (r >= 0)
                r = gather_environment_files(draft, &own, &f);
        gather_seccomp_profile(draft, &own, &f);
        if (r >= 0)
                r = gather_trees(draft, &own, &f);
        if (r >= 0)
                r = gather_condition_paths(draft, root, &f);
        if (r >= 0)
                r = gather_devices(draft, &f);
        if (r >= 0)
                r = gather_disks(draft, &f);
        if (r < 0)
                return r;

        *ret = f;
        f = (UnitFacts){};
        return 0;
}

static void check_sources(const value_binds *binds, const PathTrees *trees, Diag *diag) {
        for (size_t i = 0; i < binds->n; i++) {
                const BindMount *b = binds->items + i;
                _cleanup_(held_path_done) HeldPath held = HELD_PATH_EMPTY;
                _cleanup_(diag_done) Diag words = {};
                int r = held_path_open(b->source, trees, HELD_QUICK, &held);

                if (r >= 0 || (b->missing_ok && (r == -ENOENT || r == -ENOTDIR)) || (geteuid() != 0 && r == -EACCES))
                        continue;
                (void)held_path_report(&held, r, &words, r == -ENOENT ? ERROR_MISSING : ERROR_FAILED, &b->origin, NULL,
                                       b->source);
                if (words.n_entries > 0)
                        diag_warning(diag, words.entries[0].code, &b->origin, NULL, "%s; a start on this host would be refused%s",
                                     words.entries[0].text, r == -ENOENT ? ": make it, or write '-' before it" : "");
        }
}

void unit_sources_check(const ContainerSpec *s, Diag *diag) {
        _cleanup_(path_trees_done) PathTrees own = {};

        if (unit_trees_gather(s, &own) < 0)
                return;
        check_sources(&s->bind_paths, &own, diag);
        check_sources(&s->bind_read_only_paths, &own, diag);
}

void unit_facts_done(UnitFacts *f) {
        for (size_t i = 0; i < f->n_environment_files; i++) {
                free(f->environment_files[i].path);
                free(f->environment_files[i].text);
                free(f->environment_files[i].refused);
        }
        free(f->environment_files);
        free(f->seccomp_profile.text);
        free(f->seccomp_profile.refused);
        strv_free(f->passed);
        image_fact_done(&f->image);
        free(f->timezone);
        for (size_t i = 0; i < f->n_trees; i++)
                free(f->trees[i].path);
        free(f->trees);
        free(f->condition_paths);
        free(f->devices);
        free(f->disks);
        free(f->device_groups);
        free(f->root_path);
        free(f->root_refused);
        free(f->passwd);
        free(f->group);
        *f = (UnitFacts){};
}
