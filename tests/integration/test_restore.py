# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""proxmox_restore: onto a free id and in place of a guest; what is restored is compared by hashes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.modules import warnings_of
from harness.restores import BOTH, CONTAINER, MACHINE, Restores, back_up, restores, restoring_world


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Restores]:
    """Two guests with backups, which have changed since."""
    with restores(restoring_world(tmp_path / "cluster")) as found:
        yield found


def steps(result: dict[str, Any]) -> list[str]:
    return [row["step"] for row in result["steps"]]


@pytest.mark.core_matrix
@pytest.mark.slow
@pytest.mark.parametrize("vmid", BOTH)
def test_a_guest_is_replaced_and_a_safety_backup_kept(site: Restores, vmid: int) -> None:
    told = site.replace(vmid, check=True)
    assert (told["changed"], told["result"], site.writes()) == (True, "would_restore", [])
    assert site.stands(vmid) == "old"
    done = site.replace(vmid)
    assert (done["changed"], done["result"], site.stands(vmid)) == (True, "restored", "backup")
    assert steps(told) == steps(done)
    assert steps(done) == ["protect_source", "prove", "safety_backup", "restore", "check", "release_source"]
    assert {row["result"] for row in done["steps"]} == {"ok"}
    assert set(told) == set(done)
    assert done["restored_from"]["volid"] == site.volids[vmid]
    assert site.protected() == [done["safety_backup"]]
    assert sorted(site.world.cluster.guests) == [101, 102, 103, 300]
    assert site.journals() == []
    # the safety backup is the guest as it was
    back = site.restore(volid=done["safety_backup"], if_exists="replace", keep_safety_backup=False)
    assert (back["result"], site.stands(vmid)) == ("restored", "old")
    assert steps(back)[-1] == "release_safety_backup"
    assert site.protected() == [done["safety_backup"]]


@pytest.mark.slow
@pytest.mark.parametrize("vmid", BOTH)
def test_the_newest_backup_is_never_a_safety_backup(site: Restores, vmid: int) -> None:
    for _time in range(2):
        assert site.restore(vmid=vmid, if_exists="replace")["volid"] == site.volids[vmid]
        assert site.stands(vmid) == "backup"


@pytest.mark.parametrize("vmid", BOTH)
def test_a_guest_that_is_gone_comes_back(site: Restores, vmid: int) -> None:
    del site.world.cluster.guests[vmid]
    done = site.restore(vmid=vmid, start=True)
    assert (done["result"], done["started"], site.stands(vmid)) == ("restored", True, "backup")
    assert (done["node"], steps(done)) == ("pve1", ["restore", "check", "start"])
    assert site.world.cluster.guests[vmid].running
    assert done["msg"].endswith("; it runs.")


@pytest.mark.parametrize("vmid", BOTH)
def test_a_copy_gets_an_id_a_name_and_addresses_of_its_own(site: Restores, vmid: int) -> None:
    kind = "virtio=BC:24:11:02:FC:ED" if vmid == MACHINE else "name=eth0,hwaddr=BC:24:11:02:FC:ED"
    site.world.set_option(vmid, "net0", f"{kind},bridge=vmbr0,tag=9")
    back_up(site, (vmid,))
    done = site.restore(vmid=vmid, target_vmid="auto", network="keep")
    assert (done["result"], done["vmid"]) == ("restored", 100)
    copied = site.world.cluster.guests[100].options["net0"]
    assert "BC:24:11:02:FC:ED" not in str(copied)
    assert "tag=9" in str(copied)
    assert warnings_of(done) == []
    assert site.stands(vmid) == "old"


def test_overrides_and_networks_are_as_wished(site: Restores) -> None:
    for holder in ("backup@pve", "backup@pve!lifeboat"):
        site.world.add_role("Config", ["VM.Config.Memory", "VM.Config.Network", "VM.Config.Options"])
        site.world.add_acl("/vms", "Config", user_or_token=holder, propagate=True)
    for vmid in BOTH:
        kind = "virtio=BC:24:11:02:FC:ED" if vmid == MACHINE else "name=eth0,hwaddr=BC:24:11:02:FC:ED"
        site.world.set_option(vmid, "net0", f"{kind},bridge=vmbr0,tag=9")
    back_up(site, BOTH)
    done = site.restore(
        restores=[{"vmid": CONTAINER, "target_vmid": "901"}, {"vmid": MACHINE, "target_vmid": "902"}],
        overrides={"memory": 256, "onboot": False},
        network="isolated",
        bridge="vmbr9",
        vlan=99,
    )
    assert not done.get("failed"), done["msg"]
    assert warnings_of(done) == []
    for vmid in (901, 902):
        guest = site.world.cluster.guests[vmid]
        assert guest.memory == 256
        network = str(guest.options["net0"])
        assert "bridge=vmbr9" in network
        assert "tag=99" in network
        assert "BC:24:11:02:FC:ED" not in network
    cut = site.restore(vmid=CONTAINER, target_vmid="903", network="disconnected")
    assert "link_down=1" in str(site.world.cluster.guests[903].options["net0"])
    assert cut["result"] == "restored"


def test_skip_changes_nothing_and_fail_says_what_to_do(site: Restores) -> None:
    skipped = site.restore(vmid=CONTAINER, if_exists="skip")
    assert (skipped["changed"], skipped["result"], skipped["msg"]) == (
        False,
        "skipped",
        "101 (web1): left alone, it exists already.",
    )
    failed = site.restore(vmid=CONTAINER)
    assert failed["failed"]
    assert failed["msg"] == (
        "101 (web1): it exists already; set if_exists to replace or skip, or target_vmid to another id or auto. "
        "Nothing was changed."
    )
    assert site.writes() == []


