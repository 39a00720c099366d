/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>

#include "manager/base/diag.h"
#include "manager/base/util.h"
#include "manager/bus/names.h"
#include "tests/unit/bulwarkctl/fake-manager.h"

typedef struct Fake {
        const char *name, *description, *load, *active, *sub, *last_error;
        ErrorCode error;         /* of every call that names it; _ERROR_CODE_INVALID = none */
        const char *job_result;  /* of start */
        const char *wait_result; /* of WaitContainer: result, code, status */
        int code, status;
} Fake;

#define FINE _ERROR_CODE_INVALID
static const Fake fakes[] = {
        { "web", "Web server", "loaded", "active", "running", "", FINE, "done", "success", CLD_EXITED, 0 },
        { "sleepy", "Sleeps \x1b[31mred", "loaded", "inactive", "dead", "", FINE, "done", "exit-code",
         CLD_EXITED, 42 },
        { "broke", "Broken", "loaded", "failed", "failed", "step 7 failed\nweb.container:3: mount", FINE,
         "failed", "launch", 0, 0 },
        { "noexec", "No program", "loaded", "failed", "failed",
         "/etc/noexec.container:3: ExecStart=: cannot execute /bin/nope: No such file or directory", FINE,
         "failed", "launch", 0, 0 },
        { "killed", "Gets killed", "loaded", "inactive", "dead", "", FINE, "done", "signal", CLD_KILLED, 9 },
        { "refuse", "Is refused", "loaded", "inactive", "dead", "the filter cannot be compiled", FINE,
         "refused", "resources", 0, 0 },
        { "early", "Job ends before the reply", "loaded", "active", "running", "", FINE, "done", "success",
         CLD_EXITED, 0 },
        { "reborn", "The manager dies while one waits", "loaded", "active", "running", "", FINE, "done",
         "exit-code", CLD_EXITED, 7 },
        { "nope", "", "", "", "", "", ERROR_NO_SUCH_UNIT, NULL, NULL, 0, 0 },
        { "secret", "", "", "", "", "", ERROR_ACCESS, NULL, NULL, 0, 0 },
        { "bad", "", "", "", "", "", ERROR_BAD_VALUE, NULL, NULL, 0, 0 },
};

typedef struct Server {
        const char *directory;
        bool *died_once; /* shared by all connections */
        sd_bus *bus;
        pid_t session;
        int session_fd;
        bool close_now;
} Server;

static int find(sd_bus_message *m, const char *name, const Fake **ret, sd_bus_error *error) {
        for (size_t i = 0; i < ELEMENTSOF(fakes); i++) {
                if (!streq(fakes[i].name, name))
                        continue;
                *ret = fakes + i;
                if (fakes[i].error < 0)
                        return 0;
                return sd_bus_error_setf(error, error_code_bus_name(fakes[i].error),
                                         fakes[i].error == ERROR_BAD_VALUE
                                                 ? "bad.container:2: User=: no\nbad.container:3: Type=: no"
                                                 : "%s: no unit of that name",
                                         name);
        }
        return sd_bus_error_setf(error, error_code_bus_name(ERROR_NO_SUCH_UNIT), "%s: no unit of that name",
                                 name);
}

static int find_argument(sd_bus_message *m, const Fake **ret, sd_bus_error *error) {
        const char *name;
        int r;

        r = sd_bus_message_read(m, "s", &name);
        return r < 0 ? r : find(m, name, ret, error);
}

static int method_get(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        char *path = NULL;
        const Fake *f;
        int r;

        r = find_argument(m, &f, error);
        if (r < 0)
                return r;
        (void)sd_bus_path_encode(BUS_CONTAINER_PREFIX, f->name, &path);
        r = sd_bus_reply_method_return(m, "o", path);
        free(path);
        return r;
}

static int method_list(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        sd_bus_message *reply = NULL;

        (void)sd_bus_message_new_method_return(m, &reply);
        (void)sd_bus_message_open_container(reply, 'a', "(ssssssouso)");
        for (size_t i = 0; i < ELEMENTSOF(fakes); i++)
                if (fakes[i].error < 0)
                        (void)sd_bus_message_append(reply, "(ssssssouso)", fakes[i].name,
                                                    fakes[i].description, fakes[i].load, fakes[i].active,
                                                    fakes[i].sub, "", "/x", 0, "", "/");
        (void)sd_bus_message_close_container(reply);
        (void)sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return 1;
}

