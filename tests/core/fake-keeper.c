/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keeper in memory, and what can happen to what it has. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "manager/keeper/protocol.h"
#include "tests/core/fake-host.h"
#include "tests/core/wrapped.h"

#define PID_FIRST 4000000 /* above what any process has */

struct KeeperClient {
        KeeperCallbacks callbacks;
        void *userdata;
        bool connected;
};

/* --- what it has */

static void launch_done(FakeLaunch *l) {
        (void)safe_close(l->pidfd);
        (void)safe_close(l->blob);
        for (size_t i = 0; i < l->n_held; i++)
                (void)safe_close(l->held[i]);
        *l = (FakeLaunch){ .pidfd = -EBADF, .blob = -EBADF };
}

static FakeLaunch *launch_find(FakeHost *h, const char *id) {
        for (size_t i = 0; i < FAKE_LAUNCHES_MAX; i++)
                if (h->launches[i].used && streq(h->launches[i].id, id))
                        return h->launches + i;
        return NULL;
}

FakeLaunch *fake_launch_of(FakeHost *h, const char *name, bool join, int state) {
        FakeLaunch *found = NULL;

        for (size_t i = 0; i < FAKE_LAUNCHES_MAX; i++) {
                FakeLaunch *l = h->launches + i;
                size_t n = strlen(name);

                if (l->used && l->join == join && (state < 0 || (int)l->state == state) && strncmp(l->id, name, n) == 0 &&
                    (l->id[n] == 0 || l->id[n] == '/') && (!found || l->order < found->order))
                        found = l;
        }
        return found;
}

static int launch_new(FakeHost *h, const KeeperMessage *m, const int *fds, size_t n_fds) {
        FakeLaunch *l = NULL;

        if (launch_find(h, m->id)) {
                fake_violation(h, "%s: is launched while the keeper has it", m->id);
                return -EEXIST;
        }
        for (size_t i = 0; !l && i < FAKE_LAUNCHES_MAX; i++)
                if (!h->launches[i].used)
                        l = h->launches + i;
        if (!l)
                abort();
        *l = (FakeLaunch){ .used = true, .join = m->type == KEEPER_JOIN, .state = KEEPER_LAUNCHING,
                           .pid = PID_FIRST + (int)h->n_launched, .order = h->n_launched++, .blob = -EBADF };
        memcpy(l->id, m->id, sizeof(l->id));
        l->pidfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (!l->join && n_fds > 2)
                l->blob = fcntl(fds[2], F_DUPFD_CLOEXEC, 3);
        for (size_t i = 0; i < m->n_held; i++)
                l->held[l->n_held++] = fcntl(fds[n_fds - m->n_held + i], F_DUPFD_CLOEXEC, 3);
        if (fake_known(l->id)->group.frozen)
                fake_violation(h, "%s: is launched into a frozen group", l->id);
        fake_known(l->id)->group.populated = true;
        return 0;
}

/* A group is empty when nothing of it runs any more. */
static void settle_group(FakeHost *h, const char *id) {
        FakeContainer *f = fake_known(id);

        f->group.populated = false;
        for (size_t i = 0; i < FAKE_LAUNCHES_MAX; i++)
                if (h->launches[i].used && h->launches[i].state != KEEPER_EXITED && fake_known(h->launches[i].id) == f)
                        f->group.populated = true;
}

static void group_told(FakeHost *h, const char *id) {
        Container *c = manager_find(h->manager, fake_known(id)->name);

        if (c && c->watch >= 0)
                container_cgroup_changed(c);
}

