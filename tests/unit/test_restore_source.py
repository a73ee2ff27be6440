# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which backup is restored: the newest good one of a guest, or the one that was named; and why there is none."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.source import (
    SAFETY_MARK,
    Chosen,
    choose,
    is_safety_backup,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.wish import RestoreWish
from unit.builders import DAY, DB1, FLEET, HOUR, NOW, WEB1, a_backup, a_place, an_observation, granted
from unit.restore_builders import a_wish
from unit.strategies import STORAGES, VMIDS, observations

OLD, NEW = a_backup(101, 2 * DAY), a_backup(101, HOUR)
SAFETY = a_backup(101, 60, notes=f"web1: {SAFETY_MARK} 20261120T120000Z-abcdef12", protected=True)


def named(volid: str, **more: Any) -> RestoreWish:
    return a_wish(vmid=None, volid=volid, **more)


def refusal(wish: RestoreWish, seen: Observation) -> str:
    with pytest.raises(InputError) as caught:
        choose(wish, seen)
    return caught.value.message


# ----- of a guest


def test_the_newest_of_a_guests_backups_is_chosen() -> None:
    seen = an_observation(FLEET, [OLD, NEW, a_backup(102, 60)])
    assert choose(a_wish(), seen) == Chosen(NEW)
    assert choose(a_wish(vmid=None, name="web1"), seen) == Chosen(NEW)


def test_or_the_newest_from_before_a_moment() -> None:
    seen = an_observation(FLEET, [OLD, NEW])
    assert choose(a_wish(before=float(NOW - DAY)), seen).backup == OLD
    assert choose(a_wish(before=float(OLD.ctime)), seen).backup == OLD
    assert refusal(a_wish(before=float(OLD.ctime - 1)), seen) == (
        f"101 (web1): none of its 2 backups is from before {OLD.ctime - 1} (epoch seconds). Nothing was changed."
    )


def test_a_guest_that_is_gone_is_known_by_its_id() -> None:
    seen = an_observation([DB1], [OLD, NEW])
    assert choose(a_wish(), seen).backup == NEW
    assert refusal(a_wish(vmid=102), seen) == "102: no backup of it is shown. Nothing was changed."


def test_what_does_not_count_is_passed_over() -> None:
    empty = a_backup(101, 60, size=0)
    damaged = a_backup(101, 120, verified=False)
    unfinished = a_backup(101, 180, finished=False)
    ahead = a_backup(101, -2 * HOUR)
    seen = an_observation(FLEET, [empty, damaged, unfinished, ahead, NEW])
    assert choose(a_wish(), seen).backup == NEW
    assert refusal(a_wish(), an_observation(FLEET, [damaged, empty])) == (
        "101 (web1): none of its 2 backups is good; the newest is empty. Nothing was changed."
    )
    assert refusal(a_wish(), an_observation(FLEET, [ahead])) == (
        "101 (web1): its only backup is dated in the future. Nothing was changed."
    )


def test_a_clock_may_run_ahead_by_an_hour() -> None:
    assert choose(a_wish(), an_observation(FLEET, [a_backup(101, -HOUR), NEW])).backup.ctime == NOW + HOUR
    assert choose(a_wish(), an_observation(FLEET, [a_backup(101, -HOUR - 1), NEW])).backup == NEW


def test_only_verified_ones_where_that_is_wished_for() -> None:
    checked = a_backup(101, DAY, verified=True)
    seen = an_observation(FLEET, [NEW, checked])
    assert choose(a_wish(verified_only=True), seen).backup == checked
    assert refusal(a_wish(verified_only=True), an_observation(FLEET, [NEW])) == (
        "101 (web1): its only backup has not been verified. Nothing was changed."
    )


def test_a_former_guest_of_the_other_type_is_another_guest() -> None:
    other = a_backup(101, 60, guest_type="qemu")
    assert choose(a_wish(), an_observation(FLEET, [other, NEW])).backup == NEW
    assert refusal(a_wish(), an_observation(FLEET, [other])) == (
        "101 (web1): no backup of it is shown. Nothing was changed."
    )


