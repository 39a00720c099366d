/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The manager's own directories: 0700, owned by who runs the manager, reached by descriptor only. */

#include "manager/base/diag.h"

/* Opens path, making it and missing parents (0755). A symbolic link as last component or a foreign
 * owner is refused; what group and others may do is taken away. */
int directory_open_private(const char *path, Diag *diag, int *ret_fd);
/* The same for one name below an own directory. */
int directory_open_private_at(int parent, const char *name, int *ret_fd);
