# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that several modules share. Private to this collection."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import env_fallback
from ansible.module_utils.errors import AnsibleFallbackNotFound

from ansible_collections.lifeboat.backup.plugins.module_utils._core.retention import RULES
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.wish import UNSETTABLE


def set_in_environment(*names: str) -> Any:
    """As ``env_fallback``, but an empty variable counts as not set: so AWX injects a field that was left empty.

    :raises AnsibleFallbackNotFound: when none of them is set; Ansible then takes the default.
    """
    value = env_fallback(*names)
    if not str(value).strip():
        raise AnsibleFallbackNotFound
    return value


def connection_spec() -> dict[str, Any]:
    """How to reach and ask Proxmox, as the doc fragment ``proxmox`` says it.

    Credentials have no fallback here: options and environment are weighed together in ``_proxmox.options``, because an
    option must beat a variable also when one names a password and the other a token.
    """
    return {
        "api_host": {"type": "str", "fallback": (set_in_environment, ["PROXMOX_HOST"])},
        "api_port": {"type": "int", "default": 8006, "fallback": (set_in_environment, ["PROXMOX_PORT"])},
        "api_user": {"type": "str"},
        "api_password": {"type": "str", "no_log": True},
        "api_token_id": {"type": "str", "no_log": False},
        "api_token_secret": {"type": "str", "no_log": True},
        "validate_certs": {
            "type": "bool",
            "default": True,
            "fallback": (set_in_environment, ["PROXMOX_VALIDATE_CERTS"]),
        },
        "ca_path": {"type": "path", "fallback": (set_in_environment, ["PROXMOX_CA_PATH"])},
        "api_timeout": {"type": "int", "default": 30, "fallback": (set_in_environment, ["PROXMOX_API_TIMEOUT"])},
        "api_fallback_hosts": {
            "type": "list",
            "elements": "str",
            "fallback": (set_in_environment, ["PROXMOX_FALLBACK_HOSTS"]),
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


def vzdump_spec() -> dict[str, Any]:
    """How backups are made and which stay: the same for a backup now and for a job."""
    return {
        "keep": {
            "type": "dict",
            "options": {
                **{f"keep_{rule}": {"type": "int"} for rule in RULES},
                "keep_all": {"type": "bool", "default": False},
            },
        },
        "mode": {"type": "str", "choices": ["snapshot", "suspend", "stop"]},
        "compress": {"type": "str", "choices": ["zstd", "gzip", "lzo", "none"]},
        "notes": {"type": "str"},
        "protected": {"type": "bool"},
        "bwlimit": {"type": "int"},
        "ionice": {"type": "int"},
        "zstd_threads": {"type": "int"},
        "performance": {
            "type": "dict",
            "options": {"max_workers": {"type": "int"}, "pbs_entries_max": {"type": "int"}},
        },
        "fleecing": {
            "type": "dict",
            "options": {"enabled": {"type": "bool", "default": False}, "storage": {"type": "str"}},
        },
        "exclude_paths": {"type": "list", "elements": "str"},
        "lock_wait": {"type": "str"},
        "stop_wait": {"type": "str"},
        "notification_mode": {"type": "str", "choices": ["auto", "legacy-sendmail", "notification-system"]},
        "change_detection_mode": {"type": "str", "choices": ["legacy", "data", "metadata"]},
    }


def job_spec() -> dict[str, Any]:
    """The options of one job."""
    return {
        **vzdump_spec(),
        "id": {"type": "str"},
        "state": {"type": "str", "choices": ["present", "absent", "enabled", "disabled"], "default": "present"},
        "schedule": {"type": "str"},
        "storage": {"type": "str"},
        "node": {"type": "str"},
        "vmids": {"type": "list", "elements": "int"},
        "names": {"type": "list", "elements": "str"},
        "tags": {"type": "list", "elements": "str"},
        "tags_match": {"type": "str", "choices": ["any", "all"]},
        "all_guests": {"type": "bool"},
        "pool": {"type": "str"},
        "exclude": {"type": "list", "elements": "str"},
        "repeat_missed": {"type": "bool"},
        "comment": {"type": "str"},
        "standard_excludes": {"type": "bool"},
        "storage_retention": {"type": "bool"},
        "mail_to": {"type": "list", "elements": "str"},
        "mail_notification": {"type": "str", "choices": ["always", "failure"]},
        "unset": {"type": "list", "elements": "str", "choices": list(UNSETTABLE)},
        "exact": {"type": "bool"},
    }
