/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The C shape of every value type. A value zeroed by memset is the type's empty value unless said otherwise.
 * List items keep the origin of their assignment, so that each generated rule can name its unit line. */

#include <netinet/in.h>
#include <regex.h>
#include <sys/un.h>

#include "units/values/types-attributes.h"
#include "units/values/types-network.h"
#include "units/values/types-payload.h"
#include "units/values/value.h"

/* --- plain */
typedef bool value_bool;
typedef char *value_string;     /* NULL = unset; no control characters */
typedef char *value_path;       /* absolute, normalised, no "..", no trailing slash; NULL = unset */
typedef char *value_pid_file;   /* a path; one that is relative is below /run, and /var/run is /run; NULL = unset */
typedef char *value_hostname;   /* NULL = unset; RFC 1123, at most 64 */
typedef char **value_words;     /* quoted, space separated words; appended */
typedef uint64_t value_time_span; /* microseconds; USEC_INFINITY; plain number = seconds */
typedef int value_signal;       /* name with or without SIG, number, RTMIN+n; 0 = unset */
typedef enum { TRISTATE_UNSET, TRISTATE_NO, TRISTATE_YES } value_tristate;

/* --- process */
typedef enum ContainerType {
        CONTAINER_TYPE_SIMPLE, /* started once the stage was cloned */
        CONTAINER_TYPE_EXEC,   /* started once execve() succeeded; the default */
        CONTAINER_TYPE_ONESHOT,
        CONTAINER_TYPE_NOTIFY, /* started once it says READY=1 */
        CONTAINER_TYPE_NOTIFY_RELOAD, /* the same, and it reloads by a signal and says so */
        CONTAINER_TYPE_FORKING, /* started once ExecStart= has ended and left the payload behind */
        _CONTAINER_TYPE_MAX,
        _CONTAINER_TYPE_INVALID = -EINVAL,
} ContainerType;
static inline bool container_type_notifies(ContainerType t) {
        return t == CONTAINER_TYPE_NOTIFY || t == CONTAINER_TYPE_NOTIFY_RELOAD;
}
/* Started later than executed: by its own word or by what it leaves. */
static inline bool container_type_waits(ContainerType t) {
        return container_type_notifies(t) || t == CONTAINER_TYPE_FORKING;
}
typedef ContainerType value_container_type; /* dbus: refused with the reason; idle is simple */

typedef struct ExecCommand {
        char *path;  /* absolute, or a bare name searched in the container's PATH */
        char **argv; /* argv[0] differs from path only with the '@' prefix */
        bool ignore_failure; /* '-' */
        bool no_env_expand;  /* ':' */
        bool as_root;        /* '+', '!', '!!': the container's root, whatever User= says; confined all the same */
        Origin origin;
} ExecCommand;
typedef struct value_exec_list {
        ExecCommand *items;
        size_t n;
} value_exec_list; /* '+', '!' and '!!' are refused with the reason */

typedef char *value_user;   /* name or number as written; NULL = unset (root) */
typedef char **value_users; /* names or numbers */

typedef struct value_working_directory {
        char *path;      /* NULL = "/" */
        bool home;       /* "~" */
        bool missing_ok; /* '-' */
} value_working_directory;

typedef struct EnvironmentItem {
        char *assignment; /* NAME=VALUE */
        Origin origin;
} EnvironmentItem;
typedef struct value_environment {
        EnvironmentItem *items; /* later assignments of a NAME replace earlier ones */
        size_t n;
} value_environment;

typedef struct PathItem {
        char *path; /* absolute, normalised */
        bool missing_ok; /* '-' prefix */
        Origin origin;
        const char *implied; /* the directive that comes to this; NULL = the row itself says it. Not part of its text */
} PathItem;
typedef struct value_paths {
        PathItem *items;
        size_t n;
} value_paths; /* InaccessiblePaths=, ReadOnlyPaths=, ... (in the container; a leading '+' is accepted and means the same) */

typedef value_paths value_files; /* EnvironmentFile=: files of the host, each an assignment of its own */

