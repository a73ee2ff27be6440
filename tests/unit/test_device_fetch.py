# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asking devices over HTTP, what is pure of it: addresses, redirects, clocks and words."""

from __future__ import annotations

import errno
import http.client
import os
import socket
import ssl
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.fetch import Trust, checked_url, fetch_all
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.http_causes import NoAnswer, cause_of
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.http_read import clock_offset, redirected


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://node", "http://node"),
        ("http://node/", "http://node"),
        ("http://node//", "http://node"),
        ("https://node.example:8443/lab/", "https://node.example:8443/lab"),
        ("http://192.0.2.7:8090", "http://192.0.2.7:8090"),
        ("http://[2001:db8::7]:8093/", "http://[2001:db8::7]:8093"),
        ("HTTP://Node", "HTTP://Node"),
        ("http://node:1", "http://node:1"),
        ("http://node:65535", "http://node:65535"),
        ("http://bücher.example", "http://bücher.example"),
    ],
)
def test_an_address_is_taken_without_its_last_slash(text: str, url: str) -> None:
    assert checked_url(text, "node_url") == url


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("node:8090", "'node:8090' is not an http or https address; begin it with http:// or https://"),
        ("node", "'node' is not an http or https address; begin it with http:// or https://"),
        ("", "'' is not an http or https address; begin it with http:// or https://"),
        (
            "file:///etc/passwd",
            "'file:///etc/passwd' is not an http or https address; begin it with http:// or https://",
        ),
        ("ftp://node", "'ftp://node' is not an http or https address; begin it with http:// or https://"),
        ("http://", "'http://' names no host; write the host's name or address after http://"),
        ("https:///status", "'https:///status' names no host; write the host's name or address after https://"),
        ("http:node", "'http:node' names no host; write the host's name or address after http://"),
        ("http://:80", "'http://:80' names no host; write the host's name or address after http://"),
        (r"http://node\x", r"'http://node\x' names no host; write the host's name or address after http://"),
        (
            "http://[::1",
            "'http://[::1' names no host; an IPv6 address stands in brackets, other hosts are written plainly",
        ),
        ("http://node:0", "'http://node:0' has a port that is no number from 1 to 65535; correct it, or leave it out"),
        (
            "http://node:65536",
            "'http://node:65536' has a port that is no number from 1 to 65535; correct it, or leave it out",
        ),
        ("http://node:", "'http://node:' has a port that is no number from 1 to 65535; correct it, or leave it out"),
        (
            "http://node:http",
            "'http://node:http' has a port that is no number from 1 to 65535; correct it, or leave it out",
        ),
        (
            "http://node:+80",
            "'http://node:+80' has a port that is no number from 1 to 65535; correct it, or leave it out",
        ),
        (
            "http://node:٨٠",
            "'http://node:٨٠' has a port that is no number from 1 to 65535; correct it, or leave it out",
        ),
        ("http://node?x=1", "'http://node?x=1' has a query or a fragment in it; leave out what follows ? or #"),
        ("http://node/#", "'http://node/#' has a query or a fragment in it; leave out what follows ? or #"),
        ("http://no de", "the address has blanks or control characters in it; write it without"),
        (" http://node", "the address has blanks or control characters in it; write it without"),
        ("http://node\n", "the address has blanks or control characters in it; write it without"),
        ("http://node\x00", "the address has blanks or control characters in it; write it without"),
        ("http://node\u202e", "the address has blanks or control characters in it; write it without"),
        ("http://no\u3000de", "the address has blanks or control characters in it; write it without"),
    ],
)
def test_an_address_that_cannot_be_asked_says_what_to_write(text: str, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        checked_url(text, "node_url")
    assert caught.value.message == f"node_url: {sentence}, such as http://node.example:8090."


@pytest.mark.parametrize(
    "text",
    [
        "http://someone:hunter2@node",
        "http://someone:hun/ter2@node",
        "http://someone:hun#ter2@node",
        "http://someone:hun?ter2@node:x",
        "http://someone:12/hunter2@node",
        "someone:hunter2@node",
        "http://hunter2@node",
        "http://someone:hun ter2@node",
        "http://[hunter2@node",
    ],
)
def test_a_password_in_an_address_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InputError) as caught:
        checked_url(text, "node_url")
    assert "leave out the user and the password" in caught.value.message or " " in text
    for secret in ("hunter2", "someone", "hun", "ter2", "12"):
        assert secret not in caught.value.message


def said_or_taken(text: str) -> str:
    """The address as it is taken, or the sentence with which it is refused."""
    try:
        return checked_url(text, "node_url")
    except InputError as refused:
        return refused.message


