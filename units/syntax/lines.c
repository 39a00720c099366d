/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "units/syntax/lines.h"
#include "units/values/text.h"

typedef struct Reader {
        const char *file;
        Diag *diag;
        const LineHandler *handler;
        unsigned mistakes;
        int first; /* errno of the first mistake */
        bool in_section;
        /* the logical line under construction */
        char *buffer;
        size_t n;
        unsigned line; /* where it began */
        bool continued, too_long;
} Reader;

static void note(Reader *r, int error) {
        if (error >= 0)
                return;
        r->mistakes++;
        if (r->first == 0)
                r->first = error;
}

/* A mistake that hides what the line was to say. */
static void note_lost(Reader *r, int error) {
        note(r, error);
        r->handler->lost(r->handler->userdata);
}

static unsigned line_of(const char *text, const char *p) {
        unsigned line = 1;

        for (; text < p; text++)
                line += *text == '\n';
        return line;
}

/* One that is no part of a line's end in CR LF. */
static const char *lone_carriage_return(const char *text, size_t size) {
        for (const char *cr = memchr(text, '\r', size), *end = text + size; cr; cr = memchr(cr + 1, '\r', (size_t)(end - cr - 1)))
                if (cr + 1 == end || cr[1] != '\n')
                        return cr;
        return NULL;
}

/* What makes the file no text at all is told alone: all else would be noise. */
static int check_bytes(const char *file, const char *text, size_t size, Diag *diag) {
        const char *nul = memchr(text, 0, size), *cr = lone_carriage_return(text, size);
        Origin origin = {.file = file, .line = 1};

        if (size >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0))
                return diag_error(diag, ERROR_SYNTAX, &origin, NULL,
                                  "the file is UTF-16; save it as UTF-8 without BOM");
        if (nul) {
                origin.line = line_of(text, nul);
                return diag_error(diag, ERROR_SYNTAX, &origin, NULL,
                                  "the line contains a NUL byte; a unit is plain text");
        }
        if (cr) {
                origin.line = line_of(text, cr);
                return diag_error(diag, ERROR_SYNTAX, &origin, NULL,
                                  "the line contains a carriage return, which would hide a part of it from a reader; save the "
                                  "file with Unix line ends (LF)");
        }
        if (!utf8_valid(text, size)) {
                /* Line by line, to name it; a sequence never spans a line end. */
                while (size > 0) {
                        const char *end = memchr(text, '\n', size);
                        size_t n = end ? (size_t)(end - text) : size;

                        if (!utf8_valid(text, n))
                                break;
                        origin.line++;
                        text += n + 1;
                        size -= MIN_OF(size, n + 1);
                }
                return diag_error(diag, ERROR_SYNTAX, &origin, NULL,
                                  "the line is not valid UTF-8; save the file as UTF-8");
        }
        return 0;
}

static void section_line(Reader *r, const Origin *origin, char *s) {
        size_t n = strlen(s);

        r->in_section = true;
        if (s[n - 1] != ']' || n < 3 || strpbrk(s + 1, "[") || strchr(s, ']') != s + n - 1) {
                char *shown = text_shorten(s, 80);

                note_lost(r, diag_error(r->diag, ERROR_SYNTAX, origin, NULL,
                                        "'%s' is not a section; write its name in brackets, as in [Container]",
                                        strempty(shown)));
                free(shown);
                /* What follows belongs nowhere known; complaining about each line would bury this mistake.
                 */
                note(r, r->handler->section(r->handler->userdata, origin, NULL));
                return;
        }
        s[n - 1] = 0;
        note(r, r->handler->section(r->handler->userdata, origin, s + 1));
}

static void assignment_line(Reader *r, const Origin *origin, char *s) {
        char *equal = strchr(s, '='), *key, *value;

        if (!equal || equal == s) {
                char *shown = text_shorten(s, 80);

                note_lost(r, diag_error(r->diag, ERROR_SYNTAX, origin, NULL,
                                        equal ? "'%s' has no directive before the '='; write Directive=value"
                                              : "'%s' is neither a section nor an assignment; write "
                                                "Directive=value",
                                        strempty(shown)));
                free(shown);
                return;
        }
        *equal = 0;
        key = text_strip(s);
        value = text_strip(equal + 1);
        if (!r->in_section) {
                char *shown = text_shorten(key, 80);

                note_lost(r, diag_error(r->diag, ERROR_SYNTAX, origin, NULL,
                                        "'%s=' stands before any section; write [Unit] or [Container] above "
                                        "it",
                                        strempty(shown)));
                free(shown);
                return;
        }
        note(r, r->handler->assignment(r->handler->userdata, origin, key, value));
}

static void finish_line(Reader *r) {
        Origin origin = {.file = r->file, .line = r->line};
        char *s;

        r->continued = false;
        if (r->too_long) {
                note_lost(r, diag_error(r->diag, ERROR_SYNTAX, &origin, NULL,
                                        "the line is longer than %d KiB; assign in several lines instead",
                                        LONG_LINE_MAX / 1024));
                r->too_long = false;
                r->n = 0;
                return;
        }
        r->buffer[r->n] = 0;
        r->n = 0;
        s = text_strip(r->buffer);
        if (!*s)
                return;
        if (*s == '[')
                section_line(r, &origin, s);
        else
                assignment_line(r, &origin, s);
}

static bool ends_in_continuation(const char *s, size_t n) {
        size_t backslashes = 0;

        while (backslashes < n && s[n - 1 - backslashes] == '\\')
                backslashes++;
        return backslashes % 2 == 1;
}

static void physical_line(Reader *r, unsigned number, const char *s, size_t n) {
        bool more;

        while (n > 0 && strchr(WHITESPACE, *s)) {
                s++;
                n--;
        }
        /* A comment between continued lines belongs to neither. */
        if (n > 0 && (*s == '#' || *s == ';'))
                return;
        if (!r->continued)
                r->line = number;
        more = ends_in_continuation(s, n);
        if (r->n + n > LONG_LINE_MAX)
                r->too_long = true;
        else {
                memcpy(r->buffer + r->n, s, n);
                r->n += n;
                if (more)
                        r->buffer[r->n - 1] = ' ';
        }
        r->continued = true;
        if (!more)
                finish_line(r);
}

int lines_read(const char *file, const char *text, size_t size, Diag *diag, const LineHandler *handler) {
        _cleanup_free_ char *buffer = malloc(LONG_LINE_MAX + 1);
        Reader r = {.file = file, .diag = diag, .handler = handler, .buffer = buffer};
        unsigned number = 0;
        int k;

        if (!buffer)
                return -ENOMEM;
        if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark says nothing of UTF-8 */
                text += 3;
                size -= 3;
        }
        k = check_bytes(file, text, size, diag);
        if (k < 0) {
                note_lost(&r, k);
                return k;
        }
        while (size > 0 && r.mistakes < UNIT_MISTAKES_MAX && r.first != -ENOMEM) {
                const char *end = memchr(text, '\n', size);
                size_t n = end ? (size_t)(end - text) : size;

                physical_line(&r, ++number, text, n > 0 && text[n - 1] == '\r' ? n - 1 : n);
                text += n;
                size -= n;
                if (size > 0) {
                        text++;
                        size--;
                }
        }
        if (r.mistakes >= UNIT_MISTAKES_MAX) {
                Origin origin = {.file = file, .line = number};

                note_lost(&r, diag_error(diag, ERROR_SYNTAX, &origin, NULL,
                                         "more than %d mistakes; the rest was not read", UNIT_MISTAKES_MAX));
        } else if (r.continued)
                finish_line(&r);
        return r.first;
}
