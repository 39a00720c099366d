/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* policy show: every rule of every layer, with the line that caused it. */
#include <stdio.h>

#include "manager/base/string-list.h"
#include "tools/bulwark-analyze/policy.h"

/* What a layer shows: its rules, and what it would have to say and cannot. */
typedef struct Layer {
        const PolicyBackend *backend;
        const PolicyRules *rules, *unsaid;
        char *note, *listing;
} Layer;

static void layer_done(Layer *l) {
        free(l->note);
        free(l->listing);
}

static int layer_get(const Options *o, const Analysis *a, const PolicyBackend *backend, Layer *ret) {
        static const PolicyRules none = {};
        int r;

        *ret = (Layer){ .backend = backend, .rules = backend->rules(a->policies), .unsaid = &none };
        if (streq(backend->name, "landlock"))
                ret->unsaid = &a->policies->landlock.unsaid;
        r = layer_note(a, backend->name, &ret->note);
        return r < 0 || !o->listing ? r : backend->render(a->policies, &ret->listing);
}

/* --- for people */

static int origins_width(const PolicyRules *rules, size_t width) {
        for (size_t i = 0; i < rules->n; i++) {
                _cleanup_free_ char *origin = NULL;

                if (origin_to_string(&rules->items[i].origin, &origin) >= 0)
                        width = MAX_OF(width, strlen(origin));
        }
        return (int)width;
}

static int print_rules(const Screen *screen, const PolicyRules *rules, int width, const char *before) {
        for (size_t i = 0; i < rules->n; i++) {
                _cleanup_free_ char *origin = NULL, *text = NULL;
                int r;

                r = origin_to_string(&rules->items[i].origin, &origin);
                if (r >= 0)
                        r = str_append(&text, "%s%s", before, rules->items[i].text);
                if (r < 0)
                        return r;
                printf("  %-*s  ", width, origin);
                screen_text(screen, (size_t)width + 4, text);
        }
        return 0;
}

static int print_layer(const Options *o, const Screen *screen, const Layer *l, bool alone) {
        int width, r;

        if (o->listing && alone) {
                printf("%s%s", l->listing, isempty(l->listing) || endswith(l->listing, "\n") ? "" : "\n");
                return 0;
        }
        screen_shade(screen, SHADE_BOLD);
        printf("%s", l->backend->name);
        screen_shade(screen, SHADE_PLAIN);
        printf("%s%s%s\n", l->note ? " (" : "", strempty(l->note), l->note ? ")" : "");
        if (o->listing) {
                printf("%s%s\n", l->listing, isempty(l->listing) || endswith(l->listing, "\n") ? "" : "\n");
                return 0;
        }
        width = origins_width(l->unsaid, (size_t)origins_width(l->rules, strlen("default")));
        r = print_rules(screen, l->rules, width, "");
        if (r >= 0)
                r = print_rules(screen, l->unsaid, width, "not said here: ");
        if (l->rules->n + l->unsaid->n == 0)
                printf("  no rules\n");
        return r;
}

/* --- for programs */

static int rules_to_json(const char *layer, const PolicyRules *rules, json_object *to) {
        for (size_t i = 0; i < rules->n; i++) {
                json_object *one = json_object_new_object();
                int r;

                if (!one || json_object_array_add(to, one) < 0 ||
                    json_object_object_add(one, "layer", json_object_new_string(layer)) < 0 ||
                    json_object_object_add(one, "rule", json_object_new_string(rules->items[i].text)) < 0)
                        return -ENOMEM;
                r = origin_to_json(&rules->items[i].origin, one);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int layer_to_json(const Layer *l, json_object *layers) {
        json_object *one = json_object_new_object(), *rules = json_object_new_array(), *unsaid = json_object_new_array();
        int r;

        if (!one || !rules || !unsaid || json_object_array_add(layers, one) < 0)
                return -ENOMEM;
        (void)json_object_object_add(one, "layer", json_object_new_string(l->backend->name));
        (void)json_object_object_add(one, "enforced", json_object_new_boolean(!l->note));
        (void)json_object_object_add(one, "note", text_or_null(l->note));
        (void)json_object_object_add(one, "rules", rules);
        (void)json_object_object_add(one, "unsaid", unsaid);
        if (l->listing)
                (void)json_object_object_add(one, "listing", json_object_new_string(l->listing));
        r = rules_to_json(l->backend->name, l->rules, rules);
        return r < 0 ? r : rules_to_json(l->backend->name, l->unsaid, unsaid);
}

/* --- */

static int show(const Options *o, const Analysis *a, json_object *layers) {
        const Screen screen = screen_of_stdout();
        bool alone = __builtin_popcount(o->layers) == 1;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < policy_backends_count(); i++) {
                _cleanup_(layer_done) Layer l = {};

                if (!layer_wanted(o, i))
                        continue;
                r = layer_get(o, a, policy_backends[i], &l);
                if (r >= 0)
                        r = o->output == FORMAT_TABLE ? print_layer(o, &screen, &l, alone) : layer_to_json(&l, layers);
        }
        return r;
}

int verb_policy_show(const Options *o) {
        _cleanup_(json_putp) json_object *top = json_object_new_object();
        _cleanup_(analysis_done) Analysis a = {};
        json_object *layers = json_object_new_array();
        int code, r;

        code = analyze_policies(o, o->units[0], &a);
        if (code != EXIT_SUCCESS) {
                (void)json_object_put(layers);
                return code;
        }
        if (!top || !layers || json_object_object_add(top, "unit", json_object_new_string(a.spec->name)) < 0 ||
            json_object_object_add(top, "layers", layers) < 0)
                return EXIT_FAILURE;
        r = show(o, &a, layers);
        if (r < 0) {
                fprintf(stderr, "bulwark-analyze: cannot show the policy: %s\n", strerror(-r));
                return EXIT_FAILURE;
        }
        if (o->output != FORMAT_TABLE)
                print_json(o, top);
        return EXIT_SUCCESS;
}
