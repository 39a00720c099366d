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
