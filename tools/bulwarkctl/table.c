/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <inttypes.h>

#include "tools/bulwarkctl/escape.h"
#include "tools/bulwarkctl/table.h"

#define GAP 1 /* between columns, as systemctl */

void table_init(Table *t, const char *const *headers, size_t n_columns, size_t flexible) {
        *t = (Table){.headers = headers,
                     .n_columns = MIN_OF(n_columns, (size_t)TABLE_COLUMNS_MAX),
                     .flexible = flexible};
}

void table_done(Table *t) {
        for (size_t i = 0; i < t->n_rows * t->n_columns + t->filled; i++) {
                free(t->cells[i].text);
                free(t->cells[i].raw);
        }
        free(t->cells);
        *t = (Table){};
}

static int cell_add(Table *t, const char *text, const char *raw, bool number, Color color) {
        size_t n = t->n_rows * t->n_columns + t->filled;
        Cell cell = { .number = number, .color = color };

        if (t->filled == 0) {
                Cell *grown = reallocarray(t->cells, n + t->n_columns, sizeof(Cell));

                if (!grown)
                        return -ENOMEM;
                t->cells = grown;
        }
        cell.text = escape_text(text, 0);
        cell.raw = strdup(raw);
        if (!cell.text || !cell.raw) {
                free(cell.text);
                free(cell.raw);
                return -ENOMEM;
        }
        t->cells[n] = cell;
        t->filled++;
        if (t->filled == t->n_columns) {
                t->filled = 0;
                t->n_rows++;
        }
        return 0;
}

int table_add(Table *t, const char *text, Color color) {
        return cell_add(t, strempty(text), strempty(text), false, color);
}

int table_add_or_dash(Table *t, const char *text, Color color) {
        return cell_add(t, isempty(text) ? "-" : text, strempty(text), false, color);
}

int table_add_amount(Table *t, uint64_t value, const char *text) {
        char raw[24] = "";

        if (value != UINT64_MAX)
                (void)snprintf(raw, sizeof(raw), "%" PRIu64, value);
        return cell_add(t, value == UINT64_MAX ? "-" : text, raw, true, COLOR_NONE);
}

int table_add_number(Table *t, uint64_t value) {
        char text[24];

        (void)snprintf(text, sizeof(text), "%" PRIu64, value);
        return cell_add(t, text, text, true, COLOR_NONE);
}

int table_add_hundredths(Table *t, uint64_t value) {
        char text[32] = "-", raw[32] = "";

        if (value != UINT64_MAX) {
                (void)snprintf(text, sizeof(text), "%" PRIu64 ".%" PRIu64, value / 100, value % 100 / 10);
                (void)snprintf(raw, sizeof(raw), "%" PRIu64 ".%02" PRIu64, value / 100, value % 100);
        }
        return cell_add(t, text, raw, true, COLOR_NONE);
}

/* qsort() moves whole rows only where a row is one element. */
static int compare_rows(const void *a, const void *b) {
        return strcmp(((const Cell *)a)->raw, ((const Cell *)b)->raw);
}

void table_sort(Table *t) {
        if (t->n_rows > 1)
                qsort(t->cells, t->n_rows, t->n_columns * sizeof(Cell), compare_rows);
}

static void measure(const Table *t, const Ui *ui, bool header, size_t *widths) {
        size_t total = 0;

        for (size_t c = 0; c < t->n_columns; c++) {
                widths[c] = header ? strlen(t->headers[c]) : 0;
                for (size_t r = 0; r < t->n_rows; r++)
                        widths[c] = MAX_OF(widths[c], text_width(t->cells[r * t->n_columns + c].text));
                total += widths[c] + (c > 0 ? GAP : 0);
        }
        if (t->flexible < t->n_columns && total > ui->width) {
                size_t excess = total - ui->width, *flexible = widths + t->flexible;
                size_t least = MIN_OF(*flexible, (size_t)8);

                *flexible = *flexible > excess + least ? *flexible - excess : least;
        }
}

static void print_cell(const Ui *ui, FILE *out, const char *text, Color color, size_t width, bool last) {
        size_t w = text_width(text), fit = strlen(text);
        const char *cut = "";

        if (w > width) {
                cut = ui_glyph(ui, GLYPH_ELLIPSIS);
                fit = text_fit(text, width > 0 ? width - 1 : 0);
                w = width;
        }
        fprintf(out, "%s%.*s%s%s", color == COLOR_NONE ? "" : ui_color(ui, color), (int)fit, text, cut,
                color == COLOR_NONE ? "" : ui_reset(ui));
        if (!last)
                fprintf(out, "%*s", (int)(width - w + GAP), "");
}

int table_print(const Table *t, const Ui *ui, FILE *out, bool header) {
        size_t widths[TABLE_COLUMNS_MAX];

        measure(t, ui, header, widths);
        for (size_t c = 0; header && c < t->n_columns; c++)
                print_cell(ui, out, t->headers[c], COLOR_UNDERLINE, widths[c], c + 1 == t->n_columns);
        if (header)
                fputc('\n', out);
        for (size_t r = 0; r < t->n_rows; r++) {
                const Cell *row = t->cells + r * t->n_columns;
                size_t n = t->n_columns;

                while (n > 1 && !*row[n - 1].text) /* no blanks at the end of a line */
                        n--;
                for (size_t c = 0; c < n; c++)
                        print_cell(ui, out, row[c].text, row[c].color, widths[c], c + 1 == n);
                fputc('\n', out);
        }
        return ferror(out) ? -EIO : 0;
}

/* "UNIT FILE" -> "unit_file" */
static void header_to_key(const char *header, char *key, size_t size) {
        size_t i;

        for (i = 0; header[i] && i + 1 < size; i++)
                key[i] = header[i] == ' ' ? '_' : (char)tolower((unsigned char)header[i]);
        key[i] = 0;
}

int table_print_json(const Table *t, FILE *out, OutputFormat format) {
        json_object *array = json_object_new_array();
        int r;

        for (size_t row = 0; row < t->n_rows; row++) {
                json_object *o = json_object_new_object();

                for (size_t c = 0; c < t->n_columns; c++) {
                        const Cell *cell = t->cells + row * t->n_columns + c;
                        char key[32];

                        header_to_key(t->headers[c], key, sizeof(key));
                        (void)json_object_object_add(o, key, cell->number
                                ? !*cell->raw ? NULL
                                : strchr(cell->raw, '.') ? json_object_new_double_s(strtod(cell->raw, NULL), cell->raw)
                                                         : json_object_new_uint64(strtoull(cell->raw, NULL, 10))
                                : json_object_new_string(cell->raw));
                }
                (void)json_object_array_add(array, o);
        }
        r = json_print(array, out, format);
        json_object_put(array);
        return r;
}

int json_print(json_object *o, FILE *out, OutputFormat format) {
        int flags = JSON_C_TO_STRING_NOSLASHESCAPE;
        _cleanup_free_ char *safe = NULL;
        const char *text;

        if (format == FORMAT_JSON_PRETTY)
                flags |= JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED;
        text = json_object_to_json_string_ext(o, flags);
        safe = text ? escape_json(text) : NULL;
        if (!safe)
                return -ENOMEM;
        fprintf(out, "%s\n", safe);
        return ferror(out) ? -EIO : 0;
}
