/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Exchanges two names for as long as it runs, as fast as the kernel lets it: swapper A B. */

#include <fcntl.h>
#include <stdio.h>

int main(int argc, char *argv[]) {
        if (argc != 3)
                return 2;
        (void)puts("ready");
        (void)fflush(stdout);
        for (;;)
                if (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) < 0)
                        return 1;
}
