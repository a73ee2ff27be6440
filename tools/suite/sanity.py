# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ansible-test sanity: all of its tests; "compile" and "import" on the oldest and the newest Python found.

ansible-test wants a real copy of the collection at .../ansible_collections/NAMESPACE/NAME. The copy is a git repository
of its own: inside a folder that git ignores, ansible-test finds no files, says "All targets skipped", and passes.

Its virtual environments are bootstrapped by a get-pip script that it downloads from a server of its own. Where it finds
that script in its cache it uses it, so a stand-in is put there that does the same with pip's own wheel, from PyPI. The
cache lies in the home folder, hence a home folder of its own, in .cache, where the environments stay for the next run.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

import ansible_test

from suite.outcome import FAILED, Outcome
from suite.place import CACHE, CHECKOUT, IN_CI, program, project_files, run, say

FOLDER = CACHE / "sanity"
COPY = FOLDER / "ansible_collections/lifeboat/backup"
HOME = FOLDER / "home"
PYTHONS = FOLDER / "bin"
# Those that modules support
VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
# There are more; fewer have run when ansible-test found nothing to look at
FEWEST_TESTS = 20
NOT_APPLICABLE = "No tests applicable."

GET_PIP = '''\
"""Stands in for get-pip: installs what it is told to with the pip of a wheel."""
import runpy
import sys

sys.path.insert(0, {wheel!r})
sys.argv[1:] = ["install", *(word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel"))]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
'''


def sanity(arguments: Sequence[str]) -> Outcome:
    """All sanity tests, or those named in ``arguments``; each counts as one check."""
    if program("git") is None:
        say("not run: needs git")
        return FAILED if IN_CI else Outcome(left_out=("sanity: not run: needs git",))
    _copy()
    _provide_pip()
    found = _provide_pythons()
    command = ["ansible-test", "sanity", "--junit", "--color", "no"]
    command += ["--controller", f"origin:python={sys.version_info.major}.{sys.version_info.minor}"]
    for version in sorted({found[0], found[-1]}, key=found.index):
        command += ["--target-python", version]
    for name in arguments:
        command += ["--test", name]
    finished = run(command, "sanity", _environment(), COPY, show=_worth_showing)
    outcome = _counted()
    if VERSIONS[0] not in found:
        outcome += Outcome(left_out=(f"sanity on Python {VERSIONS[0]}: not run: needs python{VERSIONS[0]}",))
    if not arguments and outcome.passed + outcome.failed < FEWEST_TESTS:
        say(f"ansible-test ran {outcome.passed + outcome.failed} tests, fewer than the {FEWEST_TESTS} that there are")
        return outcome + FAILED
    return outcome if finished.good or outcome.failed else outcome + FAILED


def _worth_showing(line: str) -> bool:
    return line.startswith(("ERROR", "FATAL", "WARNING", "Running sanity test"))


def _copy() -> None:
    """Make the copy hold the files of the project, and no others."""
    shutil.rmtree(COPY, ignore_errors=True)
    for name in project_files():
        (COPY / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / name, COPY / name, follow_symlinks=False)
    subprocess.run(["git", "init", "--quiet", str(COPY)], check=True)


def _provide_pip() -> None:
    """Put a stand-in for get-pip where ansible-test looks for one; which version it looks for stands in its source."""
    source = Path(ansible_test.__path__[0]) / "_internal/python_requirements.py"
    match = re.search(r"pip='([\d.]+)'", source.read_text())
    assert match, f"no pip version in {source}"
    version = match[1]
    stand_in = HOME / f".ansible/test/cache/get_pip_{version.replace('.', '_')}.py"
    wheels = FOLDER / "wheels"
    wheel = wheels / f"pip-{version}-py3-none-any.whl"
    if not wheel.exists():
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--disable-pip-version-check"]
        got = run([*command, "--dest", wheels, f"pip=={version}"], "sanity-pip")
        assert got.good, got.output
    stand_in.parent.mkdir(parents=True, exist_ok=True)
    stand_in.write_text(GET_PIP.format(wheel=str(wheel)))


def _provide_pythons() -> list[str]:
    """Links to the Pythons that really run, in a folder that comes first on PATH; returns their versions."""
    PYTHONS.mkdir(parents=True, exist_ok=True)
    versions = []
    for version in VERSIONS:
        link = PYTHONS / f"python{version}"
        found = run(["tools/find_python.sh", version], "sanity-python")
        link.unlink(missing_ok=True)
        if found.good:
            link.symlink_to(found.output.strip())
            versions.append(version)
    return versions


def _environment() -> dict[str, str]:
    home = Path.home()
    return {
        "HOME": str(HOME),
        "PATH": f"{PYTHONS}:{os.environ['PATH']}",
        # What pip is told and keeps stays where it was
        "XDG_CONFIG_HOME": os.environ.get("XDG_CONFIG_HOME", str(home / ".config")),
        "PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR", str(home / ".cache/pip")),
        # ansible-test looks for collections around the copy
        "ANSIBLE_COLLECTIONS_PATH": str(FOLDER),
    }


def _counted() -> Outcome:
    passed = failed = 0
    left_out: list[str] = []
    for report in sorted((COPY / "tests/output/junit").glob("*.xml")):
        for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314 - ansible-test's own file
            name = f"sanity {case.get('name')}"
            if (skipped := case.find("skipped")) is not None:
                left_out.append(f"{name}: {skipped.text}")
            elif case.find("failure") is not None or case.find("error") is not None:
                failed += 1
            else:
                passed += 1
    return Outcome(passed, failed, tuple(reason for reason in left_out if NOT_APPLICABLE not in reason))
