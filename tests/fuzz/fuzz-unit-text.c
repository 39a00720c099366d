/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as a unit: no crash, no hang; what loads is printed, and the print loads to the same again. */
#include <stdio.h>

#include "units/syntax/unit-load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds, const char *what, const char *a, const char *b) {
        if (holds)
                return;
        (void)fprintf(stderr, "%s:\n<<<\n%s\n>>>\n%s\n", what, strempty(a), strempty(b));
        abort();
}

static ContainerSpec *load(const char *text, size_t size, char **ret_words) {
        static const SpecifierFacts facts = {
                .machine_id = "0123456789abcdef0123456789abcdef",
                .host_name = "host",
                .pretty_host_name = "The \"pretty\" host's % name",
                .runtime_directory = "/run",
                .os_build_id = "",
        };
        _cleanup_(diag_done) Diag diag = {};
        ContainerSpec *spec = NULL;
        int r;

        r = unit_load_text("fuzz@a-b\\x2dc\\x20", text, size, &facts, &diag, &spec);
        check((r < 0) == (diag.n_errors > 0), "an answer without words, or words without an answer", NULL,
              NULL);
        *ret_words = diag_to_string(&diag, true);
        return r < 0 ? container_spec_unref(spec) : spec;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(container_spec_unrefp) ContainerSpec *first = NULL, *second = NULL;
        _cleanup_free_ char *words = NULL, *printed = NULL, *again = NULL, *more_words = NULL;
        _cleanup_free_ char *text = NULL;

        /* Behind the promised size there is no NUL to lean on. */
        text = malloc(size ? size : 1);
        if (!text)
                return 0;
        if (size)
                memcpy(text, data, size);

        first = load(text, size, &words);
        if (!first)
                return 0;
        if (container_spec_print(first, &printed) < 0)
                return 0;
        /* A value may grow beyond what one line can hold only by joining many lines. */
        second = load(printed, strlen(printed), &more_words);
        if (!second && size > 32 * 1024)
                return 0;
        check(second != NULL, "the print does not load", printed, more_words);
        if (container_spec_print(second, &again) < 0)
                return 0;
        check(streq(printed, again), "the print changes", printed, again);
        return 0;
}
