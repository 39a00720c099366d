/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>

#include "manager/base/io.h"
#include "manager/netlink/netlink.h"

#define RECEIVE_SIZE (64U << 10) /* the kernel's dumps are never longer a datagram */
#define ANSWER_WAIT_MSEC 5000    /* for modules that the kernel loads on the way */
#define DUMP_TRIES 3

struct Netlink {
        int fd;
        uint32_t sequence;
        uint8_t buffer[RECEIVE_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
};

int netlink_take(int fd, Netlink **ret) {
        Netlink *n = malloc(sizeof(*n));

        if (!n) {
                (void)close(fd);
                return -ENOMEM;
        }
        n->fd = fd;
        n->sequence = 0;
        *ret = n;
        return 0;
}

int netlink_open(int protocol, Netlink **ret) {
        const int on = 1;
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);

        if (fd < 0)
                return -errno;
        /* Words, and answers without our own request in them; an older kernel does without. */
        (void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
        (void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
        return netlink_take(fd, ret);
}

int netlink_open_in(int namespace_fd, int protocol, Netlink **ret) {
        _cleanup_close_ int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        int r;

        if (own < 0 || setns(namespace_fd, CLONE_NEWNET) < 0)
                return -errno;
        r = netlink_open(protocol, ret);
        if (setns(own, CLONE_NEWNET) < 0)
                abort(); /* nothing that follows would be where it is meant to be */
        return r;
}

Netlink *netlink_free(Netlink *n) {
        if (!n)
                return NULL;
        (void)close(n->fd);
        free(n);
        return NULL;
}

int netlink_fd(const Netlink *n) {
        return n->fd;
}

/* A socket without a port of its own counts as the kernel's, to which the kernel tells nothing. */
int netlink_subscribe(Netlink *n, unsigned group) {
        struct sockaddr_nl own = { .nl_family = AF_NETLINK };
        socklen_t size = sizeof(own);

        if (getsockname(n->fd, (struct sockaddr *)&own, &size) < 0)
                return -errno;
        if (own.nl_pid == 0 && bind(n->fd, (const struct sockaddr *)&own, sizeof(own)) < 0)
                return -errno;
        return setsockopt(n->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0 ? -errno : 0;
}

/* Numbers every message and has it acknowledged; the answer is the number of the first. */
static uint32_t message_number(Netlink *n, NetlinkMessage *m, uint16_t flags) {
        const uint32_t first = n->sequence + 1;

        for (size_t at = 0; at + NLMSG_HDRLEN <= m->size;) {
                struct nlmsghdr *head = (struct nlmsghdr *)(void *)(m->data + at);

                head->nlmsg_seq = ++n->sequence;
                head->nlmsg_flags |= NLM_F_REQUEST | flags;
                at += NLMSG_ALIGN(head->nlmsg_len);
        }
        return first;
}

static int send_message(Netlink *n, const NetlinkMessage *m) {
        const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
        const int size = (int)MIN_OF(m->size + 65536, (size_t)INT32_MAX);
        ssize_t sent;

        if (m->error < 0)
                return m->error;
        if (m->size > 65536 && setsockopt(n->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
                (void)setsockopt(n->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        do
                sent = sendto(n->fd, m->data, m->size, 0, (const struct sockaddr *)&kernel, sizeof(kernel));
        while (sent < 0 && errno == EINTR);
        return sent < 0 ? -errno : 0;
}

/* One datagram of the kernel's; what another process sends is not looked at. -EAGAIN: none is there. */
static ssize_t receive_datagram(Netlink *n) {
        for (;;) {
                struct sockaddr_nl from = {};
                struct iovec iov = { .iov_base = n->buffer, .iov_len = sizeof(n->buffer) };
                struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1 };
                ssize_t size = recvmsg(n->fd, &m, 0);

                if (size < 0 && errno == EINTR)
                        continue;
                if (size < 0)
                        return -errno;
                if (from.nl_pid != 0)
                        continue;
                return m.msg_flags & MSG_TRUNC ? -EMSGSIZE : size;
        }
}

static ssize_t await_datagram(Netlink *n) {
        for (;;) {
                struct pollfd p = { .fd = n->fd, .events = POLLIN };
                ssize_t size = receive_datagram(n);
                int r;

                if (size != -EAGAIN)
                        return size;
                r = poll(&p, 1, ANSWER_WAIT_MSEC);
                if (r == 0)
                        return -ETIMEDOUT;
                if (r < 0 && errno != EINTR)
                        return -errno;
        }
}

/* NLMSG_ERROR: the errno, and the kernel's words behind it (NLMSGERR_ATTR_MSG). */
static int answer_of(const struct nlmsghdr *m, char *words, size_t size) {
        const struct nlmsgerr *e = netlink_header(m, sizeof(*e));
        NetlinkAttribute a;

        if (!e)
                return -EBADMSG;
        words[0] = 0;
        if (e->error != 0 && (m->nlmsg_flags & NLM_F_ACK_TLVS)) {
                /* Without NLM_F_CAPPED our whole request stands before the attributes. */
                const size_t request = m->nlmsg_flags & NLM_F_CAPPED ? sizeof(e->msg) : e->msg.nlmsg_len;

                if (request >= sizeof(e->msg) && request < m->nlmsg_len &&
                    netlink_attribute_find(m, sizeof(e->error) + request, NLMSGERR_ATTR_MSG, &a) && netlink_get_string(&a))
                        (void)snprintf(words, size, "%s", netlink_get_string(&a));
        }
        return e->error > 0 ? -EBADMSG : e->error;
}

/* Empties the socket of answers to what came before. */
static void drain(Netlink *n) {
        while (receive_datagram(n) >= 0)
                ;
}

int netlink_call(Netlink *n, NetlinkMessage *m, NetlinkError *reterr) {
        const size_t expected = m->n;
        NetlinkError error = {};
        size_t answered = 0;
        uint32_t first;
        int result = 0, r;

        if (m->error < 0)
                return m->error;
        drain(n);
        first = message_number(n, m, NLM_F_ACK);
        r = send_message(n, m);
        if (r < 0)
                return r;
        while (answered < expected) {
                ssize_t size = await_datagram(n);
                const struct nlmsghdr *one;

                if (size < 0)
                        return result < 0 ? result : (int)size;
                for (size_t at = 0; netlink_next(n->buffer, (size_t)size, &at, &one);) {
                        char words[sizeof(error.words)] = "";

                        if (one->nlmsg_type != NLMSG_ERROR || one->nlmsg_seq - first >= expected)
                                continue;
                        answered++;
                        r = answer_of(one, words, sizeof(words));
                        if (r >= 0 || result < 0)
                                continue;
                        result = r;
                        error.index = one->nlmsg_seq - first;
                        memcpy(error.words, words, sizeof(words));
                }
                /* A batch that was refused as a whole is answered once for what was wrong, and by nothing else. */
                if (result < 0 && expected > 1)
                        break;
        }
        if (result < 0 && reterr)
                *reterr = error;
        return result;
}

/* The last message but the end of the batch asks for an answer; what the kernel refuses is told without being asked. All of that,
 * of the batch as a whole too, is there when send() returns, and in that order: refusals, then what was asked for. */
static uint32_t batch_number(Netlink *n, NetlinkMessage *m, uint32_t *ret_asked) {
        const uint32_t first = message_number(n, m, 0), asked = first + (uint32_t)m->n - 2;
        uint32_t sequence = first;

        for (size_t at = 0; at + NLMSG_HDRLEN <= m->size; sequence++) {
                struct nlmsghdr *head = (struct nlmsghdr *)(void *)(m->data + at);

                if (sequence == asked)
                        head->nlmsg_flags |= NLM_F_ACK;
                at += NLMSG_ALIGN(head->nlmsg_len);
        }
        *ret_asked = asked;
        return first;
}

int netlink_call_batch(Netlink *n, NetlinkMessage *m, NetlinkError *reterr) {
        uint32_t first, asked;
        NetlinkError error = {};
        int r;

        if (m->error < 0)
                return m->error;
        if (m->n < 3)
                return 0; /* nothing is between its begin and its end */
        drain(n);
        first = batch_number(n, m, &asked);
        r = send_message(n, m);
        while (r >= 0) {
                ssize_t size = await_datagram(n);
                const struct nlmsghdr *one;

                if (size < 0)
                        return (int)size;
                for (size_t at = 0; r >= 0 && netlink_next(n->buffer, (size_t)size, &at, &one);) {
                        if (one->nlmsg_type != NLMSG_ERROR || one->nlmsg_seq - first >= m->n)
                                continue;
                        r = answer_of(one, error.words, sizeof(error.words));
                        error.index = one->nlmsg_seq - first;
                        if (r >= 0 && one->nlmsg_seq == asked)
                                return 0;
                }
        }
        drain(n);
        if (reterr)
                *reterr = error;
        return r;
}

static int dump_once(Netlink *n, NetlinkMessage *m, int (*each)(const struct nlmsghdr *m, void *userdata), void *userdata) {
        const bool dump = ((struct nlmsghdr *)(void *)m->data)->nlmsg_flags & NLM_F_DUMP;
        bool interrupted = false;
        uint32_t first;
        int r;

        drain(n);
        first = message_number(n, m, dump ? 0 : NLM_F_ACK);
        r = send_message(n, m);
        if (r < 0)
                return r;
        for (;;) {
                ssize_t size = await_datagram(n);
                const struct nlmsghdr *one;

                if (size < 0)
                        return (int)size;
                for (size_t at = 0; netlink_next(n->buffer, (size_t)size, &at, &one);) {
                        char words[128];

                        if (one->nlmsg_seq != first)
                                continue;
                        interrupted |= one->nlmsg_flags & NLM_F_DUMP_INTR;
                        if (one->nlmsg_type == NLMSG_DONE)
                                return interrupted ? -EINTR : 0;
                        if (one->nlmsg_type == NLMSG_ERROR)
                                return answer_of(one, words, sizeof(words));
                        r = each(one, userdata);
                        if (r < 0) {
                                drain(n);
                                return r;
                        }
                }
        }
}

int netlink_dump(Netlink *n, NetlinkMessage *m, int (*each)(const struct nlmsghdr *m, void *userdata), void *userdata) {
        int r = m->error;

        if (r >= 0 && m->n != 1)
                return -EINVAL;
        for (unsigned i = 0; r >= 0 && i < DUMP_TRIES; i++) {
                r = dump_once(n, m, each, userdata);
                if (r != -EINTR)
                        return r;
                r = 0;
        }
        return r < 0 ? r : -EINTR;
}

int netlink_receive(Netlink *n, int (*each)(const struct nlmsghdr *m, void *userdata), void *userdata) {
        ssize_t size = receive_datagram(n);
        const struct nlmsghdr *one;

        if (size < 0)
                return (int)size;
        for (size_t at = 0; netlink_next(n->buffer, (size_t)size, &at, &one);) {
                int r = each(one, userdata);

                if (r < 0)
                        return r;
        }
        return 0;
}