typedef struct UnitItem {
        char *name; /* of a container, without ".container" */
        Origin origin;
} UnitItem;
typedef struct value_units {
        UnitItem *items; /* containers, each name once; the first origin counts */
        size_t n;
        char **host; /* "network-online.target": for the host's service manager, and only for it */
} value_units; /* After=, Requires= ... */

typedef enum ConditionKind {
#define CONDITION(name, shape) CONDITION_##name,
#include "units/values/condition-kinds.inc"
#undef CONDITION
        _CONDITION_KIND_MAX,
        _CONDITION_KIND_INVALID = -EINVAL,
} ConditionKind;
typedef struct ConditionItem {
        char *parameter; /* of the shape that its kind has */
        bool trigger;    /* '|': one of all triggers of the unit must hold */
        bool negate;     /* '!' */
        Origin origin;
} ConditionItem;
typedef struct value_conditions {
        ConditionItem *items;
        size_t n;
} value_conditions; /* Condition...=, Assert...=: the kind is the directive's */
/* The kind that a directive asks; _CONDITION_KIND_INVALID = it is none. */
ConditionKind condition_kind_of(const char *directive, bool *ret_assert);
const char *condition_kind_to_string(ConditionKind k);
bool condition_kind_is_path(ConditionKind k);
int condition_item_to_string(const ConditionItem *item, char **ret); /* "|!/x" */
typedef enum CompareOperator {
        COMPARE_NONE,
        COMPARE_LESS,
        COMPARE_LESS_EQUAL,
        COMPARE_EQUAL,
        COMPARE_UNEQUAL,
        COMPARE_GREATER_EQUAL,
        COMPARE_GREATER,
} CompareOperator;
CompareOperator compare_operator_read(const char **text); /* takes it off, with white space; NONE = there is none */
bool compare_holds(CompareOperator o, int order);          /* order: of what there is against what is asked */
/* "10%/1min": the share, and how the kernel calls that window. */
int condition_pressure_parse(const char *text, uint64_t *ret_permyriad, const char **ret_window);
int condition_size_parse(const char *text, uint64_t *ret);

typedef char **value_env_names; /* names, or NAME=VALUE to remove only that exact assignment */

typedef enum OutputKind {
        OUTPUT_DEFAULT, /* the manager's: journal where it runs, else its own log files */
        OUTPUT_NULL,
        OUTPUT_JOURNAL, /* "journal"; without journald the manager's log files */
        OUTPUT_FILE,    /* file: write from the start without truncating, as systemd */
        OUTPUT_APPEND,
        OUTPUT_TRUNCATE,
        OUTPUT_INHERIT, /* StandardError= only: what StandardOutput= is */
        _OUTPUT_MAX,
} OutputKind;
typedef struct value_output {
        OutputKind kind;
        char *path; /* host path, for file:, append:, truncate: */
} value_output;

typedef int value_syslog_level;    /* LOG_EMERG to LOG_DEBUG of syslog(3) */
typedef int value_syslog_facility; /* 0 to 23, without the shift of syslog(3) */
typedef char **value_log_fields;   /* NAME=VALUE of the journal's own fields */

typedef enum RestartPolicy { /* Restart= */
        RESTART_NO,
        RESTART_ALWAYS,
        RESTART_ON_SUCCESS,
        RESTART_ON_FAILURE,
        RESTART_ON_ABNORMAL,
        RESTART_ON_ABORT,
        RESTART_ON_WATCHDOG,
        _RESTART_POLICY_MAX,
} RestartPolicy;
typedef RestartPolicy value_restart_policy;
typedef enum RestartMode {
        RESTART_MODE_NORMAL, /* those that are bound to it see it go down in between */
        RESTART_MODE_DIRECT,
        _RESTART_MODE_MAX,
} RestartMode;
typedef RestartMode value_restart_mode;
typedef uint32_t value_count;
typedef enum KillMode {
        KILL_MODE_MIXED,         /* the stop signal to the first process, SIGKILL to all */
        KILL_MODE_CONTROL_GROUP, /* both to all */
        _KILL_MODE_MAX,
} KillMode;
typedef KillMode value_kill_mode; /* process and none are read as mixed */