def test_only_storages_that_were_named_are_looked_at() -> None:
    attic = a_backup(101, DAY, storage="attic")
    seen = an_observation([WEB1], [NEW, attic], places=[a_place(), a_place("attic")])
    assert choose(a_wish(storages=("attic",)), seen).backup == attic
    assert choose(a_wish(storages=("attic", "vault")), seen).backup == NEW
    assert refusal(
        a_wish(storages=("attic",)), an_observation([WEB1], [NEW], places=[a_place(), a_place("attic")])
    ) == ("101 (web1): no backup of it is shown on attic. Nothing was changed.")


def test_where_one_must_be_meant_several_are_named() -> None:
    seen = an_observation(FLEET, [OLD, NEW, a_backup(101, 60, size=0)])
    assert refusal(a_wish(newest=False), seen) == (
        f"101 (web1): 2 backups may be meant ({NEW.volid}, {OLD.volid}); name one by volid, or set newest. "
        "Nothing was changed."
    )
    assert choose(a_wish(newest=False, before=float(OLD.ctime)), seen).backup == OLD


def test_a_safety_backup_is_nobodys_newest() -> None:
    assert is_safety_backup(SAFETY)
    assert not is_safety_backup(NEW)
    assert choose(a_wish(), an_observation(FLEET, [SAFETY, NEW])).backup == NEW
    assert refusal(a_wish(), an_observation(FLEET, [SAFETY])) == (
        f"101 (web1): its only backups are those made when it was replaced; name one by volid: {SAFETY.volid}. "
        "Nothing was changed."
    )
    assert choose(named(SAFETY.volid), an_observation(FLEET, [SAFETY, NEW])).backup == SAFETY


def test_a_name_that_no_guest_has_is_told() -> None:
    assert refusal(a_wish(vmid=None, name="web9"), an_observation(FLEET, [NEW])) == (
        "names: no guest that this token may see (VM.Audit) is named web9; names are exact."
    )


# ----- what can't be seen


def test_where_a_newer_one_may_lie_unseen_that_is_a_doubt() -> None:
    places = [a_place(), a_place("local")]
    seen = an_observation([WEB1], [NEW], places=places, errors={"local": "Storage local is not online."})
    found = choose(a_wish(), seen)
    assert (found.backup, found.doubt) == (NEW, "not everything can be seen: Storage local is not online")
    assert choose(a_wish(storages=("vault",)), seen) == Chosen(NEW)


def test_without_any_backup_the_doubt_is_told() -> None:
    seen = an_observation([WEB1], [], places=[a_place("local")], errors={"local": "Storage local is not online."})
    assert refusal(a_wish(), seen) == (
        "101 (web1): no backup of it is shown, but not everything can be seen: Storage local is not online. "
        "Nothing was changed."
    )


def test_a_node_that_is_away_is_a_doubt_about_its_own_guests() -> None:
    seen = an_observation(FLEET, [NEW, a_backup(300, guest_type="qemu")], nodes={"pve1": True, "pve2": False})
    assert choose(a_wish(), seen) == Chosen(NEW)
    assert choose(a_wish(vmid=300), seen).doubt == (
        "not everything can be seen: Node pve2 is offline, so its local storages cannot be read"
    )


def test_storages_that_may_be_hidden_altogether_are_a_warning_only() -> None:
    narrow = Permissions(
        {**granted(["VM.Audit", "VM.Backup"], "/vms"), "/storage/vault": {"Datastore.AllocateSpace": True}}
    )
    found = choose(a_wish(), an_observation([WEB1], [NEW], permissions=narrow))
    assert found == Chosen(
        NEW, "", "Proxmox shows only storages on which the token has a privilege (vault); there may be others."
    )


# ----- by its name


def test_a_backup_is_named_by_its_volid() -> None:
    assert choose(named(OLD.volid), an_observation(FLEET, [OLD, NEW])) == Chosen(OLD)
    assert choose(named(OLD.volid, target_node="pve2"), an_observation(FLEET, [OLD, NEW])) == Chosen(OLD)


def test_a_name_is_taken_by_its_word_also_where_the_clock_is_wrong() -> None:
    ahead = a_backup(101, -2 * HOUR)
    assert choose(named(ahead.volid), an_observation(FLEET, [ahead])).backup == ahead


