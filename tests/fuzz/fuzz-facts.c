/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What others wrote and the resolver reads: a container's passwd and group, and environment files. The input is a
 * user, a line feed, then text that is taken for all three. */
#include "manager/base/string-list.h"
#include "units/resolve/resolve-steps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_up(const char *user, char *text) {
        UnitFacts facts = { .root_exists = true, .root_is_directory = true, .passwd = text, .group = text };
        char *const supplementary[] = { (char *)user, NULL };
        Identity identity = {};
        Diag diag = {};

        /* Numbers win: a user who was asked for by number has that number or none. */
        if (identity_resolve(user, NULL, supplementary, &facts, NULL, "User", &diag, &identity) >= 0) {
                if (*user >= '1' && *user <= '9' && strtoul(user, NULL, 10) != identity.uid)
                        abort();
                for (size_t i = 1; i < identity.n_groups; i++)
                        if (identity.groups[i - 1] >= identity.groups[i])
                                abort();
                identity_done(&identity);
        } else if (diag.n_errors == 0)
                abort(); /* refused without a word */
        diag_done(&diag);
}

static void read_environment(const char *text) {
        _cleanup_strv_ char **env = NULL;
        Diag diag = {};

        if (environment_file_parse("fuzz.env", text, &diag, &env) < 0 && diag.n_errors == 0)
                abort();
        for (char **e = env; e && *e; e++)
                if (!strchr(*e, '=') || **e == '=')
                        abort();
        diag_done(&diag);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *user = strndup((const char *)data, size), *text = NULL;
        char *rest = user ? strchr(user, '\n') : NULL;

        if (!rest)
                return 0;
        *rest++ = 0;
        text = strdup(rest);
        if (!text)
                return 0;
        look_up(user, text);
        read_environment(text);
        return 0;
}
