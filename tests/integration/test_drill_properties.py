# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever is in the cluster and in the journals: a drill destroys what carries its own marks, and nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.drills import RANGE, Drills, drilled_world, drills
from harness.lab import TOKEN

TAG = "lifeboat-drill"
NONCES = [character * 32 for character in "abc"]
IDS = (899, 900, 901, 907, 908, 101)


@dataclass(frozen=True)
class There:
    """A guest that is there when the drill begins."""

    vmid: int
    tag: str
    nonce: str | None
    running: bool
    lock: str | None
    empty: bool
    made_later: bool


@dataclass(frozen=True)
class Died:
    """A drill that died: what its journal says."""

    vmid: int
    nonce: str
    tag: str = TAG
    begun: bool = True


seldom = st.sampled_from([False, False, False, True])


@st.composite
def clusters(draw: st.DrawFn) -> tuple[list[There], list[Died]]:
    """Guests in and around the range, most of which a drill that died may have made."""
    guests, journals = [], []
    for vmid in draw(st.lists(st.sampled_from(IDS[:-1]), unique=True, max_size=5)):
        tag, nonce = TAG if not draw(seldom) else "prod", draw(st.sampled_from(NONCES))
        lock = "backup" if draw(seldom) else None
        own = None if draw(seldom) else nonce
        guests.append(There(vmid, tag, own, draw(st.booleans()), lock, draw(seldom), draw(seldom)))
        if not draw(seldom):
            said = draw(st.sampled_from(NONCES)) if draw(seldom) else nonce
            journals.append(Died(vmid, said, "other" if draw(seldom) else TAG, not draw(seldom)))
    journals += draw(st.lists(st.builds(Died, st.sampled_from(IDS), st.sampled_from(NONCES)), max_size=1))
    return guests, journals


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drills]:
    folder = tmp_path_factory.mktemp("drills")
    with drills(drilled_world(folder / "cluster"), folder) as running:
        yield running


def populate(site: Drills, guests: list[There]) -> dict[int, There]:
    found = {one.vmid: one for one in guests}
    for one in found.values():
        site.world.add_container(one.vmid, f"ct{one.vmid}", node="pve1", storage="fast", files={"x": b"x"})
        guest = site.world.cluster.guests[one.vmid]
        guest.tags = [one.tag]
        guest.description = None if one.nonce is None else f"Lifeboat drill {one.nonce}\n\nA scratch copy."
        guest.running, guest.lock = one.running, one.lock
        if one.empty:
            guest.bare, guest.volumes, guest.options = True, [], {"memory": 128}
    return found


def a_task(site: Drills, vmid: int) -> str:
    upid = str(site.world.start_task("pve1", "vzrestore", str(vmid), TOKEN, lambda _worker: None))
    site.idle()
    return upid


def bury(site: Drills, drill: Died, number: int) -> None:
    """The journal of a drill that died after its restore had ended."""
    folder = site.lab.journals / f"{site.lab.connection['api_host']}-{site.lab.connection['api_port']}" / "drills"
    folder.mkdir(parents=True, exist_ok=True)
    target = {"vmid": None, "node": "pve1", "storage": None}
    base = {"schema": 1, "run": f"run{number}", "plan": "p", "cluster": "c", "at": 1, "archive": None, "rpo": None}
    base.update(versions={}, guest={"vmid": 101, "name": "web1"}, target=target)
    low, high = RANGE.split("-")
    facts = {"base": base, "tag": drill.tag, "nonce": drill.nonce, "low": int(low), "high": int(high)}
    entries = [
        {"event": "run", "at": 1, "run": f"x{number}", "user": TOKEN, "drill": f"run{number}"},
        {"event": "plan", "vmid": 900, "node": "pve1", "type": "lxc", "volid": "vault:backup/x", "drill": facts},
    ]
    if drill.begun:
        known = [str(task.upid) for task in site.world.tasks.on_node("pve1")]
        entries.append({"event": "restoring", "at": 1, "vmid": drill.vmid, "known": known, "asked": 1})
        entries.append({"event": "task", "at": 1, "upid": a_task(site, drill.vmid)})
    text = "".join(json.dumps(entry) + "\n" for entry in entries)
    (folder / f"20261121T000000Z-{number:08x}.jsonl").write_text(text, encoding="utf-8")


def may_go(one: There, journals: list[Died]) -> bool:
    """By the rule: made by the task of a drill that died, and by none after; in the range, with its marks, not locked.

    Or the empty guest of a failed restore, which carries no marks and was never started.
    """
    mine = [drill for drill in journals if drill.begun and drill.vmid == one.vmid]
    low, high = map(int, RANGE.split("-"))
    if not mine or one.made_later or not low <= one.vmid <= high or one.lock is not None:
        return False
    if one.empty:
        return not one.running
    return mine[-1].tag == one.tag and mine[-1].nonce == one.nonce


@given(clusters())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_but_our_own_is_destroyed(site: Drills, drawn: tuple[list[There], list[Died]]) -> None:
    guests, journals = drawn
    try:
        for number, drill in enumerate(journals):
            bury(site, drill, number)
        found = populate(site, guests)
        for one in found.values():
            if one.made_later:
                a_task(site, one.vmid)
        site.asked = len(site.lab.sim.requests)
        result = site.drill(state="cleaned")
        gone = set(found) - set(site.world.cluster.guests)
        assert gone == {vmid for vmid, one in found.items() if may_go(one, journals)}, result["msg"]
        touched = {int(one.split("/")[4]) for one in site.writes() if "/lxc/" in one}
        assert touched <= gone, "a guest that stays was neither stopped nor started nor changed"
        assert set(site.before) <= set(site.world.cluster.guests)
    finally:
        for vmid in set(site.world.cluster.guests) - set(site.before):
            site.world.remove_guest(vmid)
        shutil.rmtree(site.lab.journals, ignore_errors=True)