static void append_listed(sd_bus_message *reply, const Fake *f) {
        const bool up = streq(f->active, "active");

        (void)sd_bus_message_append(
                reply, "(sa{sv})", f->name, 10, "ActiveEnterTimestamp", "t", up ? UINT64_C(1700000000000000) : UINT64_C(0), "HealthStatus", "s",
                streq(f->name, "web") ? "healthy" : "", "ActiveState", "s", f->active, "MemoryCurrent", "t",
                up ? UINT64_C(1572864) : UINT64_MAX, "MemoryPeak", "t", up ? UINT64_C(2097152) : UINT64_MAX, "CPUUsageNSec", "t",
                up ? UINT64_C(2500000000) : UINT64_MAX, "IOReadBytes", "t", up ? UINT64_C(3145728) : UINT64_MAX, "IOWriteBytes", "t",
                up ? UINT64_C(0) : UINT64_MAX, "CPUPressure", "t", up ? UINT64_C(1234) : UINT64_MAX, "MemoryPressure", "t",
                up ? UINT64_C(0) : UINT64_MAX);
}

static int method_list_properties(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        sd_bus_message *reply = NULL;

        (void)sd_bus_message_new_method_return(m, &reply);
        (void)sd_bus_message_open_container(reply, 'a', "(sa{sv})");
        for (size_t i = 0; i < ELEMENTSOF(fakes); i++)
                if (fakes[i].error < 0)
                        append_listed(reply, &fakes[i]);
        (void)sd_bus_message_close_container(reply);
        (void)sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return 1;
}

static int method_list_files(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return sd_bus_reply_method_return(m, "a(ss)", 2, "/etc/bulwark/units/web.container", "enabled",
                                          "/etc/bulwark/units/bad.container", "bad");
}

static int method_paths(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const Server *s = userdata;
        char path[512];
        const Fake *f;
        int r;

        r = find_argument(m, &f, error);
        if (r < 0)
                return r;
        (void)snprintf(path, sizeof(path), "%s/web.container", s->directory);
        return sd_bus_reply_method_return(m, "as", 1, path);
}

static int method_revert(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const Fake *f;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "s");
        if (r >= 0)
                r = find_argument(m, &f, error);
        return r < 0 ? r : sd_bus_reply_method_return(m, "a(sss)", 1, "unlink", "/etc/override.conf", "");
}

static int method_job(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *name, *mode, *path = BUS_JOB_PREFIX "/4";
        Server *s = userdata;
        const Fake *f;
        int r;

        r = sd_bus_message_read(m, "ss", &name, &mode);
        if (r < 0)
                return r;
        r = find(m, name, &f, error);
        if (r < 0)
                return r;
        /* another's job first: it must not be taken for ours */
        (void)sd_bus_emit_signal(s->bus, BUS_PATH, BUS_INTERFACE_MANAGER, "JobRemoved", "uoss", 3,
                                 BUS_JOB_PREFIX "/3", "other", "failed");
        if (streq(name, "sleepy") && startswith(sd_bus_message_get_member(m), "Restart"))
                (void)sd_bus_emit_signal(s->bus, BUS_CONTAINER_PREFIX "/sleepy", "org.freedesktop.DBus.Properties", "PropertiesChanged",
                                         "sa{sv}as", BUS_INTERFACE_CONTAINER, 2, "SubState", "s", "assembling", "Progress",
                                         "s", "compiling the \033 policy", 0);
        if (!streq(name, "early"))
                (void)sd_bus_reply_method_return(m, "o", path);
        (void)sd_bus_emit_signal(s->bus, BUS_PATH, BUS_INTERFACE_MANAGER, "JobRemoved", "uoss", 4, path,
                                 name,
                                 startswith(sd_bus_message_get_member(m), "Stop") ? "done" : f->job_result);
        return streq(name, "early") ? sd_bus_reply_method_return(m, "o", path) : 1;
}

