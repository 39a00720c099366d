/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* exec and shell: a JOIN of the keeper under the container's own confinement. A session belongs to a client;
 * the keeper keeps nothing of it. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <utlist.h>

#include "manager/base/io.h"
#include "manager/container/container-internal.h"

#define ABANDON_GRACE (2 * USEC_PER_SEC) /* between SIGHUP and SIGKILL */
#define SESSIONS_MAX 1024                /* of one container */

struct Session {
        Session *prev, *next;
        Container *container;
        uint32_t id;
        char key[KEEPER_ID_MAX];
        Plan *plan;      /* until it runs: to explain a failure */
        int stdio[3];    /* our ends, until started() takes them */
        int terminal_fd; /* the socket on which the master comes */
        bool running;
        int leader_fd;
        pid_t leader; /* 0 = it does not run yet */
        sd_event_source *abandon_timer;
        SessionCallbacks callbacks;
};

static Session *session_free(Session *s) {
        if (!s)
                return NULL;
        for (size_t i = 0; i < ELEMENTSOF(s->stdio); i++)
                (void)safe_close(s->stdio[i]);
        (void)safe_close(s->terminal_fd);
        (void)safe_close(s->leader_fd);
        s->abandon_timer = sd_event_source_disable_unref(s->abandon_timer);
        (void)plan_free(s->plan);
        free(s);
        return NULL;
}
DEFINE_CLEANUP(Session, session_free)

static void session_drop(Manager *m, Session *s) {
        DL_DELETE(m->sessions, s);
        s->container->n_sessions--;
        if (s->container->transient)
                transient_schedule(m);
        (void)session_free(s);
}

/* --- what to run, as whom */

typedef struct ExecIdentity {
        Identity identity;
        bool own; /* looked up for this session */
} ExecIdentity;

static void exec_identity_done(ExecIdentity *i) {
        if (i->own)
                identity_done(&i->identity);
}

/* --user= is looked up in the running root's own files, as the unit's User= was. */
static int find_identity(const Container *c, const ExecRequest *request, Diag *diag, ExecIdentity *ret) {
        UnitFacts facts = {};
        int r;

        if (!request->user) {
                *ret = (ExecIdentity){ .identity = c->spec->identity };
                return 0;
        }
        r = unit_facts_gather(c->spec, &c->manager->host, &facts);
        if (r >= 0)
                r = identity_resolve(request->user, NULL, NULL, &facts, NULL, NULL, diag, &ret->identity);
        unit_facts_done(&facts);
        ret->own = r >= 0;
        return r;
}

/* A shell for a user that was named begins in that user's home, as a login does; NULL = where the unit's begins. */
static const char *home_of(const ExecRequest *request, const ExecIdentity *who) {
        if (!request->shell || !who->own)
                return NULL;
        return isempty(who->identity.home) ? "/" : who->identity.home;
}

static int build(const Container *c, const ExecRequest *request, Diag *diag, Plan **ret) {
        _cleanup_(exec_identity_done) ExecIdentity who = {};
        _cleanup_strv_ char **health = NULL;
        const PolicySet *policies = NULL;
        char *shell[2] = {};
        ExecParameters p;
        int r;

        r = find_identity(c, request, diag, &who);
        if (r < 0)
                return r;
        shell[0] = isempty(who.identity.shell) ? (char *)"/bin/sh" : who.identity.shell;
        if (request->health) {
                r = health_command(c->spec, &health);
                if (r == -ENODATA)
                        return diag_error(diag, ERROR_STATE, NULL, NULL, "%s runs without HealthCmd=: there is nothing to check",
                                          c->name);
                if (r < 0)
                        return r;
        } else if (!request->shell && (!request->argv || isempty(request->argv[0])))
                return diag_error(diag, ERROR_USAGE, NULL, NULL, "there is no command to execute");
        r = policy_compile(c->spec, c->manager->cache_fd, diag, &policies);
        if (r < 0)
                return r;
        p = (ExecParameters){ .argv = request->health ? health : request->shell ? shell : request->argv,
                              .identity = who.own ? &who.identity : NULL,
                              .environment = request->environment,
                              .directory = request->directory ? request->directory : home_of(request, &who),
                              .directory_missing_ok = !request->directory,
                              .terminal = request->terminal,
                              .rows = request->rows,
                              .columns = request->columns,
                              .user_namespace = c->id_count > 0,
                              .labels = mac_plan_labels(c) };
        r = plan_build_exec(c->spec, policies, &p, diag, ret);
        (void)policy_set_unref(policies);
        return r < 0 ? r : container_omit_steps(c, ret, diag);
}

