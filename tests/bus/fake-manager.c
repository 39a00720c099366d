/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* manager/container/manager.h as a registry in memory: no keeper, no cgroup, no root. It lives by the same contract,
 * asynchronously where the real one is, so that the bus objects can be tested against it. Names say how a container
 * behaves: web has every directive set to its sample, plain has defaults, broken never loaded, error@CODE answers
 * everything with that code, slow@X needs a moment to start, true@X ends at once, any@X just runs. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#include "manager/base/io.h"
#include "manager/base/string-list.h"
#include "manager/claims/claims.h"
#include "tests/bus/fake-manager.h"

#define SLOW_USEC (100 * USEC_PER_MSEC)

#define TELL(m, callback, ...)                                                                                \
        for (size_t _i = 0; _i < ELEMENTSOF((m)->listeners); _i++)                                            \
                if ((m)->listeners[_i].callbacks && (m)->listeners[_i].callbacks->callback)                   \
                        (m)->listeners[_i].callbacks->callback(__VA_ARGS__, (m)->listeners[_i].userdata)

static uint64_t now_usec(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_REALTIME, &t);
        return (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / NSEC_PER_USEC;
}

/* --- registry */
static ContainerSpec *make_spec(const char *name, bool samples) {
        ContainerSpec *spec = NULL;

        if (container_spec_new(name, &spec) < 0)
                abort();
        for (DirectiveId id = 0; samples && id < _DIRECTIVE_MAX; id++) {
                ValueContext context = { .origin = { "web.container", id + 1 }, .directive = directives[id].name };

                if (directives[id].type->parse(&context, directives[id].sample, container_spec_field(spec, id)) < 0)
                        abort();
        }
        spec->fragment_path = strdup("/etc/bulwark/units/w\xe9" "b.container"); /* Latin-1: not every path is UTF-8 */
        return spec;
}

static int add(Manager *m, const char *name, Container **ret) {
        Container **at = &m->containers, *c = calloc(1, sizeof(Container));

        if (!c)
                return -ENOMEM;
        c->manager = m;
        c->name = strdup(name);
        if (streq(name, "broken"))
                c->load_error = "broken.container:3: ReadOnyl=: unknown; did you mean ReadOnly=?";
        else
                c->spec = make_spec(name, streq(name, "web"));
        while (*at && strcmp((*at)->name, name) < 0)
                at = &(*at)->next;
        c->next = *at;
        *at = c;
        TELL(m, container_new, c);
        if (ret)
                *ret = c;
        return 0;
}

static void container_free(Container *c) {
        sd_event_source_disable_unref(c->job_source);
        sd_event_source_disable_unref(c->end_source);
        container_spec_unref(c->spec);
        free(c->last_error);
        free(c->name);
        free(c);
}

int manager_new(const ManagerConfig *config, sd_event *event, Diag *diag, Manager **ret) {
        Manager *m = calloc(1, sizeof(Manager));

        if (!m)
                return -ENOMEM;
        m->config = config;
        m->event = event;
        *ret = m;
        return 0;
}

