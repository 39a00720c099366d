/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The manager's start and end, and the keeper in between: found, started where nobody else does, lost and
 * found again. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "manager/base/hash.h"
#include "manager/base/io.h"
#include "manager/container/container-internal.h"
#include "manager/container/life/parts.h"
#include "manager/host/trees/directories.h"
#include "manager/host/streams/life-log.h"

#define RUNTIME_DIRECTORY "/run/bulwark"
#define CONNECT_TRIES 1000 /* of 2 ms */
#define RECONNECT_MIN (100 * USEC_PER_MSEC)
#define RECONNECT_MAX (5 * USEC_PER_SEC)

static int open_directories(Manager *m, Diag *diag) {
        const struct {
                int *parent;
                const char *name;
                int *fd;
        } rows[] = {
                { &m->runtime_fd, "state", &m->records_fd },
                { &m->runtime_fd, "live", &m->lives_fd },
                { &m->runtime_fd, "transient", &m->transient_fd },
                { &m->runtime_fd, "notify", &m->notify_fd },
                { &m->runtime_fd, "log", &m->log_fd },
                { &m->runtime_fd, "names", &m->names_fd },
                { &m->state_fd, "logs", &m->logs_fd },
                { &m->state_fd, "cache", &m->cache_fd },
        };
        int r;

        r = directory_open_private(m->config.runtime_directory, diag, &m->runtime_fd);
        if (r >= 0)
                r = directory_open_private(m->config.state_directory, diag, &m->state_fd);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                r = directory_open_private_at(*rows[i].parent, rows[i].name, rows[i].fd);
                if (r < 0)
                        return diag_errno(diag, ERROR_FAILED, NULL, NULL, -r,
                                          "cannot open the directory \"%s\" of the manager", rows[i].name);
        }
        life_log_open(m->life_log);
        return 0;
}

/* --- the control group */

/* Where the keeper lives is where containers are; a manager that was started elsewhere finds them again. */
static int root_of_keeper(const Manager *m, char **ret) {
        _cleanup_free_ char *path = NULL;
        char *last;
        int r;

        r = cgroup_path_of_process(keeper_client_pid(m->keeper), &path);
        if (r < 0)
                return r;
        last = strrchr(path, '/');
        if (last && streq(last, "/keeper"))
                *last = 0;
        *ret = TAKE_PTR(path);
        return 0;
}

/* Own cgroup and a name of the runtime directory, so that several managers of one host never meet. */
static int root_of_own(const Manager *m, char **ret) {
        _cleanup_free_ char *own = NULL, *path = NULL;
        const char *directory = m->config.runtime_directory;
        char hex[DIGEST_HEX_SIZE];
        Digest digest;
        int r;

        r = cgroup_path_of_process(0, &own);
        if (r < 0)
                return r;
        digest_of(directory, strlen(directory), &digest);
        digest_to_hex(&digest, hex);
        r = str_append(&path, "%s/bulwark%s%.8s", streq(own, "/") ? "" : own,
                       streq(directory, RUNTIME_DIRECTORY) ? "" : "-",
                       streq(directory, RUNTIME_DIRECTORY) ? "" : hex);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(path);
        return 0;
}

static int open_cgroup(Manager *m, Diag *diag) {
        bool no_systemd = access("/run/systemd/system", F_OK) < 0;
        _cleanup_free_ char *path = NULL;
        int r;

        if (m->cgroup_open)
                return 0;
        if (m->config.cgroup) {
                path = strdup(m->config.cgroup);
                r = path ? 0 : -ENOMEM;
        } else if (keeper_client_connected(m->keeper))
                r = root_of_keeper(m, &path);
        else
                r = root_of_own(m, &path);
        if (r < 0)
                return diag_errno(
                        diag, ERROR_HOST_LACKS, NULL, NULL, -r,
                        "cannot find a cgroup2 control group for containers; name one by --cgroup=");
        r = cgroup_root_open(path, m->config.standalone && no_systemd,
                             keeper_client_connected(m->keeper) ? keeper_client_pid(m->keeper) : 0, diag, &m->cgroup);
        m->cgroup_open = r >= 0;
        return r;
}

/* --- the keeper */

