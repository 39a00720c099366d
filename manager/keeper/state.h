/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* All that a keeper is, as bytes and numbers of descriptors, for the program that it becomes. A value that is zero and a
 * descriptor that is none are not written, so that a row more is no trouble while nobody uses it; what the reader does not
 * know by its tag and size it refuses, and the keeper stays what it is. */

#include "manager/keeper/keeper.h"

int keeper_state_encode(Keeper *k, void **ret, size_t *ret_size);
/* Into a keeper that has nothing yet but what keeper_empty() gives it. -EBADMSG; -ENOMEM. On a failure k is half filled. */
int keeper_state_decode(Keeper *k, const void *data, size_t size);
/* Frees what decoding made, and leaves all descriptors alone. */
void keeper_state_forget(Keeper *k);
/* Every descriptor of the state goes over the next execve(), or does not. */
int keeper_state_inherit(Keeper *k, bool inherit);
