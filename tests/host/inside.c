/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The view from inside a container, for the host tests. A static program that needs nothing of its root:
 *
 *   inside report                    everything about this process and its surroundings, as one JSON object
 *   inside try OPERATION[:ARG]...    attempts each operation in a process of its own; JSON object of errno names */

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* --- JSON */

static void json_string(const char *s, size_t n) {
        putchar('"');
        for (size_t i = 0; i < n; i++) {
                unsigned char c = (unsigned char)s[i];

                if (c == '"' || c == '\\')
                        printf("\\%c", c);
                else if (c < 0x20 || c >= 0x7f)
                        printf("\\u%04x", c);
                else
                        putchar(c);
        }
        putchar('"');
}

static void json_text(const char *s) {
        json_string(s, strlen(s));
}

static void json_key(const char *key) {
        static bool first = true;

        printf(first ? "{" : ",\n");
        first = false;
        json_text(key);
        putchar(':');
}

/* --- report */

static char *read_all(const char *path, size_t *ret_size) {
        char *buffer = malloc(1 << 20);
        size_t size = 0;
        int fd;

        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (!buffer || fd < 0) {
                free(buffer);
                return NULL;
        }
        for (;;) {
                ssize_t n = read(fd, buffer + size, (1 << 20) - 1 - size);

                if (n <= 0)
                        break;
                size += (size_t)n;
        }
        close(fd);
        buffer[size] = '\0';
        *ret_size = size;
        return buffer;
}

/* The pieces of a file between separators, as an array; null where it cannot be read. */
static void report_pieces(const char *key, const char *path, char separator) {
        char *text, *p;
        size_t size;
        bool first = true;

        json_key(key);
        text = read_all(path, &size);
        if (!text) {
                printf("null");
                return;
        }
        putchar('[');
        for (p = text; p < text + size;) {
                char *end = memchr(p, separator, (size_t)(text + size - p));
                size_t n = end ? (size_t)(end - p) : (size_t)(text + size - p);

                printf(first ? "" : ",");
                first = false;
                json_string(p, n);
                p += n + 1;
        }
        putchar(']');
        free(text);
}

static void report_number(const char *key, long long n) {
        json_key(key);
        printf("%lld", n);
}

static void report_text(const char *key, const char *text) {
        json_key(key);
        if (text)
                json_text(text);
        else
                printf("null");
}

static void report_link(const char *key, const char *path) {
        char target[4096];
        ssize_t n = readlink(path, target, sizeof(target));

        json_key(key);
        if (n < 0)
                json_text(strerrorname_np(errno));
        else
                json_string(target, (size_t)n);
}

static void report_descriptors(void) {
        bool first = true;
        DIR *dir;

        json_key("descriptors");
        dir = opendir("/proc/self/fd");
        if (!dir) {
                printf("null");
                return;
        }
        putchar('{');
        for (struct dirent *entry; (entry = readdir(dir));) {
                char target[4096];
                ssize_t n;

                if (entry->d_name[0] == '.' || atoi(entry->d_name) == dirfd(dir))
                        continue;
                n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target));
                printf(first ? "" : ",");
                first = false;
                json_text(entry->d_name);
                putchar(':');
                json_string(target, n < 0 ? 0 : (size_t)n);
        }
        putchar('}');
        closedir(dir);
}

static void report_directory(const char *key, const char *path) {
        bool first = true;
        DIR *dir;

        json_key(key);
        dir = opendir(path);
        if (!dir) {
                printf("null");
                return;
        }
        putchar('[');
        for (struct dirent *entry; (entry = readdir(dir));) {
                if (entry->d_name[0] == '.')
                        continue;
                printf(first ? "" : ",");
                first = false;
                json_text(entry->d_name);
        }
        putchar(']');
        closedir(dir);
}

static void report_groups(void) {
        gid_t groups[256];
        int n = getgroups(256, groups);

        json_key("groups");
        putchar('[');
        for (int i = 0; i < n; i++)
                printf("%s%u", i ? "," : "", groups[i]);
        putchar(']');
}

static void report_interfaces(void) {
        struct if_nameindex *names = if_nameindex();
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        json_key("interfaces");
        putchar('{');
        for (struct if_nameindex *i = names; i && i->if_index; i++) {
                struct ifreq request = {};

                strncpy(request.ifr_name, i->if_name, IFNAMSIZ - 1);
                printf(i == names ? "" : ",");
                json_text(i->if_name);
                printf(":%s", ioctl(fd, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP)
                                      ? "\"up\""
                                      : "\"down\"");
        }
        putchar('}');
        if (names)
                if_freenameindex(names);
        close(fd);
}

