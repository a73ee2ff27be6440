# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""device_backup_status with services that are down, hang, lie or send garbage: each lowers only its own fields."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from device_simulator import (
    Altered,
    Body,
    Dead,
    Deep,
    Drip,
    Endless,
    ErrorBody,
    Failure,
    Fault,
    Fleet,
    Garbage,
    Hang,
    HugeLength,
    Late,
    Redirect,
    Skewed,
    Sqlite,
    Truncated,
    running,
)
from device_simulator.faults import devices_as_list, null_entries, numbers_as_text
from device_simulator.scenarios import device_id, fleet_of
from harness.devices import Station, rows, station, statuses
from harness.lab import run_as_user

DAY = 86400
TIMEOUT = "1s"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Station]:
    """One device, synced long ago and again just now: its copy is good by the rsync daemon's word or the node's."""
    with station(tmp_path) as running_station:
        running_station.add(1, sqlite=[Sqlite(time.time() - 30 * DAY)])
        running_station.fleet.sync()
        yield running_station


FAULTS: list[tuple[Fault, str]] = [
    (Dead(), "connection refused"),
    (Hang(), "no answer within 1 s"),
    (Drip(), r"the answer was not complete after 1 s \(1 B so far\)"),
    (Late(seconds=5), "no answer within 1 s"),
    (Garbage(), "the answer is no JSON"),
    (Truncated(), "cut off: "),
    (Endless(), r"the answer was not complete after 1 s \(|is larger than 512 MiB"),  # as fast as the machine is
    (HugeLength(), "larger than 512 MiB"),
    (Redirect(to="http://evil.example/"), r"redirects to another host \(evil.example\), which is not followed"),
    (Redirect(), "redirects more than 5 times"),
    (Failure(), "answered 500 Internal Server Error: it broke"),
    (ErrorBody(), r"the service says: OSError: \[Errno 5\] Input/output error"),
    (Body(content=None), "the answer is empty, not an object"),
    (Body(content=[]), "the answer is a list, not an object"),
    (Deep(), "the answer is nested too deep"),
]


@pytest.mark.parametrize(("fault", "said"), FAULTS, ids=lambda one: one if isinstance(one, str) else type(one).__name__)
@pytest.mark.parametrize("which", ["node", "mysql", "rsync"])
def test_a_bad_service_lowers_its_own_fields(node: Station, which: str, fault: Fault, said: str) -> None:
    before = node.status()
    getattr(node.servers, which).fault = fault
    begun = time.monotonic()
    result = node.status(timeout=TIMEOUT)
    assert time.monotonic() - begun < 2
    service = result["services"][which]
    assert service["available"] is False
    assert re.search(said, service["error"])
    assert all(one["available"] for name, one in result["services"].items() if name != which)
    assert f"No usable answer from {which}." in result["msg"]
    # The copy is seen in any case, and one of the other two still shows that it is complete
    assert statuses(result) == {"001": "ok"}
    kept, now = (rows(one)["ETHOSCOPE_001"]["types"]["sqlite"]["evidence"] for one in (before, result))
    assert now == kept


def test_a_hung_service_costs_its_time_once(tmp_path: Path) -> None:
    with station(tmp_path) as node:
        fleet_of(node.fleet, 40)
        node.fleet.sync()
        node.servers.rsync.fault = Hang()
        node.servers.mysql.fault = Hang()
        result = node.status(timeout=TIMEOUT)
        assert result["elapsed"] < 2
        assert result["summary"]["devices"] == 40
        assert len(node.servers.node.requests) == 2


@pytest.mark.parametrize("change", [devices_as_list, null_entries, numbers_as_text, lambda _content: {"devices": {}}])
@pytest.mark.parametrize("which", ["node", "mysql", "rsync"])
def test_answers_of_a_wrong_form_are_never_believed(node: Station, which: str, change: Any) -> None:
    getattr(node.servers, which).fault = Altered(change=change)
    row = rows(node.status())["ETHOSCOPE_001"]
    assert row["status"] == "ok"
    assert row["types"]["sqlite"]["evidence"]["files"] == 1


def test_entries_that_make_no_sense_are_counted(node: Station) -> None:
    node.servers.rsync.fault = Altered(change=null_entries)
    service = node.status()["services"]["rsync"]
    assert (service["available"], service["error"]) == (
        True,
        "1 entry of the answer made no sense and did not count",
    )


def test_nothing_that_answers_and_no_tree_is_a_failure(node: Station) -> None:
    for server in (node.servers.node, node.servers.mysql, node.servers.rsync):
        server.fault = Dead()
    result = node.status(results_path=None, videos_path=None)
    assert result["failed"] is True
    assert result["msg"].startswith(
        "Nothing could be looked at, so nothing is known of any device. "
        f"{node.servers.node.url}/devices: connection refused, "
    )


