# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Test data: guests, backups, what a cluster shows, logs, and a clock that nobody has to wait for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, cast

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock, Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup, Listing
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_apply import Outcome
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_journal import BackupJournal
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_plan import Plan, Wish, plan
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_report import report
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_rows import guest_rows
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_run import BackupRun
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Cluster, Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.orphans import Orphan
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.removal_apply import RemovalOutcome
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.removal_report import Pruning
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.storages import NodeStorages, Place
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.upid import Upid

NOW = 1795177597
"""2026-11-20 12:26:37 UTC, the time of the first recorded backup."""
HOUR = 3600
DAY = 24 * HOUR
MIB = 1024**2
GIB = 1024**3
TOKEN = "backup@pve!lifeboat"


class FakeClock:
    """Time that passes only when somebody sleeps."""

    def __init__(self, start: float = float(NOW)) -> None:
        self.time = start
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.time, monotonic=lambda: self.time, sleep=self.sleep)


class PreparedAnswers:
    """Stands in for the client where what comes after an answer is tested.

    It hands out answers in order, raises those that are exceptions, and remembers what was asked.
    """

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.parameters: list[dict[str, Any]] = []
        self.authid = TOKEN

    def get(self, path: str, **parameters: Any) -> Any:
        return self._next("GET", path, parameters)

    def read(self, path: str, **parameters: Any) -> Any:
        return self._next("GET", path, parameters)

    def post(self, path: str, **parameters: Any) -> Any:
        return self._next("POST", path, parameters)

    def put(self, path: str, **parameters: Any) -> Any:
        return self._next("PUT", path, parameters)

    def delete(self, path: str, **parameters: Any) -> Any:
        return self._next("DELETE", path, parameters)

    def _next(self, method: str, path: str, parameters: dict[str, Any]) -> Any:
        self.asked.append(f"{method} {path}")
        self.parameters.append(parameters)
        assert self.answers, f"nobody expected {method} {path}"
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def client(self) -> Client:
        return cast("Client", self)


def a_guest(vmid: int = 101, name: str | None = None, node: str = "pve1", kind: str = "lxc", **more: Any) -> Guest:
    """A guest; without a name it is called after its id."""
    tags = frozenset(more.pop("tags", ()))
    return Guest(vmid, name or f"guest{vmid}", node, kind, tags, **more)


def a_backup(vmid: int | None = 101, age: int = HOUR, **more: Any) -> Backup:
    """A good archive of a container on the shared storage "vault", ``age`` seconds old."""
    ctime = more.pop("ctime", NOW - age)
    kind = more.get("guest_type", "lxc")
    storage = more.setdefault("storage", "vault")
    stamp = datetime.fromtimestamp(ctime, timezone.utc).strftime("%Y_%m_%d-%H_%M_%S")
    ending = "vma.zst" if kind == "qemu" else "tar.zst"
    fields: dict[str, Any] = {
        "volid": f"{storage}:backup/vzdump-{kind}-{vmid}-{stamp}.{ending}",
        "vmid": vmid,
        "node": "pve1",
        "ctime": ctime,
        "size": 2 * MIB,
        "format": ending,
        "guest_type": "lxc",
        "notes": None,
        "protected": False,
        "verified": None,
        "encrypted": False,
        "finished": True,
    }
    return Backup(**{**fields, **more})


def a_place(storage: str = "vault", node: str = "pve1", **more: Any) -> Place:
    """A storage for backups as a node sees it; "vault" is shared, all others are local."""
    shared = storage == "vault"
    fields: dict[str, Any] = {
        "type": "nfs" if shared else "dir",
        "shared": shared,
        "active": True,
        "avail": 100 * GIB,
        "total": 400 * GIB,
    }
    return Place(storage, node, **{**fields, **more})


def granted(privileges: Iterable[str], *paths: str) -> dict[str, dict[str, bool]]:
    """Privileges that reach down from these paths, as the API lists them."""
    return {path: dict.fromkeys(privileges, True) for path in paths}


MINIMAL = Permissions(
    {
        **granted(["VM.Audit", "VM.Backup"], "/vms"),
        **granted(["Datastore.Audit", "Datastore.AllocateSpace"], "/storage"),
    }
)
"""What the documentation asks for."""


def an_observation(guests: Sequence[Guest] = (), backups: Sequence[Backup] = (), **more: Any) -> Observation:
    """What a cluster shows.

    Nodes are online unless ``nodes`` says otherwise, each with the shared storage "vault" unless ``places`` are given;
    ``errors`` says why a listing failed, by storage.
    """
    nodes: Mapping[str, bool] = more.get("nodes") or {guest.node: True for guest in guests} or {"pve1": True}
    online = sorted(node for node, up in nodes.items() if up)
    places: Sequence[Place] = more.get("places", [a_place(node=node) for node in online])
    errors: Mapping[str, str] = more.get("errors", {})
    node_errors: Mapping[str, str] = more.get("node_errors", {})
    seen: dict[tuple[str, str], Listing] = {}
    for place in places:
        key = (place.storage, "" if place.shared else place.node)
        here = [
            backup
            for backup in backups
            if backup.storage == place.storage and (place.shared or backup.node == place.node)
        ]
        error = errors.get(place.storage)
        seen.setdefault(key, Listing(place.storage, place.node, place.shared, () if error else tuple(here), error))
    of_nodes = [
        NodeStorages(node, tuple(place for place in places if place.node == node), node_errors.get(node))
        for node in online
    ]
    return Observation(
        Cluster(nodes, {guest.vmid: guest for guest in guests}, frozenset(more.get("pools", ()))),
        more.get("permissions", MINIMAL),
        tuple(of_nodes),
        tuple(seen.values()),
        float(NOW),
        more.get("offsets", {}),
        more.get("default_offset", 0.0),
        more.get("zones", {}),
    )


