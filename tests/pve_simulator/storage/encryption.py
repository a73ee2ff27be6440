# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Encrypted backups: who has a key reads them (not recorded). Which key it is does not count here."""

from __future__ import annotations

from pve_simulator.errors import Died
from pve_simulator.state.model import Storage
from pve_simulator.storage.backups import Backup

_UNKNOWN = "00:00:00:00:00:00:00:00"  # of a backup whose listing says only that it is encrypted


class MissingKey(Died):
    """The storage has no key for an encrypted backup. ``client`` is what proxmox-backup-client says itself."""

    def __init__(self, encrypted: str) -> None:
        key = short(encrypted) if ":" in encrypted else _UNKNOWN
        self.client = f"Error: missing key - manifest was created with key {key}"
        super().__init__(f"proxmox-backup-client failed: {self.client}")


def short(fingerprint: str) -> str:
    """A key as the client names it: by the first eight bytes of its fingerprint."""
    return fingerprint[:23]


def check_readable(storage: Storage, backup: Backup) -> None:
    """Raise `MissingKey` where nobody can tell what is in the backup."""
    if backup.encrypted not in (None, "0") and storage.encryption_key is None:
        raise MissingKey(str(backup.encrypted))
