# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""proxmox_backup when all goes well: what is made, what is left alone, what is sent."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

import pytest
import zstandard

from harness.lab import Lab, build_world, lab

ALL = [101, 102, 103, 104, 105, 300, 301]


@pytest.mark.core_matrix
def test_backs_up_every_guest_and_the_second_run_changes_nothing(cluster: Lab) -> None:
    first = cluster.backup(all_guests=True, max_age="24h", compress="zstd")
    assert first["changed"] is True
    assert [row["vmid"] for row in first["guests"]] == ALL
    assert {row["result"] for row in first["guests"]} == {"backed_up"}
    assert re.fullmatch(r"7 guests: 7 backed up \([\d.]+ [KM]iB\)\.", first["msg"])
    for row in first["guests"]:
        assert cluster.world.archive_path(row["volid"], row["node"]).stat().st_size == row["size"] > 0

    second = cluster.backup(all_guests=True, max_age="24h", compress="zstd")
    assert second["changed"] is False
    assert {row["result"] for row in second["guests"]} == {"fresh"}
    assert second["msg"] == "7 guests: 7 fresh."
    assert second["tasks"] == []
    assert len(cluster.sent("POST", "/vzdump")) == 3, "one job a node, all by the first run"


def test_archive_holds_the_guests_files(cluster: Lab) -> None:
    row = cluster.backup(vmids=[101], storage="vault", compress="zstd")["guests"][0]
    raw = cluster.world.archive_path(row["volid"], "pve1").read_bytes()
    with tarfile.open(fileobj=io.BytesIO(zstandard.ZstdDecompressor().stream_reader(raw).read())) as archive:
        names = {member.name for member in archive.getmembers()}
        motd = archive.extractfile("./etc/motd")
        assert motd is not None
        assert hashlib.sha256(motd.read()).hexdigest() == hashlib.sha256(b"web1\n").hexdigest()
    assert "./etc/vzdump/pct.conf" in names


def test_requests_do_not_grow_with_guests(cluster: Lab) -> None:
    result = cluster.backup(all_guests=True, max_age="24h")
    paths = [(one.method, one.path.removeprefix("/api2/json")) for one in cluster.sim.requests]
    assert paths.count(("GET", "/cluster/resources")) == 1
    assert paths.count(("GET", "/access/permissions")) == 1
    assert len([path for method, path in paths if method == "POST"]) == 3
    listings = [path for method, path in paths if path.endswith("/content")]
    assert len([path for path in listings if "/vault/" in path]) == 2, "once before, once for the evidence"
    assert len([path for path in listings if "/local/" in path]) == 3, "once a node, because it is local"
    assert result["api_requests"] == len(paths)


def test_a_round_of_polling_is_at_most_one_request_a_task(cluster: Lab) -> None:
    cluster.sim.faults.guest_pace(101, 1.5)
    result = cluster.backup(vmids=[101, 104])
    slow = next(task["upid"] for task in result["tasks"] if task["node"] == "pve1")
    looks = [one for one in cluster.sim.requests if slow in one.path and one.path.endswith("/status")]
    assert 2 <= len(looks) <= 12, "0.05 s, growing by a third: at most eleven looks in 1.5 s and one after"


