/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* import: opens what was named, has a confined child read it, puts what the child made into the store. */
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "manager/base/io.h"
#include "tools/bulwark-image/command.h"
#include "tools/bulwark-image/confine.h"
#include "tools/bulwark-image/ingest.h"
#include "tools/bulwark-image/store-write.h"

typedef struct Import {
        const char *source;
        IngestJob job;
        int lock_fd;       /* borrowed; the child holds the lock, too: it may live a moment longer */
        char *path, *tag; /* owned */
} Import;

static void import_done(Import *i) {
        (void)safe_close(i->job.source_fd);
        free(i->path);
        free(i->tag);
}

/* PATH[:TAG]: the whole is a path where such a file is. */
static int import_split(Import *i, const char *rest) {
        char *colon, *slash;

        i->path = strdup(rest);
        if (!i->path)
                return -ENOMEM;
        slash = strrchr(i->path, '/');
        colon = strrchr(slash ? slash : i->path, ':');
        if (!source_kind_has_tag(i->job.kind) || !colon || access(i->path, F_OK) >= 0)
                return 0;
        *colon = 0;
        i->tag = strdup(colon + 1);
        return i->tag ? 0 : -ENOMEM;
}

static int import_open(Import *i, Diag *diag) {
        bool directory;
        const char *rest;
        struct stat st;
        int r;

        i->job.kind = source_kind(i->source, &rest);
        directory = source_kind_is_directory(i->job.kind);
        r = import_split(i, rest);
        if (r < 0)
                return r;
        i->job.tag = i->tag;
        i->job.source_fd = open(i->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (directory ? O_DIRECTORY : 0));
        if (i->job.source_fd < 0 || fstat(i->job.source_fd, &st) < 0)
                return diag_errno(diag, ERROR_MISSING, NULL, NULL, errno, "cannot open %s", i->path);
        if (!directory && !S_ISREG(st.st_mode))
                return diag_error(diag, ERROR_BAD_VALUE, NULL, NULL,
                                  S_ISDIR(st.st_mode) ? "%s is a directory; an image layout is imported as oci:%s" : "%s is no regular file", i->path,
                                  i->path);
        return 0;
}

/* The end of the parent is the child's. */
static _Noreturn void import_child(const Import *i, pid_t parent) {
        __attribute__((cleanup(diag_done))) Diag diag = {};
        const int keep[] = { i->job.source_fd, i->job.store_fd, i->job.txn_fd, i->lock_fd };
        int r;

        if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
                _exit(EXIT_FAILURE);
        r = close_all_but(keep, ELEMENTSOF(keep));
        if (r >= 0)
                r = confine_self(i->job.txn_fd, keep, 2, &diag);
        if (r >= 0)
                r = ingest(&i->job, &diag);
        command_report(&diag);
        _exit(r < 0 ? error_code_exit_status(diag_first_code(&diag)) : EXIT_SUCCESS);
}

static int import_run(const Import *i, Diag *diag) {
        const pid_t parent = getpid();
        pid_t pid;
        int status;

        (void)fflush(NULL);
        pid = fork();
        if (pid == 0)
                import_child(i, parent);
        while (pid > 0 && waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return diag_errno(diag, ERROR_FAILED, NULL, NULL, errno, "cannot wait for the reader");
        if (pid < 0)
                return diag_errno(diag, ERROR_FAILED, NULL, NULL, errno, "cannot start the reader");
        if (WIFSIGNALED(status))
                return diag_error(diag, ERROR_FAILED, NULL, NULL, "the reader was killed by signal %d; nothing was imported", WTERMSIG(status));
        if (WEXITSTATUS(status) != EXIT_SUCCESS) /* the reader has told why */
                return diag_error(diag, WEXITSTATUS(status) == error_code_exit_status(ERROR_BAD_VALUE) ? ERROR_BAD_VALUE : ERROR_FAILED, NULL, NULL,
                                  "nothing was imported");
        return 0;
}

/* What is to be called how: as asked, as the source says, as its file is called. */
static int import_name(const Import *i, const CommandOptions *o, char **ret) {
        _cleanup_free_ char *told = NULL, *plain = NULL, *path = NULL, *built = NULL;
        char *base, *dot;
        size_t size;

        if (o->n_arguments > 1)
                return image_name_normalize(o->arguments[1], ret);
        if (image_store_read(i->job.txn_fd, "name", IMAGE_NAME_MAX, &told, &size) >= 0 && strpbrk(told, ":/"))
                return image_name_normalize(told, ret);
        path = strdup(i->path);
        if (!path)
                return -ENOMEM;
        base = basename(path);
        for (dot = base; (dot = strchr(dot + 1, '.'));)
                if (startswith(dot, ".tar") || startswith(dot, ".tgz"))
                        *dot = 0;
        plain = strdup(base);
        if (!plain || str_append(&built, "%s%s%s", plain, told || i->tag ? ":" : "", told ? told : strempty(i->tag)) < 0)
                return -ENOMEM;
        return image_name_normalize(built, ret);
}

static int import_check_name(const CommandOptions *o, Diag *diag) {
        _cleanup_free_ char *name = NULL;

        if (o->n_arguments < 2 || image_name_normalize(o->arguments[1], &name) >= 0)
                return 0;
        return diag_error(diag, ERROR_USAGE, NULL, NULL, "\"%s\" is no name for an image: [HOST/]NAME[:TAG], in lower case", o->arguments[1]);
}

static int import_finish(Store *s, const Import *i, const CommandOptions *o, Diag *diag) {
        _cleanup_(image_record_freep) ImageRecord *record = NULL;
        _cleanup_free_ char *name = NULL;
        char hex[DIGEST_HEX_SIZE];
        int r = import_name(i, o, &name);

        if (r < 0)
                return diag_error(diag, ERROR_USAGE, NULL, NULL, "%s gives the image no name that it can have here; name it: import SOURCE NAME",
                                  i->source);
        r = store_commit(s, i->job.txn_fd, diag, &record);
        if (r >= 0)
                r = store_set_ref(s, name, &record->manifest, diag);
        if (r < 0)
                return r;
        digest_to_hex(&record->manifest, hex);
        if (!o->quiet)
                printf("%s sha256:%s\n", name, hex);
        return 0;
}

int command_import(const CommandOptions *o, Diag *diag) {
        __attribute__((cleanup(import_done))) Import i = { .source = o->arguments[0], .job = { .source_fd = -EBADF } };
        _cleanup_close_ int txn_fd = -EBADF;
        _cleanup_store_ Store s = STORE_INIT;
        _cleanup_free_ char *txn = NULL;
        struct timespec now;
        int r = import_check_name(o, diag);

        if (r >= 0)
                r = import_open(&i, diag);
        if (r >= 0)
                r = store_open(o->store, STORE_ADD, diag, &s);
        if (r >= 0)
                r = store_begin(&s, diag, &txn, &txn_fd);
        if (r < 0)
                return r;
        (void)clock_gettime(CLOCK_REALTIME, &now);
        i.job.source = o->arguments[0];
        i.job.store_fd = s.fd;
        i.job.txn_fd = txn_fd;
        i.lock_fd = s.lock_fd;
        i.job.now_usec = (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
        r = import_run(&i, diag);
        if (r >= 0)
                r = import_finish(&s, &i, o, diag);
        store_end(&s, txn);
        return r;
}
