/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The probe: bulwark-probe runs as the last step of the container's own plan, asked what the unit claims. Its answers
 * are bytes out of the container: bounded, checked, and compared here. */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <utlist.h>

#include "manager/base/io.h"
#include "manager/container/container-internal.h"
#include "manager/container/session/probe-outside.h"

#define PROBE_TIMEOUT (20 * USEC_PER_SEC)
#define PROBE_OUTPUT_MAX (4U << 20)
#define PROBES_MAX 16 /* at once, of all containers */

struct Probe {
        Probe *prev, *next;
        Container *container;
        Claims claims;
        uint32_t session; /* 0 = it never came so far, or has ended */
        bool timed_out, too_much;
        int code, status; /* of its end */
        int output;       /* until its end was read */
        char *data;
        size_t size, allocated;
        sd_event_source *output_source, *timer;
        ProbeDone done;
        void *userdata;
};

static Probe *probe_free(Probe *p) {
        if (!p)
                return NULL;
        p->output_source = sd_event_source_disable_unref(p->output_source);
        p->timer = sd_event_source_disable_unref(p->timer);
        (void)safe_close(p->output);
        claims_done(&p->claims);
        free(p->data);
        free(p);
        return NULL;
}
DEFINE_CLEANUP(Probe, probe_free)

void probes_free(Manager *m) {
        while (m->probes) {
                Probe *p = m->probes;

                DL_DELETE(m->probes, p);
                (void)probe_free(p);
        }
}

/* --- its end */

static int explain(const Probe *p, int r, Diag *diag) {
        const char *name = container_name(p->container);

        if (p->timed_out)
                return diag_error(diag, ERROR_TIMEOUT, NULL, NULL, "the probe of %s did not answer in time", name);
        if (p->too_much)
                return diag_error(diag, ERROR_FAILED, NULL, NULL, "the probe of %s answered too much", name);
        if (r == -ESRCH)
                return diag_error(diag, ERROR_NOT_ACTIVE, NULL, NULL, "%s ended while it was probed", name);
        if (p->code == CLD_EXITED)
                return diag_error(diag, ERROR_FAILED, NULL, NULL, "the probe of %s gave no whole answer (exit code %d)",
                                  name, p->status);
        return diag_error(diag, ERROR_FAILED, NULL, NULL, "the probe of %s gave no whole answer (ended by %s)", name,
                          p->code == 0 ? "nobody knows what" : strempty(signal_to_string(p->status)));
}

static void probe_finish(Probe *p, int r, const Diag *diag) {
        DL_DELETE(p->container->manager->probes, p);
        p->done(r, diag, r < 0 ? NULL : &p->claims, p->userdata);
        (void)probe_free(p);
}

/* Both the end of the process and of its output are waited for: what it wrote last may come after. */
static void probe_check_end(Probe *p) {
        _cleanup_(diag_done) Diag diag = {};
        int r;

        if (p->session != 0 || p->output >= 0)
                return;
        r = claims_take_answers(&p->claims, p->data, p->size);
        if (r >= 0 && p->claims.n > 0 && p->container->leader > 0)
                r = outside_answer(p->container, &p->claims);
        if (r < 0)
                r = explain(p, r, &diag);
        probe_finish(p, r, &diag);
}

static void probe_close_output(Probe *p) {
        p->output_source = sd_event_source_disable_unref(p->output_source);
        p->output = safe_close(p->output);
}

static int on_output(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Probe *p = userdata;
        ssize_t n;

        if (p->size == p->allocated) {
                size_t grown = MAX_OF(2 * p->allocated, (size_t)16384);
                char *data = grown > PROBE_OUTPUT_MAX ? NULL : realloc(p->data, grown);

                if (!data) {
                        p->too_much = true;
                        (void)manager_exec_signal(p->container->manager, p->session, SIGKILL);
                        probe_close_output(p);
                        probe_check_end(p);
                        return 0;
                }
                p->data = data;
                p->allocated = grown;
        }
        n = read(fd, p->data + p->size, p->allocated - p->size);
        if (n > 0)
                p->size += (size_t)n;
        else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
                probe_close_output(p);
                probe_check_end(p);
        }
        return 0;
}

static int on_timeout(sd_event_source *s, uint64_t usec, void *userdata) {
        Probe *p = userdata;

        p->timer = sd_event_source_disable_unref(p->timer);
        p->timed_out = true;
        (void)manager_exec_signal(p->container->manager, p->session, SIGKILL);
        /* Whoever else holds the pipe, nobody waits for it. */
        probe_close_output(p);
        probe_check_end(p);
        return 0;
}

