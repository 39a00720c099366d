/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A unit's SystemCallFilter= and friends become a program; the program must answer every system call as a plain
 * reading of the same lines does.
 *
 * Input: one byte of settings; lines of SystemCallFilter= up to a NUL; then system calls to ask about, 12 bytes
 * each: number and two arguments' low halves. Some calls are asked in any case. */
#include <signal.h>

#include "tests/unit/policies/bpf-run.h"
#include "tests/unit/policies/naive-seccomp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_SIZE 1024
#define PROBE_SIZE (3 * sizeof(uint32_t))

typedef enum Setting {
        SETTING_BOOT = 1 << 0,
        SETTING_NEW_PRIVILEGES = 1 << 1,
        SETTING_KILL = 1 << 2,
        SETTING_NET_RAW = 1 << 3,
} Setting;

/* A line that the language refuses leaves what was parsed before it, as good a list as any. One that begins with '!' is of
 * RestrictAddressFamilies=, with '|' of SocketBindDeny=. */
static void assign_lines(ContainerSpec *spec, const char *text) {
        ValueContext c = { .origin = { "fuzz.container", 1 }, .directive = "SystemCallFilter" };

        for (const char *p = text; *p; c.origin.line++) {
                size_t n = strcspn(p, "\n");
                _cleanup_free_ char *line = strndup(p, n);

                if (!line)
                        abort();
                if (*line == '!')
                        (void)value_type_address_families.parse(&c, line + 1, &spec->restrict_address_families);
                else if (*line == '|')
                        (void)value_type_socket_binds.parse(&c, line + 1, &spec->socket_bind_deny);
                else
                        (void)value_type_syscall_filter.parse(&c, line, &spec->system_call_filter);
                p += n + (p[n] == '\n');
        }
}

static ContainerSpec *spec_from_input(uint8_t settings, const char *text) {
        const ValueContext c = { .origin = { "fuzz.container", 0 }, .directive = "AddCapability" };
        ContainerSpec *spec;

        if (container_spec_new("fuzz", &spec) < 0)
                abort();
        spec->boot = settings & SETTING_BOOT;
        spec->no_new_privileges = !(settings & SETTING_NEW_PRIVILEGES);
        spec->system_call_error_number = settings & SETTING_KILL ? SYSCALL_ERROR_KILL : 0;
        if ((settings & SETTING_NET_RAW) &&
            value_type_capability_list.parse(&c, "CAP_NET_RAW", &spec->add_capability) < 0)
                abort();
        assign_lines(spec, text);
        return spec;
}

static void ask(const PolicySet *set, const ContainerSpec *spec, const Naive *naive, uint32_t number,
                uint64_t first, uint64_t second) {
        struct seccomp_data d = { .nr = (int)number,
                                  .arch = syscall_native_audit_arch(),
                                  .args = { first, second, second } };
        uint32_t answer = bpf_run(set->seccomp.program, set->seccomp.n_instructions, &d);

        if (answer != naive_decide(naive, spec, set->capabilities.bounding, &d))
                abort();
}

static void ask_always(const PolicySet *set, const ContainerSpec *spec, const Naive *naive) {
        static const struct {
                const char *name;
                uint64_t first, second;
        } calls[] = {
                { "ioctl", 0, TIOCSTI },
                { "ioctl", 0, UINT64_C(0x7700000000) | TIOCLINUX },
                { "clone", CLONE_NEWUSER | SIGCHLD, 0 },
                { "clone", SIGCHLD, 0 },
                { "socket", AF_PACKET, 0 },
                { "socket", AF_UNIX, 0 },
                { "socket", AF_INET, 262 },
                { "personality", 0x400000, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(calls); i++)
                ask(set, spec, naive, (uint32_t)syscall_resolve(calls[i].name), calls[i].first, calls[i].second);
        for (uint32_t number = 0; number < 480; number++)
                ask(set, spec, naive, number, 0, 0);
        ask(set, spec, naive, UINT32_MAX, 0, 0);
}

static void ask_input(const PolicySet *set, const ContainerSpec *spec, const Naive *naive, const uint8_t *data,
                      size_t size) {
        for (; size >= PROBE_SIZE; data += PROBE_SIZE, size -= PROBE_SIZE) {
                uint32_t words[3];

                memcpy(words, data, sizeof(words));
                ask(set, spec, naive, words[0], words[1], words[2]);
        }
}

/* A name that nobody knows or an error that cannot be returned is reason enough to be refused. */
static bool names_are_sound(const ContainerSpec *spec) {
        for (size_t i = 0; i < spec->system_call_filter.n; i++) {
                const SyscallItem *item = spec->system_call_filter.items + i;

                if (item->name[0] == '@' ? !syscall_group_find(item->name) : syscall_resolve(item->name) == -ENOENT)
                        return false;
                if (item->error > 4094)
                        return false;
        }
        return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(container_spec_unrefp) ContainerSpec *spec = NULL;
        _cleanup_(policy_set_unrefp) const PolicySet *set = NULL;
        _cleanup_(diag_done) Diag diag = {};
        char text[MAX_SIZE + 1];
        size_t length;
        Naive naive;
        bool sound;
        int r;

        if (size < 1 || size > MAX_SIZE)
                return 0;
        memcpy(text, data + 1, size - 1);
        text[size - 1] = '\0';
        length = strlen(text);

        spec = spec_from_input(data[0], text);
        naive_init(&naive, spec);
        sound = names_are_sound(spec) && naive_possible(&naive, spec);
        r = policy_compile(spec, -EBADF, &diag, &set);
        if ((r >= 0) != sound || (r < 0) != (diag.n_errors > 0))
                abort();
        if (r >= 0) {
                ask_always(set, spec, &naive);
                if (1 + length + 1 < size)
                        ask_input(set, spec, &naive, data + 1 + length + 1, size - 1 - length - 1);
        }
        naive_done(&naive);
        return 0;
}
