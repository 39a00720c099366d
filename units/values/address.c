/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses of a container's own network, of both families. */
#include <arpa/inet.h>
#include <stdio.h>

#include "units/values/parse.h"

int ip_prefix_parse(const char *text, IpPrefix *ret, bool *ret_whole) {
        const size_t n = strcspn(text, "/");
        char address[INET6_ADDRSTRLEN] = "";
        IpPrefix p = {};
        uint64_t length, max;

        if (n == 0 || n >= sizeof(address))
                return -EINVAL;
        memcpy(address, text, n);
        p.family = strchr(address, ':') ? AF_INET6 : AF_INET;
        if (inet_pton(p.family, address, p.bytes) != 1)
                return -EINVAL;
        length = max = p.family == AF_INET ? 32 : 128;
        if (text[n] && (parse_u64(text + n + 1, &length) < 0 || length > max))
                return -EINVAL;
        p.length = (uint8_t)length;
        if (ret_whole)
                *ret_whole = text[n] == 0;
        *ret = p;
        return 0;
}

void ip_prefix_to_text(const IpPrefix *p, bool with_length, char ret[static IP_PREFIX_TEXT_MAX]) {
        size_t n;

        ret[0] = 0;
        if (!inet_ntop(p->family, p->bytes, ret, IP_PREFIX_TEXT_MAX))
                return;
        n = strlen(ret);
        if (with_length)
                (void)snprintf(ret + n, IP_PREFIX_TEXT_MAX - n, "/%u", p->length);
}
