/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The socket for a container's messages, and what follows from them. A message is taken out of the socket only after
 * what it changed was handed to the keeper, so that a manager killed in between loses none; to hear one twice does no harm. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "manager/base/io.h"
#include "manager/host/cgroup/cgroup-host.h"
#include "manager/container/container-internal.h"
#include "manager/host/messages/message-socket.h"
#include "manager/host/messages/notify-message.h"

#define MESSAGES_PER_WAKEUP 8 /* then other containers have their turn */
#define WAKEUPS_MAX 50        /* a second: who says more waits until it is heard */
#define DESCRIPTORS_PER_WAKEUP 64  /* the same: each of them costs more than a message */
#define DESCRIPTORS_PER_DRAIN 4096
#define TELL_REFUSED_EVERY (10 * USEC_PER_SEC)
#define PAUSE_MIN USEC_PER_MSEC /* most closes take less */
#define PAUSE_MAX (200 * USEC_PER_MSEC)

void notify_begin(Container *c) {
        free(c->notify.facts.status);
        c->notify.facts = (NotifyFacts){};
        c->notify.main_pid = 0;
        c->notify.reload = RELOAD_NONE;
        c->notify.refused = c->notify.told_at = 0;
}

/* Its name on the host is for the launch: what has none cannot be attached, and then the mount holds it. */
static void drop_name(const Container *c) {
        (void)unlinkat(c->manager->notify_fd, c->name, 0);
}

void notify_close(Container *c) {
        if (c->notify.fd >= 0)
                drop_name(c);
        c->notify.watchdog = sd_event_source_disable_unref(c->notify.watchdog);
        c->notify.source = sd_event_source_disable_unref(c->notify.source);
        c->notify.pause = sd_event_source_disable_unref(c->notify.pause);
        c->notify.fd = safe_close(c->notify.fd);
}

/* --- the socket */

static int find_slot(const PlanView *plan) {
        for (uint32_t i = 0; i < plan->header->n_slots; i++)
                if (plan->slots[i].kind == SLOT_NOTIFY)
                        return (int)i;
        return -ENOENT;
}

/* The socket itself, for a plan that runs before the life's own: its mount takes one tree. */
int notify_mount(const Container *c, const PlanView *plan, SlotSet *slots) {
        int slot = find_slot(plan), tree = -EBADF, r;

        if (slot < 0 || c->notify.fd < 0)
                return 0;
        r = message_socket_mount(c->manager->notify_fd, c->name, &tree);
        return r < 0 ? r : slot_set_add(slots, (int16_t)slot, tree);
}

int notify_open(Container *c, const PlanView *plan, Launch *launch, Diag *diag) {
        _cleanup_close_ int fd = -EBADF;
        int slot = find_slot(plan), r;

        if (slot < 0)
                return 0;
        r = message_socket_new(c, c->manager->notify_fd, true, &fd);
        if (r >= 0) {
                c->notify.fd = TAKE_FD(fd);
                r = notify_mount(c, plan, &launch->slots);
        }
        if (r < 0) {
                drop_name(c);
                return diag_errno(diag, ERROR_FAILED, container_spec_origin(c->spec, DIRECTIVE_NotifyAccess),
                                  "NotifyAccess", -r, "cannot make the socket for its messages");
        }
        return 0;
}

static bool is_launching(Manager *m, const char *name) {
        return false; /* whatever launch it was for went with the manager that made it */
}

void notify_sweep(Manager *m) {
        message_sockets_sweep(m, m->notify_fd, is_launching);
}

/* --- who is heard */

/* "NAME:" of /proc/PID/status: the number of that place, or the last one where there are not so many. *ret_n: how many there
 * are. */
static int status_numbers(pid_t pid, const char *name, size_t place, pid_t *ret, size_t *ret_n) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        _cleanup_close_ int fd = -EBADF;
        const char *line;
        size_t size, count = 0;
        int r;

        if (asprintf(&path, "/proc/%d/status", (int)pid) < 0)
                return -ENOMEM;
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = read_file(fd, 64U << 10, &text, &size);
        if (r < 0)
                return r;
        line = strstr(text, name);
        if (!line)
                return -ENODATA;
        for (const char *p = line + strlen(name); *p && *p != '\n'; p++)
                if (p[0] >= '0' && p[0] <= '9' && (p[-1] < '0' || p[-1] > '9') && count++ <= place)
                        *ret = (pid_t)strtol(p, NULL, 10);
        *ret_n = count;
        return 0;
}

