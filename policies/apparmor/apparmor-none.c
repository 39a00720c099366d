/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Built without libapparmor: where the kernel runs AppArmor, a container that is to be confined by it does not start. */
#include "policies/apparmor/apparmor-load.h"
#include "policies/apparmor/kernel.h"

static bool used(const ContainerSpec *spec) {
        return spec->mac.apparmor;
}

static int load(PolicyHost *h, const PolicyClient *client, Diag *diag, PolicyLabels *labels) {
        const Origin *origin = container_spec_origin(client->set->spec, DIRECTIVE_AppArmorProfile);

        return diag_error(diag, ERROR_HOST_LACKS, origin, "AppArmorProfile",
                          "the kernel runs AppArmor, but Bulwark was built without its library; install a build with "
                          "it, or write AppArmorProfile=unconfined to do without");
}

static int work(PolicyHost *h, const PolicyClient *client, Diag *diag, PolicyWork **ret) {
        return load(h, client, diag, NULL);
}

static int finish(PolicyHost *h, const PolicyClient *client, PolicyWork *work_done, int status, const char *errors,
                  Diag *diag) {
        return load(h, client, diag, NULL);
}

static int adopt(PolicyHost *h, const char *container, const PolicyLabels *labels) {
        return 0;
}

static void release(PolicyHost *h, const char *container, const PolicyLabels *labels) {
}

static int forget(PolicyHost *h, const char *container, Diag *diag) {
        return 0;
}

static const char *expected(const PolicyLabels *labels) {
        return labels->apparmor_profile;
}

static const char *opened(PolicyHost *h, const PolicyLabels *labels) {
        return NULL;
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
        .label_of = kernel_label_of,
        .expected = expected,
        .opened = opened,
        .watch = watch,
        .drain = drain,
};
