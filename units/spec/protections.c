/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/capability.h>

#include "units/spec/protections.h"

#define BIT(c) (UINT64_C(1) << (c))

static bool no_modules(const ContainerSpec *s) {
        return s->protect_kernel_modules == TRISTATE_YES;
}

static bool no_logs(const ContainerSpec *s) {
        return s->protect_kernel_logs == TRISTATE_YES;
}

static bool no_clock(const ContainerSpec *s) {
        return s->protect_clock == TRISTATE_YES;
}

static bool no_hostname(const ContainerSpec *s) {
        return s->protect_hostname.mode == PROTECT_HOSTNAME_YES;
}

static bool no_devices(const ContainerSpec *s) {
        return s->private_devices == TRISTATE_YES;
}

const Protection protections[] = {
        { DIRECTIVE_ProtectKernelModules, no_modules, BIT(CAP_SYS_MODULE), "@module", { "/usr/lib/modules", "/lib/modules", NULL },
          "a container loads no module of the kernel but with AddCapability=CAP_SYS_MODULE and SystemCallFilter=@module, which "
          "open that by name" },
        { DIRECTIVE_ProtectKernelLogs, no_logs, BIT(CAP_SYSLOG), "syslog", {},
          "/proc/kmsg and /dev/kmsg are the host's and are never shown; AddCapability=CAP_SYSLOG and SystemCallFilter=syslog open "
          "the call by name" },
        { DIRECTIVE_ProtectClock, no_clock, BIT(CAP_SYS_TIME) | BIT(CAP_WAKE_ALARM), "@clock", {},
          "the clock is the host's; AddCapability=CAP_SYS_TIME and SystemCallFilter=@clock open it by name" },
        { DIRECTIVE_ProtectHostname, no_hostname, 0, "sethostname setdomainname", {},
          "a container always has a host name of its own; private lets it change that" },
        { DIRECTIVE_PrivateDevices, no_devices, BIT(CAP_MKNOD) | BIT(CAP_SYS_RAWIO), "@raw-io", {}, NULL },
};

size_t protections_count(void) {
        return ELEMENTSOF(protections);
}

uint64_t protections_capabilities(const ContainerSpec *s) {
        uint64_t mask = 0;

        for (size_t i = 0; i < ELEMENTSOF(protections); i++)
                if (protections[i].on(s))
                        mask |= protections[i].capabilities;
        return mask;
}

const Origin *protections_origin(const ContainerSpec *s, unsigned capability) {
        for (size_t i = 0; i < ELEMENTSOF(protections); i++)
                if (protections[i].on(s) && (protections[i].capabilities & BIT(capability)))
                        return container_spec_origin(s, protections[i].id);
        return NULL;
}
