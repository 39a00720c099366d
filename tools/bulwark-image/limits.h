/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How much a stranger may make us do. What is above is refused with the number; the manual page lists them. */

#define LIMIT_ENTRIES 2000000U               /* of a layer */
#define LIMIT_LAYER_BYTES (UINT64_C(1) << 36) /* of a layer's archive, decompressed: 64 GiB */
#define LIMIT_FILE_BYTES (UINT64_C(1) << 40) /* what a sparse file says it has */
#define LIMIT_RATIO 200U                      /* decompressed against compressed ... */
#define LIMIT_RATIO_FREE (UINT64_C(64) << 20) /* ... beyond this much */
#define LIMIT_PATH 4095U
#define LIMIT_NAME 255U
#define LIMIT_DEPTH 256U
#define LIMIT_LINKS 40U          /* followed on the way to one entry */
#define LIMIT_XATTRS 64U         /* of an entry */
#define LIMIT_XATTR_BYTES 65536U
#define LIMIT_SPOOL_FILES 8192U /* of the archive around an image */
#define LIMIT_MEMORY (UINT64_C(256) << 20) /* of the process that reads them; a window of zstd is within */
#define LIMIT_OPAQUE 10000U      /* directories of a layer that replace those below */
#define LIMIT_NOTES 3U           /* of a kind that are told one by one */
