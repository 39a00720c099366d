/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>

#include "manager/base/string-list.h"
#include "units/spec/service-directories.h"
#include "units/syntax/lines.h"
#include "units/syntax/search.h"
#include "units/syntax/specifier.h"
#include "units/values/text.h"

/* Fills one draft. A file that fails is still read to its end, so that every mistake is told in one go. */
typedef struct Loader {
        ContainerSpec *spec;
        SpecifierContext specifiers;
        SpecifierMistake mistake;
        Diag *diag;
        DirectiveSection section;
        bool ignored; /* the section is X-..., or was wrong and reported */
} Loader;

static bool is_extension(const char *name) {
        return startswith(name, "X-") != NULL;
}

/* --- sections */

static const struct {
        const char *theirs;
        DirectiveSection ours;
} foreign_sections[] = {
        {"Service", SECTION_Container}, {"Exec", SECTION_Container},      {"Files", SECTION_Container},
        {"Network", SECTION_Container}, {"Resources", SECTION_Container},
};
/* What stands there is about neither a container nor its unit, and is not judged as if it were. */
static const char *const unrelated_sections[] = { "Quadlet", "Pod", "Kube", "Build", "Image", "Volume" };

static DirectiveSection section_nearest(const char *name) {
        const char *known[_SECTION_MAX + 1] = {}, *near;

        for (size_t i = 0; i < ELEMENTSOF(unrelated_sections); i++)
                if (streq(unrelated_sections[i], name))
                        return _SECTION_INVALID;
        for (size_t i = 0; i < ELEMENTSOF(foreign_sections); i++)
                if (streq(foreign_sections[i].theirs, name))
                        return foreign_sections[i].ours;
        for (DirectiveSection s = 0; s < _SECTION_MAX; s++)
                known[s] = section_to_string(s);
        near = text_nearest(name, known);
        return near ? section_from_string(near) : _SECTION_INVALID;
}

static int enter_section(void *userdata, const Origin *origin, const char *name) {
        _cleanup_free_ char *shown = NULL;
        Loader *l = userdata;

        l->ignored = !name || is_extension(name);
        if (l->ignored)
                return 0;
        l->section = section_from_string(name);
        if (l->section >= 0)
                return 0;

        shown = text_shorten(name, 80);
        l->section = section_nearest(name);
        if (l->section >= 0) /* and its lines are read as if it were that one */
                return diag_error(l->diag, ERROR_UNKNOWN_KEY, origin, NULL,
                                  "unknown section [%s]; did you mean [%s]?", strempty(shown),
                                  section_to_string(l->section));
        l->ignored = true;
        l->spec->incomplete = true;
        return diag_error(
                l->diag, ERROR_UNKNOWN_KEY, origin, NULL,
                "unknown section [%s]; a unit has [Unit], [Container] and [Install], and [X-...] for others",
                strempty(shown));
}

/* --- assignments */

static int refuse(Loader *l, const Origin *origin, const RefusedDirective *refused) {
        if (refused->why)
                return diag_error(l->diag, ERROR_UNSUPPORTED, origin, refused->name, "not supported: %s",
                                  refused->why);
        return diag_error(l->diag, ERROR_UNSUPPORTED, origin, refused->name,
                          "not supported yet; remove the line");
}

static bool key_valid(const char *key) {
        size_t n = strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");

        return n <= 64 && !key[n];
}

static int unknown_key(Loader *l, const Origin *origin, const char *key) {
        const char *near;

        if (!key_valid(key)) {
                _cleanup_free_ char *shown = text_shorten(key, 80);

                return diag_error(l->diag, ERROR_SYNTAX, origin, NULL,
                                  "'%s' cannot be a directive; directives are made of letters and digits",
                                  strempty(shown));
        }
        for (DirectiveSection s = 0; s < _SECTION_MAX; s++)
                if (s != l->section && (directive_find(s, key) >= 0 || refused_directive_find(s, key)))
                        return diag_error(l->diag, ERROR_UNKNOWN_KEY, origin, key,
                                          "belongs in [%s], not in [%s]", section_to_string(s),
                                          section_to_string(l->section));
        near = directive_suggest(l->section, key);
        if (near)
                /* Most likely it is what was meant: do not also say that it is missing. */
                container_spec_spoil(l->spec, directive_find(l->section, near), -EINVAL);
        if (near)
                return diag_error(l->diag, ERROR_UNKNOWN_KEY, origin, key,
                                  "unknown directive; did you mean %s=?", near);
        for (DirectiveSection s = 0; s < _SECTION_MAX; s++) {
                near = s == l->section ? NULL : directive_suggest(s, key);
                if (near)
                        return diag_error(l->diag, ERROR_UNKNOWN_KEY, origin, key,
                                          "unknown directive; did you mean %s= of [%s]?", near,
                                          section_to_string(s));
        }
        return diag_error(l->diag, ERROR_UNKNOWN_KEY, origin, key,
                          "unknown directive of [%s]; see bulwark.container(5), or begin its name with X- "
                          "to have it ignored",
                          section_to_string(l->section));
}

