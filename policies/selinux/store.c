/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>

#include <selinux/restorecon.h>
#include <selinux/selinux.h>
#include <semanage/semanage.h>

#include "manager/base/string-list.h"
#include "policies/selinux/store-ports.h"
#include "policies/selinux/store.h"

#define PRIORITY 400 /* as of any administrator's module: above the distribution's */

/* Complaints about users that do not exist are the distribution's own and meant for nobody. */
static _printf_(3, 4) void on_message(void *data, semanage_handle_t *h, const char *format, ...) {
        char text[1024];
        va_list ap;

        if (semanage_msg_get_level(h) != SEMANAGE_MSG_ERR)
                return;
        va_start(ap, format);
        (void)vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        if (!strstr(text, "not in password file"))
                (void)fprintf(stderr, "%s\n", text);
}

static void handle_done(semanage_handle_t **h) {
        if (*h && semanage_is_connected(*h))
                (void)semanage_disconnect(*h);
        if (*h)
                semanage_handle_destroy(*h);
}

int store_available(void) {
        return 0;
}

static int fail(const char *what) {
        (void)fprintf(stderr, "%s: %s\n", what, errno > 0 ? strerror(errno) : "failed");
        return errno > 0 ? -errno : -EIO;
}

static int open_store(const StoreOptions *options, semanage_handle_t **ret) {
        __attribute__((cleanup(handle_done))) semanage_handle_t *h = NULL;

        if (options->root && semanage_set_root(options->root) < 0)
                return fail("cannot use another root");
        h = semanage_handle_create();
        if (!h)
                return -ENOMEM;
        semanage_msg_set_callback(h, on_message, NULL);
        errno = 0;
        if (semanage_is_managed(h) != 1 || semanage_connect(h) < 0)
                return fail("the host has no SELinux policy store that can be changed");
        if (semanage_set_default_priority(h, PRIORITY) < 0)
                return fail("cannot set the priority of modules");
        if (options->no_reload || options->root)
                semanage_set_reload(h, 0);
        *ret = TAKE_PTR(h);
        return 0;
}

static int key_of(semanage_handle_t *h, const char *module, semanage_module_key_t **ret) {
        semanage_module_key_t *key = NULL;

        if (semanage_module_key_create(h, &key) < 0)
                return -ENOMEM;
        if (semanage_module_key_set_name(h, key, module) < 0 || semanage_module_key_set_priority(h, key, PRIORITY) < 0) {
                (void)semanage_module_key_destroy(h, key);
                free(key);
                return -EINVAL;
        }
        *ret = key;
        return 0;
}

/* Whether the store has the module, and with this text. */
static void compare(semanage_handle_t *h, const char *module, const char *text, size_t size, bool *ret_there, bool *ret_same) {
        semanage_module_info_t *info = NULL;
        semanage_module_key_t *key = NULL;
        void *found = NULL;
        size_t n = 0;

        *ret_there = *ret_same = false;
        if (key_of(h, module, &key) < 0)
                return;
        /* It is no error that there is none. */
        semanage_msg_set_callback(h, NULL, NULL);
        if (semanage_module_extract(h, key, 1, &found, &n, &info) >= 0) {
                *ret_there = true;
                *ret_same = text && n == size && memcmp(found, text, size) == 0;
        }
        semanage_msg_set_callback(h, on_message, NULL);
        if (info) {
                (void)semanage_module_info_destroy(h, info);
                free(info);
        }
        (void)semanage_module_key_destroy(h, key);
        free(key);
        if (found) /* a mapping, not the allocator's */
                (void)munmap(found, n);
}

/* What a transaction does with a module: NULL text takes it out. */
typedef struct Change {
        const char *module, *text;
        size_t size;
        bool needed; /* the store is not so already */
} Change;

