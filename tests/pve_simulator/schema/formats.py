# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The formats of strings that Proxmox checks, each with the text that it has for what does not fit."""

from __future__ import annotations

import re
from collections.abc import Callable

from pve_simulator.schedule import calendar_event
from pve_simulator.schema import property_strings

_STORAGE_ID = re.compile(r"^[a-z][a-z0-9\-_.]*[a-z0-9]$", re.IGNORECASE)
_VMID = re.compile(r"^[1-9][0-9]{2,8}$")
_CONTENT = ("images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import", "none")
_TASK_STATUS = ("ok", "error", "warning", "unknown")


def split_list(text: str) -> list[str]:
    """The words of a list: commas, semicolons, blanks and NUL part them."""
    return [word for word in re.split(r"[,;\s\0]+", text) if word]


def complaint(name: str, text: str) -> str | None:
    """What is wrong with the text, or None."""
    if name.endswith("-list"):
        single = _CHECKS.get(name.removesuffix("-list"), _anything)
        return next((found for word in split_list(text) if (found := single(word)) is not None), None)
    return _CHECKS.get(name, _anything)(text)


def _anything(value: str) -> str | None:
    """The formats of guests' options: most are not checked here."""
    return None


def _matching(pattern: str, text: str) -> Callable[[str], str | None]:
    compiled = re.compile(pattern)
    return lambda value: None if compiled.match(value) else text.format(value=value)


def _vmid(value: str) -> str | None:
    return None if _VMID.match(value) else "value does not look like a valid VM ID"


def _storage_id(value: str) -> str | None:
    return None if _STORAGE_ID.match(value) else f"storage ID '{value}' contains illegal characters"


def _content(value: str) -> str | None:
    return None if value in _CONTENT else f"invalid content type '{value}'"


def _task_status(value: str) -> str | None:
    return None if value in _TASK_STATUS else f"invalid task status type '{value}'"


def _mail(value: str) -> str | None:
    return None if value else "value does not look like a valid email address or user name"


_CHECKS: dict[str, Callable[[str], str | None]] = {
    "pve-vmid": _vmid,
    "pve-storage-id": _storage_id,
    "pve-storage-content": _content,
    "pve-node": _matching(r"^[a-zA-Z0-9]([a-zA-Z0-9\-]*[a-zA-Z0-9])?$", "value does not look like a valid node name"),
    "pve-configid": _matching(r"^[a-zA-Z][a-zA-Z0-9_-]+$", "invalid configuration ID '{value}'"),
    "pve-poolid": _matching(r"^[A-Za-z0-9.\-_/]+$", "value does not look like a valid pool name"),
    "pve-realm": _matching(r"^[A-Za-z][A-Za-z0-9.\-_]+$", "value does not look like a valid realm"),
    "pve-userid": _matching(
        r"^[^\s:/]+@[A-Za-z][A-Za-z0-9.\-_]+$", "value '{value}' does not look like a valid user name"
    ),
    "pve-tokenid": _matching(r"^[A-Za-z][A-Za-z0-9.\-_]+$", "value does not look like a valid token name"),
    "dns-name": _matching(
        r"^[a-zA-Z0-9]([a-zA-Z0-9\-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9\-]*[a-zA-Z0-9])?)*$",
        "value does not look like a valid DNS name",
    ),
    "pve-tag": _matching(r"^[a-zA-Z0-9_][a-zA-Z0-9_\-+.]*$", "invalid characters in tag"),
    "pve-ha-resource-or-vm-id": _matching(
        r"^(?:(?:vm|ct):)?[1-9][0-9]{2,8}$", "value does not look like a valid service ID or VMID"
    ),
    "pve-priv": _matching(r"^[A-Za-z.]+$", "invalid privilege '{value}'"),
    "pve-task-status-type": _task_status,
    "email-or-username": _mail,
    "pve-day-of-week": _matching(r"^(mon|tue|wed|thu|fri|sat|sun)$", "invalid day '{value}'"),
    "pve-calendar-event": calendar_event.complaint,
    "prune-backups": property_strings.prune_complaint,
    "backup-fleecing": property_strings.fleecing_complaint,
    "backup-performance": property_strings.performance_complaint,
}
