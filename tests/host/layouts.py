# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images made by hand: archives that no honest tool would pack, too."""

import gzip
import hashlib
import io
import json
import os
import tarfile

from harness import write


def work(bed):
    return os.path.join(bed.directory, "work")


KINDS = {"file": tarfile.REGTYPE, "dir": tarfile.DIRTYPE, "link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE, "char": tarfile.CHRTYPE,
         "block": tarfile.BLKTYPE, "fifo": tarfile.FIFOTYPE}


def entry(kind, name, target="", data=b"", mode=0o755, uid=0, device=(1, 3), **pax):
    info = tarfile.TarInfo(name)
    info.type = KINDS[kind]
    info.linkname, info.mode, info.uid, info.gid, info.mtime = target, mode, uid, uid, 1600000000
    info.devmajor, info.devminor = device
    info.pax_headers = {key.replace("__", "."): value for key, value in pax.items()}
    info.size = len(data)
    return info, data


def tar(*entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT, encoding="utf-8", errors="surrogateescape") as archive:
        for info, data in entries:
            archive.addfile(info, io.BytesIO(data) if data else None)
    return out.getvalue()


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def layout(bed, name, layers, config=None, manifest=None, index=None, compress=True, change=None):
    """An OCI layout of these layers; change(blobs) does something to it afterwards."""
    top = os.path.join(work(bed), name)
    blobs = os.path.join(top, "blobs/sha256")
    os.makedirs(blobs)

    def blob(data):
        with open(os.path.join(blobs, digest(data)[7:]), "wb") as f:
            f.write(data)
        return {"digest": digest(data), "size": len(data)}

    packed = [gzip.compress(layer, 1, mtime=0) if compress else layer for layer in layers]
    wanted = {"architecture": native(), "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [digest(l) for l in layers]}}
    wanted.update(config or {})
    config_text = wanted if isinstance(wanted, bytes) else json.dumps(wanted).encode()
    described = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                 "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **blob(config_text)},
                 "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar" + ("+gzip" if compress else ""), **blob(p)} for p in packed]}
    if manifest:
        manifest(described)
    listed = {"schemaVersion": 2, "manifests": [{"mediaType": "application/vnd.oci.image.manifest.v1+json", **blob(json.dumps(described).encode()),
                                                 "annotations": {"org.opencontainers.image.ref.name": "v1"}}]}
    if index:
        index(listed)
    write(os.path.join(top, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}')
    write(os.path.join(top, "index.json"), json.dumps(listed))
    if change:
        change(top, described)
    return "oci:%s:v1" % top


def native():
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


ROOT = (entry("dir", "./"), entry("dir", "etc"), entry("file", "etc/passwd", data=b"root:x:0:0::/:/bin/sh\n", mode=0o644),
        entry("dir", "tmp", mode=0o1777), entry("dir", "usr"), entry("dir", "usr/bin"), entry("link", "bin", "usr/bin"))
