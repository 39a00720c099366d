/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Claims about a process: what it is, what it may do, where it stands. */
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>

#include "manager/base/string-list.h"
#include "manager/claims/claims-build.h"

#define WITNESS "/dev/shm" /* where everybody may make files */

static const uint64_t namespace_flags[_CLAIM_NAMESPACE_MAX] = {
        [CLAIM_NAMESPACE_USER] = CLONE_NEWUSER, [CLAIM_NAMESPACE_MOUNT] = CLONE_NEWNS,
        [CLAIM_NAMESPACE_PID] = CLONE_NEWPID,   [CLAIM_NAMESPACE_NET] = CLONE_NEWNET,
        [CLAIM_NAMESPACE_IPC] = CLONE_NEWIPC,   [CLAIM_NAMESPACE_UTS] = CLONE_NEWUTS,
        [CLAIM_NAMESPACE_CGROUP] = CLONE_NEWCGROUP,
};

typedef struct Hex {
        char text[17];
} Hex;

static Hex hex(uint64_t mask) {
        Hex h;

        (void)snprintf(h.text, sizeof(h.text), "%016llx", (unsigned long long)mask);
        return h;
}

static const PlanStep *find_step(const PlanView *p, StepKind kind) {
        for (uint32_t i = 0; i < p->header->n_steps; i++)
                if (p->steps[i].kind == kind)
                        return p->steps + i;
        return NULL;
}

static bool has_user_namespace(const ClaimBuilder *b) {
        return find_step(b->start, STEP_CLONE_INNER)->a & CLONE_NEWUSER;
}

/* --- namespaces and ids: those of the container, and never the host's where the unit asks for its own */

static void one_namespace(ClaimBuilder *b, ClaimNamespace n, ClaimView view) {
        const uint64_t own = find_step(b->start, STEP_CLONE_INNER)->a;
        const char *name = claim_namespace_to_string(n), *host = b->facts->host_namespaces[n];
        const char *leader = view == VIEW_PROBE ? b->facts->leader_namespaces[n] : NULL;
        char path[64];
        ClaimText t = { .topic = TOPIC_NAMESPACE, .view = view, .kind = QUESTION_LINK, .text = path };

        (void)snprintf(path, sizeof(path), "%sns/%s", view == VIEW_PROBE ? "/proc/self/" : "", strempty(name));
        if (own & namespace_flags[n]) {
                t.expected = host;
                t.test = TEST_DIFFERS;
                claim_add(b, t, "%s namespace is not the host's", name);
                t.expected = leader;
                t.test = TEST_EQUAL;
                if (leader)
                        claim_add(b, t, "%s namespace is the container's", name);
        } else {
                t.expected = host;
                claim_add(b, t, "%s namespace is the host's", name);
        }
}

static void namespaces(ClaimBuilder *b, ClaimView view) {
        for (int n = 0; n < _CLAIM_NAMESPACE_MAX; n++) {
                const DirectiveId row = n == CLAIM_NAMESPACE_USER ? DIRECTIVE_PrivateUsers : DIRECTIVE_PrivateNetwork;

                claim_origin_none(b);
                if (n == CLAIM_NAMESPACE_USER || n == CLAIM_NAMESPACE_NET)
                        claim_origin_row(b, row);
                one_namespace(b, (ClaimNamespace)n, view);
        }
}

static void id_maps(ClaimBuilder *b, ClaimView view) {
        const PlanStep *step = find_step(b->start, STEP_WRITE_ID_MAPS);
        const char *prefix = view == VIEW_PROBE ? "/proc/self/" : "";
        char path[64], map[64];

        if (!step)
                return;
        claim_origin_row(b, DIRECTIVE_PrivateUsers);
        for (unsigned i = 0; i < 2; i++) {
                const PlanRef ref = i == 0 ? step->s : step->t;

                (void)snprintf(path, sizeof(path), "%s%s", prefix, i == 0 ? "uid_map" : "gid_map");
                (void)snprintf(map, sizeof(map), "%s", b->start->data + ref.offset);
                map[strcspn(map, "\n")] = 0;
                claim_add(b, (ClaimText){ .topic = TOPIC_ID_MAP, .view = view, .kind = QUESTION_FILE, .text = path,
                                          .expected = map },
                          "map of the %s", i == 0 ? "user ids" : "group ids");
        }
}

