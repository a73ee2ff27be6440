# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From an exception of the HTTP library to one sentence that says what to set. Private to this collection."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import (
    AnswerLost,
    NotTrusted,
    ProxmoxError,
    TimedOut,
    Unreachable,
)

try:
    import requests
    import urllib3.exceptions as transport_errors
except ImportError:  # the adapter says which library is missing before anything here is called
    pass

_HANDSHAKE = re.compile("verify failed|mismatch|doesn't match|WRONG_VERSION_NUMBER|UNSUPPORTED_PROTOCOL")
"""What TLS says before any request is sent. Other words may come at any time, also after it was."""


def diagnosed(failure: requests.RequestException, address: str, method: str, path: str, timeout: float) -> ProxmoxError:
    """The error to raise for a failed exchange with ``address`` (``host:port``).

    ``Unreachable`` only where the request was certainly not carried out; everything else is ``AnswerLost``.
    """
    chain = list(_causes(failure))
    text = " ".join(str(cause) for cause in chain)
    if isinstance(failure, requests.exceptions.ProxyError):
        return Unreachable(f"The HTTP proxy on the way to {address} fails: check HTTPS_PROXY and NO_PROXY.")
    if isinstance(failure, requests.exceptions.SSLError) and _HANDSHAKE.search(text):
        return NotTrusted(_untrusted(text, address))
    if any(isinstance(cause, socket.gaierror) for cause in chain):
        return Unreachable(
            f"The host name of {address} cannot be resolved: check api_host (PROXMOX_HOST) and the DNS of the machine "
            "that runs this task."
        )
    if isinstance(failure, requests.exceptions.ConnectTimeout):
        return Unreachable(
            f"{address} does not answer within {timeout:g} s: check that the node is up and that no firewall is in "
            "between, or raise api_timeout (PROXMOX_API_TIMEOUT)."
        )
    if any(isinstance(cause, ConnectionRefusedError) for cause in chain):
        return Unreachable(
            f"{address} refuses the connection: check api_host and api_port (PROXMOX_HOST, PROXMOX_PORT), and that "
            "pveproxy runs there."
        )
    if any(isinstance(cause, transport_errors.NewConnectionError) for cause in chain):
        return Unreachable(f"{address} cannot be reached ({_last(chain)}): check api_host, the route and the node.")
    if isinstance(failure, requests.exceptions.InvalidURL):
        return Unreachable(f"'{address}' is not a host and port: check api_host and api_port.")
    if isinstance(failure, requests.exceptions.ReadTimeout):
        return TimedOut(
            f"{address} took {method} {path} but did not answer within {timeout:g} s: raise api_timeout "
            "(PROXMOX_API_TIMEOUT) if the node is only slow."
        )
    return AnswerLost(f"The connection to {address} broke during {method} {path} ({_last(chain)}).")


def _untrusted(text: str, address: str) -> str:
    if "mismatch" in text or "doesn't match" in text:
        return (
            f"The certificate of {address} was made for another name: set api_host (PROXMOX_HOST) to a name that "
            "stands in it."
        )
    if "expired" in text:
        return f"The certificate of {address} has expired: renew it on the node (pvecm updatecerts --force)."
    if "CERTIFICATE_VERIFY_FAILED" in text or "certificate verify failed" in text:
        return (
            f"The certificate of {address} is not trusted: set ca_path (PROXMOX_CA_PATH) to a copy of the cluster's "
            "/etc/pve/pve-root-ca.pem, or validate_certs to false if you accept anybody in between."
        )
    return f"No TLS connection to {address} ({text[:200]}): check that api_port is the port of pveproxy."


def _causes(failure: BaseException) -> Iterator[BaseException]:
    """The exception and everything that it wraps; urllib3 hides causes in ``reason`` and ``args``."""
    seen: set[int] = set()
    waiting: list[BaseException] = [failure]
    while waiting:
        cause = waiting.pop()
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        inner = [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]
        waiting.extend(reversed([item for item in inner if isinstance(item, BaseException)]))


def _last(chain: list[BaseException]) -> str:
    """The innermost words, without the library's object addresses."""
    for cause in reversed(chain):
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
    return type(chain[-1]).__name__
