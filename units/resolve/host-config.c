/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bulwarkd.conf: what the administrator decided for every unit of this host. The language is that of units; a key that
 * is not known is refused, for the host's defaults protect. */
#include <fcntl.h>

#include "manager/base/string-list.h"
#include "units/resolve/resolve.h"
#include "units/syntax/lines.h"
#include "units/syntax/search.h"
#include "units/values/text.h"

#define SECTION "Manager"

typedef struct Reading {
        HostFacts *facts;
        Diag *diag;
        bool in_section;
} Reading;

static int set_mandatory_access_control(HostFacts *f, const Origin *origin, const char *value, Diag *diag) {
        MacMode mode = MAC_MODE_UNSET;

        if (*value) {
                mode = mac_mode_from_string(value);
                if (mode < 0)
                        return diag_error(diag, ERROR_BAD_VALUE, origin, "MandatoryAccessControl",
                                          "'%s' is none of its words; write auto, required or no", value);
        }
        f->mac.mode = mode;
        return 0;
}

static const struct {
        const char *key;
        int (*set)(HostFacts *f, const Origin *origin, const char *value, Diag *diag);
} keys[] = {
        { "MandatoryAccessControl", set_mandatory_access_control },
};

static int on_section(void *userdata, const Origin *origin, const char *name) {
        Reading *r = userdata;

        r->in_section = streq(name, SECTION);
        if (r->in_section || startswith(name, "X-"))
                return 0;
        return diag_error(r->diag, ERROR_UNKNOWN_KEY, origin, NULL, "there is no section [%s] here; write [" SECTION "]",
                          name);
}

static int on_assignment(void *userdata, const Origin *origin, const char *key, const char *value) {
        const char *names[ELEMENTSOF(keys) + 1], *near;
        Reading *r = userdata;

        if (!r->in_section || startswith(key, "X-"))
                return 0;
        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (streq(keys[i].key, key))
                        return keys[i].set(r->facts, origin, value, r->diag);
        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                names[i] = keys[i].key;
        names[ELEMENTSOF(keys)] = NULL;
        near = text_nearest(key, names);
        return diag_error(r->diag, ERROR_UNKNOWN_KEY, origin, key, "is no setting of the manager%s%s%s",
                          near ? "; did you mean " : "", strempty(near), near ? "=?" : "");
}

static void on_lost(void *userdata) {
}

static int read_one(const char *path, Diag *diag, HostFacts *f) {
        Reading reading = { .facts = f, .diag = diag };
        const LineHandler handler = { .section = on_section, .assignment = on_assignment, .lost = on_lost, .userdata = &reading };
        UnitSource source = {};
        int r;

        r = unit_source_read(path, path, SOURCE_TRUSTED, diag, &source);
        if (r >= 0 && !source.masked)
                r = lines_read(path, source.text, source.size, diag, &handler);
        unit_source_done(&source);
        return r;
}

int host_config_load(const char *path, Diag *diag, HostFacts *f) {
        const char *file = path ? path : HOST_CONFIG_DEFAULT;
        _cleanup_strv_ char **drop_ins = NULL;
        _cleanup_free_ char *folder = NULL;
        int error = 0, r;

        r = read_one(file, diag, f);
        if (r == -ENOENT && path)
                return diag_errno(diag, ERROR_MISSING, NULL, NULL, ENOENT, "cannot read the configuration \"%s\"", path);
        if (r < 0 && r != -ENOENT)
                error = r;
        r = str_append(&folder, "%s.d", file);
        if (r >= 0)
                r = unit_find_drop_ins_in(folder, &drop_ins);
        for (size_t i = 0; r >= 0 && i < strv_length(drop_ins); i++) {
                int one = read_one(drop_ins[i], diag, f);

                if (one < 0 && error == 0)
                        error = one;
        }
        return r < 0 ? r : error;
}
