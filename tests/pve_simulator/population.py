# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tests put into a world: nodes, storages, guests with content, users with rights, backups of earlier days."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pve_simulator.access import passwords
from pve_simulator.archives import seeding
from pve_simulator.backup_jobs import definition
from pve_simulator.core import Core
from pve_simulator.errors import ParameterError
from pve_simulator.guests import agent as guest_agent
from pve_simulator.guests import content as guest_content
from pve_simulator.guests.agent import Agent
from pve_simulator.schema import backup_jobs as schema
from pve_simulator.schema import parameters
from pve_simulator.state import clock
from pve_simulator.state.model import GIB, AclEntry, Guest, Node, Pool, Storage, Token, User, Volume

_USER = re.compile(r"^[^\s:/!]+@[A-Za-z][A-Za-z0-9.\-_]+$")
_TOKEN = re.compile(r"^[A-Za-z][A-Za-z0-9.\-_]+$")
_SHARED = ("nfs", "cifs", "cephfs", "pbs")
_BARE = 64 << 20  # the size of an archive without content where a test names none
_LOCAL_PATH = "/var/lib/vz"

Options = Mapping[str, str | int]


@dataclass(frozen=True)
class Mount:
    """A mount point of a container: key (``mp0``), path, whether it is backed up, and what is in it.

    With ``source`` (``/mnt/films``, ``/dev/sdb1``) it is no volume but a folder or a device of the host, which is never
    backed up.
    """

    key: str
    path: str
    backup: bool | None = True
    files: Mapping[str, bytes] = field(default_factory=dict)
    size: int = 4 * GIB
    source: str | None = None


@dataclass(frozen=True)
class Disk:
    """A disk of a VM: the bytes at its begin, whether it is backed up, and its whole size."""

    content: bytes = b""
    backup: bool | None = None
    size: int = GIB


