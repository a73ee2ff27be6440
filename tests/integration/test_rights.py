# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roles of docs/rights.md: each is enough for its use, and none of its privileges can be left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.lab import TOKEN, Lab, build_world, lab
from harness.modules import warnings_of
from pve_simulator.client import Client

PAGE = Path(__file__).parents[2] / "docs" / "rights.md"
ROLES = {
    name: privileges.split()
    for name, privileges in re.findall(r'^pveum role add (\S+) --privs "([^"]+)"$', PAGE.read_text(), re.MULTILINE)
}
GRANT = re.compile(r"^pveum acl modify (\S+) --roles (\S+) --users \S+ --tokens \S+( --propagate 0)?$", re.MULTILINE)
GRANTS = GRANT.findall(PAGE.read_text())
DAY = 24 * 3600


@contextmanager
def granted(tmp_path: Path, roles: Sequence[str], *, without: str = "") -> Iterator[Lab]:
    """A cluster with the page's grants of these roles, less one privilege."""
    world = build_world(tmp_path / "cluster")
    for role in roles:
        world.add_role(role, [privilege for privilege in ROLES[role] if privilege != without])
        for path in [path for path, granted_role, _flag in GRANTS if granted_role == role]:
            propagate = not any(found == path and flag for found, given, flag in GRANTS if given == role)
            for holder in ("backup@pve", TOKEN):
                world.add_acl(path, role, user_or_token=holder, propagate=propagate)
    with lab(world, grant=False) as cluster:
        for age in (1, 2, 3):
            world.add_archive(101, "vault", age=age * DAY)
        yield cluster


def back_up(cluster: Lab) -> bool:
    result = cluster.backup(names=["web1"], storage="vault", max_age="1h", notes="x", protected=True)
    return not result.get("failed") and result["changed"]


def look(cluster: Lab) -> bool:
    result = cluster.info(names=["web1"], storages=["vault"])
    return not result.get("failed") and len(result["backups"]) == 3 and not result["unreadable"]


def prune(cluster: Lab) -> bool:
    result = cluster.backup(state="pruned", names=["web1"], storage="vault", keep={"keep_last": 1})
    return not result.get("failed") and len(result["removed"]) == 2


def remove(cluster: Lab) -> bool:
    result = cluster.backup(state="absent", names=["web1"], storage="vault", older_than="1h")
    return not result.get("failed") and len(result["removed"]) == 3


USES = [back_up, look, prune, remove]


def test_the_page_has_the_roles_and_grants_each() -> None:
    assert list(ROLES) == ["LifeboatBackup", "LifeboatSee", "LifeboatSpeed", "LifeboatPower"]
    assert [(path, role, bool(flag)) for path, role, flag in GRANTS] == [
        ("/vms", "LifeboatBackup", False),
        ("/storage/vault", "LifeboatBackup", False),
        ("/nodes", "LifeboatSee", False),
        ("/", "LifeboatSpeed", True),
        ("/vms", "LifeboatPower", False),
    ]


@pytest.mark.parametrize("use", USES, ids=[use.__name__ for use in USES])
def test_the_role_is_enough(tmp_path: Path, use: Callable[[Lab], bool]) -> None:
    with granted(tmp_path, ["LifeboatBackup"]) as cluster:
        assert use(cluster)


@pytest.mark.parametrize("use", USES, ids=[use.__name__ for use in USES])
@pytest.mark.parametrize("privilege", ROLES["LifeboatBackup"])
def test_nothing_of_it_can_be_left_out(tmp_path: Path, privilege: str, use: Callable[[Lab], bool]) -> None:
    with granted(tmp_path, ["LifeboatBackup"], without=privilege) as cluster:
        assert not use(cluster)


def test_seeing_what_others_do(tmp_path: Path) -> None:
    for roles, expected in ((["LifeboatBackup"], "not_started"), (["LifeboatBackup", "LifeboatSee"], "timed_out")):
        with granted(tmp_path / roles[-1], roles) as cluster:
            root = cluster.world.add_token("root@pam", "all", privsep=False)
            start_as_root(cluster, root)
            [row] = cluster.backup(vmids=[101], storage="vault", timeout="2s")["guests"]
            assert row["result"] == expected, row
            cluster.sim.faults.release(101)


def start_as_root(cluster: Lab, secret: str) -> None:
    cluster.sim.faults.guest_hangs(101)
    with Client(cluster.sim, "root@pam!all", secret) as client:
        upid = client.backup("pve1", vmid=101, storage="vault")
        client.until_logged(upid, "Starting Backup of VM 101")


@pytest.mark.parametrize("options", [{"bwlimit": 1000}, {"ionice": 8}, {"performance": {"max_workers": 2}}], ids=str)
def test_limiting_the_speed(tmp_path: Path, options: dict[str, Any]) -> None:
    with granted(tmp_path / "without", ["LifeboatBackup"]) as cluster:
        result = cluster.backup(vmids=[101], storage="vault", **options)
        assert result["msg"].endswith("grant it or leave the option out. Nothing was started.")
    with granted(tmp_path / "with", ["LifeboatBackup", "LifeboatSpeed"]) as cluster:
        result = cluster.backup(vmids=[101], storage="vault", **options)
        assert not result.get("failed"), result["msg"]


@pytest.mark.parametrize("without", ["", *ROLES["LifeboatPower"]])
def test_starting_a_guest(tmp_path: Path, without: str) -> None:
    with granted(tmp_path, ["LifeboatPower"], without=without) as cluster:
        result = cluster.guest_state(name="web1", state="started")
        assert (result.get("failed"), result.get("changed")) == ((None, True) if not without else (True, None))


def test_days_on_a_backup_server_need_the_nodes_time_zone(tmp_path: Path) -> None:
    """23:30 in UTC is the next day in Berlin: which backups share a day depends on the zone."""
    found = {}
    for roles in (["LifeboatBackup"], ["LifeboatBackup", "LifeboatSee"]):
        world = build_world(tmp_path / roles[-1])
        world.add_storage("server", type="pbs", content=["backup"], shared=True)
        for role in roles:
            world.add_role(role, ROLES[role])
            for path in ("/vms", "/storage", "/nodes"):
                for holder in ("backup@pve", TOKEN):
                    world.add_acl(path, role, user_or_token=holder, propagate=True)
        with lab(world, grant=False) as cluster:
            world.add_archive(101, "server", age=DAY)
            result = cluster.backup(state="pruned", vmids=[101], storage="server", keep={"keep_daily": 1}, check=True)
            found[roles[-1]] = warnings_of(result)
    assert found["LifeboatSee"] == []
    [warning] = found["LifeboatBackup"]
    assert warning == (
        "The time zone of node pve1 is not known, so the days, weeks and months of backups on a backup server were "
        "counted in UTC; grant Sys.Audit on /nodes/pve1, and have time zone data where the module runs."
    )