/* Who ends what is left when the kernel has killed a process for want of memory. */
typedef enum OomPolicy {
        OOM_POLICY_UNSET,    /* stop; of a container that boots an init, continue */
        OOM_POLICY_CONTINUE, /* nobody */
        OOM_POLICY_STOP,     /* the manager, as by a stop */
        OOM_POLICY_KILL,     /* the kernel, all at once */
        _OOM_POLICY_MAX,
} OomPolicy;
typedef OomPolicy value_oom_policy;
typedef enum FailureMode {   /* how a life that took too long is ended */
        FAILURE_TERMINATE,   /* as a stop: KillSignal=, TimeoutStopSec=, then every process is killed */
        FAILURE_ABORT,       /* SIGABRT, TimeoutAbortSec=, then the same */
        FAILURE_KILL,
        _FAILURE_MODE_MAX,
} FailureMode;
typedef FailureMode value_failure_mode;

typedef struct value_exit_statuses { /* SuccessExitStatus= */
        uint64_t codes[4];           /* bit set of 256 exit codes */
        uint64_t signals[2];         /* bit set of 128 signals */
} value_exit_statuses;

typedef enum NotifyAccess {
        NOTIFY_ACCESS_UNSET, /* main where something asks for messages, else none; notify_access_of() tells */
        NOTIFY_ACCESS_NONE,
        NOTIFY_ACCESS_MAIN, /* the payload */
        NOTIFY_ACCESS_EXEC, /* and what the manager itself started in the container */
        NOTIFY_ACCESS_ALL,  /* every process of its control group */
        _NOTIFY_ACCESS_MAX,
} NotifyAccess;
typedef NotifyAccess value_notify_access;

typedef enum StorePreserve { /* FileDescriptorStorePreserve= */
        STORE_PRESERVE_NO,      /* until its life ends */
        STORE_PRESERVE_RESTART, /* until it is stopped or has failed, and nothing starts it again */
        STORE_PRESERVE_YES,     /* for as long as there is the container */
        _STORE_PRESERVE_MAX,
} StorePreserve;
typedef StorePreserve value_store_preserve;

typedef enum ReadyMode { /* Notify= */
        READY_NO,      /* what Type= says */
        READY_HEALTHY, /* and the first good check of HealthCmd= */
        _READY_MODE_MAX,
} ReadyMode;
typedef ReadyMode value_ready_mode;

typedef enum HealthFailure { /* HealthOnFailure= */
        HEALTH_FAILURE_NONE,
        HEALTH_FAILURE_KILL,
        HEALTH_FAILURE_RESTART,
        HEALTH_FAILURE_STOP,
        _HEALTH_FAILURE_MAX,
} HealthFailure;
typedef HealthFailure value_health_failure;

/* --- files */
typedef enum BindLabel { /* SELinux */
        BIND_LABEL_OWN,    /* the container's: files of its own */
        BIND_LABEL_SHARED, /* shared: for every container */
        BIND_LABEL_NONE,   /* nolabel: left as they are; the policy says what that means */
} BindLabel;
typedef struct BindMount {
        char *source;      /* host path */
        char *destination; /* path in the container */
        bool missing_ok;   /* '-' before the source */
        bool recursive;    /* rbind (default) / norbind */
        bool idmap;        /* idmap (default) / noidmap: disk ids are the container's ids */
        bool noexec;       /* noexec / exec (default) */
        BindLabel label;
        const char *directive; /* that it follows from, where that is not the list's own: print() leaves it out; NULL = none */
        Origin origin;
} BindMount;
typedef struct value_binds {
        BindMount *items;
        size_t n;
} value_binds;

typedef struct ServiceDirectory {
        char *name;  /* relative, normalised: "web", "web/cache" */
        char *alias; /* a second name in the container; NULL = none */
        Origin origin;
} ServiceDirectory;
typedef struct value_directories {
        ServiceDirectory *items;
        size_t n;
} value_directories;