/* What asks for that which holds anyway. */
static int take_note(const ValueContext *c, const NotedDirective *noted, const char *value) {
        const bool boolean = streq(noted->value, "yes") || streq(noted->value, "no");
        value_bool v = streq(noted->value, "yes");
        bool holds = true;

        if (boolean && *value) {
                int r = value_type_bool.parse(c, value, &v);

                if (r < 0)
                        return r;
                holds = v == streq(noted->value, "yes");
        } else if (*value && !streq(noted->value, "any"))
                holds = streq(value, noted->value);
        if (!holds)
                return diag_error(c->diag, ERROR_UNSUPPORTED, &c->origin, noted->name, "not supported: %s", noted->otherwise);
        diag_warning(c->diag, ERROR_UNSUPPORTED, &c->origin, noted->name, "has no effect: %s", noted->why);
        return 0;
}

static int assign(void *userdata, const Origin *origin, const char *key, const char *value) {
        Loader *l = userdata;
        const RefusedDirective *refused;
        const NotedDirective *noted;
        ValueContext c = {
                .diag = l->diag,
                .origin = *origin,
                .directive = key,
                .expand = specifier_expand,
                .check_path = specifier_check_path,
                .userdata = &l->specifiers,
        };
        const DirectiveId *rows;
        DirectiveId id;
        int r;

        if (l->ignored || is_extension(key))
                return 0;
        l->mistake = (SpecifierMistake){};
        l->specifiers.mistake = &l->mistake; /* which may have moved with its loader */
        id = directive_find(l->section, key);
        rows = id < 0 ? directive_shorthand(l->section, key) : NULL;
        for (size_t i = 0; rows && i < SHORTHAND_ROWS; i++) {
                r = container_spec_assign(l->spec, rows[i], &c, value);
                if (r < 0) /* the same mistake in both: once is enough */
                        return r;
        }
        if (rows)
                return 0;
        if (id < 0) {
                id = directive_of_old_name(l->section, key);
                if (id >= 0) {
                        const Directive *d = &directives[id];

                        diag_warning(l->diag, ERROR_UNSUPPORTED, origin, key, "is an old name; write %s= in [%s]", d->name,
                                     section_to_string(d->section));
                        c.directive = d->name;
                }
        }
        if (id < 0) {
                noted = noted_directive_find(l->section, key);
                if (noted)
                        return take_note(&c, noted, value);
                refused = refused_directive_find(l->section, key);
                if (refused && refused_directive_accepts(refused, value))
                        return 0;
                return refused ? refuse(l, origin, refused) : unknown_key(l, origin, key);
        }
        return container_spec_assign(l->spec, id, &c, value);
}

/* --- files */

/* The draft owns the name, because every origin borrows it. */
static int own_source(Loader *l, const char *path, const char **ret) {
        int r;

        r = strv_extend(&l->spec->sources, path);
        if (r < 0)
                return r;
        *ret = l->spec->sources[strv_length(l->spec->sources) - 1];
        return 0;
}

static void lost_line(void *userdata) {
        Loader *l = userdata;

        l->spec->incomplete = true;
}

static int load_text(Loader *l, const char *file, const char *text, size_t size) {
        const LineHandler handler = {
                .section = enter_section, .assignment = assign, .lost = lost_line, .userdata = l};
        const char *owned;
        int r;

        r = own_source(l, file, &owned);
        if (r < 0)
                return r;
        return lines_read(owned, text, size, l->diag, &handler);
}

static int load_fragment(Loader *l, const char *path, SourceFlags flags) {
        _cleanup_(unit_source_done) UnitSource source = {};
        Origin origin = {.file = path};
        int r;

        r = unit_source_read(path, path, flags, l->diag, &source);
        if (r == -ENOENT)
                return diag_error(l->diag, ERROR_NO_SUCH_UNIT, &origin, NULL, "there is no such file");
        if (r < 0)
                return r;
        if (source.masked)
                return diag_error(l->diag, ERROR_MASKED, &origin, NULL,
                                  "the unit is masked: this is an empty file or a link to /dev/null; remove "
                                  "it to unmask");
        l->spec->fragment_path = strdup(path);
        if (!l->spec->fragment_path)
                return -ENOMEM;
        return load_text(l, path, source.text, source.size);
}

static int load_drop_in(Loader *l, const char *path, SourceFlags flags) {
        _cleanup_(unit_source_done) UnitSource source = {};
        int r;

        r = unit_source_read(path, path, flags, l->diag, &source);
        if (r == -ENOENT || (r == 0 && source.masked))
                return 0; /* removed since it was listed, or masked */
        if (r < 0) {
                l->spec->incomplete = true;
                return r;
        }
        r = strv_extend(&l->spec->drop_in_paths, path);
        if (r < 0)
                return r;
        return load_text(l, path, source.text, source.size);
}

