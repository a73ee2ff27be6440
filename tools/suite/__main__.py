# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``python -m suite STAGE... [-- ARGUMENTS]``: run these stages, all of them, whatever fails."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from suite import scenarios, site, suites
from suite.lint import lint
from suite.outcome import FAILED, Outcome, together
from suite.place import say
from suite.sanity import sanity

STAGES: dict[str, Callable[[Sequence[str]], Outcome]] = {
    "lint": lint,
    "unit": suites.unit,
    "integration": suites.integration,
    "oldest": suites.oldest,
    "e2e": suites.e2e,
    "molecule": scenarios.molecule,
    "sanity": sanity,
    "docs": site.docs,
}
# Run together where both are wanted: neither of a pair keeps two cores busy, and neither measures time
PAIRS = ({"lint", "sanity"}, {"molecule", "docs"})


def main(words: Sequence[str]) -> int:
    """Run the stages named before ``--`` with the arguments after it, and say what came of them."""
    names = list(words[: words.index("--")] if "--" in words else words)
    arguments = list(words[words.index("--") + 1 :] if "--" in words else [])
    unknown = [name for name in names if name not in STAGES]
    if unknown or not names:
        say(f"stages are {', '.join(STAGES)}, not {', '.join(unknown) or 'none'}")
        return 2
    started = time.monotonic()
    outcomes: list[Outcome] = []
    rows: list[str] = []
    for group in _grouped(names):
        say(f"=== {' and '.join(group)} ".ljust(65, "="))
        with ThreadPoolExecutor(len(group)) as pool:
            for name, (outcome, seconds) in zip(group, pool.map(lambda name: _timed(name, arguments), group)):
                outcomes.append(outcome)
                rows.append(f"{name:12} {outcome.line:26} {seconds:6.1f} s")
        if group == ["integration"] and "unit" in names and not arguments:
            outcomes.append(suites.covered_together())
            rows.append(f"{'coverage':12} {outcomes[-1].line}")
    total = together(outcomes)
    say("=== summary ".ljust(65, "="))
    for reason in total.left_out:
        say(f"left out: {reason}")
    for row in rows:
        say(row)
    say(f"{'all':12} {total.line:26} {time.monotonic() - started:6.1f} s")
    say(total.line)
    return 1 if total.failed else 0


def _grouped(names: Sequence[str]) -> list[list[str]]:
    """The stages in their order, those of a pair together where the first of them stands."""
    groups: list[list[str]] = []
    for name in names:
        partner = next((group for group in groups if {name, *group} in PAIRS), None)
        if partner:
            partner.append(name)
        else:
            groups.append([name])
    return groups


def _timed(name: str, arguments: Sequence[str]) -> tuple[Outcome, float]:
    """A stage that breaks has failed, and the others are run all the same."""
    started = time.monotonic()
    try:
        outcome = STAGES[name](arguments)
    except Exception as problem:  # noqa: BLE001 - whatever it is, the run goes on and says so
        say(f"{name} broke: {problem!r}")
        outcome = FAILED
    say(f"{name}: {outcome.line}")
    return outcome, time.monotonic() - started


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