typedef struct CredentialSource { /* LoadCredential= */
        char *name;
        char *path; /* absolute, or a name in the credential stores; NULL = name */
        Origin origin;
} CredentialSource;
typedef struct value_credential_sources {
        CredentialSource *items;
        size_t n;
} value_credential_sources;
typedef struct CredentialText { /* SetCredential= */
        char *name, *text;
        Origin origin;
} CredentialText;
typedef struct value_credential_texts {
        CredentialText *items;
        size_t n;
} value_credential_texts;
typedef char **value_credential_globs; /* ImportCredential= */

typedef enum TmpfsAtime { /* when the time of a file's last reading is written */
        TMPFS_RELATIME,   /* the kernel's default */
        TMPFS_NOATIME,
        TMPFS_STRICTATIME,
        _TMPFS_ATIME_MAX,
} TmpfsAtime;
typedef struct TmpfsMount {
        char *path;
        uint64_t size;   /* size=; 0 = not given: an explicit 0, the kernel's "unlimited", is refused */
        uint64_t inodes; /* nr_inodes=; UINT64_MAX = not given; never 0 */
        uint32_t size_permille; /* "size=10%" -> 100 */
        mode_t mode; /* mode=; (mode_t)-1 = not given */
        uint32_t uid, gid; /* uid=, gid=: the container's ids; UINT32_MAX = not given: root */
        TmpfsAtime atime;
        bool nodiratime;
        bool read_only, noexec; /* always nosuid,nodev */
        Origin origin;
        const char *implied; /* as of PathItem */
} TmpfsMount;
typedef struct value_tmpfs {
        TmpfsMount *items;
        size_t n;
} value_tmpfs;

/* --- confinement */
#define ID_RANGE_COUNT UINT32_C(65536) /* ids of a container that does not say otherwise */
typedef enum PrivateUsersMode {
        PRIVATE_USERS_MANAGED, /* own range, chosen by the manager: the default and the zero value */
        PRIVATE_USERS_NO,      /* the host's user namespace */
        PRIVATE_USERS_RANGE,   /* BASE[:COUNT] */
        PRIVATE_USERS_IDENTITY, /* 0..65535 onto itself in an own namespace */
        _PRIVATE_USERS_MAX,
} PrivateUsersMode;
typedef struct value_private_users {
        PrivateUsersMode mode; /* yes, managed and pick all mean MANAGED */
        uint32_t base, count;
} value_private_users;

#define CAPABILITY_MASK_ALL ((UINT64_C(1) << 41) - 1) /* CAP_LAST_CAP of Linux 5.9 and later is 40 */
typedef struct value_capability_set { /* systemd's merge rules, '~' inverts */
        uint64_t mask;
        bool set; /* assigned at all (an empty assignment, or "none", sets mask 0) */
        Origin origin;
} value_capability_set;
typedef struct CapabilityItem {
        unsigned capability;
        Origin origin;
} CapabilityItem;
typedef struct value_capability_list { /* AddCapability=, DropCapability= */
        CapabilityItem *items;         /* "all" stands for every one */
        size_t n;
} value_capability_list;

/* RestrictNamespaces=: CLONE_NEW* that may be made and entered. */
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#define NAMESPACES_ALL                                                                                              \
        ((uint32_t)(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | \
                    CLONE_NEWNET | CLONE_NEWTIME))
typedef struct value_namespaces {
        uint32_t allowed;
        bool set; /* assigned at all */
} value_namespaces;
typedef struct NamespaceName {
        const char *name; /* "user" */
        uint32_t flag;
} NamespaceName;
extern const NamespaceName namespace_types[]; /* ends in a row of NULL */

typedef struct DeviceAllowItem {
        char *name;      /* "/dev/fuse", or a group of /proc/devices: "char-pts", "block-*" */
        unsigned access; /* BPF_DEVCG_ACC_* */
        Origin origin;
} DeviceAllowItem;
typedef struct value_device_allow {
        DeviceAllowItem *items;
        size_t n;
} value_device_allow;
void device_access_text(unsigned access, char text[static 4]); /* "rwm" */
typedef enum DevicePolicy {
        DEVICE_POLICY_AUTO,   /* filtered where DeviceAllow= names something */
        DEVICE_POLICY_CLOSED, /* filtered in any case */
        DEVICE_POLICY_STRICT, /* the same: no program runs without the nodes that every container has */
        _DEVICE_POLICY_MAX,
} DevicePolicy;
typedef DevicePolicy value_device_policy;

