/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <fnmatch.h>
#include <strings.h>

#include "manager/base/string-list.h"
#include "manager/order/condition.h"
#include "units/values/text.h"

#define SYSTEM_ID_MAX 999U

void condition_facts_done(ConditionFacts *f) {
        free(f->text);
        *f = (ConditionFacts){};
}

/* --- words */

/* The next word of *p, which white space ends; false = there is none. */
static bool condition_word(const char **p, const char **ret, size_t *ret_n) {
        *p += strspn(*p, WHITESPACE);
        *ret = *p;
        *ret_n = strcspn(*p, WHITESPACE);
        *p += *ret_n;
        return *ret_n > 0;
}

static bool text_has_word(const char *text, const char *word) {
        const size_t n = strlen(word);
        const char *w;
        size_t k;

        for (const char *p = strempty(text); condition_word(&p, &w, &k);)
                if (k == n && memcmp(w, word, n) == 0)
                        return true;
        return false;
}

/* Digits by their number, all else by its letters; what ends first is less, but for "~", which is before the end. */
static int version_compare(const char *a, const char *b) {
        for (;;) {
                if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
                        size_t n, m;
                        int r;

                        a += strspn(a, "0");
                        b += strspn(b, "0");
                        n = strspn(a, "0123456789");
                        m = strspn(b, "0123456789");
                        if (n != m)
                                return n < m ? -1 : 1;
                        r = memcmp(a, b, n);
                        if (r != 0)
                                return r;
                        a += n;
                        b += n;
                        continue;
                }
                if (*a != *b) {
                        if (*a == '~' || *b == '~')
                                return *a == '~' ? -1 : 1;
                        if (!*a || !*b)
                                return *a ? 1 : -1;
                        return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
                }
                if (!*a)
                        return 0;
                a++;
                b++;
        }
}

/* --- a rule for each kind */

static bool holds_flag(const char *parameter, const ConditionFacts *f) {
        return f->flag;
}

static bool holds_boolean(const char *parameter, const ConditionFacts *f) {
        value_bool wanted = false;
        ValueContext silent = {};

        return value_type_bool.parse(&silent, parameter, &wanted) >= 0 && f->flag == wanted;
}

static bool holds_word(const char *parameter, const ConditionFacts *f) {
        return f->text && text_has_word(f->text, parameter);
}

static bool holds_architecture(const char *parameter, const ConditionFacts *f) {
        return f->text && (streq(parameter, "native") || streq(parameter, f->text));
}

static bool holds_number(const char *parameter, const ConditionFacts *f) {
        CompareOperator o = compare_operator_read(&parameter);
        uint64_t wanted;

        return parse_u64(parameter, &wanted) >= 0 && compare_holds(o, f->number < wanted ? -1 : f->number > wanted);
}

static bool holds_size(const char *parameter, const ConditionFacts *f) {
        CompareOperator o = compare_operator_read(&parameter);
        uint64_t wanted;

        return condition_size_parse(parameter, &wanted) >= 0 && compare_holds(o, f->number < wanted ? -1 : f->number > wanted);
}

static bool holds_capability(const char *parameter, const ConditionFacts *f) {
        int capability = capability_from_string(parameter);

        return capability >= 0 && (f->number >> capability & 1) != 0;
}

/* Every controller that is named; v1 and v2 are the hierarchy itself. */
static bool holds_controllers(const char *parameter, const ConditionFacts *f) {
        const char *w;
        size_t n;

        for (const char *p = parameter; condition_word(&p, &w, &n);) {
                _cleanup_free_ char *word = strndup(w, n);

                if (!word)
                        return false;
                if (streq(word, "v1") || streq(word, "v2") ? f->flag != streq(word, "v2") : !text_has_word(f->text, word))
                        return false;
        }
        return true;
}

