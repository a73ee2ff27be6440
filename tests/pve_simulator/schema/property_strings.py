# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Property strings (``keep-last=3,keep-daily=7``): parsing, printing, and what can be wrong with them."""

from __future__ import annotations

import re

KEEP = ("keep-all", "keep-last", "keep-hourly", "keep-daily", "keep-weekly", "keep-monthly", "keep-yearly")

_BOOLEAN = re.compile(r"^(1|on|yes|true|0|off|no|false)$", re.IGNORECASE)
_TRUE = re.compile(r"^(1|on|yes|true)$", re.IGNORECASE)
_INTEGER = re.compile(r"^[+-]?\d+$")
_UNKNOWN = "property is not defined in schema and the schema does not allow additional properties"


def parse(text: str, default_key: str | None = None) -> dict[str, str]:
    """Key to value as text; a word without ``=`` is the value of ``default_key``. Raises ``ValueError``."""
    found: dict[str, str] = {}
    for word in text.split(","):
        if not word.strip():
            continue
        key, separator, value = word.strip().partition("=")
        if not separator:
            if default_key is None or default_key in found:
                raise ValueError("value without key, but schema does not define a default key")
            key, value = default_key, word.strip()
        if key in found:
            raise ValueError(f"duplicate key in comma-separated list property: {key}")
        found[key] = value
    return found


def to_text(values: dict[str, str]) -> str:
    """The property string of the values, sorted by key as Proxmox prints them."""
    return ",".join(f"{key}={values[key]}" for key in sorted(values))


def parse_prune(text: str) -> dict[str, int]:
    """The numbers of a retention that was verified; no keep option above zero means keep-all."""
    numbers = {
        key: int(value) if key != "keep-all" else int(bool(_TRUE.match(value))) for key, value in parse(text).items()
    }
    return numbers if any(numbers.values()) else {"keep-all": 1}


def prune_complaint(text: str) -> str | None:
    """What is wrong with a retention, or None (recorded: 05_vzdump_errors, 06_prune)."""
    try:
        values = parse(text)
    except ValueError as error:
        return f"format error\n{error}"
    errors = []
    for key, value in sorted(values.items()):
        if key not in KEEP:
            errors.append(f"prune-backups.{key}: {_UNKNOWN}")
        elif key == "keep-all" and not _BOOLEAN.match(value):
            errors.append(f"prune-backups.{key}: type check ('boolean') failed - got '{value}'")
        elif key != "keep-all" and not _INTEGER.match(value):
            errors.append(f"prune-backups.{key}: type check ('integer') failed - got '{value}'")
        elif key != "keep-all" and int(value) < 0:
            errors.append(f"prune-backups.{key}: value must have a minimum value of 0")
    if errors:
        return "format error\n" + "\n".join(errors)
    if _TRUE.match(values.get("keep-all", "0")) and len(values) > 1:
        return "keep-all cannot be set together with other options."
    return None


def fleecing_complaint(text: str) -> str | None:
    """What is wrong with fleecing options, or None."""
    try:
        values = parse(text, default_key="enabled")
    except ValueError as error:
        return f"format error\n{error}"
    unknown = sorted(set(values) - {"enabled", "storage"})
    if unknown:
        return "format error\n" + "\n".join(f"fleecing.{key}: {_UNKNOWN}" for key in unknown)
    enabled = values.get("enabled", "0")
    if not _BOOLEAN.match(enabled):
        return f"format error\nfleecing.enabled: type check ('boolean') failed - got '{enabled}'"
    if _TRUE.match(enabled) and "storage" not in values:
        return "'storage' parameter is required when 'enabled' is set"
    return None


def performance_complaint(text: str) -> str | None:
    """What is wrong with performance options, or None."""
    limits: dict[str, tuple[int, int | None]] = {"max-workers": (1, 256), "pbs-entries-max": (1, None)}
    try:
        values = parse(text)
    except ValueError as error:
        return f"format error\n{error}"
    errors = []
    for key, value in sorted(values.items()):
        if key not in limits:
            errors.append(f"performance.{key}: {_UNKNOWN}")
        elif not _INTEGER.match(value):
            errors.append(f"performance.{key}: type check ('integer') failed - got '{value}'")
        else:
            least, most = limits[key]
            if int(value) < least:
                errors.append(f"performance.{key}: value must have a minimum value of {least}")
            if most is not None and int(value) > most:
                errors.append(f"performance.{key}: value must have a maximum value of {most}")
    return "format error\n" + "\n".join(errors) if errors else None
