# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where Proxmox is and who asks: options, environment, and what is said when they can't be right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.options import (
    ConnectionOptions,
    PasswordCredentials,
    TokenCredentials,
    connection_options,
    misplaced_secrets,
)

SECRET = "0639549a-9a7f-4e78-9382-e2ec4e026dc4"
TOKEN = {"api_token_id": "backup@pve!op", "api_token_secret": SECRET}
MINIMAL = {"api_host": "pve1", **TOKEN}


def _refusal(params: dict[str, Any], environ: dict[str, str] | None = None) -> str:
    with pytest.raises(InputError) as caught:
        connection_options(params, environ or {})
    return caught.value.message


def test_a_host_and_a_token_are_enough() -> None:
    assert connection_options(MINIMAL, {}) == ConnectionOptions(
        ("pve1",), 8006, TokenCredentials("backup@pve", "op", SECRET), True, 30.0
    )


def test_everything_can_come_from_the_environment(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("")
    environ = {
        "PROXMOX_HOST": "pve1",
        "PROXMOX_PORT": "443",
        "PROXMOX_USER": "backup@pve",
        "PROXMOX_PASSWORD": "a password",
        "PROXMOX_FALLBACK_HOSTS": "pve2, pve3,,pve1",
        "PROXMOX_VALIDATE_CERTS": "Yes",
        "PROXMOX_CA_PATH": str(authority),
        "PROXMOX_API_TIMEOUT": "90",
    }
    assert connection_options({}, environ) == ConnectionOptions(
        ("pve1", "pve2", "pve3"), 443, PasswordCredentials("backup@pve", "a password"), str(authority), 90.0
    )


def test_an_option_beats_its_variable() -> None:
    environ = {
        "PROXMOX_HOST": "other",
        "PROXMOX_PORT": "1",
        "PROXMOX_TOKEN_ID": "other@pve!t",
        "PROXMOX_TOKEN_SECRET": "other",
        "PROXMOX_VALIDATE_CERTS": "true",
        "PROXMOX_API_TIMEOUT": "1",
        "PROXMOX_FALLBACK_HOSTS": "other2",
    }
    params = {**MINIMAL, "api_port": 8443, "validate_certs": False, "api_timeout": 5, "api_fallback_hosts": []}
    assert connection_options(params, environ) == ConnectionOptions(
        ("pve1",), 8443, TokenCredentials("backup@pve", "op", SECRET), False, 5.0
    )


def test_hosts_are_tried_in_the_order_given_each_once() -> None:
    params = {**MINIMAL, "api_fallback_hosts": ["pve3", " pve2 ", "pve1", "", "pve3"]}
    assert connection_options(params, {}).hosts == ("pve1", "pve3", "pve2")


@pytest.mark.parametrize("host", ["pve1", "pve1.example.com", "192.0.2.7", "2001:db8::7", "[2001:db8::7]", "a_b"])
def test_names_and_addresses_are_hosts(host: str) -> None:
    assert connection_options({**MINIMAL, "api_host": f" {host} "}, {}).hosts == (host,)


@pytest.mark.parametrize("host", ["https://pve1", "pve1:8006", "pve1/", "pve 1", "root:secret@pve1", "pve1?x", "pvé"])
@pytest.mark.parametrize("option", ["api_host", "api_fallback_hosts"])
def test_an_address_with_more_than_a_host_is_refused_and_not_repeated(option: str, host: str) -> None:
    assert _refusal({**MINIMAL, option: [host] if option == "api_fallback_hosts" else host}) == (
        "api_host and api_fallback_hosts (PROXMOX_HOST, PROXMOX_FALLBACK_HOSTS) take a host name or address, without "
        "scheme, user, port or path; the port goes into api_port."
    )


@pytest.mark.parametrize("params", [{}, {"api_host": ""}, {"api_host": "  "}])
def test_a_missing_host(params: dict[str, Any]) -> None:
    assert _refusal({**TOKEN, **params}) == (
        "api_host is not set: give the host name of a Proxmox VE node, or set PROXMOX_HOST."
    )


@pytest.mark.parametrize("port", [1, 65535])
def test_every_port_is_one(port: int) -> None:
    assert connection_options({**MINIMAL, "api_port": port}, {}).port == port


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_that_is_none(port: int) -> None:
    assert _refusal({**MINIMAL, "api_port": port}) == (
        f"api_port (PROXMOX_PORT): {port} is not a port number; it is 8006 on most clusters."
    )


def test_a_variable_that_is_no_number() -> None:
    assert _refusal(MINIMAL, {"PROXMOX_PORT": "https"}) == "api_port (PROXMOX_PORT): 'https' is not a whole number."
    assert _refusal(MINIMAL, {"PROXMOX_API_TIMEOUT": "5s"}) == (
        "api_timeout (PROXMOX_API_TIMEOUT): '5s' is not a whole number."
    )


def test_a_second_is_a_time() -> None:
    assert connection_options({**MINIMAL, "api_timeout": 1}, {}).timeout == 1.0


@pytest.mark.parametrize("timeout", [0, -5])
def test_no_time_at_all(timeout: int) -> None:
    assert _refusal({**MINIMAL, "api_timeout": timeout}) == (
        "api_timeout (PROXMOX_API_TIMEOUT) is in seconds and at least 1."
    )


@pytest.mark.parametrize(("written", "verify"), [("1", True), ("ON", True), ("", True), ("0", False), ("No", False)])
def test_the_variable_for_certificates(written: str, verify: bool) -> None:
    assert connection_options(MINIMAL, {"PROXMOX_VALIDATE_CERTS": written}).verify is verify


def test_a_variable_for_certificates_that_is_neither() -> None:
    assert _refusal(MINIMAL, {"PROXMOX_VALIDATE_CERTS": "Maybe"}) == (
        "PROXMOX_VALIDATE_CERTS: 'maybe' is neither true nor false."
    )


def test_the_authority_is_a_file_that_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "ca.pem").write_text("")
    assert connection_options({**MINIMAL, "ca_path": "~/ca.pem"}, {}).verify == str(tmp_path / "ca.pem")


