/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where units and their drop-ins stand: systemd's search path and precedence. Reads names only, never text.
 */

#include "units/syntax/source.h"


/* The first file for name ("web", "web@blue"): its own in any directory, else the template's. -ENOENT. */
int unit_find_fragment(const char *name, char *const *search_path, char **ret_path);

/* The unit that name is only another name of, by a link that Alias= or a person made; *ret NULL = it is a unit's own. Owned. */
int unit_alias_of(const char *name, char *const *search_path, char **ret);

/* All drop-ins that apply to name, in the order in which they are applied: sorted by file name; of two with
 * the same name the one of the earlier search directory, and there of the more specific folder, wins. */
int unit_find_drop_ins(const char *name, char *const *search_path, char ***ret_paths);

/* The drop-ins of the one folder, sorted. */
int unit_find_drop_ins_in(const char *folder, char ***ret_paths);
