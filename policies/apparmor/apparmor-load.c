/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two rules shape this file. A profile that is replaced holds for the running processes at once. One that is removed turns
 * them into unconfined ones for ever, and loading it again does not bring them back: so nothing is removed that a process
 * wears, and nothing at the end of a life. */
#include <stdio.h>
#include <sys/apparmor.h>
#include <sys/epoll.h>
#include <sys/inotify.h>

#include "manager/base/io.h"
#include "manager/base/string-list.h"
#include "policies/apparmor/apparmor-load.h"
#include "policies/apparmor/kernel.h"
#include "policies/apparmor/profile-cache.h"
#include "policies/apparmor/profile-compile.h"
#include "policies/apparmor/quote.h"
#include "units/resolve/resolve.h"

/* A profile that this manager loaded and nobody has touched since; or a binary that waits for it and found no place in
 * the cache. */
typedef struct Known {
        char *profile;
        char *content; /* what the kernel says of it since; NULL = nothing */
        Digest text;   /* loaded; zeroes = not */
        Digest key;    /* of binary */
        void *binary;
        size_t size;
} Known;

typedef struct AppArmorHost {
        aa_kernel_interface *kernel; /* kept: making it takes longer than what it does */
        char *features;              /* the kernel's set, by its digest */
        int watch_fd;                /* readable when one of the next two is */
        int revision_fd, mode_fd;
        uint64_t revision;           /* after our own last change */
        bool lenient;                /* all profiles at once */
        Known *known;
        size_t n_known;
} AppArmorHost;

static void known_done(Known *k) {
        free(k->profile);
        free(k->content);
        free(k->binary);
        *k = (Known){};
}

static void host_done(void *data) {
        AppArmorHost *a = data;

        for (size_t i = 0; i < a->n_known; i++)
                known_done(a->known + i);
        free(a->known);
        free(a->features);
        if (a->kernel)
                aa_kernel_interface_unref(a->kernel);
        (void)safe_close(a->watch_fd);
        (void)safe_close(a->revision_fd);
        (void)safe_close(a->mode_fd);
        free(a);
}

static AppArmorHost *host_of(PolicyHost *h) {
        void **slot = policy_host_slot(h, &policy_loader_apparmor, host_done);

        if (!*slot) {
                AppArmorHost *a = malloc(sizeof(*a));

                if (a)
                        *a = (AppArmorHost){ .watch_fd = -EBADF, .revision_fd = -EBADF, .mode_fd = -EBADF };
                *slot = a;
        }
        return *slot;
}

static Known *known_find(AppArmorHost *a, const char *profile) {
        for (size_t i = 0; i < a->n_known; i++)
                if (streq(a->known[i].profile, profile))
                        return a->known + i;
        return NULL;
}

static Known *known_get(AppArmorHost *a, const char *profile) {
        Known *k = known_find(a, profile), *grown;

        if (k)
                return k;
        grown = reallocarray(a->known, a->n_known + 1, sizeof(Known));
        if (!grown)
                return NULL;
        a->known = grown;
        k = a->known + a->n_known;
        *k = (Known){ .profile = strdup(profile) };
        if (!k->profile)
                return NULL;
        a->n_known++;
        return k;
}

static void known_forget(AppArmorHost *a, const char *profile) {
        Known *k = known_find(a, profile);

        if (!k)
                return;
        known_done(k);
        *k = a->known[--a->n_known];
}

/* --- the kernel's interface */

static int unreachable(int error, Diag *diag) {
        return diag_errno(diag, ERROR_HOST_LACKS, NULL, "AppArmorProfile", error,
                          "the kernel runs AppArmor but its interface cannot be used; is securityfs mounted on "
                          "/sys/kernel/security?");
}

static int need_features(AppArmorHost *a, Diag *diag) {
        aa_features *features = NULL;
        const char *id;

        if (a->features)
                return 0;
        if (aa_features_new_from_kernel(&features) < 0)
                return unreachable(errno, diag);
        id = aa_features_id(features);
        a->features = id ? strdup(id) : NULL;
        aa_features_unref(features);
        return a->features ? 0 : -ENOMEM;
}

static int need_kernel(AppArmorHost *a, Diag *diag) {
        if (a->kernel)
                return 0;
        if (aa_kernel_interface_new(&a->kernel, NULL, NULL) < 0) {
                a->kernel = NULL;
                return unreachable(errno, diag);
        }
        return 0;
}

/* --- compiling */

