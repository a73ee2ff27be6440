# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The root of the error tree. Private to this collection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class LifeboatError(Exception):
    """Something a person has to know, said in one sentence.

    ``partial`` carries what was achieved until then, under the keys of the module's normal result, so that a failed
    task still says which guests have their backup.
    """

    def __init__(self, message: str, partial: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.partial: dict[str, Any] = dict(partial or {})

    def details(self) -> dict[str, Any]:
        """Facts about the cause for the result of a failed task, beside ``partial``. Never a secret."""
        return {}


class InputError(LifeboatError):
    """What the user asked for can't be done as written; raised before anything is started."""
