/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The rules on files of a generated profile: who sees the container's mounts sees what these say. */

#include "policies/compile.h"

int apparmor_file_rules(const ContainerSpec *spec, Diag *diag, PolicyRules *rules);

/* A glob for one path component that is none of names (sorted, distinct, n > 0), to stand within quotes and braces: the
 * language has no "but". Owned. */
int apparmor_other_names(char *const *names, size_t n, char **ret);
