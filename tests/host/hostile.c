/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A payload that means harm, for the host tests. A static program that needs nothing of its root:
 *
 *   hostile try ATTACK[:ARG]...   each in a process of its own; JSON object: "ok" (it worked), an errno's name, a signal's,
 *                                 or what else stopped it
 *   hostile nested ATTACK...      the same inside a user and mount namespace of its own making
 *   hostile watch SECONDS         looks at every process that appears in /proc: JSON object of what it got hold of
 *   hostile seize PID WORD        takes every process that appears before it is one of the container, writes PID over all memory
 *                                 that it shares with others, and looks for WORD in the rest; on SIGTERM a JSON object of
 *                                 what those had that a process of the container has not
 *   hostile storm COUNT           orphans that end; JSON object of the zombies that stay
 *   hostile bomb                  a fork bomb that does not hear SIGTERM */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/host/privileges.h"

#define NOT_STOPPED 0
#define NO_SUCH_ATTACK 254
#define HARMLESS 253 /* the call went through and brought nothing */

static int errno_of(long r) {
        return r < 0 ? errno : NOT_STOPPED;
}

static const char *result_name(int status) {
        if (WIFSIGNALED(status))
                return sigabbrev_np(WTERMSIG(status)) ?: "signal";
        switch (WEXITSTATUS(status)) {
        case NOT_STOPPED:
                return "ok";
        case NO_SUCH_ATTACK:
                return "no such attack";
        case HARMLESS:
                return "harmless";
        default:
                return strerrorname_np(WEXITSTATUS(status)) ?: "unknown errno";
        }
}

/* --- mounts */

static int remount_rw(const char *path) {
        return errno_of(mount(NULL, path, NULL, MS_REMOUNT | MS_BIND, NULL));
}

static int setattr_clear(const char *path) {
        struct mount_attr attr = { .attr_clr = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID };

        return errno_of(syscall(SYS_mount_setattr, AT_FDCWD, path, 0, &attr, sizeof(attr)));
}

static int unmount(const char *path) {
        return errno_of(umount2(path, MNT_DETACH));
}

static int move_away(const char *path) {
        return errno_of(mount(path, "/mnt", NULL, MS_MOVE, NULL));
}

/* A bind without what is mounted below would show what the masks hide. */
static int bind_beneath(const char *path) {
        return errno_of(mount(path, "/mnt", NULL, MS_BIND, NULL));
}

static int tree_beneath(const char *path) {
        int fd = (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE);

        return errno_of(fd);
}

static int fresh(const char *type) {
        return errno_of(mount(type, "/mnt", type, 0, NULL));
}

static int fresh_detached(const char *type) {
        int fs = (int)syscall(SYS_fsopen, type, 0);

        if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return errno;
        return errno_of(syscall(SYS_fsmount, fs, 0, 0));
}

/* release_agent, CVE-2022-0492: a hierarchy of version 1, mounted from inside. A hybrid host lets whoever has
 * CAP_SYS_ADMIN over a cgroup namespace mount it; nothing in it may be changed. */
static int cgroup_v1(const char *controller) {
        static const char *const files[] = { "release_agent", "notify_on_release", "cgroup.procs", "tasks",
                                             "memory.limit_in_bytes", "cgroup.clone_children" };

        if (mount("cgroup", "/mnt", "cgroup", 0, controller) < 0)
                return errno;
        if (mkdir("/mnt/bulwark-hostile", 0755) == 0)
                return NOT_STOPPED;
        for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
                char path[64];

                (void)snprintf(path, sizeof(path), "/mnt/%s", files[i]);
                if (open(path, O_WRONLY | O_CLOEXEC) >= 0)
                        return NOT_STOPPED;
        }
        return HARMLESS;
}

static int pivot(const char *path) {
        return errno_of(syscall(SYS_pivot_root, path, path));
}

static int leave_chroot(const char *path) {
        struct stat before, after;
        int fd;

        if (stat("/", &before) < 0)
                return errno;
        fd = open("/", O_RDONLY | O_DIRECTORY);
        if (fd < 0 || chroot(path) < 0 || fchdir(fd) < 0)
                return errno;
        for (unsigned i = 0; i < 100; i++)
                if (chdir("..") < 0)
                        return errno;
        if (stat(".", &after) < 0)
                return errno;
        return before.st_dev == after.st_dev && before.st_ino == after.st_ino ? HARMLESS : NOT_STOPPED;
}

/* --- files */

