/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever a unit says, its profile is one profile, each line one rule, and no rule of another shape than those of the
 * template; what cannot be said so is refused with words.
 *
 * Input: one byte of settings, then lines: a letter for the directive, and its value. */
#include <stdio.h>

#include "manager/base/string-list.h"
#include "policies/apparmor/apparmor.h"
#include "policies/caps/caps.h"
#include "policies/compile.h"
#include "units/values/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_SIZE 2048

static const struct {
        char letter;
        DirectiveId id;
} directives_of[] = {
        { 'b', DIRECTIVE_BindPaths },     { 'r', DIRECTIVE_BindReadOnlyPaths },  { 't', DIRECTIVE_TemporaryFileSystem },
        { 'i', DIRECTIVE_InaccessiblePaths }, { 'o', DIRECTIVE_ReadOnlyPaths }, { 'c', DIRECTIVE_CapabilityBoundingSet },
        { 'x', DIRECTIVE_AppArmorExtraRules }, { 'p', DIRECTIVE_AppArmorProfile },
};

static void assign_line(ContainerSpec *spec, const char *line, unsigned number) {
        for (size_t i = 0; i < ELEMENTSOF(directives_of); i++)
                if (directives_of[i].letter == *line) {
                        const ValueContext c = { .origin = { "fuzz.container", number },
                                                 .directive = directives[directives_of[i].id].name };

                        (void)container_spec_assign(spec, directives_of[i].id, &c, line + 1);
                }
}

static void require(bool holds, const char *what, const char *text) {
        if (holds)
                return;
        fprintf(stderr, "%s: %s\n", what, text);
        abort();
}

/* --- the template's grammar: each eats what it knows and returns what follows, or NULL */

static const char *eat(const char *p, const char *word) {
        return p ? startswith(p, word) : NULL;
}

