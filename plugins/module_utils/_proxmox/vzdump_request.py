# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From options to the parameters of POST vzdump. Pure. Private to this collection.

Only what the user set is sent: an unknown parameter is refused by older nodes, and a default of ours would override
the node's own /etc/vzdump.conf.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import parse_duration, whole_minutes
from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError

BODY_LIMIT = 60_000
"""Bytes of a POST: pve-http-server refuses bodies of more than 64 KiB."""

NOTES_LIMIT = 1024
_NOTES_VARIABLES = ("cluster", "guestname", "node", "vmid")
_VARIABLE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)

NEEDS_SYS_MODIFY = ("bwlimit", "ionice", "performance")
"""Options for which Proxmox wants Sys.Modify on / (recorded: 05_vzdump_errors)."""


def vzdump_parameters(params: Mapping[str, Any]) -> dict[str, Any]:
    """Everything but ``vmid`` and ``storage``, named and written as Proxmox wants it.

    Booleans become 0/1, waiting times whole minutes (rounded up), sub-options property strings; lists stay lists.

    :raises InputError: for what Proxmox would refuse or misread.
    """
    sent: dict[str, Any] = {}
    for option, name in (
        ("mode", "mode"),
        ("bwlimit", "bwlimit"),
        ("ionice", "ionice"),
        ("zstd_threads", "zstd"),
        ("notification_mode", "notification-mode"),
        ("change_detection_mode", "pbs-change-detection-mode"),
    ):
        if params.get(option) is not None:
            sent[name] = params[option]
    check_ranges(params)
    if params.get("compress") is not None:
        sent["compress"] = "0" if params["compress"] == "none" else params["compress"]
    if params.get("protected") is not None:
        sent["protected"] = int(params["protected"])
    if params.get("storage_retention") is False:
        sent["remove"] = 0
    if params.get("notes") is not None:
        sent["notes-template"] = escaped_notes(params["notes"])
    if params.get("exclude_paths"):
        sent["exclude-path"] = list(params["exclude_paths"])
    for option, name in (("lock_wait", "lockwait"), ("stop_wait", "stopwait")):
        if params.get(option) is not None:
            sent[name] = whole_minutes(parse_duration(params[option], option))
    sent.update(_performance(params.get("performance")))
    sent.update(_fleecing(params.get("fleecing")))
    return sent


def escaped_notes(text: str) -> str:
    """Notes as Proxmox's template: one line, with newlines and backslashes escaped.

    :raises InputError: for a variable that Proxmox doesn't know, and for what is too long.
    """
    for found in _VARIABLE.finditer(text):
        if found.group(1).strip() not in _NOTES_VARIABLES:
            known = ", ".join("{{" + name + "}}" for name in _NOTES_VARIABLES)
            raise InputError(f"notes: Proxmox does not know {found.group(0)}; it knows {known}.")
    # Proxmox takes a variable without blanks only.
    lines = text.replace("\r\n", "\n").rstrip("\n")
    tight = _VARIABLE.sub(lambda found: "{{" + found.group(1).strip() + "}}", lines)
    escaped = tight.replace("\\", "\\\\").replace("\n", "\\n")
    if len(escaped) > NOTES_LIMIT:
        raise InputError(f"notes: {len(escaped)} characters are too many for Proxmox, which takes {NOTES_LIMIT}.")
    return escaped


def room_for_ids(parameters: Mapping[str, Any]) -> int:
    """Bytes that are left for the ids in a request with these parameters.

    :raises InputError: when they leave none.
    """
    room = BODY_LIMIT - len(urlencode(list(parameters.items()), doseq=True))
    if room < 1000:
        raise InputError("exclude_paths and the other options together are longer than Proxmox takes in one request.")
    return room


def chunks(vmids: Iterable[int], limit: int = BODY_LIMIT) -> list[list[int]]:
    """Ids in as few lists as possible, none of which is longer than ``limit`` bytes as a form value."""
    parts: list[list[int]] = []
    used = limit
    for vmid in vmids:
        need = len(str(vmid)) + len("%2C")
        if used + need > limit:
            parts.append([])
            used = 0
        parts[-1].append(vmid)
        used += need
    return parts


def check_ranges(params: Mapping[str, Any]) -> None:
    """That numbers are what Proxmox takes (its API's own description).

    :raises InputError: naming the first that is not.
    """
    _check_range(params, "bwlimit", 0, None)
    _check_range(params, "ionice", 0, 8)
    _check_range(params, "zstd_threads", 0, None)
    performance = params.get("performance") or {}
    _check_range(performance, "max_workers", 1, 256)
    _check_range(performance, "pbs_entries_max", 1, None)


def _check_range(params: Mapping[str, Any], option: str, low: int, high: int | None) -> None:
    value = params.get(option)
    if value is None or (value >= low and (high is None or value <= high)):
        return
    span = f"at least {low}" if high is None else f"{low} to {high}"
    raise InputError(f"{option}: {value} is out of range; it is {span}.")


def _performance(given: Mapping[str, Any] | None) -> dict[str, str]:
    parts = [f"{name.replace('_', '-')}={value}" for name, value in (given or {}).items() if value is not None]
    return {"performance": ",".join(sorted(parts))} if parts else {}


def checked_fleecing(given: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of the option ``fleecing`` that are set.

    :raises InputError: when it is enabled without a storage.
    """
    found: dict[str, Any] = {"enabled": bool(given.get("enabled"))}
    if given.get("storage"):
        found["storage"] = given["storage"]
    elif found["enabled"]:
        raise InputError("fleecing: name the storage that holds the fleecing images (fleecing.storage).")
    return found


def _fleecing(given: Mapping[str, Any] | None) -> dict[str, str]:
    if not given:
        return {}
    found = checked_fleecing(given)
    storage = f",storage={found['storage']}" if "storage" in found else ""
    return {"fleecing": f"enabled={int(found['enabled'])}{storage}"}
