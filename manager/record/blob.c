/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/codec.h"
#include "manager/base/string-list.h"
#include "manager/record/blob.h"
#include "units/syntax/unit-load.h"

#define MAGIC UINT32_C(0x424c5742) /* "BWLB" */
#define VERSION 1

/* never renumbered */
typedef enum Tag {
        TAG_NAME = 1,
        TAG_INVOCATION,
        TAG_UNIT_TEXT,
        TAG_STREAM,
        /* what spec_resolve() looked up: the root may have changed since */
        TAG_UID = 32,
        TAG_GID,
        TAG_GROUPS,
        TAG_USER_NAME,
        TAG_HOME,
        TAG_SHELL,
        TAG_ENVIRONMENT,
        TAG_DIRECTORY,
        TAG_RESOLVED_FLAGS,
        TAG_HOST_MEMORY,
        TAG_HOST_TASKS,
        TAG_MAC,
        TAG_SECCOMP_PROFILE,
        TAG_EXPOSED_TREE,
        TAG_DEVICE_RULE,
        TAG_LAYERS_PATH,
        TAG_LAYER,
        /* one number each */
        TAG_ID_BASE = 64,
        TAG_ID_COUNT,
        TAG_LEADER,
        TAG_START_REALTIME,
        TAG_START_MONOTONIC,
        TAG_ACTIVE_REALTIME,
        TAG_ACTIVE_MONOTONIC,
        TAG_SEQUENCE,
        TAG_FLAGS,
        TAG_STOP_DEADLINE,
        TAG_KILL_REASON,
        TAG_RESTARTS,
        TAG_LIMIT_SINCE,
        TAG_LIMIT_COUNT,
        TAG_NOTIFY_WATCHDOG,
        TAG_NOTIFY_ERROR,
        TAG_NOTIFY_EXIT,
        TAG_DOOM,
        TAG_HEALTH_STATE,
        TAG_HEALTH_STREAK,
        TAG_COMMAND_KIND,
        TAG_COMMAND_INDEX,
        TAG_EXIT_CODE,
        TAG_EXIT_STATUS,
        TAG_EXIT_REALTIME,
        TAG_EXIT_MONOTONIC,
        TAG_START_UNTIL,
        TAG_RUN_UNTIL,
        TAG_OOM_KILLS,
        TAG_STATE_CHANGE,
        TAG_INACTIVE_REALTIME,
        TAG_INACTIVE_MONOTONIC,
        /* mandatory access control */
        TAG_APPARMOR_PROFILE = 96,
        TAG_SELINUX_CONTEXT,
        TAG_SELINUX_FILE_CONTEXT,
        TAG_POLICY_DIGEST,
        TAG_APPARMOR_CONTENT,
        /* what the container said */
        TAG_NOTIFY_FLAGS = 112,
        TAG_NOTIFY_STATUS,
        TAG_HEALTH_STARTUP_GOOD = 120,
        TAG_HEALTH_STARTUP_BAD,
        TAG_NETWORK_ADDRESS = 160, /* family, length, then the address; one each */
        TAG_MAIN,
} Tag;
_Static_assert(TAG_INACTIVE_MONOTONIC < TAG_APPARMOR_PROFILE, "one tag for two things");

enum { FLAG_STOP = 1, FLAG_RESTART = 2, FLAG_JOURNAL = 4, FLAG_VERIFIED = 8, FLAG_MAC_LOST = 16, FLAG_FAMILY = 32,
       FLAG_ABORTING = 64, FLAG_ALONE = 128, FLAG_APPARMOR_ENFORCED = 256, FLAG_SELINUX_ENFORCED = 512 };
enum { NOTIFY_FLAG_HELD = 1, NOTIFY_FLAG_READY = 2, NOTIFY_FLAG_RELOADING = 4 };
enum { RESOLVED_MISSING_OK = 1, RESOLVED_INIT_ROLE = 2, RESOLVED_DEVICES_FILTERED = 4 };