static int open_write(const char *path) {
        return errno_of(open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK));
}

static int read_one(const char *path) {
        char byte;
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        ssize_t n;

        if (fd < 0)
                return errno;
        n = read(fd, &byte, 1);
        return n < 0 ? errno : n == 0 ? HARMLESS : NOT_STOPPED;
}

static int make_directory(const char *path) {
        return errno_of(mkdir(path, 0755));
}

/* CVE-2019-5736: the program of a process that came from outside, opened for writing through its link, or through
 * a descriptor that was opened for nothing. */
static int write_program(const char *pid) {
        char path[64];
        int fd;

        (void)snprintf(path, sizeof(path), "/proc/%s/exe", pid);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd >= 0)
                return NOT_STOPPED;
        fd = open(path, O_PATH | O_CLOEXEC);
        if (fd < 0)
                return errno;
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        return errno_of(open(path, O_WRONLY | O_CLOEXEC));
}

/* The root and the directory of another process must be our own root. */
static int other_root(const char *path) {
        struct stat own, other;

        if (stat("/", &own) < 0 || stat(path, &other) < 0)
                return errno;
        return own.st_dev == other.st_dev && own.st_ino == other.st_ino ? HARMLESS : NOT_STOPPED;
}

static int enter_directory(const char *path) {
        char where[4096];

        if (chdir(path) < 0)
                return errno;
        if (syscall(SYS_getcwd, where, sizeof(where)) < 0)
                return errno;
        return where[0] == '/' ? HARMLESS : NOT_STOPPED;
}

/* Shocker: an inode of the file system by its number, whatever the mount shows. */
static int by_handle(const char *path) {
        struct {
                struct file_handle head;
                uint32_t inode[2];
        } handle = { .head = { .handle_bytes = 8, .handle_type = 1 }, .inode = { 2, 0 } };
        int fd = open(path, O_RDONLY | O_DIRECTORY);

        if (fd < 0)
                return errno;
        return errno_of(syscall(SYS_open_by_handle_at, fd, &handle, O_RDONLY));
}

static int make_device(const char *arg) {
        unsigned major = 0, minor = 0;
        bool block = *arg == 'b';

        if (sscanf(arg + 1, "%u.%u", &major, &minor) != 2)
                return NO_SUCH_ATTACK;
        if (mknod("/tmp/device", (block ? S_IFBLK : S_IFCHR) | 0666, makedev(major, minor)) < 0)
                return errno;
        return errno_of(open("/tmp/device", O_RDONLY));
}

/* Nothing but the standard streams, none of them a directory, a file of the host or a socket of the manager. */
static int leaked_descriptor(const char *arg) {
        for (int fd = 0; fd < 4096; fd++) {
                struct stat st;

                if (fstat(fd, &st) < 0)
                        continue;
                if (fd > 2 || !(S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)))
                        return NOT_STOPPED;
        }
        return HARMLESS;
}

/* --- processes */

static int trace(const char *pid) {
        return errno_of(ptrace(PTRACE_SEIZE, atoi(pid), NULL, NULL));
}

/* Not an attack: what a debugger does with a program that it has started itself. */
static int trace_child(const char *arg) {
        const pid_t pid = fork();
        int status = 0, r;

        if (pid < 0)
                return errno;
        if (pid == 0) {
                (void)pause();
                _exit(0);
        }
        r = errno_of(ptrace(PTRACE_SEIZE, pid, NULL, NULL));
        if (r == 0)
                r = errno_of(ptrace(PTRACE_INTERRUPT, pid, NULL, NULL));
        if (r == 0 && (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)))
                r = ECHILD;
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        return r;
}

static int write_memory(const char *pid) {
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%s/mem", pid);
        return errno_of(open(path, O_RDWR | O_CLOEXEC));
}

static int read_memory(const char *pid) {
        char byte;
        struct iovec local = { &byte, 1 }, remote = { (void *)0x400000, 1 };

        return errno_of(process_vm_readv(atoi(pid), &local, 1, &remote, 1, 0));
}

static int take_descriptor(const char *pid) {
        int fd = (int)syscall(SYS_pidfd_open, atoi(pid), 0);

        if (fd < 0)
                return errno;
        for (int i = 0; i < 16; i++)
                if (syscall(SYS_pidfd_getfd, fd, i, 0) >= 0)
                        return NOT_STOPPED;
        return errno;
}

