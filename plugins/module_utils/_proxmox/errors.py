# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can go wrong between this collection and Proxmox VE, as classes. Private to this collection."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import LifeboatError

GATEWAY_FAULTS = frozenset({502, 503, 504})
"""What a reverse proxy, or pveproxy while it restarts, answers in place of the API."""

_INNER_CODE = re.compile(r"^(\d{3}) (.*)$", re.DOTALL)


class ProxmoxError(LifeboatError):
    """Any failure of a call; its message is a whole sentence."""


class Unreachable(ProxmoxError):
    """No API server could be reached: nothing was sent, so repeating or asking another host is safe."""


class NotTrusted(Unreachable):
    """TLS failed: the next try would fail as well."""


class AnswerLost(ProxmoxError):
    """The request may have been carried out, but no answer came. Never repeat a write blindly after this."""


class TimedOut(AnswerLost):
    """No answer within api_timeout: asking again would wait as long again."""


class BadAnswer(ProxmoxError):
    """What answered does not speak the Proxmox VE API."""


class ApiError(ProxmoxError):
    """Proxmox refused or failed a call.

    ``status`` is the HTTP status, or the code that stands inside the text of a 500 (Proxmox turns exceptions raised
    under a lock into ``500 400 Parameter verification failed.``). ``reason`` is the HTTP reason phrase, ``detail`` the
    body's ``message`` (all lines; absent before pve-http-server 5.2), ``errors`` the text per parameter.
    """

    def __init__(
        self, method: str, path: str, status: int, reason: str, detail: str, errors: Mapping[str, str]
    ) -> None:
        self.method = method
        self.path = path
        self.reason = reason
        self.detail = detail.strip()
        self.errors = dict(errors)
        self.http_status = status
        inner = _INNER_CODE.match(self.detail or reason) if status == 500 else None
        self.status = int(inner.group(1)) if inner else status
        super().__init__(self._sentence())

    @property
    def passing(self) -> bool:
        """Whether the same request may well succeed in a moment."""
        return self.http_status in GATEWAY_FAULTS

    @property
    def text(self) -> str:
        """Proxmox's own words: the whole message, else the reason phrase."""
        return self.detail or self.reason

    def _sentence(self) -> str:
        words = " ".join(self.text.split()).rstrip(".")
        named = "; ".join(f"{name}: {' '.join(str(text).split())}" for name, text in sorted(self.errors.items()))
        cause = f"{words} ({named})" if named and words else words or named or "no reason given"
        return f"Proxmox answered {self.http_status} to {self.method} {self.path}: {cause}."

    def details(self) -> dict[str, Any]:
        """The facts of the answer, for the result of a failed task."""
        return {
            "api_error": {
                "method": self.method,
                "path": self.path,
                "status": self.status,
                "reason": self.reason,
                "message": self.detail,
                "errors": self.errors,
            }
        }


class NotAuthenticated(ApiError):
    """401: the token or the password is not accepted."""

    def _sentence(self) -> str:
        return (
            f"Proxmox does not accept the credentials ({self.text or 'no reason given'}): check api_token_id "
            "(user@realm!token) and api_token_secret, or api_user and api_password, and that the token has not expired "
            "and its user is enabled."
        )


class PermissionDenied(ApiError):
    """403: a privilege is missing."""

    _WANTED = re.compile(r"Permission check failed \(([^,()]+), ([^()]+)\)")

    def _sentence(self) -> str:
        found = self._WANTED.search(self.text)
        if found:
            rights = " or ".join(part.strip() for part in found.group(2).split("|"))
            return (
                f"The token or user lacks {rights} on {found.group(1)} "
                f"(Proxmox refused {self.method} {self.path}); grant it there and, with privilege separation, to the "
                "token as well."
            )
        return f"The token or user lacks a privilege: Proxmox refused {self.method} {self.path} ({self.text})."


class NodeUnreachable(ApiError):
    """595 to 599: the API server could not get an answer from the node or daemon behind it.

    595 is a failed connection, so nothing was started; 596 and later may come after the request was carried out
    (pve-http-server AnyEvent.pm).
    """

    @property
    def passing(self) -> bool:
        """A node may be back in a moment."""
        return True

    def _sentence(self) -> str:
        words = self.text or "no reason given"
        return f"The node behind {self.method} {self.path} does not answer ({self.http_status} {words})."


def error_of(method: str, path: str, status: int, reason: str, detail: str, errors: Mapping[str, str]) -> ApiError:
    """The class that fits a refused call."""
    plain = ApiError(method, path, status, reason, detail, errors)
    kinds: dict[int, type[ApiError]] = {401: NotAuthenticated, 403: PermissionDenied}
    kind = NodeUnreachable if 595 <= status <= 599 else kinds.get(plain.status, ApiError)
    return plain if kind is ApiError else kind(method, path, status, reason, detail, errors)
