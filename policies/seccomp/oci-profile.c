/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <json-c/json.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#include "manager/base/string-list.h"
#include "policies/seccomp/oci-profile.h"
#include "policies/seccomp/syscall-table.h"
#include "units/values/text.h"

#define DEPTH_MAX 16      /* of arrays and objects within each other: profiles have five */
#define RULES_MAX 4096    /* one for each name of each list */
#define WARNINGS_MAX 16
#define ERRNO_RETURN_MAX 4094 /* as libseccomp has it */

/* No kernel that containers run on is older; what needs a newer one is not taken for allowed. */
#define KERNEL_MAJOR 5
#define KERNEL_MINOR 14

#if defined(__x86_64__)
#define NATIVE_GO_NAME "amd64"
#elif defined(__aarch64__)
#define NATIVE_GO_NAME "arm64"
#elif defined(__riscv)
#define NATIVE_GO_NAME "riscv64"
#elif defined(__s390x__)
#define NATIVE_GO_NAME "s390x"
#elif defined(__powerpc64__)
#define NATIVE_GO_NAME "ppc64le"
#else
#define NATIVE_GO_NAME ""
#endif

typedef struct Reader {
        const char *path;
        const Origin *origin;
        Diag *diag;
        uint64_t bounding;
        OciProfile profile;
        unsigned n_warnings;
} Reader;

/* Text of the file in words for people: short, and nothing but ASCII that can be seen. */
typedef struct Shown {
        char text[48];
} Shown;

static Shown shown(const char *s) {
        Shown t = {};
        size_t i;

        for (i = 0; s[i] && i < sizeof(t.text) - 4; i++)
                t.text[i] = s[i] > ' ' && s[i] < 0x7f ? s[i] : '?';
        if (s[i])
                strcpy(t.text + i, "...");
        return t;
}

static _printf_(3, 4) int mistake(Reader *rd, const char *where, const char *format, ...) {
        _cleanup_free_ char *words = NULL;
        va_list arguments;
        int r;

        va_start(arguments, format);
        r = vasprintf(&words, format, arguments);
        va_end(arguments);
        if (r < 0) {
                words = NULL;
                return -ENOMEM;
        }
        return diag_error(rd->diag, ERROR_BAD_VALUE, rd->origin, "SeccompProfile", "\"%s\": %s%s%s", rd->path, where,
                          *where ? ": " : "", words);
}

/* --- members */

typedef enum MemberKind {
        MEMBER_TEXT,
        MEMBER_NUMBER,
        MEMBER_LIST,
        MEMBER_OBJECT,
        MEMBER_COMMENT, /* any text, and of no meaning */
} MemberKind;

typedef struct Member {
        const char *name;
        MemberKind kind;
        size_t offset; /* of a const json_object * in the struct that is filled */
} Member;

static bool kind_matches(MemberKind kind, const json_object *value) {
        static const json_type types[] = {
                [MEMBER_TEXT] = json_type_string,  [MEMBER_NUMBER] = json_type_int,   [MEMBER_LIST] = json_type_array,
                [MEMBER_OBJECT] = json_type_object, [MEMBER_COMMENT] = json_type_string,
        };

        return json_object_is_type(value, types[kind]);
}

static const char *kind_words(MemberKind kind) {
        static const char *const words[] = {
                [MEMBER_TEXT] = "a string",    [MEMBER_NUMBER] = "a whole number", [MEMBER_LIST] = "an array",
                [MEMBER_OBJECT] = "an object", [MEMBER_COMMENT] = "a string",
        };

        return words[kind];
}

/* Every member of the object has a row, and is of its kind; null is as if it were not there. */
static int take_members(Reader *rd, const char *where, json_object *object, const Member *rows, size_t n, void *fill) {
        json_object_object_foreach(object, name, value) {
                const Member *row = NULL;

                for (size_t i = 0; i < n && !row; i++)
                        if (streq(rows[i].name, name))
                                row = rows + i;
                if (!row)
                        return mistake(rd, where, "'%s' is not known, and may have been meant to protect", shown(name).text);
                if (!value)
                        continue;
                if (!kind_matches(row->kind, value))
                        return mistake(rd, where, "'%s' is not %s", name, kind_words(row->kind));
                if (row->kind != MEMBER_COMMENT)
                        memcpy((char *)fill + row->offset, &value, sizeof(value));
        }
        return 0;
}

