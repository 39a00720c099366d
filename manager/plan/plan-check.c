/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Linked into the keeper as well: libc only, no allocation. */
#include <errno.h>
#include <string.h>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "manager/plan/plan-format.h"
#include "manager/plan/process-attributes.h"

#define OUTER ACTOR_OUTER
#define INNER ACTOR_INNER
#define PAYLOAD ACTOR_PAYLOAD
#define INIT ACTOR_INIT
static const struct {
        const char *name;
        unsigned actors;
} step_kinds[_STEP_KIND_MAX] = {
#define STEP(kind, name, actors, operands) [STEP_##kind] = { name, actors },
#include "manager/plan/steps.inc"
#undef STEP
};
#undef OUTER
#undef INNER
#undef PAYLOAD
#undef INIT

const char *step_kind_to_string(unsigned kind) {
        return kind < _STEP_KIND_MAX ? step_kinds[kind].name : NULL;
}

unsigned step_kind_actors(unsigned kind) {
        return kind < _STEP_KIND_MAX ? step_kinds[kind].actors : 0;
}

static bool ref_good(const PlanView *p, PlanRef r) {
        /* One NUL follows every reference, so that text is always terminated. */
        return r.offset < p->header->data_size && r.size < p->header->data_size - r.offset &&
               p->data[(size_t)r.offset + r.size] == 0;
}

/* A text operand holds no NUL of its own: what the kernel sees is what was checked. */
static bool text_good(const PlanView *p, PlanRef r) {
        return ref_good(p, r) && !memchr(p->data + r.offset, 0, r.size);
}

static bool slot_good(const PlanView *p, int64_t slot) {
        return slot == PLAN_NO_SLOT || (slot >= 0 && slot < (int64_t)p->header->n_slots);
}

/* Each a slot, and there are no more of them than slots. */
static bool slots_good(const PlanView *p, PlanRef list) {
        const int32_t *slots;

        if (list.size == 0 || list.size % 4 != 0 || list.offset % 4 != 0 || list.size / 4 > p->header->n_slots)
                return false;
        slots = (const int32_t *)(p->data + list.offset);
        for (uint32_t i = 0; i < list.size / 4; i++)
                if (slots[i] == PLAN_NO_SLOT || !slot_good(p, slots[i]))
                        return false;
        return true;
}

/* One of the options that a plan of ours has: the rest of prctl(2) is none of its business. */
static bool control_good(uint64_t option) {
        static const int known[] = { PR_SET_TIMERSLACK, PR_SET_THP_DISABLE, PLAN_SET_MEMORY_MERGE,
                                     PR_SET_TSC,        PR_MCE_KILL,        PLAN_SET_IO_FLUSHER };

        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
                if (option == (uint64_t)known[i])
                        return true;
        return false;
}

static bool file_good(const PlanView *p, const PlanStep *s) {
        static const char *const known[] = { "oom_score_adj", "coredump_filter" };

        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
                if (strcmp(plan_text(p, s->s), known[i]) == 0)
                        return text_good(p, s->s) && text_good(p, s->t) && s->t.size > 0 && s->t.size <= 16;
        return false;
}

/* Names of directories below another one: none leads out of it, and none has what separates them for the kernel. */
static bool layer_good(const char *name) {
        if (*name == 0 || strlen(name) > PLAN_LAYER_NAME_MAX || strpbrk(name, ",:\\\""))
                return false;
        for (const char *p = name;; p++) {
                const size_t n = strcspn(p, "/");

                if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
                        return false;
                p += n;
                if (*p == 0)
                        return true;
        }
}

static bool layers_good(const PlanView *p, const PlanStep *s) {
        const char *list = plan_text(p, s->s), *end = list + s->s.size;
        unsigned n = 0;

        for (const char *name = list; name < end; name += strlen(name) + 1, n++)
                if (!layer_good(name))
                        return false;
        return n > 0 && n <= PLAN_MAX_LAYERS && (n == 1 || s->c == 1);
}

static bool bits_good(PlanRef r) {
        return r.size % 8 == 0 && r.offset % 8 == 0 && r.size <= 1024;
}

