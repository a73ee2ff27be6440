# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first start of a scratch copy, until it is up. Private to this collection."""

from __future__ import annotations

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import format_duration
from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import LifeboatError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.agent import Agent, Refused
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.bench import (
    SEEN_LATE,
    Bench,
    NotDone,
    is_away,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.isolation import reaches_out
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.verdict import FAILED, NOT_RUN, PASSED
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import AnswerLost, BadAnswer
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_tasks import (
    TaskEnd,
    guest_path,
    observe_guest_state,
    wait_for_state,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.look import observe_configuration
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.restore_tasks import (
    StepFailed,
    StillRunning,
    ended,
    told,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.tasks import task_state
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.upid import Upid

_LOST = 15.0
"""Seconds in which a copy runs whose start was not answered, or is said to have succeeded."""
_FIRST, _LONGEST = 0.1, 1.0
"""Seconds between two looks for the agent."""


def boot(bench: Bench) -> None:
    """Start the copy; it is up when it runs and, where its guest agent is asked, when that answers.

    The check ``booted`` is noted, whatever comes of it.
    """
    began = bench.site.clock.monotonic()
    drilled = bench.notes.drilled()
    if drilled.template:
        return
    if drilled.barred:
        bench.found("booted", NOT_RUN, f"it can't be started apart from the world: {listed(drilled.barred)}")
        return
    try:
        evidence = bench.measured("boot", lambda: _up(bench, bench.within(bench.wish.limits.boot)))
    except LifeboatError as failure:
        away = is_away(failure) or bench.interrupted
        bench.found("booted", NOT_RUN if away else FAILED, failure.message.rstrip("."), began)
        return
    reason = "it runs, and its guest agent answers" if drilled.agent else "it runs"
    bench.found("booted", PASSED, reason, began, evidence)
    bench.notes.note("reached", phase="started")


def _up(bench: Bench, deadline: Deadline) -> dict[str, object]:
    site, copy = bench.site, bench.copy
    _still_ours(bench)
    end = _started(bench, deadline)
    if not wait_for_state(site.client, bench.within(_LOST), copy, True).running:
        raise StepFailed("it does not run, though its start is said to have succeeded")
    evidence: dict[str, object] = {"upid": end.upid.text if end is not None else None, "status": "running"}
    if bench.notes.drilled().agent:
        _wait_for_agent(bench, deadline)
        evidence["agent"] = "answers"
    return evidence


def _still_ours(bench: Bench) -> None:
    """A last look before the start: the copy is ours, and nobody has connected it to anything meanwhile."""
    from_now = observe_configuration(bench.site.client, bench.copy)
    if from_now is None:
        raise NotDone("the copy is not there any more")
    unmarked = bench.notes.drilled().marks.missing(bench.copy.vmid, from_now)
    if unmarked:
        raise NotDone(f"guest {bench.copy.vmid} lacks {listed(unmarked)}; it is not started")
    reasons = reaches_out(from_now, bench.copy.vmid, bench.notes.drilled().network)
    if reasons:
        raise NotDone(f"somebody has changed the copy since it was cut off: {listed(reasons)}")
    if observe_guest_state(bench.site.client, bench.copy).ha:
        raise NotDone(f"HA manages guest {bench.copy.vmid}; take what is left of this id out of HA")


def _started(bench: Bench, deadline: Deadline) -> TaskEnd | None:
    """The end of the start's task; None where its answer was lost, and the copy itself has to tell."""
    site = bench.site
    try:
        answer = site.client.post(guest_path(bench.copy, "status", "start"))
    except AnswerLost:
        if not wait_for_state(site.client, Deadline.after(site.clock, _LOST), bench.copy, True).running:
            raise
        return None
    upid = Upid.parse(answer)
    if upid is None:
        raise BadAnswer(f"The answer to a start is not a task: {str(answer)[:80]!r}.")
    try:
        end = ended(site.client, site.clock, upid, deadline, SEEN_LATE)
    except StillRunning as failure:
        if bench.interrupted:
            raise NotDone("the run was interrupted while it was started") from failure
        task_state(site.client, upid)  # a node that doesn't answer says nothing about the copy
        raise StepFailed(f"its start did not end within boot_timeout ({bench.wish.limits.boot} s)") from failure
    if not end.good:
        raise StepFailed(f"it does not start: {told(site.client, end)}")
    return end


def _wait_for_agent(bench: Bench, deadline: Deadline) -> None:
    agent = Agent(bench.site.client, bench.copy)
    pause = _FIRST
    while True:
        try:
            if agent.answers():
                return
        except Refused as failure:
            if observe_guest_state(bench.site.client, bench.copy).running:
                raise NotDone(f"its guest agent can't be asked: {failure}") from failure
        if not observe_guest_state(bench.site.client, bench.copy).running:
            raise StepFailed("it ran, and stopped again before its guest agent answered")
        if deadline.passed():
            if bench.interrupted:
                raise NotDone("the run was interrupted while it booted")
            limit = format_duration(bench.wish.limits.boot)
            raise StepFailed(f"it runs, and its guest agent did not answer within {limit} (boot_timeout)")
        deadline.sleep(pause)
        pause = min(_LONGEST, pause * 1.5)