/* A rule of DeviceAllow= as it is stored. */
typedef struct StoredRule {
        uint32_t block, major, minor, mode, access;
        uint32_t item; /* whose name the node has; UINT32_MAX = no node is made */
} StoredRule;
enum { MAC_APPARMOR = 1, MAC_SELINUX = 2, MAC_REQUIRED = 4, MAC_LANDLOCK_SHIFT = 8 }; /* the Landlock ABI above */

void blob_done(Blob *b) {
        free(b->name);
        free(b->unit_text);
        free(b->notify.status);
        policy_labels_done(&b->labels);
        if (b->spec)
                (void)container_spec_unref((ContainerSpec *)b->spec);
        *b = (Blob){};
}

static void encode_device_rule(Encoder *e, const ContainerSpec *s, const DeviceRule *rule) {
        StoredRule stored = { rule->block, rule->major, rule->minor, rule->mode, rule->access, UINT32_MAX };

        for (size_t i = 0; rule->node && i < s->device_allow.n; i++)
                if (streq(s->device_allow.items[i].name, rule->node))
                        stored.item = (uint32_t)i;
        encode_bytes(e, TAG_DEVICE_RULE, &stored, sizeof(stored));
}

static void encode_resolved(Encoder *e, const ContainerSpec *s) {
        encode_u64(e, TAG_UID, s->identity.uid);
        encode_u64(e, TAG_GID, s->identity.gid);
        encode_bytes(e, TAG_GROUPS, s->identity.groups, s->identity.n_groups * sizeof(gid_t));
        encode_string(e, TAG_USER_NAME, s->identity.user_name);
        encode_string(e, TAG_HOME, s->identity.home);
        encode_string(e, TAG_SHELL, s->identity.shell);
        for (size_t i = 0; i < strv_length(s->exec_environment); i++)
                encode_string(e, TAG_ENVIRONMENT, s->exec_environment[i]);
        encode_string(e, TAG_DIRECTORY, s->exec_directory);
        encode_u64(e, TAG_RESOLVED_FLAGS,
                   (s->exec_directory_missing_ok ? RESOLVED_MISSING_OK : 0) |
                           (s->init_role ? RESOLVED_INIT_ROLE : 0) |
                           (s->devices_filtered ? RESOLVED_DEVICES_FILTERED : 0));
        encode_u64(e, TAG_HOST_MEMORY, s->host_memory);
        encode_u64(e, TAG_HOST_TASKS, s->host_tasks);
        encode_string(e, TAG_SECCOMP_PROFILE, s->seccomp_profile_text);
        encode_string(e, TAG_EXPOSED_TREE, s->exposed_tree.path);
        encode_string(e, TAG_LAYERS_PATH, s->layers_path);
        for (char *const *layer = s->layers; layer && *layer; layer++)
                encode_string(e, TAG_LAYER, *layer);
        for (size_t i = 0; i < s->n_device_rules; i++)
                encode_device_rule(e, s, s->device_rules + i);
        encode_u64(e, TAG_MAC,
                   (s->mac.apparmor ? MAC_APPARMOR : 0) | (s->mac.selinux ? MAC_SELINUX : 0) |
                           (s->mac.required ? MAC_REQUIRED : 0) |
                           (uint64_t)s->mac.landlock_abi << MAC_LANDLOCK_SHIFT);
}

static void encode_notify(Encoder *e, const Blob *b) {
        encode_u64(e, TAG_NOTIFY_FLAGS,
                   (b->holds_notify ? NOTIFY_FLAG_HELD : 0) | (b->notify.ready ? NOTIFY_FLAG_READY : 0) |
                           (b->notify.reloading ? NOTIFY_FLAG_RELOADING : 0));
        encode_string(e, TAG_NOTIFY_STATUS, b->notify.status);
        encode_u64(e, TAG_NOTIFY_WATCHDOG, b->notify.watchdog_usec);
        encode_u64(e, TAG_NOTIFY_ERROR, b->notify.error);
        encode_u64(e, TAG_NOTIFY_EXIT, b->notify.exit_status);
        encode_u64(e, TAG_MAIN, b->notify.main);
        encode_u64(e, TAG_START_UNTIL, b->notify.start_until);
        encode_u64(e, TAG_RUN_UNTIL, b->notify.run_until);
}

