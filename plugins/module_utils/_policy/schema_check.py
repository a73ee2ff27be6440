# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the schema says of a document, in words. Private to this collection."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._policy.problems import (
    DETAILS,
    MOST,
    Mistakes,
    Path,
    shown,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.schema import DURATIONS, SCHEMA

LIBRARY_ERROR: Exception | None
try:
    from jsonschema import Draft202012Validator

    LIBRARY_ERROR = None
except ImportError as error:  # said by the adapter with the name of the interpreter
    LIBRARY_ERROR = error

_ABOUT_DEFAULTS = ("contains", "minContains", "maxContains")


def check_schema(data: Any, mistakes: Mistakes) -> None:
    """Add what the schema finds, except about values that something has been said of, and about default rules.

    Those (exactly one of the rules has no match) are told with their places by what reads the rules.
    Where there are already as many mistakes as are collected, the schema isn't asked at all.
    """
    if mistakes.full:
        return
    errors = (
        (error, tuple(error.absolute_path))
        for error in Draft202012Validator(SCHEMA).iter_errors(data)
        if error.validator not in _ABOUT_DEFAULTS and not mistakes.told(tuple(error.absolute_path))
    )
    for error, path in list(islice(errors, MOST)):
        _TELL.get(str(error.validator), _wrong_value)(error, path, mistakes)


def _unknown_keys(error: Any, path: Path, mistakes: Mistakes) -> None:
    known = sorted(error.schema["properties"])
    for key in error.instance:
        if mistakes.full:
            return
        if key not in error.schema["properties"]:
            asked = len(key) < 64 and len(mistakes) < DETAILS  # the search is slow, and nobody sees more of them
            close = difflib.get_close_matches(key, known, n=2) if asked else []
            meant = f" (is {' or '.join(close)} meant?)" if close else ""
            mistakes.add((*path, key), f"one of {', '.join(known)}", f"an unknown key{meant}")


def _missing_keys(error: Any, path: Path, mistakes: Mistakes) -> None:
    for key in error.validator_value:
        if key not in error.instance:
            mistakes.add((*path, key), error.schema["properties"][key]["description"], "nothing")


def _schedule_or_window(error: Any, path: Path, mistakes: Mistakes) -> None:
    if isinstance(error.instance, dict):  # else its type is wrong, and that is told
        mistakes.add(path, "exactly one of schedule and window", "both" if "window" in error.instance else "neither")


def _without_drill(_error: Any, path: Path, mistakes: Mistakes) -> None:
    mistakes.add((*path, "rto"), "drill beside it (rto can only be judged by drills; set drill)", "no drill")


def _too_many(error: Any, path: Path, mistakes: Mistakes) -> None:
    mistakes.add(path, f"at most {error.validator_value:,} values", f"{len(error.instance):,}")


def _wrong_value(error: Any, path: Path, mistakes: Mistakes) -> None:
    schema, value = error.schema, error.instance
    if "propertyNames" in error.absolute_schema_path:
        mistakes.add((*path, value), schema["description"], shown(value))
        return
    mistakes.add(path, schema["description"], _found(schema, value))


def _found(schema: Any, value: Any) -> str:
    found = shown(value)
    if isinstance(value, bool) and schema.get("type") != "boolean":
        return f"a word that YAML takes for {found}; put it into quotes if it is a text"
    if schema.get("pattern") in DURATIONS:
        return f"{found}; write m for minutes, or 90d" if _is_in_upper_m(value) else found
    if isinstance(value, (int, float)) and schema.get("type") == "string":
        return f"the number {found}; put it into quotes"
    return found


def _is_in_upper_m(value: Any) -> bool:
    return isinstance(value, str) and value.rstrip().endswith("M")


_TELL: Mapping[str, Callable[[Any, Path, Mistakes], None]] = {
    "additionalProperties": _unknown_keys,
    "required": _missing_keys,
    "maxItems": _too_many,
    "oneOf": _schedule_or_window,
    "dependentRequired": _without_drill,
}
