/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What others may read of a container. */
#include <stdio.h>

#include "manager/container/container-internal.h"

const char *container_name(const Container *c) {
        return c->name;
}

Manager *container_manager(const Container *c) {
        return c->manager;
}

ContainerState container_state(const Container *c) {
        return c->state;
}

/* A oneshot is "activating" for as long as it runs, and what has to say that it is ready until then. */
static ContainerState shown_state(const Container *c) {
        if (c->state == CONTAINER_RUNNING && c->spec &&
            (c->spec->type == CONTAINER_TYPE_ONESHOT || container_waits_for_ready(c)))
                return CONTAINER_LAUNCHING;
        return c->state;
}

static bool is_reloading(const Container *c) {
        return c->notify.facts.reloading && shown_state(c) == CONTAINER_RUNNING;
}

const char *container_active_state(const Container *c) {
        if (is_reloading(c))
                return "reloading";
        return container_state_row(shown_state(c))->active;
}

const char *container_sub_state(const Container *c) {
        if (is_reloading(c))
                return "reload";
        return container_state_row(shown_state(c))->sub;
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
        [RESULT_POLICY] = "policy",       [RESULT_LABEL_MISMATCH] = "label-mismatch", [RESULT_MAC_LOST] = "mac-lost",
        [RESULT_PROBE] = "probe",         [RESULT_WATCHDOG] = "watchdog",   [RESULT_START_LIMIT] = "start-limit-hit",
        [RESULT_PROTOCOL] = "protocol",   [RESULT_UNHEALTHY] = "unhealthy",
        [RESULT_EXEC_CONDITION] = "exec-condition",
        [RESULT_TRIGGER_LIMIT] = "trigger-limit-hit",
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

bool container_condition_met(const Container *c) {
        return !c->condition_missed;
}

bool container_assert_met(const Container *c) {
        return !c->assert_missed;
}

ErrorCode container_launch_error(const Container *c) {
        return c->launch_error;
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
        return c->commands.alone ? 0 : c->leader;
}

pid_t container_control(const Container *c) {
        return c->commands.alone ? c->leader : command_joined_pid(c);
}

sd_id128_t container_invocation(const Container *c) {
        return c->invocation;
}

uint64_t container_since(const Container *c, bool active, bool monotonic) {
        return (active ? c->active_enter : c->active_exit)[monotonic];
}

uint64_t container_n_oom_kills(const Container *c) {
        return c->oom_seen;
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

bool container_job_running(const Container *c) {
        return c->job && c->job->running;
}

uint64_t container_usage(const Container *c, CgroupUsage u) {
        return cgroup_usage(c->cgroup.fd, u);
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

/* What confines it is told as long as there is something that it confines. */
static bool is_confined(const Container *c) {
        return c->cgroup.fd >= 0 && c->start_realtime > 0;
}

size_t container_mac_backends(const Container *c, const char **ret, size_t max) {
        const struct {
                const char *name;
                bool used;
        } all[] = {
                { "apparmor", c->labels.apparmor_profile },
                { "selinux", c->labels.selinux_context },
                { "landlock", c->spec && c->spec->mac.landlock_abi > 0 },
        };
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(all); i++)
                if (all[i].used && n < max && is_confined(c))
                        ret[n++] = all[i].name;
        return n;
}

const char *container_mac_label(const Container *c) {
        if (!is_confined(c))
                return NULL;
        return c->labels.selinux_context ? c->labels.selinux_context : c->labels.apparmor_profile;
}

bool container_mac_verified(const Container *c) {
        return c->verified && is_confined(c);
}

bool container_mac_lost(const Container *c) {
        return c->mac_lost && is_confined(c);
}

unsigned container_landlock_abi(const Container *c) {
        return c->spec && is_confined(c) ? c->spec->mac.landlock_abi : 0;
}

/* Asked by people, so it is compiled when they ask and not kept for a thousand containers. */
int container_mac_unsaid(const Container *c, char ***ret) {
        _cleanup_(policy_set_unrefp) const PolicySet *set = NULL;
        _cleanup_strv_ char **list = NULL;
        int r = 0;

        if (container_landlock_abi(c) > 0)
                r = policy_compile(c->spec, c->manager->cache_fd, NULL, &set);
        for (size_t i = 0; r >= 0 && set && i < set->landlock.unsaid.n; i++) {
                const PolicyRule *rule = set->landlock.unsaid.items + i;
                char *line = NULL;

                if (!rule->origin.file)
                        r = asprintf(&line, "%s", rule->text);
                else
                        r = asprintf(&line, "%s:%u: %s", rule->origin.file, rule->origin.line, rule->text);
                r = r < 0 ? -ENOMEM : strv_push(&list, line);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(list);
        return 0;
}

const Digest *container_policy_digest(const Container *c) {
        static const Digest none = {};

        return is_confined(c) ? &c->policy_digest : &none;
}

const char *container_progress(const Container *c) {
        return c->progress;
}

const char *container_status_text(const Container *c) {
        return c->notify.facts.status;
}

uint32_t container_status_error(const Container *c) {
        return c->notify.facts.error;
}

uint32_t container_status_exit(const Container *c) {
        return c->notify.facts.exit_status;
}

uint64_t container_watchdog_usec(const Container *c) {
        return watchdog_interval(c);
}

const char *container_health(const Container *c) {
        return health_state_to_string((HealthState)c->health.facts.state);
}

uint32_t container_health_streak(const Container *c) {
        return c->health.facts.streak;
}

const char *container_health_output(const Container *c) {
        return c->health.output;
}

uint64_t container_health_usec(const Container *c) {
        return c->health.checked_at;
}