int blob_encode(const Blob *b, void **ret, size_t *ret_size) {
        _cleanup_(encoder_done) Encoder e = {};
        _cleanup_free_ char *text = NULL;
        int r;

        encoder_begin(&e, MAGIC, VERSION);
        encode_string(&e, TAG_NAME, b->name);
        encode_bytes(&e, TAG_INVOCATION, &b->invocation, sizeof(b->invocation));
        if (b->spec) {
                r = container_spec_print(b->spec, &text);
                if (r < 0)
                        return r;
                encode_string(&e, TAG_UNIT_TEXT, text);
                encode_resolved(&e, b->spec);
        }
        encode_u64(&e, TAG_ID_BASE, b->id_base);
        encode_u64(&e, TAG_ID_COUNT, b->id_count);
        encode_u64(&e, TAG_LEADER, (uint64_t)b->leader);
        encode_u64(&e, TAG_START_REALTIME, b->start_realtime);
        encode_u64(&e, TAG_START_MONOTONIC, b->start_monotonic);
        encode_u64(&e, TAG_ACTIVE_REALTIME, b->active_realtime);
        encode_u64(&e, TAG_ACTIVE_MONOTONIC, b->active_monotonic);
        encode_u64(&e, TAG_INACTIVE_REALTIME, b->inactive_realtime);
        encode_u64(&e, TAG_INACTIVE_MONOTONIC, b->inactive_monotonic);
        encode_u64(&e, TAG_STATE_CHANGE, b->state_change);
        encode_u64(&e, TAG_SEQUENCE, b->sequence);
        encode_u64(&e, TAG_FLAGS,
                   (b->stop_requested ? FLAG_STOP : 0) | (b->restart ? FLAG_RESTART : 0) |
                           (b->logs_to_journal ? FLAG_JOURNAL : 0) | (b->verified ? FLAG_VERIFIED : 0) |
                           (b->mac_lost ? FLAG_MAC_LOST : 0) | (b->labels.family ? FLAG_FAMILY : 0) |
                           (b->aborting ? FLAG_ABORTING : 0) | (b->command_alone ? FLAG_ALONE : 0) |
                           (b->labels.apparmor_enforced ? FLAG_APPARMOR_ENFORCED : 0) |
                           (b->labels.selinux_enforced ? FLAG_SELINUX_ENFORCED : 0));
        encode_string(&e, TAG_APPARMOR_PROFILE, b->labels.apparmor_profile);
        encode_string(&e, TAG_SELINUX_CONTEXT, b->labels.selinux_context);
        encode_string(&e, TAG_SELINUX_FILE_CONTEXT, b->labels.selinux_file_context);
        encode_string(&e, TAG_APPARMOR_CONTENT, b->labels.apparmor_content);
        encode_bytes(&e, TAG_POLICY_DIGEST, &b->policy_digest, sizeof(b->policy_digest));
        encode_u64(&e, TAG_STOP_DEADLINE, b->stop_deadline);
        encode_u64(&e, TAG_KILL_REASON, b->kill_reason);
        encode_u64(&e, TAG_DOOM, b->doom);
        encode_u64(&e, TAG_RESTARTS, b->n_restarts);
        encode_u64(&e, TAG_LIMIT_SINCE, b->start_limit.since);
        encode_u64(&e, TAG_LIMIT_COUNT, b->start_limit.count);
        encode_notify(&e, b);
        for (size_t i = 0; i < b->network.n; i++)
                encode_bytes(&e, TAG_NETWORK_ADDRESS, &b->network.items[i], sizeof(IpPrefix));
        encode_u64(&e, TAG_HEALTH_STATE, b->health.state);
        encode_u64(&e, TAG_HEALTH_STREAK, b->health.streak);
        encode_u64(&e, TAG_HEALTH_STARTUP_GOOD, b->health.startup_good);
        encode_u64(&e, TAG_HEALTH_STARTUP_BAD, b->health.startup_bad);
        encode_u64(&e, TAG_COMMAND_KIND, b->command_kind);
        encode_u64(&e, TAG_COMMAND_INDEX, b->command_index);
        encode_u64(&e, TAG_OOM_KILLS, b->oom_kills);
        encode_u64(&e, TAG_EXIT_CODE, b->exit_code);
        encode_u64(&e, TAG_EXIT_STATUS, b->exit_status);
        encode_u64(&e, TAG_EXIT_REALTIME, b->exit_realtime);
        encode_u64(&e, TAG_EXIT_MONOTONIC, b->exit_monotonic);
        for (size_t i = 0; i < b->n_streams; i++)
                encode_u64(&e, TAG_STREAM,
                           (uint64_t)b->streams[i].from << 48 | (uint64_t)b->streams[i].sink << 32 | (uint32_t)b->streams[i].origin);
        r = encoder_finish(&e);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(e.data);
        *ret_size = e.size;
        return 0;
}

