# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What two runs of the same call may differ in: times, names of tasks, sizes, speeds, the order of options."""

from __future__ import annotations

import re
import shlex

_MASKS = (
    (re.compile(r"UPID:([\w-]+):[0-9A-F]{8}:[0-9A-F]{8,9}:[0-9A-F]{8}:"), r"UPID:\1:PID:PSTART:START:"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "TIME"),
    (re.compile(r"Total bytes written: \d+ \([\d.]+[KMG]iB, [\d.]+[KMG]?iB/s\)"), "Total bytes written: SIZE"),
    (re.compile(r"Total bytes read: \d+ \([\d.]+[KMG]iB, [\d.]+[KMG]?iB/s\)"), "Total bytes read: SIZE"),
    (re.compile(r"BC:24:11(?::[0-9A-F]{2}){3}"), "MAC"),
    (re.compile(r"vzdumptmp\d+"), "vzdumptmpPID"),
    (re.compile(r"(?<=CFG: size: )\d+"), "SIZE"),
    (re.compile(r"(?<=sparse bytes )\d+ \([\d.]+%\)"), "SIZE"),
    (re.compile(r"(?<=4K zero blocks )[\d.]+%"), "SHARE"),
    (re.compile(r"(?<=duration )\d+ sec"), "SECONDS"),
    (re.compile(r"archive file size: [\d.]+[KMGT]B"), "archive file size: SIZE"),
    (re.compile(r"\(\d\d+:\d\d:\d\d\)"), "(DURATION)"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "UUID"),
    (re.compile(r"creation-qemu=[\d.]+,ctime=\d+"), "META"),
    (re.compile(r"\d+(?:\.\d+)? (?:[KMGT]i)?B\b"), "SIZE"),
    (re.compile(r"(?<=backup is sparse: SIZE )\(\d+%\)"), "(SHARE)"),
    (re.compile(r"(?<=SIZE\) in )\d+s, "), "SECONDS, "),
    (re.compile(r"(?<=SIZE in )\d+ seconds"), "SECONDS"),
)
_RACES = ("trying to acquire lock...", " OK", "/*stdin*\\ : Read error (39) : premature end ")
_JOB = "INFO: starting new backup job: "


def text(value: str) -> str:
    """A text without what changes from run to run."""
    for pattern, mask in _MASKS:
        value = pattern.sub(mask, value)
    return _sorted_options(value) if value.startswith(_JOB) else value


def log(entries: list[dict[str, object]]) -> list[dict[str, object]]:
    """A log without the lines of races.

    Now and then the end of a VM's backup meets another use of its lock. The program that unpacks a truncated archive
    may reach its end before tar, which wants but the configuration, has gone.
    """
    kept = [entry for entry in entries if entry.get("t") not in _RACES]
    return [{**entry, "n": number} for number, entry in enumerate(kept, start=1)] if len(kept) < len(entries) else kept


def _sorted_options(line: str) -> str:
    """The job's options sorted, because Proxmox writes them in the order of a hash."""
    words = shlex.split(line[len(_JOB) :])
    first = next((at for at, word in enumerate(words) if word.startswith("--")), len(words))
    options = sorted(" ".join(pair) for pair in zip(words[first::2], words[first + 1 :: 2], strict=True))
    return _JOB + " ".join([*words[:first], *options])