static void send_event(FakeHost *h, const FakeLaunch *l, KeeperType type, const StepFailure *failure) {
        int fds[4 + KEEPER_MAX_HELD] = { -EBADF, -EBADF, -EBADF, -EBADF };
        size_t n = 0;
        KeeperMessage m;

        if (!h->client || !h->client->connected)
                return;
        keeper_message_init(&m, type, l->id);
        m.pid = l->pid;
        m.payload_pid = 2;
        m.keeper_state = (int32_t)l->state;
        m.exit_code = l->code;
        m.exit_status = l->status;
        m.started_monotonic_usec = l->started;
        m.started_realtime_usec = l->started > 0 ? l->started + UINT64_C(1700000000) * USEC_PER_SEC : 0;
        m.exited_monotonic_usec = l->exited;
        m.exited_realtime_usec = l->exited > 0 ? l->exited + UINT64_C(1700000000) * USEC_PER_SEC : 0;
        if (failure)
                m.failure = *failure;
        fds[n++] = fcntl(l->pidfd, F_DUPFD_CLOEXEC, 3);
        if (type == KEEPER_EVENT_LISTED) {
                fds[n++] = l->blob >= 0 ? fcntl(l->blob, F_DUPFD_CLOEXEC, 3) : -EBADF;
                fds[n++] = open("/dev/null", O_RDWR | O_CLOEXEC);
                fds[n++] = open("/dev/null", O_RDWR | O_CLOEXEC);
                for (size_t i = 0; i < l->n_held; i++)
                        fds[n++] = fcntl(l->held[i], F_DUPFD_CLOEXEC, 3);
                m.n_held = (uint32_t)l->n_held;
        }
        h->client->callbacks.event(&m, fds, n, h->client->userdata);
        for (size_t i = 0; i < n; i++)
                (void)safe_close(fds[i]);
}

/* --- the client's names */

int __wrap_keeper_client_new(sd_event *event, const char *socket_path, const KeeperCallbacks *callbacks, void *userdata, KeeperClient **ret) {
        KeeperClient *k = malloc(sizeof(*k));

        if (!k)
                return -ENOMEM;
        *k = (KeeperClient){ .callbacks = *callbacks, .userdata = userdata };
        fake_host_current()->client = k;
        *ret = k;
        return 0;
}

KeeperClient *__wrap_keeper_client_free(KeeperClient *k) {
        free(k);
        return NULL;
}

int __wrap_keeper_client_connect(KeeperClient *k) {
        if (fake_host_current()->keeper_down)
                return -ECONNREFUSED;
        k->connected = true;
        return 0;
}

bool __wrap_keeper_client_connected(const KeeperClient *k) {
        return k->connected;
}

bool __wrap_keeper_client_understands(const KeeperClient *k) {
        return true;
}

const char *__wrap_keeper_client_release(const KeeperClient *k) {
        return "fake";
}

pid_t __wrap_keeper_client_pid(const KeeperClient *k) {
        return 0;
}

int __wrap_keeper_client_offer(KeeperClient *k, const char *program) {
        return -EALREADY;
}

static int on_replies(sd_event_source *s, void *userdata) {
        FakeHost *h = userdata;

        while (h->n_replies > 0) {
                FakeReply r = h->replies[0];

                memmove(h->replies, h->replies + 1, --h->n_replies * sizeof(r));
                r.reply(r.error, r.userdata);
        }
        return 0;
}

static void answer(FakeHost *h, int error, KeeperReply reply, void *userdata) {
        if (!reply)
                return;
        if (h->n_replies == ELEMENTSOF(h->replies))
                abort();
        h->replies[h->n_replies++] = (FakeReply){ .reply = reply, .userdata = userdata, .error = error };
        if (!h->reply_source)
                (void)__wrap_sd_event_add_defer(fake_loop_event(h->loop), &h->reply_source, on_replies, h);
        (void)__wrap_sd_event_source_set_enabled(h->reply_source, SD_EVENT_ONESHOT);
}

static int take_state(FakeHost *h, const KeeperMessage *m, const int *fds) {
        FakeLaunch *l = launch_find(h, m->id);

        if (!l)
                return -ESRCH;
        (void)safe_close(l->blob);
        l->blob = fcntl(fds[0], F_DUPFD_CLOEXEC, 3);
        return 0;
}

static int take_ack(FakeHost *h, const KeeperMessage *m) {
        FakeLaunch *l = launch_find(h, m->id);

        if (!l)
                return -ESRCH;
        if (l->state != KEEPER_EXITED)
                return -EBUSY;
        launch_done(l);
        return 0;
}

int __wrap_keeper_client_request(KeeperClient *k, KeeperMessage *m, const int *fds, size_t n_fds, KeeperReply reply, void *userdata) {
        FakeHost *h = fake_host_current();
        int r = 0;

        if (!k->connected)
                return -ENOTCONN;
        switch ((KeeperType)m->type) {
        case KEEPER_SPAWN:
                fake_note("spawn");
                r = launch_new(h, m, fds, n_fds);
                break;
        case KEEPER_JOIN:
                fake_note("join");
                r = launch_new(h, m, fds, n_fds);
                break;
        case KEEPER_STATE:
                fake_note("state");
                r = take_state(h, m, fds);
                break;
        case KEEPER_ACK:
                fake_note("ack");
                r = take_ack(h, m);
                break;
        case KEEPER_STORE:
                if (manager_find(h->manager, m->id)) /* what the manager keeps for itself is no container's */
                        fake_note("store");
                break;
        default:
                fake_note("request");
                break;
        }
        answer(h, r, reply, userdata);
        return 0;
}