typedef struct value_exposure { /* ExposureMax= */
        unsigned tenths;
        bool set;
} value_exposure;
int exposure_from_string(const char *text, unsigned *ret); /* "3.5" -> 35; -EINVAL, -ERANGE */

typedef enum ProtectSystem {
        PROTECT_SYSTEM_NO,
        PROTECT_SYSTEM_YES,    /* /usr, /boot, /efi read-only */
        PROTECT_SYSTEM_FULL,   /* and /etc */
        PROTECT_SYSTEM_STRICT, /* the whole root */
        _PROTECT_SYSTEM_MAX,
} ProtectSystem;
typedef ProtectSystem value_protect_system;
typedef enum ProtectHome { /* /home, /root, /run/user */
        PROTECT_HOME_NO,
        PROTECT_HOME_YES, /* inaccessible */
        PROTECT_HOME_READ_ONLY,
        PROTECT_HOME_TMPFS, /* empty and read-only */
        _PROTECT_HOME_MAX,
} ProtectHome;
typedef ProtectHome value_protect_home;
typedef enum PrivateTmp {
        PRIVATE_TMP_NO,
        PRIVATE_TMP_YES, /* both mean the same: nothing of the host's is in it anyway */
        PRIVATE_TMP_DISCONNECTED,
        _PRIVATE_TMP_MAX,
} PrivateTmp;
typedef PrivateTmp value_private_tmp;
typedef enum ProtectProc { /* hidepid= of /proc */
        PROTECT_PROC_DEFAULT,
        PROTECT_PROC_NOACCESS,
        PROTECT_PROC_INVISIBLE,
        PROTECT_PROC_PTRACEABLE,
        _PROTECT_PROC_MAX,
} ProtectProc;
typedef ProtectProc value_protect_proc;
const char *protect_proc_to_string(ProtectProc p);
typedef enum ProcSubset {
        PROC_SUBSET_ALL,
        PROC_SUBSET_PID, /* processes alone */
        _PROC_SUBSET_MAX,
} ProcSubset;
typedef ProcSubset value_proc_subset;
typedef enum ProtectCgroups {
        PROTECT_CGROUPS_UNSET, /* strict; of a container that boots an init, private */
        PROTECT_CGROUPS_YES,   /* as strict: a container sees no other group than its own */
        PROTECT_CGROUPS_STRICT,
        PROTECT_CGROUPS_PRIVATE, /* its own may be written */
        PROTECT_CGROUPS_NO,
        _PROTECT_CGROUPS_MAX,
} ProtectCgroups;
typedef ProtectCgroups value_protect_cgroups;
typedef enum ProtectHostname {
        PROTECT_HOSTNAME_UNSET, /* private, which only an init can use by default */
        PROTECT_HOSTNAME_YES,   /* cannot be changed */
        PROTECT_HOSTNAME_PRIVATE,
        PROTECT_HOSTNAME_NO,
        _PROTECT_HOSTNAME_MAX,
} ProtectHostname;
typedef struct value_protect_hostname {
        ProtectHostname mode;
        char *name; /* of the container; NULL = as Hostname= has it */
} value_protect_hostname;

/* RestrictAddressFamilies=: what it means beside the default set is policies/families.h's. */
#define ADDRESS_FAMILY_MAX 64
typedef struct value_address_families {
        uint64_t mask; /* 1 << AF_... */
        bool set;      /* assigned at all; mask 0 is "none" */
        bool negate;   /* mask is taken away */
} value_address_families;

typedef enum SocketProtocol {
        SOCKET_PROTOCOL_ANY,
        SOCKET_PROTOCOL_TCP,
        SOCKET_PROTOCOL_UDP,
} SocketProtocol;
typedef struct SocketBindItem {
        uint8_t family; /* AF_INET, AF_INET6; 0 = both */
        SocketProtocol protocol;
        uint16_t first, last; /* 0 to 65535: every port, also one that the kernel chooses */
        Origin origin;
} SocketBindItem;
typedef struct value_socket_binds { /* SocketBindAllow=, SocketBindDeny= */
        SocketBindItem *items;
        size_t n;
} value_socket_binds;

