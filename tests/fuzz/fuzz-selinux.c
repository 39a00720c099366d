/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A unit's words become CIL; whatever they are, the text is one block of the generator's name with nothing in it but the
 * template and rules about the unit's own domain. Read back by a reader of its own.
 *
 * Input: one byte of settings, the bounding set as 8 bytes, then lines: SELinuxExtraRules=, each. */
#include <ctype.h>
#include <stdio.h>

#include "policies/selinux/selinux.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_SIZE 4096
#define HEAD 9

typedef enum Setting {
        SETTING_BOOT = 1 << 0,
        SETTING_HOST_USERS = 1 << 1,
} Setting;

static void fail(const char *what, const char *text) {
        (void)fprintf(stderr, "%s:\n%s\n", what, text);
        abort();
}

/* What may stand in the block, up to its second blank. */
static const char *const template[] = {
        "(type process)", "(roletype system_r process)", "(typeattributeset domain (process))",
        "(typeattributeset bulwark_domain (process))", "(typeattributeset bulwark_net_domain (process))",
        "(typeattributeset bulwark_init_domain (process))", "(typeattributeset bulwark_plain_domain (process))",
        "(call bulwark_launches (bulwarkd_t process))",
};
static const char *const statements[] = { "(allow process ", "(auditallow process ", "(dontaudit process ", "(allowx process ",
                                          "(typetransition process " };

static bool is_known(const char *line) {
        for (size_t i = 0; i < ELEMENTSOF(template); i++)
                if (streq(line, template[i]))
                        return true;
        for (size_t i = 0; i < ELEMENTSOF(statements); i++)
                if (startswith(line, statements[i]))
                        return true;
        return false;
}

/* One balanced list, nothing behind it; no comment, no line break; between quotes whatever is no control character. */
static bool is_one_list(const char *s) {
        unsigned depth = 0;
        bool quoted = false;

        for (; *s; s++) {
                if (iscntrl((unsigned char)*s) || (!quoted && (*s == ';' || !isprint((unsigned char)*s))))
                        return false;
                if (*s == '"')
                        quoted = !quoted;
                if (quoted)
                        continue;
                depth += *s == '(';
                if (*s == ')' && (depth == 0 || (--depth == 0 && s[1])))
                        return false;
        }
        return depth == 0 && !quoted;
}

static void check_block(const char *cil) {
        _cleanup_free_ char *copy = strdup(cil);
        char *save = NULL, *line;
        bool closed = false;

        if (!copy)
                abort();
        line = strtok_r(copy, "\n", &save);
        if (!line || strlen(line) != strlen("(block bw_") + 16 || !startswith(line, "(block bw_") ||
            strspn(line + strlen("(block bw_"), "0123456789abcdef") != 16)
                fail("the block begins with something else", cil);
        while ((line = strtok_r(NULL, "\n", &save))) {
                if (closed)
                        fail("something stands behind the block", cil);
                closed = streq(line, ")");
                if (!closed && (line[0] != ' ' || !is_known(line + 1) || !is_one_list(line + 1)))
                        fail("a statement that is not the template's", cil);
        }
        if (!closed)
                fail("the block has no end", cil);
}

static void assign(ContainerSpec *spec, const char *text) {
        ValueContext c = { .origin = { "fuzz.container", 1 }, .directive = "SELinuxExtraRules" };

        for (const char *p = text; *p; c.origin.line++) {
                size_t n = strcspn(p, "\n");
                _cleanup_free_ char *line = strndup(p, n);

                if (!line)
                        abort();
                (void)value_type_cil.parse(&c, line, &spec->selinux_extra_rules);
                p += n + (p[n] == '\n');
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = NULL;
        PolicySet set = {};
        ContainerSpec *spec;

        if (size < HEAD || size > MAX_SIZE)
                return 0;
        text = strndup((const char *)data + HEAD, size - HEAD);
        if (!text || container_spec_new("fuzz", &spec) < 0)
                abort();
        spec->boot = data[0] & SETTING_BOOT;
        spec->private_users.mode = data[0] & SETTING_HOST_USERS ? PRIVATE_USERS_NO : PRIVATE_USERS_MANAGED;
        memcpy(&set.capabilities.bounding, data + 1, sizeof(uint64_t));
        assign(spec, text);
        if (policy_backend_selinux.compile(spec, -EBADF, NULL, &set) >= 0) {
                if (set.selinux.cil)
                        check_block(set.selinux.cil);
                else if (spec->selinux_extra_rules.n > 0)
                        fail("rules were left out", text);
                if (!set.selinux.cil != !!startswith(set.selinux.type, "bulwark_"))
                        fail("a type without its block", set.selinux.type);
        }
        policy_backend_selinux.done(&set);
        container_spec_unref(spec);
        return 0;
}
