# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people read of restores: aligned, whole, and without anything that a terminal would act on."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.filter.backup_table import backup_table
from ansible_collections.lifeboat.backup.plugins.filter.restore_table import FilterModule, restore_table
from ansible_collections.lifeboat.backup.plugins.module_utils._core.table import aligned, cell
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.report import row
from unit.builders import HOUR, a_backup, a_guest

BACKUP = a_backup(101, age=9 * HOUR)
VOLID = BACKUP.volid
SAFETY = a_backup(101, age=1).volid


def a_row(result: str = "restored", reason: str = "", **more: Any) -> dict[str, Any]:
    """A row as the module makes it."""
    made = row(a_guest(101, "web1"), result, reason, BACKUP, 9 * HOUR, source="web1", duration=42.04)
    return {**made, **more}


def test_every_result_is_told_in_one_table() -> None:
    steps = [{"step": "prove"}, {"step": "restore"}]
    rows = [
        a_row(started=True, safety_backup=SAFETY),
        a_row("skipped", "it exists already", vmid=300, name="db1", node="pve2", duration=0.0),
        a_row("failed", "the restore failed: tar says no; nothing is left of it", duration=3.21),
        a_row("rolled_back", f"x; rolled back from {SAFETY}", rolled_back=True, safety_backup=SAFETY),
        a_row("would_restore", "if_exists is replace", steps=steps, started=True, duration=0.0),
        a_row("running", "it is not waited for", volid="depot:backup/ct/101/2026-11-20T12:26:37Z"),
    ]
    assert restore_table(rows) == [
        "GUEST  NAME  NODE  RESULT         AGE  SECONDS  BACKUP AND REASON",
        f"101    web1  pve1  restored       9 h  42.0     {VOLID}",
        "                                                it runs",
        f"                                                the guest as it was: {SAFETY}",
        f"300    db1   pve2  skipped        9 h  0.0      {VOLID}",
        "                                                it exists already",
        f"101    web1  pve1  failed         9 h  3.2      {VOLID}",
        "                                                the restore failed: tar says no; nothing is left of it",
        f"101    web1  pve1  rolled_back    9 h  42.0     {VOLID}",
        f"                                                x; rolled back from {SAFETY}",
        f"101    web1  pve1  would_restore  9 h  0.0      {VOLID}",
        "                                                if_exists is replace; steps: prove, restore",
        "101    web1  pve1  running        9 h  42.0     depot:backup/ct/101/2026-11-20T12:26:37Z",
        "                                                it is not waited for",
    ]


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("109", "109    -     -     failed  -    0.1      no backup of it is shown"),
        ("web9", "-      web9  -     failed  -    0.1      no backup of it is shown"),
        (VOLID, f"-      -     -     failed  -    0.1      {VOLID}"),
    ],
)
def test_what_was_refused_is_told_by_what_the_task_named(source: str, line: str) -> None:
    refused = {**row(None, "failed", "no backup of it is shown"), "source": source, "duration": 0.1}
    table = restore_table([refused])
    assert table[1].split() == line.split()
    assert "no backup of it is shown" in " ".join(table)


def test_nothing_of_a_long_reason_is_lost() -> None:
    reason = f"{'tar says a lot, ' * 30}but the old guest stands again, rolled back from {SAFETY}"
    table = restore_table([a_row("rolled_back", reason, rolled_back=True)])
    column = table[0].index("BACKUP")
    told = [line[column:] for line in table[2:]]
    assert " ".join(told) == reason
    assert max(map(len, told)) <= 90
    assert {line[:column].strip() for line in table[2:]} == {""}


def test_names_of_backups_stay_whole() -> None:
    [_head, _first, *lines] = restore_table([a_row("failed", f"{'x' * 60} {SAFETY}")])
    assert any(line.strip() == SAFETY for line in lines)


def test_without_rows_there_is_the_heading() -> None:
    assert len(restore_table([])) == 1


@pytest.mark.parametrize("rows", ["text", {"restores": []}])
def test_what_is_no_list_is_refused(rows: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="give it the restores of proxmox_restore, a list"):
        restore_table(rows)


@pytest.mark.parametrize(
    "bad", [{"vmid": 1}, 7, None, "row", a_row(duration="soon"), a_row(restored_from="x")], ids=str
)
def test_a_row_of_something_else_is_refused(bad: Any) -> None:
    with pytest.raises(AnsibleFilterError, match=r"a row is not one of proxmox_restore \("):
        restore_table([bad])


foreign = st.text(min_size=1)


@given(name=foreign, node=foreign, volid=foreign, reason=foreign, safety=foreign, step=foreign, source=foreign)
def test_no_control_character_gets_through(**texts: str) -> None:
    rows = [
        a_row(
            "would_restore",
            texts["reason"],
            name=texts["name"],
            node=texts["node"],
            volid=texts["volid"],
            safety_backup=texts["safety"],
            steps=[{"step": texts["step"]}],
        ),
        a_row("failed", texts["reason"], vmid=None, source=texts["source"]),
    ]
    for line in restore_table(rows):
        assert line.isprintable()


@given(name=foreign, reason=foreign)
def test_nor_in_the_table_of_backups(name: str, reason: str) -> None:
    guest = {"vmid": 1, "name": name, "type": "lxc", "node": "pve1", "state": "missing", "reason": reason, "age": None}
    assert all(line.isprintable() for line in backup_table([{**guest, "size": 0}]))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("vzdump\x1b[2Jlxc", "vzdump [2Jlxc"),
        ("two\nlines\r\n", "two lines"),
        ("\x9b31m\u202egpj.exe\u2028", "31m gpj.exe"),
        (" Grüße \u00a0 \x00", "Grüße"),
        (None, "None"),
    ],
)
def test_a_cell_is_one_line_of_what_can_be_printed(text: object, shown: str) -> None:
    assert cell(text) == shown


@given(st.lists(st.tuples(st.text("ab", max_size=9), st.text("ab", max_size=9), st.text("ab", min_size=1)), min_size=1))
def test_columns_begin_in_one_place(rows: list[tuple[str, str, str]]) -> None:
    lines = aligned(rows)
    for column in (0, 1, 2):
        start = sum(max(len(cells[number]) for cells in rows) + 2 for number in range(column))
        for line, cells in zip(lines, rows):
            assert line[start : start + len(cells[column])] == cells[column]


def test_it_is_a_filter() -> None:
    assert FilterModule().filters() == {"restore_table": restore_table}
