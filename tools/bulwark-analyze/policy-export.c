/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* policy export: what an administrator can load by hand, and how. */
#include <ctype.h>
#include <linux/filter.h>
#include <stdio.h>

#include "manager/base/io.h"
#include "manager/base/string-list.h"
#include "tools/bulwark-analyze/policy-files.h"
#include "tools/bulwark-analyze/policy.h"

typedef struct Artefact {
        char *data; /* NULL: the unit has none */
        size_t size;
} Artefact;

static int take_text(char *text, Artefact *ret) {
        *ret = (Artefact){ .data = text, .size = strlen(text) };
        return 0;
}

static int take_json(json_object *top, Artefact *ret) {
        char *text = NULL;
        int r;

        r = str_append(&text, "%s\n", json_object_to_json_string_ext(top, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                                                                                  JSON_C_TO_STRING_NOSLASHESCAPE));
        return r < 0 ? r : take_text(text, ret);
}

/* --- capabilities */

static int mask_to_json(json_object *top, const char *name, uint64_t mask) {
        json_object *list = json_object_new_array();

        if (!list || json_object_object_add(top, name, list) < 0)
                return -ENOMEM;
        for (unsigned c = 0; c < 64; c++)
                if (mask & (UINT64_C(1) << c) &&
                    json_object_array_add(list, json_object_new_string(capability_to_string(c))) < 0)
                        return -ENOMEM;
        return 0;
}

static int make_capabilities(const PolicySet *set, Artefact *ret) {
        _cleanup_(json_putp) json_object *top = json_object_new_object();
        const CapabilityPolicy *c = &set->capabilities;
        const struct {
                const char *name;
                uint64_t mask;
        } sets[] = {
                { "bounding", c->bounding },       { "permitted", c->permitted }, { "effective", c->effective },
                { "inheritable", c->inheritable }, { "ambient", c->ambient },
        };

        for (size_t i = 0; i < ELEMENTSOF(sets); i++)
                if (!top || mask_to_json(top, sets[i].name, sets[i].mask) < 0)
                        return -ENOMEM;
        return take_json(top, ret);
}

/* "-all,+chown": as setpriv(1) and capsh(1) name them. */
static int setpriv_set(uint64_t mask, char **ret) {
        int r = str_append(ret, "-all");

        for (unsigned c = 0; r >= 0 && c < 64; c++) {
                char name[32] = "";

                if (!(mask & (UINT64_C(1) << c)))
                        continue;
                (void)snprintf(name, sizeof(name), "%s", capability_to_string(c) + strlen("CAP_"));
                for (char *p = name; *p; p++)
                        *p = (char)tolower((unsigned char)*p);
                r = str_append(ret, ",+%s", name);
        }
        return r;
}

static int help_capabilities(const Analysis *a, const char *file, char **text) {
        const CapabilityPolicy *c = &a->policies->capabilities;
        _cleanup_free_ char *bounding = NULL, *inheritable = NULL;
        int r;

        r = setpriv_set(c->bounding, &bounding);
        if (r >= 0)
                r = setpriv_set(c->inheritable, &inheritable);
        return r < 0 ? r
                     : str_append(text, "%s: the five sets of the payload.\n    setpriv --bounding-set=%s --inh-caps=%s "
                                        "--ambient-caps=%s -- COMMAND\n\n",
                                  file, bounding, inheritable, inheritable);
}

/* --- seccomp */

static int make_filter(const PolicySet *set, Artefact *ret) {
        size_t size = set->seccomp.n_instructions * sizeof(struct sock_filter);

        ret->data = malloc(size);
        if (!ret->data)
                return -ENOMEM;
        memcpy(ret->data, set->seccomp.program, size);
        ret->size = size;
        return 0;
}

static int help_filter(const Analysis *a, const char *file, char **text) {
        return str_append(text, "%s: %zu instructions of classic BPF, struct sock_filter, for this architecture.\n"
                                "    bwrap --seccomp 9 ... COMMAND 9<%s\n    or prctl(PR_SET_NO_NEW_PRIVS) and "
                                "seccomp(SECCOMP_SET_MODE_FILTER)\n\n",
                          file, a->policies->seccomp.n_instructions, file);
}

static int help_listing(const Analysis *a, const char *file, char **text) {
        return str_append(text, "%s: the same to be read.\n\n", file);
}

/* --- what the security modules load */

static int make_copy(const char *from, Artefact *ret) {
        char *text;

        if (isempty(from))
                return 0;
        text = strdup(from);
        return text ? take_text(text, ret) : -ENOMEM;
}

static int make_apparmor(const PolicySet *set, Artefact *ret) {
        return make_copy(set->apparmor.text, ret);
}