/* NAME, or NAME=VALUE; the environment a line each. */
static bool holds_environment(const char *parameter, const ConditionFacts *f) {
        const size_t n = strlen(parameter);
        const bool value = strchr(parameter, '=');

        for (const char *p = strempty(f->text); *p; p += strcspn(p, "\n"), p += *p == '\n') {
                const size_t k = strcspn(p, "\n");

                if (k >= n && memcmp(p, parameter, n) == 0 && (value ? k == n : p[n] == '='))
                        return true;
        }
        return false;
}

/* KEY, also where a value follows; or KEY=VALUE. */
static bool holds_command_line(const char *parameter, const ConditionFacts *f) {
        const size_t n = strlen(parameter);
        const char *w;
        size_t k;

        for (const char *p = strempty(f->text); condition_word(&p, &w, &k);)
                if (k >= n && memcmp(w, parameter, n) == 0 && (k == n || (!strchr(parameter, '=') && w[n] == '=')))
                        return true;
        return false;
}

/* The host's name and its machine id, one line each. */
static bool holds_host(const char *parameter, const ConditionFacts *f) {
        const size_t n = strcspn(strempty(f->text), "\n");
        _cleanup_free_ char *name = strndup(strempty(f->text), n);
        const char *id = strempty(f->text) + n + (strempty(f->text)[n] == '\n');

        if (!name)
                return false;
        return (*id && strcasecmp(id, parameter) == 0) || fnmatch(parameter, name, FNM_CASEFOLD) == 0;
}

/* Each word a comparison, or a pattern of glob(7); an operator may stand apart. */
static bool holds_version(const char *parameter, const ConditionFacts *f) {
        const char *w;
        size_t n;

        for (const char *p = parameter; f->text;) {
                CompareOperator o;
                _cleanup_free_ char *word = NULL;

                p += strspn(p, WHITESPACE "\"'");
                if (!*p)
                        return true;
                o = compare_operator_read(&p);
                n = strcspn(p, WHITESPACE "\"'");
                w = p;
                p += n;
                word = strndup(w, n);
                if (!word)
                        return false;
                if (o == COMPARE_NONE ? fnmatch(word, f->text, 0) != 0 : !compare_holds(o, version_compare(f->text, word)))
                        return false;
        }
        return false;
}

/* KEY and an operator and a value; the text is os-release's. */
static bool holds_os_release(const char *parameter, const ConditionFacts *f) {
        const char *w;
        size_t n;

        for (const char *p = parameter; condition_word(&p, &w, &n);) {
                _cleanup_free_ char *word = strndup(w, n), *line = NULL;
                const char *rest = word ? word + strcspn(word, "<>=!") : NULL, *found = NULL;
                CompareOperator o;
                size_t key, k;
                int order;

                if (!word || !*rest || rest == word)
                        return false;
                key = (size_t)(rest - word);
                o = compare_operator_read(&rest);
                for (const char *q = strempty(f->text); *q; q += strcspn(q, "\n"), q += *q == '\n')
                        if (strncmp(q, word, key) == 0 && q[key] == '=')
                                found = q + key + 1;
                k = found ? strcspn(found, "\n") : 0;
                if (k >= 2 && (*found == '"' || *found == '\'') && found[k - 1] == *found) {
                        found++;
                        k -= 2;
                }
                line = strndup(strempty(found), k);
                if (!line)
                        return false;
                /* As systemd: equal is equal to the letter, the rest is by version. */
                order = o == COMPARE_EQUAL || o == COMPARE_UNEQUAL ? strcmp(line, rest) : version_compare(line, rest);
                if (!compare_holds(o, order))
                        return false;
        }
        return true;
}

