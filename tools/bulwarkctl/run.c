/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* run: a container without a unit file, its streams or a terminal of its own here, its exit status ours. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <time.h>

#include "manager/base/io.h"
#include "manager/base/string-list.h"
#include "tools/bulwarkctl/session.h"
#include "tools/bulwarkctl/time-text.h"

typedef struct Run {
        Session session; /* first: what its signals lead back to */
        char name[64];
        const char *directory;
        char root[PATH_MAX];
        bool image; /* root is the name of one, not a directory */
        bool detach;
        int socket; /* on which the terminal's master comes; -EBADF = none */
        bool started, asked_again;
        sd_bus_error error; /* why there was no start, or no end */
        int failure;        /* its errno; 0 = none */
        int signal;         /* on its way to the payload */
} Run;

static void run_done(Run *r) {
        session_done(&r->session);
        (void)safe_close(r->socket);
        sd_bus_error_free(&r->error);
}

/* --- what the container is */

/* A word as a unit file has it, so that it is one word again when it is read. */
static int append_word(char **text, const char *word, const char *prefix) {
        int r = str_append(text, "%s\"%s", *text ? " " : "", prefix);

        for (const char *p = word; r >= 0 && *p; p++) {
                const unsigned char c = (unsigned char)*p;

                r = c == '%' ? str_append(text, "%%%%") :
                    c < 0x20 || c == 0x7f ? str_append(text, "\\x%02x", c)
                                          : str_append(text, c == '"' || c == '\\' ? "\\%c" : "%c", c);
        }
        return r < 0 ? r : str_append(text, "\"");
}

/* ':': what is a variable is so for who typed it. */
static int command_text(char *const *argv, size_t n, char **ret) {
        _cleanup_free_ char *text = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = append_word(&text, argv[i], i == 0 ? ":" : "");
        if (r >= 0)
                *ret = TAKE_PTR(text);
        return r;
}

static bool is_set(const Options *o, const char *directive) {
        for (char *const *s = o->settings; s && *s; s++) {
                const char *rest = startswith(*s, directive);

                if (rest && *rest == '=')
                        return true;
        }
        return false;
}

static int append_text(sd_bus_message *m, const char *directive, const char *text) {
        int r = text ? sd_bus_message_append(m, "(sv)", directive, "s", text) : 0;

        return MIN_OF(r, 0);
}

/* An image says itself what it runs. */
static int append_command(sd_bus_message *m, const Run *run, const Options *o) {
        static char *const shell[] = { (char *)"/bin/sh", NULL };
        _cleanup_free_ char *text = NULL;
        int r;

        if (o->n_arguments == 1 && (run->image || is_set(o, "ExecStart") || is_set(o, "Boot")))
                return 0;
        r = o->n_arguments > 1 ? command_text(o->arguments + 1, o->n_arguments - 1, &text) : command_text(shell, 1, &text);
        return r < 0 ? r : append_text(m, "ExecStart", text);
}

static int append_environment(sd_bus_message *m, const Options *o, bool terminal) {
        const char *term = getenv("TERM");
        _cleanup_free_ char *text = NULL, *word = NULL;
        int r = 0;

        if (terminal && term && term_is_safe(term)) {
                r = str_append(&word, "TERM=%s", term);
                if (r >= 0)
                        r = append_word(&text, word, "");
        }
        for (char *const *e = o->environment; r >= 0 && e && *e; e++)
                r = append_word(&text, *e, "");
        return r < 0 ? r : append_text(m, "Environment", text);
}

