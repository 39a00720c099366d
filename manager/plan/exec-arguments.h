/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Variables in a command line, as systemd.service(5): ${NAME} anywhere in a word, $NAME as a word of its own (split
 * at white space into any number of words), $$ is a dollar sign. The command itself is not expanded. Unset is empty. */

#include "manager/base/util.h"

int exec_arguments_expand(char *const *argv, char *const *environment, char ***ret);
