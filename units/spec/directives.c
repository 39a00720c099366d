/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <strings.h>

#include "units/spec/container-spec.h"

const Directive directives[_DIRECTIVE_MAX] = {
#define DIRECTIVE(section_, dname, field_, type_, flags_, stage_, default_, sample_)                        \
        [DIRECTIVE_##dname] = {                                                                             \
                .name = #dname,                                                                             \
                .section = SECTION_##section_,                                                              \
                .type = &value_type_##type_,                                                                \
                .offset = offsetof(ContainerSpec, field_),                                                  \
                .flags = DIRECTIVE_FLAG_##flags_,                                                           \
                .stage = STAGE_##stage_,                                                                    \
                .default_text = default_,                                                                   \
                .sample = sample_,                                                                          \
        },
#include "units/spec/directives.inc"
#undef DIRECTIVE
};

/* The same rows in the order of their names, by directive-index.py. */
static const uint16_t by_name[_DIRECTIVE_MAX] = {
#include "directive-index.inc"
};

/* What SystemCallArchitectures= calls the native one, beside native. */
#if defined(__x86_64__) && !defined(__ILP32__)
#define NATIVE_ARCHITECTURE " x86-64"
#elif defined(__aarch64__)
#define NATIVE_ARCHITECTURE " arm64"
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE_ARCHITECTURE " riscv64"
#else
#define NATIVE_ARCHITECTURE ""
#endif

static const RefusedDirective refused[] = {
#define FIXED(section_, dname, accepted_, why_) {SECTION_##section_, #dname, why_, accepted_},
#define LATER(section_, dname) {SECTION_##section_, #dname, NULL, NULL},
#define REFUSED(section_, dname, why_) {SECTION_##section_, #dname, why_, NULL},
#include "units/spec/refused.inc"
#undef FIXED
#undef LATER
#undef REFUSED
};

static const struct {
        const char *theirs;
        DirectiveId ours;
} aliases[] = {
#define ALIAS(theirs_, ours_) {#theirs_, DIRECTIVE_##ours_},
#include "units/spec/aliases.inc"
#undef ALIAS
};

static const struct {
        DirectiveSection section;
        const char *name;
        DirectiveId ids[SHORTHAND_ROWS];
} shorthands[] = {
#define SHORTHAND(section_, name_, first_, second_) \
        {SECTION_##section_, #name_, {DIRECTIVE_##first_, DIRECTIVE_##second_}},
#include "units/spec/shorthands.inc"
#undef SHORTHAND
};

static const struct {
        DirectiveSection section;
        const char *name;
        DirectiveId id;
} old_names[] = {
#define OLD_NAME(section_, name_, row_) {SECTION_##section_, #name_, DIRECTIVE_##row_},
#include "units/spec/old-names.inc"
#undef OLD_NAME
};

static const NotedDirective noted[] = {
#define NOTED(section_, name_, values_, why_, otherwise_) \
        {SECTION_##section_, #name_, #values_, why_, otherwise_},
#include "units/spec/noted.inc"
#undef NOTED
};

static const char *const section_names[_SECTION_MAX] = {
        [SECTION_Unit] = "Unit",
        [SECTION_Container] = "Container",
        [SECTION_Install] = "Install",
};

static const char *const stage_names[_STAGE_MAX] = {
        [STAGE_SPEC] = "spec",     [STAGE_PLAN] = "plan",       [STAGE_POLICY] = "policy",
        [STAGE_CGROUP] = "cgroup", [STAGE_MANAGER] = "manager",
};

const char *section_to_string(DirectiveSection s) {
        return s >= 0 && s < _SECTION_MAX ? section_names[s] : NULL;
}

DirectiveSection section_from_string(const char *name) {
        for (int i = 0; i < _SECTION_MAX; i++)
                if (streq(section_names[i], name))
                        return (DirectiveSection)i;
        return _SECTION_INVALID;
}

const char *directive_stage_to_string(DirectiveStage s) {
        return s >= 0 && s < _STAGE_MAX ? stage_names[s] : NULL;
}

DirectiveId directive_find(DirectiveSection section, const char *name) {
        size_t low = 0, high = _DIRECTIVE_MAX;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                DirectiveId id = (DirectiveId)by_name[middle];
                int c = strcmp(name, directives[id].name);

                if (c == 0)
                        return directives[id].section == section ? id : _DIRECTIVE_INVALID;
                if (c < 0)
                        high = middle;
                else
                        low = middle + 1;
        }
        return _DIRECTIVE_INVALID;
}

static int refused_compare(const void *a, const void *b) {
        const RefusedDirective *x = a, *y = b;

        if (x->section != y->section)
                return x->section < y->section ? -1 : 1;
        return strcmp(x->name, y->name);
}

const RefusedDirective *refused_directive_find(DirectiveSection section, const char *name) {
        RefusedDirective key = {.section = section, .name = name};

        return bsearch(&key, refused, ELEMENTSOF(refused), sizeof(RefusedDirective), refused_compare);
}

static bool word_is(const char *word, size_t n, const char *wanted) {
        static const char *const synonyms[][6] = {
                { "yes", "true", "on", "1", "y", "t" },
                { "no", "false", "off", "0", "n", "f" },
        };

        if (strlen(wanted) == n && strncmp(word, wanted, n) == 0)
                return true;
        for (size_t i = 0; i < ELEMENTSOF(synonyms); i++)
                for (size_t k = 1; streq(wanted, synonyms[i][0]) && k < ELEMENTSOF(synonyms[i]); k++)
                        if (strlen(synonyms[i][k]) == n && strncasecmp(word, synonyms[i][k], n) == 0)
                                return true;
        return false;
}

bool refused_directive_accepts(const RefusedDirective *d, const char *text) {
        if (!d->accepted)
                return false;
        for (text += strspn(text, " \t"); *text; text += strspn(text, " \t")) {
                const size_t n = strcspn(text, " \t");
                bool found = false;

                for (const char *a = d->accepted; !found && *a; a += strcspn(a, " "), a += *a == ' ') {
                        char wanted[32];

                        (void)snprintf(wanted, sizeof(wanted), "%.*s", (int)strcspn(a, " "), a);
                        found = word_is(text, n, wanted);
                }
                if (!found)
                        return false;
                text += n;
        }
        return true;
}

const RefusedDirective *refused_directives(size_t *ret_n) {
        *ret_n = ELEMENTSOF(refused);
        return refused;
}

const DirectiveId *directive_shorthand(DirectiveSection section, const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(shorthands); i++)
                if (shorthands[i].section == section && streq(shorthands[i].name, name))
                        return shorthands[i].ids;
        return NULL;
}

