/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A tree of files below a descriptor, and nothing outside of it: no function here follows a link. */

#include <sys/stat.h>

#include "manager/base/hash.h"
#include "manager/base/string-list.h"
#include "manager/images/layer-view.h"

/* Removes name with all below it. Not being there is fine. */
int tree_remove(int dir_fd, const char *name);
/* Owner, mode, kept attributes and time of one file onto another, which is not a link. */
int tree_copy_attributes(int from_fd, int to_fd);
/* A file (or link) of another tree becomes dir_fd/name, which does not exist. */
int tree_copy_file(int from_fd, const struct stat *st, int dir_fd, const char *name);

/* All of a tree in one digest: names, kinds, modes, owners, sizes, times, kept attributes, contents, and which are one file. */
int tree_digest(int tree_fd, Digest *ret);

/* The one list of extended attributes that a layer may have. */
bool tree_keeps_attribute(const char *name);
