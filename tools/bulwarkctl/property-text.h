/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Properties, as JSON decoded them, as people read them. */

#include <json-c/json.h>

#include "manager/base/util.h"

/* Text of a property's value; its name says what a number means (…Timestamp, …Sec, …). Control characters
 * are escaped. Owned; NULL on lack of memory. */
char *property_to_text(const char *name, json_object *value);
/* Nothing worth a line: "", an empty list, a time that never was. */
bool property_is_empty(const char *name, json_object *value);

/* Look-ups in the object that client_properties() gives; "" / UINT64_MAX / NULL where missing. */
const char *property_string(json_object *properties, const char *name);
uint64_t property_number(json_object *properties, const char *name);
json_object *property_value(json_object *properties, const char *name);
