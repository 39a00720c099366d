/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <time.h>

#include "manager/base/string-list.h"
#include "tools/bulwarkctl/escape.h"
#include "tools/bulwarkctl/job-output.h"
#include "tools/bulwarkctl/log-reader.h"
#include "tools/bulwarkctl/property-text.h"
#include "tools/bulwarkctl/time-text.h"

/* A process that closes an inotify descriptor with a mark waits for the kernel's grace period, longer than most starts take: what ends
 * soon is looked at without one. */
#define GLANCES_USEC (250 * USEC_PER_MSEC)
#define GLANCE_USEC (20 * USEC_PER_MSEC)

typedef struct Follower {
        JobOutput *output;
        char *directory;
        LogReader *reader; /* NULL until the first line is written */
        bool watched;
} Follower;

struct JobOutput {
        Context *context;
        uint64_t begin, begin_monotonic;
        Follower *followers;
        size_t n;
        char **in_journal;
        int watch; /* inotify; -EBADF: not yet */
};

static uint64_t output_now(void) {
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / NSEC_PER_USEC;
}

/* A line of a container, and none of the manager's about it. */
static void on_line(const LogEntry *e, void *userdata) {
        const Follower *f = userdata;
        bool error = e->origin == 'e', escape = isatty(error ? STDERR_FILENO : STDOUT_FILENO);
        FILE *out = error ? stderr : stdout;
        _cleanup_free_ char *safe = NULL;

        if (e->origin == 'b' || e->realtime_usec < f->output->begin)
                return;
        safe = escape ? escape_bytes(e->text, e->size, 0) : NULL;
        if (safe)
                (void)fputs(safe, out);
        else
                (void)fwrite(e->text, 1, e->size, out);
        (void)fputc('\n', out);
}

JobOutput *job_output_free(JobOutput *o) {
        if (!o)
                return NULL;
        for (size_t i = 0; i < o->n; i++) {
                log_reader_free(o->followers[i].reader);
                free(o->followers[i].directory);
        }
        strv_free(o->in_journal);
        safe_close(o->watch);
        free(o->followers);
        free(o);
        return NULL;
}