static int status_number(pid_t pid, const char *name, pid_t *ret) {
        size_t n;

        return status_numbers(pid, name, SIZE_MAX, ret, &n);
}

/* A process may be in a namespace of its own below the container's: what counts is its number in that of the leader. */
pid_t container_child_number(const Container *c, pid_t pid) {
        pid_t parent = 0, inside = 0;
        size_t depth = 0, n = 0;

        if (c->leader <= 0 || status_number(pid, "\nPPid:", &parent) < 0 || parent != c->leader ||
            status_numbers(c->leader, "\nNSpid:", 0, &inside, &depth) < 0 || depth == 0 ||
            status_numbers(pid, "\nNSpid:", depth - 1, &inside, &n) < 0 || n < depth)
                return 0;
        return inside;
}

/* The payload is the leader, or where that is our init its child of a known number. */
static void find_main(Container *c, pid_t payload_pid) {
        _cleanup_free_ pid_t *pids = NULL;
        size_t n = 0;

        if (!c->spec || !c->spec->init_role) {
                c->notify.main_pid = c->leader;
                return;
        }
        if (c->spec->type == CONTAINER_TYPE_FORKING && (c->notify.facts.ready || c->notify.facts.main > 0))
                payload_pid = (pid_t)c->notify.facts.main;
        else if (payload_pid <= 0)
                payload_pid = CONTAINER_FIRST_PID;
        c->notify.main_pid = 0;
        if (payload_pid <= 0 || container_processes(c, &pids, &n) < 0)
                return;
        for (size_t i = 0; i < n; i++)
                if (container_child_number(c, pids[i]) == payload_pid)
                        c->notify.main_pid = pids[i];
}

/* A number may be somebody else's once its process is gone, but nobody outside of the container has the socket: what is
 * looked at is a process of the same control group, or none. */
static const char *lives_elsewhere(const Container *c, const struct ucred *sender) {
        _cleanup_free_ char *path = NULL;
        const char *below;
        int r;

        r = cgroup_path_of_process(sender->pid, &path);
        if (r < 0) /* it has gone; its user id was taken when it sent */
                return c->id_count > 0 && sender->uid >= c->id_base && sender->uid - c->id_base < c->id_count ?
                               NULL : "it has gone, and whose it was cannot be told";
        below = c->cgroup_path ? startswith(path, c->cgroup_path) : NULL;
        return below && (*below == 0 || *below == '/') ? NULL : "it is no process of the container";
}

/* Why it is not heard; NULL = it is. */
static const char *refuse_sender(const Container *c, const struct ucred *sender) {
        const NotifyAccess access = c->spec ? container_spec_notify_access(c->spec) : NOTIFY_ACCESS_NONE;
        const char *why;

        if (sender->pid <= 0)
                return "it is in a process namespace that the host does not see";
        why = lives_elsewhere(c, sender);
        if (why || access == NOTIFY_ACCESS_ALL)
                return why;
        if (access != NOTIFY_ACCESS_NONE && sender->pid == c->notify.main_pid)
                return NULL;
        if (access == NOTIFY_ACCESS_EXEC && session_has(c, sender->pid))
                return NULL;
        return access == NOTIFY_ACCESS_EXEC ? "NotifyAccess=exec hears the payload and commands of the manager's" :
                                              "NotifyAccess=main hears the payload alone";
}

/* A container may send as many as it likes; the log has one line for them now and then. */
static void tell_refused(Container *c, const char *what, pid_t pid, const char *why) {
        uint64_t now = now_usec(CLOCK_MONOTONIC);

        c->notify.refused++;
        if (c->notify.told_at > 0 && now - c->notify.told_at < TELL_REFUSED_EVERY)
                return;
        c->notify.told_at = now;
        log_message(&c->manager->config.log, LOG_WARNING, "%s: %s from process %d is refused: %s (%llu until now)", c->name,
                    what, (int)pid, why, (unsigned long long)c->notify.refused);
}

/* --- what follows. Each answers whether something is different now. */

