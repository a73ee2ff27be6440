# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a retention does on a storage: PVE::Storage::prune_backups, which calls and backup jobs share (06_prune)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pve_simulator.errors import WorkerError
from pve_simulator.schema import property_strings
from pve_simulator.state.model import Storage
from pve_simulator.storage import retention
from pve_simulator.storage.backups import Backup, BackupFolder
from pve_simulator.storage.retention import Marked

FAILED = "error pruning backups - check log"


def marked(folder: BackupFolder, keep: dict[str, int], vmid: int | None, kind: str | None) -> list[Marked]:
    """The backups of a guest (None: of all) and of a kind of guests, each with what the retention says of it."""
    chosen = [backup for backup in folder.all() if vmid in (None, backup.vmid) and kind in (None, backup.name.subtype)]
    return retention.mark(chosen, keep, folder.zone)


def carry_out(
    folder: BackupFolder,
    entries: Sequence[Marked],
    say: Callable[[str], None],
    complain: Callable[[str], None],
    failure: Callable[[Backup], str | None],
) -> int:
    """Remove what is marked for it; the answer is how many those were. Raises `WorkerError` when some stayed.

    ``failure`` is asked before each removal: a text in its answer is why that one fails.
    """
    if folder.server:
        _announce_groups(entries, say)
    doomed = [entry.backup for entry in entries if entry.mark == retention.REMOVE]
    failed = False
    for backup in doomed:
        if not folder.server:
            say(f"removing backup '{backup.volid}'")
        text = failure(backup)
        if text is None:
            folder.delete(backup.name.name)
        else:
            complain(f"error when removing backup '{backup.volid}' - {text}")
            failed = True
    if failed:
        raise WorkerError(FAILED)
    return len(doomed)


def configured(storage: Storage, given: str | None) -> dict[str, int] | None:
    """The retention of a call, else that of the storage, else None."""
    text = given if given is not None else storage.prune
    return property_strings.parse_prune(text) if text is not None else None


def _announce_groups(entries: Sequence[Marked], say: Callable[[str], None]) -> None:
    # One call to the server for each group: it names no archive (pve-storage PBSPlugin.pm; not recorded).
    groups = {entry.backup.name.name.rsplit("/", 1)[0] for entry in entries}
    for group in sorted(groups):
        say(f"running 'proxmox-backup-client prune' for '{group}'")
