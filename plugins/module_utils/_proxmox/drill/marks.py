# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What makes a guest a scratch guest of ours: a tag, and a nonce in its description. Pure. Private to this collection.

The third mark, the task that restored it, stands in the journal. A tag can be set by hand and a description copied with
a guest; only what carries all three is ever destroyed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_configuration import GuestConfiguration

TAG = "lifeboat-drill"
NONCE = re.compile(r"^[0-9a-f]{32}$")
_IN_DESCRIPTION = re.compile(r"\bLifeboat drill ([0-9a-f]{32})\b")


@dataclass(frozen=True)
class Marks:
    """The marks of one scratch guest. ``low`` to ``high`` are the ids that scratch guests may have."""

    tag: str
    nonce: str
    low: int
    high: int

    def description(self, guest: str, run: str) -> str:
        """What stands in the scratch guest's notes, for whoever finds it."""
        return (
            f"Lifeboat drill {self.nonce}\n\nA scratch copy of {guest}, restored from a backup by drill {run} to prove "
            "that it restores. It is destroyed at the end of the drill, or by the next one."
        )

    def missing(self, vmid: int, found: GuestConfiguration) -> list[str]:
        """The marks that a guest, as it is now, does not carry, each as a person reads it; empty: it is ours."""
        lacking = []
        if not self.low <= vmid <= self.high:
            lacking.append(f"an id of the scratch range {self.low}-{self.high}")
        if self.tag not in found.tags:
            lacking.append(f"the tag {self.tag}")
        if nonce_of(found) != self.nonce:
            lacking.append("this drill's nonce in its notes")
        return lacking


def nonce_of(found: GuestConfiguration) -> str | None:
    """The nonce of the drill that a guest says it belongs to."""
    match = _IN_DESCRIPTION.search(found.values.get("description", ""))
    return match.group(1) if match else None
