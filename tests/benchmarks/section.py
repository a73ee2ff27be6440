# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a part of the benchmarks hands back: tables for people, and limits that hold or do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Limit:
    """A figure of this run and the most that it may be."""

    what: str
    measured: float
    most: float
    unit: str = ""

    @property
    def holds(self) -> bool:
        """Whether the figure is within the limit."""
        return self.measured <= self.most

    @property
    def line(self) -> str:
        """The limit as a line of the summary."""
        word = "holds " if self.holds else "BROKEN"
        return f"{word} {self.what}: {self.measured:.3g}{self.unit}, at most {self.most:g}{self.unit}"


@dataclass(frozen=True)
class Table:
    """Rows under headings; the first column is text, the others are figures."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]

    @property
    def text(self) -> str:
        """The table with its columns aligned."""
        lines = [list(self.headings), *map(list, self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.headings))]
        shown = [
            "  ".join(
                cell.rjust(width) if column else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(line, widths))
            ).rstrip()
            for line in lines
        ]
        shown.insert(1, "  ".join("-" * width for width in widths))
        return "\n".join([self.title, "", *shown])


@dataclass
class Section:
    """What one part found, and what must hold."""

    tables: list[Table] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)
