/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From a draft to a frozen spec: defaults that depend on other settings, checks across fields, identity,
 * environment. Pure: what it needs of the host was gathered into HostFacts before. */

#include "manager/base/held-path.h"
#include "manager/images/image-store.h"
#include "units/syntax/unit-load.h"

/* Which security modules the running kernel enforces. */
typedef struct MacFacts {
        bool apparmor;          /* enabled, and its kernel interface can be reached */
        bool apparmor_lenient;  /* as a whole: a mode for all profiles at once in which none of them denies anything */
        bool selinux;           /* a policy is loaded */
        bool selinux_enforcing;
        unsigned landlock_abi;  /* 0 = the kernel has none, or it was disabled at boot */
        MacMode mode;           /* of bulwarkd.conf: what a unit gets that does not say; MAC_MODE_UNSET = auto */
} MacFacts;

typedef struct HostFacts {
        SpecifierFacts specifiers;
        char **strings; /* owns what specifiers point to */
        uint64_t memory_total; /* bytes */
        uint64_t tasks_max;    /* kernel's thread limit */
        uint64_t capabilities; /* bounding set of this process */
        unsigned last_capability;
        MacFacts mac;
        const PathTrees *trees; /* borrowed: what containers can write, as far as the manager knows; NULL elsewhere */
        const char *image_store; /* borrowed; NULL = IMAGE_STORE_DIRECTORY */
} HostFacts;
int host_facts_gather(HostFacts *ret); /* the host as a whole; never fails for a missing file */
void host_facts_done(HostFacts *f);
/* What changes while the host runs is asked for again: whether its modules enforce. mode stays. */
void mac_facts_refresh(MacFacts *f);

#define HOST_CONFIG_DEFAULT "/etc/bulwark/bulwarkd.conf"
/* bulwarkd.conf and the drop-ins in FILE.d into what units get that do not say themselves. path NULL = the default, which may be
 * missing. All mistakes are reported at once. */
int host_config_load(const char *path, Diag *diag, HostFacts *f);

/* What Image= leads to at this moment. */
typedef struct ImageFact {
        int error; /* errno of looking for it; 0 with a record, or where there is none to look for */
        ImageRecord *record;
        char *store;          /* the directory of all layers */
        char **layers;        /* names in it, lowest first */
        bool *volume_missing; /* one a volume of the record: the image has no such directory */
} ImageFact;

/* What one unit's draft names on the host: its root's passwd and group, its environment files. Files are opened
 * RESOLVE_IN_ROOT, regular, bounded in size, never blocking. */
typedef struct UnitFacts {
        char *root_path;      /* RootDirectory=, for words; may be NULL */
        bool root_exists;
        bool root_is_directory;
        bool root_is_host;    /* the host's own root by another name */
        int root_error;       /* errno of opening it */
        char *root_refused;   /* in words, where a link on the way is not root's alone */
        char *passwd, *group; /* texts, NULL where missing or unreadable */
        int passwd_error, group_error; /* errno, 0 where read or missing */
        struct {
                char *path, *text;
                char *refused; /* in words, where somebody else could have laid the file there */
                int error;
        } *environment_files; /* one an item of EnvironmentFile=, in its order */
        size_t n_environment_files;
        struct {
                char *text, *refused;
                int error;
        } seccomp_profile; /* as of an environment file */
        struct ConditionPathFact {
                DirectiveId directive;
                const ConditionItem *item; /* of the draft */
                bool on_host, in_root;
        } *condition_paths; /* every path of a Condition...= or Assert...= */
        size_t n_condition_paths;
        char *timezone;     /* rules of Timezone= as TZ has them, "CET-1CEST,M3.5.0,M10.5.0/3" */
        int timezone_error; /* errno; ENODATA: its file has none */
        char **passed; /* NAME=VALUE of what PassEnvironment= names and this process has */
        struct TreeFact {
                char *path;
                bool shut; /* no user of the host but root can come to it: a directory above is closed to all others */
        } *trees; /* of container_spec_host_tree() */
        size_t n_trees;
        struct DeviceFact {
                int error;     /* errno of looking at it */
                unsigned mode; /* with its type */
                uint32_t major, minor;
        } *devices; /* one an item of DeviceAllow=, in its order; groups have none */
        size_t n_devices;
        struct DiskFact {
                int error;             /* errno of looking at it; ENODEV: no block device stands behind it */
                uint32_t major, minor; /* of the whole disk, also where a partition was named */
        } *disks; /* one an item of each row of io_limit_rows, in their order */
        size_t n_disks;
        char *device_groups; /* /proc/devices, where a group is named */
        ImageFact image;
} UnitFacts;
typedef struct DeviceFact DeviceFact;
typedef struct DiskFact DiskFact;
typedef struct TreeFact TreeFact;
int unit_facts_gather(const ContainerSpec *draft, const HostFacts *host, UnitFacts *ret);
void unit_facts_done(UnitFacts *f);

/* Warns of the sources of binds that a start on this host would refuse, in its words. Another host may have them, and what only
 * root may see is left out for others. */
void unit_sources_check(const ContainerSpec *s, Diag *diag);

/* The places that the unit's container can write, as they are now: what is missing is left out. */
int unit_trees_gather(const ContainerSpec *draft, PathTrees *t);
bool unit_tree_is_written(const ContainerSpec *s, const char *path);

/* Consumes the draft (also on failure). All contradictions are reported at once; a draft that has mistakes already is
 * searched for more, as far as they do not follow from those, and fails. */
int spec_resolve(ContainerSpec *draft, const HostFacts *host, const UnitFacts *unit, Diag *diag,
                 const ContainerSpec **ret);

/* The identity of `exec --user=NAME|UID` inside the container. */
int identity_resolve(const char *user, const char *group, char *const *supplementary, const UnitFacts *facts,
                     const Origin *origin, const char *directive, Diag *diag, Identity *ret);
void identity_done(Identity *i);
/* The environment of a unit for another user than its own: HOME, USER, LOGNAME and SHELL are that user's, unless the unit
 * itself has set or unset them. Owned list. */
int environment_for_user(char *const *environment, const Identity *from, const Identity *to, char ***ret);