static void report_namespaces(void) {
        static const char *const names[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"};

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
                char key[32], path[64];

                snprintf(key, sizeof(key), "ns_%s", names[i]);
                snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
                report_link(key, path);
        }
}

static void report_limits(void) {
        struct rlimit limit;

        json_key("limits");
        putchar('[');
        for (int i = 0; i < RLIM_NLIMITS; i++) {
                if (getrlimit(i, &limit) < 0)
                        limit = (struct rlimit){};
                printf("%s[%" PRIu64 ",%" PRIu64 "]", i ? "," : "", (uint64_t)limit.rlim_cur,
                       (uint64_t)limit.rlim_max);
        }
        putchar(']');
}

/* A call's answer, or its errno below zero. */
static void report_answer(const char *key, long long answer) {
        report_number(key, answer < 0 ? -errno : answer);
}

static void report_attributes(void) {
        struct sched_param parameter = {};
        unsigned long nodes[16] = {};
        unsigned long long cookie = 0;
        int value = 0;
        long n;

        errno = 0;
        report_number("nice", getpriority(PRIO_PROCESS, 0));
        report_answer("scheduling", syscall(SYS_sched_getscheduler, 0));
        n = syscall(SYS_sched_getparam, 0, &parameter);
        report_answer("priority", n < 0 ? n : parameter.sched_priority);
        report_answer("io_priority", syscall(SYS_ioprio_get, 1, 0));
        n = syscall(SYS_get_mempolicy, &value, nodes, sizeof(nodes) * 8, NULL, 0);
        report_answer("numa_policy", n < 0 ? n : value);
        report_number("numa_nodes", (long long)nodes[0]);
        report_answer("timer_slack", prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0));
        report_answer("thp_disable", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
        report_answer("memory_merge", prctl(68 /* PR_GET_MEMORY_MERGE */, 0, 0, 0, 0));
        report_answer("machine_checks", prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
        report_answer("io_flusher", prctl(58 /* PR_GET_IO_FLUSHER */, 0, 0, 0, 0));
        n = prctl(PR_GET_TSC, &value, 0, 0, 0);
        report_answer("tsc", n < 0 ? n : value);
        n = prctl(PR_GET_CHILD_SUBREAPER, &value, 0, 0, 0);
        report_answer("subreaper", n < 0 ? n : value);
        n = prctl(PR_GET_PDEATHSIG, &value, 0, 0, 0);
        report_answer("death_signal", n < 0 ? n : value);
        n = prctl(62 /* PR_SCHED_CORE */, 0, 0, 0, &cookie);
        report_answer("core_cookie", n < 0 ? n : (long long)(cookie & 0x7fffffff));
        report_answer("personality", personality(0xffffffff));
        report_answer("keyring", syscall(SYS_keyctl, 0, -3, 0, 0, 0));
        n = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
        report_answer("controlling_terminal", n);
        report_pieces("coredump_filter", "/proc/self/coredump_filter", '\n');
        report_pieces("keys", "/proc/keys", '\n');
        fflush(stdout);
        if (fork() == 0)
                _exit((int)syscall(SYS_sched_getscheduler, 0));
        wait(&value);
        report_number("scheduling_of_fork", WEXITSTATUS(value));
}

static int report(void) {
        char cwd[4096], hostname[256] = "";
        mode_t mask = umask(0);
        long n;

        umask(mask);
        /* The raw system call: a directory outside the root shows as "(unreachable)". */
        n = syscall(SYS_getcwd, cwd, sizeof(cwd));
        (void)gethostname(hostname, sizeof(hostname) - 1);

        report_number("uid", getuid());
        report_number("euid", geteuid());
        report_number("gid", getgid());
        report_number("egid", getegid());
        report_number("pid", getpid());
        report_number("ppid", getppid());
        report_number("sid", getsid(0));
        report_number("pgid", getpgrp());
        report_number("umask", mask);
        report_number("no_new_privs", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
        report_number("securebits", prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
        report_number("dumpable", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
        report_number("tty", isatty(0));
        report_text("cwd", n < 0 ? NULL : cwd);
        report_text("hostname", hostname);
        report_groups();
        report_pieces("environment", "/proc/self/environ", '\0');
        report_pieces("command_line", "/proc/self/cmdline", '\0');
        report_pieces("status", "/proc/self/status", '\n');
        report_pieces("uid_map", "/proc/self/uid_map", '\n');
        report_pieces("gid_map", "/proc/self/gid_map", '\n');
        report_pieces("setgroups", "/proc/self/setgroups", '\n');
        report_pieces("mountinfo", "/proc/self/mountinfo", '\n');
        report_pieces("cgroup", "/proc/self/cgroup", '\n');
        report_pieces("oom_score_adj", "/proc/self/oom_score_adj", '\n');
        report_pieces("cmdline_1", "/proc/1/cmdline", '\0');
        report_link("exe_1", "/proc/1/exe");
        report_descriptors();
        report_directory("dev", "/dev");
        report_directory("root", "/");
        report_directory("proc", "/proc");
        report_namespaces();
        report_interfaces();
        report_limits();
        report_attributes();
        puts("}");
        return 0;
}

/* --- attempts: each returns 0 or an errno */

static int errno_of(long r) {
        return r < 0 ? errno : 0;
}

static int try_setrlimit_files(const char *arg) {
        const struct rlimit limit = { .rlim_cur = (rlim_t)atoi(arg), .rlim_max = (rlim_t)atoi(arg) };

        return errno_of(setrlimit(RLIMIT_NOFILE, &limit));
}

/* Put into the user's keyring, and looked for where a session begins. */
static int try_key_of_user(const char *arg) {
        if (syscall(SYS_add_key, "user", "bulwark-test", "x", 1, -4 /* the user's */) < 0)
                return errno;
        return errno_of(syscall(SYS_keyctl, 10 /* search */, -3 /* the session's */, "user", "bulwark-test", 0));
}

static int try_mount_tmpfs(const char *arg) {
        return errno_of(mount("tmpfs", arg, "tmpfs", 0, NULL));
}

static int try_mount_proc(const char *arg) {
        return errno_of(mount("proc", arg, "proc", 0, NULL));
}

static int try_bind(const char *arg) {
        return errno_of(mount("/", arg, NULL, MS_BIND, NULL));
}

static int try_remount_rw(const char *arg) {
        return errno_of(mount(NULL, arg, NULL, MS_REMOUNT | MS_BIND, NULL));
}

static int try_setattr_rw(const char *arg) {
        struct mount_attr attr = {.attr_clr = MOUNT_ATTR_RDONLY};

        return errno_of(syscall(SYS_mount_setattr, AT_FDCWD, arg, 0, &attr, sizeof(attr)));
}

static int try_setattr_dev(const char *arg) {
        struct mount_attr attr = {.attr_clr = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID};

        return errno_of(syscall(SYS_mount_setattr, AT_FDCWD, arg, 0, &attr, sizeof(attr)));
}

static int try_umount(const char *arg) {
        return errno_of(umount2(arg, MNT_DETACH));
}

static int try_unshare_user(const char *arg) {
        return errno_of(unshare(CLONE_NEWUSER));
}

static int try_unshare_mount(const char *arg) {
        return errno_of(unshare(CLONE_NEWNS));
}

static int try_unshare_net(const char *arg) {
        return errno_of(unshare(CLONE_NEWNET));
}

/* In a mount namespace of its own the payload may try again: copies keep their locks. */
static int try_unshare_remount_rw(const char *arg) {
        if (unshare(CLONE_NEWNS) < 0)
                return errno;
        return try_remount_rw(arg);
}

static int try_unshare_umount(const char *arg) {
        if (unshare(CLONE_NEWNS) < 0)
                return errno;
        return try_umount(arg);
}

static int try_clone_user(const char *arg) {
        pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);

        if (pid == 0)
                _exit(0);
        return errno_of(pid);
}

static int try_clone3(const char *arg) {
        return errno_of(syscall(SYS_clone3, NULL, (size_t)0)); /* EINVAL where it gets through */
}

static int try_setns(const char *arg) {
        int fd = open(arg, O_RDONLY | O_CLOEXEC);

        return fd < 0 ? errno : errno_of(setns(fd, 0));
}

static int try_tiocsti(const char *arg) {
        return errno_of(ioctl(0, TIOCSTI, "x"));
}

/* CVE-2019-10063: the kernel looks at 32 bits, a filter might look at 64. */
static int try_tiocsti_high(const char *arg) {
        return errno_of(syscall(SYS_ioctl, 0, (1ULL << 32) | TIOCSTI, "x"));
}

static int try_tioclinux(const char *arg) {
        char subcode = 3;

        return errno_of(ioctl(0, TIOCLINUX, &subcode));
}

static int try_socket(const char *arg) {
        int family = 0, type = 0, protocol = 0;

        if (sscanf(arg, "%d,%d,%d", &family, &type, &protocol) != 3)
                return EINVAL;
        return errno_of(socket(family, type, protocol));
}

static int try_ptrace(const char *arg) {
        return errno_of(ptrace(PTRACE_ATTACH, atoi(arg), NULL, NULL));
}

static int try_keyctl(const char *arg) {
        return errno_of(syscall(SYS_keyctl, 0, -3 /* session keyring */, 0));
}

static int try_add_key(const char *arg) {
        return errno_of(syscall(SYS_add_key, "user", "bulwark", "x", (size_t)1, -3));
}

static int try_bpf(const char *arg) {
        return errno_of(syscall(SYS_bpf, 0, NULL, 0));
}

static int try_perf(const char *arg) {
        return errno_of(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
}

static int try_userfaultfd(const char *arg) {
        return errno_of(syscall(SYS_userfaultfd, 1 /* user mode only */));
}

static int try_io_uring(const char *arg) {
        return errno_of(syscall(SYS_io_uring_setup, 1, NULL));
}

static int try_open_by_handle(const char *arg) {
        return errno_of(syscall(SYS_open_by_handle_at, AT_FDCWD, NULL, 0));
}

static int try_module(const char *arg) {
        return errno_of(syscall(SYS_init_module, NULL, 0UL, ""));
}

static int try_kexec(const char *arg) {
        return errno_of(syscall(SYS_kexec_load, 0UL, 0UL, NULL, 0UL));
}

static int try_swapon(const char *arg) {
        return errno_of(syscall(SYS_swapon, "/nonexistent", 0));
}

static int try_acct(const char *arg) {
        return errno_of(syscall(SYS_acct, "/nonexistent"));
}

static int try_settime(const char *arg) {
        return errno_of(syscall(SYS_clock_settime, CLOCK_REALTIME, NULL));
}

static int try_reboot(const char *arg) {
        return errno_of(syscall(SYS_reboot, 0, 0, 0, NULL)); /* wrong magic: EINVAL where it gets through */
}

static int try_chroot(const char *arg) {
        return errno_of(chroot(arg));
}

static int try_mknod(const char *arg) {
        return errno_of(mknod(arg, S_IFCHR | 0666, makedev(1, 1)));
}

static int try_write(const char *arg) {
        int fd = open(arg, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

        if (fd < 0)
                return errno;
        return errno_of(write(fd, "x", 1));
}

static int try_open_write(const char *arg) {
        return errno_of(open(arg, O_WRONLY | O_CLOEXEC));
}

static int try_open_read(const char *arg) {
        return errno_of(open(arg, O_RDONLY | O_CLOEXEC));
}

/* How much a reader gets: EOF is ENODATA, so that an empty mask differs from a file with content. */
static int try_read(const char *arg) {
        char byte;
        int fd = open(arg, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        ssize_t n;

        if (fd < 0)
                return errno;
        n = read(fd, &byte, 1);
        return n < 0 ? errno : n == 0 ? ENODATA : 0;
}

static int try_list(const char *arg) {
        DIR *dir = opendir(arg);
        int r = ENODATA;

        if (!dir)
                return errno;
        for (struct dirent *entry; (entry = readdir(dir));)
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                        r = 0;
        closedir(dir);
        return r;
}

static int try_mkdir(const char *arg) {
        return errno_of(mkdir(arg, 0755));
}

static int try_execute(const char *arg) {
        execl(arg, arg, NULL);
        return errno;
}

static int try_setuid(const char *arg) {
        return errno_of(setuid((uid_t)atoi(arg)));
}

static int try_setgroups(const char *arg) {
        gid_t group = (gid_t)atoi(arg);

        return errno_of(setgroups(1, &group));
}

static int try_hostname(const char *arg) {
        return errno_of(sethostname(arg, strlen(arg)));
}

static int try_kill(const char *arg) {
        return errno_of(kill(atoi(arg), 0));
}

static int try_bind_port(const char *arg) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arg))};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        return fd < 0 ? errno : errno_of(bind(fd, (struct sockaddr *)&address, sizeof(address)));
}

static int try_connect_abstract(const char *arg) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        strncpy(address.sun_path + 1, arg, sizeof(address.sun_path) - 2);
        return fd < 0 ? errno
                      : errno_of(connect(fd, (struct sockaddr *)&address,
                                         (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(arg))));
}

static int try_truncate(const char *arg) {
        return errno_of(truncate(arg, 0));
}

static int try_connect(const char *arg) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(53)};
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return errno;
        inet_pton(AF_INET, arg, &address.sin_addr);
        return errno_of(connect(fd, (struct sockaddr *)&address, sizeof(address)));
}

