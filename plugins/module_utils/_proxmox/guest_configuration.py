# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a guest is made of, as its configuration says: from the API, or out of an archive. Pure.

Private to this collection.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

# qemu-server and pve-container: the keys that hold volumes
_DISK = re.compile(r"^(?:(?:ide|sata|scsi|virtio)\d+|efidisk0|tpmstate0)$")
_MOUNT = re.compile(r"^(?:rootfs|mp\d+)$")
_DEVICE = re.compile(r"^(?:hostpci|usb)\d+$")
_NETWORK = re.compile(r"^net\d+$")
_VOLUME = re.compile(r"^([A-Za-z][A-Za-z0-9\-_.]*[A-Za-z0-9]):(.+)$")
_SIZE = re.compile(r"^(\d+(?:\.\d+)?)([KMGT]?)$")
_MAC = re.compile(r"^[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}$")
_CLOUD_INIT = re.compile(r"[:/]vm-\d+-cloudinit(?:[.,]|$)")
_BOOLEANS = {**dict.fromkeys(("1", "on", "yes", "true"), True), **dict.fromkeys(("0", "off", "no", "false"), False)}
_SECRET = re.compile(r"^(?:cipassword|args|env|lxc\.environment.*)$")
"""Settings that may hold secrets, which no diff shows."""
_FACTORS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}

SECRET = frozenset({"cipassword"})
"""Settings that the API shows masked, and an archive doesn't."""
NEVER_EQUAL = SECRET | {"digest", "vmgenid", "meta", "lock", "parent", "snaptime"}
"""Keys that a restore makes anew, or that are no setting of the guest (recorded: 08_restore_lxc, 11_qemu)."""
_STUB = frozenset({"digest", "lock", "memory", "vmgenid", "meta", "smbios1", "description"})
"""All that a failed restore may leave of a guest's configuration (recorded: 11_qemu; on 8.4 ``memory: 128``)."""


@dataclass(frozen=True)
class Volume:
    """A disk or mount of a guest. ``storage`` is None for a bind or device mount; ``size`` is in bytes, 0 if unknown.

    ``in_backup`` is False where the configuration leaves it out of backups.
    """

    key: str
    storage: str | None
    volume: str
    size: int
    in_backup: bool


