# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What drills that died have left: found by their journals and marks, and removed by the next drill.

Private to this collection.
"""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import LifeboatError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.journal import DeadRun, Entry, dead_runs, read_runs
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.cleaning import clean_up
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.drill import finished
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.drill_run import DrillRun
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.marks import nonce_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.notes import (
    Drilled,
    DrillNotes,
    read_drill,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.report import leftover
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.look import observe_configuration

MANY = 10_000
"""Journals that are looked at: a run has one for each guest."""
PATIENCE = 2.0
"""Seconds for which a journal is waited for that another run only reads."""


def of_run(name: str, entries: Sequence[Entry]) -> bool:
    """Whether a journal is that of a drill of this run."""
    return bool(entries) and entries[0].get("drill") == name


def remove_leftovers(run: DrillRun, check_mode: bool) -> None:
    """End the drills of runs that died, but for those that a later call of their own is to go on with."""
    now = run.clock.now()

    def lapsed(entries: Sequence[Entry]) -> bool:
        found = read_drill(entries)
        return found is None or found.lease <= now

    with dead_runs(run.journals, run.client.authid, wanted=lapsed, hold=not check_mode, many=MANY) as dead:
        for one in dead:
            drilled = read_drill(one.entries)
            if drilled is None:
                _forget_empty(run, one, check_mode)
            elif check_mode:
                reason = f"drill {drilled.base.get('run')} died; the next drill removes what it left"
                run.leftovers.append(leftover(*_where(drilled, one), "planned", reason))
            else:
                _ended(run, one, drilled)
    _tell_of_unknown(run)


def _ended(run: DrillRun, dead: DeadRun, drilled: Drilled) -> None:
    bench = run.bench(DrillNotes.inherited(dead, run.clock))
    name = drilled.base.get("run")
    copy = bench.copy
    if (name, drilled.vmid) in run.recorded:  # it was judged, and could not be cleaned up then
        over = clean_up(bench)
    else:
        over = finished(run, bench, f"drill {name} died when it was {drilled.phase}; this one ended it")
    if over.done and over.certain:
        dead.forget()
    attempt = bench.notes.progress().restoring
    if attempt is not None:
        text = str(name) if name is not None else None
        run.leftovers.append(leftover(copy.vmid, copy.node, text, "removed" if over.done else "left", over.reason))


def _where(drilled: Drilled, dead: DeadRun) -> tuple[int, str, str | None]:
    restoring = [one for one in dead.entries if one.get("event") == "restoring"]
    target = drilled.base.get("target")
    node = target.get("node") if isinstance(target, dict) else None
    vmid = restoring[-1].get("vmid") if restoring else 0
    name = drilled.base.get("run")
    return vmid if isinstance(vmid, int) else 0, str(node or ""), str(name) if name is not None else None


def _forget_empty(run: DrillRun, dead: DeadRun, check_mode: bool) -> None:
    """A run that died before it had planned anything has left nothing."""
    if [one.get("event") for one in dead.entries] in ([], ["run"]):
        if not check_mode:
            dead.forget()
    else:
        run.warnings.append(f"The journal {dead.path} can't be read; see what its drill has left, and remove it.")


def _tell_of_unknown(run: DrillRun) -> None:
    """Guests of the range that carry our tag and belong to no drill that is known here: told, and never touched."""
    wish = run.wish
    tagged = [
        one
        for one in run.around.observation.cluster.guests.values()
        if wish.low <= one.vmid <= wish.high and wish.tag in one.tags
    ]
    if not tagged:
        return
    ours_alone = [one for one in read_runs(run.journals) if one and one[0].get("user") == run.client.authid]
    known = {found.marks.nonce for found in map(read_drill, ours_alone) if found is not None}
    ours = {one["vmid"] for one in run.leftovers}
    for guest in tagged:
        if guest.vmid not in ours:
            _told(run, guest, known)


def _told(run: DrillRun, guest: Guest, known: set[str]) -> None:
    try:
        found = observe_configuration(run.client, guest)
    except LifeboatError as failure:
        run.warnings.append(f"Guest {guest.vmid} carries the tag {run.wish.tag}: {failure.message}")
        return
    if found is None or run.wish.tag not in found.tags or nonce_of(found) in known:
        return
    run.warnings.append(
        f"Guest {guest.vmid} on node {guest.node} carries the tag {run.wish.tag}, and no drill of this user that is "
        "known on this machine has made it; it is left alone. If it is a drill's, remove it by hand, or run the next "
        "drill where the journal of the one that made it lies, with its token."
    )
