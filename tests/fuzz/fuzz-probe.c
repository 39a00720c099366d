/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What comes out of a container as the answers of its probe. */
#include "manager/claims/claims.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Claim items[] = {
                { .words = strdup("a"), .text = strdup(""), .expected = strdup("ok"), .askable = true },
                { .words = strdup("b"), .text = strdup(""), .expected = strdup("x,y|z"), .test = TEST_INCLUDES, .askable = true },
                { .words = strdup("c"), .text = strdup(""), .expected = strdup("3"), .test = TEST_WITHIN, .askable = true },
                { .words = strdup("d"), .text = strdup(""), .expected = strdup("1"), .view = VIEW_LEADER, .askable = true },
                { .words = strdup("e"), .text = strdup(""), .expected = strdup("0"), .test = TEST_DIFFERS, .askable = true },
        };
        Claims claims = { .items = items, .n = ELEMENTSOF(items) };
        int r = claims_take_answers(&claims, data, size);

        if (r < 0 && r != -EBADMSG)
                abort();
        for (size_t i = 0; i < claims.n; i++) {
                Claim *c = claims.items + i;

                /* Nothing that a terminal would obey; and without an answer nothing holds. */
                for (const char *p = strempty(c->observed); *p; p++)
                        if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
                                abort();
                if (!c->observed && claim_result(c) != CLAIM_DIFFERS)
                        abort();
                if (r >= 0 && c->view == VIEW_PROBE && !c->observed)
                        abort();
                free(c->words);
                free(c->text);
                free(c->expected);
                free(c->observed);
        }
        return 0;
}
