# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``python -m suite STAGE... [-- ARGUMENTS]``: run these stages, all of them, whatever fails."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

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


def main(words: Sequence[str]) -> int:
    """Run the stages named before ``--`` with the arguments after it, and say what came of them."""
    names = list(words[: words.index("--")] if "--" in words else words)
    arguments = list(words[words.index("--") + 1 :] if "--" in words else [])
    unknown = [name for name in names if name not in STAGES]
    if unknown or not names:
        say(f"stages are {', '.join(STAGES)}, not {', '.join(unknown) or 'none'}")
        return 2
    started = time.monotonic()
    outcomes: dict[str, Outcome] = {}
    rows: list[str] = []
    for name in names:
        say(f"=== {name} " + "=" * (60 - len(name)))
        begun = time.monotonic()
        outcome = _result_of(name, arguments)
        if name == "integration" and "unit" in names and not arguments:
            outcome += suites.covered_together()
        outcomes[name] = outcome
        rows.append(f"{name:12} {outcome.line:26} {time.monotonic() - begun:6.1f} s")
        say(f"{name}: {outcome.line}")
    total = together(outcomes.values())
    say("=== summary " + "=" * 53)
    for reason in total.left_out:
        say(f"left out: {reason}")
    for row in rows:
        say(row)
    say(f"{'all':12} {total.line:26} {time.monotonic() - started:6.1f} s")
    say(total.line)
    return 1 if total.failed else 0


def _result_of(name: str, arguments: Sequence[str]) -> Outcome:
    """A stage that breaks has failed, and the others are run all the same."""
    try:
        return STAGES[name](arguments)
    except Exception as problem:  # noqa: BLE001 - whatever it is, the run goes on and says so
        say(f"{name} broke: {problem!r}")
        return FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
