/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What others may read of a container. */
#include "manager/container/container-internal.h"

const char *container_name(const Container *c) {
        return c->name;
}

ContainerState container_state(const Container *c) {
        return c->state;
}

/* systemd's words. A oneshot is "activating" for as long as it runs. */
static const struct {
        const char *active, *sub;
} words[_CONTAINER_STATE_MAX] = {
        [CONTAINER_INACTIVE] = { "inactive", "dead" },
        [CONTAINER_PREPARING] = { "activating", "start-pre" },
        [CONTAINER_LAUNCHING] = { "activating", "start" },
        [CONTAINER_RUNNING] = { "active", "running" },
        [CONTAINER_EXITED] = { "active", "exited" },
        [CONTAINER_STOPPING] = { "deactivating", "stop-sigterm" },
        [CONTAINER_KILLING] = { "deactivating", "stop-sigkill" },
        [CONTAINER_CLEANING] = { "deactivating", "stop-post" },
        [CONTAINER_FAILED] = { "failed", "failed" },
};

static ContainerState shown_state(const Container *c) {
        if (c->state == CONTAINER_RUNNING && c->spec && c->spec->type == CONTAINER_TYPE_ONESHOT)
                return CONTAINER_LAUNCHING;
        return c->state;
}

const char *container_active_state(const Container *c) {
        return words[shown_state(c)].active;
}

const char *container_sub_state(const Container *c) {
        return words[shown_state(c)].sub;
}

const char *container_load_state(const Container *c) {
        static const char *const names[_LOAD_STATE_MAX] = { "loaded", "not-found", "masked", "bad" };

        return names[c->load];
}

const char *container_freezer_state(const Container *c) {
        if (c->frozen)
                return c->freeze_wanted ? "frozen" : "thawing";
        return c->freeze_wanted ? "freezing" : "running";
}

static const char *const results[_RESULT_MAX] = {
        [RESULT_SUCCESS] = "success",     [RESULT_EXIT_CODE] = "exit-code", [RESULT_SIGNAL] = "signal",
        [RESULT_CORE_DUMP] = "core-dump", [RESULT_TIMEOUT] = "timeout",     [RESULT_OOM_KILL] = "oom-kill",
        [RESULT_LAUNCH] = "launch",       [RESULT_RESOURCES] = "resources", [RESULT_UNKNOWN] = "unknown",
};

const char *container_result_to_string(ContainerResult r) {
        return (int)r >= 0 && r < _RESULT_MAX ? results[r] : NULL;
}

const ContainerSpec *container_spec(const Container *c) {
        return c->loaded ? c->loaded : c->spec;
}

const char *container_load_error(const Container *c) {
        return c->load_error;
}

const char *container_last_error(const Container *c) {
        return c->last_error;
}

ContainerResult container_result(const Container *c) {
        return c->result;
}

const ExitReport *container_exit(const Container *c) {
        return &c->exit;
}

pid_t container_leader(const Container *c) {
        return c->leader;
}

sd_id128_t container_invocation(const Container *c) {
        return c->invocation;
}

uint64_t container_since(const Container *c, bool active, bool monotonic) {
        return (active ? c->active_enter : c->active_exit)[monotonic];
}

uint64_t container_state_change_usec(const Container *c) {
        return c->state_change;
}

uint64_t container_start_usec(const Container *c) {
        return c->start_realtime;
}

int container_id_range(const Container *c, uint32_t *ret_base, uint32_t *ret_count) {
        if (c->id_count == 0)
                return -ENODATA;
        *ret_base = c->id_base;
        *ret_count = c->id_count;
        return 0;
}

const char *container_cgroup(const Container *c) {
        return c->cgroup_path;
}

uint32_t container_job(const Container *c, JobType *ret_type) {
        if (!c->job)
                return 0;
        if (ret_type)
                *ret_type = c->job->type;
        return c->job->id;
}

uint64_t container_memory_current(const Container *c) {
        return cgroup_number(c->cgroup.fd, "memory.current", NULL);
}

uint64_t container_tasks_current(const Container *c) {
        return cgroup_number(c->cgroup.fd, "pids.current", NULL);
}

uint64_t container_cpu_usage_usec(const Container *c) {
        return cgroup_number(c->cgroup.fd, "cpu.stat", "usage_usec");
}

int container_processes(const Container *c, pid_t **ret, size_t *ret_n) {
        if (c->cgroup.fd < 0) {
                *ret = NULL;
                *ret_n = 0;
                return 0;
        }
        return cgroup_processes(c->cgroup.fd, ret, ret_n);
}

bool container_logs_to_journal(const Container *c) {
        return c->logs_to_journal;
}

const char *container_log_directory(const Container *c) {
        return c->log_directory;
}
