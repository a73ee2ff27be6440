# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parameters of the calls that restore. Pure. Private to this collection.

Only what the user set is sent, but for the storage of a container: Proxmox takes ``local`` for it otherwise
(pve-container LXC.pm).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_configuration import (
    GuestConfiguration,
    properties,
    property_string,
    without_address,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.wish import RestoreWish

TASK_TYPES = {"lxc": "vzrestore", "qemu": "qmrestore"}


def settings(wish: RestoreWish, archived: GuestConfiguration, unique: bool) -> dict[str, str]:
    """The settings that shall be other than in the archive: the name, network cards, and what the user overrides."""
    found: dict[str, str] = {}
    if wish.new_name is not None:
        found["hostname" if archived.type == "lxc" else "name"] = wish.new_name
    if wish.network != "keep":
        found.update({key: _network(wish, value, unique) for key, value in archived.networks.items()})
    found.update(wish.overrides)
    return found


def request(
    wish: RestoreWish, kind: str, volid: str, storage: str | None, unique: bool, given: dict[str, str]
) -> dict[str, Any]:
    """A restore as the user wants it; the id and ``force`` come with the call."""
    sent = _archive(kind, volid, storage)
    if unique:
        sent["unique"] = 1
    if wish.pool is not None:
        sent["pool"] = wish.pool
    if wish.live_restore:
        sent["live-restore"] = 1
    return {**sent, **_how(wish, kind), **given}


def proof(
    wish: RestoreWish, volid: str, storage: str | None, archived: GuestConfiguration, given: dict[str, str]
) -> dict[str, Any]:
    """The same archive onto a scratch id, with the settings ``given``: Proxmox refuses wrong ones already there."""
    kind = archived.type
    sent = {**_archive(kind, volid, storage), "unique": 1, **_how(wish, kind), **given}
    if archived.protected or given.get("protection", "0") != "0":
        sent["protection"] = 0  # or it could not be removed
    return sent


def rollback(kind: str, volid: str, storage: str | None, volumes: Mapping[str, str]) -> dict[str, Any]:
    """The safety backup back to where the guest was; ``volumes`` of a container that lay on several storages."""
    return {**_archive(kind, volid, storage if kind == "lxc" and not volumes else None), **volumes}


def expected(archived: GuestConfiguration, given: dict[str, str], unprivileged: bool | None) -> GuestConfiguration:
    """The configuration that the guest shall have then."""
    values = {**archived.values, **given}
    if unprivileged is not None:
        values["unprivileged"] = str(int(unprivileged))
        if not unprivileged:
            del values["unprivileged"]
    return GuestConfiguration(archived.type, values)


def _archive(kind: str, volid: str, storage: str | None) -> dict[str, Any]:
    sent: dict[str, Any] = {"ostemplate": volid, "restore": 1} if kind == "lxc" else {"archive": volid}
    if storage is not None:
        sent["storage"] = storage
    return sent


def _how(wish: RestoreWish, kind: str) -> dict[str, Any]:
    sent: dict[str, Any] = {}
    if wish.bwlimit is not None:
        sent["bwlimit"] = wish.bwlimit
    if kind == "lxc" and wish.unprivileged is not None:
        sent["unprivileged"] = int(wish.unprivileged)
    if kind == "lxc" and wish.ignore_unpack_errors:
        sent["ignore-unpack-errors"] = 1
    return sent


def _network(wish: RestoreWish, value: str, unique: bool) -> str:
    parts = dict(without_address(value)) if unique else dict(properties(value))
    if wish.network == "disconnected":
        parts["link_down"] = "1"
    else:
        parts.pop("tag", None)
        parts.pop("trunks", None)
        parts["bridge"] = str(wish.bridge)
        if wish.vlan is not None:
            parts["tag"] = str(wish.vlan)
    return property_string(parts)
