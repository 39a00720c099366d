/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "manager/base/string-list.h"
#include "tools/bulwarkctl/client.h"
#include "tools/bulwarkctl/ui.h"

const char *runtime_directory_choose(const char *option) {
        const char *variable = getenv("BULWARK_RUNTIME_DIRECTORY");

        if (option)
                return option;
        return isempty(variable) ? RUNTIME_DIRECTORY_DEFAULT : variable;
}

/* sun_path holds 107 bytes; through the directory's descriptor any path fits. */
static int connect_socket(const char *directory, int *ret_fd) {
        _cleanup_close_ int dir = -EBADF, fd = -EBADF;
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int n;

        n = snprintf(address.sun_path, sizeof(address.sun_path), "%s/" PRIVATE_SOCKET, directory);
        if (n < 0)
                return -EINVAL;
        if ((size_t)n >= sizeof(address.sun_path)) {
                dir = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
                if (dir < 0)
                        return -errno;
                (void)snprintf(address.sun_path, sizeof(address.sun_path),
                               "/proc/self/fd/%d/" PRIVATE_SOCKET, dir);
        }
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* --- the system bus */

/* Is it the manager of this runtime directory? Asked without starting one. */
static int check_manager(sd_bus *bus, const char *runtime_directory) {
        _cleanup_message_ sd_bus_message *m = NULL, *reply = NULL;
        const char *found;
        int r;

        r = sd_bus_message_new_method_call(bus, &m, BUS_NAME, BUS_PATH, "org.freedesktop.DBus.Properties", "Get");
        if (r >= 0)
                r = sd_bus_message_set_auto_start(m, false);
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", BUS_INTERFACE_MANAGER, "RuntimeDirectory");
        if (r >= 0)
                r = sd_bus_call(bus, m, 0, NULL, &reply);
        if (r >= 0)
                r = sd_bus_message_read(reply, "v", "s", &found);
        if (r < 0)
                return r;
        return streq(found, runtime_directory) ? 0 : -ENXIO;
}

/* On a socket of our own its end would tell. */
static int on_manager_gone(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        sd_bus_close(userdata);
        return 0;
}

static int connect_system_bus(Client *c) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        int r;

        r = sd_bus_open_system(&bus);
        if (r >= 0)
                r = check_manager(bus, c->runtime_directory);
        if (r >= 0)
                r = sd_bus_add_match(bus, NULL, "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                                     "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" BUS_NAME "',arg2=''",
                                     on_manager_gone, bus);
        if (r >= 0)
                r = sd_bus_set_allow_interactive_authorization(bus, isatty(STDIN_FILENO) == 1);
        if (r < 0)
                return r;
        c->bus = TAKE_PTR(bus);
        c->destination = BUS_NAME;
        return 0;
}

/* Root's way is the socket: a manager that is not there is not waited for on the bus. */
static bool system_bus_may_help(int r) {
        return r == -EACCES || r == -EPERM || (geteuid() != 0 && (r == -ENOENT || r == -ECONNREFUSED));
}

int client_try_connect(Client *c) {
        sd_bus *bus = NULL;
        int fd = -EBADF, r;

        c->destination = NULL;
        r = connect_socket(c->runtime_directory, &fd);
        if (r < 0)
                return system_bus_may_help(r) && connect_system_bus(c) >= 0 ? 0 : r;
        r = sd_bus_new(&bus);
        if (r < 0) {
                safe_close(fd);
                return r;
        }
        r = sd_bus_set_fd(bus, fd, fd);
        if (r < 0) {
                safe_close(fd);
                sd_bus_unref(bus);
                return r;
        }
        r = sd_bus_start(bus);
        if (r < 0) {
                sd_bus_close_unref(bus);
                return r;
        }
        c->bus = bus;
        return 0;
}

int client_connect(Client *c, int *ret_exit) {
        int r;

        if (c->bus)
                return 0;
        r = client_try_connect(c);
        if (r >= 0)
                return 0;
        if (r == -EACCES || r == -EPERM) {
                error_printf("no access to %s/" PRIVATE_SOCKET ": %s, and " BUS_NAME " of that directory is not on the system bus\n"
                             "Run this as root, or, where dbus and polkit run, as a member of the group \"bulwark\"",
                             c->runtime_directory, strerror(-r));
                *ret_exit = error_code_exit_status(ERROR_ACCESS);
        } else {
                error_printf("the manager does not answer on %s/" PRIVATE_SOCKET ": %s\n"
                             "Start bulwarkd (\"bulwarkd --standalone\" where systemd does not run it), or "
                             "name the "
                             "directory it uses with --runtime-directory=",
                             c->runtime_directory, strerror(-r));
                *ret_exit = error_code_exit_status(ERROR_NO_MANAGER);
        }
        return r;
}

void client_done(Client *c) {
        c->bus = sd_bus_close_unref(c->bus);
}

