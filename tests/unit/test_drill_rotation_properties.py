# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many nights of drills: whatever becomes of them, and whoever comes and goes, each guest has its turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.history import VERDICTS, history
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.rotation import order, overdue, per_run
from unit.builders import DAY, NOW, a_guest
from unit.drill_builders import a_record

GUESTS = {vmid: a_guest(vmid, kind=("lxc", "qemu")[vmid % 2]) for vmid in range(100, 112)}
sets_of_guests = st.sets(st.sampled_from(sorted(GUESTS)), min_size=1)
verdicts = st.lists(st.sampled_from(VERDICTS), min_size=1, max_size=7)
pasts = st.lists(
    st.builds(
        lambda vmid, days, verdict: a_record(vmid, age=days * DAY, verdict=verdict, kind=GUESTS[vmid].type),
        st.sampled_from(sorted(GUESTS)),
        st.integers(1, 40) | st.just(-99999),
        st.sampled_from(VERDICTS),
    ),
    max_size=8,
)
"""What was recorded before the first night, some of it by a clock that was wrong."""


def _attempts(
    nights: Sequence[set[int]], wanted: Callable[[int], int], becomes: Sequence[str], past: Sequence[dict[str, Any]]
) -> list[set[int]]:
    """Whom each night attempts, one night a day."""
    records = list(past)
    attempts: list[set[int]] = []
    for number, there in enumerate(nights):
        now = NOW + number * DAY
        turn: list[Guest] = order([GUESTS[vmid] for vmid in there], history(records, now))[: wanted(len(there))]
        for guest in turn:
            verdict = becomes[len(records) % len(becomes)]
            records.append(a_record(guest.vmid, age=NOW - now, verdict=verdict, kind=guest.type))
        attempts.append({guest.vmid for guest in turn})
    return attempts


@given(st.integers(0, 5000), st.integers(1, 400))
def test_auto_reaches_all_within_the_days_and_is_no_more_than_that_takes(count: int, within_days: int) -> None:
    number = per_run(count, within_days, "auto")
    assert number * within_days >= count
    assert count == 0 or (number - 1) * within_days < count


@settings(max_examples=40)
@given(sets_of_guests, st.integers(1, 6), verdicts, pasts)
def test_with_the_same_guests_each_is_attempted_within_the_days_again_and_again(
    there: set[int], within_days: int, becomes: list[str], past: list[dict[str, Any]]
) -> None:
    nights = 3 * within_days
    attempts = _attempts([there] * nights, lambda count: per_run(count, within_days, "auto"), becomes, past)
    for first in range(nights - within_days + 1):
        assert set().union(*attempts[first : first + within_days]) == there


@settings(max_examples=60)
@given(st.lists(sets_of_guests, min_size=1, max_size=10), st.integers(1, 3), verdicts, pasts)
def test_a_guest_waits_for_no_more_nights_than_the_others_that_were_there_meanwhile_take(
    nights: list[set[int]], number: int, becomes: list[str], past: list[dict[str, Any]]
) -> None:
    attempts = _attempts(nights, lambda _count: number, becomes, past)
    for first in range(len(nights)):
        for last in range(first, len(nights)):
            span = slice(first, last + 1)
            seen: set[int] = set().union(*nights[span])
            if len(seen) <= number * (last + 1 - first):
                assert set.intersection(*nights[span]) <= set().union(*attempts[span])


@settings(max_examples=60)
@given(pasts, st.integers(1, 40))
def test_who_is_overdue_has_nothing_completed_within_the_days(past: list[dict[str, Any]], within_days: int) -> None:
    late = {guest.vmid for guest in overdue(list(GUESTS.values()), history(past, NOW), within_days, NOW)}
    young = [record for record in past if record["at"] >= NOW - within_days * DAY]
    if not past or len(young) == len(past):
        assert late == set()
        return
    for vmid in GUESTS:
        completed = [
            record["at"]
            for record in past
            if record["guest"]["vmid"] == vmid and record["verdict"] in ("passed", "failed")
        ]
        believed = [at for at in completed if at <= NOW] or completed
        assert (vmid in late) == (not any(at >= NOW - within_days * DAY for at in believed))
