/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/string-list.h"
#include "policies/selinux/binds.h"
#include "policies/selinux/store-ports.h"

#define OWN_TYPE "bulwark_port_t"
#define OWN_CONTEXT "system_u:object_r:" OWN_TYPE ":s0"

/* What a port has that has no type of its own. */
static const char *const common_types[] = { OWN_TYPE, "reserved_port_t", "hi_reserved_port_t", "unreserved_port_t",
                                            "ephemeral_port_t", "port_t" };
static const int protocols[] = { SEMANAGE_PROTO_TCP, SEMANAGE_PROTO_UDP };
static const char *const names[] = { "tcp", "udp" };

static void free_records(semanage_port_t **records, unsigned n) {
        for (unsigned i = 0; i < n; i++)
                semanage_port_free(records[i]);
        free(records);
}

void port_plan_done(PortPlan *plan) {
        free_records(plan->records, plan->n_records);
        free(plan->text);
        *plan = (PortPlan){};
}

static const char *type_of(const semanage_port_t *port) {
        const semanage_context_t *context = semanage_port_get_con(port);

        return context ? strempty(semanage_context_get_type(context)) : "";
}

static bool is_common(const semanage_port_t *port) {
        for (size_t i = 0; i < ELEMENTSOF(common_types); i++)
                if (streq(type_of(port), common_types[i]))
                        return true;
        return false;
}

static bool is_own(const PortPlan *plan, unsigned i) {
        return streq(type_of(plan->records[i]), OWN_TYPE);
}

/* --- what is to be */

/* One range of one unit: the types that ports of it have go into its attribute, what is left wants a record. */
static int add_range(PortPlan *plan, const BindRange *range, semanage_port_t **ports, unsigned n) {
        bool typed[STORE_PORTS] = {};
        int r = str_append(&plan->text, "(typeattributeset %s.%s_port (" OWN_TYPE, range->block, names[range->udp]);

        for (unsigned i = 0; r >= 0 && i < n; i++) {
                const int low = semanage_port_get_low(ports[i]), high = semanage_port_get_high(ports[i]);

                if (semanage_port_get_proto(ports[i]) != protocols[range->udp] || is_common(ports[i]) || high < range->first ||
                    low > range->last)
                        continue;
                for (int port = low; port <= high && port < STORE_PORTS; port++)
                        typed[port] = true;
                r = str_append(&plan->text, " %s", type_of(ports[i]));
        }
        for (unsigned port = range->first; port <= range->last && port < STORE_PORTS; port++)
                plan->wanted[range->udp][port] |= !typed[port];
        return r < 0 ? r : str_append(&plan->text, "))\n");
}

/* --- against what is there */

typedef struct Run {
        int low, high;
} Run;

/* The next run of wanted ports from `from` on; low = STORE_PORTS: there is none. */
static Run next_run(const bool wanted[static STORE_PORTS], int from) {
        Run run = { .low = from };

        while (run.low < STORE_PORTS && !wanted[run.low])
                run.low++;
        for (run.high = run.low; run.high + 1 < STORE_PORTS && wanted[run.high + 1]; run.high++)
                ;
        return run;
}

static bool has_record(const PortPlan *plan, size_t protocol, Run run) {
        for (unsigned i = 0; i < plan->n_records; i++)
                if (is_own(plan, i) && semanage_port_get_proto(plan->records[i]) == protocols[protocol] &&
                    semanage_port_get_low(plan->records[i]) == run.low && semanage_port_get_high(plan->records[i]) == run.high)
                        return true;
        return false;
}

static bool is_wanted(const PortPlan *plan, unsigned i) {
        const int low = semanage_port_get_low(plan->records[i]), high = semanage_port_get_high(plan->records[i]);

        for (size_t p = 0; p < ELEMENTSOF(protocols); p++)
                if (semanage_port_get_proto(plan->records[i]) == protocols[p] && low < STORE_PORTS) {
                        const Run run = next_run(plan->wanted[p], low);

                        return run.low == low && run.high == high && (low == 0 || !plan->wanted[p][low - 1]);
                }
        return false;
}

static bool differs(const PortPlan *plan) {
        for (unsigned i = 0; i < plan->n_records; i++)
                if (is_own(plan, i) && !is_wanted(plan, i))
                        return true;
        for (size_t p = 0; p < ELEMENTSOF(protocols); p++)
                for (Run run = next_run(plan->wanted[p], 0); run.low < STORE_PORTS;
                     run = next_run(plan->wanted[p], run.high + 1))
                        if (!has_record(plan, p, run))
                                return true;
        return false;
}

int port_plan_make(semanage_handle_t *h, const char *cil, PortPlan *ret) {
        __attribute__((cleanup(port_plan_done))) PortPlan plan = {};
        _cleanup_free_ BindRange *ranges = NULL;
        semanage_port_t **ports = NULL;
        unsigned n_ports = 0;
        size_t n = 0;
        int r;

        r = selinux_binds_parse(cil, &ranges, &n);
        if (r >= 0 && semanage_port_list_local(h, &plan.records, &plan.n_records) < 0)
                r = -EIO;
        if (r >= 0 && n > 0 && semanage_port_list(h, &ports, &n_ports) < 0)
                r = -EIO;
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = add_range(&plan, ranges + i, ports, n_ports);
        free_records(ports, n_ports);
        if (r < 0)
                return r;
        plan.changes = differs(&plan);
        *ret = plan;
        plan = (PortPlan){};
        return 0;
}

/* --- into the store */

static int drop(semanage_handle_t *h, const semanage_port_t *port) {
        semanage_port_key_t *key = NULL;
        int r;

        if (semanage_port_key_extract(h, port, &key) < 0)
                return -ENOMEM;
        r = semanage_port_del_local(h, key) < 0 ? -EIO : 0;
        semanage_port_key_free(key);
        return r;
}

static int record(semanage_handle_t *h, int protocol, Run run) {
        semanage_context_t *context = NULL;
        semanage_port_key_t *key = NULL;
        semanage_port_t *port = NULL;
        int r = -ENOMEM;

        if (semanage_port_create(h, &port) >= 0 && semanage_context_from_string(h, OWN_CONTEXT, &context) >= 0) {
                semanage_port_set_proto(port, protocol);
                semanage_port_set_range(port, run.low, run.high);
                if (semanage_port_set_con(h, port, context) >= 0 && semanage_port_key_extract(h, port, &key) >= 0)
                        r = semanage_port_modify_local(h, key, port) < 0 ? -EIO : 0;
        }
        semanage_port_key_free(key);
        semanage_context_free(context);
        semanage_port_free(port);
        return r;
}

int port_plan_apply(semanage_handle_t *h, const PortPlan *plan) {
        int r = 0;

        for (unsigned i = 0; r >= 0 && i < plan->n_records; i++)
                if (is_own(plan, i) && !is_wanted(plan, i))
                        r = drop(h, plan->records[i]);
        for (size_t p = 0; p < ELEMENTSOF(protocols); p++)
                for (Run run = next_run(plan->wanted[p], 0); r >= 0 && run.low < STORE_PORTS;
                     run = next_run(plan->wanted[p], run.high + 1))
                        if (!has_record(plan, p, run))
                                r = record(h, protocols[p], run);
        return r;
}
