# SPDX-License-Identifier: LGPL-2.1-or-later
"""The store of images: what comes in from which source, what is refused, and what a death in the middle leaves."""

import gzip
import tarfile

from harness import *
from layouts import ROOT, digest, entry, layout, native, tar, work  # noqa: beside the harness

STORE = "images"


def store(bed):
    return os.path.join(bed.directory, STORE)


def image(bed, verb, *arguments, **how):
    return bed.run([bed.bulwarkctl, "image", verb, "--store=" + store(bed), *arguments], **how)


def fresh(bed):
    shutil.rmtree(store(bed), ignore_errors=True)
    shutil.rmtree(work(bed), ignore_errors=True)
    os.mkdir(work(bed))


def whole(bed):
    """Nothing is damaged, nothing is under way."""
    image(bed, "check").expect(0, "under way: 0")


def images_of(bed):
    return {i["name"]: i for i in json.loads(image(bed, "list", "-o", "json").expect(0).out)}


def tree_of(bed, name, layer=-1):
    """Where a layer of an image is."""
    told = json.loads(image(bed, "inspect", "-o", "json", name).expect(0).out)[0]
    return os.path.join(store(bed), told["directories"][layer])


# --- what comes in

def test_sources(bed):
    """one image from a directory, an archive of it and a docker archive; a tar of files is an image, too."""
    fresh(bed)
    config = {"config": {"Entrypoint": ["/bin/x", "a b"], "Cmd": ["c"], "Env": ["A=1", "B=x\ny"], "User": "7:8", "WorkingDir": "/srv",
                         "StopSignal": "SIGINT", "Labels": {"k": "v"}, "ExposedPorts": {"80/tcp": {}}, "Volumes": {"/data": {}}}}
    layers = [tar(*ROOT), tar(entry("dir", "etc"), entry("file", "etc/two", data=b"2"))]
    source = layout(bed, "one", layers, config)
    first = image(bed, "import", source).expect(0).out.split()
    equal(first[0], "one:v1", "the name")
    with tarfile.open(work(bed) + "/one.tar", "w") as archive:
        archive.add(work(bed) + "/one", ".")
    equal(image(bed, "import", "oci-archive:%s/one.tar" % work(bed), "web/site:2").expect(0).out.split(), ["web/site:2", first[1]], "the archive")
    inspected = json.loads(image(bed, "inspect", "-o", "json", "web/site:2").expect(0).out)[0]
    equal(inspected["digest"], first[1], "digest")
    for key, value in (("entrypoint", ["/bin/x", "a b"]), ("command", ["c"]), ("environment", ["A=1", "B=x\ny"]), ("user", "7:8"),
                       ("directory", "/srv"), ("stop-signal", "SIGINT"), ("label", ["k=v"]), ("port", ["80/tcp"]), ("volume", ["/data"])):
        equal(inspected[key], value, key)
    equal([l["diff_id"] for l in inspected["layers"]], [digest(l) for l in layers], "layers")

    docker = [entry("file", "c.json", data=json.dumps({"architecture": native(), "os": "linux", "config": {}, "rootfs": {
        "type": "layers", "diff_ids": [digest(l) for l in layers]}}).encode()), entry("dir", "a"), entry("file", "a/layer.tar", data=layers[0]),
        entry("link", "b/layer.tar", "../deep/layer.tar"), entry("file", "deep/layer.tar", data=layers[1]),
        entry("file", "manifest.json", data=json.dumps([{"Config": "c.json", "RepoTags": ["old/name:3"], "Layers": [
            "a/layer.tar", "b/layer.tar"]}]).encode())]
    with open(work(bed) + "/docker.tar", "wb") as f:
        f.write(tar(*docker))
    told = image(bed, "import", "docker-archive:%s/docker.tar" % work(bed)).expect(0).out.split()
    equal(told[0], "old/name:3", "the name of a docker archive")
    equal(image(bed, "import", "docker-archive:%s/docker.tar" % work(bed)).expect(0).out.split(), told, "once more, with all layers there")

    with gzip.open(work(bed) + "/debian.tar.gz", "wb") as f:
        f.write(layers[0])
    equal(image(bed, "import", work(bed) + "/debian.tar.gz").expect(0).out.split()[0], "debian:latest", "the name of a file")
    equal(len(os.listdir(store(bed) + "/layers")), 2, "layers: shared by all")
    equal(sorted(images_of(bed)), ["debian:latest", "old/name:3", "one:v1", "web/site:2"], "names")
    image(bed, "verify", "debian", "one:v1", first[1], first[1][7:25]).expect(0)
    equal(read(tree_of(bed, "debian") + "/etc/passwd"), "root:x:0:0::/:/bin/sh\n", "a file")
    equal(os.stat(tree_of(bed, "debian") + "/tmp").st_mode & 0o7777, 0o1777, "a mode")
    equal(os.stat(tree_of(bed, "debian") + "/etc").st_mtime, 1600000000, "a directory's time")
    whole(bed)


