# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result in words and counts: a sentence, and one for each guest that is not covered. Pure.

Private to this collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.size import format_size
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import counted, one_line
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest

FAILURES = frozenset({"failed", "cancelled", "timed_out", "interrupted", "not_started"})
"""Results with which a selected guest has not what the task asked for."""


def message(rows: Sequence[Mapping[str, Any]]) -> str:
    """One sentence, and one for each guest that has not what was asked for, with its own cause."""
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["result"]] = counts.get(row["result"], 0) + 1
    size = sum(row["size"] or 0 for row in rows if row["result"] == "backed_up")
    words = {
        "backed_up": f"backed up ({format_size(size)})",
        "would_back_up": "would be backed up",
        "waited_for": "backed up by another task",
        "started": "being backed up",
        "fresh": "fresh",
        "removed": "with backups removed",
        "would_remove": "with backups that would be removed",
        "kept": "kept as they are",
    }
    told = [f"{counts[key]} {text}" for key, text in words.items() if counts.get(key)]
    bad = [row for row in rows if row["result"] in FAILURES]
    if not bad:
        return f"{counted(len(rows), 'guest')}: {', '.join(told)}."
    causes = [f"{_label(row)}: {row['result']}, {row['reason']}" for row in bad]
    rest = f" Of the others: {', '.join(told)}." if told else ""
    return f"{len(bad)} of {counted(len(rows), 'guest')} without the backup asked for. {listed_causes(causes)}.{rest}"


def listed_causes(causes: Sequence[str]) -> str:
    """Causes as sentences, all of them: a failed guest that isn't named is one that nobody looks for."""
    return ". ".join(one_line(cause).rstrip(".") for cause in causes)


def failed(rows: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a selected guest has not what was asked for."""
    return any(row["result"] in FAILURES for row in rows)


def _label(row: Mapping[str, Any]) -> str:
    return Guest(row["vmid"], row["name"], row["node"], row["type"]).label


def summary(rows: Sequence[Mapping[str, Any]], removed: Sequence[int], seconds: float) -> dict[str, Any]:
    """Counts of the rows, and of what was removed (sizes in bytes)."""
    results = [row["result"] for row in rows]
    return {
        "selected": len(rows),
        "backed_up": results.count("backed_up"),
        "would_back_up": results.count("would_back_up"),
        "waited_for": results.count("waited_for"),
        "started": results.count("started"),
        "fresh": results.count("fresh"),
        "failed": sum(result in FAILURES for result in results),
        "bytes": sum(row["size"] or 0 for row in rows if row["result"] == "backed_up"),
        "removed": len(removed),
        "bytes_removed": sum(removed),
        "seconds": round(seconds, 1),
    }
