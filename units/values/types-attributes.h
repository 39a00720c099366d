/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Values of the attributes of the payload's process: part of types.h, which is what is included. */

#include <sched.h>

#include "units/values/value.h"

typedef int value_nice;
typedef int value_oom_score;
typedef int value_io_level;    /* 0 is served first */
typedef int value_rt_priority; /* 99 is served first; 0 = none */
typedef enum ResourceLimit {
#define RESOURCE_LIMIT(name, word, unit) RESOURCE_LIMIT_##name,
#include "units/values/resource-limits.inc"
#undef RESOURCE_LIMIT
        _RESOURCE_LIMIT_MAX,
} ResourceLimit;
typedef struct value_limit { /* of each unit that a limit counts; soft <= hard, UINT64_MAX = infinity */
        uint64_t soft, hard;
        bool set;
} value_limit;
typedef value_limit value_limit_count;
typedef value_limit value_limit_size;
typedef value_limit value_limit_seconds;
typedef value_limit value_limit_usec;
typedef value_limit value_limit_nice;
typedef struct value_ulimits { /* Ulimit= */
        value_limit limits[_RESOURCE_LIMIT_MAX];
        Origin origins[_RESOURCE_LIMIT_MAX];
} value_ulimits;
const char *resource_limit_to_string(ResourceLimit l); /* "nofile" */

typedef enum CpuPolicy {
        CPU_POLICY_OTHER,
        CPU_POLICY_BATCH,
        CPU_POLICY_IDLE,
        CPU_POLICY_FIFO,
        CPU_POLICY_RR,
        _CPU_POLICY_MAX,
} CpuPolicy;
typedef CpuPolicy value_cpu_policy;
typedef enum IoClass { /* IOPRIO_CLASS_... */
        IO_CLASS_NONE, /* as the nice level says */
        IO_CLASS_REALTIME,
        IO_CLASS_BEST_EFFORT,
        IO_CLASS_IDLE,
        _IO_CLASS_MAX,
} IoClass;
typedef IoClass value_io_class;
typedef enum NumaPolicy { /* MPOL_... */
        NUMA_POLICY_DEFAULT,
        NUMA_POLICY_PREFERRED,
        NUMA_POLICY_BIND,
        NUMA_POLICY_INTERLEAVE,
        NUMA_POLICY_LOCAL,
        _NUMA_POLICY_MAX,
} NumaPolicy;
typedef NumaPolicy value_numa_policy;

#define CPU_INDEX_MAX 8191
#define NODE_INDEX_MAX 1023
typedef struct IndexRange {
        uint16_t first, last;
} IndexRange;
typedef struct value_index_set { /* sorted, apart from each other; none = not given */
        IndexRange *items;
        size_t n;
} value_index_set;
typedef value_index_set value_cpu_set;
typedef value_index_set value_node_set;
#define TIMER_SLACK_MAX (UINT64_C(60) * 1000 * 1000 * 1000)
typedef uint64_t value_timer_slack; /* nanoseconds; 0 = the kernel's default */

#if defined(__x86_64__)
#define NATIVE_PERSONALITY "x86-64"
#define NARROW_PERSONALITY "x86"
#elif defined(__aarch64__)
#define NATIVE_PERSONALITY "arm64"
#define NARROW_PERSONALITY "arm"
#else
#error "tell what this architecture and its 32-bit sibling are called"
#endif
typedef enum Personality {
        PERSONALITY_UNSET, /* native */
        PERSONALITY_NATIVE,
        PERSONALITY_32,
        _PERSONALITY_MAX,
} Personality;
typedef Personality value_personality;
typedef enum KeyringMode {
        KEYRING_PRIVATE, /* a new session keyring */
        KEYRING_SHARED,  /* and the user's keyring is linked into it */
        _KEYRING_MODE_MAX,
} KeyringMode;
typedef KeyringMode value_keyring_mode;
typedef uint32_t value_secure_bits; /* SECBIT_... */
#define COREDUMP_FILTER_DEFAULT 0x33U
#define COREDUMP_FILTER_ALL 0x1ffU
typedef struct value_coredump_filter {
        uint32_t mask;
        bool set;
} value_coredump_filter;
typedef enum ThpMode {
        THP_SYSTEM,  /* as the host has it */
        THP_MADVISE, /* only where the program asks for huge pages */
        THP_DISABLE,
        _THP_MODE_MAX,
} ThpMode;
typedef ThpMode value_thp_mode;