def test_names(bed):
    """what is no name is refused before anything is read."""
    fresh(bed)
    source = layout(bed, "one", [tar(*ROOT)])
    for name in ("Upper", "a//b", "../x", "a:", "a/-b", "a b", "x" * 300, "a@b", ".a", "a/b/", ":tag", "a+b"):
        image(bed, "import", source, name).expect(2, "is no name for an image")
    for name in ("h.example:5000/a/b_c:V-1.2", "a", "0:0"):
        image(bed, "import", source, name).expect(0)
    equal(sorted(images_of(bed)), ["0:0", "a:latest", "h.example:5000/a/b_c:V-1.2"], "names")
    image(bed, "inspect", "b").expect(5, "there is no image b in")
    image(bed, "inspect", "a@sha256:" + "0" * 64).expect(5, "there is no image")
    image(bed, "inspect", "a@" + images_of(bed)["a:latest"]["digest"]).expect(0)
    image(bed, "import", "oci:%s/one:v2" % work(bed)).expect(5, "none of the 1 images of the index is tagged v2")
    image(bed, "import", work(bed)).expect(5, "is imported as oci:")
    image(bed, "import", work(bed) + "/nothing").expect(5, "No such file")


WALK = r"""
import hashlib, os, stat, sys
def walk(path, rest):
    st = os.lstat(path)
    line = [rest or "/", oct(st.st_mode), st.st_uid, st.st_gid, int(st.st_mtime)]
    if stat.S_ISREG(st.st_mode):
        line += [st.st_size, hashlib.sha256(open(path, "rb").read()).hexdigest(), st.st_nlink]
        line += [(n, os.getxattr(path, n)) for n in sorted(os.listxattr(path)) if n.startswith(("user.", "security.capability"))]
    if stat.S_ISLNK(st.st_mode):
        line.append(os.readlink(path))
    print(*line)
    if stat.S_ISDIR(st.st_mode):
        for name in sorted(os.listdir(path)):
            walk(path + "/" + name, rest + "/" + name)
walk(sys.argv[1], "")
"""


def listing(bed, command):
    return bed.run(["unshare", "-m", "sh", "-ec", command + '\nexec python3 -c "$WALK" "$TREE"'],
                   environment={"WALK": WALK, "TREE": work(bed) + "/merged"}).expect(0).out


def merged(bed, name):
    """The image as a container has it: an overlay of its layers."""
    told = json.loads(image(bed, "inspect", "-o", "json", name).expect(0).out)[0]
    os.makedirs(work(bed) + "/merged", exist_ok=True)
    layers = ":".join(reversed(told["directories"]))
    if len(told["directories"]) == 1:
        return listing(bed, "mount --bind %s/%s %s/merged" % (store(bed), layers, work(bed)))
    return listing(bed, "cd %s; mount -t overlay -o ro,lowerdir=%s,metacopy=off,redirect_dir=nofollow,index=off overlay %s/merged" % (
        store(bed), layers, work(bed)))


