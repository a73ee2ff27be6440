# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node says of its devices, and of their backups in the form that it sends and in the documented one."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import (
    DONE,
    FAILED,
    Claim,
    Data,
    Device,
    Facts,
    Garbled,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import MYSQL, SQLITE, VIDEO
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.node_source import (
    questions,
    read_devices,
    read_page,
)
from unit.builders import DAY, HOUR, NOW
from unit.device_builders import (
    DATABASE,
    DEVICE,
    NAME,
    STAMP,
    a_devices_answer,
    a_documented_answer,
    a_mysql_entry,
    a_page_answer,
    an_rsync_entry,
)

SEEN = NOW - 1.5
BEGAN = float(NOW - 2 * DAY)


def devices_answer(**entry: Any) -> dict[str, Any]:
    """The answer with one device, of which something is otherwise."""
    return {DEVICE: {**a_devices_answer()[DEVICE], **entry}}


def database(kind: str = "SQLite", state: str = "running", **entry: Any) -> Data:
    """What is read of one database of which something is otherwise."""
    before = a_devices_answer()[DEVICE]["databases"][kind]
    ((key, known),) = before.items()
    answer = devices_answer(status=state, databases={kind: {key: {**known, **entry}}})
    return next(data for data in read_devices(answer).data if data.type != VIDEO)


def test_a_node_is_asked_for_its_devices_and_its_page() -> None:
    asked = questions("http://node/lab")
    assert [(one.service, one.url) for one in asked] == [
        ("node", "http://node/lab/devices"),
        ("node", "http://node/lab/backup/status"),
    ]
    assert asked[0].read(a_devices_answer()).devices
    assert asked[1].read(a_page_answer()).claims


# ----- the devices


def test_devices_have_a_name_a_state_and_what_data_they_list() -> None:
    facts = read_devices(a_devices_answer())
    assert facts.devices == (
        Device(DEVICE, NAME, "running", SEEN),
        Device("006" + "0" * 29, "ETHOSCOPE_006", "offline", None),
    )
    assert facts.data == (
        Data(DEVICE, SQLITE, BEGAN, False, DATABASE, 73728, {"ROI_1": 400, "METADATA": 0}, began=BEGAN),
        Data(DEVICE, MYSQL, SEEN, True, DATABASE, 0, {"ROI_1": 1234}, began=BEGAN),
    )
    assert facts == Facts(facts.devices, facts.data)


def test_an_answer_without_devices_says_that_there_are_none() -> None:
    assert read_devices({}) == Facts()


@pytest.mark.parametrize("answer", [[], None, "devices", 7])
def test_an_answer_that_is_no_object_is_no_answer(answer: Any) -> None:
    with pytest.raises(Garbled):
        read_devices(answer)
    with pytest.raises(Garbled):
        read_page(answer)


def test_entries_that_are_no_devices_are_counted_and_the_others_are_read() -> None:
    facts = read_devices({"a": None, "b": [], "": {}, "c": "x", **a_devices_answer()})
    assert facts.unread == 4
    assert len(facts.devices) == 2


@pytest.mark.parametrize("state", ["running", "recording", "streaming", "initialising", "busy"])
def test_a_database_that_a_device_is_writing_changed_when_the_device_was_last_seen(state: str) -> None:
    data = database(state=state, db_status="tracking")
    assert (data.newest, data.growing) == (SEEN, True)


@pytest.mark.parametrize("state", ["unreached", "offline", "stopping", "of the next version", ""])
def test_a_device_that_may_have_been_writing_has_data_of_when_it_was_last_seen(state: str) -> None:
    """It went away in the middle of an experiment: whether it writes is not known, but until then it did."""
    data = database(state=state, db_status="tracking")
    assert (data.newest, data.growing) == (SEEN, False)


@pytest.mark.parametrize("state", ["stopped", "online", "not_in_use"])
def test_a_device_at_rest_is_not_writing_even_if_a_crash_left_its_database_so(state: str) -> None:
    data = database(state=state, db_status="tracking")
    assert (data.newest, data.growing) == (BEGAN, False)