static void on_event(const KeeperMessage *message, int *fds, size_t n_fds, void *userdata) {
        Manager *m = userdata;
        int none = -EBADF;
        Container *c;

        if (message->type == KEEPER_EVENT_LISTED) {
                manager_adopt_listed(m, message, fds, n_fds);
                return;
        }
        if (message->type == KEEPER_EVENT_STORED) {
                manager_adopt_stored(m, message, fds, n_fds);
                return;
        }
        if (sessions_event(m, message, fds, n_fds))
                return;
        c = manager_find(m, message->id);
        if (!c)
                return;
        if (message->type == KEEPER_EVENT_CREATED)
                container_created(c, message, n_fds > 0 ? fds[0] : -EBADF);
        else if (message->type == KEEPER_EVENT_STARTED)
                container_started(c, message, n_fds > 0 ? fds : &none);
        else if (message->type == KEEPER_EVENT_FAILED)
                container_not_started(c, message);
        else if (message->type == KEEPER_EVENT_PAYLOAD)
                forking_told(c, message);
        else if (message->type == KEEPER_EVENT_EXITED) {
                crash_point(m, END_TOLD);
                container_ended(c, &(ExitReport){ .valid = true,
                                                  .code = message->exit_code,
                                                  .status = message->exit_status,
                                                  .realtime_usec = message->exited_realtime_usec,
                                                  .monotonic_usec = message->exited_monotonic_usec });
        }
}

int manager_keeper_open(Manager *m) {
        const KeeperCallbacks callbacks = { .event = on_event, .lost = manager_keeper_lost };

        return keeper_client_new(m->event, m->keeper_socket, &callbacks, m, &m->keeper);
}

static int start_keeper(Manager *m, Diag *diag) {
        _cleanup_close_ int fd = -EBADF;
        pid_t pid;
        int r;

        r = open_cgroup(m, diag);
        if (r < 0)
                return r;
        fd = openat(m->cgroup.fd, "keeper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return diag_errno(diag, ERROR_FAILED, NULL, NULL, errno,
                                  "cannot open the keeper's control group");
        r = keeper_start(m->config.keeper, m->keeper_socket, fd, diag, &pid);
        if (r < 0)
                return r;
        m->keeper_started = true;
        for (unsigned i = 0; i < CONNECT_TRIES; i++) {
                r = keeper_client_connect(m->keeper);
                if (r != -ENOENT && r != -ECONNREFUSED)
                        break;
                if (kill(pid, 0) < 0 && errno == ESRCH)
                        return diag_error(
                                diag, ERROR_NO_KEEPER, NULL, NULL,
                                "the keeper \"%s\" ended at once; its reason stands on the manager's "
                                "standard error",
                                m->config.keeper);
                (void)nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
        }
        return r;
}

static int reach_keeper(Manager *m, Diag *diag) {
        int r;

        r = keeper_client_connect(m->keeper);
        /* A service manager starts both; the socket may be a moment away. */
        for (unsigned i = 0; !m->config.standalone && !m->adopted && i < CONNECT_TRIES; i++) {
                if (r != -ENOENT && r != -ECONNREFUSED)
                        break;
                (void)nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
                r = keeper_client_connect(m->keeper);
        }
        if ((r == -ENOENT || r == -ECONNREFUSED) && m->config.standalone)
                r = start_keeper(m, diag);
        if (r < 0)
                return diag->n_errors > 0
                               ? r
                               : diag_errno(diag, ERROR_NO_KEEPER, NULL, NULL, -r,
                                            "the keeper does not answer on \"%s\"", m->keeper_socket);
        return 0;
}

/* A keeper that was there before us may be of another version: it becomes the one that is installed with us. */
static int renew_keeper(Manager *m, Diag *diag) {
        int r;

        if (m->adopted || m->keeper_started)
                return 0;
        r = keeper_client_offer(m->keeper, m->config.keeper);
        if (r >= 0)
                log_message(&m->config.log, LOG_NOTICE, "the keeper has become \"%s\", release %s", m->config.keeper,
                            keeper_client_release(m->keeper));
        else if (r == -ECONNRESET) { /* it was killed on the way */
                log_message(&m->config.log, LOG_ERR, "the keeper is lost while it becomes \"%s\"", m->config.keeper);
                return reach_keeper(m, diag);
        } else if (r == -ENOEXEC)
                log_message(&m->config.log, LOG_WARNING, "the keeper stays release %s: \"%s\" does not understand what it would "
                            "take over, or is no keeper", keeper_client_release(m->keeper), m->config.keeper);
        else if (r != -EALREADY)
                log_message(&m->config.log, LOG_WARNING, "the keeper stays release %s, it cannot become \"%s\": %s",
                            keeper_client_release(m->keeper), m->config.keeper, strerror(-r));
        return 0;
}

