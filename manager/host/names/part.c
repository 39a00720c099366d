/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include "manager/base/io.h"
#include "manager/container/container-internal.h"
#include "manager/host/names/names-text.h"
#include "manager/host/part.h"
#include "manager/record/blob.h"
#include "units/spec/name-files.h"

/* /etc/hosts, /etc/resolv.conf and /etc/hostname of a container: files of the manager, of which each launch mounts its own, read-only,
 * over what the root has there. Of all three only hosts changes while the container lives: when others of its network come or go. */

#define HOST_FILE_MAX (64U << 10)
#define FILE_NAME_MAX (sizeof("resolv.conf:") + NAME_MAX)

/* --- what the host says */

/* NULL: there is no such file, or one that nobody would read. */
static char *host_file(const char *path) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        char *text = NULL;
        size_t n;

        return fd >= 0 && read_file(fd, HOST_FILE_MAX, &text, &n) >= 0 ? text : NULL;
}

/* ResolvConf='s words, by number. */
static const char *const resolver_files[_RESOLV_CONF_MAX] = {
        [RESOLV_CONF_AUTO] = "/etc/resolv.conf",
        [RESOLV_CONF_HOST] = "/etc/resolv.conf",
        [RESOLV_CONF_STATIC] = "/usr/lib/systemd/resolv.conf",
        [RESOLV_CONF_UPLINK] = "/run/systemd/resolve/resolv.conf",
        [RESOLV_CONF_STUB] = "/run/systemd/resolve/stub-resolv.conf",
};

/* --- the names of a container, and of the others on its network */

static bool has_peers(const ContainerSpec *spec) {
        return spec->zone || spec->bridge;
}

static const char *own_name(const ContainerSpec *spec) {
        return spec->hostname ? spec->hostname : spec->prefix;
}

/* As others see it; own: as it sees itself. */
static int lines_of(const Container *c, bool own, char ***ret) {
        _cleanup_free_ char *name = NULL;
        int r = container_host_name(c->name, &name);

        return r < 0 ? r : hosts_lines(own ? own_name(c->spec) : NULL, name, c->spec->network_alias, c->network.addresses.items,
                                       c->network.addresses.n, ret);
}

static bool are_peers(const Container *a, const Container *b) {
        return a != b && a->network.held && b->network.held && container_spec_shares_network(a->spec, b->spec);
}

