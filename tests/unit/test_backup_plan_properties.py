# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for every plan, whatever the cluster looks like."""

from __future__ import annotations

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_plan import Plan, Wish, plan
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.selection import select
from unit.builders import NOW
from unit.strategies import observations

MAX_AGE = 24 * 3600
WISHES = st.sampled_from(
    [
        Wish.from_params({"all_guests": True, **params})
        for params in (
            {"max_age": "24h"},
            {},
            {"max_age": "24h", "storage": "vault"},
            {"max_age": "24h", "exclude": ["101"]},
        )
    ]
)
MANY = settings(max_examples=25)


def _planned(wish: Wish, observation: Observation) -> Plan:
    try:
        return plan(wish, observation, {})
    except InputError as refusal:
        assert refusal.message.endswith("Nothing was started.")  # noqa: PT017
        assume(False)
        raise


@MANY
@given(WISHES, observations())
def test_every_selected_guest_has_exactly_one_decision(wish: Wish, observation: Observation) -> None:
    planned = _planned(wish, observation)
    assert [one.guest for one in planned.decisions] == list(select(wish.selection, observation.cluster).guests)
    for one in planned.decisions:
        assert one.action in ("back_up", "keep", "refuse")
        assert one.reason
        assert (one.storage is not None) is (one.action == "back_up")


@MANY
@given(WISHES, observations())
def test_jobs_are_the_guests_to_back_up_each_once_and_on_its_node(wish: Wish, observation: Observation) -> None:
    planned = _planned(wish, observation)
    inside = [guest.vmid for job in planned.jobs for guest in job.guests]
    assert sorted(inside) == [one.guest.vmid for one in planned.decisions if one.action == "back_up"]
    for job in planned.jobs:
        assert job.guests
        assert all(guest.node == job.node for guest in job.guests)
    assert len({(job.node, job.storage) for job in planned.jobs}) == len(planned.jobs)
    assert len({job.node for job in planned.jobs}) == len(planned.jobs)


@MANY
@given(WISHES, observations())
def test_nothing_is_started_that_cannot_work(wish: Wish, observation: Observation) -> None:
    for job in _planned(wish, observation).jobs:
        assert observation.cluster.online(job.node)
        assert observation.permissions.may_write(job.storage)
        assert all(observation.permissions.may_back_up(guest.vmid) for guest in job.guests)
        place = next(place for place in observation.places if (place.storage, place.node) == (job.storage, job.node))
        assert place.active
        assert wish.storage in (None, job.storage)


@MANY
@given(WISHES, observations())
def test_who_has_a_good_young_backup_is_left_alone_and_nobody_else(wish: Wish, observation: Observation) -> None:
    for one in _planned(wish, observation).decisions:
        fresh = any(
            backup.vmid == one.guest.vmid
            and backup.guest_type in (None, one.guest.type)
            and backup.good()
            and -3600 <= NOW - backup.ctime <= MAX_AGE
            for backup in observation.backups
        )
        assert (one.action == "keep") is (fresh and wish.max_age is not None)


@MANY
@given(WISHES, observations())
def test_a_backup_in_the_second_of_the_newest_is_known_to_be_one(wish: Wish, observation: Observation) -> None:
    planned = _planned(wish, observation)
    newest = {one.guest.vmid: one.judgement.newest for one in planned.decisions}
    for job in planned.jobs:
        times = [found.ctime for found in (newest[guest.vmid] for guest in job.guests) if found is not None]
        assert job.newest == max(times, default=0)


@MANY
@given(WISHES, observations())
def test_planning_twice_is_planning_the_same(wish: Wish, observation: Observation) -> None:
    assert _planned(wish, observation) == _planned(wish, observation)