@pytest.mark.parametrize("word", ["finalised", "terminated", "unknown", "error", None, 7, ["tracking"]])
def test_a_database_that_is_not_being_written_is_as_new_as_its_beginning(word: Any) -> None:
    data = database(state="running", db_status=word)
    assert (data.newest, data.growing) == (BEGAN, False)


def test_a_database_that_began_after_the_device_was_last_seen_is_as_new_as_its_beginning() -> None:
    assert database(db_status="tracking", date=NOW).newest == NOW


def test_a_database_of_which_no_time_is_known_is_of_no_known_age() -> None:
    answer = devices_answer(last_seen=None, databases={"SQLite": {"x.db": {"db_status": "tracking"}}})
    (data,) = read_devices(answer).data
    assert (data.newest, data.began, data.growing) == (0, 0, True)


@pytest.mark.parametrize("date", [None, 0, -1, "yesterday", {}])
def test_a_database_without_a_date_is_of_no_known_age(date: Any) -> None:
    data = database(date=date)
    assert (data.newest, data.began) == (0, 0)


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        ({}, DATABASE),
        ({"path": f"/mnt/x/results/{DATABASE}"}, DATABASE),
        ({"path": f"/ethoscope_data/results/{DEVICE}/results/a.db"}, f"{DEVICE}/results/a.db"),
        ({"path": None}, DATABASE),
        ({"path": 7}, DATABASE),
        ({"path": "/somewhere/else.db"}, DATABASE),
        ({"path": None, "backup_filename": None}, DATABASE),  # by its key
        ({"path": None, "backup_filename": "x.db"}, f"{DEVICE}/{NAME}/x.db/x.db"),
        ({"path": None, "backup_filename": "../../x.db"}, None),
        ({"path": None, "backup_filename": "x.sqlite"}, None),
        ({"path": "/ethoscope_data/results/../../etc/passwd"}, None),
        ({"path": "/ethoscope_data/results//etc/passwd"}, None),
        ({"path": "/ethoscope_data/results/a/./b.db"}, None),
        ({"path": "/ethoscope_data/results/a/b\0.db"}, None),
        ({"path": "/ethoscope_data/results/a/b.db"}, "a/b.db"),
        ({"path": "/ethoscope_data/results/a.db"}, None),
        ({"path": "/ethoscope_data/results/"}, None),
    ],
)
def test_the_copy_lies_where_the_database_lies_on_the_device(entry: dict[str, Any], path: str | None) -> None:
    assert database(**entry).path == path


@pytest.mark.parametrize(("exists", "path"), [(False, None), (True, DATABASE), (None, DATABASE), (0, DATABASE)])
def test_a_database_whose_file_is_gone_from_the_device_needs_no_copy(exists: Any, path: str | None) -> None:
    assert database(file_exists=exists).path == path


def test_the_copy_of_a_mysql_database_lies_in_a_folder_of_its_stamp() -> None:
    name = f"{STAMP}_{DEVICE}.db"
    assert database("MariaDB", backup_filename=name).path == f"{DEVICE}/{NAME}/{STAMP}/{name}"


@pytest.mark.parametrize("name", [None, "", "a/b", "..", 7])
def test_without_a_name_for_its_folder_it_is_not_known_where_a_copy_lies(name: Any) -> None:
    answer = devices_answer(name=name)
    assert [data.path for data in read_devices(answer).data if data.type == MYSQL] == [None]


@pytest.mark.parametrize(
    ("entry", "size"),
    [({"filesize": 1}, 1), ({"filesize": None}, 0), ({"filesize": -4}, 0), ({"filesize": 10**400}, 0)],
)
def test_the_size_of_a_database_is_as_the_device_says_it(entry: dict[str, Any], size: int) -> None:
    assert database(**entry).size == size


def test_the_copy_of_a_mysql_database_is_of_no_known_size() -> None:
    """What the server of the device needs on its disk says nothing of a SQLite file made from it."""
    assert database("MariaDB", filesize=163840, db_size_bytes=163840).size == 0


def test_tables_are_those_that_the_device_counts() -> None:
    counts = {"ROI_1": 5, "ROI_2": "7", "ROI_3": None, "": 4, "half \ud800": 1}
    assert database(table_counts=counts).tables == {"ROI_1": 5, "ROI_2": 7, "ROI_3": 0, "half ?": 1}
    assert database(table_counts=["ROI_1"]).tables == {}


