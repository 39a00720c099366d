/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the container's root is made of. */
#include "units/spec/container-spec.h"

static RootUpper upper_of(const ContainerSpec *s) {
        if (s->volatile_mode == VOLATILE_YES)
                return ROOT_UPPER_ALONE;
        return s->root_ephemeral || s->volatile_mode == VOLATILE_OVERLAY || s->layers ? ROOT_UPPER_EPHEMERAL : ROOT_UPPER_NONE;
}

SpecRoot container_spec_root(const ContainerSpec *s) {
        return (SpecRoot){ .path = s->layers ? s->layers_path : s->root_directory,
                           .layers = s->layers,
                           .upper = upper_of(s),
                           .directive = s->layers ? s->layers_directive : DIRECTIVE_RootDirectory };
}

bool container_spec_root_is_kept(const ContainerSpec *s) {
        return upper_of(s) == ROOT_UPPER_NONE && (!s->read_only || s->read_write_paths.n > 0);
}
