/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* show, cat. */
#include <fcntl.h>
#include <stdio.h>

#include "manager/base/io.h"
#include "manager/base/string-list.h"
#include "tools/bulwarkctl/escape.h"
#include "tools/bulwarkctl/names.h"
#include "tools/bulwarkctl/property-text.h"
#include "tools/bulwarkctl/table.h"
#include "tools/bulwarkctl/verbs.h"

#define UNIT_FILE_MAX (4U * 1024 * 1024)

static const char *property_near(json_object *all, const char *name) {
        json_object_object_foreach(all, key, value) {
                (void)value;
                if (strcasecmp(key, name) == 0)
                        return key;
        }
        return NULL;
}

/* -p NAME,...: those, in that order. A name that does not exist is a mistake worth telling, and does not lose the others. */
static int select_properties(const Options *o, const char *name, json_object *all, json_object **ret, bool *ret_missing) {
        _cleanup_json_ json_object *chosen = json_object_new_object();

        for (size_t i = 0; o->properties[i]; i++) {
                json_object *value;

                if (!json_object_object_get_ex(all, o->properties[i], &value)) {
                        const char *near = property_near(all, o->properties[i]);

                        error_printf("%s has no property %s%s%s%s", name, o->properties[i],
                                     near ? "; did you mean " : "", strempty(near), near ? "?" : "");
                        *ret_missing = true;
                        continue;
                }
                if (json_object_object_add(chosen, o->properties[i], json_object_get(value)) < 0)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(chosen);
        return 0;
}

static int print_properties(const Context *c, json_object *properties) {
        const Options *o = c->options;

        if (o->output != FORMAT_TABLE)
                return json_print(properties, stdout, o->output);
        json_object_object_foreach(properties, key, value) {
                _cleanup_free_ char *text = NULL;

                if (!o->all && !o->properties && property_is_empty(key, value))
                        continue;
                text = property_to_text(key, value);
                if (!text)
                        return -ENOMEM;
                if (o->value)
                        puts(text);
                else
                        printf("%s=%s\n", key, text);
        }
        return 0;
}

static int show_object(Context *c, const char *name, const char *path, const char *interface) {
        _cleanup_json_ json_object *all = NULL, *chosen = NULL;
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        bool missing = false;
        int r;

        r = client_properties(&c->client, path, interface, &error, &all);
        if (r < 0)
                return client_report(&error, r, "cannot show", name);
        if (c->options->properties) {
                r = select_properties(c->options, name, all, &chosen, &missing);
                if (r < 0)
                        return EXIT_FAILURE;
        }
        return print_properties(c, chosen ? chosen : all) < 0 || missing ? EXIT_FAILURE : EXIT_SUCCESS;
}

int verb_show(Context *c) {
        const Options *o = c->options;
        int status = EXIT_SUCCESS;

        if (names_resolve(c, &status) < 0)
                return status;
        ui_pager_open(&c->ui, !o->no_pager && !o->properties);
        if (o->n_arguments == 0)
                return show_object(c, "the manager", BUS_PATH, BUS_INTERFACE_MANAGER);
        for (size_t i = 0; i < strv_length(c->names); i++) {
                _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
                _cleanup_free_ char *path = NULL;
                const char *name = c->names[i];
                int r;

                r = client_container(&c->client, name, &error, &path);
                if (r < 0)
                        r = client_report(&error, r, "cannot show", name);
                else {
                        if (i > 0 && o->output == FORMAT_TABLE)
                                putchar('\n');
                        r = show_object(c, name, path, BUS_INTERFACE_CONTAINER);
                }
                if (status == EXIT_SUCCESS)
                        status = r;
        }
        return status;
}

/* --- cat */
static int print_file(const Context *c, const char *path, bool first) {
        _cleanup_free_ char *text = NULL, *safe_path = NULL, *safe = NULL;
        _cleanup_close_ int fd = -EBADF;
        size_t size;
        int r;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return -errno;
        r = read_file(fd, UNIT_FILE_MAX, &text, &size);
        if (r < 0)
                return r;
        safe_path = escape_text(path, 0);
        if (c->ui.terminal) {
                safe = escape_bytes(text, size, ESCAPE_LINES);
                if (!safe)
                        return -ENOMEM;
        }
        printf("%s%s# %s%s\n", first ? "" : "\n", ui_color(&c->ui, COLOR_BOLD), strempty(safe_path),
               ui_reset(&c->ui));
        if (safe)
                fputs(safe, stdout);
        else
                (void)fwrite(text, 1, size, stdout);
        if (size > 0 && text[size - 1] != '\n')
                putchar('\n');
        return 0;
}

static int cat_one(Context *c, const char *name, bool *first) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        _cleanup_strv_ char **paths = NULL;
        int r, status = EXIT_SUCCESS;

        r = client_call(&c->client, 0, &error, &reply, "GetUnitPaths", "s", name);
        if (r >= 0)
                r = sd_bus_message_read_strv(reply, &paths);
        if (r < 0)
                return client_report(&error, r, "cannot show the files of", name);
        for (size_t i = 0; paths && paths[i]; i++) {
                r = print_file(c, paths[i], *first);
                if (r < 0) {
                        error_printf("cannot read %s: %s", paths[i], strerror(-r));
                        status = EXIT_FAILURE;
                }
                *first = false;
        }
        return status;
}

int verb_cat(Context *c) {
        int status = EXIT_SUCCESS;
        bool first = true;

        if (names_resolve(c, &status) < 0)
                return status;
        ui_pager_open(&c->ui, !c->options->no_pager);
        for (size_t i = 0; i < strv_length(c->names); i++) {
                int r = cat_one(c, c->names[i], &first);

                if (status == EXIT_SUCCESS)
                        status = r;
        }
        return status;
}