typedef enum MacMode {
        MAC_MODE_UNSET, /* the host's default: bulwarkd.conf, else auto */
        MAC_MODE_AUTO,  /* every module that the kernel runs */
        MAC_MODE_REQUIRED, /* no start without AppArmor or SELinux enforcing */
        MAC_MODE_NO,
        _MAC_MODE_MAX,
        _MAC_MODE_INVALID = -EINVAL,
} MacMode;
typedef MacMode value_mac_mode;
typedef enum MacLost {
        MAC_LOST_STOP, /* the default: what lost its confinement is killed */
        MAC_LOST_WARN,
        _MAC_LOST_MAX,
        _MAC_LOST_INVALID = -EINVAL,
} MacLost;
typedef MacLost value_mac_lost;
typedef enum VerifyMode {
        VERIFY_NO, /* the default */
        VERIFY_WARN,
        VERIFY_ENFORCE,
        _VERIFY_MODE_MAX,
} VerifyMode;
typedef VerifyMode value_verify_mode;

/* SELinux in its own words, checked to the letter. */
typedef struct value_selinux_context {
        char *context; /* NULL = generated */
        bool optional; /* '-': only where the host's policy knows it */
} value_selinux_context;
typedef char *value_selinux_level; /* "s0:c1,c2", or a range; NULL = a pair of categories of the container's own */
typedef char *value_selinux_type;  /* NULL = unset */
typedef struct CilStatement {
        char *text; /* one balanced list on one line, about the domain "process" */
        Origin origin;
} CilStatement;
typedef struct value_cil {
        CilStatement *items;
        size_t n;
} value_cil;

#define APPARMOR_PROFILE_PREFIX "bulwark-" /* of the profiles that are generated; nobody else's begins with it */
typedef enum AppArmorKind {
        APPARMOR_GENERATED, /* from the unit: the default and the zero value */
        APPARMOR_UNCONFINED,
        APPARMOR_NAMED,
} AppArmorKind;
typedef struct value_apparmor_profile {
        AppArmorKind kind;
        char *name;      /* of APPARMOR_NAMED: "NAME", "NAME//CHILD", ":NAMESPACE:NAME" */
        bool missing_ok; /* '-' */
} value_apparmor_profile;

typedef struct RuleItem {
        char *text; /* one line, white space cut */
        Origin origin;
} RuleItem;
typedef struct value_rules { /* AppArmorExtraRules=, SELinuxExtraRules= */
        RuleItem *items;
        size_t n;
} value_rules;

typedef value_rules value_log_patterns; /* LogFilterPatterns= */
int log_pattern_compile(const char *text, bool *ret_deny, regex_t *ret); /* what was parsed compiles, or memory ran out: -EINVAL */

/* Mirrors SystemCallErrorNumber=: an errno, or kill the process. */
#define SYSCALL_ERROR_KILL (-1)
typedef int value_syscall_error; /* 0 = unset (EPERM), an explicit 0 is refused; > 0 errno; SYSCALL_ERROR_KILL */

typedef struct SyscallItem {
        char *name;  /* syscall, or "@group" */
        bool negate; /* '~' stood before this assignment's list */
        int error;   /* from "name:EPERM"; 0 = none, SYSCALL_ERROR_KILL */
        Origin origin;
} SyscallItem;
typedef struct value_syscall_filter {
        SyscallItem *items; /* in the order written; policies/seccomp gives them meaning. " ; " separates lists of
                             * different sense in one assignment, so that print() can write "a ; ~b" */
        size_t n;
        bool set; /* assigned at all since the last reset */
} value_syscall_filter;
typedef value_syscall_filter value_syscall_log; /* no item has an error */

