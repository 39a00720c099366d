/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/stat.h>

#include "manager/base/string-list.h"
#include "manager/plan/unit-freeze.h"
#include "tests/tables/compiler.h"

#define PASSWD                                                                                                \
        "root:x:0:0:root:/root:/bin/sh\n"                                                                     \
        "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"                                                   \
        "www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n"                                              \
        "bob:x:1000:1000:Bob:/home/bob:/bin/bash\n"
#define GROUP "root:x:0:\nadm:x:4:bob\nwww-data:x:33:\nssl-cert:x:110:www-data\nbob:x:1000:\n"
#define ENVIRONMENT_FILE "# of the table tests\nFROM_FILE=\"a value\"\nSAMPLE=file\n"

static const HostFacts table_host = {
        .specifiers = {
                .machine_id = "0123456789abcdef0123456789abcdef",
                .boot_id = "fedcba9876543210fedcba9876543210",
                .host_name = "host.example.org",
                .short_host_name = "host",
                .pretty_host_name = "The Host",
                .kernel_release = "6.1.0-1-amd64",
                .architecture = "x86-64",
                .os_id = "debian",
                .os_version_id = "12",
                .os_build_id = "",
                .os_image_id = "",
                .os_image_version = "",
                .os_variant_id = "",
                .user_name = "root",
                .user_id = "0",
                .group_name = "root",
                .group_id = "0",
                .user_home = "/root",
                .user_shell = "/bin/sh",
                .runtime_directory = "/run",
                .state_directory = "/var/lib",
                .cache_directory = "/var/cache",
                .logs_directory = "/var/log",
                .config_directory = "/etc",
                .temporary_directory = "/tmp",
                .persistent_temporary_directory = "/var/tmp",
        },
        .memory_total = UINT64_C(8) << 30,
        .tasks_max = 32768,
        .capabilities = CAPABILITY_MASK_ALL,
        .last_capability = 40,
        .mac = { .apparmor = true, .landlock_abi = 7 },
};

#define SECCOMP_PROFILE \
        "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [" \
        "{\"names\": [\"ptrace\", \"kcmp\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 13}," \
        "{\"names\": [\"personality\"], \"action\": \"SCMP_ACT_KILL_PROCESS\", \"args\": [" \
        "{\"index\": 0, \"value\": 8, \"op\": \"SCMP_CMP_EQ\"}]}]}"

static const char *environment_text(const char *path) {
        return streq(path, "/etc/sample.env") ? ENVIRONMENT_FILE : NULL;
}

/* The trees of the host are nobody's but those below /exposed. */
static int table_trees(const ContainerSpec *draft, UnitFacts *f) {
        HostTree tree;

        f->trees = calloc(container_spec_host_trees_max(draft), sizeof(*f->trees));
        if (!f->trees)
                return -ENOMEM;
        for (size_t i = 0; i < container_spec_host_trees_max(draft); i++)
                if (container_spec_host_tree(draft, i, &tree))
                        f->trees[f->n_trees++] = (TreeFact){ .path = strdup(tree.path), .shut = !startswith(tree.path, "/exposed") };
        return 0;
}

/* A character device 10:229 by every name but those below /dev/missing; two groups. */
static int table_devices(const ContainerSpec *draft, UnitFacts *f) {
        const size_t n = draft->device_allow.n;

        for (const DirectiveId *row = io_limit_rows; *row != _DIRECTIVE_MAX; row++)
                f->n_disks += ((const value_io_limits *)container_spec_field_const(draft, *row))->n;
        f->disks = calloc(f->n_disks + 1, sizeof(*f->disks));
        for (size_t i = 0; f->disks && i < f->n_disks; i++)
                f->disks[i] = (DiskFact){ .major = 254, .minor = 16 };
        f->devices = calloc(n + 1, sizeof(*f->devices));
        f->device_groups = strdup("Character devices:\n  1 mem\n136 pts\n\nBlock devices:\n  8 sd\n");
        if (!f->devices || !f->device_groups || !f->disks)
                return -ENOMEM;
        for (; f->n_devices < n; f->n_devices++)
                f->devices[f->n_devices] = (DeviceFact){
                        .error = startswith(draft->device_allow.items[f->n_devices].name, "/dev/missing") ? ENOENT : 0,
                        .mode = S_IFCHR | 0666, .major = 10, .minor = 229,
                };
        return 0;
}

/* The one image of the store. */
static int table_image(const ContainerSpec *draft, UnitFacts *f) {
        ImageLayer layer = { .kind = LAYER_DIFF };

        if (!draft->image)
                return 0;
        if (!streq(draft->image, "sample:1")) {
                f->image.error = ENOENT;
                return 0;
        }
        layer_id(LAYER_DIFF, &layer.diff_id, layer.id);
        f->image.record = calloc(1, sizeof(*f->image.record));
        f->image.store = strdup(IMAGE_STORE_DIRECTORY "/layers");
        if (!f->image.record || !f->image.store || image_record_add_layer(f->image.record, &layer) < 0)
                return -ENOMEM;
        f->root_exists = f->root_is_directory = true;
        return strv_extend(&f->image.layers, "aaaaaaaaaaaaaaaa/tree");
}

