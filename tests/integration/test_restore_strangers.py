# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What others do while a restore is under way, or has died: theirs is left alone, and nothing is claimed unseen."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.modules import warnings_of
from harness.process import ModuleProcess
from harness.restores import BOTH, CONTAINER, MACHINE, Restores, back_up, restores, restoring_world
from harness.ticking import Leaping
from pve_simulator import Mount


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Restores]:
    """Two guests with backups, which have changed since."""
    with restores(restoring_world(tmp_path / "cluster")) as found:
        yield found


def die(site: Restores, tmp_path: Path, entry: int, vmid: int = CONTAINER, **options: Any) -> None:
    """A replacement that is killed after so many entries of its journal."""
    wanted = {"volid": site.volids[vmid], "if_exists": "replace", **options}
    assert ModuleProcess("proxmox_restore", site.options(**wanted), tmp_path, entry).ended() == -9


def later(site: Restores, seconds: float) -> None:
    clock = site.world.clock
    assert isinstance(clock, Leaping)
    clock.ahead += seconds


def age(site: Restores, seconds: float) -> None:
    """As if the run had died so long ago."""
    [journal] = site.journals()
    entries = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    older = [{**entry, **{key: entry[key] - seconds for key in ("at", "asked") if key in entry}} for entry in entries]
    journal.write_text("".join(json.dumps(entry) + "\n" for entry in older), encoding="utf-8")


@pytest.mark.slow
def test_a_later_copy_on_the_id_of_a_scratch_copy_is_not_taken_for_it(site: Restores, tmp_path: Path) -> None:
    die(site, tmp_path, 4)  # proving is noted, and never asked for
    age(site, 600)
    copy = site.restore(volid=site.volids[CONTAINER], target_vmid="auto")
    assert copy["vmid"] == 100
    before = site.world.content_hash(100)
    done = site.replace(CONTAINER)
    assert (done["result"], site.stands(CONTAINER)) == ("restored", "backup")
    assert site.world.content_hash(100) == before


@pytest.mark.slow
def test_a_regular_backup_is_not_taken_for_the_safety_backup(site: Restores, tmp_path: Path) -> None:
    die(site, tmp_path, 4, prove="listed")  # run, plan, protecting, saving
    later(site, 20)
    made = site.lab.backup(vmids=[CONTAINER], storage="vault", protected=True)
    [row] = made["guests"]
    done = site.replace(CONTAINER)
    assert done["result"] == "restored"
    assert row["volid"] in site.protected()


def test_a_name_means_no_guest_while_another_may_have_it(site: Restores) -> None:
    site.world.status_round = (10.0, 0.0)
    site.world.remove_guest(CONTAINER)
    site.world.add_container(900, "web1", node="pve1", files={"a": b"a"}, unprivileged=True)
    site.world.add_archive(900, "vault", age=60)
    assert site.restore(volid=site.volids[CONTAINER])["result"] == "restored"
    told = site.restore(name="web1", if_exists="replace")
    assert told["msg"].startswith("names: several guests are named web1 (101, 900)")
    assert site.writes() == []


@pytest.mark.slow
@pytest.mark.parametrize("vmid", BOTH)
def test_a_shutdown_that_takes_longer_than_the_run_is_waited_for(site: Restores, vmid: int) -> None:
    site.world.set_running(vmid, True)
    site.faults.shutdown_hangs(vmid)
    timer = threading.Timer(3.0, lambda: site.faults.release(vmid))
    timer.start()
    done = site.replace(vmid, prove="listed", shutdown=True, shutdown_timeout="20s", timeout="1s")
    timer.join()
    site.idle()
    assert (done["result"], done["started"]) == ("failed", True)
    assert "the old guest stands as it was" in done["msg"]
    assert site.world.cluster.guests[vmid].running


@pytest.mark.parametrize("vmid", BOTH)
def test_what_could_not_be_put_back_is_put_back_by_the_next_run(site: Restores, vmid: int) -> None:
    site.world.set_running(vmid, True)
    site.faults.guest_fails(vmid, "disk on fire")
    site.faults.http("POST", r"/status/start$", 500, "no quorum", times=1)
    done = site.replace(vmid, shutdown=True)
    assert (done["result"], done["started"]) == ("failed", False)
    assert "run this task again, which starts it" in done["msg"]
    assert len(site.journals()) == 1
    site.faults.guest(vmid).failure = None
    again = site.replace(vmid, shutdown=True)
    assert (again["result"], site.stands(vmid), site.journals()) == ("restored", "backup", [])
    assert site.world.cluster.guests[vmid].running


