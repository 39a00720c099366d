/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A draft from lines, without the syntax room: line N of "u.container" sets the row it names. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "manager/base/string-list.h"
#include "units/resolve/resolve.h"

static inline void draft_set(ContainerSpec *s, const char *line, unsigned number) {
        _cleanup_free_ char *name = strndup(line, strcspn(line, "="));
        DirectiveId id = _DIRECTIVE_INVALID;
        Diag diag = {};
        ValueContext c = { .diag = &diag, .origin = { "u.container", number }, .directive = name };

        for (int section = 0; id < 0 && section < _SECTION_MAX; section++)
                id = directive_find((DirectiveSection)section, name);
        if (id < 0)
                fail_msg("no directive %s", name);
        if (container_spec_assign(s, id, &c, line + strlen(name) + 1) < 0) {
                _cleanup_free_ char *words = diag_to_string(&diag, true);

                fail_msg("%s", words);
        }
        diag_done(&diag);
}

/* Lines are separated by '\n'. */
static inline ContainerSpec *draft_new(const char *text) {
        ContainerSpec *s = NULL;
        unsigned number = 0;

        assert_int_equal(container_spec_new("u", &s), 0);
        s->fragment_path = strdup("u.container");
        while (*text) {
                size_t n = strcspn(text, "\n");
                _cleanup_free_ char *line = strndup(text, n);

                draft_set(s, line, ++number);
                text += n + (text[n] != 0);
        }
        return s;
}

/* A root that is there, with a passwd and a group; a host of 16 GiB without CAP_SYS_RESOURCE (24). */
#define PASSWD                                                                                                \
        "# comment\n+nis\nroot:x:0:0:root:/root:/bin/bash\nbob:x:1000:1001:Bob,,,:/home/bob:/bin/zsh\n"       \
        "1000:x:0:0:evil:/root:/bin/sh\nbroken:x:12\nbadid:x:0x10:0::/:/bin/sh\nfar:x:70000:70000::/far:\n"   \
        "odd:x:1005:1005::relative:\n"
#define GROUP                                                                                                 \
        "root:x:0:\nbob:x:1001:\nwheel:x:10:alice,bob\naudio:x:20:bobby,alice\nvideo:x:5:bob\nshort:x\n"      \
        "huge:x:99999:bob2\n"

static inline UnitFacts facts_new(void) {
        return (UnitFacts){
                .root_path = strdup("/srv/r"),
                .root_exists = true,
                .root_is_directory = true,
                .passwd = strdup(PASSWD),
                .group = strdup(GROUP),
        };
}

static inline HostFacts host_new(void) {
        return (HostFacts){
                .memory_total = UINT64_C(16) << 30,
                .tasks_max = 32768,
                .capabilities = CAPABILITY_MASK_ALL & ~(UINT64_C(1) << 24),
                .last_capability = 40,
        };
}