static bool on_ready(Container *c, const NotifyMessage *m) {
        bool moved = !c->notify.facts.ready || c->notify.facts.reloading;

        c->notify.facts.reloading = false;
        if (c->notify.reload == RELOAD_BEGUN) {
                c->notify.reload = RELOAD_NONE;
                command_reloaded(c);
        }
        if (c->spec && c->spec->type == CONTAINER_TYPE_FORKING && !c->notify.facts.ready)
                return false; /* that is seen, not said */
        notify_ready(c);
        return moved;
}

static bool on_reloading(Container *c, const NotifyMessage *m) {
        bool moved = !c->notify.facts.reloading;

        /* One that was on its way before the signal tells of another reload. */
        if (c->notify.reload == RELOAD_SIGNALLED && notify_has(m, NOTIFY_MONOTONIC_USEC) &&
            m->numbers[NOTIFY_MONOTONIC_USEC] >= c->notify.reload_since)
                c->notify.reload = RELOAD_BEGUN;
        c->notify.facts.reloading = true;
        return moved;
}

static bool on_stopping(Container *c, const NotifyMessage *m) {
        return container_event(c, EVENT_STOPPING);
}

static bool on_status(Container *c, const NotifyMessage *m) {
        char *copy;

        if (streq(strempty(c->notify.facts.status), m->status))
                return false;
        copy = *m->status ? strdup(m->status) : NULL;
        if (*m->status && !copy)
                return false;
        free(c->notify.facts.status);
        c->notify.facts.status = copy;
        return true;
}

static bool take_number(uint32_t *field, uint64_t n) {
        bool moved = *field != (uint32_t)n;

        *field = (uint32_t)n;
        return moved;
}

static bool on_error(Container *c, const NotifyMessage *m) {
        return take_number(&c->notify.facts.error, m->numbers[NOTIFY_ERRNO]);
}

static bool on_exit_status(Container *c, const NotifyMessage *m) {
        return take_number(&c->notify.facts.exit_status, m->numbers[NOTIFY_EXIT_STATUS]);
}

static bool on_watchdog(Container *c, const NotifyMessage *m) {
        watchdog_arm(c);
        return false;
}

static bool on_watchdog_trigger(Container *c, const NotifyMessage *m) {
        watchdog_expired(c);
        return true;
}

static bool on_watchdog_usec(Container *c, const NotifyMessage *m) {
        uint64_t usec = m->numbers[NOTIFY_WATCHDOG_USEC];
        bool moved = c->notify.facts.watchdog_usec != usec;

        c->notify.facts.watchdog_usec = usec;
        watchdog_arm(c);
        return moved;
}

static bool on_extend(Container *c, const NotifyMessage *m) {
        uint64_t usec = m->numbers[NOTIFY_EXTEND_TIMEOUT_USEC], now = now_usec(CLOCK_MONOTONIC);
        uint64_t until = usec > USEC_INFINITY - now ? USEC_INFINITY : now + usec;

        command_extend(c, until);
        if (c->state == CONTAINER_STOPPING)
                return until > c->stop_deadline && container_arm_stop_timer(c, until) >= 0;
        return container_extend_life(c, until);
}

/* The order is that in which they are looked at: what is said of the end comes last. */
static const struct {
        NotifyField field;
        bool (*apply)(Container *c, const NotifyMessage *m);
} rows[] = {
        { NOTIFY_STATUS, on_status },
        { NOTIFY_ERRNO, on_error },
        { NOTIFY_EXIT_STATUS, on_exit_status },
        { NOTIFY_WATCHDOG_USEC, on_watchdog_usec },
        { NOTIFY_RELOADING, on_reloading },
        { NOTIFY_READY, on_ready },
        { NOTIFY_WATCHDOG, on_watchdog },
        { NOTIFY_EXTEND_TIMEOUT_USEC, on_extend },
        { NOTIFY_STOPPING, on_stopping },
        { NOTIFY_WATCHDOG_TRIGGER, on_watchdog_trigger },
};

