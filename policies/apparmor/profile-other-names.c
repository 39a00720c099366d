/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/string-list.h"
#include "policies/apparmor/profile-files.h"
#include "policies/apparmor/quote.h"

/* The bytes that follow the common prefix, as a class that has none of them. A '-' only counts as itself when it comes
 * first, and then needs no escape; that of a ',' would count as a member too. */
static int class_of(char *const *names, size_t n, size_t depth, char **ret) {
        _cleanup_free_ char *class = NULL;
        bool seen[256] = {};
        int r;

        for (size_t i = 0; i < n; i++)
                seen[(unsigned char)names[i][depth]] = true;
        r = str_append(&class, "[^%s/", seen['-'] ? "-" : "");
        for (unsigned byte = 1; r >= 0 && byte < 256; byte++) {
                const char text[2] = { (char)byte };
                _cleanup_free_ char *quoted = NULL;

                if (!seen[byte] || byte == '-')
                        continue;
                r = apparmor_quote(text, &quoted);
                if (r >= 0)
                        r = str_append(&class, "%s", byte == ',' ? "," : quoted);
        }
        if (r >= 0)
                r = str_append(&class, "]");
        if (r < 0)
                return r;
        *ret = TAKE_PTR(class);
        return 0;
}

static int append_prefix(char **out, const char *name, size_t depth, const char *rest) {
        _cleanup_free_ char *prefix = strndup(name, depth), *quoted = NULL;
        int r = prefix ? 0 : -ENOMEM;

        if (r >= 0 && depth > 0)
                r = apparmor_quote(prefix, &quoted);
        return r < 0 ? r : str_append(out, "%s%s%s", *out ? "," : "", strempty(quoted), rest);
}

/* names agree in their first depth bytes. What is none of them ends here (if none of them does), goes on with a byte
 * that none of them has next, or with one that some have: then the same holds one byte further. */
static int others(char *const *names, size_t n, size_t depth, char **out) {
        _cleanup_free_ char *class = NULL, *rest = NULL;
        int r = 0;

        if (depth > 0 && names[0][depth])
                r = append_prefix(out, names[0], depth, "");
        if (r >= 0)
                r = class_of(names, n, depth, &class);
        if (r >= 0)
                r = str_append(&rest, "%s*", class);
        if (r >= 0)
                r = append_prefix(out, names[0], depth, rest);
        for (size_t i = 0, end; r >= 0 && i < n; i = end) {
                for (end = i + 1; end < n && names[end][depth] == names[i][depth]; end++)
                        ;
                if (names[i][depth])
                        r = others(names + i, end - i, depth + 1, out);
        }
        return r;
}

int apparmor_other_names(char *const *names, size_t n, char **ret) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = others(names, n, 0, &text);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(text);
        return 0;
}
