/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* conditions: Condition...= and Assert...=, one question an assignment: '|' alone of several need hold, '!' turns it
 * round. What is asked is checked here, so that no start fails for a typo years later. */
#include "units/values/parse.h"

typedef enum ConditionShape {
        SHAPE_word,
        SHAPE_words,
        SHAPE_name,
        SHAPE_path,
        SHAPE_boolean,
        SHAPE_number,
        SHAPE_size,
        SHAPE_capability,
        SHAPE_pressure,
} ConditionShape;

static const struct {
        const char *name;
        ConditionShape shape;
} condition_kinds[_CONDITION_KIND_MAX] = {
#define CONDITION(name_, shape_) [CONDITION_##name_] = { #name_, SHAPE_##shape_ },
#include "units/values/condition-kinds.inc"
#undef CONDITION
};

ConditionKind condition_kind_of(const char *directive, bool *ret_assert) {
        const char *name = directive ? startswith(directive, "Condition") : NULL;
        bool asserts = false;

        if (directive && !name) {
                name = startswith(directive, "Assert");
                asserts = name;
        }
        for (ConditionKind k = 0; name && k < _CONDITION_KIND_MAX; k++)
                if (streq(condition_kinds[k].name, name)) {
                        if (ret_assert)
                                *ret_assert = asserts;
                        return k;
                }
        return _CONDITION_KIND_INVALID;
}

const char *condition_kind_to_string(ConditionKind k) {
        return (int)k >= 0 && k < _CONDITION_KIND_MAX ? condition_kinds[k].name : NULL;
}

bool condition_kind_is_path(ConditionKind k) {
        return (int)k >= 0 && k < _CONDITION_KIND_MAX && condition_kinds[k].shape == SHAPE_path;
}

/* --- comparisons */

static const struct {
        const char *text;
        CompareOperator operator;
} compare_operators[] = { /* a longer one before its beginning */
        { "<=", COMPARE_LESS_EQUAL }, { ">=", COMPARE_GREATER_EQUAL }, { "!=", COMPARE_UNEQUAL }, { "==", COMPARE_EQUAL },
        { "<", COMPARE_LESS },        { ">", COMPARE_GREATER },        { "=", COMPARE_EQUAL },
};

CompareOperator compare_operator_read(const char **text) {
        *text += strspn(*text, WHITESPACE);
        for (size_t i = 0; i < ELEMENTSOF(compare_operators); i++) {
                const char *rest = startswith(*text, compare_operators[i].text);

                if (rest) {
                        *text = rest + strspn(rest, WHITESPACE);
                        return compare_operators[i].operator;
                }
        }
        return COMPARE_NONE;
}

bool compare_holds(CompareOperator o, int order) {
        switch (o) {
        case COMPARE_LESS:
                return order < 0;
        case COMPARE_LESS_EQUAL:
                return order <= 0;
        case COMPARE_EQUAL:
                return order == 0;
        case COMPARE_UNEQUAL:
                return order != 0;
        case COMPARE_GREATER_EQUAL:
        case COMPARE_NONE: /* as systemd: what stands alone is the least that there must be */
                return order >= 0;
        case COMPARE_GREATER:
                return order > 0;
        }
        return false;
}

int condition_pressure_parse(const char *text, uint64_t *ret_permyriad, const char **ret_window) {
        static const struct {
                uint64_t usec;
                const char *key;
        } windows[] = { { 10 * USEC_PER_SEC, "avg10=" }, { 60 * USEC_PER_SEC, "avg60=" }, { 300 * USEC_PER_SEC, "avg300=" } };
        const char *slash = strchr(text, '/'), *window = windows[2].key;
        _cleanup_free_ char *share = slash ? strndup(text, (size_t)(slash - text)) : strdup(text);
        uint32_t permyriad;

        if (!share)
                return -ENOMEM;
        if (value_parse_permyriad(share, &permyriad, 10000) < 0)
                return -EINVAL;
        if (slash) {
                value_time_span usec = 0;
                ValueContext silent = {};

                if (value_type_time_span.parse(&silent, slash + 1, &usec) < 0)
                        return -EINVAL;
                window = NULL;
                for (size_t i = 0; i < ELEMENTSOF(windows); i++)
                        if (windows[i].usec == usec)
                                window = windows[i].key;
                if (!window)
                        return -EINVAL;
        }
        *ret_permyriad = permyriad;
        *ret_window = window;
        return 0;
}

int condition_size_parse(const char *text, uint64_t *ret) {
        return value_parse_size(text, ret);
}

/* --- one question */

