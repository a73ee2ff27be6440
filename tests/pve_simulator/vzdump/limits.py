# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many backups a guest may have on a storage, checked before anything is written."""

from __future__ import annotations

from pve_simulator.state.model import Guest
from pve_simulator.storage import protection
from pve_simulator.vzdump.options import Options
from pve_simulator.vzdump.outcome import GuestFailed
from pve_simulator.vzdump.target import Target
from pve_simulator.world import World


def check(world: World, options: Options, target: Target, guest: Guest, identity: str) -> None:
    """Raise `GuestFailed` when one more backup would be too many."""
    limit = 0 if options.prune.get("keep-all") else sum(options.prune.values())
    if not options.protected and not (limit and not options.remove):
        return
    own = [
        backup
        for backup in target.folder.all()
        if backup.vmid == guest.vmid and backup.name.subtype in (guest.kind, "unknown")
    ]
    if not options.protected:
        if sum(not backup.protected for backup in own) >= limit:
            raise GuestFailed(
                f"There is a max backup limit of {limit} enforced by the target storage or the vzdump parameters. "
                "Either increase the limit or delete old backups."
            )
    elif target.storage is not None:
        refusal = protection.refusal(world, identity, target.storage, own)
        if refusal is not None:
            raise GuestFailed(refusal)