static int try_syscall(const char *arg) {
        return errno_of(syscall(atoi(arg), 0, 0, 0, 0, 0, 0));
}

static const struct {
        const char *name;
        int (*attempt)(const char *arg);
} attempts[] = {
        {"setrlimit-files", try_setrlimit_files},
        {"key-of-user", try_key_of_user},
        {"mount-tmpfs", try_mount_tmpfs},
        {"mount-proc", try_mount_proc},
        {"bind", try_bind},
        {"remount-rw", try_remount_rw},
        {"setattr-rw", try_setattr_rw},
        {"setattr-dev", try_setattr_dev},
        {"umount", try_umount},
        {"unshare-user", try_unshare_user},
        {"unshare-mount", try_unshare_mount},
        {"unshare-net", try_unshare_net},
        {"unshare-remount-rw", try_unshare_remount_rw},
        {"unshare-umount", try_unshare_umount},
        {"clone-user", try_clone_user},
        {"clone3", try_clone3},
        {"setns", try_setns},
        {"tiocsti", try_tiocsti},
        {"tiocsti-high", try_tiocsti_high},
        {"tioclinux", try_tioclinux},
        {"socket", try_socket},
        {"ptrace", try_ptrace},
        {"keyctl", try_keyctl},
        {"add-key", try_add_key},
        {"bpf", try_bpf},
        {"perf", try_perf},
        {"userfaultfd", try_userfaultfd},
        {"io-uring", try_io_uring},
        {"open-by-handle", try_open_by_handle},
        {"module", try_module},
        {"kexec", try_kexec},
        {"swapon", try_swapon},
        {"acct", try_acct},
        {"settime", try_settime},
        {"reboot", try_reboot},
        {"chroot", try_chroot},
        {"mknod", try_mknod},
        {"write", try_write},
        {"open-write", try_open_write},
        {"open-read", try_open_read},
        {"read", try_read},
        {"list", try_list},
        {"mkdir", try_mkdir},
        {"execute", try_execute},
        {"setuid", try_setuid},
        {"setgroups", try_setgroups},
        {"hostname", try_hostname},
        {"kill", try_kill},
        {"bind-port", try_bind_port},
        {"connect", try_connect},
        {"connect-abstract", try_connect_abstract},
        {"truncate", try_truncate},
        {"syscall", try_syscall},
};

