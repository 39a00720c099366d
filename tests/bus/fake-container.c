/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is told of a container of the registry in memory. */
#include "manager/base/string-list.h"
#include "tests/bus/fake-manager.h"

const char *container_result_to_string(ContainerResult r) {
        static const char *const names[_RESULT_MAX] = { "success", "exit-code", "signal",    "core-dump", "timeout",
                                                        "oom-kill", "launch",   "resources", "unknown" };

        return names[r];
}

const char *container_name(const Container *c) {
        return c->name;
}

ContainerState container_state(const Container *c) {
        return c->state;
}

const char *container_active_state(const Container *c) {
        return container_state_row(c->state)->active;
}

const char *container_sub_state(const Container *c) {
        return container_state_row(c->state)->sub;
}

const char *container_load_state(const Container *c) {
        return c->load_error ? "bad" : "loaded";
}

const char *container_freezer_state(const Container *c) {
        return c->frozen ? "frozen" : "running";
}

const ContainerSpec *container_spec(const Container *c) {
        return c->spec;
}

const char *container_load_error(const Container *c) {
        return c->load_error;
}

bool container_condition_met(const Container *c) {
        return true;
}

bool container_assert_met(const Container *c) {
        return true;
}

ErrorCode container_launch_error(const Container *c) {
        return _ERROR_CODE_INVALID;
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

pid_t container_control(const Container *c) {
        return 0;
}

pid_t container_leader(const Container *c) {
        return c->state == CONTAINER_RUNNING ? getpid() : 0;
}

sd_id128_t container_invocation(const Container *c) {
        return c->active[0] > 0 ? SD_ID128_MAKE(01, 02, 03, 04, 05, 06, 07, 08, 09, 0a, 0b, 0c, 0d, 0e, 0f, 10)
                                : SD_ID128_NULL;
}

uint64_t container_since(const Container *c, bool active, bool monotonic) {
        return c->active[active ? 0 : 1];
}

unsigned container_n_restarts(const Container *c) {
        return 0;
}

uint64_t container_restart_in(const Container *c) {
        return 0;
}

uint64_t container_n_oom_kills(const Container *c) {
        return 0;
}

uint64_t container_state_change_usec(const Container *c) {
        return c->changed;
}

uint64_t container_start_usec(const Container *c) {
        return c->active[0];
}

int container_id_range(const Container *c, uint32_t *ret_base, uint32_t *ret_count) {
        if (c->state != CONTAINER_RUNNING)
                return -ENODATA;
        *ret_base = 524288;
        *ret_count = 65536;
        return 0;
}

const char *container_cgroup(const Container *c) {
        return NULL;
}

uint32_t container_job(const Container *c, JobType *ret_type) {
        if (ret_type)
                *ret_type = c->job_type;
        return c->job;
}

bool container_job_running(const Container *c) {
        return c->job != 0;
}

Manager *container_manager(const Container *c) {
        return c->manager;
}

uint64_t container_usage(const Container *c, CgroupUsage u) {
        static const uint64_t values[_CGROUP_USAGE_MAX] = {
                [CGROUP_USAGE_MemoryCurrent] = 4096, [CGROUP_USAGE_TasksCurrent] = 1, [CGROUP_USAGE_CPUUsageNSec] = 5000,
        };

        return c->state == CONTAINER_RUNNING ? values[u] : UINT64_MAX;
}

int container_processes(const Container *c, pid_t **ret, size_t *ret_n) {
        pid_t *pids;

        if (c->state != CONTAINER_RUNNING)
                return -ENOENT;
        pids = malloc(sizeof(pid_t));
        if (!pids)
                return -ENOMEM;
        *pids = getpid();
        *ret = pids;
        *ret_n = 1;
        return 0;
}

bool container_logs_to_journal(const Container *c) {
        return false;
}

size_t container_mac_backends(const Container *c, const char **ret, size_t max) {
        if (max == 0)
                return 0;
        ret[0] = "landlock";
        return 1;
}

const char *container_mac_label(const Container *c) {
        return "bulwark-label";
}

bool container_mac_verified(const Container *c) {
        return true;
}

bool container_mac_lost(const Container *c) {
        return false;
}

const char *container_health(const Container *c) {
        return "healthy";
}

uint32_t container_health_streak(const Container *c) {
        return 0;
}

const char *container_health_output(const Container *c) {
        return "fine";
}

uint64_t container_health_usec(const Container *c) {
        return 7;
}

const char *container_status_text(const Container *c) {
        return "serving";
}

uint32_t container_n_stored(const Container *c) {
        return 0;
}

uint32_t container_status_error(const Container *c) {
        return 13;
}

uint32_t container_status_exit(const Container *c) {
        return 0;
}

uint64_t container_watchdog_usec(const Container *c) {
        return 0;
}

unsigned container_landlock_abi(const Container *c) {
        return 7;
}

int container_mac_unsaid(const Container *c, char ***ret) {
        *ret = NULL;
        return strv_extend(ret, "web.container:7: unsaid");
}

const Digest *container_policy_digest(const Container *c) {
        static const Digest digest = { .bytes = { 0xab } };

        return &digest;
}

const char *container_progress(const Container *c) {
        return "compiling";
}

const char *container_log_directory(const Container *c) {
        return "/var/lib/bulwark/logs/web";
}