@pytest.mark.parametrize("vmid", BOTH)
def test_a_guest_that_somebody_destroys_is_not_said_to_stand(site: Restores, vmid: int) -> None:
    def destroy() -> None:
        site.world.tasks.wait_idle(5)
        site.world.remove_guest(vmid)

    site.faults.after("POST", r"/vzdump$", destroy)
    done = site.replace(vmid, prove="listed")
    assert done["result"] == "failed"
    assert f"guest {vmid} is not on node pve1 any more; the safety backup of the guest as it was is" in done["msg"]
    assert done["safety_backup"] in site.protected()


def test_a_protection_by_somebody_else_stays(site: Restores) -> None:
    path = rf"/content/.*{site.volids[CONTAINER].rpartition('/')[2]}$"
    made = site.world.backups("vault", "pve1").find(site.volids[CONTAINER].partition("backup/")[2])
    assert made is not None
    site.faults.before("GET", path, lambda: made.path.with_name(made.path.name + ".protected").touch())
    done = site.replace(CONTAINER)
    assert done["result"] == "restored"
    assert site.volids[CONTAINER] in site.protected()
    assert "release_source" not in [row["step"] for row in done["steps"]]


@pytest.mark.slow
def test_an_end_that_nobody_told_long_ago_is_not_what_a_new_task_asks_for(site: Restores, tmp_path: Path) -> None:
    die(site, tmp_path, 8, prove="listed")  # the restore's task is noted
    site.idle()
    assert site.stands(CONTAINER) == "backup"
    site.world.break_guest(CONTAINER)
    age(site, 7200)
    done = site.restore(vmid=CONTAINER, if_exists="replace", safety_backup=False)
    assert (done["result"], done["recovered"], site.stands(CONTAINER)) == ("restored", False, "backup")
    assert site.journals() == []


def test_ids_of_other_entries_are_no_scratch_ids(site: Restores) -> None:
    site.world.remove_guest(102)
    back_up(site, (CONTAINER,))
    done = site.restore(
        restores=[
            {"volid": site.volids[CONTAINER], "if_exists": "replace"},
            {"volid": site.volids[CONTAINER], "target_vmid": "100"},
        ],
        max_parallel=1,
    )
    assert [row["result"] for row in done["restores"]] == ["restored", "restored"], done["msg"]


def test_several_restores_share_the_room(site: Restores) -> None:
    site.world.add_storage("thick", type="lvm", content=["rootdir", "images"])
    size = site.world.cluster.guests[CONTAINER].volumes[0].size
    site.world.set_capacity("thick", 2 * size + 1)
    entries = [{"volid": site.volids[CONTAINER], "target_vmid": str(900 + at)} for at in range(3)]
    told = site.restore(restores=entries, target_storage="thick", check=True)
    assert sorted(row["result"] for row in told["restores"]) == ["failed", "would_restore", "would_restore"]
    done = site.restore(restores=entries, target_storage="thick")
    assert sorted(row["result"] for row in done["restores"]) == ["failed", "restored", "restored"]


HARDWARE = [
    (MACHINE, "hostpci0", "0000:01:00.0", "it uses devices of the node"),
    (MACHINE, "usb0", "host=1234:5678", "usb0 (1234:5678)"),
    (MACHINE, "hostpci0", "mapping=gpu", "Mapping.Use on /mapping/pci/gpu (for a mapped device)"),
]


@pytest.mark.parametrize(("vmid", "key", "value", "wanted"), HARDWARE)
def test_hardware_that_a_rollback_could_not_bring_back(
    site: Restores, vmid: int, key: str, value: str, wanted: str
) -> None:
    site.world.set_option(vmid, key, value)
    told = site.replace(vmid)
    assert told["failed"]
    assert wanted in told["msg"]
    assert site.writes() == []


def test_volumes_without_a_size_and_other_words_for_no_backup(tmp_path: Path) -> None:
    world = restoring_world(tmp_path / "cluster")
    world.add_container(
        110, "a", node="pve1", files={"x": b"x"}, mounts=[Mount("mp0", "/srv/skip", backup=False)], unprivileged=True
    )
    with restores(world, (110,)) as site:
        answer = site.lab.sim.faults
        text = b'{"data":"arch: amd64\\nhostname: a\\nrootfs: local:110/vm-110-disk-0.raw\\nunprivileged: 1\\n"}'
        answer.body("GET", r"/vzdump/extractconfig$", text)
        told = site.restore(volid=site.volids[110], target_vmid="900")
        assert "the archive tells no size of rootfs, so that Proxmox can't make it again" in told["msg"]
        assert site.writes() == []


def test_answers_that_are_none_are_no_empty_lists(site: Restores) -> None:
    site.world.add_snapshot(CONTAINER, "before-upgrade")
    site.faults.body("GET", r"/snapshot$", b'{"data":null}')
    told = site.replace(CONTAINER)
    assert "The list of snapshots of guest 101 is not one" in told["msg"]
    assert site.writes() == []
    assert warnings_of(told) == []
