# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parameters of a call: their description, and verification with the texts of PVE::JSONSchema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pve_simulator.errors import ParameterError
from pve_simulator.schema import formats
from pve_simulator.versions import Version

_UNKNOWN = "property is not defined in schema and the schema does not allow additional properties"
_NUMBERED = re.compile(r"^([a-z]+)(?:0|[1-9]\d{0,2})$")
_NUMBER = re.compile(r"^[+-]?\d+(?:\.\d+)?$")
_INTEGER = re.compile(r"^[+-]?\d+$")
_TRUE = re.compile(r"^(1|on|yes|true)$", re.IGNORECASE)
_FALSE = re.compile(r"^(0|off|no|false)$", re.IGNORECASE)


@dataclass(frozen=True)
class Parameter:
    """One parameter. ``items`` are described by the same class where ``type`` is ``array``."""

    type: str = "string"
    optional: bool = True
    enum: tuple[str, ...] | None = None
    minimum: int | None = None
    maximum: int | None = None
    max_length: int | None = None
    min_length: int | None = None
    pattern: str | None = None
    format: str | None = None
    default: str | float | None = None
    requires: str | None = None


Table = Mapping[str, Parameter]


def verify(table: Table, given: Mapping[str, Any], version: Version) -> dict[str, Any]:
    """The parameters with their types. Raises `ParameterError` with one text for each that does not fit."""
    errors: dict[str, str] = {}
    values: dict[str, Any] = {}
    for name, value in given.items():
        parameter = table.get(family(name), table.get(name))
        if parameter is None:
            errors[name] = _UNKNOWN
            continue
        text = _check(parameter, value)
        if text is not None:
            errors[name] = text
        else:
            values[name] = typed(parameter, value)
        needed = parameter.requires
        if needed is not None and needed not in given:
            errors[needed] = version.missing_dependency(name)
    for name, parameter in table.items():
        if not parameter.optional and name not in given:
            errors[name] = "property is missing and it is not optional"
    if errors:
        raise ParameterError(errors)
    return values


def family(name: str) -> str:
    """The name under which tables have a parameter that comes with numbers: ``net[n]`` for ``net0``."""
    return _NUMBERED.sub(r"\1[n]", name)


def _check(parameter: Parameter, value: Any) -> str | None:
    if parameter.type == "array":
        return None
    text = str(value)
    wrong = _wrong_type(parameter, text)
    return wrong if wrong is not None else _wrong_value(parameter, text)


def _wrong_type(parameter: Parameter, text: str) -> str | None:
    matches = {
        "boolean": bool(_TRUE.match(text) or _FALSE.match(text)),
        "integer": bool(_INTEGER.match(text)),
        "number": bool(_NUMBER.match(text)),
    }
    if matches.get(parameter.type, True):
        return None
    return f"type check ('{parameter.type}') failed - got '{text}'"


def _wrong_value(parameter: Parameter, text: str) -> str | None:
    """The first complaint; where there is a format it is asked before the limits (recorded: 02_auth, vmid 5)."""
    complaints = (
        _wrong_format(parameter, text),
        _outside(parameter, float(text)) if parameter.type in ("integer", "number") else None,
        _unknown_word(parameter, text),
    )
    return next((complaint for complaint in complaints if complaint is not None), None)


def _wrong_format(parameter: Parameter, text: str) -> str | None:
    complaint = formats.complaint(parameter.format, text) if parameter.format is not None else None
    return f"invalid format - {complaint}\n" if complaint is not None else None


def _unknown_word(parameter: Parameter, text: str) -> str | None:
    if parameter.enum is not None and text not in parameter.enum:
        return f"value '{text}' does not have a value in the enumeration '{', '.join(parameter.enum)}'"
    if parameter.max_length is not None and len(text) > parameter.max_length:
        return f"value may only be {parameter.max_length} characters long"
    if parameter.min_length is not None and len(text) < parameter.min_length:
        return f"value must be at least {parameter.min_length} characters long"
    if parameter.pattern is not None and not re.match(f"^(?:{parameter.pattern})$", text):
        return "value does not match the regex pattern"
    return None


def _outside(parameter: Parameter, number: float) -> str | None:
    if parameter.minimum is not None and number < parameter.minimum:
        return f"value must have a minimum value of {parameter.minimum}"
    if parameter.maximum is not None and number > parameter.maximum:
        return f"value must have a maximum value of {parameter.maximum}"
    return None


def typed(parameter: Parameter, value: Any) -> Any:
    """A value that fits, as what its type says: booleans are 0 and 1."""
    if parameter.type == "array":
        return [str(item) for item in value] if isinstance(value, list) else [str(value)]
    if parameter.type == "boolean":
        return 1 if _TRUE.match(str(value)) else 0
    if parameter.type == "integer":
        return int(value)
    if parameter.type == "number":
        return float(value)
    return str(value)
