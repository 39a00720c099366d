/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Built without libsemanage. */
#include "policies/selinux/store.h"

int store_available(void) {
        return -EOPNOTSUPP;
}

int store_install(const StoreOptions *options, const char *text, size_t size) {
        return -EOPNOTSUPP;
}

int store_remove(const StoreOptions *options) {
        return -EOPNOTSUPP;
}

int store_sync(const StoreOptions *options, const char *text) {
        return -EOPNOTSUPP;
}

int store_restore_labels(const char *path) {
        return -EOPNOTSUPP;
}
