/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <netinet/in.h>
#include <linux/audit.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "policies/seccomp/bpf-text.h"
#include "tests/unit/policies/bpf-run.h"
#include "tests/unit/policies/fixture.h"
#include "tests/unit/policies/naive-seccomp.h"

#define ALLOW SECCOMP_RET_ALLOW
#define KILL SECCOMP_RET_KILL_PROCESS
#define DENY(e) (SECCOMP_RET_ERRNO | (e))

static uint32_t ask(const PolicySet *set, uint32_t number, uint64_t first, uint64_t second) {
        struct seccomp_data d = { .nr = (int)number, .arch = syscall_native_audit_arch(), .args = { first, second } };

        return bpf_run(set->seccomp.program, set->seccomp.n_instructions, &d);
}

static uint32_t ask_name(const PolicySet *set, const char *name, uint64_t first, uint64_t second) {
        int number = syscall_resolve(name);

        if (number < 0)
                fail_msg("%s has no number here", name);
        return ask(set, (uint32_t)number, first, second);
}

static void check(const char *unit, const char *name, uint64_t first, uint64_t second, uint32_t expected) {
        _cleanup_(policy_set_unrefp) const PolicySet *set = fixture_compile(unit, -EBADF);
        uint32_t answer = ask_name(set, name, first, second);

        if (answer != expected)
                fail_msg("%s: %s(0x%lx, 0x%lx) is answered 0x%x, not 0x%x", unit, name, first, second, answer,
                         expected);
}

/* A call of each kind that the default list must allow, and what it must not. */
static void default_list(void **state) {
        static const char *const allowed[] = {
                "read", "write", "openat", "execve", "execveat", "mmap", "clone", "futex", "rseq", "ptrace", "chroot",
                "capset", "setresuid", "seccomp", "landlock_create_ruleset", "io_submit", "epoll_wait", "memfd_create",
                "mlock", "getrandom", "pidfd_open", "prctl", "sched_setaffinity", "mincore", "name_to_handle_at",
                "futex_waitv", "cachestat", "fchmodat2", "mseal", "statmount", "mknod", "sync", "setxattrat",
                "pkey_alloc", "shmget", "exit_group", "close_range", "rt_sigreturn", "arch_prctl", "process_vm_readv",
        };
        static const char *const denied[] = {
                "add_key", "keyctl", "request_key", "kcmp", "userfaultfd", "io_uring_setup", "io_uring_enter",
                "io_uring_register", "bpf", "perf_event_open", "mount", "umount2", "pivot_root", "move_mount",
                "open_tree", "open_tree_attr", "fsopen", "fsmount", "fsconfig", "fspick", "mount_setattr",
                "init_module", "finit_module", "delete_module", "reboot", "kexec_load", "kexec_file_load", "swapon",
                "swapoff", "settimeofday", "clock_settime", "adjtimex", "clock_adjtime", "quotactl", "quotactl_fd",
                "open_by_handle_at", "unshare", "setns", "sethostname", "setdomainname", "acct", "syslog", "iopl",
                "ioperm", "modify_ldt", "fanotify_init", "fanotify_mark", "lookup_dcookie", "vhangup", "uselib",
                "ustat", "sysfs", "_sysctl", "nfsservctl", "lsm_set_self_attr",
        };
        _cleanup_(policy_set_unrefp) const PolicySet *set = fixture_compile("", -EBADF);

        for (size_t i = 0; i < ELEMENTSOF(allowed); i++)
                if (syscall_resolve(allowed[i]) >= 0 && ask_name(set, allowed[i], 0, 0) != ALLOW)
                        fail_msg("%s is denied", allowed[i]);
        for (size_t i = 0; i < ELEMENTSOF(denied); i++)
                if (syscall_resolve(denied[i]) >= 0 && ask_name(set, denied[i], 0, 0) != DENY(EPERM))
                        fail_msg("%s is not denied", denied[i]);
}