static int list_directory(const char *path) {
        DIR *d = opendir(path);
        int n = 0;

        if (!d)
                return errno;
        for (struct dirent *e; (e = readdir(d));)
                n += e->d_name[0] != '.';
        return n > 0 ? NOT_STOPPED : HARMLESS;
}

static bool status_field(int pid, const char *field, uint64_t *ret);

/* The init is ours: when the payload runs it has one capability, its filter, and shows nothing of the host. */
static int init_holds(const char *arg) {
        uint64_t permitted = 0, filter = 0, privileges = 0;
        char text[256];
        ssize_t n;
        int fd;

        if (!status_field(1, "CapPrm", &permitted) || !status_field(1, "Seccomp", &filter) ||
            !status_field(1, "NoNewPrivs", &privileges))
                return NO_SUCH_ATTACK;
        if ((permitted & ~(UINT64_C(1) << 5 /* CAP_KILL */)) != 0 || filter != 2 || privileges != 1)
                return NOT_STOPPED;
        fd = open("/proc/1/cmdline", O_RDONLY | O_CLOEXEC);
        n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
        if (n < 0)
                return errno;
        return memmem(text, (size_t)n, "socket", 6) ? NOT_STOPPED : HARMLESS;
}

/* --- the kernel's calls */

static int new_user_namespace(const char *how) {
        if (strcmp(how, "unshare") == 0)
                return errno_of(unshare(CLONE_NEWUSER));
        if (strcmp(how, "clone") == 0) {
                long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);

                if (pid == 0)
                        _exit(0);
                return errno_of(pid);
        }
        if (strcmp(how, "clone3") == 0) {
                struct {
                        uint64_t flags, rest[10];
                } args = { .flags = CLONE_NEWUSER };
                long pid = syscall(SYS_clone3, &args, sizeof(args));

                if (pid == 0)
                        _exit(0);
                return errno_of(pid);
        }
        return NO_SUCH_ATTACK;
}

/* On a terminal of our own, so that only the filter can say no; with high bits too, CVE-2019-10063. */
static int type_into_terminal(const char *how) {
        char path[64];
        int number = 0, unlock = 0, master, slave;
        unsigned long request = strcmp(how, "console") == 0 ? TIOCLINUX : TIOCSTI;

        master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
        if (master < 0 || ioctl(master, TIOCGPTN, &number) < 0 || ioctl(master, TIOCSPTLCK, &unlock) < 0)
                return errno;
        (void)snprintf(path, sizeof(path), "/dev/pts/%d", number);
        (void)setsid();
        slave = open(path, O_RDWR);
        if (slave < 0)
                return errno;
        if (strcmp(how, "high") == 0)
                request |= UINT64_C(1) << 32;
        return errno_of(syscall(SYS_ioctl, slave, request, "\003"));
}

static int make_socket(const char *arg) {
        int family = 0, type = 0;

        if (sscanf(arg, "%d.%d", &family, &type) != 2)
                return NO_SUCH_ATTACK;
        return errno_of(socket(family, type, 0));
}

static int connect_abstract(const char *name) {
        struct {
                uint16_t family;
                char path[108];
        } address = { .family = AF_UNIX };
        size_t n = strlen(name);
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        if (fd < 0)
                return errno;
        memcpy(address.path + 1, name, n);
        return errno_of(connect(fd, (struct sockaddr *)&address, (socklen_t)(sizeof(uint16_t) + 1 + n)));
}

static int describe_key(const char *serial) {
        char text[256];

        return errno_of(syscall(SYS_keyctl, 6 /* KEYCTL_DESCRIBE */, atoi(serial), text, sizeof(text)));
}

static int privilege(const char *name) {
        const int error = use_privilege(name);

        return error < 0 ? NO_SUCH_ATTACK : error;
}

/* A busybox. */
static int execute(const char *path) {
        (void)execl(path, "true", (char *)NULL);
        return errno;
}

static int call(const char *number) {
        return errno_of(syscall(atol(number), 0, 0, 0, 0, 0, 0));
}

#if defined(__x86_64__)
/* getpid of the 32-bit table: where it answers, every rule of the filter can be walked around. CVE-2014-0038. */
static int call_i386(const char *arg) {
        long r;

        __asm__ volatile("int $0x80" : "=a"(r) : "a"(20L) : "memory");
        return r < 0 ? (int)-r : NOT_STOPPED;
}

static int call_x32(const char *arg) {
        return errno_of(syscall(0x40000000L + SYS_getpid));
}
#else
static int call_i386(const char *arg) {
        return ENOSYS;
}