int __wrap_keeper_client_call(KeeperClient *k, KeeperMessage *m) {
        FakeHost *h = fake_host_current();

        if (m->type != KEEPER_LIST)
                return 0;
        for (size_t i = 0; i < FAKE_LAUNCHES_MAX; i++)
                if (h->launches[i].used && !h->launches[i].join)
                        send_event(h, h->launches + i, KEEPER_EVENT_LISTED, NULL);
        return 0;
}

/* --- stimuli: what launches, commands, time and people do */

static bool queue(Container *c, JobType type, const char *mode) {
        _cleanup_(diag_done) Diag diag = {};
        uint32_t id;
        int r = container_queue_job(c, type, mode ? job_mode_from_string(mode) : JOB_MODE_REPLACE, &diag, &id);

        if (r < 0)
                fake_note("refused");
        return r >= 0;
}

static bool do_start(FakeHost *h, Container *c, const char *argument) {
        return queue(c, JOB_START, argument);
}

static bool do_stop(FakeHost *h, Container *c, const char *argument) {
        return queue(c, JOB_STOP, argument);
}

static bool do_restart(FakeHost *h, Container *c, const char *argument) {
        return queue(c, JOB_RESTART, argument);
}

static bool do_reload(FakeHost *h, Container *c, const char *argument) {
        return queue(c, JOB_RELOAD, argument);
}

static bool do_cancel(FakeHost *h, Container *c, const char *argument) {
        _cleanup_(diag_done) Diag diag = {};

        return c->job && manager_cancel_job(h->manager, c->job->id, &diag) >= 0;
}

static bool do_reset(FakeHost *h, Container *c, const char *argument) {
        _cleanup_(diag_done) Diag diag = {};

        return container_reset_failed(c, &diag) >= 0;
}

static bool come_up(FakeHost *h, FakeLaunch *l) {
        FakeContainer *f;

        if (!l)
                return false;
        f = fake_known(l->id);
        for (size_t i = 0; i < f->n_sockets; i++) { /* it takes what came */
                struct pollfd p = { .fd = f->sockets[i], .events = POLLIN };
                uint64_t count;

                if (poll(&p, 1, 0) > 0)
                        (void)!read(f->sockets[i], &count, sizeof(count));
        }
        l->state = KEEPER_RUNNING;
        l->started = fake_clock_now();
        send_event(h, l, KEEPER_EVENT_STARTED, NULL);
        return true;
}

static bool do_up(FakeHost *h, Container *c, const char *argument) {
        return come_up(h, fake_launch_of(h, c->name, false, KEEPER_LAUNCHING));
}

static bool do_joined(FakeHost *h, Container *c, const char *argument) {
        return come_up(h, fake_launch_of(h, c->name, true, KEEPER_LAUNCHING));
}

/* A step fails: the last one, which executes, or by its number. */
static bool fail_launch(FakeHost *h, Container *c, FakeLaunch *l, const Plan *plan) {
        FakeLaunch copy;
        StepFailure failure = { .kind = STEP_EXECUTE, .error = -ENOENT };

        if (!l)
                return false;
        if (plan)
                failure.index = (uint16_t)(plan->view.header->n_steps - 1);
        copy = *l;
        l->used = false;
        settle_group(h, copy.id);
        send_event(h, &copy, KEEPER_EVENT_FAILED, &failure);
        copy.used = true;
        launch_done(&copy);
        if (h->manager)
                group_told(h, c->name);
        return true;
}

static bool do_fail(FakeHost *h, Container *c, const char *argument) {
        const Launch *launch = c->commands.alone ? c->commands.launch : c->launch;

        return fail_launch(h, c, fake_launch_of(h, c->name, false, KEEPER_LAUNCHING), launch ? launch->plan : NULL);
}

