/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/host/network/forwarding.h"

ForwardingAnswer forwarding_judge(const ForwardingFacts *f) {
        if (f->all || f->loopback || f->port)
                return FORWARDING_LEFT;
        if (f->own)
                return FORWARDING_OWN;
        return f->on && !f->by_us ? FORWARDING_LEFT : FORWARDING_OPENED;
}