static bool used(const ContainerSpec *spec) {
        return spec->mac.apparmor;
}

static bool is_loaded(AppArmorHost *a, const AppArmorPolicy *p) {
        const Known *k = known_find(a, p->profile);

        return k && digest_equal(&k->text, &p->digest);
}

/* From memory, else from the cache; -ENOENT. Owned. */
static int find_binary(PolicyHost *h, AppArmorHost *a, const char *profile, const Digest *key, void **ret, size_t *ret_size) {
        const int cache_fd = policy_host_config(h)->cache_fd;
        const Known *k = known_find(a, profile);
        void *copy;

        if (!k || !k->binary || !digest_equal(&k->key, key))
                return cache_fd < 0 ? -ENOENT : profile_cache_read(cache_fd, key, ret, ret_size);
        copy = malloc(k->size);
        if (!copy)
                return -ENOMEM;
        *ret = memcpy(copy, k->binary, k->size);
        *ret_size = k->size;
        return 0;
}

/* Somebody else's profile has to be there and to deny something. */
static int check_named(const PolicyClient *client, Diag *diag, bool *ret_there) {
        const Origin *origin = container_spec_origin(client->set->spec, DIRECTIVE_AppArmorProfile);
        const AppArmorPolicy *p = &client->set->apparmor;
        ProfileMode mode;
        int r;

        r = kernel_profile_mode(p->profile, &mode);
        if (r < 0)
                return unreachable(-r, diag);
        if (mode == PROFILE_LENIENT)
                return diag_error(diag, ERROR_POLICY, origin, "AppArmorProfile",
                                  "the profile %s is loaded but does not enforce; run aa-enforce on its file, or write "
                                  "unconfined",
                                  p->profile);
        if (mode == PROFILE_ABSENT && !p->optional)
                return diag_error(diag, ERROR_MISSING, origin, "AppArmorProfile",
                                  "no profile %s is loaded; load its file with apparmor_parser -r, or write -%s to do "
                                  "without",
                                  p->profile, p->profile);
        *ret_there = mode == PROFILE_ENFORCES;
        return 0;
}

static int work(PolicyHost *h, const PolicyClient *client, Diag *diag, PolicyWork **ret) {
        const AppArmorPolicy *p = &client->set->apparmor;
        AppArmorHost *a = host_of(h);
        _cleanup_free_ void *binary = NULL;
        bool there;
        size_t size;
        Digest key;
        int r;

        if (!a)
                return -ENOMEM;
        /* Before anything of the container is begun: load() asks again. */
        if (!p->text)
                return p->profile ? check_named(client, diag, &there) : 0;
        if (is_loaded(a, p))
                return 0;
        r = need_features(a, diag);
        if (r >= 0)
                r = profile_compile_key(p, a->features, diag, &key);
        if (r < 0)
                return r;
        r = find_binary(h, a, p->profile, &key, &binary, &size);
        return r == -ENOENT ? profile_compile_work(p, &key, NULL, diag, ret) : r;
}

/* A cache that cannot be written, on a full disk say, only costs time. */
static int finish(PolicyHost *h, const PolicyClient *client, PolicyWork *done, int status, const char *errors, Diag *diag) {
        const int cache_fd = policy_host_config(h)->cache_fd;
        AppArmorHost *a = host_of(h);
        _cleanup_free_ void *binary = NULL;
        size_t size;
        Known *k;
        int r;

        if (!a)
                return -ENOMEM;
        r = profile_compile_result(client->set, done, status, errors, diag, &binary, &size);
        if (r < 0)
                return r;
        if (cache_fd >= 0 && profile_cache_write(cache_fd, &done->key, binary, size) >= 0) {
                policy_host_made(h);
                return 0;
        }
        k = known_get(a, client->set->apparmor.profile);
        if (!k)
                return -ENOMEM;
        free(k->binary);
        k->binary = TAKE_PTR(binary);
        k->size = size;
        k->key = done->key;
        return 0;
}

/* --- loading */

static int revision_now(uint64_t *ret) {
        _cleanup_close_ int fd = -EBADF;
        int r = kernel_revision_open(&fd);

        return r < 0 ? r : kernel_revision_read(fd, ret);
}