@given(st.text())
def test_any_text_is_an_address_or_refused_in_one_line(text: str) -> None:
    said = said_or_taken(text)
    assert said.isprintable()
    assert said.lower().startswith(("http://", "https://", "node_url: "))


@pytest.mark.parametrize(
    ("url", "location", "there"),
    [
        ("http://node/status", "http://node/status/", "http://node/status/"),
        ("http://node/status", "/elsewhere", "http://node/elsewhere"),
        ("http://node/a/b", "c?d=1", "http://node/a/c?d=1"),
        ("http://node:8090/status", "https://node/status", "https://node/status"),
        ("http://node/status", "//NODE:81/", "http://NODE:81/"),
        ("https://node/status", "https://node:8443/", "https://node:8443/"),
        ("http://[::1]:8090/", "/status", "http://[::1]:8090/status"),
        ("http://node/", "/a b\u00fc", "http://node/a%20b%FC"),
        ("http://node/", "/a\r\nX-Evil: 1", "http://node/a%0D%0AX-Evil:%201"),
    ],
)
def test_a_redirect_on_the_same_host_is_followed(url: str, location: str, there: str) -> None:
    assert redirected(url, location) == there


@pytest.mark.parametrize(
    ("url", "location", "sentence"),
    [
        ("http://node/", "http://evil.example/", "redirects to another host (evil.example), which is not followed"),
        ("http://node/", "//evil.example/", "redirects to another host (evil.example), which is not followed"),
        (
            "http://node/",
            "http://node@evil.example/",
            "redirects to another host (evil.example), which is not followed",
        ),
        (
            "http://node/",
            "http://node.evil.example/",
            "redirects to another host (node.evil.example), which is not followed",
        ),
        ("http://127.0.0.1/", "http://localhost/", "redirects to another host (localhost), which is not followed"),
        ("http://node/", "http://b\u00fccher/", "redirects to another host (b%FCcher), which is not followed"),
        ("https://node/", "http://node/", "redirects from https to http, which is not followed"),
        ("http://node/", "file:///etc/passwd", "redirects to another kind of address (file:), which is not followed"),
        ("http://node/", "ftp://node/x", "redirects to another kind of address (ftp:), which is not followed"),
        (
            "http://node/",
            "javascript:alert(1)",
            "redirects to another kind of address (javascript:), which is not followed",
        ),
        ("http://node/", "http://node:99999/", "redirects to no address that can be asked"),
        ("http://node/", "http://[node/", "redirects to no address that can be asked"),
        ("http://node/", "", "redirects without saying where to"),
        ("http://node/", None, "redirects without saying where to"),
    ],
)
def test_a_redirect_elsewhere_is_refused(url: str, location: str | None, sentence: str) -> None:
    with pytest.raises(NoAnswer) as caught:
        redirected(url, location)
    assert str(caught.value) == sentence


def where_to(location: str) -> str:
    """The redirect's target as it is followed, or why it is not."""
    try:
        return redirected("https://node/status", location)
    except NoAnswer as refused:
        return str(refused)


@given(st.text(st.characters(max_codepoint=255)))
@example("http:\\\\evil.example\\")
@example("http://node\\@evil.example/")
@example("http:///evil.example")
def test_no_redirect_leaves_the_host(location: str) -> None:
    there = where_to(location)
    assert there.isprintable()
    assert urlsplit(there).hostname == "node" or there.startswith("redirects ")


def test_the_clock_offset_is_to_the_middle_of_the_exchange() -> None:
    assert clock_offset("Thu, 01 Jan 2026 00:00:00 GMT", 1767225600.0, 1767225604.0) == -2.0
    assert clock_offset("Thu, 01 Jan 2026 01:00:00 GMT", 1767225600.0, 1767225600.0) == 3600.0
    assert clock_offset("Thu, 01 Jan 1970 00:00:10 GMT", 1767225600.0, 1767225600.0) == 10 - 1767225600.0


@pytest.mark.parametrize(
    "date",
    [
        "Thu, 01 Jan 2026 02:00:00 +0200",
        "Wed, 31 Dec 2025 19:00:00 -0500",
        "Thu, 01 Jan 2026 00:00:00 -0000",
        "1 Jan 2026 00:00 +0000",
        "Thu, 01 Jan 2026 00:00:00",
    ],
)
def test_the_same_moment_in_other_zones(date: str) -> None:
    assert clock_offset(date, 1767225600.0, 1767225600.0) == 0.0


