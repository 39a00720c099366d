/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "manager/base/io.h"
#include "manager/base/string-list.h"
#include "manager/become.h"
#include "manager/bus/bus.h"
#include "manager/bus/names.h"
#include "units/resolve/resolve.h"
#include "units/syntax/unit-load.h"

/* bulwarkd: options become a ManagerConfig, the loop runs, signals end it. Everything that lives hangs off one
 * Daemon on main()'s stack. */


typedef struct Daemon {
        ManagerConfig config;
        int locks[2]; /* of the runtime and the state directory, held until the end */
        sd_event *event;
        Manager *manager;
        Bus *bus;
        bool stopping;
        bool ready; /* READY=1 was sent: others may be told of reloads */
        char **argv;
        char *program;
        Inheritance inherited;
} Daemon;

/* --- options */
typedef struct Option {
        const char *name, *argument, *help;
        int (*set)(ManagerConfig *config, const char *name, const char *value, Diag *diag);
} Option;

static int set_standalone(ManagerConfig *config, const char *name, const char *value, Diag *diag) {
        config->standalone = true;
        return 0;
}

static int append_unit_path(char ***list, const char *start, size_t size, Diag *diag) {
        _cleanup_free_ char *text = NULL;
        char *path;
        int r;

        text = strndup(start, size);
        if (!text)
                return -ENOMEM;
        r = path_normalize(text, &path);
        if (r < 0)
                return diag_error(diag, ERROR_USAGE, NULL, NULL, "--unit-path=: '%s' is not an absolute path", text);
        return strv_push(list, path);
}

static int set_unit_path(ManagerConfig *config, const char *name, const char *value, Diag *diag) {
        _cleanup_strv_ char **list = NULL;
        const char *p = value;

        for (;;) {
                size_t n = strcspn(p, ":");
                int r;

                r = append_unit_path(&list, p, n, diag);
                if (r < 0)
                        return r;
                if (p[n] == '\0')
                        break;
                p += n + 1;
        }
        strv_free(config->unit_path);
        config->unit_path = TAKE_PTR(list);
        return 0;
}

static int replace_path(char **field, const char *name, const char *value, Diag *diag) {
        char *path;
        int r;

        r = path_normalize(value, &path);
        if (r < 0)
                return diag_error(diag, ERROR_USAGE, NULL, NULL, "--%s=: '%s' is not an absolute path", name, value);
        free(*field);
        *field = path;
        return 0;
}

static int set_runtime_directory(ManagerConfig *config, const char *name, const char *value, Diag *diag) {
        return replace_path(&config->runtime_directory, name, value, diag);
}

static int set_config_file(ManagerConfig *config, const char *name, const char *value, Diag *diag) {
        return replace_path(&config->config_file, name, value, diag);
}

static int set_state_directory(ManagerConfig *config, const char *name, const char *value, Diag *diag) {
        return replace_path(&config->state_directory, name, value, diag);
}

static int set_keeper(ManagerConfig *config, const char *name, const char *value, Diag *diag) {
        return replace_path(&config->keeper, name, value, diag);
}

static int set_probe(ManagerConfig *config, const char *name, const char *value, Diag *diag) {
        return replace_path(&config->probe, name, value, diag);
}

static int set_policy_helper(ManagerConfig *config, const char *name, const char *value, Diag *diag) {
        return replace_path(&config->policy_helper, name, value, diag);
}

static int set_cgroup(ManagerConfig *config, const char *name, const char *value, Diag *diag) {
        char *copy;

        if (!*value || strstr(value, ".."))
                return diag_error(diag, ERROR_USAGE, NULL, NULL, "--%s=: '%s' is no path of a cgroup", name, value);
        copy = strdup(value);
        if (!copy)
                return -ENOMEM;
        free(config->cgroup);
        config->cgroup = copy;
        return 0;
}

static int set_log_level(ManagerConfig *config, const char *name, const char *value, Diag *diag) {
        static const char *const levels[] = { "emerg",   "alert",  "crit", "err",
                                              "warning", "notice", "info", "debug" };

        for (size_t i = 0; i < ELEMENTSOF(levels); i++)
                if (streq(levels[i], value)) {
                        config->log.max_priority = (int)i;
                        return 0;
                }
        return diag_error(diag, ERROR_USAGE, NULL, NULL,
                          "--%s=: '%s' is no level; emerg, alert, crit, err, warning, notice, info and debug are",
                          name, value);
}