@pytest.mark.parametrize("missing", ["~/missing.pem", "/missing/ca.pem", "~nobody-of-this-name/ca.pem"])
def test_an_authority_that_is_not_there(missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    where = " (seen from where modules run; write the whole path)" if missing.startswith("~nobody") else ""
    assert _refusal({**MINIMAL, "ca_path": missing}) == (
        f"ca_path (PROXMOX_CA_PATH): there is no '{missing}'{where}; name a file with the certificate authority, such "
        "as a copy of the cluster's /etc/pve/pve-root-ca.pem."
    )


def test_without_verification_the_authority_does_not_matter() -> None:
    assert connection_options({**MINIMAL, "validate_certs": False, "ca_path": "/missing"}, {}).verify is False


@pytest.mark.parametrize(
    ("params", "environ", "credentials"),
    [
        ({"api_token_id": "op", "api_user": "backup@pve"}, {"PROXMOX_TOKEN_SECRET": SECRET}, "token"),
        ({"api_token_id": "op", "api_user": "backup@pve!op", "api_token_secret": SECRET}, {}, "token"),
        ({"api_token_secret": SECRET}, {"PROXMOX_TOKEN_ID": "backup@pve!op"}, "token"),
        ({**TOKEN, "api_password": "secret", "api_user": "other@pve"}, {}, "token"),
        (TOKEN, {"PROXMOX_USER": "other@pve", "PROXMOX_PASSWORD": "other"}, "token"),
        (
            {},
            {
                "PROXMOX_TOKEN_ID": "backup@pve!op",
                "PROXMOX_TOKEN_SECRET": SECRET,
                "PROXMOX_USER": "other@pve",
                "PROXMOX_PASSWORD": "other",
            },
            "token",
        ),
        (
            {"api_user": "backup@pve", "api_password": "secret"},
            {"PROXMOX_TOKEN_ID": "other@pve!t", "PROXMOX_TOKEN_SECRET": "other"},
            "password",
        ),
        ({"api_password": "secret"}, {"PROXMOX_USER": "backup@pve"}, "password"),
    ],
)
def test_options_beat_the_environment_and_a_token_beats_a_password(
    params: dict[str, Any], environ: dict[str, str], credentials: str
) -> None:
    expected = {
        "token": TokenCredentials("backup@pve", "op", SECRET),
        "password": PasswordCredentials("backup@pve", "secret"),
    }
    assert connection_options({"api_host": "pve1", **params}, environ).credentials == expected[credentials]


def test_tasks_are_listed_under_this_name() -> None:
    assert TokenCredentials("backup@pve", "op", SECRET).authid == "backup@pve!op"
    assert PasswordCredentials("backup@pve", "x").authid == "backup@pve"


@pytest.mark.parametrize("credentials", [TokenCredentials("a@pve", "t", SECRET), PasswordCredentials("a@pve", SECRET)])
def test_the_secret_is_known_and_never_printed(credentials: TokenCredentials | PasswordCredentials) -> None:
    options = ConnectionOptions(("pve1",), 8006, credentials, True, 30.0)
    assert options.secrets == (SECRET,)
    assert SECRET not in repr(options)
    assert SECRET not in str(credentials)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {},
            (
                "No credentials: set api_token_id and api_token_secret (PROXMOX_TOKEN_ID, PROXMOX_TOKEN_SECRET), or "
                "api_user and api_password (PROXMOX_USER, PROXMOX_PASSWORD)."
            ),
        ),
        (
            {"api_user": "backup@pve"},
            (
                "No credentials: set api_token_id and api_token_secret (PROXMOX_TOKEN_ID, PROXMOX_TOKEN_SECRET), or "
                "api_user and api_password (PROXMOX_USER, PROXMOX_PASSWORD)."
            ),
        ),
        (
            {"api_token_secret": SECRET},
            "api_token_secret is set but api_token_id (PROXMOX_TOKEN_ID) is not: it is user@realm!token.",
        ),
        (
            {"api_token_id": "backup@pve!op"},
            "api_token_id is 'backup@pve!op' but api_token_secret (PROXMOX_TOKEN_SECRET) is not set.",
        ),
        (
            {"api_token_id": "backup@pve", "api_token_secret": SECRET},
            (
                "api_token_id (PROXMOX_TOKEN_ID) takes user@realm!token and nothing else; the secret goes into "
                "api_token_secret."
            ),
        ),
        (
            {"api_token_id": f"backup@pve!op={SECRET}", "api_token_secret": SECRET},
            (
                "api_token_id (PROXMOX_TOKEN_ID) takes user@realm!token and nothing else; the secret goes into "
                "api_token_secret."
            ),
        ),
        (
            {"api_token_id": "op", "api_token_secret": SECRET},
            "api_user (PROXMOX_USER) is not set: write user@realm, or api_token_id as user@realm!token.",
        ),
        (
            {"api_password": "secret"},
            "api_user (PROXMOX_USER) is not set: write user@realm, or api_token_id as user@realm!token.",
        ),
        (
            {"api_user": "root", "api_password": "secret"},
            "api_user (PROXMOX_USER) takes user@realm and nothing else, such as backup@pve.",
        ),
        (
            {"api_token_id": "root!op", "api_token_secret": SECRET},
            "api_user (PROXMOX_USER) takes user@realm and nothing else, such as backup@pve.",
        ),
    ],
)
def test_what_is_missing_is_said_without_the_secret(params: dict[str, Any], message: str) -> None:
    assert _refusal({"api_host": "pve1", **params}) == message
    assert SECRET not in message


@pytest.mark.parametrize(
    ("params", "environ", "secrets"),
    [
        (MINIMAL, {}, set()),
        ({"api_token_id": "op", "api_user": "backup@pve", "api_host": "2001:db8::7"}, {}, set()),
        ({"api_token_id": f"backup@pve!op={SECRET}"}, {}, {"pve!op", SECRET}),
        ({}, {"PROXMOX_TOKEN_ID": f"backup@pve!op={SECRET}"}, {"pve!op", SECRET}),
        ({"api_user": "backup@pve:a-password"}, {}, {"a-password"}),
        ({"api_host": "https://root:a-password@pve1"}, {}, {"a-password"}),
    ],
)
def test_a_secret_in_the_wrong_place_is_one_all_the_same(
    params: dict[str, Any], environ: dict[str, str], secrets: set[str]
) -> None:
    assert misplaced_secrets(params, environ) == secrets
