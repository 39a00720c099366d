/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* systemd.generator(7): what is enabled among containers becomes units of the host. For each unit on the search path
 *
 *   NORMAL/bulwark@web.service.d/50-unit.conf             its [Unit] section, as the host's service manager reads it
 *   NORMAL/multi-user.target.wants/bulwark@web.service    what `bulwarkctl enable` made of its [Install] section
 *
 * Nothing else is written, and a unit that cannot be read is left out: the boot goes on. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "manager/base/string-list.h"
#include "units/install/install.h"
#include "units/resolve/resolve.h"

#define TEMPLATE "bulwark@"

typedef struct Generator {
        const char *directory;
        char **search_path;
        HostFacts host;
} Generator;

static void warn(const char *what, int error) {
        fprintf(stderr, "<4>bulwark-generator: %s: %s\n", what, strerror(-error));
}

static int make_directory(const char *path) {
        return mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

static int write_text(const char *path, const char *text) {
        FILE *f = fopen(path, "we");
        int r = 0;

        if (!f)
                return -errno;
        if (fputs(text, f) < 0 || fflush(f) != 0)
                r = -errno;
        (void)fclose(f);
        return r;
}

/* A text that goes behind '=' in a unit of the host: one line, no specifier of theirs. */
static int append_value(char **s, const char *key, const char *value) {
        int r = str_append(s, "%s=", key);

        for (const char *p = value; r >= 0 && *p; p++)
                r = *p == '%' ? str_append(s, "%%%%") : str_append(s, "%c", (unsigned char)*p < ' ' ? ' ' : *p);
        return r < 0 ? r : str_append(s, "\n");
}

/* How the lines of [Unit] reach the host's service manager. Units of the host go there as they stand. Other containers
 * become their units where that is right for systemd, too; what else a kind means is the manager's own work, who does it
 * for every start and stop. */
static const struct {
        DirectiveId directive;
        bool containers;
} dependency_rows[] = {
        { DIRECTIVE_Requires, true },       { DIRECTIVE_Wants, true },      { DIRECTIVE_BindsTo, true },
        { DIRECTIVE_PartOf, true },         { DIRECTIVE_Before, true },     { DIRECTIVE_After, true },
        { DIRECTIVE_Conflicts, true },      { DIRECTIVE_Requisite, false }, { DIRECTIVE_Upholds, false },
        { DIRECTIVE_OnFailure, false },     { DIRECTIVE_OnSuccess, false }, { DIRECTIVE_PropagatesStopTo, false },
        { DIRECTIVE_StopPropagatedFrom, false },
};

static int append_dependencies(char **text, const ContainerSpec *s) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(dependency_rows); i++) {
                const char *key = directives[dependency_rows[i].directive].name;
                const value_units *v = container_spec_field_const(s, dependency_rows[i].directive);

                for (size_t k = 0; r >= 0 && dependency_rows[i].containers && k < v->n; k++)
                        r = str_append(text, "%s=" TEMPLATE "%s.service\n", key, v->items[k].name);
                for (char *const *h = v->host; r >= 0 && h && *h; h++)
                        r = append_value(text, key, *h);
        }
        return r;
}

static int append_path(char **text, const char *key, const char *path) {
        _cleanup_free_ char *quoted = value_quote(path);

        return quoted ? append_value(text, key, quoted) : -ENOMEM;
}

/* Mounts that the container's files lie on, as the manager knows them, too. */
static int append_mounts(char **text, const ContainerSpec *s) {
        const value_paths *lists[] = { &s->requires_mounts_for, &s->wants_mounts_for };
        static const DirectiveId names[] = { DIRECTIVE_RequiresMountsFor, DIRECTIVE_WantsMountsFor };
        const value_binds *binds[] = { &s->bind_paths, &s->bind_read_only_paths };
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(lists); i++)
                for (size_t k = 0; r >= 0 && k < lists[i]->n; k++)
                        r = append_path(text, directives[names[i]].name, lists[i]->items[k].path);
        if (r >= 0 && s->root_directory)
                r = append_path(text, "RequiresMountsFor", s->root_directory);
        for (size_t i = 0; i < ELEMENTSOF(binds); i++)
                for (size_t k = 0; r >= 0 && k < binds[i]->n; k++)
                        if (!binds[i]->items[k].missing_ok)
                                r = append_path(text, "RequiresMountsFor", binds[i]->items[k].source);
        return r;
}

