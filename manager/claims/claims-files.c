/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Claims about the file system: the plan's mounts are played through, and what each path comes to is claimed. */
#include <linux/capability.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/stat.h>

#include "manager/base/string-list.h"
#include "manager/claims/claims-build.h"

#define ID_MAPPED (UINT64_C(1) << 63)

static const struct {
        uint64_t attribute;
        const char *word;
} attribute_words[] = {
        { MOUNT_ATTR_RDONLY, "ro" },     { MOUNT_ATTR_NOSUID, "nosuid" }, { MOUNT_ATTR_NODEV, "nodev" },
        { MOUNT_ATTR_NOEXEC, "noexec" }, { ID_MAPPED, "idmapped" },
};

/* One slot of the plan, as a mount. */
typedef struct Mount {
        const char *path, *type; /* NULL: attached nowhere; any type */
        uint64_t attributes;
        bool optional;
        bool socket; /* which is no file that could be opened */
        uint32_t step; /* that attached it */
} Mount;

typedef struct Mounts {
        Mount *items; /* one a slot */
        size_t n;
} Mounts;

static void play_step(const PlanView *p, uint32_t i, Mounts *m) {
        const PlanStep *s = p->steps + i;
        Mount *at = s->slot >= 0 ? m->items + s->slot : NULL;

        switch ((StepKind)s->kind) {
        case STEP_NEW_FILE_SYSTEM:
                at->type = plan_text(p, s->s);
                at->attributes = s->a;
                break;
        case STEP_SET_ATTRIBUTES:
                at->attributes = (at->attributes & ~s->b) | s->a | (s->flags & STEP_FLAG_IDMAP ? ID_MAPPED : 0);
                break;
        case STEP_OVERLAY: /* a new mount over a directory; a file keeps the one that it had */
                at->attributes &= s->a;
                break;
        case STEP_LAYERS: /* the same, but where one directory takes the place of the tree */
                if (s->c || s->t.size > 0)
                        at->attributes &= s->a;
                break;
        case STEP_ENTER_ROOT:
        case STEP_ATTACH:
                /* What is attached over another one hides it. */
                for (size_t k = 0; k < m->n; k++)
                        if (s->kind == STEP_ATTACH && m->items[k].path && streq(m->items[k].path, plan_text(p, s->s)))
                                m->items[k].path = NULL;
                at->path = s->kind == STEP_ENTER_ROOT ? "/" : plan_text(p, s->s);
                at->optional = s->flags & (STEP_FLAG_OPTIONAL | STEP_FLAG_LENIENT);
                at->step = i;
                at->socket = p->slots[s->slot].kind == SLOT_NOTIFY || p->slots[s->slot].kind == SLOT_LOG;
                break;
        default: /* makes no mount */
                break;
        }
}

static bool is_below(const char *path, const char *parent) {
        const char *rest = startswith(path, parent);

        return rest && *rest == '/';
}

/* Under a mask nothing can be seen; that it is masked is a claim of its own. */
static bool is_masked(const PlanView *p, const char *path) {
        for (uint32_t i = 0; i < p->header->n_steps; i++)
                if (p->steps[i].kind == STEP_ATTACH_MASK) {
                        const char *mask = plan_text(p, p->steps[i].s);

                        if (streq(path, mask) || is_below(path, mask))
                                return true;
                }
        return false;
}

static int expected_flags(const Mount *m, char **ret) {
        _cleanup_free_ char *s = NULL;
        int r = str_append(&s, "private");

        if (r >= 0 && m->type)
                r = str_append(&s, ",type=%s", m->type);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(attribute_words); i++)
                if (m->attributes & attribute_words[i].attribute)
                        r = str_append(&s, ",%s", attribute_words[i].word);
        /* Where the user is not let in, nothing is left to promise. */
        if (r >= 0)
                r = str_append(&s, "|EACCES%s", m->optional ? "|ENOENT" : "");
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

static void of_mount(ClaimBuilder *b, const Mount *m) {
        _cleanup_free_ char *expected = NULL;

        claim_origin_step(b, b->start, b->start->steps + m->step);
        if (expected_flags(m, &expected) < 0) {
                b->error = -ENOMEM;
                return;
        }
        claim_add(b, (ClaimText){ .topic = TOPIC_MOUNT, .kind = QUESTION_MOUNT, .text = m->path,
                                  .test = TEST_INCLUDES, .expected = expected },
                  "mount of %s", m->path);
        if ((m->attributes & MOUNT_ATTR_RDONLY) && !m->socket)
                claim_add(b, (ClaimText){ .topic = TOPIC_READ_ONLY, .kind = QUESTION_WRITE, .text = m->path,
                                          .test = TEST_INCLUDES,
                                          .expected = m->optional ? "EROFS|EACCES|ENOENT" : "EROFS|EACCES" },
                          "%s cannot be written to", m->path);
        else if ((m->attributes & MOUNT_ATTR_NOEXEC) && m->type && streq(m->type, "tmpfs"))
                claim_add(b, (ClaimText){ .topic = TOPIC_NO_EXEC, .kind = QUESTION_MAP_EXECUTABLE, .text = m->path,
                                          .test = TEST_INCLUDES, .expected = "EPERM|EACCES" },
                          "nothing in %s can be executed", m->path);
}