static int call_x32(const char *arg) {
        return ENOSYS;
}
#endif

/* The proof that this program attacks at all. */
static int control(const char *arg) {
        return errno_of(getpid());
}

static const struct {
        const char *name;
        int (*attack)(const char *arg);
} attacks[] = {
        { "control", control },
        { "remount-rw", remount_rw },
        { "setattr-clear", setattr_clear },
        { "unmount", unmount },
        { "move-away", move_away },
        { "bind-beneath", bind_beneath },
        { "tree-beneath", tree_beneath },
        { "fresh", fresh },
        { "fresh-detached", fresh_detached },
        { "cgroup-v1", cgroup_v1 },
        { "pivot", pivot },
        { "leave-chroot", leave_chroot },
        { "open-write", open_write },
        { "read", read_one },
        { "mkdir", make_directory },
        { "write-program", write_program },
        { "other-root", other_root },
        { "enter", enter_directory },
        { "by-handle", by_handle },
        { "device", make_device },
        { "leaked-descriptor", leaked_descriptor },
        { "trace", trace },
        { "trace-child", trace_child },
        { "write-memory", write_memory },
        { "read-memory", read_memory },
        { "take-descriptor", take_descriptor },
        { "list", list_directory },
        { "init-holds", init_holds },
        { "new-user-namespace", new_user_namespace },
        { "type", type_into_terminal },
        { "socket", make_socket },
        { "connect-abstract", connect_abstract },
        { "describe-key", describe_key },
        { "privilege", privilege },
        { "execute", execute },
        { "call", call },
        { "call-i386", call_i386 },
        { "call-x32", call_x32 },
};

static int attack(const char *text) {
        const char *arg = strchr(text, ':');
        size_t n = arg ? (size_t)(arg - text) : strlen(text);

        for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++)
                if (strlen(attacks[i].name) == n && strncmp(attacks[i].name, text, n) == 0)
                        return attacks[i].attack(arg ? arg + 1 : "");
        return NO_SUCH_ATTACK;
}

static int try_all(char **texts, bool nested) {
        if (nested && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) {
                printf("{\"control\":\"%s\"}\n", strerrorname_np(errno));
                return 0;
        }
        for (char **t = texts; *t; t++) {
                int status = 0;
                pid_t pid;

                (void)fflush(stdout);
                pid = fork();
                if (pid == 0)
                        _exit(attack(*t));
                if (pid < 0 || waitpid(pid, &status, 0) < 0)
                        return 1;
                printf("%s\"%s\":\"%s\"", t == texts ? "{" : ",\n", *t, result_name(status));
        }
        puts("}");
        return 0;
}

/* --- watch */

typedef struct Findings {
        unsigned seen, privileged, traced, most_descriptors, programs, command_lines, environments;
        uint64_t excess; /* capabilities that we cannot have */
} Findings;

static bool status_field(int pid, const char *field, uint64_t *ret) {
        char path[64], line[256];
        size_t n = strlen(field);
        bool found = false;
        FILE *f;

        (void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
        f = fopen(path, "re");
        if (!f)
                return false;
        while (!found && fgets(line, sizeof(line), f))
                if (strncmp(line, field, n) == 0 && line[n] == ':') {
                        *ret = strtoull(line + n + 1, NULL, 16);
                        found = true;
                }
        (void)fclose(f);
        return found;
}

/* A program of the host shows as a memfd; the container's own have a path. */
static bool is_foreign(int pid) {
        char path[64], link[256];
        ssize_t n;

        (void)snprintf(path, sizeof(path), "/proc/%d/exe", pid);
        n = readlink(path, link, sizeof(link) - 1);
        if (n < 0)
                return false;
        link[n] = 0;
        return strncmp(link, "/memfd:", 7) == 0;
}

static bool has_bytes(int pid, const char *name) {
        char path[64], byte = 0;
        ssize_t n;
        int fd;

        (void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return false;
        do
                n = read(fd, &byte, 1);
        while (n > 0 && byte == 0);
        (void)close(fd);
        return n > 0;
}

/* It is stopped, so that there is time to look at everything it has. */
static void look_closely(int pid, Findings *f) {
        char path[64];
        unsigned n = 0;
        DIR *d;

        f->traced++;
        (void)snprintf(path, sizeof(path), "/proc/%d/exe", pid);
        if (open(path, O_WRONLY | O_CLOEXEC) >= 0)
                f->programs++;
        f->command_lines += has_bytes(pid, "cmdline");
        f->environments += has_bytes(pid, "environ");
        (void)snprintf(path, sizeof(path), "/proc/%d/fd", pid);
        d = opendir(path);
        for (struct dirent *e; d && (e = readdir(d));)
                n += e->d_name[0] != '.';
        if (d)
                (void)closedir(d);
        if (n > f->most_descriptors)
                f->most_descriptors = n;
}

static void look(int pid, uint64_t own, Findings *f) {
        uint64_t theirs = 0;

        f->seen++;
        if (status_field(pid, "CapPrm", &theirs) && (theirs & ~own) != 0) {
                f->privileged++;
                f->excess |= theirs & ~own;
        }
        if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0)
                return;
        if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) == 0)
                (void)waitpid(pid, NULL, __WALL);
        if (is_foreign(pid))
                look_closely(pid, f);
        (void)ptrace(PTRACE_DETACH, pid, NULL, NULL);
}

