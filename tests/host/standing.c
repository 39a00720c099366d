/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* In the probe's place, for the host tests: it never answers. */

#include <unistd.h>

int main(void) {
        for (;;)
                pause();
}
