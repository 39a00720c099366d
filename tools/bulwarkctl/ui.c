/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "manager/base/string-list.h"
#include "tools/bulwarkctl/escape.h"
#include "tools/bulwarkctl/ui.h"

static const char *const colors[_COLOR_MAX] = {
        [COLOR_NONE] = "",           [COLOR_RED] = "\x1b[1;31m",      [COLOR_GREEN] = "\x1b[1;32m",
        [COLOR_YELLOW] = "\x1b[33m", [COLOR_BOLD] = "\x1b[1m", [COLOR_UNDERLINE] = "\x1b[4m",
        [COLOR_DIM] = "\x1b[2m",
};

static const struct {
        const char *utf8, *ascii;
} glyphs[_GLYPH_MAX] = {
        [GLYPH_DOT] = {"●", "*"},      [GLYPH_CIRCLE] = {"○", "*"}, [GLYPH_CROSS] = {"×", "x"},
        [GLYPH_BRANCH] = {"├─", "|-"}, [GLYPH_LAST] = {"└─", "`-"}, [GLYPH_BAR] = {"│ ", "| "},
        [GLYPH_ELLIPSIS] = {"…", "~"},
};

/* setlocale() would read files on each start; the variables say the same. */
static bool locale_is_utf8(void) {
        static const char *const variables[] = { "LC_ALL", "LC_CTYPE", "LANG" };

        for (size_t i = 0; i < ELEMENTSOF(variables); i++) {
                const char *value = getenv(variables[i]);

                if (!isempty(value))
                        return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
        }
        return false;
}

static size_t terminal_width(void) {
        const char *text = getenv("COLUMNS");
        struct winsize size;

        if (!isempty(text)) {
                char *end;
                unsigned long n = strtoul(text, &end, 10);

                if (!*end && isdigit((unsigned char)text[0]) && n >= 10 && n <= USHRT_MAX)
                        return n;
        }
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) >= 0 && size.ws_col >= 10)
                return size.ws_col;
        return 80;
}

void ui_init(Ui *ui) {
        const char *term = getenv("TERM");

        *ui = (Ui){ .terminal = isatty(STDOUT_FILENO), .utf8 = locale_is_utf8(), .width = SIZE_MAX };
        if (!ui->terminal)
                return;
        ui->colors = !getenv("NO_COLOR") && !isempty(term) && !streq(term, "dumb");
        ui->width = terminal_width();
}

const char *ui_color(const Ui *ui, Color c) {
        return ui->colors ? colors[c] : "";
}

const char *ui_reset(const Ui *ui) {
        return ui->colors ? "\x1b[0m" : "";
}

const char *ui_glyph(const Ui *ui, Glyph g) {
        return ui->utf8 ? glyphs[g].utf8 : glyphs[g].ascii;
}

/* The child's last resort, so that text is never lost for want of a pager. */
static void copy_through(void) {
        char buffer[4096];
        ssize_t n;

        while ((n = read(STDIN_FILENO, buffer, sizeof(buffer))) > 0)
                for (ssize_t done = 0; done < n;) {
                        ssize_t k = write(STDOUT_FILENO, buffer + done, (size_t)(n - done));

                        if (k < 0)
                                return;
                        done += k;
                }
}

static void run_pager(const char *command) {
        (void)setenv("LESS", "FRSX", 0);
        (void)setenv("LESSCHARSET", "utf-8", 0);
        if (command)
                (void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        (void)execlp("less", "less", (char *)NULL);
        (void)execlp("more", "more", (char *)NULL);
        copy_through();
}

void ui_pager_open(Ui *ui, bool wanted) {
        const char *command = getenv("PAGER");
        int fds[2];
        pid_t pid;

        if (!wanted || !ui->terminal || ui->pager > 0)
                return;
        if (command && (!*command || streq(command, "cat")))
                return;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return;
        (void)fflush(stdout);
        pid = fork();
        if (pid < 0) {
                safe_close(fds[0]);
                safe_close(fds[1]);
                return;
        }
        if (pid == 0) {
                if (dup2(fds[0], STDIN_FILENO) >= 0)
                        run_pager(command);
                _exit(EXIT_FAILURE);
        }
        ui->pager = pid;
        (void)dup2(fds[1], STDOUT_FILENO);
        safe_close(fds[0]);
        safe_close(fds[1]);
        /* ^C is the pager's; leaving it alone with the terminal would garble both. */
        (void)signal(SIGINT, SIG_IGN);
        (void)signal(SIGPIPE, SIG_IGN);
}

void ui_pager_close(Ui *ui) {
        if (ui->pager <= 0)
                return;
        (void)fflush(stdout);
        (void)close(STDOUT_FILENO);
        while (waitpid(ui->pager, NULL, 0) < 0 && errno == EINTR)
                ;
        ui->pager = 0;
}

void error_print(const char *context, const char *message) {
        _cleanup_free_ char *text = escape_text(strempty(message), ESCAPE_LINES);
        size_t n;

        if (!text)
                text = strdup("out of memory");
        n = strlen(strempty(text));
        while (n > 0 && text[n - 1] == '\n')
                text[--n] = 0;

        (void)fflush(stdout);
        if (!context)
                fprintf(stderr, "Error: %s\n", strempty(text));
        else if (isempty(text))
                fprintf(stderr, "Error: %s\n", context);
        else if (!strchr(text, '\n'))
                fprintf(stderr, "Error: %s: %s\n", context, text);
        else
                fprintf(stderr, "Error: %s:\n%s\n", context, text);
}

void error_printf(const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&text, format, ap);
        va_end(ap);
        if (n < 0)
                text = NULL;
        error_print(NULL, text ? text : "out of memory");
}
