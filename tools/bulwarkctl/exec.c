/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* exec, shell: a process under the container's own confinement, its input and output copied here. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>

#include "tools/bulwarkctl/exec-request.h"
#include "tools/bulwarkctl/flow.h"
#include "tools/bulwarkctl/terminal.h"
#include "tools/bulwarkctl/time-text.h"
#include "tools/bulwarkctl/verbs.h"

#define QUIET_MSEC                                                                                          \
        200 /* a terminal kept open by others than our process is left after this long without output */

typedef struct Session {
        Context *context;
        const char *name;
        uint32_t id;
        bool terminal;
        Terminal tty;
        int signals;
        /* Kept until the process has ended: a program that closes its output before it exits would else see
         * the terminal hung up, and die of SIGHUP. */
        int master;
        Flow *flows; /* stdin, stdout, stderr */
        size_t n_flows;
        EscapeWatch escape;
        bool ended, quiet;
        int code, status;
} Session;

/* --- the session */
static int on_exec_ended(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Session *s = userdata;
        int code, status, r;
        uint32_t id;

        r = sd_bus_message_read(m, "uii", &id, &code, &status);
        if (r < 0)
                return r;
        if (id == s->id) {
                s->ended = true;
                s->code = code;
                s->status = status;
        }
        return 0;
}

static bool on_input(const char *data, size_t size, void *userdata) {
        Session *s = userdata;

        return escape_watch(&s->escape, data, size, now_realtime());
}

/* Our own copy, non-blocking: nobody else reads or writes this end. */
static int take_fd(int fd, int *ret) {
        int copy, flags;

        copy = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        if (copy < 0)
                return -errno;
        flags = fcntl(copy, F_GETFL);
        if (flags < 0 || fcntl(copy, F_SETFL, flags | O_NONBLOCK) < 0) {
                int r = -errno;

                safe_close(copy);
                return r;
        }
        *ret = copy;
        return 0;
}

static int session_connect(Session *s, sd_bus_message *reply) {
        static const int ours[] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO };
        int r, theirs[ELEMENTSOF(ours)];
        size_t n = 0;

        r = sd_bus_message_read(reply, "u", &s->id);
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "h");
        while (r >= 0 && n < ELEMENTSOF(theirs)) {
                r = sd_bus_message_read_basic(reply, 'h', theirs + n);
                if (r == 0)
                        break;
                n++;
        }
        if (r < 0)
                return r;
        if (n != (s->terminal ? 1 : 3))
                return -EBADMSG;

        s->n_flows = s->terminal ? 2 : 3;
        s->flows = calloc(s->n_flows, sizeof(Flow));
        if (!s->flows)
                return -ENOMEM;
        for (size_t i = 0; i < s->n_flows; i++)
                s->flows[i].from = s->flows[i].to = -EBADF;
        for (size_t i = 0; i < s->n_flows; i++) {
                Flow *f = s->flows + i;

                f->own_from = i > 0;
                f->own_to = i == 0;
                r = take_fd(theirs[s->terminal ? 0 : i], i == 0 ? &f->to : &f->from);
                if (r < 0)
                        return r;
                *(i == 0 ? &f->from : &f->to) = ours[i];
        }
        if (s->terminal) {
                r = take_fd(theirs[0], &s->master);
                if (r < 0)
                        return r;
                s->flows[0].terminal = true;
                s->flows[0].watch = on_input;
                s->flows[0].userdata = s;
        }
        return 0;
}

static const struct {
        int number;
        bool terminal_only;
} watched_signals[] = {
        { SIGINT, false },  { SIGTERM, false }, { SIGHUP, false },  { SIGQUIT, false }, { SIGUSR1, false },
        { SIGUSR2, false }, { SIGWINCH, true }, { SIGTSTP, true },  { SIGCONT, true },
};

static int signals_open(bool terminal, int *ret_fd) {
        sigset_t set;
        int fd;

        (void)sigemptyset(&set);
        for (size_t i = 0; i < ELEMENTSOF(watched_signals); i++)
                if (terminal || !watched_signals[i].terminal_only)
                        (void)sigaddset(&set, watched_signals[i].number);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (fd < 0)
                return -errno;
        *ret_fd = fd;
        return 0;
}

