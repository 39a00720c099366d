/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "manager/base/io.h"
#include "manager/host/network/part-network.h"
#include "manager/host/network/part-ports.h"
#include "manager/host/network/part-table.h"
#include "manager/host/network/publish.h"

#define BIND_TRIES 50 /* of 2 ms: the keeper may not have let go yet what the last life had */

/* --- all mappings of a unit */

static const DirectiveId ports_directives[] = { DIRECTIVE_Port, DIRECTIVE_PublishPort };

static const PortMapping *mapping_at(const ContainerSpec *spec, size_t i, DirectiveId *ret) {
        for (size_t k = 0; k < ELEMENTSOF(ports_directives); k++) {
                const value_port_mappings *v = container_spec_field_const(spec, ports_directives[k]);

                *ret = ports_directives[k];
                if (i < v->n)
                        return v->items + i;
                i -= v->n;
        }
        return NULL;
}

#define EACH_MAPPING(m, spec, id) (size_t _i = 0; (m = mapping_at(spec, _i, &id)); _i++)

/* --- bound */

static int bind_any(const PortMapping *m, uint8_t family, uint16_t port, int *ret) {
        const struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(port) };
        struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
        const int only = m->host.family != 0;
        struct sockaddr_in given = four;
        _cleanup_close_ int fd = socket(family, (m->protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return -errno;
        if (only)
                memcpy(&given.sin_addr, m->host.bytes, sizeof(given.sin_addr));
        if (only)
                memcpy(&six.sin6_addr, m->host.bytes, sizeof(six.sin6_addr));
        if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)) < 0)
                return -errno;
        if (bind(fd, family == AF_INET ? (const struct sockaddr *)&given : (const struct sockaddr *)&six,
                 family == AF_INET ? sizeof(given) : sizeof(six)) < 0)
                return -errno;
        *ret = TAKE_FD(fd);
        return 0;
}

/* Of all addresses: by one socket of both families, where the host has both. */
static int port_bind(const PortMapping *m, uint16_t port, int *ret) {
        int r = bind_any(m, m->host.family != 0 ? m->host.family : AF_INET6, port, ret);

        return r == -EAFNOSUPPORT && m->host.family == 0 ? bind_any(m, AF_INET, port, ret) : r;
}

static int port_bind_patiently(const PortMapping *m, uint16_t port, int *ret) {
        int r = -EADDRINUSE;

        for (unsigned i = 0; r == -EADDRINUSE && i < BIND_TRIES; i++) {
                if (i > 0)
                        (void)poll(NULL, 0, 2);
                r = port_bind(m, port, ret);
        }
        return r;
}

/* --- who has it */

/* The socket that is bound to that port, as the kernel lists it: its inode. */
static unsigned long inode_of(const PortMapping *m, uint16_t port) {
        static const char *const files[][2] = { { "/proc/net/tcp", "/proc/net/tcp6" }, { "/proc/net/udp", "/proc/net/udp6" } };
        char line[512];

        for (size_t i = 0; i < 2; i++) {
                FILE *f = fopen(files[m->protocol == IPPROTO_UDP][i], "re");
                unsigned long inode = 0, found;
                unsigned local;

                while (f && !inode && fgets(line, sizeof(line), f))
                        if (sscanf(line, " %*u: %*[0-9A-F]:%x %*s %*x %*s %*s %*s %*u %*u %lu", &local, &found) == 2 && local == port)
                                inode = found;
                if (f)
                        (void)fclose(f);
                if (inode)
                        return inode;
        }
        return 0;
}

static bool process_has(const char *pid, const char *wanted) {
        char path[64], target[64];
        bool has = false;
        DIR *d;

        (void)snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
        d = opendir(path);
        for (struct dirent *e; d && !has && (e = readdir(d));) {
                ssize_t n = readlinkat(dirfd(d), e->d_name, target, sizeof(target) - 1);

                if (n > 0) {
                        target[n] = 0;
                        has = streq(target, wanted);
                }
        }
        if (d)
                (void)closedir(d);
        return has;
}

/* "nginx (process 7)"; a program's name is its own choice, and has no line's end here. */
static void owner_of_port(const PortMapping *m, uint16_t port, char *ret, size_t size) {
        const unsigned long inode = inode_of(m, port);
        char wanted[48], path[64], name[32] = "";
        DIR *d = inode ? opendir("/proc") : NULL;

        (void)snprintf(ret, size, "another program");
        (void)snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
        for (struct dirent *e; d && (e = readdir(d));) {
                _cleanup_close_ int fd = -EBADF;
                ssize_t n;

                if (e->d_name[0] < '1' || e->d_name[0] > '9' || !process_has(e->d_name, wanted))
                        continue;
                (void)snprintf(path, sizeof(path), "/proc/%.20s/comm", e->d_name);
                fd = open(path, O_RDONLY | O_CLOEXEC);
                n = fd < 0 ? 0 : read(fd, name, sizeof(name) - 1);
                name[n > 0 ? n : 0] = 0;
                for (char *p = name; *p; p++)
                        if (*p < ' ' || *p > '~')
                                *p = p[1] ? '?' : 0;
                (void)snprintf(ret, size, "%s (process %.20s)", name[0] ? name : "a program", e->d_name);
                break;
        }
        if (d)
                (void)closedir(d);
}

/* --- before the host is touched */

