/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The whole life of a container as a table: state x event -> action, next state. An empty cell means "not now". */

#include "manager/base/util.h"

typedef enum ContainerState {
        CONTAINER_INACTIVE,
        CONTAINER_PREPARING,  /* host changes before the launch: cgroup, trees, pipes */
        CONTAINER_LAUNCHING,  /* the keeper runs the plan */
        CONTAINER_RUNNING,
        CONTAINER_EXITED,     /* oneshot with RemainAfterExit= ended well */
        CONTAINER_STOPPING,   /* stop signal sent */
        CONTAINER_KILLING,    /* cgroup.kill written */
        CONTAINER_CLEANING,   /* waiting for the cgroup to empty, then undo */
        CONTAINER_FAILED,
        _CONTAINER_STATE_MAX,
        _CONTAINER_STATE_INVALID = -EINVAL,
} ContainerState;