static int take_object(Reader *rd, const char *where, json_object *value, const Member *rows, size_t n, void *fill) {
        if (!json_object_is_type(value, json_type_object))
                return mistake(rd, where, "is not an object");
        return take_members(rd, where, value, rows, n, fill);
}

static int take_u64(Reader *rd, const char *where, const char *name, json_object *value, uint64_t max, uint64_t *ret) {
        if (json_object_get_int64(value) < 0 || json_object_get_uint64(value) > max)
                return mistake(rd, where, "'%s' is out of range; it goes from 0 to %llu", name, (unsigned long long)max);
        *ret = json_object_get_uint64(value);
        return 0;
}

/* --- actions */

static const struct {
        const char *name;
        OciAnswer answer; /* an action of 1 stands for the errno beside it */
        const char *why_not;
} actions[] = {
        { "SCMP_ACT_ALLOW", { SYSCALL_ALLOW, false }, NULL },
        { "SCMP_ACT_LOG", { SYSCALL_ALLOW, true }, NULL },
        { "SCMP_ACT_ERRNO", { EPERM, false }, NULL },
        { "SCMP_ACT_KILL", { SYSCALL_ERROR_KILL, false }, NULL },
        { "SCMP_ACT_KILL_THREAD", { SYSCALL_ERROR_KILL, false }, NULL },
        { "SCMP_ACT_KILL_PROCESS", { SYSCALL_ERROR_KILL, false }, NULL },
        { "SCMP_ACT_TRAP", {}, "the payload itself would decide in its handler of SIGSYS; write SCMP_ACT_ERRNO or SCMP_ACT_KILL_PROCESS" },
        { "SCMP_ACT_TRACE", {}, "there is no tracer that would decide; write SCMP_ACT_ERRNO" },
        { "SCMP_ACT_NOTIFY", {}, "there is no listener that would decide; write SCMP_ACT_ERRNO" },
};

/* number and name are what stands beside it, NULL where nothing does. A name wins, as with other runtimes. */
static int take_errno(Reader *rd, const char *where, json_object *number, json_object *name, int *ret) {
        uint64_t n = EPERM;
        int r;

        if (number) {
                r = take_u64(rd, where, "errnoRet", number, ERRNO_RETURN_MAX, &n);
                if (r < 0)
                        return r;
        }
        if (name) {
                r = errno_from_string(json_object_get_string(name));
                if (r < 0)
                        return mistake(rd, where, "'%s' is not an error; write a name of errno(3) such as EPERM",
                                       shown(json_object_get_string(name)).text);
                n = (uint64_t)r;
        }
        if (n == 0)
                return mistake(rd, where, "an error of 0 would tell the program that the denied call succeeded");
        *ret = (int)n;
        return 0;
}

static int take_action(Reader *rd, const char *where, json_object *action, json_object *number, json_object *name, OciAnswer *ret) {
        const char *text = action ? json_object_get_string(action) : NULL;
        int error = 0, r;

        if (!text)
                return mistake(rd, where, "has no action");
        for (size_t i = 0; i < ELEMENTSOF(actions); i++) {
                if (!streq(actions[i].name, text))
                        continue;
                if (actions[i].why_not)
                        return mistake(rd, where, "%s: %s", text, actions[i].why_not);
                *ret = actions[i].answer;
                if (ret->action <= 0)
                        return 0;
                r = take_errno(rd, where, number, name, &error);
                ret->action = error;
                return r;
        }
        return mistake(rd, where, "'%s' is not an action; write SCMP_ACT_ALLOW, SCMP_ACT_LOG, SCMP_ACT_ERRNO or SCMP_ACT_KILL_PROCESS",
                       shown(text).text);
}

/* --- includes and excludes: whether a list is meant for this container */

typedef struct Filter {
        json_object *capabilities, *architectures, *kernel;
} Filter;