static int method_wait(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Server *s = userdata;
        const Fake *f;
        int r;

        r = find_argument(m, &f, error);
        if (r < 0)
                return r;
        if (streq(f->name, "reborn") && !*s->died_once) {
                *s->died_once = true;
                s->close_now = true;
                return 1;
        }
        return sd_bus_reply_method_return(m, "ssii", "inactive", f->wait_result, f->code, f->status);
}

static int method_name_only(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const Fake *f;
        int r;

        r = find_argument(m, &f, error);
        return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
}

static int method_kill(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *name, *whom;
        const Fake *f;
        int number, r;

        r = sd_bus_message_read(m, "ssi", &name, &whom, &number);
        if (r < 0)
                return r;
        r = find(m, name, &f, error);
        if (r < 0)
                return r;
        if (!streq(whom, "all") || number != SIGUSR1)
                return sd_bus_error_setf(error, error_code_bus_name(ERROR_USAGE), "got %s %d", whom, number);
        return sd_bus_reply_method_return(m, NULL);
}

static int method_nothing(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return sd_bus_reply_method_return(m, NULL);
}

static int method_processes(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return sd_bus_reply_method_return(m, "a(sus)", 3, "/payload", 4711, "/bin/httpd -f", "", 4710,
                                          "init", "/payload", 4712, "worker \x1b]0;title");
}

/* --- exec: on the host, with pipes or a terminal */
typedef struct ExecOptions {
        bool terminal, shell;
        uint32_t rows, columns;
        char user[64], directory[64], environment[256];
} ExecOptions;

static void read_exec_options(sd_bus_message *m, ExecOptions *o) {
        (void)sd_bus_message_enter_container(m, 'a', "{sv}");
        while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
                const char *key, *text, *contents;
                int flag;

                (void)sd_bus_message_read(m, "s", &key);
                (void)sd_bus_message_peek_type(m, NULL, &contents);
                (void)sd_bus_message_enter_container(m, 'v', contents);
                if (streq(key, "Terminal") && sd_bus_message_read(m, "b", &flag) > 0)
                        o->terminal = flag;
                else if (streq(key, "Shell") && sd_bus_message_read(m, "b", &flag) > 0)
                        o->shell = flag;
                else if (streq(key, "Rows"))
                        (void)sd_bus_message_read(m, "u", &o->rows);
                else if (streq(key, "Columns"))
                        (void)sd_bus_message_read(m, "u", &o->columns);
                else if (streq(key, "User") && sd_bus_message_read(m, "s", &text) > 0)
                        (void)snprintf(o->user, sizeof(o->user), "%s", text);
                else if (streq(key, "WorkingDirectory") && sd_bus_message_read(m, "s", &text) > 0)
                        (void)snprintf(o->directory, sizeof(o->directory), "%s", text);
                else if (streq(key, "Environment")) {
                        (void)sd_bus_message_enter_container(m, 'a', "s");
                        while (sd_bus_message_read(m, "s", &text) > 0) {
                                size_t n = strlen(o->environment);

                                (void)snprintf(o->environment + n, sizeof(o->environment) - n, "%s ", text);
                        }
                        (void)sd_bus_message_exit_container(m);
                }
                (void)sd_bus_message_exit_container(m);
                (void)sd_bus_message_exit_container(m);
        }
        (void)sd_bus_message_exit_container(m);
}

static void run_payload(char **argv, const ExecOptions *o) {
        static const char *const shell[] = { "/bin/sh", NULL };

        (void)setenv("FAKE_USER", o->user, 1);
        (void)setenv("FAKE_DIRECTORY", o->directory, 1);
        (void)setenv("FAKE_ENVIRONMENT", o->environment, 1);
        (void)signal(SIGPIPE, SIG_DFL);
        (void)execvp(o->shell ? shell[0] : argv[0], o->shell ? (char **)shell : argv);
        _exit(127);
}

