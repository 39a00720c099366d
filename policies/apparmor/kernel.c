/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#include "manager/base/io.h"
#include "manager/base/string-list.h"
#include "policies/apparmor/kernel.h"

#define FILES "/sys/kernel/security/apparmor/"
#define PROFILES_MAX (64U << 20)
#define LABEL_MAX 4096U

/* "NAME (MODE)", in place: the name is cut off and the mode returned; NULL where there is none. */
static char *cut_mode(char *line) {
        char *end = endswith(line, ")") ? strrchr(line, '(') : NULL;

        if (!end || end == line || end[-1] != ' ')
                return NULL;
        end[-1] = 0;
        end[strlen(end) - 1] = 0;
        return end + 1;
}

static bool mode_enforces(const char *mode) {
        return streq(mode, "enforce") || streq(mode, "kill");
}

static int read_profiles(char **ret) {
        _cleanup_close_ int fd = open(FILES "profiles", O_RDONLY | O_CLOEXEC);
        size_t size;

        return fd < 0 ? -errno : read_file(fd, PROFILES_MAX, ret, &size);
}

/* Of a profile in a namespace ":NS:NAME" the list says ":NS://NAME". */
static bool same_name(const char *listed, const char *name) {
        const char *ns = *name == ':' ? strchr(name + 1, ':') : NULL, *rest;

        if (streq(listed, name))
                return true;
        if (!ns || strncmp(listed, name, (size_t)(ns + 1 - name)) != 0)
                return false;
        rest = startswith(listed + (ns + 1 - name), "//");
        return rest && streq(rest, ns + 1);
}

int kernel_profile_mode(const char *profile, ProfileMode *ret) {
        _cleanup_free_ char *text = NULL;
        ProfileMode found = PROFILE_ABSENT;
        char *rest;
        int r;

        r = read_profiles(&text);
        if (r < 0)
                return r;
        for (rest = text; rest && found == PROFILE_ABSENT;) {
                char *line = strsep(&rest, "\n"), *mode = cut_mode(line);

                if (mode && same_name(line, profile))
                        found = mode_enforces(mode) ? PROFILE_ENFORCES : PROFILE_LENIENT;
        }
        *ret = found;
        return 0;
}

int kernel_profiles(const char *prefix, char ***ret) {
        _cleanup_free_ char *text = NULL;
        _cleanup_strv_ char **list = NULL;
        char *rest;
        int r;

        r = read_profiles(&text);
        for (rest = text; r >= 0 && rest;) {
                char *line = strsep(&rest, "\n");

                if (cut_mode(line) && startswith(line, prefix))
                        r = strv_extend(&list, line);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(list);
        return 0;
}

static int read_label(int proc, char buffer[static LABEL_MAX]) {
        static const char *const files[] = { "attr/apparmor/current", "attr/current" };
        _cleanup_close_ int fd = -EBADF;
        ssize_t n;

        for (size_t i = 0; fd < 0 && i < ELEMENTSOF(files); i++)
                fd = openat(proc, files[i], O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return -errno;
        n = read(fd, buffer, LABEL_MAX - 1);
        if (n < 0)
                return -errno;
        while (n > 0 && (buffer[n - 1] == '\n' || buffer[n - 1] == 0))
                n--;
        buffer[n] = 0;
        return 0;
}

int kernel_label_of(int proc, char **ret) {
        char buffer[LABEL_MAX], copy[LABEL_MAX];
        const char *mode;
        int r;

        r = read_label(proc, buffer);
        if (r < 0)
                return r;
        strcpy(copy, buffer);
        mode = cut_mode(copy);
        *ret = strdup(mode && mode_enforces(mode) ? copy : buffer);
        return *ret ? 0 : -ENOMEM;
}

/* A stack is "A//&B"; a child of a profile counts as the profile. */
static bool label_names(const char *label, const char *profile) {
        const size_t n = strlen(profile);

        for (const char *p = strstr(label, profile); p; p = strstr(p + 1, profile)) {
                const bool begins = p == label || p[-1] == '&' || p[-1] == ':' || p[-1] == '/';

                if (begins && (p[n] == 0 || p[n] == ' ' || p[n] == '/'))
                        return true;
        }
        return false;
}

static void take_out(char **profiles, const char *label) {
        for (size_t i = 0; profiles[i];)
                if (label_names(label, profiles[i])) {
                        free(profiles[i]);
                        memmove(profiles + i, profiles + i + 1, (strv_length(profiles + i + 1) + 1) * sizeof(char *));
                } else
                        i++;
}

int kernel_leave_unworn(char **profiles) {
        DIR *dir = opendir("/proc");
        struct dirent *e;

        if (!dir)
                return -errno;
        while ((e = readdir(dir))) {
                _cleanup_close_ int proc = -EBADF;
                char label[LABEL_MAX];

                if (!isdigit((unsigned char)e->d_name[0]))
                        continue;
                proc = openat(dirfd(dir), e->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
                if (proc >= 0 && read_label(proc, label) >= 0)
                        take_out(profiles, label);
        }
        (void)closedir(dir);
        return 0;
}

int kernel_revision_open(int *ret_fd) {
        const int fd = open(FILES "revision", O_RDONLY | O_CLOEXEC | O_NONBLOCK);

        if (fd < 0)
                return errno == ENOENT ? -EOPNOTSUPP : -errno;
        *ret_fd = fd;
        return 0;
}

int kernel_revision_read(int fd, uint64_t *ret) {
        char text[32];
        const ssize_t n = read(fd, text, sizeof(text) - 1);

        if (n < 0)
                return -errno;
        text[n] = 0;
        *ret = strtoull(text, NULL, 10);
        return 0;
}
