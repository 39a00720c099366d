/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* render KIND FILE: what the compiler makes of a unit, as text. The golden tables are kept outputs of this. */
#include <stdio.h>

#include "manager/base/string-list.h"
#include "policies/selinux/selinux.h"
#include "tests/tables/compiler.h"

/* Everything that was said, and how bulwarkctl would end. */
static int render_errors(const Compilation *c, int error, char **out) {
        _cleanup_free_ char *text = diag_to_string(&c->diag, true);

        if (!text)
                return -ENOMEM;
        return str_append(out, "%s%sexit %d\n", text, *text ? "\n" : "",
                          error < 0 ? error_code_exit_status(diag_first_code(&c->diag)) : 0);
}

static int append_resolved(const ContainerSpec *s, char **out) {
        const Identity *i = &s->identity;
        int r;

        r = str_append(out, "\n-- resolved\nname %s prefix %s instance %s\nuid %u gid %u groups", s->name, s->prefix,
                       s->instance ? s->instance : "-", i->uid, i->gid);
        for (size_t k = 0; r >= 0 && k < i->n_groups; k++)
                r = str_append(out, " %u", i->groups[k]);
        if (r >= 0)
                r = str_append(out, "\nuser %s home %s shell %s\ndirectory %s%s\ninit %s\n", i->user_name ? i->user_name : "-",
                               i->home ? i->home : "-", i->shell ? i->shell : "-", s->exec_directory,
                               s->exec_directory_missing_ok ? " (may be missing)" : "", s->init_role ? "ours" : "its own");
        for (char *const *e = s->exec_environment; r >= 0 && e && *e; e++)
                r = str_append(out, "environment %s\n", *e);
        return r;
}

static int render_spec(const Compilation *c, int error, char **out) {
        _cleanup_free_ char *text = NULL;
        int r;

        if (error < 0)
                return render_errors(c, error, out);
        r = container_spec_print(c->spec, &text);
        if (r < 0)
                return r;
        r = str_append(out, "%s", text);
        return r < 0 ? r : append_resolved(c->spec, out);
}

static int render_plan(const Compilation *c, int error, char **out) {
        _cleanup_free_ char *text = NULL;
        const PlanHeader *h;
        int r;

        if (error < 0)
                return render_errors(c, error, out);
        h = c->plan->view.header;
        r = plan_print(&c->plan->view, &text);
        if (r < 0)
                return r;
        return str_append(out, "stop %s, %llu us, flags %u\n%s", signal_to_string(h->stop_signal),
                          (unsigned long long)h->stop_timeout_usec, h->flags, text);
}

static int render_policy(const Compilation *c, int error, char **out) {
        int r = 0;

        if (error < 0)
                return render_errors(c, error, out);
        for (size_t i = 0; r >= 0 && i < policy_backends_count(); i++) {
                _cleanup_free_ char *text = NULL;

                r = policy_backends[i]->render(c->policies, &text);
                if (r >= 0)
                        r = str_append(out, "-- %s\n%s", policy_backends[i]->name, text);
        }
        return r;
}

/* Rules with the lines that caused them, as comments, and the block: secilc(1) reads it. */
static int render_selinux(const Compilation *c, int error, char **out) {
        _cleanup_free_ char *text = NULL;
        const PolicyRules *rules;
        int r;

        if (error < 0)
                return render_errors(c, error, out);
        rules = policy_backend_selinux.rules(c->policies);
        r = policy_backend_selinux.render(c->policies, &text);
        for (size_t i = 0; r >= 0 && i < rules->n; i++)
                r = str_append(out, "; %s:%u: %s\n", strempty(rules->items[i].origin.file), rules->items[i].origin.line,
                               rules->items[i].text);
        return r < 0 ? r : str_append(out, "%s", text);
}

/* What apparmor_parser(8) is given, as it is. */
static int render_apparmor(const Compilation *c, int error, char **out) {
        const AppArmorPolicy *p;

        if (error < 0)
                return render_errors(c, error, out);
        p = &c->policies->apparmor;
        if (p->text)
                return str_append(out, "%s", p->text);
        return str_append(out, "enters %s%s\n", p->profile ? p->profile : "nothing", p->optional ? ", where it is loaded" : "");
}

int main(int argc, char **argv) {
        static const struct {
                const char *kind;
                int (*render)(const Compilation *c, int error, char **out);
        } kinds[] = {
                { "errors", render_errors },
                { "spec", render_spec },
                { "plan", render_plan },
                { "policy", render_policy },
                { "selinux", render_selinux },
                { "apparmor", render_apparmor },
        };
        _cleanup_(compilation_done) Compilation c = {};
        _cleanup_free_ char *out = NULL;

        for (size_t i = 0; argc == 3 && i < ELEMENTSOF(kinds); i++)
                if (streq(kinds[i].kind, argv[1])) {
                        int error = compile_file(argv[2], &c), r = kinds[i].render(&c, error, &out);

                        if (r < 0)
                                fprintf(stderr, "render: %s\n", strerror(-r));
                        else
                                fputs(strempty(out), stdout);
                        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
                }
        fprintf(stderr, "usage: render errors|spec|plan|policy|selinux|apparmor FILE\n");
        return 2;
}