DirectiveId directive_of_old_name(DirectiveSection section, const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(old_names); i++)
                if (old_names[i].section == section && streq(old_names[i].name, name))
                        return old_names[i].id;
        return _DIRECTIVE_INVALID;
}

const NotedDirective *noted_directive_find(DirectiveSection section, const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(noted); i++)
                if (noted[i].section == section && streq(noted[i].name, name))
                        return noted + i;
        return NULL;
}

/* --- did you mean */

#define SUGGEST_MAX_LENGTH 48U

static unsigned char lower(char c) {
        return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool equal_ignoring_case(const char *a, const char *b) {
        for (; *a && lower(*a) == lower(*b); a++, b++)
                ;
        return !*a && !*b;
}

/* Edit distance with neighbours exchanged as one edit (optimal string alignment), upper and lower case
 * alike. */
static unsigned edit_distance(const char *a, const char *b) {
        unsigned rows[3][SUGGEST_MAX_LENGTH + 1];
        unsigned *before = rows[0], *previous = rows[1], *current = rows[2];
        size_t n = strlen(a), m = strlen(b);

        if (n > SUGGEST_MAX_LENGTH || m > SUGGEST_MAX_LENGTH)
                return UINT32_MAX;

        for (size_t j = 0; j <= m; j++)
                previous[j] = before[j] = (unsigned)j;
        for (size_t i = 1; i <= n; i++) {
                unsigned *oldest = before;

                current[0] = (unsigned)i;
                for (size_t j = 1; j <= m; j++) {
                        unsigned cost = lower(a[i - 1]) != lower(b[j - 1]);
                        unsigned best = MIN_OF(previous[j] + 1, current[j - 1] + 1);

                        best = MIN_OF(best, previous[j - 1] + cost);
                        if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                            lower(a[i - 2]) == lower(b[j - 1]))
                                best = MIN_OF(best, before[j - 2] + 1);
                        current[j] = best;
                }
                before = previous;
                previous = current;
                current = oldest;
        }
        return previous[m];
}

static void suggest_nearer(const char *name, const char *candidate, unsigned *distance, const char **best) {
        unsigned d = edit_distance(name, candidate);

        if (d < *distance) {
                *distance = d;
                *best = candidate;
        }
}

const char *directive_suggest(DirectiveSection section, const char *name) {
        size_t n = strlen(name);
        unsigned distance;
        const char *best = NULL;

        for (size_t i = 0; i < ELEMENTSOF(aliases); i++)
                if (directives[aliases[i].ours].section == section &&
                    equal_ignoring_case(name, aliases[i].theirs))
                        return directives[aliases[i].ours].name;

        /* A third of the letters wrong is no typo any more. */
        distance = (unsigned)(n / 3) + 1;
        for (size_t i = 0; i < _DIRECTIVE_MAX; i++)
                if (directives[i].section == section)
                        suggest_nearer(name, directives[i].name, &distance, &best);
        for (size_t i = 0; i < ELEMENTSOF(shorthands); i++)
                if (shorthands[i].section == section)
                        suggest_nearer(name, shorthands[i].name, &distance, &best);
        for (size_t i = 0; i < ELEMENTSOF(noted); i++)
                if (noted[i].section == section)
                        suggest_nearer(name, noted[i].name, &distance, &best);
        for (size_t i = 0; i < ELEMENTSOF(refused); i++)
                if (refused[i].section == section)
                        suggest_nearer(name, refused[i].name, &distance, &best);
        return best;
}