/* The log as it is now has been seen; one that does not exist yet will be new. */
static int follower_open(Follower *f, bool at_end) {
        int r;

        if (!f->reader) {
                r = log_reader_open(f->directory, on_line, f, &f->reader);
                if (r == -ENOENT)
                        return 0;
                if (r >= 0)
                        r = log_reader_tail(f->reader, at_end ? 0 : SIZE_MAX);
                if (r < 0)
                        return r;
        }
        if (!f->watched && f->output->watch >= 0) {
                if (inotify_add_watch(f->output->watch, f->directory, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
                        return -errno;
                f->watched = true;
        }
        return 0;
}

static int output_add(JobOutput *o, const char *name) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *path = NULL, *directory = NULL;
        Follower *f = o->followers + o->n;
        int r;

        /* What is wrong with the name, or the right to read, the job itself tells. One property: all of them take longer than
         * the start. */
        if (client_container(&o->context->client, name, &error, &path) < 0 ||
            client_property_string(&o->context->client, path, BUS_INTERFACE_CONTAINER, "LogDirectory", &error, &directory) < 0 ||
            isempty(directory))
                return 0;
        *f = (Follower){ .output = o, .directory = strdup(directory) };
        o->n++;
        if (!f->directory)
                return -ENOMEM;
        r = follower_open(f, true);
        if (r == -EACCES) {
                f->directory[0] = 0;
                return 0;
        }
        return r < 0 ? r : strv_extend(&o->in_journal, name);
}

int job_output_new(Context *c, JobOutput **ret) {
        JobOutput *o = malloc(sizeof(JobOutput));
        int r = 0;

        if (!o)
                return -ENOMEM;
        *o = (JobOutput){ .context = c, .begin = now_realtime(), .begin_monotonic = output_now(), .watch = -EBADF };
        o->followers = calloc(strv_length(c->names), sizeof(Follower));
        if (!o->followers)
                r = -ENOMEM;
        for (size_t i = 0; r >= 0 && c->names[i]; i++)
                r = output_add(o, c->names[i]);
        if (r < 0) {
                job_output_free(o);
                return r;
        }
        *ret = o;
        return 0;
}

static void output_catch_up(JobOutput *o) {
        for (size_t i = 0; i < o->n; i++) {
                Follower *f = o->followers + i;

                if (*f->directory && follower_open(f, false) >= 0 && f->reader)
                        (void)log_reader_catch_up(f->reader);
        }
        (void)fflush(stdout);
}

static int output_watch(JobOutput *o, uint64_t now) {
        if (o->watch >= 0 || now < o->begin_monotonic + GLANCES_USEC)
                return 0;
        o->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        return o->watch < 0 ? -errno : 0;
}

/* A directory that is not there yet cannot be watched: until then it is looked for. */
static int wait_msec(const JobOutput *o, sd_bus *bus, uint64_t timeout, uint64_t now) {
        uint64_t at, wanted = timeout;

        if (sd_bus_get_timeout(bus, &at) >= 0 && at != UINT64_MAX)
                wanted = MIN_OF(wanted, at > now ? at - now : 0);
        if (o->watch < 0)
                wanted = MIN_OF(wanted, GLANCE_USEC);
        for (size_t i = 0; i < o->n; i++)
                if (!o->followers[i].watched && *o->followers[i].directory)
                        wanted = MIN_OF(wanted, 100 * USEC_PER_MSEC);
        return wanted == UINT64_MAX ? -1 : (int)MIN_OF((wanted + USEC_PER_MSEC - 1) / USEC_PER_MSEC, (uint64_t)INT_MAX);
}

int job_output_wait(JobOutput *o, sd_bus *bus, uint64_t timeout) {
        char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
        const uint64_t now = output_now();
        struct pollfd fds[2];
        int r;

        if (!o) {
                r = sd_bus_wait(bus, timeout);
                return r < 0 ? r : 0;
        }
        r = output_watch(o, now);
        if (r < 0)
                return r;
        output_catch_up(o);
        r = sd_bus_get_events(bus);
        if (r < 0)
                return r;
        fds[0] = (struct pollfd){ .fd = sd_bus_get_fd(bus), .events = (short)r };
        fds[1] = (struct pollfd){ .fd = o->watch, .events = POLLIN };
        if (poll(fds, ELEMENTSOF(fds), wait_msec(o, bus, timeout, now)) < 0 && errno != EINTR)
                return -errno;
        if ((fds[1].revents & POLLIN) && read(o->watch, events, sizeof(events)) < 0 && errno != EAGAIN)
                return -errno;
        return 0;
}

/* What went to the journal: once, when all have ended. */
static void print_journal(const JobOutput *o) {
        _cleanup_strv_ char **argv = NULL;
        char since[64];
        int r;
        pid_t pid;

        (void)snprintf(since, sizeof(since), "--since=@%" PRIu64 ".%06" PRIu64, o->begin / USEC_PER_SEC, o->begin % USEC_PER_SEC);
        r = strv_extend(&argv, "journalctl");
        for (size_t i = 0; r >= 0 && i < 4; i++)
                r = strv_extend(&argv, (const char *const[]){ "--quiet", "--no-pager", "--output=cat", since }[i]);
        for (size_t i = 0; r >= 0 && o->in_journal[i]; i++) {
                char *match = NULL;

                r = str_append(&match, "SYSLOG_IDENTIFIER=%s", o->in_journal[i]);
                if (r >= 0)
                        r = strv_push(&argv, match);
        }
        if (r < 0)
                return;
        (void)fflush(stdout);
        pid = fork();
        if (pid == 0) {
                (void)execvp(argv[0], argv);
                _exit(EXIT_FAILURE);
        }
        while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
}

/* Where the log goes is known once a container has run. */
static bool logs_to_journal(const JobOutput *o, const char *name) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        Client *client = &o->context->client;
        _cleanup_free_ char *path = NULL;
        int yes = 0;

        return access("/run/systemd/journal", F_OK) >= 0 && client_container(client, name, &error, &path) >= 0 &&
               sd_bus_get_property_trivial(client->bus, client->destination, path, BUS_INTERFACE_CONTAINER, "LogsToJournal",
                                           &error, 'b', &yes) >= 0 && yes;
}

void job_output_finish(JobOutput *o) {
        size_t kept = 0;

        if (!o)
                return;
        output_catch_up(o);
        for (size_t i = 0; o->in_journal && o->in_journal[i]; i++) {
                char *name = o->in_journal[i];

                if (logs_to_journal(o, name))
                        o->in_journal[kept++] = name;
                else
                        free(name);
        }
        if (o->in_journal)
                o->in_journal[kept] = NULL;
        if (kept > 0)
                print_journal(o);
}
