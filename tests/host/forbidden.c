/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the security directives of a unit forbid, tried from inside. A static program that needs nothing of its root:
 *
 *   forbidden try WHAT[:ARG]...   each in a process of its own; JSON object: "ok" (it worked), an errno's name, a signal's
 *
 * The attempts of set-id files take a directory and leave a file named after themselves there. */

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define NO_SUCH_ATTEMPT 255
#define SET_USER_ID 04755
#define NUMBER_FCHMODAT2 452

static int errno_of(long r) {
        return r < 0 ? errno : 0;
}

static const char *path_in(const char *directory, const char *name) {
        static char path[4096];

        snprintf(path, sizeof(path), "%s/%s", directory, name);
        return path;
}

/* An ordinary program there. */
static const char *make(const char *directory, const char *name) {
        const char *path = path_in(directory, name);
        int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0755);

        if (fd < 0 || write(fd, "#!/bin/sh\n", 10) != 10)
                _exit(errno);
        close(fd);
        return path;
}

static int try_chmod(const char *d) {
        return errno_of(syscall(SYS_chmod, make(d, "chmod"), SET_USER_ID));
}

static int try_chmod_high(const char *d) {
        return errno_of(syscall(SYS_chmod, make(d, "chmod-high"), 0xffff000000000000UL | SET_USER_ID));
}

static int try_chmod_group(const char *d) {
        return errno_of(syscall(SYS_chmod, make(d, "chmod-group"), 02755));
}

static int try_fchmod(const char *d) {
        int fd = open(make(d, "fchmod"), O_RDONLY | O_CLOEXEC);

        return errno_of(syscall(SYS_fchmod, fd, SET_USER_ID));
}

static int try_fchmodat(const char *d) {
        return errno_of(syscall(SYS_fchmodat, AT_FDCWD, make(d, "fchmodat"), SET_USER_ID));
}

static int try_fchmodat2(const char *d) {
        return errno_of(syscall(NUMBER_FCHMODAT2, AT_FDCWD, make(d, "fchmodat2"), SET_USER_ID, 0));
}

static int try_creat(const char *d) {
        return errno_of(syscall(SYS_creat, path_in(d, "creat"), SET_USER_ID));
}

static int try_open(const char *d) {
        return errno_of(syscall(SYS_open, path_in(d, "open"), O_CREAT | O_WRONLY, SET_USER_ID));
}

static int try_openat(const char *d) {
        return errno_of(syscall(SYS_openat, AT_FDCWD, path_in(d, "openat"), O_CREAT | O_WRONLY, SET_USER_ID));
}

static int try_openat2(const char *d) {
        struct open_how how = { .flags = O_CREAT | O_WRONLY, .mode = SET_USER_ID };

        return errno_of(syscall(SYS_openat2, AT_FDCWD, path_in(d, "openat2"), &how, sizeof(how)));
}

/* No name at first: linkat() gives it one. */
static int try_tmpfile(const char *d) {
        char link[64];
        int fd = (int)syscall(SYS_openat, AT_FDCWD, d, O_TMPFILE | O_WRONLY, SET_USER_ID);

        if (fd < 0)
                return errno;
        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        return errno_of(linkat(AT_FDCWD, link, AT_FDCWD, path_in(d, "tmpfile"), AT_SYMLINK_FOLLOW));
}

static int try_tmpfile_fchmod(const char *d) {
        char link[64];
        int fd = open(d, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0755);

        if (fd < 0 || syscall(SYS_fchmod, fd, SET_USER_ID) < 0)
                return errno;
        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        return errno_of(linkat(AT_FDCWD, link, AT_FDCWD, path_in(d, "tmpfile-fchmod"), AT_SYMLINK_FOLLOW));
}

static int try_mknod(const char *d) {
        return errno_of(syscall(SYS_mknod, path_in(d, "mknod"), S_IFREG | SET_USER_ID, 0));
}

static int try_mknodat(const char *d) {
        return errno_of(syscall(SYS_mknodat, AT_FDCWD, path_in(d, "mknodat"), S_IFREG | SET_USER_ID, 0));
}

static int try_mkdir(const char *d) {
        return errno_of(syscall(SYS_mkdir, path_in(d, "mkdir"), 02755));
}

static int try_mkdirat(const char *d) {
        return errno_of(syscall(SYS_mkdirat, AT_FDCWD, path_in(d, "mkdirat"), 02755));
}

/* Made where it may be made, then moved to the host's disk. */
static int try_rename(const char *d) {
        char from[] = "/tmp/renamed";
        int fd = open(from, O_CREAT | O_WRONLY | O_CLOEXEC, 0755);

        if (fd < 0 || syscall(SYS_fchmod, fd, SET_USER_ID) < 0)
                return errno;
        return errno_of(rename(from, path_in(d, "rename")));
}

#if defined(__x86_64__)
/* Calls of other ABIs of this processor. */
static int try_x32(const char *d) {
        return errno_of(syscall(0x40000000 | SYS_chmod, make(d, "x32"), SET_USER_ID));
}

