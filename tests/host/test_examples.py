# SPDX-License-Identifier: LGPL-2.1-or-later
"""The units of units/examples run: nginx and redis-server from Debian answer in their containers."""

from harness import *

EXAMPLES = os.path.join(SOURCE, "units/examples")


def service_root():
    """A root file system made of Debian's packages, kept beside the build for the next run."""
    root = os.path.join(BUILD, "tests/host/services")
    if not os.path.exists(os.path.join(root, "usr/sbin/nginx")):
        os.makedirs(os.path.dirname(root), exist_ok=True)
        done = subprocess.run([os.path.join(SOURCE, "tools/dev/make-service-root"), root, "nginx", "redis-server", "busybox-static"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0:
            raise Failure("the packages cannot be had:\n" + done.stdout.decode(errors="replace"))
    return root


def install(bed, name, *lines, root=None):
    """The example as it is; where its root lies on this host is said by a drop-in, as a user would."""
    shutil.copy(os.path.join(EXAMPLES, name + ".container"), bed.units)
    bed.drop_in(name, "host.conf", "[Container]\nRootDirectory=%s\n%s\n" % (root or bed.root, "\n".join(lines)))
    bed.ctl("daemon-reload").expect(0)


def test_all_verify(bed):
    """every example passes verify and has a plan."""
    names = sorted(n[: -len(".container")] for n in os.listdir(EXAMPLES) if n.endswith(".container"))
    check(len(names) >= 5, "examples: %s" % names)
    data = os.path.join(bed.directory, "data")
    os.makedirs(data, exist_ok=True)
    # Some bind a directory that a host has only after their first line of instructions, and name users of a root of packages.
    ours = {"cache": ["BindPaths=", "BindPaths=%s:/var/lib/redis" % data, "User=105", "Group=105"],
            "database": ["BindPaths=", "BindPaths=%s:/var/lib/postgresql" % data, "User=105", "Group=105"],
            "login": ["BindReadOnlyPaths=", "BindReadOnlyPaths=%s:/root/.ssh" % data]}
    ours["database-setup"] = ours["database"]
    for name in names:
        more = ours.get(name, [])
        install(bed, name, *more)
        path = os.path.join(bed.units, name + ".container")
        bed.verify(path).expect(0)
        bed.ctl("plan", path).expect(0, "execute")


def test_hello(bed):
    """the oneshot says hello and ends well."""
    install(bed, "hello")
    bed.ctl("start", "--wait", "hello").expect(0)
    wait_until(lambda: "hello from hello, I am uid 0" in bed.logs("hello"), "the words")


def test_observed(bed):
    """calls that are watched still do what they did."""
    install(bed, "observed")
    bed.ctl("start", "--wait", "observed").expect(0)
    wait_until(lambda: "owned by 0" in bed.logs("observed"), "the words")
    contains(bed.ctl("policy", "show", os.path.join(bed.units, "observed.container")).expect(0).out, "log chown ", "the policy")


def test_logger(bed):
    """the long-running one logs and stops when asked."""
    install(bed, "logger")
    bed.ctl("start", "logger").expect(0)
    wait_until(lambda: "line 2" in bed.logs("logger"), "two lines")
    bed.ctl("stop", "logger").expect(0)
    wait_until(lambda: "asked to stop" in bed.logs("logger"), "its last words")
    equal((bed.active("logger"), bed.property("logger", "ExecMainStatus")), ("inactive", "0"), "state")


def test_nginx(bed):
    """nginx as Debian configures it serves a page."""
    pages = os.path.join(bed.directory, "pages")
    os.makedirs(pages)
    write(os.path.join(pages, "index.html"), "a page from the host\n")
    root = service_root()
    os.makedirs(os.path.join(root, "var/www/html"), exist_ok=True)
    install(bed, "web", "BindReadOnlyPaths=%s:/var/www/html" % pages, root=root)
    bed.ctl("start", "web").expect(0)
    wait_until(lambda: bed.ctl("exec", "web", "busybox", "wget", "-q", "-O", "-", "http://127.0.0.1/").out == "a page from the host\n",
               "the page; " + bed.logs("web") + str(bed.ctl("exec", "web", "busybox", "wget", "-O", "-", "http://127.0.0.1/")))
    bed.ctl("exec", "web", "busybox", "wget", "-q", "-O", "-", "http://127.0.0.1/nothere").expect(1, "404")
    workers = [p for p in bed.own_processes() if "nginx: worker" in read("/proc/%d/cmdline" % p)]
    check(workers, "no worker process")
    base = int(bed.property("web", "UIDRangeBase"))
    equal({os.stat("/proc/%d" % p).st_uid for p in workers}, {base + 33}, "the workers' uid outside")
    bed.ctl("stop", "web").expect(0)
    equal((bed.active("web"), bed.property("web", "ExecMainStatus")), ("inactive", "0"), "state after a clean stop")
    shutil.rmtree(pages)


def test_service_of_nginx(bed):
    """the service file of Debian's nginx, as it is: Type=forking and PIDFile=."""
    root = service_root()
    text = read(os.path.join(root, "usr/lib/systemd/system/nginx.service"))
    contains(text, "Type=forking")
    contains(text, "PIDFile=")
    bed.unit("forks", raw=text.replace("[Service]", "[Container]\nRootDirectory=%s\nTemporaryFileSystem=/var/log/nginx /var/lib/nginx" % root))
    bed.ctl("start", "forks").expect(0)
    number = bed.ctl("exec", "forks", "busybox", "cat", "/run/nginx.pid").expect(0).out.strip()
    contains(bed.ctl("exec", "forks", "busybox", "cat", "/proc/%s/cmdline" % number).expect(0).out, "master process")
    bed.ctl("reload", "forks").expect(0)
    bed.ctl("exec", "forks", "busybox", "wget", "-q", "-O", "-", "http://127.0.0.1/nothere").expect(1, "404")
    bed.ctl("stop", "forks").expect(0)
    equal((bed.active("forks"), bed.property("forks", "Result"), bed.property("forks", "ExecMainStatus")), ("inactive", "success", "0"), "its end")


def test_redis(bed):
    """redis-server as an ordinary user keeps a value over a restart."""
    data = os.path.join(bed.directory, "redis")
    os.makedirs(data)
    os.chown(data, 105, 105)
    install(bed, "cache", "BindPaths=", "BindPaths=%s:/var/lib/redis" % data, root=service_root())
    bed.ctl("start", "cache").expect(0)

    def cli(*words):
        return bed.ctl("exec", "cache", "redis-cli", *words)

    wait_until(lambda: cli("ping").out == "PONG\n", "an answer; " + bed.logs("cache"))
    cli("set", "key", "a value").expect(0, "OK")
    equal(cli("get", "key").expect(0).out, "a value\n", "the value")
    cli("save").expect(0, "OK")
    st = os.stat(os.path.join(data, "dump.rdb"))
    equal((st.st_uid, st.st_gid), (105, 105), "owner on disk")
    bed.ctl("restart", "cache").expect(0)
    wait_until(lambda: cli("ping").out == "PONG\n", "an answer after the restart")
    equal(cli("get", "key").expect(0).out, "a value\n", "the value after the restart")
    server = [p for p in bed.own_processes() if "redis-server" in read("/proc/%d/cmdline" % p)]
    equal({re.search(r"CapBnd:\s*(\S+)", read("/proc/%d/status" % p)).group(1) for p in server if "exec" not in read("/proc/%d/comm" % p)
           and os.stat("/proc/%d" % p).st_uid >= 0x80000}, {"0" * 16}, "capabilities of the server")
    bed.ctl("stop", "cache").expect(0)
    equal(bed.active("cache"), "inactive", "state after a clean stop")
    shutil.rmtree(data)


run(__name__)
