/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The floor that Bulwark's start is measured against: a bare static program that makes the kernel calls of a
 * default launch in their order and nothing else: no plan, no checks, no manager, no logging.
 *
 *   floor ROOT CGROUP FILTER FACTS COUNT PROGRAM ARGUMENT
 *
 * FACTS has what of the plan is a list, a line each, as bench reads it from the plan itself:
 *
 *   mask PATH | cover PATH                  hidden, or made read-only
 *   ruleset FILES NETWORK SCOPES            Landlock: the rights that it handles
 *   path PATH RIGHTS                        Landlock: rights below a path
 *   entries PATH RIGHTS [NAME...]           Landlock: rights below each entry but those named
 *   file NAME VALUE                         written to /proc/self/NAME
 *   signals all | limit NAME | call NAME    what is set anew instead of inherited: one system call each, with the values
 *                                           that are there, so that none needs a privilege
 *
 * Before each stands who does it: outer, inner or payload.
 *
 * PROGRAM, a path in ROOT, prints CLOCK_MONOTONIC in nanoseconds. For each of COUNT launches one line comes
 * out: nanoseconds from the first call to the payload's first instruction, and to the last process reaped. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "manager/base/landlock-abi.h"
#include "manager/stage/init-filter.h"

/* From sys/mount.h, which glibc 2.36 does not let live beside linux/mount.h. */
int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);
int umount2(const char *target, int flags);
#define MNT_DETACH 2

#define ID_BASE 0x10000000u
#define DEFAULT_CAPABILITIES UINT64_C(0x00000000a00405fb)
#define SAFE (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
#define SAFE_NOEXEC (SAFE | MOUNT_ATTR_NOEXEC)
#define ELEMENTSOF(x) (sizeof(x) / sizeof((x)[0]))

#define check(r) check_at((long)(r), __LINE__)
static long check_at(long r, int line) {
        if (r < 0) {
                fprintf(stderr, "floor: line %d: %s\n", line, strerror(errno));
                _exit(EXIT_FAILURE);
        }
        return r;
}

/* Where the processes of one launch meet. */
typedef struct Page {
        _Atomic uint32_t ids_mapped, file_systems_made, root_ready;
        int mount_namespace;
        int inner_pid;
} Page;

#define FACTS_MAX 128
#define FACT_WORDS_MAX 16

/* A line of FACTS: who, then the words. */
typedef struct Fact {
        const char *actor;
        char *words[FACT_WORDS_MAX];
        size_t n;
        uint64_t numbers[FACT_WORDS_MAX];
} Fact;

typedef struct Floor {
        Page *page;
        Fact facts[FACTS_MAX];
        size_t n_facts;
        int root_tree, cgroup, proc, user_namespace, null, output;
        const char *program, *argument;
        struct sock_fprog filter;
        int slots[16];
} Floor;

static void set(_Atomic uint32_t *word) {
        atomic_store(word, 1);
        check(syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0));
}

static void await(_Atomic uint32_t *word) {
        while (atomic_load(word) == 0)
                if (syscall(SYS_futex, word, FUTEX_WAIT, 0, NULL, NULL, 0) < 0 && errno != EAGAIN &&
                    errno != EINTR)
                        check(-1);
}

static int new_file_system(const char *type, unsigned attributes, const char *const *options) {
        int fs = (int)check(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC)), fd;

        for (; options && *options; options += 2)
                check(syscall(SYS_fsconfig, fs, options[1] ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG,
                              options[0], options[1], 0));
        check(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
        fd = (int)check(syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attributes));
        close(fs);
        return fd;
}

static void set_attributes(int fd, uint64_t attr_set, uint64_t clear, int userns, unsigned flags) {
        struct mount_attr attributes = {
                .attr_set = attr_set, .attr_clr = clear, .userns_fd = (uint64_t)userns};

        check(syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | flags, &attributes, sizeof(attributes)));
}