/* The text is that of /proc/pressure/: its first line is of "some". A kernel without it has no pressure to wait for. */
static bool holds_pressure(const char *parameter, const ConditionFacts *f) {
        uint64_t wanted, whole, hundredths = 0;
        const char *window, *value;
        char *end;

        if (!f->text)
                return true;
        if (condition_pressure_parse(parameter, &wanted, &window) < 0)
                return false;
        value = strstr(f->text, window);
        if (!value)
                return false;
        value += strlen(window);
        whole = strtoull(value, &end, 10);
        if (*end == '.' && isdigit((unsigned char)end[1]) && isdigit((unsigned char)end[2]))
                hundredths = (uint64_t)(end[1] - '0') * 10 + (uint64_t)(end[2] - '0');
        return whole * 100 + hundredths <= wanted;
}

/* A number, a name, or @system: everyone below the people. number is the id, the text its name. */
static bool holds_user(const char *parameter, const ConditionFacts *f) {
        uint64_t id;

        if (streq(parameter, "@system"))
                return f->number <= SYSTEM_ID_MAX;
        return parse_u64(parameter, &id) >= 0 ? id == f->number : f->text && streq(parameter, f->text);
}

/* The text has every group that there is, by number and by name. */
static bool holds_group(const char *parameter, const ConditionFacts *f) {
        return streq(parameter, "@system") ? f->number <= SYSTEM_ID_MAX : text_has_word(f->text, parameter);
}

/* The text is systemd's word for what it runs in, number 1 for a machine and 2 for a container. */
static bool holds_virtualization(const char *parameter, const ConditionFacts *f) {
        value_bool wanted = false;
        ValueContext silent = {};

        if (streq(parameter, "vm"))
                return f->number == 1;
        if (streq(parameter, "container"))
                return f->number == 2;
        if (streq(parameter, "private-users"))
                return f->flag;
        if (value_type_bool.parse(&silent, parameter, &wanted) >= 0)
                return (f->number != 0) == wanted;
        return streq(parameter, strempty(f->text));
}

static bool holds_exists(const char *parameter, const ConditionFacts *f) {
        return f->exists;
}

static bool holds_directory(const char *parameter, const ConditionFacts *f) {
        return f->directory;
}

static bool holds_directory_not_empty(const char *parameter, const ConditionFacts *f) {
        return f->directory && f->not_empty;
}

static bool holds_file_not_empty(const char *parameter, const ConditionFacts *f) {
        return !f->directory && f->not_empty;
}

static bool holds_executable(const char *parameter, const ConditionFacts *f) {
        return f->executable;
}

static bool holds_symlink(const char *parameter, const ConditionFacts *f) {
        return f->symlink;
}

static bool holds_socket(const char *parameter, const ConditionFacts *f) {
        return f->socket;
}

static bool holds_mount_point(const char *parameter, const ConditionFacts *f) {
        return f->mount_point;
}

static bool holds_writable(const char *parameter, const ConditionFacts *f) {
        return f->exists && f->writable;
}

static bool holds_encrypted(const char *parameter, const ConditionFacts *f) {
        return f->encrypted;
}

/* Nothing can be brought up to date that cannot be written; flag = it is older than what the system has. */
static bool holds_needs_update(const char *parameter, const ConditionFacts *f) {
        return f->writable && f->flag;
}