static void lists(void **state) {
        static const struct {
                const char *unit, *call;
                uint32_t expected;
        } cases[] = {
                /* an allow-list replaces the default, but for @default and what the launcher needs */
                { "SystemCallFilter=read", "read", ALLOW },
                { "SystemCallFilter=read", "openat", DENY(EPERM) },
                { "SystemCallFilter=read", "futex", ALLOW },
                { "SystemCallFilter=read", "execve", ALLOW },
                { "SystemCallFilter=read", "execveat", ALLOW },
                { "SystemCallFilter=read", "write", ALLOW },
                { "SystemCallFilter=read", "close", ALLOW },
                { "SystemCallFilter=read", "exit_group", ALLOW },
                { "SystemCallFilter=read", "setresuid", DENY(EPERM) },
                { "SystemCallFilter=@file-system", "openat", ALLOW },
                { "SystemCallFilter=@file-system", "socket", DENY(EPERM) },
                { "SystemCallFilter=@system-service", "keyctl", ALLOW },
                { "SystemCallFilter=@system-service", "mount", DENY(EPERM) },
                { "SystemCallFilter=@system-service", "chroot", DENY(EPERM) },
                { "SystemCallFilter=@system-service\nSystemCallFilter=mount", "mount", ALLOW },
                { "SystemCallFilter=@system-service\nSystemCallFilter=~@keyring", "keyctl", DENY(EPERM) },
                { "SystemCallFilter=@system-service\nSystemCallFilter=~@keyring\nSystemCallFilter=keyctl", "keyctl",
                  ALLOW },
                { "SystemCallFilter=@system-service\nSystemCallFilter=~@keyring\nSystemCallFilter=keyctl", "add_key",
                  DENY(EPERM) },
                { "SystemCallFilter=@default-container keyctl", "keyctl", ALLOW },
                { "SystemCallFilter=@default-container keyctl", "openat", ALLOW },
                { "SystemCallFilter=@default-container keyctl", "mount", DENY(EPERM) },
                { "SystemCallFilter=@boot-container", "mount", ALLOW },
                { "SystemCallFilter=@boot-container", "unshare", ALLOW },
                { "SystemCallFilter=@privileged", "reboot", ALLOW }, /* nested groups */
                { "SystemCallFilter=@known", "bpf", ALLOW },
                /* a first '~' starts from the default list */
                { "SystemCallFilter=~ptrace", "ptrace", DENY(EPERM) },
                { "SystemCallFilter=~ptrace", "read", ALLOW },
                { "SystemCallFilter=~ptrace", "mount", DENY(EPERM) },
                { "SystemCallFilter=~ptrace\nSystemCallFilter=mount", "mount", ALLOW },
                { "SystemCallFilter=~@ipc\nSystemCallFilter=pipe2", "pipe2", ALLOW },
                { "SystemCallFilter=~@ipc\nSystemCallFilter=pipe2", "shmget", DENY(EPERM) },
                { "SystemCallFilter=~@process", "execveat", ALLOW }, /* the launcher's, by a group only */
                { "SystemCallFilter=~@process", "kill", DENY(EPERM) },
                /* an empty assignment resets */
                { "SystemCallFilter=read\nSystemCallFilter=", "openat", ALLOW },
                /* errors */
                { "SystemCallFilter=~ptrace:EACCES", "ptrace", DENY(EACCES) },
                { "SystemCallFilter=~ptrace:kill", "ptrace", KILL },
                { "SystemCallFilter=@system-service ptrace:ENOSYS", "ptrace", DENY(ENOSYS) },
                { "SystemCallFilter=~@keyring:EACCES mount", "keyctl", DENY(EACCES) },
                { "SystemCallFilter=~@keyring:EACCES mount", "mount", DENY(EPERM) },
                { "SystemCallFilter=~ptrace:4094", "ptrace", DENY(4094) },
                { "SystemCallErrorNumber=EACCES", "mount", DENY(EACCES) },
                { "SystemCallErrorNumber=kill", "mount", KILL },
                { "SystemCallErrorNumber=kill", "read", ALLOW },
                { "SystemCallErrorNumber=kill\nSystemCallFilter=~ptrace:EPERM", "ptrace", DENY(EPERM) },
                /* what is logged is what is allowed; a first '~' logs all but its list */
                { "SystemCallLog=ptrace", "ptrace", SECCOMP_RET_LOG },
                { "SystemCallLog=ptrace", "read", ALLOW },
                { "SystemCallLog=mount", "mount", DENY(EPERM) },
                { "SystemCallLog=@file-system socket", "openat", SECCOMP_RET_LOG },
                { "SystemCallLog=~read", "openat", SECCOMP_RET_LOG },
                { "SystemCallLog=~read", "read", ALLOW },
                { "SystemCallLog=~read\nSystemCallLog=read", "read", SECCOMP_RET_LOG },
                { "SystemCallLog=@file-system\nSystemCallLog=~openat", "openat", ALLOW },
                { "SystemCallLog=@file-system\nSystemCallLog=", "openat", ALLOW },
                { "SystemCallLog=ioctl", "ioctl", SECCOMP_RET_LOG }, /* it has guards */
                { "SystemCallLog=execve", "execve", SECCOMP_RET_LOG },
                /* of other architectures only: skipped */
                { "SystemCallFilter=read riscv_flush_icache", "read", ALLOW },
                /* Boot= */
                { "Boot=yes", "mount", ALLOW },
                { "Boot=yes", "unshare", ALLOW },
                { "Boot=yes", "setns", ALLOW },
                { "Boot=yes", "sethostname", ALLOW },
                { "Boot=yes", "reboot", ALLOW },
                { "Boot=yes", "keyctl", DENY(EPERM) },
                { "Boot=yes", "bpf", DENY(EPERM) },
                { "Boot=yes", "init_module", DENY(EPERM) },
                { "Boot=yes\nSystemCallFilter=@system-service", "mount", DENY(EPERM) },
                { "Boot=yes\nSystemCallFilter=@system-service", "unshare", ALLOW },
                /* what the launcher calls under the filter without no_new_privs */
                { "NoNewPrivileges=no\nSystemCallFilter=read", "setresuid", ALLOW },
                { "NoNewPrivileges=no\nSystemCallFilter=read", "setgroups", ALLOW },
                { "NoNewPrivileges=no\nSystemCallFilter=read", "capset", ALLOW },
                { "NoNewPrivileges=no\nSystemCallFilter=read", "prctl", ALLOW },
                { "NoNewPrivileges=no\nSystemCallFilter=read", "openat", DENY(EPERM) },
                { "NoNewPrivileges=no\nSystemCallFilter=read", "chdir", DENY(EPERM) },
                { "NoNewPrivileges=no\nSystemCallFilter=~@file-system", "openat2", DENY(EPERM) },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                check(cases[i].unit, cases[i].call, 0, 0, cases[i].expected);
}

static void namespaces(void **state) {
        static const struct {
                const char *unit, *call;
                uint64_t flags;
                uint32_t expected;
        } cases[] = {
                { "", "clone", SIGCHLD, ALLOW },
                { "", "clone", CLONE_NEWUSER | SIGCHLD, DENY(EPERM) },
                { "", "clone", CLONE_NEWNS, DENY(EPERM) },
                { "", "clone", CLONE_NEWPID, DENY(EPERM) },
                { "", "clone", CLONE_NEWNET, DENY(EPERM) },
                { "", "clone", CLONE_NEWIPC, DENY(EPERM) },
                { "", "clone", CLONE_NEWUTS, DENY(EPERM) },
                { "", "clone", CLONE_NEWCGROUP, DENY(EPERM) },
                { "", "clone", CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM, ALLOW },
                { "", "clone", UINT64_C(0x5a5a5a5a00000000) | CLONE_NEWUSER, DENY(EPERM) },
                { "", "clone3", 0, DENY(ENOSYS) },
                { "", "unshare", CLONE_NEWUSER, DENY(EPERM) },
                { "SystemCallErrorNumber=kill", "clone", CLONE_NEWUSER, KILL },
                { "SystemCallErrorNumber=kill", "clone3", 0, DENY(ENOSYS) },
                { "Boot=yes", "clone", CLONE_NEWUSER, ALLOW },
                { "Boot=yes", "clone3", 0, ALLOW },
                { "Boot=yes\nSystemCallFilter=~unshare", "clone", CLONE_NEWUSER, DENY(EPERM) },
                { "Boot=yes\nSystemCallFilter=~unshare", "clone3", 0, DENY(ENOSYS) },
                /* a group that merely contains unshare does not open it, its name does */
                { "SystemCallFilter=@system-service", "unshare", 0, DENY(EPERM) },
                { "SystemCallFilter=@system-service", "clone", CLONE_NEWUSER, DENY(EPERM) },
                { "SystemCallFilter=@process", "setns", 0, DENY(EPERM) },
                { "SystemCallFilter=@known", "clone3", 0, DENY(ENOSYS) },
                { "SystemCallFilter=@system-service unshare", "unshare", 0, ALLOW },
                { "SystemCallFilter=@system-service unshare", "clone", CLONE_NEWUSER, ALLOW },
                { "SystemCallFilter=@system-service unshare", "clone3", 0, ALLOW },
                { "SystemCallFilter=@system-service unshare", "setns", 0, DENY(EPERM) },
                { "SystemCallFilter=~ptrace\nSystemCallFilter=unshare", "clone", CLONE_NEWNS, ALLOW },
                { "SystemCallFilter=@system-service setns", "setns", 0, ALLOW },
                { "SystemCallFilter=@system-service setns", "clone", CLONE_NEWNS, DENY(EPERM) },
                { "SystemCallFilter=@system-service unshare\nSystemCallFilter=~@process", "unshare", 0, DENY(EPERM) },
                /* clone3 alone would be a way around the flags */
                { "SystemCallFilter=@basic-io clone3", "clone3", 0, DENY(ENOSYS) },
                { "SystemCallFilter=read", "clone3", 0, DENY(ENOSYS) },
                { "SystemCallFilter=~clone3:EACCES", "clone3", 0, DENY(EACCES) },
                { "SystemCallFilter=read", "clone", 0, DENY(EPERM) },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                check(cases[i].unit, cases[i].call, cases[i].flags, 0, cases[i].expected);
}

static void arguments(void **state) {
        static const struct {
                const char *unit, *call;
                uint64_t first, second;
                uint32_t expected;
        } cases[] = {
                { "", "ioctl", 0, TIOCSTI, DENY(EPERM) },
                { "", "ioctl", 0, TIOCLINUX, DENY(EPERM) },
                { "", "ioctl", 0, UINT64_C(0x100000000) | TIOCSTI, DENY(EPERM) }, /* CVE-2019-10063 */
                { "", "ioctl", 0, UINT64_C(0xffffffff00000000) | TIOCLINUX, DENY(EPERM) },
                { "", "ioctl", 0, TIOCGWINSZ, ALLOW },
                { "", "ioctl", TIOCSTI, TIOCGWINSZ, ALLOW },
                { "SystemCallErrorNumber=EACCES", "ioctl", 0, TIOCSTI, DENY(EACCES) },
                { "SystemCallFilter=@known", "ioctl", 0, TIOCSTI, DENY(EPERM) },
                { "Boot=yes", "ioctl", 0, TIOCSTI, DENY(EPERM) },
                { "SystemCallFilter=~ioctl:ENOTTY", "ioctl", 0, TIOCGWINSZ, DENY(ENOTTY) },
                { "", "personality", 0, 0, ALLOW },
                { "", "personality", 0x8, 0, ALLOW },
                { "", "personality", 0x20000, 0, ALLOW },
                { "", "personality", 0x20008, 0, ALLOW },
                { "", "personality", 0xffffffff, 0, ALLOW },
                { "", "personality", UINT64_MAX, 0, ALLOW },
                { "", "personality", 0x40000, 0, DENY(EPERM) }, /* ADDR_NO_RANDOMIZE */
                { "", "personality", 0x400000, 0, DENY(EPERM) }, /* READ_IMPLIES_EXEC */
                { "", "personality", UINT64_C(0x800000000) | 0x400000, 0, DENY(EPERM) },
                { "", "socket", AF_UNIX, 0, ALLOW },
                { "", "socket", AF_INET, 0, ALLOW },
                { "", "socket", AF_INET6, 0, ALLOW },
                { "", "socket", AF_NETLINK, 0, ALLOW },
                { "", "socket", AF_PACKET, 0, DENY(EAFNOSUPPORT) },
                { "", "socket", AF_VSOCK, 0, DENY(EAFNOSUPPORT) },
                { "", "socket", AF_ALG, 0, DENY(EAFNOSUPPORT) },
                { "", "socket", AF_BLUETOOTH, 0, DENY(EAFNOSUPPORT) },
                { "", "socket", UINT64_C(0x100000000) | AF_ALG, 0, DENY(EAFNOSUPPORT) },
                { "", "socketpair", AF_UNIX, 0, ALLOW },
                { "", "socketpair", AF_TIPC, 0, DENY(EAFNOSUPPORT) },
                { "AddCapability=CAP_NET_RAW", "socket", AF_PACKET, 0, ALLOW },
                { "AddCapability=CAP_NET_RAW", "socket", AF_ALG, 0, DENY(EAFNOSUPPORT) },
                { "SystemCallErrorNumber=kill", "socket", AF_ALG, 0, DENY(EAFNOSUPPORT) },
                { "SystemCallFilter=read", "socket", AF_UNIX, 0, DENY(EPERM) },
                { "RestrictAddressFamilies=AF_UNIX", "socket", AF_UNIX, 0, ALLOW },
                { "RestrictAddressFamilies=AF_UNIX", "socket", AF_INET, 0, DENY(EAFNOSUPPORT) },
                { "RestrictAddressFamilies=AF_UNIX", "socket", AF_NETLINK, 0, DENY(EAFNOSUPPORT) },
                { "RestrictAddressFamilies=~AF_NETLINK AF_UNIX", "socket", AF_NETLINK, 0, DENY(EAFNOSUPPORT) },
                { "RestrictAddressFamilies=~AF_NETLINK", "socket", AF_INET6, 0, ALLOW },
                { "RestrictAddressFamilies=~AF_NETLINK", "socket", AF_VSOCK, 0, DENY(EAFNOSUPPORT) }, /* never loosens */
                { "RestrictAddressFamilies=none", "socket", AF_UNIX, 0, DENY(EAFNOSUPPORT) },
                { "RestrictAddressFamilies=none", "socketpair", AF_UNIX, 0, DENY(EAFNOSUPPORT) },
                { "RestrictAddressFamilies=AF_VSOCK AF_ALG", "socket", AF_ALG, 0, ALLOW },
                { "RestrictAddressFamilies=AF_VSOCK AF_ALG", "socket", AF_UNIX, 0, DENY(EAFNOSUPPORT) },
                { "RestrictAddressFamilies=AF_PACKET", "socket", AF_PACKET, 0, ALLOW }, /* and fails for want of CAP_NET_RAW */
                { "AddCapability=CAP_NET_RAW\nRestrictAddressFamilies=~AF_PACKET", "socket", AF_PACKET, 0, DENY(EAFNOSUPPORT) },
                { "RestrictAddressFamilies=AF_UNIX", "socket", 0, 0, DENY(EAFNOSUPPORT) },
                { "SystemCallFilter=@known\nRestrictAddressFamilies=AF_UNIX", "socket", AF_INET, 0, DENY(EAFNOSUPPORT) },
                { "SocketBindDeny=tcp", "socket", AF_INET, 0, ALLOW },
                { "SocketBindDeny=tcp", "socket", AF_ALG, 0, DENY(EAFNOSUPPORT) },
                { "SocketBindDeny=tcp", "socketpair", AF_UNIX, 0, ALLOW },
                { "SocketBindDeny=tcp", "getpid", 0, 0, ALLOW },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                check(cases[i].unit, cases[i].call, cases[i].first, cases[i].second, cases[i].expected);
}

/* Landlock looks at the ports of TCP alone: what carries the same under another number is not there. */
static void other_transports(void **state) {
        static const struct {
                const char *unit;
                uint64_t protocol;
                uint32_t expected;
        } cases[] = {
                { "", IPPROTO_MPTCP, ALLOW },
                { "SocketBindAllow=tcp:80", IPPROTO_MPTCP, ALLOW }, /* restricts nothing alone */
                { "SocketBindDeny=tcp", 0, ALLOW },
                { "SocketBindDeny=tcp", IPPROTO_TCP, ALLOW },
                { "SocketBindDeny=tcp", IPPROTO_MPTCP, DENY(EPROTONOSUPPORT) },
                { "SocketBindDeny=tcp", 256, DENY(EPROTONOSUPPORT) },
                { "SocketBindDeny=tcp", UINT64_C(0x100000000) | IPPROTO_MPTCP, DENY(EPROTONOSUPPORT) },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(policy_set_unrefp) const PolicySet *set = fixture_compile(cases[i].unit, -EBADF);
                const struct seccomp_data d = { .nr = syscall_resolve("socket"),
                                                .arch = syscall_native_audit_arch(),
                                                .args = { AF_INET, SOCK_STREAM, cases[i].protocol } };

                assert_int_equal(bpf_run(set->seccomp.program, set->seccomp.n_instructions, &d), cases[i].expected);
        }
}

static void unknown_numbers(void **state) {
        _cleanup_(policy_set_unrefp) const PolicySet *set = fixture_compile("SystemCallErrorNumber=kill", -EBADF);

        assert_int_equal(ask(set, 471, 0, 0), DENY(ENOSYS));
        assert_int_equal(ask(set, 500, 0, 0), DENY(ENOSYS));
        assert_int_equal(ask(set, 0x3fffffff, 0, 0), DENY(ENOSYS));
        assert_int_equal(ask(set, UINT32_MAX, 0, 0), DENY(ENOSYS)); /* a tracer skips the call */
#if defined(__x86_64__)
        assert_int_equal(ask(set, 337, 0, 0), DENY(ENOSYS)); /* the gap before the common numbers */
        assert_int_equal(ask(set, 423, 0, 0), DENY(ENOSYS));
        assert_int_equal(ask(set, 0x40000000, 0, 0), KILL); /* x32 */
        assert_int_equal(ask(set, 0x40000000 + 39, 0, 0), KILL);
        assert_int_equal(ask(set, UINT32_MAX - 1, 0, 0), KILL);
#endif
}

static void foreign_abi(void **state) {
        _cleanup_(policy_set_unrefp) const PolicySet *set = fixture_compile("", -EBADF);
        static const uint32_t arches[] = { AUDIT_ARCH_I386, AUDIT_ARCH_ARM, AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64, 0,
                                           UINT32_MAX };

        for (size_t i = 0; i < ELEMENTSOF(arches); i++)
                for (int number = -1; number < 600; number++) {
                        struct seccomp_data d = { .nr = number, .arch = arches[i] };

                        if (arches[i] != syscall_native_audit_arch())
                                assert_int_equal(bpf_run(set->seccomp.program, set->seccomp.n_instructions, &d),
                                                 KILL);
                }
}

static void complaints(void **state) {
        static const struct {
                const char *unit, *words;
        } cases[] = {
                { "SystemCallFilter=raed",
                  "web.container:1: SystemCallFilter=: unknown system call 'raed'; did you mean read?" },
                { "SystemCallFilter=read\nSystemCallFilter=~unshar",
                  "web.container:2: SystemCallFilter=: unknown system call 'unshar'; did you mean unshare?" },
                { "SystemCallFilter=zzzzzzzzzzzz", "SystemCallFilter=: unknown system call 'zzzzzzzzzzzz'" },
                { "SystemCallFilter=~execve",
                  "web.container:1: SystemCallFilter=: execve cannot be denied: the launcher itself needs it to "
                  "execute the payload" },
                { "SystemCallFilter=read write:ENOSYS", "write cannot be denied" },
                { "NoNewPrivileges=no\nSystemCallFilter=@system-service\nSystemCallFilter=~@setuid",
                  "web.container:3: SystemCallFilter=: @setuid denies setgroups, which the launcher itself calls "
                  "under the filter when NoNewPrivileges=no; set NoNewPrivileges=yes, or allow setgroups" },
                { "SystemCallFilter=~ptrace:4095",
                  "web.container:1: SystemCallFilter=: the filter cannot return error number 4095; numbers go up "
                  "to 4094" },
                { "SystemCallErrorNumber=4095", "web.container:1: SystemCallErrorNumber=: the filter cannot return" },
                { "NoNewPrivileges=no\nSystemCallFilter=~setresuid", "setresuid denies setresuid" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *words = fixture_complaint(cases[i].unit);

                if (!strstr(words, cases[i].words))
                        fail_msg("%s: says '%s' instead of '%s'", cases[i].unit, words, cases[i].words);
        }
}

static void all_complaints_at_once(void **state) {
        _cleanup_free_ char *words = fixture_complaint("SystemCallFilter=raed wriet\nSystemCallFilter=~execve");

        assert_non_null(strstr(words, "raed"));
        assert_non_null(strstr(words, "wriet"));
        assert_non_null(strstr(words, "execve cannot"));
}

/* With NoNewPrivileges=yes the identity is settled before the filter: a unit may deny all of that. */
static void identity_may_be_denied(void **state) {
        check("SystemCallFilter=~@setuid @privileged prctl", "setresuid", 0, 0, DENY(EPERM));
        check("SystemCallFilter=~@setuid @privileged prctl", "prctl", 0, 0, DENY(EPERM));
}

static void rules(void **state) {
        static const struct {
                const char *unit, *rule;
                unsigned line;
        } cases[] = {
                { "User=0\nSystemCallFilter=@aio mount", "allow mount", 2 },
                { "SystemCallFilter=~ptrace kcmp", "deny ptrace: EPERM", 1 },
                { "SystemCallFilter=~ptrace\nSystemCallFilter=mount", "allow mount", 2 },
                { "SystemCallFilter=~ptrace:EACCES", "deny ptrace: EACCES", 1 },
                { "SystemCallFilter=~ptrace:kill", "deny ptrace: kill", 1 },
                { "SystemCallFilter=~ptrace:4094", "deny ptrace: errno 4094", 1 },
                { "SystemCallFilter=read", "allow close execveat write", 0 },
                { "SystemCallFilter=@swap", "allow swapoff swapon", 1 },
                { "User=0\nBoot=yes", "deny ioctl TIOCSTI TIOCLINUX: EPERM", 0 },
                { "", "deny clone3 sched_setattr: ENOSYS", 0 },
                { "RestrictRealtime=no", "deny clone3: ENOSYS", 0 },
                { "User=0\nRestrictSUIDSGID=yes", "deny openat that makes a file with set-id bits: EPERM", 2 },
                { "SystemCallFilter=~kcmp\nSystemCallFilter=unshare\nRestrictNamespaces=~user", "deny unshare of namespaces user: EPERM", 3 },
                { "SystemCallFilter=~kcmp\nSystemCallFilter=unshare\nRestrictNamespaces=~user", "deny clone with flags that make namespaces user: EPERM", 3 },
                { "MemoryDenyWriteExecute=yes", "deny mmap writable and executable: EPERM", 1 },
                { "LockPersonality=yes", "deny personality other than 0x0 0xffffffff: EPERM", 1 },
                { "", "deny clone with flags that make namespaces: EPERM", 0 },
                { "", "deny socket other than AF_UNIX AF_INET AF_INET6 AF_NETLINK: EAFNOSUPPORT", 0 },
                { "AddCapability=CAP_NET_RAW",
                  "deny socket other than AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_PACKET: EAFNOSUPPORT", 0 },
                { "User=0\nRestrictAddressFamilies=AF_UNIX AF_VSOCK", "deny socket other than AF_UNIX AF_VSOCK: EAFNOSUPPORT", 2 },
                { "RestrictAddressFamilies=none", "deny socketpair other than none: EAFNOSUPPORT", 1 },
                { "SocketBindDeny=tcp:80", "deny socket with IPPROTO_SMC IPPROTO_MPTCP: EPROTONOSUPPORT", 1 },
                { "", "kill on a system call of another ABI", 0 },
                { "", "deny system calls that this version does not know: ENOSYS", 0 },
                { "", "deny every other system call: EPERM", 0 },
                { "User=0\nSystemCallErrorNumber=EACCES", "deny every other system call: EACCES", 2 },
                { "User=0\nSystemCallErrorNumber=kill", "deny ioctl TIOCSTI TIOCLINUX: kill", 2 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(policy_set_unrefp) const PolicySet *set = fixture_compile(cases[i].unit, -EBADF);
                const PolicyRule *rule = fixture_rule(&set->seccomp.rules, cases[i].rule);

                if (!rule) {
                        for (size_t k = 0; k < set->seccomp.rules.n; k++)
                                print_message("  %s\n", set->seccomp.rules.items[k].text);
                        fail_msg("%s: no rule '%s'", cases[i].unit, cases[i].rule);
                }
                assert_int_equal(rule->origin.line, cases[i].line);
                assert_true(cases[i].line == 0 ? !rule->origin.file : streq(rule->origin.file, FIXTURE_FILE));
        }
}

/* With Boot=yes, the line that says so is the cause of what it adds, and of nothing else. */
static void boot_is_a_cause(void **state) {
        _cleanup_(policy_set_unrefp) const PolicySet *set = fixture_compile("User=0\nBoot=yes", -EBADF);
        size_t found = 0;

        for (size_t i = 0; i < set->seccomp.rules.n; i++) {
                const PolicyRule *rule = set->seccomp.rules.items + i;

                if (rule->origin.line != 2)
                        continue;
                found++;
                assert_non_null(strstr(rule->text, " mount "));
                assert_null(strstr(rule->text, " read "));
        }
        assert_int_equal(found, 1);
}

/* --- the naive reading agrees, on every number */

static uint64_t random_state = 88172645463325252U;

static uint64_t random_u64(void) {
        random_state ^= random_state << 13;
        random_state ^= random_state >> 7;
        random_state ^= random_state << 17;
        return random_state;
}

static uint64_t random_argument(void) {
        static const uint64_t interesting[] = {
                0, 1, 2, 8, 10, 16, 17, 38, 40, 0x20000, 0x20008, 0x40000, TIOCSTI, TIOCLINUX, TIOCGWINSZ,
                CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWCGROUP, SIGCHLD, UINT32_MAX, UINT64_MAX,
                3, 4, 5, 6, 7, 0x80, 0100, 04755, 02755, 0755, 020200000, 0100000, 0x40000000, 0x40000001, 0x40000003,
        };
        uint64_t value = interesting[random_u64() % ELEMENTSOF(interesting)];

        return random_u64() % 4 == 0 ? value | random_u64() << 32 : value;
}

static void compare(const PolicySet *set, const ContainerSpec *spec, const Naive *naive, struct seccomp_data *d) {
        uint32_t answer, expected;

        for (size_t i = 0; i < 6; i++)
                d->args[i] = random_argument();
        answer = bpf_run(set->seccomp.program, set->seccomp.n_instructions, d);
        expected = naive_decide(naive, spec, set->capabilities.bounding, d);
        if (answer != expected)
                fail_msg("arch 0x%x nr %d (0x%llx, 0x%llx): 0x%x, not 0x%x", d->arch, d->nr, d->args[0], d->args[1],
                         answer, expected);
}

static void append_random_list(char **unit) {
        static const int errors[] = { EPERM, EACCES, ENOSYS };
        _cleanup_strv_ char **known = NULL;
        size_t n = random_u64() % 6 + 1, n_known;

        assert_int_equal(seccomp_groups_expand("@known", &known), 0);
        n_known = strv_length(known);
        assert_int_equal(str_append(unit, "SystemCallFilter=%s", random_u64() % 2 ? "~" : ""), 0);
        for (size_t i = 0; i < n; i++) {
                /* The last two groups are ours; the language does not have to know them. */
                const char *word = random_u64() % 2
                                           ? known[random_u64() % n_known]
                                           : syscall_groups[random_u64() % (syscall_groups_count() - 2)].name;

                assert_int_equal(str_append(unit, "%s ", word), 0);
                if (random_u64() % 5 == 0) {
                        (*unit)[strlen(*unit) - 1] = ':';
                        assert_int_equal(str_append(unit, "%s ",
                                                    random_u64() % 4 ? errno_to_string(errors[random_u64() % 3])
                                                                     : "kill"),
                                         0);
                }
        }
        assert_int_equal(str_append(unit, "\n"), 0);
}

static char *random_unit(void) {
        char *unit = NULL;

        for (size_t i = random_u64() % 5; i > 0; i--)
                append_random_list(&unit);
        assert_int_equal(str_append(&unit, "%s%s%s%s%s%s%s%s%s", random_u64() % 3 ? "" : "RestrictSUIDSGID=yes\n",
                                    random_u64() % 3 ? "" : "MemoryDenyWriteExecute=yes\n",
                                    random_u64() % 3 ? "" : "LockPersonality=yes\n",
                                    random_u64() % 3 ? "" : random_u64() % 2 ? "RestrictRealtime=no\n" : "RestrictRealtime=yes\n",
                                    random_u64() % 2 ? "" : random_u64() % 2 ? "RestrictNamespaces=~user mnt\n" : "RestrictNamespaces=yes\n",
                                    random_u64() % 3 ? "" : "Boot=yes\n",
                                    random_u64() % 3 ? "" : "NoNewPrivileges=no\n",
                                    random_u64() % 3 ? "" : "SystemCallErrorNumber=kill\n",
                                    random_u64() % 3 ? "" : "AddCapability=CAP_NET_RAW\n"),
                         0);
        return unit;
}

static void compare_all(const ContainerSpec *spec, const PolicySet *set) {
        Naive naive;

        naive_init(&naive, spec);
        for (int number = -2; number < 600; number++)
                for (unsigned i = 0; i < 4; i++) {
                        struct seccomp_data d = { .nr = number, .arch = syscall_native_audit_arch() };

                        compare(set, spec, &naive, &d);
                }
        for (unsigned i = 0; i < 50; i++) {
                struct seccomp_data d = { .nr = (int)random_u64(),
                                          .arch = random_u64() % 2 ? AUDIT_ARCH_I386 : syscall_native_audit_arch() };

                compare(set, spec, &naive, &d);
        }
        /* The calls that are judged by their arguments deserve more. */
        for (unsigned i = 0; i < 1600; i++) {
                static const char *const judged[] = {
                        "ioctl", "personality", "socket", "socketpair", "clone", "unshare", "setns", "chmod", "fchmod", "fchmodat",
                        "fchmodat2", "mknod", "mknodat", "mkdir", "mkdirat", "creat", "open", "openat", "sched_setscheduler",
                        "mmap", "mprotect", "pkey_mprotect", "shmat",
                };
                struct seccomp_data d = { .nr = syscall_resolve(judged[i % ELEMENTSOF(judged)]),
                                          .arch = syscall_native_audit_arch() };

                compare(set, spec, &naive, &d);
        }
        naive_done(&naive);
}

static void naive_agrees(void **state) {
        unsigned compiled = 0, refused = 0;

        /* Which units these are depends on the order in which a compiler has the arguments drawn: as many as it takes for each. */
        for (unsigned i = 0; i < 120 || (i < 1200 && (compiled < 40 || refused < 10)); i++) {
                _cleanup_free_ char *unit = random_unit();
                _cleanup_(container_spec_unrefp) ContainerSpec *spec = fixture_spec(unit);
                _cleanup_(policy_set_unrefp) const PolicySet *set = NULL;
                Naive naive;
                bool possible;

                naive_init(&naive, spec);
                possible = naive_possible(&naive, spec);
                naive_done(&naive);

                if ((policy_compile(spec, -EBADF, NULL, &set) >= 0) != possible)
                        fail_msg("%s: %s", unit, possible ? "does not compile" : "compiles");
                if (possible) {
                        compare_all(spec, set);
                        compiled++;
                } else
                        refused++;
        }
        assert_true(compiled >= 40 && refused >= 10);
}

/* --- the kernel agrees */

static int child_probes(const PolicySet *set) {
        struct sock_fprog program = { .len = (unsigned short)set->seccomp.n_instructions,
                                      .filter = set->seccomp.program };

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
            syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
                return 100;

        if (syscall(SYS_getppid) <= 0)
                return 1;
        if (syscall(SYS_unshare, CLONE_NEWUSER) != -1 || errno != EACCES)
                return 2;
        if (syscall(SYS_clone3, NULL, 0) != -1 || errno != ENOSYS)
                return 3;
        if (syscall(SYS_socket, AF_ALG, SOCK_SEQPACKET, 0) != -1 || errno != EAFNOSUPPORT)
                return 4;
        if (syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0) < 0)
                return 5;
        if (syscall(SYS_ioctl, -1, TIOCSTI, "x") != -1 || errno != EACCES)
                return 6;
        if (syscall(SYS_ioctl, -1, TIOCGWINSZ, NULL) != -1 || errno != EBADF)
                return 7;
        if (syscall(999) != -1 || errno != ENOSYS)
                return 8;
        if (syscall(SYS_keyctl, 0, 0, 0, 0, 0) != -1 || errno != EACCES)
                return 9;
        return 0;
}

static void kernel_agrees(void **state) {
        _cleanup_(policy_set_unrefp) const PolicySet *set = fixture_compile("SystemCallErrorNumber=EACCES", -EBADF);
        int status;
        pid_t pid;

        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                int code = child_probes(set);

                syscall(SYS_exit_group, code); /* no sanitizer's farewell under the filter */
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == 100)
                skip(); /* this machine does not let an unprivileged process load a filter */
        assert_int_equal(WEXITSTATUS(status), 0);
}

static void size_is_bounded(void **state) {
        _cleanup_(policy_set_unrefp) const PolicySet *set =
                fixture_compile("SystemCallErrorNumber=kill\nSystemCallFilter=@known:EACCES\n"
                                "SystemCallFilter=execve execveat write close exit_group",
                                -EBADF);

        assert_true(bpf_valid(set->seccomp.program, set->seccomp.n_instructions));
        assert_true(set->seccomp.n_instructions < BPF_MAXINSNS / 4);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(default_list),
                cmocka_unit_test(lists),
                cmocka_unit_test(namespaces),
                cmocka_unit_test(arguments),
                cmocka_unit_test(other_transports),
                cmocka_unit_test(unknown_numbers),
                cmocka_unit_test(foreign_abi),
                cmocka_unit_test(complaints),
                cmocka_unit_test(all_complaints_at_once),
                cmocka_unit_test(identity_may_be_denied),
                cmocka_unit_test(rules),
                cmocka_unit_test(boot_is_a_cause),
                cmocka_unit_test(naive_agrees),
                cmocka_unit_test(kernel_agrees),
                cmocka_unit_test(size_is_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