/* The keeper watches what it has started: nobody takes that one's place. */
static void check_main_pid(Container *c, const NotifyMessage *m, pid_t sender) {
        pid_t inside = 0;

        if (!notify_has(m, NOTIFY_MAINPID))
                return;
        if (c->notify.main_pid > 0 && status_number(c->notify.main_pid, "\nNSpid:", &inside) >= 0 &&
            (uint64_t)inside == m->numbers[NOTIFY_MAINPID])
                return;
        tell_refused(c, "MAINPID=", sender, "the payload of a container stays the process that was started");
}

typedef struct Descriptors {
        int fds[SOCKET_MAX_FDS]; /* negative = taken */
        size_t n;
} Descriptors;

/* What is stored and what is given up; the order within a message is systemd's. */
static bool take_descriptors(Container *c, const NotifyMessage *m, Descriptors *d, pid_t sender) {
        const char *why = NULL;
        bool moved = false;

        if (notify_has(m, NOTIFY_FDSTOREREMOVE)) {
                if (notify_has(m, NOTIFY_FDNAME) && *m->fd_name)
                        moved = descriptor_store_remove(c, m->fd_name);
                else
                        tell_refused(c, "FDSTOREREMOVE=", sender, "it needs FDNAME=");
        }
        if (notify_has(m, NOTIFY_FDSTORE))
                moved |= descriptor_store_add(c, m->fd_name, notify_has(m, NOTIFY_FDPOLL), d->fds, d->n, &why);
        if (why)
                tell_refused(c, "a descriptor", sender, why);
        return moved;
}

static void handle(Container *c, const char *data, size_t size, bool cut, const struct ucred *sender, Descriptors *d) {
        const char *why = refuse_sender(c, sender);
        bool moved = false;
        NotifyMessage m;

        if (!why && (cut || notify_message_parse(data, size, &m) < 0))
                why = "it is longer than " STRINGIFY(NOTIFY_MESSAGE_MAX) " bytes, or has a NUL in it";
        if (why) {
                tell_refused(c, "a message", sender->pid, why);
                return;
        }
        if (m.malformed > 0)
                tell_refused(c, "a field", sender->pid, "its value is none");
        check_main_pid(c, &m, sender->pid);
        moved = take_descriptors(c, &m, d, sender->pid);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (notify_has(&m, rows[i].field))
                        moved |= rows[i].apply(c, &m);
        if (!moved)
                return;
        container_send_state(c);
        container_notify(c);
}

/* --- reading */

typedef union Control {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(SOCKET_MAX_FDS * sizeof(int))];
} Control;

static void collect_descriptors(const struct cmsghdr *head, Descriptors *d) {
        size_t n = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        for (size_t i = 0; i < n && d->n < ELEMENTSOF(d->fds); i++)
                memcpy(&d->fds[d->n++], CMSG_DATA(head) + i * sizeof(int), sizeof(int));
}

static struct ucred take_control(struct msghdr *h, Descriptors *d) {
        struct ucred sender = { .pid = 0, .uid = (uid_t)-1, .gid = (gid_t)-1 };

        for (struct cmsghdr *one = CMSG_FIRSTHDR(h); one; one = CMSG_NXTHDR(h, one)) {
                if (one->cmsg_level != SOL_SOCKET)
                        continue;
                if (one->cmsg_type == SCM_RIGHTS)
                        collect_descriptors(one, d);
                else if (one->cmsg_type == SCM_CREDENTIALS && one->cmsg_len == CMSG_LEN(sizeof(sender)))
                        memcpy(&sender, CMSG_DATA(one), sizeof(sender));
        }
        return sender;
}

/* -EAGAIN: there is none. *n_descriptors grows by those that came with it. */
static int hear_one(Container *c, size_t *n_descriptors) {
        char data[NOTIFY_MESSAGE_MAX + 1];
        struct iovec iov = { .iov_base = data, .iov_len = sizeof(data) };
        Control control;
        struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
                            .msg_controllen = sizeof(control) };
        Descriptors d = {};
        struct ucred sender;
        ssize_t n;
        int r = 0;

        n = recvmsg(c->notify.fd, &h, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n < 0)
                return errno == EINTR ? 0 : -errno;
        sender = take_control(&h, &d);
        *n_descriptors += d.n;
        handle(c, data, (size_t)n, h.msg_flags & MSG_TRUNC, &sender, &d);
        if (c->notify.fd < 0) /* it was the last thing that this life did */
                r = -EAGAIN;
        else if (recv(c->notify.fd, data, 0, MSG_DONTWAIT | MSG_TRUNC) < 0 && errno != EINTR)
                r = -errno; /* without room for descriptors the kernel drops them with the message */
        /* Ours go after those of the message, so that no last close is here. The end of one is the answer to BARRIER=1. */
        close_apart(&c->store.closing, d.fds, d.n);
        return r;
}