int manager_start(Manager *m, Diag *diag) {
        static const char *const names[] = { "web", "plain", "broken" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (add(m, names[i], NULL) < 0)
                        return -ENOMEM;
        return 0;
}

static void session_free(Session *s) {
        for (Session **at = &s->manager->sessions; *at; at = &(*at)->next)
                if (*at == s) {
                        *at = s->next;
                        break;
                }
        sd_event_source_disable_unref(s->start_source);
        sd_event_source_disable_unref(s->child_source);
        for (size_t i = 0; i < ELEMENTSOF(s->stdio); i++)
                safe_close(s->stdio[i]);
        free(s);
}

Manager *manager_free(Manager *m) {
        if (!m)
                return NULL;
        while (m->sessions) {
                if (m->sessions->pid > 0) {
                        (void)kill(m->sessions->pid, SIGKILL);
                        (void)waitpid(m->sessions->pid, NULL, 0);
                }
                session_free(m->sessions);
        }
        while (m->containers) {
                Container *c = m->containers;

                m->containers = c->next;
                container_free(c);
        }
        sd_event_source_disable_unref(m->shutdown_source);
        free(m);
        return NULL;
}

const ManagerConfig *manager_config(const Manager *m) {
        return m->config;
}

static int on_shutdown(sd_event_source *s, void *userdata) {
        Manager *m = userdata;

        m->shutdown_done(m->shutdown_userdata);
        return 0;
}

int manager_remember_running(Manager *m) {
        return 0;
}

int manager_shutdown(Manager *m, void (*done)(void *userdata), void *userdata) {
        m->shutdown_done = done;
        m->shutdown_userdata = userdata;
        return sd_event_add_defer(m->event, &m->shutdown_source, on_shutdown, m);
}

const SpecifierFacts *manager_specifiers(const Manager *m) {
        static const SpecifierFacts facts = { .host_name = (char *)"host" };

        return &facts;
}

int manager_listen(Manager *m, const ManagerListener *listener, void *userdata) {
        for (size_t i = 0; i < ELEMENTSOF(m->listeners); i++)
                if (!m->listeners[i].callbacks) {
                        m->listeners[i] = (Listener){ listener, userdata };
                        return 0;
                }
        return -ENOMEM;
}

void manager_unlisten(Manager *m, void *userdata) {
        for (size_t i = 0; i < ELEMENTSOF(m->listeners); i++)
                if (m->listeners[i].userdata == userdata)
                        m->listeners[i] = (Listener){};
}

Container *manager_first(Manager *m) {
        return m->containers;
}

Container *manager_next(Manager *m, Container *c) {
        return c->next;
}

Container *manager_find(Manager *m, const char *name) {
        for (Container *c = m->containers; c; c = c->next)
                if (streq(c->name, name))
                        return c;
        return NULL;
}

int manager_get(Manager *m, const char *name, Diag *diag, Container **ret) {
        static const char *const templates[] = { "error@", "slow@", "true@", "any@" };

        *ret = manager_find(m, name);
        if (*ret)
                return 0;
        for (size_t i = 0; i < ELEMENTSOF(templates); i++)
                if (startswith(name, templates[i]))
                        return add(m, name, ret);
        return diag_error(diag, ERROR_NO_SUCH_UNIT, NULL, NULL, "No unit file %s.container exists", name);
}

/* Reloads by turns: well; with a mistake; well, and it forgets any@gone. */
/* Refused at once the first time, and later the second. */
int manager_reexecute(Manager *m, Diag *diag, void (*refused)(int r, const Diag *diag, void *userdata), void *userdata) {
        _cleanup_(diag_done) Diag later = {};

        if (!m->reexec_asked) {
                m->reexec_asked = true;
                return diag_error(diag, ERROR_BUSY, NULL, NULL, "not now");
        }
        refused(diag_error(&later, ERROR_FAILED, NULL, NULL, "no such program"), &later, userdata);
        return 0;
}

void manager_set_machine_host(Manager *m, const MachineHost *host, void *userdata) {
}

void container_scoped(Container *c, const char *unit, int r, const char *words) {
}

void container_register_failed(Container *c, const char *words) {
}

const char *container_machine_unit(const Container *c) {
        return NULL;
}

int manager_take_over_jobs(Manager *m, int fd) {
        return 0;
}

int manager_reload(Manager *m, Diag *diag) {
        int r = 0;

        TELL(m, reloading, true);
        for (Container **at = &m->containers; *at;) {
                Container *c = *at;

                if (streq(c->name, "web"))
                        TELL(m, container_changed, c);
                if (!streq(c->name, "any@gone")) {
                        at = &c->next;
                        continue;
                }
                *at = c->next;
                TELL(m, container_removed, c);
                container_free(c);
        }
        if (++m->n_reloads % 2 == 0)
                r = diag_error(diag, ERROR_SYNTAX, &(Origin){ "web.container", 7 }, NULL, "This line is no assignment");
        TELL(m, reloading, false);
        return r;
}

/* --- a container's life */
static int refused(const Container *c, Diag *diag) {
        const char *code = startswith(c->name, "error@");

        for (ErrorCode i = 0; code && i < _ERROR_CODE_MAX; i++)
                if (streq(error_code_to_string(i), code)) {
                        (void)diag_error(diag, i, &(Origin){ "error.container", 1 }, "First", "the first mistake");
                        return diag_error(diag, ERROR_FAILED, NULL, NULL, "the second mistake");
                }
        return 0;
}

static void set_state(Container *c, ContainerState state) {
        bool was_active = c->state == CONTAINER_RUNNING, is_active = state == CONTAINER_RUNNING;

        c->state = state;
        c->changed = now_usec();
        if (was_active != is_active)
                c->active[is_active ? 0 : 1] = c->changed;
        if (is_active && !was_active)
                TELL(c->manager, event, c, EVENT_KIND_READY);
        if (state == CONTAINER_FAILED || state == CONTAINER_INACTIVE)
                TELL(c->manager, event, c, state == CONTAINER_FAILED ? EVENT_KIND_FAILED : EVENT_KIND_STOPPED);
        TELL(c->manager, container_changed, c);
}

static void end(Container *c, int code, int status) {
        bool well = code == CLD_EXITED && status == 0;

        c->exit = (ExitReport){ .valid = true, .code = code, .status = status, .realtime_usec = now_usec() };
        TELL(c->manager, event, c, EVENT_KIND_EXIT);
        c->result = well ? RESULT_SUCCESS : code == CLD_EXITED ? RESULT_EXIT_CODE : RESULT_SIGNAL;
        set_state(c, well ? CONTAINER_INACTIVE : CONTAINER_FAILED);
}

static int on_end(sd_event_source *s, uint64_t usec, void *userdata) {
        Container *c = userdata;

        c->end_source = sd_event_source_disable_unref(c->end_source);
        end(c, CLD_EXITED, 0);
        return 0;
}

static int on_job(sd_event_source *s, uint64_t usec, void *userdata) {
        Container *c = userdata;
        uint32_t id = c->job;

        c->job_source = sd_event_source_disable_unref(c->job_source);
        c->job = 0;
        if (c->job_type == JOB_STOP)
                end(c, CLD_EXITED, 0);
        else
                set_state(c, CONTAINER_RUNNING);
        TELL(c->manager, job_removed, id, c, "done");
        if (c->job_type != JOB_STOP && startswith(c->name, "true@"))
                (void)sd_event_add_time_relative(c->manager->event, &c->end_source, CLOCK_MONOTONIC, 0, 1, on_end, c);
        return 0;
}

const char *job_type_to_string(JobType t) {
        static const char *const names[_JOB_TYPE_MAX] = { "start", "stop", "restart", "reload", "nop" };

        return t < _JOB_TYPE_MAX ? names[t] : NULL;
}

static const char *const modes[_JOB_MODE_MAX] = { "replace", "fail", "ignore-dependencies" };

const char *job_mode_to_string(JobMode m) {
        return m >= 0 && m < _JOB_MODE_MAX ? modes[m] : NULL;
}

JobMode job_mode_from_string(const char *word) {
        for (int m = 0; m < _JOB_MODE_MAX; m++)
                if (streq(modes[m], word))
                        return (JobMode)m;
        return _JOB_MODE_INVALID;
}

static void cancel(Container *c) {
        uint32_t old = c->job;

        c->job_source = sd_event_source_disable_unref(c->job_source);
        c->job = 0;
        TELL(c->manager, job_removed, old, c, "canceled");
}

int manager_cancel_job(Manager *m, uint32_t id, Diag *diag) {
        for (Container *c = m->containers; c; c = c->next)
                if (id != 0 && c->job == id) {
                        cancel(c);
                        return 0;
                }
        return diag_error(diag, ERROR_NOT_ACTIVE, NULL, NULL, "There is no job %u", (unsigned)id);
}

/* As if everyone required the sample, and it them. */
int container_dependencies(const Container *c, bool reverse, DependencyView **ret, size_t *ret_n) {
        DependencyView *v = calloc(1, sizeof(*v));

        if (!v)
                return -ENOMEM;
        *v = (DependencyView){ .kind = reverse ? "RequiredBy" : "Requires",
                               .name = "sample",
                               .origin = strdup(reverse ? "sample.container:1: Requires=web"
                                                        : "web.container:3: Requires=sample") };
        *ret = v;
        *ret_n = 1;
        return 0;
}

void dependency_views_free(DependencyView *views, size_t n) {
        for (size_t i = 0; i < n; i++)
                free(views[i].origin);
        free(views);
}

JobType container_job_of(const Container *c, JobRequest request) {
        static const JobType jobs[_JOB_REQUEST_MAX] = {
                [REQUEST_START] = JOB_START,           [REQUEST_STOP] = JOB_STOP,
                [REQUEST_RESTART] = JOB_RESTART,       [REQUEST_TRY_RESTART] = JOB_RESTART,
                [REQUEST_RELOAD] = JOB_RELOAD,         [REQUEST_RELOAD_OR_RESTART] = JOB_RELOAD,
                [REQUEST_RELOAD_OR_TRY_RESTART] = JOB_RELOAD,
        };

        return jobs[request];
}

bool container_can_reload(const Container *c) {
        return true;
}

int container_queue_job(Container *c, JobType type, JobMode mode, Diag *diag, uint32_t *ret_id) {
        int r = refused(c, diag);

        if (r < 0)
                return r;
        if (c->job != 0 && mode == JOB_MODE_FAIL)
                return diag_error(diag, ERROR_BUSY, NULL, NULL, "Job %u is under way", (unsigned)c->job);
        if (c->job != 0)
                cancel(c);
        c->job = ++c->manager->last_job;
        c->job_type = type;
        TELL(c->manager, job_new, c->job, c);
        set_state(c, type == JOB_STOP ? CONTAINER_STOPPING : CONTAINER_LAUNCHING);
        *ret_id = c->job;
        return sd_event_add_time_relative(c->manager->event, &c->job_source, CLOCK_MONOTONIC,
                                          startswith(c->name, "slow@") ? SLOW_USEC : 0, 1, on_job, c);
}

int container_queue_manual_job(Container *c, JobType type, JobMode mode, Diag *diag, uint32_t *ret_id) {
        return container_queue_job(c, type, mode, diag, ret_id);
}

/* --- properties: what is set is in force at the next look; a row that is set to what makes a unit bad is refused */
int container_set_properties(Container *c, bool runtime, const ContainerSpec *draft, const bool set[static _DIRECTIVE_MAX],
                             Diag *diag) {
        int r = refused(c, diag);

        for (DirectiveId id = 0; r >= 0 && id < _DIRECTIVE_MAX; id++) {
                ValueContext context = { .diag = diag, .directive = directives[id].name };
                _cleanup_free_ char *text = NULL;

                if (!set[id])
                        continue;
                r = directives[id].type->print(container_spec_field_const(draft, id), &text);
                if (r >= 0)
                        r = container_spec_assign(c->spec, id, &context, "");
                if (r >= 0)
                        r = container_spec_assign(c->spec, id, &context, text);
        }
        if (r >= 0)
                TELL(c->manager, unit_changed, c);
        return r;
}

int manager_start_transient(Manager *m, const ContainerSpec *draft, JobMode mode, Diag *diag, Container **ret,
                            uint32_t *ret_id) {
        bool set[_DIRECTIVE_MAX];
        int r;

        if (manager_find(m, draft->name))
                return diag_error(diag, ERROR_FAILED, NULL, NULL, "%s is a unit already", draft->name);
        memset(set, true, sizeof(set));
        r = add(m, draft->name, ret);
        if (r >= 0)
                r = container_set_properties(*ret, true, draft, set, diag);
        return r < 0 ? r : container_queue_job(*ret, JOB_START, mode, diag, ret_id);
}

int manager_run_transient(Manager *m, const ContainerSpec *draft, JobMode mode, Attachment *attachment, Diag *diag, uint32_t *ret_id) {
        Container *c;

        return manager_start_transient(m, draft, mode, diag, &c, ret_id);
}

/* One descriptor for a terminal, else three, as the manager has them. */
int attachment_open(bool terminal, unsigned rows, unsigned columns, Attachment *ret, int ret_ours[static 3], size_t *ret_n) {
        *ret = ATTACHMENT_NONE;
        for (*ret_n = 0; *ret_n < (terminal ? 1U : 3U); (*ret_n)++)
                ret_ours[*ret_n] = open("/dev/null", O_RDWR | O_CLOEXEC);
        return 0;
}

void attachment_done(Attachment *a) {
        *a = ATTACHMENT_NONE;
}

bool container_transient(const Container *c) {
        return startswith(c->name, "transient-") != NULL;
}

int container_restart_needed(const Container *c, char ***ret) {
        *ret = NULL;
        return streq(c->name, "web") ? strv_extend(ret, "ReadOnly") : 0;
}

int container_kill(Container *c, const char *whom, int number, Diag *diag) {
        int r = refused(c, diag);

        if (r < 0)
                return r;
        if (c->state != CONTAINER_RUNNING)
                return diag_error(diag, ERROR_NOT_ACTIVE, NULL, NULL, "%s is not running", c->name);
        end(c, CLD_KILLED, number);
        return 0;
}

static int set_frozen(Container *c, bool frozen, Diag *diag) {
        int r = refused(c, diag);

        if (r < 0)
                return r;
        c->frozen = frozen;
        TELL(c->manager, container_changed, c);
        return 0;
}

int container_freeze(Container *c, Diag *diag) {
        return set_frozen(c, true, diag);
}

int container_thaw(Container *c, Diag *diag) {
        return set_frozen(c, false, diag);
}

int container_reset_failed(Container *c, Diag *diag) {
        int r = refused(c, diag);

        if (r < 0)
                return r;
        if (c->state == CONTAINER_FAILED) {
                c->result = RESULT_SUCCESS;
                set_state(c, CONTAINER_INACTIVE);
        }
        return 0;
}

/* --- exec: a real process, so that abandoning can be seen */
static int on_child(sd_event_source *source, const siginfo_t *si, void *userdata) {
        Session *s = userdata;

        s->pid = 0;
        s->ended(s->id, si->si_code, si->si_status, s->userdata);
        session_free(s);
        return 0;
}

static int on_start(sd_event_source *source, void *userdata) {
        Session *s = userdata;
        ExecSession session = { .id = s->id, .stdio = { s->stdio[0], s->stdio[1], s->stdio[2] } };
        _cleanup_(diag_done) Diag diag = {};

        if (s->error < 0) {
                (void)diag_error(&diag, ERROR_EXEC, NULL, NULL, "No such program");
                s->started(s->error, &diag, NULL, s->userdata);
                session_free(s);
                return 0;
        }
        for (size_t i = 0; i < ELEMENTSOF(s->stdio); i++)
                s->stdio[i] = -EBADF;
        if (pidfd_open_checked(s->pid, &session.pidfd) < 0)
                session.pidfd = -EBADF;
        s->started(0, NULL, &session, s->userdata);
        safe_close(session.pidfd);
        return 0;
}

static int spawn(Session *s, char **argv) {
        int pipes[3][2], r;

        for (size_t i = 0; i < ELEMENTSOF(pipes); i++)
                if (pipe2(pipes[i], O_CLOEXEC) < 0)
                        return -errno;
        s->pid = fork();
        if (s->pid < 0)
                return -errno;
        if (s->pid == 0) {
                sigset_t none;

                (void)sigemptyset(&none);
                (void)sigprocmask(SIG_SETMASK, &none, NULL);
                (void)dup2(pipes[0][0], STDIN_FILENO);
                (void)dup2(pipes[1][1], STDOUT_FILENO);
                (void)dup2(pipes[2][1], STDERR_FILENO);
                (void)execvp(argv[0], argv);
                _exit(127);
        }
        s->stdio[0] = pipes[0][1];
        s->stdio[1] = pipes[1][0];
        s->stdio[2] = pipes[2][0];
        (void)close(pipes[0][0]);
        (void)close(pipes[1][1]);
        (void)close(pipes[2][1]);
        r = sd_event_add_child(s->manager->event, &s->child_source, s->pid, WEXITED, on_child, s);
        return r < 0 ? r : 0;
}

int container_exec(Container *c, const ExecRequest *request, Diag *diag,
                   void (*started)(int r, const Diag *diag, ExecSession *session, void *userdata),
                   void (*ended)(uint32_t id, int exit_code, int exit_status, void *userdata), void *userdata) {
        const char *word = request->shell ? "shell" : request->argv[0];
        Session *s;
        int r;

        if (streq(word, "refused"))
                return diag_error(diag, ERROR_NOT_ACTIVE, NULL, NULL, "%s is not running", c->name);
        s = calloc(1, sizeof(Session));
        if (!s)
                return -ENOMEM;
        *s = (Session){ .next = c->manager->sessions, .manager = c->manager, .id = ++c->manager->last_job,
                        .stdio = { -EBADF, -EBADF, -EBADF }, .started = started, .ended = ended,
                        .userdata = userdata };
        c->manager->sessions = s;

        if (streq(word, "fails") || streq(word, "fails-at-once")) {
                s->error = -ENOENT;
                if (streq(word, "fails-at-once"))
                        return on_start(NULL, s);
        } else {
                r = spawn(s, request->shell ? (char *[]){ (char *)"sh", NULL } : request->argv);
                if (r < 0) {
                        session_free(s);
                        return r;
                }
        }
        return sd_event_add_defer(c->manager->event, &s->start_source, on_start, s);
}

/* The claims of a container are made up. */
typedef struct FakeProbe {
        ProbeDone done;
        void *userdata;
} FakeProbe;

static int on_probe(sd_event_source *source, void *userdata) {
        _cleanup_free_ FakeProbe *p = userdata;
        Claim claims[] = {
                { .topic = TOPIC_CAPABILITIES, .words = (char *)"bounding set", .kind = QUESTION_FIELD,
                  .expected = (char *)"3", .observed = (char *)"7", .file = (char *)"/web.container", .line = 4,
                  .directive = (char *)"CapabilityBoundingSet", .askable = true },
                { .topic = TOPIC_FILTER, .view = VIEW_PAYLOAD, .words = (char *)"mount is denied",
                  .expected = (char *)"EPERM", .observed = (char *)"EPERM", .askable = true },
        };

        p->done(0, NULL, &(Claims){ .items = claims, .n = ELEMENTSOF(claims) }, p->userdata);
        return 0;
}

int container_probe(Container *c, Diag *diag, ProbeDone done, void *userdata) {
        FakeProbe *p;
        int r;

        if (!streq(container_active_state(c), "active"))
                return diag_error(diag, ERROR_NOT_ACTIVE, NULL, NULL, "%s is not running", c->name);
        p = malloc(sizeof(*p));
        if (!p)
                return -ENOMEM;
        *p = (FakeProbe){ .done = done, .userdata = userdata };
        r = sd_event_add_defer(c->manager->event, NULL, on_probe, p);
        return r < 0 ? r : 0;
}

int manager_exec_signal(Manager *m, uint32_t id, int number) {
        for (Session *s = m->sessions; s; s = s->next)
                if (s->id == id && s->pid > 0)
                        return kill(s->pid, number) < 0 ? -errno : 0;
        return -ESRCH;
}

void manager_exec_abandon(Manager *m, uint32_t id) {
        (void)manager_exec_signal(m, id, SIGHUP);
        (void)manager_exec_signal(m, id, SIGKILL);
}
