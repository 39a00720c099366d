/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The connection to the manager, by its private socket or, for who may not use that, by the system bus, where polkit decides;
 * and how errors become words and exit codes. */

#include <json-c/json.h>
#include <systemd/sd-bus.h>

#include "manager/base/util.h"
#include "manager/bus/names.h"
#include "manager/base/diag.h"

#define EXIT_USAGE 2
#define EXIT_NOT_ACTIVE 3
#define EXIT_NO_UNIT 4
#define EXIT_NO_MANAGER 7

typedef struct Client {
        const char *runtime_directory;
        sd_bus *bus; /* NULL = not connected */
        const char *destination; /* of calls: NULL = the manager at the other end; its name, on the system bus */
} Client;

/* Connects; on failure prints what to do and sets *ret_exit. */
int client_connect(Client *c, int *ret_exit);
void client_done(Client *c);
/* The same without words, for coming back after the manager was restarted. */
int client_try_connect(Client *c);

/* --runtime-directory=, else $BULWARK_RUNTIME_DIRECTORY, else the built-in one. */
const char *runtime_directory_choose(const char *option);

/* A method of the manager object. timeout in microseconds, 0 = the default, UINT64_MAX = none. Negative
 * errno. */
int client_call(Client *c, uint64_t timeout, sd_bus_error *error, sd_bus_message **ret, const char *member,
                const char *types, ...);

/* Words and exit code of a failed call; without error set, of r. Prints "Error: context name: ...". */
int client_report(const sd_bus_error *error, int r, const char *context, const char *name);
int client_exit_status(const sd_bus_error *error, int r);
/* Was the call answered by nothing but the end of the connection? */
bool client_disconnected(const sd_bus_error *error, int r);

/* The object path of a container; loads its unit. Owned. */
int client_container(Client *c, const char *name, sd_bus_error *error, char **ret_path);

/* All properties of an object as one JSON object in the order sent; owned, json_object_put(). */
int client_properties(Client *c, const char *path, const char *interface, sd_bus_error *error,
                      json_object **ret);
int client_property_string(Client *c, const char *path, const char *interface, const char *name,
                           sd_bus_error *error, char **ret);

/* The next value of a message as JSON: structs and arrays as arrays, dictionaries as objects, byte arrays as
 * hexadecimal text. */
int message_to_json(sd_bus_message *m, json_object **ret);

/* "web.container" is the container "web". Borrowed or in buffer. */
const char *container_name_of(const char *argument, char buffer[static 256]);

static inline void json_putp(json_object **o) {
        if (*o)
                json_object_put(*o);
}
#define _cleanup_json_ _cleanup_(json_putp)
#define _cleanup_bus_error_ _cleanup_(sd_bus_error_free)
#define _cleanup_message_ _cleanup_(sd_bus_message_unrefp)
