# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSON of services that may say anything: read without ever trusting its form. Private to this collection."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.number import whole_number
from ansible_collections.lifeboat.backup.plugins.module_utils._core.table import cell
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import Garbled

_SHOWN = 200
"""Characters of a foreign error that are shown."""
LONGEST = 4096
"""Characters of a text that is taken from an answer: a path has no more."""
MOST_DEVICES = 50_000
_LATEST = 253402300799.0
"""The end of the year 9999, in epoch seconds."""
_MOST = 2**63 - 1
"""More bytes or files than any system can count. Python refuses to write out numbers that are far longer."""


def parsed(body: bytes) -> Any:
    """What the JSON in ``body`` says.

    :raises Garbled: when it is none, or an object that is nothing but an error (which Ethoscope's services send with
        the status 200: reference/ethoscope.md, fact 4).
    """
    try:
        value = json.loads(body)
    except RecursionError as failure:
        raise Garbled("the answer is nested too deep") from failure
    except ValueError as failure:
        raise Garbled(f"the answer is no JSON ({cell(str(failure))[:_SHOWN]})") from failure
    if isinstance(value, dict) and (isinstance(value.get("error"), str) or (len(value) == 1 and value.get("error"))):
        lines = [line for line in str(value["error"]).splitlines() if line.strip()]
        raise Garbled(f"the service says: {cell(lines[-1])[:_SHOWN]}" if lines else "the service tells an error")
    return value


def the_object(value: Any) -> Mapping[str, Any]:
    """``value``, which must be an object.

    :raises Garbled: when it isn't.
    """
    if not isinstance(value, dict):
        raise Garbled(f"the answer is {_kind(value)}, not an object")
    return value


def an_object(value: Any) -> Mapping[str, Any]:
    """``value`` where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def text(value: Any) -> str | None:
    """``value`` where it is a text that says something, and no longer than a name in a file system can be.

    Halves of characters, which no output can hold, are replaced.
    """
    if not isinstance(value, str) or not value or len(value) > LONGEST:
        return None
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def by_device(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """An object by device id.

    :raises Garbled: when there are more than any fleet has: each would be judged, which takes time.
    """
    if len(value) > MOST_DEVICES:
        raise Garbled(f"the answer tells of {len(value)} devices, more than {MOST_DEVICES} are not taken")
    return value


def count(value: Any) -> int | None:
    """A number of things or bytes; None where ``value`` is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    number = whole_number(value, -1)
    return number if 0 <= number <= _MOST else None


def moment(value: Any) -> float | None:
    """Epoch seconds, None for 0, -1 and whatever is no time between 1970 and 9999."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        when = float(value)
    except (ValueError, OverflowError):
        return None
    return when if math.isfinite(when) and 0 < when <= _LATEST else None


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return "a list"
    return "empty" if value is None else "a single value"