static void of_mask(ClaimBuilder *b, const PlanStep *s) {
        const char *path = plan_text(b->start, s->s);
        _cleanup_free_ char *expected = NULL;

        claim_origin_step(b, b->start, s);
        if (str_append(&expected,
                       "type=tmpfs,root=/" PLAN_MASK_FILE ",ro|type=tmpfs,root=/" PLAN_MASK_DIRECTORY ",ro|EACCES%s",
                       s->flags & STEP_FLAG_OPTIONAL ? "|ENOENT" : "") < 0) {
                b->error = -ENOMEM;
                return;
        }
        claim_add(b, (ClaimText){ .topic = TOPIC_MASK, .kind = QUESTION_MOUNT, .text = path, .test = TEST_INCLUDES,
                                  .expected = expected },
                  "%s is masked", path);
        claim_add(b, (ClaimText){ .topic = TOPIC_MASK, .kind = QUESTION_READ, .text = path, .test = TEST_INCLUDES,
                                  .expected = s->flags & STEP_FLAG_OPTIONAL ? "empty|EACCES|ENOENT" : "empty|EACCES" },
                  "%s shows nothing", path);
}

/* --- devices */

static int add_name(char ***names, const char *path) {
        size_t n = strcspn(path, "/");
        _cleanup_free_ char *name = strndup(path, n);

        if (!name)
                return -ENOMEM;
        return strv_contains(*names, name) ? 0 : strv_extend(names, name);
}

static int compare(const void *x, const void *y) {
        const char *const *a = x, *const *b = y;

        return strcmp(*a, *b);
}

/* The container's /dev: the slot that the masks are taken from. */
static int device_names(const PlanView *p, const Mounts *m, char **ret) {
        _cleanup_strv_ char **names = NULL;
        int r = 0;

        for (uint32_t i = 0; r >= 0 && i < p->header->n_steps; i++) {
                const PlanStep *s = p->steps + i;
                const char *text = plan_text(p, s->s), *below;
                bool in_dev = s->slot >= 0 && m->items[s->slot].path && streq(m->items[s->slot].path, "/dev");

                if (in_dev && (s->kind == STEP_MAKE_NODE || s->kind == STEP_MAKE_SYMLINK ||
                               s->kind == STEP_MAKE_DIRECTORY || s->kind == STEP_MAKE_FILE))
                        r = add_name(&names, text);
                else if (s->kind == STEP_MAKE_MOUNTPOINT && (below = startswith(text, "/dev/")))
                        r = add_name(&names, below);
        }
        if (r >= 0 && names)
                qsort(names, strv_length(names), sizeof(char *), compare);
        if (r >= 0)
                *ret = strv_join(names, ",");
        return r < 0 ? r : *ret ? 0 : -ENOMEM;
}

static void of_node(ClaimBuilder *b, const PlanStep *s) {
        const char *name = plan_text(b->start, s->s);
        _cleanup_free_ char *path = NULL;
        char number[48];

        if (str_append(&path, "/dev/%s", name) < 0) {
                b->error = -ENOMEM;
                return;
        }
        (void)snprintf(number, sizeof(number), "%s %u:%u", S_ISBLK((mode_t)s->a) ? "block" : "char", (unsigned)(s->b >> 32), (unsigned)s->b);
        claim_add(b, (ClaimText){ .topic = TOPIC_DEVICE, .kind = QUESTION_DEVICE, .text = path, .expected = number },
                  "device %s", path);
        /* What opening a device of the unit's does, its driver says. */
        if (s->origin_file.size > 0)
                return;
        /* /dev/tty answers only who has a terminal. */
        claim_add(b, (ClaimText){ .topic = TOPIC_DEVICE, .kind = QUESTION_OPEN, .text = path, .test = TEST_INCLUDES,
                                  .expected = streq(name, "tty") ? "ok|ENXIO" : "ok" },
                  "device %s can be opened", path);
}

static void devices(ClaimBuilder *b, const Mounts *m) {
        _cleanup_free_ char *names = NULL;

        for (uint32_t i = 0; i < b->start->header->n_steps; i++)
                if (b->start->steps[i].kind == STEP_MAKE_NODE) {
                        claim_origin_step(b, b->start, b->start->steps + i);
                        of_node(b, b->start->steps + i);
                }
        claim_origin_none(b);
        if (device_names(b->start, m, &names) < 0) {
                b->error = -ENOMEM;
                return;
        }
        /* An init may have made more there since. */
        claim_add(b, (ClaimText){ .topic = TOPIC_DEVICE, .kind = QUESTION_LIST, .text = "/dev",
                                  .test = b->spec->boot ? TEST_INCLUDES : TEST_EQUAL, .expected = names },
                  "what stands in /dev");
        /* The kernel refuses it to whoever is in a user namespace, and else to who lacks CAP_MKNOD. */
        if (!(b->policies->capabilities.bounding & (UINT64_C(1) << CAP_MKNOD)))
                claim_add(b, (ClaimText){ .topic = TOPIC_DEVICE, .kind = QUESTION_MAKE_NODE, .text = "/dev/shm",
                                          .test = TEST_INCLUDES, .expected = "EPERM|EACCES|EROFS" },
                          "no device node can be made");
}

void claims_of_files(ClaimBuilder *b) {
        const PlanView *p = b->start;
        Mounts m = { .items = calloc(p->header->n_slots + 1, sizeof(Mount)), .n = p->header->n_slots };

        if (!m.items) {
                b->error = -ENOMEM;
                return;
        }
        for (uint32_t i = 0; i < p->header->n_steps; i++)
                play_step(p, i, &m);
        for (size_t i = 0; i < m.n; i++)
                if (m.items[i].path && !is_masked(p, m.items[i].path))
                        of_mount(b, m.items + i);
        for (uint32_t i = 0; i < p->header->n_steps; i++)
                if (p->steps[i].kind == STEP_ATTACH_MASK)
                        of_mask(b, p->steps + i);
        devices(b, &m);
        free(m.items);
}
