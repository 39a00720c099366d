/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What containers keep for themselves, said to the groups between them and the manager's root: the kernel keeps memory for a
 * group only as far as the one above does, and gives CPUs away only from hand to hand. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include "manager/base/string-list.h"
#include "manager/host/cgroup/cgroup.h"

#define EXCLUSIVE "cpuset.cpus.exclusive"
#define TEXT_MAX 4096

/* UINT64_MAX = all; saturates. */
static uint64_t share_add(uint64_t sum, const char *text) {
        const uint64_t v = isdigit((unsigned char)*text) ? strtoull(text, NULL, 10) : UINT64_MAX;

        return v > UINT64_MAX - sum ? UINT64_MAX : sum + v;
}

static void share_write(const CgroupRoot *root, const char *file, const char *text) {
        char have[TEXT_MAX];
        const int levels[] = { root->containers_fd, root->fd };

        for (size_t i = 0; i < ELEMENTSOF(levels); i++) {
                if (cgroup_read(levels[i], file, have, sizeof(have)) < 0)
                        continue;
                have[strcspn(have, "\n")] = 0;
                if (!streq(have, text))
                        (void)cgroup_write(levels[i], file, *text ? text : "\n");
        }
}

static void share_number(const CgroupRoot *root, const char *file, uint64_t sum) {
        char text[24] = "max";

        if (sum != UINT64_MAX)
                (void)snprintf(text, sizeof(text), "%" PRIu64, sum);
        share_write(root, file, text);
}

void cgroup_share(const CgroupRoot *root) {
        _cleanup_strv_ char **names = NULL;
        _cleanup_free_ char *cpus = NULL;
        uint64_t min = 0, low = 0;

        if (cgroup_names(root, &names) < 0)
                return;
        for (char *const *name = names; name && *name; name++) {
                Cgroup c = CGROUP_EMPTY;
                char text[TEXT_MAX];

                if (cgroup_open(root, *name, &c) < 0)
                        continue;
                if (cgroup_read(c.fd, "memory.min", text, sizeof(text)) >= 0)
                        min = share_add(min, text);
                if (cgroup_read(c.fd, "memory.low", text, sizeof(text)) >= 0)
                        low = share_add(low, text);
                if (cgroup_read(c.fd, EXCLUSIVE, text, sizeof(text)) >= 0) {
                        text[strcspn(text, "\n")] = 0;
                        if (*text)
                                (void)str_append(&cpus, "%s%s", cpus ? "," : "", text);
                }
                cgroup_done(&c);
        }
        if (root->available[CONTROLLER_MEMORY]) {
                share_number(root, "memory.min", min);
                share_number(root, "memory.low", low);
        }
        if (root->available[CONTROLLER_CPUSET])
                share_write(root, EXCLUSIVE, strempty(cpus));
}

/* From the top: a group can have no more than the one above. */
void cgroup_share_cpus(const CgroupRoot *root, int fd, const char *list) {
        const int levels[] = { root->fd, root->containers_fd, fd };

        for (size_t i = 0; i < ELEMENTSOF(levels); i++) {
                _cleanup_free_ char *both = NULL;
                char have[TEXT_MAX];

                if (cgroup_read(levels[i], EXCLUSIVE, have, sizeof(have)) < 0)
                        return;
                have[strcspn(have, "\n")] = 0;
                if (str_append(&both, "%s%s%.*s", levels[i] == fd ? "" : have, levels[i] == fd || !*have ? "" : ",",
                               (int)strcspn(list, "\n"), list) < 0)
                        return;
                (void)cgroup_write(levels[i], EXCLUSIVE, both);
        }
}
