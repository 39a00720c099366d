/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Labels of the security modules. "Believed to be applied, and was not" is a class of its own (CVE-2019-16884,
 * CVE-2023-28642, CVE-2025-52881): what is written goes to this thread's own entry in the keeper's own procfs, which no
 * path of an image and no mount of a container can stand in for, and is read back. */
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#include "manager/stage/stage.h"

#define LABEL_MAX 4096U

static const struct {
        const char *module;
        LabelAttribute attribute;
        const char *file, *command; /* the command that AppArmor wants before the label */
} label_files[] = {
        { "apparmor", LABEL_EXEC, "thread-self/attr/apparmor/exec", "exec " },
        { "apparmor", LABEL_CURRENT, "thread-self/attr/apparmor/current", "changeprofile " },
        { "selinux", LABEL_EXEC, "thread-self/attr/exec", "" },
        { "selinux", LABEL_CURRENT, "thread-self/attr/current", "" },
        { "selinux", LABEL_KEYS, "thread-self/attr/keycreate", "" },
};

/* The kernel takes a write only from the credentials that opened the file, so each is opened anew. */
static int attribute_open(const Stage *s, const char *file, int flags) {
        const struct open_how how = { .flags = (uint64_t)flags | O_CLOEXEC | O_NOCTTY,
                                      .resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS };
        struct statfs fs;
        int fd;

        fd = (int)syscall(SYS_openat2, s->proc_fd, file, &how, sizeof(how));
        if (fd < 0)
                return -errno;
        if (fstatfs(fd, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC) {
                (void)close(fd);
                return -EMEDIUMTYPE;
        }
        return fd;
}

/* AppArmor answers "NAME (enforce)", SELinux the context with or without a NUL. A profile that only complains protects
 * nothing. */
static bool label_matches(const char *found, const char *label) {
        const size_t n = strlen(label);

        if (strncmp(found, label, n) != 0)
                return false;
        found += n;
        return *found == 0 || streq(found, "\n") || startswith(found, " (enforce)") || startswith(found, " (unconfined)") ||
               startswith(found, " (kill)");
}

static int read_back(Stage *s, const char *file, const char *label) {
        _cleanup_close_ int fd = -EBADF;
        char found[LABEL_MAX];
        ssize_t n;

        fd = attribute_open(s, file, O_RDONLY);
        if (fd < 0)
                return fd;
        n = read(fd, found, sizeof(found) - 1);
        if (n < 0)
                return -errno;
        found[n] = 0;
        return label_matches(found, label) ? 0 : -EBADE;
}

int step_security_label(Stage *s, const PlanStep *step) {
        const char *module = plan_text(&s->plan, step->s), *label = plan_text(&s->plan, step->t);
        _cleanup_close_ int fd = -EBADF;
        char text[LABEL_MAX];
        size_t row = 0;
        int n;

        while (row < ELEMENTSOF(label_files) &&
               (!streq(label_files[row].module, module) || label_files[row].attribute != (LabelAttribute)step->a))
                row++;
        if (row == ELEMENTSOF(label_files))
                return -EBADMSG;
        n = snprintf(text, sizeof(text), "%s%s", label_files[row].command, label);
        if (n < 0 || (size_t)n >= sizeof(text))
                return -ENAMETOOLONG;
        fd = attribute_open(s, label_files[row].file, O_WRONLY);
        if (fd < 0)
                return fd;
        s->detail = 1;
        if (write(fd, text, (size_t)n) != n)
                return errno > 0 ? -errno : -EIO;
        s->detail = 2;
        return read_back(s, label_files[row].file, label);
}