static const Member filter_members[] = {
        { "caps", MEMBER_LIST, offsetof(Filter, capabilities) },
        { "arches", MEMBER_LIST, offsetof(Filter, architectures) },
        { "minKernel", MEMBER_TEXT, offsetof(Filter, kernel) },
};

/* How many of the names are capabilities of the container; -1 = one is no capability. */
static int count_capabilities(Reader *rd, const char *where, json_object *list, size_t *ret) {
        *ret = 0;
        for (size_t i = 0; i < json_object_array_length(list); i++) {
                const char *name = json_object_get_string(json_object_array_get_idx(list, i));
                int c = name ? capability_from_string(name) : -1;

                if (c < 0)
                        return mistake(rd, where, "'%s' is not a capability", shown(strempty(name)).text);
                *ret += rd->bounding >> c & 1;
        }
        return 0;
}

static bool has_native(json_object *list) {
        for (size_t i = 0; i < json_object_array_length(list); i++)
                if (streq_ptr(json_object_get_string(json_object_array_get_idx(list, i)), NATIVE_GO_NAME))
                        return true;
        return false;
}

static int take_kernel(Reader *rd, const char *where, json_object *text, bool *ret_every) {
        const char *s = json_object_get_string(text);
        unsigned major, minor;
        char end;

        if (sscanf(s, "%3u.%3u%c", &major, &minor, &end) != 2)
                return mistake(rd, where, "'%s' is not a version of the kernel such as 4.8", shown(s).text);
        *ret_every = major < KERNEL_MAJOR || (major == KERNEL_MAJOR && minor <= KERNEL_MINOR);
        return 0;
}

/* *ret_maybe: it depends on the kernel, which is not asked, so that a unit has the same filter everywhere. */
static int filter_holds(Reader *rd, const char *where, json_object *object, bool all, bool *ret, bool *ret_maybe) {
        Filter f = {};
        size_t n = 0;
        bool every = false;
        int r;

        *ret = all;
        *ret_maybe = false;
        if (!object)
                return 0;
        r = take_object(rd, where, object, filter_members, ELEMENTSOF(filter_members), &f);
        if (r >= 0 && f.capabilities)
                r = count_capabilities(rd, where, f.capabilities, &n);
        if (r < 0)
                return r;
        if (f.capabilities)
                *ret = all ? *ret && n == json_object_array_length(f.capabilities) : *ret || n > 0;
        if (f.architectures)
                *ret = all ? *ret && has_native(f.architectures) : *ret || has_native(f.architectures);
        if (f.kernel) {
                r = take_kernel(rd, where, f.kernel, &every);
                if (r < 0)
                        return r;
                *ret_maybe = !every;
                *ret = all ? *ret && every : *ret || every;
        }
        return 0;
}

/* --- conditions */

typedef struct Condition {
        json_object *index, *value, *second, *compare;
} Condition;

static const Member condition_members[] = {
        { "index", MEMBER_NUMBER, offsetof(Condition, index) },
        { "value", MEMBER_NUMBER, offsetof(Condition, value) },
        { "valueTwo", MEMBER_NUMBER, offsetof(Condition, second) },
        { "op", MEMBER_TEXT, offsetof(Condition, compare) },
};

static const char *const compare_names[_OCI_COMPARE_MAX] = {
        [OCI_COMPARE_NE] = "SCMP_CMP_NE", [OCI_COMPARE_LT] = "SCMP_CMP_LT", [OCI_COMPARE_LE] = "SCMP_CMP_LE",
        [OCI_COMPARE_EQ] = "SCMP_CMP_EQ", [OCI_COMPARE_GE] = "SCMP_CMP_GE", [OCI_COMPARE_GT] = "SCMP_CMP_GT",
        [OCI_COMPARE_MASKED_EQ] = "SCMP_CMP_MASKED_EQ",
};

