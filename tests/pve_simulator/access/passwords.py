# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Passwords of the realms pam and pve, kept salted and hashed."""

from __future__ import annotations

import hashlib
import hmac
import secrets

# few rounds: a test world logs in often, and nothing real is protected by these
_ROUNDS = 1000


def hashed(password: str) -> str:
    """Salt and hash, as one word for the state file."""
    salt = secrets.token_hex(8)
    return f"{salt}${_digest(salt, password)}"


def matches(password: str, stored: str) -> bool:
    """Tell whether this is the password that was hashed."""
    salt, digest = stored.split("$", 1)
    return hmac.compare_digest(digest, _digest(salt, password))


def _digest(salt: str, password: str) -> str:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), _ROUNDS).hex()
