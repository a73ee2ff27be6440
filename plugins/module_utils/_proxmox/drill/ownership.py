# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a guest is the scratch copy of a drill, so that it may be destroyed. Pure. Private to this collection.

The one place where that is decided. In any doubt it is somebody else's.
"""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.marks import Marks
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_configuration import GuestConfiguration
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_tasks import GuestState, unlock_command

LEFT_ALONE = "somebody else may use it, and it was left alone"


def why_not(
    copy: Guest, marks: Marks, found: GuestConfiguration, state: GuestState, makers: Sequence[str]
) -> str | None:
    """Why a guest must not be destroyed, as the end of a sentence about it; None: it is ours.

    ``copy`` is what the journal says that our task has made, ``found`` what is there now, ``makers`` are tasks that
    have made a guest of this id since. A guest without the marks is ours only while it is the empty VM that a failed
    restore leaves (recorded: 11_qemu), which nobody has started.
    """
    unmarked = marks.missing(copy.vmid, found)
    if unmarked and not (found.is_stub and marks.low <= copy.vmid <= marks.high):
        return f"lacks {listed(unmarked)}; {LEFT_ALONE}"
    if makers:
        return f"was made anew by {makers[0]}; it was left alone"
    if unmarked and state.running:
        return f"carries no marks and runs; {LEFT_ALONE}"
    lock = found.lock or state.lock
    if lock == "backup":
        return "is being backed up; the next drill removes it once that has ended"
    if lock:
        return f"is locked ({lock}); run '{unlock_command(copy)}' there, and the next drill removes it"
    if state.ha:
        return "is managed by HA; take it out of HA, and the next drill removes it"
    return None
