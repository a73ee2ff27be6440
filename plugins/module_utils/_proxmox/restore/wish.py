# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user wants restored, and onto what. Pure. Private to this collection."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import parse_duration
from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.selection import Selection

NOTHING = "Nothing was changed."
_NOT_OVERRIDDEN = frozenset(
    {
        "archive", "bwlimit", "delete", "digest", "force", "ha-managed", "ignore-unpack-errors", "live-restore", "lock",
        "node", "ostemplate", "pool", "restore", "skiplock", "start", "storage", "unique", "unprivileged", "vmid",
    }
)  # fmt: skip
_SECRET = frozenset({"cipassword", "password"})
_NAME = re.compile(r"^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$")
_VOLUME = re.compile(r"^(?:rootfs|(?:mp|ide|sata|scsi|virtio|unused)\d+|efidisk0|tpmstate0)$")
_KEY = re.compile(r"^[a-z][a-z0-9_-]*$")
_EPOCH = re.compile(r"^\d{9,11}(?:\.\d+)?$")


@dataclass(frozen=True)
class RestoreWish:
    """One guest to restore. ``before`` in epoch seconds, ``timeout`` and ``shutdown_timeout`` in seconds.

    ``target`` is an id, ``same`` (as the backup's) or ``auto`` (the next free one).
    """

    volid: str | None = None
    vmid: int | None = None
    name: str | None = None
    newest: bool = True
    before: float | None = None
    verified_only: bool = False
    storages: tuple[str, ...] | None = None
    target: str = "same"
    target_node: str | None = None
    target_storage: str | None = None
    pool: str | None = None
    new_name: str | None = None
    unique: bool | None = None
    overrides: tuple[tuple[str, str], ...] = ()
    network: str = "keep"
    bridge: str | None = None
    vlan: int | None = None
    unprivileged: bool | None = None
    ignore_unpack_errors: bool = False
    bwlimit: int | None = None
    live_restore: bool = False
    start: bool = False
    if_exists: str = "fail"
    accept_loss: frozenset[str] = frozenset()
    prove: str | None = None
    shutdown: bool = False
    shutdown_timeout: int = 180
    safety_backup: bool = True
    safety_storage: str | None = None
    keep_safety_backup: bool = True
    ha: str = "refuse"
    wait: bool = True
    timeout: int = 14400
    cancel_on_timeout: bool = False

    @property
    def source(self) -> str:
        """How the user said what to restore."""
        return str(self.volid or self.name or self.vmid)


def wishes(params: Mapping[str, Any]) -> list[RestoreWish]:
    """The wishes of the module's options: one, or those of ``restores``; a selection's come from ``of_guests``.

    :raises InputError: for what can't be meant.
    """
    entries = params.get("restores")
    selection = Selection.from_params(params)
    given = [option for option in ("volid", "vmid", "name") if params.get(option) not in (None, "")]
    ways = [*given, *(["restores"] if entries is not None else []), *(["a selection"] if selection.narrows else [])]
    if len(ways) != 1:
        said = f"{listed(ways)} are given" if ways else "nothing is"
        raise InputError(
            f"Say once what to restore: by volid, by vmid or name of a guest, by restores, or by a selection (vmids, "
            f"names, tags, pools, all_guests); {said}. {NOTHING}"
        )
    if entries is None:
        return [] if selection.narrows else [_wish(params)]
    if not entries:
        raise InputError(f"restores: an empty list restores nothing; leave the task out. {NOTHING}")
    return [_entry(params, entry, number) for number, entry in enumerate(entries, start=1)]


def of_guests(params: Mapping[str, Any], vmids: Sequence[int]) -> list[RestoreWish]:
    """A wish for each selected guest."""
    if str(params.get("target_vmid") or "same") not in ("same", "auto") and len(vmids) > 1:
        raise InputError(f"target_vmid: one id can't be that of {len(vmids)} guests; take same or auto. {NOTHING}")
    common = {**params, **dict.fromkeys(("volid", "name"), None)}
    return [_wish({**common, "vmid": vmid}) for vmid in vmids]


def _entry(params: Mapping[str, Any], entry: Mapping[str, Any], number: int) -> RestoreWish:
    said = {key: value for key, value in entry.items() if value is not None}
    if len([key for key in ("volid", "vmid", "name") if said.get(key) not in (None, "")]) != 1:
        raise InputError(f"restores, entry {number}: name one of volid, vmid or name. {NOTHING}")
    return _wish({**params, **said})


