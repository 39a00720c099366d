/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* probe: claims against facts. */
#include <stdio.h>

#include "manager/base/string-list.h"
#include "tools/bulwarkctl/table.h"
#include "tools/bulwarkctl/verbs.h"

#define PROBE_TIMEOUT (60 * USEC_PER_SEC) /* the manager gives up long before */

typedef enum Outcome {
        OUTCOME_OK,
        OUTCOME_DIFFERS,
        OUTCOME_NOT_ASKED,
        _OUTCOME_MAX,
} Outcome;

static const struct {
        const char *result;
        Color color;
        const char *words;
} outcomes[_OUTCOME_MAX] = {
        [OUTCOME_OK] = { "ok", COLOR_GREEN, "hold" },
        [OUTCOME_DIFFERS] = { "differs", COLOR_RED, "differ" },
        [OUTCOME_NOT_ASKED] = { "not asked", COLOR_YELLOW, "cannot be asked under the unit's filter" },
};

/* An answer that this program does not know counts as a difference. */
static Outcome outcome_of(const char *result) {
        for (int i = 0; i < _OUTCOME_MAX; i++)
                if (streq(outcomes[i].result, result))
                        return (Outcome)i;
        return OUTCOME_DIFFERS;
}

static int origin_text(const char *file, uint32_t line, const char *directive, char **ret) {
        if (isempty(file))
                return str_append(ret, "%s", "");
        if (isempty(directive))
                return str_append(ret, "%s:%u", file, (unsigned)line);
        return str_append(ret, "%s:%u: %s=", file, (unsigned)line, directive);
}

static int add_row(sd_bus_message *m, Table *t, size_t counts[static _OUTCOME_MAX]) {
        const char *topic, *view, *claim, *expected, *observed, *file, *directive, *result;
        _cleanup_free_ char *origin = NULL;
        uint32_t line;
        Outcome outcome;
        int r;

        r = sd_bus_message_read(m, "(ssssssuss)", &topic, &view, &claim, &expected, &observed, &file, &line, &directive,
                                &result);
        if (r < 0)
                return r;
        outcome = outcome_of(result);
        counts[outcome]++;
        r = origin_text(file, line, directive, &origin);
        if (r >= 0)
                r = table_add(t, result, outcomes[outcome].color);
        if (r >= 0)
                r = table_add(t, topic, COLOR_NONE);
        if (r >= 0)
                r = table_add(t, view, COLOR_NONE);
        if (r >= 0)
                r = table_add(t, claim, COLOR_NONE);
        if (r >= 0)
                r = table_add(t, expected, COLOR_NONE);
        if (r >= 0)
                r = table_add(t, observed, outcome == OUTCOME_DIFFERS ? COLOR_RED : COLOR_NONE);
        return r < 0 ? r : table_add(t, origin, COLOR_NONE);
}

static int add_rows(sd_bus_message *m, Table *t, size_t counts[static _OUTCOME_MAX]) {
        int r;

        r = sd_bus_message_enter_container(m, SD_BUS_TYPE_ARRAY, "(ssssssuss)");
        while (r >= 0) {
                r = sd_bus_message_at_end(m, false);
                if (r != 0)
                        break;
                r = add_row(m, t, counts);
        }
        return r < 0 ? r : 0;
}

static int print_claims(Context *c, const Table *t, const char *name, const size_t counts[static _OUTCOME_MAX]) {
        int r;

        if (c->options->output != FORMAT_TABLE)
                return table_print_json(t, stdout, c->options->output);
        ui_pager_open(&c->ui, !c->options->no_pager);
        r = table_print(t, &c->ui, stdout, !c->options->no_legend);
        if (c->options->no_legend)
                return r;
        printf("\n%zu claims about %s:", t->n_rows, name);
        for (int i = 0; i < _OUTCOME_MAX; i++)
                if (counts[i] > 0 || i != OUTCOME_NOT_ASKED)
                        printf("%s %zu %s", i > 0 ? "," : "", counts[i], outcomes[i].words);
        printf(".\n");
        return r;
}

int verb_probe(Context *c) {
        static const char *const headers[] = { "RESULT", "TOPIC", "OF", "CLAIM", "EXPECTED", "OBSERVED", "ORIGIN" };
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        _cleanup_(table_done) Table t = {};
        size_t counts[_OUTCOME_MAX] = {};
        int status = EXIT_SUCCESS, r;
        char buffer[256];
        const char *name = container_name_of(c->options->arguments[0], buffer);

        table_init(&t, headers, ELEMENTSOF(headers), 4);
        if (client_connect(&c->client, &status) < 0)
                return status;
        r = client_call(&c->client, PROBE_TIMEOUT, &error, &reply, "ProbeContainer", "s", name);
        if (r >= 0)
                r = add_rows(reply, &t, counts);
        if (r < 0)
                return client_report(&error, r, "cannot probe", name);
        if (!c->options->quiet && print_claims(c, &t, name, counts) < 0)
                return EXIT_FAILURE;
        return counts[OUTCOME_DIFFERS] > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
