/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A ContainerSpec is the meaning of one unit: the waist of the hourglass. Everything after units/ sees it and
 * never the text. It is frozen by spec_resolve() (units/resolve/): const and reference counted from then on;
 * nobody patches it "just before launch". Before that it is the draft that units/syntax fills through the table. */

#include "manager/base/hash.h"
#include "units/values/types.h"

typedef enum DirectiveId {
#define DIRECTIVE(section, name, field, type, flags, stage, default_text, sample) DIRECTIVE_##name,
#include "units/spec/directives.inc"
#undef DIRECTIVE
        _DIRECTIVE_MAX,
        _DIRECTIVE_INVALID = -EINVAL,
} DirectiveId;

typedef enum DirectiveSection {
        SECTION_Unit,
        SECTION_Container,
        SECTION_Install,
        _SECTION_MAX,
        _SECTION_INVALID = -EINVAL,
} DirectiveSection;

typedef enum DirectiveFlags {
        DIRECTIVE_FLAG_0 = 0,
        DIRECTIVE_FLAG_SECURITY = 1 << 0,
        DIRECTIVE_FLAG_REQUIRED = 1 << 1,
        DIRECTIVE_FLAG_OWN = 1 << 2,
} DirectiveFlags;

typedef enum DirectiveStage {
        STAGE_SPEC,
        STAGE_PLAN,
        STAGE_POLICY,
        STAGE_CGROUP,
        STAGE_MANAGER,
        _STAGE_MAX,
} DirectiveStage;

typedef struct Directive {
        const char *name;
        DirectiveSection section;
        const ValueType *type;
        size_t offset; /* of the field in ContainerSpec */
        DirectiveFlags flags;
        DirectiveStage stage;
        const char *default_text; /* may be NULL */
        const char *sample;
} Directive;

extern const Directive directives[_DIRECTIVE_MAX];
DirectiveId directive_find(DirectiveSection section, const char *name); /* exact; _DIRECTIVE_INVALID */
#define SHORTHAND_ROWS 2
/* The rows that a line of that name stands for, SHORTHAND_ROWS of them; NULL = it is no shorthand. */
const DirectiveId *directive_shorthand(DirectiveSection section, const char *name);
const char *section_to_string(DirectiveSection s);
DirectiveSection section_from_string(const char *name);
const char *directive_stage_to_string(DirectiveStage s); /* "plan" */

/* A directive of design's vocabulary that this version does not implement, or refuses on purpose. */
typedef struct RefusedDirective {
        DirectiveSection section;
        const char *name;
        const char *why; /* NULL = "not supported yet"; else a clause fit to stand after "not supported: " */
        const char *accepted; /* what is true of every container and may be said; NULL = nothing */
} RefusedDirective;
/* Whether the text says what is so anyway; nothing does. */
bool refused_directive_accepts(const RefusedDirective *d, const char *text);
const RefusedDirective *refused_directive_find(DirectiveSection section, const char *name);
const RefusedDirective *refused_directives(size_t *ret_n); /* the whole table */

/* A row's name that systemd has given up: the row, of whatever section. _DIRECTIVE_INVALID. */
DirectiveId directive_of_old_name(DirectiveSection section, const char *name);

/* A directive without a row, since what it asks for holds anyway. */
typedef struct NotedDirective {
        DirectiveSection section;
        const char *name;
        const char *value;     /* "any", "yes", "no" or the one word that is true */
        const char *why;       /* a clause fit to stand after "has no effect: " */
        const char *otherwise; /* after "not supported: "; NULL where every value is accepted */
} NotedDirective;
const NotedDirective *noted_directive_find(DirectiveSection section, const char *name);

/* The nearest known name for "did you mean", or NULL. Knows what other tools call our directives. */
const char *directive_suggest(DirectiveSection section, const char *name);

/* Who the payload is, looked up in the container's own passwd and group files. Numbers always win over names. */
typedef struct Identity {
        uid_t uid;
        gid_t gid;
        gid_t *groups; /* supplementary; complete */
        size_t n_groups;
        char *user_name, *home, *shell; /* may be NULL where passwd has no such user */
} Identity;

/* Which mandatory access control the payload gets: what MandatoryAccessControl= asks for, met by what the host's kernel
 * runs. Backends that the unit itself opted out of (unconfined) are false here too. */
