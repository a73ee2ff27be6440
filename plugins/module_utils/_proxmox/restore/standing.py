# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which guest stands after a restore. Pure. Private to this collection."""

from __future__ import annotations

from dataclasses import dataclass

OLD = "old"
NEW = "new"
ROLLED_BACK = "rolled_back"
NOTHING_THERE = "nothing"
GONE = "gone"
BEGUN = "begun"
RUNNING = "running"
UNDECIDED = "undecided"


@dataclass(frozen=True)
class Standing:
    """What stands: the ``old`` guest, the ``new`` one, the old one ``rolled_back``, ``nothing`` on an id that was free.

    ``gone``: somebody else has taken the old guest away before it was touched. ``begun``: the restore is not to be
    waited for. ``running``: its task hasn't ended. ``undecided``: a person has to decide, as ``words`` say.
    """

    what: str
    words: str = ""
    started: bool | None = None

    @property
    def settled(self) -> bool:
        """Whether there is nothing left for a later run."""
        return self.what not in (RUNNING, UNDECIDED)