static int spawn_pipes(Server *s, char **argv, const ExecOptions *o, int ret[static 3]) {
        int in[2], out[2], err[2];

        if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
                return -errno;
        s->session = fork();
        if (s->session == 0) {
                (void)dup2(in[0], 0);
                (void)dup2(out[1], 1);
                (void)dup2(err[1], 2);
                run_payload(argv, o);
        }
        (void)close(in[0]);
        (void)close(out[1]);
        (void)close(err[1]);
        ret[0] = in[1];
        ret[1] = out[0];
        ret[2] = err[0];
        return 3;
}

static int spawn_terminal(Server *s, char **argv, const ExecOptions *o, int ret[static 3]) {
        struct winsize size = { .ws_row = (unsigned short)o->rows, .ws_col = (unsigned short)o->columns };

        s->session = forkpty(ret, NULL, NULL, &size);
        if (s->session == 0)
                run_payload(argv, o);
        return 1;
}

static int method_exec(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        ExecOptions options = {};
        Server *s = userdata;
        sd_bus_message *reply = NULL;
        int fds[3], n, r;
        const char *name;
        char **argv = NULL;
        const Fake *f;

        r = sd_bus_message_read(m, "s", &name);
        if (r >= 0)
                r = find(m, name, &f, error);
        if (r >= 0)
                r = sd_bus_message_read_strv(m, &argv);
        if (r < 0)
                return r;
        if (!streq(f->active, "active"))
                return sd_bus_error_setf(error, error_code_bus_name(ERROR_NOT_ACTIVE), "%s is not running",
                                         name);
        if (argv && argv[0] && startswith(argv[0], "/nope"))
                return sd_bus_error_setf(error, error_code_bus_name(streq(argv[0], "/nope") ? ERROR_NO_PROGRAM : ERROR_EXEC),
                                         "cannot execute %s: %s", argv[0], strerror(streq(argv[0], "/nope") ? ENOENT : EACCES));
        read_exec_options(m, &options);
        n = options.terminal ? spawn_terminal(s, argv, &options, fds) : spawn_pipes(s, argv, &options, fds);
        s->session_fd = (int)syscall(SYS_pidfd_open, s->session, 0);

        (void)sd_bus_message_new_method_return(m, &reply);
        (void)sd_bus_message_append(reply, "u", 9);
        (void)sd_bus_message_open_container(reply, 'a', "h");
        for (int i = 0; i < n; i++) {
                (void)sd_bus_message_append(reply, "h", fds[i]);
                (void)close(fds[i]);
        }
        (void)sd_bus_message_close_container(reply);
        (void)sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return 1;
}

static int method_kill_exec(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Server *s = userdata;
        uint32_t id;
        int number, r;

        r = sd_bus_message_read(m, "ui", &id, &number);
        if (r < 0)
                return r;
        if (id == 9 && s->session > 0)
                (void)kill(s->session, number);
        return sd_bus_reply_method_return(m, NULL);
}

static void session_ended(Server *s) {
        siginfo_t info = {};

        (void)waitid(P_PID, (id_t)s->session, &info, WEXITED);
        s->session = 0;
        s->session_fd = safe_close(s->session_fd);
        (void)sd_bus_emit_signal(s->bus, BUS_PATH, BUS_INTERFACE_MANAGER, "ExecEnded", "uii", 8, CLD_EXITED,
                                 99);
        (void)sd_bus_emit_signal(s->bus, BUS_PATH, BUS_INTERFACE_MANAGER, "ExecEnded", "uii", 9,
                                 info.si_code, info.si_status);
}

/* --- properties: one message for all, so that no vtable is needed for each type */
static const Fake *fake_of(const char *path) {
        const char *name = strrchr(path, '/') + 1;

        for (size_t i = 0; i < ELEMENTSOF(fakes); i++)
                if (streq(fakes[i].name, name))
                        return fakes + i;
        return fakes;
}