static bool end_launch(FakeHost *h, FakeLaunch *l, int code, int status, bool leaves_some) {
        const uint64_t one = 1;
        char name[KEEPER_ID_MAX];
        bool join;

        if (!l)
                return false;
        memcpy(name, l->id, sizeof(name));
        join = l->join;
        l->state = KEEPER_EXITED;
        l->code = code;
        l->status = status;
        l->exited = fake_clock_now();
        settle_group(h, name);
        fake_known(name)->group.populated |= leaves_some;
        (void)!write(l->pidfd, &one, sizeof(one));
        send_event(h, l, KEEPER_EVENT_EXITED, NULL);
        if (join && l->used && streq(l->id, name))
                launch_done(l);
        group_told(h, name);
        return true;
}

static bool do_exit(FakeHost *h, Container *c, const char *argument) {
        return end_launch(h, fake_launch_of(h, c->name, false, KEEPER_RUNNING), CLD_EXITED, argument ? atoi(argument) : 0, false);
}

static bool do_die(FakeHost *h, Container *c, const char *argument) {
        return end_launch(h, fake_launch_of(h, c->name, false, KEEPER_RUNNING), CLD_KILLED, argument ? atoi(argument) : SIGKILL, false);
}

/* Its first process ends, others stay. */
static bool do_leave(FakeHost *h, Container *c, const char *argument) {
        return end_launch(h, fake_launch_of(h, c->name, false, KEEPER_RUNNING), CLD_EXITED, argument ? atoi(argument) : 0, true);
}

static bool do_empty(FakeHost *h, Container *c, const char *argument) {
        FakeContainer *f = fake_known(c->name);
        const bool was = f->group.populated;

        settle_group(h, c->name);
        if (!was || f->group.populated)
                return false;
        group_told(h, c->name);
        return true;
}

static bool do_command(FakeHost *h, Container *c, const char *argument) {
        return end_launch(h, fake_launch_of(h, c->name, true, KEEPER_RUNNING), CLD_EXITED, argument ? atoi(argument) : 0, false);
}

static bool do_ready(FakeHost *h, Container *c, const char *argument) {
        if (!c->notify.source || c->leader_fd < 0 || c->notify.facts.ready)
                return false;
        notify_ready(c);
        return true;
}

static bool do_reloaded(FakeHost *h, Container *c, const char *argument) {
        if (c->notify.reload == RELOAD_NONE)
                return false;
        c->notify.reload = RELOAD_NONE;
        command_reloaded(c);
        return true;
}

static bool do_stopping(FakeHost *h, Container *c, const char *argument) {
        return c->notify.source && container_event(c, EVENT_STOPPING);
}

static bool do_extend(FakeHost *h, Container *c, const char *argument) {
        return container_extend_life(c, fake_clock_now() + (argument ? (uint64_t)atoi(argument) : 60) * USEC_PER_SEC);
}

static bool do_wait(FakeHost *h, Container *c, const char *argument) {
        fake_loop_wait(h->loop, (argument ? (uint64_t)atoi(argument) : 1) * USEC_PER_SEC);
        return true;
}

static bool do_timer(FakeHost *h, Container *c, const char *argument) {
        uint64_t at;

        if (!fake_loop_next_timer(h->loop, &at))
                return false;
        fake_loop_wait(h->loop, at > fake_clock_now() ? at - fake_clock_now() : 0);
        return true;
}

static bool do_traffic(FakeHost *h, Container *c, const char *argument) {
        FakeContainer *f = fake_known(c->name);
        const uint64_t one = 1;

        if (c->state != CONTAINER_LISTENING || f->n_sockets == 0)
                return false;
        return write(f->sockets[f->n_sockets - 1], &one, sizeof(one)) == sizeof(one);
}

static bool do_oom(FakeHost *h, Container *c, const char *argument) {
        FakeContainer *f = fake_known(c->name);

        if (!f->group.exists || c->watch < 0)
                return false;
        f->group.oom_kills++;
        container_oom_changed(c);
        return true;
}

static bool do_freeze(FakeHost *h, Container *c, const char *argument) {
        _cleanup_(diag_done) Diag diag = {};

        if (container_freeze(c, &diag) < 0)
                return false;
        group_told(h, c->name);
        return true;
}

static bool do_thaw(FakeHost *h, Container *c, const char *argument) {
        _cleanup_(diag_done) Diag diag = {};

        if (container_thaw(c, &diag) < 0)
                return false;
        group_told(h, c->name);
        return true;
}

