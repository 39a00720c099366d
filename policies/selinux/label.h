/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Gives a tree of the host one label, for bulwark-policy. The topmost directory gets it last, so that it tells whether all
 * below has it. Never follows a symbolic link, also not on the way to path: the manager knows which ones are root's, and has
 * resolved them. Never leaves the file system, refuses the host's own directories. */
int label_tree(const char *path, const char *context);