def test_the_clock_of_the_node_is_the_one_that_counts(tmp_path: Path) -> None:
    """The node's clock is three days ahead: its jobs seem to end in our future. By its own clock they are new."""
    skew = 3 * DAY
    fleet = Fleet(tmp_path / "node", clock=lambda: time.time() + skew)
    fleet.memory.page_seconds = 0
    with running(fleet) as servers:
        fleet.add(device_id(1), "ETHOSCOPE_001", sqlite=[Sqlite(time.time() - 30 * DAY)])
        with fleet.at(time.time() + skew - 2 * DAY):
            fleet.sync()
        options = {"rsync_service_url": servers.rsync.url, "results_path": str(fleet.results), "cache_path": ""}
        stale = run_as_user("device_backup_status", options)
        assert stale["services"]["rsync"]["clock_offset"] == pytest.approx(skew, abs=3)
        assert statuses(stale) == {"001": "stale"}
        fleet.sync()
        assert statuses(run_as_user("device_backup_status", options)) == {"001": "ok"}
        servers.rsync.fault = Skewed(seconds=-skew)  # only the Date is right: a job that ended in three days
        assert statuses(run_as_user("device_backup_status", options)) == {"001": "stale"}


def test_answers_are_kept_for_their_time(node: Station) -> None:
    first = node.status(cache_ttl="5m")
    asked = len(node.servers.rsync.requests)
    second = node.status(cache_ttl="5m")
    assert len(node.servers.rsync.requests) == asked
    assert (second["services"]["rsync"]["cached"], second["services"]["rsync"]["latency"]) == (True, None)
    assert second["services"]["rsync"]["asked"] == first["services"]["rsync"]["asked"]
    assert [row["types"] for row in second["devices"]] != []
    assert statuses(second) == statuses(first)
    assert node.status(cache_ttl="5m", refresh=True)["services"]["rsync"]["cached"] is False
    assert len(node.servers.rsync.requests) == asked + 1
    node.status(cache_ttl="0")
    assert len(node.servers.rsync.requests) == asked + 2


def test_an_answer_that_failed_is_not_kept(node: Station) -> None:
    node.servers.mysql.fault = Dead()
    assert node.status(cache_ttl="5m")["services"]["mysql"]["available"] is False
    node.servers.mysql.fault = None
    assert node.status(cache_ttl="5m")["services"]["mysql"]["available"] is True


def test_kept_answers_say_the_same_as_fresh_ones(tmp_path: Path) -> None:
    with station(tmp_path) as node:
        fleet_of(node.fleet, 12)
        node.fleet.sync()
        fresh, kept = (node.status(cache_ttl="5m") for _time in range(2))
        for result in (fresh, kept):
            for row in result["devices"]:
                for one in row["types"].values():
                    one.pop("age"), one.pop("reason")
                row.pop("reason")
        assert kept["devices"] == fresh["devices"]
        assert kept["discrepancies"] == fresh["discrepancies"]


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("node_url", "ftp://node", "node_url"),
        ("rsync_service_url", "http://admin:geheim@node", "rsync_service_url"),
        ("timeout", "2h", "timeout: '2h' is longer than an hour; a service that takes longer is down."),
        ("timeout", "0", "timeout must be longer than 0 seconds."),
        ("max_age", {"audio": "1h"}, "max_age: there is no type audio; known are mysql, sqlite, video."),
        ("max_age", {"video": "long"}, "max_age.video: 'long' is not a duration"),
        ("parallel", 0, "parallel must be between 1 and 64; 0 is not."),
        ("results_path", "/nowhere/at/all", "results_path: /nowhere/at/all cannot be used (No such file or directory)"),
    ],
)
def test_bad_input_is_said_before_anything_is_asked(node: Station, option: str, value: Any, said: str) -> None:
    result = node.status(**{option: value})
    assert result["failed"] is True
    assert said in result["msg"]
    assert "geheim" not in result["_printed"].replace('"rsync_service_url": "http://admin:geheim@node"', "")
    assert not node.servers.node.requests


def test_a_silent_service_fails_the_task_when_the_user_wants_that(node: Station) -> None:
    node.servers.node.fault = Dead()
    assert "failed" not in node.status(fail_on=["missing"])
    result = node.status(fail_on=["missing", "no_answer"])
    assert result["failed"] is True
    assert result["msg"].startswith(f"No usable answer from node at {node.servers.node.url}: ")
    assert statuses(result) == {"001": "ok"}


def test_a_fleet_of_which_nothing_is_known_is_not_as_wished(node: Station) -> None:
    """A node whose scanner fails lists no devices at all."""
    node.fleet.lose(device_id(1))
    node.fleet.devices.clear()
    node.fleet.rsync.restart()
    node.fleet.mysql.restart()
    node.fleet.forget()
    assert node.status()["msg"] == "0 devices."
    result = node.status(fail_on=["stale"])
    assert (result["failed"], result["msg"]) == (
        True,
        "No device is known to any source, so nothing is shown to be as wished.",
    )
