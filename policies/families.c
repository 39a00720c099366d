/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/capability.h>
#include <sys/socket.h>

#include "manager/base/string-list.h"
#include "policies/families.h"

#define FAMILY(name) (UINT64_C(1) << (name))

uint64_t address_families_within(const ContainerSpec *spec, uint64_t bounding) {
        const value_address_families *v = &spec->restrict_address_families;
        uint64_t families = FAMILY(AF_UNIX) | FAMILY(AF_INET) | FAMILY(AF_INET6) | FAMILY(AF_NETLINK);

        if (v->set && !v->negate)
                return v->mask;
        if (bounding & (UINT64_C(1) << CAP_NET_RAW))
                families |= FAMILY(AF_PACKET);
        return families & ~v->mask;
}

uint64_t address_families_of(const ContainerSpec *spec, const PolicySet *set) {
        return address_families_within(spec, set->capabilities.bounding);
}

int address_families_check_sockets(const ContainerSpec *spec, uint64_t families, Diag *diag) {
        const Origin *restriction = container_spec_origin(spec, DIRECTIVE_RestrictAddressFamilies);
        int error = 0;
        SpecSocket s;

        for (size_t i = 0; container_spec_socket(spec, i, &s); i++) {
                ListenAddress a;

                if (listen_address_parse(s.item->text, &a) < 0 || address_families_have(families, a.address.any.sa_family))
                        continue;
                error = diag_error(diag, ERROR_CONFLICT, &s.item->origin, directives[s.directive].name,
                                   "'%s' is a socket of %s, which RestrictAddressFamilies= (%s:%u) does not allow; name %s there%s",
                                   s.item->text, address_family_to_string(a.address.any.sa_family),
                                   strempty(restriction->file), restriction->line,
                                   address_family_to_string(a.address.any.sa_family),
                                   a.any ? ", or write 0.0.0.0:PORT" : "");
        }
        return error;
}

int address_families_text(uint64_t families, char **ret) {
        char *s = NULL;
        int r = 0;

        if (families == 0)
                r = str_append(&s, "none");
        for (unsigned i = 0; r >= 0 && i < ADDRESS_FAMILY_MAX; i++)
                if (address_families_have(families, i))
                        r = str_append(&s, "%s%s", s ? " " : "", strempty(address_family_to_string(i)));
        if (r < 0) {
                free(s);
                return r;
        }
        *ret = s;
        return 0;
}
