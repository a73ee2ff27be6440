# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an API call can end with instead of data, and what can end a worker."""

from __future__ import annotations


class ApiError(Exception):
    """An answer other than 200. ``message`` is what the body says; its first line is the HTTP reason phrase."""

    def __init__(self, status: int, message: str, errors: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors

    @property
    def reason(self) -> str:
        """The HTTP reason phrase."""
        return self.message.split("\n", 1)[0]


class Died(ApiError):
    """A plain failure inside Proxmox: status 500, and the message ends with a newline."""

    def __init__(self, text: str) -> None:
        super().__init__(500, f"{text}\n")
        self.text = text


class ParameterError(ApiError):
    """Parameters that do not fit: status 400 with a text for each of them."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(400, "Parameter verification failed.\n", errors)


class Forbidden(ApiError):
    """A missing privilege: status 403."""

    def __init__(self, what: str) -> None:
        self.text = f"Permission check failed ({what})"
        super().__init__(403, f"{self.text}\n")


class Unauthenticated(ApiError):
    """No or no valid ticket or token: status 401 and an empty body."""

    def __init__(self, reason: str) -> None:
        super().__init__(401, reason)


class ProxyFailed(ApiError):
    """The node that was to carry the call out cannot be reached: status 595 and an empty body."""

    def __init__(self, reason: str) -> None:
        super().__init__(595, reason)


class NotImplementedHere(ApiError):
    """No such path or method: status 501."""

    def __init__(self, method: str, path: str) -> None:
        super().__init__(501, f"Method '{method} {path}' not implemented")


class WorkerError(Exception):
    """The end of a task, or of one guest's backup, with a text for the log."""


class WorkerDied(Exception):
    """The worker is gone without a last line: killed, or the host with it."""


class Interrupted(WorkerError):
    """Somebody stopped the task."""

    def __init__(self) -> None:
        super().__init__("interrupted by signal")