@pytest.mark.parametrize(
    "date",
    [
        None,
        "",
        " ",
        "now",
        "0",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "Wed, 31 Dec 1969 23:59:59 GMT",
        "Fri, 01 Jan 2100 00:00:00 GMT",
        "Thu, 32 Jan 2026 00:00:00 GMT",
        "Thu, 01 Jan 2026 25:00:00 GMT",
        "Thu, 01 Jan 2026 00:00:00 +9999",
        "Thu, 01 Jan 2026 00:00:00 +99999999999999999999",
        "Thu, 01 Jan 99999999999999999999 00:00:00 GMT",
        "2026-01-01T00:00:00Z",
    ],
)
def test_a_date_that_no_clock_can_show_gives_no_offset(date: str | None) -> None:
    assert clock_offset(date, 1767225600.0, 1767225600.0) is None


DATE_WORDS = st.sampled_from(
    ["Thu,", "01", "Jan", "2026", "00:00:00", "GMT", "+0200", "-", ":", "(", ")", "9" * 30, "PM"]
)


@given(st.one_of(st.text(), st.lists(DATE_WORDS, max_size=8).map(" ".join)))
@example("Fri, 31 Dec 9999 23:59:59 +0000")
def test_no_date_is_an_error(date: str) -> None:
    offset = clock_offset(date, 1767225600.0, 1767225600.0)
    assert offset is None or -1767225600.0 <= offset < 2400000000.0


def system_error(number: int) -> OSError:
    """What a socket raises with this number: the class is chosen by it."""
    return OSError(number, os.strerror(number))


def untrusted(code: int, message: str) -> ssl.SSLCertVerificationError:
    failure = ssl.SSLCertVerificationError(1, "certificate verify failed")
    failure.verify_code = code
    failure.verify_message = message
    return failure


def tls_failure(reason: str | None) -> ssl.SSLError:
    failure = ssl.SSLError(1, "something \x1b[31m of TLS")
    if reason:
        failure.reason = reason
    return failure


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (system_error(errno.ECONNREFUSED), "connection refused"),
        (system_error(errno.EHOSTUNREACH), "no route to host"),
        (system_error(errno.ENETUNREACH), "network is unreachable"),
        (system_error(errno.ETIMEDOUT), "connection timed out"),
        (system_error(errno.ECONNRESET), "it broke the connection off"),
        (system_error(errno.EPIPE), "it broke the connection off"),
        (socket.timeout("timed out"), "connection timed out"),
        (OSError("said without a number"), "said without a number"),
        (socket.gaierror(-2, "Name or service not known"), "its name cannot be resolved"),
        (UnicodeError("label empty or too long"), "its name cannot be resolved"),
        (http.client.RemoteDisconnected("gone"), "it closed the connection without an answer"),
        (http.client.BadStatusLine("\x00\x01"), "no HTTP answer"),
        (http.client.UnknownProtocol("HTTP/9"), "no HTTP answer"),
        (
            http.client.LineTooLong("header line"),
            "no HTTP answer (got more than 65536 bytes when reading header line)",
        ),
        (ValueError("a\nb" + "x" * 300), f"no HTTP answer (a b{'x' * 197})"),
        (
            untrusted(18, "self-signed certificate"),
            "its certificate is not trusted: set ca_path to the certificate of the authority that signed it",
        ),
        (untrusted(10, "certificate has expired"), "its certificate has expired"),
        (
            untrusted(9, "certificate is not yet valid"),
            "its certificate is not valid yet: compare its clock with the one of this machine",
        ),
        (untrusted(62, "Hostname mismatch"), "its certificate was made for another host name"),
        (untrusted(64, "IP address mismatch"), "its certificate was made for another address"),
        (untrusted(23, "certificate revoked"), "its certificate is not accepted (certificate revoked)"),
        (tls_failure("WRONG_VERSION_NUMBER"), "TLS failed (wrong version number): is this port one for https?"),
    ],
)
def test_causes_are_said_in_words(failure: Exception, words: str) -> None:
    assert cause_of(failure) == words


def test_an_authority_that_was_given_is_not_asked_for_again() -> None:
    assert cause_of(untrusted(20, "unable to get local issuer certificate"), own_authority=True) == (
        "its certificate is not trusted: it was not signed by the authority in ca_path"
    )


def test_foreign_text_in_a_cause_does_not_act_on_a_terminal() -> None:
    assert "\x1b" not in cause_of(tls_failure(None))


def test_nothing_to_ask() -> None:
    assert fetch_all([], 0.1, Trust()) == []