def test_a_device_that_records_has_a_video_that_grows() -> None:
    facts = read_devices(devices_answer(status="recording", databases={}))
    assert facts.data == (Data(DEVICE, VIDEO, SEEN, growing=True),)
    (unseen,) = read_devices(devices_answer(status="recording", databases={}, last_seen=None)).data
    assert (unseen.newest, unseen.growing) == (0, True)


@pytest.mark.parametrize("databases", [None, [], "x", {"SQLite": None, "MariaDB": [1]}, {"Video": {"a.h264": {}}}, {}])
def test_a_device_without_databases_lists_no_data(databases: Any) -> None:
    facts = read_devices(devices_answer(databases=databases))
    assert (len(facts.devices), facts.data) == (1, ())


NONE: dict[str, Any] = {"SQLite": {}, "MariaDB": {}}


@pytest.mark.parametrize(
    ("entry", "lists"),
    [
        ({"status": "stopped"}, True),
        ({"status": "stopped", "databases": NONE}, True),
        ({"status": "online", "databases": NONE}, True),
        ({"status": "running", "databases": NONE}, False),
        ({"status": "offline", "databases": NONE}, False),
        ({"status": None, "databases": NONE}, False),
        ({"status": "stopped", "databases": {}}, False),
        ({"status": "stopped", "databases": {"SQLite": {}}}, False),
        ({"status": "stopped", "databases": {**NONE, "MariaDB": None}}, False),
        ({"status": "stopped", "databases": None}, False),
    ],
)
def test_a_device_at_rest_that_tells_of_both_kinds_of_databases_lists_all_it_has(
    entry: dict[str, Any], lists: bool
) -> None:
    (device,) = read_devices(devices_answer(**entry)).devices
    assert device.lists is lists


def test_devices_of_equal_names_are_two() -> None:
    answer = {"a": {"name": NAME}, "b": {"name": NAME}}
    assert read_devices(answer).devices == (Device("a", NAME), Device("b", NAME))


# ----- the page, as the node sends it


def test_the_page_makes_three_claims_of_a_device() -> None:
    facts = read_page(a_page_answer())
    assert facts.claims == (
        Claim(DEVICE, MYSQL, available=True, status="success", count=1, size=4096, source="node"),
        Claim(DEVICE, SQLITE, available=True, status="success", count=2, size=4096, source="node"),
        Claim(DEVICE, VIDEO, available=False, status="not_available", count=0, size=0, source="node"),
    )
    assert facts == Facts(claims=facts.claims, current_device=NAME)


@pytest.mark.parametrize("working", [None, [], {}, "x", ["x"], [{}], [{"device": ""}], [{"device": 7}]])
def test_a_page_that_names_no_device_at_work_names_none(working: Any) -> None:
    assert read_page({**a_page_answer(), "processing_devices": working}).current_device is None


@pytest.mark.parametrize("available", [False, None, 1, "true", [True]])
def test_only_true_is_available(available: Any) -> None:
    page = a_page_answer()
    page["devices"][DEVICE]["backup_types"]["sqlite"]["available"] = available
    assert [claim.available for claim in read_page(page).claims] == [True, False, False]


def test_what_is_no_type_makes_no_claim() -> None:
    page = a_page_answer()
    page["devices"][DEVICE]["backup_types"] = {"mysql": None, "sqlite": {}, "video": [1], "tape": {"available": True}}
    assert read_page(page).claims == ()


def test_entries_of_a_page_that_are_none_are_counted() -> None:
    page = a_page_answer()
    page["devices"].update({"": {}, "a": None, "b": {}, "c": {"backup_types": []}})
    facts = read_page(page)
    assert facts.unread == 4
    assert len(facts.claims) == 3


def test_a_page_before_any_device_was_met_claims_nothing() -> None:
    assert read_page({"devices": {}, "services": {}}) == Facts()


