# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of the host is handed to a VM: USB and PCI devices, serial lines, folders, and the right that it takes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pve_simulator.schema import property_strings

_KINDS = re.compile(r"^(usb|hostpci|serial|virtiofs)\d+$")
_HARDWARE = "VM.Config.HWType"


@dataclass(frozen=True)
class Need:
    """A right on the guest; then why nobody but root may do it, or the path on which it takes Mapping.Use."""

    privilege: str | None = _HARDWARE
    mapping: str | None = None
    refusal: str | None = None


def is_device(option: str) -> bool:
    """Tell whether an option hands something of the host to a VM."""
    return _KINDS.match(option) is not None


def need(option: str, text: str) -> Need:
    """What setting an option to this takes, or taking it away where it is this. Raises ``ValueError``."""
    kind = option.rstrip("0123456789")
    if kind == "serial":
        refusal = f"only root can set '{option}' config for real devices"
        return Need() if text == "socket" else Need(None, refusal=refusal)
    parts = property_strings.parse(text, default_key="dirid" if kind == "virtiofs" else "host")
    if kind == "virtiofs":
        return Need("VM.Config.Disk", f"/mapping/dir/{parts.get('dirid', '')}")
    if kind == "usb" and parts.get("host", "").lower() == "spice":
        return Need()
    if "host" not in parts and "mapping" in parts:
        return Need(mapping=f"/mapping/{'usb' if kind == 'usb' else 'pci'}/{parts['mapping']}")
    which = "real" if kind == "usb" else "non-mapped"
    only_root = f"only root can set '{option}' config for {which} devices"
    why = only_root if "host" in parts else "either 'host' or 'mapping' must be set."
    return Need(_HARDWARE if kind == "usb" else None, refusal=why)
