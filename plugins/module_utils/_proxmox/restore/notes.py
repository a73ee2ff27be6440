# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal of one restore: what was begun, so that the next run knows what this one may have left.

Entries: ``plan`` (everything that is needed to end it), then before each request what is begun, and after it what came
of it. ``proving``, ``stopping``, ``saving``, ``restoring`` and ``rolling_back`` name the tasks that were there before;
``task`` the one that was started. Private to this collection.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock
from ansible_collections.lifeboat.backup.plugins.module_utils._core.journal import DeadRun, Entry, Journal, JournalError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.number import whole_number
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.restore_plan import RestorePlan
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.upid import Upid

_SWITCHES = {
    "protecting": ("protected", True),
    "released": ("protected", False),
    "disabling_ha": ("ha_off", True),
    "enabled_ha": ("ha_off", False),
    "started": ("started", True),
}
Own = TypeVar("Own", bound="JournalNotes")
Write = Callable[[str, Mapping[str, Any]], None]
ATTEMPTS = ("proving", "stopping", "saving", "restoring", "rolling_back")
_NODE = re.compile(r"^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$")
_LATEST = 10.0**12
"""Epoch seconds that no entry is from."""


class Notes(Protocol):
    """Where a restore notes what it does."""

    def note(self, event: str, **facts: Any) -> None:
        """On the disk when this returns.

        :raises JournalError: when it can't be written.
        """

    def progress(self) -> Progress:
        """What the notes tell."""


@dataclass(frozen=True)
class Attempt:
    """A task that was asked for. ``known`` tasks were there before.

    ``at`` is when by the controller's clock, ``asked`` by the node's.
    """

    vmid: int
    at: float
    known: frozenset[str]
    upid: Upid | None = None
    over: bool = False
    storage: str = ""
    patience: int = 0
    asked: float = 0.0


@dataclass(frozen=True)
class Progress:
    """How far a restore has come. ``old`` is the fingerprint of the guest that is replaced, None where there is none.

    ``source`` and ``safety`` are a backup's node and volid; ``spread`` are the volumes of a container that lie on
    several storages, as a rollback makes them again.
    """

    run: str
    guest: Guest
    key: str
    source: tuple[str, str]
    replaces: bool
    ran: bool = False
    start: bool = False
    ha: str | None = None
    storage: str | None = None
    keep_safety: bool = True
    old: str | None = None
    volumes: tuple[str, ...] = ()
    spread: tuple[tuple[str, str], ...] = ()
    protected: bool = False
    ha_off: bool = False
    started: bool = False
    safety: tuple[str, str] | None = None
    proving: Attempt | None = None
    stopping: Attempt | None = None
    saving: Attempt | None = None
    restoring: Attempt | None = None
    rolling_back: Attempt | None = None

    @property
    def leaves_scratch(self) -> bool:
        """Whether a scratch copy may be there."""
        return self.proving is not None and not self.proving.over

    @property
    def restored_by(self) -> str | None:
        """The UPID of the restore, where its task is known."""
        return self.restoring.upid.text if self.restoring is not None and self.restoring.upid is not None else None

    @property
    def safety_volid(self) -> str | None:
        """The safety backup, where it is known to be made."""
        return self.safety[1] if self.safety is not None else None

    @property
    def stopped(self) -> bool:
        """Whether the guest was asked to shut down."""
        return self.stopping is not None


def plan_facts(plan: RestorePlan, key: str) -> dict[str, Any]:
    """The entry ``plan``."""
    return {
        "vmid": plan.guest.vmid,
        "name": plan.guest.name,
        "tags": sorted(plan.guest.tags),
        "pool": plan.guest.pool,
        "node": plan.guest.node,
        "type": plan.guest.type,
        "key": key,
        "volid": plan.backup.volid,
        "volid_node": plan.backup.node,
        "replaces": plan.replaces,
        "ran": plan.ran,
        "start": plan.start,
        "ha": plan.ha,
        "storage": plan.before.root_storage if plan.before is not None else plan.storage,
        "keep_safety": plan.keeps_safety,
        "volumes": [volume.key for volume in plan.archived.volumes if volume.in_backup],
        "spread": dict(plan.spread),
        "old": None if plan.before is None else plan.before.fingerprint,
    }