/* --- descriptors */

/* Three pipes; theirs[] go to the payload, ours to the client. */
static int open_pipes(Session *s, int theirs[static 3]) {
        for (int i = 0; i < 3; i++) {
                int fds[2], r = pipe_for_payload(i != 0, fds);

                if (r < 0)
                        return r;
                theirs[i] = fds[i == 0 ? 0 : 1];
                s->stdio[i] = fds[i == 0 ? 1 : 0];
        }
        return 0;
}

static int open_terminal_socket(Session *s, int *ret_theirs) {
        int fds[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;
        s->terminal_fd = fds[0];
        *ret_theirs = fds[1];
        return fcntl(s->terminal_fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

/* A descriptor for each kind of slot; what is handed out is taken. */
enum { THEIR_INPUT, THEIR_OUTPUT, THEIR_ERROR, THEIR_TERMINAL, THEIR_PROGRAM, _THEIRS };

static int fill_slots(const Container *c, const PlanView *plan, int theirs[static _THEIRS], SlotSet *slots) {
        for (uint32_t i = 0; i < plan->header->n_slots; i++) {
                int fd, r;

                switch ((SlotKind)plan->slots[i].kind) {
                case SLOT_STDIN:
                case SLOT_STDOUT:
                case SLOT_STDERR:
                        fd = TAKE_FD(theirs[plan->slots[i].kind - SLOT_STDIN]);
                        break;
                case SLOT_TERMINAL:
                        fd = TAKE_FD(theirs[THEIR_TERMINAL]);
                        break;
                case SLOT_PROGRAM:
                        fd = TAKE_FD(theirs[THEIR_PROGRAM]);
                        break;
                case SLOT_LEADER:
                        fd = fcntl(c->leader_fd, F_DUPFD_CLOEXEC, 3);
                        if (fd < 0)
                                return -errno;
                        break;
                case SLOT_MADE:
                case SLOT_TREE:
                case SLOT_DIRECTORY:
                case SLOT_NOTIFY: /* of a start alone */
                case SLOT_CREDENTIALS: /* container_open_trees() */
                case SLOT_NAMES:
                case SLOT_LOG:
                case SLOT_PASSED: /* passed_open() */
                case _SLOT_KIND_MAX:
                default:
                        continue;
                }
                r = slot_set_add(slots, (int16_t)i, fd);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int open_null(int theirs[static 3]) {
        for (int i = 0; i < 3; i++) {
                theirs[i] = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
                if (theirs[i] < 0)
                        return -errno;
        }
        return 0;
}

static int open_slots(Session *s, const ExecRequest *request, SlotSet *slots) {
        int theirs[_THEIRS] = { -EBADF, -EBADF, -EBADF, -EBADF, -EBADF }, r;

        if (request->terminal)
                r = open_terminal_socket(s, &theirs[THEIR_TERMINAL]);
        else
                r = request->detach ? open_null(theirs) : open_pipes(s, theirs);
        if (r >= 0)
                r = fill_slots(s->container, &s->plan->view, theirs, slots);
        for (size_t i = 0; i < ELEMENTSOF(theirs); i++)
                (void)safe_close(theirs[i]);
        return r;
}

/* --- the session's life */

static void session_failed(Manager *m, Session *s, int r, const Diag *diag) {
        const SessionCallbacks callbacks = s->callbacks;
        Container *container = s->container;

        session_drop(m, s);
        mac_session_settled(container);
        callbacks.started(r, diag, NULL, callbacks.userdata);
}

static Session *by_key(Manager *m, const char *key) {
        Session *s;

        DL_FOREACH(m->sessions, s)
        if (streq(s->key, key))
                return s;
        return NULL;
}

static Session *by_id(Manager *m, uint32_t id) {
        Session *s;

        DL_FOREACH(m->sessions, s)
        if (s->id == id)
                return s;
        return NULL;
}

bool sessions_launching(const Container *c) {
        const Session *s;

        DL_FOREACH(c->manager->sessions, s)
        if (s->container == c && !s->running)
                return true;
        return false;
}

bool session_has(const Container *c, pid_t pid) {
        const Session *s;

        DL_FOREACH(c->manager->sessions, s)
        if (s->container == c && s->running && s->leader == pid)
                return true;
        return false;
}

pid_t session_pid(const Manager *m, uint32_t id) {
        const Session *s;

        DL_FOREACH(m->sessions, s)
        if (s->id == id)
                return s->leader;
        return 0;
}

/* The master was sent before the payload ran. */
static int receive_terminal(Session *s) {
        size_t n = 0, n_fds = 0;
        char byte[64];
        int fd, r;

        r = socket_receive(s->terminal_fd, byte, sizeof(byte), &n, &fd, 1, &n_fds);
        if (r < 0)
                return r;
        if (n_fds != 1)
                return -EPROTO;
        s->stdio[0] = fd;
        s->terminal_fd = safe_close(s->terminal_fd);
        return 0;
}

static void session_started(Manager *m, Session *s, const KeeperMessage *message, int *fds, size_t n_fds) {
        _cleanup_(diag_done) Diag diag = {};
        ExecSession session = { .id = s->id };
        int r = s->terminal_fd >= 0 ? receive_terminal(s) : 0;

        if (n_fds > 0)
                s->leader_fd = TAKE_FD(fds[0]);
        if (r < 0)
                (void)diag_errno(&diag, ERROR_LAUNCH, NULL, NULL, -r, "the terminal did not arrive");
        else if (!mac_verify_session(s->container, s->leader_fd, message->pid, &diag))
                r = -EPERM;
        if (r < 0) {
                (void)pidfd_signal(s->leader_fd, SIGKILL);
                session_failed(m, s, r, &diag);
                return;
        }
        s->running = true;
        s->leader = message->pid;
        mac_session_settled(s->container);
        s->plan = plan_free(s->plan);
        for (size_t i = 0; i < ELEMENTSOF(s->stdio); i++)
                session.stdio[i] = TAKE_FD(s->stdio[i]);
        session.pidfd = s->leader_fd;
        s->callbacks.started(0, NULL, &session, s->callbacks.userdata);
}

static void session_ended(Manager *m, Session *s, int code, int status) {
        const SessionCallbacks callbacks = s->callbacks;
        uint32_t id = s->id;

        session_drop(m, s);
        callbacks.ended(id, code, status, callbacks.userdata);
}

bool sessions_event(Manager *m, const KeeperMessage *message, int *fds, size_t n_fds) {
        _cleanup_(diag_done) Diag diag = {};
        Session *s = by_key(m, message->id);
        int r;

        if (!s)
                return strchr(message->id, '/') != NULL; /* of a session that was dropped */
        switch ((KeeperType)message->type) {
        case KEEPER_EVENT_CREATED: /* of a trial, which has namespaces of its own */
                r = n_fds > 0 ? container_let_go(s->container, message, fds[0], &diag) : -EBADMSG;
                if (r >= 0)
                        break;
                if (n_fds > 0)
                        (void)pidfd_signal(fds[0], SIGKILL);
                session_failed(m, s, r, &diag);
                break;
        case KEEPER_EVENT_STARTED:
                crash_point(m, JOIN_STARTED);
                session_started(m, s, message, fds, n_fds);
                break;
        case KEEPER_EVENT_FAILED:
                r = step_failure_explain(s->plan, &message->failure, &diag);
                session_failed(m, s, r < 0 ? r : -EIO, &diag);
                break;
        case KEEPER_EVENT_EXITED:
                crash_point(m, JOIN_ENDED);
                if (s->running)
                        session_ended(m, s, message->exit_code, message->exit_status);
                break;
        default:
                break;
        }
        return true;
}

/* The reply may come after the session has gone: it is looked up, not pointed to. */
typedef struct JoinReply {
        Manager *manager;
        uint32_t id;
} JoinReply;

static void on_joined(int error, void *userdata) {
        _cleanup_free_ JoinReply *reply = userdata;
        _cleanup_(diag_done) Diag diag = {};
        Session *s = by_id(reply->manager, reply->id);

        if (error >= 0 || !s || s->running)
                return;
        (void)diag_errno(&diag, error == -ECONNRESET ? ERROR_NO_KEEPER : ERROR_LAUNCH, NULL, NULL, -error,
                         "the keeper did not launch it");
        session_failed(reply->manager, s, error, &diag);
}

static int join(Session *s, const SlotSet *slots) {
        _cleanup_free_ JoinReply *reply = malloc(sizeof(*reply));
        int fds[2 + KEEPER_MAX_SLOTS], r;
        _cleanup_close_ int plan_fd = -EBADF, cgroup_fd = -EBADF;
        const Container *c = s->container;
        KeeperMessage m;
        size_t n = 0;

        if (!reply)
                return -ENOMEM;
        if (slots->n > ELEMENTSOF(fds) - 2)
                return -E2BIG;
        if (c->leader > 0) {
                r = cgroup_open_beside(&c->cgroup, c->cgroup_path, c->leader, &cgroup_fd);
                if (r < 0)
                        return r;
        } else { /* a probe before the start: it is the first there */
                cgroup_fd = fcntl(c->cgroup.payload_fd, F_DUPFD_CLOEXEC, 3);
                if (cgroup_fd < 0)
                        return -errno;
        }
        *reply = (JoinReply){ .manager = s->container->manager, .id = s->id };
        r = memfd_sealed("bulwark-plan", s->plan->data, s->plan->size, &plan_fd);
        if (r < 0)
                return r;
        keeper_message_init(&m, KEEPER_JOIN, s->key);
        fds[n++] = plan_fd;
        fds[n++] = cgroup_fd;
        for (size_t i = 0; i < slots->n; i++) {
                m.slots[m.n_slots++] = slots->items[i].slot;
                fds[n++] = slots->items[i].fd;
        }
        r = keeper_client_request(s->container->manager->keeper, &m, fds, n, on_joined, reply);
        crash_point(s->container->manager, JOIN_SENT);
        if (r >= 0)
                (void)TAKE_PTR(reply);
        return r;
}

int container_check_running(const Container *c, Diag *diag) {
        if (!container_is_running(c))
                return diag_error(diag, ERROR_NOT_ACTIVE, NULL, NULL, "%s is not running (%s)", c->name, container_sub_state(c));
        if (!c->spec)
                return diag_error(diag, ERROR_STATE, NULL, NULL,
                                  "%s runs without a definition: its confinement is not known", c->name);
        if (c->frozen || c->freeze_wanted)
                return diag_error(diag, ERROR_BUSY, NULL, NULL, "%s is frozen; thaw it first", c->name);
        if (c->n_sessions >= SESSIONS_MAX)
                return diag_error(diag, ERROR_BUSY, NULL, NULL, "%s has %d sessions already", c->name,
                                  SESSIONS_MAX);
        return 0;
}

static int session_new(Container *c, const SessionCallbacks *callbacks, Session **ret) {
        Session *s = malloc(sizeof(*s));

        if (!s)
                return -ENOMEM;
        *s = (Session){ .container = c,
                        .id = ++c->manager->last_job,
                        .stdio = { -EBADF, -EBADF, -EBADF },
                        .terminal_fd = -EBADF,
                        .leader_fd = -EBADF,
                        .callbacks = *callbacks };
        (void)snprintf(s->key, sizeof(s->key), "%s/exec/%u", c->name, s->id);
        *ret = s;
        return 0;
}

/* *session is taken on success. r: how opening its slots went. */
static int session_begin(Session **session, const SlotSet *slots, int r, Diag *diag) {
        Session *s = *session;

        if (r >= 0)
                r = join(s, slots);
        if (r < 0 && diag->n_errors > 0)
                return r;
        if (r < 0)
                return diag_errno(diag, r == -ENOTCONN ? ERROR_NO_KEEPER : ERROR_NO_MEMORY, NULL, NULL, -r,
                                  "cannot hand the command to the keeper");
        DL_APPEND(s->container->manager->sessions, s);
        s->container->n_sessions++;
        (void)TAKE_PTR(*session);
        return 0;
}

int container_exec(Container *c, const ExecRequest *request, Diag *diag,
                   void (*started)(int r, const Diag *diag, ExecSession *session, void *userdata),
                   void (*ended)(uint32_t id, int exit_code, int exit_status, void *userdata),
                   void *userdata) {
        const SessionCallbacks callbacks = { .started = started, .ended = ended, .userdata = userdata };
        _cleanup_(session_freep) Session *s = NULL;
        _cleanup_(slot_set_done) SlotSet slots = {};
        int r;

        r = container_check_running(c, diag);
        if (r >= 0)
                r = session_new(c, &callbacks, &s);
        if (r < 0)
                return r;
        r = build(c, request, diag, &s->plan);
        if (r < 0)
                return r;
        r = open_slots(s, request, &slots);
        return session_begin(&s, &slots, r, diag);
}

/* Input and program are given, output and errors come through one pipe. */
static int open_program_slots(Session *s, int input, int program, Diag *diag, SlotSet *slots) {
        int theirs[_THEIRS] = { -EBADF, -EBADF, -EBADF, -EBADF, -EBADF }, fds[2], r;

        r = pipe_for_payload(true, fds);
        if (r < 0)
                return r;
        s->stdio[1] = fds[0];
        theirs[THEIR_OUTPUT] = fds[1];
        theirs[THEIR_ERROR] = fcntl(fds[1], F_DUPFD_CLOEXEC, 3);
        theirs[THEIR_INPUT] = fcntl(input, F_DUPFD_CLOEXEC, 3);
        theirs[THEIR_PROGRAM] = fcntl(program, F_DUPFD_CLOEXEC, 3);
        if (theirs[THEIR_ERROR] < 0 || theirs[THEIR_INPUT] < 0 || theirs[THEIR_PROGRAM] < 0)
                r = -errno;
        if (r >= 0)
                r = container_open_trees(s->container, &s->plan->view, slots, diag);
        if (r >= 0)
                r = fill_slots(s->container, &s->plan->view, theirs, slots);
        if (r >= 0)
                r = passed_open(s->container, &s->plan->view, slots);
        if (r >= 0)
                r = notify_mount(s->container, &s->plan->view, slots);
        if (r >= 0)
                r = log_socket_open(s->container, &s->plan->view, slots, diag);
        for (size_t i = 0; i < ELEMENTSOF(theirs); i++)
                (void)safe_close(theirs[i]);
        return r;
}

int session_start_program(Container *c, Plan **plan, int input, int program, Diag *diag,
                          const SessionCallbacks *callbacks, uint32_t *ret_id) {
        _cleanup_(session_freep) Session *s = NULL;
        _cleanup_(slot_set_done) SlotSet slots = {};
        uint32_t id;
        int r;

        r = session_new(c, callbacks, &s);
        if (r < 0)
                return r;
        s->plan = TAKE_PTR(*plan);
        id = s->id;
        r = open_program_slots(s, input, program, diag, &slots);
        r = session_begin(&s, &slots, r, diag);
        if (r >= 0)
                *ret_id = id;
        return r;
}

int session_start_command(Container *c, Plan **plan, int stdio[static 3], Diag *diag, const SessionCallbacks *callbacks) {
        int theirs[_THEIRS] = { -EBADF, -EBADF, -EBADF, -EBADF, -EBADF }, r;
        _cleanup_(session_freep) Session *s = NULL;
        _cleanup_(slot_set_done) SlotSet slots = {};

        r = session_new(c, callbacks, &s);
        if (r < 0)
                return r;
        s->plan = TAKE_PTR(*plan);
        for (int i = 0; i < 3; i++)
                theirs[i] = TAKE_FD(stdio[i]);
        r = fill_slots(c, &s->plan->view, theirs, &slots);
        for (size_t i = 0; i < ELEMENTSOF(theirs); i++)
                (void)safe_close(theirs[i]);
        return session_begin(&s, &slots, r, diag);
}

int manager_exec_signal(Manager *m, uint32_t id, int signal) {
        Session *s = by_id(m, id);

        return s && s->leader_fd >= 0 ? pidfd_signal(s->leader_fd, signal) : -ESRCH;
}

static int on_abandoned(sd_event_source *source, uint64_t usec, void *userdata) {
        Session *s = userdata;

        s->abandon_timer = sd_event_source_disable_unref(s->abandon_timer);
        (void)pidfd_signal(s->leader_fd, SIGKILL);
        return 0;
}

void manager_exec_abandon(Manager *m, uint32_t id) {
        Session *s = by_id(m, id);

        if (!s || s->leader_fd < 0 || s->abandon_timer)
                return;
        (void)pidfd_signal_awake(s->leader_fd, SIGHUP);
        if (sd_event_add_time_relative(m->event, &s->abandon_timer, CLOCK_MONOTONIC, ABANDON_GRACE,
                                       100 * USEC_PER_MSEC, on_abandoned, s) < 0)
                (void)pidfd_signal(s->leader_fd, SIGKILL);
}

void sessions_lost(Manager *m) {
        _cleanup_(diag_done) Diag diag = {};

        (void)diag_error(&diag, ERROR_NO_KEEPER, NULL, NULL, "the connection to the keeper is lost");
        while (m->sessions)
                if (m->sessions->running)
                        session_ended(m, m->sessions, 0, 0);
                else
                        session_failed(m, m->sessions, -ECONNRESET, &diag);
}

void sessions_free(Manager *m) {
        while (m->sessions)
                session_drop(m, m->sessions);
}
