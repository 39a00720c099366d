/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "manager/base/string-list.h"
#include "manager/container/container-internal.h"
#include "manager/host/streams/life-details.h"

#define DETAIL_MAX 1024 /* a container writes some of them */

typedef struct Detail {
        const char *name; /* of the property, in org.bulwark1(5) */
        const char *(*text)(const Container *c);
        uint64_t (*number)(const Container *c);
} Detail;

static const char *detail_fragment_path(const Container *c) {
        const ContainerSpec *spec = container_spec(c);

        return spec ? spec->fragment_path : NULL;
}

static const char *detail_result(const Container *c) {
        return container_result_to_string(container_result(c));
}

static uint64_t detail_leader(const Container *c) {
        return (uint64_t)container_leader(c);
}

static uint64_t detail_n_restarts(const Container *c) {
        return container_n_restarts(c);
}

static uint64_t detail_health_streak(const Container *c) {
        return container_health_streak(c);
}

static uint64_t detail_exit_code(const Container *c) {
        return container_exit(c)->valid ? (uint64_t)container_exit(c)->code : 0;
}

static uint64_t detail_exit_status(const Container *c) {
        return container_exit(c)->valid ? (uint64_t)container_exit(c)->status : 0;
}

static uint64_t detail_memory(const Container *c) {
        return container_usage(c, CGROUP_USAGE_MemoryCurrent);
}

static const Detail detail_rows[] = {
        { "ExecMainCode", .number = detail_exit_code },
        { "ExecMainStatus", .number = detail_exit_status },
        { "FragmentPath", .text = detail_fragment_path },
        { "HealthFailingStreak", .number = detail_health_streak },
        { "HealthOutput", .text = container_health_output },
        { "HealthStatus", .text = container_health },
        { "InvocationID" },
        { "LastError", .text = container_last_error },
        { "LoadError", .text = container_load_error },
        { "MACLabel", .text = container_mac_label },
        { "MainPID", .number = detail_leader },
        { "MemoryCurrent", .number = detail_memory },
        { "NRestarts", .number = detail_n_restarts },
        { "OOMKills", .number = container_n_oom_kills },
        { "RestartUSecNext", .number = container_restart_in },
        { "Result", .text = detail_result },
        { "StatusText", .text = container_status_text },
};

static const struct {
        const char *word, *details;
} kind_rows[_EVENT_KIND_MAX] = {
#define EVENT_KIND(kind, word, details) [EVENT_KIND_##kind] = { word, details },
#include "manager/container/event-kinds.inc"
#undef EVENT_KIND
};

static const Detail *detail_find(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(detail_rows); i++)
                if (streq(detail_rows[i].name, name))
                        return detail_rows + i;
        return NULL;
}

bool life_detail_known(const char *name) {
        return detail_find(name);
}

static bool must_escape(char ch) {
        return (unsigned char)ch < 0x20 || ch == 0x7f || ch == '"' || ch == '\\';
}

int life_append_string(char **text, const char *s, size_t max) {
        size_t n = strlen(s);
        int r;

        if (n > max)
                for (n = max; n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80;) /* no half character */
                        n--;
        r = str_append(text, "\"");
        for (size_t i = 0, plain; r >= 0 && i < n; i += plain + (i + plain < n)) {
                for (plain = 0; i + plain < n && !must_escape(s[i + plain]);)
                        plain++;
                r = str_append(text, "%.*s", (int)plain, s + i);
                if (r >= 0 && i + plain < n)
                        r = str_append(text, "\\u%04x", (unsigned char)s[i + plain]);
        }
        return r < 0 ? r : str_append(text, "\"");
}

static int append_detail(char **text, const Container *c, const Detail *d) {
        char id[SD_ID128_STRING_MAX];
        int r;

        r = str_append(text, "\"%s\":", d->name);
        if (r < 0)
                return r;
        if (d->number)
                return str_append(text, "%" PRIu64, d->number(c));
        return life_append_string(text, d->text ? strempty(d->text(c)) : sd_id128_to_string(container_invocation(c), id),
                                  DETAIL_MAX);
}

int life_event_text(const Container *c, EventKind kind, const char *words, char **ret) {
        _cleanup_free_ char *text = NULL;
        _cleanup_strv_ char **names = NULL;
        int r;

        r = strv_split(kind_rows[kind].details, ' ', &names);
        if (r >= 0)
                r = str_append(&text, "{\"container\":\"%s\",\"event\":\"%s\",\"message\":", container_name(c), kind_rows[kind].word);
        if (r >= 0)
                r = life_append_string(&text, words, 4 * DETAIL_MAX);
        if (r >= 0)
                r = str_append(&text, ",\"details\":{");
        for (size_t i = 0; r >= 0 && names && names[i]; i++) {
                const Detail *d = detail_find(names[i]);

                if (i > 0)
                        r = str_append(&text, ",");
                r = r < 0 ? r : d ? append_detail(&text, c, d) : -EINVAL;
        }
        if (r >= 0)
                r = str_append(&text, "}}");
        if (r < 0)
                return r;
        *ret = TAKE_PTR(text);
        return 0;
}
