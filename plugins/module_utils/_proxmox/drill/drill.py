# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One drill from its plan to its end, as far as the call takes it. Private to this collection."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError, LifeboatError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.journal import DeadRun, Journal, JournalError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.allotment import Share
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.bench import Bench, is_away
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.boot import boot
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.checks import check, take_given
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.choice import Picked
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.cleaning import CleanUp, clean_up
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.drill_plan import (
    DrillPlan,
    archive_facts,
    beginning,
    guest_facts,
    lacking_rights,
    memory_of,
    record_base,
    restore_wish,
    room_needed,
    uses_agent,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.drill_run import DrillRun
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.marks import Marks
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.notes import Drilled, DrillNotes
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.preparation import prepare
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.report import row
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.verdict import (
    FAILED,
    INTERRUPTED,
    NOT_RUN,
    PASSED,
    PENDING,
    check_row,
    verdict_of,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.wish import NOTHING, PHASES
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.look import Hidden, Unrestorable, look
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.notes import plan_facts
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.plan import plan_restore
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.site import backup_path
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.wish import NOTHING as RESTORED_NOTHING
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.wish import RestoreWish


def drill(run: DrillRun, guest: Guest, picked: Picked, check_mode: bool) -> bool:
    """Drill one guest; whatever befalls it ends in its row. Whether anything was restored, or would be."""
    at = run.clock.now()
    if picked.backup is None:
        _not_begun(run, _unplanned(run, guest, None, at), NOT_RUN, picked.reason, check_mode)
        return False
    try:
        plan, share = _planned(run, guest, picked.backup)
    except LifeboatError as failure:
        reason = failure.message.replace(NOTHING, "").replace(RESTORED_NOTHING, "").strip().rstrip(".")
        broken = isinstance(failure, Unrestorable) and _is_there(run, picked.backup)
        base = _unplanned(run, guest, picked.backup, at)
        _not_begun(run, base, FAILED if broken else NOT_RUN, reason, check_mode)
        return broken
    base = record_base(plan, run.wish, run.run, run.client.cluster, at, run.versions)
    if check_mode:
        ids = f"{run.wish.low}-{run.wish.high}"
        reason = f"{plan.backup.volid} would be restored to a free id of {ids} on node {plan.node}"
        run.told(row(base, PENDING, reason, phase="planned", ended=run.clock.now()))
        run.allotment.release(share)
        return True
    _carried_out(run, plan, share, base)
    return True


def _planned(run: DrillRun, guest: Guest, backup: Backup) -> tuple[DrillPlan, Share]:
    """The plan, with everything that it takes set aside for it.

    :raises LifeboatError: when it can't be drilled now.
    """

    def plan() -> DrillPlan:
        return _plan(run, guest, backup)

    def share(found: DrillPlan) -> Share:
        needed = room_needed(found, run.around.storages_of(found.node))
        return Share(found.node, found.memory, needed, found.restore.guest.vmid)

    return run.allotment.planned(plan, share)


def _plan(run: DrillRun, guest: Guest, backup: Backup) -> DrillPlan:
    """The plan, with an id that nobody has; one that somebody takes meanwhile is left to him."""
    while True:
        vmid = run.allotment.next_id()
        try:
            return _plan_onto(run, guest, backup, vmid)
        except Hidden:
            run.allotment.leave(vmid)


def _plan_onto(run: DrillRun, guest: Guest, backup: Backup, vmid: int) -> DrillPlan:
    wish, around = run.wish, run.around
    marks = Marks(wish.tag, secrets.token_hex(16), wish.low, wish.high)
    plain = RestoreWish(
        volid=backup.volid,
        target=str(vmid),
        target_node=wish.target_node,
        target_storage=wish.target_storage,
    )
    scene = look(around, plain)
    wanted = restore_wish(wish, guest, backup, vmid, marks, run.run, scene.archived)
    restore = plan_restore(wanted, replace(scene, storages=around.storages_of(scene.node)))
    found = DrillPlan(
        guest,
        backup,
        around.age(backup) + int(run.clock.now() - around.observation.observed_at),
        restore,
        marks,
        memory_of(scene.archived, wish),
        uses_agent(scene.archived, wish.agent),
    )
    lacking = lacking_rights(found, wish.pool, around.observation.permissions, around.version)
    if lacking:
        raise InputError(f"the token lacks {listed(one.told() for one in lacking)}.")
    return found


def _is_there(run: DrillRun, backup: Backup) -> bool:
    """Whether a backup that can't be read is there: else a retention has taken it, or its storage is away."""
    try:
        run.client.get(backup_path(backup.node, backup.volid))
    except LifeboatError:
        return False
    return True


def _unplanned(run: DrillRun, guest: Guest, backup: Backup | None, at: float) -> dict[str, Any]:
    return {
        **beginning(run.wish, run.run, run.client.cluster, at, run.versions),
        "guest": guest_facts(guest),
        "archive": archive_facts(backup) if backup is not None else None,
        "rpo": run.around.age(backup) if backup is not None else None,
        "target": {"vmid": None, "node": run.wish.target_node, "storage": run.wish.target_storage},
    }


def _not_begun(run: DrillRun, base: dict[str, Any], verdict: str, reason: str, check_mode: bool) -> None:
    found = row(base, verdict, reason, phase="planned", ended=run.clock.now())
    if verdict == FAILED:
        found["checks"] = [check_row("restored", FAILED, reason)]
    if check_mode:
        run.told(found)
    else:
        run.ended(found)


def _carried_out(run: DrillRun, plan: DrillPlan, share: Share, base: dict[str, Any]) -> None:
    journal = Journal(run.journals, run.header())
    notes = DrillNotes.fresh(journal, run.clock)
    facts = {
        "base": base,
        "tag": plan.marks.tag,
        "nonce": plan.marks.nonce,
        "low": plan.marks.low,
        "high": plan.marks.high,
        "template": plan.template,
        "agent": plan.agent,
        "network": asdict(run.wish.network),
        "canaries": [asdict(one) for one in run.wish.canaries],
    }
    try:
        notes.note("plan", **plan_facts(plan.restore, f"drill-{plan.guest.vmid}"), drill=facts)
    except LifeboatError as failure:
        run.allotment.release(share)
        _not_begun(run, base, NOT_RUN, failure.message.rstrip("."), False)
        return
    bench = run.bench(notes)
    good = _step(bench, lambda: prepare(bench, plan.restore, run.allotment.ids(share.vmid)), "restored")
    over = go_on(run, bench, good)
    if over is None:  # a later call goes on with it; until this one has ended nobody else may
        run.allotment.keep()
        run.keep_open(notes, journal)
        return
    try:
        journal.close(keep=not (over.done and over.certain))
    except JournalError as failure:
        run.tell(failure.message)
    finally:
        if over.done:
            run.allotment.release(share, bench.copy.vmid)
        else:
            run.allotment.keep()


def taken_up(run: DrillRun, dead: DeadRun) -> None:
    """Go on with a drill that an earlier call has begun."""
    bench = run.bench(DrillNotes.inherited(dead, run.clock))
    over = go_on(run, bench, bench.notes.drilled().phase != "planned")
    if over is None:
        run.keep_open(bench.notes, None)
    elif over.done and over.certain:
        dead.forget()
    else:
        bench.notes.note("lease", until=0)  # the next drill tries it again


def go_on(run: DrillRun, bench: Bench, good: bool) -> CleanUp | None:
    """The parts of a drill that this call is to make and that are not made yet.

    A drill that can't go on is cleaned up at once. None: it is not over, and a later call goes on with it.
    """
    wish, notes = run.wish, bench.notes
    for phase, work in (("started", boot), ("checked", check)):
        if good and wish.reaches(phase) and wish.state != "cleaned" and _is_due(notes.drilled(), phase):
            good = _step(bench, lambda: work(bench), None)  # noqa: B023 - called at once
        if bench.interrupted:
            good = False
    if good and not wish.reaches("cleaned"):
        drilled = notes.drilled()
        reason = f"it is {drilled.phase}, and goes on with run {drilled.base.get('run')}"
        found = row(
            drilled.base, PENDING, reason, phase=drilled.phase, ended=run.clock.now(), drilled=drilled,
            vmid=bench.copy.vmid, cleanup=CleanUp(True, "the copy is kept for the next call"),
        )  # fmt: skip
        run.told(found)
        return None
    if wish.state == "cleaned":
        _step(bench, lambda: take_given(bench), None)
    return finished(run, bench, "")


def _is_due(drilled: Drilled, phase: str) -> bool:
    """Whether a drill has this phase before it; a copy that did not come up once is not started again."""
    if phase == "started" and any(one.get("check") == "booted" for one in drilled.checks):
        return False
    return PHASES.index(drilled.phase) < PHASES.index(phase) if drilled.phase in PHASES else False


def finished(run: DrillRun, bench: Bench, died: str) -> CleanUp:
    """Clean up, judge, record. ``died`` says that its run was killed, and where.

    A drill whose line could not be written is not done: its journal keeps it for the next one.
    """
    over = clean_up(bench)
    drilled = bench.notes.drilled()
    if died and drilled.judged is not None:
        found = dict(drilled.judged)
    else:
        verdict, reason = verdict_of(drilled)
        if died:
            verdict, reason = INTERRUPTED, died
        elif bench.interrupted and verdict not in (PASSED, FAILED):
            verdict, reason = INTERRUPTED, f"the run was interrupted ({run.interruption.reason})"
        attempt = bench.notes.progress().restoring
        vmid = attempt.vmid if attempt is not None and not attempt.over else None
        found = row(
            drilled.base, verdict, reason, phase="cleaned" if over.done else drilled.phase, ended=run.clock.now(),
            drilled=drilled, vmid=vmid, cleanup=over,
        )  # fmt: skip
        bench.notes.note("judged", row=found)
    if not run.ended(found):
        return replace(over, done=False)
    return over


def _step(bench: Bench, work: Callable[[], object], check_name: str | None) -> bool:
    """Take a step. What Proxmox does to it ends the drill, and never the run."""
    try:
        work()
    except LifeboatError as failure:
        text = failure.message.rstrip(".")
        checks = bench.notes.drilled().checks
        bench.notes.insist = False
        if check_name is not None and not any(one.get("check") == check_name for one in checks):
            bench.found(check_name, NOT_RUN if is_away(failure) else FAILED, text)
        elif not any(one.get("reason") == text for one in checks):
            bench.notes.note("trouble", text=text)
        return False
    return True
