/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Jobs: at most one a container. A job only says where the container shall go; the state table says how. It
 * is looked at again after every change of state, and ends with one of systemd's words. */
#include "manager/container/container-internal.h"

static const char *const types[_JOB_TYPE_MAX] = { "start", "stop", "restart" };

const char *job_type_to_string(JobType t) {
        return (int)t >= 0 && t < _JOB_TYPE_MAX ? types[t] : NULL;
}

Job *job_free(Job *j) {
        free(j);
        return NULL;
}

void manager_job_removed(Manager *m, uint32_t id, Container *c, const char *result) {
        for (size_t i = 0; i < m->n_listeners; i++)
                if (m->listeners[i].callbacks->job_removed)
                        m->listeners[i].callbacks->job_removed(id, c, result, m->listeners[i].userdata);
}

static void finish(Container *c, const char *result) {
        uint32_t id = c->job->id;

        c->job = job_free(c->job);
        manager_job_removed(c->manager, id, c, result);
        container_notify(c);
}

static bool is_dead(const Container *c) {
        return c->state == CONTAINER_INACTIVE || c->state == CONTAINER_FAILED;
}

/* The answers below: the job's result, NULL = it goes on. *moved: the state may have changed, look again. */

static const char *advance_stop(Container *c, bool *moved) {
        if (is_dead(c))
                return "done";
        *moved = container_event(c, EVENT_STOP);
        return NULL;
}

static const char *begin_start(Container *c, Job *j, bool *moved) {
        j->begun = true;
        if (!c->loaded) { /* it was good when the job was made; daemon-reload has found otherwise */
                free(c->last_error);
                c->last_error = c->load_error ? strdup(c->load_error) : NULL;
                return "failed";
        }
        *moved = container_event(c, EVENT_START);
        return NULL;
}

static const char *advance_start(Container *c, Job *j, bool *moved) {
        switch (c->state) {
        case CONTAINER_INACTIVE:
                return j->begun ? "done" : begin_start(c, j, moved); /* a oneshot that came to its end */
        case CONTAINER_FAILED:
                if (j->begun)
                        return c->result == RESULT_POLICY || c->result == RESULT_PROBE ? "refused" : "failed";
                return begin_start(c, j, moved);
        case CONTAINER_RUNNING:
                j->begun = true;
                return c->spec && c->spec->type == CONTAINER_TYPE_ONESHOT ? NULL : "done";
        case CONTAINER_EXITED:
                return "done";
        case CONTAINER_ASSEMBLING:
        case CONTAINER_PREPARING:
        case CONTAINER_PROBING:
        case CONTAINER_LAUNCHING:
                j->begun = true;
                return NULL;
        case CONTAINER_STOPPING:
        case CONTAINER_KILLING:
        case CONTAINER_CLEANING:
        case _CONTAINER_STATE_MAX:
        case _CONTAINER_STATE_INVALID:
                break;
        }
        return NULL;
}

static const char *advance_restart(Container *c, Job *j, bool *moved) {
        if (!j->stopping)
                return advance_start(c, j, moved);
        if (advance_stop(c, moved)) {
                j->stopping = false;
                *moved = true;
        }
        return NULL;
}

static const char *advance(Container *c, Job *j, bool *moved) {
        switch (j->type) {
        case JOB_START:
                return advance_start(c, j, moved);
        case JOB_STOP:
                return advance_stop(c, moved);
        case JOB_RESTART:
                return advance_restart(c, j, moved);
        case _JOB_TYPE_MAX:
                break;
        }
        return "failed";
}

void job_advance(Container *c) {
        bool moved = true;

        /* What the job causes comes back here while it is being looked at; the loop sees it afterwards. */
        if (c->job && c->job->advancing)
                return;
        while (c->job && moved) {
                Job *j = c->job;
                const char *result;

                moved = false;
                j->advancing = true;
                result = advance(c, j, &moved);
                if (c->job != j) /* a listener canceled it */
                        break;
                j->advancing = false;
                if (result)
                        finish(c, result);
        }
}

static int on_jobs(sd_event_source *s, void *userdata) {
        Manager *m = userdata;

        (void)sd_event_source_set_enabled(s, SD_EVENT_OFF);
        for (size_t i = 0; i < m->n_sorted; i++)
                if (m->sorted[i]->job)
                        job_advance(m->sorted[i]);
        manager_finish_shutdown(m);
        return 0;
}

void job_schedule(Manager *m) {
        if (!m->job_source && sd_event_add_defer(m->event, &m->job_source, on_jobs, m) < 0)
                return;
        (void)sd_event_source_set_enabled(m->job_source, SD_EVENT_ONESHOT);
}

static int install(Container *c, JobType type, bool checked, uint32_t *ret_id) {
        Manager *m = c->manager;
        Job *j = calloc(1, sizeof(*j));

        if (!j)
                return -ENOMEM;
        *j = (Job){ .id = ++m->last_job,
                    .type = type,
                    .stopping = type == JOB_RESTART,
                    .checked = checked && type == JOB_START && is_dead(c) };
        c->job = j;
        for (size_t i = 0; i < m->n_listeners; i++)
                if (m->listeners[i].callbacks->job_new)
                        m->listeners[i].callbacks->job_new(j->id, c, m->listeners[i].userdata);
        job_schedule(m);
        if (ret_id)
                *ret_id = j->id;
        return 0;
}

int job_restore(Container *c, JobType type) {
        return c->job ? 0 : install(c, type, false, NULL);
}

static int check(Container *c, JobType type, const char *mode, Diag *diag) {
        if (!streq(mode, "replace") && !streq(mode, "fail"))
                return diag_error(diag, ERROR_USAGE, NULL, NULL,
                                  "the job mode \"%s\" is not replace or fail", mode);
        if (type != JOB_STOP && c->manager->shutting_down)
                return diag_error(diag, ERROR_BUSY, NULL, NULL, "the manager is stopping all containers");
        /* A start of what runs does nothing, whatever its unit looks like by now. */
        if (type == JOB_RESTART ||
            (type == JOB_START && c->state != CONTAINER_RUNNING && c->state != CONTAINER_EXITED))
                return container_check_start(c, diag);
        if (type == JOB_STOP && is_dead(c) && c->load == LOAD_NOT_FOUND)
                return diag_error(diag, ERROR_NO_SUCH_UNIT, NULL, NULL, "no unit \"%s.container\"", c->name);
        return 0;
}

int container_queue_job(Container *c, JobType type, const char *mode, Diag *diag, uint32_t *ret_id) {
        int r;

        if ((int)type < 0 || type >= _JOB_TYPE_MAX)
                return -EINVAL;
        r = check(c, type, mode, diag);
        if (r < 0)
                return r;
        if (c->job && c->job->type == type) {
                *ret_id = c->job->id;
                return 0;
        }
        if (c->job && streq(mode, "fail"))
                return diag_error(diag, ERROR_BUSY, NULL, NULL, "%s has a %s job already", c->name,
                                  job_type_to_string(c->job->type));
        if (c->job)
                finish(c, "canceled");
        return install(c, type, true, ret_id);
}