static int help_apparmor(const Analysis *a, const char *file, char **text) {
        return str_append(text, "%s: an AppArmor profile.\n    apparmor_parser -r %s\n    aa-exec -p %s -- COMMAND\n\n", file,
                          file, strempty(a->policies->apparmor.profile));
}

static int make_selinux(const PolicySet *set, Artefact *ret) {
        return make_copy(set->selinux.cil, ret);
}

static int help_selinux(const Analysis *a, const char *file, char **text) {
        return str_append(text, "%s: a CIL block for SELinux; it is made of the words of Bulwark's base module.\n"
                                "    bulwarkctl policy install\n    semodule -i %s\n    The payload's domain is %s.\n%s\n",
                          file, file, strempty(a->policies->selinux.type),
                          strstr(strempty(a->policies->selinux.cil), "; binds ")
                                  ? "    It may bind the types in its attributes tcp_port and udp_port: add those of the ports that it\n"
                                    "    names to them, as \"(typeattributeset BLOCK.tcp_port (http_port_t))\"; semanage port -l tells them.\n"
                                  : "");
}

static int add_hex(json_object *to, const char *name, uint64_t value) {
        char text[24];

        (void)snprintf(text, sizeof(text), "0x%llx", (unsigned long long)value);
        return json_object_object_add(to, name, json_object_new_string(text)) < 0 ? -ENOMEM : 0;
}

static int path_to_json(const LandlockPathRule *rule, json_object *list) {
        json_object *one = json_object_new_object(), *except = rule->except ? json_object_new_array() : NULL;

        if (!one || json_object_array_add(list, one) < 0)
                return -ENOMEM;
        (void)json_object_object_add(one, "path", json_object_new_string(rule->path));
        (void)json_object_object_add(one, "except", except);
        for (char *const *name = rule->except; name && *name; name++)
                (void)json_object_array_add(except, json_object_new_string(*name));
        (void)json_object_object_add(one, "missing_ok", json_object_new_boolean(rule->missing_ok));
        return add_hex(one, "access", rule->access);
}

static int port_to_json(const LandlockPortRule *rule, json_object *list) {
        json_object *one = json_object_new_object();

        if (!one || json_object_array_add(list, one) < 0)
                return -ENOMEM;
        (void)json_object_object_add(one, "first", json_object_new_int(rule->first));
        (void)json_object_object_add(one, "last", json_object_new_int(rule->last));
        return add_hex(one, "access", rule->access);
}

static int make_landlock(const PolicySet *set, Artefact *ret) {
        _cleanup_(json_putp) json_object *top = json_object_new_object();
        json_object *paths = json_object_new_array(), *ports = json_object_new_array();
        const LandlockPolicy *l = &set->landlock;
        int r;

        if (l->abi == 0) {
                (void)json_object_put(paths);
                (void)json_object_put(ports);
                return 0;
        }
        if (!top || !paths || !ports || json_object_object_add(top, "abi", json_object_new_int64(l->abi)) < 0)
                return -ENOMEM;
        r = add_hex(top, "handled_access_fs", l->handled_fs);
        if (r >= 0)
                r = add_hex(top, "handled_access_net", l->handled_net);
        if (r >= 0)
                r = add_hex(top, "scoped", l->scoped);
        (void)json_object_object_add(top, "paths", paths);
        (void)json_object_object_add(top, "ports", ports);
        for (size_t i = 0; r >= 0 && i < l->n_paths; i++)
                r = path_to_json(l->paths + i, paths);
        for (size_t i = 0; r >= 0 && i < l->n_ports; i++)
                r = port_to_json(l->ports + i, ports);
        return r < 0 ? r : take_json(top, ret);
}

static int help_landlock(const Analysis *a, const char *file, char **text) {
        return str_append(text, "%s: the ruleset for landlock_restrict_self(2), bits as in linux/landlock.h, ABI %u.\n"
                                "    No program loads it from a file; a process gives its rules itself.\n\n",
                          file, a->policies->landlock.abi);
}

/* --- the table. The first row of a layer is what goes to standard output. %s is the unit's name, made fit for a file and
 * for the name of a module. */
static int make_listing(const PolicySet *set, Artefact *ret);
static const struct {
        const char *layer, *file;
        bool binary;
        int (*make)(const PolicySet *set, Artefact *ret);
        int (*help)(const Analysis *a, const char *file, char **text);
} parts[] = {
        { "caps", "capabilities.json", false, make_capabilities, help_capabilities },
        { "seccomp", "seccomp.bpf", true, make_filter, help_filter },
        { "seccomp", "seccomp.txt", false, make_listing, help_listing },
        { "apparmor", "bulwark-%s.apparmor", false, make_apparmor, help_apparmor },
        { "selinux", "bulwark_%s.cil", false, make_selinux, help_selinux },
        { "landlock", "landlock.json", false, make_landlock, help_landlock },
};

