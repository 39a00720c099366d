/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From values of the lower rooms to D-Bus messages. A directive's value arrives as its type's signature and an
 * exploded list of words (ValueType.explode); text of any bytes arrives as valid UTF-8, because one path in Latin-1
 * would otherwise make a whole reply fail. */

#include <systemd/sd-bus.h>

#include "manager/base/diag.h"

/* A copy of s that D-Bus can carry: bytes that are no UTF-8 become \xNN. NULL on lack of memory only. */
char *bus_text(const char *s);
/* Appends s (NULL = "") as a string. */
int bus_append_text(sd_bus_message *m, const char *s);
/* Appends a list as "as". */
int bus_append_texts(sd_bus_message *m, char *const *l);
/* Appends values as one complete value of signature: basic types, structs, and arrays, each of which takes every
 * word that is left. Missing words become "", 0 or false. A word that is no number where one is due, a word too
 * many or a signature that cannot be walked this way is -EINVAL. */
int bus_append_exploded(sd_bus_message *m, const char *signature, char *const *values);

/* The way back: reads one complete value of signature as words. A message of another type is -ENXIO, a type that cannot be
 * walked this way -EINVAL. */
int bus_read_exploded(sd_bus_message *m, const char *signature, char ***ret);

/* Turns what a lower room reported into a D-Bus error: name of the first code, every entry one a line. r is the
 * failed call's answer, used where diag holds no words. Returns the negative errno for sd-bus. */
int bus_error_set_diag(sd_bus_error *error, const Diag *diag, int r);
/* One of our errors with words made here. */
int bus_error_set_code(sd_bus_error *error, ErrorCode code, const char *format, ...) _printf_(3, 4);