def test_as_umoci(bed):
    """an image that umoci built has, merged, exactly the tree that umoci unpacks."""
    if not shutil.which("umoci"):
        raise Skip("umoci is not installed")
    fresh(bed)
    layers = [
        tar(*ROOT, entry("file", "usr/bin/tool", data=b"tool" * 5000, mode=0o4755), entry("hard", "usr/bin/same", "usr/bin/tool"),
            entry("dir", "gone"), entry("file", "gone/a", data=b"a"), entry("dir", "opaque", mode=0o700, uid=5),
            entry("file", "opaque/old", data=b"o"), entry("file", "etc/left", data=b"l", uid=70000), entry("fifo", "pipe"),
            entry("file", "etc/\u00e4 name", data=b"n"), entry("dir", "deep", mode=0o711), entry("dir", "deep/er", mode=0o500, uid=9)),
        tar(entry("dir", "etc"), entry("file", "etc/.wh.left"), entry("file", ".wh.gone"), entry("dir", "opaque", mode=0o750),
            entry("file", "opaque/.wh..wh..opq"), entry("file", "opaque/new", data=b"n")),
        tar(entry("file", "deep/er/file", data=b"implied"), entry("hard", "etc/copy", "usr/bin/tool"),
            entry("file", "tmp/x", data=b"x")),  # directories left out, and a link to what only a lower layer has
        tar(entry("dir", "gone", mode=0o770), entry("file", "gone/b", data=b"b", SCHILY__xattr__user__note="text")),
    ]
    source = layout(bed, "many", layers)
    image(bed, "import", source).expect(0)
    kinds = [l["kind"] for l in json.loads(image(bed, "inspect", "-o", "json", "many:v1").expect(0).out)[0]["layers"]]
    equal(kinds, ["diff", "diff", "chain", "diff"], "which layers need those below")
    bed.run(["umoci", "unpack", "--image", source[4:], work(bed) + "/bundle"]).expect(0)
    ours = merged(bed, "many:v1").splitlines()
    theirs = listing(bed, "mount --bind %s/bundle/rootfs %s/merged" % (work(bed), work(bed))).splitlines()
    different = [line for line in sorted(set(ours) ^ set(theirs)) if not line.startswith(("/ ", "/etc/copy ", "/usr/bin/same ", "/usr/bin/tool ",
                                                                                         "/tmp ", "/deep/er ", "/deep "))]
    equal(different, [], "what differs")
    # umoci touches directories that it only goes through, and what an overlay copies up is another file: compared without time and count
    def loose(lines, path):
        return [[w for i, w in enumerate(line.split()) if i != 4 and i != 7] for line in lines if line.startswith(path + " ")]
    for path in ("/etc/copy", "/usr/bin/same", "/usr/bin/tool", "/tmp", "/deep/er", "/deep"):
        equal(loose(ours, path), loose(theirs, path), path)
    image(bed, "verify", "many:v1").expect(0)
    whole(bed)


def test_through_links(bed):
    """a name that goes through a link of a lower layer lands where the link leads, inside the image."""
    fresh(bed)
    image(bed, "import", layout(bed, "one", [tar(*ROOT), tar(entry("file", "bin/new", data=b"n"))])).expect(0)
    equal(read(tree_of(bed, "one:v1") + "/usr/bin/new"), "n", "the file")
    check(not os.path.lexists(tree_of(bed, "one:v1") + "/bin"), "the link is the lower layer's")
    outside = os.path.join(bed.directory, "outside")
    os.makedirs(outside, exist_ok=True)
    source = layout(bed, "two", [tar(*ROOT, entry("link", "abs", outside), entry("link", "up", "../../../../../../.." + outside)),
                                 tar(entry("file", "abs/x", data=b"1"), entry("file", "up/y", data=b"2"), entry("file", "up/abs/z", data=b"3"))])
    image(bed, "import", source).expect(0)
    equal(os.listdir(outside), [], "nothing of the host is touched")
    equal(read(tree_of(bed, "two:v1") + outside + "/x") + read(tree_of(bed, "two:v1") + outside + "/y"), "12", "the files are in the image")


# --- what is hostile: (entries, words of the refusal), or None and a look at the tree where it is harmless

def only(tree, *paths):
    found = sorted(os.path.relpath(os.path.join(d, n), tree) for d, dirs, files in os.walk(tree) for n in dirs + files)
    equal(found, sorted(paths), "what was made of it")


