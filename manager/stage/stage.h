/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The stage: what runs between the keeper's clone and the payload's execve. It decides nothing; it runs the plan's
 * steps, one row of step_ops each. No allocation, no locks, no text but the plan's. A failing step leaves a
 * StepFailure in the page; an early end of the process closes the status pipe. */

#include <sys/types.h>

#include "manager/base/util.h"
#include "manager/stage/launch-page.h"

/* A lookup within a root fails with EAGAIN when anything on this host is renamed or mounted while it follows a "..",
 * e.g. by the start of another container. */
#define STAGE_LOOKUP_TRIES 1000

typedef struct Stage {
        PlanView plan;
        LaunchPage *page;
        unsigned actors; /* whose steps this process runs: Actor bits */
        int status_fd;   /* write end; its closing tells the keeper that the launch is over */
        int proc_fd;     /* the keeper's own procfs, host pid namespace */
        int root_fd;     /* the container's root once it was entered, else negative */
        int user_namespace_fd;
        int layers_fd; /* OVERLAY: the file system of the layers, borrowed, while it lies over the old root; else negative */
        bool links_followed; /* ATTACH: some place was named through a symbolic link */
        uint32_t step;   /* index of the current step */
        uint32_t detail; /* of a failure, set by the step */
        char *command_line; /* the process's own, as /proc/PID/cmdline shows it */
        size_t command_line_size;
} Stage;

/* Runs in the keeper's fresh clone and never returns. */
_Noreturn void stage_run_outer(Stage *s);

/* The step table: 0, or a negative errno. */
typedef int (*StepOp)(Stage *s, const PlanStep *step);
extern const StepOp step_ops[_STEP_KIND_MAX];

int stage_slot(const Stage *s, int64_t slot); /* its descriptor, or -EBADF */
void stage_slot_set(Stage *s, int64_t slot, int fd);

/* steps-namespace.c */
int step_private_mounts(Stage *s, const PlanStep *step);
int step_enter_namespaces(Stage *s, const PlanStep *step);
int step_clone_inner(Stage *s, const PlanStep *step);
int step_write_id_maps(Stage *s, const PlanStep *step);
int step_reach(Stage *s, const PlanStep *step);
int step_await(Stage *s, const PlanStep *step);
int step_await_go(Stage *s, const PlanStep *step);
int step_become_root(Stage *s, const PlanStep *step);
int step_lock_mounts(Stage *s, const PlanStep *step);
int step_adopt_mounts(Stage *s, const PlanStep *step);
int step_loopback_up(Stage *s, const PlanStep *step);
int step_host_name(Stage *s, const PlanStep *step);
/* steps-mount.c */
int step_new_file_system(Stage *s, const PlanStep *step);
int step_clone_tree(Stage *s, const PlanStep *step);
int step_set_attributes(Stage *s, const PlanStep *step);
int step_enter_root(Stage *s, const PlanStep *step);
int step_make_mountpoint(Stage *s, const PlanStep *step);
int step_attach(Stage *s, const PlanStep *step);
int step_attach_mask(Stage *s, const PlanStep *step);
int step_make_directory(Stage *s, const PlanStep *step);
int step_make_file(Stage *s, const PlanStep *step);
int step_make_symlink(Stage *s, const PlanStep *step);
int step_make_node(Stage *s, const PlanStep *step);
/* steps-overlay.c */
int step_overlay(Stage *s, const PlanStep *step);
int step_layers(Stage *s, const PlanStep *step);
/* steps-process.c */
int step_open_terminal(Stage *s, const PlanStep *step);
int step_session_keyring(Stage *s, const PlanStep *step);
int step_new_session(Stage *s, const PlanStep *step);
int step_fork_payload(Stage *s, const PlanStep *step);
int step_standard_stream(Stage *s, const PlanStep *step);
int step_control_terminal(Stage *s, const PlanStep *step);
int step_working_directory(Stage *s, const PlanStep *step);
int step_close_descriptors(Stage *s, const PlanStep *step);
int step_pass_descriptors(Stage *s, const PlanStep *step);
int step_bounding_set(Stage *s, const PlanStep *step);
int step_identity(Stage *s, const PlanStep *step);
int step_capabilities(Stage *s, const PlanStep *step);
int step_no_new_privileges(Stage *s, const PlanStep *step);
int step_seccomp(Stage *s, const PlanStep *step);
int step_execute(Stage *s, const PlanStep *step);

/* steps-attributes.c */
int step_process_file(Stage *s, const PlanStep *step);
int step_process_control(Stage *s, const PlanStep *step);
int step_signals(Stage *s, const PlanStep *step);
int step_personality(Stage *s, const PlanStep *step);
int step_cpu_affinity(Stage *s, const PlanStep *step);
int step_memory_policy(Stage *s, const PlanStep *step);
int step_io_priority(Stage *s, const PlanStep *step);
int step_nice(Stage *s, const PlanStep *step);
int step_scheduling(Stage *s, const PlanStep *step);
int step_core_scheduling(Stage *s, const PlanStep *step);
int step_resource_ceiling(Stage *s, const PlanStep *step);
int step_resource_limit(Stage *s, const PlanStep *step);
int step_file_mode_mask(Stage *s, const PlanStep *step);
int step_user_keyring(Stage *s, const PlanStep *step);
int step_domain_name(Stage *s, const PlanStep *step);
int step_sysctl(Stage *s, const PlanStep *step);
int step_time_offsets(Stage *s, const PlanStep *step);
int step_secure_bits(Stage *s, const PlanStep *step);
/* steps-landlock.c */
int step_landlock_ruleset(Stage *s, const PlanStep *step);
int step_landlock_path(Stage *s, const PlanStep *step);
int step_landlock_entries(Stage *s, const PlanStep *step);
int step_landlock_ports(Stage *s, const PlanStep *step);
int step_landlock_restrict(Stage *s, const PlanStep *step);
/* steps-label.c */
int step_security_label(Stage *s, const PlanStep *step);

/* Nobody looks into this process, and it ends with the keeper: its end must not leave half a container behind. The
 * kernel forgets both at a change of credentials (the first becomes /proc/sys/fs/suid_dumpable), so that every step
 * that makes one calls this. */
int stage_guard(const Stage *s);
/* The same, with no call but prctl(): a filter that is in force already has to allow no more. */
int stage_guard_again(void);
int stage_set_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable);
/* What /proc/PID/cmdline shows from now on. */
void stage_hide_command_line(Stage *s, const char *name);
/* The init role: reaps, forwards, tells the page how the payload ended, and ends with it. Returns only where it
 * could not confine itself. */
int init_run(Stage *s, pid_t payload, uint64_t flags); /* InitFlag */
/* Runs what the plan has for the given actors from there on; a step that fails ends the process. */
void stage_run_steps(Stage *s, unsigned actors, uint32_t from);
/* Continues the plan with the given actors; never returns. */
_Noreturn void stage_run(Stage *s, unsigned actors, uint32_t from);

int stage_futex_wait(_Atomic uint32_t *word);
void stage_futex_set(_Atomic uint32_t *word);
