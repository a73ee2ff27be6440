# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The subjects of the planning benchmark, and the process that measures them.

    python -m benchmarks.planning_subjects time   GUESTS NODES FOLDER REPEATS
    python -m benchmarks.planning_subjects memory GUESTS NODES FOLDER SUBJECT

prints the figures as JSON: the processor seconds of each round by subject, or the most bytes that the process held.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Listing, backup_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_plan import Plan, Wish, plan
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_retention import foretold
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.removal_report import Pruning
from benchmarks.fleet import Fleet, Shelf

Answers = Iterable[tuple[Shelf, "list[dict[str, Any]]"]]
"""Each storage and its listing, as ``json.loads`` gives it."""

BASELINE = "json.loads"
NOTHING = "nothing"


def observed(before: Observation, answers: Answers) -> Observation:
    """The listings turned into backups, as ``archives.observe_listing`` does it."""
    listings = [
        Listing(
            shelf.storage,
            shelf.node,
            shelf.shared,
            tuple([backup_of(entry, shelf.storage, shelf.node) for entry in entries]),
        )
        for shelf, entries in answers
    ]
    return replace(before, listings=tuple(listings))


def planned(before: Observation, answers: Answers) -> Plan:
    """Whether each guest needs a backup, and where it goes: all storages count, none is named."""
    return plan(Wish.from_params({"all_guests": True, "max_age": "24h"}), observed(before, answers), {})


def retained(before: Observation, answers: Answers) -> Pruning:
    """The same, and which of all the backups no rule of a retention keeps."""
    keep = {"keep_last": 2, "keep_daily": 7, "keep_weekly": 4, "keep_monthly": 6}
    wish = Wish.from_params({"all_guests": True, "max_age": "24h", "keep": keep})
    seen = observed(before, answers)
    return foretold(wish, plan(wish, seen, {}), seen, [])


# One more subject is a function as `planned` and a line here; its limits follow by themselves (see planning.py).
SUBJECTS: Mapping[str, Callable[[Observation, Answers], object]] = {
    "plan": planned,
    "plan and retention": retained,
}


def measure_time(fleet: Fleet, folder: Path, repeats: int) -> dict[str, list[float]]:
    """Processor seconds of the baseline and each subject, taken in turn so that noise meets all of them."""
    texts = list(fleet.read(folder))
    before = fleet.observation()
    seconds: dict[str, list[float]] = {name: [] for name in (BASELINE, *SUBJECTS)}
    for _repeat in range(repeats):
        answers = timed(seconds[BASELINE], lambda: [(shelf, json.loads(text)["data"]) for shelf, text in texts])
        for name, subject in SUBJECTS.items():
            timed(seconds[name], partial(subject, before, answers))
        del answers
    return seconds


def timed(taken: list[float], work: Callable[[], Any]) -> Any:
    """Do the work, and note its processor seconds. Garbage of the work before is collected first."""
    gc.collect()
    started = time.process_time()
    result = work()
    taken.append(time.process_time() - started)
    return result


def measure_memory(fleet: Fleet, folder: Path, name: str) -> int:
    """The most bytes in memory while one subject is done once, listing by listing as the module does it."""
    before = fleet.observation()
    answers = ((shelf, json.loads(text)["data"]) for shelf, text in fleet.read(folder))
    held: object = None
    if name == BASELINE:
        held = list(answers)
    elif name != NOTHING:
        held = SUBJECTS[name](before, answers)
    peak = _most_bytes()
    del held
    return peak


def _most_bytes() -> int:
    """What getrusage says may be the parent's (the most before exec counts too): the process's own is asked for."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main(words: Sequence[str]) -> None:
    """Measure what the arguments say."""
    what, guests, nodes, folder, last = words
    fleet = Fleet(int(guests), int(nodes))
    if what == "time":
        found: object = measure_time(fleet, Path(folder), int(last))
    else:
        found = measure_memory(fleet, Path(folder), last)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
