/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manager/base/io.h"
#include "manager/base/string-list.h"
#include "units/install/links.h"
#include "units/syntax/search.h"

#define PRESET_MAX (64U << 10)
#define ALSO_DEPTH_MAX 16 /* a chain of Also= longer than that is a ring */

static const char *const states[_INSTALL_STATE_MAX] = {
        [INSTALL_STATIC] = "static",
        [INSTALL_DISABLED] = "disabled",
        [INSTALL_ENABLED] = "enabled",
        [INSTALL_ENABLED_RUNTIME] = "enabled-runtime",
        [INSTALL_ALIAS] = "alias",
        [INSTALL_BAD] = "bad",
        [INSTALL_MASKED] = "masked",
        [INSTALL_MASKED_RUNTIME] = "masked-runtime",
};

const char *install_state_to_string(InstallState s) {
        return (int)s >= 0 && s < _INSTALL_STATE_MAX ? states[s] : NULL;
}

/* Where links are made: the first directory of the search path, or the second for those that end with the boot. */
static int link_directory(const InstallRequest *q, Diag *diag, const char **ret) {
        const size_t n = strv_length(q->search_path), at = q->runtime ? 1 : 0;

        if (n <= at)
                return diag_error(diag, ERROR_USAGE, NULL, NULL, "the search path has no directory for %s links",
                                  q->runtime ? "runtime" : "lasting");
        *ret = q->search_path[at];
        return 0;
}

static int bare_name(const char *name, Diag *diag, char **ret) {
        const char *suffix = endswith(name, UNIT_SUFFIX);
        _cleanup_free_ char *bare = suffix ? strndup(name, (size_t)(suffix - name)) : strdup(name);
        char *prefix = NULL, *instance = NULL;

        if (!bare)
                return -ENOMEM;
        if (container_name_split(bare, &prefix, &instance) < 0)
                return diag_error(diag, ERROR_USAGE, NULL, NULL, "\"%s\" is not a container's name", name);
        free(prefix);
        free(instance);
        *ret = TAKE_PTR(bare);
        return 0;
}