static int try_compat(const char *d) {
        char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
        long r;

        if (low == MAP_FAILED)
                return errno;
        strcpy(low, make(d, "compat"));
        __asm__ volatile("int $0x80" : "=a"(r) : "a"(15L), "b"(low), "c"((long)SET_USER_ID) : "memory", "r8", "r9", "r10", "r11");
        return r < 0 ? (int)-r : 0;
}
#endif

/* open() carried out by io_uring, which no filter sees. */
static int try_io_uring(const char *d) {
        struct io_uring_params p = {};
        struct io_uring_sqe *entries;
        unsigned *tail, *array;
        char *ring;
        int fd = (int)syscall(SYS_io_uring_setup, 4, &p);

        if (fd < 0)
                return errno;
        ring = mmap(NULL, p.sq_off.array + p.sq_entries * 4 + 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQ_RING);
        entries = mmap(NULL, p.sq_entries * sizeof(*entries), PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQES);
        if (ring == MAP_FAILED || entries == MAP_FAILED)
                return errno;
        entries[0] = (struct io_uring_sqe){ .opcode = IORING_OP_OPENAT, .fd = AT_FDCWD,
                                            .addr = (unsigned long)path_in(d, "io-uring"), .len = SET_USER_ID,
                                            .open_flags = O_CREAT | O_WRONLY };
        array = (unsigned *)(ring + p.sq_off.array);
        tail = (unsigned *)(ring + p.sq_off.tail);
        array[0] = 0;
        __atomic_store_n(tail, 1, __ATOMIC_RELEASE);
        if (syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
                return errno;
        return access(path_in(d, "io-uring"), F_OK) < 0 ? errno : 0;
}

/* Capabilities of a file, as the kernel takes them from who may have them. */
static int set_capabilities(const char *path) {
        struct vfs_cap_data data = { .magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE, .data[0].permitted = 1U << CAP_SETUID };

        return errno_of(setxattr(path, "security.capability", &data, sizeof(data), 0));
}

static int try_capability(const char *d) {
        return set_capabilities(make(d, "capability"));
}

static int try_capability_named(const char *d) {
        struct vfs_ns_cap_data data = { .magic_etc = VFS_CAP_REVISION_3 | VFS_CAP_FLAGS_EFFECTIVE, .data[0].permitted = 1U << CAP_SETUID };

        return errno_of(setxattr(make(d, "capability-named"), "security.capability", &data, sizeof(data), 0));
}

static int put(const char *path, const char *text) {
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        int r = fd < 0 || write(fd, text, strlen(text)) < 0 ? errno : 0;

        close(fd);
        return r;
}

/* Root of a user namespace of one's own has every capability. */
static int try_capability_nested(const char *d) {
        const char *path = make(d, "capability-nested");
        int up[2], done[2], status = 0, error;
        char byte = 0, file[64];
        pid_t pid;

        if (pipe(up) < 0 || pipe(done) < 0)
                return errno;
        pid = fork();
        if (pid == 0) {
                error = unshare(CLONE_NEWUSER) < 0 ? errno : 0;
                if (error || write(up[1], &byte, 1) != 1 || read(done[0], &byte, 1) != 1)
                        _exit(error ? error : EPIPE);
                _exit(set_capabilities(path));
        }
        close(up[1]);
        if (read(up[0], &byte, 1) == 1) {
                snprintf(file, sizeof(file), "/proc/%d/uid_map", pid);
                error = put(file, "0 0 1");
                snprintf(file, sizeof(file), "/proc/%d/gid_map", pid);
                error = error ? error : put(file, "0 0 1");
                if (error)
                        fprintf(stderr, "map: %s\n", strerrorname_np(error));
                if (write(done[1], &byte, 1) != 1)
                        return errno;
        }
        waitpid(pid, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

/* --- scheduling */

static int try_scheduler(const char *policy) {
        struct sched_param p = { .sched_priority = 1 };
        long number = atol(policy);

        if (number == SCHED_OTHER || number == SCHED_BATCH || number == SCHED_IDLE)
                p.sched_priority = 0;
        return errno_of(syscall(SYS_sched_setscheduler, 0, number, &p));
}

static int try_sched_attr(const char *policy) {
        struct {
                unsigned size, policy;
                unsigned long long flags;
                int nice;
                unsigned priority;
                unsigned long long runtime, deadline, period;
        } a = { .size = 48, .policy = (unsigned)atoi(policy), .priority = atoi(policy) ? 1 : 0 };

        return errno_of(syscall(SYS_sched_setattr, 0, &a, 0));
}

/* --- memory */

static int try_mmap_wx(const char *arg) {
        return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0;
}

static int try_mprotect_x(const char *arg) {
        void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        return p == MAP_FAILED ? errno : errno_of(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static int try_pkey_mprotect_x(const char *arg) {
        void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        return p == MAP_FAILED ? errno : errno_of(syscall(SYS_pkey_mprotect, p, 4096, PROT_READ | PROT_EXEC, -1));
}

static int try_shmat_x(const char *arg) {
        int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0700);
        void *p = id < 0 ? (void *)-1 : shmat(id, NULL, SHM_EXEC);
        int error = p == (void *)-1 ? errno : 0;

        if (id >= 0)
                shmctl(id, IPC_RMID, NULL);
        return error;
}

/* --- the rest */

static int try_personality(const char *value) {
        return errno_of(syscall(SYS_personality, strtoul(value, NULL, 0)));
}

static unsigned long namespace_of(const char *name) {
        static const struct {
                const char *name;
                unsigned long flag;
        } names[] = {
                { "cgroup", CLONE_NEWCGROUP }, { "ipc", CLONE_NEWIPC }, { "net", CLONE_NEWNET }, { "mnt", CLONE_NEWNS },
                { "pid", CLONE_NEWPID },       { "user", CLONE_NEWUSER }, { "uts", CLONE_NEWUTS }, { "time", 0x80 },
        };

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                if (strcmp(names[i].name, name) == 0)
                        return names[i].flag;
        return 0;
}

static int try_unshare(const char *name) {
        return errno_of(syscall(SYS_unshare, namespace_of(name)));
}

static int try_clone(const char *name) {
        long pid = syscall(SYS_clone, namespace_of(name) | SIGCHLD, 0, 0, 0, 0);

        if (pid == 0)
                _exit(0);
        return errno_of(pid);
}

static int enter(const char *name, int type) {
        char path[64];
        int fd;

        snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd < 0 ? errno : errno_of(syscall(SYS_setns, fd, type));
}

static int try_setns(const char *name) {
        return enter(name, (int)namespace_of(name));
}

static int try_setns_any(const char *name) {
        return enter(name, 0);
}

static int try_open_read(const char *path) {
        int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        char byte;

        return fd < 0 ? errno : errno_of(read(fd, &byte, 1));
}

static int try_open_write(const char *path) {
        return errno_of(open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC));
}

/* The host's kernel log, under a name of one's own. */
static int try_mknod_kmsg(const char *path) {
        return errno_of(mknod(path, S_IFCHR | 0600, makedev(1, 11)));
}

static int try_syscall(const char *number) {
        return errno_of(syscall(atol(number), 0, 0, 0, 0, 0, 0));
}

static const struct {
        const char *name;
        int (*attempt)(const char *arg);
} attempts[] = {
        { "chmod", try_chmod },
        { "chmod-high", try_chmod_high },
        { "chmod-group", try_chmod_group },
        { "fchmod", try_fchmod },
        { "fchmodat", try_fchmodat },
        { "fchmodat2", try_fchmodat2 },
        { "creat", try_creat },
        { "open", try_open },
        { "openat", try_openat },
        { "openat2", try_openat2 },
        { "tmpfile", try_tmpfile },
        { "tmpfile-fchmod", try_tmpfile_fchmod },
        { "mknod", try_mknod },
        { "mknodat", try_mknodat },
        { "mkdir", try_mkdir },
        { "mkdirat", try_mkdirat },
        { "rename", try_rename },
#if defined(__x86_64__)
        { "x32", try_x32 },
        { "compat", try_compat },
#endif
        { "io-uring", try_io_uring },
        { "capability", try_capability },
        { "capability-named", try_capability_named },
        { "capability-nested", try_capability_nested },
        { "scheduler", try_scheduler },
        { "sched-attr", try_sched_attr },
        { "mmap-wx", try_mmap_wx },
        { "mprotect-x", try_mprotect_x },
        { "pkey-mprotect-x", try_pkey_mprotect_x },
        { "shmat-x", try_shmat_x },
        { "personality", try_personality },
        { "unshare", try_unshare },
        { "clone", try_clone },
        { "setns", try_setns },
        { "setns-any", try_setns_any },
        { "read", try_open_read },
        { "write", try_open_write },
        { "mknod-kmsg", try_mknod_kmsg },
        { "syscall", try_syscall },
};

static void attempt(const char *text, int first) {
        const char *arg = strchr(text, ':');
        size_t n = arg ? (size_t)(arg - text) : strlen(text);
        const char *words;
        int status = 0;
        pid_t pid;

        fflush(stdout);
        pid = fork();
        if (pid == 0) {
                umask(0);
                for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
                        if (strlen(attempts[i].name) == n && strncmp(attempts[i].name, text, n) == 0)
                                _exit(attempts[i].attempt(arg ? arg + 1 : ""));
                _exit(NO_SUCH_ATTEMPT);
        }
        if (pid < 0 || waitpid(pid, &status, 0) < 0)
                words = "lost";
        else if (WIFSIGNALED(status))
                words = sigabbrev_np(WTERMSIG(status));
        else if (WEXITSTATUS(status) == NO_SUCH_ATTEMPT)
                words = "no such attempt";
        else
                words = WEXITSTATUS(status) == 0 ? "ok" : strerrorname_np(WEXITSTATUS(status));
        printf("%s\"%s\": \"%s\"", first ? "{" : ", ", text, words ? words : "unknown");
}

int main(int argc, char **argv) {
        if (argc < 3 || strcmp(argv[1], "try") != 0) {
                fprintf(stderr, "usage: forbidden try WHAT[:ARG]...\n");
                return 2;
        }
        for (int i = 2; i < argc; i++)
                attempt(argv[i], i == 2);
        puts("}");
        return 0;
}
