/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "manager/base/io.h"
#include "manager/base/string-list.h"
#include "tools/bulwarkctl/notify.h"
#include "tools/bulwarkctl/property-text.h"
#include "tools/bulwarkctl/time-text.h"

/* While it reads all its units anew systemd hears nothing, for seconds. Who ended before it has heard would end as a process
 * that is not the unit's main one, and the exit code of the container would be lost. */
#define BARRIER_USEC (120 * USEC_PER_SEC)
#define CGROUP_MOUNT "/sys/fs/cgroup" /* where systemd has it */
#define AWAIT_MSEC 30000 /* in all */
/* What the container uses is looked at soon after it has moved, then less and less often. Whenever it is, it may be a little
 * later: a host with a thousand of these processes wakes up for many at once. */
#define FIRST_LOOK_MSEC 5000
#define LAST_LOOK_MSEC 60000
#define SLACK_NSEC UINT64_C(5000000000)

static int on_changed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Notify *n = userdata;

        n->moved = true;
        return 0;
}

int notify_begin(Notify *n, Context *c, const char *name) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        n->context = c;
        n->name = name;
        n->moved = true;
        (void)prctl(PR_SET_TIMERSLACK, SLACK_NSEC);
        free(n->path);
        n->path = NULL;
        r = client_container(&c->client, name, &error, &n->path);
        if (r < 0) /* whoever starts it says why */
                return client_disconnected(&error, r) ? -ECONNRESET : 0;
        r = sd_bus_match_signal(c->client.bus, NULL, NULL, n->path, "org.freedesktop.DBus.Properties", "PropertiesChanged",
                                on_changed, n);
        return r < 0 ? r : 0;
}

void notify_done(Notify *n) {
        free(n->path);
        free(n->group);
        free(n->status);
        *n = (Notify){};
}

static int64_t now_msec(void) {
        struct timespec t = {};

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool read_amount(const Notify *n, const char *file, uint64_t *ret) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        _cleanup_close_ int fd = -EBADF;
        size_t size;

        if (str_append(&path, CGROUP_MOUNT "%s/%s", n->group, file) < 0)
                return false;
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || read_file(fd, 64, &text, &size) < 0)
                return false;
        *ret = strtoull(text, NULL, 10);
        return true;
}

/* What the container uses is not in this service's control group, so nothing is counted there: it is told in words. */
static char *status_text(const Notify *n) {
        uint64_t memory = 0, tasks = 0;
        char *text = NULL;
        int r;

        r = str_append(&text, "STATUS=Container %s", n->name);
        if (r >= 0 && read_amount(n, "memory.current", &memory)) {
                _cleanup_free_ char *size = size_to_text(memory);

                r = str_append(&text, ", %s of memory", strempty(size));
        }
        if (r >= 0 && read_amount(n, "pids.current", &tasks))
                r = str_append(&text, ", %" PRIu64 " task%s", tasks, tasks == 1 ? "" : "s");
        if (r >= 0)
                r = str_append(&text, ", control group %s", n->group);
        if (r >= 0)
                return text;
        free(text);
        return NULL;
}

static void tell(Notify *n, pid_t leader, const char *group) {
        char main_pid[48] = "";

        free(n->group);
        n->group = strdup(group);
        free(n->status);
        n->status = status_text(n);
        n->interval = FIRST_LOOK_MSEC;
        n->next = now_msec() + n->interval;
        if (leader != n->leader)
                (void)snprintf(main_pid, sizeof(main_pid), "MAINPID=%d\n", (int)(leader > 0 ? leader : getpid()));
        n->leader = leader;
        (void)sd_notifyf(false, "%s%s%s", main_pid, n->ready ? "" : "READY=1\n", strempty(n->status));
        n->ready = true;
}

static void look(Notify *n) {
        char *status;

        if (n->leader == 0 || !n->group || now_msec() < n->next)
                return;
        n->interval = MIN_OF(2 * n->interval, LAST_LOOK_MSEC);
        n->next = now_msec() + n->interval;
        status = status_text(n);
        if (status && (!n->status || !streq(status, n->status)))
                (void)sd_notify(false, status);
        free(n->status);
        n->status = status;
}

uint64_t notify_timeout(const Notify *n) {
        if (n->leader == 0 || !n->group)
                return UINT64_MAX;
        return (uint64_t)MAX_OF(n->next - now_msec(), 0) * 1000;
}

void notify_active(Notify *n) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_json_ json_object *p = NULL;
        pid_t leader;

        if (!n->name)
                return;
        if (!n->moved) {
                look(n);
                return;
        }
        n->moved = false;
        if (!n->path || client_properties(&n->context->client, n->path, BUS_INTERFACE_CONTAINER, &error, &p) < 0) {
                if (!n->ready)
                        (void)sd_notify(false, "READY=1");
                n->ready = true;
                return;
        }
        leader = (pid_t)property_number(p, "MainPID");
        if (!n->ready || leader != n->leader)
                tell(n, leader, property_string(p, "ControlGroup"));
}

void notify_ended(Notify *n) {
        if (!n->name || n->leader == 0)
                return;
        n->leader = 0;
        (void)sd_notifyf(false, "MAINPID=%d\nSTATUS=Container %s has ended", (int)getpid(), n->name);
        (void)sd_notify_barrier(false, BARRIER_USEC); /* it must know before it sees us end */
}

static int open_group(FILE **ret) {
        char line[4096], path[sizeof(line) + 64];
        FILE *f = fopen("/proc/self/cgroup", "re");
        bool found = false;

        while (f && !found && fgets(line, sizeof(line), f))
                found = startswith(line, "0::/") != NULL;
        if (f)
                (void)fclose(f);
        if (!found)
                return -ENODATA;
        line[strcspn(line, "\n")] = 0;
        (void)snprintf(path, sizeof(path), CGROUP_MOUNT "%s/cgroup.procs", line + strlen("0::"));
        *ret = fopen(path, "re");
        return *ret ? 0 : -errno;
}

void notify_await_end(void) {
        int64_t end = now_msec() + AWAIT_MSEC;
        FILE *f;
        int pid;

        if (open_group(&f) < 0)
                return;
        while (fscanf(f, "%d", &pid) == 1) {
                _cleanup_close_ int fd = -EBADF;
                struct pollfd p = { .events = POLLIN };

                if (pid == getpid() || pidfd_open_checked(pid, &fd) < 0)
                        continue;
                p.fd = fd;
                (void)poll(&p, 1, (int)MAX_OF(end - now_msec(), 0));
        }
        (void)fclose(f);
}
