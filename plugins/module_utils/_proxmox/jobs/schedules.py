# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a schedule runs, by the word of the server: there is no second opinion here. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ansible_collections.lifeboat.backup.plugins.module_utils._core.number import whole_number
from ansible_collections.lifeboat.backup.plugins.module_utils._core.parallel import side_by_side
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import one_line
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import (
    ApiError,
    BadAnswer,
)


@dataclass(frozen=True)
class Runs:
    """The next runs of a schedule in epoch seconds; ``problem`` is why the server doesn't take it."""

    times: tuple[int, ...] = ()
    problem: str | None = None


def observe_runs(client: Client, schedules: Iterable[str], count: int) -> Mapping[str, Runs]:
    """The next ``count`` runs of each schedule: one request for each that is different. Any user may ask.

    :raises ApiError: when the server can't say, for another reason than the schedule.
    """
    wanted = sorted(set(schedules))
    return dict(zip(wanted, side_by_side(lambda schedule: next_runs(client, schedule, count), wanted)))


def next_runs(client: Client, schedule: str, count: int, since: int | None = None) -> Runs:
    """The next ``count`` runs, at most 100, after ``since`` (epoch seconds) or now, in order.

    :raises ApiError: when the server can't say, for another reason than the schedule.
    """
    begin = {} if since is None else {"starttime": since}
    try:
        answer = client.get("cluster/jobs/schedule-analyze", schedule=schedule, iterations=count, **begin)
    except ApiError as failure:
        if failure.status != 400:
            raise
        told = failure.errors.get("schedule") or failure.text
        return Runs(problem=one_line(told.partition("invalid format - ")[2] or told))
    if not isinstance(answer, list):
        raise BadAnswer("The runs of a schedule are no list: check api_host and api_port.")
    times = {whole_number(entry.get("timestamp")) for entry in answer if isinstance(entry, dict)}
    return Runs(tuple(sorted(time for time in times if time > (since or 0))))
