# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that several modules share. Private to this collection."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import env_fallback


def connection_spec() -> dict[str, Any]:
    """How to reach and ask Proxmox, as the doc fragment ``proxmox`` says it.

    Credentials have no fallback here: options and environment are weighed together in ``_proxmox.options``, because an
    option must beat a variable also when one names a password and the other a token.
    """
    return {
        "api_host": {"type": "str", "fallback": (env_fallback, ["PROXMOX_HOST"])},
        "api_port": {"type": "int", "default": 8006, "fallback": (env_fallback, ["PROXMOX_PORT"])},
        "api_user": {"type": "str"},
        "api_password": {"type": "str", "no_log": True},
        "api_token_id": {"type": "str", "no_log": False},
        "api_token_secret": {"type": "str", "no_log": True},
        "validate_certs": {"type": "bool", "default": True, "fallback": (env_fallback, ["PROXMOX_VALIDATE_CERTS"])},
        "ca_path": {"type": "path", "fallback": (env_fallback, ["PROXMOX_CA_PATH"])},
        "api_timeout": {"type": "int", "default": 30, "fallback": (env_fallback, ["PROXMOX_API_TIMEOUT"])},
        "api_fallback_hosts": {
            "type": "list",
            "elements": "str",
            "fallback": (env_fallback, ["PROXMOX_FALLBACK_HOSTS"]),
        },
    }


def selection_spec() -> dict[str, Any]:
    """Which guests, as the doc fragment ``selection`` says it."""
    return {
        "vmids": {"type": "list", "elements": "int"},
        "names": {"type": "list", "elements": "str"},
        "tags": {"type": "list", "elements": "str"},
        "tags_match": {"type": "str", "choices": ["any", "all"], "default": "any"},
        "pools": {"type": "list", "elements": "str"},
        "all_guests": {"type": "bool", "default": False},
        "nodes": {"type": "list", "elements": "str"},
        "guest_type": {"type": "str", "choices": ["any", "qemu", "lxc"], "default": "any"},
        "exclude": {"type": "list", "elements": "str"},
    }
