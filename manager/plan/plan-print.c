/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <json-c/json.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "manager/base/string-list.h"
#include "manager/plan/plan.h"
#include "manager/plan/process-attributes.h"

typedef struct FlagName {
        uint64_t flag;
        const char *name;
} FlagName;

static const FlagName namespace_names[] = {
        { CLONE_NEWUSER, "user" }, { CLONE_NEWNS, "mount" }, { CLONE_NEWPID, "pid" },       { CLONE_NEWNET, "net" },
        { CLONE_NEWIPC, "ipc" },   { CLONE_NEWUTS, "uts" },  { CLONE_NEWCGROUP, "cgroup" },
        { CLONE_NEWTIME, "time" },  {},
};
static const FlagName attribute_names[] = {
        { MOUNT_ATTR_RDONLY, "ro" }, { MOUNT_ATTR_NOSUID, "nosuid" }, { MOUNT_ATTR_NODEV, "nodev" },
        { MOUNT_ATTR_NOEXEC, "noexec" }, {},
};
static const FlagName step_flag_names[] = {
        { STEP_FLAG_OPTIONAL, "optional" }, { STEP_FLAG_RECURSIVE, "recursive" }, { STEP_FLAG_IDMAP, "idmap" },
        { STEP_FLAG_LENIENT, "lenient" }, {},
};
static const char *const sync_names[_SYNC_POINT_MAX] = {
        [SYNC_IDS_MAPPED] = "ids-mapped",
        [SYNC_FILE_SYSTEMS_MADE] = "file-systems-made",
        [SYNC_ROOT_READY] = "root-ready",
};
static const char *const stream_names[] = { "stdin", "stdout", "stderr" };
static const char *const slot_kinds[_SLOT_KIND_MAX] = {
        [SLOT_MADE] = "made",     [SLOT_TREE] = "tree",     [SLOT_STDIN] = "stdin",       [SLOT_STDOUT] = "stdout",
        [SLOT_STDERR] = "stderr", [SLOT_LEADER] = "leader", [SLOT_TERMINAL] = "terminal",
        [SLOT_PROGRAM] = "program", [SLOT_DIRECTORY] = "directory", [SLOT_NOTIFY] = "notify", [SLOT_CREDENTIALS] = "credentials",
        [SLOT_LOG] = "log",       [SLOT_NAMES] = "names",
        [SLOT_PASSED] = "passed",
};

static int append_flags(char **s, const FlagName *names, uint64_t flags, const char *prefix) {
        const char *separator = prefix;
        int r = 0;

        for (; r >= 0 && names->name; names++)
                if (flags & names->flag) {
                        r = str_append(s, "%s%s", separator, names->name);
                        separator = ",";
                }
        return r;
}

static int append_capabilities(char **s, const char *label, uint64_t mask) {
        int r = str_append(s, "%s%s=", *s && **s ? " " : "", label);
        bool first = true;

        for (unsigned c = 0; r >= 0 && c < 64; c++)
                if (mask & (UINT64_C(1) << c)) {
                        const char *name = capability_to_string(c);

                        r = name ? str_append(s, "%s%s", first ? "" : ",", name)
                                 : str_append(s, "%s%u", first ? "" : ",", c);
                        first = false;
                }
        return r >= 0 && first ? str_append(s, "none") : r;
}

/* Words of a list, quoted where a reader could not tell them apart. */
static int append_list(char **s, const PlanView *p, PlanRef list) {
        const char *at = plan_text(p, list), *end = at + list.size;
        int r = 0;

        for (const char *word = at; r >= 0 && word < end; word += strlen(word) + 1) {
                _cleanup_free_ char *quoted = value_quote(word);

                r = quoted ? str_append(s, "%s%s", word == at ? "" : " ", quoted) : -ENOMEM;
        }
        return r;
}

static const char *slot_name(const PlanView *p, int64_t slot) {
        return slot < 0 ? "" : plan_text(p, p->slots[slot].name);
}

/* --- one function a kind of words; most steps say one thing */

static int describe_text(char **s, const PlanView *p, const PlanStep *step) {
        return str_append(s, "%s", plan_text(p, step->s));
}

static int describe_slot(char **s, const PlanView *p, const PlanStep *step) {
        return str_append(s, "%s", slot_name(p, step->slot));
}