WEB1, WEB2, DB1 = a_guest(101, "web1"), a_guest(102, "web2"), a_guest(300, "db1", "pve2", "qemu")
FLEET = (WEB1, WEB2, DB1)
"""Two containers on one node, a machine on the other."""


def a_plan(
    observation: Observation, problems: Mapping[str, str] | None = None, orphans: Sequence[Orphan] = (), **params: Any
) -> Plan:
    """What is planned for all guests, or those that ``params`` select; ``problems`` are those of the storage."""
    return plan(Wish.from_params({"all_guests": True, **params}), observation, problems or {}, orphans)


def decided(planned: Plan) -> dict[int, tuple[str, str | None, str]]:
    """The decision about each guest: what, where, why."""
    return {one.guest.vmid: (one.action, one.storage, one.reason) for one in planned.decisions}


def refusal(observation: Observation, problems: Mapping[str, str] | None = None, **params: Any) -> str:
    """Why nothing is planned at all."""
    with pytest.raises(InputError) as caught:
        a_plan(observation, problems, **params)
    return caught.value.message


def a_run(client: Client, time: FakeClock, **more: Any) -> BackupRun:
    """A run of an hour on this clock, which tells of nothing unless ``emit`` is given."""
    clock = time.clock
    fields: dict[str, Any] = {
        "client": client,
        "clock": clock,
        "deadline": Deadline.after(clock, 3600),
        "permissions": MINIMAL,
        "wanted_storage": None,
        "max_age": None,
        "parameters": {},
        "wait": True,
        "cancel_on_timeout": False,
        "cancel_on_interrupt": False,
        "journal": BackupJournal(None, {}),
        "observed_at": clock.now(),
        "known": frozenset(),
        "node_now": lambda _node: float(NOW),
        "emit": lambda _event: None,
    }
    return BackupRun(**{**fields, **more})


def a_report(
    wish: Wish, planned: Plan, seen: Observation, outcome: Outcome | None, seconds: float = 1.0, **more: Any
) -> dict[str, Any]:
    """The module's result; without ``pruning`` nothing was to be removed."""
    pruning = more.get("pruning") or Pruning(outcome=None if outcome is None else RemovalOutcome())
    return report(
        guest_rows(wish, planned, seen, outcome, seconds),
        planned,
        seen,
        outcome,
        pruning,
        more.get("orphans", ()),
        seconds,
    )


def a_upid(vmid: int | str = "", node: str = "pve1", starttime: int = NOW, pid: int = 491, user: str = TOKEN) -> Upid:
    """A backup task; without a ``vmid`` it is one of several guests."""
    upid = Upid.parse(f"UPID:{node}:{pid:08X}:0002E9FF:{starttime:08X}:vzdump:{vmid}:{user}:")
    assert upid is not None
    return upid


def archive_name(vmid: int, kind: str = "lxc", ctime: int = NOW) -> str:
    """The file that a backup of this second is written to."""
    return a_backup(vmid, ctime=ctime, guest_type=kind).volid.partition("/")[2]


def job_line(vmids: Iterable[int], storage: str = "vault") -> str:
    """The first line of a task's log, as recorded."""
    ids = " ".join(map(str, vmids))
    return f"INFO: starting new backup job: vzdump {ids} --mode stop --compress zstd --node pve1 --storage {storage}"


def good_lines(
    vmid: int, kind: str = "lxc", ctime: int = NOW, more: Sequence[str] = (), took: str = "00:00:42"
) -> list[str]:
    """What the log says of a guest whose backup was made, as recorded; ``more`` stands after the archive's name."""
    return [
        f"INFO: Starting Backup of VM {vmid} ({kind})",
        "INFO: Backup started at 2026-11-20 12:26:37",
        "INFO: status = stopped",
        "INFO: backup mode: stop",
        "INFO: ionice priority: 7",
        f"INFO: {'VM' if kind == 'qemu' else 'CT'} Name: guest{vmid}",
        f"INFO: creating vzdump archive '/mnt/pve/vault/dump/{archive_name(vmid, kind, ctime)}'",
        *more,
        "INFO: archive file size: 1MB",
        f"INFO: Finished Backup of VM {vmid} ({took})",
        "INFO: Backup finished at 2026-11-20 12:27:19",
    ]


def failed_lines(vmid: int, cause: str = "CT is locked (backup)", kind: str = "lxc") -> list[str]:
    """What the log says of a guest whose backup failed before an archive was begun, as recorded."""
    return [
        f"INFO: Starting Backup of VM {vmid} ({kind})",
        "INFO: Backup started at 2026-11-20 12:29:35",
        "INFO: status = stopped",
        f"ERROR: Backup of VM {vmid} failed - {cause}",
        "INFO: Failed at 2026-11-20 12:29:35",
    ]
