# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Foreign values as plain ones: what JSON knows, and not more of it than a policy needs. Private to this collection."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._policy.problems import Mistakes, Path, shown

DEEPEST = 50
MOST_VALUES = 100_000
_LARGEST = 10**30


def plain(value: Any, mistakes: Mistakes) -> Any:
    """``value`` out of mappings, lists, text, numbers, booleans and None; days become text such as ``2027-01-31``.

    Anything else is a mistake, and None instead. Mappings may contain themselves: the copy ends at a depth.
    """
    return _Copy(mistakes).of(value, ())


class _Copy:
    def __init__(self, mistakes: Mistakes) -> None:
        self._mistakes = mistakes
        self._left = MOST_VALUES

    def of(self, value: Any, path: Path) -> Any:
        self._left -= 1
        if isinstance(value, (Mapping, list, tuple)):
            return self._container(value, path)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self._text(str(value), path)
        if isinstance(value, (int, float)) and abs(value) <= _LARGEST:
            return float(value) if isinstance(value, float) else int(value)
        if isinstance(value, date) and not isinstance(value, datetime):
            return value.isoformat()
        self._mistakes.add(path, "a text, a number, true, false, a list or a mapping", shown(value))
        return None

    def _container(self, value: Any, path: Path) -> Any:
        if len(path) >= DEEPEST or self._left < len(value):
            limit = f"{DEEPEST} levels of nesting" if len(path) >= DEEPEST else f"{MOST_VALUES:,} values"
            self._mistakes.add(path, f"at most {limit}", "more")
            return None
        if not isinstance(value, Mapping):
            return [self.of(item, (*path, at)) for at, item in enumerate(value)]
        copy = {}
        for key, item in value.items():
            if isinstance(key, str):
                copy[str(key)] = self.of(item, (*path, str(key)))
            else:
                self._mistakes.add_key((*path, shown(key)), "a key that is text", shown(key), 0)
        return copy

    def _text(self, text: str, path: Path) -> str | None:
        if any("\ud800" <= character <= "\udfff" for character in text):
            self._mistakes.add(path, "text", "half of a character (a surrogate)")
            return None
        return text