HOSTILE = {
    "parent in a name": ([entry("file", "../x")], "a name with .. in it"),
    "parent in the middle": ([entry("dir", "a"), entry("file", "a/../../x")], "a name with .. in it"),
    "absolute name": ([entry("file", "/x", data=b"1")], lambda t: only(t, "x")),
    "link out and through it": ([entry("link", "a", "/"), entry("dir", "tmp"), entry("file", "a/tmp/escaped", data=b"1")],
                                lambda t: only(t, "a", "tmp", "tmp/escaped")),
    "link up and through it": ([entry("link", "a", "../../../.."), entry("file", "a/escaped", data=b"1")], lambda t: only(t, "a", "escaped")),
    "links in a circle": ([entry("link", "a", "b"), entry("link", "b", "a"), entry("file", "a/x")], "too many links"),
    "link to itself": ([entry("link", "a", "a"), entry("file", "a/x")], "too many links"),
    "directory over a link": ([entry("link", "a", "/etc"), entry("dir", "a"), entry("file", "a/x", data=b"1")], lambda t: only(t, "a", "a/x")),
    "file over a link": ([entry("link", "a", "/etc/passwd"), entry("file", "a", data=b"1")], lambda t: equal(read(t + "/a"), "1", "content")),
    "link over a directory": ([entry("dir", "a"), entry("file", "a/x"), entry("link", "a", "/etc"), entry("file", "a/y")],
                              lambda t: only(t, "a", "etc", "etc/y")),
    "empty link": ([entry("link", "a", "")], "a symbolic link to nothing"),
    "hard link out": ([entry("hard", "a", "../../../../../etc/passwd")], "a name with .. in it"),
    "hard link to the host": ([entry("hard", "a", "/etc/passwd")], "a hard link to a file that is not there"),
    "hard link through a link": ([entry("link", "e", "/etc"), entry("hard", "a", "e/passwd")], "a hard link to a file that is not there"),
    "hard link to a link": ([entry("link", "e", "/etc/passwd"), entry("hard", "a", "e"), entry("file", "a", data=b"1")],
                            lambda t: equal((os.readlink(t + "/e"), read(t + "/a")), ("/etc/passwd", "1"), "each")),
    "hard link to a directory": ([entry("dir", "d"), entry("hard", "a", "d")], "a hard link to what is no file"),
    "hard link to itself": ([entry("file", "a", data=b"1"), entry("hard", "a", "a")], lambda t: equal(read(t + "/a"), "1", "content")),
    "hard link over its own directory": ([entry("dir", "d"), entry("file", "d/f"), entry("hard", "d", "d/f")], "a hard link to a file that it replaces"),
    "hard link to the root": ([entry("hard", "a", "/")], "a hard link to the root"),
    "root as a file": ([entry("file", "./")], lambda t: only(t)),
    "root as a link": ([entry("link", ".", "/etc")], "the root as something else"),
    "root as a hard link": ([entry("file", "a"), entry("hard", ".", "a")], "an entry of a kind that is not known"),
    "a file as a directory": ([entry("file", "a"), entry("file", "a/x")], "what should be its directory is a file"),
    "whiteout of nothing": ([entry("file", ".wh.")], "a whiteout of nothing"),
    "whiteout of here": ([entry("file", ".wh..")], "a whiteout of nothing"),
    "whiteout of above": ([entry("dir", "a"), entry("file", "a/.wh...")], "a whiteout of nothing"),
    "whiteout with children": ([entry("dir", ".wh.a"), entry("file", ".wh.a/x")], "a whiteout with something below it"),
    "whiteout in a whiteout": ([entry("file", ".wh.a/.wh.b")], "a whiteout with something below it"),
    "whiteout through a link": ([entry("link", "a", "/etc"), entry("file", "a/.wh.passwd")], lambda t: only(t, "a", "etc")),
    "books of aufs": ([entry("dir", ".wh..wh.plnk"), entry("file", ".wh..wh.plnk/1.2"), entry("file", ".wh..wh.aufs")], lambda t: only(t)),
    "opaque root": ([entry("file", ".wh..wh..opq")], lambda t: only(t)),  # as the first layer it hides nothing
    "a forged whiteout": ([entry("char", "a", device=(0, 0))], "a device that would hide what is below it"),
    "a forged opaque mark": ([entry("dir", "a", SCHILY__xattr__trusted__overlay__opaque="y")], "would speak to the overlay"),
    "a forged redirect": ([entry("dir", "a", SCHILY__xattr__user__overlay__redirect="/etc")], "would speak to the overlay"),
    "other attributes": ([entry("file", "a", SCHILY__xattr__security__selinux="x", SCHILY__xattr__trusted__x="y", SCHILY__xattr__user__a="b")],
                         lambda t: equal([n for n in os.listxattr(t + "/a") if not n.startswith("security.")], ["user.a"], "attributes")),
    "many attributes": ([entry("file", "a", **{"SCHILY__xattr__user__%d" % i: "x" for i in range(70)})], "more than 64 extended attributes"),
    "large attributes": ([entry("file", "a", **{"SCHILY__xattr__user__%d" % i: "x" * 9000 for i in range(9)})], "more than 64 KiB"),
    "devices": ([entry("char", "null"), entry("block", "sda", device=(8, 0)), entry("file", "x")], lambda t: only(t, "x")),
    "long name": ([entry("file", "n" * 256)], "too long, or too deep"),
    "long path": ([entry("file", "/".join(["n" * 200] * 21))], "too long, or too deep"),
    "deep path": ([entry("file", "a/" * 300 + "a")], "too long, or too deep"),
    "terminal escapes in a name": ([entry("file", "\x1b[2Jx/../y")], "a name with .. in it"),
    "duplicates": ([entry("file", "a", data=b"1"), entry("dir", "a"), entry("file", "a/b"), entry("file", "a", data=b"2")],
                   lambda t: equal(read(t + "/a"), "2", "the last")),
    "owner beyond": ([entry("file", "a", uid=2**33)], "an owner that no file can have"),
    "dots and slashes": ([entry("dir", ".//./a///"), entry("file", "./a/./b")], lambda t: only(t, "a", "a/b")),
    "a line's end in a name": ([entry("file", "a\nb", data=b"1")], lambda t: only(t, "a\nb")),
    "bytes that are no text": ([entry("file", "caf\udce9", data=b"1")], lambda t: equal(os.listdir(os.fsencode(t)), [b"caf\xe9"], "the name")),
}


