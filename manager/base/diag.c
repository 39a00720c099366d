/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stdio.h>

#include "manager/base/diag.h"

#define BUS_PREFIX "org.bulwark1.Error."

static const struct {
        const char *name, *bus_name;
        int exit_code;
        const char *meaning;
} error_codes[_ERROR_CODE_MAX] = {
#define ERROR_CODE(code, bus, exit, text) [ERROR_##code] = { #code, BUS_PREFIX bus, exit, text },
#include "manager/base/error-codes.inc"
#undef ERROR_CODE
};

static bool code_valid(ErrorCode code) {
        return code >= 0 && code < _ERROR_CODE_MAX;
}

const char *error_code_to_string(ErrorCode code) {
        return code_valid(code) ? error_codes[code].name : NULL;
}

const char *error_code_bus_name(ErrorCode code) {
        return error_codes[code_valid(code) ? code : ERROR_FAILED].bus_name;
}

ErrorCode error_code_from_bus_name(const char *name) {
        for (size_t i = 0; name && i < _ERROR_CODE_MAX; i++)
                if (streq(error_codes[i].bus_name, name))
                        return (ErrorCode)i;
        return _ERROR_CODE_INVALID;
}

int error_code_exit_status(ErrorCode code) {
        return error_codes[code_valid(code) ? code : ERROR_FAILED].exit_code;
}

const char *error_code_meaning(ErrorCode code) {
        return error_codes[code_valid(code) ? code : ERROR_FAILED].meaning;
}

void diag_done(Diag *d) {
        for (size_t i = 0; i < d->n_entries; i++) {
                free(d->entries[i].file);
                free(d->entries[i].directive);
                free(d->entries[i].text);
        }
        free(d->entries);
        *d = (Diag){};
}

/* Running out of memory while wording a message must not lose the error itself: the count rises in any case. */
static void _printf_(7, 0) diag_addv(Diag *d, DiagLevel level, ErrorCode code, const Origin *origin,
                                     const char *directive, int error, const char *format, va_list ap) {
        DiagEntry e = { .level = level, .code = code };
        DiagEntry *grown;
        char *words = NULL;

        if (!d)
                return;
        if (level == DIAG_ERROR)
                d->n_errors++;

        grown = reallocarray(d->entries, d->n_entries + 1, sizeof(DiagEntry));
        if (!grown)
                return;
        d->entries = grown;

        if (vasprintf(&words, format, ap) < 0)
                return;
        if (error > 0) {
                if (asprintf(&e.text, "%s: %s", words, strerror(error)) < 0)
                        e.text = NULL;
                free(words);
                if (!e.text)
                        return;
        } else
                e.text = words;

        if (origin && origin->file) {
                e.file = strdup(origin->file);
                e.line = origin->line;
        }
        if (directive)
                e.directive = strdup(directive);

        d->entries[d->n_entries++] = e;
}

static int code_to_errno(ErrorCode code) {
        switch (code) {
        case ERROR_NO_SUCH_UNIT:
        case ERROR_MISSING:
                return -ENOENT;
        case ERROR_ACCESS:
                return -EACCES;
        case ERROR_NO_MEMORY:
                return -ENOMEM;
        case ERROR_TIMEOUT:
                return -ETIMEDOUT;
        case ERROR_BUSY:
                return -EBUSY;
        case ERROR_UNSUPPORTED:
        case ERROR_HOST_LACKS:
                return -EOPNOTSUPP;
        case ERROR_NO_MANAGER:
        case ERROR_NO_KEEPER:
                return -ECONNREFUSED;
        case ERROR_MASKED:
                return -ESHUTDOWN;
        case ERROR_NOT_ACTIVE:
                return -ESRCH;
        case ERROR_FAILED:
        case ERROR_LAUNCH:
        case ERROR_EXEC:
        case ERROR_NO_PROGRAM:
        case ERROR_STATE:
                return -EIO;
        case ERROR_POLICY:
                return -EPERM;
        case ERROR_USAGE:
        case ERROR_SYNTAX:
        case ERROR_UNKNOWN_KEY:
        case ERROR_BAD_VALUE:
        case ERROR_CONFLICT:
        case _ERROR_CODE_MAX:
        case _ERROR_CODE_INVALID:
                return -EINVAL;
        }
        return -EINVAL;
}

int diag_error(Diag *d, ErrorCode code, const Origin *origin, const char *directive, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        diag_addv(d, DIAG_ERROR, code, origin, directive, 0, format, ap);
        va_end(ap);
        return code_to_errno(code);
}

void diag_warning(Diag *d, ErrorCode code, const Origin *origin, const char *directive, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        diag_addv(d, DIAG_WARNING, code, origin, directive, 0, format, ap);
        va_end(ap);
}

int diag_errno(Diag *d, ErrorCode code, const Origin *origin, const char *directive, int error,
               const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        diag_addv(d, DIAG_ERROR, code, origin, directive, error, format, ap);
        va_end(ap);
        return error > 0 ? -error : code_to_errno(code);
}

char *diag_entry_to_string(const DiagEntry *e) {
        char line[24] = "", *s = NULL;

        if (e->file && e->line > 0)
                (void)snprintf(line, sizeof(line), ":%u", e->line);
        if (asprintf(&s, "%s%s%s%s%s%s%s", strempty(e->file), line, e->file ? ": " : "", strempty(e->directive),
                     e->directive ? "=: " : "", e->level == DIAG_WARNING ? "warning: " : "", e->text) < 0)
                return NULL;
        return s;
}

char *diag_to_string(const Diag *d, bool warnings) {
        char *all = strdup("");

        for (size_t i = 0; all && i < d->n_entries; i++) {
                _cleanup_free_ char *one = NULL, *sofar = all;

                all = NULL;
                if (d->entries[i].level == DIAG_WARNING && !warnings) {
                        all = TAKE_PTR(sofar);
                        continue;
                }
                one = diag_entry_to_string(&d->entries[i]);
                if (!one || asprintf(&all, "%s%s%s", sofar, *sofar ? "\n" : "", one) < 0)
                        return NULL;
        }
        return all;
}

ErrorCode diag_first_code(const Diag *d) {
        for (size_t i = 0; i < d->n_entries; i++)
                if (d->entries[i].level == DIAG_ERROR)
                        return d->entries[i].code;
        return ERROR_FAILED;
}
