/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The calls that are judged by their arguments, as data; private to the files that build, tell and compare the head. */

#include "policies/seccomp/profile.h"

typedef enum GuardTest {
        GUARD_EQUALS_NONE, /* refuse the values listed */
        GUARD_EQUALS_ONE,  /* refuse every other value */
        GUARD_NO_BITS,     /* refuse a value with any of these bits */
} GuardTest;

/* Which values it is about, where a unit decides that. */
typedef enum GuardValues {
        GUARD_VALUES_FIXED,
        GUARD_VALUES_FAMILIES,   /* SeccompProfile.families */
        GUARD_VALUES_CLONE,      /* SeccompProfile.denied_clone */
        GUARD_VALUES_NAMESPACES, /* SeccompProfile.denied_namespaces */
} GuardValues;

typedef struct Guard {
        const char *name;
        unsigned argument;
        GuardTest test;
        GuardValues source;
        const uint32_t *values; /* of GUARD_VALUES_FIXED */
        size_t n_values;
        SeccompSwitch needs; /* only where the profile has this on */
        int error;           /* 0 = what every denied call gets */
        const char *words;   /* for people, before the error; what the unit decides follows */
        /* Only a call with any of these bits in this argument is judged; 0 = every call. */
        unsigned when_argument;
        uint32_t when_bits;
} Guard;

/* The first from there on (NULL: the first of all) that judges the call; NULL = none (any more). */
const Guard *guard_next(const SeccompProfile *p, const SyscallEntry *entry, const Guard *after);
/* The values of a guard in this profile. */
const uint32_t *guard_values(const SeccompProfile *p, const Guard *guard, size_t *ret_n);
/* Whether the profile has what the guard is about. */
bool guard_applies(const SeccompProfile *p, const Guard *guard);
