# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From exceptions, nested as requests and urllib3 nest them, to what a person has to set.

What matters most is the class: ``Unreachable`` lets a write be sent to the next host, so it may only stand where the
request was certainly not carried out.
"""

from __future__ import annotations

import socket
import ssl
from http.client import RemoteDisconnected

import pytest
import requests
import urllib3.exceptions as http
from requests import exceptions as kinds
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.diagnosis import diagnosed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import (
    AnswerLost,
    NotTrusted,
    ProxmoxError,
    TimedOut,
    Unreachable,
)

POOL = HTTPSConnectionPool("pve1", 8006)
URL = "/api2/json/nodes/pve1/vzdump"


def _diagnosed(failure: requests.RequestException) -> ProxmoxError:
    return diagnosed(failure, "pve1:8006", "POST", "nodes/pve1/vzdump", 30.0)


def _from(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def _not_connected(cause: OSError) -> requests.RequestException:
    connection = HTTPSConnection("pve1", 8006)
    inner = http.NewConnectionError(connection, f"Failed to establish a new connection: {cause}")
    _from(inner, cause)
    return kinds.ConnectionError(http.MaxRetryError(POOL, URL, inner))


def _tls(words: str) -> requests.RequestException:
    return kinds.SSLError(http.MaxRetryError(POOL, URL, http.SSLError(ssl.SSLError(1, words))))


def test_a_refused_connection() -> None:
    error = _diagnosed(_not_connected(ConnectionRefusedError(111, "Connection refused")))
    assert error.__class__ is Unreachable
    assert error.message == (
        "pve1:8006 refuses the connection: check api_host and api_port (PROXMOX_HOST, PROXMOX_PORT), and that "
        "pveproxy runs there."
    )


def test_a_name_that_is_not_known() -> None:
    cause = socket.gaierror(-2, "Name or service not known")
    failures = [_not_connected(cause)]  # as urllib3 1.26 raises it
    if hasattr(http, "NameResolutionError"):
        inner = _from(http.NameResolutionError("pve1", HTTPSConnection("pve1", 8006), cause), cause)
        failures.append(kinds.ConnectionError(http.MaxRetryError(POOL, URL, inner)))
    for failure in failures:
        error = _diagnosed(failure)
        assert error.__class__ is Unreachable
        assert error.message == (
            "The host name of pve1:8006 cannot be resolved: check api_host (PROXMOX_HOST) and the DNS of the machine "
            "that runs this task."
        )


def test_a_host_that_takes_no_connection_in_time() -> None:
    inner = http.ConnectTimeoutError(HTTPSConnection("pve1", 8006), "Connection to pve1 timed out.")
    error = _diagnosed(kinds.ConnectTimeout(http.MaxRetryError(POOL, URL, inner)))
    assert error.__class__ is Unreachable
    assert error.message == (
        "pve1:8006 does not answer within 30 s: check that the node is up and that no firewall is in between, or raise "
        "api_timeout (PROXMOX_API_TIMEOUT)."
    )


def test_no_route() -> None:
    error = _diagnosed(_not_connected(OSError(113, "No route to host")))
    assert error.__class__ is Unreachable
    assert error.message == "pve1:8006 cannot be reached (No route to host): check api_host, the route and the node."


def test_a_proxy_in_between() -> None:
    inner = http.ProxyError("Unable to connect to proxy", OSError("Tunnel connection failed: 403 Forbidden"))
    error = _diagnosed(kinds.ProxyError(http.MaxRetryError(POOL, URL, inner)))
    assert error.__class__ is Unreachable
    assert error.message == "The HTTP proxy on the way to pve1:8006 fails: check HTTPS_PROXY and NO_PROXY."


def test_an_address_that_is_none() -> None:
    error = diagnosed(kinds.InvalidURL("Failed to parse: https://pve 1:8006"), "pve 1:8006", "GET", "version", 30)
    assert error.__class__ is Unreachable
    assert error.message == "'pve 1:8006' is not a host and port: check api_host and api_port."


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate in certificate chain",
            (
                "The certificate of pve1:8006 is not trusted: set ca_path (PROXMOX_CA_PATH) to a copy of the cluster's "
                "/etc/pve/pve-root-ca.pem, or validate_certs to false if you accept anybody in between."
            ),
        ),
        (
            (
                "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: Hostname mismatch, certificate is not "
                "valid for 'pve1'."
            ),
            (
                "The certificate of pve1:8006 was made for another name: set api_host (PROXMOX_HOST) to a name that "
                "stands in it."
            ),
        ),
        (
            "hostname 'pve1' doesn't match 'pve2.example.com'",
            (
                "The certificate of pve1:8006 was made for another name: set api_host (PROXMOX_HOST) to a name that "
                "stands in it."
            ),
        ),
        (
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired",
            "The certificate of pve1:8006 has expired: renew it on the node (pvecm updatecerts --force).",
        ),
    ],
)
def test_a_certificate_that_is_not_accepted(words: str, sentence: str) -> None:
    error = _diagnosed(_tls(words))
    assert error.__class__ is NotTrusted
    assert error.message == sentence


def test_a_port_that_speaks_no_tls() -> None:
    error = _diagnosed(_tls("[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1028)"))
    assert error.__class__ is NotTrusted
    assert error.message.startswith("No TLS connection to pve1:8006 (")
    assert "wrong version number" in error.message
    assert error.message.endswith("): check that api_port is the port of pveproxy.")


@pytest.mark.parametrize(
    "words",
    [
        "[SSL: DECRYPTION_FAILED_OR_BAD_RECORD_MAC] decryption failed or bad record mac (_ssl.c:2580)",
        "[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol (_ssl.c:2580)",
    ],
)
def test_tls_that_breaks_in_the_middle_may_have_carried_the_request(words: str) -> None:
    assert isinstance(_diagnosed(_tls(words)), AnswerLost)


def test_an_answer_that_does_not_come_in_time() -> None:
    inner = http.ReadTimeoutError(POOL, URL, "Read timed out. (read timeout=30)")
    error = _diagnosed(kinds.ReadTimeout(inner))
    assert error.__class__ is TimedOut
    assert error.message == (
        "pve1:8006 took POST nodes/pve1/vzdump but did not answer within 30 s: raise api_timeout "
        "(PROXMOX_API_TIMEOUT) if the node is only slow."
    )


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (ConnectionResetError(104, "Connection reset by peer"), "Connection reset by peer"),
        (BrokenPipeError(32, "Broken pipe"), "Broken pipe"),
        (RemoteDisconnected("Remote end closed connection without response"), "RemoteDisconnected"),
    ],
)
def test_a_connection_that_breaks(cause: Exception, words: str) -> None:
    error = _diagnosed(kinds.ConnectionError(http.ProtocolError("Connection aborted.", cause)))
    assert error.__class__ is AnswerLost
    assert error.message == f"The connection to pve1:8006 broke during POST nodes/pve1/vzdump ({words})."


@pytest.mark.parametrize("failure", [kinds.ChunkedEncodingError("cut"), kinds.ContentDecodingError("bad gzip")])
def test_whatever_else_there_is_counts_as_lost(failure: requests.RequestException) -> None:
    assert _diagnosed(failure).__class__ is AnswerLost


def test_causes_that_point_at_each_other_are_followed_once() -> None:
    failure = kinds.ConnectionError("one")
    other = OSError("two")
    failure.__context__, other.__context__ = other, failure
    assert _diagnosed(failure).__class__ is AnswerLost
