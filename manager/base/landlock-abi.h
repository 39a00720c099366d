/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The kernel's Landlock interface up to the ABI that Bulwark knows, whatever headers it is built with. Policies name the
 * rights, the keeper hands them over: both see the same numbers. */

#include <linux/landlock.h>
#include <stdint.h>

#define LANDLOCK_ABI_NEEDED 2 /* ABI 1 refuses every rename between directories, whatever the rules are: it is not used */
#define LANDLOCK_ABI_KNOWN 6 /* what a later one adds (ABI 7: audit flags) takes no right away */

#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13) /* ABI 2 */
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14) /* ABI 3 */
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15) /* ABI 5 */
#endif
#ifndef LANDLOCK_ACCESS_NET_BIND_TCP
#define LANDLOCK_ACCESS_NET_BIND_TCP (1ULL << 0) /* ABI 4 */
#define LANDLOCK_ACCESS_NET_CONNECT_TCP (1ULL << 1)
#endif
#ifndef LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0) /* ABI 6 */
#define LANDLOCK_SCOPE_SIGNAL (1ULL << 1)
#endif
#define LANDLOCK_RULE_KIND_PATH 1
#define LANDLOCK_RULE_KIND_PORT 2

/* struct landlock_ruleset_attr and landlock_net_port_attr of ABI 6; an older kernel takes a shorter size, or zeroes. */
typedef struct LandlockRuleset {
        uint64_t handled_fs, handled_net, scoped;
} LandlockRuleset;
typedef struct LandlockPort {
        uint64_t access, port;
} LandlockPort;
