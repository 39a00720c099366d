/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* apparmor_parser(8) as a piece of work, and what it says when it is refused. */

#include "policies/load.h"

/* What a binary depends on: the text, who compiles it, what the rules mean (abi), what the kernel can mediate. */
int profile_compile_key(const AppArmorPolicy *policy, const char *kernel_features, Diag *diag, Digest *ret);

/* features: a stored feature file in place of the running kernel's, or NULL. */
int profile_compile_work(const AppArmorPolicy *policy, const Digest *key, const char *features, Diag *diag,
                         PolicyWork **ret);

/* The binary, owned, once the program ended; else its words, with the line of the unit that caused them. */
int profile_compile_result(const PolicySet *set, const PolicyWork *work, int status, const char *errors, Diag *diag,
                           void **ret, size_t *ret_size);