static int take_condition(Reader *rd, const char *where, json_object *object, OciCondition *ret) {
        Condition c = {};
        uint64_t index = 0;
        const char *op;
        int r;

        r = take_object(rd, where, object, condition_members, ELEMENTSOF(condition_members), &c);
        if (r < 0)
                return r;
        if (!c.index || !c.value || !c.compare)
                return mistake(rd, where, "a condition needs index, value and op");
        r = take_u64(rd, where, "index", c.index, OCI_ARGUMENTS_MAX - 1, &index);
        if (r >= 0)
                r = take_u64(rd, where, "value", c.value, UINT64_MAX, &ret->value);
        if (r >= 0 && c.second)
                r = take_u64(rd, where, "valueTwo", c.second, UINT64_MAX, &ret->second);
        if (r < 0)
                return r;
        ret->argument = (uint32_t)index;
        op = json_object_get_string(c.compare);
        for (ret->compare = 0; ret->compare < _OCI_COMPARE_MAX; ret->compare++)
                if (streq(compare_names[ret->compare], op))
                        break;
        if (ret->compare == _OCI_COMPARE_MAX)
                return mistake(rd, where, "'%s' is not a comparison; write SCMP_CMP_EQ, _NE, _LT, _LE, _GE, _GT or _MASKED_EQ",
                               shown(op).text);
        if (ret->compare == OCI_COMPARE_MASKED_EQ && (ret->second & ~ret->value) != 0)
                return mistake(rd, where, "valueTwo has bits that the mask in value has not: it never holds");
        return 0;
}

/* --- lists of calls */

typedef struct List {
        json_object *names, *name, *action, *number, *error, *conditions, *includes, *excludes;
} List;

static const Member list_members[] = {
        { "names", MEMBER_LIST, offsetof(List, names) },
        { "name", MEMBER_TEXT, offsetof(List, name) },
        { "action", MEMBER_TEXT, offsetof(List, action) },
        { "errnoRet", MEMBER_NUMBER, offsetof(List, number) },
        { "errno", MEMBER_TEXT, offsetof(List, error) },
        { "args", MEMBER_LIST, offsetof(List, conditions) },
        { "includes", MEMBER_OBJECT, offsetof(List, includes) },
        { "excludes", MEMBER_OBJECT, offsetof(List, excludes) },
        { "comment", MEMBER_COMMENT, 0 },
};

static int add_rule(Reader *rd, const char *where, const OciRule *rule) {
        OciProfile *p = &rd->profile;
        OciRule *rules;

        if (p->n_rules == RULES_MAX)
                return mistake(rd, where, "the profile has more than %d rules", RULES_MAX);
        if ((p->n_rules & (p->n_rules + 1)) == 0) { /* grows at 0, 1, 3, 7 ... */
                rules = reallocarray(p->rules, 2 * (p->n_rules + 1), sizeof(OciRule));
                if (!rules)
                        return -ENOMEM;
                p->rules = rules;
        }
        p->rules[p->n_rules] = *rule;
        p->rules[p->n_rules].order = p->n_rules;
        p->n_rules++;
        return 0;
}

/* Whether a call of the list is one here. A call of another architecture, or newer than this version, cannot be made anyway. */
static int add_name(Reader *rd, const char *where, json_object *value, OciRule *rule, bool repeats) {
        const char *name = json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
        int number, r = 0;

        if (!name || strlen(name) >= SYSCALL_NAME_MAX)
                return mistake(rd, where, "a name is no system call's");
        number = syscall_resolve(name);
        if (number == -ENOENT && rule->answer.action != SYSCALL_ALLOW && rd->n_warnings++ < WARNINGS_MAX)
                diag_warning(rd->diag, ERROR_BAD_VALUE, rd->origin, "SeccompProfile",
                             "\"%s\": %s: no system call is known that is called '%s'", rd->path, where, shown(name).text);
        if (number < 0)
                return 0;
        rule->number = (uint32_t)number;
        if (!repeats)
                return add_rule(rd, where, rule);
        /* Several conditions on one argument are meant as one rule each. */
        for (size_t i = 0; r >= 0 && i < rule->n_conditions; i++) {
                OciRule one = *rule;

                one.conditions[0] = rule->conditions[i];
                one.n_conditions = 1;
                r = add_rule(rd, where, &one);
        }
        return r;
}

