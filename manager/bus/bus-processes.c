/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>

#include "manager/base/io.h"
#include "manager/base/string-list.h"
#include "manager/bus/bus-internal.h"

/* GetContainerProcesses. A command line is memory of the container: where it maps those pages from a file system that
 * does not answer (FUSE, NFS), whoever reads /proc/PID/cmdline waits with it. So a child of ours reads them, with
 * nothing open but a pipe and a time limit; what it does not bring is named by its comm, which the kernel holds. */

#define PROCESSES_MAX 4096    /* listed; TasksCurrent counts them all */
#define COMMAND_LINE_MAX 4096 /* bytes shown of one command line */
#define CGROUP_FILE_MAX 8192
#define READERS_MAX 16        /* children at a time */
#define READER_USEC (500 * USEC_PER_MSEC)

typedef struct Listing {
        Link link;
        Caller *caller; /* NULL: not held yet */
        sd_bus_message *message;
        pid_t *pids;
        size_t n_pids;
        char **cgroups; /* one a pid */
        char *data;     /* from the child: for each pid in turn a uint16_t, then so many bytes */
        size_t size, allocated;
        int pipe_fd, pidfd;
        sd_event_source *pipe_source, *timer;
} Listing;

static void listing_free(Listing *l) {
        if (l->caller) {
                link_remove(&l->link);
                l->caller->connection->bus->n_readers--;
                caller_release(l->caller, false);
        }
        sd_event_source_disable_unref(l->pipe_source);
        sd_event_source_disable_unref(l->timer);
        if (l->pidfd >= 0)
                (void)pidfd_signal(l->pidfd, SIGKILL); /* it is reaped by on_reader_end(), whenever it can die */
        safe_close(l->pidfd);
        safe_close(l->pipe_fd);
        sd_bus_message_unref(l->message);
        strv_free(l->cgroups);
        free(l->pids);
        free(l->data);
        free(l);
}

static void listing_freep(Listing **l) {
        if (*l)
                listing_free(*l);
}

/* --- what the kernel holds: safe to read here */
static size_t read_proc(pid_t pid, const char *file, char *buffer, size_t size) {
        char path[64];
        _cleanup_close_ int fd = -EBADF;
        size_t n = 0;

        (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 || read_all(fd, buffer, size - 1, &n) < 0)
                n = 0; /* the process has gone */
        buffer[n] = '\0';
        return n;
}

/* The process' cgroup below the container's: "/" is the container's own. */
static const char *below(const char *cgroup, const char *container) {
        const char *rest = container ? startswith(cgroup, container) : NULL;

        if (!rest || (*rest && *rest != '/'))
                return cgroup;
        return *rest ? rest : "/";
}

static const char *process_cgroup(pid_t pid, const char *container, char *buffer, size_t size) {
        char *line, *end;

        (void)read_proc(pid, "cgroup", buffer, size);
        line = startswith(buffer, "0::") ? buffer : strstr(buffer, "\n0::");
        if (!line)
                return "";
        line += *line == '\n' ? 4 : 3;
        end = strchr(line, '\n');
        if (end)
                *end = '\0';
        return below(line, container);
}

/* --- the child */
static void read_command_lines(const pid_t *pids, size_t n, int fd) {
        for (size_t i = 0; i < n; i++) {
                char buffer[sizeof(uint16_t) + COMMAND_LINE_MAX + 1];
                uint16_t size = (uint16_t)read_proc(pids[i], "cmdline", buffer + sizeof(size), COMMAND_LINE_MAX + 1);

                memcpy(buffer, &size, sizeof(size));
                if (write_all(fd, buffer, sizeof(size) + size) < 0)
                        return;
        }
}

/* It may hang for as long as the container likes: it must hold no lock, no socket and no client's descriptor. */
_Noreturn static void reader_main(const Listing *l, int fd) {
        if (dup2(fd, STDIN_FILENO) < 0 || close_range(STDIN_FILENO + 1, ~0U, 0) < 0)
                _exit(EXIT_FAILURE);
        (void)signal(SIGPIPE, SIG_DFL);
        read_command_lines(l->pids, l->n_pids, STDIN_FILENO);
        _exit(EXIT_SUCCESS);
}

/* sd-event has reaped it. The source belongs to the loop, because the child may outlive its listing; given back, it
 * goes when this returns. */
static int on_reader_end(sd_event_source *s, const siginfo_t *si, void *userdata) {
        return sd_event_source_set_floating(s, false);
}

/* --- the answer */
/* Words separated by blanks, control characters as '?': a terminal will show it. */
static void make_readable(char *text, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (text[i] == '\0')
                        text[i] = ' ';
                else if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
                        text[i] = '?';
}

/* The next of the child's records as text; "[comm]" where there is none, or it is empty as a zombie's is. */
static const char *next_command_line(const Listing *l, size_t *position, pid_t pid, char *buffer) {
        uint16_t size;
        size_t n = 0;

        if (l->size - *position >= sizeof(size)) {
                memcpy(&size, l->data + *position, sizeof(size));
                if (size <= COMMAND_LINE_MAX && l->size - *position - sizeof(size) >= size) {
                        memcpy(buffer, l->data + *position + sizeof(size), size);
                        *position += sizeof(size) + size;
                        n = size;
                } else
                        *position = l->size; /* cut off: nothing follows */
        }
        while (n > 0 && (buffer[n - 1] == '\0' || buffer[n - 1] == ' '))
                n--;
        if (n == 0) {
                n = read_proc(pid, "comm", buffer + 1, COMMAND_LINE_MAX - 2);
                if (n == 0)
                        return "";
                n -= buffer[n] == '\n' ? 1 : 0;
                buffer[0] = '[';
                buffer[n + 1] = ']';
                n += 2;
        }
        make_readable(buffer, n);
        buffer[n] = '\0';
        return buffer;
}