static int describe_namespaces(char **s, const PlanView *p, const PlanStep *step) {
        return append_flags(s, namespace_names, step->a, "");
}

static int describe_terminal(char **s, const PlanView *p, const PlanStep *step) {
        int r = str_append(s, "%s owner=%u", slot_name(p, (int64_t)step->b), (unsigned)step->a);

        return r < 0 || step->c == 0 || step->d == 0
                       ? r
                       : str_append(s, " size=%ux%u", (unsigned)step->c, (unsigned)step->d);
}

static int describe_id_map(char **s, const PlanView *p, const PlanStep *step) {
        const char *map = plan_text(p, step->s);

        return str_append(s, "%.*s", (int)strcspn(map, "\n"), map);
}

static int describe_sync(char **s, const PlanView *p, const PlanStep *step) {
        return str_append(s, "%s", sync_names[step->a]);
}

static int describe_file_system(char **s, const PlanView *p, const PlanStep *step) {
        int r = str_append(s, "%s", plan_text(p, step->s));

        if (r >= 0)
                r = append_flags(s, attribute_names, step->a, " ");
        if (r >= 0 && step->t.size > 0)
                r = str_append(s, " ");
        return r < 0 ? r : append_list(s, p, step->t);
}

static int describe_attributes(char **s, const PlanView *p, const PlanStep *step) {
        int r = str_append(s, "%s", slot_name(p, step->slot));

        if (r >= 0)
                r = append_flags(s, attribute_names, step->a, " +");
        return r < 0 ? r : append_flags(s, attribute_names, step->b, " -");
}

static int describe_overlay(char **s, const PlanView *p, const PlanStep *step) {
        int r = str_append(s, "%s", slot_name(p, step->slot));

        if (r >= 0)
                r = append_flags(s, attribute_names, step->a, " ");
        if (r >= 0 && step->c)
                r = str_append(s, " with a writable layer");
        return r < 0 || step->s.size == 0 ? r : str_append(s, " context=%s", plan_text(p, step->s));
}

static int describe_layers(char **s, const PlanView *p, const PlanStep *step) {
        const char *names = plan_text(p, step->s), *end = names + step->s.size;
        int r = str_append(s, "%s", slot_name(p, step->slot));

        for (const char *name = names; r >= 0 && name < end; name += strlen(name) + 1)
                r = str_append(s, "%s%s", name == names ? " layers=" : ":", name);
        if (r >= 0)
                r = append_flags(s, attribute_names, step->a, " ");
        if (r >= 0 && step->c)
                r = str_append(s, " with a writable layer");
        return r < 0 || step->t.size == 0 ? r : str_append(s, " context=%s", plan_text(p, step->t));
}

static int describe_attach(char **s, const PlanView *p, const PlanStep *step) {
        return str_append(s, "%s on %s", slot_name(p, step->slot), plan_text(p, step->s));
}

static int describe_made(char **s, const PlanView *p, const PlanStep *step) {
        return str_append(s, "%s mode=%04o", plan_text(p, step->s), (unsigned)step->a);
}

static int describe_symlink(char **s, const PlanView *p, const PlanStep *step) {
        return str_append(s, "%s -> %s", plan_text(p, step->s), plan_text(p, step->t));
}

static int describe_node(char **s, const PlanView *p, const PlanStep *step) {
        return str_append(s, "%s %c %u:%u mode=%04o", plan_text(p, step->s), S_ISBLK((mode_t)step->a) ? 'b' : 'c',
                          (unsigned)(step->b >> 32), (unsigned)step->b, (unsigned)step->a & 0777);
}

static int describe_stream(char **s, const PlanView *p, const PlanStep *step) {
        return str_append(s, "%s", stream_names[step->a]);
}

static int append_limit(char **s, const char *label, uint64_t limit) {
        return limit == UINT64_MAX ? str_append(s, " %s=infinity", label) :
                                     str_append(s, " %s=%llu", label, (unsigned long long)limit);
}

static int describe_ceiling(char **s, const PlanView *p, const PlanStep *step) {
        int r = str_append(s, "%s", plan_resource_to_string(step->a));

        return r < 0 ? r : append_limit(s, "hard", step->b);
}

