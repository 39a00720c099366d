/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a payload reads: bytes that are in a pipe before it runs, or nothing. Never a file of the host, which could be opened
 * once more through /proc/self/fd. */
#include <fcntl.h>
#include <sys/stat.h>

#include "manager/base/io.h"
#include "manager/container/container-internal.h"

#define INPUT_FILE_MAX (1U << 20) /* what a pipe can be made to hold: /proc/sys/fs/pipe-max-size */

typedef struct InputBytes {
        char *data;
        size_t size;
} InputBytes;

static void input_bytes_done(InputBytes *b) {
        free(b->data);
        *b = (InputBytes){};
}

static int input_of_lines(char *const *lines, InputBytes *b) {
        for (; lines && *lines; lines++) {
                const size_t n = strlen(*lines);
                char *grown = realloc(b->data, b->size + n + 1);

                if (!grown)
                        return -ENOMEM;
                b->data = grown;
                memcpy(b->data + b->size, *lines, n);
                b->size += n;
                b->data[b->size++] = '\n';
        }
        return 0;
}

static int input_of_data(const value_input_data *v, InputBytes *b) {
        if (v->size == 0)
                return 0;
        b->data = malloc(v->size);
        if (!b->data)
                return -ENOMEM;
        memcpy(b->data, v->bytes, v->size);
        b->size = v->size;
        return 0;
}

static int input_of_file(const Container *c, const char *path, const Origin *origin, Diag *diag, InputBytes *b) {
        _cleanup_(held_path_done) HeldPath held = HELD_PATH_EMPTY;
        _cleanup_close_ int fd = -EBADF;
        PathMistake mistake;
        struct stat st;
        ssize_t n;
        int r;

        r = held_path_open(path, &c->manager->trees, 0, &held);
        if (r < 0)
                return held_path_report(&held, r, diag, ERROR_MISSING, origin, "StandardInput", path);
        if (fstat(held.fd, &st) < 0)
                return -errno;
        mistake = path_check_read(held.writer, &st);
        if (mistake != PATH_MISTAKE_NONE)
                return diag_error(diag, mistake == PATH_MISTAKE_KIND ? ERROR_BAD_VALUE : ERROR_POLICY, origin, "StandardInput",
                                  "\"%s\" %s", path, path_mistake_words(mistake));
        r = held_path_reopen(&held, O_RDONLY, &fd);
        if (r < 0)
                return diag_errno(diag, ERROR_MISSING, origin, "StandardInput", -r, "cannot open \"%s\"", path);
        b->data = malloc(INPUT_FILE_MAX + 1);
        if (!b->data)
                return -ENOMEM;
        while (b->size <= INPUT_FILE_MAX && (n = read(fd, b->data + b->size, INPUT_FILE_MAX + 1 - b->size)) != 0) {
                if (n < 0)
                        return diag_errno(diag, ERROR_FAILED, origin, "StandardInput", errno, "cannot read \"%s\"", path);
                b->size += (size_t)n;
        }
        if (b->size > INPUT_FILE_MAX)
                return diag_error(diag, ERROR_BAD_VALUE, origin, "StandardInput",
                                  "\"%s\" is longer than %u bytes; bind it with BindReadOnlyPaths= and let the command read it",
                                  path, INPUT_FILE_MAX);
        return 0;
}

/* As large as needed, so that all is in it before anybody reads. */
static int input_pipe(const InputBytes *b, int *ret_fd) {
        _cleanup_close_ int ours = -EBADF, theirs = -EBADF;
        int fds[2], r;

        r = pipe_for_payload(false, fds);
        if (r < 0)
                return r;
        ours = fds[1];
        theirs = fds[0];
        if (b->size > INPUT_DATA_MAX && fcntl(ours, F_SETPIPE_SZ, (int)b->size) < 0)
                return -errno;
        if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
                return -errno;
        for (size_t at = 0; at < b->size;) {
                const ssize_t n = write(ours, b->data + at, b->size - at);

                if (n < 0)
                        return errno == EAGAIN ? -ENOSPC : -errno;
                at += (size_t)n;
        }
        *ret_fd = TAKE_FD(theirs);
        return 0;
}

int input_open(const Container *c, Diag *diag, int *ret_fd) {
        const ContainerSpec *spec = c->spec;
        const Origin *origin = container_spec_origin(spec, DIRECTIVE_StandardInput);
        _cleanup_(input_bytes_done) InputBytes bytes = {};
        int r = 0;

        switch (spec->standard_input.kind) {
        case INPUT_UNSET:
        case INPUT_DATA:
                r = input_of_lines(spec->standard_input_text, &bytes);
                if (r >= 0 && bytes.size == 0)
                        r = input_of_data(&spec->standard_input_data, &bytes);
                break;
        case INPUT_FILE:
                r = input_of_file(c, spec->standard_input.path, origin, diag, &bytes);
                break;
        case INPUT_NULL:
        case _INPUT_MAX:
                break;
        }
        if (r < 0)
                return r;
        if (bytes.size == 0 && spec->standard_input.kind != INPUT_DATA && spec->standard_input.kind != INPUT_FILE) {
                *ret_fd = open("/dev/null", O_RDONLY | O_CLOEXEC | O_NOCTTY);
                return *ret_fd < 0 ? -errno : 0;
        }
        r = input_pipe(&bytes, ret_fd);
        if (r < 0)
                return diag_errno(diag, ERROR_FAILED, origin, "StandardInput", -r, "cannot give %zu bytes as standard input", bytes.size);
        return 0;
}
