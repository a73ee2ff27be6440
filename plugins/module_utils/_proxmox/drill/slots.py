# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many guests a run drills, handed out to its threads one by one. Private to this collection."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest


@dataclass
class Slots:
    """How many guests are still to be drilled, and whose turn it is. One that can't be drilled leaves its slot free."""

    queue: list[Guest]
    left: int
    spare: int
    chosen: list[int] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def next(self) -> Guest | None:
        """The guest whose turn it is; None when enough have had theirs."""
        with self._guard:
            if not self.queue or self.left <= 0:
                return None
            self.left -= 1
            guest = self.queue.pop(0)
            self.chosen.append(guest.vmid)
            return guest

    def unused(self) -> None:
        """The guest that was taken could not be drilled: another has its turn."""
        with self._guard:
            if self.spare > 0:
                self.spare -= 1
                self.left += 1
