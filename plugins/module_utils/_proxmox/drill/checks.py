# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks of a scratch copy that is up. Each ends as passed with evidence, failed, or not run with the reason.

Private to this collection.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import LifeboatError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.number import whole_number
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.agent import Agent, Refused, is_unable
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.bench import Bench, NotDone, is_away
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.notes import Drilled
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.verdict import FAILED, NOT_RUN, PASSED
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.wish import Canary
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import BadAnswer
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_tasks import guest_path
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.restore_tasks import StepFailed

_LOOK = 1.0
"""Seconds between two looks at a copy that has to stay up."""
_SHOWN = 200
"""Characters of an answer that the record keeps."""
Evidence = Mapping[str, Any]


def check(bench: Bench) -> None:
    """Make all checks of a copy, and take what the user's own tasks have found."""
    drilled = bench.notes.drilled()
    if not drilled.template:
        if drilled.phase == "started":
            bench.measured("checks", lambda: _all(bench, drilled))
        else:
            _none(bench, drilled)
    take_given(bench)
    bench.notes.note("reached", phase="checked")


def take_given(bench: Bench) -> None:
    """The verdicts of the user's own tasks on this guest; none of them makes good what has failed here."""
    drilled = bench.notes.drilled()
    failed = {str(row.get("check")) for row in drilled.checks if row.get("verdict") == FAILED}
    for one in bench.wish.given:
        if one.vmid == drilled.vmid and one.check not in failed:
            failed |= {one.check} if one.verdict == FAILED else set()
            evidence = {"told": one.evidence[:2000]} if one.evidence else {}
            bench.found(one.check, one.verdict, one.reason or one.verdict, evidence=evidence)


def _all(bench: Bench, drilled: Drilled) -> None:
    began = bench.site.clock.monotonic()
    deadline = bench.within(bench.wish.limits.checks)
    if drilled.agent:
        _made(bench, "agent", lambda: _identity(bench, drilled, deadline))
    for canary in _canaries(bench, drilled):
        _made(bench, f"canary {canary.path}", lambda: _canary(bench, canary, deadline))  # noqa: B023 - called at once
    if bench.wish.limits.running_for:
        _made(bench, "running", lambda: _stays_up(bench, began, deadline))


def _none(bench: Bench, drilled: Drilled) -> None:
    """What would have been checked, had the copy come up."""
    why = "it was not started" if drilled.barred else "it did not come up"
    wanted = ["agent"] if drilled.agent else []
    wanted.extend(f"canary {one.path}" for one in _canaries(bench, drilled))
    if bench.wish.limits.running_for:
        wanted.append("running")
    for name in wanted:
        bench.found(name, NOT_RUN, why)


def _canaries(bench: Bench, drilled: Drilled) -> list[Canary]:
    guest = drilled.base.get("guest")
    name = guest.get("name") if isinstance(guest, Mapping) else None
    kept = [Canary(**{str(key): value for key, value in one.items()}) for one in drilled.canaries]
    known = dict.fromkeys([*bench.wish.canaries, *kept])  # also those that only the call that began it was given
    return [one for one in known if one.concerns(drilled.vmid, name)]


def _made(bench: Bench, name: str, work: Callable[[], tuple[str, Evidence]]) -> None:
    """Make one check. What fails in it is its verdict, and never that of another."""
    began = bench.site.clock.monotonic()
    try:
        reason, evidence = work()
    except Refused as failure:
        bench.found(name, NOT_RUN if is_unable(failure) else FAILED, str(failure), began)
    except LifeboatError as failure:
        away = is_away(failure) or bench.interrupted
        bench.found(name, NOT_RUN if away else FAILED, failure.message.rstrip("."), began)
    else:
        bench.found(name, PASSED, reason, began, evidence)


def _identity(bench: Bench, drilled: Drilled, deadline: Deadline) -> tuple[str, Evidence]:
    """The agent answers what nobody but this copy was asked: a nonce that a command in it has to print.

    Where the agent is told not to run commands, the name that the guest calls itself has to do.
    """
    agent = Agent(bench.site.client, bench.copy)
    system = dict(agent.system())
    nonce = secrets.token_hex(16)
    words = ["cmd.exe", "/c", "echo", nonce] if system.get("id") == "mswindows" else ["echo", nonce]
    try:
        ran = agent.run(words, deadline)
    except Refused as failure:
        if not is_unable(failure):
            raise
        return _by_name(agent, drilled, system, str(failure))
    if ran is None:
        raise StepFailed("a command in it did not end within check_timeout")
    status, printed = ran
    evidence = {"nonce": nonce, "printed": printed.strip()[:_SHOWN], "exitcode": status, "system": system}
    if status != 0 or printed.strip() != nonce:
        raise StepFailed(f"its guest agent was asked to print {nonce} and printed {printed.strip()[:_SHOWN]!r}")
    return "a command in it printed this drill's nonce", evidence


