/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

#include "manager/base/string-list.h"
#include "manager/plan/exec-arguments.h"
#include "manager/plan/plan-build.h"
#include "units/resolve/resolve.h"

#define ALL_NAMESPACES (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

/* Where an init lives, in the order of preference. */
static char *const init_candidates[] = { (char *)"/usr/lib/systemd/systemd", (char *)"/lib/systemd/systemd",
                                         (char *)"/sbin/init", (char *)"/init", NULL };
static char *const init_argv[] = { (char *)"/sbin/init", NULL };
static char *const trial_argv[] = { (char *)"bulwark-probe", NULL };

bool plan_is_beside(const PlanParameters *p) {
        return p->command && p->directive && !streq(p->directive, "ExecStart");
}

/* Most commands are no init, and one that cannot be signalled could not be ended in time. */
static bool has_init(const ContainerSpec *spec, const PlanParameters *p) {
        return spec->init_role || plan_is_beside(p);
}

static uint64_t namespaces(const ContainerSpec *spec, const PlanParameters *p) {
        return ALL_NAMESPACES | (spec->private_network ? CLONE_NEWNET : 0) | (p->id_count > 0 ? CLONE_NEWUSER : 0);
}

static void build_clone(PlanWriter *w, const ContainerSpec *spec, const PlanParameters *p) {
        char map[64];

        plan_add_step(w, STEP_PRIVATE_MOUNTS, ACTOR_OUTER, (StepOperands){});
        plan_attributes(w, spec, &spec->identity, ATTRIBUTE_HOST, ACTOR_OUTER);
        plan_time_offsets(w, spec);
        plan_add_step(w, STEP_CLONE_INNER, ACTOR_OUTER, (StepOperands){ .a = namespaces(spec, p) });
        if (p->id_count > 0) {
                plan_origin_row(w, spec, DIRECTIVE_PrivateUsers);
                (void)snprintf(map, sizeof(map), "0 %u %u\n", p->id_base, p->id_count);
                plan_add_step(w, STEP_WRITE_ID_MAPS, ACTOR_OUTER,
                              (StepOperands){ .s = map, .t = map, .a = p->id_base, .b = p->id_base });
                plan_origin_none(w);
        }
        plan_add_step(w, STEP_REACH, ACTOR_OUTER, (StepOperands){ .a = SYNC_IDS_MAPPED });
        plan_add_step(w, STEP_AWAIT, ACTOR_INNER, (StepOperands){ .a = SYNC_IDS_MAPPED });
        plan_add_step(w, STEP_BECOME_ROOT, ACTOR_INNER, (StepOperands){});
}

static uint64_t init_flags(const ContainerSpec *spec) {
        uint64_t flags = spec->exit_type == EXIT_TYPE_CGROUP ? INIT_LINGERS : 0;

        if (spec->type != CONTAINER_TYPE_FORKING)
                return flags;
        return flags | INIT_FORKING |
               (spec->exec_start.n > 0 && spec->exec_start.items[0].ignore_failure ? INIT_STARTER_IGNORED : 0);
}

/* While outer assembles the root, inner does what needs none; then it takes over the locked mounts. */
static void build_inner(PlanWriter *w, const ContainerSpec *spec, const PlanParameters *p) {
        if (spec->private_network) {
                plan_origin_row(w, spec, DIRECTIVE_PrivateNetwork);
                plan_add_step(w, STEP_LOOPBACK_UP, ACTOR_INNER, (StepOperands){});
        }
        plan_origin_row(w, spec, DIRECTIVE_Hostname);
        plan_add_step(w, STEP_HOST_NAME, ACTOR_INNER,
                      (StepOperands){ .s = spec->hostname ? spec->hostname : spec->prefix });
        plan_origin_none(w);
        plan_add_step(w, STEP_AWAIT, ACTOR_INNER, (StepOperands){ .a = SYNC_ROOT_READY });
        plan_add_step(w, STEP_ADOPT_MOUNTS, ACTOR_INNER, (StepOperands){});
        if (container_spec_has_network(spec)) {
                plan_origin_row(w, spec, container_spec_network(spec));
                plan_add_step(w, STEP_AWAIT_GO, ACTOR_INNER, (StepOperands){});
                plan_origin_none(w);
        }
        if (has_init(spec, p)) {
                const uint64_t flags = plan_is_beside(p) ? 0 : init_flags(spec);

                plan_origin_row(w, spec, flags & INIT_FORKING ? DIRECTIVE_Type :
                                         flags & INIT_LINGERS ? DIRECTIVE_ExitType : DIRECTIVE_ProcessTwo);
                plan_add_step(w, STEP_FORK_PAYLOAD, ACTOR_INNER, (StepOperands){ .a = flags });
                plan_origin_none(w);
                plan_label(w, spec, &p->labels, LABEL_CURRENT, ACTOR_INIT); /* it executes nothing any more */
        }
}

