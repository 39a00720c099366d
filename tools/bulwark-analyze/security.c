/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* security: how much of the host each unit leaves within reach. */
#include <stdio.h>

#include "policies/exposure/exposure.h"
#include "tools/bulwark-analyze/policy.h"

#define TENTHS(t) (t) / 10, (t) % 10

static int row_to_json(const ExposureRow *row, const PolicySet *set, json_object *rows) {
        json_object *one = json_object_new_object();

        if (!one || json_object_array_add(rows, one) < 0)
                return -ENOMEM;
        (void)json_object_object_add(one, "name", json_object_new_string(row->name));
        (void)json_object_object_add(one, "weight", json_object_new_int64(row->weight));
        (void)json_object_object_add(one, "open", json_object_new_int64(row->open(set)));
        (void)json_object_object_add(one, "why", json_object_new_string(row->why));
        return 0;
}

static int unit_to_json(const PolicySet *set, unsigned tenths, json_object *list) {
        json_object *one = json_object_new_object(), *rows = json_object_new_array();
        int r = 0;

        if (!one || !rows || json_object_array_add(list, one) < 0)
                return -ENOMEM;
        (void)json_object_object_add(one, "unit", json_object_new_string(set->spec->name));
        (void)json_object_object_add(one, "exposure", json_object_new_double(tenths / 10.0));
        (void)json_object_object_add(one, "word", json_object_new_string(exposure_word(tenths)));
        (void)json_object_object_add(one, "rows", rows);
        for (size_t i = 0; r >= 0 && i < exposure_rows_count(); i++)
                r = row_to_json(exposure_rows + i, set, rows);
        return r;
}

static void print_unit(const Options *o, const PolicySet *set, unsigned tenths) {
        for (size_t i = 0; !o->no_legend && i < exposure_rows_count(); i++) {
                const ExposureRow *row = exposure_rows + i;
                const unsigned open = row->open(set);

                if (open > 0)
                        printf("%-24s %2u of 10, weight %4u  %s\n", row->name, open, row->weight, row->why);
        }
        printf("%s: exposure %u.%u of 10: %s\n", set->spec->name, TENTHS(tenths), exposure_word(tenths));
}

int verb_security(const Options *o) {
        _cleanup_(json_putp) json_object *list = json_object_new_array();
        int code = list ? EXIT_SUCCESS : EXIT_FAILURE;

        for (char *const *unit = o->units; list && *unit; unit++) {
                _cleanup_(analysis_done) Analysis a = {};
                unsigned tenths;
                int one = analyze_policies(o, *unit, &a);

                if (one != EXIT_SUCCESS) {
                        code = code == EXIT_SUCCESS ? one : code;
                        continue;
                }
                tenths = exposure_tenths(a.policies);
                if (o->output == FORMAT_TABLE)
                        print_unit(o, a.policies, tenths);
                else if (unit_to_json(a.policies, tenths, list) < 0)
                        one = EXIT_FAILURE;
                if (one == EXIT_SUCCESS && o->threshold_set && tenths > o->threshold)
                        one = EXIT_FAILURE;
                if (code == EXIT_SUCCESS)
                        code = one;
        }
        if (o->output != FORMAT_TABLE && list)
                print_json(o, list);
        return code;
}