static bool do_maclost(FakeHost *h, Container *c, const char *argument) {
        if (c->leader_fd < 0 || !container_transition(c->state, EVENT_MAC_LOST).allowed)
                return false;
        c->kill_reason = KILL_MAC_LOST;
        return container_event(c, EVENT_MAC_LOST);
}

static bool do_doom(FakeHost *h, Container *c, const char *argument) {
        const FailureMode how = argument && streq(argument, "abort") ? FAILURE_ABORT :
                                argument && streq(argument, "kill") ? FAILURE_KILL : FAILURE_TERMINATE;

        return container_doom(c, RESULT_WATCHDOG, how, "it was not heard of");
}

static bool do_keep(FakeHost *h, Container *c, const char *argument) {
        const char *why = NULL;
        int fd = memfd_create("kept", MFD_CLOEXEC);
        bool kept = c->leader_fd >= 0 && descriptor_store_add(c, argument ? argument : "kept", true, &fd, 1, &why);

        (void)safe_close(fd);
        return kept;
}

/* The connection breaks: what had not come up is killed by the keeper. */
static void break_connection(FakeHost *h) {
        FakeReply waiting[ELEMENTSOF(h->replies)];
        const size_t n = h->n_replies;

        memcpy(waiting, h->replies, n * sizeof(*waiting));
        h->n_replies = 0;
        h->client->connected = false;
        for (size_t i = 0; i < n; i++)
                waiting[i].reply(-ECONNRESET, waiting[i].userdata);
        for (size_t i = 0; i < FAKE_LAUNCHES_MAX; i++)
                if (h->launches[i].used && (h->launches[i].join || h->launches[i].state == KEEPER_LAUNCHING)) {
                        char id[KEEPER_ID_MAX];

                        memcpy(id, h->launches[i].id, sizeof(id));
                        launch_done(h->launches + i);
                        settle_group(h, id);
                }
}

static bool do_lost(FakeHost *h, Container *c, const char *argument) {
        KeeperClient *k = h->client;

        if (!k->connected)
                return false;
        break_connection(h);
        k->callbacks.lost(k->userdata);
        for (size_t i = 0; i < h->manager->n_sorted; i++)
                group_told(h, h->manager->sorted[i]->name);
        return true;
}

/* The manager ends and another begins. Its connection ends, too. */
static bool do_manager(FakeHost *h, Container *c, const char *argument) {
        h->n_replies = 0;
        for (size_t i = 0; i < FAKE_LAUNCHES_MAX; i++)
                if (h->launches[i].used && (h->launches[i].join || h->launches[i].state == KEEPER_LAUNCHING)) {
                        char id[KEEPER_ID_MAX];

                        memcpy(id, h->launches[i].id, sizeof(id));
                        launch_done(h->launches + i);
                        settle_group(h, id);
                }
        fake_manager_free(h);
        fake_note("manager");
        fake_manager_new(h);
        return true;
}

static const struct {
        const char *name;
        bool (*run)(FakeHost *h, Container *c, const char *argument);
} verbs[] = {
        { "start", do_start },     { "stop", do_stop },         { "restart", do_restart },   { "reload", do_reload },
        { "cancel", do_cancel },   { "reset", do_reset },       { "up", do_up },             { "fail", do_fail },
        { "exit", do_exit },       { "die", do_die },           { "leave", do_leave },       { "empty", do_empty },
        { "joined", do_joined },   { "command", do_command },   { "ready", do_ready },       { "reloaded", do_reloaded },
        { "stopping", do_stopping }, { "extend", do_extend },   { "wait", do_wait },         { "timer", do_timer },
        { "traffic", do_traffic }, { "oom", do_oom },           { "freeze", do_freeze },     { "thaw", do_thaw },
        { "maclost", do_maclost }, { "doom", do_doom },         { "keep", do_keep },         { "lost", do_lost },
        { "manager", do_manager },
};

size_t fake_verbs_count(void) {
        return ELEMENTSOF(verbs);
}

const char *fake_verb_name(size_t i) {
        return verbs[i].name;
}

bool fake_do(FakeHost *h, Container *c, const char *verb, const char *argument) {
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (streq(verbs[i].name, verb)) {
                        bool done = verbs[i].run(h, c, argument);

                        fake_loop_run(h->loop);
                        return done;
                }
        fake_violation(h, "there is no verb \"%s\"", verb);
        return false;
}
