# SPDX-License-Identifier: LGPL-2.1-or-later
"""How a service file of systemd becomes a unit of ours, mechanically; measure-units and the suite of services share it."""

import re


def map_unit(text, root, *lines):
    """The unit as a container, on the same lines; what is added stands at the end."""
    text = re.sub(r"(?m)^\[Service\]", "[Container]", text)
    return text.rstrip("\n") + "\n[Container]\nRootDirectory=%s\n%s" % (root, "".join(line + "\n" for line in lines))
