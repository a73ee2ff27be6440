# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of one guest, from the log's claim and the storage's evidence. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import format_duration
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_events import Ended
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.job_log import GuestLog
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.tasks import succeeded

INTERRUPTED = "interrupted by signal"
_PRUNE_FAILED = "error pruning backups"


@dataclass(frozen=True)
class Verdict:
    """A word of the closed vocabulary of results, why, and the archive that proves it."""

    result: str
    reason: str
    backup: Backup | None = None
    warnings: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    duration: int | None = None
    claimed_volid: str | None = None


@dataclass(frozen=True)
class Evidence:
    """What lies on the storages after the run. ``before`` are the volids that were there when it began."""

    backups: Mapping[str, Backup]
    newest: Mapping[int, Backup]
    before: frozenset[str]
    unlisted: Mapping[str, str]


def verdict(ended: Ended, vmid: int, evidence: Evidence, timeout: int) -> Verdict:
    """The claim of the task's log, held against the listing: without an archive nothing counts as backed up."""
    part = ended.log.guests.get(vmid)
    if part is None or not (part.started or part.error):
        return _unmentioned(ended, vmid, evidence, timeout)
    volid = part.volid(ended.storage)
    # A provider's archive may be listed under another name than the one in the log; a file never is.
    named = part.archive is not None and part.archive.startswith("/")
    backup = evidence.backups.get(volid or "") or (None if named else _new_one(ended, vmid, evidence))
    warnings = (*ended.log.warnings, *part.warnings)
    base = Verdict("failed", "", backup, warnings, tuple(part.excluded), part.seconds, volid)
    if part.finished:
        return _finished(base, ended, evidence)
    if part.error is not None:
        return _failed(base, ended, part)
    if ended.timed_out:
        return _said(base, _given_up(ended), _time_up(ended, timeout))
    if ended.exitstatus is not None and INTERRUPTED in ended.exitstatus:
        return _said(base, "cancelled", f"the task was cancelled ({ended.exitstatus})")
    if backup is not None and backup.good():
        # Proxmox renames an archive to the name under which it is listed once it is complete.
        missing = f"the end of the task's log is missing ({ended.exitstatus})"
        return _said(base, "backed_up", "the archive is listed", missing)
    return _said(base, "failed", _without_end(ended))


def _said(base: Verdict, result: str, reason: str, *more_warnings: str) -> Verdict:
    return replace(base, result=result, reason=reason, warnings=(*base.warnings, *more_warnings))


def _finished(base: Verdict, ended: Ended, evidence: Evidence) -> Verdict:
    if base.backup is not None and base.backup.good():
        return _said(base, "backed_up", "the archive is listed")
    if ended.storage in evidence.unlisted:
        why = f"Proxmox says it is finished, but storage {ended.storage} cannot be listed: "
        return _said(base, "failed", why + evidence.unlisted[ended.storage])
    if base.backup is not None:
        return _said(base, "failed", f"Proxmox says it is finished, but {base.backup.volid} is empty or damaged")
    named = base.claimed_volid or "an archive of it"
    return _said(base, "failed", f"Proxmox says it is finished, but storage {ended.storage} does not list {named}")


def _failed(base: Verdict, ended: Ended, part: GuestLog) -> Verdict:
    if INTERRUPTED in (part.error or ""):
        if ended.timed_out:
            return _said(base, _given_up(ended), f"it was cancelled when {_over(ended)}")
        return _said(base, "cancelled", f"the task was cancelled ({INTERRUPTED})")
    if _PRUNE_FAILED in (part.error or "") and base.backup is not None and base.backup.good():
        # Proxmox calls the guest failed when only the storage's retention did; the archive is there all the same.
        return _said(base, "backed_up", "the archive is listed", f"older backups were not pruned: {part.cause}")
    reason = part.cause
    if "is locked (backup)" in reason:
        reason += "; if no backup of it runs, the lock is a stale one: qm unlock or pct unlock on its node removes it"
    if base.backup is not None:
        reason += f"; its archive {base.backup.volid} is there"
    return _said(base, "failed", reason)


def _unmentioned(ended: Ended, vmid: int, evidence: Evidence, timeout: int) -> Verdict:
    """The log has nothing of the guest: the task failed as a whole, was ended before it, or its log is incomplete."""
    nothing = Verdict("failed", "")
    backup = _new_one(ended, vmid, evidence)
    if backup is not None and backup.good():
        base = Verdict("failed", "", backup, claimed_volid=backup.volid)
        return _said(base, "backed_up", "the archive is listed", ended.problem or "the task's log says nothing of it")
    if ended.problem is not None:
        return _said(nothing, "failed", ended.problem)
    if ended.timed_out:
        return _said(nothing, _given_up(ended), _time_up(ended, timeout))
    status = ended.exitstatus or ""
    others = ended.log.guests.values()
    if INTERRUPTED in status or any(INTERRUPTED in (other.error or "") for other in others):
        return _said(nothing, "not_started", "the task was cancelled before its turn")
    if succeeded(status) or status == "job errors":
        return _said(nothing, "failed", f"the task ended ({status}) and its log says nothing of it")
    cause = ended.log.lock_error or status
    if status == "unexpected status" and others:
        return _said(nothing, "not_started", "the task's worker ended before its turn (unexpected status)")
    return _said(nothing, "failed", f"{cause} (unexpected status)" if ended.log.lock_error else cause)


def _new_one(ended: Ended, vmid: int, evidence: Evidence) -> Backup | None:
    """An archive of the guest that wasn't there before and isn't older than the task."""
    backup = evidence.newest.get(vmid)
    if backup is None or backup.volid in evidence.before or backup.ctime < ended.upid.starttime:
        return None
    return backup if backup.storage == ended.storage else None


def _given_up(ended: Ended) -> str:
    return "interrupted" if ended.interrupted else "timed_out"


def _over(ended: Ended) -> str:
    return f"the run was interrupted ({ended.interrupted})" if ended.interrupted else "the time was up"


def _time_up(ended: Ended, timeout: int) -> str:
    end = _over(ended) if ended.interrupted else f"after {format_duration(timeout)} {_over(ended)}"
    if ended.cancelled:
        return f"{end} and task {ended.upid.text} was cancelled"
    return f"{end}; task {ended.upid.text} runs on"


def _without_end(ended: Ended) -> str:
    if ended.problem is not None:
        return ended.problem
    if ended.exitstatus == "unexpected status":
        return (
            "the task's worker ended in the middle of it without a last word (unexpected status): it was killed or its "
            "node restarted; the guest may still be locked"
        )
    return f"the task ended ({ended.exitstatus}) in the middle of it"
