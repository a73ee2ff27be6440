# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fields of a backup job: by which option, under which name at Proxmox, and what makes two values the same. Pure.

Private to this collection. Names, defaults and what can be removed are those of the API's own description (pve-manager
API2/Backup.pm, guest-common VZDump/Common.pm).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.number import whole_number
from ansible_collections.lifeboat.backup.plugins.module_utils._core.retention import RULES
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_configuration import (
    properties as property_parts,
)

Value = Any
"""A field's value in one form, whatever the API's: text, int, bool, a sorted tuple, or a mapping with all of its keys.

None where the field is not set and Proxmox has no fixed default for it.
"""


@dataclass(frozen=True)
class Field:
    """One field. ``read`` takes what the API shows or an option says, ``write`` gives what the API takes.

    ``default`` is what Proxmox takes where it is not set, ``parts`` the same for the parts of a mapping. ``fixed``:
    the API never removes it. ``storage``: the API wants the job's storage with it (recorded: 09_backup_jobs).
    """

    option: str
    api: str
    read: Callable[[Any], Value]
    write: Callable[[Value], Any]
    default: Value = None
    fixed: bool = False
    storage: bool = False
    parts: Mapping[str, Any] | None = None

    def of(self, given: Any) -> Value:
        """The value in its one form; the default where nothing is given."""
        if given is None:
            return self.default
        found = self.read(given)
        return self.default if found in (None, (), {}) else found

    def value_of(self, shown: Mapping[str, Any]) -> Value:
        """The value in what the API shows of a job, parts that are not set by their defaults."""
        value = self.of(shown.get(self.api))
        return value if self.parts is None else {**self.parts, **(value or {})}

    def same(self, one: Value, other: Value) -> bool:
        """Whether two values come to the same at Proxmox."""
        if self.parts is None:
            return bool(one == other)
        return {**self.parts, **(one or {})} == {**self.parts, **(other or {})}


def _text(given: Any) -> str | None:
    return " ".join(str(given).split()) or None


def _exact(given: Any) -> str | None:
    return str(given) or None


def _same(value: Value) -> Any:
    return value


def _bool(given: Any) -> bool:
    return whole_number(given) != 0


def _bit(value: Value) -> int:
    return int(value)


def _int(given: Any) -> int:
    return whole_number(given)


def _parts(given: Any) -> list[str]:
    """A list as the API shows it: an array, or text with commas, semicolons, blanks or NUL between."""
    texts = given if isinstance(given, (list, tuple)) else [given]
    return [one for text in texts for one in re.split(r"[,;\s\0]+", str(text)) if one]


def _ids(given: Any) -> tuple[int, ...]:
    return tuple(sorted({whole_number(one) for one in _parts(given)}))


def _joined(value: Iterable[object]) -> str:
    return ",".join(str(one) for one in value)


def _words(given: Any) -> tuple[str, ...]:
    return tuple(sorted(set(_parts(given))))


def _paths(given: Any) -> tuple[str, ...]:
    """Paths may have blanks and commas in them: only an array is a list of several."""
    found = given if isinstance(given, (list, tuple)) else str(given).split("\0")
    return tuple(sorted({str(one) for one in found if str(one)}))


def _list(value: Iterable[object]) -> list[object]:
    return list(value)


_COMPRESS = {"0": "none", "1": "lzo", "gz": "gzip"}


def _compress(given: Any) -> str:
    return _COMPRESS.get(str(given), str(given))


def _compress_written(value: Value) -> str:
    return "0" if value == "none" else str(value)


def properties(given: Any, default_key: str = "") -> dict[str, str]:
    """A property string, or the object that the API shows in its place, as a mapping of texts.

    ``default_key`` is that of a value without a name.
    """
    if isinstance(given, Mapping):
        return {str(key).replace("_", "-"): str(value) for key, value in given.items() if value is not None}
    parts = property_parts(str(given))
    return {key or default_key: value.strip() for key, value in parts.items() if key or value.strip()}


def _keep(given: Any) -> dict[str, int] | None:
    """By rule; what keeps nothing keeps all (recorded: 06_prune)."""
    found = {key.removeprefix("keep-"): whole_number(value) for key, value in properties(given).items()}
    kept = {rule: found[rule] for rule in RULES if found.get(rule)}
    return kept or {"all": 1}