/* --- sockets that are open before the container runs */
typedef struct ListenItem {
        char *text; /* what listen_address_parse() reads */
        Origin origin;
} ListenItem;
typedef struct value_listen { /* ListenStream=, ListenDatagram=, ListenSequentialPacket= */
        ListenItem *items;
        size_t n;
} value_listen;
typedef enum BindIPv6Only {
        BIND_IPV6_DEFAULT, /* as the host has it */
        BIND_IPV6_BOTH,
        BIND_IPV6_ONLY,
        _BIND_IPV6_MAX,
} BindIPv6Only;
typedef BindIPv6Only value_bind_ipv6_only;
typedef enum StartOn {
        START_ON_TRAFFIC, /* the payload is started by the first connection or datagram */
        START_ON_START,   /* at once; the sockets are open before and after */
        _START_ON_MAX,
} StartOn;
typedef StartOn value_start_on;
typedef char *value_descriptor_name;  /* as sd_listen_fds_with_names(3) has it; NULL = unset */
typedef uint32_t value_access_mode;   /* at most 07777: the directories of Debian's units have set-group-id */

typedef struct ListenAddress {
        union {
                struct sockaddr any;
                struct sockaddr_in in;
                struct sockaddr_in6 in6;
                struct sockaddr_un un;
        } address;
        socklen_t size;
        bool any; /* a port alone: every address, of IPv4 where the host knows no IPv6 */
} ListenAddress;
int listen_address_parse(const char *text, ListenAddress *ret); /* -EINVAL, -ENAMETOOLONG */

/* --- resources: UINT64_MAX = infinity, `set` false = not given */
typedef struct value_memory_limit {
        uint64_t bytes;
        uint32_t permyriad; /* > 0: of the host's memory, and bytes is unused */
        bool set;
} value_memory_limit;
typedef struct value_tasks_limit {
        uint64_t tasks;
        uint32_t permyriad; /* of the host's limit */
        bool set;
} value_tasks_limit;
typedef uint64_t value_cpu_quota; /* microseconds of CPU per second; USEC_INFINITY = none; 0 = unset */
typedef uint32_t value_cpu_weight; /* 1..10000; 0 = unset; CPU_WEIGHT_IDLE */
#define CPU_WEIGHT_IDLE UINT32_MAX
typedef uint32_t value_io_weight; /* 1..10000; 0 = unset */
typedef value_memory_limit value_memory_amount; /* which may be 0 */
typedef value_memory_limit value_memory_guard;  /* what is kept, where a limit is what is not passed */
typedef enum CpusetPartition {
        CPUSET_PARTITION_UNSET,
        CPUSET_PARTITION_MEMBER,
        CPUSET_PARTITION_ROOT,
        CPUSET_PARTITION_ISOLATED,
        _CPUSET_PARTITION_MAX,
} CpusetPartition;
typedef CpusetPartition value_cpuset_partition;
/* One value a block device: each path once, in the order in which they were first named. */
typedef struct IoLimit {
        char *path;            /* a block device, or any file: the device below its file system */
        uint64_t value;        /* a weight, bytes or operations a second, microseconds; UINT64_MAX = no limit */
        uint32_t major, minor; /* filled by spec_resolve(): of the whole disk */
        Origin origin;
} IoLimit;
typedef struct value_io_limits {
        IoLimit *items;
        size_t n;
} value_io_limits;
typedef value_io_limits value_io_weights;
typedef value_io_limits value_io_rates;
typedef value_io_limits value_io_latencies;
typedef struct HugePages {
        uint64_t size, limit; /* bytes; limit UINT64_MAX = none */
        Origin origin;
} HugePages;
typedef struct value_huge_pages {
        HugePages *items;
        size_t n;
} value_huge_pages;
/* "2MB": as the kernel names the files of a size of huge pages. */
char *huge_page_size_to_string(uint64_t size);
typedef struct CgroupKey {
        char *key, *value; /* "misc.max", "res_a 3" */
        Origin origin;
} CgroupKey;
typedef struct value_cgroup_keys {
        CgroupKey *items;
        size_t n;
} value_cgroup_keys;

