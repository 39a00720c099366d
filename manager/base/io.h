/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whole reads and writes, sealed memfds, atomic file replacement, descriptor passing. Static and libc only:
 * the keeper links this file too. */

#include <sys/socket.h>

#include "manager/base/util.h"

int write_all(int fd, const void *data, size_t size);
/* Closes every descriptor but the standard streams and those of keep (any order, negative ones ignored). */
int close_all_but(const int *keep, size_t n);
/* Reads until size bytes or end of file; *ret_read says how many came. */
int read_all(int fd, void *data, size_t size, size_t *ret_read);

/* The whole regular file, NUL-terminated beyond *ret_size. Refuses more than max bytes (-EFBIG) and anything
 * that is not a regular file (-EINVAL). Where fd is procfs or sysfs, st_size is not trusted. */
int read_file(int fd, size_t max, char **ret, size_t *ret_size);

/* A close-on-exec memfd that holds data and can never change again (F_SEAL_*). */
int memfd_sealed(const char *name, const void *data, size_t size, int *ret_fd);
/* The same with the content of a program's file, and fit to be executed: what others see of who runs it, as
 * /proc/PID/exe, is never the file itself. CVE-2019-5736. */
int memfd_program(const char *name, int file_fd, mode_t mode, int *ret_fd);

/* Replaces dir_fd/name atomically: temporary file, fsync, rename, fsync of the directory. Mode as given. */
int write_file_atomic(int dir_fd, const char *name, const void *data, size_t size, mode_t mode);
/* The same for what only has to outlive the process, not the boot: nothing waits for a disk. Readers still see the
 * old or the new file, whole. */
int write_file_volatile(int dir_fd, const char *name, const void *data, size_t size, mode_t mode);

/* A close-on-exec pipe for a stream of a payload: whoever has it in /proc/self/fd may open its end there again, as /dev/stdout or
 * /dev/stdin, under any id; never the other end. written: the payload writes. */
int pipe_for_payload(bool written, int ret[static 2]);

/* One SOCK_SEQPACKET message with descriptors. send never raises SIGPIPE. receive hands out at most max_fds
 * descriptors, all close-on-exec, owned by the caller; a message with more is an error (-E2BIG) and everything
 * it carried is closed. -EMFILE: the message stands in data, its descriptors are lost, this process has no room for
 * them. *ret_size 0 = the peer has gone. */
int socket_send(int fd, const void *data, size_t size, const int *fds, size_t n_fds);
int socket_receive(int fd, void *data, size_t max, size_t *ret_size, int *ret_fds, size_t max_fds, size_t *ret_n_fds);
#define SOCKET_MAX_FDS 253 /* SCM_MAX_FD of the kernel */

/* Process descriptors: the only handle on a process that cannot come to mean another one. Close-on-exec.
 * -ESRCH once the process was reaped. */
int pidfd_open_checked(pid_t pid, int *ret_fd);
int pidfd_signal(int pidfd, int signal);
int pidfd_signal_awake(int pidfd, int signal); /* and SIGCONT, without which a stopped process would not see it */