class JournalNotes:
    """Notes in a journal: that of this run, or of one that died and is continued.

    With ``insist`` off what can't be written is passed over: a rollback, or cleaning up, is worth more than its entry.
    """

    def __init__(self, write: Write, run: str, clock: Clock, entries: Sequence[Entry] = ()) -> None:
        self._write = write
        self._run = run
        self._clock = clock
        self._entries: list[Entry] = list(entries)
        self.insist = True

    @classmethod
    def fresh(cls: type[Own], journal: Journal, clock: Clock) -> Own:
        """Those of what begins now."""
        return cls(lambda event, facts: journal.write(event, True, **facts), journal.run, clock)

    @classmethod
    def inherited(cls: type[Own], dead: DeadRun, clock: Clock) -> Own:
        """Those of what an earlier process has begun."""
        return cls(lambda event, facts: dead.note(event, at=clock.now(), **facts), dead.run, clock, dead.entries)

    def note(self, event: str, **facts: Any) -> None:
        """See ``Notes``."""
        self._entries.append({"event": event, "at": self._clock.now(), **facts})
        try:
            self._write(event, facts)
        except JournalError:
            if self.insist:
                self._entries.pop()
                raise

    def progress(self) -> Progress:
        """See ``Notes``."""
        found = read_progress(self._run, self._entries)
        if found is None:
            raise AssertionError("unreachable: only journals with a plan are used")
        return found


def read_progress(run: str, entries: Sequence[Entry]) -> Progress | None:
    """What a journal tells; None where it holds no plan, so that nothing was begun."""
    progress: Progress | None = None
    current = ""
    for entry in entries:
        event = entry.get("event")
        if event == "plan":
            progress = _planned(run, entry)
        elif progress is not None and isinstance(event, str):
            if event in ATTEMPTS:
                current = event
            progress = _after(progress, event, entry, current)
    return progress


def _planned(run: str, entry: Entry) -> Progress | None:
    vmid, node, kind, volid = (entry.get(key) for key in ("vmid", "node", "type", "volid"))
    if not (isinstance(vmid, int) and isinstance(node, str) and kind in ("lxc", "qemu") and isinstance(volid, str)):
        return None
    if not 100 <= vmid <= 999999999 or not _NODE.match(node):  # no entry of ours
        return None
    return Progress(
        run,
        Guest(vmid, _text(entry, "name"), node, str(kind), frozenset(_texts(entry, "tags")), _text(entry, "pool")),
        _text(entry, "key") or str(vmid),
        (_text(entry, "volid_node") or node, volid),
        entry.get("replaces") is True,
        entry.get("ran") is True,
        entry.get("start") is True,
        _text(entry, "ha"),
        _text(entry, "storage"),
        entry.get("keep_safety") is not False,
        _text(entry, "old"),
        _texts(entry, "volumes"),
        _pairs(entry, "spread"),
    )


def _after(progress: Progress, event: str, entry: Entry, current: str) -> Progress:
    if event in ATTEMPTS:
        vmid = entry.get("vmid")
        attempt = Attempt(
            vmid if isinstance(vmid, int) else progress.guest.vmid,
            _seconds(entry, "at"),
            frozenset(_texts(entry, "known")),
            storage=_text(entry, "storage") or "",
            patience=whole_number(entry.get("patience")),
            asked=_seconds(entry, "asked"),
        )
        if event == "restoring" and isinstance(entry.get("vmid"), int):
            progress = replace(progress, guest=replace(progress.guest, vmid=attempt.vmid))
        if event == "restoring" and _text(entry, "old") is not None:
            progress = replace(progress, old=_text(entry, "old"))
        return _with_attempt(progress, event, attempt)
    if event in ("task", "over") and current:
        before: Attempt | None = getattr(progress, current)
        if before is not None:
            upid = Upid.parse(entry.get("upid")) or before.upid
            return _with_attempt(progress, current, replace(before, upid=upid, over=event == "over"))
    if event == "shut_down" and progress.stopping is not None:
        return replace(progress, stopping=replace(progress.stopping, over=True))
    if event == "scratch_gone" and progress.proving is not None:
        return replace(progress, proving=replace(progress.proving, over=True))
    volid = _text(entry, "volid")
    if event == "saved" and volid is not None:
        return replace(progress, safety=(_text(entry, "node") or progress.guest.node, volid))
    if event in _SWITCHES:
        name, value = _SWITCHES[event]
        changed: dict[str, Any] = {name: value}
        return replace(progress, **changed)
    return progress


def _with_attempt(progress: Progress, event: str, attempt: Attempt) -> Progress:
    changed: dict[str, Any] = {event: attempt}
    return replace(progress, **changed)


def _text(entry: Entry, key: str) -> str | None:
    value = entry.get(key)
    return value if isinstance(value, str) else None


def _pairs(entry: Entry, key: str) -> tuple[tuple[str, str], ...]:
    value = entry.get(key)
    return tuple((str(name), str(text)) for name, text in value.items()) if isinstance(value, Mapping) else ()


def _seconds(entry: Entry, key: str) -> float:
    value = entry.get(key)
    return float(value) if isinstance(value, (int, float)) and abs(value) < _LATEST else 0.0


def _texts(entry: Entry, key: str) -> tuple[str, ...]:
    value = entry.get(key)
    return tuple(str(one) for one in value) if isinstance(value, (list, tuple)) else ()