@pytest.mark.parametrize("answer", [{}, {"devices": []}, {"status": "running"}, {"device_id": DEVICE, "databases": {}}])
def test_what_is_neither_form_of_the_page_is_no_answer(answer: dict[str, Any]) -> None:
    with pytest.raises(
        Garbled, match=r"^the answer is no backup status: it has neither 'devices' nor 'unified_devices'$"
    ):
        read_page(answer)


# ----- the page, as its documentation shows it


def test_the_documented_page_has_the_claims_and_what_the_daemons_say() -> None:
    facts = read_page(a_documented_answer())
    assert facts.devices == (Device(DEVICE, NAME),)
    assert facts.claims == tuple(
        Claim(DEVICE, kind, available=True, status="completed", count=None, size=None, source="node")
        for kind in (MYSQL, SQLITE, VIDEO)
    )
    assert [(job.type, job.state, job.source, job.ended) for job in facts.jobs] == [
        (kind, DONE, "node", NOW - HOUR) for kind in (MYSQL, SQLITE, VIDEO)
    ]
    assert facts.jobs[1].listed == {DATABASE.rpartition("/")[0]: [DATABASE.rpartition("/")[2]]}
    assert facts.data == ()
    assert facts.unread == 0


def test_the_documented_page_of_daemons_that_are_down_says_nothing_and_is_no_error() -> None:
    answer = {
        "mysql_backup": {"error": "MySQL backup service unavailable", "service": "mysql_backup"},
        "rsync_backup": {"error": "Rsync backup service unavailable", "service": "rsync_backup"},
        "unified_devices": {},
    }
    assert read_page(answer) == Facts()


def test_in_the_documented_page_one_daemon_may_be_down() -> None:
    answer = a_documented_answer()
    answer["mysql_backup"] = {"error": "MySQL backup service unavailable", "service": "mysql_backup"}
    answer["unified_devices"][DEVICE]["mysql_backup"] = {
        "available": False,
        "status": "not_available",
        "progress": {},
        "synced": {},
        "processing": False,
        "count": 0,
        "started": None,
        "ended": None,
    }
    facts = read_page(answer)
    assert [job.type for job in facts.jobs] == [SQLITE, VIDEO]
    assert [(claim.type, claim.available, claim.status) for claim in facts.claims] == [
        (MYSQL, False, "not_available"),
        (SQLITE, True, "completed"),
        (VIDEO, True, "completed"),
    ]


def test_in_the_documented_page_a_scope_that_was_not_synced_is_not_claimed() -> None:
    answer = a_documented_answer()
    answer["unified_devices"][DEVICE]["rsync_backup"]["synced"] = {"videos": {"local_files": 12529}}
    assert [claim.type for claim in read_page(answer).claims] == [MYSQL, VIDEO]


@pytest.mark.parametrize("key", ["mysql_backup", "rsync_backup", "unified_devices"])
def test_each_part_of_the_documented_page_is_read_alone(key: str) -> None:
    facts = read_page({key: a_documented_answer()[key]})
    assert [job.type for job in facts.jobs] == {
        "mysql_backup": [MYSQL],
        "rsync_backup": [SQLITE, VIDEO],
        "unified_devices": [],
    }[key]
    assert [claim.type for claim in facts.claims] == ([MYSQL, SQLITE, VIDEO] if key == "unified_devices" else [])


def test_a_failure_in_the_documented_page_is_a_failure() -> None:
    answer = a_documented_answer()
    broken = {"progress": {"status": "error", "message": "Backup failed"}}
    answer["mysql_backup"][DEVICE] = a_mysql_entry(**broken)
    answer["rsync_backup"]["devices"][DEVICE] = an_rsync_entry(transfer_details={}, **broken)
    assert [(job.type, job.state, job.message) for job in read_page(answer).jobs] == [
        (kind, FAILED, "Backup failed") for kind in (MYSQL, SQLITE, VIDEO)
    ]


def test_entries_of_the_documented_page_that_are_none_are_counted() -> None:
    answer = a_documented_answer()
    answer["unified_devices"].update({"": {}, "a": None, "b": "x", "c": {}})
    facts = read_page(answer)
    assert facts.unread == 3
    assert [device.id for device in facts.devices] == [DEVICE, "c"]
