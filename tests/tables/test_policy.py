#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""policy show, diff and export, through bulwarkctl and bulwark-analyze, as a person and as a program use them. Needs no
root.

usage: test_policy.py BULWARK-ANALYZE BULWARKCTL
"""

import fcntl
import hashlib
import json
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import apparmor_binary  # noqa: E402
import tap  # noqa: E402

FEATURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "apparmor", "features")
ANALYZE, CONTROL = (os.path.abspath(argument) for argument in sys.argv[1:3])
FOLDER = tempfile.TemporaryDirectory(prefix="bulwark-policy-")
TOP = FOLDER.name
LAYERS = ["caps", "seccomp", "apparmor", "selinux", "landlock", "devices", "filters"]


def put(name, text):
    path = os.path.join(TOP, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text)
    return path


def unit(name, *lines):
    put(f"{name}.container", "\n".join(["[Container]", f"RootDirectory={TOP}/root", "ExecStart=/bin/x", *lines]) + "\n")


put("root/etc/passwd", "root:x:0:0::/root:/bin/sh\nbob:x:1000:1000::/home/bob:/bin/sh\n")
put("root/etc/group", "root:x:0:\nbob:x:1000:\nstaff:x:50:bob\n")
unit("plain")
unit("again", "# nothing")
unit("web", "AddCapability=CAP_NET_RAW", "DropCapability=CAP_CHOWN", "SystemCallFilter=~ptrace:EACCES", "SystemCallFilter=unshare")
unit("bad", "MemoryMxa=1G")
unit("odd@", "ReadOnly=no")


def run(*arguments, program=ANALYZE, **more):
    return subprocess.run([program, f"--unit-path={TOP}", *arguments], capture_output=True, text=True, check=False, cwd=TOP, **more)


def expect(got, code, out=None, err=None):
    if got.returncode != code:
        yield f"exit code {got.returncode}, not {code}: {got.stderr}{got.stdout[:300]}"
    if out is not None and got.stdout != out:
        yield f"standard output: {got.stdout!r}"
    if err is not None and got.stderr != err:
        yield f"standard error: {got.stderr!r}"


def rules_name_their_lines():
    got = run("policy", "show", "-o", "json", "web.container")
    yield from expect(got, 0, None, "")
    top = json.loads(got.stdout)
    if [layer["layer"] for layer in top["layers"]] != LAYERS or top["unit"] != "web":
        yield f"layers of {top['unit']}: {[layer['layer'] for layer in top['layers']]}"
    rules = [rule for layer in top["layers"] for rule in layer["rules"]]
    for layer, text, line, directive in (("caps", "CAP_NET_RAW bounding permitted effective", 4, "AddCapability"),
                                         ("seccomp", "deny ptrace: EACCES", 6, "SystemCallFilter"),
                                         ("seccomp", "allow unshare", 7, "SystemCallFilter"),
                                         ("caps", "CAP_FOWNER bounding permitted effective", None, None)):
        want = {"layer": layer, "rule": text, "file": "web.container" if line else None, "line": line, "directive": directive}
        if want not in rules:
            yield f"no rule {want}"
    if any("CAP_CHOWN bounding" in rule["rule"] for rule in rules):
        yield "what was dropped is shown"
    text = run("policy", "show", "web.container").stdout
    for line in (r"^caps$", r"^  web\.container:4 +CAP_NET_RAW bounding permitted effective$", r"^  default +CAP_FOWNER bounding",
                 r"^seccomp$", r"^  web\.container:6 +deny ptrace: EACCES$", r"^apparmor\b", r"^selinux\b", r"^landlock\b"):
        if not re.search(line, text, re.M):
            yield f"no line {line} in:\n{text}"


def layers_can_be_chosen():
    for layer in LAYERS:
        top = json.loads(run("policy", "show", f"--{layer}", "-o", "json", "web").stdout)
        if [one["layer"] for one in top["layers"]] != [layer]:
            yield f"--{layer} shows {top}"
    both = json.loads(run("policy", "show", "--caps", "--landlock", "-o", "json-pretty", "web").stdout)
    if [one["layer"] for one in both["layers"]] != ["caps", "landlock"]:
        yield f"two layers show {both}"
    listing = run("policy", "show", "--seccomp", "--listing", "web")
    yield from expect(listing, 0, None, "")
    if not listing.stdout.startswith("   0  load arch\n"):
        yield f"no listing: {listing.stdout[:100]}"
    if json.loads(run("policy", "show", "--seccomp", "--listing", "-o", "json", "web").stdout)["layers"][0]["listing"] != listing.stdout:
        yield "JSON has another listing"


def the_host_is_told():
    """The notes agree with the kernel at hand."""
    notes = {layer["layer"]: layer for layer in json.loads(run("policy", "show", "-o", "json", "plain").stdout)["layers"]}
    there = {"apparmor": os.path.exists("/sys/kernel/security/apparmor/profiles"), "selinux": os.path.exists("/sys/fs/selinux/enforce")}
    for layer, here in there.items():
        if not here and (notes[layer]["enforced"] or not notes[layer]["note"].startswith("not on this host: ")):
            yield f"{layer}: {notes[layer]}"
    if not notes["caps"]["enforced"] or not notes["seccomp"]["enforced"]:
        yield f"caps or seccomp: {notes}"
    unit("without", "MandatoryAccessControl=no")
    off = json.loads(run("policy", "show", "--landlock", "-o", "json", "without").stdout)["layers"][0]
    if off["enforced"] or not re.match(r"not on this host|not entered: MandatoryAccessControl=no", off["note"]):
        yield f"MandatoryAccessControl=no: {off}"
    if off["note"] not in run("policy", "show", "--landlock", "without").stdout:
        yield "the note is not printed"


def on_terminal(columns, *arguments):
    """What a terminal of so many columns shows."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen([ANALYZE, f"--unit-path={TOP}", *arguments], stdout=slave, cwd=TOP, env={**os.environ, "TERM": "xterm"}) as child:
        os.close(slave)
        text = b""
        try:
            while piece := os.read(master, 65536):
                text += piece
        except OSError:
            pass
        child.wait()
    os.close(master)
    return text.decode().replace("\r\n", "\n")


