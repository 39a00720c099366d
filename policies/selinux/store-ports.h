/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The ports that units are for, in the host's policy store. A port whose type is its own (http_port_t) keeps it, and the
 * unit may bind that type: the host's services live by it. One below 1024 without any gets a local record with the type
 * bulwark_port_t; from 1024 on such a port may be bound anyway. */

#include <semanage/semanage.h>

#include "manager/base/util.h"

#define STORE_PORTS 1024

typedef struct PortPlan {
        char *text;                       /* CIL: what the blocks' attributes hold */
        bool wanted[2][STORE_PORTS];      /* by protocol: ports that get a local record */
        struct semanage_port **records;   /* the local records there are; owned */
        unsigned n_records;
        bool changes;                     /* the records are not those that are wanted */
} PortPlan;
void port_plan_done(PortPlan *plan);
/* cil: the module of all units; "" = there is none any more. */
int port_plan_make(semanage_handle_t *h, const char *cil, PortPlan *ret);
int port_plan_apply(semanage_handle_t *h, const PortPlan *plan); /* within a transaction */
