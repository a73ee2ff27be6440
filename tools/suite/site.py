# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation as a site."""

from __future__ import annotations

from collections.abc import Sequence

from suite.outcome import Outcome, checked
from suite.place import run, say


def docs(arguments: Sequence[str]) -> Outcome:  # noqa: ARG001 - as every stage
    """Build it; a warning of Sphinx is a failure."""
    finished = run(["tools/build_docs.sh"], "docs")
    say(finished.output.strip().splitlines()[-1] if finished.good else finished.output)
    return checked(finished.good)