/* --- decoding: numbers by a table, the rest by hand */

static const struct {
        uint16_t tag;
        size_t offset, size;
} numbers[] = {
#define NUMBER(tag, field)                                                                                  \
        { tag, offsetof(Blob, field), sizeof(((Blob *)NULL)->field) }
        NUMBER(TAG_ID_BASE, id_base),
        NUMBER(TAG_ID_COUNT, id_count),
        NUMBER(TAG_LEADER, leader),
        NUMBER(TAG_START_REALTIME, start_realtime),
        NUMBER(TAG_START_MONOTONIC, start_monotonic),
        NUMBER(TAG_ACTIVE_REALTIME, active_realtime),
        NUMBER(TAG_ACTIVE_MONOTONIC, active_monotonic),
        NUMBER(TAG_INACTIVE_REALTIME, inactive_realtime),
        NUMBER(TAG_INACTIVE_MONOTONIC, inactive_monotonic),
        NUMBER(TAG_STATE_CHANGE, state_change),
        NUMBER(TAG_SEQUENCE, sequence),
        NUMBER(TAG_DOOM, doom),
        NUMBER(TAG_RESTARTS, n_restarts),
        NUMBER(TAG_LIMIT_SINCE, start_limit.since),
        NUMBER(TAG_LIMIT_COUNT, start_limit.count),
        NUMBER(TAG_STOP_DEADLINE, stop_deadline),
        NUMBER(TAG_KILL_REASON, kill_reason),
        NUMBER(TAG_NOTIFY_WATCHDOG, notify.watchdog_usec),
        NUMBER(TAG_NOTIFY_ERROR, notify.error),
        NUMBER(TAG_NOTIFY_EXIT, notify.exit_status),
        NUMBER(TAG_MAIN, notify.main),
        NUMBER(TAG_START_UNTIL, notify.start_until),
        NUMBER(TAG_RUN_UNTIL, notify.run_until),
        NUMBER(TAG_HEALTH_STATE, health.state),
        NUMBER(TAG_HEALTH_STREAK, health.streak),
        NUMBER(TAG_HEALTH_STARTUP_GOOD, health.startup_good),
        NUMBER(TAG_HEALTH_STARTUP_BAD, health.startup_bad),
        NUMBER(TAG_COMMAND_KIND, command_kind),
        NUMBER(TAG_COMMAND_INDEX, command_index),
        NUMBER(TAG_OOM_KILLS, oom_kills),
        NUMBER(TAG_EXIT_CODE, exit_code),
        NUMBER(TAG_EXIT_STATUS, exit_status),
        NUMBER(TAG_EXIT_REALTIME, exit_realtime),
        NUMBER(TAG_EXIT_MONOTONIC, exit_monotonic),
#undef NUMBER
};

