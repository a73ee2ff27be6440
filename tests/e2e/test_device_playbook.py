# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook that looks at a fleet of devices, as a user runs it: the screen, the JSON file, the exit status."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ansible_runner
import pytest

from device_simulator import Dead, Hang, Sqlite
from device_simulator.scenarios import demo, device_id
from harness.devices import Station, station, statuses
from harness.playbooks import CHECKOUT, Run, ansible_playbook, variables

PLAYBOOK = "lifeboat.backup.device_status"
DAY = 86400
NOT_OK = ["005", "006", "007", "008", "011", "003"]
"""Of the demo fleet, in the order in which they are told: five have failed, of one there is no copy."""


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Station]:
    with station(tmp_path) as running:
        yield running


def healthy(node: Station) -> None:
    """Two devices, each with a good copy."""
    for number in (1, 2):
        node.add(number, sqlite=[Sqlite(time.time() - 30 * DAY, rows=20)])
    node.fleet.sync()


def look(node: Station, *arguments: str, **options: Any) -> Run:
    """Run the playbook on the fleet. ``options`` are those of the module."""
    given = {**node.services, **node.trees, "cache_path": str(node.cache), **options}
    settings = json.dumps({f"device_backup_status_{name}": value for name, value in given.items()})
    return ansible_playbook(PLAYBOOK, {}, "-e", settings, *arguments)


