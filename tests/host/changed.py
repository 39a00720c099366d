#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Becomes another program with every attribute that is inherited set to something else.

usage: changed.py COMMAND...
"""

import ctypes
import os
import platform
import resource
import signal
import sys

PR_SET_THP_DISABLE, PR_SET_MEMORY_MERGE, PR_SET_TIMERSLACK, PR_MCE_KILL, PR_SET_CHILD_SUBREAPER, PR_SCHED_CORE = 41, 67, 29, 33, 36, 62
PR_SET_SECUREBITS, SECBIT_NO_CAP_AMBIENT_RAISE = 28, 1 << 6
ADDR_NO_RANDOMIZE = 0x0040000
NUMBERS = {"x86_64": {"ioprio_set": 251, "set_mempolicy": 238}, "aarch64": {"ioprio_set": 30, "set_mempolicy": 237}}[platform.machine()]
LIBC = ctypes.CDLL(None, use_errno=True)


def lower(limit, value):
    """As far down as it may go, and up again: the hard limit too, where root may raise it."""
    soft, hard = resource.getrlimit(limit)
    capable = int([line.split()[1] for line in open("/proc/self/status", encoding="ascii") if line.startswith("CapEff")][0], 16) & 1 << 24
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(limit, (value, value if capable else hard))


def change():
    LIBC.prctl(PR_SET_TIMERSLACK, 5000000, 0, 0, 0)
    LIBC.prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)
    LIBC.prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0)
    LIBC.prctl(PR_MCE_KILL, 1, 1, 0, 0)
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    LIBC.prctl(PR_SCHED_CORE, 1, 0, 1, 0)
    LIBC.prctl(PR_SET_SECUREBITS, SECBIT_NO_CAP_AMBIENT_RAISE, 0, 0, 0)
    LIBC.personality(ADDR_NO_RANDOMIZE)
    LIBC.syscall(NUMBERS["set_mempolicy"], 4, None, 0)
    LIBC.syscall(NUMBERS["ioprio_set"], 1, 0, 3 << 13)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    os.nice(10)
    os.umask(0o077)
    for name, value in (("CPU", 7200), ("FSIZE", 1 << 30), ("DATA", 1 << 46), ("STACK", 4 << 20), ("RSS", 1 << 33), ("NPROC", 3000),
                        ("NOFILE", 900), ("MEMLOCK", 32768), ("AS", 1 << 46), ("SIGPENDING", 700), ("MSGQUEUE", 4096)):
        lower(getattr(resource, "RLIMIT_" + name), value)
    lower(10, 9)  # RLIMIT_LOCKS
    for number in (signal.SIGHUP, signal.SIGPIPE, signal.SIGUSR2, signal.SIGRTMIN + 5):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGWINCH, signal.SIGRTMIN + 7})
    for name, text in (("oom_score_adj", "300"), ("coredump_filter", "0x7f")):
        with open("/proc/self/" + name, "w", encoding="ascii") as file:
            file.write(text)


change()
os.execvp(sys.argv[1], sys.argv[1:])
