/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The parts of spec_resolve(), for this room alone. Each reports what it finds and goes on, so that a unit's
 * mistakes come out together; < 0 says that at least one was found. */

#include "units/resolve/resolve.h"

/* User=, Group= and SupplementaryGroups= may stand in three places of a unit. */
typedef struct IdentityRequest {
        const char *user, *group;
        char *const *supplementary;
        const Origin *user_origin, *group_origin, *supplementary_origin;
        const char *dynamic; /* DynamicUser=yes: the user's name where User= says none; NULL = no */
        const char *user_directive, *group_directive, *supplementary_directive;
} IdentityRequest;
int identity_lookup(const IdentityRequest *request, const UnitFacts *facts, Diag *diag, Identity *ret);

/* Image=: gather finds the image and looks into it; a spec that has its layers is looked into as it is. resolve sets layers_path, layers and
 * what the image says where the unit does not. Before all others. */
int image_gather(const ContainerSpec *draft, const char *store, UnitFacts *f);
int image_resolve(ContainerSpec *spec, const UnitFacts *facts, Diag *diag);
void image_fact_done(ImageFact *f);

/* Needs the identity. */
int environment_resolve(ContainerSpec *spec, const UnitFacts *facts, Diag *diag);
/* The text of one EnvironmentFile=; assignments go into *env, later ones replace earlier ones. */
int environment_file_parse(const char *path, const char *text, Diag *diag, char ***env);

/* Which security modules confine the payload: sets spec->mac. */
int mac_resolve(ContainerSpec *spec, const HostFacts *host, Diag *diag);

/* The times that depend on others, or on Type=; 0 is no limit, as in systemd. */
void lifecycle_resolve(ContainerSpec *spec);
/* Contradictions between what is said of start, end and restart. */
int lifecycle_check(const ContainerSpec *spec, Diag *diag);

/* The devices that DeviceAllow= names, and whether there is a filter. */
int devices_resolve(ContainerSpec *spec, const UnitFacts *facts, Diag *diag);
/* The disks that IODeviceWeight= and its kin name. */
int disks_resolve(ContainerSpec *spec, const UnitFacts *facts, Diag *diag);

/* What ProtectSystem= and its kin come to, as rows that everything after this reads. Before the checks and set_ids_resolve(). */
int protect_resolve(ContainerSpec *spec, Diag *diag);

/* Whether files of the payload could run as the host's root: sets spec->exposed_tree. */
int set_ids_resolve(ContainerSpec *spec, const UnitFacts *facts, Diag *diag);
/* Contradictions between the attributes of the payload's process. */
int attributes_check(const ContainerSpec *spec, Diag *diag);

/* Contradictions between the settings; changes nothing. Needs the identity. */
int spec_check(const ContainerSpec *spec, const HostFacts *host, const UnitFacts *facts, Diag *diag);