def a_terminal_gets_lines_that_fit():
    shown = on_terminal(80, "policy", "show", "web.container")
    lines = re.sub("\033\\[[0-9]*m", "", shown).split("\n")
    for line in lines:
        # A rule is not torn apart within a word: a pattern of AppArmor may be longer than any line.
        if len(line) > 80 and len(line.split()) > 2:
            yield f"{len(line)} columns: {line}"
    if "\033[1mcaps" not in shown:
        yield "no heading is bold"
    piped = run("policy", "show", "web.container").stdout
    if "\033" in piped or max(len(line) for line in piped.split("\n")) < 200:
        yield "a pipe gets colours or broken lines"
    words = re.findall(r"\S+", "\n".join(lines))
    if words != re.findall(r"\S+", piped):
        yield "the terminal shows other words than a pipe gets"


def changes(a, b, *options):
    got = run("policy", "diff", *options, "-o", "json", f"{a}.container", f"{b}.container")
    if got.returncode not in (0, 1):
        raise RuntimeError(got.stderr)
    top = json.loads(got.stdout)
    return [(layer["layer"], change["direction"], change["text"], change["before"]["line"], change["after"]["line"])
            for layer in top["layers"] for change in layer["changes"]]


# Lines of a unit, and all that they change against one without them.
DIRECTIONS = [
    (["AddCapability=CAP_NET_ADMIN"], {"caps", "unit"}, [("caps", "looser", "CAP_NET_ADMIN bounding permitted effective")]),
    (["DropCapability=CAP_CHOWN"], {"caps", "unit"}, [("caps", "tighter", "no longer: CAP_CHOWN bounding permitted effective")]),
    (["AmbientCapabilities=CAP_CHOWN"], {"caps"}, [("caps", "looser", "CAP_CHOWN inheritable ambient")]),
    (["SystemCallFilter=~ptrace"], {"seccomp"}, [("seccomp", "tighter", "deny ptrace: EPERM")]),
    (["SystemCallFilter=~acct ; bpf"], {"seccomp"}, [("seccomp", "looser", "allow bpf")]),
    (["SystemCallFilter=~bpf:EACCES"], {"seccomp"}, [("seccomp", "differs", "deny bpf: EPERM -> EACCES")]),
    (["SystemCallErrorNumber=ENOSYS"], {"seccomp"}, [("seccomp", "differs", "deny every other system call: EPERM -> ENOSYS")]),
    (["AddCapability=CAP_NET_RAW"], {"seccomp"}, [("seccomp", "looser", "allow socket of AF_PACKET"),
                                                  ("seccomp", "looser", "allow socketpair of AF_PACKET")]),
    (["SystemCallFilter=~acct ; unshare"], {"seccomp"}, [("seccomp", "looser", "no longer: deny clone with flags that make namespaces"),
                                                 ("seccomp", "looser", "allow unshare"), ("seccomp", "looser", "allow clone3")]),
    (["User=bob"], {"unit"}, [("unit", "tighter", "User: 0 -> 1000"), ("unit", "tighter", "Group: 0 -> 1000"),
                              ("unit", "looser", "member of the group 50")]),
    (["ReadOnly=no"], {"unit"}, [("unit", "looser", "ReadOnly: yes -> no")]),
    (["BindPaths=/srv:/data"], {"unit"}, [("unit", "looser", "BindPaths=/srv:/data")]),
    (["BindReadOnlyPaths=/srv /opt:/o"], {"unit"}, [("unit", "looser", "BindReadOnlyPaths=/srv:/srv"),
                                                    ("unit", "looser", "BindReadOnlyPaths=/opt:/o")]),
    (["TemporaryFileSystem=/x:ro"], {"unit"}, [("unit", "tighter", "TemporaryFileSystem=/x:ro")]),
    (["InaccessiblePaths=/etc/shadow"], {"unit"}, [("unit", "tighter", "InaccessiblePaths=/etc/shadow")]),
    (["PrivateNetwork=no"], {"unit"}, [("unit", "looser", "PrivateNetwork: yes -> no")]),
    (["PrivateUsers=no"], {"unit"}, [("unit", "looser", "PrivateUsers: managed -> no")]),
    (["NoNewPrivileges=no"], {"unit"}, [("unit", "looser", "NoNewPrivileges: yes -> no")]),
    (["MACLost=warn"], {"unit"}, [("unit", "looser", "MACLost: stop -> warn")]),
    (["MemoryMax=64M"], {"unit"}, [("unit", "tighter", "MemoryMax: default -> 64M")]),
    (["MemoryMax=infinity"], {"unit"}, []),
    (["User=0"], {"caps", "unit"}, []),
]
OPPOSITE = {"looser": "tighter", "tighter": "looser", "differs": "differs"}