static int new_loader(Loader *l, const char *name, const SpecifierFacts *facts, Diag *diag) {
        Origin origin = {.file = name};
        int r;

        *l = (Loader){.diag = diag, .section = SECTION_Container};
        r = container_spec_new(name, &l->spec);
        if (r == -EINVAL) {
                _cleanup_free_ char *shown = text_shorten(name, 80);

                origin.file = strempty(shown);
                return diag_error(diag, ERROR_USAGE, &origin, NULL,
                                  "is not a container's name; a name has at most 64 letters, digits or any "
                                  "of ':_.-\\', and one '@' "
                                  "between a template's name and its instance");
        }
        if (r < 0)
                return r;
        l->specifiers = (SpecifierContext){.spec = l->spec, .facts = facts};
        return 0;
}

/* Hands out the draft, with the mistakes of its lines. */
static int finish(Loader *l, ContainerSpec **ret_draft) {
        int error = l->spec->error, r;

        r = service_directories_derive(l->spec);
        if (r < 0)
                return r;
        *ret_draft = TAKE_PTR(l->spec);
        return error;
}

static void note(Loader *l, int r) {
        if (r < 0)
                container_spec_spoil(l->spec, _DIRECTIVE_INVALID, r);
}

static int load_files(Loader *l, const char *fragment, char *const *drop_ins, SourceFlags flags,
                      ContainerSpec **ret_draft) {
        int r;

        r = load_fragment(l, fragment, flags);
        if (!l->spec->fragment_path) { /* without a fragment its drop-ins mean nothing */
                l->spec = container_spec_unref(l->spec);
                return r;
        }
        note(l, r);
        for (char *const *d = drop_ins; d && *d; d++) {
                /* Each file begins outside of any section. */
                l->ignored = false;
                note(l, load_drop_in(l, *d, flags));
        }
        return finish(l, ret_draft);
}

int unit_load(const char *name, char *const *search_path, const SpecifierFacts *facts, Diag *diag,
              ContainerSpec **ret_draft) {
        _cleanup_(container_spec_unrefp) ContainerSpec *spec = NULL;
        _cleanup_strv_ char **drop_ins = NULL;
        _cleanup_free_ char *fragment = NULL;
        Origin origin = {.file = name};
        Loader l;
        int r;

        if (endswith(name, "@") || endswith(name, "@" UNIT_SUFFIX))
                return diag_error(diag, ERROR_USAGE, &origin, NULL,
                                  "is a template; write an instance's name behind the '@', as in web@blue");
        r = new_loader(&l, name, facts, diag);
        if (r < 0)
                return r;
        spec = l.spec;

        r = unit_find_fragment(spec->name, search_path, &fragment);
        if (r == -ENOENT) {
                _cleanup_free_ char *path = strv_join(search_path, ":");

                return diag_error(diag, ERROR_NO_SUCH_UNIT, &origin, NULL, "no unit file %s.container in %s",
                                  spec->name, isempty(path) ? "an empty search path" : path);
        }
        if (r == 0)
                r = unit_find_drop_ins(spec->name, search_path, &drop_ins);
        if (r < 0)
                return diag_errno(diag, ERROR_FAILED, &origin, NULL, -r, "cannot search for the unit");
        spec = NULL;
        return load_files(&l, fragment, drop_ins, SOURCE_TRUSTED, ret_draft);
}

/* "/x/web@.container" -> "web@instance". */
static int name_of_file(const char *path, Diag *diag, char **ret) {
        const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
        const char *suffix = endswith(base, UNIT_SUFFIX);
        _cleanup_free_ char *name = NULL;
        Origin origin = {.file = path};
        int r;

        if (!suffix || suffix == base)
                return diag_error(diag, ERROR_USAGE, &origin, NULL,
                                  "is not named as a unit; the file must be called NAME" UNIT_SUFFIX);
        name = strndup(base, (size_t)(suffix - base));
        if (!name)
                return -ENOMEM;
        if (endswith(name, "@")) {
                r = str_append(&name, "instance");
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(name);
        return 0;
}

int unit_load_file(const char *path, const SpecifierFacts *facts, Diag *diag, ContainerSpec **ret_draft) {
        _cleanup_(container_spec_unrefp) ContainerSpec *spec = NULL;
        _cleanup_free_ char *name = NULL, *folder = NULL;
        _cleanup_strv_ char **drop_ins = NULL;
        Origin origin = {.file = path};
        Loader l;
        int r;

        r = name_of_file(path, diag, &name);
        if (r < 0)
                return r;
        r = new_loader(&l, name, facts, diag);
        if (r < 0)
                return r;
        spec = l.spec;
        r = str_append(&folder, "%s.d", path);
        if (r < 0)
                return r;
        r = unit_find_drop_ins_in(folder, &drop_ins);
        if (r < 0)
                return diag_errno(diag, ERROR_FAILED, &origin, NULL, -r,
                                  "cannot read the folder of drop-ins %s", folder);
        spec = NULL;
        return load_files(&l, path, drop_ins, 0, ret_draft);
}

int unit_load_text(const char *name, const char *text, size_t size, const SpecifierFacts *facts, Diag *diag,
                   ContainerSpec **ret_draft) {
        Loader l;
        int r;

        r = new_loader(&l, name, facts, diag);
        if (r < 0)
                return r;
        note(&l, load_text(&l, name, text, size));
        return finish(&l, ret_draft);
}
