/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The one way from a text of the unit into a profile. */

#include "manager/base/util.h"

/* The inside of a "quoted" word that matches exactly s: nothing in it is special to apparmor_parser(8). -EINVAL for what
 * the language of profiles cannot say: nothing at all, and control characters. Owned. */
int apparmor_quote(const char *s, char **ret);

/* "bulwark-web": what the profile of a container is called, another for each; fit for a peer= and for the kernel. Owned. */
int apparmor_profile_name(const char *container, char **ret);