static int drop_in(const Generator *g, const ContainerSpec *s) {
        _cleanup_free_ char *folder = NULL, *path = NULL, *text = NULL;
        int r;

        r = str_append(&text, "# Made by bulwark-generator from %s\n[Unit]\nSourcePath=%s\n", s->fragment_path, s->fragment_path);
        if (r >= 0 && s->description)
                r = append_value(&text, "Description", s->description);
        for (char *const *d = s->documentation; r >= 0 && d && *d; d++)
                r = append_value(&text, "Documentation", *d);
        if (r >= 0)
                r = append_dependencies(&text, s);
        if (r >= 0)
                r = append_mounts(&text, s);
        if (r >= 0 && !s->default_dependencies)
                r = str_append(&text, "DefaultDependencies=no\n");
        if (r >= 0)
                r = str_append(&folder, "%s/" TEMPLATE "%s.service.d", g->directory, s->name);
        if (r >= 0)
                r = str_append(&path, "%s/50-unit.conf", folder);
        if (r >= 0)
                r = make_directory(folder);
        return r < 0 ? r : write_text(path, text);
}

static int load_one(const Generator *g, const char *name) {
        _cleanup_(container_spec_unrefp) ContainerSpec *s = NULL;
        _cleanup_(diag_done) Diag diag = {};
        int r;

        r = unit_load(name, g->search_path, &g->host.specifiers, &diag, &s);
        if (!s) {
                if (diag_first_code(&diag) != ERROR_MASKED)
                        warn(name, r);
                return 0;
        }
        return drop_in(g, s);
}

static int link_one(const Generator *g, const InstallLink *l) {
        _cleanup_free_ char *folder = NULL, *path = NULL;
        int r;

        if (!host_unit_name_valid(l->wanter))
                return 0;
        r = str_append(&folder, "%s/%s.%s", g->directory, l->wanter, l->kind);
        if (r >= 0)
                r = str_append(&path, "%s/" TEMPLATE "%s.service", folder, l->name);
        if (r >= 0)
                r = make_directory(folder);
        if (r < 0)
                return r;
        return symlink(BULWARK_SYSTEM_UNIT_DIRECTORY "/" TEMPLATE ".service", path) < 0 && errno != EEXIST ? -errno : 0;
}

static int generate(Generator *g) {
        UnitFileEntry *entries = NULL;
        InstallLink *links = NULL;
        size_t n = 0, n_links = 0;
        int r, error = 0;

        r = unit_files_list(g->search_path, &entries, &n);
        if (r >= 0)
                r = install_links(g->search_path, &links, &n_links);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                int one = entries[i].state == UNIT_FILE_MISNAMED ? -EINVAL
                          : entries[i].state == UNIT_FILE_STATIC ? load_one(g, entries[i].name) : 0;

                if (one < 0) {
                        warn(entries[i].name, one);
                        error = one;
                }
        }
        for (size_t i = 0; r >= 0 && i < n_links; i++) {
                int one = link_one(g, links + i);

                /* An instance of a template has no file of its own in the list. */
                if (one >= 0 && strchr(links[i].name, '@'))
                        one = load_one(g, links[i].name);
                if (one < 0) {
                        warn(links[i].name, one);
                        error = one;
                }
        }
        unit_files_free(entries, n);
        install_links_free(links, n_links);
        return r < 0 ? r : error;
}

int main(int argc, char **argv) {
        const char *path = getenv("BULWARK_UNIT_PATH");
        Generator g = {};
        int r;

        if (argc != 2 && argc != 4) {
                fprintf(stderr, "usage: bulwark-generator NORMAL [EARLY LATE]\n"
                                "systemd runs it at boot and at daemon-reload; see systemd.generator(7).\n");
                return 2;
        }
        g.directory = argv[1];
        r = host_facts_gather(&g.host);
        if (r >= 0)
                r = strv_split(path ? path : UNIT_PATH_DEFAULT, ':', &g.search_path);
        if (r >= 0)
                r = generate(&g);
        if (r < 0)
                warn("cannot make units of the containers", r);
        strv_free(g.search_path);
        host_facts_done(&g.host);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