@pytest.mark.parametrize("vmid", BOTH)
def test_a_running_guest_is_shut_down_and_started_again(site: Restores, vmid: int) -> None:
    site.world.set_running(vmid, True)
    done = site.replace(vmid, shutdown=True)
    assert (done["result"], done["started"], site.stands(vmid)) == ("restored", True, "backup")
    order = ["protect_source", "prove", "shut_down", "safety_backup", "restore", "check", "start", "release_source"]
    assert steps(done) == order
    assert site.world.cluster.guests[vmid].running


@pytest.mark.parametrize("vmid", BOTH)
def test_a_guest_of_the_ha_manager_is_ignored_by_it_meanwhile(site: Restores, vmid: int) -> None:
    site.world.set_ha(vmid, "started")
    site.world.set_running(vmid, True)
    site.world.add_role("Console", ["Sys.Audit", "Sys.Console"])
    for holder in ("backup@pve", "backup@pve!lifeboat"):
        site.world.add_acl("/", "Console", user_or_token=holder, propagate=False)
    done = site.replace(vmid, shutdown=True, ha="disable_during")
    assert (done["result"], done["started"]) == ("restored", True)
    assert [one for one in steps(done) if one.endswith("_ha")] == ["disable_ha", "enable_ha"]
    [resource] = site.world.cluster.resources.values()
    assert resource.state == "started"
    assert site.world.cluster.guests[vmid].running


def test_before_chooses_and_says_when_there_is_none(site: Restores) -> None:
    first = site.world.backups("vault", "pve1").all()[0].ctime
    none = site.restore(vmid=CONTAINER, before=str(first - 3600), target_vmid="auto")
    assert "is from before" in none["msg"]
    assert none["msg"].endswith("Nothing was changed.")
    naive = site.restore(vmid=CONTAINER, before="2026-11-20T03:00:00")
    assert naive["msg"].startswith("before: '2026-11-20T03:00:00' is no moment; write it with its zone")


def test_a_restore_that_is_not_waited_for(site: Restores) -> None:
    site.faults.restore_hangs(900)
    begun = site.restore(vmid=CONTAINER, target_vmid="900", wait=False)
    assert (begun["changed"], begun["result"]) == (True, "running")
    assert begun["upid"] in begun["msg"]
    assert site.journals() == []
    site.faults.release(900)
    site.idle()
    assert 900 in site.world.cluster.guests


@pytest.mark.slow
def test_several_with_one_summary_and_one_failure(site: Restores) -> None:
    back_up(site, (102,))
    site.world.truncate_archive(site.volids[CONTAINER])
    done = site.restore(vmids=[101, 102, 103, 300], if_exists="replace")
    assert done["failed"]
    by_id = {row["vmid"]: row["result"] for row in done["restores"]}
    assert by_id == {101: "failed", 102: "restored", 103: "failed", 300: "restored"}
    assert (done["summary"]["selected"], done["summary"]["restored"], done["summary"]["failed"]) == (4, 2, 2)
    assert done["msg"].startswith("4 guests: 2 restored, 2 failed. 101 (web1): ")
    assert "103 (mail): no backup of it is shown. Nothing was changed." in done["msg"]
    assert {vmid: site.stands(vmid) for vmid in (101, 102, 300)} == {101: "old", 102: "backup", 300: "backup"}


@pytest.mark.slow
@pytest.mark.parametrize("version", ["8.4", "9.2"])
def test_both_versions(tmp_path: Path, version: str) -> None:
    with restores(restoring_world(tmp_path / "cluster", version)) as site:
        for vmid in BOTH:
            assert site.replace(vmid)["result"] == "restored"
            assert site.stands(vmid) == "backup"


@pytest.mark.slow
def test_a_setting_that_proxmox_refuses_is_known_before_the_guest_is_touched(site: Restores) -> None:
    site.world.add_role("Config", ["VM.Config.Memory", "VM.Config.Options"])
    for holder in ("backup@pve", "backup@pve!lifeboat"):
        site.world.add_acl("/vms", "Config", user_or_token=holder, propagate=True)
    site.world.set_running(CONTAINER, True)
    done = site.replace(CONTAINER, shutdown=True, overrides={"memory": 256, "nonsense": 1})
    assert (done["result"], site.stands(CONTAINER)) == ("failed", "old")
    assert "nonsense: property is not defined in schema" in done["msg"]
    assert [one for one in site.writes() if "/status/" in one or "vzdump" in one.split()[1].split("/")] == []
    good = site.replace(CONTAINER, shutdown=True, overrides={"memory": 256})
    assert (good["result"], site.world.cluster.guests[CONTAINER].memory) == ("restored", 256)


def test_secrets_are_neither_taken_nor_shown(site: Restores) -> None:
    told = site.restore(vmid=MACHINE, target_vmid="auto", overrides={"cipassword": "hunter2"})
    assert told["msg"] == (
        "overrides: cipassword is a secret that would be shown; set it after the restore. Nothing was changed."
    )
    site.world.set_option(MACHINE, "cipassword", "$5$salt$hash")
    back_up(site, (MACHINE,))
    shown = site.restore(vmid=MACHINE, target_vmid="auto", check=True)
    assert "cipassword: **********" in shown["diff"]["after"]
    assert "$5$" not in shown["_printed"]