/* Nothing that means something, but with a backslash before it. */
static const char *eat_literal(const char *p) {
        for (; p && *p;) {
                if (p[0] == '\\') {
                        if (p[1] >= '2' && p[1] <= '3' && strspn(p + 1, "01234567") >= 3)
                                p += 4;
                        else if (p[1] && strchr("*?[]{}^,@\"\\", p[1]))
                                p += 2;
                        else
                                return NULL;
                } else if (strchr("*?[]{}^,@\"", *p) || (unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
                        return p;
                else
                        p++;
        }
        return p;
}

static const char *eat_class(const char *p) {
        p = eat(p, "[^");
        for (; p && *p && *p != ']';) {
                const char *next = *p == ',' ? p + 1 : eat_literal(p);

                if (next == p)
                        return NULL;
                p = next;
        }
        return eat(p, "]*");
}

static const char *eat_others(const char *p) {
        for (;;) {
                p = eat_literal(p);
                if (p && *p == '[')
                        p = eat_class(p);
                if (!p || *p != ',')
                        return p;
                p++;
        }
}

static const char *eat_glob(const char *p) {
        const char *q = eat(p, "\"/{,{"), *end;

        if (q)
                return eat(eat_others(q), "}{,/,/**}}\"");
        p = eat(p, "\"/");
        p = eat_literal(p);
        end = eat(p, "{,/,/**}\"");
        return end ? end : eat(eat_others(eat(p, "{,/,/{")), "}{,/,/**}}\"");
}

static const char *eat_letters(const char *p, const char *letters) {
        p = eat(p, " ");
        return p ? p + strspn(p, letters) : NULL;
}

static bool is_file_rule(const char *line) {
        const char *deny = eat(line, "deny "), *rest = eat(eat_letters(eat_glob(deny ? deny : line), "mrwlkix"), ",");

        return rest && !*rest;
}

static bool is_other_rule(const char *line) {
        static const char *const fixed[] = { "capability ", "network ",  "signal (", "ptrace (", "mount,",
                                             "umount,",     "pivot_root,", "deny mount fstype=(", "owner /proc/",
                                             "/proc/",      "/dev/",     "/sys/kernel/", "/{proc,sys,", "/ rw," };

        for (size_t i = 0; i < ELEMENTSOF(fixed); i++)
                if (startswith(line, fixed[i]))
                        return line[strlen(line) - 1] == ',' && !strstr(line, " #") && !strchr(line, '\\');
        return false;
}

/* Quotes and braces are closed, nothing is behind the comma, nothing begins a comment, a block or another profile. */
static bool is_extra_rule(const char *line) {
        static const char *const never[] = { "profile", "hat ", "^", "include", "#", "change_profile", "alias", "abi", "}" };
        bool quoted = false;
        int depth = 0;

        for (size_t i = 0; i < ELEMENTSOF(never); i++)
                if (startswith(line, never[i]))
                        return false;
        for (const char *p = line; *p; p++) {
                if (*p == '\\' && p[1]) {
                        p++;
                        continue;
                }
                quoted ^= *p == '"';
                if (quoted)
                        continue;
                depth += (*p == '{' || *p == '(') - (*p == '}' || *p == ')');
                if (*p == '#' || depth < 0 || (*p == ',' && depth == 0 && p[1]))
                        return false;
        }
        return !quoted && depth == 0 && endswith(line, ",");
}

static void check_text(const PolicySet *set) {
        const AppArmorPolicy *p = &set->apparmor;
        const size_t first_extra = p->rules.n - set->spec->apparmor_extra_rules.n;
        _cleanup_free_ char *copy = strdup(p->text);
        char *rest = copy;
        unsigned number = 0;

        require(streq(strsep(&rest, "\n"), "abi <abi/3.0>,"), "head", p->text);
        require(streq(strsep(&rest, "\n"), "profile \"bulwark-fuzz\" flags=(attach_disconnected,mediate_deleted) {"), "head",
                p->text);
        for (size_t i = 0; i < p->rules.n; i++) {
                const char *line = strsep(&rest, "\n"), *rule = line ? startswith(line, "  ") : NULL;

                number = (unsigned)i + 3;
                require(rule && streq(rule, p->rules.items[i].text), "a line that is not its rule", line);
                require(apparmor_rule_at(p, number) == p->rules.items + i, "the line of a rule", rule);
                require(!text_has_control(rule) && utf8_valid(rule, strlen(rule)), "no plain text", rule);
                if (i >= first_extra)
                        require(is_extra_rule(rule), "an extra rule", rule);
                else
                        require(is_file_rule(rule) || is_other_rule(rule), "a rule", rule);
        }
        require(rest && streq(rest, "}\n"), "the end", p->text);
        require(!apparmor_rule_at(p, number + 1) && !apparmor_rule_at(p, 2), "lines of no rule", p->text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(container_spec_unrefp) ContainerSpec *spec = NULL;
        _cleanup_(diag_done) Diag diag = {};
        _cleanup_free_ char *text = NULL;
        PolicySet set = {};
        char *rest;
        unsigned number = 0;
        int r;

        if (size < 1 || size > MAX_SIZE || !utf8_valid((const char *)data + 1, size - 1))
                return 0;
        if (container_spec_new("fuzz", &spec) < 0)
                abort();
        spec->boot = data[0] & 1;
        spec->read_only = data[0] & 2;
        spec->private_network = data[0] & 4;
        spec->init_role = data[0] & 8;
        rest = text = strndup((const char *)data + 1, size - 1);
        while (rest)
                assign_line(spec, strsep(&rest, "\n"), ++number);

        set.spec = spec;
        r = policy_backend_caps.compile(spec, -EBADF, &diag, &set);
        if (r >= 0)
                r = policy_backend_apparmor.compile(spec, -EBADF, &diag, &set);
        require((r < 0) == (diag.n_errors > 0), "refused without a word, or not refused", text);
        if (r >= 0 && set.apparmor.text)
                check_text(&set);
        policy_backend_apparmor.done(&set);
        policy_backend_caps.done(&set);
        return 0;
}