def each_direction_is_told():
    for lines, layers, want in DIRECTIONS:
        unit("changed", *lines)
        got = [change for change in changes("plain", "changed") if change[0] in layers]
        if sorted(change[:3] for change in got) != sorted(want):
            yield f"{lines}: {got}"
        if any(change[3] is not None or change[4] != 4 for change in got):
            yield f"{lines}: not the line that did it: {got}"
        back = [change for change in changes("changed", "plain") if change[0] in layers]
        if sorted(change[1] for change in back) != sorted(OPPOSITE[direction] for _, direction, _ in want):
            yield f"{lines}, the other way round: {back}"


def both_sides_are_named():
    unit("small", "MemoryMax=64M")
    unit("large", "# a line", "MemoryMax=128M")
    if changes("small", "large") != [("unit", "looser", "MemoryMax: 64M -> 128M", 4, 5)]:
        yield str(changes("small", "large"))
    got = run("policy", "diff", "small.container", "large.container")
    yield from expect(got, 1, "unit\n  + MemoryMax: 64M -> 128M  # small.container:4 -> large.container:5\n\n"
                              "+ looser: 1, - tighter: 0, ~ differs: 0  # who decides it in the first unit -> in the second\n", "")
    got = run("policy", "diff", "--no-legend", "small.container", "large.container")
    yield from expect(got, 1, "unit\n  + MemoryMax: 64M -> 128M  # small.container:4 -> large.container:5\n", "")


