/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The manager becomes a newer version of itself. To everything that it holds this is its death, which loses nothing; so all
 * that is to be done here is what makes it gentler: starts under way come to their end first, none begins meanwhile, and
 * jobs that wait are handed over. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "manager/base/io.h"
#include "manager/container/container-internal.h"

#define REST_PATIENCE (30 * USEC_PER_SEC)
#define JOBS_MAX (16U << 20)

/* What the keeper would kill, or nobody would end, if we went now. */
static bool is_starting(const Container *c) {
        const StateRow *row = container_state_row(c->state);

        return c->spawning || (row->phase == PHASE_COMING && row->commands == COMMAND_NONE);
}

static const Container *first_starting(const Manager *m) {
        for (size_t i = 0; i < m->n_sorted; i++)
                if (is_starting(m->sorted[i]))
                        return m->sorted[i];
        return NULL;
}

static int jobs_save(const Manager *m, int *ret_fd) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = str_append(&text, "%u\n", (unsigned)m->last_job);
        for (size_t i = 0; r >= 0 && i < m->n_sorted; i++) {
                const Job *j = m->sorted[i]->job;

                if (j)
                        r = str_append(&text, "%u %d %d %s\n", (unsigned)j->id, (int)j->type, (int)j->ignore_order,
                                       m->sorted[i]->name);
        }
        return r < 0 ? r : memfd_sealed("bulwark-jobs", text, strlen(text), ret_fd);
}

static int job_take_over(Manager *m, uint32_t id, int type, bool ignore_order, const char *name) {
        Container *c = NULL;
        int r;

        if (type < 0 || type >= _JOB_TYPE_MAX)
                return -EBADMSG;
        r = manager_get(m, name, NULL, &c);
        if (r < 0 || c->job) /* adoption has made it already */
                return r;
        m->last_job = id - 1;
        return job_install(c, (JobType)type, ignore_order, NULL);
}

int manager_take_over_jobs(Manager *m, int fd) {
        _cleanup_free_ char *text = NULL;
        char *line, *save = NULL;
        uint32_t last = m->last_job;
        unsigned n = 0;
        size_t size;
        int r;

        if (lseek(fd, 0, SEEK_SET) < 0)
                return -errno;
        r = read_file(fd, JOBS_MAX, &text, &size);
        if (r < 0)
                return r;
        line = strtok_r(text, "\n", &save);
        if (!line || sscanf(line, "%u", &n) != 1)
                return -EBADMSG;
        last = MAX_OF(last, (uint32_t)n);
        while (r >= 0 && (line = strtok_r(NULL, "\n", &save))) {
                char name[256];
                unsigned id;
                int type, ignore_order;

                if (sscanf(line, "%u %d %d %255s", &id, &type, &ignore_order, name) != 4 || id == 0)
                        return -EBADMSG;
                r = job_take_over(m, id, type, ignore_order != 0, name);
                if (r == -ENOMEM)
                        break;
                r = 0; /* its unit has gone: nothing can be waited for any more */
        }
        m->last_job = MAX_OF(last, m->last_job);
        return r;
}

static void forget(Manager *m) {
        m->reexec = (Reexec){ .patience = sd_event_source_disable_unref(m->reexec.patience) };
        job_schedule(m); /* what was held may begin */
}

static void refuse(Manager *m, int r, const Diag *diag) {
        Reexec reexec = m->reexec;

        m->reexec.patience = NULL;
        (void)sd_event_source_disable_unref(reexec.patience);
        forget(m);
        reexec.refused(r, diag, reexec.userdata);
}

static int on_impatient(sd_event_source *s, uint64_t usec, void *userdata) {
        _cleanup_(diag_done) Diag diag = {};
        Manager *m = userdata;
        const Container *c = first_starting(m);

        refuse(m, diag_error(&diag, ERROR_BUSY, NULL, NULL, "%s has been starting for too long, and would have to be killed; "
                             "stop it, or try again later", c ? c->name : "a container"), &diag);
        return 0;
}

void manager_check_rest(Manager *m) {
        _cleanup_(diag_done) Diag diag = {};
        _cleanup_close_ int jobs = -EBADF;
        int r;

        if (!m->reexec.refused || first_starting(m))
                return;
        r = jobs_save(m, &jobs);
        if (r >= 0) {
                manager_tell_reloading(m, true);
                r = m->config.become(jobs, &diag, m->config.become_userdata);
                manager_tell_reloading(m, false);
        }
        if (diag.n_errors == 0)
                (void)diag_errno(&diag, ERROR_FAILED, NULL, NULL, -r, "cannot execute the manager again");
        refuse(m, r, &diag);
}

int manager_reexecute(Manager *m, Diag *diag, void (*refused)(int r, const Diag *diag, void *userdata), void *userdata) {
        int r;

        if (!m->config.become)
                return diag_error(diag, ERROR_FAILED, NULL, NULL, "this manager cannot be executed again");
        if (m->reexec.refused || m->shutting_down)
                return diag_error(diag, ERROR_BUSY, NULL, NULL, "the manager is %s already",
                                  m->shutting_down ? "stopping" : "about to be executed again");
        r = sd_event_add_time_relative(m->event, &m->reexec.patience, CLOCK_MONOTONIC, REST_PATIENCE, USEC_PER_MSEC,
                                       on_impatient, m);
        if (r < 0)
                return r;
        m->reexec.refused = refused;
        m->reexec.userdata = userdata;
        job_schedule(m); /* it looks whether all is at rest */
        return 0;
}
