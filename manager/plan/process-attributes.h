/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the steps about a process's attributes may say: prctl(2) options that some C libraries do not know yet. The keeper
 * sees this too. */

#define PLAN_SET_IO_FLUSHER 57     /* PR_SET_IO_FLUSHER, Linux 5.6 */
#define PLAN_SET_MEMORY_MERGE 67   /* PR_SET_MEMORY_MERGE, Linux 6.4 */
#define PLAN_THP_EXCEPT_ADVISED 2  /* PR_THP_DISABLE_EXCEPT_ADVISED, Linux 6.18 */
