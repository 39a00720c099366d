/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/plan/plan.h"

#define ID_RANGE_FIRST UINT32_C(0x00080000)
#define ID_RANGE_LAST UINT32_C(0x6FFF0000)

uint32_t id_range_candidate(const char *name, unsigned attempt) {
        const uint32_t ranges = (ID_RANGE_LAST - ID_RANGE_FIRST) / ID_RANGE_COUNT + 1;
        Digest digest;
        uint32_t h;

        digest_of(name, strlen(name), &digest);
        memcpy(&h, digest.bytes, sizeof(h));
        return ID_RANGE_FIRST + (h % ranges + attempt) % ranges * ID_RANGE_COUNT;
}

void id_range_of(const ContainerSpec *spec, uint32_t managed_base, uint32_t *ret_base, uint32_t *ret_count) {
        const value_private_users *p = &spec->private_users;

        *ret_base = *ret_count = 0;
        switch (p->mode) {
        case PRIVATE_USERS_MANAGED:
                *ret_base = managed_base;
                *ret_count = ID_RANGE_COUNT;
                break;
        case PRIVATE_USERS_RANGE:
                *ret_base = p->base;
                *ret_count = p->count;
                break;
        case PRIVATE_USERS_IDENTITY:
                *ret_count = ID_RANGE_COUNT;
                break;
        case PRIVATE_USERS_NO:
        case _PRIVATE_USERS_MAX:
                break;
        }
}