/* The draft of a unit; of a template, of the instance that DefaultInstance= names. */
static int load(const InstallRequest *q, const char *name, Diag *diag, ContainerSpec **ret) {
        _cleanup_(container_spec_unrefp) ContainerSpec *draft = NULL, *template = NULL;
        _cleanup_free_ char *instance = NULL, *fragment = NULL;
        int r;

        if (!endswith(name, "@"))
                r = unit_load(name, q->search_path, q->facts, diag, &draft);
        else {
                r = unit_find_fragment(name, q->search_path, &fragment);
                if (r >= 0)
                        r = unit_load_file(fragment, q->facts, diag, &template);
                else
                        return diag_error(diag, ERROR_NO_SUCH_UNIT, NULL, NULL, "no unit file %s.container", name);
                if (r >= 0 && !template->default_instance)
                        return diag_error(diag, ERROR_USAGE, NULL, NULL,
                                          "%s is a template without DefaultInstance=; name an instance, as in %sblue", name, name);
                if (r >= 0)
                        r = str_append(&instance, "%s%s", name, template->default_instance);
                if (r >= 0)
                        r = unit_load(instance, q->search_path, q->facts, diag, &draft);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(draft);
        return 0;
}

static bool has_install(const ContainerSpec *s) {
        return strv_length(s->wanted_by) + strv_length(s->required_by) + strv_length(s->upheld_by) + strv_length(s->alias) > 0;
}

static int enable(const InstallRequest *q, const char *name, unsigned depth, Diag *diag, InstallChanges *changes);

static int enable_links(const InstallRequest *q, const ContainerSpec *s, const char *directory, Diag *diag, InstallChanges *changes) {
        const struct {
                char *const *list;
                const char *kind;
        } rows[] = {
                { s->wanted_by, "wants" },
                { s->required_by, "requires" },
                { s->upheld_by, "upholds" },
        };
        int error = 0, r;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (char *const *w = rows[i].list; w && *w; w++) {
                        _cleanup_free_ char *path = NULL;

                        if (!host_unit_name_valid(*w))
                                r = diag_error(diag, ERROR_BAD_VALUE, &(Origin){ s->fragment_path, 0 }, NULL,
                                               "'%s' in [Install] is no unit of the host; write for example multi-user.target", *w);
                        else
                                r = str_append(&path, "%s/%s.%s/%s" UNIT_SUFFIX, directory, *w, rows[i].kind, s->name);
                        if (r >= 0)
                                r = link_make(path, s->fragment_path, q->force, diag, changes);
                        if (r < 0 && error == 0)
                                error = r;
                }
        for (char *const *a = s->alias; a && *a; a++) {
                _cleanup_free_ char *path = NULL, *bare = NULL;

                r = bare_name(*a, diag, &bare);
                if (r >= 0)
                        r = str_append(&path, "%s/%s" UNIT_SUFFIX, directory, bare);
                if (r >= 0)
                        r = link_make(path, s->fragment_path, q->force, diag, changes);
                if (r < 0 && error == 0)
                        error = r;
        }
        return error;
}

static int enable(const InstallRequest *q, const char *name, unsigned depth, Diag *diag, InstallChanges *changes) {
        _cleanup_(container_spec_unrefp) ContainerSpec *s = NULL;
        _cleanup_free_ char *bare = NULL;
        const char *directory = NULL;
        int error, r;

        r = bare_name(name, diag, &bare);
        if (r >= 0)
                r = link_directory(q, diag, &directory);
        if (r >= 0)
                r = load(q, bare, diag, &s);
        if (r < 0)
                return r;
        if (!has_install(s) && depth == 0 && strv_length(s->also) == 0)
                return diag_error(diag, ERROR_MISSING, &(Origin){ s->fragment_path, 0 }, NULL,
                                  "has no [Install] section, so there is nothing to enable; write WantedBy=multi-user.target "
                                  "there to have it started at boot");
        error = enable_links(q, s, directory, diag, changes);
        for (char *const *a = s->also; a && *a; a++) {
                if (depth >= ALSO_DEPTH_MAX || streq(*a, s->name))
                        continue;
                r = enable(q, *a, depth + 1, diag, changes);
                if (r < 0 && error == 0)
                        error = r;
        }
        return error;
}

int install_enable(const InstallRequest *q, const char *name, Diag *diag, InstallChanges *changes) {
        return enable(q, name, 0, diag, changes);
}

/* --- disable: whatever links lead to the unit, also those that its [Install] no longer names */

typedef struct Removal {
        const char *name; /* with suffix */
        const char *fragment;
        Diag *diag;
        InstallChanges *changes;
        int error;
} Removal;

/* A template stands for each of its instances, as systemd has it. */
static bool is_of(const char *name, const char *unit) {
        const char *at = endswith(unit, "@" UNIT_SUFFIX);

        return streq(name, unit) || (at && strncmp(name, unit, (size_t)(at - unit) + 1) == 0);
}

static int remove_one(const char *path, const char *name, const char *wanter_directory, const char *target, void *userdata) {
        Removal *m = userdata;
        int r;

        if (streq(target, "/dev/null"))
                return 0; /* a mask */
        if (wanter_directory ? !is_of(name, m->name) : streq(name, m->name) || !m->fragment || !streq(target, m->fragment))
                return 0;
        r = link_remove(path, m->diag, m->changes);
        if (r < 0 && m->error == 0)
                m->error = r;
        return 0;
}

int install_disable(const InstallRequest *q, const char *name, Diag *diag, InstallChanges *changes) {
        _cleanup_free_ char *bare = NULL, *file = NULL, *fragment = NULL;
        Removal removal = { .diag = diag, .changes = changes };
        int r;

        r = bare_name(name, diag, &bare);
        if (r < 0)
                return r;
        r = unit_find_fragment(bare, q->search_path, &fragment);
        if (r < 0 && r != -ENOENT)
                return r;
        r = str_append(&file, "%s" UNIT_SUFFIX, bare);
        if (r < 0)
                return r;
        removal.name = file;
        removal.fragment = fragment;
        for (size_t i = q->runtime ? 1 : 0; i < MIN_OF(strv_length(q->search_path), (size_t)2); i++) {
                r = links_walk(q->search_path[i], remove_one, &removal);
                if (r < 0)
                        return diag_errno(diag, ERROR_FAILED, &(Origin){ q->search_path[i], 0 }, NULL, -r, "cannot look for links");
        }
        if (removal.error == 0 && !fragment && changes->n == 0)
                return diag_error(diag, ERROR_NO_SUCH_UNIT, NULL, NULL, "no unit file %s", file);
        return removal.error;
}

/* --- masks */

static int mask_path(const InstallRequest *q, const char *name, Diag *diag, char **ret) {
        _cleanup_free_ char *bare = NULL;
        const char *directory = NULL;
        int r;

        r = bare_name(name, diag, &bare);
        if (r >= 0)
                r = link_directory(q, diag, &directory);
        return r < 0 ? r : str_append(ret, "%s/%s" UNIT_SUFFIX, directory, bare);
}

/* A mask that would mask nothing: of a name that no unit has, most likely misspelt; or below the file that it is to hide. */
static int check_mask(const InstallRequest *q, const char *name, const char *path, Diag *diag) {
        _cleanup_free_ char *bare = NULL, *fragment = NULL;
        int r;

        r = bare_name(name, diag, &bare);
        if (r >= 0)
                r = unit_find_fragment(bare, q->search_path, &fragment);
        if (r == -ENOENT)
                return q->force ? 0 : diag_error(diag, ERROR_NO_SUCH_UNIT, NULL, NULL,
                                                 "no unit file %s" UNIT_SUFFIX "; use --force to mask it before it comes", bare);
        if (r < 0)
                return r;
        if (q->runtime && startswith(fragment, q->search_path[0]) && !streq(fragment, path))
                return diag_error(diag, ERROR_CONFLICT, &(Origin){ fragment, 0 }, NULL,
                                  "stands before a mask in %s; mask it without --runtime", q->search_path[1]);
        return 0;
}

int install_mask(const InstallRequest *q, const char *name, Diag *diag, InstallChanges *changes) {
        _cleanup_free_ char *path = NULL;
        int r;

        r = mask_path(q, name, diag, &path);
        if (r >= 0)
                r = check_mask(q, name, path, diag);
        return r < 0 ? r : link_make(path, "/dev/null", q->force, diag, changes);
}

int install_unmask(const InstallRequest *q, const char *name, Diag *diag, InstallChanges *changes) {
        _cleanup_free_ char *path = NULL, *target = NULL;
        int r;

        r = mask_path(q, name, diag, &path);
        if (r < 0)
                return r;
        if (link_read(path, &target) < 0 || !streq(target, "/dev/null"))
                return 0;
        return link_remove(path, diag, changes);
}

/* --- revert */

static int revert_drop_ins(const char *directory, const char *file, Diag *diag, InstallChanges *changes) {
        _cleanup_strv_ char **files = NULL;
        _cleanup_free_ char *folder = NULL;
        int error = 0, r;

        r = str_append(&folder, "%s/%s.d", directory, file);
        if (r >= 0)
                r = files_list(folder, ".conf", &files);
        if (r < 0)
                return r;
        for (size_t i = 0; i < strv_length(files); i++) {
                r = link_remove(files[i], diag, changes);
                if (r < 0 && error == 0)
                        error = r;
        }
        (void)rmdir(folder);
        return error;
}

static bool is_hiding(const InstallRequest *q, size_t at, const char *file) {
        for (size_t i = at + 1; i < strv_length(q->search_path); i++) {
                _cleanup_free_ char *path = NULL;

                if (str_append(&path, "%s/%s", q->search_path[i], file) >= 0 && access(path, F_OK) >= 0)
                        return true;
        }
        return false;
}

static int revert_file(const InstallRequest *q, size_t at, const char *file, Diag *diag, InstallChanges *changes) {
        _cleanup_free_ char *path = NULL, *target = NULL;
        int r;

        r = str_append(&path, "%s/%s", q->search_path[at], file);
        if (r < 0)
                return r;
        if (link_read(path, &target) >= 0 ? !streq(target, "/dev/null") : access(path, F_OK) < 0 || !is_hiding(q, at, file))
                return 0;
        return link_remove(path, diag, changes);
}

int install_revert(const InstallRequest *q, const char *name, Diag *diag, InstallChanges *changes) {
        _cleanup_free_ char *bare = NULL, *file = NULL;
        int error = 0, r;

        r = bare_name(name, diag, &bare);
        if (r >= 0)
                r = str_append(&file, "%s" UNIT_SUFFIX, bare);
        if (r < 0)
                return r;
        for (size_t i = 0; i < MIN_OF(strv_length(q->search_path), (size_t)2); i++) {
                r = revert_drop_ins(q->search_path[i], file, diag, changes);
                if (r >= 0)
                        r = revert_file(q, i, file, diag, changes);
                if (r < 0 && error == 0)
                        error = r;
        }
        r = q->transient ? revert_drop_ins(q->transient, file, diag, changes) : 0;
        return error < 0 ? error : r;
}

/* --- presets */

/* -1 = no line matches */
static int preset_of_file(const char *path, const char *name) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        _cleanup_free_ char *text = NULL;
        size_t size;
        char *save = NULL;

        if (fd < 0 || read_file(fd, PRESET_MAX, &text, &size) < 0)
                return -1;
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                char word[16], pattern[256];

                if (sscanf(line, " %15s %255s", word, pattern) != 2 || word[0] == '#' || word[0] == ';')
                        continue;
                if (fnmatch(pattern, name, FNM_NOESCAPE) == 0 && (streq(word, "enable") || streq(word, "disable")))
                        return streq(word, "enable");
        }
        return -1;
}

