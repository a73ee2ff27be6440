# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The objects a cluster consists of, as plain data: what the state file holds and nothing else."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

GIB = 1 << 30

# A backup job's options by their names in the API, as the API shows them: numbers for booleans, objects of texts for
# property strings, lists. Its id is its key in the cluster.
BackupJob = dict[str, Any]


@dataclass
class Node:
    """A host. ``clock_offset`` is how far its clock runs ahead of the real one, in seconds."""

    name: str
    clock_offset: float = 0.0
    online: bool = True
    timezone: str = "UTC"
    memory: int = 16 * GIB


@dataclass
class Storage:
    """A storage of the cluster; ``path`` is where Proxmox would say that it lies (not where it lies here).

    ``encryption_key`` is the fingerprint of the key with which backups onto a backup server are encrypted.
    """

    name: str
    type: str
    content: list[str]
    path: str
    shared: bool = False
    nodes: list[str] | None = None
    prune: str | None = None
    disabled: bool = False
    capacity: int = 10 * GIB
    max_protected: int | None = None
    full: bool = False
    offline_on: list[str] = field(default_factory=list)  # node names; "*" is every node
    encryption_key: str | None = None

    def reaches(self, node: str) -> bool:
        """Tell whether the storage is configured for this node."""
        return self.nodes is None or node in self.nodes

    def offline(self, node: str) -> bool:
        """Tell whether the storage cannot be reached from a node that it is configured for."""
        return "*" in self.offline_on or node in self.offline_on


@dataclass
class Volume:
    """A mount point of a container or a disk of a VM. The bytes lie in the guest's folder, under ``key``.

    ``number`` is the one in its name, by its place among the guest's volumes unless it is set. ``parent`` is the volid
    of the base that a linked clone's disk builds on. ``options`` are what else its line says (``ro``, ``cache``).
    """

    key: str
    storage: str
    size: int
    path: str | None = None
    backup: bool | None = None  # None: the configuration says nothing, which for rootfs and disks means yes
    number: int | None = None
    parent: str | None = None
    options: dict[str, str] = field(default_factory=dict)


@dataclass
class Snapshot:
    """A snapshot of a guest; its content is not kept."""

    name: str
    time: int
    description: str | None = None


@dataclass
class Guest:
    """A container (``lxc``) or a VM (``qemu``).

    ``bare``: the configuration holds nothing but ``options`` and the lock, as while it is restored and after a restore
    that failed. ``orphans`` are volumes that no line names any more. ``born`` is when the guest came into being.
    ``up_since`` is when it was started, by the clock of the machine that simulates: it goes on where a test's stands.
    """

    vmid: int
    name: str
    kind: str
    node: str
    volumes: list[Volume] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    pool: str | None = None
    running: bool = False
    template: bool = False
    lock: str | None = None
    memory: int = 512
    cores: int = 1
    description: str | None = None
    options: dict[str, str | int] = field(default_factory=dict)  # what else the configuration holds
    bare: bool = False
    snapshots: list[Snapshot] = field(default_factory=list)
    orphans: list[Volume] = field(default_factory=list)
    born: float = 0.0
    up_since: float = 0.0

    def run(self, *, running: bool) -> None:
        """Have it run, or not."""
        if running and not self.running:
            self.up_since = time.time()
        self.running = running


@dataclass
class Resource:
    """A guest that the HA manager looks after."""

    sid: str  # ct:100, vm:300
    state: str = "started"
    options: dict[str, str | int] = field(default_factory=dict)

    @property
    def vmid(self) -> int:
        """The guest."""
        return int(self.sid.split(":", 1)[1])

    @property
    def managed(self) -> bool:
        """Tell whether starting and stopping the guest is the manager's business."""
        return self.state != "ignored"


@dataclass
class Replication:
    """A job that keeps a guest's volumes on another node up to date."""

    id: str  # 100-0
    guest: int
    target: str
    schedule: str = "*/15"


@dataclass
class Pool:
    """A named set of guests and storages; the guests name their pool, not the other way round."""

    name: str
    comment: str | None = None
    storages: list[str] = field(default_factory=list)


@dataclass
class Token:
    """An API token. Proxmox keeps the secret in the clear as well (``priv/token.cfg``)."""

    name: str
    secret: str
    privsep: bool = True
    expire: int = 0
    comment: str | None = None


@dataclass
class User:
    """A user ``name@realm``; the password is kept salted and hashed."""

    name: str
    password: str | None = None
    enabled: bool = True
    expire: int = 0
    tokens: dict[str, Token] = field(default_factory=dict)


@dataclass
class AclEntry:
    """``who`` (a user or a full token id) has ``role`` on ``path``."""

    path: str
    role: str
    who: str
    propagate: bool = True


@dataclass
class Cluster:
    """Everything the state file holds."""

    version: str
    name: str = ""
    secret: str = ""
    boot_time: float = 0.0
    next_pid: int = 1000
    nodes: dict[str, Node] = field(default_factory=dict)
    storages: dict[str, Storage] = field(default_factory=dict)
    guests: dict[int, Guest] = field(default_factory=dict)
    pools: dict[str, Pool] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    roles: dict[str, list[str]] = field(default_factory=dict)
    acl: list[AclEntry] = field(default_factory=list)
    resources: dict[str, Resource] = field(default_factory=dict)
    replications: dict[str, Replication] = field(default_factory=dict)
    jobs: dict[str, BackupJob] = field(default_factory=dict)  # by id, in the order in which they came
