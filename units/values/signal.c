/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <strings.h>

#include "units/values/parse.h"

/* The kernel's real-time signals start at 32; the C library keeps the first two for itself. */
enum { RTMIN = 34, RTMAX = 64 };

static const char *const signal_names[] = {
        [SIGHUP] = "SIGHUP",
        [SIGINT] = "SIGINT",
        [SIGQUIT] = "SIGQUIT",
        [SIGILL] = "SIGILL",
        [SIGTRAP] = "SIGTRAP",
        [SIGABRT] = "SIGABRT",
        [SIGBUS] = "SIGBUS",
        [SIGFPE] = "SIGFPE",
        [SIGKILL] = "SIGKILL",
        [SIGUSR1] = "SIGUSR1",
        [SIGSEGV] = "SIGSEGV",
        [SIGUSR2] = "SIGUSR2",
        [SIGPIPE] = "SIGPIPE",
        [SIGALRM] = "SIGALRM",
        [SIGTERM] = "SIGTERM",
#ifdef SIGSTKFLT
        [SIGSTKFLT] = "SIGSTKFLT",
#endif
        [SIGCHLD] = "SIGCHLD",
        [SIGCONT] = "SIGCONT",
        [SIGSTOP] = "SIGSTOP",
        [SIGTSTP] = "SIGTSTP",
        [SIGTTIN] = "SIGTTIN",
        [SIGTTOU] = "SIGTTOU",
        [SIGURG] = "SIGURG",
        [SIGXCPU] = "SIGXCPU",
        [SIGXFSZ] = "SIGXFSZ",
        [SIGVTALRM] = "SIGVTALRM",
        [SIGPROF] = "SIGPROF",
        [SIGWINCH] = "SIGWINCH",
        [SIGIO] = "SIGIO",
        [SIGPWR] = "SIGPWR",
        [SIGSYS] = "SIGSYS",
#define RT(n) [RTMIN + (n)] = "SIGRTMIN+" #n
        [RTMIN] = "SIGRTMIN",
        RT(1),
        RT(2),
        RT(3),
        RT(4),
        RT(5),
        RT(6),
        RT(7),
        RT(8),
        RT(9),
        RT(10),
        RT(11),
        RT(12),
        RT(13),
        RT(14),
        RT(15),
        RT(16),
        RT(17),
        RT(18),
        RT(19),
        RT(20),
        RT(21),
        RT(22),
        RT(23),
        RT(24),
        RT(25),
        RT(26),
        RT(27),
        RT(28),
        RT(29),
        RT(30),
#undef RT
};

static const struct {
        const char *name;
        int signal;
} signal_aliases[] = {
        {"POLL", SIGIO},
        {"IOT", SIGABRT},
        {"CLD", SIGCHLD},
        {"RTMAX", RTMAX},
};

const char *signal_to_string(int signal) {
        return signal > 0 && (size_t)signal < ELEMENTSOF(signal_names) ? signal_names[signal] : NULL;
}

static int signal_from_offset(const char *s) {
        static const struct {
                const char *prefix;
                int base, sign;
        } forms[] = {{"RTMIN+", RTMIN, 1}, {"RTMAX-", RTMAX, -1}};
        uint64_t n;

        for (size_t i = 0; i < ELEMENTSOF(forms); i++) {
                size_t k = strlen(forms[i].prefix);

                if (strncasecmp(s, forms[i].prefix, k) == 0 && parse_u64(s + k, &n) == 0 &&
                    n <= RTMAX - RTMIN)
                        return forms[i].base + forms[i].sign * (int)n;
        }
        return -EINVAL;
}

