/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A profile of OCI runtimes, as SeccompProfile= names it, whatever stands in it: it is refused with words, or the filter answers
 * every call as the stricter of the profile, read plainly, and of the unit's own list. */
#include "tests/unit/policies/oci-answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_SIZE 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = size <= MAX_SIZE ? malloc(size + 1) : NULL;

        if (!text)
                return 0;
        memcpy(text, data, size);
        text[size] = 0;
        if (!oci_answers_agree(text, ""))
                abort();
        return 0;
}
