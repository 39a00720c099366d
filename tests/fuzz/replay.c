/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs a fuzz target over its corpus without libFuzzer, so that every input ever found is an ordinary test:
 * replay FILE|DIRECTORY... One TAP line for each input. */

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path, unsigned *count) {
        uint8_t *data = NULL;
        size_t size = 0;
        struct stat st;
        FILE *f;

        f = fopen(path, "re");
        if (!f || fstat(fileno(f), &st) < 0) {
                fprintf(stderr, "%s: %s\n", path, strerror(errno));
                return -errno;
        }
        /* Exactly as long as the input: a sanitizer sees a read past its end. */
        data = malloc((size_t)st.st_size);
        if (!data) {
                fclose(f);
                return -ENOMEM;
        }
        size = fread(data, 1, (size_t)st.st_size, f);
        fclose(f);

        (void)LLVMFuzzerTestOneInput(data, size);
        free(data);
        printf("ok %u - %s\n", ++*count, path);
        return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b) {
        return strcmp((*a)->d_name, (*b)->d_name);
}

static int replay(const char *path, unsigned *count) {
        struct dirent **entries = NULL;
        struct stat st;
        int n, r = 0;

        if (stat(path, &st) < 0) {
                fprintf(stderr, "%s: %s\n", path, strerror(errno));
                return -errno;
        }
        if (!S_ISDIR(st.st_mode))
                return replay_file(path, count);

        n = scandir(path, &entries, NULL, by_name);
        for (int i = 0; i < n; i++) {
                char *child = NULL;

                if (entries[i]->d_name[0] != '.' && r >= 0) {
                        if (asprintf(&child, "%s/%s", path, entries[i]->d_name) < 0)
                                r = -ENOMEM;
                        else
                                r = replay(child, count);
                }
                free(child);
                free(entries[i]);
        }
        free(entries);
        return n < 0 ? -EIO : r;
}

int main(int argc, char **argv) {
        unsigned count = 0;

        for (int i = 1; i < argc; i++)
                if (replay(argv[i], &count) < 0)
                        return 1;
        if (count == 0) {
                fprintf(stderr, "no input: a target without a corpus proves nothing\n");
                return 1;
        }
        printf("1..%u\n", count);
        return 0;
}