/* s, t and u may hold bytes or lists only where the step says so. */
static bool operands_good(const PlanView *p, const PlanStep *s) {
        switch ((StepKind)s->kind) {
        case STEP_EXECUTE: /* lists: every element ends in NUL, the last by the reference's own */
                return (s->s.size > 0) == (s->slot == PLAN_NO_SLOT) && s->t.size > 0;
        case STEP_SECCOMP:
                return s->s.size > 0 && s->s.size % 8 == 0 && s->s.offset % 8 == 0;
        case STEP_IDENTITY: /* the highest number means "keep what is there" to the kernel: the host's root */
                return s->a < UINT32_MAX && s->b < UINT32_MAX && s->s.size % 4 == 0 && s->s.offset % 4 == 0;
        case STEP_PASS_DESCRIPTORS:
                return slots_good(p, s->s);
        case STEP_NEW_FILE_SYSTEM:
                return text_good(p, s->s) && s->slot != PLAN_NO_SLOT;
        case STEP_STANDARD_STREAM:
                return s->a <= 2 && s->slot != PLAN_NO_SLOT;
        case STEP_REACH:
        case STEP_AWAIT:
                return s->a < _SYNC_POINT_MAX;
        case STEP_ATTACH_MASK:
                return s->slot != PLAN_NO_SLOT && text_good(p, s->s);
        case STEP_OVERLAY:
                return s->slot != PLAN_NO_SLOT && slot_good(p, (int64_t)s->b) && s->c <= 1 &&
                       s->d <= p->header->n_slots && (s->s.size > 0 || (s->c == 1 && s->d == 0)) && text_good(p, s->s);
        case STEP_LAYERS:
                return s->slot != PLAN_NO_SLOT && s->b < p->header->n_slots && s->c <= 1 && text_good(p, s->t) && layers_good(p, s);
        case STEP_OPEN_TERMINAL:
                return slot_good(p, (int64_t)s->b) && s->slot != PLAN_NO_SLOT && s->c <= UINT16_MAX && s->d <= UINT16_MAX;
        case STEP_CLONE_TREE:
                return s->slot != PLAN_NO_SLOT && s->b <= p->header->n_slots && text_good(p, s->s);
        case STEP_ENTER_NAMESPACES:
        case STEP_SET_ATTRIBUTES:
        case STEP_ENTER_ROOT:
        case STEP_ATTACH:
        case STEP_MAKE_DIRECTORY:
        case STEP_MAKE_FILE:
        case STEP_MAKE_SYMLINK:
        case STEP_CONTROL_TERMINAL:
                return s->slot != PLAN_NO_SLOT && text_good(p, s->s) && text_good(p, s->t);
        case STEP_MAKE_NODE:
                return s->slot != PLAN_NO_SLOT && text_good(p, s->s) && (s->a & ~(uint64_t)(S_IFBLK | 0666)) == 0;
        case STEP_LANDLOCK_RULESET:
        case STEP_LANDLOCK_RESTRICT:
                return s->slot != PLAN_NO_SLOT;
        case STEP_LANDLOCK_PATH:
                return s->slot != PLAN_NO_SLOT && s->s.size > 0 && text_good(p, s->s);
        case STEP_LANDLOCK_ENTRIES: /* t is a list */
                return s->slot != PLAN_NO_SLOT && s->s.size > 0 && s->t.size > 0 && text_good(p, s->s);
        case STEP_LANDLOCK_PORTS:
                return s->slot != PLAN_NO_SLOT && s->b <= s->c && s->c <= UINT16_MAX;
        case STEP_SECURITY_LABEL:
                return s->a < _LABEL_ATTRIBUTE_MAX && s->t.size > 0 && text_good(p, s->s) && text_good(p, s->t);
        case STEP_FORK_PAYLOAD:
                return s->a <= _INIT_FLAG_ALL && ((s->a & INIT_FORKING) || !(s->a & INIT_STARTER_IGNORED));
        case STEP_SYSCTL:
                return s->slot != PLAN_NO_SLOT && s->s.size > 0 && s->t.size > 0 && text_good(p, s->s) && text_good(p, s->t) &&
                       strncmp(plan_text(p, s->s), "sys/", 4) == 0;
        case STEP_DOMAIN_NAME:
        case STEP_TIME_OFFSETS:
                return s->s.size > 0 && text_good(p, s->s);
        case STEP_PROCESS_FILE:
                return file_good(p, s);
        case STEP_PROCESS_CONTROL:
                return control_good(s->a);
        case STEP_CPU_AFFINITY:
        case STEP_MEMORY_POLICY:
                return bits_good(s->s);
        case STEP_IO_PRIORITY:
                return s->a <= 3 && s->b <= 7;
        case STEP_NICE:
                return (int64_t)s->a >= PRIO_MIN && (int64_t)s->a < PRIO_MAX;
        case STEP_SCHEDULING:
                return s->a <= INT8_MAX && s->b <= 99 && s->c <= 1;
        case STEP_RESOURCE_CEILING:
                return s->a < RLIM_NLIMITS;
        case STEP_RESOURCE_LIMIT:
                return s->a < RLIM_NLIMITS && s->b <= s->c;
        case STEP_USER_KEYRING:
                return s->a < UINT32_MAX && s->b < UINT32_MAX;
        case STEP_SECURE_BITS:
                return s->a <= UINT8_MAX;
        case STEP_SIGNALS:
        case STEP_PERSONALITY:
        case STEP_CORE_SCHEDULING:
        case STEP_PRIVATE_MOUNTS:
        case STEP_CLONE_INNER:
        case STEP_WRITE_ID_MAPS:
        case STEP_AWAIT_GO:
        case STEP_BECOME_ROOT:
        case STEP_MAKE_MOUNTPOINT:
        case STEP_LOCK_MOUNTS:
        case STEP_ADOPT_MOUNTS:
        case STEP_LOOPBACK_UP:
        case STEP_HOST_NAME:
        case STEP_SESSION_KEYRING:
        case STEP_NEW_SESSION:
        case STEP_FILE_MODE_MASK:
        case STEP_WORKING_DIRECTORY:
        case STEP_CLOSE_DESCRIPTORS:
        case STEP_BOUNDING_SET:
        case STEP_CAPABILITIES:
        case STEP_NO_NEW_PRIVILEGES:
                return text_good(p, s->s) && text_good(p, s->t);
        case _STEP_KIND_MAX:
                break;
        }
        return false;
}