static int root_open(int root, const char *path, uint64_t resolve) {
        const struct open_how how = {.flags = O_PATH | O_CLOEXEC,
                                     .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve};

        return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

static void attach(int root, int tree, const char *path, uint64_t resolve) {
        int at = (int)check(root_open(root, path, resolve));

        check(syscall(SYS_move_mount, tree, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
        close(at);
}

enum { PROC, SYS, CGROUP, DEVPTS, SHM, MQUEUE, RUN, TMP, DEV };

static const struct {
        int slot;
        const char *type, *path;
        unsigned attributes;
        const char *options[9];
} file_systems[] = {
        {PROC, "proc", "/proc", SAFE_NOEXEC, {NULL}},
        {SYS, "sysfs", "/sys", SAFE_NOEXEC | MOUNT_ATTR_RDONLY, {NULL}},
        {CGROUP, "cgroup2", "/sys/fs/cgroup", SAFE_NOEXEC | MOUNT_ATTR_RDONLY, {NULL}},
        {DEVPTS,
         "devpts",
         "/dev/pts",
         MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
         {"newinstance", NULL, "ptmxmode", "0666", "mode", "0620", "gid", "5"}},
        {SHM, "tmpfs", "/dev/shm", SAFE_NOEXEC, {"mode", "1777", "size", "64m"}},
        {MQUEUE, "mqueue", "/dev/mqueue", SAFE_NOEXEC, {NULL}},
        {RUN, "tmpfs", "/run", SAFE, {"mode", "0755", "size", "10%"}},
        {TMP, "tmpfs", "/tmp", SAFE, {"mode", "1777", "size", "10%"}},
};
static const struct {
        const char *name;
        unsigned major, minor;
} nodes[] = {{"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
             {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};
static const char *const links[][2] = {{"fd", "/proc/self/fd"},
                                       {"stdin", "/proc/self/fd/0"},
                                       {"stdout", "/proc/self/fd/1"},
                                       {"stderr", "/proc/self/fd/2"},
                                       {"ptmx", "pts/ptmx"}};
static const char *const directories[] = {"pts", "shm", "mqueue", ".inaccessible",
                                          ".inaccessible/directory"};

/* --- inner and payload */

static void capabilities(uint64_t mask) {
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct data[2] = {
                {.effective = (uint32_t)mask, .permitted = (uint32_t)mask},
                {.effective = (uint32_t)(mask >> 32), .permitted = (uint32_t)(mask >> 32)},
        };

        for (unsigned c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
                if (!(mask >> c & 1))
                        check(prctl(PR_CAPBSET_DROP, c, 0, 0, 0));
        check(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
        check(setgroups(0, NULL));
        check(setresgid(0, 0, 0));
        check(setresuid(0, 0, 0));
        check(syscall(SYS_capset, &header, data));
        check(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
}

static void write_attribute(const Floor *f, const char *name, const char *value) {
        char path[64];
        int fd;

        (void)snprintf(path, sizeof(path), "thread-self/%s", name);
        fd = openat(f->proc, path, O_RDWR | O_CLOEXEC);
        if (fd < 0)
                return;
        if (write(fd, value, strlen(value)) < 0)
                errno = 0; /* not allowed here, as it is not there */
        close(fd);
}

static void reset_signals(void) {
        for (int signal = 1; signal < NSIG; signal++)
                if (signal != SIGKILL && signal != SIGSTOP) {
                        struct sigaction action;

                        if (sigaction(signal, NULL, &action) == 0)
                                (void)sigaction(signal, &action, NULL);
                }
}

static void one_call(const char *name) {
        uint8_t processors[128];
        struct sched_param parameter = {};

        if (strcmp(name, "personality") == 0)
                (void)syscall(SYS_personality, 0);
        else if (strcmp(name, "set_mempolicy") == 0)
                (void)syscall(SYS_set_mempolicy, 0, NULL, 0);
        else if (strcmp(name, "sched_getaffinity") == 0) {
                if (syscall(SYS_sched_getaffinity, 0, sizeof(processors), processors) > 0)
                        (void)syscall(SYS_sched_setaffinity, 0, sizeof(processors), processors);
        } else if (strcmp(name, "ioprio_set") == 0)
                (void)syscall(SYS_ioprio_set, 1, 0, 0);
        else if (strcmp(name, "setpriority") == 0)
                (void)setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0));
        else if (strcmp(name, "sched_setscheduler") == 0)
                (void)syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &parameter);
        else
                (void)prctl(PR_SET_TIMERSLACK, 50000, 0, 0, 0);
}

/* What a process has that would be its parent's otherwise. */
static void attributes(const Floor *f, const char *actor) {
        for (size_t i = 0; i < f->n_facts; i++) {
                const Fact *fact = f->facts + i;
                struct rlimit limit;

                if (strcmp(fact->actor, actor) != 0)
                        continue;
                if (strcmp(fact->words[0], "file") == 0)
                        write_attribute(f, fact->words[1], fact->words[2]);
                else if (strcmp(fact->words[0], "signals") == 0)
                        reset_signals();
                else if (strcmp(fact->words[0], "call") == 0)
                        one_call(fact->words[1]);
                else if (strcmp(fact->words[0], "limit") == 0) {
                        check(prlimit(0, RLIMIT_NOFILE, NULL, &limit));
                        check(prlimit(0, RLIMIT_NOFILE, &limit, NULL));
                }
        }
}

static void landlock_add(int ruleset, int fd, uint64_t rights) {
        struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = fd};
        struct stat st;

        check(fstat(fd, &st));
        if (!S_ISDIR(st.st_mode))
                rule.allowed_access &= LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
                                       LANDLOCK_ACCESS_FS_TRUNCATE | LANDLOCK_ACCESS_FS_IOCTL_DEV;
        if (rule.allowed_access && !S_ISLNK(st.st_mode))
                check(syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_KIND_PATH, &rule, 0));
        close(fd);
}

static bool landlock_leaves_out(const Fact *fact, const char *name) {
        for (size_t i = 3; i < fact->n; i++)
                if (strcmp(fact->words[i], name) == 0)
                        return true;
        return false;
}

static void landlock_entries(int ruleset, const Fact *fact) {
        int directory = (int)check(open(fact->words[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        struct {
                uint64_t inode;
                int64_t offset;
                uint16_t size;
                uint8_t type;
                char name[];
        } *e;
        static char buffer[32768] __attribute__((aligned(8)));
        long n;

        while ((n = check(syscall(SYS_getdents64, directory, buffer, sizeof(buffer)))) > 0)
                for (long at = 0; at < n; at += e->size) {
                        e = (void *)(buffer + at);
                        if (strcmp(e->name, ".") != 0 && strcmp(e->name, "..") != 0 && !landlock_leaves_out(fact, e->name))
                                landlock_add(ruleset,
                                             (int)check(openat(directory, e->name, O_PATH | O_NOFOLLOW | O_CLOEXEC)),
                                             fact->numbers[2]);
                }
        close(directory);
}

static void landlock(const Floor *f) {
        int ruleset = -1;

        for (size_t i = 0; i < f->n_facts; i++) {
                const Fact *fact = f->facts + i;

                if (strcmp(fact->words[0], "ruleset") == 0) {
                        const LandlockRuleset attributes = {fact->numbers[1], fact->numbers[2], fact->numbers[3]};
                        const size_t size = attributes.scoped ? sizeof(attributes) : attributes.handled_net ? 16 : 8;

                        ruleset = (int)check(syscall(SYS_landlock_create_ruleset, &attributes, size, 0));
                } else if (strcmp(fact->words[0], "path") == 0)
                        landlock_add(ruleset, (int)check(open(fact->words[1], O_PATH | O_CLOEXEC)), fact->numbers[2]);
                else if (strcmp(fact->words[0], "entries") == 0)
                        landlock_entries(ruleset, fact);
        }
        if (ruleset >= 0) {
                check(syscall(SYS_landlock_restrict_self, ruleset, 0));
                close(ruleset);
        }
}

static _Noreturn void payload(Floor *f) {
        char *argv[] = {(char *)f->program, (char *)f->argument, NULL},
             *environment[] = {(char *)"PATH=/bin", NULL};
        check(syscall(SYS_keyctl, 1 /* JOIN_SESSION_KEYRING */, NULL));
        check(setsid());
        check(dup2(f->null, 0));
        check(dup2(f->output, 1));
        check(dup2(f->output, 2));
        umask(0022);
        check(chdir("/"));
        landlock(f);
        attributes(f, "payload");
        check(syscall(SYS_close_range, 3, ~0U, 0));
        capabilities(DEFAULT_CAPABILITIES);
        check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        check(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &f->filter));
        execve(f->program, argv, environment);
        check(-1);
        _exit(EXIT_FAILURE);
}

/* What the container's init drops before it waits. */
static void become_init(void) {
        static struct sock_filter filter[] = INIT_FILTER;
        const struct sock_fprog program = {.len = ELEMENTSOF(filter), .filter = filter};
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct data[2] = {{.effective = 1U << CAP_KILL, .permitted = 1U << CAP_KILL}};

        for (unsigned c = 0; c < 64; c++)
                if (c != CAP_KILL && prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0)
                        break;
        check(syscall(SYS_capset, &header, data));
        check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        check(syscall(SYS_close_range, 0, ~0U, 0));
        check(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
}

static _Noreturn void inner(Floor *f) {
        struct ifreq request = {.ifr_name = "lo"};
        int status = 0, fd;
        pid_t pid;

        check(prctl(PR_SET_PDEATHSIG, SIGKILL));
        await(&f->page->ids_mapped);
        check(setgroups(0, NULL));
        check(setresgid(0, 0, 0));
        check(setresuid(0, 0, 0));
        for (size_t i = 0; i < ELEMENTSOF(file_systems); i++)
                f->slots[file_systems[i].slot] = new_file_system(
                        file_systems[i].type, file_systems[i].attributes, file_systems[i].options);
        /* Outer has a copy of this memory, not the memory; both know the table and the numbers follow from
         * it. */
        memcpy(f->page + 1, f->slots, sizeof(f->slots));
        set(&f->page->file_systems_made);

        fd = (int)check(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        check(ioctl(fd, SIOCGIFFLAGS, &request));
        request.ifr_flags |= IFF_UP;
        check(ioctl(fd, SIOCSIFFLAGS, &request));
        close(fd);
        check(sethostname("floor", 5));
        await(&f->page->root_ready);
        check(setns(f->page->mount_namespace, CLONE_NEWNS));

        pid = fork();
        check(pid);
        if (pid == 0)
                payload(f);
        become_init();
        check(waitpid(pid, &status, 0));
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

/* --- outer */

static void write_map(Floor *f, const char *name) {
        char path[64], text[64];
        int fd;

        (void)snprintf(path, sizeof(path), "%d/%s", f->page->inner_pid, name);
        (void)snprintf(text, sizeof(text), "0 %u 65536\n", ID_BASE);
        fd = (int)check(openat(f->proc, path, O_RDWR | O_CLOEXEC));
        check(write(fd, text, strlen(text)));
        check(lseek(fd, 0, SEEK_SET));
        check(read(fd, text, sizeof(text)));
        close(fd);
}

static void make_dev(Floor *f) {
        char id[32];
        const char *options[] = {"mode", "0755", "size", "4m", "nr_inodes", "4096",
                                 "uid",  id,     "gid",  id,   NULL};
        int dev;

        (void)snprintf(id, sizeof(id), "%u", ID_BASE);
        dev = f->slots[DEV] = new_file_system("tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, options);
        for (size_t i = 0; i < ELEMENTSOF(nodes); i++)
                check(mknodat(dev, nodes[i].name, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)));
        for (size_t i = 0; i < ELEMENTSOF(links); i++)
                check(symlinkat(links[i][1], dev, links[i][0]));
        for (size_t i = 0; i < ELEMENTSOF(directories); i++)
                check(mkdirat(dev, directories[i], 0755));
        check(mknodat(dev, ".inaccessible/file", S_IFREG, 0));
}

static void mask(Floor *f, const char *path) {
        int at = root_open(f->root_tree, path, 0), tree;
        struct stat st;

        if (at < 0)
                return;
        check(fstat(at, &st));
        tree = (int)check(syscall(SYS_open_tree, f->slots[DEV],
                                  S_ISDIR(st.st_mode) ? ".inaccessible/directory" : ".inaccessible/file",
                                  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
        set_attributes(tree, SAFE_NOEXEC | MOUNT_ATTR_RDONLY, 0, 0, 0);
        check(syscall(SYS_move_mount, tree, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
        close(tree);
        close(at);
}

static void cover(Floor *f, const char *path) {
        int at = root_open(f->root_tree, path, 0), tree;

        if (at < 0)
                return;
        tree = (int)check(syscall(SYS_open_tree, at, "",
                                  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE));
        set_attributes(tree, MOUNT_ATTR_RDONLY, 0, 0, AT_RECURSIVE);
        attach(f->root_tree, tree, path, 0);
        close(tree);
        close(at);
}

static void assemble_root(Floor *f) {
        set_attributes(f->root_tree, SAFE | MOUNT_ATTR_RDONLY | MOUNT_ATTR_IDMAP, 0, f->user_namespace,
                       AT_RECURSIVE);
        set_attributes(f->root_tree, 0, MOUNT_ATTR_RDONLY, 0, 0);
        make_dev(f);
        await(&f->page->file_systems_made);
        for (size_t i = 0; i < ELEMENTSOF(file_systems); i++)
                f->slots[file_systems[i].slot] = ((int *)(f->page + 1))[file_systems[i].slot];

        check(syscall(SYS_move_mount, f->root_tree, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH));
        check(fchdir(f->root_tree));
        check(syscall(SYS_pivot_root, ".", "."));
        check(umount2(".", MNT_DETACH));
        check(chdir("/"));

        for (size_t i = 0; i < ELEMENTSOF(file_systems); i++) {
                if (file_systems[i].slot == DEVPTS)
                        attach(f->root_tree, f->slots[DEV], "/dev", RESOLVE_NO_SYMLINKS);
                close((int)check(root_open(f->root_tree, file_systems[i].path, RESOLVE_NO_SYMLINKS)));
                attach(f->root_tree, f->slots[file_systems[i].slot], file_systems[i].path,
                       RESOLVE_NO_SYMLINKS);
        }
        for (size_t i = 0; i < f->n_facts; i++)
                if (strcmp(f->facts[i].words[0], "mask") == 0)
                        mask(f, f->facts[i].words[1]);
                else if (strcmp(f->facts[i].words[0], "cover") == 0)
                        cover(f, f->facts[i].words[1]);
        set_attributes(f->root_tree, MOUNT_ATTR_RDONLY, 0, 0, 0);
        set_attributes(f->slots[DEV], MOUNT_ATTR_RDONLY, 0, 0, 0);
}

static _Noreturn void outer(Floor *f) {
        struct clone_args args = {
                .flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP |
                         CLONE_NEWNET | CLONE_NEWUSER | CLONE_PARENT | CLONE_PARENT_SETTID | CLONE_FILES,
                .parent_tid = (uint64_t)(uintptr_t)&f->page->inner_pid,
        };
        char path[64];

        check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
        attributes(f, "outer");
        if (check(syscall(SYS_clone3, &args, sizeof(args))) == 0)
                inner(f);
        write_map(f, "gid_map");
        write_map(f, "uid_map");
        (void)snprintf(path, sizeof(path), "%d/ns/user", f->page->inner_pid);
        f->user_namespace = (int)check(openat(f->proc, path, O_RDONLY | O_CLOEXEC));
        (void)setfsgid(ID_BASE);
        (void)setfsuid(ID_BASE);
        {
                struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
                struct __user_cap_data_struct data[2];

                check(syscall(SYS_capget, &header, data));
                data[0].effective = data[0].permitted;
                data[1].effective = data[1].permitted;
                check(syscall(SYS_capset, &header, data));
        }
        set(&f->page->ids_mapped);
        assemble_root(f);
        check(setns(f->user_namespace, CLONE_NEWUSER));
        check(unshare(CLONE_NEWNS));
        f->page->mount_namespace = (int)check(openat(f->proc, "thread-self/ns/mnt", O_RDONLY | O_CLOEXEC));
        set(&f->page->root_ready);
        _exit(EXIT_SUCCESS);
}

/* --- the measuring parent */

static int64_t now(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void launch(Floor *f, const char *root) {
        struct clone_args args = {.flags = CLONE_INTO_CGROUP | CLONE_NEWNS,
                                  .exit_signal = SIGCHLD,
                                  .cgroup = (uint64_t)f->cgroup};
        int64_t begin, end, exec = 0;
        int output[2], status = 0, failed = 0;
        char text[64] = "";

        memset(f->page, 0, sizeof(Page));
        begin = now();
        f->root_tree = (int)check(
                syscall(SYS_open_tree, AT_FDCWD, root, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
        check(pipe2(output, O_CLOEXEC));
        f->output = output[1];
        if (check(syscall(SYS_clone3, &args, sizeof(args))) == 0)
                outer(f);
        close(output[1]);
        close(f->root_tree);
        while (wait4(-1, &status, __WALL, NULL) > 0)
                failed |= status;
        end = now();
        check(read(output[0], text, sizeof(text) - 1));
        close(output[0]);
        if (sscanf(text, "%" SCNd64, &exec) != 1 || failed != 0) {
                fprintf(stderr, "floor: a launch failed with status %d: %s\n", failed, text);
                exit(EXIT_FAILURE);
        }
        printf("%" PRId64 " %" PRId64 "\n", exec - begin, end - begin);
}

static void read_filter(Floor *f, const char *path) {
        static struct sock_filter program[BPF_MAXINSNS];
        int fd = (int)check(open(path, O_RDONLY | O_CLOEXEC));
        ssize_t n = check(read(fd, program, sizeof(program)));

        close(fd);
        f->filter = (struct sock_fprog){.len = (unsigned short)((size_t)n / sizeof(program[0])),
                                        .filter = program};
}

/* Paths of a plan hold no blank here: they are the default unit's own. */
static void read_facts(Floor *f, const char *path) {
        static char text[65536];
        int fd = (int)check(open(path, O_RDONLY | O_CLOEXEC));
        char *line, *lines = NULL, *words = NULL;

        check(read(fd, text, sizeof(text) - 1));
        close(fd);
        for (line = strtok_r(text, "\n", &lines); line; line = strtok_r(NULL, "\n", &lines)) {
                Fact *fact = f->facts + f->n_facts;

                if (f->n_facts == FACTS_MAX)
                        check(-1);
                fact->actor = strtok_r(line, " ", &words);
                for (char *w = strtok_r(NULL, " ", &words); w && fact->n < FACT_WORDS_MAX; w = strtok_r(NULL, " ", &words)) {
                        fact->numbers[fact->n] = strtoull(w, NULL, 0);
                        fact->words[fact->n++] = w;
                }
                f->n_facts += fact->n > 1;
        }
}

int main(int argc, char **argv) {
        static Floor f;
        int count;

        if (argc != 8) {
                fprintf(stderr, "usage: floor ROOT CGROUP FILTER FACTS COUNT PROGRAM ARGUMENT\n");
                return 2;
        }
        f.page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        check(f.page == MAP_FAILED ? -1 : 0);
        f.cgroup = (int)check(open(argv[2], O_PATH | O_DIRECTORY | O_CLOEXEC));
        f.proc = (int)check(open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
        f.null = (int)check(open("/dev/null", O_RDWR | O_CLOEXEC));
        read_filter(&f, argv[3]);
        read_facts(&f, argv[4]);
        f.program = argv[6];
        f.argument = argv[7];
        count = atoi(argv[5]);
        for (int i = 0; i < count; i++)
                launch(&f, argv[1]);
        return 0;
}