/* Once: the next keeper is to live. */
static void tell_crash(Manager *m) {
        KeeperMessage message;

        keeper_message_init(&message, KEEPER_CRASH_AT, NULL);
        message.value = m->crash.inside;
        m->crash.inside = KEEPER_POINT_NONE;
        if (keeper_client_call(m->keeper, &message) < 0)
                log_message(&m->config.log, LOG_ERR, "the keeper does not die where it is to");
}

int manager_keeper_attach(Manager *m, Diag *diag) {
        int r;

        r = reach_keeper(m, diag);
        if (r >= 0)
                r = renew_keeper(m, diag);
        if (r < 0)
                return r;
        if (!keeper_client_understands(m->keeper))
                return diag_error(diag, ERROR_NO_KEEPER, NULL, NULL,
                                  "the keeper is of another version, release %s, and could not become \"%s\"; start the manager "
                                  "of its release, or stop all containers and start the keeper afresh",
                                  keeper_client_release(m->keeper), m->config.keeper);
        m->keeper_fd = safe_close(m->keeper_fd);
        (void)pidfd_open_checked(keeper_client_pid(m->keeper), &m->keeper_fd);
        r = open_cgroup(m, diag);
        if (r < 0)
                return r;
        /* Its own cgroup must be a leaf beside the containers, or no controller can be enabled for them. */
        r = cgroup_root_take_keeper(&m->cgroup, keeper_client_pid(m->keeper));
        if (r < 0)
                log_message(&m->config.log, LOG_WARNING,
                            "cannot move the keeper into its own control group: %s", strerror(-r));
        r = manager_adopt(m, diag);
        if (r >= 0 && m->crash.inside != KEEPER_POINT_NONE)
                tell_crash(m);
        return r;
}

static int on_reconnect(sd_event_source *s, uint64_t usec, void *userdata) {
        _cleanup_(diag_done) Diag diag = {};
        Manager *m = userdata;

        m->reconnect_timer = sd_event_source_disable_unref(m->reconnect_timer);
        if (manager_keeper_attach(m, &diag) >= 0) {
                log_message(&m->config.log, LOG_NOTICE, "connected to the keeper again");
                m->reconnect_delay = 0;
                return 0;
        }
        manager_keeper_lost(m);
        return 0;
}

static void launches_lost(Manager *m) {
        for (size_t i = 0; i < m->n_sorted; i++)
                if (m->sorted[i]->spawning)
                        container_spawn_lost(m->sorted[i], -ECONNRESET);
}

void manager_keeper_lost(void *userdata) {
        Manager *m = userdata;
        uint64_t delay = m->reconnect_delay;

        if (m->shutting_down && m->shutdown_source)
                return; /* we sent it away */
        if (delay == 0) {
                log_message(&m->config.log, LOG_ERR, "the connection to the keeper is lost");
                sessions_lost(m);
                launches_lost(m);
        }
        m->reconnect_delay = delay == 0 ? RECONNECT_MIN : MIN_OF(2 * delay, RECONNECT_MAX);
        m->reconnect_timer = sd_event_source_disable_unref(m->reconnect_timer);
        if (sd_event_add_time_relative(m->event, &m->reconnect_timer, CLOCK_MONOTONIC, delay, USEC_PER_MSEC,
                                       on_reconnect, m) < 0)
                log_message(&m->config.log, LOG_ERR, "cannot wait for the keeper");
}

void container_send_state(Container *c) {
        _cleanup_free_ void *data = NULL;
        _cleanup_close_ int fd = -EBADF;
        KeeperMessage m;
        size_t size;

        if (!c->keeper_knows || container_encode_life(c, &data, &size) < 0 ||
            memfd_sealed("bulwark-state", data, size, &fd) < 0)
                return;
        keeper_message_init(&m, KEEPER_STATE, c->name);
        (void)keeper_client_request(c->manager->keeper, &m, &fd, 1, NULL, NULL);
}

