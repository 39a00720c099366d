/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words for a step of the plan that failed. */
#include "manager/container/container-internal.h"

/* which operand a person would recognise */
typedef enum Subject {
        SUBJECT_NONE,
        SUBJECT_S,
        SUBJECT_T,
        SUBJECT_SLOT,
} Subject;

static const struct {
        const char *words;
        Subject subject;
} phrases[_STEP_KIND_MAX] = {
        [STEP_PRIVATE_MOUNTS] = { "make the mounts private", SUBJECT_NONE },
        [STEP_ENTER_NAMESPACES] = { "enter the container's namespaces", SUBJECT_NONE },
        [STEP_OPEN_TERMINAL] = { "open a terminal in the container", SUBJECT_NONE },
        [STEP_CLONE_INNER] = { "create the container's namespaces", SUBJECT_NONE },
        [STEP_WRITE_ID_MAPS] = { "map the ids of the user namespace", SUBJECT_NONE },
        [STEP_BECOME_ROOT] = { "become root of the user namespace", SUBJECT_NONE },
        [STEP_NEW_FILE_SYSTEM] = { "make a file system of type", SUBJECT_S },
        [STEP_CLONE_TREE] = { "clone the tree", SUBJECT_S },
        [STEP_SET_ATTRIBUTES] = { "set the mount attributes of", SUBJECT_SLOT },
        [STEP_OVERLAY] = { "label", SUBJECT_SLOT },
        [STEP_LAYERS] = { "stack the layers of", SUBJECT_SLOT },
        [STEP_ENTER_ROOT] = { "enter the root directory", SUBJECT_NONE },
        [STEP_MAKE_MOUNTPOINT] = { "make the mount point", SUBJECT_S },
        [STEP_ATTACH] = { "attach", SUBJECT_S },
        [STEP_ATTACH_MASK] = { "mask", SUBJECT_S },
        [STEP_MAKE_DIRECTORY] = { "make the directory", SUBJECT_S },
        [STEP_MAKE_FILE] = { "make the file", SUBJECT_S },
        [STEP_MAKE_SYMLINK] = { "make the symbolic link", SUBJECT_S },
        [STEP_MAKE_NODE] = { "make the device node", SUBJECT_S },
        [STEP_LOOPBACK_UP] = { "bring the loopback interface up", SUBJECT_NONE },
        [STEP_AWAIT_GO] = { "wait for the container's network", SUBJECT_NONE },
        [STEP_HOST_NAME] = { "set the host name", SUBJECT_S },
        [STEP_DOMAIN_NAME] = { "set the domain name", SUBJECT_S },
        [STEP_SYSCTL] = { "set the kernel's", SUBJECT_S },
        [STEP_TIME_OFFSETS] = { "set the clocks of a time namespace", SUBJECT_NONE },
        [STEP_PROCESS_FILE] = { "set the attribute", SUBJECT_S },
        [STEP_PROCESS_CONTROL] = { "set the attribute of the process", SUBJECT_NONE },
        [STEP_PERSONALITY] = { "set the personality", SUBJECT_NONE },
        [STEP_CPU_AFFINITY] = { "bind the container to its processors", SUBJECT_NONE },
        [STEP_MEMORY_POLICY] = { "set the NUMA policy", SUBJECT_NONE },
        [STEP_IO_PRIORITY] = { "set the priority of input and output", SUBJECT_NONE },
        [STEP_NICE] = { "set the nice level", SUBJECT_NONE },
        [STEP_SCHEDULING] = { "set the scheduling policy", SUBJECT_NONE },
        [STEP_RESOURCE_CEILING] = { "raise the resource limit", SUBJECT_NONE },
        [STEP_RESOURCE_LIMIT] = { "set the resource limit", SUBJECT_NONE },
        [STEP_USER_KEYRING] = { "link the user's keyring", SUBJECT_NONE },
        [STEP_SECURE_BITS] = { "set the secure bits", SUBJECT_NONE },
        [STEP_WORKING_DIRECTORY] = { "change to the directory", SUBJECT_S },
        [STEP_LANDLOCK_PATH] = { "permit what lies below", SUBJECT_S },
        [STEP_LANDLOCK_ENTRIES] = { "permit what lies in", SUBJECT_S },
        [STEP_EXECUTE] = { "execute", SUBJECT_T },
};