def _wish(params: Mapping[str, Any]) -> RestoreWish:
    wish = RestoreWish(
        volid=params.get("volid") or None,
        vmid=params.get("vmid"),
        name=params.get("name") or None,
        newest=params.get("newest") is not False,
        before=_moment(params.get("before")),
        verified_only=bool(params.get("verified_only")),
        storages=tuple(params["storages"]) if params.get("storages") else None,
        target=str(params.get("target_vmid") or "same").strip(),
        target_node=params.get("target_node") or None,
        target_storage=params.get("target_storage") or None,
        pool=params.get("pool") or None,
        new_name=params.get("new_name") or None,
        unique=params.get("unique"),
        overrides=_overrides(params.get("overrides") or {}),
        network=params.get("network") or "keep",
        bridge=params.get("bridge") or None,
        vlan=params.get("vlan"),
        unprivileged=params.get("unprivileged"),
        ignore_unpack_errors=bool(params.get("ignore_unpack_errors")),
        bwlimit=params.get("bwlimit"),
        live_restore=bool(params.get("live_restore")),
        start=bool(params.get("start")),
        if_exists=params.get("if_exists") or "fail",
        accept_loss=frozenset(params.get("accept_loss") or ()),
        prove=params.get("prove") or None,
        shutdown=bool(params.get("shutdown")),
        safety_backup=params.get("safety_backup") is not False,
        safety_storage=params.get("safety_storage") or None,
        keep_safety_backup=params.get("keep_safety_backup") is not False,
        ha=params.get("ha") or "refuse",
        wait=params.get("wait") is not False,
        cancel_on_timeout=params.get("on_timeout") == "cancel",
        timeout=parse_duration(params.get("timeout") or "4h", "timeout"),
        shutdown_timeout=parse_duration(params.get("shutdown_timeout") or "3m", "shutdown_timeout"),
    )
    _check(wish)
    return wish


def _check(wish: RestoreWish) -> None:
    if wish.target not in ("same", "auto") and not _is_id(wish.target):
        raise InputError(
            f"target_vmid: '{wish.target}' is neither an id (100 to 999999999) nor same nor auto. {NOTHING}"
        )
    if wish.vmid is not None and not _is_id(str(wish.vmid)):
        raise InputError(f"vmid: {wish.vmid} cannot be a guest's id; ids are 100 to 999999999. {NOTHING}")
    if wish.volid is not None:
        _check_volid(wish, wish.volid)
    _check_network(wish)
    if wish.new_name is not None and not _NAME.match(wish.new_name):
        raise InputError(
            f"new_name: '{wish.new_name}' is no name of a host (letters, digits, dots, hyphens). {NOTHING}"
        )
    if wish.bwlimit is not None and wish.bwlimit < 0:
        raise InputError(f"bwlimit: {wish.bwlimit} is out of range; it is at least 0 (KiB/s; 0 is no limit). {NOTHING}")
    if not wish.wait:
        for option, given in (("if_exists replace", wish.if_exists == "replace"), ("start", wish.start)):
            if given:
                raise InputError(f"wait: {option} needs several steps, one after the other; wait for them. {NOTHING}")


def _check_volid(wish: RestoreWish, volid: str) -> None:
    if not volid.partition(":")[2].startswith("backup/"):
        raise InputError(
            f"volid: {volid} is no backup's volume id; such as "
            f"vault:backup/vzdump-lxc-101-2026_11_20-12_26_37.tar.zst. {NOTHING}"
        )
    if wish.before is not None or wish.storages or not wish.newest:
        raise InputError(f"volid: it names the backup; newest, before and storages choose one of a guest. {NOTHING}")


def _check_network(wish: RestoreWish) -> None:
    isolated = wish.network == "isolated"
    if isolated and wish.bridge is None:
        raise InputError(f"bridge: network isolated needs the bridge to put the guest on. {NOTHING}")
    for option, value in (("bridge", wish.bridge), ("vlan", wish.vlan)):
        if value is not None and not isolated:
            raise InputError(f"{option}: it belongs to network isolated. {NOTHING}")
    if wish.vlan is not None and not 1 <= wish.vlan <= 4094:
        raise InputError(f"vlan: {wish.vlan} is out of range; it is 1 to 4094. {NOTHING}")


def _is_id(text: str) -> bool:
    """Whether it is an id, as Proxmox writes it: a restore is known by it."""
    return text.isascii() and text.isdigit() and text[0] != "0" and 100 <= int(text) <= 999999999


def _moment(given: object) -> float | None:
    """Epoch seconds from ``before``."""
    text = "" if given is None else str(given).strip()
    if not text:
        return None
    if _EPOCH.match(text):
        return float(text)
    found: datetime | None = None
    with suppress(ValueError):
        found = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text))
    if found is None or found.tzinfo is None:
        raise InputError(
            f"before: '{text}' is no moment; write it with its zone, such as 2026-11-20T03:00:00+01:00 or "
            f"2026-11-20T02:00:00Z, or as epoch seconds. {NOTHING}"
        )
    return found.timestamp()


def _overrides(given: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Settings as Proxmox wants them: booleans as 0 and 1."""
    found: list[tuple[str, str]] = []
    for key, value in sorted(((str(key), value) for key, value in given.items()), key=lambda pair: pair[0]):
        if _VOLUME.match(key):
            raise InputError(f"overrides: {key} is a volume; where volumes go is said by target_storage. {NOTHING}")
        if key in _SECRET:
            raise InputError(f"overrides: {key} is a secret that would be shown; set it after the restore. {NOTHING}")
        if key in _NOT_OVERRIDDEN or not _KEY.match(key):
            raise InputError(f"overrides: {key} is no setting of a guest's configuration. {NOTHING}")
        if isinstance(value, (list, dict)) or value is None:
            raise InputError(f"overrides: {key} wants a text, a number or a boolean. {NOTHING}")
        found.append((key, str(int(value)) if isinstance(value, bool) else str(value)))
    return tuple(found)