static bool (*const rules[_CONDITION_KIND_MAX])(const char *parameter, const ConditionFacts *f) = {
        [CONDITION_ACPower] = holds_boolean,
        [CONDITION_Architecture] = holds_architecture,
        [CONDITION_CPUFeature] = holds_word,
        [CONDITION_CPUPressure] = holds_pressure,
        [CONDITION_CPUs] = holds_number,
        [CONDITION_Capability] = holds_capability,
        [CONDITION_ControlGroupController] = holds_controllers,
        [CONDITION_Credential] = holds_flag,
        [CONDITION_DirectoryNotEmpty] = holds_directory_not_empty,
        [CONDITION_Environment] = holds_environment,
        [CONDITION_FileIsExecutable] = holds_executable,
        [CONDITION_FileNotEmpty] = holds_file_not_empty,
        [CONDITION_Firmware] = holds_flag,
        [CONDITION_FirstBoot] = holds_boolean,
        [CONDITION_Group] = holds_group,
        [CONDITION_Host] = holds_host,
        [CONDITION_IOPressure] = holds_pressure,
        [CONDITION_KernelCommandLine] = holds_command_line,
        [CONDITION_KernelModuleLoaded] = holds_flag,
        [CONDITION_KernelVersion] = holds_version,
        [CONDITION_Memory] = holds_size,
        [CONDITION_MemoryPressure] = holds_pressure,
        [CONDITION_NeedsUpdate] = holds_needs_update,
        [CONDITION_OSRelease] = holds_os_release,
        [CONDITION_PathExists] = holds_exists,
        [CONDITION_PathExistsGlob] = holds_exists,
        [CONDITION_PathIsDirectory] = holds_directory,
        [CONDITION_PathIsEncrypted] = holds_encrypted,
        [CONDITION_PathIsMountPoint] = holds_mount_point,
        [CONDITION_PathIsReadWrite] = holds_writable,
        [CONDITION_PathIsSocket] = holds_socket,
        [CONDITION_PathIsSymbolicLink] = holds_symlink,
        [CONDITION_Security] = holds_flag,
        [CONDITION_User] = holds_user,
        [CONDITION_Virtualization] = holds_virtualization,
};

bool condition_holds(ConditionKind kind, const char *parameter, const ConditionFacts *f) {
        return rules[kind](parameter, f);
}

/* --- all of a unit */

/* What cannot be looked at does not hold, whichever way round it was asked: no start rests on a guess. */
static bool item_is_met(ConditionKind kind, const ConditionItem *item, const HostFacts *host, ConditionGather gather) {
        _cleanup_(condition_facts_done) ConditionFacts f = {};

        return gather(kind, item->parameter, host, &f) >= 0 && condition_holds(kind, item->parameter, &f) != item->negate;
}

static ConditionVerdict judge_list(const ContainerSpec *spec, bool of_asserts, const HostFacts *host, ConditionGather gather) {
        ConditionVerdict missed = { .met = true, .asserts = of_asserts };
        bool triggered = false;

        for (DirectiveId id = 0; id < _DIRECTIVE_MAX; id++) {
                const value_conditions *v = container_spec_field_const(spec, id);
                bool asserts = false;
                ConditionKind kind;

                if (directives[id].type != &value_type_conditions || v->n == 0)
                        continue;
                kind = condition_kind_of(directives[id].name, &asserts);
                if (kind < 0 || asserts != of_asserts)
                        continue;
                for (size_t i = 0; i < v->n; i++) {
                        const ConditionItem *item = v->items + i;
                        const bool met = !(item->trigger && triggered) && item_is_met(kind, item, host, gather);

                        triggered |= item->trigger && met;
                        if (item->trigger && (met || triggered))
                                continue;
                        if (met)
                                continue;
                        missed.directive = id;
                        missed.item = item;
                        if (!item->trigger) {
                                missed.met = false;
                                return missed;
                        }
                        missed.met = false; /* unless another trigger holds */
                }
        }
        if (triggered)
                missed.met = true;
        return missed;
}

ConditionVerdict conditions_judge(const ContainerSpec *spec, const HostFacts *host, ConditionGather gather) {
        ConditionVerdict v = judge_list(spec, false, host, gather);

        return v.met ? judge_list(spec, true, host, gather) : v;
}

int condition_verdict_to_string(const ConditionVerdict *v, char **ret) {
        _cleanup_free_ char *item = NULL;
        char *s = NULL;
        int r;

        r = condition_item_to_string(v->item, &item);
        if (r >= 0)
                r = str_append(&s, "%s=%s was not met (%s:%u)", directives[v->directive].name, item,
                               strempty(v->item->origin.file), v->item->origin.line);
        if (r < 0)
                return r;
        *ret = s;
        return 0;
}