def report(path: Path) -> dict[str, Any]:
    """The JSON file."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def table(run: Run) -> list[str]:
    """The lines that were told on the screen, without quotes."""
    said = re.search(r'"msg": (\[\n.*?\n    \])', run.output, re.DOTALL)
    assert said, run.output
    lines: list[str] = json.loads(said.group(1))
    return lines


@pytest.mark.core_matrix
def test_a_fleet_that_is_backed_up(node: Station, tmp_path: Path) -> None:
    healthy(node)
    path = tmp_path / "fleet.json"
    run = look(node, report_path=str(path))
    assert run.code == 0, run.output
    head, *rows, end = table(run)
    assert head.split() == ["DEVICE", "ONLINE", "STATUS", "SQLITE", "FILES", "SIZE", "REASON"]
    assert [row.split()[:3] for row in rows] == [["ETHOSCOPE_001", "yes", "ok"], ["ETHOSCOPE_002", "yes", "ok"]]
    assert end.startswith("2 devices: 2 ok.")
    told = report(path)
    assert statuses(told) == {"001": "ok", "002": "ok"}
    assert (told["failed"], told["host"], told["msg"]) == (False, "localhost", end)
    assert abs(told["time"] - time.time()) < 120
    assert "invocation" not in told
    assert "changed=0" in run.output


@pytest.mark.core_matrix
def test_what_is_not_backed_up_fails_the_run_and_is_told_all_the_same(node: Station, tmp_path: Path) -> None:
    demo(node.fleet)
    folder = tmp_path / "reports"
    folder.mkdir()
    run = look(node, report_path=str(folder / "fleet.json"))
    assert run.code == 2, run.output
    _head, *rows, end = table(run)
    assert [row.split()[0][-3:] for row in rows[:7]] == [*NOT_OK, "004"]
    assert end.startswith("6 of 12 devices not as wished: ETHOSCOPE_005 (sqlite failed: the newest copy has no tables")
    [path] = folder.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    told = report(path)
    assert (told["failed"], told["msg"]) == (True, end)
    assert {status: told["summary"][status] for status in ("failed", "missing", "no_data", "ok", "devices")} == {
        "failed": 5, "missing": 1, "no_data": 1, "ok": 5, "devices": 12,
    }  # fmt: skip
    assert [one["kind"] for one in told["discrepancies"] if one["name"] == "ETHOSCOPE_004"] == ["claimed_but_empty"]


def test_the_user_says_what_counts(node: Station, tmp_path: Path) -> None:
    demo(node.fleet)
    assert look(node, fail_on=[]).code == 0
    inventory = tmp_path / "hosts.json"
    host = {"device_backup_status_fail_on": ["no_data"], "ansible_connection": "local"}
    inventory.write_text(json.dumps({"all": {"hosts": {"localhost": host}}}))
    run = look(node, "-i", str(inventory))
    assert run.code == 2
    assert "1 of 12 devices not as wished: ETHOSCOPE_004 (no data and no copies are known)" in run.output


def test_an_older_file_is_replaced_and_a_relative_path_begins_where_the_user_is(
    node: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy(node)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "fleet.json"
    path.write_text("old")
    path.chmod(0o600)
    run = look(node, report_path="fleet.json")
    assert run.code == 0, run.output
    assert statuses(report(path)) == {"001": "ok", "002": "ok"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    node.fleet.lose(device_id(2))
    run = look(node, report_path="fleet.json", refresh=True)
    assert run.code == 2, run.output
    assert statuses(report(path)) == {"001": "ok", "002": "missing"}


def test_check_mode_tells_the_same_and_writes_no_file(node: Station, tmp_path: Path) -> None:
    healthy(node)
    run = look(node, "--check", "--diff", report_path=str(tmp_path / "fleet.json"))
    assert run.code == 0, run.output
    assert table(run)[-1].startswith("2 devices: 2 ok.")
    assert not (tmp_path / "fleet.json").exists()


def test_when_nothing_can_be_looked_at_the_file_says_so(node: Station, tmp_path: Path) -> None:
    path = tmp_path / "fleet.json"
    gone = {name: f"http://127.0.0.1:{port}" for port, name in enumerate(node.services, 7)}
    run = look(node, report_path=str(path), results_path="", videos_path="", **gone)
    assert run.code == 2
    told = report(path)
    assert (told["failed"], told["devices"]) == (True, [])
    assert told["msg"].startswith("Nothing could be looked at, so nothing is known of any device. http://127.0.0.1:7/")


def test_options_that_cannot_be_meant_are_refused(node: Station, tmp_path: Path) -> None:
    run = look(node, verify="deep")
    assert run.code == 2
    assert "value of device_backup_status_verify must be one of: none, open, full, got: deep" in run.output
    path = tmp_path / "fleet.json"
    run = look(node, max_age={"films": "1d"}, report_path=str(path))
    assert run.code == 2
    assert report(path)["msg"] == "max_age: there is no type films; known are mysql, sqlite, video."


@pytest.mark.core_matrix
def test_names_from_devices_are_text_and_nothing_else(tmp_path: Path) -> None:
    name = "E{{ 7 * 7 }}\n\x1b[2J{% raw %}é"
    (tmp_path / "copies").mkdir()
    (tmp_path / "copies" / f"{name}.cfg").write_text("hostname edge1")
    path = tmp_path / "routers.json"
    tree = {"type": "config", "root": str(tmp_path / "copies"), "pattern": r"(?s)^(?P<device>.+)\.cfg$"}
    settings = json.dumps({"device_backup_status_layout": [tree], "device_backup_status_report_path": str(path)})
    run = ansible_playbook(PLAYBOOK, {"XDG_CACHE_HOME": str(tmp_path / "cache")}, "-e", settings)
    assert run.code == 0, run.output
    assert table(run)[1].startswith("E{{ 7 * 7 }} [2J{% raw %}é  -       ok      ok ")
    assert report(path)["devices"][0]["id"] == name


def test_several_hosts_each_with_a_file(node: Station, tmp_path: Path) -> None:
    healthy(node)
    run = look(
        node,
        "-i", "node1,node2,", "-e", "ansible_connection=local", "-e", f"ansible_python_interpreter={sys.executable}",
        hosts="all", report_path=f"{tmp_path}/{{{{ inventory_hostname }}}}.json",
    )  # fmt: skip
    assert run.code == 0, run.output
    for host in ("node1", "node2"):
        told = report(tmp_path / f"{host}.json")
        assert (told["host"], told["summary"]["ok"]) == (host, 2)


def test_under_ansible_runner(node: Station, tmp_path: Path) -> None:
    demo(node.fleet)
    private = tmp_path / "private"
    for name in ("env", "inventory"):
        (private / name).mkdir(parents=True)
    (private / "inventory" / "hosts").write_text("")
    (private / "env" / "envvars").write_text(
        json.dumps({"ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".cache" / "collections")})
    )
    given = {**node.services, **node.trees, "cache_path": str(node.cache)}
    (private / "env" / "extravars").write_text(
        json.dumps({f"device_backup_status_{name}": value for name, value in given.items()})
    )
    before = dict(os.environ)
    os.environ.update(variables({}))
    try:
        run = ansible_runner.run(private_data_dir=str(private), playbook=PLAYBOOK, quiet=True)
    finally:
        os.environ.clear()
        os.environ.update(before)
    assert (run.status, run.rc) == ("failed", 2)
    [result] = [
        event["event_data"]["res"]
        for event in run.events
        if event["event"] == "runner_on_failed"
        and event["event_data"].get("task_action") == "lifeboat.backup.device_backup_status"
    ]
    found = {name for name, status in statuses(result).items() if status in ("failed", "missing")}
    assert found == set(NOT_OK)


def test_the_demonstration(node: Station, tmp_path: Path) -> None:
    """The last part of make demo, against the fleet that it is for."""
    demo(node.fleet)
    with station(tmp_path / "second", rsync=Hang()) as hung:
        demo(hung.fleet)
        for name, one in (("fleet", node), ("hung", hung)):
            (tmp_path / f"{name}.json").write_text(json.dumps({**one.services, **one.trees}))
        run = ansible_playbook(
            CHECKOUT / "playbooks" / "device_demo.yml",
            {
                "DEMO_FLEET": str(tmp_path / "fleet.json"),
                "DEMO_FLEET_HUNG": str(tmp_path / "hung.json"),
                "XDG_CACHE_HOME": str(tmp_path / "cache"),
            },
        )
    assert run.code == 0, run.output
    lines = table(run)
    assert lines[3].startswith("ETHOSCOPE_003  partial        sqlite, video         missing  sqlite missing: no copy")
    assert lines[-1] == "The page says 'success' 21 times, and 7 of these are so. It tells no ages."
    assert re.search(r'"msg": "3\.\d+ s for 12 devices; the limit was 3 s\.', run.output), run.output


def test_a_silent_service_fails_the_run(node: Station) -> None:
    healthy(node)
    node.servers.mysql.fault = Dead()
    run = look(node)
    assert run.code == 2
    assert f"No usable answer from mysql at {node.servers.mysql.url}: connection refused." in run.output
    assert look(node, fail_on=["failed", "missing"]).code == 0
