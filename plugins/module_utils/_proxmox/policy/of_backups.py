# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The promises that a guest's backups keep or break. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import format_duration
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.freshness import Unreadable, counts, judge
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.verdicts import (
    MET,
    NOT_MET,
    UNKNOWN,
    Case,
    Promise,
)

_OF_STATE = {"fresh": MET, "stale": NOT_MET, "missing": NOT_MET, "unknown": UNKNOWN}


def backup_promises(case: Case) -> Iterator[Promise]:
    """What is promised of the backups themselves."""
    here = [backup for backup in case.backups if backup.storage == case.tier.storage]
    newest = _first_good(here, case.now)
    yield _rpo(case, here if newest is None else [newest])  # the others can only tell why none is good
    yield _storage(case)
    if case.tier.protected:
        yield _property(case, newest, "protected", "is not protected")
    if case.tier.encrypted:
        yield _property(case, newest, "encrypted", "is not encrypted")
    if case.tier.verify is not None:
        yield _verify(case, here, case.tier.verify)


def _first_good(backups: Iterable[Backup], now: float) -> Backup | None:
    """Of backups that come newest first; most often it is the very first."""
    for backup in backups:
        if counts(backup, now):
            return backup
    return None


def _rpo(case: Case, here: Sequence[Backup]) -> Promise:
    found = judge(case.guest, here, case.hidden_here, case.now, case.tier.rpo)
    evidence = {
        "state": found.state,
        "age": found.age,
        "promised": case.tier.rpo,
        "storage": case.tier.storage,
        "newest": found.newest.volid if found.newest is not None else None,
    }
    return Promise("rpo", _OF_STATE[found.state], f"on {case.tier.storage}: {found.reason}", evidence)


def _storage(case: Case) -> Promise:
    """The newest good backup anywhere lies where it should: that is the one which somebody restores."""
    anywhere = _first_good(case.backups, case.now)
    evidence: dict[str, Any] = {
        "promised": case.tier.storage,
        "storage": anywhere.storage if anywhere is not None else None,
        "newest": anywhere.volid if anywhere is not None else None,
    }
    hidden = _hidden(case, case.hidden, anywhere)
    if anywhere is None:
        return _told("storage", NOT_MET, "no good backup is there", evidence, hidden)
    if anywhere.storage == case.tier.storage:
        return _told("storage", MET, f"newest good backup lies on {anywhere.storage}", evidence, hidden)
    reason = f"newest good backup lies on {anywhere.storage}, promised on {case.tier.storage}"
    # What is hidden there may be newer still
    return _told("storage", NOT_MET, reason, evidence, hidden)


def _property(case: Case, newest: Backup | None, name: str, lacking: str) -> Promise:
    value = bool(getattr(newest, name)) if newest is not None else None
    evidence = {"newest": newest.volid if newest is not None else None, name: value}
    hidden = _hidden(case, case.hidden_here, newest)
    if newest is None:
        return _told(name, NOT_MET, f"no good backup is on {case.tier.storage}", evidence, hidden)
    if value:
        return _told(name, MET, f"newest good backup is {name}", evidence, hidden)
    return _told(name, NOT_MET, f"newest good backup {lacking}", evidence, hidden)


def _verify(case: Case, here: Sequence[Backup], promised: int) -> Promise:
    verified = _first_good([backup for backup in here if backup.verified], case.now)
    age = max(0, int(case.now) - verified.ctime) if verified is not None else None
    evidence = {"age": age, "promised": promised, "newest": verified.volid if verified is not None else None}
    if age is not None and age <= promised:
        reason = f"newest verified backup is {format_duration(age)} old, wanted {format_duration(promised)}"
        return Promise("verify", MET, reason, evidence)
    if age is None:
        reason = f"none of its backups on {case.tier.storage} was verified"
    else:
        reason = f"newest verified backup is {format_duration(age)} old, wanted {format_duration(promised)}"
    return _told("verify", NOT_MET, reason, evidence, _hidden(case, case.hidden_here, verified))


def _hidden(case: Case, hidden: Sequence[Unreadable], newest: Backup | None) -> Unreadable | None:
    """What may hide another backup of the guest, by the rule of ``freshness.judge``."""
    if not hidden:
        return None
    vmid = case.guest.vmid
    return next((one for one in hidden if one.concerns(vmid) or (one.local and newest is None)), None)


def _told(promise: str, verdict: str, reason: str, evidence: Mapping[str, Any], hidden: Unreadable | None) -> Promise:
    """The verdict, unless something is hidden that could change it."""
    if hidden is None:
        return Promise(promise, verdict, reason, evidence)
    return Promise(promise, UNKNOWN, f"{reason}, but not everything can be seen: {hidden.why.rstrip('.')}", evidence)
