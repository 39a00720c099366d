/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "manager/base/landlock-abi.h"
#include "manager/base/string-list.h"
#include "manager/plan/plan-build.h"

int plan_candidates(const char *command, char *const *environment, char ***ret) {
        const char *path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        _cleanup_strv_ char **list = NULL;
        int r;

        if (strchr(command, '/'))
                r = strv_extend(&list, command);
        else {
                for (; environment && *environment; environment++)
                        if (startswith(*environment, "PATH="))
                                path = *environment + strlen("PATH=");
                for (r = 0; r >= 0 && *path;) {
                        size_t n = strcspn(path, ":");
                        char *one = NULL;

                        /* A relative directory in PATH would depend on where the payload happens to stand. */
                        if (n > 0 && *path == '/')
                                r = asprintf(&one, "%.*s/%s", (int)n, path, command) < 0 ? -ENOMEM
                                                                                         : strv_push(&list, one);
                        path += n + (path[n] == ':');
                }
                if (r >= 0 && !list)
                        r = strv_extend(&list, command);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(list);
        return 0;
}

/* What needs no process of its own yet. */
static void confine_process(PlanWriter *w, const ConfineParameters *p, Actor actor) {
        static const DirectiveId rows[3] = { _DIRECTIVE_INVALID, DIRECTIVE_StandardOutput, DIRECTIVE_StandardError };

        for (unsigned i = 0; i < ELEMENTSOF(rows); i++)
                plan_add_step(w, STEP_STANDARD_STREAM, actor,
                              (StepOperands){ .slot1 = SLOT(p->stdio[i]), .a = i });
}

static void confine_directory(PlanWriter *w, const ContainerSpec *spec, const ConfineParameters *p, Actor actor) {
        plan_origin_row(w, spec, DIRECTIVE_WorkingDirectory);
        plan_add_step(w, STEP_WORKING_DIRECTORY, actor,
                      (StepOperands){ .s = isempty(p->directory) ? "/" : p->directory,
                                      .flags = p->directory_missing_ok ? STEP_FLAG_OPTIONAL : 0 });
        plan_origin_none(w);
}

static void confine_session(PlanWriter *w, const ConfineParameters *p) {
        plan_add_step(w, STEP_NEW_SESSION, ACTOR_PAYLOAD, (StepOperands){});
        if (p->terminal)
                plan_add_step(w, STEP_CONTROL_TERMINAL, ACTOR_PAYLOAD,
                              (StepOperands){ .slot1 = SLOT(p->stdio[0]) });
}

static void confine_privileges(PlanWriter *w, const ContainerSpec *spec, const PolicySet *policies,
                               const ConfineParameters *p, Actor actor) {
        const CapabilityPolicy *c = &policies->capabilities;
        /* exec may run as another user than the unit does: root holds the bounding set, others the ambient set. */
        const uint64_t held = p->identity->uid == 0 ? c->bounding : c->ambient;

        plan_origin_row(w, spec, DIRECTIVE_CapabilityBoundingSet);
        plan_add_step(w, STEP_BOUNDING_SET, actor, (StepOperands){ .a = c->bounding });
        plan_origin_row(w, spec, DIRECTIVE_User);
        plan_add_step(w, STEP_IDENTITY, actor,
                      (StepOperands){ .a = p->identity->uid,
                                      .b = p->identity->gid,
                                      .s_ref = plan_add_bytes(w, p->identity->groups,
                                                              p->identity->n_groups * sizeof(gid_t), 4) });
        plan_secure_bits(w, spec, held | c->inheritable, actor);
        plan_origin_row(w, spec, DIRECTIVE_AmbientCapabilities);
        plan_add_step(w, STEP_CAPABILITIES, actor,
                      (StepOperands){ .a = held, .b = held, .c = c->inheritable, .d = c->ambient });
        plan_origin_row(w, spec, DIRECTIVE_NoNewPrivileges);
        if (spec->no_new_privileges)
                plan_add_step(w, STEP_NO_NEW_PRIVILEGES, actor, (StepOperands){});
        plan_origin_none(w);
}

static void label(PlanWriter *w, const char *module, const char *text, LabelAttribute attribute, Actor actor) {
        if (text)
                plan_add_step(w, STEP_SECURITY_LABEL, actor,
                              (StepOperands){ .s = module, .t = text, .a = attribute });
}

void plan_label(PlanWriter *w, const ContainerSpec *spec, const PlanLabels *labels, LabelAttribute attribute,
                Actor actor) {
        plan_origin_row(w, spec, DIRECTIVE_MandatoryAccessControl);
        label(w, "apparmor", labels->apparmor_profile, attribute, actor);
        label(w, "selinux", labels->selinux_context, attribute, actor);
        plan_origin_none(w);
}

static void confine_seccomp(PlanWriter *w, const ContainerSpec *spec, const PolicySet *policies, Actor actor) {
        plan_origin_row(w, spec, DIRECTIVE_SystemCallFilter);
        plan_add_step(w, STEP_SECCOMP, actor,
                      (StepOperands){ .s_ref = plan_add_bytes(w, policies->seccomp.program,
                                                              policies->seccomp.n_instructions * 8, 8) });
        plan_origin_none(w);
}

/* Built and entered in one go while the process still is the container's root: nothing that follows touches a file but the
 * execve, which has the rights that the payload has. Who joins leaves the scope of signals out: it cannot become one of
 * the payload's domain, and "exec web kill 1" is to work; the process namespace holds it all the same. */
static void confine_landlock(PlanWriter *w, const PolicySet *policies, const ConfineParameters *p, Actor actor) {
        const LandlockPolicy *l = &policies->landlock;
        int16_t slot;

        if (l->abi == 0)
                return;
        plan_origin_none(w);
        slot = plan_add_slot(w, SLOT_MADE, "landlock", NULL, 0);
        plan_add_step(w, STEP_LANDLOCK_RULESET, actor,
                      (StepOperands){ .slot1 = SLOT(slot), .a = l->handled_fs, .b = l->handled_net,
                                      .c = p->join != JOIN_NONE ? l->scoped & ~LANDLOCK_SCOPE_SIGNAL : l->scoped });
        for (size_t i = 0; i < l->n_paths; i++) {
                const LandlockPathRule *rule = l->paths + i;

                plan_origin(w, &rule->origin, rule->directive);
                plan_add_step(w, rule->except ? STEP_LANDLOCK_ENTRIES : STEP_LANDLOCK_PATH, actor,
                              (StepOperands){ .slot1 = SLOT(slot), .s = rule->path, .a = rule->access,
                                              .t_ref = rule->except ? plan_add_list(w, (const char *const *)rule->except) : (PlanRef){},
                                              .flags = rule->missing_ok ? STEP_FLAG_OPTIONAL : 0 });
        }
        for (size_t i = 0; i < l->n_ports; i++) {
                plan_origin(w, &l->ports[i].origin, l->ports[i].directive);
                plan_add_step(w, STEP_LANDLOCK_PORTS, actor,
                              (StepOperands){ .slot1 = SLOT(slot), .a = l->ports[i].access, .b = l->ports[i].first,
                                              .c = l->ports[i].last });
        }
        plan_origin_none(w);
        plan_add_step(w, STEP_LANDLOCK_RESTRICT, actor, (StepOperands){ .slot1 = SLOT(slot) });
}

/* Bounding set, ids, capabilities, no_new_privs, filter. Without no_new_privs the kernel takes a filter only from who
 * still has CAP_SYS_ADMIN, so it goes first then. */
static void confine_last(PlanWriter *w, const ContainerSpec *spec, const PolicySet *policies, const ConfineParameters *p,
                         Actor actor) {
        if (!spec->no_new_privileges)
                confine_seccomp(w, spec, policies, actor);
        confine_privileges(w, spec, policies, p, actor);
        if (spec->no_new_privileges)
                confine_seccomp(w, spec, policies, actor);
}

/* Outer, which the container does not see, takes on what JoinOrder says; inner is born with it. CVE-2016-9962. */
static void confine_join(PlanWriter *w, const ContainerSpec *spec, const PolicySet *policies, const ConfineParameters *p) {
        const bool late = p->join == JOIN_FILTERED_LATE;

        plan_add_step(w, STEP_CLOSE_DESCRIPTORS, ACTOR_OUTER, (StepOperands){});
        plan_attributes(w, spec, p->identity, ATTRIBUTE_LATE, ACTOR_OUTER);
        if (!late)
                confine_last(w, spec, policies, p, ACTOR_OUTER);
        else if (spec->no_new_privileges)
                confine_privileges(w, spec, policies, p, ACTOR_OUTER);
        plan_add_step(w, STEP_CLONE_INNER, ACTOR_OUTER, (StepOperands){});
        confine_session(w, p);
        plan_attributes(w, spec, p->identity, ATTRIBUTE_PAYLOAD, ACTOR_PAYLOAD);
        if (late && spec->no_new_privileges)
                confine_seccomp(w, spec, policies, ACTOR_PAYLOAD);
        else if (late)
                confine_last(w, spec, policies, p, ACTOR_PAYLOAD);
}

void plan_confine(PlanWriter *w, const ContainerSpec *spec, const PolicySet *policies, const ConfineParameters *p) {
        const Actor early = p->join != JOIN_NONE ? ACTOR_OUTER : ACTOR_PAYLOAD;

        plan_origin_none(w);
        label(w, "selinux", p->labels.selinux_context, LABEL_KEYS, early);
        plan_add_step(w, STEP_SESSION_KEYRING, early, (StepOperands){});
        /* A wish for the next execve: nothing of the way there is done under the label, and a clone inherits it. */
        plan_label(w, spec, &p->labels, LABEL_EXEC, early);
        if (p->join == JOIN_NONE)
                confine_session(w, p);
        confine_process(w, p, early);
        confine_directory(w, spec, p, early);
        confine_landlock(w, policies, p, early);
        if (p->join != JOIN_NONE)
                confine_join(w, spec, policies, p);
        else {
                plan_add_step(w, STEP_CLOSE_DESCRIPTORS, ACTOR_PAYLOAD, (StepOperands){});
                plan_pass_descriptors(w, spec, p->passed);
                /* The launch has all its descriptors now, and the filter does not hold yet. */
                plan_attributes(w, spec, p->identity, ATTRIBUTE_LATE, ACTOR_PAYLOAD);
                plan_attributes(w, spec, p->identity, ATTRIBUTE_PAYLOAD, ACTOR_PAYLOAD);
                confine_last(w, spec, policies, p, ACTOR_PAYLOAD);
        }
        plan_origin(w, p->origin, p->directive);
        plan_add_step(w, STEP_EXECUTE, ACTOR_PAYLOAD,
                      (StepOperands){ .slot1 = p->program ? SLOT(plan_add_slot(w, SLOT_PROGRAM, "program", NULL, 0)) : 0,
                                      .s_ref = p->program ? (PlanRef){}
                                                          : plan_add_list(w, (const char *const *)p->candidates),
                                      .t_ref = plan_add_list(w, (const char *const *)p->argv),
                                      .u_ref = plan_add_list(w, (const char *const *)p->environment) });
}