def test_check_mode_says_the_same_and_writes_nothing(cluster: Lab) -> None:
    wish: dict[str, Any] = {"tags": ["prod"], "max_age": "24h"}
    planned = cluster.backup(check=True, diff=True, **wish)
    assert cluster.sent("POST", "/vzdump") == []
    assert planned["changed"] is True
    assert {row["result"] for row in planned["guests"]} == {"would_back_up"}
    assert planned["diff"]["before"].splitlines()[0] == "101 (web1): no good backup is seen"
    assert planned["diff"]["after"].splitlines()[0] == "101 (web1): a new backup on vault (no backup is there)"
    real = cluster.backup(diff=True, **wish)
    assert set(planned) == set(real)
    assert set(planned["guests"][0]) == set(real["guests"][0])
    assert planned["summary"].keys() == real["summary"].keys()


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({}, {}),
        ({"protected": True}, {"protected": "1"}),
        ({"protected": False}, {"protected": "0"}),
        ({"storage_retention": True}, {}),
        ({"storage_retention": False}, {"remove": "0"}),
        ({"compress": "none"}, {"compress": "0"}),
        ({"compress": "lzo", "mode": "suspend"}, {"compress": "lzo", "mode": "suspend"}),
        ({"zstd_threads": 0}, {"zstd": "0"}),
        ({"lock_wait": "90s", "stop_wait": "1h"}, {"lockwait": "2", "stopwait": "60"}),
        ({"notes": "{{guestname}}\nback\\slash"}, {"notes-template": "{{guestname}}\\nback\\\\slash"}),
        ({"fleecing": {"enabled": True, "storage": "local"}}, {"fleecing": "enabled=1,storage=local"}),
        ({"notification_mode": "auto"}, {"notification-mode": "auto"}),
    ],
    ids=str,
)
def test_only_what_the_user_set_is_sent(cluster: Lab, options: dict[str, Any], sent: dict[str, str]) -> None:
    result = cluster.backup(vmids=[101], storage="vault", **options)
    assert result["guests"][0]["result"] == "backed_up"
    body = _body(cluster)
    assert body == {"vmid": ["101"], "storage": ["vault"], **{key: [value] for key, value in sent.items()}}


def test_lists_go_as_lists_and_privileged_options_as_root(cluster: Lab) -> None:
    cluster.world.add_acl("/", "Administrator", user_or_token="backup@pve", propagate=True)
    cluster.world.add_acl("/", "Administrator", user_or_token="backup@pve!lifeboat", propagate=True)
    cluster.backup(
        vmids=[101],
        storage="vault",
        bwlimit=0,
        ionice=8,
        performance={"max_workers": 4, "pbs_entries_max": 1000},
        exclude_paths=["/srv/a b", "*.tmp"],
    )
    body = _body(cluster)
    assert body["exclude-path"] == ["/srv/a b", "*.tmp"]
    assert body["bwlimit"] == ["0"]
    assert body["performance"] == ["max-workers=4,pbs-entries-max=1000"]


def test_notes_are_kept_with_their_lines(cluster: Lab) -> None:
    row = cluster.backup(vmids=[101], storage="vault", notes="{{guestname}} on {{node}}\nC:\\temp")["guests"][0]
    listed = cluster.info(vmids=[101])["backups"][0]
    assert listed["volid"] == row["volid"]
    assert listed["notes"] == "web1 on pve1", "the listing shows the first line"


def test_storage_is_found_shared_before_local(cluster: Lab) -> None:
    assert cluster.backup(vmids=[101])["guests"][0]["storage"] == "vault"
    cluster.sim.faults.storage_offline("vault")
    assert cluster.backup(vmids=[102])["guests"][0]["storage"] == "local"


def test_fresh_anywhere_is_fresh_without_a_storage_but_not_with_one(cluster: Lab) -> None:
    cluster.world.add_archive(101, storage="local", node="pve1", age=600)
    assert cluster.backup(vmids=[101], max_age="1h")["guests"][0]["result"] == "fresh"
    made = cluster.backup(vmids=[101], max_age="1h", storage="vault")
    assert made["guests"][0]["result"] == "backed_up"


def test_without_max_age_every_run_makes_one_and_none_is_overwritten(cluster: Lab) -> None:
    volids = [cluster.backup(vmids=[101], storage="vault")["guests"][0]["volid"] for _run in range(3)]
    assert len(set(volids)) == 3, "two backups in one second would have the same name"
    assert len(cluster.info(vmids=[101])["backups"]) == 3


def test_retention_of_the_storage_is_told(cluster: Lab) -> None:
    cluster.world.add_storage("short", type="nfs", content=["backup"], shared=True, prune="keep-last=1")
    old = cluster.world.add_archive(101, storage="short", node="pve1", age=90000)
    result = cluster.backup(vmids=[101], storage="short")
    assert [(row["volid"], row["vmid"], row["why"]) for row in result["removed"]] == [
        (old, 101, "retention of the storage (keep-last=1)")
    ]
    assert result["removed"][0]["size"] > 0
    kept = cluster.world.add_archive(101, storage="short", node="pve1", age=90000)
    again = cluster.backup(vmids=[101], storage="short", storage_retention=False)
    assert again["removed"] == []
    assert kept in {backup["volid"] for backup in cluster.info(vmids=[101])["backups"]}