typedef struct MacDecision {
        bool apparmor, selinux;
        bool required;         /* one of them has to enforce, or there is no start */
        unsigned landlock_abi; /* 0 = none */
} MacDecision;

/* What DeviceAllow= comes to on this host. */
#define DEVICE_MINOR_ANY UINT32_MAX
typedef struct DeviceRule {
        const char *node; /* below /dev, made in the container's; NULL = none is. Of the item */
        bool block;
        uint32_t major, minor; /* minor DEVICE_MINOR_ANY: all */
        unsigned mode;         /* of the host's node */
        unsigned access;       /* BPF_DEVCG_ACC_* */
        Origin origin;
} DeviceRule;

typedef struct ContainerSpec {
        unsigned n_ref;

        char *name;     /* "web", "web@blue": without the suffix */
        char *prefix;   /* "web" */
        char *instance; /* "blue" or NULL */
        char *fragment_path;
        char **drop_in_paths;
        char **sources; /* owns every Origin.file of the values */

        /* One field a row. */
#define DIRECTIVE(section, dname, field, type, flags, stage, default_text, sample) value_##type field;
#include "units/spec/directives.inc"
#undef DIRECTIVE
        /* Where each row was last set; file NULL = default. */
        Origin origins[_DIRECTIVE_MAX];

        /* --- of a draft: a unit with mistakes is still read to its end and looked at as a whole, so that a
         * person is told everything at once. It never becomes frozen. */
        int error;                  /* errno of its first mistake; 0 = none so far */
        bool incomplete;            /* some line or file could not be read: what seems missing may stand there */
        bool wrong[_DIRECTIVE_MAX]; /* an assignment to the row was refused: its value is not what was meant */

        /* --- filled by spec_resolve() */
        Identity identity;
        char **exec_environment; /* complete: defaults, Environment=, EnvironmentFile=, UnsetEnvironment= */
        char *exec_directory;    /* resolved WorkingDirectory=, absolute in the container */
        bool exec_directory_missing_ok;
        bool init_role;          /* ProcessTwo= resolved: the keeper's init is PID 1 */
        uint64_t host_memory, host_tasks; /* what percentages were taken of */
        MacDecision mac;
        char *seccomp_profile_text; /* of the file that SeccompProfile= names */
        DeviceRule *device_rules;
        size_t n_device_rules;
        /* Where the root is no directory but layers, all below one directory: what container_spec_root() answers. Owned. */
        char *layers_path;
        char **layers;
        DirectiveId layers_directive;
        Digest image_digest; /* of Image=, as it was looked up */
        bool devices_filtered; /* only these, and those of every container */
        /* A tree of the host that the payload may write to as the host's root, and that users of the host can enter; path
         * NULL = there is none. It switches RestrictSUIDSGID= on and takes CAP_SETFCAP away. */
        struct {
                char *path;
                Origin origin;
                DirectiveId directive;
        } exposed_tree;
} ContainerSpec;

/* The root as a value: where it comes from, and where what is written to it goes. */
typedef enum RootUpper {
        ROOT_UPPER_NONE,      /* to the root itself */
        ROOT_UPPER_EPHEMERAL, /* to a layer in memory, which goes with the life */
        ROOT_UPPER_ALONE,     /* the same, and of the root there is only /usr */
        _ROOT_UPPER_MAX,
} RootUpper;

typedef struct SpecRoot {
        const char *path;    /* of the host: the root directory, or the one that its layers are in; NULL = a draft without one */
        char *const *layers; /* names below path, lowest first; NULL = the directory itself */
        RootUpper upper;
        DirectiveId directive; /* that names it */
} SpecRoot;
SpecRoot container_spec_root(const ContainerSpec *s);
/* Whether what the payload writes to its root, or to a part of it, is on the host's disk afterwards. */
bool container_spec_root_is_kept(const ContainerSpec *s);

int container_spec_new(const char *name, ContainerSpec **ret); /* defaults of the table applied */
/* It has credentials, which the payload finds below PLAN_CREDENTIALS/NAME. */
bool container_spec_has_credentials(const ContainerSpec *s);
/* Has it credentials? The payload finds them in a directory of its unit's name below CREDENTIALS_BASE. */
#define CREDENTIALS_BASE "/run/credentials"
bool container_spec_has_credentials(const ContainerSpec *s);
/* Which row asks for a network beside loopback: Zone=, Bridge= or VirtualEthernet=; _DIRECTIVE_MAX: none does. */
DirectiveId container_spec_network(const ContainerSpec *s);
static inline bool container_spec_has_network(const ContainerSpec *s) {
        return container_spec_network(s) != _DIRECTIVE_MAX;
}
ContainerSpec *container_spec_ref(const ContainerSpec *s);
ContainerSpec *container_spec_unref(ContainerSpec *s);
static inline void container_spec_unrefp(ContainerSpec **s) {
        if (*s)
                *s = container_spec_unref(*s);
}

