/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bulwarkctl as a whole program against a manager of canned answers: what it prints and how it exits. */
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

#include <cmocka.h>

#include "manager/base/util.h"
#include "tests/unit/bulwarkctl/fake-manager.h"

#define LOG_LINES 25

typedef struct Fixture {
        char directory[64];
        pid_t manager;
} Fixture;

static void write_text(const char *directory, const char *name, const char *text) {
        char path[256];
        FILE *f;

        (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
        f = fopen(path, "w");
        assert_non_null(f);
        fputs(text, f);
        assert_int_equal(fclose(f), 0);
}

static void make_directory(const char *directory, const char *name) {
        char path[256];

        (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
        assert_int_equal(mkdir(path, 0700), 0);
}

static void remove_at(const char *directory, const char *name) {
        char path[256];

        (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
        (void)remove(path);
}

static int setup(void **state) {
        Fixture *f = calloc(1, sizeof(Fixture));
        char log[4096] = "";

        assert_non_null(f);
        strcpy(f->directory, "/tmp/bulwarkctl-XXXXXX");
        assert_non_null(mkdtemp(f->directory));
        make_directory(f->directory, "logs");
        make_directory(f->directory, "logs/web");
        for (unsigned i = 1; i <= LOG_LINES; i++)
                (void)sprintf(log + strlen(log), "%u000000 6 line %u\n", 1700000000 + i, i);
        write_text(f->directory, "logs/web/log.1", log);
        write_text(f->directory, "logs/web/log", "1700000100000000 3e last \x1b[31m\xff line\n");
        write_text(f->directory, "web.container", "[Container]\nRootDirectory=/srv/web\n");
        setenv("BULWARK_RUNTIME_DIRECTORY", f->directory, 1);
        setenv("TZ", "UTC", 1);
        setenv("LC_ALL", "C.UTF-8", 1);
        setenv("TERM", "xterm-256color", 1);
        f->manager = fake_manager_start(f->directory);
        assert_true(f->manager > 0);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        static const char *const names[] = {"logs/web/log.1", "logs/web/log", "logs/web", "logs",
                                            "web.container",  "private",      ""};
        Fixture *f = *state;

        fake_manager_stop(f->manager);
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                remove_at(f->directory, names[i]);
        free(f);
        return 0;
}

/* --- running the program */
typedef struct Run {
        int status; /* exit code, or 128 + signal */
        char out[65536], err[8192];
} Run;

static int wait_status(pid_t pid) {
        int status;

        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static pid_t start(char *const *argv, int in, int out, int err) {
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                (void)dup2(in, 0);
                (void)dup2(out, 1);
                (void)dup2(err, 2);
                execv(BULWARKCTL, argv);
                _exit(126);
        }
        return pid;
}

/* Arguments separated by blanks; '|' in an argument stands for a blank. */
static void split(const char *line, char *buffer, size_t size, char **argv, size_t max) {
        size_t n = 0;

        (void)snprintf(buffer, size, "bulwarkctl %s", line);
        for (char *word = strtok(buffer, " "); word && n + 1 < max; word = strtok(NULL, " ")) {
                for (char *p = word; *p; p++)
                        if (*p == '|')
                                *p = ' ';
                argv[n++] = word;
        }
        argv[n] = NULL;
}

static void slurp(int fd, char *buffer, size_t size) {
        ssize_t n = pread(fd, buffer, size - 1, 0);

        assert_true(n >= 0);
        buffer[n] = 0;
        (void)close(fd);
}

static void run(Run *r, const char *line, const char *input) {
        int in = memfd_create("in", MFD_CLOEXEC), out = memfd_create("out", MFD_CLOEXEC),
            err = memfd_create("err", MFD_CLOEXEC);
        char buffer[1024], *argv[32];

        split(line, buffer, sizeof(buffer), argv, ELEMENTSOF(argv));
        assert_int_equal(write(in, input, strlen(input)), (ssize_t)strlen(input));
        assert_int_equal(lseek(in, 0, SEEK_SET), 0);
        r->status = wait_status(start(argv, in, out, err));
        slurp(out, r->out, sizeof(r->out));
        slurp(err, r->err, sizeof(r->err));
        (void)close(in);
}

/* --- the table: a line, its exit code, what must stand on standard output and standard error */
typedef struct Case {
        const char *line;
        int status;
        const char *out, *err; /* parts; NULL = empty */
} Case;

static const Case cases[] = {
        /* usage */
        { "", 2, NULL, "a command is missing" },
        { "strat web", 2, NULL, "did you mean \"start\"" },
        { "list --lines=3", 2, NULL, "--lines has no meaning for \"list\"" },
        { "kill -s NOSUCH web", 2, NULL, "SIGTERM" },
        { "start --wait --no-block web", 2, NULL, "contradict" },
        { "exec web", 2, NULL, "needs more arguments" },
        { "logs -g ( web", 2, NULL, "\"(\" is no value for --grep: it is no regular expression" },
        { "logs -p loud web", 2, NULL, "\"loud\" is no value for --priority: give emerg, alert" },
        { "-p loud logs web", 2, NULL, "no value for --priority" },
        { "-p Id,SubState show web --value", 0, "web\nrunning\n", NULL },
        { "-p Id list", 2, NULL, "--property has no meaning for \"list\"" },
        { "logs --since=soon web", 2, NULL, "\"soon\" is no value for --since: give a time such as" },
        { "logs -f --until=now web", 2, NULL, "contradict" },
        { "logs --since=now --until=1h|ago web", 2, NULL, "nothing lies between" },
        { "--version", 0, "bulwark ", NULL },
        { "--help", 0, "Exit codes: 0 success", NULL },
        { "exec --help", 0, "--workdir=DIRECTORY", NULL },
        /* the manager cannot be reached */
        { "--runtime-directory=/nonexistent list", 7, NULL, "/nonexistent/private" },
        { "--runtime-directory=/nonexistent start web", 7, NULL, "Start bulwarkd" },
        /* jobs */
        { "start web", 0, NULL, NULL },
        { "start web.container", 0, NULL, NULL },
        { "start early", 0, NULL, NULL },
        { "start --no-block broke", 0, NULL, NULL },
        { "start broke", 1, NULL, "Error: cannot start broke:\nstep 7 failed\nweb.container:3: mount\n" },
        { "start refuse", 5, NULL,
         "cannot start refuse: the filter cannot be compiled; \"bulwarkctl status refuse\"" },
        { "start nope", 4, NULL, "cannot start nope: no unit of that name" },
        { "start secret", 6, NULL, "Error: cannot start secret" },
        { "start bad", 5, NULL,
         "Error: cannot start bad:\nbad.container:2: User=: no\nbad.container:3: Type=: no\n" },
        { "start web nope secret", 4, NULL, "secret" },
        { "stop broke", 0, NULL, NULL },
        { "stop nope", 4, NULL, "cannot stop nope" },
        { "restart web", 0, NULL, NULL },
        { "try-restart web", 0, NULL, NULL },
        { "reload web", 0, NULL, NULL },
        { "reload-or-restart web", 0, NULL, NULL },
        { "try-reload-or-restart web", 0, NULL, NULL },
        { "start --wait web", 0, NULL, NULL },
        { "start --wait sleepy", 42, NULL, NULL },
        { "start --wait killed", 137, NULL, NULL },
        { "start --wait early", 0, NULL, NULL },
        { "start --wait reborn", 7, NULL, NULL },
        { "start --wait broke", 1, NULL, "step 7 failed" },
        { "start --wait sleepy", 42, NULL, NULL },
        { "wait sleepy", 42, NULL, NULL },
        { "wait killed early", 137, NULL, NULL },
        { "wait reborn", 7, NULL, NULL },
        { "start --wait noexec", 127, NULL, "No such file" },
        { "start --wait refuse", 5, NULL, "filter" },
        { "start --wait nope", 4, NULL, "no unit of that name" },
        { "start --wait web sleepy", 42, NULL, NULL },
        /* states */
        { "is-active web", 0, "active\n", NULL },
        { "is-active sleepy", 3, "inactive\n", NULL },
        { "is-active nope", 4, "inactive\n", NULL },
        { "is-active nope sleepy", 3, "inactive\ninactive\n", NULL },
        { "is-active sleepy web", 0, "inactive\nactive\n", NULL },
        { "is-active -q web", 0, NULL, NULL },
        { "is-active secret", 6, NULL, "cannot get the state of secret" },
        { "is-failed broke", 0, "failed\n", NULL },
        { "is-failed web", 1, "active\n", NULL },
        { "is-failed web broke", 0, "active\nfailed\n", NULL },
        { "is-failed nope", 4, "inactive\n", NULL },
        /* one call */
        { "kill -s USR1 --kill-whom=all web", 0, NULL, NULL },
        { "kill web", 2, NULL, "got leader 15" },
        { "kill nope -s USR1 --kill-whom=all", 4, NULL, "cannot kill nope" },
        { "freeze web", 0, NULL, NULL },
        { "freeze nope", 4, NULL, "cannot freeze nope" },
        { "thaw web", 0, NULL, NULL },
        { "reset-failed", 0, NULL, NULL },
        { "reset-failed broke nope", 4, NULL, "cannot reset nope" },
        { "daemon-reload", 0, NULL, NULL },
        { "daemon-reexec now", 2, NULL, "fewer arguments" },
        { "daemon-reload now", 2, NULL, "fewer arguments" },
        /* list */
        { "list", 0, "\n\n5 containers listed. 3 inactive not shown", NULL },
        { "list", 0, "NAME   LOAD   ACTIVE SUB     UPTIME  HEALTH  DESCRIPTION\n", NULL },
        { "list --no-legend broke", 0, "broke loaded failed failed - - Broken\n", NULL },
        { "list --no-legend we*", 0, " healthy Web server\n", NULL },
        { "list --failed", 0, "broke  loaded failed failed -      -      Broken\n", NULL },
        { "list --failed web", 0, "0 containers listed.\n", NULL },
        { "list --state=inactive,running --no-legend sleepy", 0, "sleepy loaded inactive dead - - Sleeps", NULL },
        { "list --state=dead web", 0, "0 containers listed.\n", NULL },
        { "list -o wide web", 0, "HEALTH  LEADER TASKS MEMORY PEAK CPU    READ WRITTEN CPU-WAIT% MEM-WAIT% IO-WAIT% RESTARTS ADDRESS DESCRIPTION\n", NULL },
        { "list -o wide web", 0, " healthy 4710   -     1.5M   2M   2.500s 3M   0B      12.3      0.0       -        -        -       Web server\n", NULL },
        { "status web", 0, "     Memory: 1.5M (peak 2M)\n        CPU: 2.500s\n         IO: 3M read, 0B written\n   Pressure: CPU 12.34%\n", NULL },
        { "top -o json --delay=100ms web", 0,
          "[{\"name\":\"web\",\"cpu%\":0.00,\"memory\":1572864,\"peak\":2097152,\"tasks\":null,\"read/s\":0,\"write/s\":0,"
          "\"cpu-wait%\":12.34,\"mem-wait%\":0.00,\"io-wait%\":null}]\n", NULL },
        { "top --delay=100ms nothing", 0, "NAME CPU% MEMORY PEAK TASKS READ/S WRITE/S CPU-WAIT% MEM-WAIT% IO-WAIT%\n", NULL },
        { "metrics", 0,
          "# TYPE bulwark_container_cpu_seconds counter\n# UNIT bulwark_container_cpu_seconds seconds\n"
          "# HELP bulwark_container_cpu_seconds CPU time used since the container's start.\n"
          "bulwark_container_cpu_seconds_total{name=\"web\"} 2.500000000\n", NULL },
        { "metrics", 0, "bulwark_container_memory_bytes{name=\"web\"} 1572864\n", NULL },
        { "metrics", 0, "{name=\"web\",bulwark_container_state=\"active\"} 1\n", NULL },
        { "metrics", 0, "\n# EOF\n", NULL },
        { "list -a sleepy", 0, "Sleeps \\x1b[31mred\n\n1 container listed.\n", NULL },
        { "list -o json web", 0,
         "[{\"name\":\"web\",\"load\":\"loaded\",\"active\":\"active\",\"sub\":\"running\",\"uptime\":", NULL },
        { "list -o json web", 0, ",\"health\":\"healthy\",\"description\":\"Web server\"}]\n", NULL },
        { "list -o json broke", 0, ",\"uptime\":null,\"health\":\"\",", NULL },
        { "list -o json nothing", 0, "[]\n", NULL },
        { "list -ao json-pretty sleepy", 0, "\"description\": \"Sleeps \\u001b[31mred\"", NULL },
        { "list-unit-files", 0, "/etc/bulwark/units/bad.container bad\n", NULL },
        { "list-unit-files -o json web", 0,
         "[{\"unit_file\":\"/etc/bulwark/units/web.container\",\"state\":\"enabled\"}]\n", NULL },
        /* show, cat */
        { "show web", 0, "TimeoutStopSec=1min 30s\n", NULL },
        { "show web", 0, "ActiveEnterTimestamp=Tue 2023-11-14 22:13:20 UTC\n", NULL },
        { "show web", 0, "DropInPaths=\"/etc/a b.conf\"\n", NULL },
        { "show web", 0, "InvocationID=ab01\n", NULL },
        { "show -p Id,MemoryCurrent sleepy", 0, "Id=sleepy\nMemoryCurrent=[not set]\n", NULL },
        { "show -p SubState --property=Id --value web", 0, "running\nweb\n", NULL },
        { "show -p Substate web", 1, NULL, "did you mean SubState?" },
        { "show -p Id,Substate,SubState web", 1, "Id=web\nSubState=running\n", "did you mean SubState?" },
        { "show -p Job web", 0, "Job=\n", NULL },
        { "show -p SocketMode,HealthInterval web", 0, "SocketMode=0660\nHealthInterval=30s\n", NULL },
        { "show -p ExecStart,TemporaryFileSystem web", 0, "ExecStart=/bin/sh -c \"a b\"\nTemporaryFileSystem=/var:size=1048576\n", NULL },
        { "show -p LastError -o json broke", 0,
         "{\"LastError\":\"step 7 failed\\nweb.container:3: mount\"}\n", NULL },
        { "show -p LastError broke", 0, "LastError=step 7 failed\\nweb.container:3: mount\n", NULL },
        { "show", 0, "Version=1.2.3\nUnitPath=/a /b\n", NULL },
        { "show nope", 4, NULL, "cannot show nope" },
        { "cat web", 0, "/web.container\n[Container]\nRootDirectory=/srv/web\n", NULL },
        { "revert web", 0, NULL, "Removed /etc/override.conf.\n" },
        { "revert -q web", 0, NULL, NULL },
        { "cat nope", 4, NULL, "cannot show the files of nope" },
        /* status */
        { "status web", 0, "● web - Web server\n     Loaded: loaded (/tmp/", NULL },
        { "status web", 0, "Active: active (running) since Tue 2023-11-14 22:13:20 UTC; ", NULL },
        { "status web", 0, "Leader: 4710\n", NULL },
        { "status web", 0, "Memory: 1.5M (peak 2M)\n        CPU: 2.500s\n         IO: 3M read, 0B written\n   Pressure: CPU 12.34%\n", NULL },
        { "status web", 0, "IDs: 524288-589823\n", NULL },
        { "status web", 0,
         "     CGroup: /containers/web\n             ├─4710 init\n             └─payload\n"
         "               ├─4711 /bin/httpd -f\n               └─4712 worker \\x1b]0;title\n",
         NULL },
        { "status web", 0, "Nov 14 22:13:45 web[out]: line 25\n", NULL },
        { "status -n 0 web", 0, "Leader: 4710\n", NULL },
        { "status sleepy", 3, "○ sleepy - Sleeps \\x1b[31mred\n", NULL },
        { "status sleepy", 3, "Exited: code=exited, status=0 (success)\n", NULL },
        { "status broke", 3, "Active: failed (exit-code)", NULL },
        { "status broke", 3, "Error: step 7 failed\n             web.container:3: mount\n", NULL },
        { "status nope", 4, NULL, "cannot show nope" },
        { "status sleepy nope", 3, "sleepy", "cannot show nope" },
        { "status", 0, "Unit path: /a /b\n", NULL },
        { "status web", 0, "Security: apparmor, landlock ABI 7; label bulwark-web (verified)\n", NULL },
        { "status web", 0, "Unsaid: web.container:9: below a writable path\n", NULL },
        { "restart sleepy", 0, NULL, "sleepy: compiling the \\x1b policy\n" },
        { "status -o json web", 0, "\"SubState\":\"running\"", NULL },
        { "status -o json sleepy", 3, "\"ActiveState\":\"inactive\"", NULL },
        { "status -o json-pretty", 0, "\"UnitPath\"", NULL },
        /* logs */
        { "logs -n 2 web", 0,
         "Nov 14 22:13:45 web[out]: line 25\nNov 14 22:15:00 web[err]: last \x1b[31m\xff line\n", NULL },
        { "logs -n 1 -o json web", 0,
         "{\"timestamp\":1700000100000000,\"container\":\"web\",\"stream\":\"stderr\",\"priority\":3,\"message\":"
         "\"last \\u001b[31m\xef\xbf\xbd line\"}\n",
         NULL },
        { "logs web", 0, "Nov 14 22:13:21 web[out]: line 1\n", NULL },
        { "logs sleepy", 0, NULL, NULL },
        { "logs -p err web", 0, "Nov 14 22:15:00 web[err]: last \x1b[31m\xff line\n", NULL },
        { "logs -p warning..err web sleepy -n 1", 0, "Nov 14 22:15:00 web[err]: last", NULL },
        { "logs -p 0 web", 0, NULL, NULL },
        { "logs -g LINE|3 web", 0, NULL, NULL },
        { "logs -g line|2.?$ -n 2 web", 0, "Nov 14 22:13:44 web[out]: line 24\nNov 14 22:13:45 web[out]: line 25\n", NULL },
        { "logs --since=@1700000025 --until=2023-11-14|22:14 web", 0, "Nov 14 22:13:45 web[out]: line 25\n", NULL },
        { "logs --since=@1700000026 --until=2023-11-14T22:14:00Z web", 0, NULL, NULL },
        { "logs w* -n 1", 0, "Nov 14 22:15:00 web[err]: last", NULL },
        { "logs x*", 4, NULL, "no container matches \"x*\"" },
        { "logs web nope", 4, "line 25\n", "cannot show the log of nope" },
        { "is-active sleep*", 3, "inactive\n", NULL },
        { "freeze w*", 0, NULL, NULL },
        { "freeze sleep*", 4, NULL, "no container that is active matches \"sleep*\"" },
        { "logs nope", 4, NULL, "cannot show the log of nope" },
        /* exec */
        { "exec web true", 0, NULL, NULL },
        { "exec web -- sh -c exit|9", 9, NULL, NULL },
        { "exec web sh -c kill|-KILL|$$", 137, NULL, NULL },
        { "exec -- web echo -n --help", 0, "--help", NULL },
        { "exec web sh -c echo|out;|echo|err|>&2", 0, "out\n", "err\n" },
        { "exec -u me -w /srv -e A=1 -e B=2 web sh -c echo|$FAKE_USER|$FAKE_DIRECTORY|$FAKE_ENVIRONMENT", 0,
         "me /srv A=1 B=2\n", NULL },
        { "exec -e TZ -e NOT_SET_AT_ALL web sh -c echo|$FAKE_ENVIRONMENT", 0, "TZ=UTC\n", NULL },
        { "exec web /nope", 127, NULL, "cannot execute /nope" },
        { "exec web /nope.txt", 126, NULL, "Permission denied" },
        { "exec sleepy true", 3, NULL, "sleepy is not running" },
        { "exec nope true", 4, NULL, "no unit of that name" },
        { "shell root@web", 0, NULL, NULL },
        { "shell -u me root@web", 2, NULL, "both" },
        { "shell sleepy", 3, NULL, "sleepy is not running" },
};

/* --- wrong use: a call for each row of the tables of commands and options, and what is said to it */
typedef struct Wrong {
        const char *name; /* of the command, or of the option */
        const char *line;
        int status;
        const char *err;
} Wrong;

static const Wrong wrong_verbs[] = {
#define WRONG_VERB(...) { __VA_ARGS__ },
#define WRONG_OPTION(...)
#include "tests/unit/bulwarkctl/wrong-use.inc"
#undef WRONG_VERB
#undef WRONG_OPTION
};

static const Wrong wrong_options[] = {
#define WRONG_VERB(...)
#define WRONG_OPTION(...) { __VA_ARGS__ },
#include "tests/unit/bulwarkctl/wrong-use.inc"
#undef WRONG_VERB
#undef WRONG_OPTION
};

static const char *const verb_names[] = {
#define VERB(name, ...) name,
#include "tools/bulwarkctl/verbs.inc"
#undef VERB
};

static const char *const option_names[] = {
#define OPTION(id, name, ...) name,
#include "tools/bulwarkctl/options.inc"
#undef OPTION
};

/* A new row of a table has a wrong use, too. */
static unsigned wrong_missing(const char *what, const char *const *names, size_t n, const Wrong *rows, size_t n_rows) {
        unsigned missing = 0;

        for (size_t i = 0; i < n; i++) {
                bool found = false;

                for (size_t k = 0; k < n_rows; k++)
                        found = found || streq(rows[k].name, names[i]);
                if (!found) {
                        print_error("%s %s has no wrong use in this test\n", what, names[i]);
                        missing++;
                }
        }
        return missing;
}

static unsigned wrong_try(Run *r, const Wrong *rows, size_t n) {
        unsigned failed = 0;

        for (size_t i = 0; i < n; i++) {
                run(r, rows[i].line, "");
                if (r->status == rows[i].status && strstr(r->err, rows[i].err) && !*r->out &&
                    (startswith(r->err, "Error: ") || rows[i].err[0] == '/')) /* bulwark-analyze begins with the file */
                        continue;
                failed++;
                print_error("bulwarkctl %s\n  exit %d, expected %d\n  err: %s\n  expected: %s\n  out: %s\n", rows[i].line, r->status,
                            rows[i].status, r->err, rows[i].err, r->out);
        }
        return failed;
}

static void test_wrong_use(void **state) {
        Run *r = calloc(1, sizeof(Run));
        unsigned failed;

        assert_non_null(r);
        failed = wrong_missing("command", verb_names, ELEMENTSOF(verb_names), wrong_verbs, ELEMENTSOF(wrong_verbs));
        failed += wrong_missing("option --", option_names, ELEMENTSOF(option_names), wrong_options, ELEMENTSOF(wrong_options));
        failed += wrong_try(r, wrong_verbs, ELEMENTSOF(wrong_verbs));
        failed += wrong_try(r, wrong_options, ELEMENTSOF(wrong_options));
        free(r);
        assert_int_equal(failed, 0);
}

static void test_cases(void **state) {
        Run *r = calloc(1, sizeof(Run));
        unsigned failed = 0;

        assert_non_null(r);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const Case *c = cases + i;
                bool good;

                run(r, c->line, "");
                good = r->status == c->status && (c->out ? !!strstr(r->out, c->out) : !*r->out) &&
                       (c->err ? !!strstr(r->err, c->err) : !*r->err);
                if (good)
                        continue;
                failed++;
                print_error("bulwarkctl %s\n  exit %d, expected %d\n  out: %s\n  expected: %s\n  err: %s\n  "
                            "expected: %s\n",
                            c->line, r->status, c->status, r->out, c->out ? c->out : "(nothing)", r->err,
                            c->err ? c->err : "(nothing)");
        }
        free(r);
        assert_int_equal(failed, 0);
}

/* --- exec with pipes */
static void test_exec_input(void **state) {
        Run *r = calloc(1, sizeof(Run));

        run(r, "exec web cat",
            "one\ntwo\n"); /* the end of input reaches the payload, or cat would never end */
        assert_int_equal(r->status, 0);
        assert_string_equal(r->out, "one\ntwo\n");
        free(r);
}

/* A terminal has no end of its own: the end of our input is a ^D there. */
static void test_exec_terminal_input(void **state) {
        Run *r = calloc(1, sizeof(Run));

        run(r, "exec -t web cat", "one\n");
        assert_int_equal(r->status, 0);
        assert_non_null(strstr(r->out, "one\r\none\r\n"));
        free(r);
}

static void test_exec_much(void **state) {
        static const size_t size = 3 * 1000 * 1000;
        int in = memfd_create("in", MFD_CLOEXEC), out = memfd_create("out", MFD_CLOEXEC);
        char *argv[] = { (char *)"bulwarkctl", (char *)"exec", (char *)"web", (char *)"cat", NULL };
        struct stat st;
        char *data = malloc(size), *back = malloc(size);

        for (size_t i = 0; i < size; i++)
                data[i] = (char)(i * 7 + i / 4096);
        assert_int_equal(write(in, data, size), (ssize_t)size);
        assert_int_equal(lseek(in, 0, SEEK_SET), 0);
        assert_int_equal(wait_status(start(argv, in, out, STDERR_FILENO)), 0);
        assert_int_equal(fstat(out, &st), 0);
        assert_int_equal(st.st_size, size);
        assert_int_equal(pread(out, back, size, 0), (ssize_t)size);
        assert_memory_equal(data, back, size);
        free(data);
        free(back);
        (void)close(in);
        (void)close(out);
}

static bool read_until(int fd, char *seen, size_t size, const char *wanted) {
        size_t n = strlen(seen);

        while (!strstr(seen, wanted) && n + 1 < size) {
                struct pollfd p = { .fd = fd, .events = POLLIN };
                ssize_t k;

                if (poll(&p, 1, 10000) <= 0)
                        return false;
                k = read(fd, seen + n, size - 1 - n);
                if (k <= 0)
                        break;
                n += (size_t)k;
                seen[n] = 0;
        }
        return strstr(seen, wanted);
}

/* Without a terminal a signal is the payload's, and its answer is ours. */
static void test_exec_signal(void **state) {
        char line[] = "exec web sh -c trap|'echo|got;exit|5'|TERM;echo|ready;while|:;do|sleep|0.05;done",
             buffer[256], seen[256] = "", *argv[16];
        int out[2];
        pid_t pid;

        split(line, buffer, sizeof(buffer), argv, ELEMENTSOF(argv));
        assert_int_equal(pipe2(out, O_CLOEXEC), 0);
        pid = start(argv, STDIN_FILENO, out[1], STDERR_FILENO);
        (void)close(out[1]);
        assert_true(read_until(out[0], seen, sizeof(seen), "ready"));
        assert_int_equal(kill(pid, SIGTERM), 0);
        assert_true(read_until(out[0], seen, sizeof(seen), "got"));
        assert_int_equal(wait_status(pid), 5);
        (void)close(out[0]);
}

/* --- exec with a terminal */
typedef struct Screen {
        int master, slave;
        struct termios before;
        pid_t pid;
        char seen[8192];
} Screen;

static void screen_open(Screen *s, const char *line) {
        struct winsize size = { .ws_row = 33, .ws_col = 99 };
        char buffer[512], *argv[32];

        split(line, buffer, sizeof(buffer), argv, ELEMENTSOF(argv));
        *s = (Screen){};
        assert_int_equal(openpty(&s->master, &s->slave, NULL, NULL, &size), 0);
        assert_int_equal(tcgetattr(s->slave, &s->before), 0);
        s->pid = fork();
        assert_true(s->pid >= 0);
        if (s->pid == 0) {
                (void)setsid();
                (void)ioctl(s->slave, TIOCSCTTY, 0);
                (void)dup2(s->slave, 0);
                (void)dup2(s->slave, 1);
                (void)dup2(s->slave, 2);
                (void)close(s->master);
                (void)close(s->slave);
                execv(BULWARKCTL, argv);
                _exit(126);
        }
}

static void screen_type(Screen *s, const char *text) {
        assert_int_equal(write(s->master, text, strlen(text)), (ssize_t)strlen(text));
}

static void screen_expect(Screen *s, const char *text) {
        if (!read_until(s->master, s->seen, sizeof(s->seen), text)) {
                print_error("not seen: %s\nseen: %s\n", text, s->seen);
                fail();
        }
}

static bool is_raw(const Screen *s) {
        struct termios now;

        assert_int_equal(tcgetattr(s->slave, &now), 0);
        return !(now.c_lflag & (ICANON | ECHO | ISIG));
}

static void screen_close(Screen *s, int status) {
        struct termios after;

        assert_int_equal(wait_status(s->pid), status);
        assert_int_equal(tcgetattr(s->slave, &after), 0);
        assert_int_equal(after.c_iflag, s->before.c_iflag);
        assert_int_equal(after.c_oflag, s->before.c_oflag);
        assert_int_equal(after.c_cflag, s->before.c_cflag);
        assert_int_equal(after.c_lflag, s->before.c_lflag);
        assert_int_equal(after.c_cc[VMIN], s->before.c_cc[VMIN]);
        (void)close(s->master);
        (void)close(s->slave);
}

static void test_terminal(void **state) {
        struct winsize size = { .ws_row = 44, .ws_col = 111 };
        Screen *s = malloc(sizeof(Screen));

        screen_open(
                s,
                "exec -e X=1 web sh -c echo|$FAKE_ENVIRONMENT;stty|size;read|x;stty|size;echo|[$x];exit|3");
        screen_expect(s, "X=1 TERM=xterm-256color");
        screen_expect(s, "33 99");
        assert_true(is_raw(s));
        assert_int_equal(ioctl(s->master, TIOCSWINSZ, &size), 0);
        (void)nanosleep(&(struct timespec){ .tv_nsec = 300000000 }, NULL);
        screen_type(s, "hello\r");
        screen_expect(s, "44 111");
        screen_expect(s, "[hello]");
        screen_close(s, 3);
        free(s);
}

static void test_terminal_interrupt(void **state) {
        Screen *s = malloc(sizeof(Screen));

        /* ^C is a character for the payload's terminal, which makes the signal */
        screen_open(s, "exec web sh -c trap|'echo|int;exit|6'|INT;echo|ready;while|:;do|sleep|0.05;done");
        screen_expect(s, "ready");
        screen_type(s, "\x03");
        screen_expect(s, "int");
        screen_close(s, 6);
        free(s);
}

static void test_terminal_detach(void **state) {
        Screen *s = malloc(sizeof(Screen));

        screen_open(s, "shell web");
        screen_expect(s, "# ");
        screen_type(s, "\x1d\x1d");
        (void)nanosleep(&(struct timespec){ .tv_sec = 1, .tv_nsec = 200000000 }, NULL);
        screen_type(s, "\x1d"); /* too late: the count begins anew */
        (void)nanosleep(&(struct timespec){ .tv_nsec = 200000000 }, NULL);
        assert_int_equal(waitpid(s->pid, NULL, WNOHANG), 0);
        screen_type(s, "\x1d\x1d");
        screen_expect(s, "Detached from web.");
        screen_close(s, 0);
        free(s);
}

static void test_terminal_killed(void **state) {
        Screen *s = malloc(sizeof(Screen));

        screen_open(s, "exec web sh -c echo|ready;sleep|1000");
        screen_expect(s, "ready");
        assert_true(is_raw(s));
        assert_int_equal(kill(s->pid, SIGTERM), 0);
        screen_close(s, 128 + SIGTERM);
        free(s);
}

static void test_terminal_manager_dies(void **state) {
        Fixture *f = *state;
        Screen *s = malloc(sizeof(Screen));

        screen_open(s, "exec web sh -c echo|ready;sleep|1000");
        screen_expect(s, "ready");
        fake_manager_stop(f->manager);
        screen_expect(s, "the manager closed the connection");
        screen_close(s, 7);
        remove_at(f->directory, "private");
        f->manager = fake_manager_start(f->directory);
        assert_true(f->manager > 0);
        free(s);
}

/* On a terminal: colours, and nothing of the container's that could act on it. */
static void test_terminal_output(void **state) {
        Screen *s = malloc(sizeof(Screen));

        screen_open(s, "--no-pager logs -n 1 web");
        screen_expect(s, "last \\x1b[31m\\xff line");
        assert_non_null(strstr(s->seen, "\x1b[1;31m"));
        screen_close(s, 0);

        screen_open(s, "--no-pager logs --raw -n 1 web");
        screen_expect(s, "last \x1b[31m\xff line");
        screen_close(s, 0);

        setenv("NO_COLOR", "1", 1);
        screen_open(s, "--no-pager list");
        screen_expect(s, "not shown");
        assert_null(strchr(s->seen, '\x1b'));
        screen_close(s, 0);
        unsetenv("NO_COLOR");

        setenv("PAGER", "sed 's/^/paged: /'", 1);
        screen_open(s, "list");
        screen_expect(s, "paged: ");
        screen_close(s, 0);
        unsetenv("PAGER");
        free(s);
}

/* --- logs -f */
static void append_log(const Fixture *f, const char *text) {
        char path[256];
        FILE *file;

        (void)snprintf(path, sizeof(path), "%s/logs/web/log", f->directory);
        file = fopen(path, "a");
        assert_non_null(file);
        fputs(text, file);
        assert_int_equal(fclose(file), 0);
}

static void rotate(const Fixture *f) {
        char from[256], to[256];

        for (unsigned i = 2; i-- > 0;) {
                if (i > 0)
                        (void)snprintf(from, sizeof(from), "%s/logs/web/log.%u", f->directory, i);
                else
                        (void)snprintf(from, sizeof(from), "%s/logs/web/log", f->directory);
                (void)snprintf(to, sizeof(to), "%s/logs/web/log.%u", f->directory, i + 1);
                assert_int_equal(rename(from, to), 0);
        }
}

static void test_follow(void **state) {
        char line[] = "logs -f -n 1 web", buffer[64], seen[4096] = "", *argv[8];
        const Fixture *f = *state;
        int out[2];
        pid_t pid;

        split(line, buffer, sizeof(buffer), argv, ELEMENTSOF(argv));
        assert_int_equal(pipe2(out, O_CLOEXEC), 0);
        pid = start(argv, STDIN_FILENO, out[1], STDERR_FILENO);
        (void)close(out[1]);
        assert_true(read_until(out[0], seen, sizeof(seen), "last"));
        assert_null(strstr(seen, "line 25"));
        append_log(f, "1700000200000000 6 appe");
        append_log(f, "nded\n");
        assert_true(read_until(out[0], seen, sizeof(seen), "web[out]: appended\n"));
        append_log(f, "1700000201000000 6 before\n");
        rotate(f);
        append_log(f, "1700000202000000 6 after\n");
        assert_true(read_until(out[0], seen, sizeof(seen), "web[out]: before\n"));
        assert_true(read_until(out[0], seen, sizeof(seen), "web[out]: after\n"));
        assert_ptr_equal(strstr(strstr(seen, "after") + 1, "after"), NULL);
        (void)close(out[0]); /* noticed though no line comes */
        assert_int_equal(wait_status(pid), 0);
        remove_at(f->directory, "logs/web/log.2");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_wrong_use),
                cmocka_unit_test(test_cases),
                cmocka_unit_test(test_exec_input),
                cmocka_unit_test(test_exec_terminal_input),
                cmocka_unit_test(test_exec_much),
                cmocka_unit_test(test_exec_signal),
                cmocka_unit_test(test_terminal),
                cmocka_unit_test(test_terminal_interrupt),
                cmocka_unit_test(test_terminal_detach),
                cmocka_unit_test(test_terminal_killed),
                cmocka_unit_test(test_terminal_manager_dies),
                cmocka_unit_test(test_terminal_output),
                cmocka_unit_test(test_follow),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
