# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a test does to guests and archives by hand, and how it sees whether a guest is as it was."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

from pve_simulator.archives import extraction
from pve_simulator.guests import agent as agents
from pve_simulator.guests import configuration, content
from pve_simulator.guests.agent import Agent
from pve_simulator.population import Population
from pve_simulator.state.model import Guest, Replication, Resource, Snapshot, Volume

_NEW_EACH_TIME = ("lock", "vmgenid")


class Handling(Population):
    """The part of a world that tests change and compare."""

    def content_hash(self, vmid: int, *, settings: bool = True) -> str:
        """A hash of everything in a guest: files or bytes of disks, and with ``settings`` its configuration.

        Of the configuration the digest, the lock and the generation id are left out, and the names of volumes, which a
        restore changes: what counts are their keys, paths, sizes and options. A disk's zeros at its end do not count.
        Raises ``KeyError`` when there is no such guest.
        """
        with self.changed:
            guest = self.cluster.guests[vmid]
            folder = self.layout.guest(vmid)
            parts: dict[str, object] = {
                volume.key: content.digest(content.volume_path(folder, guest.kind, volume.key))
                for volume in guest.volumes
            }
            agent = agents.place(folder)
            if agent.exists():
                parts["agent"] = content.digest(agent)
            if settings:
                parts["configuration"] = self._compared(guest)
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def break_guest(self, vmid: int) -> None:
        """Lose half of the files of a container, or of the bytes of a VM's disks and of what its agent can read."""
        guest = self.cluster.guests[vmid]
        for volume in guest.volumes:
            path = content.volume_path(self.layout.guest(vmid), guest.kind, volume.key)
            if path.is_dir():
                files = sorted(entry for entry in path.rglob("*") if entry.is_file())
                for file in files[::2]:
                    file.unlink()
            elif path.is_file():
                path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        agent = agents.read(self.layout.guest(vmid))
        if agent is not None:
            left = dict(sorted(agent.files.items())[1::2])
            self.set_agent(vmid, replace(agent, files=left))

    def set_running(self, vmid: int, running: bool) -> None:
        """Have a guest run, or not, without a task: as it crashes, say."""
        with self.changed:
            self.cluster.guests[vmid].run(running=running)
            self.touch()

    def set_agent(self, vmid: int, agent: Agent | None) -> None:
        """Put another agent into a VM, with other files, say, or with None take it out."""
        with self.changed:
            folder = self.layout.guest(vmid)
            if agent is None:
                content.clear(agents.place(folder))
            else:
                agents.write(folder, agent, self.cluster.guests[vmid].name)

    def add_snapshot(self, vmid: int, name: str, description: str | None = None) -> None:
        """A snapshot of the guest."""
        with self.changed:
            self.cluster.guests[vmid].snapshots.append(Snapshot(name, int(self.now()), description))
            self.touch()

    def set_ha(self, vmid: int, state: str | None = "started") -> None:
        """Have the HA manager look after a guest (``started``, ``stopped``, ``ignored``), or with None no more."""
        sid = f"{'ct' if self.cluster.guests[vmid].kind == 'lxc' else 'vm'}:{vmid}"
        with self.changed:
            if state is None:
                self.cluster.resources.pop(sid, None)
            else:
                self.cluster.resources.setdefault(sid, Resource(sid)).state = state
            self.touch()

    def set_replication(self, vmid: int, target: str | None = None) -> None:
        """A job that replicates a guest to another node, some other one unless it is named."""
        with self.changed:
            home = self.cluster.guests[vmid].node
            where = target or next((name for name in self.cluster.nodes if name != home), home)
            self.cluster.replications[f"{vmid}-0"] = Replication(f"{vmid}-0", vmid, where)
            self.touch()

    def set_option(self, vmid: int, name: str, value: str | int | None) -> None:
        """Set an option of the configuration (``protection``, ``onboot``, ``net0``), or with None take it away."""
        with self.changed:
            options = self.cluster.guests[vmid].options
            if value is None:
                options.pop(name, None)
            else:
                options[name] = value
            self.touch()

    def add_linked_clone(self, template: int, vmid: int, name: str) -> None:
        """A VM whose disks build on those of a template, which cannot be removed any more."""
        with self.changed:
            base = self.cluster.guests[template]
            configuration.fix_numbers(base)
            clone = Guest(vmid, name, base.kind, base.node, memory=base.memory, options=dict(base.options))
            for volume in base.volumes:
                parent = configuration.volid(base, volume, self.cluster.storages)
                clone.volumes.append(
                    Volume(volume.key, volume.storage, volume.size, parent=parent, number=volume.number)
                )
            self.cluster.guests[vmid] = clone
            self.touch()

    def truncate_archive(self, volid: str, keep: int | None = None, node: str | None = None) -> int:
        """Cut an archive off after ``keep`` bytes; the answer is how many are left.

        Unless told otherwise it is cut so that the configuration can still be read and the content cannot: half of it
        is left, or more where the configuration needs more.
        """
        path = self.archive_path(volid, node)
        whole = path.read_bytes()
        left = keep if keep is not None else len(whole) // 2
        path.write_bytes(whole[:left])
        while keep is None and not _shows_configuration(path) and left < len(whole) - 1:
            left += (len(whole) - left) // 8 + 1
            path.write_bytes(whole[: min(left, len(whole) - 1)])
        return path.stat().st_size

    def archive_path(self, volid: str, node: str | None = None) -> Path:
        """Where the bytes of a backup lie. Raises ``KeyError`` when there is no such backup."""
        storage, _mark, volume = volid.partition(":")
        found = self.backups(storage, node).find(volume.removeprefix("backup/"))
        if found is None:
            raise KeyError(volid)
        return found.path

    def set_capacity(self, storage: str, size: int) -> None:
        """How many bytes fit on a storage."""
        with self.changed:
            self.cluster.storages[storage].capacity = size
            self.touch()

    def _compared(self, guest: Guest) -> dict[str, object]:
        found: dict[str, object] = {**configuration.settings(guest, self.cluster.storages), "text": guest.description}
        for word in _NEW_EACH_TIME:
            found.pop(word, None)
        for volume in guest.volumes:
            found[volume.key] = [volume.path, volume.backup, volume.size, volume.options]
        return found


def _shows_configuration(path: Path) -> bool:
    try:
        return bool(extraction.configuration(path))
    except extraction.BrokenArchive:
        return False