@dataclass(frozen=True)
class GuestConfiguration:
    """Settings as text by key, and the description. ``type`` is ``qemu`` or ``lxc``."""

    type: str
    values: Mapping[str, str]

    @classmethod
    def from_api(cls, kind: str, answer: Mapping[str, Any]) -> GuestConfiguration:
        """An answer of ``GET .../config``."""
        values = {key: str(value) for key, value in answer.items() if not isinstance(value, (list, dict))}
        raw = answer.get("lxc")
        for entry in raw if isinstance(raw, list) else ():
            if isinstance(entry, list) and len(entry) == 2:
                _add_raw(values, str(entry[0]), str(entry[1]))
        return cls(kind, values)

    @classmethod
    def from_archive(cls, kind: str, text: str) -> GuestConfiguration:
        """The text of ``vzdump/extractconfig`` (recorded: 04_vzdump_ok, 11_qemu).

        Lines that begin with # are the description, but for those that map a VM's disks. Snapshots that follow are left
        out: a backup is of the current state.
        """
        values: dict[str, str] = {}
        described: list[str] = []
        for line in text.splitlines():
            if line.startswith("["):
                break
            if line.startswith("#"):
                if not line.startswith("#qmdump#"):
                    described.append(unquote(line[1:]))
                continue
            key, mark, value = line.partition(":")
            if mark and key.startswith("lxc."):
                _add_raw(values, key.strip(), value.strip())
            elif mark:
                values[key.strip()] = value.strip()
        if described:
            values["description"] = "\n".join(described) + "\n"
        return cls(kind, values)

    @property
    def name(self) -> str | None:
        """What the guest is called."""
        return self.values.get("name" if self.type == "qemu" else "hostname")

    @property
    def tags(self) -> frozenset[str]:
        """Its tags."""
        return frozenset(tag for tag in re.split(r"[;,\s]+", self.values.get("tags", "")) if tag)

    @property
    def volumes(self) -> list[Volume]:
        """Disks (without CD drives) or mounts, the root first."""
        pattern = _DISK if self.type == "qemu" else _MOUNT
        found = [_volume(self.type, key, value) for key, value in self.values.items() if pattern.match(key)]
        return sorted((one for one in found if one is not None), key=lambda one: (one.key != "rootfs", one.key))

    @property
    def unused(self) -> dict[str, str]:
        """Volumes that belong to the guest and are attached nowhere."""
        return {key: value for key, value in sorted(self.values.items()) if re.match(r"^unused\d+$", key)}

    @property
    def root_storage(self) -> str | None:
        """Where a container's root, or a VM's first disk, lies."""
        return next((volume.storage for volume in self.volumes if volume.storage is not None), None)

    @property
    def sizeless(self) -> list[str]:
        """Volumes of a container of which the configuration tells no size; Proxmox can't restore them."""
        sized = {
            volume.key: properties(self.values[volume.key]) for volume in self.volumes if volume.storage is not None
        }
        return [key for key, parts in sized.items() if self.type == "lxc" and "size" not in parts]

    @property
    def cloud_init_storages(self) -> list[str]:
        """Where a VM's drives with cloud-init's settings lie."""
        found = [_VOLUME.match(properties(value).get("", "")) for key, value in self.values.items() if _DISK.match(key)]
        return sorted({one.group(1) for one in found if one is not None and "cloudinit" in one.group(2)})

    @property
    def host_devices(self) -> dict[str, str]:
        """What of the node's own hardware a VM uses without a mapping."""
        raw = {key: properties(value) for key, value in sorted(self.values.items()) if _DEVICE.match(key)}
        return {
            key: parts.get("host") or parts.get("", "")
            for key, parts in raw.items()
            if "mapping" not in parts and parts.get("host", parts.get("", "")) not in ("", "spice")
        }

    @property
    def mappings(self) -> list[tuple[str, str]]:
        """The mapped devices that a VM uses: ``pci`` or ``usb``, and the name of the mapping."""
        named = [(key, properties(value).get("mapping")) for key, value in self.values.items() if _DEVICE.match(key)]
        return sorted({("pci" if key.startswith("hostpci") else "usb", name) for key, name in named if name})

    @property
    def raw_lines(self) -> list[str]:
        """A container's own settings of LXC, which Proxmox restores for root alone."""
        return sorted(key for key in self.values if key.startswith("lxc."))

    @property
    def networks(self) -> dict[str, str]:
        """The network cards."""
        return {key: self.values[key] for key in sorted(self.values) if _NETWORK.match(key)}

    @property
    def unprivileged(self) -> bool:
        """Whether it is an unprivileged container."""
        return self.values.get("unprivileged") == "1"

    @property
    def template(self) -> bool:
        """Whether it is a template."""
        return self.values.get("template") == "1"

    @property
    def protected(self) -> bool:
        """Whether it is protected against removal."""
        return self.values.get("protection") == "1"

    @property
    def lock(self) -> str | None:
        """What locks it."""
        return self.values.get("lock") or None

    @property
    def is_stub(self) -> bool:
        """Whether it is what a failed restore leaves: a configuration with nothing in it."""
        return not self.volumes and set(self.values) <= _STUB

    @property
    def fingerprint(self) -> str:
        """A hash of all settings, the names of volumes among them: equal where nobody has changed the guest."""
        # What a pending removal leaves behind when the guest is shut down is no change by anybody.
        kept = {key: value for key, value in self.values.items() if key not in ("digest", "lock", *self.unused)}
        return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()

    def text(self) -> str:
        """For a diff: a line for each setting."""
        shown = {key: "**********" if _SECRET.match(key) else value.rstrip() for key, value in self.values.items()}
        return "".join(f"{key}: {value}\n" for key, value in sorted(shown.items()) if key != "digest")


def differences(wanted: GuestConfiguration, found: GuestConfiguration, renewed: bool) -> list[str]:
    """The settings that are not as wanted, without volumes; ``renewed`` identities (MAC, uuid) don't count."""
    volumes = {volume.key for volume in (*wanted.volumes, *found.volumes)}
    keys = (set(wanted.values) | set(found.values)) - NEVER_EQUAL - volumes - set(found.unused) - set(wanted.unused)
    if wanted.type == "qemu" and not all(volume.in_backup for volume in wanted.volumes):
        keys.discard("description")  # where Proxmox puts the lines of the disks that were left out of the backup
    return sorted(key for key in keys if not _alike(key, wanted.values.get(key), found.values.get(key), renewed))