static int describe_limit(char **s, const PlanView *p, const PlanStep *step) {
        int r = str_append(s, "%s", plan_resource_to_string(step->a));

        if (r >= 0)
                r = append_limit(s, "soft", step->b);
        return r < 0 ? r : append_limit(s, "hard", step->c);
}

static int describe_process_file(char **s, const PlanView *p, const PlanStep *step) {
        return str_append(s, "%s %s", plan_text(p, step->s), plan_text(p, step->t));
}

static int describe_process_control(char **s, const PlanView *p, const PlanStep *step) {
        static const struct {
                uint64_t option;
                const char *name;
        } names[] = {
                { PR_SET_TIMERSLACK, "timer-slack" },      { PR_SET_THP_DISABLE, "thp-disable" },
                { PLAN_SET_MEMORY_MERGE, "memory-merge" }, { PR_SET_TSC, "time-stamp-counter" },
                { PR_MCE_KILL, "machine-checks" },         { PLAN_SET_IO_FLUSHER, "io-flusher" },
        };
        size_t i = 0;

        while (i + 1 < ELEMENTSOF(names) && names[i].option != step->a)
                i++;
        return str_append(s, "%s %llu%s", names[i].name, (unsigned long long)step->b,
                          step->c == PLAN_THP_EXCEPT_ADVISED && step->a == PR_SET_THP_DISABLE ? " except-advised" : "");
}

static int describe_signals(char **s, const PlanView *p, const PlanStep *step) {
        int r = 0;

        for (int signal = 1; r >= 0 && signal <= 64; signal++)
                if (step->a & (UINT64_C(1) << (signal - 1)))
                        r = str_append(s, "%signored=%s", **s ? " " : "", strempty(signal_to_string(signal)));
        return r;
}

static int describe_number(char **s, const PlanView *p, const PlanStep *step) {
        return str_append(s, "%lld", (long long)step->a);
}

static int describe_bits(char **s, const PlanView *p, const PlanStep *step) {
        const uint64_t *bits = (const uint64_t *)plan_text(p, step->s);
        const char *separator = "";
        int r = step->kind == STEP_MEMORY_POLICY ? str_append(s, "%llu ", (unsigned long long)step->a) : 0;

        if (r >= 0 && step->s.size == 0)
                return str_append(s, "all");
        for (size_t i = 0, k; r >= 0 && i < step->s.size * 8; i = k + 1) {
                for (k = i; k < step->s.size * 8 && bits[k / 64] & (UINT64_C(1) << (k % 64)); k++)
                        ;
                if (k == i)
                        continue;
                r = str_append(s, k > i + 1 ? "%s%zu-%zu" : "%s%zu", separator, i, k - 1);
                separator = ",";
        }
        return r;
}

static int describe_io_priority(char **s, const PlanView *p, const PlanStep *step) {
        return str_append(s, "class=%u level=%u", (unsigned)step->a, (unsigned)step->b);
}

static int describe_scheduling(char **s, const PlanView *p, const PlanStep *step) {
        static const char *const names[] = {
                [SCHED_OTHER] = "other", [SCHED_BATCH] = "batch", [SCHED_IDLE] = "idle", [SCHED_FIFO] = "fifo", [SCHED_RR] = "rr",
        };
        const char *name = step->a < ELEMENTSOF(names) ? names[step->a] : NULL;

        return str_append(s, "%s priority=%u%s", strempty(name), (unsigned)step->b, step->c ? " reset-on-fork" : "");
}

/* Its lines as one. */
static int describe_offsets(char **s, const PlanView *p, const PlanStep *step) {
        int r = 0;

        for (const char *at = plan_text(p, step->s); r >= 0 && *at; at += strcspn(at, "\n") + (at[strcspn(at, "\n")] != 0))
                r = str_append(s, "%s%.*s", **s ? ", " : "", (int)strcspn(at, "\n"), at);
        return r;
}

static int describe_sysctl(char **s, const PlanView *p, const PlanStep *step) {
        return str_append(s, "%s = %s", plan_text(p, step->s), plan_text(p, step->t));
}

