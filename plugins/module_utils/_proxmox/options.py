# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where Proxmox is and who asks: options and environment become one checked value. Private to this collection."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError

_USER = re.compile(r"^[^\s:/@!]+@[A-Za-z][A-Za-z0-9.\-_]+$")
_TOKEN_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9.\-_]+$")
_TOKEN_ID = re.compile(r"^(?:[^\s:/@!=]+@[A-Za-z][A-Za-z0-9.\-_]+!)?[A-Za-z][A-Za-z0-9.\-_]+$")
_HOST = re.compile(r"^(\[[0-9A-Fa-f:.%]+\]|[0-9A-Fa-f:.%]*:[0-9A-Fa-f:.%]*:[0-9A-Fa-f:.%]*|[A-Za-z0-9_.\-]+)$")
_TRUE = {"1", "true", "yes", "on", "y", "t"}
_FALSE = {"0", "false", "no", "off", "n", "f"}
_AFTER_A_MARK = re.compile(r"[=:@]([^=:@/]{6,})")


@dataclass(frozen=True)
class TokenCredentials:
    """An API token; ``user`` is ``user@realm``."""

    user: str
    name: str
    secret: str = field(repr=False)

    @property
    def authid(self) -> str:
        """The name under which Proxmox lists this token's tasks."""
        return f"{self.user}!{self.name}"


@dataclass(frozen=True)
class PasswordCredentials:
    """A user with a password, from which a ticket is made."""

    user: str
    password: str = field(repr=False)

    @property
    def authid(self) -> str:
        """The name under which Proxmox lists this user's tasks."""
        return self.user


@dataclass(frozen=True)
class ConnectionOptions:
    """Everything that is needed to talk to a cluster; hosts in the order in which they are tried."""

    hosts: tuple[str, ...]
    port: int
    credentials: TokenCredentials | PasswordCredentials
    verify: bool | str
    timeout: float

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""
        creds = self.credentials
        return (creds.secret if isinstance(creds, TokenCredentials) else creds.password,)


def connection_options(params: Mapping[str, Any], environ: Mapping[str, str]) -> ConnectionOptions:
    """Options and environment as one value.

    An option beats its environment variable; among credentials of the same origin a token beats a password.

    :raises InputError: when something is missing or can't be right, with the option and the variable to set.
    """
    host = _text(params, "api_host", environ, "PROXMOX_HOST")
    if not host:
        raise InputError("api_host is not set: give the host name of a Proxmox VE node, or set PROXMOX_HOST.")
    fallbacks = params.get("api_fallback_hosts")
    if fallbacks is None:
        fallbacks = [part.strip() for part in environ.get("PROXMOX_FALLBACK_HOSTS", "").split(",")]
    hosts = tuple(dict.fromkeys([host, *(str(name).strip() for name in fallbacks if str(name).strip())]))
    if not all(_HOST.match(name) for name in hosts):
        # Not repeated: what doesn't belong there may be a password.
        raise InputError(
            "api_host and api_fallback_hosts (PROXMOX_HOST, PROXMOX_FALLBACK_HOSTS) take a host name or address, "
            "without scheme, user, port or path; the port goes into api_port."
        )
    port = _number(params, "api_port", environ, "PROXMOX_PORT", 8006)
    if not 1 <= port <= 65535:
        raise InputError(f"api_port (PROXMOX_PORT): {port} is not a port number; it is 8006 on most clusters.")
    timeout = _number(params, "api_timeout", environ, "PROXMOX_API_TIMEOUT", 30)
    if timeout < 1:
        raise InputError("api_timeout (PROXMOX_API_TIMEOUT) is in seconds and at least 1.")
    return ConnectionOptions(hosts, port, _credentials(params, environ), _verify(params, environ), float(timeout))


def misplaced_secrets(params: Mapping[str, Any], environ: Mapping[str, str]) -> set[str]:
    """What may be a secret in an option that isn't one: behind a mark in a token id or user that isn't just that."""
    texts = {
        _text(params, "api_token_id", environ, "PROXMOX_TOKEN_ID"): _TOKEN_ID,
        _text(params, "api_user", environ, "PROXMOX_USER"): _USER,
        _text(params, "api_host", environ, "PROXMOX_HOST"): _HOST,
    }
    return {part for text, form in texts.items() if not form.match(text) for part in _AFTER_A_MARK.findall(text)}


