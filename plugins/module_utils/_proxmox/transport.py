# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The session below proxmoxer: counting, the answer's hidden parts, tickets. Private to this collection.

proxmoxer drops an error body's ``message``, the ``total`` beside ``data`` and the headers, follows redirects with the
credentials, and logs in outside of its session. All of that is mended here, once.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.diagnosis import diagnosed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import (
    BadAnswer,
    NotAuthenticated,
    error_of,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.options import (
    ConnectionOptions,
    PasswordCredentials,
    TokenCredentials,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.tls import with_proxmox_tls

LIBRARY_ERROR: Exception | None
try:
    import requests
    from proxmoxer.backends.https import Backend, ProxmoxHTTPAuth
    from proxmoxer.core import ProxmoxResource, ResourceException

    LIBRARY_ERROR = None
except ImportError as error:  # said by the adapter with the name of the interpreter
    LIBRARY_ERROR = error
    ProxmoxHTTPAuth = object


@dataclass(frozen=True)
class Answer:
    """What came back: ``data``, the number of entries that a longer list has, and the answering node's clock."""

    data: Any
    total: int | None
    date: float | None


class RequestCounter:
    """Counts requests over all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.value = 0

    def add(self) -> None:
        """One more request is going out."""
        with self._lock:
            self.value += 1


class Endpoint:
    """One API server of the cluster. Used from several threads; each has a session of its own."""

    def __init__(self, host: str, options: ConnectionOptions, counter: RequestCounter) -> None:
        self._options = options
        self._counter = counter
        self._local = threading.local()
        self._login = threading.Lock()
        self._backend: Backend | None = None
        shown = f"[{host}]" if ":" in host and not host.startswith("[") else host
        self.host = host
        self.address = f"{shown}:{options.port}"

    def call(self, method: str, path: str, parameters: dict[str, Any]) -> Answer:
        """One exchange, once. A ticket that is no longer accepted is replaced and the call sent again.

        :raises ProxmoxError: of the class that tells whether the request can have been carried out.
        """
        backend = self._entered(method, path)
        try:
            return self._exchange(backend, method, path, parameters)
        except NotAuthenticated:
            # 401 is answered before anything is carried out, so that sending again is safe, also for a POST.
            if isinstance(self._options.credentials, TokenCredentials):
                raise
        return self._exchange(self._entered(method, path, rejected=backend), method, path, parameters)

    def _exchange(self, backend: Backend, method: str, path: str, parameters: dict[str, Any]) -> Answer:
        session = self._session(backend)
        resource = ProxmoxResource(base_url=f"{backend.get_base_url()}/{path}", session=session, serializer=_AsIs())
        self._counter.add()
        try:
            response = getattr(resource, method.lower())(**parameters)
        except ResourceException:
            raise _refusal(method, path, session.answered()) from None
        except requests.RequestException as failure:
            raise diagnosed(failure, self.address, method, path, self._options.timeout) from failure
        if response is None:
            raise BadAnswer(
                f"{self.address} redirects {method} {path}: check that api_host and api_port are pveproxy's."
            )
        return self._understood(response, method, path)

    def _understood(self, response: requests.Response, method: str, path: str) -> Answer:
        try:
            body = json.loads(response.content)
            data = body["data"]
        except (ValueError, TypeError, KeyError):
            raise BadAnswer(
                f"{self.address} answered {method} {path} with something that is not Proxmox VE's: check api_host and "
                "api_port."
            ) from None
        total = body.get("total")
        return Answer(data, total if isinstance(total, int) else None, _date(response))

    def _entered(self, method: str, path: str, rejected: Backend | None = None) -> Backend:
        """The login that all threads share; a new one where there is none, or only the ``rejected`` one."""
        with self._login:
            if self._backend is None or self._backend is rejected:
                try:
                    self._backend = self._new_backend()
                except requests.RequestException as failure:
                    raise diagnosed(failure, self.address, method, path, self._options.timeout) from failure
            return self._backend

    def _new_backend(self) -> Backend:
        options = self._options
        known: dict[str, Any] = {
            "host": self.host,
            "port": options.port,
            "verify_ssl": options.verify,
            "timeout": options.timeout,
        }
        creds = options.credentials
        if isinstance(creds, TokenCredentials):
            return Backend(user=creds.user, token_name=creds.name, token_value=creds.secret, **known)
        # With a token the backend logs nobody in; the ticket is then made by the class below, which is counted.
        backend = Backend(user=creds.user, token_name="unused", token_value="unused", **known)  # noqa: S106
        backend.auth = _TicketAuth(creds, backend.get_base_url(), options, self._counter)
        return backend

    def _session(self, backend: Backend) -> _Session:
        """This thread's session; requests' sessions are not made for several threads."""
        known: tuple[Backend, _Session] | None = getattr(self._local, "known", None)
        if known is None or known[0] is not backend:
            known = (backend, _Session(with_proxmox_tls(backend.get_session(), self._options.verify)))
            self._local.known = known
        return known[1]


class _Session:
    """proxmoxer's session with what it forgets: the last response, and no redirects (they would carry credentials)."""

    def __init__(self, session: requests.Session) -> None:
        self._session = session
        self.last: requests.Response | None = None

    def answered(self) -> requests.Response:
        """The last response; proxmoxer raises its ResourceException for nothing else."""
        if self.last is None:
            raise BadAnswer("An answer was expected and none is there.")
        return self.last

    def request(self, method: str, url: str, data: Any = None, params: Any = None) -> requests.Response:
        self.last = None
        self.last = self._session.request(method, url, data=data, params=params, allow_redirects=False)
        return self.last


class _AsIs:
    """A serializer that leaves the answer to the caller; proxmoxer's own turns a broken body into data."""

    def loads(self, response: requests.Response) -> requests.Response:
        return response

    def loads_errors(self, _response: requests.Response) -> None:
        return None


class _TicketAuth(ProxmoxHTTPAuth):  # type: ignore[misc]
    """proxmoxer's ticket, renewed by it after an hour, with its requests counted and one renewal at a time."""

    pve_auth_ticket: str

    def __init__(
        self, creds: PasswordCredentials, base_url: str, options: ConnectionOptions, counter: RequestCounter
    ) -> None:
        self._counter = counter
        self._renewal = threading.Lock()
        super().__init__(
            creds.user, creds.password, base_url=base_url, timeout=options.timeout, verify_ssl=options.verify
        )

    def _get_new_tokens(self, password: str | None = None, **_second_factor: object) -> None:
        """Log in, or with no password renew the ticket: Proxmox takes the old one for a password."""
        self._counter.add()
        session = with_proxmox_tls(requests.Session(), self.verify_ssl)
        with session:
            response = session.post(
                f"{self.base_url}/access/ticket",
                data={"username": self.username, "password": password or self.pve_auth_ticket},
                verify=self.verify_ssl,
                timeout=self.timeout,
                allow_redirects=False,
            )
        if response.status_code != requests.codes.ok:
            raise _refusal("POST", "access/ticket", response)
        try:
            data = json.loads(response.content)["data"]
            ticket, token = (None, None) if data.get("NeedTFA") else (data["ticket"], data["CSRFPreventionToken"])
        except (AttributeError, KeyError, TypeError, ValueError):
            ticket = token = None
        if not ticket:
            raise BadAnswer(
                "The answer to the login holds no ticket: check api_host and api_port; a user with a second factor "
                "needs an API token."
            )
        self.birth_time = time.monotonic()
        self.pve_auth_ticket = ticket
        self.csrf_prevention_token = token

    def __call__(self, request: Any) -> Any:
        with self._renewal:
            return super().__call__(request)


def _refusal(method: str, path: str, response: requests.Response) -> Exception:
    try:
        body = json.loads(response.content)
    except ValueError:
        body = None
    fields: dict[str, Any] = body if isinstance(body, dict) else {}
    errors = fields.get("errors")
    return error_of(
        method,
        f"/{path}",
        response.status_code,
        response.reason or "",
        str(fields.get("message") or ""),
        errors if isinstance(errors, dict) else {},
    )


def _date(response: requests.Response) -> float | None:
    try:
        return parsedate_to_datetime(response.headers["Date"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return None
