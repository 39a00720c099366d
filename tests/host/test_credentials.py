# SPDX-License-Identifier: LGPL-2.1-or-later
"""Secrets as files: LoadCredential=, SetCredential=, ImportCredential=; where they are seen, and where they are not."""

from harness import *

STORE = "/run/credstore"
NAME = "bulwark-test-%d" % os.getpid()
SECRET = "s3cret-%d" % os.getpid()


def test_loaded(bed):
    """Each is a file of the unit's user alone, read-only, in a file system that cannot be written; the variable names the place."""
    path = os.path.join(bed.directory, "key")
    write(path, SECRET, 0o600)
    directory = os.path.join(bed.directory, "keys")
    os.mkdir(directory)
    write(os.path.join(directory, "one"), "1", 0o600)
    for user, uid in (("root", 0), ("user", 1000)):
        bed.unit("web", "Type=oneshot", "User=" + user, "LoadCredential=key:" + path, "LoadCredential=d:" + directory, "SetCredential=text:two  words \\x41", "SetCredential=key:not this",
                 "ExecStartPre=/bin/sh -c 'cat %d/key; echo'",
                 "ExecStart=/bin/sh -c 'echo $$CREDENTIALS_DIRECTORY; cd %d; stat -c \"%%n %%u %%a\" . key d_one text; cat key text d_one; echo; touch new; echo x >key; id -u'")
        bed.ctl("start", "web").expect(0)
        out = bed.logs("web")
        for words in ("/run/credentials/web\n", ". %d 500" % uid, "key %d 400" % uid, "text %d 400" % uid, SECRET + "two  words A1"):
            contains(out, words.replace("\n", ""))
        equal(out.count(SECRET), 2, "the command before it reads it, too")
        contains(out, "Read-only file system")
        shutil.rmtree(os.path.join(bed.state, "logs/web"), ignore_errors=True)


def test_not_for_others(bed):
    """Another user of the same container reads none; no plan, property, record or state has the secret."""
    path = os.path.join(bed.directory, "key")
    write(path, SECRET, 0o600)
    bed.unit("web", "User=user", "LoadCredential=key:" + path, "ExecStart=/bin/sleep 1000")
    bed.ctl("start", "web").expect(0)
    contains(bed.ctl("exec", "web", "/bin/cat", "/run/credentials/web/key").expect(0).out, SECRET)
    check(SECRET not in bed.ctl("exec", "-u", "1234", "web", "/bin/cat", "/run/credentials/web/key").out, "another user reads it")
    check(SECRET not in bed.ctl("show", "web").expect(0).out, "show tells it")
    plan = bed.run([bed.analyze, "plan", os.path.join(bed.units, "web.container")]).expect(0).out
    check(SECRET not in plan and "credentials" in plan, "the plan")
    for root, _, files in os.walk(bed.runtime):
        for name in files:
            if os.path.isfile(os.path.join(root, name)):
                check(SECRET not in read(os.path.join(root, name)), name + " has it")
    for line in read("/proc/self/mountinfo").splitlines():
        check("/run/credentials/web" not in line, "it is mounted on the host")


def test_stores(bed):
    """A name without a path is looked for; a pattern imports; what is missing refuses, unless the unit has a text."""
    os.makedirs(STORE, exist_ok=True)
    made = [os.path.join(STORE, NAME + suffix) for suffix in (".a", ".b")]
    try:
        for path in made:
            write(path, "of " + path[-1], 0o600)
        bed.unit("web", "Type=oneshot", "LoadCredential=%s.a" % NAME, "ImportCredential=%s.*" % NAME, "LoadCredential=%s.c" % NAME, "SetCredential=%s.c:of c" % NAME,
                 "ExecStart=/bin/sh -c 'cd %d; cat *'")
        bed.ctl("start", "web").expect(0)
        contains(bed.logs("web"), "of aof bof c")
        bed.unit("web", "Type=oneshot", "LoadCredential=%s.none" % NAME, "ExecStart=/bin/true")
        bed.ctl("start", "web").expect(1, "LoadCredential=", NAME + ".none", "/etc/credstore", "web.container:")
        bed.unit("web", "Type=oneshot", "ImportCredential=%s.none*" % NAME, "ExecStart=/bin/ls /run/credentials/web")
        bed.ctl("start", "web").expect(0)
    finally:
        for path in made:
            if os.path.exists(path):
                os.unlink(path)


def test_hostile(bed):
    """Links and second names that somebody else made, devices, pipes, and files that are too long: refused by name."""
    open_directory = os.path.join(bed.directory, "open")
    os.mkdir(open_directory)
    os.chmod(open_directory, 0o777)
    os.symlink("/etc/shadow", os.path.join(open_directory, "link"))
    os.mkfifo(os.path.join(bed.directory, "pipe"))
    write(os.path.join(bed.directory, "long"), b"x" * ((1 << 20) + 1))
    for path, words in ((os.path.join(open_directory, "link"), "somebody else"), (os.path.join(bed.directory, "pipe"), "neither a file nor a directory"),
                        ("/dev/zero", "neither a file nor a directory"), (os.path.join(bed.directory, "long"), "1024 KiB"), ("/nonexistent/x", "cannot read")):
        bed.unit("web", "Type=oneshot", "LoadCredential=key:" + path, "ExecStart=/bin/true")
        bed.ctl("start", "web").expect(1, "LoadCredential=", words, "web.container:")
    check(not os.path.exists(os.path.join(bed.cgroup, "containers/web")), "a control group is left")


run(__name__)