def _by_name(agent: Agent, drilled: Drilled, system: Evidence, why: str) -> tuple[str, Evidence]:
    guest = drilled.base.get("guest")
    wanted = guest.get("name") if isinstance(guest, Mapping) else None
    name = agent.host_name()
    if name is None:
        raise NotDone(f"its guest agent answers, but proves not who it is: {why}, and it tells no name")
    if not wanted or name.partition(".")[0].lower() != str(wanted).partition(".")[0].lower():
        raise NotDone(f"its guest agent calls it {name[:60]!r}, not {wanted}, and can't be asked further: {why}")
    return f"it calls itself {name[:60]}; its agent runs no commands ({why})", {
        "host_name": name,
        "system": dict(system),
    }


def _canary(bench: Bench, canary: Canary, deadline: Deadline) -> tuple[str, Evidence]:
    if bench.copy.type != "qemu":
        raise NotDone(
            "Proxmox VE has no call that reads a file in a container; let a task of yours ask its node (pct exec), and "
            "give its verdict by this name"
        )
    agent = Agent(bench.site.client, bench.copy)
    try:
        content, whole = agent.read(canary.path)
    except Refused as failure:
        if not is_unable(failure):
            raise StepFailed(f"it can't be read: {failure}") from failure
        content, whole = _printed(agent, canary.path, deadline, str(failure))
    evidence = {"sha256": hashlib.sha256(_bytes(content)).hexdigest(), "size": len(_bytes(content))}
    if _holds(canary, content):
        return "it holds what the policy says", evidence
    if not whole:
        raise NotDone("it is too large to be read as a whole")
    raise StepFailed(f"it holds something else ({evidence['size']} bytes, sha256 {evidence['sha256']})")


def _printed(agent: Agent, path: str, deadline: Deadline, why: str) -> tuple[str, bool]:
    ran = agent.run(["cat", path], deadline)
    if ran is None:
        raise NotDone(f"the agent reads no files ({why}), and a command that reads it did not end in time")
    if ran[0] != 0:
        raise StepFailed(f"a command in the guest can't read it (exit status {ran[0]})")
    return ran[1], True


def _holds(canary: Canary, content: str) -> bool:
    """Whether the file is as promised; a last line's end may be missing in the policy."""
    forms = {_bytes(content), content.encode("utf-8", "surrogatepass")}
    if canary.sha256 is not None:
        return any(hashlib.sha256(form).hexdigest() == canary.sha256 for form in forms)
    wanted = (canary.content or "").encode()
    return wanted in forms or wanted + b"\n" in forms


def _bytes(content: str) -> bytes:
    """What the file holds: Proxmox hands on each byte as one character (JSON of a Perl string of bytes)."""
    try:
        return content.encode("latin-1")
    except UnicodeEncodeError:
        return content.encode("utf-8", "surrogatepass")


def _stays_up(bench: Bench, began: float, deadline: Deadline) -> tuple[str, Evidence]:
    """It runs without a break for as long as was said, from the moment it was up."""
    wanted, clock = bench.wish.limits.running_for, bench.site.clock
    looks, uptime, process = 0, -1, None
    while True:
        state = bench.site.client.get(guest_path(bench.copy, "status", "current"))
        if not isinstance(state, Mapping):
            raise BadAnswer(f"The state of guest {bench.copy.vmid} is not one.")
        looks += 1
        lasted = clock.monotonic() - began
        inside = state.get("qmpstatus", "running")
        if state.get("status") != "running":
            raise StepFailed(f"it was up and stopped again within {lasted:.0f} s")
        if inside != "running":
            raise StepFailed(f"its machine stands still ({inside}) after {lasted:.0f} s")
        now = whole_number(state.get("uptime"))
        if now < uptime or (process is not None and state.get("pid", process) != process):
            raise StepFailed(f"it was started anew within {lasted:.0f} s")
        uptime, process = now, state.get("pid", process)
        if lasted >= wanted:
            return f"it ran for {wanted} s", {"seconds": round(lasted, 1), "looks": looks, "uptime": uptime}
        if deadline.passed():
            raise NotDone("the run was interrupted" if bench.interrupted else "check_timeout was up before that")
        deadline.sleep(min(_LOOK, wanted - lasted + 0.01))
