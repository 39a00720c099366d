/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bulwarkctl: reads the command line, runs one command, ends with its exit status. */
#include <fcntl.h>
#include <stdio.h>

#include "manager/base/string-list.h"
#include "tools/bulwarkctl/verbs.h"

/* A descriptor that we open later must not become somebody's standard output. */
static int stdio_ensure(void) {
        for (int fd = 0; fd <= STDERR_FILENO; fd++)
                if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY) < 0)
                        return -errno;
        return 0;
}

static int run(const Options *options) {
        Context c = {
                .options = options,
                .client.runtime_directory = runtime_directory_choose(options->runtime_directory),
        };
        int status = EXIT_SUCCESS;

        ui_init(&c.ui);
        if (options->version)
                printf("bulwark %s\n", BULWARK_VERSION);
        else if (options->help) {
                ui_pager_open(&c.ui, !options->no_pager);
                help_print(&c.ui, options->verb);
        } else
                status = options->verb->run(&c);

        client_done(&c.client);
        strv_free(c.names);
        if ((fflush(stdout) != 0 || ferror(stdout)) && c.ui.pager == 0 && status == EXIT_SUCCESS) {
                error_printf("cannot write to standard output: %s", strerror(errno));
                status = EXIT_FAILURE;
        }
        ui_pager_close(&c.ui);
        return status;
}

int main(int argc, char **argv) {
        _cleanup_free_ char *mistake = NULL;
        Options options;
        int r;

        if (stdio_ensure() < 0)
                return EXIT_FAILURE;
        r = options_parse(argc, argv, &options, &mistake);
        if (r < 0) {
                error_print(NULL, mistake ? mistake : strerror(-r));
                return r == -EINVAL ? EXIT_USAGE : EXIT_FAILURE;
        }
        r = run(&options);
        options_done(&options);
        return r;
}
