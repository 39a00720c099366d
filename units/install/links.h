/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* For this room alone: one link at a time. */

#include "units/install/install.h"

int link_read(const char *path, char **ret); /* -ENOENT; -EINVAL = no link */
int link_make(const char *path, const char *target, bool force, Diag *diag, InstallChanges *changes);
int link_remove(const char *path, Diag *diag, InstallChanges *changes);

/* Paths of the files of a directory that end so, sorted; a directory that is not there has none. */
int files_list(const char *directory, const char *suffix, char ***ret);

/* Every link NAME.container in directory (wanter_directory NULL) and in its X.wants, X.requires and X.upholds. */
typedef int (*LinkFunc)(const char *path, const char *name, const char *wanter_directory, const char *target, void *userdata);
int links_walk(const char *directory, LinkFunc each, void *userdata);