static int print_help(ManagerConfig *config, const char *name, const char *value, Diag *diag);

static int print_version(ManagerConfig *config, const char *name, const char *value, Diag *diag) {
        (void)puts("bulwarkd " BULWARK_VERSION);
        return -ECANCELED;
}

static const Option options[] = {
        { "standalone", NULL, "Start the keeper too, and stop all containers at the end", set_standalone },
        { "unit-path", "DIR[:DIR...]", "Where unit files are looked for, most important first", set_unit_path },
        { "config", "FILE", "What is decided for every unit (" HOST_CONFIG_DEFAULT ")", set_config_file },
        { "runtime-directory", "DIR", "Sockets and what ends with the boot (" RUNTIME_DIRECTORY_DEFAULT ")",
          set_runtime_directory },
        { "state-directory", "DIR", "Logs and what outlives the boot (" STATE_DIRECTORY_DEFAULT ")",
          set_state_directory },
        { "cgroup", "PATH", "The delegated cgroup below which containers are made", set_cgroup },
        { "keeper", "FILE", "The keeper's program", set_keeper },
        { "probe", "FILE", "The program that bulwarkctl probe runs in containers", set_probe },
        { "policy-helper", "FILE", "The program that runs the slow policy compilers", set_policy_helper },
        { "log-level", "LEVEL", "How much is logged: err, warning, notice, info, debug", set_log_level },
        { "help", NULL, "Print this help", print_help },
        { "version", NULL, "Print the version", print_version },
};

static int print_help(ManagerConfig *config, const char *name, const char *value, Diag *diag) {
        (void)puts("bulwarkd [OPTIONS...]\n\nThe manager of hardened containers.\n");
        for (size_t i = 0; i < ELEMENTSOF(options); i++) {
                const Option *o = options + i;
                char left[64];

                (void)snprintf(left, sizeof(left), "--%s%s%s", o->name, o->argument ? "=" : "", strempty(o->argument));
                (void)printf("  %-28s  %s\n", left, o->help);
        }
        (void)puts("\nSee bulwarkd(8).");
        return -ECANCELED;
}

/* For tests that leave steps out of every plan, so that the probe can be seen to notice. Names of kinds, separated by
 * commas. An environment variable, since nobody who starts a daemon types it by mistake. */
#define OMIT_VARIABLE "BULWARK_TEST_OMIT_STEPS"
/* And for tests that have the manager or its keeper die at a point of crash-points.inc. */
#define CRASH_VARIABLE "BULWARK_TEST_CRASH"

static int config_read_environment(ManagerConfig *config) {
        const char *text = getenv(OMIT_VARIABLE);
        int r = 0;

        config->crash_at = getenv(CRASH_VARIABLE);
        while (r >= 0 && text && *text) {
                size_t n = strcspn(text, ",");

                r = n > 0 ? strv_push(&config->omit_steps, strndup(text, n)) : 0;
                text += n + (text[n] == ',');
        }
        return r;
}

static int config_defaults(ManagerConfig *config) {
        *config = (ManagerConfig){ .log = { .max_priority = LOG_INFO, .prefix = getenv("JOURNAL_STREAM") != NULL } };
        config->runtime_directory = strdup(RUNTIME_DIRECTORY_DEFAULT);
        config->state_directory = strdup(STATE_DIRECTORY_DEFAULT);
        config->keeper = strdup(BULWARK_KEEPER);
        config->probe = strdup(BULWARK_PROBE);
        config->policy_helper = strdup(BULWARK_POLICY);
        if (!config->runtime_directory || !config->state_directory || !config->keeper || !config->policy_helper ||
            !config->probe)
                return -ENOMEM;
        if (config_read_environment(config) < 0)
                return -ENOMEM;
        return set_unit_path(config, "unit-path", UNIT_PATH_DEFAULT, NULL);
}

static void config_done(ManagerConfig *config) {
        strv_free(config->unit_path);
        free(config->runtime_directory);
        free(config->state_directory);
        free(config->cgroup);
        free(config->keeper);
        free(config->probe);
        strv_free(config->omit_steps);
        free(config->policy_helper);
        free(config->config_file);
}

