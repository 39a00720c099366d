/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <grp.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <linux/capability.h>

#include "manager/base/io.h"
#include "manager/stage/stage.h"

int step_private_mounts(Stage *s, const PlanStep *step) {
        return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? -errno : 0;
}

/* All namespaces through one pidfd, in one call: there is no moment in some and not yet in others, and no path of
 * the container is looked up. CVE-2016-9962, CVE-2022-1227. */
int step_enter_namespaces(Stage *s, const PlanStep *step) {
        int fd = stage_slot(s, step->slot);

        if (fd < 0)
                return -EBADF;
        if (setns(fd, (int)step->a) < 0)
                return -errno;
        return stage_guard(s);
}

/* Inner is in sight of the container from its first instruction, and is what outer has become: not dumpable, as outer, with
 * the payload's ids, capabilities and filter, which leaves it no call but those that plan-join.c knows. It does not end
 * with the keeper any more, since nothing but the payload's execve() is left. */
static int clone_joining(Stage *s) {
        long pid = syscall(SYS_clone, PLAN_JOIN_CLONE_FLAGS, NULL, &launch_own(s->page)->inner_pid, NULL, NULL);

        if (pid < 0)
                return -errno;
        if (pid > 0)
                return 0;
        stage_run(s, ACTOR_INNER | ACTOR_PAYLOAD, s->step + 1);
}

int step_clone_inner(Stage *s, const PlanStep *step) {
        /* CLONE_PARENT: the keeper reaps it. CLONE_FILES: what inner mounts, outer can attach. */
        struct clone_args args = {
                .flags = step->a | CLONE_PARENT | CLONE_PARENT_SETTID | CLONE_FILES,
                .parent_tid = (uint64_t)(uintptr_t)&launch_own(s->page)->inner_pid,
        };
        long pid;

        if (s->plan.header->flags & PLAN_FLAG_JOIN)
                return clone_joining(s);
        pid = syscall(SYS_clone3, &args, sizeof(args));
        if (pid < 0)
                return -errno;
        if (pid > 0)
                return 0;

        if (stage_guard(s) < 0)
                _exit(EXIT_FAILURE);
        if (s->plan.header->flags & PLAN_FLAG_INIT_ROLE)
                stage_run(s, ACTOR_INNER, s->step + 1);
        stage_run(s, ACTOR_INNER | ACTOR_PAYLOAD, s->step + 1);
}

/* Below the keeper's own procfs: no symlink, no magic link, no other mount can stand in the way. CVE-2025-52881. */
static int proc_open(Stage *s, pid_t pid, const char *name, int flags) {
        const struct open_how how = {
                .flags = (uint64_t)(flags | O_CLOEXEC),
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
        };
        char path[64];
        long fd;

        (void)snprintf(path, sizeof(path), "%d/%s", (int)pid, name);
        fd = syscall(SYS_openat2, s->proc_fd, path, &how, sizeof(how));
        return fd < 0 ? -errno : (int)fd;
}

static int id_map_write(Stage *s, const char *name, const char *map) {
        _cleanup_close_ int fd = -EBADF;
        unsigned long wanted[3], got[3];
        char text[128];
        size_t n = 0;
        int r;

        fd = proc_open(s, launch_own(s->page)->inner_pid, name, O_RDWR);
        if (fd < 0)
                return fd;
        if (write(fd, map, strlen(map)) != (ssize_t)strlen(map))
                return errno > 0 ? -errno : -EIO;

        /* Believed written, was not: a class of its own. Read it back. */
        if (lseek(fd, 0, SEEK_SET) < 0)
                return -errno;
        r = read_all(fd, text, sizeof(text) - 1, &n);
        if (r < 0)
                return r;
        text[n] = 0;
        if (sscanf(map, "%lu %lu %lu", &wanted[0], &wanted[1], &wanted[2]) != 3 ||
            sscanf(text, "%lu %lu %lu", &got[0], &got[1], &got[2]) != 3 ||
            memcmp(wanted, got, sizeof(got)) != 0)
                return -EBADE;
        return 0;
}

/* Files that outer makes belong to the container's root. setfsuid() takes the file capabilities away; outer keeps
 * them, since a mount point may lie in a directory of any owner. */
static int become_file_owner(uid_t uid, gid_t gid) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2];

        (void)setfsgid(gid);
        (void)setfsuid(uid);
        if ((uid_t)setfsuid((uid_t)-1) != uid || (gid_t)setfsgid((gid_t)-1) != gid)
                return -EPERM;
        if (syscall(SYS_capget, &header, data) < 0)
                return -errno;
        data[0].effective = data[0].permitted;
        data[1].effective = data[1].permitted;
        return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

int step_write_id_maps(Stage *s, const PlanStep *step) {
        char path[64];
        int r;

        r = id_map_write(s, "gid_map", plan_text(&s->plan, step->t));
        if (r < 0)
                return r;
        r = id_map_write(s, "uid_map", plan_text(&s->plan, step->s));
        if (r < 0)
                return r;

        (void)snprintf(path, sizeof(path), "%d/ns/user", (int)launch_own(s->page)->inner_pid);
        s->user_namespace_fd = openat(s->proc_fd, path, O_RDONLY | O_CLOEXEC);
        if (s->user_namespace_fd < 0)
                return -errno;
        r = become_file_owner((uid_t)step->a, (gid_t)step->b);
        return r < 0 ? r : stage_guard(s);
}

int step_reach(Stage *s, const PlanStep *step) {
        stage_futex_set(&s->page->sync[step->a]);
        return 0;
}

int step_await(Stage *s, const PlanStep *step) {
        return stage_futex_wait(&s->page->sync[step->a]);
}

int step_await_go(Stage *s, const PlanStep *step) {
        const char created = LAUNCH_CREATED_BYTE;
        int r;

        r = write_all(s->status_fd, &created, 1);
        if (r < 0)
                return r;
        return stage_futex_wait(&s->page->go);
}

int step_become_root(Stage *s, const PlanStep *step) {
        if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
                return -errno;
        return stage_guard(s);
}

/* The copy of a mount namespace into a less privileged user namespace locks every mount and every flag in it
 * (mount_namespaces(7)): nobody inside, whatever capabilities, can unmount a mask or remount a bind writable. */
int step_lock_mounts(Stage *s, const PlanStep *step) {
        int fd;

        if (s->user_namespace_fd >= 0) {
                if (setns(s->user_namespace_fd, CLONE_NEWUSER) < 0)
                        return -errno;
                if (unshare(CLONE_NEWNS) < 0)
                        return -errno;
                if (stage_guard(s) < 0)
                        return -EPERM;
        }
        fd = openat(s->proc_fd, "thread-self/ns/mnt", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        s->page->mount_namespace = fd;
        return 0;
}

int step_adopt_mounts(Stage *s, const PlanStep *step) {
        if (setns(s->page->mount_namespace, CLONE_NEWNS) < 0)
                return -errno;
        s->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        return s->root_fd < 0 ? -errno : 0;
}

int step_loopback_up(Stage *s, const PlanStep *step) {
        struct ifreq request = { .ifr_name = "lo" };
        _cleanup_close_ int fd = -EBADF;

        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
                return -errno;
        request.ifr_flags |= IFF_UP;
        return ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
}

int step_host_name(Stage *s, const PlanStep *step) {
        return sethostname(plan_text(&s->plan, step->s), step->s.size) < 0 ? -errno : 0;
}