int install_preset(const InstallRequest *q, const char *name, char *const *preset_path, Diag *diag, InstallChanges *changes) {
        _cleanup_free_ char *bare = NULL, *file = NULL;
        int wanted = -1, r;

        r = bare_name(name, diag, &bare);
        if (r >= 0)
                r = str_append(&file, "%s" UNIT_SUFFIX, bare);
        for (char *const *d = preset_path; r >= 0 && d && *d && wanted < 0; d++) {
                _cleanup_strv_ char **files = NULL;

                r = files_list(*d, ".preset", &files);
                for (size_t i = 0; r >= 0 && i < strv_length(files) && wanted < 0; i++)
                        wanted = preset_of_file(files[i], file);
        }
        if (r < 0)
                return r;
        return wanted > 0 ? install_enable(q, name, diag, changes) : install_disable(q, name, diag, changes);
}

/* --- state */

typedef struct Look {
        const char *name;
        bool enabled;
} Look;

static int look_at(const char *path, const char *name, const char *wanter_directory, const char *target, void *userdata) {
        Look *l = userdata;

        l->enabled |= wanter_directory && is_of(name, l->name) && !streq(target, "/dev/null");
        return 0;
}

static bool is_masked(const char *directory, const char *file) {
        _cleanup_free_ char *path = NULL, *target = NULL;

        return str_append(&path, "%s/%s", directory, file) >= 0 && link_read(path, &target) >= 0 && streq(target, "/dev/null");
}