static int report_bind(const PortMapping *m, DirectiveId id, uint16_t port, int r, Diag *diag) {
        const char *protocol = m->protocol == IPPROTO_UDP ? "udp" : "tcp", *name = directives[id].name;
        char owner[80], address[IP_PREFIX_TEXT_MAX] = "";

        if (r == -EADDRINUSE) {
                owner_of_port(m, port, owner, sizeof(owner));
                return diag_error(diag, ERROR_CONFLICT, &m->origin, name, "%s has the port %s:%u of the host; choose another, or stop it", owner,
                                  protocol, port);
        }
        if (m->host.family != 0)
                ip_prefix_to_text(&m->host, false, address);
        if (r == -EADDRNOTAVAIL)
                return diag_error(diag, ERROR_MISSING, &m->origin, name, "the host has no address %s to publish on", address);
        return diag_errno(diag, ERROR_FAILED, &m->origin, name, -r, "cannot take the port %s:%u of the host", protocol, port);
}

static int check_others(const Container *c, const PortMapping *m, DirectiveId id, Diag *diag) {
        const Manager *manager = c->manager;

        for (size_t i = 0; i < manager->n_sorted; i++) {
                const Container *other = manager->sorted[i];
                const PortMapping *theirs;
                DirectiveId their_id;

                if (other == c || !other->network.held)
                        continue;
                for EACH_MAPPING(theirs, other->spec, their_id) {
                        char text[PORT_MAPPING_TEXT_MAX];

                        if (!port_mappings_overlap(m, theirs))
                                continue;
                        port_mapping_to_text(theirs, their_id == DIRECTIVE_PublishPort, text);
                        return diag_error(diag, ERROR_CONFLICT, &m->origin, directives[id].name,
                                          "the container %s has published a port of that: %s; choose another", other->name, text);
                }
        }
        return 0;
}

/* It has it itself, in the life that a restart ends first. */
static bool is_held(const Container *c, const PortMapping *m, uint16_t port) {
        const PortMapping *own, one = { .protocol = m->protocol, .host = m->host, .first = port, .last = port };
        DirectiveId id;

        if (!c->network.held)
                return false;
        for EACH_MAPPING(own, c->spec, id)
                if (port_mappings_overlap(own, &one))
                        return true;
        return false;
}

int ports_check(const Container *c, Diag *diag) {
        const PortMapping *m;
        DirectiveId id;

        for EACH_MAPPING(m, c->loaded, id) {
                int r = check_others(c, m, id, diag);

                for (unsigned port = m->first; r >= 0 && port <= m->last; port++) {
                        _cleanup_close_ int fd = -EBADF;

                        r = is_held(c, m, (uint16_t)port) ? 0 : port_bind_patiently(m, (uint16_t)port, &fd);
                        if (r < 0)
                                return report_bind(m, id, (uint16_t)port, r, diag);
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

/* --- held */

static int ports_send(const Container *c, int *fds, size_t n) {
        KeptSet none = {};
        KeeperMessage message;
        _cleanup_close_ int blob = -EBADF;
        int r = 0;

        if (n == 0)
                return container_send_kept((Container *)c, KEPT_PORTS, &none, fds, NULL, NULL);
        keeper_message_init(&message, KEEPER_STORE, c->name);
        message.value = KEPT_PORTS;
        r = memfd_sealed("bulwark-ports", "ports", 5, &blob);
        fds[0] = blob;
        return r < 0 ? r : keeper_client_request(c->manager->keeper, &message, fds, n + 1, NULL, NULL);
}

int ports_reserve(Container *c, Diag *diag) {
        int fds[1 + PORTS_HELD_MAX], r = 0;
        const PortMapping *m;
        DirectiveId id;
        size_t n = 0;

        for EACH_MAPPING(m, c->spec, id)
                for (unsigned port = m->first; r >= 0 && port <= m->last && n < PORTS_HELD_MAX; port++) {
                        r = (diag ? port_bind_patiently : port_bind)(m, (uint16_t)port, &fds[1 + n]);
                        if (r >= 0)
                                n++;
                        else if (diag)
                                r = report_bind(m, id, (uint16_t)port, r, diag);
                }
        if (r >= 0 && n > 0)
                r = ports_send(c, fds, n);
        if (r >= 0 && n > 0)
                c->network.ports_kept = true;
        while (n > 0)
                (void)close(fds[n--]);
        return r;
}

void ports_release(Container *c) {
        int none = -EBADF;

        if (c->network.ports_kept)
                (void)ports_send(c, &none, 0);
        c->network.ports_kept = false;
}

/* One life's ports may be left with the keeper by a manager that died while it ended; and a keeper that is new holds none. */
void ports_settle(Manager *m) {
        for (size_t i = 0; i < m->n_sorted; i++) {
                Container *c = m->sorted[i];

                if (!c->network.held)
                        ports_release(c);
                else if (m->adopted || !c->network.ports_kept)
                        (void)ports_reserve(c, NULL);
        }
}

/* --- led on */

void ports_put(const Container *c, NetlinkMessage *message) {
        const NftTable t = { .message = message, .family = NFPROTO_INET, .name = TABLE_NAME };
        const PortMapping *m;
        DirectiveId id;

        for EACH_MAPPING(m, c->spec, id)
                publish_put(&t, m, c->network.addresses.items, c->network.addresses.n);
}

void ports_take(const Container *c, NetlinkMessage *message) {
        const NftTable t = { .message = message, .family = NFPROTO_INET, .name = TABLE_NAME };
        const PortMapping *m;
        DirectiveId id;

        for EACH_MAPPING(m, c->spec, id)
                publish_take(&t, m, c->network.addresses.items, c->network.addresses.n);
}