static int watch_output(Probe *p) {
        int r;

        if (fcntl(p->output, F_SETFL, O_NONBLOCK) < 0)
                return -errno;
        r = sd_event_add_io(p->container->manager->event, &p->output_source, p->output, EPOLLIN, on_output, p);
        return r < 0 ? r : 0;
}

static void on_started(int r, const Diag *diag, ExecSession *session, void *userdata) {
        Probe *p = userdata;

        if (r < 0) {
                probe_finish(p, r, diag);
                return;
        }
        p->output = TAKE_FD(session->stdio[1]);
        for (size_t i = 0; i < ELEMENTSOF(session->stdio); i++)
                session->stdio[i] = safe_close(session->stdio[i]);
        r = watch_output(p);
        if (r < 0)
                p->output = safe_close(p->output); /* and it ends by SIGPIPE */
}

static void on_ended(uint32_t id, int exit_code, int exit_status, void *userdata) {
        Probe *p = userdata;

        p->session = 0;
        p->code = exit_code;
        p->status = exit_status;
        probe_check_end(p);
}

/* --- its beginning */

/* Whoever can write to the file would speak for every container. */
static int open_program(Manager *m, Diag *diag, int *ret) {
        const char *path = strempty(m->config.probe);
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
        struct stat st;
        int r;

        if (fd < 0 || fstat(fd, &st) < 0)
                return diag_errno(diag, ERROR_FAILED, NULL, NULL, errno, "cannot open the probe's program %s", path);
        if (!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & 0022) != 0)
                return diag_error(diag, ERROR_ACCESS, NULL, NULL,
                                  "others may write to the probe's program %s: it must be a file of root's that neither "
                                  "group nor others may write", path);
        r = memfd_program("bulwark-probe", fd, 0555, ret);
        return r < 0 ? diag_errno(diag, ERROR_NO_MEMORY, NULL, NULL, -r, "cannot copy the probe's program") : 0;
}

/* The plan that the probe is the last step of: into what runs, or of a start that nobody else sees. */
static int plan_of(Container *c, const PolicySet *policies, bool trial, Diag *diag, Plan **ret) {
        char *argv[] = { (char *)"bulwark-probe", NULL };
        const ExecParameters p = { .argv = argv,
                                   .user_namespace = c->id_count > 0,
                                   .program = true,
                                   .labels = mac_plan_labels(c) };

        if (trial)
                return container_plan_start(c, policies, true, diag, ret);
        return plan_build_exec(c->spec, policies, &p, diag, ret);
}

/* The claims are those of the whole plans, whatever a test leaves out of the one that runs. */
static int make_claims(Container *c, bool trial, Plan **ret_process, Diag *diag, Claims *ret) {
        _cleanup_(policy_set_unrefp) const PolicySet *policies = NULL;
        _cleanup_(outside_facts_done) OutsideFacts facts = {};
        _cleanup_(plan_freep) Plan *start = NULL, *process = NULL;
        int r;

        r = outside_facts(c, &facts);
        if (r < 0)
                return diag_errno(diag, r == -ESRCH ? ERROR_NOT_ACTIVE : ERROR_FAILED, NULL, NULL, -r,
                                  "cannot look at %s", c->name);
        r = policy_compile(c->spec, c->manager->cache_fd, diag, &policies);
        if (r >= 0)
                r = container_plan_start(c, policies, false, diag, &start);
        if (r >= 0)
                r = plan_of(c, policies, trial, diag, &process);
        if (r >= 0)
                r = claims_build(c->spec, policies, &start->view, &process->view, &facts.facts, ret);
        if (r < 0)
                return diag->n_errors > 0 ? r
                                          : diag_errno(diag, ERROR_FAILED, NULL, NULL, -r, "cannot tell what %s claims",
                                                       c->name);
        *ret_process = TAKE_PTR(process);
        return 0;
}

static int questions_memfd(const Claims *claims, int *ret) {
        _cleanup_free_ void *data = NULL;
        size_t size;
        int r;

        r = claims_questions(claims, &data, &size);
        return r < 0 ? r : memfd_sealed("bulwark-questions", data, size, ret);
}

