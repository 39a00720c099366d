/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What people call an image: [HOST[:PORT]/]PATH[:TAG]. Without a tag it means :latest. In the store a name is a file, "/" written
 * as "+", which stands in no name. */

#include "manager/base/util.h"

#define IMAGE_NAME_MAX 255 /* the file's name, too */
#define IMAGE_TAG_MAX 128

/* The name with its tag; -EINVAL where it is none. */
int image_name_normalize(const char *text, char **ret);
/* Both expect and give normalized names; -EINVAL for a file that no name makes. */
int image_name_to_file(const char *name, char ret[static IMAGE_NAME_MAX + 1]);
int image_name_from_file(const char *file, char ret[static IMAGE_NAME_MAX + 1]);