/* -ECANCELED: the option asked for text only, which was printed. */
static int config_parse(ManagerConfig *config, int argc, char **argv, Diag *diag) {
        struct option longs[ELEMENTSOF(options) + 1] = {};
        int c;

        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                longs[i] = (struct option){ options[i].name, options[i].argument ? required_argument : no_argument,
                                            NULL, 256 + (int)i };

        while ((c = getopt_long(argc, argv, "h", longs, NULL)) >= 0) {
                const Option *o;
                int r;

                if (c == 'h')
                        return print_help(config, NULL, NULL, diag);
                if (c < 256)
                        return diag_error(diag, ERROR_USAGE, NULL, NULL, "See 'bulwarkd --help'");
                o = options + (c - 256);
                r = o->set(config, o->name, optarg, diag);
                if (r < 0)
                        return r;
        }
        if (optind < argc)
                return diag_error(diag, ERROR_USAGE, NULL, NULL,
                                  "'%s' is not understood: bulwarkd takes options only; see 'bulwarkd --help'",
                                  argv[optind]);
        if (streq(config->runtime_directory, config->state_directory))
                return diag_error(diag, ERROR_USAGE, NULL, NULL,
                                  "The runtime and the state directory are both %s; they must differ",
                                  config->runtime_directory);
        return 0;
}

/* --- the surroundings */
static void raise_descriptor_limit(const Log *log) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= limit.rlim_max)
                return;
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
                log_message(log, LOG_DEBUG, "Cannot raise the limit of open files: %s", strerror(errno));
}

/* A daemon started with closed standard descriptors would give their numbers to its sockets. */
static int open_standard_descriptors(void) {
        for (int fd = 0; fd <= STDERR_FILENO; fd++)
                if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
                        return -errno;
        return 0;
}

static int make_parents(const char *path) {
        _cleanup_free_ char *copy = strdup(path);

        if (!copy)
                return -ENOMEM;
        for (char *p = strchr(copy + 1, '/'); p; p = strchr(p + 1, '/')) {
                *p = '\0';
                if (mkdir(copy, 0755) < 0 && errno != EEXIST)
                        return -errno;
                *p = '/';
        }
        return 0;
}

static int open_directory(const char *path, const char *option, Diag *diag, int *ret_fd) {
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        mode_t saved;
        int r;

        saved = umask(0022);
        r = make_parents(path);
        if (r >= 0 && mkdir(path, 0700) < 0 && errno != EEXIST)
                r = -errno;
        (void)umask(saved);
        if (r < 0)
                return diag_errno(diag, ERROR_FAILED, NULL, NULL, -r,
                                  "Cannot make the directory %s; name a writable place with --%s=", path, option);

        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 || fstat(fd, &st) < 0)
                return diag_errno(diag, ERROR_FAILED, NULL, NULL, errno, "Cannot open the directory %s", path);
        if (st.st_uid != geteuid() || (st.st_mode & 0022) != 0)
                return diag_error(diag, ERROR_ACCESS, NULL, NULL,
                                  "Others may write to %s: it must belong to the manager's user, and neither group "
                                  "nor others may write (chown root %s; chmod 0700 %s)", path, path, path);
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* The kernel drops the lock with the process, however it ends; the number in the file is only for people. */
static int lock_directory(const char *path, const char *option, Diag *diag, int *ret_fd) {
        _cleanup_close_ int directory = -EBADF, fd = -EBADF;
        char text[24] = "";
        size_t n = 0;
        int r;

        r = open_directory(path, option, diag, &directory);
        if (r < 0)
                return r;
        fd = openat(directory, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return diag_errno(diag, ERROR_FAILED, NULL, NULL, errno, "Cannot open %s/lock", path);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                if (errno != EWOULDBLOCK)
                        return diag_errno(diag, ERROR_FAILED, NULL, NULL, errno, "Cannot lock %s", path);
                (void)read_all(fd, text, sizeof(text) - 1, &n);
                return diag_error(diag, ERROR_BUSY, NULL, NULL,
                                  "Another bulwarkd (process %ld) serves %s; stop it, or give this one a --%s= of its "
                                  "own", strtol(text, NULL, 10), path, option);
        }

        n = (size_t)snprintf(text, sizeof(text), "%ld\n", (long)getpid());
        if (ftruncate(fd, 0) < 0)
                return diag_errno(diag, ERROR_FAILED, NULL, NULL, errno, "Cannot write %s/lock", path);
        r = write_all(fd, text, n);
        if (r < 0)
                return diag_errno(diag, ERROR_NO_MEMORY, NULL, NULL, -r, "Cannot write %s/lock", path);

        *ret_fd = TAKE_FD(fd);
        return 0;
}