static int probe_start(Probe *p, Plan **plan, Diag *diag) {
        const SessionCallbacks callbacks = { .started = on_started, .ended = on_ended, .userdata = p };
        _cleanup_close_ int program = -EBADF, questions = -EBADF;
        Container *c = p->container;
        int r;

        r = open_program(c->manager, diag, &program);
        if (r < 0)
                return r;
        r = questions_memfd(&p->claims, &questions);
        /* What is executed and read inside are files of the container's. */
        if (r >= 0)
                r = mac_label_file(c, program);
        if (r >= 0)
                r = mac_label_file(c, questions);
        if (r >= 0) {
                r = sd_event_add_time_relative(c->manager->event, &p->timer, CLOCK_MONOTONIC, PROBE_TIMEOUT,
                                               100 * USEC_PER_MSEC, on_timeout, p);
                r = r < 0 ? r : 0;
        }
        if (r < 0)
                return diag_errno(diag, ERROR_NO_MEMORY, NULL, NULL, -r, "cannot ask the probe");
        r = container_omit_steps(c, plan, diag);
        return r < 0 ? r : session_start_program(c, plan, questions, program, diag, &callbacks, &p->session);
}

static int check_room(const Container *c, Diag *diag) {
        const Probe *p;
        size_t n = 0;

        DL_COUNT(c->manager->probes, p, n);
        if (n >= PROBES_MAX)
                return diag_error(diag, ERROR_BUSY, NULL, NULL, "%d probes are under way; try again", PROBES_MAX);
        return 0;
}

static int begin(Container *c, bool trial, Diag *diag, ProbeDone done, void *userdata) {
        _cleanup_(probe_freep) Probe *p = NULL;
        _cleanup_(plan_freep) Plan *plan = NULL;
        int r;

        p = malloc(sizeof(*p));
        if (!p)
                return -ENOMEM;
        *p = (Probe){ .container = c, .output = -EBADF, .done = done, .userdata = userdata };
        r = make_claims(c, trial, &plan, diag, &p->claims);
        if (r >= 0)
                r = probe_start(p, &plan, diag);
        if (r < 0)
                return r;
        DL_APPEND(c->manager->probes, p);
        (void)TAKE_PTR(p);
        return 0;
}

int container_probe(Container *c, Diag *diag, ProbeDone done, void *userdata) {
        int r;

        r = container_check_running(c, diag);
        if (r >= 0)
                r = check_room(c, diag);
        return r < 0 ? r : begin(c, false, diag, done, userdata);
}

/* --- VerifyOnStart=: before the payload, the probe takes its place in the same plan, ids and control group. It is no
 * container to the keeper: where the manager goes, it is killed, and nothing is left. */

static void differences(const Claims *claims, Diag *diag) {
        for (size_t i = 0; i < claims->n; i++) {
                const Claim *claim = claims->items + i;
                _cleanup_free_ char *expected = NULL;

                if (claim_result(claim) != CLAIM_DIFFERS || claim_expected(claim, &expected) < 0)
                        continue;
                (void)diag_error(diag, ERROR_POLICY, &(Origin){ claim->file, claim->line }, claim->directive,
                                 "%s: expected %s, the kernel answers %s", claim->words, expected,
                                 claim->observed ? claim->observed : "nothing");
        }
}

/* The words go where the last error is shown; the answer is whether the start may go on. */
static bool judge(Container *c, int r, const Diag *diag, ContainerResult result) {
        if (diag->n_errors == 0 && r >= 0)
                return true;
        diag_keep(diag, &c->last_error);
        log_message(&c->manager->config.log, LOG_WARNING, "%s: the probe before its start: %s", c->name,
                    c->last_error ? c->last_error : strerror(-r));
        if (c->spec->verify_on_start == VERIFY_WARN)
                return true;
        c->result = result;
        return false;
}

static void on_verified(int r, const Diag *diag, const Claims *claims, void *userdata) {
        _cleanup_(diag_done) Diag own = {};
        Container *c = userdata;
        ContainerResult result;

        if (c->state != CONTAINER_PROBING) { /* stopped meanwhile */
                (void)container_event(c, EVENT_NOT_STARTED);
                return;
        }
        if (claims)
                differences(claims, &own);
        /* Without its label it was killed before it could answer: that is a difference too. */
        result = claims || diag_first_code(diag) == ERROR_POLICY ? RESULT_PROBE : RESULT_LAUNCH;
        (void)container_event(c, judge(c, r, claims ? &own : diag, result) ? EVENT_VERIFIED : EVENT_NOT_STARTED);
}

ContainerEvent action_verify(Container *c) {
        _cleanup_(diag_done) Diag diag = {};
        int r;

        r = begin(c, true, &diag, on_verified, c);
        if (r >= 0)
                return _CONTAINER_EVENT_NONE;
        if (diag.n_errors == 0)
                (void)diag_errno(&diag, ERROR_FAILED, NULL, NULL, -r, "cannot probe the start");
        return judge(c, r, &diag, RESULT_RESOURCES) ? EVENT_VERIFIED : EVENT_NOT_STARTED;
}