def diff_ends_as_diff_does():
    yield from expect(run("policy", "diff", "plain", "again"), 0, "", "")
    yield from expect(run("policy", "diff", "plain", "web"), 1, None, "")
    yield from expect(run("policy", "diff", "--caps", "plain", "web"), 1, None, "")
    yield from expect(run("policy", "diff", "--landlock", "plain", "again"), 0, "", "")
    yield from expect(run("policy", "diff", "plain", "nonesuch"), 4, "")
    yield from expect(run("policy", "diff", "bad", "plain"), 5, "")
    top = json.loads(run("policy", "diff", "-o", "json", "plain", "again").stdout)
    if (top["looser"], top["tighter"], top["differs"]) != (0, 0, 0) or [one["layer"] for one in top["layers"]] != LAYERS + ["unit"]:
        yield str(top)
    for wrong in (["policy"], ["policy", "dance"], ["policy", "diff", "plain"], ["policy", "diff", "a", "b", "c"], ["policy", "show"],
                  ["policy", "diff", "--force", "a", "b"], ["plan", "--caps", "plain"], ["policy", "export", "plain"],
                  ["policy", "export", "--caps", "--seccomp", "plain"], ["policy", "export", "--output-directory=", "plain"]):
        yield from expect(run(*wrong), 2, "")


def files(folder):
    found = {}
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as stream:
            found[name] = stream.read()
    return found


def export_writes_what_can_be_loaded():
    folder = os.path.join(TOP, "out")
    got = run("policy", "export", "web", f"--output-directory={folder}")
    yield from expect(got, 0, None, "")
    found = files(folder)
    if {os.path.basename(line) for line in got.stdout.split()} | {"MANIFEST"} != set(found):
        yield f"told {got.stdout}, wrote {sorted(found)}"
    if not {"README", "MANIFEST", "capabilities.json", "seccomp.bpf", "seccomp.txt"} <= set(found):
        yield f"wrote {sorted(found)}"
    for name, data in found.items():
        if os.stat(os.path.join(folder, name)).st_mode & 0o777 != 0o644:
            yield f"mode of {name}"
        if name != "MANIFEST" and f"{hashlib.sha256(data).hexdigest()}  {name}\n".encode() not in found["MANIFEST"]:
            yield f"{name} is not in the manifest"
        if name not in ("MANIFEST", "README") and name.encode() not in found["README"]:
            yield f"README does not tell of {name}"
    caps = json.loads(found["capabilities.json"])
    if "CAP_NET_RAW" not in caps["bounding"] or "CAP_CHOWN" in caps["bounding"] or caps["ambient"] != []:
        yield str(caps)
    last = struct.unpack("=HBBI", found["seccomp.bpf"][-8:])
    if len(found["seccomp.bpf"]) // 8 != found["seccomp.txt"].count(b"\n") or last[0] != 0x06:
        yield "the filter is not the listing"
    if b"+net_raw" not in found["README"]:
        yield "README does not say how to drop capabilities"


def an_exported_profile_compiles():
    """The parser takes the file as it is, also on its standard input, and the profile in it allows what the unit says."""
    unit("profiled", f'BindPaths="{TOP}/root:/data set"', "AppArmorExtraRules=/sys/kernel/sample/** r,")
    folder = os.path.join(TOP, "profile")
    yield from expect(run("policy", "export", "profiled", f"--output-directory={folder}"), 0, None, "")
    found = [name for name in files(folder) if name.endswith(".apparmor")]
    if len(found) != 1:
        yield f"the profile is not one file: {found}"
        return
    text = run("policy", "export", "--apparmor", "profiled").stdout
    if text.encode() != files(folder)[found[0]]:
        yield "standard output has another text"
    by_file = subprocess.run([apparmor_binary.PARSER, "--config-file=/dev/null", "-QTKS", "-M", FEATURES, os.path.join(folder, found[0])],
                             capture_output=True, check=False)
    if by_file.returncode != 0 or by_file.stdout != apparmor_binary.compile_text(text, FEATURES):
        yield f"the file: {by_file.returncode} {by_file.stderr.decode()}"
        return
    profile = apparmor_binary.Profile(by_file.stdout)
    if profile.name != "bulwark-profiled":
        yield f"the profile is called {profile.name}"
    for path, letters in {"/data set/x": "klmrwx", "/data": "kmrx", "/sys/kernel/sample/a": "r", "/proc/kcore": ""}.items():
        if profile.allowed(path) != letters:
            yield f"{path}: {profile.allowed(path)!r}, not {letters!r}"
    if "apparmor_parser" not in files(folder)["README"].decode():
        yield "README does not say how to load it"


