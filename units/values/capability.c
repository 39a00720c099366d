/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/capability.h>
#include <ctype.h>
#include <inttypes.h>
#include <strings.h>

#include "units/values/parse.h"

enum { CAPABILITIES = 41 };

static const char *const capability_names[CAPABILITIES + 1] = {
#define CAP(name) [name] = #name
        CAP(CAP_CHOWN),
        CAP(CAP_DAC_OVERRIDE),
        CAP(CAP_DAC_READ_SEARCH),
        CAP(CAP_FOWNER),
        CAP(CAP_FSETID),
        CAP(CAP_KILL),
        CAP(CAP_SETGID),
        CAP(CAP_SETUID),
        CAP(CAP_SETPCAP),
        CAP(CAP_LINUX_IMMUTABLE),
        CAP(CAP_NET_BIND_SERVICE),
        CAP(CAP_NET_BROADCAST),
        CAP(CAP_NET_ADMIN),
        CAP(CAP_NET_RAW),
        CAP(CAP_IPC_LOCK),
        CAP(CAP_IPC_OWNER),
        CAP(CAP_SYS_MODULE),
        CAP(CAP_SYS_RAWIO),
        CAP(CAP_SYS_CHROOT),
        CAP(CAP_SYS_PTRACE),
        CAP(CAP_SYS_PACCT),
        CAP(CAP_SYS_ADMIN),
        CAP(CAP_SYS_BOOT),
        CAP(CAP_SYS_NICE),
        CAP(CAP_SYS_RESOURCE),
        CAP(CAP_SYS_TIME),
        CAP(CAP_SYS_TTY_CONFIG),
        CAP(CAP_MKNOD),
        CAP(CAP_LEASE),
        CAP(CAP_AUDIT_WRITE),
        CAP(CAP_AUDIT_CONTROL),
        CAP(CAP_SETFCAP),
        CAP(CAP_MAC_OVERRIDE),
        CAP(CAP_MAC_ADMIN),
        CAP(CAP_SYSLOG),
        CAP(CAP_WAKE_ALARM),
        CAP(CAP_BLOCK_SUSPEND),
        CAP(CAP_AUDIT_READ),
        CAP(CAP_PERFMON),
        CAP(CAP_BPF),
        CAP(CAP_CHECKPOINT_RESTORE),
#undef CAP
};
_Static_assert(CAPABILITY_MASK_ALL == (UINT64_C(1) << CAPABILITIES) - 1, "mask and table must agree");

const char *capability_to_string(unsigned capability) {
        return capability < CAPABILITIES ? capability_names[capability] : NULL;
}

int capability_from_string(const char *name) {
        uint64_t n;

        if (isdigit((unsigned char)*name))
                return parse_u64(name, &n) == 0 && n < CAPABILITIES ? (int)n : -EINVAL;
        for (int i = 0; i < CAPABILITIES; i++)
                if (strcasecmp(capability_names[i], name) == 0)
                        return i;
        return -EINVAL;
}

static const char *capability_nearest(const char *word) {
        unsigned limit = text_distance_limit(word), best = limit + 1;
        const char *nearest = NULL;

        for (size_t i = 0; i < CAPABILITIES; i++)
                for (size_t skip = 0; skip <= 4; skip += 4) {
                        unsigned d = text_distance(word, capability_names[i] + skip, limit);

                        if (d < best) {
                                best = d;
                                nearest = capability_names[i];
                        }
                }
        return nearest;
}

static int capability_error(const ValueContext *c, const char *word) {
        const char *near = capability_nearest(word);

        if (near)
                return value_error(c, "'%s' is not a capability; did you mean %s?", word, near);
        return value_error(c, "'%s' is not a capability; write a name of capabilities(7), such as CAP_CHOWN",
                           word);
}

static int mask_words(uint64_t mask, char ***words) {
        int r = 0;

        for (unsigned i = 0; r == 0 && i < CAPABILITIES; i++)
                if (mask >> i & 1)
                        r = strv_extend(words, capability_names[i]);
        return r;
}

/* --- capability_set */

static int mask_item(const ValueContext *c, const char *word, void *field) {
        uint64_t *mask = field;
        int capability = capability_from_string(word);

        if (capability < 0)
                return capability_error(c, word);
        *mask |= UINT64_C(1) << capability;
        return 0;
}

/* systemd's rule: the first assignment sets, later ones add, later ones with '~' take away. "First" is also
 * one that finds the set as it was before any assignment: all for the bounding set, none for the ambient
 * one. */
