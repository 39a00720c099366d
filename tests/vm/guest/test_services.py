# SPDX-License-Identifier: LGPL-2.1-or-later
"""Services as Debian's packages leave them, each in the unit of units/examples: they do their work and stop cleanly.

The same under every security module; what one of them denies meanwhile is on no list and fails the run.
"""

from bed import *

ROOT = "/srv/bulwark/services"


def ids(name):
    """uid and gid of the container's user."""
    for line in read(ROOT + "/etc/passwd").splitlines():
        fields = line.split(":")
        if fields[0] == name:
            return int(fields[2]), int(fields[3])
    raise Failure("no user %s in %s" % (name, ROOT))


def directory(bed, name, user="root", mode=0o700):
    """A directory of the host for the container's user; the ids on disk are those inside."""
    path = os.path.join(bed.directory, name)
    os.mkdir(path, mode)
    os.chmod(path, mode)
    os.chown(path, *ids(user))
    return path


def stops_cleanly(bed, name):
    bed.ctl("stop", name).expect(0)
    equal((bed.active(name), bed.property(name, "Result"), bed.property(name, "ExecMainStatus")), ("inactive", "success", "0"),
          "the end of %s; %s" % (name, bed.logs(name)))


def payload_ids(bed, name):
    """The uids, as the container sees them, of everything that runs in it."""
    base = int(bed.property(name, "UIDRangeBase"))
    pids = read(os.path.join(cgroup_directory(bed, name), "payload/cgroup.procs")).split()
    return {os.stat("/proc/" + pid).st_uid - base for pid in pids}


def test_nginx(bed):
    """nginx serves a page of the host's and answers what it has not; its workers are not root."""
    pages = directory(bed, "pages", mode=0o755)
    write(os.path.join(pages, "index.html"), "a page from the host\n")
    example(bed, "web", "BindReadOnlyPaths=%s:/var/www/html" % pages)
    bed.ctl("start", "web").expect(0)

    def fetch(path):
        return bed.ctl("exec", "web", "busybox", "wget", "-q", "-O", "-", "http://127.0.0.1" + path)

    wait_until(lambda: fetch("/").out == "a page from the host\n", "the page; %s%s" % (bed.logs("web"), fetch("/")))
    fetch("/nothere").expect(1, "404")
    check(33 in payload_ids(bed, "web"), "no worker is www-data: %s" % payload_ids(bed, "web"))
    stops_cleanly(bed, "web")
    shutil.rmtree(pages)


def test_nginx_on_the_host_network(bed):
    """with PrivateNetwork=no it serves the host itself, on a port that needs no privilege."""
    pages = directory(bed, "pages", mode=0o755)
    write(os.path.join(pages, "index.html"), "for everybody\n")
    write(os.path.join(pages, "site"), "server { listen 127.0.0.1:8080; root /var/www/html; }\n")
    example(bed, "web", "BindReadOnlyPaths=%s:/var/www/html %s/site:/etc/nginx/sites-available/default" % (pages, pages), "PrivateNetwork=no")
    bed.ctl("start", "web").expect(0)
    wait_until(lambda: bed.run(["busybox", "wget", "-q", "-O", "-", "http://127.0.0.1:8080/"]).out == "for everybody\n",
               "the page from outside; " + bed.logs("web"))
    stops_cleanly(bed, "web")
    shutil.rmtree(pages)


def test_redis(bed):
    """redis-server keeps a value over a restart, in a file that is its own."""
    data = directory(bed, "redis", "redis")
    example(bed, "cache", "BindPaths=", "BindPaths=%s:/var/lib/redis" % data)
    bed.ctl("start", "cache").expect(0)

    def cli(*words):
        return bed.ctl("exec", "cache", "redis-cli", *words)

    wait_until(lambda: cli("ping").out == "PONG\n", "an answer; " + bed.logs("cache"))
    cli("set", "key", "a value").expect(0, "OK")
    cli("save").expect(0, "OK")
    saved = os.stat(os.path.join(data, "dump.rdb"))
    equal((saved.st_uid, saved.st_gid), ids("redis"), "owner on disk")
    cli("bgsave").expect(0, "started")  # a fork, the file replaced
    bed.ctl("restart", "cache").expect(0)
    wait_until(lambda: cli("ping").out == "PONG\n", "an answer after the restart; " + bed.logs("cache"))
    equal(cli("get", "key").expect(0).out, "a value\n", "the value after the restart")
    check(ids("redis")[0] in payload_ids(bed, "cache"), "the server is not redis")
    stops_cleanly(bed, "cache")
    shutil.rmtree(data)


def test_postgresql(bed):
    """PostgreSQL makes its cluster, serves SQL, and has it all after a restart."""
    data = directory(bed, "database", "postgres")
    for name in ("database-setup", "database"):
        example(bed, name, "BindPaths=", "BindPaths=%s:/var/lib/postgresql" % data)
    bed.ctl("start", "--wait", "database-setup", timeout=120).expect(0)
    contains(bed.logs("database-setup"), "Success.")
    bed.ctl("start", "database").expect(0)

    def sql(text):
        return bed.ctl("exec", "--user=postgres", "database", "psql", "-v", "ON_ERROR_STOP=1", "-Atc", text)

    wait_until(lambda: sql("select 1").out == "1\n", "an answer; %s%s" % (bed.logs("database"), sql("select 1")), 30)
    sql("create table things (id serial primary key, name text unique)").expect(0, "CREATE TABLE")
    sql("insert into things (name) select 'thing ' || n from generate_series(1, 1000) n").expect(0, "INSERT 0 1000")
    sql("vacuum analyze things").expect(0, "VACUUM")
    sql("checkpoint").expect(0, "CHECKPOINT")
    bed.ctl("restart", "database", timeout=120).expect(0)
    wait_until(lambda: sql("select 1").out == "1\n", "an answer after the restart; " + bed.logs("database"), 30)
    equal(sql("select count(*), max(id), min(name) from things").expect(0).out, "1000|1000|thing 1\n", "the rows after the restart")
    equal(payload_ids(bed, "database") - {0}, {ids("postgres")[0]}, "who the server's processes are")
    stops_cleanly(bed, "database")
    shutil.rmtree(data)