static int append_directives(sd_bus_message *m, const Run *run, const Options *o) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "(sv)");
        if (r >= 0)
                r = append_text(m, run->image ? "Image" : "RootDirectory", run->root);
        if (r >= 0)
                r = append_command(m, run, o);
        if (r >= 0)
                r = append_text(m, "User", o->user);
        if (r >= 0)
                r = append_text(m, "WorkingDirectory", o->workdir);
        if (r >= 0)
                r = append_environment(m, o, run->session.terminal);
        for (char *const *s = o->settings; r >= 0 && s && *s; s++) {
                const char *equals = strchr(*s, '=');
                _cleanup_free_ char *key = strndup(*s, (size_t)(equals - *s));

                r = key ? append_text(m, key, equals + 1) : -ENOMEM;
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* --- its beginning and its end */
static int on_started(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Run *run = userdata;
        int theirs[3], r;
        uint32_t id;
        size_t n = 0;

        run->started = true;
        if (sd_bus_message_is_method_error(m, NULL)) {
                run->failure = -sd_bus_message_get_errno(m);
                sd_bus_error_free(&run->error);
                return sd_bus_error_copy(&run->error, sd_bus_message_get_error(m)) == -ENOMEM ? -ENOMEM : 0;
        }
        r = sd_bus_message_read(m, "u", &id);
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "h");
        while (r >= 0 && n < ELEMENTSOF(theirs)) {
                r = sd_bus_message_read_basic(m, 'h', theirs + n);
                if (r == 0)
                        break;
                n++;
        }
        if (r >= 0 && run->session.terminal && n == 1) {
                run->socket = fcntl(theirs[0], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
                r = run->socket < 0 ? -errno : 0;
        } else if (r >= 0)
                r = session_take(&run->session, theirs, n);
        if (r < 0)
                run->failure = r;
        return 0;
}

static int ask_end(Run *run);

static int on_ended(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *state, *result;
        Run *run = userdata;
        int r;

        if (sd_bus_message_is_method_error(m, NULL)) {
                /* Asked before the start was permitted: it was not there yet. */
                if (!run->asked_again && run->failure == 0 &&
                    client_exit_status(sd_bus_message_get_error(m), -sd_bus_message_get_errno(m)) == EXIT_NO_UNIT && run->started) {
                        run->asked_again = true;
                        return ask_end(run);
                }
                run->session.ended = true;
                if (run->failure == 0) {
                        run->failure = -sd_bus_message_get_errno(m);
                        (void)sd_bus_error_copy(&run->error, sd_bus_message_get_error(m));
                }
                return 0;
        }
        r = sd_bus_message_read(m, "ssii", &state, &result, &run->session.code, &run->session.status);
        run->session.ended = true;
        if (r < 0)
                run->failure = r;
        /* No payload has run, and so nobody had the streams. */
        for (size_t i = 1; payload_exit_status(run->session.code, run->session.status) < 0 && i < run->session.n_flows; i++)
                run->session.flows[i].from = safe_close(run->session.flows[i].from);
        return 0;
}

static int ask_end(Run *run) {
        Client *client = &run->session.context->client;
        _cleanup_message_ sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(client->bus, &m, client->destination, BUS_PATH, BUS_INTERFACE_MANAGER, "WaitContainer");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", run->name);
        if (r >= 0)
                r = sd_bus_call_async(client->bus, NULL, m, on_ended, run, UINT64_MAX);
        return MIN_OF(r, 0);
}

/* The question for the end goes right behind: what ends at once is forgotten as soon as it is answered. */
static int begin(Run *run) {
        const Options *o = run->session.context->options;
        Client *client = &run->session.context->client;
        _cleanup_message_ sd_bus_message *m = NULL;
        unsigned rows = 0, columns = 0;
        int r;

        if (run->session.terminal && terminal_size(STDIN_FILENO, &rows, &columns) < 0)
                (void)terminal_size(STDOUT_FILENO, &rows, &columns);
        r = sd_bus_message_new_method_call(client->bus, &m, client->destination, BUS_PATH, BUS_INTERFACE_MANAGER, "RunContainer");
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", run->name, "fail");
        if (r >= 0)
                r = append_directives(m, run, o);
        if (r >= 0)
                r = sd_bus_message_append(m, "buu", (int)run->session.terminal, rows, columns);
        if (r >= 0)
                r = sd_bus_call_async(client->bus, NULL, m, on_started, run, UINT64_MAX);
        return r < 0 ? r : ask_end(run);
}

static int wait_bus(Run *run, int fd, int msec) {
        sd_bus *bus = run->session.context->client.bus;
        int events = sd_bus_get_events(bus);
        struct pollfd fds[] = { { .fd = sd_bus_get_fd(bus), .events = (short)events }, { .fd = fd, .events = POLLIN } };

        if (events < 0)
                return events;
        if (poll(fds, ELEMENTSOF(fds), msec) < 0 && errno != EINTR)
                return -errno;
        return 0;
}

/* Until the streams are ours, or there is no start. */
static int await_start(Run *run) {
        int r;

        while (!run->started) {
                r = session_dispatch(&run->session);
                if (r >= 0 && !run->started)
                        r = wait_bus(run, -EBADF, -1);
                if (r < 0)
                        return r;
        }
        return run->failure;
}

/* The stage sends it before the payload runs; where none comes, the launch has failed and the end says why. */
static int await_terminal(Run *run) {
        char byte[64];
        size_t size = 0, n = 0;
        int fd = -EBADF, r;

        for (;;) {
                r = session_dispatch(&run->session);
                if (r < 0)
                        return r;
                r = recv(run->socket, byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT) < 0 ? -errno : 0;
                if (r == 0)
                        break;
                if (run->session.ended)
                        return -ENOLINK;
                if (r != -EAGAIN)
                        return r;
                r = wait_bus(run, run->socket, -1);
                if (r < 0)
                        return r;
        }
        r = socket_receive(run->socket, byte, sizeof(byte), &size, &fd, 1, &n);
        if (r < 0 || n != 1)
                return -ENOLINK;
        r = session_take(&run->session, &fd, 1);
        (void)close(fd);
        run->socket = safe_close(run->socket);
        return r;
}

static int await_end(Run *run) {
        int r = 0;

        while (r >= 0 && !run->session.ended) {
                r = session_dispatch(&run->session);
                if (r >= 0 && !run->session.ended)
                        r = wait_bus(run, -EBADF, -1);
        }
        return r;
}

static int send_signal(Run *run);

/* A payload may have written its first line before the manager knows that it runs. */
static int on_signal_sent(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        static const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
        Run *run = userdata;

        if (!sd_bus_message_is_method_error(m, NULL) || run->session.ended)
                return 0;
        (void)nanosleep(&pause, NULL);
        return send_signal(run);
}

static int send_signal(Run *run) {
        Client *client = &run->session.context->client;

        return sd_bus_call_method_async(client->bus, NULL, client->destination, BUS_PATH, BUS_INTERFACE_MANAGER, "KillContainer",
                                        on_signal_sent, run, "ssi", run->name, "leader", run->signal);
}

static int forward_to_container(Session *s, int number) {
        Run *run = (Run *)s;

        run->signal = number;
        return send_signal(run);
}

/* --- what it comes to */

/* The manager keeps what failed, and why. */
static int report_failure(Run *run) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *path = NULL, *words = NULL, *code = NULL;
        Client *client = &run->session.context->client;
        int status = EXIT_FAILURE;

        if (client_container(client, run->name, &error, &path) >= 0 &&
            client_property_string(client, path, BUS_INTERFACE_CONTAINER, "LastError", &error, &words) >= 0 &&
            client_property_string(client, path, BUS_INTERFACE_CONTAINER, "LaunchError", &error, &code) >= 0 &&
            program_failure_status(code) >= 0)
                status = program_failure_status(code);
        error_print("cannot run the container", isempty(words) ? "it ended, but how is not known" : words);
        return status;
}

