/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bulwark-policy: what is slow about policies runs here, beside the manager's loop. Lines on standard output are progress for
 * people; standard error has what went wrong, the first line first. */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/stat.h>

#include "manager/base/io.h"
#include "policies/selinux/label.h"
#include "policies/selinux/store.h"

#define TEXT_MAX (16U << 20)

/* What the base module's file contexts speak of. */
static const char *const own_paths[] = { BULWARK_LIBEXECDIR, BULWARK_CONTROL, "/run/bulwark", "/var/lib/bulwark" };

static int verb_install(const StoreOptions *options, char **arguments) {
        const char *path = arguments[0] ? arguments[0] : BULWARK_BASE_MODULE;
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r;

        r = fd < 0 ? -errno : read_file(fd, TEXT_MAX, &text, &size);
        if (r < 0) {
                (void)fprintf(stderr, "cannot read %s: %s\n", path, strerror(-r));
                return r;
        }
        r = store_install(options, text, size);
        for (size_t i = 0; r >= 0 && !options->root && i < ELEMENTSOF(own_paths); i++) {
                r = store_restore_labels(own_paths[i]);
                if (r < 0)
                        (void)fprintf(stderr, "cannot label %s: %s\n", own_paths[i], strerror(-r));
        }
        return r;
}

/* A process whose domain goes is unlabeled, may do nothing any more, and nothing brings it back. */
static bool has_our_domain(const char *pid) {
        char path[300], label[256];
        _cleanup_close_ int fd = -EBADF;
        const char *type;
        ssize_t n;

        (void)snprintf(path, sizeof(path), "/proc/%s/attr/current", pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        n = fd < 0 ? -1 : read(fd, label, sizeof(label) - 1);
        if (n <= 0)
                return false;
        label[n] = 0;
        type = strchr(label, ':');
        type = type ? strchr(type + 1, ':') : NULL;
        return type && (startswith(type, ":bulwark") || startswith(type, ":bw_"));
}

static int check_unused(void) {
        DIR *d = opendir("/proc");
        const struct dirent *e;
        int r = 0;

        if (!d)
                return -errno;
        while (r == 0 && (e = readdir(d)))
                if (isdigit((unsigned char)e->d_name[0]) && has_our_domain(e->d_name)) {
                        (void)fprintf(stderr, "process %s runs in a domain of Bulwark's and would be lost with it; stop all "
                                              "containers and the manager first\n", e->d_name);
                        r = -EBUSY;
                }
        (void)closedir(d);
        return r;
}

static int verb_remove(const StoreOptions *options, char **arguments) {
        int r = options->root || options->no_reload ? 0 : check_unused();

        return r < 0 ? r : store_remove(options);
}

static int verb_sync(const StoreOptions *options, char **arguments) {
        _cleanup_free_ char *text = malloc(TEXT_MAX + 1);
        size_t size = 0;
        int r;

        if (!text)
                return -ENOMEM;
        (void)lseek(STDIN_FILENO, 0, SEEK_SET); /* a memfd stands where its writer left it */
        r = read_all(STDIN_FILENO, text, TEXT_MAX + 1, &size);
        if (r < 0 || size > TEXT_MAX) {
                (void)fprintf(stderr, "cannot read the module: %s\n", r < 0 ? strerror(-r) : "it is too large");
                return r < 0 ? r : -EFBIG;
        }
        text[size] = 0;
        if (strlen(text) != size) {
                (void)fprintf(stderr, "the module is no text\n");
                return -EBADMSG;
        }
        return store_sync(options, text);
}

static int verb_label(const StoreOptions *options, char **arguments) {
        return label_tree(arguments[0], arguments[1]);
}

static const struct {
        const char *name, *arguments, *help;
        int least, most;
        bool store;
        int (*run)(const StoreOptions *options, char **arguments);
} verbs[] = {
        { "install", "[FILE]", "Put Bulwark's base module into the host's SELinux policy", 0, 1, true, verb_install },
        { "remove", "", "Take it out again, with what was generated for units", 0, 0, true, verb_remove },
        { "sync", "", "Make the text on standard input the one module of all units", 0, 0, true, verb_sync },
        { "label", "PATH CONTEXT", "Give a volume and all in it a label", 2, 2, false, verb_label },
};

static int help(void) {
        (void)printf("bulwark-policy [--root=DIRECTORY] [--no-reload] VERB\n\n");
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                (void)printf("  %-8s %-13s %s\n", verbs[i].name, verbs[i].arguments, verbs[i].help);
        return 0;
}

static int usage(void) {
        (void)fprintf(stderr, "usage: bulwark-policy [--root=DIRECTORY] [--no-reload] VERB; see --help\n");
        return 2;
}

int main(int argc, char **argv) {
        static const struct option known[] = { { "root", required_argument, NULL, 'r' },
                                               { "no-reload", no_argument, NULL, 'n' },
                                               { "help", no_argument, NULL, 'h' },
                                               {} };
        StoreOptions options = {};
        int c;

        while ((c = getopt_long(argc, argv, "+h", known, NULL)) >= 0)
                switch (c) {
                case 'r':
                        options.root = optarg;
                        break;
                case 'n':
                        options.no_reload = true;
                        break;
                case 'h':
                        return help();
                default:
                        return usage();
                }
        for (size_t i = 0; optind < argc && i < ELEMENTSOF(verbs); i++) {
                const int n = argc - optind - 1;

                if (!streq(verbs[i].name, argv[optind]))
                        continue;
                if (n < verbs[i].least || n > verbs[i].most)
                        return usage();
                if (verbs[i].store && store_available() < 0) {
                        (void)fprintf(stderr, "this Bulwark was built without libsemanage and cannot change the SELinux policy\n");
                        return 1;
                }
                return verbs[i].run(&options, argv + optind + 1) < 0 ? 1 : 0;
        }
        return usage();
}
