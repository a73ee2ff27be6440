# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The row of a guest, with the same keys in every state of proxmox_backup. Pure. Private to this collection."""

from __future__ import annotations

from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest


def guest_row(guest: Guest, result: str, reason: str, backup: Backup | None, age: int | None) -> dict[str, Any]:
    """A row that rests on ``backup``; ``age`` is in seconds. What a task says of it is filled in later."""
    return {
        "vmid": guest.vmid,
        "name": guest.name,
        "node": guest.node or None,
        "type": guest.type or None,
        "result": result,
        "volid": backup.volid if backup else None,
        "storage": backup.storage if backup else None,
        "size": backup.size if backup else None,
        "ctime": backup.ctime if backup else None,
        "age": age,
        "duration": None,
        "warnings": [],
        "excluded_volumes": [],
        "reason": reason,
        "upid": None,
    }
