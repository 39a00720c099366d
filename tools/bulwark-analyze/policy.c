/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <sys/ioctl.h>

#include "manager/base/string-list.h"
#include "tools/bulwark-analyze/policy.h"

bool layer_wanted(const Options *o, size_t backend) {
        return o->layers == 0 || o->layers & (UINT32_C(1) << backend);
}

/* --- does this host enforce it? */

/* The kernel could, the unit does not get it. */
static const char *declined(const Analysis *a) {
        return a->spec->mandatory_access_control == MAC_MODE_UNSET && a->host.mac.mode == MAC_MODE_NO
                       ? "not entered: bulwarkd.conf says MandatoryAccessControl=no"
                       : a->spec->mandatory_access_control == MAC_MODE_NO ? "not entered: MandatoryAccessControl=no"
                                                                          : "not entered: the unit opts out of it";
}

static const char *note_apparmor(const Analysis *a) {
        if (!a->host.mac.apparmor)
                return "not on this host: the kernel does not run AppArmor";
        if (!a->spec->mac.apparmor)
                return declined(a);
        return a->host.mac.apparmor_lenient ? "as a whole in a mode on this host in which AppArmor denies nothing" : NULL;
}

static const char *note_selinux(const Analysis *a) {
        if (!a->host.mac.selinux)
                return "not on this host: the kernel does not run SELinux";
        if (!a->spec->mac.selinux)
                return declined(a);
        return a->host.mac.selinux_enforcing ? NULL : "permissive on this host: SELinux denies nothing";
}

static const char *note_landlock(const Analysis *a) {
        if (a->host.mac.landlock_abi == 0)
                return "not on this host: the kernel has no Landlock";
        if (a->spec->mac.landlock_abi > 0)
                return NULL;
        return a->spec->boot ? "not for Boot=yes: an init mounts, which no process below Landlock may" : declined(a);
}

static const struct {
        const char *layer;
        const char *(*note)(const Analysis *a);
} notes[] = {
        { "apparmor", note_apparmor },
        { "selinux", note_selinux },
        { "landlock", note_landlock },
};

int layer_note(const Analysis *a, const char *layer, char **ret) {
        *ret = NULL;
        for (size_t i = 0; i < ELEMENTSOF(notes); i++)
                if (streq(notes[i].layer, layer)) {
                        const char *text = notes[i].note(a);

                        return text ? str_append(ret, "%s", text) : 0;
                }
        return 0;
}

/* --- origins */

int origin_to_string(const Origin *origin, char **ret) {
        *ret = NULL;
        if (!origin->file)
                return str_append(ret, "default");
        return origin->line > 0 ? str_append(ret, "%s:%u", origin->file, origin->line) : str_append(ret, "%s", origin->file);
}

static const char *known_directive(const char *name) {
        for (int section = 0; section < _SECTION_MAX; section++) {
                DirectiveId id = directive_find((DirectiveSection)section, name);

                if (id >= 0)
                        return directives[id].name;
        }
        return NULL;
}

const char *origin_directive(const Origin *origin) {
        _cleanup_free_ char *line = NULL;
        const char *found = NULL;
        size_t room = 0;
        ssize_t n = 0;
        FILE *f;

        if (!origin->file || origin->line == 0)
                return NULL;
        f = fopen(origin->file, "re");
        if (!f)
                return NULL;
        for (unsigned i = 0; i < origin->line && n >= 0; i++)
                n = getline(&line, &room, f);
        if (n >= 0) {
                char *name = line + strspn(line, " \t");

                name[strcspn(name, " \t=\n")] = 0;
                found = known_directive(name);
        }
        (void)fclose(f);
        return found;
}

int origin_to_json(const Origin *origin, json_object *to) {
        if (json_object_object_add(to, "file", text_or_null(origin->file)) < 0 ||
            json_object_object_add(to, "line", origin->line > 0 ? json_object_new_int64(origin->line) : NULL) < 0 ||
            json_object_object_add(to, "directive", text_or_null(origin_directive(origin))) < 0)
                return -ENOMEM;
        return 0;
}

/* --- the screen */

Screen screen_of_stdout(void) {
        Screen s = { .width = SIZE_MAX };
        struct winsize size;

        if (!isatty(STDOUT_FILENO))
                return s;
        s.width = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) >= 0 && size.ws_col > 0 ? size.ws_col : 80;
        s.colors = isempty(getenv("NO_COLOR")) && !streq(strempty(getenv("TERM")), "dumb");
        return s;
}

void screen_shade(const Screen *s, Shade shade) {
        static const char *const codes[_SHADE_MAX] = {
                [SHADE_PLAIN] = "\033[0m",   [SHADE_BOLD] = "\033[1m",    [SHADE_RED] = "\033[31m",
                [SHADE_GREEN] = "\033[32m",  [SHADE_YELLOW] = "\033[33m",
        };

        if (s->colors)
                fputs(codes[shade], stdout);
}

/* The bytes that fit, up to a blank; a word that alone is too long goes out whole. */
static size_t fitting(const char *text, size_t room) {
        size_t n = strlen(text), best = 0;

        if (n <= room)
                return n;
        for (size_t i = 0; i <= room; i++)
                if (text[i] == ' ')
                        best = i;
        return best > 0 ? best : strcspn(text, " ");
}

void screen_text(const Screen *s, size_t column, const char *text) {
        size_t room = s->width > column + 20 ? s->width - column : s->width == SIZE_MAX ? SIZE_MAX : 20;

        for (;;) {
                size_t n = fitting(text, room);

                printf("%.*s\n", (int)n, text);
                text += n;
                text += strspn(text, " ");
                if (!*text)
                        return;
                printf("%*s", (int)column, "");
        }
}
