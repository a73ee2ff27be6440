# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

r"""The policy document as a JSON schema (draft 2020-12). Pure. Private to this collection.

Each description ends a sentence that begins with "expected". The patterns mean the same in Python and in ECMAScript,
so that an editor judges as the reader does: ``(?!\n)$`` because Python's ``$`` also stands before a last newline.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_DURATION = r"^\s*([0-9]{1,12}[smhdwSHDW]|0)\s*$"
_DURATION_ABOVE_0 = r"^\s*(?=[0-9]*[1-9])[0-9]{1,12}[smhdwSHDW]\s*$"
DURATIONS = (_DURATION, _DURATION_ABOVE_0)
"""Their patterns. With a unit, because nobody means seconds; without M, which some mean for months."""
_LINE = r"^(?=.*\S)[^\x00-\x1f\x7f-\x9f\u2028\u2029]+(?!\n)$"
_NAME = r"^(?!\s)(?!.*\s$)[^\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]+(?!\n)$"
_TAG = r"^[A-Za-z0-9_][A-Za-z0-9_+.-]*(?!\n)$"
_MOST_VALUES = 1000
_CLOCK = "([01]?[0-9]|2[0-3]):[0-5][0-9]"
_ID = "[1-9][0-9]{2,8}"


def _duration(example: str) -> dict[str, Any]:
    words = f"a duration with its unit, such as {example}"
    return {"type": "string", "pattern": _DURATION_ABOVE_0, "description": words}


def _line(words: str, longest: int = 256, pattern: str = _LINE) -> dict[str, Any]:
    return {"type": "string", "pattern": pattern, "maxLength": longest, "description": words}


def _several(one: Mapping[str, Any], words: str) -> dict[str, Any]:
    """One value, or a list of them; by if and not by anyOf, so that a mistake is told of the item that has it."""
    return {
        "description": words,
        "if": {"type": "array"},
        "then": {"items": one, "minItems": 1, "maxItems": _MOST_VALUES, "description": f"{words}, at least one"},
        "else": one,
    }


def _mapping(words: str, properties: Mapping[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "object", "description": words, "properties": dict(properties)}
    if required:
        found["required"] = list(required)
    found["additionalProperties"] = False
    return found


def _count(of: str) -> dict[str, Any]:
    return {"type": "integer", "minimum": 0, "maximum": 1_000_000, "description": f"a number of {of} such as 7"}


_KEEP = _mapping(
    "a retention such as {last: 3, daily: 7} or {all: true}",
    {
        "last": _count("backups"),
        "hourly": _count("hours"),
        "daily": _count("days"),
        "weekly": _count("weeks"),
        "monthly": _count("months"),
        "yearly": _count("years"),
        "all": {"type": "boolean", "description": "true to remove nothing, or false"},
    },
)

_TIER_OPTIONS: dict[str, Any] = {
    "rpo": _duration("24h"),
    "rto": _duration("15m"),
    "keep": _KEEP,
    "storage": _line("the name of a storage", 100),
    "mode": {"enum": ["snapshot", "suspend", "stop"], "description": "snapshot, suspend or stop"},
    "compress": {"enum": ["zstd", "gzip", "lzo", "none"], "description": "zstd, gzip, lzo or none"},
    "protected": {"type": "boolean", "description": "true or false"},
    "encrypted": {"type": "boolean", "description": "true or false"},
    "verify": _duration("7d"),
    "drill": _duration("30d"),
    "schedule": _line('a calendar event such as "02:30", as one line of text'),
    "window": {
        "type": "string",
        "pattern": f"^{_CLOCK} *- *{_CLOCK}(?!\\n)$",
        "description": 'a time of day such as "22:00-06:00", as text',
    },
}
NOT_IN_JOB = (
    *(*_TIER_OPTIONS, "job", "id", "state", "exact", "unset"),
    *("vmids", "names", "tags", "tags_match", "all_guests", "exclude", "pool"),
)
"""What a tier, the rules or the policy itself already say of a job."""

_JOB = {
    "type": "object",
    "description": "a mapping of further settings of the job",
    "propertyNames": {
        "pattern": "^[a-z][a-z0-9_-]{0,63}(?!\\n)$",
        "not": {"enum": list(NOT_IN_JOB)},
        "description": "a further setting of the job, none that the tier, the rules or the policy make",
    },
}

_TIER = {
    **_mapping("a tier: a mapping with rpo, storage and more", {**_TIER_OPTIONS, "job": _JOB}, ("rpo", "storage")),
    "oneOf": [{"required": ["schedule"]}, {"required": ["window"]}],
    "dependentRequired": {"rto": ["drill"]},
}

_MATCH = {
    **_mapping(
        "a mapping of conditions such as {tags: [db], type: qemu}",
        {
            "tags": _several(_line("a tag of letters, digits and _ + . -", pattern=_TAG), "a tag or a list of tags"),
            "pools": _several(_line("the name of a pool", pattern=_NAME), "the name of a pool or a list of them"),
            "names": _several(
                _line('a shell pattern of names such as "db*", of at most 256 characters'),
                "a shell pattern of names or a list of them",
            ),
            "nodes": _several(_line("the name of a node", pattern=_NAME), "the name of a node or a list of them"),
            "ids": _several(
                {
                    "type": ["integer", "string"],
                    "minimum": 100,
                    "maximum": 999_999_999,
                    "pattern": f"^{_ID}( *- *{_ID})?(?!\\n)$",
                    "description": "the number of a guest such as 105, or a range such as 100-199",
                },
                "a number of a guest or a range, or a list of them",
            ),
            "type": _several({"enum": ["qemu", "lxc"], "description": "qemu or lxc"}, "qemu or lxc"),
        },
    ),
    "minProperties": 1,
}

_RULE = _mapping(
    "a rule: a mapping with match and tier",
    {"name": _line("a name of one line", 100), "match": _MATCH, "tier": _line("the name of a tier")},
    ("tier",),
)

_EXEMPTION = _mapping(
    "an exemption: a mapping with match, reason and until",
    {
        "match": _MATCH,
        "reason": {"type": "string", "pattern": r"\S", "maxLength": 1000, "description": "a reason, as text"},
        "until": {
            "type": "string",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}(?!\\n)$",
            "description": "a day such as 2027-01-31",
        },
    },
    ("match", "reason", "until"),
)

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Lifeboat policy",
    **_mapping(
        "a policy: a mapping with version, name, tiers and rules",
        {
            "version": {"const": 1, "description": "1, the only version that there is"},
            "name": {
                "type": "string",
                "pattern": "^[a-z][a-z0-9-]{0,19}(?!\\n)$",
                "description": "a name of at most 20 small letters, digits and hyphens that begins with a letter",
            },
            "grace": {
                "type": ["string", "integer"],
                "pattern": _DURATION,
                "minimum": 0,
                "maximum": 0,
                "default": "24h",
                "description": "a duration with its unit, such as 24h, or 0",
            },
            "tiers": {
                "type": "object",
                "description": "a mapping with at least one tier",
                "minProperties": 1,
                "propertyNames": {
                    "pattern": "^[a-z][a-z0-9-]{0,14}(?!\\n)$",
                    "description": "a name of at most 15 small letters, digits and hyphens that begins with a letter",
                },
                "additionalProperties": _TIER,
            },
            "rules": {
                "type": "array",
                "description": "a list of rules, the last of them without match",
                "minItems": 1,
                "items": _RULE,
                "contains": {"type": "object", "not": {"required": ["match"]}},
                "minContains": 1,
                "maxContains": 1,
            },
            "exemptions": {"type": "array", "description": "a list of exemptions", "items": _EXEMPTION},
        },
        ("version", "name", "tiers", "rules"),
    ),
}


def schema_text() -> str:
    """The schema as the file ``docs/policy.schema.json`` has it, for editors."""
    return json.dumps(SCHEMA, indent=2) + "\n"