static bool step_good(const PlanView *p, const PlanStep *s) {
        if (s->kind >= _STEP_KIND_MAX || (s->flags & ~STEP_FLAGS_ALL) || s->reserved != 0)
                return false;
        /* Exactly one actor, and one that may. */
        if ((s->actor & (s->actor - 1)) != 0 || !(s->actor & step_kinds[s->kind].actors))
                return false;
        if (!slot_good(p, s->slot) || !ref_good(p, s->s) || !ref_good(p, s->t) || !ref_good(p, s->u))
                return false;
        if (!text_good(p, s->origin_file) || !text_good(p, s->origin_directive))
                return false;
        return operands_good(p, s);
}

/* The last step of the payload, and only it, is EXECUTE; outer clones inner exactly once. */
static bool order_good(const PlanView *p) {
        unsigned clones = 0, executes = 0, forks = 0;

        for (uint32_t i = 0; i < p->header->n_steps; i++) {
                const PlanStep *s = p->steps + i;

                if (s->actor != ACTOR_OUTER && clones == 0)
                        return false;
                if (s->actor == ACTOR_INNER && forks > 0)
                        return false;
                clones += s->kind == STEP_CLONE_INNER;
                executes += s->kind == STEP_EXECUTE;
                forks += s->kind == STEP_FORK_PAYLOAD;
                if (s->kind == STEP_EXECUTE && i + 1 != p->header->n_steps)
                        return false;
        }
        return clones == 1 && executes == 1 && forks == (p->header->flags & PLAN_FLAG_INIT_ROLE ? 1 : 0);
}

int plan_check(const void *data, size_t size, PlanView *ret) {
        const PlanHeader *h = data;
        const unsigned flags = PLAN_FLAG_JOIN | PLAN_FLAG_INIT_ROLE | PLAN_FLAG_AWAITS_GO | PLAN_FLAG_TRIAL;
        PlanView p = { .header = h };
        uint64_t expected;

        if (size < sizeof(PlanHeader) || size > PLAN_MAX_SIZE || ((uintptr_t)data & 7) != 0)
                return -EBADMSG;
        if (h->magic != PLAN_MAGIC || h->version != PLAN_VERSION || h->size != size || (h->flags & ~flags))
                return -EBADMSG;
        if (h->n_slots > PLAN_MAX_SLOTS || h->n_steps == 0 || h->n_steps > PLAN_MAX_STEPS)
                return -EBADMSG;
        if (h->stop_signal < 1 || h->stop_signal > 64)
                return -EBADMSG;
        expected = sizeof(PlanHeader) + (uint64_t)h->n_slots * sizeof(PlanSlot) +
                   (uint64_t)h->n_steps * sizeof(PlanStep) + h->data_size;
        if (h->data_size == 0 || expected != size)
                return -EBADMSG;

        p.slots = (const PlanSlot *)(h + 1);
        p.steps = (const PlanStep *)(p.slots + h->n_slots);
        p.data = (const char *)(p.steps + h->n_steps);
        if (p.data[h->data_size - 1] != 0)
                return -EBADMSG;

        for (uint32_t i = 0; i < h->n_slots; i++) {
                const PlanSlot *s = p.slots + i;

                if (s->kind >= _SLOT_KIND_MAX || !text_good(&p, s->path) || !text_good(&p, s->name) ||
                    !text_good(&p, s->origin_file))
                        return -EBADMSG;
        }
        for (uint32_t i = 0; i < h->n_steps; i++)
                if (!step_good(&p, p.steps + i))
                        return -EBADMSG;
        if (!order_good(&p))
                return -EBADMSG;

        *ret = p;
        return 0;
}