class Population(Core):
    """The part of a world that is built up."""

    def add_node(
        self,
        name: str,
        clock_offset: float = 0.0,
        online: bool = True,
        timezone: str = clock.UTC,
        memory: int = 16 * GIB,
    ) -> None:
        """A host whose clock runs ``clock_offset`` seconds ahead. The first one is the one clients talk to.

        Raises ``ValueError`` or ``KeyError`` for a time zone that there is not.
        """
        clock.zone(timezone)
        with self.changed:
            self.cluster.nodes[name] = Node(name, clock_offset, online, timezone, memory)
            self.touch()

    def add_storage(
        self,
        name: str,
        type: str = "dir",  # noqa: A002 - Proxmox calls it so
        content: Sequence[str] = ("backup",),
        *,
        shared: bool | None = None,
        nodes: Sequence[str] | None = None,
        prune: str | None = None,
        disabled: bool = False,
        capacity: int = 10 * GIB,
        path: str | None = None,
        max_protected: int | None = None,
        encryption_key: str | None = None,
    ) -> None:
        """A storage. nfs and pbs are shared unless told otherwise; ``path`` is what logs call its folder.

        ``encryption_key`` is the fingerprint of a backup server's key. Raises ``ValueError`` where there can be none.
        """
        if encryption_key is not None and type != "pbs":
            raise ValueError(f"a storage of type {type} encrypts nothing")
        storage = Storage(
            name,
            type,
            list(content),
            path or (_LOCAL_PATH if name == "local" else f"/mnt/pve/{name}"),
            shared=shared if shared is not None else type in _SHARED,
            nodes=list(nodes) if nodes is not None else None,
            prune=prune,
            disabled=disabled,
            capacity=capacity,
            max_protected=max_protected,
            encryption_key=encryption_key,
        )
        with self.changed:
            self.cluster.storages[name] = storage
            self.touch()

    def add_pool(self, name: str, comment: str | None = None, storages: Sequence[str] = ()) -> None:
        """A pool; guests join it by their own ``pool``."""
        with self.changed:
            self.cluster.pools[name] = Pool(name, comment, list(storages))
            self.touch()

    def add_container(
        self,
        vmid: int,
        name: str,
        node: str,
        *,
        files: Mapping[str, bytes] | None = None,
        mounts: Sequence[Mount] = (),
        storage: str = "local",
        size: int = 8 * GIB,
        unprivileged: bool = False,
        tags: Sequence[str] = (),
        pool: str | None = None,
        running: bool = False,
        template: bool = False,
        lock: str | None = None,
        memory: int = 512,
        description: str | None = None,
        options: Options | None = None,
    ) -> None:
        """A container with the files in its root (relative paths) and in its mount points."""
        volumes = [Volume("rootfs", storage, size)]
        foreign = {mount.key: f"{mount.source},mp={mount.path}" for mount in mounts if mount.source is not None}
        volumes += [
            Volume(mount.key, storage, mount.size, mount.path, mount.backup)
            for mount in mounts
            if mount.key not in foreign
        ]
        guest = Guest(vmid, name, "lxc", node, volumes, list(tags), pool, running, template, lock, memory)
        guest.description = description
        guest.options = {**({"unprivileged": 1} if unprivileged else {}), **foreign, **(options or {})}
        self._add_guest(guest)
        folder = self.layout.guest(vmid)
        guest_content.write_tree(folder / "rootfs", files or {})
        for mount in mounts:
            if mount.key not in foreign:
                guest_content.write_tree(folder / mount.key, mount.files)

    def add_vm(
        self,
        vmid: int,
        name: str,
        node: str,
        *,
        disks: Mapping[str, bytes | Disk] | None = None,
        storage: str = "local",
        tags: Sequence[str] = (),
        pool: str | None = None,
        running: bool = False,
        template: bool = False,
        lock: str | None = None,
        memory: int = 512,
        description: str | None = None,
        options: Options | None = None,
        agent: Agent | None = None,
    ) -> None:
        """A VM with disks: the bytes at the begin of each, or a `Disk`.

        ``agent`` is what runs in it; it is heard only where ``options`` have ``agent`` as well.
        """
        wanted = {key: disk if isinstance(disk, Disk) else Disk(disk) for key, disk in (disks or {}).items()}
        volumes = [
            Volume(key, storage, max(disk.size, len(disk.content)), backup=disk.backup) for key, disk in wanted.items()
        ]
        guest = Guest(vmid, name, "qemu", node, volumes, list(tags), pool, running, template, lock, memory)
        guest.description = description
        guest.options = {**self._vm_identity(), **(options or {})}
        if wanted:
            guest.options.setdefault("boot", f"order={';'.join(wanted)}")
        self._add_guest(guest)
        for key, disk in wanted.items():
            if disk.content:
                guest_content.write_disk(self.layout.guest(vmid), key, disk.content)
        if agent is not None:
            guest_agent.write(self.layout.guest(vmid), agent, name)

    def add_user(self, name: str, password: str | None = None, *, enabled: bool = True) -> None:
        """A user ``name@realm``; an existing one gets the password. Raises ``ValueError`` for a bad name."""
        if not _USER.match(name):
            raise ValueError(f"no name of a user: {name}")
        with self.changed:
            user = self.cluster.users.setdefault(name, User(name))
            user.enabled = enabled
            user.password = passwords.hashed(password) if password is not None else None
            self.touch()

    def add_token(
        self, user: str, name: str, privsep: bool = True, *, expire: int = 0, comment: str | None = None
    ) -> str:
        """A token of a user; the answer is its secret. Raises ``ValueError`` for a bad name (one letter is too few)."""
        if not _TOKEN.match(name):
            raise ValueError(f"no name of a token: {name}")
        secret = str(uuid.uuid4())
        with self.changed:
            self.cluster.users[user].tokens[name] = Token(name, secret, privsep, expire, comment)
            self.touch()
        return secret

    def add_role(self, name: str, privileges: Sequence[str]) -> None:
        """A role. Raises ``ValueError`` for a privilege that this release does not have."""
        unknown = sorted(set(privileges) - self.version.privileges)
        if unknown:
            raise ValueError(f"Proxmox VE {self.version.release} has no privilege {', '.join(unknown)}")
        with self.changed:
            self.cluster.roles[name] = sorted(privileges)
            self.touch()

    def add_acl(self, path: str, role: str, user_or_token: str, propagate: bool = True) -> None:
        """Give a role on a path. Raises ``ValueError`` for a role that there is not."""
        if role not in self.cluster.roles:
            raise ValueError(f"no role {role}")
        with self.changed:
            self.cluster.acl.append(AclEntry(path, role, user_or_token, propagate))
            self.touch()

    def add_archive(
        self,
        vmid: int,
        storage: str = "backups",
        node: str | None = None,
        *,
        age: float = 0.0,
        notes: str | None = None,
        protected: bool = False,
        verification: str | None = None,
        size: int | None = None,
        encrypted: str | None = None,
        name: str | None = None,
        compress: str = "zstd",
        kind: str = "lxc",
        bare: bool = False,
    ) -> str:
        """A backup made ``age`` seconds ago, with what is in the guest now; the answer is its volid.

        ``size``, ``verification`` (ok, failed) and ``encrypted`` (a fingerprint, or ``"1"``) are what the listing says
        of it; an encrypted one is read only where the storage has a key. ``name`` is for files that somebody renamed;
        ``kind`` counts for guests that are no more. A ``bare`` one has its size and no content, takes no room on the
        disk and next to no time: for listings with very many.
        """
        guest = self.cluster.guests.get(vmid) or Guest(vmid, f"gone{vmid}", kind, node or self.entry.name)
        where = node or guest.node
        facts = {
            "size": size if size is not None or not bare else _BARE,
            "verification": verification,
            "encrypted": encrypted,
        }
        seed = seeding.Seed(
            self.now(where) - age,
            notes,
            protected,
            {key: value for key, value in facts.items() if value is not None},
            name,
            compress,
            bare,
        )
        return seeding.add(self.backups(storage, where), guest, self.cluster.storages, self.layout, seed)

    def add_job(self, name: str, options: Mapping[str, Any] | None = None, **more: Any) -> None:
        """A backup job with options by their names in the API (``_`` stands for ``-``), as a call would give them.

        It is enabled unless told otherwise; an option that is None is not there, as in a job that somebody wrote by
        hand. Whether the options go together is not checked. Raises ``ValueError`` for one that Proxmox would refuse.
        """
        given = {key.replace("_", "-"): value for key, value in {"enabled": 1, **(options or {}), **more}.items()}
        known = {key: value for key, value in given.items() if value is not None}
        try:
            verified = parameters.verify(schema.creation(self.version), {**known, "id": name}, self.version)
            definition.settle_schedule(verified, required=False)
        except ParameterError as error:
            raise ValueError(f"no job {name}: {error.errors}") from error
        del verified["id"]
        with self.changed:
            self.cluster.jobs[name] = definition.stored(verified)
            self.touch()

    def _vm_identity(self) -> dict[str, str | int]:
        """What Proxmox gives every VM at its birth."""
        return {
            "meta": f"creation-qemu=9.0.2,ctime={int(self.now())}",
            "smbios1": f"uuid={uuid.uuid4()}",
            "vmgenid": str(uuid.uuid4()),
        }

    def _add_guest(self, guest: Guest) -> None:
        if guest.node not in self.cluster.nodes:
            raise ValueError(f"no node {guest.node}")
        with self.changed:
            self.cluster.guests[guest.vmid] = guest
            self.touch()
