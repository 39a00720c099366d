/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Values of what a payload reads, is called, and finds: part of types.h, which is what is included. */

#include "units/values/value.h"

typedef enum InputKind {
        INPUT_UNSET, /* data where there is some, else null */
        INPUT_NULL,
        INPUT_DATA,
        INPUT_FILE,
        _INPUT_MAX,
} InputKind;
typedef struct value_input { /* StandardInput= */
        InputKind kind;
        char *path; /* host path, for file: */
} value_input;
#define INPUT_DATA_MAX (64U << 10) /* what a pipe takes at once, whoever asks for it */
typedef struct value_input_data {  /* StandardInputData= */
        char *bytes;
        size_t size;
} value_input_data;
typedef char **value_input_text; /* StandardInputText=: lines without their end */

typedef char **value_labels;    /* KEY=VALUE */
typedef char **value_variables; /* names */
typedef enum ExitType {
        EXIT_TYPE_MAIN,   /* the life ends with the payload's first process */
        EXIT_TYPE_CGROUP, /* with its last */
        _EXIT_TYPE_MAX,
} ExitType;
typedef ExitType value_exit_type;

typedef enum VolatileMode {
        VOLATILE_NO,
        VOLATILE_YES,     /* the root is memory, with the /usr of the root directory in it */
        VOLATILE_STATE,   /* the root is read-only, and /var is memory */
        VOLATILE_OVERLAY, /* as RootEphemeral=yes */
        _VOLATILE_MODE_MAX,
} VolatileMode;
typedef VolatileMode value_volatile_mode;
typedef uint64_t value_shm_size; /* bytes; 0 = not given */
#define TIME_OFFSET_MAX (UINT64_C(36525) * 24 * 60 * 60 * USEC_PER_SEC)
typedef int64_t value_time_offset; /* microseconds */

typedef enum SysctlNamespace {
        SYSCTL_NET,
        SYSCTL_IPC,
        SYSCTL_UTS,
        _SYSCTL_INVALID = -EINVAL,
} SysctlNamespace;
typedef struct SysctlItem {
        char *name; /* words separated by '.'; a dot within a word is written '/' */
        char *value;
        Origin origin;
} SysctlItem;
typedef struct value_sysctls {
        SysctlItem *items;
        size_t n;
} value_sysctls;
SysctlNamespace sysctl_namespace(const char *name); /* whose it is; _SYSCTL_INVALID = the host's */

typedef char *value_machine_id; /* 32 hexadecimal digits; NULL = unset */
typedef char *value_timezone;   /* "Europe/Berlin", "local"; NULL = unset */
