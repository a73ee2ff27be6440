# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from collections.abc import Mapping, Sequence
from typing import Any

class ValidationResult:
    validated_parameters: dict[str, Any]
    unsupported_parameters: set[str]
    error_messages: list[str]

class ArgumentSpecValidator:
    def __init__(
        self,
        argument_spec: Mapping[str, Any],
        mutually_exclusive: Sequence[Sequence[str]] | None = None,
        required_together: Sequence[Sequence[str]] | None = None,
        required_one_of: Sequence[Sequence[str]] | None = None,
        required_if: Sequence[Sequence[Any]] | None = None,
        required_by: Mapping[str, str | Sequence[str]] | None = None,
    ) -> None: ...
    def validate(self, parameters: Mapping[str, Any]) -> ValidationResult: ...