static int capability_set_parse(const ValueContext *c, const char *text, void *field) {
        value_capability_set *v = field;
        uint64_t untouched = streq_ptr(c->directive, "AmbientCapabilities") ? 0 : CAPABILITY_MASK_ALL;
        uint64_t mask = 0;
        bool invert, first;
        int r;

        text += strspn(text, WHITESPACE);
        invert = *text == '~';
        if (!streq(text, "none")) {
                r = value_each_word(c, text + invert, mask_item, &mask);
                if (r < 0)
                        return r;
        }
        first = !v->set || mask == 0 || v->mask == untouched;
        if (first && invert && untouched != 0)
                diag_warning(
                        c->diag, ERROR_POLICY, &c->origin, c->directive,
                        "a list that begins with '~' grants every other capability; DropCapability= takes "
                        "from the small default set instead");
        if (first)
                v->mask = (invert ? ~mask : mask) & CAPABILITY_MASK_ALL;
        else if (invert)
                v->mask &= ~mask;
        else
                v->mask |= mask;
        v->set = true;
        v->origin = c->origin;
        return 0;
}

static int capability_set_print(const void *field, char **ret) {
        const value_capability_set *v = field;
        char **words = NULL;
        int r;

        /* "" would be no assignment at all, which is something else. */
        if (v->set && (v->mask == 0 || v->mask == CAPABILITY_MASK_ALL))
                return value_print_scalar(v->mask == 0 ? "none" : "~", ret);
        r = v->set ? mask_words(v->mask, &words) : 0;
        if (r < 0) {
                strv_free(words);
                return r;
        }
        return value_print_words(words, ret);
}

static int capability_set_explode(const void *field, char ***ret) {
        return value_explode_u64(((const value_capability_set *)field)->mask, ret);
}

static int capability_set_implode(char *const *words, char **ret) {
        value_capability_set v = {.set = true};

        if (value_implode_u64(words, &v.mask) < 0 || (v.mask & ~CAPABILITY_MASK_ALL) != 0)
                return -EINVAL;
        return capability_set_print(&v, ret);
}

const ValueType value_type_capability_set = {
        .name = "capability_set",
        .syntax = "capabilities; a leading '~' means all but these; none or empty is the empty set",
        .signature = "t",
        .size = sizeof(value_capability_set),
        .list = true,
        .parse = capability_set_parse,
        .print = capability_set_print,
        .explode = capability_set_explode,
        .implode = capability_set_implode,
        .words = capability_names,
};

/* --- capability_list */

static void capability_list_done(void *field) {
        value_capability_list *v = field;

        free(v->items);
        *v = (value_capability_list){};
}

static int capability_add(const ValueContext *c, unsigned capability, value_capability_list *v) {
        int r;

        for (size_t i = 0; i < v->n; i++)
                if (v->items[i].capability == capability)
                        return 0;
        r = value_grow(c, &v->items, v->n, sizeof(CapabilityItem));
        if (r < 0)
                return r;
        v->items[v->n++] = (CapabilityItem){.capability = capability, .origin = c->origin};
        return 0;
}

/* Quadlet's spelling: any case, and CAP_ may be left out. */
static int capability_from_word(const char *word) {
        _cleanup_free_ char *whole = NULL;
        int capability = capability_from_string(word);

        if (capability >= 0 || str_append(&whole, "CAP_%s", word) < 0)
                return capability;
        return capability_from_string(whole);
}

static int capability_list_item(const ValueContext *c, const char *word, void *field) {
        int capability, r = 0;

        if (strcasecmp(word, "all") == 0) {
                for (unsigned i = 0; r == 0 && i < CAPABILITIES; i++)
                        r = capability_add(c, i, field);
                return r;
        }
        if (*word == '~')
                return value_error(c, "'~' has no meaning here; AddCapability= adds to the default set and "
                                      "DropCapability= takes "
                                      "away from it");
        capability = capability_from_word(word);
        if (capability < 0)
                return capability_error(c, word);
        return capability_add(c, (unsigned)capability, field);
}

static int capability_list_parse(const ValueContext *c, const char *text, void *field) {
        if (value_is_reset(text)) {
                capability_list_done(field);
                return 0;
        }
        return value_each_word(c, text, capability_list_item, field);
}

static int capability_list_explode(const void *field, char ***ret) {
        _cleanup_strv_ char **words = NULL;
        const value_capability_list *v = field;
        int r = 0;

        for (size_t i = 0; r == 0 && i < v->n; i++)
                r = strv_extend(&words, strempty(capability_to_string(v->items[i].capability)));
        if (r < 0)
                return r;
        *ret = TAKE_PTR(words);
        return 0;
}

static int capability_list_print(const void *field, char **ret) {
        return value_print_exploded(capability_list_explode, field, ret);
}

const ValueType value_type_capability_list = {
        .name = "capability_list",
        .syntax = "capabilities, in any case and with or without CAP_, or all",
        .signature = "as",
        .size = sizeof(value_capability_list),
        .list = true,
        .parse = capability_list_parse,
        .print = capability_list_print,
        .explode = capability_list_explode,
        .done = capability_list_done,
        .words = capability_names,
};
