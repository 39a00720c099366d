/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Traffic from inside a container, for the host tests. A static program that needs nothing of its root:
 *
 *   traffic KIND:ADDRESS:PORT...   tries each; one JSON object of errno names, "ok", or "lost" where no answer came
 *
 *   bind        a socket is bound there          bound to 0.0.0.0, :: and ::ffff:ADDRESS as it is written; a colon in ADDRESS: '_'
 *   talk        what a socket sends there comes to another one of the same program, which is bound there
 *   send        a datagram is sent there
 *   connect     a connection is made there
 *   loosened, stolen    like connect and send, by the socket of descriptor 3, after connect(AF_UNSPEC) */

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_PASSED 3
#define PATIENCE_MS 1000

typedef union Address {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
} Address;

static socklen_t size_of(const Address *a) {
        return a->any.sa_family == AF_INET ? sizeof(a->in) : sizeof(a->in6);
}

static int parse(char *text, Address *ret) {
        char *port = strrchr(text, ':');

        if (!port)
                return -1;
        *port++ = 0;
        for (char *p = text; *p; p++)
                if (*p == '_')
                        *p = ':';
        memset(ret, 0, sizeof(*ret));
        ret->any.sa_family = strchr(text, ':') ? AF_INET6 : AF_INET;
        ret->in.sin_port = htons((uint16_t)atoi(port)); /* the same place in both */
        if (ret->any.sa_family == AF_INET)
                return inet_pton(AF_INET, text, &ret->in.sin_addr) == 1 ? 0 : -1;
        return inet_pton(AF_INET6, text, &ret->in6.sin6_addr) == 1 ? 0 : -1;
}

static const char *word(int error) {
        return error == 0 ? "ok" : error == ETIMEDOUT ? "lost" : strerrorname_np(error);
}

static int try_bind(const Address *a, int type, int protocol) {
        const int on = 1;
        int fd = socket(a->any.sa_family, type, protocol);

        if (fd < 0)
                return errno;
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        return bind(fd, &a->any, size_of(a)) < 0 ? errno : 0;
}

static int try_send_by(int fd, const Address *a) {
        if (fd < 0)
                return errno;
        return sendto(fd, "x", 1, 0, &a->any, size_of(a)) < 0 ? errno : 0;
}

static int try_talk(const Address *a) {
        int to = socket(a->any.sa_family, SOCK_DGRAM, 0);
        struct pollfd p = { .fd = to, .events = POLLIN };
        int error;

        if (to < 0 || bind(to, &a->any, size_of(a)) < 0)
                return errno;
        error = try_send_by(socket(a->any.sa_family, SOCK_DGRAM, 0), a);
        if (error != 0)
                return error;
        return poll(&p, 1, PATIENCE_MS) > 0 ? 0 : ETIMEDOUT;
}

static int try_connect_by(int fd, const Address *a) {
        struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };

        if (fd < 0)
                return errno;
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
        if (connect(fd, &a->any, size_of(a)) == 0)
                return 0;
        return errno == EINPROGRESS || errno == EAGAIN ? ETIMEDOUT : errno;
}

/* A socket that was passed, listening or bound, becomes an ordinary one. */
static int loosen(void) {
        const struct sockaddr none = { .sa_family = AF_UNSPEC };

        return connect(FIRST_PASSED, &none, sizeof(none)) < 0 && errno != ENOTCONN ? -1 : FIRST_PASSED;
}

static int attempt(const char *kind, const Address *a) {
        if (strcmp(kind, "bind-tcp") == 0)
                return try_bind(a, SOCK_STREAM, 0);
        if (strcmp(kind, "bind-udp") == 0)
                return try_bind(a, SOCK_DGRAM, 0);
        if (strcmp(kind, "bind-mptcp") == 0)
                return try_bind(a, SOCK_STREAM, 262);
        if (strcmp(kind, "talk") == 0)
                return try_talk(a);
        if (strcmp(kind, "send") == 0)
                return try_send_by(socket(a->any.sa_family, SOCK_DGRAM, 0), a);
        if (strcmp(kind, "connect") == 0)
                return try_connect_by(socket(a->any.sa_family, SOCK_STREAM, 0), a);
        if (strcmp(kind, "loosened") == 0)
                return try_connect_by(loosen(), a);
        if (strcmp(kind, "stolen") == 0)
                return try_send_by(FIRST_PASSED, a);
        return EINVAL;
}

int main(int argc, char **argv) {
        printf("{");
        for (int i = 1; i < argc; i++) {
                char *kind = strdup(argv[i]), *rest = kind ? strchr(kind, ':') : NULL;
                Address a;

                if (!rest)
                        return EXIT_FAILURE;
                *rest++ = 0;
                if (parse(rest, &a) < 0)
                        return EXIT_FAILURE;
                printf("%s\"%s\": \"%s\"", i > 1 ? ", " : "", argv[i], word(attempt(kind, &a)));
                free(kind);
        }
        printf("}\n");
        return EXIT_SUCCESS;
}