static int append_container(const Server *s, sd_bus_message *reply, const Fake *f) {
        bool up = streq(f->active, "active");
        char file[512], logs[512];

        (void)snprintf(file, sizeof(file), "%s/web.container", s->directory);
        (void)snprintf(logs, sizeof(logs), "%s/logs/%s", s->directory, f->name);
        return sd_bus_message_append(
                reply, "a{sv}", 39, "Job", "(uo)", 0, "/", "SocketMode", "u", 0660, "HealthInterval", "t", UINT64_C(30000000), "ExecStart", "as", 1,
                "/bin/sh -c \"a b\"", "TemporaryFileSystem", "a(ss)", 1, "/var", "size=1048576", "Id", "s", f->name, "Description", "s", f->description, "LoadState", "s",
                f->load, "LoadError", "(ss)", "", "", "ActiveState", "s", f->active, "SubState", "s", f->sub,
                "FreezerState", "s", "running", "Result", "s", up ? "success" : "exit-code", "LastError",
                "s", f->last_error, "FragmentPath", "s", file, "DropInPaths", "as", 1, "/etc/a b.conf",
                "InvocationID", "ay", 2, 0xab, 0x01, "MainPID", "u", up ? 4710 : 0, "ExecMainCode", "i",
                up ? 0 : CLD_EXITED, "ExecMainStatus", "i", 0, "ActiveEnterTimestamp", "t",
                up ? UINT64_C(1700000000000000) : UINT64_C(0), "ControlGroup", "s",
                up ? "/containers/web" : "", "MemoryCurrent", "t", up ? UINT64_C(1572864) : UINT64_MAX,
                "UIDRangeBase", "u", 524288, "UIDRangeCount", "u", 65536, "LogDirectory", "s", logs,
                "TimeoutStopSec", "t", UINT64_C(90000000), "MACBackends", "as", 2, "apparmor", "landlock",
                "MACLabel", "s", "bulwark-web", "MACVerified", "b", 1, "MACLabelLost", "b", 0, "LandlockABI", "u", 7,
                "MACUnsaid", "as", 1, "web.container:9: below a writable path",
                "MemoryPeak", "t", up ? UINT64_C(2097152) : UINT64_MAX, "CPUUsageNSec", "t", up ? UINT64_C(2500000000) : UINT64_MAX,
                "IOReadBytes", "t", up ? UINT64_C(3145728) : UINT64_MAX, "IOWriteBytes", "t", up ? UINT64_C(0) : UINT64_MAX,
                "CPUPressure", "t", up ? UINT64_C(1234) : UINT64_MAX, "MemoryPressure", "t", up ? UINT64_C(0) : UINT64_MAX);
}

static int method_get_all(sd_bus_message *m, Server *s) {
        sd_bus_message *reply = NULL;
        int r;

        (void)sd_bus_message_new_method_return(m, &reply);
        if (streq(sd_bus_message_get_path(m), BUS_PATH))
                r = sd_bus_message_append(reply, "a{sv}", 2, "Version", "s", "1.2.3", "UnitPath", "as", 2,
                                          "/a", "/b");
        else
                r = append_container(s, reply, fake_of(sd_bus_message_get_path(m)));
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r < 0 ? r : 1;
}