static int prepare(Daemon *d, Diag *diag) {
        int r;

        if (geteuid() != 0)
                return diag_error(diag, ERROR_ACCESS, NULL, NULL,
                                  "bulwarkd must be started by root: it makes namespaces, mounts and cgroups. "
                                  "bulwark-analyze verifies units and prints plans without root");
        r = lock_directory(d->config.runtime_directory, "runtime-directory", diag, &d->locks[0]);
        if (r < 0)
                return r;
        return lock_directory(d->config.state_directory, "state-directory", diag, &d->locks[1]);
}

/* --- the loop */
static void on_shutdown_done(void *userdata) {
        Daemon *d = userdata;

        log_message(&d->config.log, LOG_INFO, "All containers have stopped");
        (void)sd_event_exit(d->event, 0);
}

static int on_terminate(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata) {
        Daemon *d = userdata;
        int r;

        if (d->stopping) {
                log_message(&d->config.log, LOG_NOTICE, "Already stopping; containers get the time that they ask for");
                return 0;
        }
        d->stopping = true;
        (void)sd_notify(false, "STOPPING=1");

        if (!d->config.standalone) {
                if (bus_keeper_restarts(d->bus) && manager_remember_running(d->manager) < 0)
                        log_message(&d->config.log, LOG_ERR, "Cannot note which containers run: those that were started by hand do not come back");
                log_message(&d->config.log, LOG_INFO, "The manager ends; containers run on");
                return sd_event_exit(d->event, 0);
        }
        log_message(&d->config.log, LOG_INFO, "Stopping all containers");
        r = manager_shutdown(d->manager, on_shutdown_done, d);
        if (r < 0) {
                log_message(&d->config.log, LOG_ERR, "Cannot stop the containers: %s", strerror(-r));
                return sd_event_exit(d->event, EXIT_FAILURE);
        }
        return 0;
}

static int on_hangup(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata) {
        _cleanup_(diag_done) Diag diag = {};
        Daemon *d = userdata;

        if (manager_reload(d->manager, &diag) < 0 && diag.n_entries == 0)
                log_message(&d->config.log, LOG_ERR, "Cannot reload");
        log_diag(&d->config.log, &diag);
        return 0;
}

static void on_reloading(bool active, void *userdata) {
        Daemon *d = userdata;
        struct timespec now = {};

        if (!d->ready) /* the first load is part of the start, and is announced by READY=1 at its end */
                return;
        if (!active) {
                (void)sd_notify(false, "READY=1");
                return;
        }
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        (void)sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%llu",
                         (unsigned long long)now.tv_sec * USEC_PER_SEC + (unsigned long long)now.tv_nsec / NSEC_PER_USEC);
}

/* Clients find the private socket, and the name on the bus where there is one. */
static void on_settled(void *userdata) {
        Daemon *d = userdata;

        if (d->stopping)
                return;
        d->ready = true;
        (void)sd_notify(false, "READY=1");
}

static const ManagerListener reload_listener = { .reloading = on_reloading };