static int newest_process(int newest) {
        DIR *d = opendir("/proc");

        for (struct dirent *e; d && (e = readdir(d));)
                if (atoi(e->d_name) > newest)
                        newest = atoi(e->d_name);
        if (d)
                (void)closedir(d);
        return newest;
}

static int watch(unsigned seconds) {
        time_t end = time(NULL) + seconds;
        int self = getpid(), newest = self;
        uint64_t own = 0;
        Findings f = {};

        if (!status_field(self, "CapBnd", &own))
                return 1;
        /* Numbers grow: what comes next is known before it is there. Who slept too long looks where they are now. */
        for (uint64_t round = 0; round % 1024 || time(NULL) < end; round++) {
                if (round % 512 == 0)
                        newest = newest_process(newest);
                for (int pid = newest + 1; pid < newest + 6; pid++)
                        if (kill(pid, 0) == 0 || errno == EPERM) {
                                look(pid, own, &f);
                                newest = pid;
                        }
        }
        printf("{\"seen\":%u,\"privileged\":%u,\"excess\":\"%" PRIx64 "\",\"traced\":%u,\"descriptors\":%u,\"programs\":%u,"
               "\"command_lines\":%u,\"environments\":%u}\n",
               f.seen, f.privileged, f.excess, f.traced, f.most_descriptors, f.programs, f.command_lines, f.environments);
        return 0;
}

/* --- seize */

typedef struct Seized {
        unsigned seen, seized, privileged, unfiltered, unbound, shared, knowing;
} Seized;

/* What our own processes have. */
typedef struct Holdings {
        uint64_t permitted, filters, no_new_privileges;
} Holdings;

static volatile sig_atomic_t told_to_end;

static void on_end(int number) {
        told_to_end = 1;
}

static bool holdings_of(int pid, Holdings *ret) {
        return status_field(pid, "CapPrm", &ret->permitted) && status_field(pid, "Seccomp_filters", &ret->filters) &&
               status_field(pid, "NoNewPrivs", &ret->no_new_privileges);
}

static bool memory_has(int memory, unsigned long from, unsigned long to, const char *word) {
        static char bytes[65536];

        for (; from < to; from += sizeof(bytes)) {
                ssize_t n = pread(memory, bytes, to - from < sizeof(bytes) ? to - from : sizeof(bytes), (off_t)from);

                if (n > 0 && memmem(bytes, (size_t)n, word, strlen(word)))
                        return true;
        }
        return false;
}

static void overwrite(int memory, unsigned long from, unsigned long to, int32_t number) {
        int32_t page[1024];

        for (size_t i = 0; i < sizeof(page) / sizeof(page[0]); i++)
                page[i] = number;
        for (; from < to; from += sizeof(page))
                (void)!pwrite(memory, page, sizeof(page), (off_t)from);
}

static void search_memory(int pid, int32_t number, const char *word, Seized *s) {
        char path[64], line[512];
        bool shared = false, knowing = false;
        int memory;
        FILE *f;

        (void)snprintf(path, sizeof(path), "/proc/%d/mem", pid);
        memory = open(path, O_RDWR | O_CLOEXEC);
        (void)snprintf(path, sizeof(path), "/proc/%d/maps", pid);
        f = memory < 0 ? NULL : fopen(path, "re");
        while (f && fgets(line, sizeof(line), f)) {
                unsigned long from, to;
                char rights[8];

                if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) != 3 || rights[1] != 'w')
                        continue;
                knowing |= memory_has(memory, from, to, word);
                if (rights[3] == 's') {
                        overwrite(memory, from, to, number);
                        shared = true;
                }
        }
        if (f)
                (void)fclose(f);
        if (memory >= 0)
                (void)close(memory);
        s->shared += shared;
        s->knowing += knowing;
}