def _text(params: Mapping[str, Any], option: str, environ: Mapping[str, str], variable: str) -> str:
    value = params.get(option)
    return str(environ.get(variable, "") if value is None else value).strip()


def _number(params: Mapping[str, Any], option: str, environ: Mapping[str, str], variable: str, default: int) -> int:
    text = _text(params, option, environ, variable)
    try:
        return int(text or default)
    except ValueError:
        raise InputError(f"{option} ({variable}): '{text}' is not a whole number.") from None


def _verify(params: Mapping[str, Any], environ: Mapping[str, str]) -> bool | str:
    wanted = params.get("validate_certs")
    if wanted is None:
        text = environ.get("PROXMOX_VALIDATE_CERTS", "").strip().lower() or "true"
        if text not in _TRUE | _FALSE:
            raise InputError(f"PROXMOX_VALIDATE_CERTS: '{text}' is neither true nor false.")
        wanted = text in _TRUE
    ca_path = _text(params, "ca_path", environ, "PROXMOX_CA_PATH")
    if not wanted:
        return False
    if not ca_path:
        return True
    try:
        path = Path(ca_path).expanduser()
    except RuntimeError:  # ~somebody who is unknown here
        path = Path(ca_path)
    if not path.exists():
        where = "" if path.is_absolute() else " (seen from where modules run; write the whole path)"
        raise InputError(
            f"ca_path (PROXMOX_CA_PATH): there is no '{ca_path}'{where}; name a file with the certificate authority, "
            "such as a copy of the cluster's /etc/pve/pve-root-ca.pem."
        )
    return str(path)


def _credentials(params: Mapping[str, Any], environ: Mapping[str, str]) -> TokenCredentials | PasswordCredentials:
    given = {name: params.get(name) for name in ("api_token_id", "api_token_secret", "api_password")}
    token_given = bool(given["api_token_id"] or given["api_token_secret"])
    password_given = bool(given["api_password"])
    token_in_environment = bool(environ.get("PROXMOX_TOKEN_ID") or environ.get("PROXMOX_TOKEN_SECRET"))
    user = _text(params, "api_user", environ, "PROXMOX_USER")
    if token_given or (token_in_environment and not password_given):
        return _token(
            _text(params, "api_token_id", environ, "PROXMOX_TOKEN_ID"),
            _text(params, "api_token_secret", environ, "PROXMOX_TOKEN_SECRET"),
            user,
        )
    password = params.get("api_password") or environ.get("PROXMOX_PASSWORD", "")
    if not password:
        raise InputError(
            "No credentials: set api_token_id and api_token_secret (PROXMOX_TOKEN_ID, PROXMOX_TOKEN_SECRET), or "
            "api_user and api_password (PROXMOX_USER, PROXMOX_PASSWORD)."
        )
    return PasswordCredentials(_checked_user(user), str(password))


def _token(token_id: str, secret: str, user: str) -> TokenCredentials:
    if not token_id:
        raise InputError("api_token_secret is set but api_token_id (PROXMOX_TOKEN_ID) is not: it is user@realm!token.")
    if not secret:
        raise InputError(f"api_token_id is '{token_id}' but api_token_secret (PROXMOX_TOKEN_SECRET) is not set.")
    owner, mark, name = token_id.rpartition("!")
    if not mark:
        owner, name = user.partition("!")[0], token_id
    if not _TOKEN_NAME.match(name):
        # Not repeated: the whole user@realm!token=secret is a common thing to paste here.
        raise InputError(
            "api_token_id (PROXMOX_TOKEN_ID) takes user@realm!token and nothing else; the secret goes into "
            "api_token_secret."
        )
    return TokenCredentials(_checked_user(owner), name, secret)


def _checked_user(user: str) -> str:
    if not user:
        raise InputError("api_user (PROXMOX_USER) is not set: write user@realm, or api_token_id as user@realm!token.")
    if not _USER.match(user):
        raise InputError("api_user (PROXMOX_USER) takes user@realm and nothing else, such as backup@pve.")
    return user
