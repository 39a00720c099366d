# SPDX-License-Identifier: LGPL-2.1-or-later
"""StateDirectory= and its kin: made, mapped, kept, removed; and what a container can do to the next start by them."""

from harness import *

# Names on the host that nobody else has; all of them go with the test.
NAME = "bulwark-test-%d" % os.getpid()
BASES = {"RuntimeDirectory": "/run", "StateDirectory": "/var/lib", "CacheDirectory": "/var/cache", "LogsDirectory": "/var/log"}


def cleaned(test):
    def wrapped(bed):
        try:
            test(bed)
        finally:
            for base in [*BASES.values(), "/etc"]:
                path = os.path.join(base, NAME)
                if os.path.islink(path):
                    os.unlink(path)
                subprocess.run(["rm", "-rf", "--one-file-system", path], check=True)
    wrapped.__name__, wrapped.__doc__ = test.__name__, test.__doc__
    return wrapped


def owner(path):
    st = os.stat(path)
    return st.st_uid, st.st_gid, "%04o" % (st.st_mode & 0o7777)


@cleaned
def test_all_of_them(bed):
    """Each is there, writable, its variable names it; on the disk it has the container's own ids, below /run the mapped ones."""
    for user, uid in (("root", 0), ("user", 1000)):
        lines = ["%s=%s %s/sub" % (d, NAME, NAME) for d in BASES]
        lines += ["User=" + user, "RuntimeDirectoryMode=0700", "StateDirectoryMode=0750", "CacheDirectoryMode=0711", "LogsDirectoryMode=0700"]
        script = "; ".join("touch %s/%s/sub/file && echo $$%s" % (base, NAME, d.replace("Directory", "_DIRECTORY").upper()) for d, base in BASES.items())
        bed.unit("web", "Type=oneshot", "RemainAfterExit=yes", "ExecStart=/bin/sh -c '%s'" % script, *lines)
        bed.ctl("start", "web").expect(0)
        out = bed.logs("web")
        for base in BASES.values():
            contains(out, "%s/%s:%s/%s/sub" % (base, NAME, base, NAME))
        for directive, base in BASES.items():
            path = os.path.join(base, NAME)
            if base == "/run": # gone with the program
                check(not os.path.exists(path), "a runtime directory outlives its program")
                continue
            mode = {"StateDirectory": "0750", "CacheDirectory": "0711", "LogsDirectory": "0700"}[directive]
            equal(owner(path), (uid, uid, mode), path)
            equal(os.stat(path + "/sub/file").st_uid, uid, "owner of a file in " + path)
        bed.ctl("stop", "web").expect(0)
        for base in ("/var/lib", "/var/cache", "/var/log"):
            check(os.path.exists(os.path.join(base, NAME, "sub/file")), "what was written below %s is gone" % base)
            shutil.rmtree(os.path.join(base, NAME))


@cleaned
def test_runtime_directory(bed):
    """It belongs to the mapped user, goes with the life, and stays over a restart or for good where the unit says so."""
    path = os.path.join("/run", NAME)
    for preserve, after_restart, after_stop in (("no", False, False), ("restart", True, False), ("yes", True, True)):
        bed.unit("web", "ExecStart=/bin/sh -c 'cd /run/%s; mkdir -p deep/er; ln -sf /etc/passwd deep/er/link; echo >>starts; exec sleep 1000'" % NAME,
                 "RuntimeDirectory=" + NAME, "RuntimeDirectoryMode=0710", "RuntimeDirectoryPreserve=" + preserve)
        bed.ctl("start", "web").expect(0)
        starts = os.path.join(path, "starts")
        wait_until(lambda: os.path.exists(starts) and read(starts), "the payload to write")
        leader = bed.leader("web")
        mapped = int(read("/proc/%d/uid_map" % leader).split()[1])
        equal(owner(path), (mapped, mapped, "0710"), path)
        bed.ctl("restart", "web").expect(0)
        wait_until(lambda: os.path.exists(starts) and len(read(starts)) == (2 if after_restart else 1), "%d starts that left a trace, RuntimeDirectoryPreserve=%s" % (1 + after_restart, preserve), 5)
        bed.ctl("stop", "web").expect(0)
        equal(os.path.exists(path), after_stop, "it is there after the stop, RuntimeDirectoryPreserve=" + preserve)
        subprocess.run(["rm", "-rf", "--one-file-system", path], check=True)
    check(os.path.exists("/etc/passwd"), "a link was followed")


