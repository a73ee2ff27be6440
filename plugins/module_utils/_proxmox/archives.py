# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups as storages list them. Private to this collection."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from ansible_collections.lifeboat.backup.plugins.module_utils._core.number import whole_number
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client, path_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import AnswerLost, ApiError, BadAnswer

# pve-storage Storage.pm; the time in the name is the node's local time
_FILE = re.compile(
    r"^[^:]*:backup/vzdump-(qemu|lxc|openvz)-([1-9]\d{2,8})-(\d{4}_\d\d_\d\d-\d\d_\d\d_\d\d)"
    r"\.(?:tgz|(?:tar|vma)(?:\.(?:gz|lzo|zst|bz2))?)$"
)
_PBS = re.compile(r"^[^:]*:backup/(vm|ct)/(\d+)/")
_KNOWN_TYPES = ("lxc", "qemu")
_VERIFIED = {"ok": True, "failed": False}
_TYPES = {"vm": "qemu", "ct": "lxc", "qemu": "qemu", "lxc": "lxc", "openvz": "lxc"}


class Backup(NamedTuple):
    """An archive or snapshot: what one entry of the listing says of it.

    A tuple and no dataclass, because a listing has a hundred thousand of them.

    ``verified`` is True or False where the storage has checked it, None where it has not (or can't).
    ``size`` is in bytes and ``ctime`` in epoch seconds. ``finished`` is False for a snapshot still being written.
    """

    volid: str
    vmid: int | None
    storage: str
    node: str
    ctime: int
    size: int
    format: str
    guest_type: str | None
    notes: str | None
    protected: bool
    verified: bool | None
    encrypted: bool
    finished: bool

    @property
    def key(self) -> tuple[str, str]:
        """Its node and volid: a local storage of another node may hold one of the same name."""
        return self.node, self.volid

    @property
    def named_by_proxmox(self) -> bool:
        """Whether it bears the name that Proxmox gave it; retention leaves all others alone (06_prune: renamed)."""
        return self.local_time is not None or self.is_snapshot

    @property
    def is_snapshot(self) -> bool:
        """Whether it lies on a backup server, whose names tell times in UTC."""
        return _PBS.match(self.volid) is not None

    @property
    def local_time(self) -> datetime | None:
        """When it was made by the clock on the node's wall, where its name tells: names of files do."""
        match = _FILE.match(self.volid)
        if match is None:
            return None
        stamp = match.group(3)
        try:
            return datetime.fromisoformat(f"{stamp[:10].replace('_', '-')}T{stamp[11:].replace('_', ':')}")
        except ValueError:  # a date that never was, in a name that somebody has made up
            return None

    def good(self, require_verified: bool = False) -> bool:
        """Whether it counts as a backup: complete, not empty, and not known to be damaged."""
        return self.flaw(require_verified) is None

    def flaw(self, require_verified: bool = False) -> str | None:
        """Why it does not count as a backup, as the end of a sentence; None when it does."""
        if not self.finished:
            return "is not finished"
        if self.size <= 0:
            return "is empty"
        if self.verified is False:
            return "failed its verification"
        if require_verified and self.verified is None:
            return "has not been verified"
        return None

    def as_result(self) -> dict[str, Any]:
        """The backup as the modules return it."""
        return {
            "volid": self.volid,
            "vmid": self.vmid,
            "storage": self.storage,
            "node": self.node,
            "ctime": self.ctime,
            "size": self.size,
            "format": self.format,
            "guest_type": self.guest_type,
            "notes": self.notes,
            "protected": self.protected,
            "verified": self.verified,
            "encrypted": self.encrypted,
        }


@dataclass(frozen=True)
class Listing:
    """The backups on one storage as one node shows them, or why it doesn't answer."""

    storage: str
    node: str
    shared: bool
    backups: tuple[Backup, ...]
    error: str | None = None

    @property
    def place(self) -> tuple[str, str | None]:
        """The storage, and the node where it is local: a local storage has another content on each."""
        return self.storage, None if self.shared else self.node


def observe_listing(client: Client, storage: str, node: str, shared: bool) -> Listing:
    """One request: what lies on the storage. A storage that doesn't answer is a finding, not an exception."""
    try:
        answer = client.get(path_of("nodes", node, "storage", storage, "content"), content="backup")
    except (ApiError, AnswerLost, BadAnswer) as failure:
        return Listing(storage, node, shared, (), failure.message)
    if not isinstance(answer, list):
        return Listing(storage, node, shared, (), f"The listing of storage {storage} is not a list.")
    entries = {str(entry["volid"]): entry for entry in answer if isinstance(entry, dict) and entry.get("volid")}
    return Listing(storage, node, shared, tuple([backup_of(entry, storage, node) for entry in entries.values()]))


def backup_of(entry: Mapping[str, Any], storage: str, node: str) -> Backup:
    """One entry of /content (keys as recorded in 03_storage and 04_vzdump_ok)."""
    get = entry.get
    volid = str(entry["volid"])
    form = str(get("format") or "")
    size = whole_number(get("size"))
    approximate = whole_number(get("approximate-size"))
    verification = get("verification")
    guest_type = get("subtype")
    notes = get("notes")
    return Backup(
        volid,
        whole_number(get("vmid")) or owner_of(volid),
        storage,
        node,
        whole_number(get("ctime")),
        max(size, approximate),
        form,
        guest_type if guest_type in _KNOWN_TYPES else _type_in(volid),
        str(notes) if notes else None,
        _flag(get("protected")),
        _VERIFIED.get(str(verification.get("state"))) if isinstance(verification, dict) else None,
        str(get("encrypted") or 0) != "0",
        # A PBS snapshot that is still being written reports a size of 1 (PBSPlugin.pm).
        size > 1 or approximate > 0 or not form.startswith("pbs-"),
    )


def _flag(value: object) -> bool:
    return value is not None and str(value) == "1"


def owner_of(volid: str) -> int | None:
    """The guest's id in a volid, None for a renamed archive."""
    match = _FILE.match(volid) or _PBS.match(volid)
    return int(match.group(2)) if match else None


def _type_in(volid: str) -> str | None:
    match = _FILE.match(volid) or _PBS.match(volid)
    return _TYPES[match.group(1)] if match else None
