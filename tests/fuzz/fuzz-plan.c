/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keeper's gate: whatever the bytes, the check ends, and what it lets through can be printed whole, which
 * touches every reference of every step. */
#include "manager/plan/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = NULL, *json = NULL;
        _cleanup_free_ void *aligned = NULL;
        PlanView view;

        if (size > PLAN_MAX_SIZE)
                return 0;
        aligned = malloc(size + 1);
        if (!aligned)
                return 0;
        memcpy(aligned, data, size);
        if (plan_check(aligned, size, &view) < 0)
                return 0;
        if (plan_print(&view, &text) >= 0 && plan_print_json(&view, false, &json) >= 0)
                return 0;
        abort();
}
