/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>

#include "manager/base/io.h"
#include "manager/base/log.h"

/* "2026-11-30 14:00:00.123 ": sorts, and can be held against the stamps of other logs. */
static size_t log_stamp(char *buffer, size_t size) {
        struct timeval now;
        struct tm tm;
        size_t n;
        int k;

        if (gettimeofday(&now, NULL) < 0 || !localtime_r(&now.tv_sec, &tm))
                return 0;
        n = strftime(buffer, size, "%Y-%m-%d %H:%M:%S", &tm);
        k = snprintf(buffer + n, size - n, ".%03u ", (unsigned)(now.tv_usec / 1000) % 1000);
        return k < 0 ? 0 : n + (size_t)k;
}

void log_message(const Log *log, int priority, const char *format, ...) {
        char line[2048];
        int n = 0, k;
        va_list ap;

        if (priority > log->max_priority)
                return;
        if (log->prefix)
                n = snprintf(line, sizeof(line), "<%d>", priority);
        else if (log->stamp)
                n = (int)log_stamp(line, 64);
        va_start(ap, format);
        k = vsnprintf(line + n, sizeof(line) - (size_t)n - 1, format, ap);
        va_end(ap);
        if (k < 0)
                return;
        n = MIN_OF(n + k, (int)sizeof(line) - 2);
        line[n++] = '\n';
        (void)write_all(STDERR_FILENO, line, (size_t)n); /* one write, so that lines of two writers do not mix */
}

void log_diag(const Log *log, const Diag *diag) {
        for (size_t i = 0; i < diag->n_entries; i++) {
                _cleanup_free_ char *line = diag_entry_to_string(&diag->entries[i]);

                log_message(log, diag->entries[i].level == DIAG_ERROR ? LOG_ERR : LOG_WARNING, "%s",
                            line ? line : diag->entries[i].text);
        }
}
