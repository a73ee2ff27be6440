# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal of one drill: what was begun, measured and found, so that a later call or run knows all of it.

Entries: ``plan`` (that of the restore, with the drill's marks and the beginning of its record), then those of the
restore (see ``restore.notes``), and ``reached``, ``measured``, ``check``, ``barred``, ``trouble``, ``lease``,
``destroyed`` and ``judged``. Private to this collection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.journal import Entry
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.isolation import Network
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.marks import NONCE, Marks
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.notes import JournalNotes


@dataclass(frozen=True)
class Drilled:
    """What the notes of a drill tell. ``base`` is the beginning of its record.

    ``phase`` is how far it came, ``barred`` why the copy must not be started, ``network`` what becomes of its cards,
    ``canaries`` what it must hold. ``lease`` is until when (epoch seconds) the copy belongs to the task that began it,
    although no process holds the journal. ``judged`` is the row of a drill that is over and may not be recorded yet.
    """

    base: Mapping[str, Any]
    marks: Marks
    template: bool = False
    agent: bool = False
    phase: str = "planned"
    checks: tuple[Mapping[str, Any], ...] = ()
    seconds: Mapping[str, float] | None = None
    barred: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    lease: float = 0.0
    destroyed: str | None = None
    gone: bool = False
    network: Network = field(default_factory=Network)
    canaries: tuple[Mapping[str, Any], ...] = ()
    judged: Mapping[str, Any] | None = None

    @property
    def vmid(self) -> int:
        """The drilled guest (not its copy)."""
        guest = self.base.get("guest")
        found = guest.get("vmid") if isinstance(guest, Mapping) else None
        return found if isinstance(found, int) else 0


class DrillNotes(JournalNotes):
    """The notes of one drill: those of its restore, and what the drill adds to them."""

    def drilled(self) -> Drilled:
        """What is known of the drill."""
        found = read_drill(self._entries)
        if found is None:
            raise AssertionError("unreachable: only journals with a plan are used")
        return found


def read_drill(entries: Sequence[Entry]) -> Drilled | None:
    """What a journal tells; None where it holds no drill of ours."""
    found: Drilled | None = None
    for entry in entries:
        if entry.get("event") == "plan":
            found = _planned(entry)
        elif found is not None:
            found = _after(found, entry)
    return found


def _planned(entry: Entry) -> Drilled | None:
    facts = entry.get("drill")
    if not isinstance(facts, Mapping) or not isinstance(facts.get("base"), Mapping):
        return None
    tag, nonce, low, high = (facts.get(key) for key in ("tag", "nonce", "low", "high"))
    if not (isinstance(tag, str) and isinstance(nonce, str) and NONCE.match(nonce)):
        return None
    if not (isinstance(low, int) and isinstance(high, int)):
        return None
    return Drilled(
        facts["base"],
        Marks(tag, nonce, low, high),
        facts.get("template") is True,
        facts.get("agent") is True,
        network=_network(facts.get("network")),
        canaries=tuple(one for one in facts.get("canaries") or () if isinstance(one, Mapping)),
    )


def _network(said: object) -> Network:
    """As the journal has it; without a word of it no card may be there."""
    if not isinstance(said, Mapping) or said.get("how") not in ("none", "disconnected", "isolated"):
        return Network()
    bridge, vlan = said.get("bridge"), said.get("vlan")
    return Network(said["how"], bridge if isinstance(bridge, str) else None, vlan if isinstance(vlan, int) else None)


def _after(found: Drilled, entry: Entry) -> Drilled:
    event = entry.get("event")
    if event == "reached" and isinstance(entry.get("phase"), str):
        return replace(found, phase=entry["phase"])
    if event == "measured" and isinstance(entry.get("seconds"), (int, float)):
        return replace(found, seconds={**(found.seconds or {}), str(entry.get("what")): entry["seconds"]})
    if event == "check" and isinstance(entry.get("row"), Mapping):
        row = entry["row"]
        others = tuple(one for one in found.checks if one.get("check") != row.get("check"))
        return replace(found, checks=(*others, row))
    if event == "barred" and isinstance(entry.get("reasons"), (list, tuple)):
        return replace(found, barred=tuple(map(str, entry["reasons"])))
    if event == "trouble":
        return replace(found, errors=(*found.errors, str(entry.get("text"))))
    if event == "lease" and isinstance(entry.get("until"), (int, float)):
        return replace(found, lease=float(entry["until"]))
    if event == "judged" and isinstance(entry.get("row"), Mapping):
        return replace(found, judged=entry["row"])
    if event == "destroyed":
        upid = entry.get("upid")
        return replace(found, gone=True, destroyed=upid if isinstance(upid, str) else None)
    return found