static int listing_reply(const Listing *l) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        char buffer[COMMAND_LINE_MAX + 1];
        size_t position = 0;
        int r;

        r = sd_bus_message_new_method_return(l->message, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(sus)");
        for (size_t i = 0; r >= 0 && i < l->n_pids; i++) {
                r = sd_bus_message_open_container(reply, 'r', "sus");
                if (r >= 0)
                        r = bus_append_text(reply, l->cgroups[i]);
                if (r >= 0)
                        r = sd_bus_message_append(reply, "u", (uint32_t)l->pids[i]);
                if (r >= 0)
                        r = bus_append_text(reply, next_command_line(l, &position, l->pids[i], buffer));
                if (r >= 0)
                        r = sd_bus_message_close_container(reply);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static void listing_finish(Listing *l) {
        connection_sent(l->caller->connection, listing_reply(l));
        listing_free(l);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        listing_finish(userdata);
        return 0;
}

static int on_pipe(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Listing *l = userdata;
        ssize_t n;

        if (l->size == l->allocated) {
                size_t grown = MAX_OF(l->allocated * 2, (size_t)COMMAND_LINE_MAX);
                char *data = realloc(l->data, grown);

                if (!data) {
                        listing_finish(l);
                        return 0;
                }
                l->data = data;
                l->allocated = grown;
        }
        n = read(fd, l->data + l->size, l->allocated - l->size);
        if (n > 0)
                l->size += (size_t)n;
        else if (n == 0 || (errno != EAGAIN && errno != EINTR))
                listing_finish(l);
        return 0;
}

/* --- the request */
static int gather(Listing *l, const Container *c) {
        char buffer[CGROUP_FILE_MAX];
        int r;

        r = container_processes(c, &l->pids, &l->n_pids);
        if (r < 0 && r != -ENOENT && r != -ENODATA && r != -ESRCH) /* those: it does not run, an empty list */
                return r;
        l->n_pids = MIN_OF(l->n_pids, (size_t)PROCESSES_MAX);
        l->cgroups = calloc(l->n_pids + 1, sizeof(char *));
        if (!l->cgroups)
                return -ENOMEM;
        for (size_t i = 0; i < l->n_pids; i++) {
                l->cgroups[i] = strdup(process_cgroup(l->pids[i], container_cgroup(c), buffer, sizeof(buffer)));
                if (!l->cgroups[i])
                        return -ENOMEM;
        }
        return 0;
}

static int start_reader(Listing *l, sd_event *event) {
        _cleanup_close_ int write_fd = -EBADF;
        int fds[2], r;
        pid_t pid;

        if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;
        l->pipe_fd = fds[0];
        write_fd = fds[1];
        if (fcntl(write_fd, F_SETFL, 0) < 0) /* the child waits for us; we never wait for it */
                return -errno;

        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                reader_main(l, write_fd);
        r = pidfd_open_checked(pid, &l->pidfd);
        if (r < 0) {
                (void)kill(pid, SIGKILL); /* not reaped yet: the number is still its own */
                l->pidfd = -EBADF;
        }
        (void)sd_event_add_child(event, NULL, pid, WEXITED, on_reader_end, NULL);
        if (r < 0)
                return r;
        r = sd_event_add_io(event, &l->pipe_source, l->pipe_fd, EPOLLIN, on_pipe, l);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(event, &l->timer, CLOCK_MONOTONIC, READER_USEC, 0, on_timer, l);
        return r < 0 ? r : 0;
}

int processes_new(Caller *caller, sd_bus_message *m, Container *container, sd_bus_error *error) {
        _cleanup_(listing_freep) Listing *l = NULL;
        Bus *b = caller->connection->bus;
        int r;

        l = calloc(1, sizeof(Listing));
        if (!l)
                return -ENOMEM;
        *l = (Listing){ .message = sd_bus_message_ref(m), .pipe_fd = -EBADF, .pidfd = -EBADF };
        r = gather(l, container);
        if (r < 0)
                return r;
        if (l->n_pids == 0)
                return listing_reply(l);
        if (b->n_readers >= READERS_MAX)
                return bus_error_set_code(error, ERROR_BUSY, "Too many lists of processes are being made; try again");
        r = caller_hold(caller, false, error);
        if (r < 0)
                return r;

        l->caller = caller;
        link_append(&b->listings, &l->link);
        b->n_readers++;
        r = start_reader(l, b->event);
        if (r < 0)
                return r;
        TAKE_PTR(l);
        return 1; /* sd-bus: the reply comes later */
}

void processes_drop(Caller *caller) {
        Bus *b = caller->connection->bus;

        for (Link *i = b->listings.next, *next; i != &b->listings; i = next) {
                Listing *l = container_of(i, Listing, link);

                next = i->next;
                if (l->caller == caller)
                        listing_free(l);
        }
}
