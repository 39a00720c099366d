/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policies/apparmor/apparmor-load.h"

static bool used(const ContainerSpec *spec) {
        return spec->mac.apparmor;
}

static int work(PolicyHost *h, const PolicyClient *client, Diag *diag, PolicyWork **ret) {
        return 0;
}

static int finish(PolicyHost *h, const PolicyClient *client, PolicyWork *work, int status, const char *errors,
                  Diag *diag) {
        return 0;
}

static int load(PolicyHost *h, const PolicyClient *client, Diag *diag, PolicyLabels *labels) {
        return 0;
}

static int adopt(PolicyHost *h, const char *container, const PolicyLabels *labels) {
        return 0;
}

static void release(PolicyHost *h, const char *container, const PolicyLabels *labels) {
}

static int forget(PolicyHost *h, const char *container, Diag *diag) {
        return 0;
}

static int label_of(int proc, char **ret) {
        return -EOPNOTSUPP;
}

static const char *expected(const PolicyLabels *labels) {
        return labels->apparmor_profile;
}

static int watch(PolicyHost *h, int *ret_fd) {
        return -EOPNOTSUPP;
}

static void drain(PolicyHost *h) {
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
        .label_of = label_of,
        .expected = expected,
        .watch = watch,
        .drain = drain,
};