# What every payload may take for granted, in Debian's own words; the programs of the suites in /mnt do what no package here does.
BUSINESS = """ls -l /
echo x >/tmp/file
chown nobody /tmp/file
cp /bin/true /tmp/true && /tmp/true
ps ax
grep -q MemTotal /proc/meminfo
cat /proc/self/status /proc/1/status
readlink /proc/self/exe /proc/self/ns/net
cat /sys/fs/cgroup/cgroup.procs
echo 500 >/proc/self/oom_score_adj
sleep 9 & kill $!
/mnt/hostile try trace-child | grep -q ok
su -s /bin/sh nobody -c id
setpriv --reuid=nobody --regid=nogroup --clear-groups id
script -qc true /dev/null
echo x >/dev/null; head -c 1 /dev/urandom >/dev/null
echo x >/dev/shm/file && rm /dev/shm/file
mkfifo /run/fifo && (echo x >/run/fifo & read x </run/fifo)
test "$(hostname)" = business
dpkg -l
ip addr show lo | grep -q 'state UNKNOWN'
busybox nc -l -p 1234 -e /bin/echo hello & sleep 1; busybox nc 127.0.0.1 1234 </dev/null | grep hello
redis-server --port 0 --unixsocket /run/socket --daemonize yes && sleep 1 && redis-cli -s /run/socket ping | grep PONG
echo x >/media/a && ln /media/a /media/b && mv /media/b /media/c && flock /media/a rm /media/a /media/c
""".splitlines()


def test_ordinary_business(bed):
    """what programs do all day works: files, processes, tracing a child, other users, terminals, sockets, packages."""
    tried = os.path.join(bed.directory, "tried")
    os.mkdir(tried)
    shutil.copy(os.path.join(BUILD, "tests/host/hostile"), tried)
    bed.unit("business", raw="[Container]\nRootDirectory=%s\nExecStart=/bin/sleep 1000\nSystemCallFilter=@system-service @debug\nHostname=business\n"
             "BindReadOnlyPaths=%s:/mnt\nBindPaths=%s:/media\n" % (ROOT, tried, bed.out))
    bed.ctl("start", "business").expect(0)
    script = ["(%s) >/tmp/words 2>&1 || { echo '%s: '$?; cat /tmp/words; }" % (line, line.replace("'", "")) for line in BUSINESS]
    write(os.path.join(tried, "business"), "\n".join(script))
    equal(bed.ctl("exec", "business", "/bin/sh", "/mnt/business").expect(0).out, "", "what does not work")
    bed.ctl("stop", "business").expect(0)
    shutil.rmtree(tried)


def test_sshd(bed):
    """sshd lets in who has the key, gives a terminal, copies a file, and lets nobody else in."""
    keys = directory(bed, "login")
    example(bed, "login", "BindReadOnlyPaths=", "BindReadOnlyPaths=%s:/root/.ssh" % keys)
    # The key is made by the container's own program, in a container without the service.
    bed.unit("keygen", raw="[Container]\nRootDirectory=%s\nType=oneshot\nBindPaths=%s:/root/.ssh\n"
             "ExecStart=/usr/bin/ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id\n" % (ROOT, keys))
    bed.ctl("start", "--wait", "keygen").expect(0)
    os.rename(os.path.join(keys, "id.pub"), os.path.join(keys, "authorized_keys"))
    bed.ctl("start", "login").expect(0)

    def ssh(*words, key="/root/.ssh/id", program="ssh"):
        return bed.ctl("exec", "login", program, "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
                       "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-i", key, *words)

    wait_until(lambda: ssh("root@127.0.0.1", "true").code == 0, "a login; %s%s" % (bed.logs("login"), ssh("-v", "root@127.0.0.1", "true")))
    equal(ssh("root@127.0.0.1", "id -un; cat /proc/self/comm").expect(0).out, "root\ncat\n", "what root sees")
    equal(ssh("root@127.0.0.1", "exit 7").code, 7, "exit code of the command")
    contains(ssh("-tt", "root@127.0.0.1", "tty").expect(0).out, "/dev/pts/", "a terminal")
    ssh("/etc/os-release", "root@127.0.0.1:/tmp/copied", program="scp").expect(0)
    equal(ssh("root@127.0.0.1", "cat /tmp/copied").expect(0).out, read(ROOT + "/usr/lib/os-release"), "the copied file")
    ssh("root@127.0.0.1", "true", key="/nonexistent").expect(255, "Permission denied")
    ssh("postgres@127.0.0.1", "true").expect(255, "Permission denied")
    stops_cleanly(bed, "login")
    shutil.rmtree(keys)


run(__name__)