/* Every root is there but those below /missing; one environment file exists. */
static int table_facts(const ContainerSpec *draft, UnitFacts *f) {
        size_t n = draft->environment_file.n;
        bool missing = draft->root_directory && startswith(draft->root_directory, "/missing");

        *f = (UnitFacts){ .root_exists = !missing, .root_is_directory = !missing, .root_error = missing ? ENOENT : 0 };
        f->root_path = draft->root_directory ? strdup(draft->root_directory) : NULL;
        f->passwd = strdup(PASSWD);
        f->group = strdup(GROUP);
        if (draft->seccomp_profile && streq(draft->seccomp_profile, "/etc/sample.json"))
                f->seccomp_profile.text = strdup(SECCOMP_PROFILE);
        if (draft->timezone && streq(draft->timezone, "Europe/Berlin"))
                f->timezone = strdup("CET-1CEST,M3.5.0,M10.5.0/3");
        f->timezone_error = f->timezone ? 0 : ENOENT;
        for (char *const *p = draft->pass_environment; p && *p; p++)
                if (streq(*p, "SAMPLE") && strv_extend(&f->passed, "SAMPLE=passed") < 0)
                        return -ENOMEM;
        f->environment_files = calloc(n + 1, sizeof(*f->environment_files));
        if (!f->passwd || !f->group || !f->environment_files)
                return -ENOMEM;
        for (; f->n_environment_files < n; f->n_environment_files++) {
                const char *path = draft->environment_file.items[f->n_environment_files].path;
                const char *text = environment_text(path);

                f->environment_files[f->n_environment_files].path = strdup(path);
                f->environment_files[f->n_environment_files].text = text ? strdup(text) : NULL;
                f->environment_files[f->n_environment_files].error = text ? 0 : ENOENT;
        }
        return table_devices(draft, f) < 0 || table_image(draft, f) < 0 ? -ENOMEM : table_trees(draft, f);
}

/* What the manager's loader would choose there. */
static int selinux_labels(const Compilation *c, char **context, char **file) {
        const SELinuxPolicy *p = &c->policies->selinux;
        const char *level = p->level ? p->level : "s0:c1,c2";
        int r;

        r = p->context ? str_append(context, "%s", p->context)
                       : str_append(context, "system_u:system_r:%s:%s", p->type, level);
        return r < 0 ? r : str_append(file, "system_u:object_r:%s:%s", p->file_type, level);
}

static int compile_over(ContainerSpec *draft, bool selinux, Compilation *c) {
        _cleanup_free_ char *context = NULL, *file = NULL;
        _cleanup_(unit_facts_done) UnitFacts facts = {};
        PlanParameters parameters = {};
        HostFacts host = table_host;
        int r;

        if (selinux)
                host.mac = (MacFacts){ .selinux = true, .selinux_enforcing = true, .landlock_abi = 7 };

        r = table_facts(draft, &facts);
        if (r < 0) {
                container_spec_unref(draft);
                return r;
        }
        r = unit_freeze_over(draft, &host, &facts, &c->diag, &c->spec);
        if (r >= 0)
                r = policy_compile(c->spec, -EBADF, &c->diag, &c->policies);
        if (r < 0)
                return r;
        id_range_of(c->spec, 0x00100000, &parameters.id_base, &parameters.id_count);
        parameters.labels.apparmor_profile = c->spec->mac.apparmor ? c->policies->apparmor.profile : NULL;
        if (c->spec->mac.selinux) {
                r = selinux_labels(c, &context, &file);
                if (r < 0)
                        return r;
                parameters.labels.selinux_context = context;
                parameters.labels.selinux_file_context = file;
        }
        return plan_build(c->spec, c->policies, &parameters, &c->diag, &c->plan);
}

int compile_draft(ContainerSpec *draft, Compilation *c) {
        return compile_over(draft, false, c);
}

/* A case whose path says selinux stands on a host that enforces it; the others have AppArmor. */
int compile_file(const char *path, Compilation *c) {
        ContainerSpec *draft = NULL;
        int r;

        *c = (Compilation){};
        r = unit_load_file(path, &table_host.specifiers, &c->diag, &draft);
        return draft ? compile_over(draft, strstr(path, "selinux"), c) : r;
}

int compile_text(const char *text, Compilation *c) {
        ContainerSpec *draft = NULL;
        int r;

        *c = (Compilation){};
        r = unit_load_text("table.container", text, strlen(text), &table_host.specifiers, &c->diag, &draft);
        return draft ? compile_draft(draft, c) : r;
}

void compilation_done(Compilation *c) {
        c->plan = plan_free(c->plan);
        c->policies = policy_set_unref(c->policies);
        container_spec_unref((ContainerSpec *)c->spec);
        diag_done(&c->diag);
        *c = (Compilation){};
}