/* A list of NUL-terminated strings shows its first. */
static const char *subject_of(const PlanView *plan, const PlanStep *step) {
        switch (phrases[step->kind].subject) {
        case SUBJECT_S:
                return step->s.size > 0 ? plan_text(plan, step->s) : NULL;
        case SUBJECT_T:
                /* One candidate is a path as written; several are a search for argv[0] along PATH. */
                if (step->s.size > 0 && strlen(plan_text(plan, step->s)) + 1 >= step->s.size)
                        return plan_text(plan, step->s);
                return step->t.size > 0 ? plan_text(plan, step->t) : NULL;
        case SUBJECT_SLOT:
                if (step->slot < 0 || (uint32_t)step->slot >= plan->header->n_slots)
                        return NULL;
                return plan_text(plan, plan->slots[step->slot].name);
        case SUBJECT_NONE:
                break;
        }
        return NULL;
}

/* What a person can do about an attribute of the process that the host does not give. NULL = nothing is known. */
static const char *remedy_of(StepKind kind, int error) {
        switch (kind) {
        case STEP_PROCESS_FILE:
        case STEP_RESOURCE_CEILING:
        case STEP_RESOURCE_LIMIT:
                return error == EPERM || error == EACCES ?
                               "it takes CAP_SYS_RESOURCE, which bulwark-keeper does not have here; choose a lower value" :
                               NULL;
        case STEP_NICE:
        case STEP_SCHEDULING:
        case STEP_IO_PRIORITY:
                return error == EPERM ? "this host does not give bulwark-keeper the right (CAP_SYS_NICE); take the line out" : NULL;
        case STEP_CPU_AFFINITY:
                return error == ENXIO ? "this host, or the control group, has no such processor; lscpu shows which there are" : NULL;
        case STEP_SYSCTL:
                return error == ENOENT ? "a namespace of this kernel has no such setting" :
                       error == EACCES || error == EPERM ? "this kernel does not let a container set it; a newer one does, or PrivateUsers=no" :
                       error == EDOM ? "the kernel made another value of it" :
                       error == EINVAL ? "the kernel does not take this value" :
                                         NULL;
        case STEP_TIME_OFFSETS:
                return error == EINVAL || error == ENOENT ? "this kernel has no time namespaces (CONFIG_TIME_NS)" :
                       error == ERANGE ? "the clock would be before its beginning, or too far ahead" :
                                         NULL;
        case STEP_MEMORY_POLICY:
                return error == EINVAL ? "the policy does not go with these nodes, or the host has no such node" :
                       error == ENOSYS ? "this kernel knows no NUMA" :
                                         NULL;
        case STEP_ATTACH:
                return error == EEXIST ? "it would hide another mount of the unit, as symbolic links of the root lead both to one "
                                         "place; write the places that the links lead to" :
                                         NULL;
        case STEP_SET_ATTRIBUTES:
                return error == EINVAL ? "this kernel cannot give the container's ids to that file system, or to one mounted below it, as to "
                                         "tmpfs before Linux 6.3; use another one, or unmount it there" :
                                         NULL;
        case STEP_PROCESS_CONTROL:
                return error == EINVAL ? "this kernel does not know it" : NULL;
        default:
                return NULL;
        }
}

/* Of the overlay that the root is, or of the directories that it is made of. */
static int root_error(const PlanView *p, const PlanStep *step, unsigned index, int error, const Origin *origin, Diag *diag) {
        const char *directive = step->origin_directive.size > 0 ? plan_text(p, step->origin_directive) : NULL;
        const char *name = strempty(step_kind_to_string(step->kind)), *slot = plan_text(p, p->slots[step->slot].name);

        switch (error) {
        case EXDEV:
                return diag_error(diag, ERROR_LAUNCH, origin, directive,
                                  "the root directory has other file systems mounted in it, which an overlay of it would not show. "
                                  "Give each a BindPaths= or BindReadOnlyPaths= of its own and unmount it there, or leave "
                                  "RootEphemeral=, Volatile= out (step %u %s)", index, name);
        case E2BIG:
                return diag_error(diag, ERROR_LAUNCH, origin, directive,
                                  "the root has more layers than this kernel takes: the names of all have to fit into 4096 bytes. "
                                  "Merge some of them, or use Linux 6.8 or later (step %u %s)", index, name);
        case ENOTDIR:
        case ENOENT:
        case ELOOP:
                return diag_errno(diag, ERROR_LAUNCH, origin, directive, error,
                                  "a directory that the root is made of is missing, or is a link (step %u %s)", index, name);
        case ENODEV:
                return diag_error(diag, ERROR_LAUNCH, origin, directive,
                                  "this kernel has no overlay file system; load the module \"overlay\" (step %u %s)", index, name);
        default:
                return diag_errno(diag, ERROR_LAUNCH, origin, directive, error, "cannot lay a layer over \"%s\" (step %u %s)", slot,
                                  index, name);
        }
}

