# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for every test: its limits of time, the programs it needs, and where the collection is found."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import hypothesis
import pytest
from pytest_ansible.units import inject_only

TESTS = Path(__file__).parent
CHECKOUT = TESTS.parent
CACHE = CHECKOUT / ".cache"
LINK = CACHE / "collections/ansible_collections/lifeboat/backup"
IN_CI = bool(os.environ.get("CI"))

# Seconds that a test itself may take (fixtures do not count), by its folder
LIMITS = {"unit": 1, "integration": 5, "e2e": 300}
SLOW_LIMIT = 30
# A property-based test is a hundred tests in one
PROPERTY_LIMIT = 60
# Where a system's services lie, too, which not every user has in PATH
WHERE = f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin"
# For a machine that does other things at the same time: how many times longer a test may take
PATIENCE = float(os.environ.get("LIFEBOAT_PATIENCE", "1"))

# The Makefile does the same: here for a pytest that was started by hand or by an editor
if not LINK.exists():
    LINK.parent.mkdir(parents=True, exist_ok=True)
    LINK.symlink_to("../../../..")
os.environ.setdefault("ANSIBLE_COLLECTIONS_PATH", str(CACHE / "collections"))
os.environ.setdefault("ANSIBLE_HOME", str(CACHE / "ansible-home"))
# Ansible's own loader finds our code in the link tree. The plugin does this later, but conftest files import that code.
inject_only()

hypothesis.configuration.set_hypothesis_home_dir(CACHE / "hypothesis")
# The time limit of the whole test is enough; in CI the same examples come every time, and one that fails is told as it
# is: to look for a smaller one may take longer than the limit, which would end the process without a word of it
PHASES = [phase for phase in hypothesis.Phase if phase.name not in ("shrink", "explain")] if IN_CI else hypothesis.Phase
hypothesis.settings.register_profile(
    "lifeboat", deadline=None, derandomize=IN_CI, phases=tuple(PHASES), print_blob=True
)
hypothesis.settings.load_profile("lifeboat")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by its folder, and give it the folder's limit of time."""
    for item in items:
        if not item.path.is_relative_to(TESTS):
            continue
        folder = item.path.relative_to(TESTS).parts[0]
        if folder not in LIMITS:
            continue
        item.add_marker(folder)
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            # A signal would end one example, and Hypothesis would try it again without a limit: end the process
            timeout = pytest.mark.timeout(PROPERTY_LIMIT * PATIENCE, method="thread", func_only=True)
        else:
            timeout = pytest.mark.timeout(_limit(item, folder) * PATIENCE, func_only=True)
        item.add_marker(timeout)


def _limit(item: pytest.Item, folder: str) -> int:
    if folder == "integration" and item.get_closest_marker("slow"):
        return SLOW_LIMIT
    return LIMITS[folder]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out a test whose system programs are missing, and say which; in CI that is a failure."""
    needed = {program for marker in item.iter_markers("needs") for program in marker.args}
    missing = sorted(program for program in needed if shutil.which(program, path=WHERE) is None)
    if missing:
        reason = f"not run: needs {', '.join(missing)}"
        if IN_CI:
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
