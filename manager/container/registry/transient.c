/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Units that live as long as their container: a file below the runtime directory, loaded as every other. The file is
 * all there is to them, so a new manager finds them as the old one left them. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/socket.h>

#include "manager/base/io.h"
#include "manager/container/container-internal.h"
#include "manager/record/record-store.h"
#include "units/syntax/search.h"

static const char heading[] = "# Transient: this file goes when its container has ended.\n";

bool container_transient(const Container *c) {
        return c->transient;
}

/* --- the end */
static void remove_folder(Manager *m, const char *name) {
        _cleanup_free_ char *folder = NULL;
        _cleanup_strv_ char **files = NULL;

        if (str_append(&folder, "%s/%s" UNIT_SUFFIX ".d", m->transient_path, name) < 0 ||
            unit_find_drop_ins_in(folder, &files) < 0)
                return;
        for (char **file = files; file && *file; file++)
                (void)unlink(*file);
        (void)rmdir(folder);
}

static void remove_unit(Manager *m, const char *name) {
        char file[NAME_MAX + 1];

        (void)snprintf(file, sizeof(file), "%s" UNIT_SUFFIX, name);
        (void)unlinkat(m->transient_fd, file, 0);
        remove_folder(m, name);
}

static void drop_range(Manager *m, const char *name) {
        bool dropped;

        id_ranges_drop(&m->ranges, name, &dropped);
        if (dropped && id_ranges_save(&m->ranges, m->state_fd, "ids") < 0)
                log_message(&m->config.log, LOG_WARNING, "%s: cannot record that its range of ids is free", name);
}

static int on_transients(sd_event_source *s, void *userdata) {
        Manager *m = userdata;

        (void)sd_event_source_set_enabled(s, SD_EVENT_OFF);
        if (!m->adopted) /* what seems to be over may run */
                return 0;
        for (size_t i = m->n_sorted; i > 0; i--) {
                Container *c = m->sorted[i - 1];

                if (!c->transient || !container_is_forgettable(c))
                        continue;
                remove_unit(m, c->name);
                record_remove(m->records_fd, c->name);
                drop_range(m, c->name);
                manager_forget(c);
        }
        return 0;
}

void transient_schedule(Manager *m) {
        if (!m->transient_source && sd_event_add_defer(m->event, &m->transient_source, on_transients, m) < 0)
                return;
        (void)sd_event_source_set_enabled(m->transient_source, SD_EVENT_ONESHOT);
}

/* --- the beginning */
static int check_name(Manager *m, const char *name, Diag *diag, Container **ret) {
        _cleanup_free_ char *fragment = NULL;
        Container *c = manager_find(m, name);
        int r;

        r = unit_find_fragment(name, m->config.unit_path, &fragment);
        if (r < 0 && r != -ENOENT)
                return diag_errno(diag, ERROR_FAILED, NULL, NULL, -r, "cannot search for a unit %s.container", name);
        if (fragment)
                return diag_error(diag, ERROR_FAILED, NULL, NULL, "%s is a unit already: %s", name, fragment);
        if (c && (!container_is_down(c) || c->job || c->n_sessions > 0))
                return diag_error(diag, ERROR_BUSY, NULL, NULL, "%s runs still, without its unit", name);
        *ret = c;
        return 0;
}

static int write_unit(Manager *m, const ContainerSpec *draft) {
        _cleanup_free_ char *rows = NULL, *text = NULL;
        char file[NAME_MAX + 1];
        int r;

        r = container_spec_print(draft, &rows);
        if (r >= 0)
                r = str_append(&text, "%s%s", heading, rows);
        if (r < 0)
                return r;
        (void)snprintf(file, sizeof(file), "%s" UNIT_SUFFIX, draft->name);
        return write_file_volatile(m->transient_fd, file, text, strlen(text), 0600);
}

/* Loads what was written and queues its start. */
static int load_and_start(Container *c, JobMode mode, Attachment *attachment, Diag *diag, uint32_t *ret_id) {
        int r;

        attachment_done(&c->attached);
        if (attachment) {
                c->attached = *attachment;
                *attachment = ATTACHMENT_NONE;
        }

        r = container_load(c, diag);
        if (r < 0)
                return r;
        manager_announce(c);
        return container_queue_job(c, JOB_START, mode, diag, ret_id);
}

static int start_transient(Manager *m, const ContainerSpec *draft, JobMode mode, Attachment *attachment, Diag *diag, Container **ret,
                           uint32_t *ret_id) {
        Container *c = NULL;
        int r;

        r = check_name(m, draft->name, diag, &c);
        if (r < 0)
                return r;
        r = write_unit(m, draft);
        if (r < 0)
                return diag_errno(diag, ERROR_NO_MEMORY, NULL, NULL, -r, "cannot write %s/%s.container",
                                  m->transient_path, draft->name);
        if (!c)
                r = manager_add(m, draft->name, &c);
        if (r >= 0)
                r = load_and_start(c, mode, attachment, diag, ret_id);
        if (r < 0) {
                if (c)
                        attachment_done(&c->attached);
                remove_unit(m, draft->name);
                if (c && container_is_forgettable(c))
                        manager_forget(c);
                return r;
        }
        *ret = c;
        return 0;
}

int manager_start_transient(Manager *m, const ContainerSpec *draft, JobMode mode, Diag *diag, Container **ret,
                            uint32_t *ret_id) {
        return start_transient(m, draft, mode, NULL, diag, ret, ret_id);
}

int manager_run_transient(Manager *m, const ContainerSpec *draft, JobMode mode, Attachment *attachment, Diag *diag, uint32_t *ret_id) {
        Container *c;

        return start_transient(m, draft, mode, attachment, diag, &c, ret_id);
}

/* --- the streams of a payload whose client waits for it */

int attachment_open(bool terminal, unsigned rows, unsigned columns, Attachment *ret, int ret_ours[static 3], size_t *ret_n) {
        Attachment a = ATTACHMENT_NONE;
        int fds[2], r = 0;

        a.terminal = terminal;
        a.rows = rows;
        a.columns = columns;
        *ret_n = 0;
        for (size_t i = 0; r >= 0 && i < (terminal ? 1 : ELEMENTSOF(a.fds)); i++) {
                if (terminal)
                        r = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0 ? -errno : 0;
                else
                        r = pipe_for_payload(i != 0, fds);
                if (r < 0)
                        break;
                a.fds[i] = fds[i == 0 ? 0 : 1];
                ret_ours[(*ret_n)++] = fds[i == 0 ? 1 : 0];
        }
        if (r < 0) {
                attachment_done(&a);
                while (*ret_n > 0)
                        (void)close(ret_ours[--*ret_n]);
                return r;
        }
        *ret = a;
        return 0;
}

void attachment_done(Attachment *a) {
        for (size_t i = 0; i < ELEMENTSOF(a->fds); i++)
                (void)safe_close(a->fds[i]);
        *a = ATTACHMENT_NONE;
}
