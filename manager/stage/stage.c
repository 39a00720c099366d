/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/close_range.h>
#include <linux/futex.h>
#include <sys/prctl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "manager/base/io.h"
#include "manager/stage/stage.h"

const StepOp step_ops[_STEP_KIND_MAX] = {
        [STEP_PRIVATE_MOUNTS] = step_private_mounts,
        [STEP_ENTER_NAMESPACES] = step_enter_namespaces,
        [STEP_OPEN_TERMINAL] = step_open_terminal,
        [STEP_CLONE_INNER] = step_clone_inner,
        [STEP_WRITE_ID_MAPS] = step_write_id_maps,
        [STEP_REACH] = step_reach,
        [STEP_AWAIT] = step_await,
        [STEP_AWAIT_GO] = step_await_go,
        [STEP_BECOME_ROOT] = step_become_root,
        [STEP_NEW_FILE_SYSTEM] = step_new_file_system,
        [STEP_CLONE_TREE] = step_clone_tree,
        [STEP_SET_ATTRIBUTES] = step_set_attributes,
        [STEP_ENTER_ROOT] = step_enter_root,
        [STEP_MAKE_MOUNTPOINT] = step_make_mountpoint,
        [STEP_ATTACH] = step_attach,
        [STEP_ATTACH_MASK] = step_attach_mask,
        [STEP_MAKE_DIRECTORY] = step_make_directory,
        [STEP_MAKE_FILE] = step_make_file,
        [STEP_MAKE_SYMLINK] = step_make_symlink,
        [STEP_MAKE_NODE] = step_make_node,
        [STEP_LOCK_MOUNTS] = step_lock_mounts,
        [STEP_ADOPT_MOUNTS] = step_adopt_mounts,
        [STEP_LOOPBACK_UP] = step_loopback_up,
        [STEP_HOST_NAME] = step_host_name,
        [STEP_DOMAIN_NAME] = step_domain_name,
        [STEP_SYSCTL] = step_sysctl,
        [STEP_TIME_OFFSETS] = step_time_offsets,
        [STEP_SESSION_KEYRING] = step_session_keyring,
        [STEP_NEW_SESSION] = step_new_session,
        [STEP_FORK_PAYLOAD] = step_fork_payload,
        [STEP_STANDARD_STREAM] = step_standard_stream,
        [STEP_CONTROL_TERMINAL] = step_control_terminal,
        [STEP_PROCESS_FILE] = step_process_file,
        [STEP_PROCESS_CONTROL] = step_process_control,
        [STEP_SIGNALS] = step_signals,
        [STEP_PERSONALITY] = step_personality,
        [STEP_CPU_AFFINITY] = step_cpu_affinity,
        [STEP_MEMORY_POLICY] = step_memory_policy,
        [STEP_IO_PRIORITY] = step_io_priority,
        [STEP_NICE] = step_nice,
        [STEP_SCHEDULING] = step_scheduling,
        [STEP_CORE_SCHEDULING] = step_core_scheduling,
        [STEP_RESOURCE_CEILING] = step_resource_ceiling,
        [STEP_RESOURCE_LIMIT] = step_resource_limit,
        [STEP_USER_KEYRING] = step_user_keyring,
        [STEP_SECURE_BITS] = step_secure_bits,
        [STEP_FILE_MODE_MASK] = step_file_mode_mask,
        [STEP_WORKING_DIRECTORY] = step_working_directory,
        [STEP_LANDLOCK_RULESET] = step_landlock_ruleset,
        [STEP_LANDLOCK_PATH] = step_landlock_path,
        [STEP_LANDLOCK_ENTRIES] = step_landlock_entries,
        [STEP_LANDLOCK_PORTS] = step_landlock_ports,
        [STEP_LANDLOCK_RESTRICT] = step_landlock_restrict,
        [STEP_SECURITY_LABEL] = step_security_label,
        [STEP_OVERLAY] = step_overlay,
        [STEP_LAYERS] = step_layers,
        [STEP_CLOSE_DESCRIPTORS] = step_close_descriptors,
        [STEP_PASS_DESCRIPTORS] = step_pass_descriptors,
        [STEP_BOUNDING_SET] = step_bounding_set,
        [STEP_IDENTITY] = step_identity,
        [STEP_CAPABILITIES] = step_capabilities,
        [STEP_NO_NEW_PRIVILEGES] = step_no_new_privileges,
        [STEP_SECCOMP] = step_seccomp,
        [STEP_EXECUTE] = step_execute,
};