/* In this order the fuzzer numbers them: new ones stand at the end. */
#define VALUE_TYPES(X)                                                                                        \
        X(bool) X(string) X(path) X(hostname) X(words) X(time_span) X(signal) X(tristate) X(container_type)     \
        X(exec_list) X(user) X(users) X(working_directory) X(environment) X(paths) X(env_names) X(output)       \
        X(exit_statuses) X(binds) X(tmpfs) X(private_users) X(capability_set) X(capability_list)                \
        X(syscall_error) X(syscall_filter) X(memory_limit) X(tasks_limit) X(cpu_quota) X(cpu_weight) X(io_weight)   \
        X(mac_mode) X(mac_lost) X(address_families) X(socket_binds) X(selinux_context) \
        X(selinux_level) X(selinux_type) X(cil) X(apparmor_profile) X(rules) \
        X(verify_mode) X(units) X(restart_policy) X(restart_mode) X(count) X(notify_access) X(failure_mode) X(ready_mode) \
        X(health_failure) X(kill_mode) X(store_preserve) X(oom_policy) X(listen) X(bind_ipv6_only) X(start_on) \
        X(descriptor_name) X(access_mode) X(namespaces) \
        X(files) X(nice) X(oom_score) X(io_level) X(rt_priority) X(limit_count) X(limit_size) \
        X(limit_seconds) X(limit_usec) X(limit_nice) X(ulimits) X(cpu_policy) X(io_class) \
        X(numa_policy) X(cpu_set) X(node_set) X(timer_slack) X(personality) X(keyring_mode) \
        X(secure_bits) X(coredump_filter) X(thp_mode) X(directories) X(credential_sources) X(credential_texts) X(credential_globs) X(protect_system) \
        X(protect_home) X(private_tmp) X(protect_proc) X(proc_subset) X(protect_cgroups) \
        X(protect_hostname) X(input) X(input_data) X(input_text) X(labels) X(variables) X(exit_type) X(volatile_mode) \
        X(shm_size) X(time_offset) X(sysctls) X(conditions) X(syslog_level) X(syslog_facility) X(log_fields) X(log_patterns) \
        X(device_allow) X(device_policy) X(exposure) X(machine_id) X(timezone) X(pid_file) \
        X(ip_prefixes) X(ip_addresses) X(port_mappings) X(publish_ports) X(zone_name) X(interface_name) X(syscall_log) \
        X(memory_amount) X(memory_guard) X(cpuset_partition) X(io_weights) X(io_rates) X(io_latencies) X(huge_pages) X(cgroup_keys) \
        X(host_entries) X(host_names) X(domains) X(resolver_options) X(dns_servers) X(resolv_conf) \
        X(ip_filter)

#define X(name) extern const ValueType value_type_##name;
VALUE_TYPES(X)
#undef X

/* Shared by several rooms; NULL / negative where unknown. */
const char *signal_to_string(int signal);              /* "SIGTERM", "SIGRTMIN+3" */
int signal_from_string(const char *name);
const char *capability_to_string(unsigned capability); /* "CAP_CHOWN" */
int capability_from_string(const char *name);
const char *address_family_to_string(unsigned family); /* "AF_INET" */
int address_family_from_string(const char *name);
int errno_from_string(const char *name);               /* "EPERM" -> EPERM */
const char *errno_to_string(int error);
const char *container_type_to_string(ContainerType t);
const char *mac_mode_to_string(MacMode m);
MacMode mac_mode_from_string(const char *word);
const char *mac_lost_to_string(MacLost l);
const char *restart_policy_to_string(RestartPolicy p);
const char *private_users_mode_to_string(PrivateUsersMode m);
#define UNIT_SUFFIX ".container"
/* "web", "web@blue", with or without ".container"; at most 64 bytes of [A-Za-z0-9:_.\\-], and the
 * first '@' stands before the instance, which may hold more of them; a name begins
 * with neither '-' nor '.', and "web@" (a template) is no container's name. */
bool container_name_valid(const char *name);
/* The bytes of the name without its suffix; 0 where it is neither a container's nor a template's. */
size_t container_name_length(const char *name);
/* A unit of the host's service manager: "multi-user.target", "network-online.target", "postgresql.service". */
bool host_unit_name_valid(const char *name);
int path_normalize(const char *path, char **ret);      /* -EINVAL unless absolute and free of ".." */
char *time_span_to_string(uint64_t usec);              /* "1min 30s", "infinity" */
