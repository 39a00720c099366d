/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>

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

/* --- what a profile holds */

#define CONTENT_MAX 512U

/* The kernel's own way of making a directory's name of a profile's: "NAME.NUMBER" without most punctuation. */
static void directory_prefix(const char *profile, char *to) {
        while (*profile == '/' || *profile == '.')
                profile++;
        for (; *profile; profile++)
                if (*profile == '/')
                        *to++ = '.';
                else if (isspace((unsigned char)*profile))
                        *to++ = '_';
                else if (isalnum((unsigned char)*profile) || strchr("._-", *profile))
                        *to++ = *profile;
        *to++ = '.';
        *to = 0;
}

static int read_small(int dir_fd, const char *path, char *buffer, size_t size) {
        _cleanup_close_ int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, buffer, size - 1);

        if (n < 0)
                return -errno;
        buffer[n] = 0;
        buffer[strcspn(buffer, "\n")] = 0;
        return 0;
}

/* "DIRECTORY/FILE DIGEST" of a directory that is the profile's; -ENOENT. */
static int content_of(int top, const char *directory, const char *profile, char **ret) {
        static const char *const files[] = { "sha256", "sha1" }; /* newer kernels first */
        char path[2 * NAME_MAX], text[CONTENT_MAX];

        (void)snprintf(path, sizeof(path), "%s/name", directory);
        if (read_small(top, path, text, sizeof(text)) < 0 || !streq(text, profile))
                return -ENOENT;
        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                (void)snprintf(path, sizeof(path), "%s/%s", directory, files[i]);
                if (read_small(top, path, text, sizeof(text)) >= 0)
                        return asprintf(ret, "%s %s", path, text) < 0 ? -ENOMEM : 0;
        }
        return -EOPNOTSUPP;
}

int kernel_profile_content(const char *profile, char **ret) {
        char prefix[NAME_MAX + 2];
        struct dirent *e;
        int r = -ENOENT;
        DIR *dir;

        if (strlen(profile) > NAME_MAX)
                return -EOPNOTSUPP;
        dir = opendir(FILES "policy/profiles");
        if (!dir)
                return errno == ENOENT ? -EOPNOTSUPP : -errno;
        directory_prefix(profile, prefix);
        while (r == -ENOENT && (e = readdir(dir))) {
                const char *number = startswith(e->d_name, prefix);

                if (number && strspn(number, "0123456789") == strlen(number))
                        r = content_of(dirfd(dir), e->d_name, profile, ret);
        }
        (void)closedir(dir);
        return r;
}

bool kernel_profile_is(const char *content) {
        const char *digest = strchr(content, ' ');
        char path[sizeof(FILES) + CONTENT_MAX], text[CONTENT_MAX];

        if (!digest || (size_t)(digest - content) >= CONTENT_MAX)
                return false;
        (void)snprintf(path, sizeof(path), FILES "policy/profiles/%.*s", (int)(digest - content), content);
        return read_small(AT_FDCWD, path, text, sizeof(text)) >= 0 && streq(text, digest + 1);
}

/* --- who wears what */

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

/* The parameter of a module tells nobody that it moved; that somebody wrote to its file can be heard. */
int kernel_mode_watch(int *ret_fd) {
        const int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

        if (fd < 0)
                return -errno;
        if (inotify_add_watch(fd, "/sys/module/apparmor/parameters/mode", IN_MODIFY) < 0) {
                const int r = -errno;

                (void)safe_close(fd);
                return r;
        }
        *ret_fd = fd;
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