static void seize(int pid, const Holdings *own, int32_t number, const char *word, Seized *s) {
        Holdings theirs;

        s->seen++;
        if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0)
                return;
        if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) == 0)
                (void)waitpid(pid, NULL, __WALL);
        if (is_foreign(pid) && holdings_of(pid, &theirs)) {
                s->seized++;
                s->privileged += (theirs.permitted & ~own->permitted) != 0;
                s->unfiltered += theirs.filters < own->filters;
                s->unbound += theirs.no_new_privileges < own->no_new_privileges;
                search_memory(pid, number, word, s);
        }
        (void)ptrace(PTRACE_DETACH, pid, NULL, NULL);
}

static int seize_all(int32_t number, const char *word) {
        int newest = newest_process(getpid());
        Holdings own;
        Seized s = {};

        if (!holdings_of(getpid(), &own) || signal(SIGTERM, on_end) == SIG_ERR)
                return 1;
        puts("{}");
        (void)fflush(stdout);
        for (uint64_t round = 0; !told_to_end; round++) {
                if (round % 512 == 0)
                        newest = newest_process(newest);
                for (int pid = newest + 1; pid < newest + 6; pid++)
                        if (kill(pid, 0) == 0 || errno == EPERM) {
                                seize(pid, &own, number, word, &s);
                                newest = pid;
                        }
        }
        printf("{\"seen\":%u,\"seized\":%u,\"privileged\":%u,\"unfiltered\":%u,\"unbound\":%u,\"shared\":%u,\"knowing\":%u}\n", s.seen,
               s.seized, s.privileged, s.unfiltered, s.unbound, s.shared, s.knowing);
        return 0;
}

/* --- storm */

static unsigned zombies(void) {
        DIR *d = opendir("/proc");
        unsigned n = 0;

        for (struct dirent *e; d && (e = readdir(d));) {
                char path[64], text[512];
                const char *state;
                ssize_t k;
                int fd;

                if (e->d_name[0] < '1' || e->d_name[0] > '9')
                        continue;
                (void)snprintf(path, sizeof(path), "/proc/%.20s/stat", e->d_name);
                fd = open(path, O_RDONLY | O_CLOEXEC);
                if (fd < 0)
                        continue;
                k = read(fd, text, sizeof(text) - 1);
                (void)close(fd);
                text[k > 0 ? k : 0] = 0;
                state = strrchr(text, ')');
                n += state && state[1] && state[2] == 'Z';
        }
        if (d)
                (void)closedir(d);
        return n;
}

static int storm(unsigned count) {
        unsigned made = 0;

        for (; made < count; made++) {
                pid_t pid = fork();

                if (pid == 0) {
                        (void)!fork(); /* both end; the grandchild is the init's */
                        _exit(0);
                }
                if (pid < 0 || waitpid(pid, NULL, 0) < 0)
                        break;
        }
        for (unsigned i = 0; i < 100 && zombies() > 0; i++)
                (void)usleep(20000);
        printf("{\"made\":%u,\"zombies\":%u}\n", made, zombies());
        return 0;
}

/* Every process makes others for as long as it can. */
static void bomb(void) {
        (void)signal(SIGTERM, SIG_IGN);
        (void)signal(SIGCHLD, SIG_IGN);
        for (;;)
                if (fork() < 0)
                        (void)usleep(10000);
}

int main(int argc, char **argv) {
        if (argc == 2 && strcmp(argv[1], "bomb") == 0)
                bomb();
        if (argc > 2 && strcmp(argv[1], "try") == 0)
                return try_all(argv + 2, false);
        if (argc > 2 && strcmp(argv[1], "nested") == 0)
                return try_all(argv + 2, true);
        if (argc == 3 && strcmp(argv[1], "watch") == 0)
                return watch((unsigned)atoi(argv[2]));
        if (argc == 4 && strcmp(argv[1], "seize") == 0)
                return seize_all((int32_t)atoi(argv[2]), argv[3]);
        if (argc == 3 && strcmp(argv[1], "storm") == 0)
                return storm((unsigned)atoi(argv[2]));
        (void)fprintf(stderr, "usage: hostile try|nested ATTACK[:ARG]... | watch SECONDS | seize PID WORD | storm COUNT | bomb\n");
        return 2;
}