static int check_parameter(const ValueContext *c, ConditionKind kind, char **parameter) {
        const char *p = *parameter;
        value_bool yes;
        uint64_t n;
        const char *window;
        char *path;
        int r;

        if (kind < 0)
                return 0;
        switch (condition_kinds[kind].shape) {
        case SHAPE_word:
        case SHAPE_words:
                return 0;
        case SHAPE_name:
                if (strchr(p, '/') || streq(p, ".") || streq(p, ".."))
                        return value_error(c, "'%s' is not a name", p);
                return 0;
        case SHAPE_path:
                r = value_check_scalar_path(c, p, &path);
                if (r < 0)
                        return r;
                free(*parameter);
                *parameter = path;
                return 0;
        case SHAPE_boolean:
                return value_type_bool.parse(c, p, &yes);
        case SHAPE_number:
                (void)compare_operator_read(&p);
                return parse_u64(p, &n) < 0 ? value_error(c, "'%s' is not a number, with one of < <= = != >= > before it", *parameter) : 0;
        case SHAPE_size:
                (void)compare_operator_read(&p);
                return value_parse_size(p, &n) < 0
                               ? value_error(c, "'%s' is not a size such as 1G, with one of < <= = != >= > before it", *parameter)
                               : 0;
        case SHAPE_capability:
                return capability_from_string(p) < 0 ? value_error(c, "'%s' is not a capability; write a name such as CAP_NET_ADMIN", p) : 0;
        case SHAPE_pressure:
                return condition_pressure_parse(p, &n, &window) < 0
                               ? value_error(c, "'%s' is not a share such as 10%% with /10s, /1min or /5min behind it; slices cannot be "
                                                "named here", p)
                               : 0;
        }
        return 0;
}

static int conditions_item(const ValueContext *c, const char *text, value_conditions *v) {
        _cleanup_free_ char *parameter = NULL;
        ConditionItem item = { .origin = c->origin };
        int r;

        item.trigger = *text == '|';
        text += item.trigger;
        text += strspn(text, WHITESPACE);
        item.negate = *text == '!';
        text += item.negate;
        text += strspn(text, WHITESPACE);
        if (!*text)
                return value_error(c, "nothing stands behind the '%c'", item.negate ? '!' : '|');
        parameter = strdup(text);
        if (!parameter)
                return -ENOMEM;
        r = check_parameter(c, condition_kind_of(c->directive, NULL), &parameter);
        if (r >= 0)
                r = value_grow(c, &v->items, v->n, sizeof(ConditionItem));
        if (r < 0)
                return r;
        item.parameter = TAKE_PTR(parameter);
        v->items[v->n++] = item;
        return 0;
}

static void conditions_done(void *field) {
        value_conditions *v = field;

        for (size_t i = 0; i < v->n; i++)
                free(v->items[i].parameter);
        free(v->items);
        *v = (value_conditions){};
}

/* The whole value is one question, as in systemd; the ';' that stands alone is print()'s. */
static int conditions_parse(const ValueContext *c, const char *text, void *field) {
        _cleanup_free_ char *s = NULL;
        int r;

        if (value_is_reset(text)) {
                conditions_done(field);
                return 0;
        }
        r = value_scalar(c, text, &s);
        for (char *p = s; r >= 0 && p;) {
                char *separator = strstr(p, " ; ");

                if (separator)
                        *separator = 0;
                r = conditions_item(c, text_strip(p), field);
                p = separator ? separator + 3 : NULL;
        }
        return r;
}

int condition_item_to_string(const ConditionItem *item, char **ret) {
        char *s = NULL;
        int r;

        r = str_append(&s, "%s%s%s", item->trigger ? "|" : "", item->negate ? "!" : "", item->parameter);
        if (r < 0)
                return r;
        *ret = s;
        return 0;
}

static int conditions_explode(const void *field, char ***ret) {
        _cleanup_strv_ char **l = NULL;
        const value_conditions *v = field;

        for (size_t i = 0; i < v->n; i++) {
                char *s;
                int r;

                r = condition_item_to_string(v->items + i, &s);
                if (r >= 0)
                        r = strv_push(&l, s);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(l);
        return 0;
}

static int conditions_implode(char *const *items, char **ret) {
        _cleanup_free_ char *joined = strv_join(items, " ; ");

        return joined ? value_print_scalar(joined, ret) : -ENOMEM;
}

static int conditions_print(const void *field, char **ret) {
        _cleanup_strv_ char **l = NULL;
        int r;

        r = conditions_explode(field, &l);
        return r < 0 ? r : conditions_implode(l, ret);
}

const ValueType value_type_conditions = {
        .name = "conditions",
        .syntax = "a question of systemd.unit(5); '|' before it: one of those so marked must hold, '!': it must not hold",
        .signature = "as",
        .size = sizeof(value_conditions),
        .list = true,
        .parse = conditions_parse,
        .print = conditions_print,
        .explode = conditions_explode,
        .implode = conditions_implode,
        .done = conditions_done,
};