static void forget(Run *run) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;

        if (run->session.context->options->rm)
                (void)client_call(&run->session.context->client, 0, &error, NULL, "ResetFailedContainer", "s", run->name);
}

static int run_attached(Run *run) {
        int r = await_start(run), status;

        if (r < 0)
                return client_report(&run->error, r, "cannot run a container on", run->directory);
        if (run->session.terminal)
                r = await_terminal(run);
        else if (!run->session.context->options->interactive) { /* nothing comes: the payload sees that at once */
                run->session.flows[0].to = safe_close(run->session.flows[0].to);
                run->session.flows[0].from = -EBADF;
        }
        if (r >= 0)
                r = session_run(&run->session);
        if (r == -ENOLINK || (r >= 0 && !run->session.flows[0].stopped))
                r = await_end(run);
        if (r < 0 || run->failure < 0)
                return client_report(&run->error, r < 0 ? r : run->failure, "lost the container", run->name);
        if (run->session.flows && run->session.flows[0].stopped)
                return session_result(&run->session);
        status = payload_exit_status(run->session.code, run->session.status);
        if (status < 0)
                status = report_failure(run);
        forget(run);
        return status;
}

/* --- without streams of ours: as any transient container, its output in the log */
static int run_detached(Run *run) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *m = NULL;
        Client *client = &run->session.context->client;
        int r;

        r = sd_bus_message_new_method_call(client->bus, &m, client->destination, BUS_PATH, BUS_INTERFACE_MANAGER, "StartTransientContainer");
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", run->name, "fail");
        if (r >= 0)
                r = append_directives(m, run, run->session.context->options);
        if (r >= 0)
                r = sd_bus_message_append(m, "a(sa(sv))", 0);
        if (r >= 0)
                r = sd_bus_call(client->bus, m, UINT64_MAX, &error, NULL);
        if (r < 0)
                return client_report(&error, r, "cannot run a container on", run->directory);
        (void)puts(run->name);
        return EXIT_SUCCESS;
}