@pytest.mark.parametrize(
    ("flaw", "why"),
    [
        ({"size": 0}, "is empty"),
        ({"verified": False}, "failed its verification"),
        ({"finished": False}, "is not finished"),
    ],
)
def test_one_that_is_not_good_can_not_be_restored(flaw: dict[str, Any], why: str) -> None:
    bad = a_backup(101, **flaw)
    assert refusal(named(bad.volid), an_observation(FLEET, [bad])) == (
        f"{bad.volid}: it {why}, so it can't be restored. Nothing was changed."
    )


def test_one_that_must_be_verified_is() -> None:
    assert refusal(named(NEW.volid, verified_only=True), an_observation(FLEET, [NEW])) == (
        f"{NEW.volid}: it has not been verified, so it can't be restored. Nothing was changed."
    )


def test_one_that_is_not_listed_is_told_with_what_may_be_missing() -> None:
    assert refusal(named(OLD.volid), an_observation(FLEET, [NEW])) == (
        f"{OLD.volid}: storage vault does not list it: it is gone, is still being written, or VM.Backup on its guest "
        "or Datastore.AllocateSpace on /storage/vault is missing. Nothing was changed."
    )
    assert refusal(named("attic:backup/x.tar.zst"), an_observation(FLEET, [NEW])) == (
        "attic:backup/x.tar.zst: no online node shows a backup storage named attic to this token: it does not exist, "
        "or Datastore.AllocateSpace on /storage/attic is missing. Nothing was changed."
    )
    broken = an_observation(FLEET, [NEW], errors={"vault": "Storage vault is not online."})
    assert refusal(named(NEW.volid), broken) == (
        f"{NEW.volid}: storage vault cannot be looked at: Storage vault is not online. Nothing was changed."
    )


def test_local_storages_may_have_the_same_name_twice() -> None:
    here, there = a_backup(101, storage="local"), a_backup(101, storage="local", node="pve2", size=5)
    seen = an_observation(FLEET, [here, there], places=[a_place("local"), a_place("local", "pve2")])
    assert refusal(named(here.volid), seen) == (
        f"{here.volid}: there is one of this name on pve1, pve2; say which by target_node. Nothing was changed."
    )
    assert choose(named(here.volid, target_node="pve2"), seen).backup == there
    assert refusal(named(here.volid, target_node="pve3"), seen).startswith(f"{here.volid}: storage local does not list")


# ----- what holds for every cluster

WISHES = st.builds(
    a_wish,
    vmid=st.sampled_from((*VMIDS, 900)),
    newest=st.booleans(),
    before=st.sampled_from([None, float(NOW), float(NOW - DAY)]),
    verified_only=st.booleans(),
    storages=st.one_of(st.none(), st.lists(st.sampled_from(STORAGES), min_size=1, unique=True).map(tuple)),
)


@settings(max_examples=100)
@given(WISHES, observations())
def test_what_is_chosen_is_the_guests_own_good_newest_and_as_wished(wish: RestoreWish, seen: Observation) -> None:
    def fits(volid: str) -> bool:
        (one, *_others) = [backup for backup in seen.backups if backup.volid == volid]
        guest = seen.cluster.guests.get(wish.vmid or 0)
        return (
            one.vmid == wish.vmid
            and (guest is None or one.guest_type in (None, guest.type))
            and one.good(wish.verified_only)
            and one.ctime <= NOW + HOUR
            and (wish.before is None or one.ctime <= wish.before)
            and (wish.storages is None or one.storage in wish.storages)
        )

    meant = [backup for backup in seen.backups if fits(backup.volid)]
    try:
        found = choose(wish, seen)
    except InputError as failure:
        assert failure.message.endswith(" Nothing was changed.")  # noqa: PT017
        assert re.match(rf"{wish.vmid}( \(guest{wish.vmid}\))?: ", failure.message)  # noqa: PT017
        assert not meant or (len(meant) > 1 and not wish.newest)
    else:
        assert found.backup == meant[0]
        assert found.backup.ctime == max(backup.ctime for backup in meant)
        assert wish.newest or len(meant) == 1
