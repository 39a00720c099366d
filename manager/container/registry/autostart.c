/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Without a service manager nobody else starts at boot what is enabled. A keeper that had to be started is the sign of
 * the boot: where one answers, this is only a manager that comes back. */
#include "manager/container/container-internal.h"
#include "units/install/install.h"

void manager_queue_start(Manager *m, const char *name, const char *why) {
        _cleanup_(diag_done) Diag diag = {};
        Container *c;
        uint32_t id;
        int r;

        r = manager_get(m, name, &diag, &c);
        if (r >= 0)
                r = container_queue_job(c, JOB_START, JOB_MODE_REPLACE, &diag, &id);
        if (r >= 0)
                return;
        log_message(&m->config.log, LOG_ERR, "cannot start the container %s, which %s", name, why);
        log_diag(&m->config.log, &diag);
}

void manager_autostart(Manager *m) {
        InstallLink *links = NULL;
        const char *last = NULL;
        size_t n = 0;
        int r;

        r = install_links(m->config.unit_path, &links, &n);
        if (r < 0)
                log_message(&m->config.log, LOG_ERR, "cannot find out what is enabled: %s", strerror(-r));
        for (size_t i = 0; r >= 0 && i < n; i++) {
                /* Several links of one container stand together. */
                if (!endswith(links[i].wanter, ".target") || (last && streq(links[i].name, last)))
                        continue;
                manager_queue_start(m, links[i].name, "is enabled");
                last = links[i].name;
        }
        install_links_free(links, n);
}
