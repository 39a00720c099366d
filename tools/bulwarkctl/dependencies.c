/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* list-dependencies: what containers need, or who needs them, asked of the manager one container after the other and
 * drawn as a tree. Each container's own branch is drawn once. */
#include <stdio.h>

#include "manager/base/string-list.h"
#include "tools/bulwarkctl/escape.h"
#include "tools/bulwarkctl/names.h"
#include "tools/bulwarkctl/table.h"
#include "tools/bulwarkctl/verbs.h"

/* Without --all: what decides whether a container can be there, not in which order or what else follows. */
static const char *const needs[] = {
        "Requires",   "Requisite",   "Wants",    "BindsTo", "Upholds",  "PartOf",
        "RequiredBy", "RequisiteOf", "WantedBy", "BoundBy", "UpheldBy", "ConsistsOf",
};

typedef struct Item {
        char *name, *kinds, *active;
} Item;

typedef struct Tree {
        Context *context;
        Table table; /* for JSON: a row each edge */
        char **drawn;
        bool rows;   /* collect rows instead of drawing */
} Tree;

static void items_free(Item *items, size_t n) {
        for (size_t i = 0; i < n; i++) {
                free(items[i].name);
                free(items[i].kinds);
                free(items[i].active);
        }
        free(items);
}

static bool is_shown(const Options *o, const char *kind) {
        for (size_t i = 0; i < ELEMENTSOF(needs); i++)
                if (streq(needs[i], kind))
                        return true;
        return o->all;
}

static int add_row(Tree *t, const char *from, const char *kind, const char *to, const char *active, const char *line) {
        const char *const cells[] = { from, kind, to, active, line };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(cells); i++)
                r = table_add(&t->table, cells[i], COLOR_NONE);
        return r;
}

/* Several lines about one container are one item. */
static int add_item(Item **items, size_t *n, const char *kind, const char *name, const char *active) {
        Item *grown;

        for (size_t i = 0; i < *n; i++)
                if (streq((*items)[i].name, name))
                        return str_append(&(*items)[i].kinds, ", %s", kind);
        grown = reallocarray(*items, *n + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        *items = grown;
        grown[(*n)++] = (Item){ strdup(name), strdup(kind), strdup(active) };
        return grown[*n - 1].name && grown[*n - 1].kinds && grown[*n - 1].active ? 0 : -ENOMEM;
}

static int read_items(Tree *t, sd_bus_message *m, const char *of, Item **items, size_t *n) {
        int r;

        r = sd_bus_message_enter_container(m, SD_BUS_TYPE_ARRAY, "(ssss)");
        while (r >= 0) {
                const char *kind, *name, *active, *line;

                r = sd_bus_message_read(m, "(ssss)", &kind, &name, &active, &line);
                if (r <= 0)
                        break;
                if (!is_shown(t->context->options, kind))
                        continue;
                r = add_item(items, n, kind, name, active);
                if (r >= 0 && t->rows)
                        r = add_row(t, of, kind, name, active, line);
        }
        return r < 0 ? r : 0;
}

static int fetch(Tree *t, const char *name, sd_bus_error *error, Item **ret, size_t *ret_n) {
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r;

        r = client_call(&t->context->client, 0, error, &reply, "ListDependencies", "sb", name,
                        (int)t->context->options->reverse);
        return r < 0 ? r : read_items(t, reply, name, ret, ret_n);
}

static void draw_item(const Tree *t, const Item *item, const char *prefix, bool last) {
        const Ui *ui = &t->context->ui;

        printf("%s%s%s%s%s %s %s(%s)%s\n", prefix, ui_glyph(ui, last ? GLYPH_LAST : GLYPH_BRANCH),
               ui_color(ui, state_color(item->active)),
               ui_glyph(ui, streq(item->active, "failed") ? GLYPH_CROSS
                                                          : streq(item->active, "inactive") ? GLYPH_CIRCLE : GLYPH_DOT),
               ui_reset(ui), item->name, ui_color(ui, COLOR_DIM), item->kinds, ui_reset(ui));
}

static int branch(Tree *t, const char *name, const char *prefix) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        Item *items = NULL;
        size_t n = 0;
        int r;

        if (strv_contains(t->drawn, name))
                return 0;
        r = strv_extend(&t->drawn, name);
        if (r >= 0)
                r = fetch(t, name, &error, &items, &n);
        if (r < 0 && client_exit_status(&error, r) == EXIT_NO_UNIT) {
                items_free(items, n);
                return 0; /* what has no unit depends on nothing */
        }
        for (size_t i = 0; r >= 0 && i < n; i++) {
                _cleanup_free_ char *deeper = NULL;

                if (!t->rows)
                        draw_item(t, items + i, prefix, i + 1 == n);
                r = str_append(&deeper, "%s%s", prefix,
                               i + 1 == n ? "  " : ui_glyph(&t->context->ui, GLYPH_BAR));
                if (r >= 0)
                        r = branch(t, items[i].name, deeper);
        }
        items_free(items, n);
        return r;
}

/* A name on the command line: one that does not exist is a mistake. */
static int root(Tree *t, const char *name, int *ret_status) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *path = NULL;
        int r;

        r = client_container(&t->context->client, name, &error, &path);
        if (r < 0) {
                *ret_status = client_report(&error, r, "cannot list the dependencies of", name);
                return 0;
        }
        if (!t->rows) {
                t->drawn = strv_free(t->drawn);
                printf("%s\n", name);
        }
        return branch(t, name, "");
}

static int all_roots(Tree *t, int *ret_status) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        _cleanup_strv_ char **names = NULL;
        int r;

        r = client_call(&t->context->client, 0, &error, &reply, "ListContainers", NULL);
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, SD_BUS_TYPE_ARRAY, "(ssssssouso)");
        while (r >= 0) {
                const char *name;

                r = sd_bus_message_enter_container(reply, SD_BUS_TYPE_STRUCT, "ssssssouso");
                if (r <= 0)
                        break;
                r = sd_bus_message_read(reply, "s", &name);
                if (r >= 0)
                        r = strv_extend(&names, name);
                if (r >= 0)
                        r = sd_bus_message_skip(reply, "sssssouso");
                if (r >= 0)
                        r = sd_bus_message_exit_container(reply);
        }
        for (size_t i = 0; r >= 0 && i < strv_length(names); i++)
                r = root(t, names[i], ret_status);
        return r;
}

int verb_list_dependencies(Context *c) {
        static const char *const headers[] = { "CONTAINER", "KIND", "DEPENDENCY", "ACTIVE", "LINE" };
        const Options *o = c->options;
        Tree t = { .context = c, .rows = o->output != FORMAT_TABLE };
        int r = 0, status = EXIT_SUCCESS;

        if (names_resolve(c, &status) < 0)
                return status;
        table_init(&t.table, headers, ELEMENTSOF(headers), SIZE_MAX);
        if (!t.rows)
                ui_pager_open(&c->ui, !o->no_pager);
        if (o->n_arguments == 0)
                r = all_roots(&t, &status);
        for (size_t i = 0; r >= 0 && i < strv_length(c->names); i++)
                r = root(&t, c->names[i], &status);
        if (r >= 0 && t.rows)
                r = table_print_json(&t.table, stdout, o->output);
        if (r < 0)
                status = client_report(NULL, r, "cannot list the dependencies", NULL);
        strv_free(t.drawn);
        table_done(&t.table);
        return status;
}
