# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the server was asked, for tests that count requests and look at what was sent."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

_SECRET = frozenset({"password", "otp", "tfa-challenge", "secret", "value"})


@dataclass(frozen=True)
class Request:
    """One request; ``status`` is 0 where no answer went out. Secrets are left out."""

    method: str
    path: str
    query: str
    body: dict[str, Any]
    status: int
    user: str | None


class Record(list[Request]):
    """The requests in the order of their answers."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def note(self, request: Request) -> None:
        """Add a request."""
        with self._lock:
            self.append(request)


def without_secrets(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments with secret ones masked."""
    return {name: "***" if name in _SECRET else value for name, value in arguments.items()}
