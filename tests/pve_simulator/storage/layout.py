# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where things lie in the simulator's folder, and which path Proxmox would name for them."""

from __future__ import annotations

from pathlib import Path

from pve_simulator.state.model import Storage


class Layout:
    """The folder of a world. Nothing here touches the disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def state_file(self) -> Path:
        """The cluster's state."""
        return self.folder / "state.json"

    @property
    def pki(self) -> Path:
        """Certificates and keys."""
        return self.folder / "pki"

    def tasks(self, node: str) -> Path:
        """The task logs of a node."""
        return self.folder / "tasks" / node

    def guest(self, vmid: int) -> Path:
        """What is in a guest: a folder for each mount point, a file for each disk."""
        return self.folder / "guests" / str(vmid)

    def storage(self, storage: Storage, node: str) -> Path:
        """The root of a storage as the node sees it."""
        if storage.shared:
            return self.folder / "shared" / storage.name
        return self.folder / "nodes" / node / storage.name

    def dump(self, storage: Storage, node: str) -> Path:
        """The folder of the backups."""
        return self.storage(storage, node) / "dump"


def shown_dump(storage: Storage) -> str:
    """The folder of the backups as logs name it."""
    return f"{storage.path}/dump"
