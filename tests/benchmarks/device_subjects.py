# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The subjects of the devices benchmark, and the process that measures them.

    python -m benchmarks.device_subjects < {"rounds": 9, "folder": null, "steps": {NAME: [SUBJECT, {...}, 1], ...}}

does all steps in turn in each round, with a new folder for the catalogue unless there is a ``folder``, and prints as
JSON what device_rounds.Rounds has. The first step is done once more before, uncounted: no step meets cold caches.
"""

from __future__ import annotations

import gc
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.device_backup_status import device_backup_status
from benchmarks.device_tree import bare_walk

Work = Callable[[Path], "dict[str, Any]"]
"""What is timed: it takes the folder of the catalogue, and says what it saw."""

DEFAULTS = {"verify": "none", "parallel": 4, "timeout": "60s", "cache_ttl": "5m", "stable_after": "7d"}
"""Options of the module. The time is long: a busy machine is no subject here."""


def baseline(given: Mapping[str, Any]) -> Work:
    """What nobody can do without: ``json.loads`` of the answers in some files, and a bare walk through some trees."""
    texts = [Path(file).read_bytes() for file in given.get("answers", ())]
    roots = given.get("trees", ())

    def work(_folder: Path) -> dict[str, Any]:
        for text in texts:
            json.loads(text)
        found = [bare_walk(root) for root in roots]
        return {"files": sum(files for files, _size in found), "bytes": sum(size for _files, size in found)}

    return work


def call(given: Mapping[str, Any]) -> Work:
    """The whole of the module but Ansible; ``options`` stand beside the defaults."""

    def work(folder: Path) -> dict[str, Any]:
        result = _result(given["options"], folder)
        types = [one for device in result["devices"] for one in device["types"].values()]
        return {
            "devices": len(result["devices"]),
            "files": result["summary"]["files"],
            "claimed": sum(one["claimed"]["count"] or 0 for one in types if one["claimed"]),
            "available": {name: service["available"] for name, service in result["services"].items()},
        }

    return work


def scan(given: Mapping[str, Any]) -> Work:
    """A call that looks at one tree of videos and asks nobody; one device is reported, so that little else is in it."""
    options = {"videos_path": given["root"], "devices": [given["device"]]}

    def work(folder: Path) -> dict[str, Any]:
        result = _result(options, folder)
        (device,), cache = result["devices"], result["cache"]
        return {
            "touched": cache["misses"],
            "untouched": cache["hits"],
            "entries": cache["entries"],
            "catalogue": cache["bytes"],
            "of one device": [device["types"]["video"][key] for key in ("files", "size", "newest")],
        }

    return work


def _result(options: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    wanted = {"validate_certs": True, "cache_path": str(folder / "catalogue.sqlite"), **DEFAULTS, **options}
    result, failure = device_backup_status(wanted, {}, Clock())
    if failure or result["warnings"]:
        raise RuntimeError(f"{failure} {result['warnings']}")
    return result


SUBJECTS: Mapping[str, Callable[[Mapping[str, Any]], Work]] = {"baseline": baseline, "scan": scan, "call": call}


def measure(rounds: int, folder: str | None, steps: Mapping[str, tuple[str, Mapping[str, Any], int]]) -> dict[str, Any]:
    """Do all rounds.

    :raises RuntimeError: when a step does not see in each round what it saw in the first.
    """
    works = {name: SUBJECTS[subject](given) for name, (subject, given, _times) in steps.items()}
    turn = [name for name, (_subject, _given, times) in steps.items() for _time in range(times)]
    processor: dict[str, list[float]] = {name: [] for name in works}
    clock: dict[str, list[float]] = {name: [] for name in works}
    said: dict[str, dict[str, Any]] = {}
    with _folder(folder) as place:
        if rounds > 1:
            next(iter(works.values()))(place)
    for _round in range(rounds):
        with _folder(folder) as place:
            for name in turn:
                gc.collect()
                by_clock, by_processor = time.perf_counter(), time.process_time()
                saw = works[name](place)
                processor[name].append(time.process_time() - by_processor)
                clock[name].append(time.perf_counter() - by_clock)
                if saw != said.setdefault(name, saw):
                    raise RuntimeError(f"{name} saw {saw}, and before {said[name]}")
    return {"processor": processor, "clock": clock, "said": said, "peak": _most_bytes()}


@contextmanager
def _folder(given: str | None) -> Iterator[Path]:
    if given is not None:
        yield Path(given)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def _most_bytes() -> int:
    """The most bytes that this process ever held, by the kernel; 0 where it doesn't say."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


def main() -> None:
    """Measure what the input says."""
    order = json.load(sys.stdin)
    found = measure(order["rounds"], order["folder"], order["steps"])
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
