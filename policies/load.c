/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <time.h>

#include "manager/base/io.h"
#include "manager/base/string-list.h"
#include "policies/apparmor/apparmor-load.h"
#include "policies/cache-age.h"
#include "policies/load.h"
#include "policies/selinux/selinux-load.h"

const PolicyLoader *const policy_loaders[] = {
        &policy_loader_apparmor,
        &policy_loader_selinux,
};
#define N_LOADERS ELEMENTSOF(policy_loaders)

struct PolicyHost {
        PolicyHostConfig config;
        unsigned n_made;
        struct {
                void *data;
                void (*done)(void *data);
        } slots[N_LOADERS];
};

size_t policy_loaders_count(void) {
        return N_LOADERS;
}

/* Between two sweeps so many artefacts may come; each is some 10 KiB. */
#define SWEEP_EVERY 256U

void policy_host_made(PolicyHost *h) {
        size_t removed;

        if (h->config.cache_fd >= 0 && h->n_made++ % SWEEP_EVERY == 0)
                (void)cache_sweep(h->config.cache_fd, &cache_limits, (uint64_t)time(NULL), &removed);
}

int policy_host_new(const PolicyHostConfig *config, PolicyHost **ret) {
        PolicyHost *h = calloc(1, sizeof(*h));

        if (!h)
                return -ENOMEM;
        h->config = *config;
        policy_host_made(h);
        *ret = h;
        return 0;
}

PolicyHost *policy_host_free(PolicyHost *h) {
        if (!h)
                return NULL;
        for (size_t i = 0; i < N_LOADERS; i++)
                if (h->slots[i].data && h->slots[i].done)
                        h->slots[i].done(h->slots[i].data);
        free(h);
        return NULL;
}

const PolicyHostConfig *policy_host_config(const PolicyHost *h) {
        return &h->config;
}

void **policy_host_slot(PolicyHost *h, const PolicyLoader *loader, void (*done)(void *data)) {
        size_t i = 0;

        while (policy_loaders[i] != loader)
                i++;
        h->slots[i].done = done;
        return &h->slots[i].data;
}

PolicyWork *policy_work_new(const char *what, const Digest *key) {
        PolicyWork *w = malloc(sizeof(*w));

        if (!w)
                return NULL;
        *w = (PolicyWork){ .input = -EBADF, .output = -EBADF, .what = strdup(what), .key = *key };
        return w->what ? w : policy_work_free(w);
}

PolicyWork *policy_work_free(PolicyWork *w) {
        if (!w)
                return NULL;
        (void)strv_free(w->argv);
        (void)safe_close(w->input);
        (void)safe_close(w->output);
        free(w->what);
        free(w->data);
        free(w);
        return NULL;
}

void policy_labels_done(PolicyLabels *l) {
        free(l->apparmor_profile);
        free(l->selinux_context);
        free(l->selinux_file_context);
        free(l->apparmor_content);
        *l = (PolicyLabels){};
}

bool policy_labels_hold(const PolicyLabels *labels, int proc, const PolicyLoader **ret_loader, char **ret_found) {
        for (size_t i = 0; i < N_LOADERS; i++) {
                const char *expected = policy_loaders[i]->expected(labels);
                _cleanup_free_ char *found = NULL;

                if (!expected)
                        continue;
                if (policy_loaders[i]->label_of(proc, &found) >= 0 && streq(found, expected))
                        continue;
                *ret_loader = policy_loaders[i];
                *ret_found = TAKE_PTR(found);
                return false;
        }
        return true;
}

const char *policy_labels_opened(PolicyHost *h, const PolicyLabels *labels, const PolicyLoader **ret_loader) {
        for (size_t i = 0; i < N_LOADERS; i++) {
                const char *why = policy_loaders[i]->expected(labels) ? policy_loaders[i]->opened(h, labels) : NULL;

                if (!why)
                        continue;
                *ret_loader = policy_loaders[i];
                return why;
        }
        return NULL;
}

bool policy_labels_enforced(const PolicyLabels *labels) {
        return labels->apparmor_enforced || labels->selinux_enforced;
}
