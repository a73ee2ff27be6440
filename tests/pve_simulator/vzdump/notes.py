# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

r"""Notes templates: ``{{guestname}}`` and its like, ``\n`` and ``\\`` (recorded: 05_vzdump_errors)."""

from __future__ import annotations

import re
from collections.abc import Mapping

VARIABLES = ("cluster", "guestname", "node", "vmid")

_ESCAPE = re.compile(r"\\(.)")
_VARIABLE = re.compile(r"\{\{([^\s{}]+)\}\}")


def complaint(template: str) -> str | None:
    """What is wrong with a template, with the positions as Proxmox counts them, or None."""
    problems = [
        f"escape sequence '\\{match[1]}' at char {match.end() - 2}"
        for match in _ESCAPE.finditer(template)
        if match[1] not in "n\\"
    ]
    problems += [
        f"variable '{match[1]}' at char {match.end() - len(match[1])}"
        for match in _VARIABLE.finditer(template)
        if match[1] not in VARIABLES
    ]
    return f"found unknown: {', '.join(problems)}\n" if problems else None


def filled(template: str, values: Mapping[str, str]) -> str:
    """The notes."""
    unescaped = _ESCAPE.sub(lambda match: "\n" if match[1] == "n" else match[1], template)
    return _VARIABLE.sub(lambda match: values[match[1]], unescaped)
