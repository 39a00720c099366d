/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>

#include "manager/base/io.h"
#include "manager/base/string-list.h"
#include "manager/host/cgroup/cgroup-host.h"

#define PROC_TEXT_MAX (16U << 20)

void cgroup_host_done(CgroupHost *h) {
        for (size_t i = 0; i < h->n_legacy; i++) {
                free(h->legacy[i].controllers);
                free(h->legacy[i].path);
        }
        free(h->legacy);
        free(h->mount);
        free(h->mount_root);
        *h = (CgroupHost){};
}

/* mountinfo writes space, tab, newline and backslash as \ooo. */
static void unescape(char *s) {
        char *to = s;

        for (const char *p = s; *p;) {
                if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' &&
                    p[3] >= '0' && p[3] <= '7') {
                        *to++ = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
                        p += 4;
                } else
                        *to++ = *p++;
        }
        *to = 0;
}

typedef struct MountLine {
        char *root, *path, *type, *options;
} MountLine;

/* "36 35 98:0 /root /path options [optional...] - type source super-options". Cuts the line in place. */
static bool line_cut(char *line, MountLine *ret) {
        char *fields[6] = {}, *rest[3] = {}, *save = NULL, *word;
        size_t n = 0;

        for (; n < ELEMENTSOF(fields); n++) {
                fields[n] = strtok_r(n == 0 ? line : NULL, " ", &save);
                if (!fields[n])
                        return false;
        }
        do {
                word = strtok_r(NULL, " ", &save);
                if (!word)
                        return false;
        } while (!streq(word, "-"));
        for (n = 0; n < ELEMENTSOF(rest); n++) {
                rest[n] = strtok_r(NULL, " ", &save);
                if (!rest[n])
                        return false;
        }
        *ret = (MountLine){ .root = fields[3], .path = fields[4], .type = rest[0], .options = rest[2] };
        unescape(ret->root);
        unescape(ret->path);
        return true;
}

static int add_legacy(CgroupHost *h, const MountLine *line) {
        CgroupLegacy *grown = reallocarray(h->legacy, h->n_legacy + 1, sizeof(*grown));
        CgroupLegacy one;

        if (!grown)
                return -ENOMEM;
        h->legacy = grown;
        one = (CgroupLegacy){ .controllers = strdup(line->options), .path = strdup(line->path) };
        h->legacy[h->n_legacy++] = one;
        return one.controllers && one.path ? 0 : -ENOMEM;
}

static int add_unified(CgroupHost *h, const MountLine *line) {
        /* The first mount that shows the whole tree wins over one that shows a part of it. */
        if (h->mount && (streq(h->mount_root, "/") || !streq(line->root, "/")))
                return 0;
        free(h->mount);
        free(h->mount_root);
        h->mount = strdup(line->path);
        h->mount_root = strdup(line->root);
        return h->mount && h->mount_root ? 0 : -ENOMEM;
}

int cgroup_host_parse(const char *mountinfo, CgroupHost *ret) {
        _cleanup_(cgroup_host_done) CgroupHost host = {};
        _cleanup_free_ char *text = strdup(mountinfo);
        char *save = NULL;

        if (!text)
                return -ENOMEM;
        for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
                MountLine line;
                int r = 0;

                if (!line_cut(l, &line))
                        continue;
                if (streq(line.type, "cgroup2"))
                        r = add_unified(&host, &line);
                else if (streq(line.type, "cgroup"))
                        r = add_legacy(&host, &line);
                if (r < 0)
                        return r;
        }
        *ret = host;
        host = (CgroupHost){};
        return 0;
}

static int read_path(const char *path, char **ret) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

        return fd < 0 ? -errno : read_file(fd, PROC_TEXT_MAX, ret, NULL);
}

int cgroup_host_read(CgroupHost *ret) {
        _cleanup_free_ char *text = NULL;
        int r = read_path("/proc/self/mountinfo", &text);

        return r < 0 ? r : cgroup_host_parse(text, ret);
}

const char *cgroup_host_legacy_path(const CgroupHost *h, const char *controller) {
        size_t k = strlen(controller);

        for (size_t i = 0; i < h->n_legacy; i++)
                for (const char *p = h->legacy[i].controllers; *p;) {
                        size_t n = strcspn(p, ",");

                        if (n == k && memcmp(p, controller, n) == 0)
                                return h->legacy[i].path;
                        p += n + (p[n] == ',');
                }
        return NULL;
}

int cgroup_path_parse(const char *proc_cgroup, char **ret) {
        for (const char *p = proc_cgroup; *p;) {
                size_t n = strcspn(p, "\n");
                const char *path = startswith(p, "0::");
                char *copy;

                if (path) {
                        if (startswith(path, "/.."))
                                return -EXDEV;
                        copy = strndup(path, n - 3);
                        if (!copy)
                                return -ENOMEM;
                        *ret = copy;
                        return 0;
                }
                p += n + (p[n] == '\n');
        }
        return -ENODATA;
}

int cgroup_path_of_process(pid_t pid, char **ret) {
        _cleanup_free_ char *text = NULL;
        char path[64] = "/proc/self/cgroup";
        int r;

        if (pid > 0)
                (void)snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
        r = read_path(path, &text);
        return r < 0 ? r : cgroup_path_parse(text, ret);
}
