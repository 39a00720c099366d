/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A server (the real bus objects over the registry in memory) in a child process, and clients of it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <systemd/sd-bus.h>

#include <cmocka.h>

#include "manager/base/util.h"
#include "manager/bus/bus.h"
#include "manager/bus/names.h"

#define CONTAINER_STATES "ssii" /* in WaitContainer's answer */

typedef struct Server {
        pid_t pid;
        char directory[32];
        char socket[64];
        size_t descriptors; /* open in it without any client */
} Server;

int server_start(void **state); /* group fixtures */
int server_stop(void **state);
size_t server_descriptors(const Server *s);

sd_bus *client_new(const Server *s);
static inline void client_freep(sd_bus **c) {
        *c = sd_bus_close_unref(*c);
}
#define _cleanup_client_ _cleanup_(client_freep)
#define _cleanup_message_ _cleanup_(sd_bus_message_unrefp)
#define _cleanup_error_ _cleanup_(sd_bus_error_free)

/* A plain connection that speaks no D-Bus yet. */
int socket_connect(const Server *s);
/* True once the peer closed, false after two seconds. */
bool socket_ended(int fd);

/* One method of the manager; asserts that it answers. The reply is owned, or dropped where ret is NULL. */
void must_call(sd_bus *c, const char *member, sd_bus_message **ret, const char *types, ...);
/* Asserts that it fails with the D-Bus error of that name; *ret_text where asked is owned. */
void must_fail(sd_bus *c, const char *member, const char *error_name, char **ret_text, const char *types, ...);
/* The next signal of that name; asserts that it comes. Others are dropped. *ret is owned. */
void await_signal(sd_bus *c, const char *member, sd_bus_message **ret);
char *container_path(const char *name);