static int describe_fork(char **s, const PlanView *p, const PlanStep *step) {
        static const char *const words[] = { "until the last process has ended", "goes on when the first has started others",
                                             "however it ends" };
        int r = 0;

        for (size_t i = 0, n = 0; r >= 0 && i < ELEMENTSOF(words); i++)
                if (step->a & (UINT64_C(1) << i))
                        r = str_append(s, "%s%s", n++ > 0 ? ", " : "", words[i]);
        return r;
}

static int describe_user_keyring(char **s, const PlanView *p, const PlanStep *step) {
        return str_append(s, "uid=%u gid=%u", (unsigned)step->a, (unsigned)step->b);
}

static int describe_file_mode_mask(char **s, const PlanView *p, const PlanStep *step) {
        return str_append(s, "%04o", (unsigned)step->a);
}

static int describe_label(char **s, const PlanView *p, const PlanStep *step) {
        static const char *const names[_LABEL_ATTRIBUTE_MAX] = { "exec", "current", "keys" };

        return str_append(s, "%s %s %s", plan_text(p, step->s), names[step->a], plan_text(p, step->t));
}

static int describe_ruleset(char **s, const PlanView *p, const PlanStep *step) {
        return str_append(s, "files=0x%llx network=0x%llx scopes=0x%llx", (unsigned long long)step->a,
                          (unsigned long long)step->b, (unsigned long long)step->c);
}

static int describe_rule(char **s, const PlanView *p, const PlanStep *step) {
        int r = str_append(s, "%s 0x%llx", plan_text(p, step->s), (unsigned long long)step->a);

        if (r >= 0 && step->t.size > 0)
                r = str_append(s, " without ");
        return r < 0 ? r : append_list(s, p, step->t);
}

static int describe_ports(char **s, const PlanView *p, const PlanStep *step) {
        return str_append(s, "%llu-%llu 0x%llx", (unsigned long long)step->b, (unsigned long long)step->c,
                          (unsigned long long)step->a);
}

static int describe_bounding_set(char **s, const PlanView *p, const PlanStep *step) {
        return append_capabilities(s, "keep", step->a);
}

static int describe_groups(char **s, const PlanView *p, const PlanStep *step) {
        const uint32_t *groups = (const uint32_t *)plan_text(p, step->s);
        int r = str_append(s, "uid=%u gid=%u groups=", (unsigned)step->a, (unsigned)step->b);

        for (size_t i = 0; r >= 0 && i < step->s.size / sizeof(*groups); i++)
                r = str_append(s, "%s%u", i > 0 ? "," : "", groups[i]);
        return r >= 0 && step->s.size == 0 ? str_append(s, "none") : r;
}

static int describe_capabilities(char **s, const PlanView *p, const PlanStep *step) {
        int r = append_capabilities(s, "permitted", step->b);

        if (r >= 0)
                r = append_capabilities(s, "inheritable", step->c);
        return r < 0 ? r : append_capabilities(s, "ambient", step->d);
}

static int describe_filter(char **s, const PlanView *p, const PlanStep *step) {
        return str_append(s, "%u instructions", (unsigned)(step->s.size / sizeof(struct sock_filter)));
}

static int describe_passed(char **s, const PlanView *p, const PlanStep *step) {
        const int32_t *slots = (const int32_t *)plan_text(p, step->s);
        int r = 0;

        for (size_t i = 0; r >= 0 && i < step->s.size / sizeof(*slots); i++)
                r = str_append(s, "%s%zu=%s", i > 0 ? " " : "", PLAN_FIRST_PASSED + i, slot_name(p, slots[i]));
        return r;
}

static int describe_execute(char **s, const PlanView *p, const PlanStep *step) {
        int r = step->slot >= 0 ? str_append(s, "%s", slot_name(p, step->slot)) : append_list(s, p, step->s);

        if (r >= 0)
                r = str_append(s, " argv: ");
        if (r >= 0)
                r = append_list(s, p, step->t);
        if (r >= 0)
                r = str_append(s, " environment: ");
        return r < 0 ? r : append_list(s, p, step->u);
}