static void field(ClaimBuilder *b, ClaimTopic topic, ClaimView view, ClaimTest test, const char *name,
                  const char *expected, const char *words) {
        claim_add(b, (ClaimText){ .topic = topic, .view = view, .kind = QUESTION_FIELD, .text = name, .test = test,
                                  .expected = expected },
                  "%s", words);
}

static int compare_ids(const void *a, const void *b) {
        const gid_t x = *(const gid_t *)a, y = *(const gid_t *)b;

        return x < y ? -1 : x > y;
}

static int groups_text(const Identity *who, char **ret) {
        _cleanup_free_ gid_t *sorted = calloc(who->n_groups + 1, sizeof(gid_t));
        _cleanup_free_ char *s = NULL;
        int r = sorted ? str_append(&s, "%s", "") : -ENOMEM;

        if (r >= 0 && who->n_groups > 0)
                memcpy(sorted, who->groups, who->n_groups * sizeof(gid_t));
        if (r >= 0)
                qsort(sorted, who->n_groups, sizeof(gid_t), compare_ids);
        for (size_t i = 0; r >= 0 && i < who->n_groups; i++)
                r = str_append(&s, "%s%u", i > 0 ? " " : "", (unsigned)sorted[i]);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

static void identity(ClaimBuilder *b) {
        const Identity *who = &b->spec->identity;
        _cleanup_free_ char *groups = NULL;
        char ids[64];

        if (groups_text(who, &groups) < 0) {
                b->error = -ENOMEM;
                return;
        }
        claim_origin_row(b, DIRECTIVE_User);
        (void)snprintf(ids, sizeof(ids), "%u %u %u %u", who->uid, who->uid, who->uid, who->uid);
        field(b, TOPIC_IDENTITY, VIEW_PROBE, TEST_EQUAL, "Uid", ids, "user ids");
        claim_origin_row(b, DIRECTIVE_Group);
        (void)snprintf(ids, sizeof(ids), "%u %u %u %u", who->gid, who->gid, who->gid, who->gid);
        field(b, TOPIC_IDENTITY, VIEW_PROBE, TEST_EQUAL, "Gid", ids, "group ids");
        claim_origin_row(b, DIRECTIVE_SupplementaryGroups);
        field(b, TOPIC_IDENTITY, VIEW_PROBE, TEST_EQUAL, "Groups", groups, "supplementary groups");
}

/* --- privileges. From outside a payload may have given up more than the unit takes, never less. */

static uint64_t possible(const ClaimBuilder *b, uint64_t mask) {
        return mask & (has_user_namespace(b) ? CAPABILITY_MASK_ALL : b->facts->capabilities);
}

static void capabilities(ClaimBuilder *b, ClaimView view) {
        const CapabilityPolicy *c = &b->policies->capabilities;
        const ClaimTest test = view == VIEW_PROBE ? TEST_EQUAL : TEST_WITHIN;
        const uint64_t bounding = possible(b, c->bounding);
        /* What execve() makes of them: root regains the bounding set, others keep the ambient one. */
        const uint64_t held = b->spec->identity.uid == 0 ? bounding | c->inheritable : c->ambient;
        const uint64_t later = view == VIEW_PROBE ? held : bounding | c->inheritable; /* it may be set-user-id by then */

        claim_origin_row(b, DIRECTIVE_CapabilityBoundingSet);
        field(b, TOPIC_CAPABILITIES, view, test, "CapBnd", hex(bounding).text, "bounding set");
        field(b, TOPIC_CAPABILITIES, view, test, "CapPrm", hex(later).text, "permitted capabilities");
        field(b, TOPIC_CAPABILITIES, view, test, "CapEff", hex(later).text, "effective capabilities");
        claim_origin_row(b, DIRECTIVE_AmbientCapabilities);
        field(b, TOPIC_CAPABILITIES, view, test, "CapInh",
              hex(view == VIEW_PROBE ? c->inheritable : bounding | c->inheritable).text, "inheritable capabilities");
        field(b, TOPIC_CAPABILITIES, view, test, "CapAmb",
              hex(view == VIEW_PROBE ? c->ambient : bounding | c->ambient).text, "ambient capabilities");
}

static void restrictions(ClaimBuilder *b, ClaimView view) {
        claim_origin_row(b, DIRECTIVE_NoNewPrivileges);
        if (b->spec->no_new_privileges || view == VIEW_PROBE)
                field(b, TOPIC_NO_NEW_PRIVILEGES, view, TEST_EQUAL, "NoNewPrivs",
                      b->spec->no_new_privileges ? "1" : "0", "no new privileges");
        claim_origin_row(b, DIRECTIVE_SystemCallFilter);
        field(b, TOPIC_FILTER, view, TEST_EQUAL, "Seccomp", "2", "a filter is in force");
        field(b, TOPIC_FILTER, view, TEST_DIFFERS, "Seccomp_filters", "0", "number of filters");
}

/* That a profile is worn is one thing; that it denies what every generated one does is another. An extra rule of the unit
 * may allow these. */
static void of_profile(ClaimBuilder *b) {
        static const char *const denied[] = { "/proc/self/attr/apparmor/current", "/proc/self/attr/apparmor/exec",
                                              "/proc/self/mem" };

        if (!b->policies->apparmor.text || b->spec->apparmor_extra_rules.n > 0)
                return;
        for (size_t i = 0; i < ELEMENTSOF(denied); i++)
                claim_add(b, (ClaimText){ .topic = TOPIC_LABEL, .kind = QUESTION_WRITE, .text = denied[i],
                                          .expected = "EACCES" },
                          "%s is closed by the profile", denied[i]);
}

static void labels(ClaimBuilder *b, ClaimView view) {
        static const struct {
                const char *module, *file, *suffix;
        } rows[] = {
                { "apparmor", "attr/apparmor/current", " (enforce)" },
                { "selinux", "attr/current", "" },
        };

        for (uint32_t i = 0; i < b->process->header->n_steps; i++) {
                const PlanStep *step = b->process->steps + i;

                if (step->kind != STEP_SECURITY_LABEL || step->a != LABEL_EXEC)
                        continue;
                claim_origin_step(b, b->process, step);
                for (size_t k = 0; k < ELEMENTSOF(rows); k++) {
                        _cleanup_free_ char *expected = NULL, *path = NULL;

                        if (!streq(rows[k].module, plan_text(b->process, step->s)))
                                continue;
                        if (str_append(&expected, "%s%s", plan_text(b->process, step->t), rows[k].suffix) < 0 ||
                            str_append(&path, "%s%s", view == VIEW_PROBE ? "/proc/self/" : "", rows[k].file) < 0)
                                b->error = -ENOMEM;
                        claim_add(b, (ClaimText){ .topic = TOPIC_LABEL, .view = view, .kind = QUESTION_FILE,
                                                  .text = path, .expected = expected },
                                  "%s label", rows[k].module);
                        if (view == VIEW_PROBE && k == 0)
                                of_profile(b);
                }
        }
}

/* --- the process's surroundings, step by step of the plan that makes it */

static void of_file_mode_mask(ClaimBuilder *b, const PlanStep *step) {
        char mask[16];

        (void)snprintf(mask, sizeof(mask), "%04o", (unsigned)step->a);
        field(b, TOPIC_PROCESS, VIEW_PROBE, TEST_EQUAL, "Umask", mask, "file mode mask");
}

/* A default that the host does not permit stays what it was: only what a unit asked for is promised to the number. And no
 * host has an infinite number of open files. */
static void of_resource_limit(ClaimBuilder *b, const PlanStep *step) {
        const bool lenient = step->flags & STEP_FLAG_LENIENT;
        char limit[64], hard[32] = "";

        if (lenient && step->a != RLIMIT_NOFILE)
                return;
        if (step->c == UINT64_MAX && step->a != RLIMIT_NOFILE)
                (void)snprintf(hard, sizeof(hard), ",hard=infinity");
        else if (step->c != UINT64_MAX && !lenient)
                (void)snprintf(hard, sizeof(hard), ",hard=%llu", (unsigned long long)step->c);
        if (step->b == UINT64_MAX && step->a == RLIMIT_NOFILE)
                return;
        if (step->b == UINT64_MAX)
                (void)snprintf(limit, sizeof(limit), "soft=infinity%s", hard);
        else
                (void)snprintf(limit, sizeof(limit), "soft=%llu%s", (unsigned long long)step->b, hard);
        claim_add(b, (ClaimText){ .topic = TOPIC_PROCESS, .kind = QUESTION_LIMIT, .number = (uint32_t)step->a,
                                  .test = TEST_INCLUDES, .expected = limit },
                  "resource limit %s", plan_resource_to_string(step->a));
}

/* The files of /proc/self, as they were written. */
static void of_process_file(ClaimBuilder *b, const PlanStep *step) {
        char path[64];

        if (step->flags & STEP_FLAG_LENIENT)
                return;
        (void)snprintf(path, sizeof(path), "/proc/self/%s", plan_text(b->process, step->s));
        claim_add(b, (ClaimText){ .topic = TOPIC_PROCESS, .kind = QUESTION_FILE, .text = path,
                                  .expected = plan_text(b->process, step->t) },
                  "%s", plan_text(b->process, step->s));
}

static void of_working_directory(ClaimBuilder *b, const PlanStep *step) {
        const char *path = plan_text(b->process, step->s);
        _cleanup_free_ char *expected = NULL;

        if (str_append(&expected, "%s%s", path, b->spec->exec_directory_missing_ok ? "|missing,/" : "") < 0)
                b->error = -ENOMEM;
        claim_add(b, (ClaimText){ .topic = TOPIC_PROCESS, .kind = QUESTION_WORKING_DIRECTORY, .text = path,
                                  .test = TEST_INCLUDES, .expected = expected },
                  "working directory");
}

static void of_session_keyring(ClaimBuilder *b, const PlanStep *step) {
        char serial[24];

        (void)snprintf(serial, sizeof(serial), "%ld", b->facts->keyring);
        if (b->facts->keyring > 0)
                claim_add(b, (ClaimText){ .topic = TOPIC_KEYRING, .kind = QUESTION_KEYRING, .number = KEYRING_SERIAL,
                                          .test = TEST_DIFFERS, .expected = serial },
                          "session keyring is not the manager's");
        claim_add(b, (ClaimText){ .topic = TOPIC_KEYRING, .kind = QUESTION_KEYRING, .number = KEYRING_NAME,
                                  .expected = "_ses" },
                  "session keyring of its own");
}

static void of_new_session(ClaimBuilder *b, const PlanStep *step) {
        claim_add(b, (ClaimText){ .topic = TOPIC_PROCESS, .kind = QUESTION_SESSION, .expected = "own" },
                  "session of its own");
}

static int compare_words(const void *a, const void *b) {
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "0,1,2" and what is passed, in the order of text, as the probe answers. */
static int descriptors_text(const PlanView *p, char **ret) {
        const PlanStep *passed = find_step(p, STEP_PASS_DESCRIPTORS);
        const size_t n = PLAN_FIRST_PASSED + (passed ? passed->s.size / sizeof(int32_t) : 0);
        _cleanup_strv_ char **l = NULL;

        for (size_t i = 0; i < n; i++) {
                char *number;
                int r;

                if (asprintf(&number, "%zu", i) < 0)
                        return -ENOMEM;
                r = strv_push(&l, number);
                if (r < 0)
                        return r;
        }
        qsort(l, n, sizeof(char *), compare_words);
        *ret = strv_join(l, ",");
        return *ret ? 0 : -ENOMEM;
}

static void of_close_descriptors(ClaimBuilder *b, const PlanStep *step) {
        _cleanup_free_ char *expected = NULL;

        if (descriptors_text(b->process, &expected) < 0) {
                b->error = -ENOMEM;
                return;
        }
        claim_add(b, (ClaimText){ .topic = TOPIC_DESCRIPTORS, .kind = QUESTION_DESCRIPTORS, .expected = expected },
                  "open descriptors");
        claim_add(b, (ClaimText){ .topic = TOPIC_DESCRIPTORS, .kind = QUESTION_DEATH_SIGNAL, .expected = "0" },
                  "no death with the launcher");
}

/* Landlock shows itself nowhere. But it speaks before the capability that making a device node takes: where it denies
 * that, the kernel says EACCES and not EPERM. */
static void of_landlock_restrict(ClaimBuilder *b, const PlanStep *step) {
        static const char *const parents[] = { "/", "/dev", WITNESS };
        const LandlockPolicy *l = &b->policies->landlock;

        if (!(l->handled_fs & LANDLOCK_ACCESS_FS_MAKE_CHAR))
                return;
        for (size_t i = 0; i < l->n_paths; i++)
                for (size_t k = 0; k < ELEMENTSOF(parents); k++)
                        if (streq(l->paths[i].path, parents[k]) && (l->paths[i].access & LANDLOCK_ACCESS_FS_MAKE_CHAR))
                                return;
        claim_add(b, (ClaimText){ .topic = TOPIC_LANDLOCK, .kind = QUESTION_MAKE_NODE, .text = WITNESS,
                                  .expected = "EACCES" },
                  "a ruleset is in force");
}

static void of_execute(ClaimBuilder *b, const PlanStep *step) {
        const char *at = plan_text(b->process, step->u), *end = at + step->u.size;
        _cleanup_free_ char *names = NULL;
        int r = str_append(&names, "%s", "");

        for (; r >= 0 && at < end; at += strlen(at) + 1)
                r = str_append(&names, "%s%.*s", *names ? " " : "", (int)strcspn(at, "="), at);
        if (r < 0)
                b->error = r;
        claim_origin_row(b, DIRECTIVE_Environment);
        claim_add(b, (ClaimText){ .topic = TOPIC_ENVIRONMENT, .kind = QUESTION_ENVIRONMENT, .expected = names },
                  "environment variables");
}

static void of_host_name(ClaimBuilder *b, const PlanStep *step) {
        claim_add(b, (ClaimText){ .topic = TOPIC_PROCESS, .kind = QUESTION_HOST_NAME,
                                  .expected = plan_text(b->start, step->s) },
                  "host name");
}

static void of_loopback_up(ClaimBuilder *b, const PlanStep *step) {
        claim_add(b, (ClaimText){ .topic = TOPIC_NETWORK, .kind = QUESTION_LOOPBACK, .expected = "up" },
                  "loopback interface");
}

typedef void (*StepClaims)(ClaimBuilder *b, const PlanStep *step);
static const StepClaims process_steps[_STEP_KIND_MAX] = {
        [STEP_FILE_MODE_MASK] = of_file_mode_mask,
        [STEP_RESOURCE_LIMIT] = of_resource_limit,
        [STEP_PROCESS_FILE] = of_process_file,
        [STEP_WORKING_DIRECTORY] = of_working_directory,
        [STEP_SESSION_KEYRING] = of_session_keyring,
        [STEP_NEW_SESSION] = of_new_session,
        [STEP_CLOSE_DESCRIPTORS] = of_close_descriptors,
        [STEP_LANDLOCK_RESTRICT] = of_landlock_restrict,
        [STEP_EXECUTE] = of_execute,
};
static const StepClaims start_steps[_STEP_KIND_MAX] = {
        [STEP_HOST_NAME] = of_host_name,
        [STEP_LOOPBACK_UP] = of_loopback_up,
};

static void of_steps(ClaimBuilder *b, const PlanView *plan, const StepClaims *rows) {
        for (uint32_t i = 0; i < plan->header->n_steps; i++) {
                const PlanStep *step = plan->steps + i;

                claim_origin_step(b, plan, step);
                if (rows[step->kind])
                        rows[step->kind](b, step);
        }
}

void claims_of_process(ClaimBuilder *b) {
        namespaces(b, VIEW_PROBE);
        id_maps(b, VIEW_PROBE);
        identity(b);
        capabilities(b, VIEW_PROBE);
        restrictions(b, VIEW_PROBE);
        labels(b, VIEW_PROBE);
        of_steps(b, b->process, process_steps);
        of_steps(b, b->start, start_steps);
}

/* --- what runs already, whatever the probe's own plan did */

static void init_role(ClaimBuilder *b) {
        claim_origin_row(b, DIRECTIVE_ProcessTwo);
        field(b, TOPIC_CAPABILITIES, VIEW_LEADER, TEST_WITHIN, "CapBnd", hex(UINT64_C(1) << CAP_KILL).text,
              "bounding set of the init");
        field(b, TOPIC_CAPABILITIES, VIEW_LEADER, TEST_WITHIN, "CapPrm", hex(UINT64_C(1) << CAP_KILL).text,
              "permitted capabilities of the init");
        field(b, TOPIC_NO_NEW_PRIVILEGES, VIEW_LEADER, TEST_EQUAL, "NoNewPrivs", "1", "no new privileges of the init");
        field(b, TOPIC_FILTER, VIEW_LEADER, TEST_EQUAL, "Seccomp", "2", "a filter is in force on the init");
}

void claims_from_outside(ClaimBuilder *b) {
        namespaces(b, VIEW_LEADER);
        id_maps(b, VIEW_LEADER);
        if (b->facts->leader_is_init)
                init_role(b);
        capabilities(b, VIEW_PAYLOAD);
        restrictions(b, VIEW_PAYLOAD);
        labels(b, VIEW_PAYLOAD);
}
