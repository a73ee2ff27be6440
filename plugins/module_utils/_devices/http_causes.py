# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why there is no answer of an HTTP service, in words for a person. Private to this collection."""

from __future__ import annotations

import http.client
import socket
import ssl

from ansible_collections.lifeboat.backup.plugins.module_utils._core.table import cell

LONGEST = 200
"""Characters of a foreign text that a sentence repeats."""

_BY_CLASS: tuple[tuple[type[Exception], str], ...] = (
    # UnicodeError: a label of the name is empty or too long, and no query for it can be written
    (socket.gaierror, "its name cannot be resolved"),
    (UnicodeError, "its name cannot be resolved"),
    (ConnectionRefusedError, "connection refused"),
    (http.client.RemoteDisconnected, "it closed the connection without an answer"),
    (http.client.BadStatusLine, "no HTTP answer"),
    (http.client.UnknownProtocol, "no HTTP answer"),
    (ConnectionError, "it broke the connection off"),
    (socket.timeout, "connection timed out"),
)
_BY_VERIFY_CODE = {
    9: "its certificate is not valid yet: compare its clock with the one of this machine",
    10: "its certificate has expired",
    62: "its certificate was made for another host name",
    64: "its certificate was made for another address",
}
"""X509_V_ERR_* of OpenSSL, as ssl.SSLCertVerificationError.verify_code has them."""
_NO_KNOWN_AUTHORITY = frozenset({2, 18, 19, 20, 21})


class NoAnswer(Exception):
    """There is no body to be had; the message is one sentence of the cause, without a full stop."""


def clipped(text: object) -> str:
    """Foreign text for a sentence: on one line, printable, and not too long."""
    return cell(text)[:LONGEST]


def cause_of(failure: Exception, own_authority: bool = False) -> str:
    """The words for what sockets, TLS and ``http.client`` raise; ``own_authority`` says that ca_path is set."""
    if isinstance(failure, ssl.SSLCertVerificationError):
        return _untrusted(failure, own_authority)
    if isinstance(failure, ssl.SSLError):
        reason = clipped(getattr(failure, "reason", None) or failure).replace("_", " ").lower()
        return f"TLS failed ({reason}): is this port one for https?"
    for kind, words in _BY_CLASS:
        if isinstance(failure, kind):
            return words
    if isinstance(failure, OSError):
        return clipped(failure.strerror or failure).lower()
    return f"no HTTP answer ({clipped(failure)})"


def _untrusted(failure: ssl.SSLCertVerificationError, own_authority: bool) -> str:
    if failure.verify_code in _BY_VERIFY_CODE:
        return _BY_VERIFY_CODE[failure.verify_code]
    if failure.verify_code not in _NO_KNOWN_AUTHORITY:
        return f"its certificate is not accepted ({clipped(failure.verify_message)})"
    if own_authority:
        return "its certificate is not trusted: it was not signed by the authority in ca_path"
    return "its certificate is not trusted: set ca_path to the certificate of the authority that signed it"
