/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* metrics: what containers use as OpenMetrics text, for the textfile collector of Prometheus' node exporter or anything else
 * that reads the format. */
#include <inttypes.h>
#include <stdio.h>

#include "manager/base/string-list.h"
#include "tools/bulwarkctl/property-text.h"
#include "tools/bulwarkctl/usage.h"
#include "tools/bulwarkctl/verbs.h"

typedef struct Metric {
        const char *name, *type, *unit, *help; /* unit NULL = a bare count */
        const char *property;
        uint64_t divisor; /* of a counter of time: parts of a second */
} Metric;

/* A family's name ends in its unit; a counter's sample ends in _total. */
static const Metric metrics[] = {
        { "cpu_seconds", "counter", "seconds", "CPU time used since the container's start.", "CPUUsageNSec", NSEC_PER_USEC * USEC_PER_SEC },
        { "memory_bytes", "gauge", "bytes", "Memory in use.", "MemoryCurrent", 1 },
        { "memory_peak_bytes", "gauge", "bytes", "The most memory that was in use since the container's start.", "MemoryPeak", 1 },
        { "swap_bytes", "gauge", "bytes", "Swap in use.", "MemorySwapCurrent", 1 },
        { "tasks", "gauge", NULL, "Processes and threads.", "TasksCurrent", 1 },
        { "io_read_bytes", "counter", "bytes", "Bytes read from block devices.", "IOReadBytes", 1 },
        { "io_written_bytes", "counter", "bytes", "Bytes written to block devices.", "IOWriteBytes", 1 },
        { "io_reads", "counter", NULL, "Read operations on block devices.", "IOReadOperations", 1 },
        { "io_writes", "counter", NULL, "Write operations on block devices.", "IOWriteOperations", 1 },
        { "cpu_waiting_seconds", "counter", "seconds", "Time in which some process waited for a CPU.", "CPUPressureUSec", USEC_PER_SEC },
        { "memory_waiting_seconds", "counter", "seconds", "Time in which some process waited for memory.", "MemoryPressureUSec", USEC_PER_SEC },
        { "io_waiting_seconds", "counter", "seconds", "Time in which some process waited for input or output.", "IOPressureUSec", USEC_PER_SEC },
        { "oom_kills", "counter", NULL, "Processes that the kernel has killed for want of memory.", "OOMKills", 1 },
        { "restarts", "counter", NULL, "Restarts by Restart=.", "NRestarts", 1 },
        { "start_time_seconds", "gauge", "seconds", "When the container became active, since 1970.", "ActiveEnterTimestamp", USEC_PER_SEC },
};

/* Backslash, quote and newline, as the format has it. */
char *metrics_label(const char *s) {
        char *text = malloc(2 * strlen(s) + 1), *to = text;

        if (!text)
                return NULL;
        for (; *s; s++) {
                if (*s == '\\' || *s == '"' || *s == '\n')
                        *to++ = '\\';
                *to++ = *s == '\n' ? 'n' : *s;
        }
        *to = 0;
        return text;
}

static void print_value(uint64_t v, uint64_t divisor) {
        unsigned digits = 0;

        printf("%" PRIu64, v / divisor);
        for (uint64_t d = divisor; d > 1; d /= 10)
                digits++;
        if (digits > 0)
                printf(".%0*" PRIu64, (int)digits, v % divisor);
}

static int print_family(json_object *all, const Metric *m) {
        bool begun = false;

        json_object_object_foreach(all, name, p) {
                uint64_t v = property_number(p, m->property);
                _cleanup_free_ char *label = NULL;

                if (v == UINT64_MAX || (v == 0 && streq(m->property, "ActiveEnterTimestamp")))
                        continue;
                label = metrics_label(name);
                if (!label)
                        return -ENOMEM;
                if (!begun) {
                        printf("# TYPE bulwark_container_%s %s\n", m->name, m->type);
                        if (m->unit)
                                printf("# UNIT bulwark_container_%s %s\n", m->name, m->unit);
                        printf("# HELP bulwark_container_%s %s\n", m->name, m->help);
                        begun = true;
                }
                printf("bulwark_container_%s%s{name=\"%s\"} ", m->name, streq(m->type, "counter") ? "_total" : "", label);
                print_value(v, m->divisor);
                putchar('\n');
        }
        return 0;
}

/* One of a set of states, the others being 0: a sum over all containers counts those in a state. */
static int print_states(json_object *all) {
        static const char *const states[] = { "active", "reloading", "inactive", "failed", "activating", "deactivating" };

        if (json_object_object_length(all) == 0)
                return 0;
        printf("# TYPE bulwark_container_state stateset\n# HELP bulwark_container_state The container's state.\n");
        json_object_object_foreach(all, name, p) {
                _cleanup_free_ char *label = metrics_label(name);

                if (!label)
                        return -ENOMEM;
                for (size_t i = 0; i < ELEMENTSOF(states); i++)
                        printf("bulwark_container_state{name=\"%s\",bulwark_container_state=\"%s\"} %d\n", label, states[i],
                               streq(property_string(p, "ActiveState"), states[i]));
        }
        return 0;
}

int verb_metrics(Context *c) {
        const char *names[ELEMENTSOF(metrics) + 2] = { "ActiveState" };
        _cleanup_json_ json_object *all = NULL;
        int r, status = EXIT_SUCCESS;

        for (size_t i = 0; i < ELEMENTSOF(metrics); i++)
                names[i + 1] = metrics[i].property;
        if (client_connect(&c->client, &status) < 0)
                return status;
        r = usage_fetch(&c->client, names, &all);
        if (r < 0)
                return client_report(NULL, r, "cannot ask for what containers use", NULL);
        r = print_states(all);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(metrics); i++)
                r = print_family(all, metrics + i);
        if (r < 0)
                return client_report(NULL, r, "cannot print", NULL);
        printf("# EOF\n");
        return EXIT_SUCCESS;
}