static int replace(PolicyHost *h, AppArmorHost *a, const AppArmorPolicy *p, Diag *diag) {
        _cleanup_free_ void *binary = NULL;
        uint64_t before = 0, after = 0;
        size_t size;
        Digest key;
        Known *k;
        int r;

        r = need_features(a, diag);
        if (r >= 0)
                r = profile_compile_key(p, a->features, diag, &key);
        if (r >= 0)
                r = find_binary(h, a, p->profile, &key, &binary, &size);
        if (r == -ENOENT)
                return diag_error(diag, ERROR_POLICY, NULL, "AppArmorProfile",
                                  "the compiled profile is not there any more; start it again");
        if (r >= 0)
                r = need_kernel(a, diag);
        if (r < 0)
                return r;
        (void)revision_now(&before);
        if (aa_kernel_interface_replace_policy(a->kernel, binary, size) < 0)
                return diag_errno(diag, ERROR_POLICY, NULL, "AppArmorProfile", errno, "the kernel refuses the profile %s",
                                  p->profile);
        /* Ours alone, unless somebody else came in between. */
        if (revision_now(&after) >= 0 && after == before + 1 && (a->revision == before || a->n_known == 0))
                a->revision = after;
        k = known_get(a, p->profile);
        if (!k)
                return -ENOMEM;
        k->text = p->digest;
        free(TAKE_PTR(k->binary));
        free(TAKE_PTR(k->content));
        r = kernel_profile_content(p->profile, &k->content);
        return r == -EOPNOTSUPP ? 0 : r;
}

static void look_at_mode(AppArmorHost *a) {
        MacFacts facts = {};

        mac_facts_refresh(&facts);
        a->lenient = facts.apparmor_lenient;
}

static int note_content(AppArmorHost *a, const AppArmorPolicy *p, PolicyLabels *labels) {
        const Known *k = p->text ? known_find(a, p->profile) : NULL;

        if (!k || !k->content)
                return 0;
        labels->apparmor_content = strdup(k->content);
        return labels->apparmor_content ? 0 : -ENOMEM;
}

static int load(PolicyHost *h, const PolicyClient *client, Diag *diag, PolicyLabels *labels) {
        const AppArmorPolicy *p = &client->set->apparmor;
        AppArmorHost *a = host_of(h);
        bool there = true;
        int r = 0;

        if (!a)
                return -ENOMEM;
        if (!p->profile)
                return 0;
        if (!p->text) {
                labels->family = false;
                r = check_named(client, diag, &there);
        } else if (!is_loaded(a, p))
                r = replace(h, a, p, diag);
        if (r < 0 || !there)
                return r;
        look_at_mode(a);
        labels->apparmor_enforced = !a->lenient;
        labels->apparmor_profile = strdup(p->profile);
        return labels->apparmor_profile ? note_content(a, p, labels) : -ENOMEM;
}

/* --- a life begins elsewhere, ends, and its unit goes */

static int adopt(PolicyHost *h, const char *container, const PolicyLabels *labels) {
        return 0;
}

static void release(PolicyHost *h, const char *container, const PolicyLabels *labels) {
}

/* Takes the unworn among profiles out of the kernel; takes the list. *ret_left = how many are worn. */
static int remove_unworn(AppArmorHost *a, char **profiles, Diag *diag, size_t *ret_left) {
        _cleanup_strv_ char **list = profiles;
        const size_t n = strv_length(list);
        int r, result = 0;

        *ret_left = 0;
        if (n == 0)
                return 0;
        r = need_kernel(a, diag);
        if (r >= 0)
                r = kernel_leave_unworn(list);
        if (r < 0)
                return r;
        *ret_left = n - strv_length(list);
        for (char **p = list; *p; p++) {
                if (aa_kernel_interface_remove_policy(a->kernel, *p) < 0 && errno != ENOENT)
                        result = diag_errno(diag, ERROR_POLICY, NULL, "AppArmorProfile", errno,
                                            "the profile %s cannot be taken out of the kernel", *p);
                known_forget(a, *p);
        }
        return result;
}

static int forget(PolicyHost *h, const char *container, Diag *diag) {
        _cleanup_free_ char *profile = NULL;
        _cleanup_strv_ char **list = NULL;
        AppArmorHost *a = host_of(h);
        ProfileMode mode;
        size_t left;
        int r;

        r = a ? apparmor_profile_name(container, &profile) : -ENOMEM;
        /* Without AppArmor there is nothing of it. */
        if (r < 0 || kernel_profile_mode(profile, &mode) < 0 || mode == PROFILE_ABSENT)
                return r;
        r = strv_extend(&list, profile);
        if (r >= 0)
                r = remove_unworn(a, TAKE_PTR(list), diag, &left);
        if (r >= 0 && left > 0)
                return diag_error(diag, ERROR_BUSY, NULL, "AppArmorProfile",
                                  "the profile %s stays in the kernel: a process still has it, and would be unconfined "
                                  "without",
                                  profile);
        return r;
}

