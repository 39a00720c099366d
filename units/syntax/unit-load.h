/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From a name to a draft: finds the unit on the search path, merges its drop-ins, reads systemd.syntax(7) and
 * applies the directive table. Collects every mistake of the unit in diag before it fails.
 *
 * A unit that could be read but has mistakes fails and hands out its draft nevertheless: units/resolve finds what
 * else is wrong with it, so that a person sees all at once. */

#include "units/spec/container-spec.h"

/* What specifiers stand for besides the unit's own name. Gathered once by units/resolve/host-facts. All strings
 * borrowed; NULL = not known here: using that specifier is an error that says so. */
typedef struct SpecifierFacts {
        const char *machine_id, *boot_id, *host_name, *short_host_name, *pretty_host_name;
        const char *kernel_release, *architecture;
        const char *os_id, *os_version_id, *os_build_id, *os_image_id, *os_image_version, *os_variant_id;
        const char *user_name, *user_id, *group_name, *group_id, *user_home, *user_shell; /* the manager's */
        const char *runtime_directory, *state_directory, *cache_directory, *logs_directory, *config_directory;
        const char *temporary_directory, *persistent_temporary_directory; /* %T %V */
} SpecifierFacts;

#define UNIT_PATH_DEFAULT                                                                                     \
        "/etc/bulwark/units:/run/bulwark/units:/usr/local/lib/bulwark/units:/usr/lib/bulwark/units"              \
        ":/run/bulwark/transient"

/* Loads NAME from the search path (directories, highest precedence first). ERROR_NO_SUCH_UNIT, ERROR_MASKED.
 * *ret_draft is written on success and where the draft has mistakes. */
int unit_load(const char *name, char *const *search_path, const SpecifierFacts *facts, Diag *diag,
              ContainerSpec **ret_draft);
/* Loads one file as given (verify, plan of a path); drop-ins beside it (FILE.d/) are applied. The name is the
 * file's; a template without instance gets the instance "instance". */
int unit_load_file(const char *path, const SpecifierFacts *facts, Diag *diag, ContainerSpec **ret_draft);
/* Text in memory: fuzzing, tests. name is shown in origins. */
int unit_load_text(const char *name, const char *text, size_t size, const SpecifierFacts *facts, Diag *diag,
                   ContainerSpec **ret_draft);

typedef enum UnitFileState {
        UNIT_FILE_STATIC, /* no [Install] support yet: every good unit */
        UNIT_FILE_MASKED,
        UNIT_FILE_BAD,
        UNIT_FILE_ALIAS, /* another name of a unit */
        UNIT_FILE_MISNAMED, /* no container can have this name: name and path are for people to read */
        UNIT_FILE_TEMPLATE,
        _UNIT_FILE_STATE_MAX,
} UnitFileState;
typedef struct UnitFileEntry {
        char *name; /* without ".container" */
        char *path;
        UnitFileState state; /* MASKED and TEMPLATE are told here; BAD is set by who loads it */
} UnitFileEntry;
/* Every unit on the search path, first found wins, sorted by name. */
int unit_files_list(char *const *search_path, UnitFileEntry **ret, size_t *ret_n);
void unit_files_free(UnitFileEntry *entries, size_t n);
const char *unit_file_state_to_string(UnitFileState s);
/* Fragment first, then drop-ins in the order applied, for `cat`. */
int unit_paths(const char *name, char *const *search_path, char ***ret_paths);
