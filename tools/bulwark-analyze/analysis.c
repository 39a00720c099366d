/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "manager/plan/unit-freeze.h"
#include "tools/bulwark-analyze/analysis.h"

void analysis_done(Analysis *a) {
        a->plan = plan_free(a->plan);
        a->policies = policy_set_unref(a->policies);
        container_spec_unref((ContainerSpec *)a->spec);
        host_facts_done(&a->host);
        diag_done(&a->diag);
        *a = (Analysis){};
}

static bool is_file(const char *unit) {
        return strchr(unit, '/') || endswith(unit, ".container");
}

/* What is not seen may be what the manager would take. */
static void note_shut_directories(const Options *o, Diag *diag) {
        for (char *const *d = o->unit_path; geteuid() != 0 && d && *d; d++)
                if (access(*d, R_OK | X_OK) < 0 && errno == EACCES)
                        diag_warning(diag, ERROR_ACCESS, &(Origin){ *d, 0 }, NULL,
                                     "cannot be read by this user; units and drop-ins in it are not seen");
}

int analyze(const Options *o, const char *unit, AnalysisEnd end, Analysis *a) {
        _cleanup_(container_spec_unrefp) ContainerSpec *draft = NULL;
        PlanParameters parameters = {};
        int r;

        r = host_facts_gather(&a->host);
        if (r < 0)
                return r;
        a->host.image_store = o->store;
        r = host_config_load(o->config, &a->diag, &a->host);
        if (r < 0)
                return r;
        if (!is_file(unit))
                note_shut_directories(o, &a->diag);
        r = is_file(unit) ? unit_load_file(unit, &a->host.specifiers, &a->diag, &draft)
                          : unit_load(unit, o->unit_path, &a->host.specifiers, &a->diag, &draft);
        if (draft)
                r = unit_freeze(TAKE_PTR(draft), &a->host, &a->diag, &a->spec);
        if (r >= 0)
                r = policy_compile(a->spec, -EBADF, &a->diag, &a->policies);
        if (r < 0 || end == ANALYZE_POLICIES)
                return r;
        /* The ids that the manager would try first; it takes others only where they are in use. */
        id_range_of(a->spec, id_range_candidate(a->spec->name, 0), &parameters.id_base, &parameters.id_count);
        parameters.labels.apparmor_profile = a->spec->mac.apparmor ? a->policies->apparmor.profile : NULL;
        return plan_build(a->spec, a->policies, &parameters, &a->diag, &a->plan);
}

int exit_code(const Analysis *a, int error) {
        return error < 0 ? error_code_exit_status(diag_first_code(&a->diag)) : EXIT_SUCCESS;
}

void explain(const char *unit, Analysis *a, int error) {
        if (error < 0 && a->diag.n_errors == 0)
                (void)diag_errno(&a->diag, ERROR_FAILED, &(Origin){ unit, 0 }, NULL, -error, "cannot be compiled");
}

void report(const Options *o, const Analysis *a) {
        _cleanup_free_ char *text = diag_to_string(&a->diag, !o->quiet);

        if (!isempty(text))
                fprintf(stderr, "%s\n", text);
}

json_object *text_or_null(const char *s) {
        return s ? json_object_new_string(s) : NULL;
}

void print_json(const Options *o, json_object *list) {
        int style = o->output == FORMAT_JSON_PRETTY ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED
                                                    : JSON_C_TO_STRING_PLAIN;

        printf("%s\n", json_object_to_json_string_ext(list, style | JSON_C_TO_STRING_NOSLASHESCAPE));
}

/* One unit as far as its policies, told about like plan does. */
int analyze_policies(const Options *o, const char *unit, Analysis *a) {
        int r = analyze(o, unit, ANALYZE_POLICIES, a);

        explain(unit, a, r);
        report(o, a);
        return exit_code(a, r);
}