int signal_from_string(const char *name) {
        uint64_t n;

        if (isdigit((unsigned char)*name)) {
                if (parse_u64(name, &n) < 0 || n > RTMAX || !signal_to_string((int)n))
                        return -EINVAL;
                return (int)n;
        }
        if (strncasecmp(name, "SIG", 3) == 0)
                name += 3;
        for (size_t i = 1; i < ELEMENTSOF(signal_names); i++)
                if (signal_names[i] && strcasecmp(signal_names[i] + 3, name) == 0)
                        return (int)i;
        for (size_t i = 0; i < ELEMENTSOF(signal_aliases); i++)
                if (strcasecmp(signal_aliases[i].name, name) == 0)
                        return signal_aliases[i].signal;
        return signal_from_offset(name);
}

static const char *signal_nearest(const char *word) {
        unsigned limit = text_distance_limit(word), best = limit + 1;
        const char *nearest = NULL;

        for (size_t i = 1; i < RTMIN; i++)
                for (size_t skip = 0; signal_names[i] && skip <= 3; skip += 3) {
                        unsigned d = text_distance(word, signal_names[i] + skip, limit);

                        if (d < best) {
                                best = d;
                                nearest = signal_names[i];
                        }
                }
        return nearest;
}

static int signal_parse(const ValueContext *c, const char *text, void *field) {
        int signal = 0;

        if (!value_is_reset(text)) {
                signal = signal_from_string(text);
                if (signal < 0) {
                        const char *near = signal_nearest(text);

                        if (near)
                                return value_error(c, "'%s' is not a signal; did you mean %s?", text, near);
                        return value_error(
                                c,
                                "'%s' is not a signal; write a name such as SIGTERM, a number from 1 to "
                                "64, or SIGRTMIN+N",
                                text);
                }
        }
        *(value_signal *)field = signal;
        return 0;
}

static int signal_print(const void *field, char **ret) {
        return value_print_scalar(signal_to_string(*(const value_signal *)field), ret);
}

static int signal_explode(const void *field, char ***ret) {
        return value_explode_u64((uint64_t) * (const value_signal *)field, ret);
}

static const char *const signal_words[] = {
        "SIGTERM", "SIGINT", "SIGQUIT",  "SIGHUP",     "SIGKILL", "SIGUSR1",
        "SIGUSR2", "SIGPWR", "SIGWINCH", "SIGRTMIN+3", NULL,
};

const ValueType value_type_signal = {
        .name = "signal",
        .syntax = "a signal: name with or without SIG, number, or SIGRTMIN+N",
        .signature = "i",
        .size = sizeof(value_signal),
        .parse = signal_parse,
        .print = signal_print,
        .explode = signal_explode,
        .words = signal_words,
};

/* --- exit_statuses */

/* The names of systemd.exec(5), "Process Exit Codes": the C library's, LSB's, BSD's and systemd's. */
static const struct {
        const char *name;
        uint8_t code;
} exit_names[] = {
        {"SUCCESS", 0},      {"FAILURE", 1},      {"INVALIDARGUMENT", 2}, {"NOTIMPLEMENTED", 3},
        {"NOPERMISSION", 4}, {"NOTINSTALLED", 5}, {"NOTCONFIGURED", 6},   {"NOTRUNNING", 7},
        {"USAGE", 64},       {"DATAERR", 65},     {"NOINPUT", 66},        {"NOUSER", 67},
        {"NOHOST", 68},      {"UNAVAILABLE", 69}, {"SOFTWARE", 70},       {"OSERR", 71},
        {"OSFILE", 72},      {"CANTCREAT", 73},   {"IOERR", 74},          {"TEMPFAIL", 75},
        {"PROTOCOL", 76},    {"NOPERM", 77},      {"CONFIG", 78},
        /* systemd's own, of what it does before the program: programs that start others pass them on */
        {"CHDIR", 200}, {"NICE", 201}, {"FDS", 202}, {"EXEC", 203}, {"MEMORY", 204}, {"LIMITS", 205},
        {"OOM_ADJUST", 206}, {"SIGNAL_MASK", 207}, {"STDIN", 208}, {"STDOUT", 209}, {"CHROOT", 210},
        {"IOPRIO", 211}, {"TIMERSLACK", 212}, {"SECUREBITS", 213}, {"SETSCHEDULER", 214},
        {"CPUAFFINITY", 215}, {"GROUP", 216}, {"USER", 217}, {"CAPABILITIES", 218}, {"CGROUP", 219},
        {"SETSID", 220}, {"CONFIRM", 221}, {"STDERR", 222}, {"PAM", 224}, {"NETWORK", 225},
        {"NAMESPACE", 226}, {"NO_NEW_PRIVILEGES", 227}, {"SECCOMP", 228}, {"SELINUX_CONTEXT", 229},
        {"PERSONALITY", 230}, {"APPARMOR", 231}, {"ADDRESS_FAMILIES", 232}, {"RUNTIME_DIRECTORY", 233},
        {"CHOWN", 235}, {"SMACK_PROCESS_LABEL", 236}, {"KEYRING", 237}, {"STATE_DIRECTORY", 238},
        {"CACHE_DIRECTORY", 239}, {"LOGS_DIRECTORY", 240}, {"CONFIGURATION_DIRECTORY", 241},
        {"NUMA_POLICY", 242}, {"CREDENTIALS", 243}, {"BPF", 244}, {"EXCEPTION", 255},
};