static void follow_size(Session *s) {
        unsigned rows, columns;

        if (terminal_size(STDIN_FILENO, &rows, &columns) >= 0)
                (void)terminal_set_size(s->master, rows, columns);
}

/* Ends us as the signal would have, with the terminal put back. */
static void die_by(Session *s, int signal_number) {
        sigset_t set;

        terminal_leave(&s->tty);
        client_done(&s->context->client);
        (void)signal(signal_number, SIG_DFL);
        (void)sigemptyset(&set);
        (void)sigaddset(&set, signal_number);
        (void)raise(signal_number);
        (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
        _exit(128 + signal_number);
}

static void on_signal_terminal(Session *s, int number) {
        switch (number) {
        case SIGWINCH:
                follow_size(s);
                return;
        case SIGTSTP: /* sent from outside: the raw terminal makes none */
                terminal_leave(&s->tty);
                (void)raise(SIGSTOP);
                return;
        case SIGCONT:
                (void)terminal_resume(&s->tty);
                follow_size(s);
                return;
        default:
                die_by(s, number);
        }
}

static int on_signals(Session *s) {
        struct signalfd_siginfo info;

        while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
                int r;

                if (s->terminal) {
                        on_signal_terminal(s, (int)info.ssi_signo);
                        continue;
                }
                r = sd_bus_call_method_async(s->context->client.bus, NULL, s->context->client.destination, BUS_PATH,
                                             BUS_INTERFACE_MANAGER, "KillExec", NULL, NULL, "ui", s->id,
                                             (int)info.ssi_signo);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool session_finished(const Session *s) {
        if (!s->ended)
                return false;
        for (size_t i = 1; i < s->n_flows; i++) {
                const Flow *f = s->flows + i;

                if (flow_finished(f))
                        continue;
                if (!s->terminal || !s->quiet || f->start < f->end)
                        return false;
        }
        return true;
}

static int dispatch_bus(Session *s) {
        int r;

        do
                r = sd_bus_process(s->context->client.bus, NULL);
        while (r > 0);
        return r;
}

/* One round: sleep until something moves, then move it. */
static int session_round(Session *s) {
        sd_bus *bus = s->context->client.bus;
        struct pollfd fds[2 + 2 * 3] = {};
        int r, events;

        events = sd_bus_get_events(bus);
        if (events < 0)
                return events;
        fds[0] = (struct pollfd){ .fd = sd_bus_get_fd(bus), .events = (short)events };
        fds[1] = (struct pollfd){ .fd = s->signals, .events = POLLIN };
        for (size_t i = 0; i < s->n_flows; i++)
                flow_prepare(s->flows + i, fds + 2 + 2 * i);

        r = poll(fds, 2 + 2 * s->n_flows, s->ended && s->terminal ? QUIET_MSEC : -1);
        if (r < 0)
                return errno == EINTR ? 0 : -errno;
        s->quiet = r == 0;
        if (fds[1].revents != 0) {
                r = on_signals(s);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < s->n_flows; i++) {
                r = flow_process(s->flows + i, fds + 2 + 2 * i);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int session_loop(Session *s) {
        for (;;) {
                int r;

                r = dispatch_bus(s);
                if (r < 0)
                        return r;
                if (session_finished(s) || s->flows[0].stopped)
                        return 0;
                r = session_round(s);
                if (r < 0)
                        return r;
        }
}

static void session_done(Session *s) {
        terminal_leave(&s->tty);
        for (size_t i = 0; i < s->n_flows && s->flows; i++)
                flow_done(s->flows + i);
        free(s->flows);
        safe_close(s->signals);
        safe_close(s->master);
}

static int session_result(const Session *s) {
        int status;

        if (s->flows[0].stopped) {
                fprintf(stderr, "\nDetached from %s.\n", s->name);
                return EXIT_SUCCESS;
        }
        status = payload_exit_status(s->code, s->status);
        if (status < 0) {
                error_printf("the command in %s ended, but how is not known", s->name);
                return EXIT_FAILURE;
        }
        return status;
}

static int report_start(const sd_bus_error *error, int r, const char *name) {
        int status = client_report(error, r, "cannot run the command in", name);

        r = program_failure_status(error->name);
        return r < 0 ? status : r;
}

int exec_run(Context *c, const ExecRequest *q) {
        _cleanup_(session_done) Session s = {
                .context = c,
                .name = q->name,
                .terminal = q->terminal,
                .signals = -EBADF,
                .master = -EBADF,
                .tty.fd = -EBADF,
        };
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_match_signal(c->client.bus, NULL, NULL, BUS_PATH, BUS_INTERFACE_MANAGER, "ExecEnded",
                                on_exec_ended, &s);
        if (r >= 0)
                r = exec_request_send(&c->client, c->options, q, &error, &reply);
        if (r < 0)
                return report_start(&error, r, q->name);
        r = session_connect(&s, reply);
        reply = sd_bus_message_unref(
                reply); /* with its descriptors: an end kept open here would hide an EOF */
        if (r >= 0)
                r = signals_open(q->terminal, &s.signals);
        if (r >= 0 && q->terminal)
                r = terminal_enter(&s.tty, STDIN_FILENO);
        if (r >= 0) {
                (void)signal(SIGPIPE, SIG_IGN);
                if (q->terminal)
                        follow_size(&s); /* it may have changed on the way */
                r = session_loop(&s);
        }
        terminal_leave(&s.tty);
        if (r < 0)
                return client_report(NULL, r, "lost the command in", q->name);
        return session_result(&s);
}

/* Begun, and no concern of ours any more. */
static int leave_session(Context *c, const ExecRequest *q) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r = exec_request_send(&c->client, c->options, q, &error, &reply);

        return r < 0 ? report_start(&error, r, q->name) : EXIT_SUCCESS;
}

static bool wants_terminal(const Options *o) {
        if (o->detach)
                return false;
        return o->tty || (!o->no_tty && !o->interactive && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO));
}

int verb_exec(Context *c) {
        const Options *o = c->options;
        char buffer[256];
        ExecRequest q = {
                .name = container_name_of(o->arguments[0], buffer),
                .user = o->user,
                .argv = o->arguments + 1,
                .n_argv = o->n_arguments - 1,
                .terminal = wants_terminal(o),
                .detach = o->detach,
        };
        int status = EXIT_SUCCESS;

        if (client_connect(&c->client, &status) < 0)
                return status;
        return q.detach ? leave_session(c, &q) : exec_run(c, &q);
}

int verb_healthcheck(Context *c) {
        char buffer[256];
        const ExecRequest q = { .name = container_name_of(c->options->arguments[0], buffer), .health = true };
        int status = EXIT_SUCCESS;

        if (client_connect(&c->client, &status) < 0)
                return status;
        return exec_run(c, &q);
}

/* "web@blue" is the instance if there is one, else user web of container blue: a container's name comes
 * first. */
static int shell_target(Context *c, const char *argument, char user[static 256], ExecRequest *q) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        const char *at = strchr(argument, '@');
        _cleanup_free_ char *path = NULL;
        int r;

        if (!at || at == argument || !at[1] || at - argument > 255)
                return 0;
        r = client_container(&c->client, q->name, &error, &path);
        if (r >= 0 || client_exit_status(&error, r) != EXIT_NO_UNIT)
                return 0;
        if (q->user)
                return -EINVAL;
        memcpy(user, argument, (size_t)(at - argument));
        user[at - argument] = 0;
        q->user = user;
        q->name = at + 1;
        return 0;
}

int verb_shell(Context *c) {
        const Options *o = c->options;
        char buffer[256], inner[256], user[256];
        ExecRequest q = {
                .name = container_name_of(o->arguments[0], buffer),
                .user = o->user,
                .shell = true,
                .terminal = wants_terminal(o),
        };
        int status = EXIT_SUCCESS;

        if (client_connect(&c->client, &status) < 0)
                return status;
        if (shell_target(c, o->arguments[0], user, &q) < 0) {
                error_printf("both --user=%s and \"%s\" name a user: give one of them", o->user,
                             o->arguments[0]);
                return EXIT_USAGE;
        }
        q.name = container_name_of(q.name, inner);
        return exec_run(c, &q);
}