static int make_listing(const PolicySet *set, Artefact *ret) {
        for (size_t i = 0; i < policy_backends_count(); i++)
                if (streq(policy_backends[i]->name, "seccomp")) {
                        char *text = NULL;
                        int r = policy_backends[i]->render(set, &text);

                        return r < 0 ? r : take_text(text, ret);
                }
        return 0;
}

static bool part_wanted(const Options *o, const char *layer) {
        for (size_t i = 0; i < policy_backends_count(); i++)
                if (streq(policy_backends[i]->name, layer))
                        return layer_wanted(o, i);
        return false;
}

static int file_name(const char *format, const char *unit, char **ret) {
        const char *at = strstr(format, "%s");
        _cleanup_free_ char *safe = strdup(unit);

        if (!safe)
                return -ENOMEM;
        for (char *p = safe; *p; p++)
                if (!isalnum((unsigned char)*p) && *p != '-' && *p != '_')
                        *p = '_';
        *ret = NULL;
        return at ? str_append(ret, "%.*s%s%s", (int)(at - format), format, safe, at + 2) : str_append(ret, "%s", format);
}

static int collect(const Options *o, const Analysis *a, ExportFiles *files) {
        _cleanup_free_ char *readme = NULL;
        size_t size;
        int r;

        r = str_append(&readme, "The policies of the container %s, by Bulwark " BULWARK_VERSION ".\nsha256sum -c MANIFEST tells "
                                "whether they still are as they were exported.\n\n",
                       a->spec->name);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(parts); i++) {
                Artefact artefact = {};
                char *name = NULL;

                if (!part_wanted(o, parts[i].layer))
                        continue;
                r = parts[i].make(a->policies, &artefact);
                if (r < 0 || !artefact.data)
                        continue;
                r = file_name(parts[i].file, a->spec->name, &name);
                if (r >= 0)
                        r = parts[i].help(a, name, &readme);
                if (r >= 0)
                        r = export_files_take(files, name, artefact.data, artefact.size);
                else {
                        free(name);
                        free(artefact.data);
                }
        }
        if (r < 0)
                return r;
        size = strlen(readme);
        return export_files_take(files, strdup("README"), TAKE_PTR(readme), size);
}

static int export_to_directory(const Options *o, const Analysis *a) {
        _cleanup_(export_files_done) ExportFiles files = {};
        int r;

        r = collect(o, a, &files);
        if (r < 0) {
                fprintf(stderr, "bulwark-analyze: cannot export the policies: %s\n", strerror(-r));
                return EXIT_FAILURE;
        }
        r = export_files_write(&files, o->output_directory, o->force);
        if (r < 0)
                return EXIT_FAILURE;
        for (size_t i = 0; !o->quiet && i < files.n; i++)
                printf("%s/%s\n", o->output_directory, files.items[i].name);
        return EXIT_SUCCESS;
}

static int export_to_stdout(const Options *o, const Analysis *a) {
        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                _cleanup_free_ char *data = NULL;
                Artefact artefact = {};
                int r;

                if (!part_wanted(o, parts[i].layer))
                        continue;
                if (parts[i].binary && isatty(STDOUT_FILENO)) {
                        fprintf(stderr, "bulwark-analyze: the filter is no text; redirect it to a file, or see policy show "
                                        "--seccomp --listing\n");
                        return EXIT_USAGE;
                }
                r = parts[i].make(a->policies, &artefact);
                data = artefact.data;
                if (r >= 0 && !data) {
                        fprintf(stderr, "bulwark-analyze: the unit %s has nothing to load for %s\n", a->spec->name,
                                parts[i].layer);
                        return EXIT_FAILURE;
                }
                if (r < 0 || fwrite(data, 1, artefact.size, stdout) != artefact.size) {
                        fprintf(stderr, "bulwark-analyze: cannot export the policy: %s\n", strerror(r < 0 ? -r : errno));
                        return EXIT_FAILURE;
                }
                return EXIT_SUCCESS;
        }
        return EXIT_FAILURE;
}

int verb_policy_export(const Options *o) {
        _cleanup_(analysis_done) Analysis a = {};
        int code;

        if (!o->output_directory && __builtin_popcount(o->layers) != 1) {
                fprintf(stderr, "bulwark-analyze: give --output-directory=DIR, or one of --caps, --seccomp, --apparmor, "
                                "--selinux and --landlock for standard output\n");
                return EXIT_USAGE;
        }
        code = analyze_policies(o, o->units[0], &a);
        if (code != EXIT_SUCCESS)
                return code;
        return o->output_directory ? export_to_directory(o, &a) : export_to_stdout(o, &a);
}
