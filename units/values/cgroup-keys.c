/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* huge_pages, cgroup_keys: what goes to files of the control group that are named by the unit. */
#include <inttypes.h>
#include <stdio.h>

#include "units/values/parse.h"

/* --- huge_pages */

static void huge_pages_done(void *field) {
        value_huge_pages *v = field;

        free(v->items);
        *v = (value_huge_pages){};
}

char *huge_page_size_to_string(uint64_t size) {
        const unsigned shift = size >> 30 ? 30 : size >> 20 ? 20 : 10;
        char *s = NULL;

        return asprintf(&s, "%" PRIu64 "%cB", size >> shift, shift == 30 ? 'G' : shift == 20 ? 'M' : 'K') < 0 ? NULL : s;
}

static int huge_pages_item(const ValueContext *c, const char *raw, void *field) {
        _cleanup_free_ char *word = NULL, *size = NULL;
        value_huge_pages *v = field;
        HugePages item = { .limit = UINT64_MAX, .origin = c->origin };
        const char *limit;
        int r = value_expand(c, raw, &word);

        if (r < 0)
                return r;
        limit = strchr(word, ':');
        size = limit ? strndup(word, (size_t)(limit++ - word)) : NULL;
        if (!size)
                return value_error(c, "'%s': write SIZE:LIMIT, such as 2M:256M or 1G:infinity", word);
        if (value_parse_size(size, &item.size) < 0 || item.size < 4096 || (item.size & (item.size - 1)) != 0)
                return value_error(c, "'%s' is no size of huge pages; write one of /sys/kernel/mm/hugepages, such as 2M or 1G", size);
        if (!streq(limit, "infinity") && value_parse_size(limit, &item.limit) < 0)
                return value_error(c, "'%s' is not an amount of memory; write for example 0, 256M or infinity", limit);
        if (item.limit != UINT64_MAX && item.limit % item.size != 0)
                return value_error(c, "'%s' is no multiple of '%s'", limit, size);
        for (size_t i = 0; i < v->n; i++)
                if (v->items[i].size == item.size) {
                        v->items[i] = item;
                        return 0;
                }
        r = value_grow(c, &v->items, v->n, sizeof(item));
        if (r >= 0)
                v->items[v->n++] = item;
        return r;
}

static int huge_pages_parse(const ValueContext *c, const char *text, void *field) {
        if (value_is_reset(text)) {
                huge_pages_done(field);
                return 0;
        }
        return value_each_word(c, text, huge_pages_item, field);
}

