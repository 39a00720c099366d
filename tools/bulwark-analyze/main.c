/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The compiler without the daemon: everything up to the plan, and nothing that touches the host. */
#include <stdio.h>

#include "tools/bulwark-analyze/analysis.h"
#include "tools/bulwark-analyze/cycles.h"
#include "tools/bulwark-analyze/policy.h"

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

/* What no unit can know alone. */
static int verify_together(const Options *o, const ContainerSpec *const *specs, size_t n, json_object *list) {
        _cleanup_(analysis_done) Analysis all = {};
        int r = cycles_check(specs, n, &all.diag), code = exit_code(&all, r);

        if (o->output == FORMAT_TABLE)
                report(o, &all);
        else if (!list || report_json(o, "", &all, list) < 0)
                code = EXIT_FAILURE;
        return code;
}

static int verb_verify(const Options *o) {
        _cleanup_(json_putp) json_object *list = json_object_new_array();
        const ContainerSpec **specs = calloc(strv_length(o->units) + 1, sizeof(*specs));
        int code = specs ? EXIT_SUCCESS : EXIT_FAILURE, one;
        size_t n = 0;

        for (char *const *unit = o->units; specs && *unit; unit++) {
                _cleanup_(analysis_done) Analysis a = {};
                int r;

                r = analyze(o, *unit, ANALYZE_PLAN, &a);
                explain(*unit, &a, r);
                if (a.spec)
                        unit_sources_check(a.spec, &a.diag);
                if (a.spec)
                        specs[n++] = container_spec_ref(a.spec);
                one = exit_code(&a, r);
                if (o->output == FORMAT_TABLE)
                        report(o, &a);
                else if (!list || report_json(o, *unit, &a, list) < 0)
                        one = EXIT_FAILURE;
                if (code == EXIT_SUCCESS)
                        code = one;
        }
        one = n > 1 ? verify_together(o, specs, n, list) : EXIT_SUCCESS;
        if (code == EXIT_SUCCESS)
                code = one;
        if (o->output != FORMAT_TABLE && list)
                print_json(o, list);
        while (n > 0)
                container_spec_unref((ContainerSpec *)specs[--n]);
        free(specs);
        return code;
}

static int verb_plan(const Options *o) {
        _cleanup_(analysis_done) Analysis a = {};
        _cleanup_free_ char *text = NULL;
        int r, code;

        r = analyze(o, o->units[0], ANALYZE_PLAN, &a);
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

#define USE(id) (UINT32_C(1) << OPTION_##id)
#define USE_LAYERS (USE(CAPS) | USE(SECCOMP) | USE(APPARMOR) | USE(SELINUX) | USE(LANDLOCK) | USE(DEVICES) | USE(FILTERS))
const Verb verbs[] = {
        { "verify", "FILE|NAME...", "report every mistake of units", 1, SIZE_MAX, USE(OUTPUT), verb_verify },
        { "plan", "FILE|NAME", "show what a start would do, step by step", 1, 1, USE(OUTPUT), verb_plan },
        { "security", "NAME|FILE...", "show how much of the host units leave within reach", 1, SIZE_MAX, USE(OUTPUT) | USE(THRESHOLD),
          verb_security },
        { "policy show", "NAME|FILE", "show every rule and the line that caused it", 1, 1,
          USE(OUTPUT) | USE(LISTING) | USE_LAYERS, verb_policy_show },
        { "policy diff", "A B", "show what B loosens and tightens against A", 2, 2, USE(OUTPUT) | USE_LAYERS,
          verb_policy_diff },
        { "policy export", "NAME|FILE", "write what can be loaded by hand", 1, 1,
          USE(OUTPUT_DIRECTORY) | USE(FORCE) | USE_LAYERS, verb_policy_export },
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
