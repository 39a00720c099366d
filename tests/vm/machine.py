# SPDX-License-Identifier: LGPL-2.1-or-later
"""The virtual machine: its command line, its life, what it printed."""

import os
import subprocess
import time

from image import Problem

# What each state of the LSMs adds to the kernel's command line. Debian's default is AppArmor.
LSM = {
    "none": "lsm=landlock,lockdown,yama,integrity,bpf",
    "apparmor": "",
    "selinux": "security=selinux selinux=1 enforcing=1",
}
PORTS = ("tap", "journal", "kernel")


def hardware():
    """Whether the CPU itself can run guests; a /dev/kvm without it starts and then hangs."""
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        flags = next((line.split() for line in f if line.startswith("flags")), [])
    return bool({"vmx", "svm"} & set(flags)) and os.access("/dev/kvm", os.R_OK | os.W_OK)


# Denials are looked for in the log: nothing of it may be dropped, overwritten or held back. They come without audit=1 too,
# which would only make every system call slower.
WHOLE_LOG = ["audit_backlog_limit=8192", "printk.devkmsg=on", "log_buf_len=16M", "sysctl.kernel.printk_ratelimit=0"]


def kernel_arguments(lsm, shell):
    arguments = ["console=ttyS0", "root=/dev/vda", "rw", "panic=-1", "net.ifnames=0", *WHOLE_LOG, LSM[lsm]]
    if not hardware():
        # An emulated CPU may be away for seconds; that is no fault of the kernel's.
        arguments += ["nowatchdog", "rcupdate.rcu_cpu_stall_suppress=1", "tsc=reliable"]
    if shell:
        arguments += ["systemd.mask=bulwark-vm.service"]
    else:
        arguments += ["loglevel=5", "systemd.mask=serial-getty@ttyS0.service", "systemd.show_status=no"]
    return " ".join(a for a in arguments if a)


def command(base, kernel, run, lsm, shell, reboots=False):
    accelerator = ["-accel", "kvm", "-cpu", "host"] if hardware() else ["-accel", "tcg,thread=single", "-cpu", "max"]
    result = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-m", "2048", "-smp", "2"]
    result += [] if reboots else ["-no-reboot"]
    result += accelerator
    result += ["-kernel", os.path.join(base, "vmlinuz-" + kernel), "-initrd", os.path.join(base, "initrd-" + kernel)]
    result += ["-append", kernel_arguments(lsm, shell)]
    # Writes to the base image go to a temporary file and are forgotten.
    result += ["-drive", "file=%s/root.img,if=virtio,format=raw,snapshot=on,cache=unsafe" % base]
    result += ["-drive", "file=%s/project.tar,if=virtio,format=raw,readonly=on" % run]
    result += ["-device", "virtio-rng-pci", "-device", "virtio-serial-pci"]
    for port in PORTS:
        result += ["-chardev", "file,id=%s,path=%s" % (port, os.path.join(run, port)),
                   "-device", "virtserialport,chardev=%s,name=org.bulwark1.%s" % (port, port)]
    return result + ["-serial", "mon:stdio" if shell else "file:" + os.path.join(run, "console")]


def environment(run):
    return dict(os.environ, TMPDIR=run)


def login(base, kernel, run, lsm):
    """A developer's terminal; ends with the guest."""
    return subprocess.run(command(base, kernel, run, lsm, True), env=environment(run), check=False).returncode


def processor_time(pid):
    """Seconds that the process has used: on a busy machine they tell more than those of the clock."""
    try:
        with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError):
        return 0


def boot(base, kernel, run, lsm, limit, on_line, reboots=False):
    """Runs the guest to its end and hands over each line of its TAP port as it comes, with the processor time so far. What
    went wrong, or None. reboots: a reset does not end it."""
    with open(os.path.join(run, "qemu.log"), "wb") as log:
        try:
            process = subprocess.Popen(command(base, kernel, run, lsm, False, reboots), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       env=environment(run))
        except FileNotFoundError:
            raise Problem("qemu-system-x86_64 is not installed: tools/dev/install-dependencies vm") from None
    deadline = time.monotonic() + limit
    rest = ""
    problem = None
    try:
        with open(os.path.join(run, "tap"), "a+", encoding="utf-8", errors="replace") as tap:
            tap.seek(0)
            while True:
                ended = process.poll() is not None
                text = tap.read()
                *lines, rest = (rest + text).split("\n")
                for line in lines:
                    on_line(line.rstrip("\r"), processor_time(process.pid))
                if ended and not text:
                    break
                if time.monotonic() > deadline:
                    problem = "no end after %d s" % limit
                    break
                time.sleep(0.2)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
    if rest:
        on_line(rest)
    if not problem and process.returncode != 0:
        problem = "qemu ended with %d" % process.returncode
    return problem
