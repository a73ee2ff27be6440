# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The suites of pytest, and what they must cover."""

from __future__ import annotations

import os
import sys
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

from suite.outcome import FAILED, Outcome, checked
from suite.place import CACHE, CHECKOUT, run, say, settings

COVERAGE = CACHE / "coverage"
JUNIT = CACHE / "junit"
ALL_GOOD, SOME_FAILED, NOTHING_COLLECTED = 0, 1, 5
OLDEST = CACHE / "venv-oldest"


def unit(arguments: Sequence[str]) -> Outcome:
    """Unit tests; run as a whole, they must cover the rooms of pure logic by themselves."""
    outcome = _suite("unit", ["tests/unit"], arguments, measured=True)
    if arguments or not (COVERAGE / "unit").exists():
        return outcome
    rooms = settings()["pure_rooms"]
    gone = [name for name in rooms if not any(CHECKOUT.glob(name))]
    if gone:
        say(f"pure_rooms in pyproject.toml names what is not there: {', '.join(gone)}")
        return outcome + FAILED
    return outcome + _covered("unit", "the pure rooms by unit tests", settings()["unit_coverage"], rooms)


def integration(arguments: Sequence[str]) -> Outcome:
    """Integration tests."""
    return _suite("integration", ["tests/integration"], arguments, measured=True)


def e2e(arguments: Sequence[str]) -> Outcome:
    """End-to-end tests."""
    return _suite("e2e", ["tests/e2e"], arguments)


def oldest(arguments: Sequence[str]) -> Outcome:
    """Unit tests, and those marked core_matrix, with the oldest supported ansible-core."""
    made = run(["tools/make_venv.sh", OLDEST, "requirements-oldest.txt", "3.11", "3.12", "3.13"], "venv-oldest")
    say(made.output.rstrip() or f"{OLDEST.relative_to(CHECKOUT)} is there")
    if not made.good:
        return FAILED
    folders = [f"tests/{name}" for name in ("unit", "integration", "e2e")]
    return _suite("oldest", folders, ["-m", "unit or core_matrix", *arguments], environment=OLDEST)


def covered_together() -> Outcome:
    """What unit and integration tests of this run cover of plugins/ together."""
    parts = [COVERAGE / "unit", COVERAGE / "integration"]
    measured = [part for part in parts if part.exists()]
    if not measured:
        return Outcome()
    (COVERAGE / "together").unlink(missing_ok=True)
    combined = run(
        [sys.executable, "-m", "coverage", "combine", "--keep", f"--data-file={COVERAGE / 'together'}", *measured],
        "coverage-combine",
    )
    if not combined.good:
        say(combined.output)
        return FAILED
    return _covered("together", "plugins/ by unit and integration tests", settings()["total_coverage"])


def _covered(data: str, what: str, percent: float, only: Sequence[str] = ()) -> Outcome:
    command = [sys.executable, "-m", "coverage", "report", f"--data-file={COVERAGE / data}", f"--fail-under={percent}"]
    if only:
        command.append(f"--include={','.join(only)}")
    report = run(command, f"coverage-{data}")
    total = next((line.split()[-1] for line in report.output.splitlines() if line.startswith("TOTAL")), "unknown")
    if not report.good:
        say(report.output)
    say(f"coverage of {what}: {total}, wanted {percent}%: {'good' if report.good else 'FAILED'}")
    return checked(report.good)


def _suite(
    name: str,
    folders: Sequence[str],
    arguments: Sequence[str],
    measured: bool = False,
    environment: Path | None = None,
) -> Outcome:
    """Run pytest over the folders that exist; count what it counted."""
    present = [folder for folder in folders if any((CHECKOUT / folder).rglob("test_*.py"))]
    data, junit = COVERAGE / name, JUNIT / f"{name}.xml"
    for old in (data, junit):
        old.unlink(missing_ok=True)
    if not present:
        say(f"no tests in {' '.join(folders)}")
        return Outcome()
    python = environment / "bin/python" if environment else Path(sys.executable)
    command = [str(python), "-m", "pytest", *present, "-q", "--no-header", "--tb=short", f"--junitxml={junit}"]
    if not {"--pdb", "-s", "-n"}.intersection(arguments):
        command += ["-n", "2", "--dist", "worksteal"]
    if measured and not arguments:
        data.parent.mkdir(parents=True, exist_ok=True)
        command += ["--cov", "--cov-report="]
    env = {"COVERAGE_FILE": str(data)}
    if environment:
        env["PATH"] = f"{environment / 'bin'}:{os.environ['PATH']}"
    finished = run([*command, *arguments], name, env, show=lambda line: bool(line.strip()))
    return _counted(junit, finished.code)


def _counted(junit: Path, code: int) -> Outcome:
    """What the report says; a pytest that died, or failed for a reason that is no test's, is one failure more."""
    if code == NOTHING_COLLECTED:
        return Outcome()
    if code not in (ALL_GOOD, SOME_FAILED) or not junit.exists():
        say(f"pytest ended with status {code}")
        return FAILED
    passed = failed = 0
    left_out: list[str] = []
    for case in ET.parse(junit).getroot().iter("testcase"):  # noqa: S314 - our own file
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif (skipped := case.find("skipped")) is not None:
            left_out.append(f"{case.get('classname')}.{case.get('name')}: {skipped.get('message')}")
        else:
            passed += 1
    if code == SOME_FAILED and not failed:
        failed = 1
    return Outcome(passed, failed, tuple(left_out))
