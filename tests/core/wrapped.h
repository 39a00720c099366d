/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <time.h>
#include <unistd.h>

#include "manager/base/io.h"
#include "manager/container/container-internal.h"
#include "manager/container/life/parts.h"
#include "manager/host/cgroup/cgroup-root.h"
#include "manager/host/messages/message-socket.h"
#include "manager/host/network/links.h"
#include "manager/host/sockets/close-apart.h"
#include "manager/host/sockets/socket-bind.h"
#include "manager/host/streams/life-log.h"
#include "manager/record/record-store.h"

#define WRAPPED(name) __typeof__(name) __wrap_##name, __real_##name;
#include "tests/core/wrapped.inc"
#undef WRAPPED