static void pause_hearing(Container *c);

static int on_pause(sd_event_source *s, uint64_t usec, void *userdata) {
        Container *c = userdata;

        c->notify.pause = sd_event_source_disable_unref(c->notify.pause);
        if (close_apart_full(c->store.closing)) {
                pause_hearing(c);
                return 0;
        }
        c->notify.pause_usec = 0;
        (void)sd_event_source_set_enabled(c->notify.source, SD_EVENT_ON);
        return 0;
}

static void pause_hearing(Container *c) {
        c->notify.pause_usec = MIN_OF(MAX_OF(2 * c->notify.pause_usec, PAUSE_MIN), PAUSE_MAX);
        if (sd_event_add_time_relative(c->manager->event, &c->notify.pause, CLOCK_MONOTONIC, c->notify.pause_usec,
                                       USEC_PER_MSEC, on_pause, c) >= 0)
                (void)sd_event_source_set_enabled(c->notify.source, SD_EVENT_OFF);
}

static int on_readable(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Container *c = userdata;
        size_t n_descriptors = 0;

        for (unsigned i = 0; i < MESSAGES_PER_WAKEUP && n_descriptors < DESCRIPTORS_PER_WAKEUP && c->notify.fd >= 0; i++) {
                if (close_apart_full(c->store.closing)) {
                        pause_hearing(c);
                        break;
                }
                if (hear_one(c, &n_descriptors) < 0)
                        break;
        }
        return 0;
}

void notify_drain(Container *c) {
        size_t n_descriptors = 0;

        /* What is sent meanwhile is sent too late: there is an end to this in any case. */
        for (unsigned i = 0; i < 1024 && n_descriptors < DESCRIPTORS_PER_DRAIN && c->notify.source && c->notify.fd >= 0; i++)
                if (hear_one(c, &n_descriptors) < 0)
                        break;
}

int notify_take(Container *c, int fd) {
        (void)safe_close(c->notify.fd);
        c->notify.fd = fd;
        return fd < 0 ? -EBADF : 0;
}

void notify_listen(Container *c, pid_t payload_pid) {
        int r = 0;

        if (c->notify.fd >= 0) {
                drop_name(c);
                find_main(c, payload_pid);
                r = sd_event_add_io(c->manager->event, &c->notify.source, c->notify.fd, EPOLLIN, on_readable, c);
        }
        if (r >= 0 && c->notify.source)
                r = sd_event_source_set_ratelimit(c->notify.source, USEC_PER_SEC, WAKEUPS_MAX);
        if (r < 0)
                log_message(&c->manager->config.log, LOG_ERR, "%s: what it says cannot be heard: %s", c->name, strerror(-r));
        watchdog_arm(c);
}

void notify_find_main(Container *c) {
        if (c->notify.fd >= 0)
                find_main(c, 0);
}

/* --- readiness */

void notify_ready(Container *c) {
        if (c->notify.facts.ready)
                return;
        c->notify.facts.ready = true;
        health_begin(c);
        container_readiness_moved(c);
}

bool container_waits_for_ready(const Container *c) {
        if (c->state != CONTAINER_RUNNING || !c->spec)
                return false;
        return !container_was_ready(c) || command_awaits_start_post(c);
}

bool container_was_ready(const Container *c) {
        return !(container_type_waits(c->spec->type) && !c->notify.facts.ready) &&
               !(c->spec->notify == READY_HEALTHY && c->health.facts.state <= HEALTH_STARTING);
}

void container_readiness_moved(Container *c) {
        if (c->state != CONTAINER_RUNNING || !container_was_ready(c))
                return;
        if (command_awaits_start_post(c)) {
                (void)container_event(c, EVENT_READY);
                return;
        }
        container_stamp_active(c);
        container_arm_life(c);
        watchdog_arm(c);
        container_save_life(c);
        dependencies_moved(c);
        container_notify(c);
        job_advance(c);
}
