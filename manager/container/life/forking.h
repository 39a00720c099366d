/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Type=forking: ExecStart= only starts the payload, and ends. Which process is the main one is said by a file that the
 * container writes, or guessed from what is left; it is believed of a child of the container's init alone, and decides about
 * this container and no other: whose end is the payload's, and who gets the signals. */

#include "manager/base/util.h"

/* What is known at one moment. Numbers are as the container counts. */
typedef struct ForkingFacts {
        int code, status;      /* how the first process ended, as siginfo_t; code 0 = it runs */
        bool ignored;          /* ... which ExecStart=- does not care for */
        bool has_file, guess;  /* PIDFile=, GuessMainPID= */
        int32_t number;        /* in the file; negative errno = there is none */
        bool number_is_child;  /* a process that lives has it, and its parent is the init */
        size_t n_children;     /* of the init */
        int32_t child;         /* one of them */
        int32_t asked;         /* the process that the init was asked about; 0 = it was not asked */
        int32_t answer;        /* of the init: that number = it is a child, the negative = it is none, 0 = no answer yet */
} ForkingFacts;

typedef enum ForkingMove {
        FORKING_WAIT,
        FORKING_ASK,  /* the init, whether *ret_main is a child */
        FORKING_DONE, /* it has started; *ret_main is the main process, 0 = which one it is is not known */
} ForkingMove;

/* *ret_why: what is waited for; a constant. */
ForkingMove forking_decide(const ForkingFacts *f, int32_t *ret_main, const char **ret_why);

/* The number in the first line of a file of the root, without following a link or waiting for who writes it. The file is
 * the container's: -EINVAL where it is no number of a process, -ELOOP a link, -ENOTTY no regular file, else what open says. */
int pid_file_read(int root_fd, const char *path);
/* The same by a thread, since a file system of the container's making may never answer: *ret_fd has the int, once. */
int pid_file_read_apart(int root_fd, const char *path, int *ret_fd);