static int take_conditions(Reader *rd, const char *where, json_object *list, OciRule *rule, bool *ret_repeats) {
        const size_t n = list ? json_object_array_length(list) : 0;
        unsigned seen = 0;

        *ret_repeats = false;
        if (n > OCI_ARGUMENTS_MAX)
                return mistake(rd, where, "has more than %d conditions", OCI_ARGUMENTS_MAX);
        for (size_t i = 0; i < n; i++) {
                OciCondition *c = rule->conditions + i;
                int r = take_condition(rd, where, json_object_array_get_idx(list, i), c);

                if (r < 0)
                        return r;
                *ret_repeats |= seen >> c->argument & 1;
                seen |= 1U << c->argument;
        }
        rule->n_conditions = n;
        return 0;
}

/* Not meant for this container. What may be meant for it takes away, and does not give. */
static int list_is_left_out(Reader *rd, const char *where, const List *l, const OciRule *rule, bool *ret) {
        const bool gives = rule->answer.action == SYSCALL_ALLOW;
        bool includes, excludes, maybe_included, maybe_excluded;
        int r;

        r = filter_holds(rd, where, l->includes, true, &includes, &maybe_included);
        if (r >= 0)
                r = filter_holds(rd, where, l->excludes, false, &excludes, &maybe_excluded);
        if (r < 0)
                return r;
        *ret = (!includes && !(maybe_included && !gives)) || excludes || (maybe_excluded && gives);
        return 0;
}

static int take_list(Reader *rd, size_t index, json_object *object) {
        OciRule rule = {};
        bool repeats, left_out;
        char where[32];
        List l = {};
        int r;

        (void)snprintf(where, sizeof(where), "syscalls[%zu]", index);
        r = take_object(rd, where, object, list_members, ELEMENTSOF(list_members), &l);
        if (r < 0)
                return r;
        if (!l.names == !l.name)
                return mistake(rd, where, "needs either names or name");
        r = take_action(rd, where, l.action, l.number, l.error, &rule.answer);
        if (r >= 0)
                r = take_conditions(rd, where, l.conditions, &rule, &repeats);
        if (r >= 0)
                r = list_is_left_out(rd, where, &l, &rule, &left_out);
        if (r < 0 || left_out)
                return r;
        if (l.name)
                return add_name(rd, where, l.name, &rule, repeats);
        for (size_t i = 0; r >= 0 && i < json_object_array_length(l.names); i++)
                r = add_name(rd, where, json_object_array_get_idx(l.names, i), &rule, repeats);
        return r;
}

/* --- the file */

typedef struct File {
        json_object *action, *number, *error, *architectures, *map, *lists, *flags, *listener, *metadata;
} File;

static const Member file_members[] = {
        { "defaultAction", MEMBER_TEXT, offsetof(File, action) },
        { "defaultErrnoRet", MEMBER_NUMBER, offsetof(File, number) },
        { "defaultErrno", MEMBER_TEXT, offsetof(File, error) },
        { "architectures", MEMBER_LIST, offsetof(File, architectures) },
        { "archMap", MEMBER_LIST, offsetof(File, map) },
        { "syscalls", MEMBER_LIST, offsetof(File, lists) },
        { "flags", MEMBER_LIST, offsetof(File, flags) },
        { "listenerPath", MEMBER_TEXT, offsetof(File, listener) },
        { "listenerMetadata", MEMBER_TEXT, offsetof(File, metadata) },
        { "comment", MEMBER_COMMENT, 0 },
};

/* TSYNC is for threads, and a payload begins with one; every filter here has LOG; SPEC_ALLOW would give a protection of the
 * processor up and is not taken. */
static int check_flags(Reader *rd, json_object *list) {
        for (size_t i = 0; list && i < json_object_array_length(list); i++) {
                const char *flag = json_object_get_string(json_object_array_get_idx(list, i));

                if (!streq_ptr(flag, "SECCOMP_FILTER_FLAG_TSYNC") && !streq_ptr(flag, "SECCOMP_FILTER_FLAG_SPEC_ALLOW") &&
                    !streq_ptr(flag, "SECCOMP_FILTER_FLAG_LOG"))
                        return mistake(rd, "flags", "'%s' is not supported", shown(strempty(flag)).text);
        }
        return 0;
}