/* A step without a row has nothing to add to its name. */
static int (*const describers[_STEP_KIND_MAX])(char **s, const PlanView *p, const PlanStep *step) = {
        [STEP_ENTER_NAMESPACES] = describe_namespaces,
        [STEP_CLONE_INNER] = describe_namespaces,
        [STEP_OPEN_TERMINAL] = describe_terminal,
        [STEP_WRITE_ID_MAPS] = describe_id_map,
        [STEP_REACH] = describe_sync,
        [STEP_AWAIT] = describe_sync,
        [STEP_NEW_FILE_SYSTEM] = describe_file_system,
        [STEP_SET_ATTRIBUTES] = describe_attributes,
        [STEP_OVERLAY] = describe_overlay,
        [STEP_LAYERS] = describe_layers,
        [STEP_ENTER_ROOT] = describe_slot,
        [STEP_CONTROL_TERMINAL] = describe_slot,
        [STEP_MAKE_MOUNTPOINT] = describe_text,
        [STEP_CLONE_TREE] = describe_text,
        [STEP_ATTACH_MASK] = describe_text,
        [STEP_HOST_NAME] = describe_text,
        [STEP_DOMAIN_NAME] = describe_text,
        [STEP_TIME_OFFSETS] = describe_offsets,
        [STEP_SYSCTL] = describe_sysctl,
        [STEP_FORK_PAYLOAD] = describe_fork,
        [STEP_WORKING_DIRECTORY] = describe_text,
        [STEP_ATTACH] = describe_attach,
        [STEP_MAKE_DIRECTORY] = describe_made,
        [STEP_MAKE_FILE] = describe_made,
        [STEP_MAKE_SYMLINK] = describe_symlink,
        [STEP_MAKE_NODE] = describe_node,
        [STEP_STANDARD_STREAM] = describe_stream,
        [STEP_PROCESS_FILE] = describe_process_file,
        [STEP_PROCESS_CONTROL] = describe_process_control,
        [STEP_SIGNALS] = describe_signals,
        [STEP_PERSONALITY] = describe_number,
        [STEP_CPU_AFFINITY] = describe_bits,
        [STEP_MEMORY_POLICY] = describe_bits,
        [STEP_IO_PRIORITY] = describe_io_priority,
        [STEP_NICE] = describe_number,
        [STEP_SCHEDULING] = describe_scheduling,
        [STEP_RESOURCE_CEILING] = describe_ceiling,
        [STEP_RESOURCE_LIMIT] = describe_limit,
        [STEP_USER_KEYRING] = describe_user_keyring,
        [STEP_SECURE_BITS] = describe_number,
        [STEP_FILE_MODE_MASK] = describe_file_mode_mask,
        [STEP_SECURITY_LABEL] = describe_label,
        [STEP_LANDLOCK_RULESET] = describe_ruleset,
        [STEP_LANDLOCK_PATH] = describe_rule,
        [STEP_LANDLOCK_ENTRIES] = describe_rule,
        [STEP_LANDLOCK_PORTS] = describe_ports,
        [STEP_BOUNDING_SET] = describe_bounding_set,
        [STEP_IDENTITY] = describe_groups,
        [STEP_CAPABILITIES] = describe_capabilities,
        [STEP_SECCOMP] = describe_filter,
        [STEP_PASS_DESCRIPTORS] = describe_passed,
        [STEP_EXECUTE] = describe_execute,
};

static int describe(const PlanView *p, const PlanStep *step, char **ret) {
        _cleanup_free_ char *text = strdup("");
        int r = text ? 0 : -ENOMEM;

        if (r >= 0 && describers[step->kind])
                r = describers[step->kind](&text, p, step);
        if (r >= 0)
                r = append_flags(&text, step_flag_names, step->flags, " (");
        if (r >= 0 && step->flags)
                r = str_append(&text, ")");
        if (r < 0)
                return r;
        *ret = TAKE_PTR(text);
        return 0;
}

static const char *actor_name(unsigned actor) {
        return actor == ACTOR_OUTER ? "outer" : actor == ACTOR_INNER ? "inner" : actor == ACTOR_INIT ? "init" : "payload";
}

static int append_origin(char **s, const PlanView *p, const PlanStep *step) {
        const char *file = plan_text(p, step->origin_file), *directive = plan_text(p, step->origin_directive);
        int r;

        if (!*file)
                return 0;
        r = str_append(s, "  # %s", file);
        if (r >= 0 && step->origin_line > 0)
                r = str_append(s, ":%u", step->origin_line);
        return r >= 0 && *directive ? str_append(s, ": %s=", directive) : r;
}