def test_hostile(bed):
    """every archive of the table is refused with its reason, or is harmless; the host and the store stay as they were."""
    fresh(bed)
    inside = os.path.join(work(bed), "x.tar")
    before = os.stat("/etc/passwd"), sorted(os.listdir("/etc")), sorted(os.listdir("/tmp")), sorted(os.listdir("/"))
    problems = []
    for what, (entries, expected) in HOSTILE.items():
        with open(inside, "wb") as f:
            f.write(tar(*entries))
        done = image(bed, "import", inside, "hostile")
        try:
            if isinstance(expected, str):
                done.expect(5, expected, "nothing was imported")
                equal(images_of(bed), {}, "images")
                check("\x1b" not in done.err, "an escape reaches the terminal")
            else:
                done.expect(0)
                expected(tree_of(bed, "hostile"))
                image(bed, "verify", "hostile").expect(0)
                image(bed, "remove", "hostile").expect(0)
            whole(bed)
            equal(os.listdir(store(bed) + "/layers"), [], "layers that are left")
        except Failure as e:
            problems.append("%s: %s" % (what, e))
            shutil.rmtree(store(bed), ignore_errors=True)
    equal(problems, [], "what went wrong")
    equal(before[:1] + before[1:2] + before[3:], (os.stat("/etc/passwd"), sorted(os.listdir("/etc")), sorted(os.listdir("/"))), "the host")


def replace(top, name, data):
    with open(os.path.join(top, "blobs/sha256", name[7:]), "wb") as f:
        f.write(data)


def read_blob(top, name):
    with open(os.path.join(top, "blobs/sha256", name[7:]), "rb") as f:
        return f.read()


def last_layer(manifest):
    return manifest["layers"][-1]["digest"]


def grow(manifest):
    manifest["layers"][0]["size"] += 1


