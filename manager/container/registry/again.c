/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When the keeper's service is restarted its containers end with it. What systemd knows comes back by itself; what was started
 * by hand is written down by the manager, which ends before the keeper, and started by the next one. A file that is read is
 * removed first: nothing starts twice from it. */
#include <fcntl.h>
#include <unistd.h>

#include "manager/base/io.h"
#include "manager/container/container-internal.h"

#define FILE_NAME "again"
#define MAX_SIZE (16 << 20)

int manager_remember_running(Manager *m) {
        _cleanup_free_ char *text = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < m->n_sorted; i++)
                if (container_is_up(m->sorted[i]) || m->sorted[i]->state == CONTAINER_RESTARTING)
                        r = str_append(&text, "%s\n", m->sorted[i]->name);
        if (r < 0 || !text)
                return r;
        return write_file_volatile(m->runtime_fd, FILE_NAME, text, strlen(text), 0600);
}

void manager_start_remembered(Manager *m) {
        _cleanup_close_ int fd = openat(m->runtime_fd, FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        _cleanup_free_ char *text = NULL;
        char *rest, *name;
        int r;

        if (fd < 0)
                return;
        r = read_file(fd, MAX_SIZE, &text, NULL);
        if (r >= 0 && unlinkat(m->runtime_fd, FILE_NAME, 0) < 0)
                r = -errno;
        if (r < 0) {
                log_message(&m->config.log, LOG_ERR, "cannot read which containers ran before the keeper was restarted: %s", strerror(-r));
                return;
        }
        rest = text;
        while ((name = strsep(&rest, "\n")))
                if (*name)
                        manager_queue_start(m, name, "ran before the keeper was restarted");
}
