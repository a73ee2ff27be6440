# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asking HTTP services over TLS: which certificates are taken, and what is said of the others."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ansible_collections.lifeboat.backup.plugins.module_utils._devices.fetch import Trust, fetch_all
from harness.raw_server import BODY, OK, RawServer, drips, hangs, says
from pve_simulator.web import certificate
from pve_simulator.web.certificate import Certificates

PLENTY = 4.0


@pytest.fixture
def files(tmp_path: Path) -> Certificates:
    """An authority and a server's certificate for loopback."""
    return certificate.ensure(tmp_path)


@pytest.fixture
def settings(files: Certificates) -> ssl.SSLContext:
    """What a server needs to show that certificate."""
    return serving(files.server, files.key)


def serving(shown: Path, key: Path) -> ssl.SSLContext:
    """What a server needs to show a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown, key)
    return context


def self_made(folder: Path, days: int) -> tuple[Path, Path]:
    """A certificate that vouches for itself, valid for ten days until so many days from now; and its key."""
    end = dt.datetime.now(dt.timezone.utc) + dt.timedelta(days=days)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - dt.timedelta(days=10))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "made.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "made.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "made.pem", folder / "made.key"


def test_a_certificate_of_the_authority_in_ca_path(files: Certificates, settings: ssl.SSLContext) -> None:
    with RawServer(says(OK, BODY), tls=settings) as server:
        [answer] = fetch_all([server.url], PLENTY, Trust(ca_path=str(files.ca)))
    assert (answer.url, answer.body, answer.error) == (server.url, BODY, None)


def test_an_authority_without_formalities(tmp_path: Path) -> None:
    files = certificate.ensure(tmp_path / "plain", formal=False)
    with RawServer(says(OK, BODY), tls=serving(files.server, files.key)) as server:
        assert fetch_all([server.url], PLENTY, Trust(ca_path=str(files.ca)))[0].body == BODY


def test_a_certificate_nobody_trusts(settings: ssl.SSLContext) -> None:
    with RawServer(says(OK, BODY), tls=settings) as server:
        [answer] = fetch_all([server.url], PLENTY, Trust())
    assert (answer.body, answer.error) == (
        None,
        "its certificate is not trusted: set ca_path to the certificate of the authority that signed it",
    )
    assert server.requests == []


def test_a_certificate_of_another_authority(tmp_path: Path, settings: ssl.SSLContext) -> None:
    other, _key = self_made(tmp_path, days=5)
    with RawServer(says(OK, BODY), tls=settings) as server:
        [answer] = fetch_all([server.url], PLENTY, Trust(ca_path=str(other)))
    assert answer.error == "its certificate is not trusted: it was not signed by the authority in ca_path"


def test_certificates_that_need_not_be_valid(settings: ssl.SSLContext) -> None:
    with RawServer(says(OK, BODY), tls=settings) as server:
        trust = Trust(validate_certs=False, ca_path="/nowhere/ca.pem")
        assert fetch_all([server.url], PLENTY, trust)[0].body == BODY


@pytest.mark.parametrize(
    ("days", "error"),
    [
        (-1, "its certificate has expired"),
        (11, "its certificate is not valid yet: compare its clock with the one of this machine"),
    ],
)
def test_a_certificate_at_the_wrong_time(tmp_path: Path, days: int, error: str) -> None:
    shown, key = self_made(tmp_path, days)
    with RawServer(says(OK, BODY), tls=serving(shown, key)) as server:
        assert fetch_all([server.url], PLENTY, Trust(ca_path=str(shown)))[0].error == error


def test_a_certificate_of_another_host(
    files: Certificates, settings: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _host, port, **more: real("127.0.0.2", port, **more))
    with RawServer(says(OK, BODY), host="127.0.0.2", tls=settings) as server:
        urls = [server.url, f"https://node.example:{server.port}/status"]
        answers = fetch_all(urls, PLENTY, Trust(ca_path=str(files.ca)))
    assert [answer.error for answer in answers] == [
        "its certificate was made for another address",
        "its certificate was made for another host name",
    ]
    assert server.requests == []


@pytest.mark.parametrize(
    ("content", "why"), [(None, "no such file or directory"), ("not a certificate", "no certificate in it")]
)
def test_a_ca_path_that_is_none(tmp_path: Path, content: str | None, why: str) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content, encoding="ascii")
    with RawServer(says(OK, BODY)) as plain:
        secure = plain.url.replace("http:", "https:")
        answers = fetch_all([secure, plain.url, secure], PLENTY, Trust(ca_path=str(path)))
    expected = f"ca_path {path} cannot be used ({why})"
    assert [answer.error for answer in answers] == [expected, None, expected]


def test_a_port_that_does_not_speak_tls() -> None:
    answer_to_anything = b"HTTP/1.0 400 Bad Request\r\n\r\n"
    with RawServer(says(answer_to_anything), eager=True) as server:
        [answer] = fetch_all([server.url.replace("http:", "https:")], PLENTY, Trust())
    assert answer.error in {
        "TLS failed (wrong version number): is this port one for https?",
        "TLS failed (record layer failure): is this port one for https?",
    }


def test_http_to_a_port_that_speaks_tls(settings: ssl.SSLContext) -> None:
    with RawServer(says(OK, BODY), tls=settings) as server:
        [answer] = fetch_all([server.url.replace("https:", "http:")], PLENTY, Trust())
    assert answer.body is None
    assert answer.error in {
        "no HTTP answer",
        "it closed the connection without an answer",
        "it broke the connection off",
    }


def test_a_handshake_that_hangs_or_drips() -> None:
    # The first bytes of a record of TLS 1.2 that is 16 KiB long
    with (
        RawServer(hangs(), eager=True) as silent,
        RawServer(drips(b"\x16\x03\x03\x40\x00", b"\x02", 0.02), eager=True) as dripping,
    ):
        urls = [server.url.replace("http:", "https:") for server in (silent, dripping)]
        answers = fetch_all(urls, 0.4, Trust())
        assert dripping.closed.wait(1)
    assert [answer.error for answer in answers] == ["connected, but TLS was not agreed on within 0.4 s"] * 2
    assert max(answer.latency for answer in answers) < 0.9


def test_an_answer_over_tls_that_drips(files: Certificates, settings: ssl.SSLContext) -> None:
    with RawServer(drips(OK, b"x", 0.02), tls=settings) as server:
        [answer] = fetch_all([server.url], 0.4, Trust(ca_path=str(files.ca)))
        assert server.closed.wait(1)
    assert (answer.error or "").startswith("the answer was not complete after 0.4 s (")


def test_a_redirect_to_https_is_followed_but_not_back(files: Certificates, settings: ssl.SSLContext) -> None:
    trust = Trust(ca_path=str(files.ca))
    with RawServer(says(OK, BODY), tls=settings) as secure, RawServer(says(moved(secure.url))) as plain:
        assert fetch_all([plain.url], PLENTY, trust)[0].body == BODY
    with RawServer(says(OK, BODY)) as plain, RawServer(says(moved(plain.url)), tls=settings) as secure:
        assert fetch_all([secure.url], PLENTY, trust)[0].error == "redirects from https to http, which is not followed"
    assert plain.requests == []


def moved(location: str) -> bytes:
    """A redirect."""
    return f"HTTP/1.0 301 Moved Permanently\r\nLocation: {location}\r\n\r\n".encode()
