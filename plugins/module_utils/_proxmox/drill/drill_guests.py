# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drills from beginning to end: look, choose, carry out side by side, tell. Private to this collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import SystemRandom
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock
from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.interruption import Interruption
from ansible_collections.lifeboat.backup.plugins.module_utils._core.journal import (
    DeadRun,
    JournalError,
    dead_runs,
    new_run,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._core.parallel import in_turns, side_by_side
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import counted, listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.allotment import Allotment
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.choice import Picked, candidates, pick
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.drill import drill, taken_up
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.drill_run import DrillRun
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.history import History, history
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.leftovers import (
    MANY,
    PATIENCE,
    of_run,
    remove_leftovers,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.notes import read_drill
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.record import Records, read
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.report import (
    FAIL_ON,
    failures,
    finding,
    message,
    row,
    summary,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.rotation import order, overdue, per_run
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.slots import Slots
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.verdict import PENDING
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.wish import NOTHING, DrillWish, drill_wish
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.freshness import by_guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation, observe
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.look import with_names
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.surroundings import (
    observe_surroundings,
)

MAX_PARALLEL = 4
RECORD = "drills.jsonl"


def drill_guests(
    client: Client,
    params: Mapping[str, Any],
    check_mode: bool,
    clock: Clock,
    interruption: Interruption,
    journals: Path | None,
) -> tuple[dict[str, Any], bool]:
    """Drill what is wished for: the result, and whether the task fails. In check mode only say what would be done.

    ``journals`` is the folder of this cluster's journals.

    :raises InputError: before anything is started, where it concerns all drills.
    """
    wish = drill_wish(params)
    folder, record = _places(params, journals)
    records = read(record, client.cluster)
    observation = with_names(client, observe(client, clock))
    run = _run(client, clock, interruption, wish, observation, folder, record, records)
    rotation = _nothing_chosen(wish)
    # What can't be meant is said before anything is done, also before others' leftovers are removed
    guests = candidates(wish, observation) if wish.run is None and wish.state != "cleaned" else []
    per_run(len(guests), wish.within_days, wish.per_run)
    try:
        if wish.run is not None:
            _go_on(run, wish.run, check_mode, params)
        else:
            remove_leftovers(run, check_mode)
        if guests:
            rotation = _rotated(run, guests, records, check_mode, params)
    finally:
        run.let_go()
    return _result(run, rotation, check_mode, params)


def _places(params: Mapping[str, Any], journals: Path | None) -> tuple[Path, Path]:
    if journals is None:
        raise JournalError(f"This user has no home folder for the journal; set journal_path. {NOTHING}")
    record = params.get("record_path")
    return journals / "drills", Path(record) if record else journals / RECORD


def _run(  # noqa: PLR0913, PLR0917 - everything that the drills of a run are made from
    client: Client,
    clock: Clock,
    interruption: Interruption,
    wish: DrillWish,
    observation: Observation,
    folder: Path,
    record: Path,
    records: Records,
) -> DrillRun:
    around = observe_surroundings(client, clock, observation)
    name = wish.run or new_run(clock.now())
    run = DrillRun(
        client,
        clock,
        interruption,
        wish,
        name,
        folder,
        record,
        around,
        by_guest(observation.backups),
        Allotment(client, around, wish, interruption),
        _known(records),
    )
    if records.skipped:
        run.warnings.append(f"The record {record} has {records.skipped} lines that are no drills; they were left out.")
    return run


def _known(records: Records) -> frozenset[tuple[object, object]]:
    found = set()
    for line in records.lines:
        guest, run = line.get("guest"), line.get("run")
        vmid = guest.get("vmid") if isinstance(guest, Mapping) else None
        if isinstance(run, str) and isinstance(vmid, int):
            found.add((run, vmid))
    return frozenset(found)


def _go_on(run: DrillRun, name: str, check_mode: bool, params: Mapping[str, Any]) -> None:
    """Take up the drills of an earlier call."""
    with dead_runs(
        run.journals,
        run.client.authid,
        hold=not check_mode,
        wanted=lambda entries: of_run(name, entries),
        patience=PATIENCE,
        many=MANY,
    ) as dead:
        if not dead and (run.wish.state != "cleaned" or name not in {one for one, _vmid in run.recorded}):
            raise InputError(
                f"run: no drill of {name} is open here ({run.journals}); its copies may have been cleaned up, or "
                f"another machine holds its journals. {NOTHING}"
            )
        _check_given(run, dead)
        if check_mode:
            for one in dead:
                _foretold(run, one)
        else:
            side_by_side(lambda one: taken_up(run, one), dead, _workers(params))
            run.let_go()


def _foretold(run: DrillRun, dead: DeadRun) -> None:
    """A drill that would go on, as far as it is now."""
    drilled = read_drill(dead.entries)
    if drilled is not None:
        reason = f"it is {drilled.phase}, and would be {run.wish.state}"
        found = row(drilled.base, PENDING, reason, phase=drilled.phase, ended=run.clock.now(), drilled=drilled)
        run.told(found)


def _check_given(run: DrillRun, dead: Sequence[DeadRun]) -> None:
    """Verdicts are told by the drilled guest, not by its copy."""
    known = {drilled.vmid for drilled in (read_drill(one.entries) for one in dead) if drilled is not None}
    unknown = sorted({one.vmid for one in run.wish.given} - known)
    if unknown:
        raise InputError(
            f"verdicts: {listed(unknown)} is not drilled by run {run.run}; name the drilled guests by their ids "
            f"({listed(sorted(known))}), not their copies. {NOTHING}"
        )


def _rotated(
    run: DrillRun, guests: Sequence[Guest], records: Records, check_mode: bool, params: Mapping[str, Any]
) -> dict[str, Any]:
    """Drill the guests whose turn it is, side by side."""
    wish = run.wish
    picked = _picked(run, guests)
    past = history(records.lines, run.clock.now())
    there = [guest for guest in guests if guest.vmid in picked]
    count = per_run(len(there), wish.within_days, wish.per_run)
    slots = Slots(_spread(order(there, past), count), count, count)
    _tell_of_needless(run, guests)

    def work(_number: int) -> None:
        while not run.interruption.requested:
            guest = slots.next()
            if guest is None:
                return
            if not drill(run, guest, picked[guest.vmid], check_mode):
                slots.unused()

    workers = min(_workers(params), max(1, count))
    side_by_side(work, range(workers), workers)
    late = overdue(guests, _since(past, records, run), wish.within_days, run.clock.now())
    return {
        "guests": len(guests),
        "per_run": count,
        "within_days": wish.within_days,
        "chosen": slots.chosen,
        "overdue": [one.vmid for one in late],
    }


def _picked(run: DrillRun, guests: Sequence[Guest]) -> dict[int, Picked]:
    """The backup of each guest; one without is a finding, and has no turn that another could have."""
    found: dict[int, Picked] = {}
    for guest in guests:
        one = pick(run.wish, run.around.observation, guest, run.backups.get(guest.vmid, ()), SystemRandom().choice)
        if one.backup is None and not one.hidden:
            run.findings.append(finding(guest, one.reason))
        else:
            found[guest.vmid] = one
    return found


def _tell_of_needless(run: DrillRun, guests: Sequence[Guest]) -> None:
    """Canaries that no guest has to hold: a name with an error in it must not make a check disappear."""
    for canary in run.wish.canaries:
        if not any(canary.concerns(guest.vmid, guest.name) for guest in guests):
            who = canary.vmid if canary.vmid is not None else canary.name
            run.warnings.append(
                f"canaries: {who} is none of the selected guests, so that nobody has to hold {canary.path}."
            )


def _spread(queue: Sequence[Guest], count: int) -> list[Guest]:
    """The same guests first, one of each node after the other, so that all nodes are at work."""
    return [*in_turns(queue[:count], lambda guest: guest.node), *queue[count:]]


def _since(past: History, records: Records, run: DrillRun) -> History:
    """The history with what this run has added."""
    new = [one for one in run.rows if one["verdict"] != "pending"]
    return history([*records.lines, *new], run.clock.now()) if new else past


def _nothing_chosen(wish: DrillWish) -> dict[str, Any]:
    return {"guests": 0, "per_run": 0, "within_days": wish.within_days, "chosen": [], "overdue": []}


def _result(
    run: DrillRun, rotation: Mapping[str, Any], check_mode: bool, params: Mapping[str, Any]
) -> tuple[dict[str, Any], bool]:
    rows = sorted(run.rows, key=lambda one: (one["guest"]["vmid"], one["run"]))
    restored = any(one["target"]["vmid"] is not None or one["verdict"] == PENDING for one in rows)
    values: dict[str, Any] = {
        "changed": restored or any(one["result"] != "left" for one in run.leftovers),
        "run": run.run,
        "drills": rows,
        "findings": sorted(run.findings, key=lambda one: one["vmid"]),
        "rotation": rotation,
        "leftovers": run.leftovers,
        "summary": summary(rows, run.findings),
        "record": str(run.record),
        "warnings": run.warnings,
    }
    fail_on = params.get("fail_on")
    said = failures(values, FAIL_ON if fail_on is None else fail_on)
    if run.interruption.requested:
        left = rotation["per_run"] - len(rotation["chosen"])
        untried = f"; {counted(left, 'guest')} had no turn" if left > 0 else ""
        said.append(f"the run was interrupted ({run.interruption.reason}){untried}")
    said += list(dict.fromkeys(one.rstrip(".") for one in run.unrecorded))
    values["msg"] = message(values, said)
    return values, bool(said) and not check_mode


def _workers(params: Mapping[str, Any]) -> int:
    return max(1, params.get("max_parallel") or MAX_PARALLEL)