/* '!': the container's root with the unit's bounding set and no group beside its own. */
static const Identity root_identity = {};

typedef struct Command {
        char **candidates, **argv;
} Command;

static void command_done(Command *c) {
        c->candidates = strv_free(c->candidates);
        c->argv = strv_free(c->argv);
}

/* An init that is systemd takes its name from /etc/hostname of the root, unless it is told another. */
static int init_command(const ContainerSpec *spec, Command *c) {
        int r = 0;

        c->candidates = strv_copy(init_candidates);
        c->argv = strv_copy(init_argv);
        if (!c->candidates || !c->argv)
                return -ENOMEM;
        if (spec->hostname) {
                char *word = NULL;

                r = str_append(&word, "systemd.hostname=%s", spec->hostname);
                if (r >= 0)
                        r = strv_push(&c->argv, word);
        }
        return r;
}

/* The environment is that of the payload, in which its words are expanded. e NULL: the init of the root. */
static int command_of(const ContainerSpec *spec, const ExecCommand *e, char *const *environment, Command *ret) {
        _cleanup_(command_done) Command c = {};
        int r;

        if (!e)
                r = init_command(spec, &c);
        else {
                r = plan_candidates(e->path, environment, &c.candidates);
                if (r >= 0 && e->no_env_expand)
                        r = (c.argv = strv_copy(e->argv)) ? 0 : -ENOMEM;
                else if (r >= 0)
                        r = exec_arguments_expand(e->argv, environment, &c.argv);
        }
        if (r < 0)
                return r;
        *ret = c;
        c = (Command){};
        return 0;
}

/* A later NAME wins. */
static int environment_put(char ***l, const char *assignment) {
        size_t n = strcspn(assignment, "=");
        char **known, *copy;

        for (known = *l; known && *known; known++)
                if (strncmp(*known, assignment, n) == 0 && (*known)[n] == '=')
                        break;
        if (!known || !*known)
                return strv_extend(l, assignment);
        copy = strdup(assignment);
        if (!copy)
                return -ENOMEM;
        free(*known);
        *known = copy;
        return 0;
}

static int _printf_(2, 3) environment_put_format(char ***l, const char *format, ...) {
        _cleanup_free_ char *assignment = NULL;
        va_list ap;
        int r;

        va_start(ap, format);
        r = vasprintf(&assignment, format, ap);
        va_end(ap);
        return r < 0 ? -ENOMEM : environment_put(l, assignment);
}

/* The init forks the payload before anything else: it is process 2. */
static int payload_pid(const ContainerSpec *spec) {
        return spec->init_role ? 2 : 1;
}

static int environment_of_passed(const ContainerSpec *spec, const PassedDescriptors *passed, char ***l) {
        _cleanup_free_ char *names = NULL;
        int r = 0;

        if (spec->file_descriptor_store_max > 0)
                r = environment_put_format(l, "FDSTORE=%u", (unsigned)spec->file_descriptor_store_max);
        if (r < 0 || passed->n == 0)
                return r;
        names = strv_join(passed->names, ":");
        if (!names)
                return -ENOMEM;
        r = environment_put_format(l, "LISTEN_PID=%d", payload_pid(spec));
        if (r >= 0)
                r = environment_put_format(l, "LISTEN_FDS=%zu", passed->n);
        return r < 0 ? r : environment_put_format(l, "LISTEN_FDNAMES=%s", names);
}

