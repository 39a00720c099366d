/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/ioctl.h>

#include "tools/bulwarkctl/terminal.h"

int terminal_resume(Terminal *t) {
        struct termios raw;

        if (t->fd < 0)
                return 0;
        raw = t->saved;
        cfmakeraw(&raw);
        if (tcsetattr(t->fd, TCSADRAIN, &raw) < 0)
                return -errno;
        t->raw = true;
        return 0;
}

int terminal_enter(Terminal *t, int fd) {
        *t = (Terminal){ .fd = -EBADF };
        if (!isatty(fd))
                return 0;
        if (tcgetattr(fd, &t->saved) < 0)
                return -errno;
        t->fd = fd;
        return terminal_resume(t);
}

void terminal_leave(Terminal *t) {
        if (t->raw)
                (void)tcsetattr(t->fd, TCSADRAIN, &t->saved);
        t->raw = false;
}

int terminal_size(int fd, unsigned *ret_rows, unsigned *ret_columns) {
        struct winsize size;

        if (ioctl(fd, TIOCGWINSZ, &size) < 0)
                return -errno;
        *ret_rows = size.ws_row;
        *ret_columns = size.ws_col;
        return 0;
}

int terminal_set_size(int fd, unsigned rows, unsigned columns) {
        struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns };

        return ioctl(fd, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

bool term_is_safe(const char *term) {
        size_t n = strlen(strempty(term));

        return n > 0 && n <= 64 &&
               strspn(term, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+._-") == n;
}

bool escape_watch(EscapeWatch *w, const char *data, size_t size, uint64_t now_usec) {
        for (size_t i = 0; i < size; i++) {
                if (data[i] != ESCAPE_CHARACTER) {
                        w->n = 0;
                        continue;
                }
                if (w->n == 0 || now_usec - w->first_usec > ESCAPE_USEC) {
                        w->n = 0;
                        w->first_usec = now_usec;
                }
                if (++w->n == ESCAPE_COUNT)
                        return true;
        }
        return false;
}
