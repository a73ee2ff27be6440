# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every log of a backup task that was recorded, held against how its task ended."""

from __future__ import annotations

import re
from urllib.parse import unquote

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.job_log import parse_job_log
from unit.recordings import Exchange


def _recorded_logs(recorded: list[Exchange]) -> list[tuple[str, str, list[str]]]:
    """Name, exit status and lines of every vzdump task whose whole log was recorded."""
    ends = {
        unquote(one.path).split("/")[4]: str(one.body["data"]["exitstatus"])
        for one in recorded
        if one.path.endswith("/status") and one.status == 200 and one.body["data"].get("exitstatus")
    }
    logs: list[tuple[str, str, list[str]]] = []
    for one in recorded:
        parts = unquote(one.path).split("/")
        if ":vzdump:" in one.path and parts[-1].startswith("log?start=0") and one.status == 200:
            lines = [entry["t"] for entry in sorted(one.body["data"], key=lambda entry: int(entry["n"]))]
            logs.append((f"{one.source} {parts[4]}", ends[parts[4]], lines))
    return logs


def _found(pattern: str, lines: list[str]) -> list[str]:
    return [found.group(1) for found in (re.match(pattern, line) for line in lines) if found]


def test_every_recorded_log_is_read_as_its_task_ended(recorded: list[Exchange]) -> None:
    logs = _recorded_logs(recorded)
    assert len(logs) > 90
    for name, exitstatus, lines in logs:
        log = parse_job_log(lines)
        finished = [vmid for vmid, part in log.guests.items() if part.finished]
        failed = [vmid for vmid, part in log.guests.items() if part.error is not None]
        assert finished == [int(vmid) for vmid in _found(r"INFO: Finished Backup of VM (\d+) ", lines)], name
        assert failed == [int(vmid) for vmid in _found(r"ERROR: Backup of VM (\d+) failed", lines)], name
        assert set(finished).isdisjoint(failed), name
        assert {*finished, *failed} == set(log.guests), name
        if exitstatus == "OK":
            assert finished, name
            assert not failed, name
        if exitstatus == "job errors":
            assert failed, name
        if warned := re.match(r"WARNINGS: (\d+)$", exitstatus):
            told = [*log.warnings, *(text for part in log.guests.values() for text in part.warnings)]
            assert len(told) == int(warned.group(1)), name


def test_every_recorded_archive_is_named(recorded: list[Exchange]) -> None:
    for name, _exitstatus, lines in _recorded_logs(recorded):
        log = parse_job_log(lines)
        named = [part.archive for part in log.guests.values() if part.archive]
        assert named == _found(r"INFO: creating vzdump archive '(.*)'", lines), name
        for part in log.guests.values():
            assert not part.finished or f"-{part.vmid}-" in str(part.volid("x")), name


def test_every_recorded_command_names_its_guests(recorded: list[Exchange]) -> None:
    seen = 0
    for name, _exitstatus, lines in _recorded_logs(recorded):
        log = parse_job_log(lines)
        started = [line for line in lines if "starting new backup job" in line]
        assert bool(log.command) is bool(started), name
        if log.command is not None:
            seen += 1
            assert all(log.command.covers(vmid, log.command.pool) for vmid in log.guests), name
            assert log.command.vmids in (frozenset(), frozenset(log.guests)) or not log.guests, name
    assert seen > 80
