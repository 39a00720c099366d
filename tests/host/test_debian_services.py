# SPDX-License-Identifier: LGPL-2.1-or-later
"""Services of Debian start from their own service files and answer a request.

[Service] becomes [Container]; added are the root, copies of the directories that the service writes, its files and what a row
says. Each is asked from inside, as its network is its own, and has to stop cleanly.
"""

import collections
import concurrent.futures
import sys

from harness import *

sys.path.insert(0, os.path.join(SOURCE, "tools/dev"))

import debian  # noqa: E402
from service_units import map_unit  # noqa: E402

AT_ONCE = 3
# unit; directories it writes; files it is configured with; more lines; the question, asked inside; what the answer contains
Row = collections.namedtuple("Row", "unit state files lines ask answer")


def speak(address, words):
    """A program inside that says words to a TCP port or a socket and prints what comes back."""
    family, where = ("AF_UNIX", repr(address)) if isinstance(address, str) else ("AF_INET", repr(("127.0.0.1", address)))
    return ["/usr/bin/python3", "-c", "import socket\ns = socket.socket(socket.%s)\ns.settimeout(3)\ns.connect(%s)\ns.sendall(%r)\n"
            "b = b''\ntry:\n    while len(b) < 65536 and (d := s.recv(4096)): b += d\nexcept TimeoutError: pass\n"
            "print(b.decode(errors='replace'))" % (family, where, words)]


def get(port, path="/"):
    return ["/bin/busybox", "wget", "-q", "-O", "-", "http://127.0.0.1:%d%s" % (port, path)]


# version.bind. of class CHAOS, a text
VERSION = ["/usr/bin/python3", "-c", "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.settimeout(3)\n"
           "s.sendto(b'\\0\\7\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\7version\\4bind\\0\\0\\20\\0\\3', ('127.0.0.1', 53))\n"
           "a = s.recv(512)\nprint('answer', a[:2] == b'\\0\\7' and a[2] & 128 != 0)"]
PHP = ["/usr/bin/python3", "-c", "import socket, struct\ns = socket.socket(socket.AF_UNIX)\ns.settimeout(3)\n"
       "s.connect('/run/php/php8.2-fpm.sock')\nr = lambda t, d: struct.pack('>BBHHBB', 1, t, 1, len(d), 0, 0) + d\n"
       "p = {'SCRIPT_FILENAME': '/srv/sum.php', 'REQUEST_METHOD': 'GET'}\n"
       "q = b''.join(bytes((len(k), len(v))) + k.encode() + v.encode() for k, v in p.items())\n"
       "s.sendall(r(1, struct.pack('>HB5x', 1, 0)) + r(4, q) + r(4, b'') + r(5, b''))\nprint(s.recv(4096))"]