int container_send_kept(Container *c, KeptKind kind, const KeptSet *set, int *fds, KeeperReply reply, void *userdata) {
        _cleanup_free_ void *data = NULL;
        _cleanup_close_ int blob = -EBADF;
        KeeperMessage m;
        size_t size;
        int r = 0;

        keeper_message_init(&m, KEEPER_STORE, c->name);
        m.value = kind;
        if (set->n > 0) {
                r = kept_set_encode(set, &data, &size);
                if (r >= 0)
                        r = memfd_sealed("bulwark-kept", data, size, &blob);
                fds[0] = blob;
        }
        return r < 0 ? r : keeper_client_request(c->manager->keeper, &m, fds, set->n > 0 ? set->n + 1 : 0, reply, userdata);
}

void container_send_ack(Container *c) {
        KeeperMessage m;

        if (!c->keeper_knows)
                return;
        keeper_message_init(&m, KEEPER_ACK, c->name);
        if (keeper_client_request(c->manager->keeper, &m, NULL, 0, NULL, NULL) >= 0)
                c->keeper_knows = false;
}

/* --- start and end */

int manager_start(Manager *m, Diag *diag) {
        int r;

        r = open_directories(m, diag);
        if (r < 0)
                return r;
        r = log_scratch_new(&m->scratch);
        if (r >= 0)
                r = cgroup_watch_open(m);
        if (r >= 0)
                r = mac_open(m);
        if (r >= 0)
                r = manager_keeper_open(m);
        if (r >= 0)
                r = id_ranges_load(m->state_fd, "ids", diag, &m->ranges);
        if (r < 0)
                return diag_errno(diag, ERROR_FAILED, NULL, NULL, -r, "cannot start the manager");
        r = manager_reload(m, diag);
        if (r >= 0)
                r = manager_keeper_attach(m, diag);
        if (r < 0)
                return r;
        life_parts_sweep(m);
        dependencies_settle_all(m);
        if (m->config.standalone && m->keeper_started)
                manager_autostart(m);
        manager_start_remembered(m);
        return 0;
}

/* All at once, so that timeouts do not add up; who stands in another's After= waits for that one. A stop whose
 * JobTimeoutSec= was over before it began is asked for again. */
static int stop_all(Manager *m, bool *ret_all_down) {
        *ret_all_down = true;
        for (size_t i = 0; i < m->n_sorted; i++) {
                Container *c = m->sorted[i];
                int r = 0;

                if (c->job && c->job->type != JOB_STOP)
                        job_finish(c, "canceled", false);
                /* What remains after its exit is stopped as well: its ExecStop= undoes what its start did. */
                if (container_is_dead(c))
                        continue;
                *ret_all_down = false;
                if (!c->job && (container_is_up(c) || c->state == CONTAINER_RESTARTING))
                        r = job_install(c, JOB_STOP, false, NULL);
                if (r < 0)
                        return r;
        }
        return 0;
}

int manager_shutdown(Manager *m, void (*done)(void *userdata), void *userdata) {
        m->shutting_down = true;
        m->shutdown_done = done;
        m->shutdown_userdata = userdata;
        job_schedule(m);
        return 0;
}

static void shutdown_complete(Manager *m) {
        void (*done)(void *userdata) = m->shutdown_done;

        m->shutdown_done = NULL;
        if (m->cgroup_open)
                cgroup_root_remove(&m->cgroup);
        if (done)
                done(m->shutdown_userdata);
}

static int on_keeper_gone(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        (void)sd_event_source_set_enabled(s, SD_EVENT_OFF);
        shutdown_complete(userdata);
        return 0;
}

void manager_finish_shutdown(Manager *m) {
        bool all_down;

        if (!m->shutting_down || m->shutdown_source || !m->shutdown_done)
                return;
        if (stop_all(m, &all_down) < 0)
                log_message(&m->config.log, LOG_ERR, "cannot stop the containers");
        if (!all_down)
                return;
        if (m->keeper_fd >= 0 &&
            sd_event_add_io(m->event, &m->shutdown_source, m->keeper_fd, EPOLLIN, on_keeper_gone, m) >= 0 &&
            pidfd_signal(m->keeper_fd, SIGTERM) >= 0)
                return;
        shutdown_complete(m);
}