def _keep_written(value: Value) -> str:
    return ",".join(f"keep-{rule}={number}" for rule, number in value.items())


def _performance(given: Any) -> dict[str, Any]:
    """What is set of it alone: an older Proxmox VE refuses parts that it doesn't know."""
    found = properties(given)
    return {key.replace("-", "_"): whole_number(value) for key, value in found.items()}


def _performance_written(value: Value) -> str:
    return ",".join(f"{key.replace('_', '-')}={number}" for key, number in sorted(value.items()))


def _fleecing(given: Any) -> dict[str, Any]:
    found: dict[str, Any] = dict(properties(given, "enabled"))
    if "enabled" in found:
        found["enabled"] = found["enabled"].lower() in ("1", "true", "yes", "on")
    return found


def _fleecing_written(value: Value) -> str:
    return ",".join(f"{key}={int(one) if isinstance(one, bool) else one}" for key, one in sorted(value.items()))


def _plain(option: str, default: Value = None, api: str | None = None, storage: bool = False) -> Field:
    return Field(option, api or option.replace("_", "-"), _exact, _same, default, storage=storage)


def _flag(option: str, default: bool, api: str | None = None, fixed: bool = False, storage: bool = False) -> Field:
    return Field(option, api or option.replace("_", "-"), _bool, _bit, default, fixed=fixed, storage=storage)


def _number(option: str, default: int, api: str | None = None) -> Field:
    return Field(option, api or option, _int, _same, default)


_PERFORMANCE = {"max_workers": 16, "pbs_entries_max": 1048576}

ENABLED = _flag("enabled", True, fixed=True)
SCHEDULE = Field("schedule", "schedule", _text, _same, fixed=True)
STORAGE = _plain("storage")
NODE = _plain("node")
VMIDS = Field("vmids", "vmid", _ids, _joined, ())
EXCLUDE = Field("exclude", "exclude", _ids, _joined, ())
ALL = _flag("all_guests", False, "all")
POOL = _plain("pool")
KEEP = Field("keep", "prune-backups", _keep, _keep_written)
PROTECTED = _flag("protected", False, storage=True)
FLEECING = Field("fleecing", "fleecing", _fleecing, _fleecing_written, parts={"enabled": False, "storage": None})
NOTES = _plain("notes", api="notes-template", storage=True)

SELECTION = (VMIDS, ALL, POOL)
"""A job has exactly one of these; ``exclude`` belongs to all."""

FIELDS: Mapping[str, Field] = {
    field.option: field
    for field in (
        ENABLED,
        SCHEDULE,
        STORAGE,
        NODE,
        *SELECTION,
        EXCLUDE,
        _plain("mode", "snapshot"),
        Field("compress", "compress", _compress, _compress_written, "none"),
        KEEP,
        NOTES,
        PROTECTED,
        FLEECING,
        Field("performance", "performance", _performance, _performance_written, parts=_PERFORMANCE),
        _number("bwlimit", 0),
        _number("ionice", 7),
        _number("zstd_threads", 1, "zstd"),
        _number("lock_wait", 180, "lockwait"),
        _number("stop_wait", 10, "stopwait"),
        _flag("repeat_missed", False),
        Field("comment", "comment", _text, _same),
        _plain("notification_mode", "auto"),
        _plain("change_detection_mode", api="pbs-change-detection-mode"),
        Field("exclude_paths", "exclude-path", _paths, _list, ()),
        _flag("standard_excludes", True, "stdexcludes"),
        _flag("storage_retention", True, "remove"),
        Field("mail_to", "mailto", _words, _joined, ()),
        _plain("mail_notification", "always", "mailnotification"),
    )
}
"""By option. ``lock_wait`` and ``stop_wait`` are in minutes."""

BY_API: Mapping[str, Field] = {field.api: field for field in FIELDS.values()}
NOT_FIELDS = frozenset({"id", "type", "next-run", "digest", "starttime", "dow", "vmid", "all", "pool"})
"""What the API shows of a job and never removes, or only by a change of the selection."""
