# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TLS as Proxmox VE's own certificates need it. Private to this collection.

From Python 3.13 on, urllib3 asks OpenSSL for strict checking by RFC 5280. The authority that a cluster makes for itself
has no key usage and the nodes' certificates name no key of the authority, so that every such cluster would be refused,
also with the right ca_path. Names, dates, signatures and the chain are checked as ever; only these formalities are not.
"""

from __future__ import annotations

import ssl
from typing import Any

try:
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util.ssl_ import create_urllib3_context
except ImportError:  # said by the adapter to Ansible before anything here is called
    HTTPAdapter = object  # type: ignore[misc,assignment]


class ProxmoxTls(HTTPAdapter):
    """Connections that accept a cluster's own authority; ``verify`` as in requests."""

    def __init__(self, verify: bool | str) -> None:
        self._verify = verify
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Called by requests; the context then gets the authorities from ``verify``."""
        super().init_poolmanager(*args, ssl_context=self._context(), **kwargs)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Called by requests where a proxy is used."""
        return super().proxy_manager_for(proxy, ssl_context=self._context(), **kwargs)

    def _context(self) -> ssl.SSLContext:
        context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED if self._verify else ssl.CERT_NONE)
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context


def with_proxmox_tls(session: requests.Session, verify: bool | str) -> requests.Session:
    """The session with these connections."""
    session.mount("https://", ProxmoxTls(verify))
    return session
