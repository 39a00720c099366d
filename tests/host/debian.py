# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Debian with many services, for the suite that starts them: built once for its recipe, kept in the cache, never written.

tests/host/debian.py builds it where it is missing and prints its path. BULWARK_VM_MIRROR names another Debian mirror.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(SOURCE, "tests/vm"))

import image  # noqa: E402

CACHE = "bulwark-services"
SUITE = "bookworm"
# Beside the services: what the suite asks them with.
PACKAGES = """
    apache2 beanstalkd bind9 chrony dnsmasq dovecot-imapd haproxy lighttpd mariadb-server memcached mosquitto nginx-light nsd
    php-fpm postgresql privoxy prometheus-node-exporter rabbitmq-server redis-server rsync stunnel4 tinyproxy tor unbound
    varnish vsftpd
    busybox openssl python3-minimal
""".split()
OPTIONS = [
    "--mode=root", "--variant=minbase", "--skip=check/qemu", '--aptopt=Acquire::Retries "5"', "--dpkgopt=force-unsafe-io",
    "--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
]
ATTEMPTS = 2


def path():
    recipe = "\n".join([SUITE, *PACKAGES, *OPTIONS])
    return os.path.join(image.cache_directory(CACHE), hashlib.sha256(recipe.encode()).hexdigest()[:16])


def build(target, log):
    mirror = os.environ.get("BULWARK_VM_MIRROR")
    # In a mount namespace of its own: a build that breaks leaves no mount behind.
    command = ["unshare", "--mount", "--propagation=private", "mmdebstrap", *OPTIONS, "--include=" + ",".join(PACKAGES),
               SUITE, target, *([mirror] if mirror else [])]
    image.logged(command, log, "building the root of the services")


def services(say=print):
    """The directory of the root; image.Problem where it is not there and cannot be made."""
    target = path()
    with image.locked(CACHE):
        if not os.path.exists(target):
            for tool in ("mmdebstrap", "unshare"):
                if not shutil.which(tool):
                    raise image.Problem("%s is missing: tools/dev/install-dependencies" % tool)
            begin = time.monotonic()
            building = target + ".building"
            for attempt in range(ATTEMPTS):
                shutil.rmtree(building, ignore_errors=True)
                try:
                    build(building, target + ".log")
                    break
                except image.Problem:
                    shutil.rmtree(building, ignore_errors=True)
                    if attempt + 1 == ATTEMPTS:
                        raise
            os.chmod(building, 0o755)
            # All or nothing: a half-made root never has the final name.
            os.rename(building, target)
            say("# built in %d s: %s" % (time.monotonic() - begin, target))
        os.utime(target)
        for name in os.listdir(os.path.dirname(target)):
            old = os.path.join(os.path.dirname(target), name)
            if name != "lock" and os.stat(old).st_mtime < time.time() - image.UNUSED_DAYS * 86400:
                shutil.rmtree(old) if os.path.isdir(old) else os.unlink(old)
    return target


if __name__ == "__main__":
    try:
        print(services(lambda words: print(words, file=sys.stderr)))
    except (image.Problem, OSError, subprocess.SubprocessError) as why:
        sys.exit("%s" % why)