ROWS = {row.unit: row for row in [
    Row("beanstalkd", ["/var/lib/beanstalkd"], {}, ["EnvironmentFile=", "EnvironmentFile=%(root)s/etc/default/beanstalkd"], speak(11300, b"put 0 0 9 2\r\nhi\r\nreserve\r\nquit\r\n"), "RESERVED 1 2\r\nhi"),
    Row("prometheus-node-exporter", [], {}, ["EnvironmentFile=", "EnvironmentFile=%(root)s/etc/default/prometheus-node-exporter"], get(9100, "/metrics"), "node_exporter_build_info"),
    Row("php8.2-fpm", ["/var/lib/php", "/var/log"], {"/srv/sum.php": "<?php echo 'sum ', 40 + 2;"}, ["RuntimeDirectory=php"], PHP, "sum 42"),
    Row("lighttpd", ["/var/log/lighttpd", "/var/cache/lighttpd"], {"/var/www/html/index.html": "a page\n"}, [], get(80), "a page"),
    Row("unbound", ["/var/lib/unbound"], {}, [], VERSION, "answer True"),
    Row("memcached", [], {}, [], speak(11211, b"set k 0 0 2\r\nhi\r\nget k\r\nquit\r\n"), "VALUE k 0 2\r\nhi"),
    Row("nsd", ["/var/lib/nsd"], {}, [], VERSION, "answer True"),
    Row("rsync", [], {"/etc/rsyncd.conf": "[pages]\npath = /srv\n"}, ["[Unit]", "ConditionPathExists="], ["/usr/bin/rsync", "rsync://127.0.0.1/"], "pages"),
    Row("tinyproxy", ["/var/log/tinyproxy"], {}, ["RuntimeDirectory=tinyproxy"], speak(8888, b"GET http://tinyproxy.stats/ HTTP/1.0\r\n\r\n"), "tinyproxy"),
    Row("nginx", ["/var/lib/nginx", "/var/log/nginx"], {"/var/www/html/index.html": "a page\n"}, [], get(80), "a page"),
    Row("dnsmasq", ["/var/lib/misc"], {}, [], VERSION, "answer True"),
    Row("privoxy", ["/var/lib/privoxy", "/var/log/privoxy"], {}, [], speak(8118, b"GET http://p.p/ HTTP/1.0\r\n\r\n"), "Privoxy"),
    Row("apache2", ["/var/log/apache2"], {"/var/www/html/index.html": "a page\n"}, ["RuntimeDirectory=lock apache2"], get(80), "a page"),
    Row("mosquitto", ["/var/lib/mosquitto", "/var/log/mosquitto"], {}, ["RuntimeDirectory=mosquitto"], speak(1883, b"\x10\x0c\0\4MQTT\4\2\0\x3c\0\0"), " \2\0\0"),
]}


def root_of_services():
    try:
        return debian.services(lambda words: print(words, flush=True))
    except debian.image.Problem as why:
        raise Skip("no root of the services: %s" % why) from None


def prepare(bed, root, row):
    """Writes the unit; the root itself is never written."""
    home = os.path.join(bed.directory, "services", row.unit)
    lines = []
    for place in row.state:
        copy = home + place
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        subprocess.run(["cp", "-a", root + place, copy], check=True)
        lines.append("BindPaths=%s:%s" % (copy, place))
    for place, text in row.files.items():
        os.makedirs(os.path.dirname(home + place), exist_ok=True)
        write(home + place, text)
        lines.append("BindReadOnlyPaths=%s:%s" % (home + place, place))
    text = read(os.path.join(root, "lib/systemd/system", row.unit + ".service"))
    write(os.path.join(bed.units, row.unit + ".container"), map_unit(text, root, *lines, *(line % {"root": root} for line in row.lines)))


def serve(bed, row):
    """Starts it, asks it, stops it; what went wrong, or nothing."""
    begin = time.monotonic()
    try:
        bed.ctl("start", row.unit, timeout=90).expect(0)
        wait_until(lambda: row.answer in bed.ctl("exec", row.unit, *row.ask).out, "the answer", 20)
        bed.ctl("stop", row.unit, timeout=60).expect(0)
        equal((bed.active(row.unit), bed.property(row.unit, "Result")), ("inactive", "success"), "state after the stop")
    except Failure as why:
        return "%s: %s\n%s%s" % (row.unit, why, bed.ctl("exec", row.unit, *row.ask), bed.ctl("logs", row.unit).out[-1500:])
    finally:
        print("# %s: %.1f s" % (row.unit, time.monotonic() - begin), flush=True)
    return None


def test_answer_and_stop(bed):
    """each answers its request and stops cleanly, started from the lines of its own service file."""
    root = root_of_services()
    rows = [row for name, row in ROWS.items() if name in os.environ.get("BULWARK_TEST_SERVICES", " ".join(ROWS)).split()]
    for row in rows:
        prepare(bed, root, row)
    bed.ctl("daemon-reload").expect(0)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        problems = [problem for problem in pool.map(lambda row: serve(bed, row), rows) if problem]
    shutil.rmtree(os.path.join(bed.directory, "services"), ignore_errors=True)
    check(not problems, "%d of %d services fail:\n%s" % (len(problems), len(rows), "\n".join(problems)))


run(__name__)
