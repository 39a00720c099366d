/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "units/values/types.h"

const ValueType *const value_types[] = {
#define X(name) &value_type_##name,
        VALUE_TYPES(X)
#undef X
};

size_t value_types_count(void) {
        return ELEMENTSOF(value_types);
}

const ValueType *value_type_find(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(value_types); i++)
                if (streq(value_types[i]->name, name))
                        return value_types[i];
        return NULL;
}
