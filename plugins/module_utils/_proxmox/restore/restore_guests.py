# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restores from beginning to end: look, plan, carry out, tell.

Each guest is a row of its own, at most ``max_parallel`` side by side; what befalls one doesn't stop the others. Private
to this collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock, Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError, LifeboatError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.interruption import Interruption
from ansible_collections.lifeboat.backup.plugins.module_utils._core.journal import (
    Journal,
    JournalError,
    dead_runs,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._core.lock import exclusive
from ansible_collections.lifeboat.backup.plugins.module_utils._core.parallel import side_by_side
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import observe
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.look import (
    look,
    observe_configuration,
    with_names,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.notes import (
    JournalNotes,
    Progress,
    plan_facts,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.plan import EXISTS, plan_restore
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.recovery import (
    as_remembered,
    end_dead_run,
    forget_empty,
    is_of,
    tell_of_others,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.report import (
    Row,
    diff,
    report,
    row,
    verdict,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.restore_plan import RestorePlan
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.run import RestoreRun
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.settle import settle
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.site import Site
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.standing import (
    BEGUN,
    NEW,
    ROLLED_BACK,
    Standing,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.surroundings import (
    Surroundings,
    observe_surroundings,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.targets import (
    keyed_wishes,
    selected_wishes,
    selects,
    spread,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.way_forward import WayForward
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.wish import (
    NOTHING,
    RestoreWish,
    wishes,
)

MAX_PARALLEL = 4
PATIENCE = 2.0
"""Seconds for which a journal is waited for that others only read."""


def restore_guests(
    client: Client,
    params: Mapping[str, Any],
    check_mode: bool,
    clock: Clock,
    interruption: Interruption,
    journals: Path | None,
) -> dict[str, Any]:
    """Restore what is wished for; in check mode only say what that would be.

    ``journals`` is the folder of this cluster's journals.

    :raises InputError: before anything is started, where it concerns all restores.
    """
    wanted = wishes(params)
    if journals is None and not check_mode:
        raise JournalError(f"This user has no home folder for the journal; set journal_path. {NOTHING}")
    folder = None if journals is None else journals / "restores"
    if not check_mode:
        forget_empty(folder, client.authid)
    with dead_runs(folder, client.authid, hold=False) as dead:
        observation = as_remembered(with_names(client, observe(client, clock)), dead)
        if not wanted:
            wanted = selected_wishes(params, observation)
        around = observe_surroundings(client, clock, observation)
        run = RestoreRun(client, clock, interruption, check_mode, folder, around, dead)
    keyed = keyed_wishes(wanted, observation)
    around.keep_free([int(key) for key, _wish in keyed if key.isdigit()])
    tell_of_others(run, {key for key, _wish in keyed})
    workers = params.get("max_parallel") or MAX_PARALLEL
    rows = side_by_side(lambda item: _restored(run, *item), spread(keyed, observation), max(1, workers))
    order = {key: number for number, (key, _wish) in enumerate(keyed)}
    ordered = [found for _key, found in sorted(rows, key=lambda pair: order[pair[0]])]
    return report(ordered, run.warnings, run.diffs, single=params.get("restores") is None and not selects(params))


def _restored(run: RestoreRun, key: str, wish: RestoreWish) -> tuple[str, Row]:
    """One restore. Whatever Proxmox or the user's input does ends in its row."""
    began = run.clock.monotonic()
    try:
        found = _looked_at(run, key, wish)
    except LifeboatError as failure:
        guest = run.around.observation.cluster.guests.get(int(key)) if key.isdigit() else None
        found = row(guest, "failed", failure.message.rstrip("."), source=wish.source)
        found.update(failure.details())
    found.setdefault("source", wish.source)
    found["duration"] = round(run.clock.monotonic() - began, 1)
    return key, found


def _looked_at(run: RestoreRun, key: str, wish: RestoreWish) -> Row:
    if run.check_mode:
        if any(is_of(key)(dead.entries) for dead in run.dead):
            run.tell([f"An earlier restore of guest {key} did not come to its end; this task ends that first."])
        there = _there(run, key, wish)
        return row(there, "skipped", EXISTS) if there else _foretold(run, _plan(run.around, wish))
    folder = _folder(run)
    with exclusive(f"restore-{key}", Deadline.after(run.clock, 0.0), folder) as alone:
        if not alone:
            raise InputError(f"{key}: another run on this machine restores it right now. {NOTHING}")
        around = run.around
        # Only now: a run that died since the others were read may have been of the same target.
        with dead_runs(folder, run.client.authid, wanted=is_of(key), patience=PATIENCE) as mine:
            for dead in mine:
                ended = end_dead_run(run, wish, dead)
                if ended is not None:
                    return ended
                around = run.look_anew()
        there = _there(run, key, wish)
        if there is not None:
            return row(there, "skipped", EXISTS)
        plan = _plan(around, wish)
        if plan.action == "skip":
            return row(plan.guest, "skipped", plan.reason, plan.backup, around.age(plan.backup))
        return _carried_out(run, around, key, wish, plan)


def _plan(around: Surroundings, wish: RestoreWish) -> RestorePlan:
    """The plan, and the room that it takes from the others."""
    scene = look(around, wish)
    with around.planning:
        plan = plan_restore(wish, replace(scene, storages=around.storages_of(scene.node)))
        around.reserve(scene.node, plan.takes)
    return plan


def _folder(run: RestoreRun) -> Path:
    """The folder of journals and locks.

    :raises JournalError: when it can't be made.
    """
    folder = run.journals
    if folder is None:
        raise AssertionError("unreachable: it was looked for before")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as failure:
        raise JournalError(
            f"The folder {folder} for the journal can't be made: {failure.strerror}. {NOTHING}"
        ) from failure
    return folder


def _there(run: RestoreRun, key: str, wish: RestoreWish) -> Guest | None:
    """The guest that is there and is to be left alone, also where no backup of it is; None in any doubtful case."""
    if wish.if_exists != "skip" or wish.volid is not None or wish.target != "same" or not key.isdigit():
        return None
    guest = run.around.observation.cluster.guests.get(int(key))
    if guest is None or not run.around.observation.cluster.online(guest.node):
        return None
    found = observe_configuration(run.client, guest)
    return None if found is None or found.lock or found.is_stub else guest


def _foretold(run: RestoreRun, plan: RestorePlan) -> Row:
    """What would be done, under the keys of a real run."""
    age = run.around.age(plan.backup)
    if plan.action == "skip":
        return row(plan.guest, "skipped", plan.reason, plan.backup, age)
    steps = [{"step": step, "result": "planned", "seconds": 0.0, "upid": None} for step in plan.steps]
    run.tell(plan.warnings, diff(plan.guest.label, plan.before, plan.expected))
    return row(plan.guest, "would_restore", plan.reason, plan.backup, age, steps, started=plan.start or None)


def _carried_out(run: RestoreRun, around: Surroundings, key: str, wish: RestoreWish, plan: RestorePlan) -> Row:
    journal = Journal(
        run.journals or Path(), {"module": "proxmox_restore", "cluster": run.client.cluster, "user": run.client.authid}
    )
    notes = JournalNotes.fresh(journal, run.clock)
    site = run.site(notes, wish)
    failure = ""
    details: dict[str, Any] = {}
    notes.note("plan", **plan_facts(plan, key))
    try:
        WayForward(site, plan, around, journal.run, wish.shutdown_timeout).go()
    except LifeboatError as problem:
        failure, details = problem.message, problem.details()
    notes.insist = False
    begun = not failure and not wish.wait
    standing = Standing(BEGUN) if begun else settle(site, wish.cancel_on_timeout, waited=True)
    keep = not standing.settled or notes.progress().leaves_scratch or bool(site.unfinished)
    site.tolerated("The journal", lambda: journal.close(keep))
    run.tell([*plan.warnings, *site.warnings])
    return {**_told(run, around, plan, site, standing, failure), **details}


def _told(
    run: RestoreRun, around: Surroundings, plan: RestorePlan, site: Site, standing: Standing, failure: str
) -> Row:
    progress = site.notes.progress()
    if standing.what == BEGUN:
        word, reason = "running", "it is not waited for"
    else:
        word, reason = verdict(standing, failure, progress.safety_volid)
    if standing.what in (NEW, ROLLED_BACK):
        found = _found(site, progress)
        run.tell([], diff(progress.guest.label, plan.before, found))
    return row(
        progress.guest,
        word,
        reason,
        plan.backup,
        around.age(plan.backup),
        site.steps.rows,
        upid=progress.restored_by,
        safety_backup=progress.safety_volid,
        rolled_back=standing.what == ROLLED_BACK,
        started=standing.started,
    )


def _found(site: Site, progress: Progress) -> Any:
    try:
        return observe_configuration(site.client, progress.guest)
    except LifeboatError:
        return None