#define SPEC_STORED_MAX 128 /* of FileDescriptorStoreMax= */
#define SPEC_SOCKETS_MAX 32

/* The unit's sockets in the order in which the payload gets them: ListenStream=, ListenDatagram=, ListenSequentialPacket=.
 * False: there is no such one. */
typedef struct SpecSocket {
        int type; /* SOCK_... */
        DirectiveId directive;
        const ListenItem *item;
} SpecSocket;
bool container_spec_socket(const ContainerSpec *s, size_t index, SpecSocket *ret);

/* The trees of the host that the payload may write to with ids that are the host's own on the disk. Indexes run up to
 * container_spec_host_trees_max(); false: the tree of that index is none of them. */
typedef struct HostTree {
        const char *path; /* on the host */
        Origin origin;
        DirectiveId directive;
} HostTree;
size_t container_spec_host_trees_max(const ContainerSpec *s);
bool container_spec_host_tree(const ContainerSpec *s, size_t index, HostTree *ret);

/* The rows whose values are of single block devices; ends in _DIRECTIVE_MAX. */
extern const DirectiveId io_limit_rows[];

/* Who may send messages: NotifyAccess=, or what the unit's other lines need. Never UNSET. */
NotifyAccess container_spec_notify_access(const ContainerSpec *s);
/* Whether the manager binds a socket for syslog(3) to /dev/log: BindLogSockets=, or what goes with the rest of the unit. */
bool container_spec_binds_log(const ContainerSpec *s);
/* OOMPolicy=, or what goes with the rest of the unit. Never UNSET. */
OomPolicy container_spec_oom_policy(const ContainerSpec *s);
/* Microseconds of WatchdogSec=; 0 = none. */
uint64_t container_spec_watchdog(const ContainerSpec *s);

void *container_spec_field(ContainerSpec *s, DirectiveId id);
const void *container_spec_field_const(const ContainerSpec *s, DirectiveId id);
/* One assignment of a unit: parses text into the row and notes where it stands. An empty text resets a row to its
 * default, and a list to what its type takes for empty; a row at its default has no origin. */
int container_spec_assign(ContainerSpec *s, DirectiveId id, const ValueContext *c, const char *text);
/* Notes a mistake in a draft: of the row, or of none in particular (_DIRECTIVE_INVALID). */
void container_spec_spoil(ContainerSpec *s, DirectiveId id, int error);
const Origin *container_spec_origin(const ContainerSpec *s, DirectiveId id);

/* "[Unit]\nDescription=..." with every row that differs from its default; parses back to an equal spec. */
int container_spec_print(const ContainerSpec *s, char **ret);

/* Appends the row's line, also where it holds the default: read after another unit file it takes the place of what that
 * one says. Without the section's heading. */
int container_spec_print_row(const ContainerSpec *s, DirectiveId id, char **out);
/* Whether the row means the same in both; false also where that cannot be told. */
bool container_spec_row_equal(const ContainerSpec *a, const ContainerSpec *b, DirectiveId id);

/* What a new value of a row may do, told by that value alone: who asks for it may not learn what the row holds now. */
typedef enum Exposure {
        EXPOSURE_NONE,     /* it cannot open anything, whatever the row holds now */
        EXPOSURE_COMPARED, /* that depends on what it holds now: container_spec_loosens() */
        EXPOSURE_RAISED,   /* nothing says that it does not */
        _EXPOSURE_MAX,
} Exposure;
Exposure container_spec_exposure(const ContainerSpec *after, DirectiveId id);

/* Whether a row of after could let the payload do, see or use more than that of before, or reach another unit. True unless
 * it is certain that it does not: the same, the container's own affair, or provably tighter. units/spec/exposure.c */
bool container_spec_loosens(const ContainerSpec *before, const ContainerSpec *after, DirectiveId id);

/* -EINVAL unless valid or a template's name. Instance: NULL if there is no '@', "" for a template. */
int container_name_split(const char *name, char **ret_prefix, char **ret_instance);