int step_failure_explain(const Plan *plan, const StepFailure *f, Diag *diag) {
        const char *name = step_kind_to_string(f->kind), *directive = NULL, *subject, *words, *remedy;
        int error = f->error < 0 ? -f->error : EIO;
        ErrorCode code = f->kind != STEP_EXECUTE ? ERROR_LAUNCH : error == ENOENT ? ERROR_NO_PROGRAM : ERROR_EXEC;
        const PlanStep *step;
        Origin origin = {};

        if (!plan || f->index >= plan->view.header->n_steps)
                return diag_errno(diag, ERROR_LAUNCH, NULL, NULL, error, "the launch failed (step %u %s)",
                                  f->index, strempty(name));
        step = plan->view.steps + f->index;
        name = strempty(step_kind_to_string(step->kind));
        if (step->origin_file.size > 0)
                origin = (Origin){ .file = plan_text(&plan->view, step->origin_file),
                                   .line = step->origin_line };
        if (step->origin_directive.size > 0)
                directive = plan_text(&plan->view, step->origin_directive);
        if (error == ECHILD)
                return diag_error(diag, ERROR_LAUNCH, &origin, directive,
                                  "the launcher was killed (after step %u %s)", f->index, name);
        words = phrases[step->kind].words;
        subject = subject_of(&plan->view, step);
        if (step->kind == STEP_EXECUTE)
                return diag_errno(diag, code, &origin, directive, error, "cannot execute \"%s\"",
                                  strempty(subject));
        if ((step->kind == STEP_OVERLAY && step->s.size == 0) || step->kind == STEP_LAYERS)
                return root_error(&plan->view, step, f->index, error, &origin, diag);
        if (step->kind == STEP_OVERLAY && error == EXDEV)
                return diag_error(diag, code, &origin, directive,
                                  "\"%s\" has other file systems mounted in it, which would be missing: what is read-only "
                                  "gets its SELinux label by an overlay. Give each a BindReadOnlyPaths= of its own, or "
                                  "\"nolabel\" to what has labels already (step %u %s)",
                                  strempty(subject), f->index, name);
        if (step->kind == STEP_OVERLAY && error == EBUSY)
                return diag_error(diag, code, &origin, directive,
                                  "\"%s\" is a file that is mounted by itself, which no overlay shows: what is read-only gets its "
                                  "SELinux label by one. Name the file that was mounted there, or write \"nolabel\" and "
                                  "SELinuxExtraRules= for its label (step %u %s)",
                                  strempty(subject), f->index, name);
        if ((step->kind == STEP_LANDLOCK_PATH || step->kind == STEP_LANDLOCK_ENTRIES) && subject &&
            (plan->view.header->flags & PLAN_FLAG_JOIN) && (error == ENOENT || error == ENOTDIR || error == ESTALE))
                return diag_error(diag, code, &origin, directive,
                                  "\"%s\" of the container is gone: the directory that is its root was removed, replaced or "
                                  "emptied while it runs, and the running container still has the old one. Restart it "
                                  "(step %u %s)",
                                  subject, f->index, name);
        if (!words)
                return diag_error(diag, code, &origin, directive, "cannot carry out %s: %s (step %u)", name,
                                  strerror(error), f->index);
        if (subject && error == ELOOP)
                return diag_error(diag, code, &origin, directive,
                                  "cannot %s \"%s\": a symbolic link stands on the way; name the path that it leads to "
                                  "(step %u %s)",
                                  words, subject, f->index, name);
        remedy = remedy_of((StepKind)step->kind, error);
        return diag_error(diag, code, &origin, directive, "cannot %s%s%s%s: %s%s%s (step %u %s)", words, subject ? " \"" : "",
                          strempty(subject), subject ? "\"" : "", strerror(error), remedy ? "; " : "", strempty(remedy),
                          f->index, name);
}
