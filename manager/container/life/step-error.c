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
        [STEP_ENTER_ROOT] = { "enter the root directory", SUBJECT_NONE },
        [STEP_MAKE_MOUNTPOINT] = { "make the mount point", SUBJECT_S },
        [STEP_ATTACH] = { "attach", SUBJECT_S },
        [STEP_ATTACH_MASK] = { "mask", SUBJECT_S },
        [STEP_MAKE_DIRECTORY] = { "make the directory", SUBJECT_S },
        [STEP_MAKE_FILE] = { "make the file", SUBJECT_S },
        [STEP_MAKE_SYMLINK] = { "make the symbolic link", SUBJECT_S },
        [STEP_MAKE_NODE] = { "make the device node", SUBJECT_S },
        [STEP_LOOPBACK_UP] = { "bring the loopback interface up", SUBJECT_NONE },
        [STEP_HOST_NAME] = { "set the host name", SUBJECT_S },
        [STEP_WORKING_DIRECTORY] = { "change to the directory", SUBJECT_S },
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

int step_failure_explain(const Plan *plan, const StepFailure *f, Diag *diag) {
        const char *name = step_kind_to_string(f->kind), *directive = NULL, *subject, *words;
        ErrorCode code = f->kind == STEP_EXECUTE ? ERROR_EXEC : ERROR_LAUNCH;
        int error = f->error < 0 ? -f->error : EIO;
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
        if (!words)
                return diag_error(diag, code, &origin, directive, "cannot carry out %s: %s (step %u)", name,
                                  strerror(error), f->index);
        if (subject && error == ELOOP)
                return diag_error(diag, code, &origin, directive,
                                  "cannot %s \"%s\": a symbolic link stands on the way; name the path that it leads to "
                                  "(step %u %s)",
                                  words, subject, f->index, name);
        if (subject)
                return diag_error(diag, code, &origin, directive, "cannot %s \"%s\": %s (step %u %s)", words,
                                  subject, strerror(error), f->index, name);
        return diag_error(diag, code, &origin, directive, "cannot %s: %s (step %u %s)", words,
                          strerror(error), f->index, name);
}