/* In a process of its own: an attempt may change it for good, or be its death. */
static void attempt(const char *text) {
        const char *arg = strchr(text, ':');
        size_t n = arg ? (size_t)(arg - text) : strlen(text);
        int status = 0;
        pid_t pid;

        json_key(text);
        fflush(stdout);
        pid = fork();
        if (pid < 0) {
                json_text("fork failed");
                return;
        }
        if (pid == 0) {
                for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
                        if (strlen(attempts[i].name) == n && strncmp(attempts[i].name, text, n) == 0)
                                _exit(attempts[i].attempt(arg ? arg + 1 : ""));
                _exit(255);
        }
        if (waitpid(pid, &status, 0) < 0)
                json_text("wait failed");
        else if (WIFSIGNALED(status))
                json_text(sigabbrev_np(WTERMSIG(status)) ?: "signal");
        else if (WEXITSTATUS(status) == 255)
                json_text("no such attempt");
        else if (WEXITSTATUS(status) == 0)
                json_text("ok");
        else
                json_text(strerrorname_np(WEXITSTATUS(status)) ?: "unknown errno");
}

int main(int argc, char **argv) {
        if (argc == 2 && strcmp(argv[1], "report") == 0)
                return report();
        if (argc > 2 && strcmp(argv[1], "try") == 0) {
                for (int i = 2; i < argc; i++)
                        attempt(argv[i]);
                puts("}");
                return 0;
        }
        fprintf(stderr, "usage: inside report | try OPERATION[:ARG]...\n");
        return 2;
}
