/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Measures a start as a bus client sees it: start SOCKET NAME COUNT STAMP-FILE. The unit's payload writes
 * CLOCK_MONOTONIC in nanoseconds and the unit sends that to STAMP-FILE (truncate:). One line a start:
 * nanoseconds from the method call to the payload's main(), and to the answer that the container has ended.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-bus.h>
#include <time.h>

#include "manager/base/io.h"
#include "manager/base/util.h"
#include "manager/bus/names.h"

static int64_t now(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int connect_to(const char *path, sd_bus **ret) {
        _cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
        _cleanup_free_ char *address = NULL;
        int r;

        if (asprintf(&address, "unix:path=%s", path) < 0)
                return -ENOMEM;
        r = sd_bus_new(&bus);
        if (r >= 0)
                r = sd_bus_set_address(bus, address);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(bus);
        return 0;
}

/* The manager writes the file from a pipe; its answer may come a moment before the last byte. */
static int read_stamp(const char *path, int64_t begin, int64_t *ret) {
        for (unsigned tries = 0; tries < 1000; tries++) {
                _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
                char text[64] = "";
                size_t n = 0;

                if (fd >= 0 && read_all(fd, text, sizeof(text) - 1, &n) >= 0 &&
                    sscanf(text, "%" SCNd64, ret) == 1 && *ret > begin)
                        return 0;
                (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        }
        return -ETIME;
}

static int measure(sd_bus *bus, const char *name, const char *path) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int64_t begin = now(), end, stamp = 0;
        int r;

        r = sd_bus_call_method(bus, NULL, BUS_PATH, BUS_INTERFACE_MANAGER, "StartContainer", &error, NULL,
                               "ss", name, "replace");
        if (r >= 0)
                r = sd_bus_call_method(bus, NULL, BUS_PATH, BUS_INTERFACE_MANAGER, "WaitContainer", &error,
                                       NULL, "s", name);
        end = now();
        if (r < 0) {
                (void)fprintf(stderr, "start: %s: %s\n", name, error.message ? error.message : strerror(-r));
                return r;
        }
        r = read_stamp(path, begin, &stamp);
        if (r < 0) {
                (void)fprintf(stderr, "start: no stamp in %s\n", path);
                return r;
        }
        (void)printf("%" PRId64 " %" PRId64 "\n", stamp - begin, end - begin);
        return 0;
}

int main(int argc, char **argv) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        int r;

        if (argc != 5) {
                (void)fprintf(stderr, "usage: start SOCKET NAME COUNT STAMP-FILE\n");
                return 2;
        }
        r = connect_to(argv[1], &bus);
        if (r < 0) {
                (void)fprintf(stderr, "start: %s: %s\n", argv[1], strerror(-r));
                return EXIT_FAILURE;
        }
        for (int i = 0; i < atoi(argv[3]); i++)
                if (measure(bus, argv[2], argv[4]) < 0)
                        return EXIT_FAILURE;
        return EXIT_SUCCESS;
}