int install_state(const InstallRequest *q, const char *name, Diag *diag, InstallState *ret) {
        static const InstallState masked[] = { INSTALL_MASKED, INSTALL_MASKED_RUNTIME },
                                  enabled[] = { INSTALL_ENABLED, INSTALL_ENABLED_RUNTIME };
        const size_t n = MIN_OF(strv_length(q->search_path), (size_t)2);
        _cleanup_(container_spec_unrefp) ContainerSpec *s = NULL;
        _cleanup_free_ char *bare = NULL, *file = NULL, *alias = NULL;
        _cleanup_(diag_done) Diag ignored = {};
        int r;

        r = bare_name(name, diag, &bare);
        if (r >= 0)
                r = str_append(&file, "%s" UNIT_SUFFIX, bare);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++)
                if (is_masked(q->search_path[i], file)) {
                        *ret = masked[i];
                        return 0;
                }
        for (size_t i = 0; i < n; i++) {
                Look look = { .name = file };

                r = links_walk(q->search_path[i], look_at, &look);
                if (r < 0)
                        return r;
                if (look.enabled) {
                        *ret = enabled[i];
                        return 0;
                }
        }
        r = unit_alias_of(bare, q->search_path, &alias);
        if (r < 0)
                return r;
        if (alias) {
                *ret = INSTALL_ALIAS;
                return 0;
        }
        r = load(q, bare, &ignored, &s);
        if (!s && diag_first_code(&ignored) == ERROR_NO_SUCH_UNIT)
                return diag_error(diag, ERROR_NO_SUCH_UNIT, NULL, NULL, "no unit file %s", file);
        if (r < 0 && diag_first_code(&ignored) != ERROR_USAGE) /* a template without DefaultInstance= has no mistake */
                *ret = INSTALL_BAD;
        else
                *ret = s && has_install(s) ? INSTALL_DISABLED : INSTALL_STATIC;
        return 0;
}