def test_volumes_that_are_not_in_the_backup_are_named(cluster: Lab) -> None:
    from pve_simulator import Mount  # noqa: PLC0415

    mounts = [Mount("mp0", "/srv/keep", backup=True, files={}), Mount("mp1", "/srv/skip", backup=False, files={})]
    cluster.world.add_container(110, "mounts", node="pve1", files={}, mounts=mounts)
    assert cluster.backup(vmids=[110])["guests"][0]["excluded_volumes"] == ["mp1 (/srv/skip)"]


def test_not_waiting_claims_nothing(cluster: Lab) -> None:
    result = cluster.backup(vmids=[101, 104], wait=False)
    assert result["changed"] is True
    assert {row["result"] for row in result["guests"]} == {"started"}
    assert {task["exitstatus"] for task in result["tasks"]} == {None}
    assert all(row["volid"] is None and row["upid"] for row in result["guests"])


def test_max_parallel_limits_the_nodes_at_work(cluster: Lab) -> None:
    for vmid in (101, 104, 105):
        cluster.sim.faults.guest_pace(vmid, 0.6)
    result = cluster.backup(vmids=[101, 104, 105], max_parallel=1)
    spans = sorted((int(task["upid"].split(":")[4], 16), task["node"]) for task in result["tasks"])
    assert len({start for start, _node in spans}) >= 2, "started one after the other"
    assert {row["result"] for row in result["guests"]} == {"backed_up"}


def test_a_backup_server_is_a_storage_like_others(cluster: Lab) -> None:
    cluster.world.add_storage("pbs", type="pbs", content=["backup"], shared=True)
    rows = cluster.rows(cluster.backup(vmids=[101, 300], storage="pbs", max_age="24h"))
    assert re.fullmatch(r"pbs:backup/ct/101/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", rows[101]["volid"])
    assert rows[300]["volid"].startswith("pbs:backup/vm/300/")
    assert cluster.backup(vmids=[101, 300], storage="pbs", max_age="24h")["changed"] is False


@pytest.mark.parametrize("version", ["8.4", "9.2"])
def test_both_versions(tmp_path: Path, version: str) -> None:
    with lab(build_world(tmp_path / "cluster", version)) as cluster:
        options: dict[str, Any] = {"all_guests": True, "max_age": "1h", "compress": "zstd", "notes": "{{guestname}}"}
        assert {row["result"] for row in cluster.backup(**options)["guests"]} == {"backed_up"}
        assert cluster.backup(**options)["changed"] is False


@pytest.mark.slow
def test_no_request_is_longer_than_the_server_takes(cluster: Lab) -> None:
    ids = range(100_000_000, 100_005_100)
    for vmid in ids:
        cluster.world.add_container(vmid, f"g{vmid}", node="pve3", files={})
    cluster.sim.faults.guest_hangs(ids[0])
    result = cluster.backup(all_guests=True, nodes=["pve3"], storage="vault", wait=False)
    jobs = [request.body["vmid"].split(",") for request in cluster.sent("POST", "/vzdump")]
    assert [len(job) for job in jobs] == [5000, 101]
    assert sorted(int(vmid) for job in jobs for vmid in job) == [105, *ids]
    assert {row["result"] for row in result["guests"]} == {"started"}
    assert all(len(quote(",".join(job))) <= 60_000 for job in jobs)
    cluster.sim.faults.release(ids[0])


def _body(cluster: Lab) -> dict[str, list[str]]:
    """The parameters of the only job that was sent."""
    (request,) = cluster.sent("POST", "/vzdump")
    body = request.body
    return parse_qs(body, keep_blank_values=True) if isinstance(body, str) else _listed(body)


def _listed(body: dict[str, object]) -> dict[str, list[str]]:
    return {
        key: [str(item) for item in value] if isinstance(value, list) else [str(value)] for key, value in body.items()
    }
