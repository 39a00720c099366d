/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The compiler without the daemon: everything up to the plan, and nothing that touches the host. */
#include <json-c/json.h>
#include <stdio.h>

#include "manager/plan/plan.h"
#include "manager/plan/unit-freeze.h"
#include "tools/bulwark-analyze/options.h"

#define EXIT_USAGE 2

/* One unit on its way through the compiler, with all that was said about it. */
typedef struct Analysis {
        HostFacts host;
        Diag diag;
        const ContainerSpec *spec;
        const PolicySet *policies;
        Plan *plan;
} Analysis;

static void analysis_done(Analysis *a) {
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

/* As far as the unit goes; what was wrong is in a->diag. */
static int analyze(const Options *o, const char *unit, Analysis *a) {
        _cleanup_(container_spec_unrefp) ContainerSpec *draft = NULL;
        PlanParameters parameters = {};
        int r;

        r = host_facts_gather(&a->host);
        if (r < 0)
                return r;
        r = host_config_load(o->config, &a->diag, &a->host);
        if (r < 0)
                return r;
        r = is_file(unit) ? unit_load_file(unit, &a->host.specifiers, &a->diag, &draft)
                          : unit_load(unit, o->unit_path, &a->host.specifiers, &a->diag, &draft);
        if (draft)
                r = unit_freeze(TAKE_PTR(draft), &a->host, &a->diag, &a->spec);
        if (r >= 0)
                r = policy_compile(a->spec, -EBADF, &a->diag, &a->policies);
        if (r < 0)
                return r;
        /* The ids that the manager would try first; it takes others only where they are in use. */
        id_range_of(a->spec, id_range_candidate(a->spec->name, 0), &parameters.id_base, &parameters.id_count);
        parameters.labels.apparmor_profile = a->spec->mac.apparmor ? a->policies->apparmor.profile : NULL;
        return plan_build(a->spec, a->policies, &parameters, &a->diag, &a->plan);
}

/* The exit code that a unit deserves. */
static int exit_code(const Analysis *a, int error) {
        return error < 0 ? error_code_exit_status(diag_first_code(&a->diag)) : EXIT_SUCCESS;
}

/* Every refusal has words, even one that nobody explained. */
static void explain(const char *unit, Analysis *a, int error) {
        if (error < 0 && a->diag.n_errors == 0)
                (void)diag_errno(&a->diag, ERROR_FAILED, &(Origin){ unit, 0 }, NULL, -error, "cannot be compiled");
}

static void report(const Options *o, const Analysis *a) {
        _cleanup_free_ char *text = diag_to_string(&a->diag, !o->quiet);

        if (!isempty(text))
                fprintf(stderr, "%s\n", text);
}

static json_object *text_or_null(const char *s) {
        return s ? json_object_new_string(s) : NULL;
}

static int report_json(const Options *o, const char *unit, const Analysis *a, json_object *list) {
        for (size_t i = 0; i < a->diag.n_entries; i++) {
                const DiagEntry *e = &a->diag.entries[i];
                json_object *one;

                if (e->level == DIAG_WARNING && o->quiet)
                        continue;
                one = json_object_new_object();
                if (!one || json_object_array_add(list, one) < 0)
                        return -ENOMEM;
                (void)json_object_object_add(one, "unit", json_object_new_string(unit));
                (void)json_object_object_add(one, "level",
                                             json_object_new_string(e->level == DIAG_WARNING ? "warning" : "error"));
                (void)json_object_object_add(one, "error", json_object_new_string(error_code_bus_name(e->code)));
                (void)json_object_object_add(one, "file", text_or_null(e->file));
                (void)json_object_object_add(one, "line", e->line > 0 ? json_object_new_int64(e->line) : NULL);
                (void)json_object_object_add(one, "directive", text_or_null(e->directive));
                (void)json_object_object_add(one, "text", json_object_new_string(e->text));
        }
        return 0;
}

static void print_json(const Options *o, json_object *list) {
        int style = o->output == FORMAT_JSON_PRETTY ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED
                                                    : JSON_C_TO_STRING_PLAIN;

        printf("%s\n", json_object_to_json_string_ext(list, style | JSON_C_TO_STRING_NOSLASHESCAPE));
}

static void json_putp(json_object **o) {
        (void)json_object_put(*o);
}

static int verb_verify(const Options *o) {
        _cleanup_(json_putp) json_object *list = json_object_new_array();
        int code = EXIT_SUCCESS;

        for (char *const *unit = o->units; *unit; unit++) {
                _cleanup_(analysis_done) Analysis a = {};
                int r, one;

                r = analyze(o, *unit, &a);
                explain(*unit, &a, r);
                one = exit_code(&a, r);
                if (o->output == FORMAT_TABLE)
                        report(o, &a);
                else if (!list || report_json(o, *unit, &a, list) < 0)
                        one = EXIT_FAILURE;
                if (code == EXIT_SUCCESS)
                        code = one;
        }
        if (o->output != FORMAT_TABLE && list)
                print_json(o, list);
        return code;
}

static int verb_plan(const Options *o) {
        _cleanup_(analysis_done) Analysis a = {};
        _cleanup_free_ char *text = NULL;
        int r, code;

        r = analyze(o, o->units[0], &a);
        explain(o->units[0], &a, r);
        report(o, &a);
        code = exit_code(&a, r);
        if (code != EXIT_SUCCESS)
                return code;
        r = o->output == FORMAT_TABLE ? plan_print(&a.plan->view, &text)
                                      : plan_print_json(&a.plan->view, o->output == FORMAT_JSON_PRETTY, &text);
        if (r < 0) {
                fprintf(stderr, "bulwark-analyze: cannot print the plan: %s\n", strerror(-r));
                return EXIT_FAILURE;
        }
        printf("%s%s", text, endswith(text, "\n") ? "" : "\n");
        return EXIT_SUCCESS;
}

const Verb verbs[] = {
        { "verify", "FILE|NAME...", "report every mistake of units", true, verb_verify },
        { "plan", "FILE|NAME", "show what a start would do, step by step", false, verb_plan },
};

size_t verbs_count(void) {
        return ELEMENTSOF(verbs);
}

int main(int argc, char **argv) {
        _cleanup_(options_done) Options o = {};
        int code = EXIT_SUCCESS;

        if (options_parse(argc, argv, &o) < 0)
                return EXIT_USAGE;
        if (o.verb)
                code = o.verb->run(&o);
        if (fflush(stdout) != 0 || ferror(stdout)) {
                fprintf(stderr, "bulwark-analyze: cannot write: %s\n", strerror(errno));
                return EXIT_FAILURE;
        }
        return code;
}