static int exit_statuses_item(const ValueContext *c, const char *word, void *field) {
        value_exit_statuses *v = field;
        const char *near;
        uint64_t code;
        int signal;

        if (isdigit((unsigned char)*word)) {
                if (parse_u64(word, &code) < 0 || code > 255)
                        return value_error(c, "'%s' is not an exit code; codes go from 0 to 255", word);
                v->codes[code / 64] |= UINT64_C(1) << code % 64;
                return 0;
        }
        for (size_t i = 0; i < ELEMENTSOF(exit_names); i++)
                if (streq(exit_names[i].name, word)) {
                        v->codes[exit_names[i].code / 64] |= UINT64_C(1) << exit_names[i].code % 64;
                        return 0;
                }
        signal = signal_from_string(word);
        if (signal > 0) {
                v->signals[signal / 64] |= UINT64_C(1) << signal % 64;
                return 0;
        }
        near = signal_nearest(word);
        return value_error(c,
                           "'%s' is neither an exit code from 0 to 255, nor a name such as TEMPFAIL, nor a "
                           "signal%s%s%s",
                           word, near ? "; did you mean " : "", strempty(near), near ? "?" : "");
}

static int exit_statuses_parse(const ValueContext *c, const char *text, void *field) {
        if (value_is_reset(text)) {
                *(value_exit_statuses *)field = (value_exit_statuses){};
                return 0;
        }
        return value_each_word(c, text, exit_statuses_item, field);
}

static int exit_statuses_explode(const void *field, char ***ret) {
        _cleanup_strv_ char **l = NULL;
        const value_exit_statuses *v = field;
        char number[4];
        int r;

        for (unsigned i = 0; i < 256; i++) {
                if (!(v->codes[i / 64] >> i % 64 & 1))
                        continue;
                (void)snprintf(number, sizeof(number), "%u", i % 256);
                r = strv_extend(&l, number);
                if (r < 0)
                        return r;
        }
        for (int i = 1; i <= RTMAX; i++) {
                if (!(v->signals[i / 64] >> i % 64 & 1) || !signal_to_string(i))
                        continue;
                r = strv_extend(&l, signal_to_string(i));
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(l);
        return 0;
}

static int exit_statuses_print(const void *field, char **ret) {
        return value_print_exploded(exit_statuses_explode, field, ret);
}

const ValueType value_type_exit_statuses = {
        .name = "exit_statuses",
        .syntax = "exit codes from 0 to 255, their names, and signals",
        .signature = "as",
        .size = sizeof(value_exit_statuses),
        .list = true,
        .parse = exit_statuses_parse,
        .print = exit_statuses_print,
        .explode = exit_statuses_explode,
};