def flip(top, manifest):
    data = bytearray(read_blob(top, last_layer(manifest)))
    data[len(data) // 2] ^= 1
    replace(top, last_layer(manifest), bytes(data))


DAMAGED = {
    "changed layer": (dict(compress=False, change=flip), "its digest differs"),
    "changed compressed layer": (dict(change=flip), ""),
    "cut layer": (dict(change=lambda t, m: replace(t, last_layer(m), read_blob(t, last_layer(m))[:-20])), ""),
    "empty layer": (dict(change=lambda t, m: replace(t, last_layer(m), b"")), ""),
    "something behind the layer": (dict(change=lambda t, m: replace(t, last_layer(m), read_blob(t, last_layer(m)) + b"more")), "its size differs"),
    "another size": (dict(manifest=grow), "its size differs"),
    "missing layer": (dict(change=lambda t, m: os.unlink(t + "/blobs/sha256/" + last_layer(m)[7:])), "the image has no blobs/sha256/"),
    "layer that is a link": (dict(change=lambda t, m: (os.rename(t + "/blobs/sha256/" + last_layer(m)[7:], t + "/x"),
                                                       os.symlink("../../x", t + "/blobs/sha256/" + last_layer(m)[7:]))), "the image has no blobs"),
    "changed configuration": (dict(change=lambda t, m: replace(t, m["config"]["digest"], b"{}")), "its size differs"),
    "other content": (dict(config={"rootfs": {"type": "layers", "diff_ids": [digest(b"a"), digest(b"b")]}}), "diff_ids"),
    "too few contents": (dict(config={"rootfs": {"type": "layers", "diff_ids": [digest(b"a")]}}), "another number of layers"),
    "no contents": (dict(config={"rootfs": {"type": "layers", "diff_ids": []}}), "rootfs has no list"),
    "another system": (dict(config={"os": "plan9"}), "is for plan9"),
    "wrong types": (dict(config={"config": {"Cmd": "sh"}}), "Cmd"),
    "wrong elements": (dict(config={"config": {"Env": [1]}}), "Env"),
    "NUL in a value": (dict(config={"config": {"User": "0\0x"}}), "User"),
    "index and manifest": (dict(manifest=lambda m: m.update(manifests=[])), "it is an index as well"),
    "manifest and index": (dict(index=lambda i: i.update(layers=[])), "it is a manifest as well"),
    "other digests": (dict(manifest=lambda m: m["layers"][0].update(digest="sha512:" + "0" * 128)), "no sha256 digest"),
    "a digest as a path": (dict(manifest=lambda m: m["layers"][0].update(digest="sha256:../../../../../../etc/passwd")), "no sha256 digest"),
    "negative size": (dict(manifest=lambda m: m["layers"][0].update(size=-1)), "or no size"),
    "enormous size": (dict(manifest=lambda m: m["layers"][0].update(size=2**62)), "the store has room for"),
    "a foreign layer": (dict(manifest=lambda m: m["layers"][0].update(mediaType="application/x-foreign")), "media type that is not known"),
    "no layout": (dict(change=lambda t, m: write(t + "/oci-layout", "{}")), "oci-layout does not say"),
    "a key twice": (dict(change=lambda t, m: write(t + "/index.json", '{"manifests":[],"manifests":[]}')), "a key stands in it twice"),
    "a key with escapes": (dict(change=lambda t, m: write(t + "/index.json", r'{"manifests":[],"m\u0061nifests":[]}')), "written with escapes"),
    "deep JSON": (dict(change=lambda t, m: write(t + "/index.json", '{"a":' + "[" * 5000 + "]" * 5000 + "}")), "nested too deeply"),
    "much JSON": (dict(change=lambda t, m: write(t + "/index.json", '{"a":[' + "[]," * 300000 + "1]}")), "too many values"),
    "large JSON": (dict(change=lambda t, m: write(t + "/index.json", '{"a":"' + "x" * (5 << 20) + '"}')), "cannot read index.json"),
    "no JSON": (dict(change=lambda t, m: write(t + "/index.json", "{manifests")), "is no JSON that can be trusted"),
    "two values": (dict(change=lambda t, m: write(t + "/index.json", '{"manifests":[]} {}')), "is no JSON that can be trusted"),
}


def test_damaged(bed):
    """what is not what its digest, size or form says is refused, and nothing of it is kept."""
    fresh(bed)
    problems = []
    for number, (what, (how, words)) in enumerate(DAMAGED.items()):
        done = image(bed, "import", layout(bed, "d%d" % number, [tar(*ROOT), tar(entry("file", "x", data=os.urandom(5000)))], **how))
        try:
            done.expect(5 if "room" not in words else 1, words, "nothing was imported")
            equal(os.listdir(store(bed) + "/layers") + os.listdir(store(bed) + "/blobs"), [], "what was kept")
            whole(bed)
        except Failure as e:
            problems.append("%s: %s" % (what, e))
    equal(problems, [], "what went wrong")


def test_bombs(bed):
    """what grows without measure when it is decompressed is refused, without filling disk or memory."""
    fresh(bed)
    for packed in (gzip.compress(bytes(100 << 20), 9), gzip.compress(gzip.compress(bytes(100 << 20), 9), 9)):
        path = work(bed) + "/bomb.tar.gz"
        with open(path, "wb") as f:
            f.write(packed)
        image(bed, "import", path, "bomb").expect(5, "grows more than 200 times", "nothing was imported")
    big = tar(entry("file", "zeros", data=bytes(100 << 20)))
    image(bed, "import", layout(bed, "b", [big])).expect(5, "grows more than 200 times")
    sparse = entry("file", "hole", GNU__sparse__major="1", GNU__sparse__minor="0", GNU__sparse__name="hole",
                   GNU__sparse__realsize=str(1 << 50), data=b"0\n".ljust(512, b"\0"))
    with open(work(bed) + "/sparse.tar", "wb") as f:
        f.write(tar(sparse))
    image(bed, "import", work(bed) + "/sparse.tar", "hole").expect(5, "a size that no file here may have")
    equal(images_of(bed), {}, "images")
    whole(bed)


# --- the store itself

def test_remove(bed):
    """names, images and layers go when the last that needs them goes; what is shared stays."""
    fresh(bed)
    base = tar(*ROOT)
    image(bed, "import", layout(bed, "a", [base, tar(entry("dir", "etc"), entry("file", "etc/a", data=b"a"))])).expect(0)
    image(bed, "import", layout(bed, "b", [base, tar(entry("dir", "etc"), entry("file", "etc/b", data=b"b"))])).expect(0)
    equal(len(os.listdir(store(bed) + "/layers")), 3, "layers")
    image(bed, "tag", "a:v1", "again", "further:1").expect(0)
    image(bed, "tag", "a:v1", "Bad Name").expect(2, "is no name for an image")
    told = images_of(bed)
    image(bed, "remove", told["again:latest"]["digest"]).expect(1, "has 3 names")
    image(bed, "remove", "--dry-run", "again").expect(0, "would remove again")
    equal(images_of(bed), told, "after --dry-run")
    image(bed, "remove", "again", "further:1").expect(0)
    equal(sorted(images_of(bed)), ["a:v1", "b:v1"], "names")
    image(bed, "remove", "a:v1").expect(0)
    equal(len(os.listdir(store(bed) + "/layers")), 2, "layers without a")
    equal(len(os.listdir(store(bed) + "/blobs")), 2, "blobs without a")
    image(bed, "import", layout(bed, "c", [base]), "b:v1").expect(0)  # a name that moves leaves an image without one
    equal(sorted(map(str, images_of(bed))), ["None", "b:v1"], "names")
    image(bed, "prune", "--dry-run").expect(0, "would remove 1 images, 1 layers")
    image(bed, "prune").expect(0, "removed 1 images, 1 layers")
    equal(sorted(images_of(bed)), ["b:v1"], "names")
    image(bed, "remove", "--force", images_of(bed)["b:v1"]["digest"]).expect(0)
    equal([os.listdir(store(bed) + "/" + d) for d in ("layers", "blobs", "images", "refs", "tmp")], [[]] * 5, "what is left")
    whole(bed)


def test_check(bed):
    """check and verify find what was changed behind the store's back, and name it."""
    fresh(bed)
    image(bed, "import", layout(bed, "a", [tar(*ROOT)])).expect(0)
    passwd = tree_of(bed, "a:v1") + "/etc/passwd"
    whole(bed)
    before = os.stat(passwd)
    with open(passwd, "r+b") as f:
        f.write(b"R")
    os.utime(passwd, ns=(before.st_atime_ns, before.st_mtime_ns))
    image(bed, "check").expect(1, "has a tree that was changed")
    image(bed, "verify", "a:v1").expect(1, "has a tree that was changed")
    with open(passwd, "r+b") as f:
        f.write(b"r")
    os.utime(passwd, ns=(before.st_atime_ns, before.st_mtime_ns))
    image(bed, "verify", "a:v1").expect(0)
    os.chmod(passwd, 0o666)
    image(bed, "verify", "a:v1").expect(1)
    os.chmod(passwd, 0o644)
    for directory, words in (("layers", "is missing"), ("blobs", "is missing"), ("images", "leads to no image")):
        name = sorted(os.listdir(os.path.join(store(bed), directory)))[0]
        os.rename(os.path.join(store(bed), directory, name), os.path.join(store(bed), "away"))
        image(bed, "check").expect(1, words)
        os.rename(os.path.join(store(bed), "away"), os.path.join(store(bed), directory, name))
    record = os.path.join(store(bed), "images", os.listdir(store(bed) + "/images")[0])
    text = read(record)
    write(record, text[: len(text) // 2])
    image(bed, "check").expect(1, "damaged")
    image(bed, "prune").expect(1, "nothing is removed")
    write(record, text)
    os.mkdir(store(bed) + "/tmp/left")
    image(bed, "tag", "a:v1", "b").expect(0)
    whole(bed)
    os.chmod(store(bed), 0o777)
    image(bed, "list").expect(6, "is no store")
    os.chmod(store(bed), 0o700)


def test_confined(bed):
    """the process that reads an archive has five capabilities, no network, no way to more of either, and is gone with its parent."""
    fresh(bed)
    path = work(bed) + "/long.tar"
    with open(path, "wb") as f:
        f.write(tar(*ROOT))
        f.truncate(1 << 30)  # zeros behind its end: read and hashed, kept nowhere
    running = bed.spawn([bed.bulwarkctl, "image", "import", "--store=" + store(bed), path])

    def child():
        for pid in read("/proc/%d/task/%d/children" % (running.pid, running.pid)).split():
            try:
                status = dict(line.split(":\t", 1) for line in read("/proc/%s/status" % pid).splitlines())
            except OSError:
                continue
            if int(status["CapEff"], 16) == 0x8000001B and status["NoNewPrivs"].strip() == "1":
                return int(pid), status
        check(running.poll() is None, "the import ended before it was seen")
        return None

    wait_until(child, "the reader to be confined", 20)
    pid, status = child()
    for name in ("CapEff", "CapPrm", "CapBnd"):
        equal(int(status[name], 16), 0x8000001B, name)
    equal((int(status["CapInh"], 16), int(status["CapAmb"], 16)), (0, 0), "inheritable and ambient")
    check(os.readlink("/proc/%d/ns/net" % pid) != os.readlink("/proc/self/ns/net"), "it is in the host's network")
    running.kill()
    running.wait()
    wait_until(lambda: not os.path.exists("/proc/%d" % pid) or "Z" in read("/proc/%d/stat" % pid), "the reader to die with its parent")
    image(bed, "import", layout(bed, "a", [tar(*ROOT)])).expect(0)
    equal(sorted(images_of(bed)), ["a:v1"], "images")
    whole(bed)


def points(bed, source):
    """Which system calls of an import change the store, in order."""
    log = work(bed) + "/strace"
    strace(bed, source, ["-o", log]).expect(0)
    return [line for line in read(log).splitlines() if re.search(r"\b(syncfs|fsync|renameat2?|mkdirat)\(", line)]


def strace(bed, source, options):
    return bed.run(["strace", "-f", "-qq", "-e", "trace=syncfs,fsync,renameat,renameat2,mkdirat", *options, bed.bulwarkctl, "image", "import",
                    "--store=" + store(bed), source], environment={"ASAN_OPTIONS": "detect_leaks=0"})


def test_killed(bed):
    """killed at each step, an import leaves a store that is whole without repair, with the image or without; the next one succeeds."""
    if not shutil.which("strace"):
        raise Skip("strace is not installed")
    fresh(bed)
    source = layout(bed, "a", [tar(*ROOT), tar(entry("dir", "etc"), entry("file", "etc/a", data=b"a"))])
    image(bed, "import", layout(bed, "other", [tar(entry("dir", "o"))])).expect(0)
    steps = points(bed, source)
    check(len(steps) >= 15, "only %d steps were seen" % len(steps))
    seen = set()
    for call in ("mkdirat", "renameat", "fsync", "syncfs"):
        for number in range(1, 1 + sum(call + "(" in step for step in steps)):
            if "a:v1" in images_of(bed):
                image(bed, "remove", "a:v1").expect(0)
            done = strace(bed, source, ["-o", "/dev/null", "-e", "inject=%s:signal=KILL:when=%d" % (call, number)])
            image(bed, "check").expect(0)
            names = images_of(bed)
            check("other:v1" in names, "another image is lost")
            if "a:v1" in names:
                image(bed, "verify", "a:v1").expect(0)
            seen.add((done.code == 0, "a:v1" in names))
            image(bed, "import", source).expect(0)
            whole(bed)
    check((False, False) in seen, "no kill came before the image was there: %s" % seen)
    image(bed, "remove", "a:v1", "other:v1").expect(0)
    equal(os.listdir(store(bed) + "/layers"), [], "layers that are left")


def test_at_once(bed):
    """several imports of one image at once, and removals between them: every one succeeds, the store is whole."""
    fresh(bed)
    source = layout(bed, "a", [tar(*ROOT), tar(entry("dir", "etc"), entry("file", "etc/a", data=b"a" * 100000))])
    running = [bed.spawn([bed.bulwarkctl, "image", "import", "--store=" + store(bed), source, "n%d" % i]) for i in range(4)]
    if os.path.exists(store(bed) + "/tmp"):
        image(bed, "prune").expect(0)
    equal([p.wait() for p in running], [0] * 4, "exit codes")
    equal(sorted(images_of(bed)), ["n%d:latest" % i for i in range(4)], "images")
    image(bed, "verify", "n0").expect(0)
    whole(bed)


if __name__ == "__main__":
    run(__name__)