static int line_compare(const void *a, const void *b) {
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines of all others, sorted. */
static int peers_of(const Container *c, char ***ret, size_t *ret_n) {
        const Manager *m = c->manager;
        _cleanup_strv_ char **all = NULL;
        size_t n = 0, room = 0;

        for (size_t i = 0; has_peers(c->spec) && i < m->n_sorted; i++) {
                _cleanup_strv_ char **l = NULL;
                int r = are_peers(c, m->sorted[i]) ? lines_of(m->sorted[i], false, &l) : 0;

                if (r < 0)
                        return r;
                for (char **line = l; line && *line; line++) {
                        if (n + 1 >= room) {
                                char **grown = reallocarray(all, room = 2 * room + 16, sizeof(char *));

                                if (!grown)
                                        return -ENOMEM;
                                all = grown;
                        }
                        all[n++] = TAKE_PTR(*line);
                        all[n] = NULL;
                        *line = (char *)"";
                }
                free(TAKE_PTR(l));
        }
        if (n > 0)
                qsort(all, n, sizeof(char *), line_compare);
        *ret = TAKE_PTR(all);
        *ret_n = n;
        return 0;
}

/* What host-gateway is. */
static size_t gateways_of(const Container *c, IpPrefix ret[static NETWORK_ADDRESSES_MAX]) {
        const ContainerSpec *spec = c->spec;
        size_t n = 0;

        if (!spec->private_network) {
                (void)ip_prefix_parse("127.0.0.1", ret, NULL);
                return 1;
        }
        for (size_t i = 0; spec->bridge && i < spec->gateway.n; i++)
                ret[n++] = spec->gateway.items[i].prefix;
        for (size_t i = 0; !spec->bridge && c->network.held && i < c->network.addresses.n; i++)
                network_host_address(c->network.addresses.items + i, ret + n++);
        return n;
}

/* --- the texts */

static int text_of_hosts(const Container *c, char **ret) {
        _cleanup_free_ char *host = c->spec->private_network ? NULL : host_file("/etc/hosts");
        _cleanup_strv_ char **own = NULL, **peers = NULL;
        IpPrefix gateways[NETWORK_ADDRESSES_MAX];
        HostsQuestion q = { .own = own_name(c->spec), .host_text = host, .entries = &c->spec->add_host, .gateways = gateways };
        size_t n;
        int r = c->network.held ? lines_of(c, true, &own) : 0;

        if (r >= 0)
                r = peers_of(c, &peers, &n);
        if (r < 0)
                return r;
        q.own_lines = own;
        q.peers = peers;
        q.n_gateways = gateways_of(c, gateways);
        return hosts_text(&q, ret);
}

static int text_of_resolver(const Container *c, Diag *diag, char **ret) {
        const ContainerSpec *spec = c->spec;
        const bool chosen = spec->resolv_conf != RESOLV_CONF_AUTO;
        const char *path = strempty(resolver_files[spec->resolv_conf]);
        _cleanup_free_ char *host = host_file(path), *uplink = host_file(resolver_files[RESOLV_CONF_UPLINK]);
        const ResolverQuestion q = { .reach = !spec->private_network ? RESOLVER_REACH_HOST :
                                              c->network.held        ? RESOLVER_REACH_OUTSIDE :
                                                                       RESOLVER_REACH_NOTHING,
                                     .dns = &spec->dns,
                                     .domains = spec->domains,
                                     .options = spec->dns_option,
                                     .host_text = host,
                                     .uplink_text = uplink,
                                     .verbatim = chosen };

        if (chosen && !host)
                return diag_error(diag, ERROR_MISSING, container_spec_origin(spec, DIRECTIVE_ResolvConf), "ResolvConf",
                                  "the host has no file %s that could be read; systemd-resolved(8) writes it, or write DNS=", path);
        return resolver_text(&q, ret);
}

static int text_of(const Container *c, NameFile file, Diag *diag, char **ret) {
        switch (file) {
        case NAME_FILE_HOSTS:
                return text_of_hosts(c, ret);
        case NAME_FILE_RESOLV_CONF:
                return text_of_resolver(c, diag, ret);
        case NAME_FILE_HOSTNAME:
                return str_append(ret, "%s\n", own_name(c->spec));
        case _NAME_FILE_MAX:
        case _NAME_FILE_INVALID:
                break;
        }
        return -EINVAL;
}

/* --- the files */

static void file_name(const Container *c, NameFile file, char ret[static FILE_NAME_MAX]) {
        (void)snprintf(ret, FILE_NAME_MAX, "%s:%s", name_files[file].name, c->name);
}

static int report(const Container *c, NameFile file, int r, Diag *diag) {
        DirectiveId row;

        (void)container_spec_gets_file(c->spec, file, &row);
        return diag_errno(diag, ERROR_FAILED, row != _DIRECTIVE_MAX ? container_spec_origin(c->spec, row) : NULL,
                          row != _DIRECTIVE_MAX ? directives[row].name : NULL, -r, "cannot write the container's %s", name_files[file].path);
}

/* Anew, so that one that an ended life had mounted stays its own. */
static int file_make(Container *c, NameFile file, Diag *diag) {
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *text = NULL;
        char name[FILE_NAME_MAX];
        int r = text_of(c, file, diag, &text);

        if (r < 0)
                return diag && diag->n_errors > 0 ? r : report(c, file, r, diag);
        file_name(c, file, name);
        (void)unlinkat(c->manager->names_fd, name, 0);
        fd = openat(c->manager->names_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd < 0)
                return report(c, file, -errno, diag);
        r = fchmod(fd, 0644) < 0 ? -errno : mac_label_file(c, fd); /* the manager's mask may be any */
        if (r >= 0)
                r = write_all(fd, text, strlen(text));
        if (r < 0)
                return report(c, file, r, diag);
        if (file == NAME_FILE_HOSTS && has_peers(c->spec)) {
                (void)safe_close(c->names.hosts.fd);
                c->names.hosts = (HostsFile){ .fd = TAKE_FD(fd), .size = strlen(text) };
        }
        return 0;
}

static int file_mount(const Container *c, NameFile file, int *ret) {
        struct mount_attr private = { .propagation = MS_PRIVATE };
        _cleanup_close_ int tree = -EBADF;
        char name[FILE_NAME_MAX];

        file_name(c, file, name);
        tree = (int)syscall(SYS_open_tree, c->manager->names_fd, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
        if (tree < 0 || syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &private, sizeof(private)) < 0)
                return -errno;
        *ret = TAKE_FD(tree);
        return 0;
}

/* --- a root that cannot take them */

static bool is_on_tmpfs(const ContainerSpec *spec, NameFile file) {
        for (size_t i = 0; i < spec->temporary_file_system.n; i++) {
                const char *rest = startswith(name_files[file].path, spec->temporary_file_system.items[i].path);

                if (rest && *rest == '/')
                        return true;
        }
        return false;
}

/* Of its file system: what only its mount forbids the plan takes away from the copy that this is, where it reads the root only. */
static bool is_on_read_only_disk(int root, bool plan_writes) {
        struct mount_attr writable = { .attr_clr = MOUNT_ATTR_RDONLY }, as_before = { .attr_set = MOUNT_ATTR_RDONLY };
        struct statvfs st;

        if (fstatvfs(root, &st) < 0 || !(st.f_flag & ST_RDONLY))
                return false;
        if (!plan_writes || syscall(SYS_mount_setattr, root, "", AT_EMPTY_PATH, &writable, sizeof(writable)) < 0)
                return true;
        if (fstatvfs(root, &st) < 0)
                st.f_flag = 0;
        (void)syscall(SYS_mount_setattr, root, "", AT_EMPTY_PATH, &as_before, sizeof(as_before));
        return st.f_flag & ST_RDONLY;
}

/* Why the plan's lenient steps will leave it out; NULL = they will not, as far as can be seen. */
static const char *root_lacks_place(int root, const char *path, bool plan_writes) {
        const struct open_how how = { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
                                      .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };
        int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
        const int error = errno;

        if (fd >= 0) {
                (void)close(fd);
                return NULL;
        }
        if (error == ELOOP)
                return "leads through a symbolic link of its root";
        if (error == ENOENT && is_on_read_only_disk(root, plan_writes))
                return "is missing in its root, which is on a read-only file system";
        return NULL;
}

/* Once a life; to a container that reaches nothing the names of others mean nothing. */
static void tell_of_root(Container *c, const SlotSet *slots) {
        int root = -EBADF;

        /* Where SELinux labels a root by an overlay, places are made in its upper layer. */
        if (c->names.told || container_spec_root(c->spec).upper != ROOT_UPPER_NONE || c->labels.selinux_file_context || (c->spec->private_network && !c->network.held))
                return;
        c->names.told = true;
        for (size_t i = 0; i < slots->n; i++)
                if (slots->items[i].slot == 0) /* plan_build() begins with it */
                        root = slots->items[i].fd;
        for (NameFile f = 0; root >= 0 && f < _NAME_FILE_MAX; f++) {
                const char *why;
                DirectiveId row;

                if (!name_files[f].made || !container_spec_gets_file(c->spec, f, &row) || row != _DIRECTIVE_MAX || is_on_tmpfs(c->spec, f))
                        continue;
                why = root_lacks_place(root, name_files[f].path, c->spec->read_only);
                if (why)
                        log_message(&c->manager->config.log, LOG_NOTICE, "%s: starts without a %s of its own, as that %s; make an empty file there",
                                    c->name, name_files[f].path, why);
        }
}

int names_open(Container *c, const PlanView *plan, SlotSet *slots, Diag *diag) {
        tell_of_root(c, slots);
        for (uint32_t i = 0; i < plan->header->n_slots; i++) {
                NameFile file;
                int tree = -EBADF, r;

                if (plan->slots[i].kind != SLOT_NAMES)
                        continue;
                file = name_file_from_string(plan_text(plan, plan->slots[i].path));
                if (file < 0)
                        return file;
                r = file_mount(c, file, &tree);
                if (r == -ENOENT) { /* the life was begun by a manager that knew no such file */
                        r = file_make(c, file, diag);
                        if (r < 0)
                                return r;
                        r = file_mount(c, file, &tree);
                }
                if (r < 0)
                        return report(c, file, r, diag);
                r = slot_set_add(slots, (int16_t)i, tree);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* --- the others: a file that cannot be changed lacks a name, which is told, and nothing fails for it */

static void tell_peer(Container *peer, char *const *lines, const Container *about, bool comes) {
        for (; peer->names.hosts.fd >= 0 && lines && *lines; lines++) {
                int r = comes ? hosts_file_add(&peer->names.hosts, *lines) : hosts_file_remove(&peer->names.hosts, *lines);

                if (r < 0 && !(r == -ENOENT && !comes))
                        log_message(&peer->manager->config.log, LOG_WARNING, "%s: its /etc/hosts is not changed for %s: %s", peer->name,
                                    about->name, strerror(-r));
        }
}

static void tell_peers(Container *c, bool comes) {
        Manager *m = c->manager;
        _cleanup_strv_ char **lines = NULL;

        if (!c->network.held || !has_peers(c->spec) || lines_of(c, false, &lines) < 0)
                return;
        for (size_t i = 0; i < m->n_sorted; i++)
                if (are_peers(c, m->sorted[i]))
                        tell_peer(m->sorted[i], lines, c, comes);
}

/* --- the part */

static int names_prepare(Container *c, Launch *launch, Diag *diag) {
        int r = 0;

        c->names.held = true;
        c->names.told = false;
        for (NameFile f = 0; r >= 0 && f < _NAME_FILE_MAX; f++)
                r = container_spec_gets_file(c->spec, f, NULL) ? file_make(c, f, diag) : 0;
        if (r < 0)
                return r;
        crash_point(c->manager, NAMES_WRITTEN);
        tell_peers(c, true);
        return 0;
}

static void names_release(Container *c) {
        c->names.hosts.fd = safe_close(c->names.hosts.fd);
        c->names.held = false;
}

static void names_undo(Container *c) {
        if (!c->names.held)
                return;
        tell_peers(c, false);
        for (NameFile f = 0; f < _NAME_FILE_MAX; f++) {
                char name[FILE_NAME_MAX];

                file_name(c, f, name);
                (void)unlinkat(c->manager->names_fd, name, 0);
        }
        names_release(c);
}

/* --- another manager */

static void names_adopt(Container *c, Adoption *a) {
        char name[FILE_NAME_MAX];

        if (!c->spec)
                return;
        c->names.held = true;
        if (!has_peers(c->spec))
                return;
        file_name(c, NAME_FILE_HOSTS, name);
        (void)safe_close(c->names.hosts.fd);
        c->names.hosts = (HostsFile){ .fd = openat(c->manager->names_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW) };
}

static void settle(Container *c) {
        _cleanup_strv_ char **lines = NULL;
        size_t n;
        int r;

        if (c->names.hosts.fd < 0)
                return;
        r = peers_of(c, &lines, &n);
        if (r >= 0)
                r = hosts_file_settle(&c->names.hosts, lines, n);
        if (r < 0)
                log_message(&c->manager->config.log, LOG_WARNING, "%s: its /etc/hosts is not brought up to date: %s", c->name, strerror(-r));
}

/* Who came or went between two managers; and files of lives that ended there. */
static void names_sweep(Manager *m) {
        int fd = fcntl(m->names_fd, F_DUPFD_CLOEXEC, 3);
        DIR *d = fd < 0 ? NULL : fdopendir(fd);

        for (size_t i = 0; i < m->n_sorted; i++)
                settle(m->sorted[i]);
        if (!d) {
                (void)safe_close(fd);
                return;
        }
        rewinddir(d);
        for (const struct dirent *e; (e = readdir(d));) {
                const char *colon = strchr(e->d_name, ':');
                const Container *c = colon ? manager_find(m, colon + 1) : NULL;

                if (colon && !(c && c->names.held))
                        (void)unlinkat(m->names_fd, e->d_name, 0);
        }
        (void)closedir(d);
}

const LifePart part_names = {
        .name = "names",
        .of_the_end = true,
        .prepare = names_prepare,
        .undo = names_undo,
        .release = names_release,
        .adopt = names_adopt,
        .sweep = names_sweep,
};