static int decode_number(Blob *b, const Field *f, bool *ret_found) {
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
                void *at = (char *)b + numbers[i].offset;
                uint64_t v;
                int r;

                if (numbers[i].tag != f->tag)
                        continue;
                r = field_u64(f, &v);
                if (r < 0)
                        return r;
                if (numbers[i].size == sizeof(uint32_t)) {
                        if (v > UINT32_MAX)
                                return -EBADMSG;
                        memcpy(at, &(uint32_t){ (uint32_t)v }, sizeof(uint32_t));
                } else
                        memcpy(at, &v, sizeof(v));
                *ret_found = true;
                return 0;
        }
        *ret_found = false;
        return 0;
}

/* The resolved part, kept until the text was parsed. */
typedef struct Resolved {
        Identity identity;
        char **environment;
        char *directory, *seccomp_profile, *exposed_tree, *layers_path;
        char **layers;
        uint64_t flags, memory, tasks, mac;
        StoredRule *rules;
        size_t n_rules;
} Resolved;

static void resolved_done(Resolved *r) {
        free(r->identity.groups);
        free(r->identity.user_name);
        free(r->identity.home);
        free(r->identity.shell);
        (void)strv_free(r->environment);
        free(r->directory);
        free(r->seccomp_profile);
        free(r->exposed_tree);
        free(r->layers_path);
        (void)strv_free(r->layers);
        free(r->rules);
        *r = (Resolved){};
}

static int replace_string(const Field *f, char **s) {
        free(*s);
        *s = NULL;
        return field_string(f, s);
}

static int decode_id(const Field *f, uint32_t *ret) {
        uint64_t v;
        int r = field_u64(f, &v);

        if (r < 0 || v > UINT32_MAX)
                return r < 0 ? r : -EBADMSG;
        *ret = (uint32_t)v;
        return 0;
}

static int decode_groups(const Field *f, Identity *id) {
        if (f->size % sizeof(gid_t) != 0)
                return -EBADMSG;
        free(id->groups);
        id->n_groups = f->size / sizeof(gid_t);
        id->groups = f->size > 0 ? malloc(f->size) : NULL;
        if (f->size > 0 && !id->groups)
                return -ENOMEM;
        if (f->size > 0)
                memcpy(id->groups, f->data, f->size);
        return 0;
}