static int add_signals(Daemon *d) {
        static const struct {
                int number;
                sd_event_signal_handler_t handler;
        } rows[] = {
                { SIGTERM, on_terminate },
                { SIGINT, on_terminate },
                { SIGHUP, on_hangup },
        };
        sigset_t blocked;

        (void)sigemptyset(&blocked);
        (void)sigaddset(&blocked, SIGCHLD); /* sd-event wants it so before it watches a child */
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                (void)sigaddset(&blocked, rows[i].number);
        if (sigprocmask(SIG_BLOCK, &blocked, NULL) < 0)
                return -errno;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                int r;

                r = sd_event_add_signal(d->event, NULL, rows[i].number, rows[i].handler, d);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int become(int jobs_fd, Diag *diag, void *userdata) {
        Daemon *d = userdata;

        log_message(&d->config.log, LOG_INFO, "Executing %s again", d->program);
        return program_become(d->program, d->argv, &(Inheritance){ .listener = bus_listening_socket(d->bus), .jobs = jobs_fd }, diag);
}

static int start(Daemon *d, Diag *diag) {
        int r;

        d->config.become = become;
        d->config.become_userdata = d;
        r = sd_event_default(&d->event);
        if (r >= 0)
                r = add_signals(d);
        if (r >= 0)
                r = sd_event_set_watchdog(d->event, true);
        if (r < 0)
                return diag_errno(diag, ERROR_FAILED, NULL, NULL, -r, "Cannot set up the event loop");

        r = manager_new(&d->config, d->event, diag, &d->manager);
        if (r < 0)
                return r;
        r = manager_listen(d->manager, &reload_listener, d);
        if (r < 0)
                return r;
        r = bus_new(d->manager, d->event, diag, &d->bus);
        if (r < 0)
                return r;
        r = manager_start(d->manager, diag);
        if (r < 0)
                return r;
        if (d->inherited.jobs >= 0 && manager_take_over_jobs(d->manager, d->inherited.jobs) < 0)
                log_message(&d->config.log, LOG_ERR, "Jobs that waited while the manager was executed again are lost");
        /* last: a client that gets in sees a whole manager */
        r = d->inherited.listener >= 0 ? bus_listen_inherited(d->bus, TAKE_FD(d->inherited.listener), diag)
                                       : bus_listen_private(d->bus, diag);
        return r;
}

static void daemon_done(Daemon *d) {
        bus_close(d->bus);
        if (d->manager)
                manager_unlisten(d->manager, d);
        d->manager = manager_free(d->manager);
        d->bus = bus_free(d->bus);
        d->event = sd_event_unref(d->event);
        for (size_t i = 0; i < ELEMENTSOF(d->locks); i++)
                d->locks[i] = safe_close(d->locks[i]);
        (void)safe_close(d->inherited.listener);
        (void)safe_close(d->inherited.jobs);
        free(d->program);
        config_done(&d->config);
}

static int run(Daemon *d, Diag *diag) {
        int r;

        (void)umask(0077);
        (void)signal(SIGPIPE, SIG_IGN);
        raise_descriptor_limit(&d->config.log);
        if (d->config.omit_steps)
                log_message(&d->config.log, LOG_WARNING,
                            "$" OMIT_VARIABLE " is set: steps are left out of every plan, no container is confined as its "
                            "unit says. This is for tests only");
        if (d->config.crash_at)
                log_message(&d->config.log, LOG_WARNING, "$" CRASH_VARIABLE " is set: something will die. This is for tests only");
        r = prepare(d, diag);
        if (r < 0)
                return r;
        r = start(d, diag);
        if (r < 0)
                return r;
        log_diag(&d->config.log, diag); /* warnings of the start */
        diag_done(diag);

        log_message(&d->config.log, LOG_INFO, "bulwarkd " BULWARK_VERSION " serves %s/%s", d->config.runtime_directory,
                    PRIVATE_SOCKET);
        bus_join_system(d->bus, on_settled, d);
        d->inherited.jobs = safe_close(d->inherited.jobs);
        r = sd_event_loop(d->event);
        if (r < 0)
                return diag_errno(diag, ERROR_FAILED, NULL, NULL, -r, "The event loop failed");
        return r == 0 ? 0 : -EIO;
}

/* A command line and a bulwarkd.conf that nothing but a person can mend have codes of their own: the unit does not try them
 * again. */
static int exit_code(const Diag *diag) {
        int status = diag->n_errors > 0 ? error_code_exit_status(diag_first_code(diag)) : EXIT_FAILURE;

        return status == error_code_exit_status(ERROR_USAGE) || status == error_code_exit_status(ERROR_SYNTAX) ? status :
                                                                                                             EXIT_FAILURE;
}

int main(int argc, char **argv) {
        _cleanup_(daemon_done) Daemon d = { .locks = { -EBADF, -EBADF }, .argv = argv, .inherited = { -EBADF, -EBADF } };
        _cleanup_(diag_done) Diag diag = {};
        int r;

        if (open_standard_descriptors() < 0)
                return EXIT_FAILURE;
        program_inherited(&d.inherited);
        /* We run for long, and start what runs for longer: nothing that somebody left open in us stays. */
        r = close_all_but((const int[]){ d.inherited.listener, d.inherited.jobs }, 2);
        if (r >= 0)
                r = program_path(argv[0], &d.program);
        if (r >= 0)
                r = config_defaults(&d.config);
        if (r >= 0)
                r = config_parse(&d.config, argc, argv, &diag);
        if (r == -ECANCELED)
                return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        if (r >= 0) {
                d.config.log.stamp = !d.config.log.prefix; /* the journal has stamps of its own */
                r = run(&d, &diag);
        }
        if (r >= 0)
                return EXIT_SUCCESS;

        log_diag(&d.config.log, &diag);
        if (diag.n_entries == 0)
                log_message(&d.config.log, LOG_ERR, "bulwarkd failed: %s", strerror(-r));
        return exit_code(&diag);
}
