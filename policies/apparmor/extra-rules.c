/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/string-list.h"
#include "policies/apparmor/extra-rules.h"
#include "policies/rules.h"

#define BLANK " \t"
#define FILE_LETTERS "rwaklmix"
#define LEAVING_LETTERS "pPcCuU" /* of an exec under another profile, or none */

static const char *const qualifiers[] = { "audit", "deny", "allow", "owner", "file", NULL };
static const char *const keywords[] = { "capability", "dbus", "io_uring", "link", "mount", "mqueue", "network",
                                        "pivot_root", "ptrace", "remount", "signal", "umount", "unix", "userns", NULL };
static const struct {
        const char *word, *why;
} refused[] = {
        { "include", "reads files that the profile's digest does not know; write the rules themselves" },
        { "#include", "reads files that the profile's digest does not know; write the rules themselves" },
        { "change_profile", "leaves the container's profile; AppArmorProfile=NAME enters another one" },
        { "set", "is no rule on access; limits have directives of their own" },
        { "rlimit", "is no rule on access; limits have directives of their own" },
        { "profile", "begins another profile; write a rule" },
        { "hat", "begins another profile; write a rule" },
        { "abi", "is said once for the whole profile; leave it out" },
        { "alias", "is no rule of a profile; write the rule with the path that is meant" },
};

static bool is_one_of(const char *word, size_t n, const char *const *list) {
        for (; *list; list++)
                if (strlen(*list) == n && memcmp(*list, word, n) == 0)
                        return true;
        return false;
}

static int refuse(const RuleItem *item, Diag *diag, const char *why) {
        return diag_error(diag, ERROR_POLICY, &item->origin, "AppArmorExtraRules", "'%s' %s", item->text, why);
}

/* --- the shape: quotes and brackets closed, no comment, one comma, the last character */

typedef struct Shape {
        unsigned braces, rounds;
        bool quoted, bracketed;
} Shape;

/* What is wrong with the character at p, or NULL. */
static const char *shape_step(Shape *s, const char *p) {
        if (*p == '"')
                s->quoted = !s->quoted;
        if (s->quoted || *p == '"')
                return NULL;
        switch (*p) {
        case '#':
                return "has a '#', with which a comment begins; put the path in quotes";
        case '{':
                s->braces++;
                return NULL;
        case '}':
                return s->braces-- == 0 ? "has a '}' that nothing opened" : NULL;
        case '(':
                s->rounds++;
                return NULL;
        case ')':
                return s->rounds-- == 0 ? "has a ')' that nothing opened" : NULL;
        case '[':
        case ']':
                s->bracketed = *p == '[';
                return NULL;
        case ' ':
        case '\t':
                return s->braces > 0 ? "has a block in braces; write each rule in a line of its own" : NULL;
        case ',':
                return s->braces == 0 && s->rounds == 0 && p[1]
                               ? "has more after its comma; write each rule in a line of its own, and a path with a comma "
                                 "in quotes"
                               : NULL;
        default:
                return NULL;
        }
}

static const char *shape_fault(const char *text) {
        const char *fault = NULL;
        Shape s = {};

        for (const char *p = text; *p && !fault; p++) {
                if (*p == '\\') {
                        if (!*++p)
                                return "ends in a backslash";
                        continue;
                }
                fault = shape_step(&s, p);
        }
        if (fault)
                return fault;
        return s.quoted                                  ? "has a quote that nothing closes"
               : s.braces > 0 || s.rounds > 0 || s.bracketed ? "has a bracket that nothing closes"
                                                         : NULL;
}

/* --- the words */

static bool is_path(const char *word) {
        return *word == '/' || (word[0] == '"' && word[1] == '/');
}

static size_t word_length(const char *word) {
        if (*word == '"') {
                const char *p = word + 1;

                while (*p && *p != '"')
                        p += *p == '\\' && p[1] ? 2 : 1;
                return (size_t)(p - word) + (*p == '"');
        }
        return strcspn(word, BLANK ",");
}

static bool is_letters(const char *word, size_t n) {
        return n > 0 && strspn(word, FILE_LETTERS LEAVING_LETTERS) >= n;
}

/* "/path letters" or "letters /path". */
static const char *file_fault(const char *first) {
        const char *letters = first;
        size_t n;

        if (is_path(first)) {
                letters = first + (*first == '"' ? word_length(first) : strcspn(first, BLANK));
                letters += strspn(letters, BLANK);
        }
        n = strcspn(letters, BLANK ",");
        if (!is_letters(letters, n))
                return "is no rule on a file: letters of " FILE_LETTERS " follow the path";
        if (strcspn(letters, LEAVING_LETTERS) < n)
                return "executes under another profile; only ix stays in the container's own";
        if (strstr(letters, "->"))
                return "executes under another profile; only ix stays in the container's own";
        return NULL;
}

static const char *word_fault(const char *text) {
        const char *p = text;
        size_t n = strcspn(p, BLANK ",");
        bool last_file = false;

        while (is_one_of(p, n, qualifiers)) {
                last_file = *p == 'f';
                p += n;
                p += strspn(p, BLANK);
                n = strcspn(p, BLANK ",");
        }
        if (n == 0 && last_file) /* alone it means every file */
                return NULL;
        for (size_t i = 0; i < ELEMENTSOF(refused); i++)
                if (strlen(refused[i].word) == n && memcmp(refused[i].word, p, n) == 0)
                        return refused[i].why;
        if (n == strlen("pivot_root") && startswith(p, "pivot_root") && strstr(p, "->"))
                return "leaves the container's profile; AppArmorProfile=NAME enters another one";
        if (is_one_of(p, n, keywords))
                return NULL;
        if (is_path(p) || is_letters(p, n))
                return file_fault(p);
        return "begins with no word of a rule; write for example /srv/data/** rw, or capability sys_nice,";
}

int apparmor_extra_rules(const ContainerSpec *spec, Diag *diag, PolicyRules *rules) {
        int result = 0;

        for (size_t i = 0; i < spec->apparmor_extra_rules.n; i++) {
                const RuleItem *item = spec->apparmor_extra_rules.items + i;
                /* Words first: who writes a profile in braces reads about that. */
                const char *fault = word_fault(item->text);
                int r;

                if (!fault)
                        fault = shape_fault(item->text);
                r = fault ? refuse(item, diag, fault)
                          : policy_rules_add(rules, &item->origin, "%s%s", item->text,
                                             endswith(item->text, ",") ? "" : ",");
                if (r < 0)
                        result = r;
        }
        return result;
}