int stage_slot(const Stage *s, int64_t slot) {
        return slot < 0 || slot >= (int64_t)s->plan.header->n_slots ? -EBADF : s->page->slots[slot];
}

void stage_slot_set(Stage *s, int64_t slot, int fd) {
        s->page->slots[slot] = fd;
}

int stage_futex_wait(_Atomic uint32_t *word) {
        while (atomic_load(word) == 0)
                if (syscall(SYS_futex, word, FUTEX_WAIT, 0, NULL, NULL, 0) < 0 && errno != EAGAIN && errno != EINTR)
                        return -errno;
        return 0;
}

void stage_futex_set(_Atomic uint32_t *word) {
        atomic_store(word, 1);
        (void)syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

/* Who fails first is the cause; what fails after it is its consequence. */
static _Noreturn void stage_fail(Stage *s, int error) {
        LaunchPage *p = s->page;

        if (atomic_exchange(&p->failing, 1) == 0) {
                p->failure = (StepFailure){ .kind = s->plan.steps[s->step].kind,
                                            .index = (uint16_t)s->step,
                                            .error = error,
                                            .detail = s->detail };
                atomic_store(&p->failed, 1);
        }
        _exit(EXIT_FAILURE);
}

static bool is_missing(int error) {
        return error == -ENOENT || error == -ENOTDIR;
}

void stage_run_steps(Stage *s, unsigned actors, uint32_t from) {
        s->actors = actors;
        for (s->step = from; s->step < s->plan.header->n_steps; s->step++) {
                const PlanStep *step = s->plan.steps + s->step;
                int r;

                if (!(step->actor & s->actors))
                        continue;
                atomic_store(&s->page->progress, s->step);
                s->detail = 0;
                r = step_ops[step->kind](s, step);
                if (r < 0 && !(step->flags & STEP_FLAG_LENIENT) &&
                    !((step->flags & STEP_FLAG_OPTIONAL) && (is_missing(r) || r == -EBADF)))
                        stage_fail(s, r);
        }
}

_Noreturn void stage_run(Stage *s, unsigned actors, uint32_t from) {
        stage_run_steps(s, actors, from);
        /* Only outer comes here: the others end in EXECUTE. */
        _exit(EXIT_SUCCESS);
}

void stage_hide_command_line(Stage *s, const char *name) {
        size_t n = MIN_OF(strlen(name), s->command_line_size);

        memset(s->command_line, 0, s->command_line_size);
        memcpy(s->command_line, name, n);
}

int stage_guard_again(void) {
        return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ? -errno : 0;
}

int stage_guard(const Stage *s) {
        struct pollfd gone = { .fd = s->status_fd };

        int r = stage_guard_again();

        if (r < 0)
                return r;
        /* Where the keeper has died before the prctl(), nobody reads the status pipe any more. */
        if (poll(&gone, 1, 0) > 0 && (gone.revents & POLLERR))
                _exit(EXIT_FAILURE);
        return 0;
}

_Noreturn void stage_run_outer(Stage *s) {
        int keep[PLAN_MAX_SLOTS + 2], r;
        size_t n = 0;
        sigset_t none;

        sigemptyset(&none);

        keep[n++] = s->status_fd;
        keep[n++] = s->proc_fd;
        for (uint32_t i = 0; i < s->plan.header->n_slots; i++)
                keep[n++] = s->page->slots[i];

        /* Where the keeper lies and listens is the host's business, and /proc/PID/cmdline needs no permission: inner
         * can be looked at before its first instruction. */
        stage_hide_command_line(s, "");
        r = stage_guard(s);
        if (r < 0)
                stage_fail(s, r);
        if (close_all_but(keep, n) < 0 || madvise(launch_own(s->page), launch_part_size(), MADV_DONTFORK) < 0)
                stage_fail(s, -errno);
        if (sigprocmask(SIG_SETMASK, &none, NULL) < 0 || signal(SIGPIPE, SIG_DFL) == SIG_ERR)
                stage_fail(s, -errno);
        umask(0);

        stage_run(s, ACTOR_OUTER, 0);
}
