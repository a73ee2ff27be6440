# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulator against recorded answers of running Proxmox VE 8.4.21 and 9.2.11.

Every recorded call is made again, in order; status, reason, texts, keys, types, values, exit status and log lines have
to be the same (tests/replay says what may differ). One test for each recorded case.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from replay import library, session
from replay.allowed import ALLOWED, reason
from replay.compare import differences
from replay.normalise import text
from replay.recording import Case

REQUIRED = os.environ.get("LIFEBOAT_REQUIRE_SHARED") == "1"
AVAILABLE = library.available()
RECORDED = {version: library.cases(version) for version in library.REPLAYED} if AVAILABLE else {}
CASES = [(version, case) for version, recordings in RECORDED.items() for cases in recordings.values() for case in cases]

needs_recordings = pytest.mark.skipif(
    not AVAILABLE and not REQUIRED, reason="not run: needs ../shared/recordings beside the checkout"
)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, list[str]]]:
    """What differs, by release and case."""
    return {
        version: session.run(tmp_path_factory.mktemp("replay") / version, version, recordings)
        for version, recordings in RECORDED.items()
    }


@needs_recordings
def test_the_recordings_are_there() -> None:
    assert AVAILABLE, f"no recordings in {library.RECORDINGS}, and LIFEBOAT_REQUIRE_SHARED is set"


@pytest.mark.parametrize(("version", "case"), CASES, ids=[f"{version}/{case.id}" for version, case in CASES])
def test_case(version: str, case: Case, played: dict[str, dict[str, list[str]]]) -> None:
    found = played[version][case.id]
    if _reason(version, case) is None:
        assert not found, "\n".join(found)
    else:
        assert found, "this case is repeated now: take it out of tests/replay/allowed.py"


@needs_recordings
def test_exceptions_are_few_and_used() -> None:
    assert len(ALLOWED) == 2
    excused = [case.id for version, case in CASES if _reason(version, case) is not None]
    assert len(excused) == 2


@needs_recordings
def test_every_call_of_the_recordings_is_replayed() -> None:
    """Nothing is lost on the way from the files to the calls."""
    for version, recordings in RECORDED.items():
        for name, cases in recordings.items():
            lines = library.path(version, name).read_text(encoding="utf-8").splitlines()
            requests = [line for line in lines if line.startswith((">>> GET /", ">>> POST /", ">>> PUT /", ">>> DEL"))]
            left_out = [case for case in library.every(version, name) if case.title in library.LEFT_OUT.get(name, ())]
            assert len(left_out) == len(library.LEFT_OUT.get(name, ()))
            assert len(requests) == sum(len(case.calls) for case in [*cases, *left_out]), name


def _reason(version: str, case: Case) -> str | None:
    return reason(version, case.recording, case.title, case.calls[0].path)


DOCUMENT: dict[str, Any] = {"data": [{"volid": "a:b", "size": 3, "n": 1, "t": "INFO: x", "notes": "n"}], "total": 1}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"size": "3"}, "answer.data[a:b].size: recorded as int, found str ('3')"),
        ({"t": "INFO: y"}, "answer.data[a:b].t: recorded 'INFO: x', found 'INFO: y'"),
        ({"extra": 1}, "answer.data[a:b]: extra is not recorded (found: 1)"),
        ({"volid": "a:c"}, "answer.data: no entry a:b"),
        ({"n": True}, "answer.data[a:b].n: recorded 1, found True"),
    ],
)
def test_a_difference_is_noticed(change: dict[str, object], expected: str) -> None:
    entry = {**DOCUMENT["data"][0], **change}
    assert expected in list(differences(DOCUMENT, {**DOCUMENT, "data": [entry]}))


def test_a_missing_key_or_entry_is_noticed() -> None:
    assert list(differences({"a": 1}, {})) == ["answer: a is missing (recorded: 1)"]
    assert list(differences([1, 2], [])) == ["answer: 2 entries are recorded, 0 found"]
    assert list(differences(DOCUMENT, DOCUMENT)) == []


def test_the_order_of_options_does_not_count_but_the_options_do() -> None:
    job = "INFO: starting new backup job: vzdump 101"
    assert text(f"{job} --mode stop --node pve") == text(f"{job} --node pve --mode stop")
    assert text(f"{job} --mode stop --node pve") != text(f"{job} --mode suspend --node pve")
