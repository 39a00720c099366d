/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "units/spec/name-files.h"

const NameFileRow name_files[_NAME_FILE_MAX] = {
        [NAME_FILE_HOSTS] = { "hosts", "/etc/hosts", true },
        [NAME_FILE_RESOLV_CONF] = { "resolv.conf", "/etc/resolv.conf", true },
        [NAME_FILE_HOSTNAME] = { "hostname", "/etc/hostname", false },
};

NameFile name_file_from_string(const char *name) {
        for (NameFile f = 0; f < _NAME_FILE_MAX; f++)
                if (streq(name_files[f].name, name))
                        return f;
        return _NAME_FILE_INVALID;
}

const BindMount *container_spec_bound_file(const ContainerSpec *s, NameFile file) {
        const value_binds *lists[] = { &s->bind_paths, &s->bind_read_only_paths };

        for (size_t k = 0; k < ELEMENTSOF(lists); k++)
                for (size_t i = 0; i < lists[k]->n; i++) {
                        const char *rest = startswith(name_files[file].path, lists[k]->items[i].destination);

                        if (rest && (*rest == 0 || *rest == '/'))
                                return lists[k]->items + i;
                }
        return NULL;
}

/* The row that asks for it in words. */
static DirectiveId asking_row(const ContainerSpec *s, NameFile file) {
        switch (file) {
        case NAME_FILE_HOSTS:
                return s->add_host.n > 0 ? DIRECTIVE_AddHost : _DIRECTIVE_MAX;
        case NAME_FILE_RESOLV_CONF:
                return s->resolv_conf != RESOLV_CONF_AUTO     ? DIRECTIVE_ResolvConf :
                       s->dns.n > 0                           ? DIRECTIVE_DNS :
                       s->domains && s->domains[0]            ? DIRECTIVE_Domains :
                       s->dns_option && s->dns_option[0]      ? DIRECTIVE_DNSOption :
                                                                _DIRECTIVE_MAX;
        case NAME_FILE_HOSTNAME:
        case _NAME_FILE_MAX:
        case _NAME_FILE_INVALID:
                break;
        }
        return _DIRECTIVE_MAX;
}

/* A system that boots has files of its own; on a network that the manager makes it cannot know who else is there, and on the
 * host's it has the host's name servers. */
static bool by_default(const ContainerSpec *s, NameFile file) {
        switch (file) {
        case NAME_FILE_HOSTS:
                return !s->boot || container_spec_has_network(s);
        case NAME_FILE_RESOLV_CONF:
                return !s->boot || !s->private_network;
        case NAME_FILE_HOSTNAME:
                return !s->boot;
        case _NAME_FILE_MAX:
        case _NAME_FILE_INVALID:
                break;
        }
        return false;
}

bool container_spec_gets_file(const ContainerSpec *s, NameFile file, DirectiveId *ret_row) {
        const DirectiveId row = asking_row(s, file);

        if (ret_row)
                *ret_row = row;
        if (container_spec_bound_file(s, file) || (file == NAME_FILE_RESOLV_CONF && s->resolv_conf == RESOLV_CONF_OFF))
                return false;
        return row != _DIRECTIVE_MAX || by_default(s, file);
}

bool container_spec_shares_network(const ContainerSpec *a, const ContainerSpec *b) {
        return (a->zone && b->zone && streq(a->zone, b->zone)) || (a->bridge && b->bridge && streq(a->bridge, b->bridge));
}