def missing_volumes(wanted: GuestConfiguration, found: GuestConfiguration) -> list[str]:
    """The keys of volumes that were in the backup and aren't in the guest."""
    there = {volume.key for volume in found.volumes}
    return [volume.key for volume in wanted.volumes if volume.in_backup and volume.key not in there]


def as_new_volumes(container: GuestConfiguration) -> dict[str, str]:
    """The volumes of a container as a restore takes them to make each where it was: ``STORAGE:GIB,mp=...``.

    Bind and device mounts stay as they are.
    """
    found: dict[str, str] = {}
    for volume in container.volumes:
        if volume.storage is None:
            found[volume.key] = container.values[volume.key]
        else:
            parts = properties(container.values[volume.key])
            for key in ("", "volume", "size"):
                parts.pop(key, None)
            # Proxmox cuts it down to whole MiB: ten decimals tell each of them (pve-container LXC.pm, create_disks)
            gib = f"{volume.size / 1024**3:.10f}".rstrip("0").rstrip(".")
            found[volume.key] = property_string({"": f"{volume.storage}:{gib}", **parts})
    return found


def properties(value: str) -> dict[str, str]:
    """A property string by key; a first part without one stands under an empty key."""
    parts: dict[str, str] = {}
    for number, part in enumerate(value.split(",")):
        key, mark, text = part.partition("=")
        if mark:
            parts[key.strip()] = text
        elif number == 0:
            parts[""] = part
    return parts


def property_string(parts: Mapping[str, str]) -> str:
    """The reverse of ``properties``."""
    return ",".join(value if not key else f"{key}={value}" for key, value in parts.items())


def without_address(network: str) -> dict[str, str]:
    """The parts of a network card without its MAC address, so that Proxmox gives it a new one.

    A VM's has it behind its model (``virtio=BC:24:11:...``), a container's under ``hwaddr``.
    """
    return _card(network)[1]


def bytes_of(size: str) -> int:
    """``4G`` in bytes; 0 for what is no size."""
    match = _SIZE.match(size)
    return int(float(match.group(1)) * _FACTORS[match.group(2)]) if match else 0


def _add_raw(values: dict[str, str], key: str, value: str) -> None:
    """A container's own line for LXC: the API has a list of them, the archive a line each, and keys come repeatedly."""
    values[key] = f"{values[key]}\n{value}" if key in values else value


def _card(network: str) -> tuple[str | None, dict[str, str]]:
    """The MAC address of a network card, and all else."""
    address: str | None = None
    parts: dict[str, str] = {}
    for key, value in properties(network).items():
        if key in ("hwaddr", "macaddr"):
            address = value.upper()
        elif _MAC.match(value):
            address, parts["model"] = value.upper(), key
        else:
            parts[key or "model"] = value
    return address, parts


def _alike(key: str, wanted: str | None, found: str | None, renewed: bool) -> bool:
    """Whether Proxmox writes ``found`` where ``wanted`` is restored."""
    wanted, found = (wanted or "").strip(), (found or "").strip()
    if _NETWORK.match(key) and wanted and found:
        (address, parts), (given, others) = _card(wanted), _card(found)
        # It writes a container's card with its only type, and gives one without an address a new one.
        same = {"type": "veth", **parts} == {"type": "veth", **others}
        return same and (renewed or address is None or address == given)
    if _CLOUD_INIT.search(wanted) and _CLOUD_INIT.search(found):
        return True  # a CD that is made anew, named by the guest's id
    return _compared(key, wanted, renewed) == _compared(key, found, renewed)


def _compared(key: str, value: str, renewed: bool) -> object:
    if key == "smbios1" and renewed:
        return {name: part for name, part in properties(value).items() if name != "uuid"}
    if key == "tags":
        return sorted(re.split(r"[;,\s]+", value))
    return value


def _volume(kind: str, key: str, value: str) -> Volume | None:
    parts = properties(value)
    volume = parts.get("") or parts.get("file") or parts.get("volume") or ""
    if parts.get("media") == "cdrom" or volume in ("", "none", "cdrom"):
        return None
    match = None if volume.startswith("/") else _VOLUME.match(volume)
    said = _BOOLEANS.get(parts.get("backup", "").lower())
    left_out = said is False or (kind == "lxc" and key != "rootfs" and said is not True)
    storage = match.group(1) if match else None
    return Volume(key, storage, volume, bytes_of(parts.get("size", "")), storage is not None and not left_out)