static int on_properties(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *interface, *name;
        const Fake *f;

        if (sd_bus_message_is_method_call(m, "org.freedesktop.DBus.Properties", "GetAll"))
                return method_get_all(m, userdata);
        if (!sd_bus_message_is_method_call(m, "org.freedesktop.DBus.Properties", "Get"))
                return 0;
        if (sd_bus_message_read(m, "ss", &interface, &name) < 0)
                return -EBADMSG;
        f = fake_of(sd_bus_message_get_path(m));
        if (streq(name, "LaunchError"))
                return sd_bus_reply_method_return(m, "v", "s", streq(f->name, "noexec") ? "org.bulwark1.Error.ProgramMissing" : "");
        if (streq(name, "Boot"))
                return sd_bus_reply_method_return(m, "v", "b", 0);
        if (streq(name, "UnitPath"))
                return sd_bus_reply_method_return(m, "v", "as", 1, "/nonexistent");
        return sd_bus_reply_method_return(m, "v", "s", streq(name, "LastError") ? f->last_error : f->active);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("GetContainer", "s", "o", method_get, 0),
        SD_BUS_METHOD("ListContainers", "", "a(ssssssouso)", method_list, 0),
        SD_BUS_METHOD("ListContainerProperties", "as", "a(sa{sv})", method_list_properties, 0),
        SD_BUS_METHOD("ListUnitFiles", "", "a(ss)", method_list_files, 0),
        SD_BUS_METHOD("GetUnitPaths", "s", "as", method_paths, 0),
        SD_BUS_METHOD("RevertUnitFiles", "as", "a(sss)", method_revert, 0),
        SD_BUS_METHOD("StartContainer", "ss", "o", method_job, 0),
        SD_BUS_METHOD("StopContainer", "ss", "o", method_job, 0),
        SD_BUS_METHOD("RestartContainer", "ss", "o", method_job, 0),
        SD_BUS_METHOD("TryRestartContainer", "ss", "o", method_job, 0),
        SD_BUS_METHOD("ReloadContainer", "ss", "o", method_job, 0),
        SD_BUS_METHOD("ReloadOrRestartContainer", "ss", "o", method_job, 0),
        SD_BUS_METHOD("ReloadOrTryRestartContainer", "ss", "o", method_job, 0),
        SD_BUS_METHOD("WaitContainer", "s", "ssii", method_wait, 0),
        SD_BUS_METHOD("KillContainer", "ssi", "", method_kill, 0),
        SD_BUS_METHOD("FreezeContainer", "s", "", method_name_only, 0),
        SD_BUS_METHOD("ThawContainer", "s", "", method_name_only, 0),
        SD_BUS_METHOD("ResetFailedContainer", "s", "", method_name_only, 0),
        SD_BUS_METHOD("ResetFailed", "", "", method_nothing, 0),
        SD_BUS_METHOD("Reload", "", "", method_nothing, 0),
        SD_BUS_METHOD("GetContainerProcesses", "s", "a(sus)", method_processes, 0),
        SD_BUS_METHOD("ExecContainer", "sasa{sv}", "uah", method_exec, 0),
        SD_BUS_METHOD("KillExec", "ui", "", method_kill_exec, 0),
        SD_BUS_VTABLE_END,
};

static void serve(Server *s, int fd) {
        sd_id128_t id = SD_ID128_MAKE(61, 1c, 28, 0e, 21, 44, 4c, 22, 9d, 5b, 52, 4e, e4, 7f, 0f, 01);

        if (sd_bus_new(&s->bus) < 0 || sd_bus_set_fd(s->bus, fd, fd) < 0 ||
            sd_bus_set_server(s->bus, 1, id) < 0 || sd_bus_add_filter(s->bus, NULL, on_properties, s) < 0 ||
            sd_bus_add_object_vtable(s->bus, NULL, BUS_PATH, BUS_INTERFACE_MANAGER, vtable, s) < 0 ||
            sd_bus_start(s->bus) < 0)
                return;
        while (!s->close_now) {
                struct pollfd fds[2] = {{.fd = sd_bus_get_fd(s->bus) },
                                        { .fd = s->session_fd, .events = POLLIN}};
                int r = sd_bus_process(s->bus, NULL);

                if (r < 0)
                        break;
                if (r > 0)
                        continue;
                fds[0].events = (short)sd_bus_get_events(s->bus);
                if (poll(fds, 2, -1) < 0)
                        break;
                if (fds[1].revents)
                        session_ended(s);
        }
        if (s->session > 0)
                (void)kill(s->session, SIGKILL);
        (void)sd_bus_flush(s->bus);
        sd_bus_close_unref(s->bus);
}

pid_t fake_manager_start(const char *directory) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        bool *shared = mmap(NULL, sizeof(bool), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        pid_t pid;

        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/" PRIVATE_SOCKET, directory);
        if (shared == MAP_FAILED || fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
            listen(fd, 16) < 0)
                return -1;
        pid = fork();
        if (pid != 0) {
                (void)close(fd);
                (void)munmap(shared, sizeof(bool));
                return pid;
        }
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)signal(SIGCHLD, SIG_IGN);
        for (;;) {
                int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

                if (client >= 0 && fork() == 0) {
                        Server s = { .directory = directory, .died_once = shared, .session_fd = -EBADF };

                        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                        (void)signal(SIGCHLD, SIG_DFL);
                        serve(&s, client);
                        _exit(EXIT_SUCCESS);
                }
                (void)close(client);
        }
}

void fake_manager_stop(pid_t pid) {
        if (pid <= 0)
                return;
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
}