static int huge_pages_explode(const void *field, char ***ret) {
        _cleanup_strv_ char **l = NULL;
        const value_huge_pages *v = field;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < v->n; i++) {
                _cleanup_free_ char *size = value_size_to_string(v->items[i].size), *word = NULL;
                _cleanup_free_ char *limit = value_size_to_string(v->items[i].limit);

                r = size && limit ? str_append(&word, "%s:%s", size, limit) : -ENOMEM;
                if (r >= 0)
                        r = strv_extend(&l, word);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

static int huge_pages_print(const void *field, char **ret) {
        return value_print_exploded(huge_pages_explode, field, ret);
}

const ValueType value_type_huge_pages = {
        .name = "huge_pages",
        .syntax = "a size of huge pages and a limit of them, such as 2M:256M",
        .signature = "as",
        .size = sizeof(value_huge_pages),
        .list = true,
        .parse = huge_pages_parse,
        .print = huge_pages_print,
        .explode = huge_pages_explode,
        .done = huge_pages_done,
};

/* --- cgroup_keys */

enum { KEY_MAX = 64, KEY_VALUE_MAX = 256 };

/* Files that hold a setting of a controller. Those of the core (cgroup.*) move, freeze and kill processes: they are the
 * manager's. What has a directive is said by it, so that nothing is written twice. */
static const char *const key_controllers[] = { "cpu.", "cpuset.", "hugetlb.", "io.", "memory.", "misc.", "pids.", "rdma.", NULL };
static const struct {
        const char *key, *directive;
} key_directives[] = {
        { "cpu.idle", "CPUWeight" },
        { "cpu.max", "CPUQuota" },
        { "cpu.weight", "CPUWeight" },
        { "cpu.weight.nice", "CPUWeight" },
        { "cpuset.cpus", "AllowedCPUs" },
        { "cpuset.cpus.partition", "CPUSetPartition" },
        { "cpuset.mems", "AllowedMemoryNodes" },
        { "io.bfq.weight", "IOWeight" },
        { "io.latency", "IODeviceLatencyTargetSec" },
        { "io.max", "IOReadBandwidthMax" },
        { "io.weight", "IOWeight" },
        { "memory.high", "MemoryHigh" },
        { "memory.low", "MemoryLow" },
        { "memory.max", "MemoryMax" },
        { "memory.min", "MemoryMin" },
        { "memory.oom.group", "OOMPolicy" },
        { "memory.swap.max", "MemorySwapMax" },
        { "pids.max", "TasksMax" },
};

static void cgroup_keys_done(void *field) {
        value_cgroup_keys *v = field;

        for (size_t i = 0; i < v->n; i++) {
                free(v->items[i].key);
                free(v->items[i].value);
        }
        free(v->items);
        *v = (value_cgroup_keys){};
}

static int key_check(const ValueContext *c, const char *key) {
        bool known = false;

        for (const char *const *p = key_controllers; *p; p++)
                known |= startswith(key, *p) && key[strlen(*p)];
        if (!known || strlen(key) > KEY_MAX || strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._") != strlen(key))
                return value_error(c, "'%s' is no setting of a controller; write one such as memory.zswap.max or misc.max", key);
        for (size_t i = 0; i < ELEMENTSOF(key_directives); i++)
                if (streq(key, key_directives[i].key))
                        return value_error(c, "'%s' has a directive of its own; write %s=", key, key_directives[i].directive);
        if (startswith(key, "hugetlb."))
                return value_error(c, "'%s' has a directive of its own; write HugetlbMax=", key);
        if (streq(key, "memory.reclaim") || strstr(key, ".pressure"))
                return value_error(c, "'%s' is no setting: what is written there is an order", key);
        return 0;
}

static int cgroup_keys_item(const ValueContext *c, const char *raw, void *field) {
        _cleanup_free_ char *word = NULL;
        value_cgroup_keys *v = field;
        CgroupKey item = { .origin = c->origin };
        char *equals;
        int r = value_expand(c, raw, &word);

        if (r < 0)
                return r;
        equals = strchr(word, '=');
        if (!equals || !equals[1])
                return value_error(c, "'%s': write KEY=VALUE, such as memory.zswap.max=64M", word);
        *equals = 0;
        r = key_check(c, word);
        if (r < 0)
                return r;
        if (strlen(equals + 1) > KEY_VALUE_MAX)
                return value_error(c, "the value of '%s' is too long", word);
        for (const char *p = equals + 1; *p; p++)
                if ((unsigned char)*p < ' ' || (unsigned char)*p > '~')
                        return value_error(c, "the value of '%s' has a byte that no setting has", word);
        r = value_grow(c, &v->items, v->n, sizeof(item));
        if (r < 0)
                return r;
        item.key = strdup(word);
        item.value = strdup(equals + 1);
        if (!item.key || !item.value) {
                free(item.key);
                free(item.value);
                return -ENOMEM;
        }
        v->items[v->n++] = item;
        return 0;
}

static int cgroup_keys_parse(const ValueContext *c, const char *text, void *field) {
        if (value_is_reset(text)) {
                cgroup_keys_done(field);
                return 0;
        }
        return value_each_word(c, text, cgroup_keys_item, field);
}

static int cgroup_keys_explode(const void *field, char ***ret) {
        _cleanup_strv_ char **l = NULL;
        const value_cgroup_keys *v = field;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < v->n; i++) {
                _cleanup_free_ char *word = NULL;

                r = str_append(&word, "%s=%s", v->items[i].key, v->items[i].value);
                if (r >= 0)
                        r = strv_extend(&l, word);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

static int cgroup_keys_print(const void *field, char **ret) {
        return value_print_exploded(cgroup_keys_explode, field, ret);
}

const ValueType value_type_cgroup_keys = {
        .name = "cgroup_keys",
        .syntax = "a setting of a controller and its value, such as memory.zswap.max=64M",
        .signature = "as",
        .size = sizeof(value_cgroup_keys),
        .list = true,
        .parse = cgroup_keys_parse,
        .print = cgroup_keys_print,
        .explode = cgroup_keys_explode,
        .done = cgroup_keys_done,
};
