/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>

#include "tools/bulwarkctl/session.h"
#include "tools/bulwarkctl/time-text.h"

#define QUIET_MSEC                                                                                          \
        200 /* a terminal kept open by others than our process is left after this long without output */

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

int session_take(Session *s, const int *theirs, size_t n) {
        static const int ours[] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO };
        int r;

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
                r = s->forward(s, (int)info.ssi_signo);
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

int session_dispatch(Session *s) {
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

                r = session_dispatch(s);
                if (r < 0)
                        return r;
                if (session_finished(s) || s->flows[0].stopped)
                        return 0;
                r = session_round(s);
                if (r < 0)
                        return r;
        }
}

int session_run(Session *s) {
        int r = signals_open(s->terminal, &s->signals);

        if (r >= 0 && s->terminal)
                r = terminal_enter(&s->tty, STDIN_FILENO);
        if (r >= 0) {
                (void)signal(SIGPIPE, SIG_IGN);
                if (s->terminal)
                        follow_size(s); /* it may have changed on the way */
                r = session_loop(s);
        }
        terminal_leave(&s->tty);
        return r;
}

void session_done(Session *s) {
        terminal_leave(&s->tty);
        for (size_t i = 0; i < s->n_flows && s->flows; i++)
                flow_done(s->flows + i);
        free(s->flows);
        safe_close(s->signals);
        safe_close(s->master);
}

int session_result(const Session *s) {
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