/* What the manager has to say; it stands above what the unit says about the same names. */
static int environment_of_start(const ContainerSpec *spec, const PlanParameters *p, const PassedDescriptors *passed,
                                char ***ret) {
        _cleanup_strv_ char **l = strv_copy(spec->exec_environment);
        const bool beside = plan_is_beside(p);
        uint64_t watchdog = beside ? 0 : container_spec_watchdog(spec);
        int r = 0;

        if (!l && spec->exec_environment && spec->exec_environment[0])
                return -ENOMEM;
        if (p->invocation_id)
                r = environment_put_format(&l, "INVOCATION_ID=%s", p->invocation_id);
        if (r >= 0 && !beside && container_spec_notify_access(spec) != NOTIFY_ACCESS_NONE)
                r = environment_put(&l, "NOTIFY_SOCKET=" PLAN_NOTIFY_SOCKET);
        for (char *const *v = p->variables; r >= 0 && v && *v; v++)
                r = environment_put(&l, *v);
        if (r >= 0 && watchdog > 0)
                r = environment_put_format(&l, "WATCHDOG_USEC=%llu", (unsigned long long)watchdog);
        if (r >= 0 && watchdog > 0)
                r = environment_put_format(&l, "WATCHDOG_PID=%d", payload_pid(spec));
        if (r >= 0 && !beside)
                r = environment_of_passed(spec, passed, &l);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

static int stop_signal(const ContainerSpec *spec) {
        return spec->kill_signal > 0 ? spec->kill_signal : spec->boot ? SIGRTMIN + 3 : SIGTERM;
}

static int finish(PlanWriter *w, const ContainerSpec *spec, unsigned flags, Diag *diag, Plan **ret) {
        int r = plan_writer_finish(w, flags, stop_signal(spec), spec->timeout_stop_usec, ret);

        if (r == -E2BIG)
                return diag_error(diag, ERROR_CONFLICT, NULL, NULL,
                                  "the unit is too large for a plan (%u steps, %u descriptors, %u bytes at most); "
                                  "remove some binds, paths or variables",
                                  PLAN_MAX_STEPS, PLAN_MAX_SLOTS, PLAN_MAX_SIZE);
        if (r < 0)
                return diag_errno(diag, ERROR_FAILED, NULL, NULL, -r, "cannot build the plan");
        return 0;
}

/* As many as there may ever be: what a container stores must not be what keeps it from starting again. */
static int check_sent(const PlanWriter *w, const ContainerSpec *spec, const PlanParameters *p, Diag *diag) {
        size_t n = plan_is_beside(p) ? 0 : spec->file_descriptor_store_max;

        for (size_t i = 0; i < w->n_slots; i++)
                n += w->slots[i].kind != SLOT_MADE;
        for (char *const *name = p->stored; n > 0 && !plan_is_beside(p) && name && *name; name++)
                n--;
        if (n <= PLAN_MAX_SENT)
                return 0;
        return diag_error(diag, ERROR_CONFLICT, container_spec_origin(spec, DIRECTIVE_FileDescriptorStoreMax), NULL,
                          "the unit needs %zu descriptors for what it binds, passes and may store, and a launch has at most %d; "
                          "remove some binds, or lower FileDescriptorStoreMax=",
                          n, PLAN_MAX_SENT);
}

/* What nothing can join, and why: for who asks, and before that for who writes the unit. */
static const char *refusal_of_join(const JoinFacts *f, char *buffer, size_t size) {
        static const char remedy[] = "and CAP_SYS_PTRACE with PrivateUsers=no lets the container take such a command over";

        if (f->denied)
                (void)snprintf(buffer, size,
                               "its filter denies %s, so it could only be put on a command that the container sees already, %s. "
                               "Allow %s, take CAP_SYS_PTRACE away, or give it PrivateUsers=managed",
                               f->denied, remedy, f->denied);
        else
                (void)snprintf(buffer, size,
                               "its AppArmorProfile= is put on a command that the container sees already, %s where that profile "
                               "lets it trace. Take CAP_SYS_PTRACE away, give it PrivateUsers=managed, or AppArmorProfile=generated",
                               remedy);
        return buffer;
}

static JoinFacts facts_of_join(const ContainerSpec *spec, const PolicySet *policies, bool user_namespace, bool terminal) {
        unsigned needs = terminal ? JOIN_NEEDS_TERMINAL : 0;

        if (spec->cpu_scheduling_reset)
                needs |= spec->cpu_scheduling_policy < CPU_POLICY_FIFO ? JOIN_NEEDS_SCHEDULING : JOIN_NEEDS_REALTIME;
        return join_facts(policies, user_namespace, needs);
}

static void warn_of_joins(const ContainerSpec *spec, const PolicySet *policies, bool user_namespace, Diag *diag) {
        static const DirectiveId joining[] = { DIRECTIVE_ExecStartPost, DIRECTIVE_ExecReload, DIRECTIVE_ExecStop,
                                               DIRECTIVE_HealthCmd };
        const JoinFacts facts = facts_of_join(spec, policies, user_namespace, false);
        char words[512];

        if (join_order(&facts) != JOIN_REFUSED)
                return;
        for (size_t i = 0; i < ELEMENTSOF(joining); i++) {
                const value_exec_list *commands = container_spec_field_const(spec, joining[i]);

                if (commands->n > 0)
                        diag_warning(diag, ERROR_CONFLICT, container_spec_origin(spec, joining[i]), directives[joining[i]].name,
                                     "this command will be refused, since nothing can join the container safely: %s",
                                     refusal_of_join(&facts, words, sizeof(words)));
        }
}

int plan_build(const ContainerSpec *spec, const PolicySet *policies, const PlanParameters *parameters, Diag *diag,
               Plan **ret) {
        _cleanup_(plan_writer_done) PlanWriter w = {};
        _cleanup_(command_done) Command command = {};
        _cleanup_strv_ char **environment = NULL;
        _cleanup_(passed_descriptors_done) PassedDescriptors passed = {};
        const ExecCommand *e = parameters->command;
        const SpecRoot root = container_spec_root(spec);
        ConfineParameters confine;
        RootSlots slots = {};
        int r;

        plan_writer_init(&w);
        if (!e && spec->exec_start.n > 0)
                e = spec->exec_start.items;
        r = plan_is_beside(parameters) ? 0 : plan_passed(&w, spec, parameters, &passed);
        if (r >= 0)
                r = environment_of_start(spec, parameters, &passed, &environment);
        if (r >= 0) /* what the manager has to say may stand in a command's words; a payload's are as they ever were */
                r = command_of(spec, e, plan_is_beside(parameters) ? environment : spec->exec_environment, &command);
        if (r < 0)
                return diag_errno(diag, ERROR_NO_MEMORY, NULL, NULL, -r, "cannot build the plan");

        confine = (ConfineParameters){ .origin = e ? &e->origin : NULL,
                                       .directive = parameters->directive ? parameters->directive : "ExecStart",
                                       .identity = e && e->as_root ? &root_identity : &spec->identity,
                                       .candidates = command.candidates,
                                       .argv = parameters->trial ? trial_argv : command.argv,
                                       .environment = environment,
                                       .directory = spec->exec_directory,
                                       .directory_missing_ok = spec->exec_directory_missing_ok,
                                       .program = parameters->trial,
                                       .passed = &passed,
                                       .labels = parameters->labels };
        plan_origin_row(&w, spec, root.directive);
        slots.root = plan_add_slot(&w, SLOT_TREE, "root", root.path, root.layers ? 0 : STEP_FLAG_RECURSIVE);
        plan_origin_none(&w);
        slots.terminal = slots.terminal_socket = -1;
        confine.terminal = parameters->terminal && !plan_is_beside(parameters) && !parameters->trial;
        if (confine.terminal) {
                slots.terminal_socket = plan_add_slot(&w, SLOT_TERMINAL, "terminal", NULL, 0);
                slots.terminal = plan_add_slot(&w, SLOT_MADE, "pty", NULL, 0);
        }
        for (size_t i = 0; i < ELEMENTSOF(confine.stdio); i++)
                confine.stdio[i] = confine.terminal ? slots.terminal : plan_add_slot(&w, SLOT_STDIN + i, (const char *[]){ "stdin", "stdout", "stderr" }[i],
                                                 NULL, 0);
        build_clone(&w, spec, parameters);
        plan_inner_file_systems(&w, spec, parameters, &slots);
        r = plan_outer_root(&w, spec, parameters, &slots, diag);
        if (r < 0)
                return r;
        build_inner(&w, spec, parameters);
        plan_confine(&w, spec, policies, &confine);
        if (!plan_is_beside(parameters) && !parameters->trial)
                warn_of_joins(spec, policies, parameters->id_count > 0, diag);
        r = check_sent(&w, spec, parameters, diag);
        if (r < 0)
                return r;

        return finish(&w, spec,
                      (has_init(spec, parameters) ? PLAN_FLAG_INIT_ROLE : 0) | (container_spec_has_network(spec) ? PLAN_FLAG_AWAITS_GO : 0) |
                              (parameters->trial ? PLAN_FLAG_TRIAL : 0),
                      diag, ret);
}

/* The unit's environment with what belongs to another user in it, then what the caller adds. */
static int environment_of_exec(const ContainerSpec *spec, const ExecParameters *p, char ***ret) {
        _cleanup_strv_ char **users = NULL, **l = NULL;
        char *const *sources[] = { spec->exec_environment, p->environment };
        int r = 0;

        if (p->identity) {
                r = environment_for_user(spec->exec_environment, &spec->identity, p->identity, &users);
                sources[0] = users;
        }
        if (r >= 0 && container_spec_notify_access(spec) >= NOTIFY_ACCESS_EXEC)
                r = environment_put(&l, "NOTIFY_SOCKET=" PLAN_NOTIFY_SOCKET);
        for (size_t i = 0; i < ELEMENTSOF(sources); i++)
                for (char *const *e = sources[i]; r >= 0 && e && *e; e++)
                        r = environment_put(&l, *e);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

static int choose_order(const ContainerSpec *spec, const PolicySet *policies, const ExecParameters *p, Diag *diag,
                        JoinOrder *ret) {
        const JoinFacts facts = facts_of_join(spec, policies, p->user_namespace, p->terminal);
        const DirectiveId cause = facts.denied ? DIRECTIVE_SystemCallFilter : DIRECTIVE_AppArmorProfile;
        char words[512];

        *ret = join_order(&facts);
        if (*ret != JOIN_REFUSED)
                return 0;
        return diag_error(diag, ERROR_CONFLICT, container_spec_origin(spec, cause), directives[cause].name,
                          "nothing can join this container safely: %s", refusal_of_join(&facts, words, sizeof(words)));
}

int plan_build_exec(const ContainerSpec *spec, const PolicySet *policies, const ExecParameters *p, Diag *diag,
                    Plan **ret) {
        _cleanup_(plan_writer_done) PlanWriter w = {};
        _cleanup_(command_done) Command command = {};
        _cleanup_strv_ char **environment = NULL;
        const Identity *identity = p->identity                         ? p->identity :
                                   p->command && p->command->as_root ? &root_identity :
                                                                       &spec->identity;
        ConfineParameters confine;
        JoinOrder order;
        int16_t leader;
        int r;

        if (!p->command && (!p->argv || !p->argv[0]))
                return diag_error(diag, ERROR_USAGE, NULL, NULL, "no command was given");
        r = choose_order(spec, policies, p, diag, &order);
        if (r < 0)
                return r;
        r = environment_of_exec(spec, p, &environment);
        if (r >= 0 && p->command)
                r = command_of(spec, p->command, environment, &command);
        else if (r >= 0)
                r = plan_candidates(p->argv[0], environment, &command.candidates);
        if (r < 0)
                return diag_errno(diag, ERROR_NO_MEMORY, NULL, NULL, -r, "cannot build the plan");

        confine = (ConfineParameters){ .origin = p->command ? &p->command->origin : NULL,
                                       .directive = p->command ? p->command_directive : "ExecStart",
                                       .identity = identity,
                                       .candidates = command.candidates,
                                       .argv = p->command ? command.argv : p->argv,
                                       .environment = environment,
                                       .directory = p->directory ? p->directory : spec->exec_directory,
                                       .directory_missing_ok = p->directory ? p->directory_missing_ok : !p->command || spec->exec_directory_missing_ok,
                                       .labels = p->labels,
                                       .join = order,
                                       .program = p->program,
                                       .terminal = p->terminal };
        plan_writer_init(&w);
        plan_attributes(&w, spec, identity, ATTRIBUTE_HOST, ACTOR_OUTER);
        leader = plan_add_slot(&w, SLOT_LEADER, "leader", NULL, 0);
        plan_add_step(&w, STEP_ENTER_NAMESPACES, ACTOR_OUTER,
                      (StepOperands){ .slot1 = SLOT(leader),
                                      .a = ALL_NAMESPACES | (spec->private_network ? CLONE_NEWNET : 0) |
                                           (plan_has_time_offsets(spec) ? CLONE_NEWTIME : 0) |
                                           (p->user_namespace ? CLONE_NEWUSER : 0) });
        if (p->terminal) {
                int16_t socket = plan_add_slot(&w, SLOT_TERMINAL, "terminal", NULL, 0);
                int16_t terminal = plan_add_slot(&w, SLOT_MADE, "pty", NULL, 0);

                plan_add_step(&w, STEP_OPEN_TERMINAL, ACTOR_OUTER,
                              (StepOperands){ .slot1 = SLOT(socket), .a = identity->uid, .b = (uint64_t)terminal,
                                              .c = p->rows, .d = p->columns });
                for (size_t i = 0; i < ELEMENTSOF(confine.stdio); i++)
                        confine.stdio[i] = terminal;
        } else
                for (size_t i = 0; i < ELEMENTSOF(confine.stdio); i++)
                        confine.stdio[i] = plan_add_slot(&w, SLOT_STDIN + i,
                                                         (const char *[]){ "stdin", "stdout", "stderr" }[i], NULL, 0);
        plan_add_step(&w, STEP_BECOME_ROOT, ACTOR_OUTER, (StepOperands){});
        plan_confine(&w, spec, policies, &confine);
        return finish(&w, spec, PLAN_FLAG_JOIN, diag, ret);
}
