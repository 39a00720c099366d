/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What [Install] means: links. Enabling web for multi-user.target makes
 *
 *   CONFIG/multi-user.target.wants/web.container -> the unit's file
 *
 * where CONFIG is the first directory of the search path (/etc/bulwark/units), or with `runtime` the second
 * (/run/bulwark/units). These links are all that is ever recorded: the manager starts at boot what they name, and under
 * systemd a generator makes the same of bulwark@web.service. Masking is a link to /dev/null in the unit's place.
 *
 * Only links are made and removed; a regular file is never touched. */

#include "units/syntax/unit-load.h"

typedef enum InstallState {
        INSTALL_STATIC, /* no [Install] section */
        INSTALL_DISABLED,
        INSTALL_ENABLED,
        INSTALL_ENABLED_RUNTIME,
        INSTALL_ALIAS, /* another name of a unit */
        INSTALL_BAD,   /* its file has mistakes */
        INSTALL_MASKED,
        INSTALL_MASKED_RUNTIME,
        _INSTALL_STATE_MAX,
} InstallState;
const char *install_state_to_string(InstallState s); /* systemctl's words */

/* One link that was made (target set) or removed. */
typedef struct InstallChange {
        char *path, *target;
} InstallChange;
typedef struct InstallChanges {
        InstallChange *items;
        size_t n;
} InstallChanges;
void install_changes_done(InstallChanges *c);

typedef struct InstallRequest {
        char *const *search_path;
        const SpecifierFacts *facts;
        bool runtime;
        bool force; /* a link that leads elsewhere is replaced */
        const char *transient; /* where drop-ins for this boot are; NULL = nowhere */
} InstallRequest;

/* All that can be done is done, also after a mistake; the first one is returned, each is in diag. */
int install_enable(const InstallRequest *q, const char *name, Diag *diag, InstallChanges *changes);
int install_disable(const InstallRequest *q, const char *name, Diag *diag, InstallChanges *changes);
int install_mask(const InstallRequest *q, const char *name, Diag *diag, InstallChanges *changes);
int install_unmask(const InstallRequest *q, const char *name, Diag *diag, InstallChanges *changes);
/* Takes the administrator's changes back: drop-ins of the unit's own in CONFIG, the runtime directory and transient, masks, and
 * a copy that hides a unit of a later directory. A unit that is nowhere else stays. */
int install_revert(const InstallRequest *q, const char *name, Diag *diag, InstallChanges *changes);
/* Enables or disables as the first matching line of *.preset says ("enable web*", "disable *"), in
 * /etc, /run, /usr/local/lib and /usr/lib/bulwark/preset; where none does, the unit is disabled. */
int install_preset(const InstallRequest *q, const char *name, char *const *preset_path, Diag *diag, InstallChanges *changes);

#define PRESET_PATH_DEFAULT \
        "/etc/bulwark/preset:/run/bulwark/preset:/usr/local/lib/bulwark/preset:/usr/lib/bulwark/preset"

int install_state(const InstallRequest *q, const char *name, Diag *diag, InstallState *ret);

/* What is enabled: one entry for each link. */
typedef struct InstallLink {
        char *wanter; /* "multi-user.target" */
        char *kind;   /* "wants", "requires", "upholds" */
        char *name;   /* of the container */
} InstallLink;
int install_links(char *const *search_path, InstallLink **ret, size_t *ret_n);
void install_links_free(InstallLink *links, size_t n);