static int decode_device_rule(Resolved *d, const Field *f) {
        StoredRule *grown;

        if (f->size != sizeof(StoredRule))
                return -EBADMSG;
        grown = reallocarray(d->rules, d->n_rules + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        d->rules = grown;
        memcpy(grown + d->n_rules++, f->data, sizeof(*grown));
        return 0;
}

/* A node is called as its item in the unit. */
static int restore_device_rules(const Resolved *d, ContainerSpec *s) {
        s->device_rules = d->n_rules > 0 ? calloc(d->n_rules, sizeof(DeviceRule)) : NULL;
        if (d->n_rules > 0 && !s->device_rules)
                return -ENOMEM;
        for (; s->n_device_rules < d->n_rules; s->n_device_rules++) {
                const StoredRule *r = d->rules + s->n_device_rules;

                s->device_rules[s->n_device_rules] = (DeviceRule){
                        .node = r->item < s->device_allow.n ? s->device_allow.items[r->item].name : NULL,
                        .block = r->block != 0, .major = r->major, .minor = r->minor, .mode = r->mode, .access = r->access,
                        .origin = s->origins[DIRECTIVE_DeviceAllow],
                };
        }
        return 0;
}

static int decode_resolved(Resolved *d, const Field *f) {
        char *s = NULL;
        int r;

        switch (f->tag) {
        case TAG_UID:
                return decode_id(f, &d->identity.uid);
        case TAG_GID:
                return decode_id(f, &d->identity.gid);
        case TAG_GROUPS:
                return decode_groups(f, &d->identity);
        case TAG_USER_NAME:
                return replace_string(f, &d->identity.user_name);
        case TAG_HOME:
                return replace_string(f, &d->identity.home);
        case TAG_SHELL:
                return replace_string(f, &d->identity.shell);
        case TAG_ENVIRONMENT:
                r = field_string(f, &s);
                return r < 0 ? r : strv_push(&d->environment, s);
        case TAG_DIRECTORY:
                return replace_string(f, &d->directory);
        case TAG_SECCOMP_PROFILE:
                return replace_string(f, &d->seccomp_profile);
        case TAG_EXPOSED_TREE:
                return replace_string(f, &d->exposed_tree);
        case TAG_LAYERS_PATH:
                return replace_string(f, &d->layers_path);
        case TAG_LAYER:
                r = field_string(f, &s);
                return r < 0 ? r : strv_push(&d->layers, s);
        case TAG_DEVICE_RULE:
                return decode_device_rule(d, f);
        case TAG_RESOLVED_FLAGS:
                return field_u64(f, &d->flags);
        case TAG_HOST_MEMORY:
                return field_u64(f, &d->memory);
        case TAG_HOST_TASKS:
                return field_u64(f, &d->tasks);
        case TAG_MAC:
                return field_u64(f, &d->mac);
        default:
                return 0; /* of a newer manager */
        }
}

static int decode_stream(Blob *b, const Field *f) {
        uint64_t v;
        int r = field_u64(f, &v);

        if (r < 0)
                return r;
        if (v >> 48 >= _LOG_SOURCE_MAX || (v >> 32 & UINT16_MAX) >= _LOG_SINK_MAX || b->n_streams == LOG_STREAMS_MAX)
                return -EBADMSG;
        b->streams[b->n_streams++] = (BlobStream){ .from = (LogSource)(v >> 48), .sink = (LogSink)(v >> 32 & UINT16_MAX),
                                                   .origin = (LogOrigin)(uint32_t)v };
        return 0;
}

_Static_assert(sizeof(IpPrefix) == 18, "bytes alone, which are written as they are");

static int decode_network(Blob *b, const Field *f) {
        IpPrefix p;

        if (f->size != sizeof(p) || b->network.n == ELEMENTSOF(b->network.items))
                return -EBADMSG;
        memcpy(&p, f->data, sizeof(p));
        if ((p.family != AF_INET && p.family != AF_INET6) || p.length > (p.family == AF_INET ? 32 : 128))
                return -EBADMSG;
        b->network.items[b->network.n++] = p;
        return 0;
}

static int decode_flags(Blob *b, const Field *f) {
        uint64_t v;
        int r = field_u64(f, &v);

        if (r < 0)
                return r;
        b->stop_requested = v & FLAG_STOP;
        b->restart = v & FLAG_RESTART;
        b->logs_to_journal = v & FLAG_JOURNAL;
        b->verified = v & FLAG_VERIFIED;
        b->mac_lost = v & FLAG_MAC_LOST;
        b->labels.family = v & FLAG_FAMILY;
        b->aborting = v & FLAG_ABORTING;
        b->command_alone = v & FLAG_ALONE;
        b->labels.apparmor_enforced = v & FLAG_APPARMOR_ENFORCED;
        b->labels.selinux_enforced = v & FLAG_SELINUX_ENFORCED;
        return 0;
}

static int decode_notify_flags(Blob *b, const Field *f) {
        uint64_t v;
        int r = field_u64(f, &v);

        if (r < 0)
                return r;
        b->holds_notify = v & NOTIFY_FLAG_HELD;
        b->notify.ready = v & NOTIFY_FLAG_READY;
        b->notify.reloading = v & NOTIFY_FLAG_RELOADING;
        return 0;
}

static int decode_field(Blob *b, Resolved *resolved, const Field *f) {
        bool found;
        int r;

        switch (f->tag) {
        case TAG_NAME:
                return replace_string(f, &b->name);
        case TAG_INVOCATION:
                if (f->size != sizeof(b->invocation))
                        return -EBADMSG;
                memcpy(&b->invocation, f->data, sizeof(b->invocation));
                return 0;
        case TAG_UNIT_TEXT:
                return replace_string(f, &b->unit_text);
        case TAG_NETWORK_ADDRESS:
                return decode_network(b, f);
        case TAG_STREAM:
                return decode_stream(b, f);
        case TAG_APPARMOR_PROFILE:
                return replace_string(f, &b->labels.apparmor_profile);
        case TAG_SELINUX_CONTEXT:
                return replace_string(f, &b->labels.selinux_context);
        case TAG_SELINUX_FILE_CONTEXT:
                return replace_string(f, &b->labels.selinux_file_context);
        case TAG_APPARMOR_CONTENT:
                return replace_string(f, &b->labels.apparmor_content);
        case TAG_POLICY_DIGEST:
                if (f->size != sizeof(b->policy_digest))
                        return -EBADMSG;
                memcpy(&b->policy_digest, f->data, sizeof(b->policy_digest));
                return 0;
        case TAG_FLAGS:
                return decode_flags(b, f);
        case TAG_NOTIFY_FLAGS:
                return decode_notify_flags(b, f);
        case TAG_NOTIFY_STATUS:
                return replace_string(f, &b->notify.status);
        default:
                r = decode_number(b, f, &found);
                return r < 0 || found ? r : decode_resolved(resolved, f);
        }
}

/* The text was frozen once, so nothing is looked up or checked again. Where a newer or older manager's table
 * cannot read it, the container is without a definition, and can still be stopped. */
static int freeze(Blob *b, Resolved *resolved) {
        _cleanup_(container_spec_unrefp) ContainerSpec *s = NULL;
        int r;

        if (!b->unit_text)
                return 0;
        r = unit_load_text(b->name, b->unit_text, strlen(b->unit_text), NULL, NULL, &s);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        s->identity = resolved->identity;
        resolved->identity = (Identity){};
        s->exec_environment = TAKE_PTR(resolved->environment);
        s->exec_directory = TAKE_PTR(resolved->directory);
        s->seccomp_profile_text = TAKE_PTR(resolved->seccomp_profile);
        s->exposed_tree.path = TAKE_PTR(resolved->exposed_tree);
        if (resolved->layers_path && resolved->layers) {
                s->layers_path = TAKE_PTR(resolved->layers_path);
                s->layers = TAKE_PTR(resolved->layers);
                s->layers_directive = DIRECTIVE_Image;
        }
        s->exec_directory_missing_ok = resolved->flags & RESOLVED_MISSING_OK;
        s->init_role = resolved->flags & RESOLVED_INIT_ROLE;
        s->devices_filtered = resolved->flags & RESOLVED_DEVICES_FILTERED;
        r = restore_device_rules(resolved, s);
        if (r < 0)
                return r;
        s->host_memory = resolved->memory;
        s->host_tasks = resolved->tasks;
        s->mac = (MacDecision){ .apparmor = resolved->mac & MAC_APPARMOR,
                                .selinux = resolved->mac & MAC_SELINUX,
                                .required = resolved->mac & MAC_REQUIRED,
                                .landlock_abi = (unsigned)(resolved->mac >> MAC_LANDLOCK_SHIFT) };
        b->spec = TAKE_PTR(s);
        return 0;
}

int blob_decode(const void *data, size_t size, Blob *ret) {
        _cleanup_(resolved_done) Resolved resolved = {};
        _cleanup_(blob_done) Blob b = {};
        Decoder d;
        Field f;
        int r;

        r = decoder_begin(&d, data, size, MAGIC);
        if (r < 0)
                return r;
        while ((r = decode_next(&d, &f)) >= 0) {
                r = decode_field(&b, &resolved, &f);
                if (r < 0)
                        return r;
        }
        if (r != -ENODATA)
                return r;
        if (!b.name || !container_name_valid(b.name))
                return -EBADMSG;
        r = freeze(&b, &resolved);
        if (r < 0)
                return r;
        *ret = b;
        b = (Blob){};
        return 0;
}