int client_call(Client *c, uint64_t timeout, sd_bus_error *error, sd_bus_message **ret, const char *member,
                const char *types, ...) {
        _cleanup_message_ sd_bus_message *m = NULL;
        va_list ap;
        int r;

        r = sd_bus_message_new_method_call(c->bus, &m, c->destination, BUS_PATH, BUS_INTERFACE_MANAGER, member);
        if (r < 0)
                return r;
        if (!isempty(types)) {
                va_start(ap, types);
                r = sd_bus_message_appendv(m, types, ap);
                va_end(ap);
                if (r < 0)
                        return r;
        }
        r = sd_bus_call(c->bus, m, timeout, error, ret);
        return r < 0 ? r : 0;
}

/* --- errors */
static const struct {
        const char *name;
        ErrorCode code;
} standard_errors[] = {
        { SD_BUS_ERROR_ACCESS_DENIED, ERROR_ACCESS },
        { SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, ERROR_ACCESS },
        { SD_BUS_ERROR_INVALID_ARGS, ERROR_USAGE },
        { SD_BUS_ERROR_NO_MEMORY, ERROR_NO_MEMORY },
        { SD_BUS_ERROR_NO_REPLY, ERROR_NO_MANAGER },
        { SD_BUS_ERROR_DISCONNECTED, ERROR_NO_MANAGER },
        { SD_BUS_ERROR_TIMEOUT, ERROR_TIMEOUT },
};

static const struct {
        int error;
        ErrorCode code;
} connection_errors[] = {
        { ECONNRESET, ERROR_NO_MANAGER }, { ENOTCONN, ERROR_NO_MANAGER },     { EPIPE, ERROR_NO_MANAGER },
        { ESHUTDOWN, ERROR_NO_MANAGER },  { ECONNREFUSED, ERROR_NO_MANAGER }, { ETIMEDOUT, ERROR_TIMEOUT },
        { EACCES, ERROR_ACCESS },         { EPERM, ERROR_ACCESS },            { ENOMEM, ERROR_NO_MEMORY },
};

bool client_disconnected(const sd_bus_error *error, int r) {
        return r == -ECONNRESET || r == -ENOTCONN || r == -EPIPE || r == -ESHUTDOWN ||
               sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY) || sd_bus_error_has_name(error, SD_BUS_ERROR_DISCONNECTED);
}

int client_exit_status(const sd_bus_error *error, int r) {
        ErrorCode code = _ERROR_CODE_INVALID;

        if (error && error->name) {
                code = error_code_from_bus_name(error->name);
                for (size_t i = 0; code < 0 && i < ELEMENTSOF(standard_errors); i++)
                        if (streq(standard_errors[i].name, error->name))
                                code = standard_errors[i].code;
        }
        for (size_t i = 0; code < 0 && i < ELEMENTSOF(connection_errors); i++)
                if (connection_errors[i].error == -r)
                        code = connection_errors[i].code;
        return error_code_exit_status(code < 0 ? ERROR_FAILED : code);
}

int client_report(const sd_bus_error *error, int r, const char *context, const char *name) {
        int status = client_exit_status(error, r);
        const char *words = error ? error->message : NULL, *rest;
        _cleanup_free_ char *head = NULL;

        if (str_append(&head, "%s%s%s", context, name ? " " : "", strempty(name)) < 0)
                return EXIT_FAILURE;
        /* What is wrong with the unit as a whole begins with its name, which stands in the context already.
         */
        rest = words && name ? startswith(words, name) : NULL;
        if (rest && startswith(rest, ": ") && !strchr(rest, '\n'))
                words = rest + 2;
        if (!isempty(words))
                error_print(head, words);
        else if (status == EXIT_NO_MANAGER)
                error_print(head, "the manager closed the connection; see whether bulwarkd still runs");
        else
                error_print(head, strerror(r < 0 ? -r : EIO));
        return status;
}

/* --- containers */
const char *container_name_of(const char *argument, char buffer[static 256]) {
        const char *suffix = endswith(argument, ".container");
        size_t n = suffix ? (size_t)(suffix - argument) : 0;

        if (n == 0 || n > 255)
                return argument;
        memcpy(buffer, argument, n);
        buffer[n] = 0;
        return buffer;
}

int client_container(Client *c, const char *name, sd_bus_error *error, char **ret_path) {
        _cleanup_message_ sd_bus_message *reply = NULL;
        const char *path;
        char *copy;
        int r;

        r = client_call(c, 0, error, &reply, "GetContainer", "s", name);
        if (r < 0)
                return r;
        r = sd_bus_message_read(reply, "o", &path);
        if (r < 0)
                return r;
        copy = strdup(path);
        if (!copy)
                return -ENOMEM;
        *ret_path = copy;
        return 0;
}

int client_properties(Client *c, const char *path, const char *interface, sd_bus_error *error,
                      json_object **ret) {
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_call_method(c->bus, c->destination, path, "org.freedesktop.DBus.Properties", "GetAll", error,
                               &reply, "s", interface);
        if (r < 0)
                return r;
        return message_to_json(reply, ret);
}

int client_property_string(Client *c, const char *path, const char *interface, const char *name,
                           sd_bus_error *error, char **ret) {
        char *value = NULL;
        int r;

        r = sd_bus_get_property_string(c->bus, c->destination, path, interface, name, error, &value);
        if (r < 0)
                return r;
        *ret = value;
        return 0;
}
