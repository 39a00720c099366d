/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/keyctl.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "manager/probe/probe.h"

static void add_limit(Answer *a, rlim_t limit) {
        if (limit == RLIM_INFINITY)
                answer_add(a, "infinity");
        else
                answer_add(a, "%llu", (unsigned long long)limit);
}

void ask_limit(const ProbeQuestion *q, const char *text, Answer *a) {
        struct rlimit limit;

        if (prlimit(0, (__rlimit_resource_t)q->number, NULL, &limit) < 0) {
                answer_error(a, errno);
                return;
        }
        answer_add(a, "soft=");
        add_limit(a, limit.rlim_cur);
        answer_add(a, ",hard=");
        add_limit(a, limit.rlim_max);
}

/* The manager chooses arguments that do no harm where the call gets through. */
void ask_system_call(const ProbeQuestion *q, const char *text, Answer *a) {
        const uint64_t *v = q->arguments;

        if (syscall((long)q->number, v[0], v[1], v[2], v[3], v[4], v[5]) < 0)
                answer_error(a, errno);
        else
                answer_add(a, "ok");
}

void ask_environment(const ProbeQuestion *q, const char *text, Answer *a) {
        for (char **e = environ; *e; e++)
                answer_add(a, "%s%.*s", e > environ ? " " : "", (int)strcspn(*e, "="), *e);
}

void ask_host_name(const ProbeQuestion *q, const char *text, Answer *a) {
        struct utsname names;

        if (uname(&names) < 0)
                answer_error(a, errno);
        else
                answer_add(a, "%s", names.nodename);
}

void ask_session(const ProbeQuestion *q, const char *text, Answer *a) {
        answer_add(a, getsid(0) == getpid() ? "own" : "foreign");
}

void ask_death_signal(const ProbeQuestion *q, const char *text, Answer *a) {
        int number = 0;

        if (prctl(PR_GET_PDEATHSIG, &number) < 0)
                answer_error(a, errno);
        else
                answer_add(a, "%d", number);
}

void ask_loopback(const ProbeQuestion *q, const char *text, Answer *a) {
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct ifreq request = { .ifr_name = "lo" };

        if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
                answer_error(a, errno);
        else
                answer_add(a, request.ifr_flags & IFF_UP ? "up" : "down");
}

void ask_keyring(const ProbeQuestion *q, const char *text, Answer *a) {
        long serial = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0, 0, 0);

        char description[256] = "";

        /* "keyring;UID;GID;PERMISSIONS;NAME" */
        if (serial >= 0 && q->number == KEYRING_NAME &&
            syscall(SYS_keyctl, KEYCTL_DESCRIBE, serial, description, sizeof(description) - 1, 0) < 0)
                serial = -1;
        if (serial < 0)
                answer_error(a, errno);
        else if (q->number == KEYRING_NAME)
                answer_add(a, "%s", strrchr(description, ';') ? strrchr(description, ';') + 1 : description);
        else
                answer_add(a, "%ld", serial);
}
