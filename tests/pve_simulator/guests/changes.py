# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes of a guest's configuration: options set and deleted, and the identities that a copy gets anew."""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Mapping
from typing import Any

from pve_simulator.guests import parsing
from pve_simulator.schema import container_options, machine_options
from pve_simulator.schema.formats import split_list
from pve_simulator.schema.parameters import Table, family, typed
from pve_simulator.state.model import Guest
from pve_simulator.versions import Version

_MAC = re.compile(r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}", re.IGNORECASE)
_MODELS = ("e1000", "i82551", "i82557b", "i82559er", "ne2k_isa", "ne2k_pci", "pcnet", "rtl8139", "virtio", "vmxnet3")
_DEFAULT_MEMORY = 512


def table(kind: str, version: Version) -> Table:
    """What the configuration of a guest of this kind may hold."""
    return container_options.options(version) if kind == "lxc" else machine_options.options(version)


def empty(guest: Guest, options: Mapping[str, str | int]) -> None:
    """Leave nothing in a configuration but these options and the lock; volumes are the caller's business."""
    guest.options, guest.bare = dict(options), True
    guest.name = f"{'CT' if guest.kind == 'lxc' else 'VM '}{guest.vmid}"
    guest.memory, guest.cores = int(options.get("memory", _DEFAULT_MEMORY)), 1
    guest.tags, guest.description, guest.template = [], None, False
    guest.snapshots = []


def fill(guest: Guest, settings: Mapping[str, str], version: Version) -> None:
    """Give a guest the settings of a configuration's text; what was there before goes."""
    known = table(guest.kind, version)
    guest.options = {}
    guest.bare = guest.template = False
    guest.tags = []
    guest.memory, guest.cores = _DEFAULT_MEMORY, 1
    guest.name = f"{'CT' if guest.kind == 'lxc' else 'VM '}{guest.vmid}"
    for key, text in settings.items():
        parameter = known.get(family(key), known.get(key))
        assign(guest, key, typed(parameter, text) if parameter is not None else text)


def assign(guest: Guest, key: str, value: Any) -> None:
    """Set one option that is no volume."""
    if key in ("name", "hostname"):
        guest.name = str(value)
    elif key == "memory":
        guest.memory = int(str(value).removeprefix("current="))
    elif key == "cores":
        guest.cores = int(value)
        guest.options["cores"] = int(value)
    elif key == "tags":
        guest.tags = split_list(str(value))
    elif key == "description":
        guest.description = str(value)
    elif key == "template":
        guest.template = bool(value)
    elif key == "lock":
        guest.lock = str(value)
    else:
        guest.options[key] = _with_mac(guest.kind, str(value)) if re.match(r"^net\d+$", key) else value


def remove(guest: Guest, key: str) -> None:
    """Take one option away, which leaves the default."""
    if key in ("name", "hostname"):
        guest.name = f"{'CT' if guest.kind == 'lxc' else 'VM '}{guest.vmid}"
    elif key == "memory":
        guest.memory = _DEFAULT_MEMORY
    elif key == "tags":
        guest.tags = []
    elif key == "description":
        guest.description = None
    elif key == "lock":
        guest.lock = None
    else:
        if key == "cores":
            guest.cores = 1
        guest.options.pop(key, None)
        guest.volumes = [volume for volume in guest.volumes if volume.key != key]


def renew_identity(guest: Guest, *, unique: bool) -> None:
    """What a restored VM gets anew in any case, and with ``unique`` the addresses of its cards and its UUID as well."""
    if "vmgenid" in guest.options:
        guest.options["vmgenid"] = str(uuid.uuid4())
    if not unique:
        return
    for key, value in parsing.networks(guest).items():
        guest.options[key] = _MAC.sub(new_mac(), value)
    if "smbios1" in guest.options:
        guest.options["smbios1"] = re.sub(r"uuid=[^,]+", f"uuid={uuid.uuid4()}", str(guest.options["smbios1"]))


def new_mac() -> str:
    """An address from Proxmox's own range."""
    return ":".join(["BC", "24", "11", *(f"{byte:02X}" for byte in secrets.token_bytes(3))])


def _with_mac(kind: str, value: str) -> str:
    if _MAC.search(value):
        return value
    if kind == "lxc":
        return f"{value},hwaddr={new_mac()},type=veth"
    model, mark, others = value.partition(",")
    return (
        f"{model.removeprefix('model=')}={new_mac()}{mark}{others}" if "=" not in model or model in _MODELS else value
    )
