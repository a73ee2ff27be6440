# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far apart the runs of a schedule are, by the word of the server. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ansible_collections.lifeboat.backup.plugins.module_utils._core.parallel import side_by_side
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.model import Tier
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import ProxmoxError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.schedules import next_runs
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.seen import Schedule

ITERATIONS = 100
"""Runs that the server tells at once; it takes no more (pve-manager Jobs.pm)."""
WEEK = 7 * 86400
MOST_ANSWERS = 12
"""So many answers show a week of a schedule that runs every ten minutes."""
CLOCK_CHANGE = 3600
"""Seconds by which a night is longer when summer time ends."""


def schedule_of(tier: Tier) -> str:
    """The schedule of a tier's job: its own, or daily at the beginning of its window."""
    if tier.schedule is not None:
        return tier.schedule
    start = tier.window.start if tier.window is not None else 0
    return f"{start // 60:02d}:{start % 60:02d}"


def observe_schedules(client: Client, schedules: Iterable[str]) -> dict[str, Schedule]:
    """The next runs of each different schedule: one request for each, and more where 100 runs show less than a week.

    Within a week every pause of a schedule is seen, also that of a weekend.
    """
    wanted = sorted(set(schedules))
    found = side_by_side(lambda schedule: _observed(client, schedule), wanted)
    return dict(zip(wanted, found))


def _observed(client: Client, schedule: str) -> Schedule:
    times: list[int] = []
    for _number in range(MOST_ANSWERS):
        try:
            more = next_runs(client, schedule, ITERATIONS, times[-1] if times else None)
        except ProxmoxError as failure:
            return Schedule(tuple(times), unread=failure.message.rstrip("."))
        if more.problem is not None:
            return Schedule(problem=more.problem.rstrip("."))
        times += more.times
        if len(more.times) < ITERATIONS or times[-1] - times[0] > WEEK:
            return Schedule(tuple(times))
    return Schedule(tuple(times), unread=f"it runs so often that {len(times)} runs show less than a week")


def merged(schedules: Sequence[Schedule]) -> tuple[int, ...]:
    """The runs of several jobs together, as long as all of them are known."""
    known = [one.times for one in schedules if one.times]
    if not known:
        return ()
    # A schedule that tells few runs has no more; one that tells many goes on after the last of them
    ends = [times[-1] for times in known if len(times) >= ITERATIONS]
    end = min(ends, default=max(times[-1] for times in known))
    return tuple(sorted({time for times in known for time in times if time <= end}))


def longest_gap(times: Sequence[int], promised: int) -> int | None:
    """Seconds between the two runs that are furthest apart; None where there are no two, so that it ends.

    The hour that the end of summer time adds to one night in a year doesn't count against ``promised``.
    """
    gaps = sorted((later - earlier for earlier, later in zip(times, times[1:])), reverse=True)
    if not gaps:
        return None
    long = [gap for gap in gaps if gap > promised]
    if 0 < len(long) <= len(gaps) // 50 and long[0] <= promised + CLOCK_CHANGE:
        return gaps[len(long)]
    return gaps[0]