static int change_apply(semanage_handle_t *h, const Change *c) {
        semanage_module_key_t *key = NULL;
        int r;

        if (c->text)
                return semanage_module_install(h, (char *)c->text, c->size, (char *)c->module, (char *)"cil") < 0 ? -EIO : 0;
        r = key_of(h, c->module, &key);
        if (r < 0)
                return r;
        r = semanage_module_remove_key(h, key) < 0 ? -EIO : 0;
        (void)semanage_module_key_destroy(h, key);
        free(key);
        return r;
}

/* All of it, or nothing. */
static int transact(semanage_handle_t *h, Change *changes, size_t n, const PortPlan *ports) {
        bool needed = ports->changes, there, same;
        int r;

        for (size_t i = 0; i < n; i++) {
                compare(h, changes[i].module, changes[i].text, changes[i].size, &there, &same);
                changes[i].needed = changes[i].text ? !same : there;
                needed = needed || changes[i].needed;
                if (!changes[i].needed)
                        (void)printf("%s is unchanged\n", changes[i].module);
                else
                        (void)printf("building the policy with%s %s\n", changes[i].text ? "" : "out", changes[i].module);
        }
        if (!needed)
                return 0;
        (void)fflush(stdout);
        errno = 0;
        if (semanage_begin_transaction(h) < 0)
                return fail("cannot begin to change the policy");
        r = port_plan_apply(h, ports);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                if (changes[i].needed)
                        r = change_apply(h, &changes[i]);
                if (r < 0)
                        return fail(changes[i].module);
        }
        if (r < 0 || semanage_commit(h) < 0)
                return fail("cannot change the policy");
        for (size_t i = 0; i < n; i++)
                if (changes[i].needed)
                        (void)printf("%s is %s\n", changes[i].module, changes[i].text ? "installed" : "removed");
        return 0;
}

int store_install(const StoreOptions *options, const char *text, size_t size) {
        __attribute__((cleanup(handle_done))) semanage_handle_t *h = NULL;
        int r = open_store(options, &h);

        return r < 0 ? r : transact(h, &(Change){ .module = STORE_BASE_MODULE, .text = text, .size = size }, 1, &(PortPlan){});
}

static int make_port_plan(semanage_handle_t *h, const char *text, PortPlan *ret) {
        int r;

        errno = 0;
        r = port_plan_make(h, text, ret);
        return r == -EIO ? fail("cannot read the ports of the policy") : r;
}

/* The domains and ports of units are made of the base module's words, so neither stays without the other. */
int store_remove(const StoreOptions *options) {
        __attribute__((cleanup(handle_done))) semanage_handle_t *h = NULL;
        __attribute__((cleanup(port_plan_done))) PortPlan ports = {};
        int r = open_store(options, &h);

        if (r >= 0)
                r = make_port_plan(h, "", &ports);
        return r < 0 ? r : transact(h, (Change[]){ { .module = STORE_UNITS_MODULE }, { .module = STORE_BASE_MODULE } }, 2, &ports);
}

int store_sync(const StoreOptions *options, const char *text) {
        __attribute__((cleanup(handle_done))) semanage_handle_t *h = NULL;
        __attribute__((cleanup(port_plan_done))) PortPlan ports = {};
        _cleanup_free_ char *whole = NULL;
        Change change = { .module = STORE_UNITS_MODULE };
        int r = open_store(options, &h);

        if (r >= 0)
                r = make_port_plan(h, text, &ports);
        if (r >= 0)
                r = str_append(&whole, "%s%s", text, strempty(ports.text));
        if (r < 0)
                return r;
        change.size = strlen(whole);
        change.text = change.size > 0 ? whole : NULL;
        return transact(h, &change, 1, &ports);
}

int store_restore_labels(const char *path) {
        if (is_selinux_enabled() != 1 || access(path, F_OK) < 0)
                return 0;
        return selinux_restorecon(path, SELINUX_RESTORECON_RECURSE | SELINUX_RESTORECON_XDEV |
                                                SELINUX_RESTORECON_IGNORE_DIGEST) < 0
                       ? -errno
                       : 0;
}