static int sweep(PolicyHost *h, const char *const *containers, size_t n, Diag *diag) {
        _cleanup_strv_ char **list = NULL, **strange = NULL;
        AppArmorHost *a = host_of(h);
        size_t left;
        int r = 0;

        if (!a)
                return -ENOMEM;
        if (kernel_profiles(APPARMOR_PROFILE_PREFIX, &list) < 0)
                return 0;
        for (char **p = list; r >= 0 && p && *p; p++) {
                bool known = strstr(*p, "//"); /* a child goes with its profile */

                for (size_t i = 0; r >= 0 && !known && i < n; i++) {
                        _cleanup_free_ char *profile = NULL;

                        r = apparmor_profile_name(containers[i], &profile);
                        known = r >= 0 && streq(profile, *p);
                }
                if (r >= 0 && !known)
                        r = strv_extend(&strange, *p);
        }
        return r < 0 ? r : remove_unworn(a, TAKE_PTR(strange), diag, &left);
}

/* --- watching */

static const char *expected(const PolicyLabels *labels) {
        return labels->apparmor_profile;
}

/* The same profile may hold another content, or none of them may deny anything. A named one is its administrator's, who
 * edits it: of that only the mode counts, which its label shows. */
static const char *opened(PolicyHost *h, const PolicyLabels *labels) {
        const AppArmorHost *a = host_of(h);

        if (a && a->lenient && labels->apparmor_enforced)
                return "AppArmor as a whole ceased to enforce";
        if (labels->apparmor_content && !kernel_profile_is(labels->apparmor_content))
                return "its AppArmor profile was replaced in the kernel by another of the same name";
        return NULL;
}

static int watch_add(const AppArmorHost *a, int fd) {
        struct epoll_event event = { .events = EPOLLIN };

        return epoll_ctl(a->watch_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int watch_begin(AppArmorHost *a) {
        int r;

        r = kernel_revision_open(&a->revision_fd);
        if (r >= 0) /* The first read tells what is, every later one what is new. */
                r = kernel_revision_read(a->revision_fd, &a->revision);
        if (r < 0)
                return r;
        a->watch_fd = epoll_create1(EPOLL_CLOEXEC);
        if (a->watch_fd < 0)
                return -errno;
        r = watch_add(a, a->revision_fd);
        if (r >= 0)
                r = kernel_mode_watch(&a->mode_fd);
        if (r >= 0)
                r = watch_add(a, a->mode_fd);
        look_at_mode(a);
        /* Made now, it delays no start. Who needs it and has it not is told why. */
        (void)need_kernel(a, NULL);
        return r;
}

static int watch(PolicyHost *h, int *ret_fd) {
        AppArmorHost *a = host_of(h);
        int r = 0;

        if (!a)
                return -ENOMEM;
        if (a->watch_fd < 0)
                r = watch_begin(a);
        if (r < 0)
                return r;
        *ret_fd = a->watch_fd;
        return 0;
}

static void drain_mode(AppArmorHost *a) {
        char events[sizeof(struct inotify_event) * 16] __attribute__((aligned(__alignof__(struct inotify_event))));

        while (a->mode_fd >= 0 && read(a->mode_fd, events, sizeof(events)) > 0)
                ;
        look_at_mode(a);
}

/* What others did may have been done to our profiles: each is loaded again when it is needed. */
static void drain(PolicyHost *h) {
        AppArmorHost *a = host_of(h);
        uint64_t revision;

        if (!a || a->revision_fd < 0)
                return;
        drain_mode(a);
        if (kernel_revision_read(a->revision_fd, &revision) < 0 || revision == a->revision)
                return;
        a->revision = revision;
        for (size_t i = 0; i < a->n_known; i++)
                a->known[i].text = (Digest){};
}

const PolicyLoader policy_loader_apparmor = {
        .name = "apparmor",
        .used = used,
        .work = work,
        .finish = finish,
        .load = load,
        .adopt = adopt,
        .release = release,
        .forget = forget,
        .sweep = sweep,
        .label_of = kernel_label_of,
        .expected = expected,
        .opened = opened,
        .watch = watch,
        .drain = drain,
};