static int choose_name(Run *run, const Options *o) {
        char buffer[256];
        uint64_t random;

        if (!o->name) {
                if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
                        return -errno;
                (void)snprintf(run->name, sizeof(run->name), "run-%016llx", (unsigned long long)random);
                return 0;
        }
        return (size_t)snprintf(run->name, sizeof(run->name), "%s", container_name_of(o->name, buffer)) < sizeof(run->name) ? 0 : -ENAMETOOLONG;
}

/* A name from here is one from the root for the manager; links are its own to judge. What begins as no path, and is no directory
 * here, is an image. */
static int choose_root(Run *run) {
        char here[PATH_MAX];
        struct stat st;

        run->image = run->directory[0] != '/' && run->directory[0] != '.' && (stat(run->directory, &st) < 0 || !S_ISDIR(st.st_mode));
        if (run->directory[0] == '/' || run->image)
                return strlen(run->directory) < sizeof(run->root) ? (stpcpy(run->root, run->directory), 0) : -ENAMETOOLONG;
        if (!realpath(run->directory, here))
                return -errno;
        (void)stpcpy(run->root, here);
        return 0;
}

int verb_run(Context *c) {
        const Options *o = c->options;
        const bool terminal = !o->detach && (o->tty || (!o->no_tty && !o->interactive && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)));
        _cleanup_(run_done) Run run = { .session = SESSION_EMPTY(c, NULL, terminal), .directory = o->arguments[0], .socket = -EBADF };
        int status = EXIT_SUCCESS, r;

        if (o->detach && (o->tty || o->interactive || o->rm)) {
                error_print(NULL, "--detach leaves nobody to have a terminal, input or to wait for the end; leave out --tty, --interactive and --rm");
                return EXIT_USAGE;
        }
        r = choose_name(&run, o);
        if (r >= 0)
                r = choose_root(&run);
        if (r < 0)
                return client_report(NULL, r, "cannot run a container on", run.directory);
        run.session.name = run.name;
        run.session.forward = forward_to_container;
        if (client_connect(&c->client, &status) < 0)
                return status;
        if (o->detach)
                return run_detached(&run);
        r = begin(&run);
        if (r < 0)
                return client_report(NULL, r, "cannot run a container on", run.directory);
        return run_attached(&run);
}