int plan_print(const PlanView *p, char **ret) {
        _cleanup_free_ char *s = NULL;
        int r = str_append(&s, "%s", "");

        for (uint32_t i = 0; r >= 0 && i < p->header->n_slots; i++) {
                const PlanSlot *slot = p->slots + i;

                if (slot->kind != SLOT_MADE)
                        r = str_append(&s, "descriptor %s: %s%s%s%s\n", plan_text(p, slot->name),
                                       slot_kinds[slot->kind], slot->path.size > 0 ? " of " : "",
                                       plan_text(p, slot->path),
                                       slot->flags & STEP_FLAG_OPTIONAL ? " (optional)" : "");
        }
        for (uint32_t i = 0; r >= 0 && i < p->header->n_steps; i++) {
                const PlanStep *step = p->steps + i;
                _cleanup_free_ char *what = NULL;

                r = describe(p, step, &what);
                if (r >= 0)
                        r = str_append(&s, "%3u %-7s ", i, actor_name(step->actor));
                if (r >= 0)
                        r = str_append(&s, *what ? "%-18s %s" : "%s%s", step_kind_to_string(step->kind), what);
                if (r >= 0)
                        r = append_origin(&s, p, step);
                if (r >= 0)
                        r = str_append(&s, "\n");
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

static json_object *step_to_json(const PlanView *p, uint32_t i) {
        const PlanStep *step = p->steps + i;
        const char *file = plan_text(p, step->origin_file), *directive = plan_text(p, step->origin_directive);
        json_object *o = json_object_new_object();
        _cleanup_free_ char *what = NULL;

        if (!o || describe(p, step, &what) < 0) {
                (void)json_object_put(o);
                return NULL;
        }
        (void)json_object_object_add(o, "index", json_object_new_int64(i));
        (void)json_object_object_add(o, "actor", json_object_new_string(actor_name(step->actor)));
        (void)json_object_object_add(o, "step", json_object_new_string(step_kind_to_string(step->kind)));
        (void)json_object_object_add(o, "what", json_object_new_string(what));
        if (*file) {
                (void)json_object_object_add(o, "file", json_object_new_string(file));
                (void)json_object_object_add(o, "line", json_object_new_int64(step->origin_line));
                (void)json_object_object_add(o, "directive", json_object_new_string(directive));
        }
        return o;
}

int plan_print_json(const PlanView *p, bool pretty, char **ret) {
        json_object *o = json_object_new_object(), *slots = json_object_new_array(), *steps = json_object_new_array();
        int r = o && slots && steps ? 0 : -ENOMEM;
        char *copy = NULL;

        for (uint32_t i = 0; r >= 0 && i < p->header->n_slots; i++) {
                const PlanSlot *slot = p->slots + i;
                json_object *one;

                if (slot->kind == SLOT_MADE)
                        continue;
                one = json_object_new_object();
                (void)json_object_object_add(one, "name", json_object_new_string(plan_text(p, slot->name)));
                (void)json_object_object_add(one, "kind", json_object_new_string(slot_kinds[slot->kind]));
                if (slot->path.size > 0)
                        (void)json_object_object_add(one, "path", json_object_new_string(plan_text(p, slot->path)));
                (void)json_object_array_add(slots, one);
        }
        for (uint32_t i = 0; r >= 0 && i < p->header->n_steps; i++) {
                json_object *one = step_to_json(p, i);

                r = one ? json_object_array_add(steps, one) : -ENOMEM;
        }
        if (r < 0) {
                (void)json_object_put(slots);
                (void)json_object_put(steps);
                (void)json_object_put(o);
                return -ENOMEM;
        }
        (void)json_object_object_add(o, "descriptors", slots);
        (void)json_object_object_add(o, "steps", steps);
        copy = strdup(json_object_to_json_string_ext(
                o, (pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED : JSON_C_TO_STRING_PLAIN) |
                           JSON_C_TO_STRING_NOSLASHESCAPE));
        (void)json_object_put(o);
        if (!copy)
                return -ENOMEM;
        *ret = copy;
        return 0;
}
