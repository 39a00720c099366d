/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Rows under headers, for people as columns that fit the terminal, for programs as JSON objects whose keys
 * are the headers in lower case. One column may shrink: it is cut with an ellipsis. */

#include <json-c/json.h>
#include <stdio.h>

#include "manager/base/util.h"
#include "tools/bulwarkctl/options.h"
#include "tools/bulwarkctl/ui.h"

#define TABLE_COLUMNS_MAX 20

typedef struct Cell {
        char *text;   /* escaped, owned */
        char *raw;    /* as it came, owned; for JSON */
        bool number;  /* raw is a decimal */
        Color color;
} Cell;

typedef struct Table {
        const char *const *headers; /* borrowed */
        size_t n_columns;
        size_t flexible; /* the column that gives way; SIZE_MAX = none */
        Cell *cells;
        size_t n_rows;
        size_t filled; /* cells of the row under way */
} Table;

void table_init(Table *t, const char *const *headers, size_t n_columns, size_t flexible);
void table_done(Table *t);
int table_add(Table *t, const char *text, Color color);
int table_add_or_dash(Table *t, const char *text, Color color); /* "-" for people where it is empty */
/* A number for programs, words for people; UINT64_MAX is null for the ones, "-" for the others. */
int table_add_amount(Table *t, uint64_t value, const char *text);
int table_add_number(Table *t, uint64_t value);
/* 1234 hundredths: "12.3" for people, 12.34 for programs. UINT64_MAX as above. */
int table_add_hundredths(Table *t, uint64_t value);
void table_sort(Table *t); /* by the first column */

int table_print(const Table *t, const Ui *ui, FILE *out, bool header);
int table_print_json(const Table *t, FILE *out, OutputFormat format);

/* Any JSON value, on one line or indented, with the newline. */
int json_print(json_object *o, FILE *out, OutputFormat format);

/* How a state is coloured, wherever one is shown. */
Color state_color(const char *state);
