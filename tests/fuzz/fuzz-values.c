/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One value type a run: the first byte chooses it, each further line is one assignment. What parses prints,
 * and the print parses to the same again; every refusal has words. */
#include <stdio.h>

#include "manager/base/string-list.h"
#include "units/values/text.h"
#include "units/values/types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef union AnyValue {
#define X(name) value_##name v_##name;
        VALUE_TYPES(X)
#undef X
} AnyValue;

static void check(bool holds, const char *what, const ValueType *t, const char *a, const char *b) {
        if (holds)
                return;
        (void)fprintf(stderr, "%s: %s: '%s' '%s'\n", t->name, what, strempty(a), strempty(b));
        abort();
}

static int parse(const ValueType *t, const char *text, AnyValue *v) {
        _cleanup_(diag_done) Diag diag = {};
        ValueContext c = {.diag = &diag, .directive = "CapabilityBoundingSet"};
        int r;

        r = t->parse(&c, text, v);
        check((r < 0) == (diag.n_errors > 0) && r <= 0,
              "an answer without words, or words without an answer", t, text, NULL);
        for (size_t i = 0; i < diag.n_entries; i++)
                check(utf8_valid(diag.entries[i].text, strlen(diag.entries[i].text)) &&
                              !text_has_control(diag.entries[i].text),
                      "a message that is no plain text", t, text, diag.entries[i].text);
        return r;
}

static void value_done(const ValueType *t, AnyValue *v) {
        if (t->done)
                t->done(v);
        *v = (AnyValue){};
}

static void check_value(const ValueType *t, const AnyValue *v) {
        _cleanup_free_ char *printed = NULL, *again = NULL;
        _cleanup_strv_ char **exploded = NULL, **exploded_again = NULL;
        AnyValue copy = {};

        if (t->print(v, &printed) < 0 || t->explode(v, &exploded) < 0)
                return;
        check(!strpbrk(printed, "\n\r"), "the print spans lines", t, printed, NULL);
        check(parse(t, printed, &copy) == 0, "the print does not parse", t, printed, NULL);
        if (t->print(&copy, &again) < 0 || t->explode(&copy, &exploded_again) < 0)
                return;
        check(streq(printed, again), "the print changes", t, printed, again);
        check(strv_equal(exploded, exploded_again), "the pieces change", t, printed, again);
        value_done(t, &copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = NULL;
        const ValueType *t;
        AnyValue v = {};
        char *rest;

        /* Text comes from the line reader: UTF-8 without NUL or line ends, of bounded length. */
        if (size < 1 || size > 64 * 1024 || !utf8_valid((const char *)data + 1, size - 1))
                return 0;
        t = value_types[data[0] % value_types_count()];
        text = strndup((const char *)data + 1, size - 1);
        if (!text)
                return 0;

        rest = text;
        while (rest) {
                char *line = text_strip(strsep(&rest, "\n"));

                if (strchr(line, '\r') || parse(t, line, &v) < 0) {
                        value_done(t, &v);
                        return 0;
                }
        }
        check_value(t, &v);
        value_done(t, &v);
        return 0;
}
