/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/string-list.h"
#include "units/spec/service-directories.h"

const ServiceDirectoryKind service_directory_kinds[SERVICE_DIRECTORY_KINDS] = {
        { DIRECTIVE_RuntimeDirectory, DIRECTIVE_RuntimeDirectoryMode, "/run", "RUNTIME_DIRECTORY", .idmap = false },
        { DIRECTIVE_StateDirectory, DIRECTIVE_StateDirectoryMode, "/var/lib", "STATE_DIRECTORY", .idmap = true },
        { DIRECTIVE_CacheDirectory, DIRECTIVE_CacheDirectoryMode, "/var/cache", "CACHE_DIRECTORY", .idmap = true },
        { DIRECTIVE_LogsDirectory, DIRECTIVE_LogsDirectoryMode, "/var/log", "LOGS_DIRECTORY", .idmap = true },
        { DIRECTIVE_ConfigurationDirectory, _DIRECTIVE_INVALID, "/etc", "CONFIGURATION_DIRECTORY", .idmap = true,
          .given = true },
};

const value_directories *service_directories_of(const ContainerSpec *s, const ServiceDirectoryKind *kind) {
        return container_spec_field_const(s, kind->names);
}

const char *service_directory_base(const BindMount *b) {
        for (size_t k = 0; b->directive && k < SERVICE_DIRECTORY_KINDS; k++)
                if (streq(directives[service_directory_kinds[k].names].name, b->directive))
                        return service_directory_kinds[k].base;
        return NULL;
}

static int derive_bind(ContainerSpec *draft, const ServiceDirectoryKind *kind, const ServiceDirectory *d, const char *place) {
        value_binds *list = kind->given ? &draft->bind_read_only_paths : &draft->bind_paths;
        BindMount *grown = reallocarray(list->items, list->n + 1, sizeof(*grown));
        BindMount b = { .missing_ok = kind->given, .recursive = true, .idmap = kind->idmap, .directive = directives[kind->names].name,
                        .origin = d->origin };
        int r;

        if (!grown)
                return -ENOMEM;
        list->items = grown;
        r = str_append(&b.source, "%s/%s", kind->base, d->name);
        if (r >= 0)
                r = str_append(&b.destination, "%s/%s", kind->base, place);
        if (r < 0) {
                free(b.source);
                return r;
        }
        list->items[list->n++] = b;
        return 0;
}

/* A unit that binds the place itself has said what it wants there. */
static bool is_bound(const ContainerSpec *s, const ServiceDirectoryKind *kind, const char *name) {
        const value_binds *lists[] = { &s->bind_paths, &s->bind_read_only_paths };

        for (size_t k = 0; k < ELEMENTSOF(lists); k++)
                for (size_t i = 0; i < lists[k]->n; i++) {
                        const char *rest = startswith(lists[k]->items[i].destination, kind->base);

                        if (rest && *rest == '/' && streq(rest + 1, name))
                                return true;
                }
        return false;
}

int service_directories_derive(ContainerSpec *draft) {
        for (size_t k = 0; k < SERVICE_DIRECTORY_KINDS; k++) {
                const ServiceDirectoryKind *kind = service_directory_kinds + k;
                const value_directories *v = service_directories_of(draft, kind);

                for (size_t i = 0; i < v->n; i++) {
                        int r = 0;

                        if (!is_bound(draft, kind, v->items[i].name))
                                r = derive_bind(draft, kind, v->items + i, v->items[i].name);
                        if (r >= 0 && v->items[i].alias && !is_bound(draft, kind, v->items[i].alias))
                                r = derive_bind(draft, kind, v->items + i, v->items[i].alias);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

int service_directories_value(const ContainerSpec *s, const ServiceDirectoryKind *kind, char **ret) {
        const value_directories *v = service_directories_of(s, kind);
        char *text = NULL;

        for (size_t i = 0; i < v->n; i++) {
                int r = str_append(&text, "%s%s/%s", i > 0 ? ":" : "", kind->base, v->items[i].name);

                if (r < 0) {
                        free(text);
                        return r;
                }
        }
        *ret = text;
        return 0;
}
