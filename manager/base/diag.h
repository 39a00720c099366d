/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A Diag collects what a person must read, beside the errno that the code reads. Whoever knows the cause adds
 * the words; nobody below main() or a bus reply prints them. Entries keep the order in which they were added. */

#include "manager/base/util.h"

typedef enum ErrorCode {
#define ERROR_CODE(code, bus_name, exit_code, meaning) ERROR_##code,
#include "manager/base/error-codes.inc"
#undef ERROR_CODE
        _ERROR_CODE_MAX,
        _ERROR_CODE_INVALID = -EINVAL,
} ErrorCode;

const char *error_code_to_string(ErrorCode code);  /* "BAD_VALUE" */
const char *error_code_bus_name(ErrorCode code);   /* "org.bulwark1.Error.BadValue" */
ErrorCode error_code_from_bus_name(const char *name); /* _ERROR_CODE_INVALID where not ours */
int error_code_exit_status(ErrorCode code);        /* bulwarkctl's exit code */
const char *error_code_meaning(ErrorCode code);

/* Where a setting was written. The file name is borrowed: it lives as long as the unit (or spec) it came from.
 * line 0 = the file as a whole; file NULL = built in. */
typedef struct Origin {
        const char *file;
        unsigned line;
} Origin;

typedef enum DiagLevel {
        DIAG_ERROR,
        DIAG_WARNING,
} DiagLevel;

typedef struct DiagEntry {
        DiagLevel level;
        ErrorCode code;
        char *file; /* owned, may be NULL */
        unsigned line;
        char *directive; /* owned, may be NULL; without the '=' */
        char *text;
} DiagEntry;

typedef struct Diag {
        DiagEntry *entries;
        size_t n_entries;
        size_t n_errors;
} Diag;

void diag_done(Diag *d);

/* All adders accept d == NULL. They return a negative errno fit for the code, so that a caller can write
 * `return diag_error(...)`. Text is one sentence without a final dot: what is wrong, what would be right. */
int diag_error(Diag *d, ErrorCode code, const Origin *origin, const char *directive, const char *format, ...)
        _printf_(5, 6);
void diag_warning(Diag *d, ErrorCode code, const Origin *origin, const char *directive, const char *format, ...)
        _printf_(5, 6);

/* diag_error() for a failed system call: text, then ": " and the words of error (> 0). Returns -error. */
int diag_errno(Diag *d, ErrorCode code, const Origin *origin, const char *directive, int error,
               const char *format, ...) _printf_(6, 7);

/* "file:line: Directive=: text", leaving out what is not known. NULL on lack of memory. */
char *diag_entry_to_string(const DiagEntry *e);

/* All errors (and warnings, if asked), one a line. Never NULL unless memory ran out. */
char *diag_to_string(const Diag *d, bool warnings);

/* The code of the first error; ERROR_FAILED where there is none. */
ErrorCode diag_first_code(const Diag *d);
