# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The molecule scenarios, two at a time; each counts as one check."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from suite.outcome import FAILED, Outcome, checked, together
from suite.place import CHECKOUT, LOGS, run, say

EXTENSIONS = CHECKOUT / "extensions"
LINES_SHOWN = 60


def molecule(arguments: Sequence[str]) -> Outcome:
    """All scenarios, or those named in ``arguments``."""
    found = sorted(path.parent.name for path in EXTENSIONS.glob("molecule/*/molecule.yml"))
    unknown = set(arguments) - set(found)
    if unknown:
        say(f"scenarios are {', '.join(found)}, not {', '.join(sorted(unknown))}")
        return FAILED
    wanted = list(arguments) or found
    if not wanted:
        say("no scenarios in extensions/molecule")
    with ThreadPoolExecutor(2) as pool:
        return together(pool.map(_scenario, wanted))


def _scenario(name: str) -> Outcome:
    finished = run(["molecule", "test", "--scenario-name", name], f"molecule-{name}", folder=EXTENSIONS)
    if finished.good:
        say(f"{name}: good ({finished.seconds:.1f} s)")
    else:
        end = "\n".join(finished.output.splitlines()[-LINES_SHOWN:])
        say(f"{end}\n{name}: FAILED ({finished.seconds:.1f} s), the whole of it is in {LOGS / f'molecule-{name}.log'}")
    return checked(finished.good)
