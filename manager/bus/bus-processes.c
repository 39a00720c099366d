/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>

#include "manager/base/io.h"
#include "manager/bus/bus-internal.h"

/* GetContainerProcesses. The words of a command line are the container's own writing: they are shown, never parsed. */

#define PROCESSES_MAX 4096    /* listed; the rest is only counted by TasksCurrent */
#define COMMAND_LINE_MAX 4096 /* bytes of one command line */
#define CGROUP_FILE_MAX 8192

/* One small file of /proc; NUL-terminated. Empty where the process has gone. */
static size_t read_proc(pid_t pid, const char *file, char *buffer, size_t size) {
        char path[64];
        _cleanup_close_ int fd = -EBADF;
        size_t n = 0;

        (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 || read_all(fd, buffer, size - 1, &n) < 0)
                n = 0;
        buffer[n] = '\0';
        return n;
}

/* The process' cgroup below the container's: "/" is the container's own. */
static const char *below(const char *cgroup, const char *container_cgroup) {
        const char *rest = container_cgroup ? startswith(cgroup, container_cgroup) : NULL;

        if (!rest || (*rest && *rest != '/'))
                return cgroup;
        return *rest ? rest : "/";
}

static const char *process_cgroup(pid_t pid, const char *container_cgroup, char *buffer, size_t size) {
        char *line, *end;

        (void)read_proc(pid, "cgroup", buffer, size);
        line = startswith(buffer, "0::") ? buffer : strstr(buffer, "\n0::");
        if (!line)
                return "";
        line += *line == '\n' ? 4 : 3;
        end = strchr(line, '\n');
        if (end)
                *end = '\0';
        return below(line, container_cgroup);
}

/* Words separated by blanks, control characters as '?': a terminal will show it. */
static const char *process_command_line(pid_t pid, char *buffer, size_t size) {
        size_t n = read_proc(pid, "cmdline", buffer, size);

        while (n > 0 && (buffer[n - 1] == '\0' || buffer[n - 1] == ' '))
                n--;
        if (n == 0) { /* a zombie, or it wrote over its words: the name in brackets, as ps does */
                n = read_proc(pid, "comm", buffer + 1, size - 2);
                if (n == 0)
                        return "";
                buffer[0] = '[';
                n += buffer[n] == '\n' ? 0 : 1;
                buffer[n++] = ']';
        }
        for (size_t i = 0; i < n; i++)
                if (buffer[i] == '\0')
                        buffer[i] = ' ';
                else if ((unsigned char)buffer[i] < 0x20 || buffer[i] == 0x7f)
                        buffer[i] = '?';
        buffer[n] = '\0';
        return buffer;
}

static int append_process(sd_bus_message *reply, pid_t pid, const char *container_cgroup) {
        char cgroup[CGROUP_FILE_MAX], command[COMMAND_LINE_MAX];
        int r;

        r = sd_bus_message_open_container(reply, 'r', "sus");
        if (r >= 0)
                r = bus_append_text(reply, process_cgroup(pid, container_cgroup, cgroup, sizeof(cgroup)));
        if (r >= 0)
                r = sd_bus_message_append(reply, "u", (uint32_t)pid);
        if (r >= 0)
                r = bus_append_text(reply, process_command_line(pid, command, sizeof(command)));
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int processes_reply(const Container *c, sd_bus_message *m) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_free_ pid_t *pids = NULL;
        size_t n = 0;
        int r;

        r = container_processes(c, &pids, &n);
        if (r < 0 && r != -ENOENT && r != -ENODATA && r != -ESRCH) /* those: it does not run, an empty list */
                return r;
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(sus)");
        for (size_t i = 0; r >= 0 && i < MIN_OF(n, (size_t)PROCESSES_MAX); i++)
                r = append_process(reply, pids[i], container_cgroup(c));
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}