@cleaned
def test_kept_as_it_is(bed):
    """What is there keeps owner and mode, also where another user runs now."""
    path = os.path.join("/var/lib", NAME)
    os.mkdir(path, 0o700)
    os.chown(path, 33, 33)
    bed.unit("web", "Type=oneshot", "ExecStart=/bin/stat -c %%u:%%a /var/lib/" + NAME, "StateDirectory=" + NAME, "StateDirectoryMode=0755")
    bed.ctl("start", "web").expect(0)
    contains(bed.logs("web"), "33:700")
    equal(owner(path), (33, 33, "0700"), path)


@cleaned
def test_links_are_not_followed(bed):
    """A link in the place of the directory, or of one above it, refuses the start; what it leads to stays untouched."""
    target = os.path.join(bed.directory, "target")
    os.mkdir(target, 0o700)
    os.chown(target, 4711, 4711)
    for base, name, directive in (("/var/lib", NAME, "StateDirectory"), ("/run", NAME, "RuntimeDirectory"), ("/var/lib", NAME + "/below", "StateDirectory")):
        os.symlink(target, os.path.join(base, NAME))
        bed.unit("web", "Type=oneshot", "ExecStart=/bin/true", "%s=%s" % (directive, name))
        bed.ctl("start", "web").expect(1, directive + "=", "is no directory", "web.container:")
        os.unlink(os.path.join(base, NAME))
        equal((os.stat(target).st_uid, os.listdir(target)), (4711, []), "what the link leads to")


@cleaned
def test_configuration(bed):
    """It is shown read-only where the host has it, never made, and hides nothing of the root otherwise."""
    os.makedirs(os.path.join(bed.root, "etc", NAME))
    write(os.path.join(bed.root, "etc", NAME, "of"), "the root\n")
    bed.unit("web", "Type=oneshot", "ExecStart=/bin/sh -c 'cat /etc/%s/of; touch /etc/%s/new'" % (NAME, NAME), "ConfigurationDirectory=" + NAME)
    bed.ctl("start", "web").expect(1)
    contains(bed.logs("web"), "the root")
    check(not os.path.exists("/etc/" + NAME), "it was made")
    os.mkdir("/etc/" + NAME)
    write("/etc/%s/of" % NAME, "the host\n")
    bed.ctl("start", "web").expect(1)
    contains(bed.logs("web"), "the host")
    equal(os.listdir("/etc/" + NAME), ["of"], "it was written to")


@cleaned
def test_second_name(bed):
    """NAME:OTHER is one directory at two places."""
    bed.unit("web", "Type=oneshot", "ExecStart=/bin/sh -c 'echo x >/var/lib/%s/file; cat /var/lib/%s-other/file'" % (NAME, NAME), "StateDirectory=%s:%s-other" % (NAME, NAME))
    bed.ctl("start", "web").expect(0)
    contains(bed.logs("web"), "x")
    check(not os.path.exists("/var/lib/%s-other" % NAME), "the second name was made on the host")


@cleaned
def test_over_a_manager_that_was_killed(bed):
    """The next manager removes what belongs to a life that it took over."""
    bed.start_sleeper("web", "RuntimeDirectory=" + NAME)
    bed.kill_manager()
    bed.start_manager()
    check(os.path.isdir("/run/" + NAME), "it went with the manager")
    bed.ctl("exec", "web", "/bin/touch", "/run/%s/file" % NAME).expect(0)
    bed.ctl("stop", "web").expect(0)
    check(not os.path.exists("/run/" + NAME), "it is still there")


run(__name__)
