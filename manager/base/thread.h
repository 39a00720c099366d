/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A thread for what may block for as long as a container likes: nobody waits for its end. pthread_create(3). */

#include "manager/base/util.h"

/* All signals are blocked in it: they are the loop's. It owns userdata from here on, unless this fails: -EAGAIN, -ENOMEM.
 * Its stack has 64 KiB. */
int thread_detached(void *(*run)(void *userdata), void *userdata);
