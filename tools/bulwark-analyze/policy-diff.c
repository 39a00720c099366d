/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* policy diff: what the second unit loosens, and what it tightens. As diff(1): 0 = the same, 1 = not, 2 = trouble; units
 * that are refused keep their own codes. */
#include <stdio.h>

#include "manager/base/string-list.h"
#include "policies/compare.h"
#include "tools/bulwark-analyze/policy.h"

#define EXIT_DIFFERENT 1
#define EXIT_TROUBLE 2
#define UNIT_LAYER "unit"

static const struct {
        char sign;
        Shade shade;
        const char *word;
} directions[_POLICY_DIRECTION_MAX] = {
        [POLICY_LOOSER] = { '+', SHADE_RED, "looser" },
        [POLICY_TIGHTER] = { '-', SHADE_GREEN, "tighter" },
        [POLICY_DIFFERS] = { '~', SHADE_YELLOW, "differs" },
};

typedef struct Comparison {
        Analysis before, after;
        size_t counts[_POLICY_DIRECTION_MAX];
        Screen screen;
        json_object *layers; /* borrowed */
} Comparison;

static void comparison_done(Comparison *c) {
        analysis_done(&c->before);
        analysis_done(&c->after);
}

static int print_change(const Screen *screen, const PolicyChange *change) {
        _cleanup_free_ char *before = NULL, *after = NULL, *text = NULL;
        int r;

        r = origin_to_string(&change->before, &before);
        if (r >= 0)
                r = origin_to_string(&change->after, &after);
        if (r >= 0)
                r = str_append(&text, "%s  # %s -> %s", change->text, before, after);
        if (r < 0)
                return r;
        screen_shade(screen, directions[change->direction].shade);
        printf("  %c ", directions[change->direction].sign);
        screen_text(screen, 4, text);
        screen_shade(screen, SHADE_PLAIN);
        return 0;
}

static int change_to_json(const PolicyChange *change, json_object *list) {
        json_object *one = json_object_new_object(), *before = json_object_new_object(), *after = json_object_new_object();
        int r;

        if (!one || !before || !after || json_object_array_add(list, one) < 0)
                return -ENOMEM;
        (void)json_object_object_add(one, "direction", json_object_new_string(directions[change->direction].word));
        (void)json_object_object_add(one, "text", json_object_new_string(change->text));
        (void)json_object_object_add(one, "before", before);
        (void)json_object_object_add(one, "after", after);
        r = origin_to_json(&change->before, before);
        return r < 0 ? r : origin_to_json(&change->after, after);
}

static int tell_json(Comparison *c, const char *layer, const PolicyChanges *changes) {
        json_object *one = json_object_new_object(), *list = json_object_new_array();
        int r = 0;

        if (!one || !list || json_object_array_add(c->layers, one) < 0)
                return -ENOMEM;
        (void)json_object_object_add(one, "layer", json_object_new_string(layer));
        (void)json_object_object_add(one, "changes", list);
        for (size_t i = 0; r >= 0 && i < changes->n; i++)
                r = change_to_json(changes->items + i, list);
        return r;
}

static int tell(const Options *o, Comparison *c, const char *layer, const PolicyChanges *changes) {
        _cleanup_free_ char *note = NULL;
        int r;

        for (size_t i = 0; i < changes->n; i++)
                c->counts[changes->items[i].direction]++;
        if (o->output != FORMAT_TABLE)
                return tell_json(c, layer, changes);
        if (changes->n == 0)
                return 0;
        r = layer_note(&c->after, layer, &note);
        if (r < 0)
                return r;
        screen_shade(&c->screen, SHADE_BOLD);
        printf("%s", layer);
        screen_shade(&c->screen, SHADE_PLAIN);
        printf("%s%s%s\n", note ? " (" : "", strempty(note), note ? ")" : "");
        for (size_t i = 0; r >= 0 && i < changes->n; i++)
                r = print_change(&c->screen, changes->items + i);
        return r;
}

static int compare(const Options *o, Comparison *c) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < policy_backends_count(); i++) {
                _cleanup_(policy_changes_done) PolicyChanges changes = {};

                if (!layer_wanted(o, i))
                        continue;
                r = policy_compare(policy_backends[i], c->before.policies, c->after.policies, &changes);
                if (r >= 0)
                        r = tell(o, c, policy_backends[i]->name, &changes);
        }
        if (r >= 0 && o->layers == 0) {
                _cleanup_(policy_changes_done) PolicyChanges changes = {};

                r = policy_compare_unit(c->before.spec, c->after.spec, &changes);
                if (r >= 0)
                        r = tell(o, c, UNIT_LAYER, &changes);
        }
        return r;
}

static void print_legend(const Comparison *c) {
        for (int d = 0; d < _POLICY_DIRECTION_MAX; d++)
                printf("%s%c %s: %zu", d == 0 ? "\n" : ", ", directions[d].sign, directions[d].word, c->counts[d]);
        printf("  # who decides it in the first unit -> in the second\n");
}

static int print_all_json(const Options *o, const Comparison *c, json_object *top) {
        if (json_object_object_add(top, "before", json_object_new_string(c->before.spec->name)) < 0 ||
            json_object_object_add(top, "after", json_object_new_string(c->after.spec->name)) < 0)
                return -ENOMEM;
        for (int d = 0; d < _POLICY_DIRECTION_MAX; d++)
                if (json_object_object_add(top, directions[d].word, json_object_new_int64((int64_t)c->counts[d])) < 0)
                        return -ENOMEM;
        print_json(o, top);
        return 0;
}

int verb_policy_diff(const Options *o) {
        _cleanup_(json_putp) json_object *top = json_object_new_object();
        _cleanup_(comparison_done) Comparison c = { .screen = screen_of_stdout(), .layers = json_object_new_array() };
        bool same;
        int code, other, r;

        if (!top || !c.layers || json_object_object_add(top, "layers", c.layers) < 0)
                return EXIT_TROUBLE;
        code = analyze_policies(o, o->units[0], &c.before);
        other = analyze_policies(o, o->units[1], &c.after);
        if (code != EXIT_SUCCESS || other != EXIT_SUCCESS)
                return MAX_OF(code == EXIT_SUCCESS ? other : code, EXIT_TROUBLE);

        r = compare(o, &c);
        same = c.counts[POLICY_LOOSER] + c.counts[POLICY_TIGHTER] + c.counts[POLICY_DIFFERS] == 0;
        if (r >= 0 && o->output != FORMAT_TABLE)
                r = print_all_json(o, &c, top);
        else if (r >= 0 && !same && !o->no_legend)
                print_legend(&c);
        if (r < 0) {
                fprintf(stderr, "bulwark-analyze: cannot compare the policies: %s\n", strerror(-r));
                return EXIT_TROUBLE;
        }
        return same ? EXIT_SUCCESS : EXIT_DIFFERENT;
}