def one_layer_goes_to_standard_output():
    folder = os.path.join(TOP, "out")
    raw = subprocess.run([ANALYZE, f"--unit-path={TOP}", "policy", "export", "--seccomp", "web"], capture_output=True, check=False)
    if raw.returncode != 0 or raw.stdout != files(folder)["seccomp.bpf"]:
        yield f"seccomp: {raw.returncode} {raw.stderr}"
    if run("policy", "export", "--caps", "web").stdout.encode() != files(folder)["capabilities.json"]:
        yield "caps"
    text = on_terminal(80, "policy", "export", "--seccomp", "web")
    if text != "":
        yield "a filter was written to a terminal"


def export_leaves_alone_what_is_not_its_own():
    folder = os.path.join(TOP, "kept")
    os.mkdir(folder)
    put("kept/seccomp.txt", "mine\n")
    got = run("policy", "export", "plain", f"--output-directory={folder}")
    yield from expect(got, 1, "")
    if "kept/seccomp.txt" not in got.stderr or files(folder) != {"seccomp.txt": b"mine\n"}:
        yield f"{got.stderr} {sorted(files(folder))}"
    yield from expect(run("-q", "policy", "export", "plain", f"--output-directory={folder}", "--force"), 0, "", "")
    before = files(folder)
    yield from expect(run("-q", "policy", "export", "web", f"--output-directory={folder}"), 0, "", "")
    if files(folder)["seccomp.bpf"] == before["seccomp.bpf"]:
        yield "its own files are not replaced"
    put("kept/README", "mine too\n")
    yield from expect(run("policy", "export", "web", f"--output-directory={folder}"), 1, "")
    os.unlink(f"{folder}/README")
    put("elsewhere", "far\n")
    os.symlink("../elsewhere", f"{folder}/README")
    yield from expect(run("policy", "export", "web", f"--output-directory={folder}"), 1, "")
    yield from expect(run("-q", "policy", "export", "web", f"--output-directory={folder}", "--force"), 0, "", "")
    with open(f"{TOP}/elsewhere", encoding="utf-8") as stream:
        if stream.read() != "far\n" or os.path.islink(f"{folder}/README"):
            yield "a link was followed"
    got = run("policy", "export", "web", f"--output-directory={TOP}/no/such")
    yield from expect(got, 1, "")


def bulwarkctl_hands_over():
    for words in (["policy", "show", "web.container"], ["policy", "show", "--seccomp", "--listing", "web.container"],
                  ["policy", "diff", "-o", "json", "plain.container", "web.container"], ["policy", "export", "--caps", "web.container"],
                  ["policy", "diff", "--no-legend", "--caps", "plain.container", "web.container"]):
        ours, theirs = run(*words, program=CONTROL), run(*words)
        if (ours.returncode, ours.stdout, ours.stderr) != (theirs.returncode, theirs.stdout, theirs.stderr) or not ours.stdout:
            yield f"{words}: {ours}"
    got = run("policy", "export", "web.container", f"--output-directory={TOP}/ctl", "--force", program=CONTROL)
    yield from expect(got, 0, None, "")
    if "README" not in os.listdir(f"{TOP}/ctl"):
        yield got.stdout


tap.main([
    ("rules name their lines", rules_name_their_lines),
    ("layers can be chosen", layers_can_be_chosen),
    ("the host is told", the_host_is_told),
    ("a terminal gets lines that fit", a_terminal_gets_lines_that_fit),
    ("each direction is told", each_direction_is_told),
    ("both sides are named", both_sides_are_named),
    ("diff ends as diff(1) does", diff_ends_as_diff_does),
    ("export writes what can be loaded", export_writes_what_can_be_loaded),
    ("an exported profile compiles", an_exported_profile_compiles),
    ("one layer goes to standard output", one_layer_goes_to_standard_output),
    ("export leaves alone what is not its own", export_leaves_alone_what_is_not_its_own),
    ("bulwarkctl hands over", bulwarkctl_hands_over),
])