static int take_file(Reader *rd, json_object *object) {
        File f = {};
        int r;

        r = take_object(rd, "", object, file_members, ELEMENTSOF(file_members), &f);
        if (r < 0)
                return r;
        if (f.listener || f.metadata)
                return mistake(rd, "listenerPath", "there is no listener that would decide");
        r = take_action(rd, "defaultAction", f.action, f.number, f.error, &rd->profile.fallback);
        if (r >= 0)
                r = check_flags(rd, f.flags);
        for (size_t i = 0; r >= 0 && f.lists && i < json_object_array_length(f.lists); i++)
                r = take_list(rd, i, json_object_array_get_idx(f.lists, i));
        return r;
}

static unsigned strictness(int action) {
        return action == SYSCALL_ALLOW ? 0 : action == SYSCALL_ERROR_KILL ? 2 : 1;
}

bool oci_stricter(int a, int b) {
        return strictness(a) > strictness(b);
}

static int compare_rules(const void *a, const void *b) {
        const OciRule *x = a, *y = b;
        const unsigned s = strictness(x->answer.action), t = strictness(y->answer.action);

        if (x->number != y->number)
                return x->number < y->number ? -1 : 1;
        if ((x->n_conditions == 0) != (y->n_conditions == 0))
                return x->n_conditions == 0 ? 1 : -1;
        if (s != t)
                return s > t ? -1 : 1;
        return x->order < y->order ? -1 : x->order > y->order;
}

static int parse(const char *text, Reader *rd, json_object **ret) {
        json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
        const size_t n = strlen(text);
        enum json_tokener_error error;

        if (!tokener)
                return -ENOMEM;
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        *ret = n > INT_MAX - 1 ? NULL : json_tokener_parse_ex(tokener, text, (int)n + 1);
        error = json_tokener_get_error(tokener);
        json_tokener_free(tokener);
        if (*ret && error == json_tokener_success)
                return 0;
        json_object_put(*ret);
        *ret = NULL;
        return mistake(rd, "", "is not JSON: %s", error == json_tokener_success ? "it is no object" : json_tokener_error_desc(error));
}

int oci_profile_read(const char *text, const char *path, uint64_t bounding, const Origin *origin, Diag *diag, OciProfile *ret) {
        Reader rd = { .path = path, .origin = origin, .diag = diag, .bounding = bounding };
        json_object *object = NULL;
        int r;

        r = parse(text, &rd, &object);
        if (r >= 0)
                r = take_file(&rd, object);
        json_object_put(object);
        if (r < 0) {
                oci_profile_done(&rd.profile);
                return r;
        }
        if (rd.profile.n_rules > 0)
                qsort(rd.profile.rules, rd.profile.n_rules, sizeof(OciRule), compare_rules);
        rd.profile.set = true;
        *ret = rd.profile;
        return 0;
}

void oci_profile_done(OciProfile *p) {
        free(p->rules);
        *p = (OciProfile){};
}

const OciRule *oci_profile_rules(const OciProfile *p, uint32_t number, size_t *ret_n, OciAnswer *ret_else, bool *ret_said) {
        size_t first = 0, end, whole;

        for (size_t low = 0, high = p->n_rules; low < high; first = low) {
                const size_t middle = low + (high - low) / 2;

                if (p->rules[middle].number < number)
                        low = middle + 1;
                else
                        high = middle;
        }
        for (end = first; end < p->n_rules && p->rules[end].number == number;)
                end++;
        for (whole = first; whole < end && p->rules[whole].n_conditions > 0;)
                whole++;
        *ret_else = p->fallback;
        *ret_said = end > first;
        if (whole < end) {
                *ret_else = p->rules[whole].answer; /* the strictest of them; what is not stricter says nothing beside it */
                while (whole > first && !oci_stricter(p->rules[whole - 1].answer.action, ret_else->action))
                        whole--;
        }
        *ret_n = whole - first;
        return p->rules + first;
}
