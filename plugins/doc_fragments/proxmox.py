# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the connection options. Private to this collection."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that talks to Proxmox VE."""

    DOCUMENTATION = r"""
requirements:
  - proxmoxer >= 2.3
  - requests
options:
  api_host:
    description:
      - Host name or address of a node of the cluster, without scheme, port or path.
      - Taken from the environment variable E(PROXMOX_HOST) when not set.
    type: str
  api_port:
    description:
      - Port of the API.
      - Taken from the environment variable E(PROXMOX_PORT) when not set.
    type: int
    default: 8006
  api_fallback_hosts:
    description:
      - Further nodes of the same cluster, tried in this order when O(api_host) cannot be reached.
      - Taken from the environment variable E(PROXMOX_FALLBACK_HOSTS), separated by commas, when not set.
    type: list
    elements: str
  api_user:
    description:
      - User with realm, such as V(backup@pve). Not needed with a whole O(api_token_id).
      - Taken from the environment variable E(PROXMOX_USER) when not set.
    type: str
  api_password:
    description:
      - Password of O(api_user). A token is better, since it can be given few privileges and be withdrawn alone.
      - Credentials given as options beat those in the environment; where both a token and a password come from the same
        place, the token is used.
      - Taken from the environment variable E(PROXMOX_PASSWORD) when not set.
    type: str
  api_token_id:
    description:
      - The token, as V(user@realm!token), or only its name together with O(api_user).
      - Taken from the environment variable E(PROXMOX_TOKEN_ID) when not set.
    type: str
  api_token_secret:
    description:
      - The token's secret.
      - Taken from the environment variable E(PROXMOX_TOKEN_SECRET) when not set.
    type: str
  validate_certs:
    description:
      - Whether the certificate of the API must be trusted. With V(false) anybody in between can read the credentials.
      - Taken from the environment variable E(PROXMOX_VALIDATE_CERTS) when not set.
    type: bool
    default: true
  ca_path:
    description:
      - File with the certificate authority to trust, such as a copy of the cluster's C(/etc/pve/pve-root-ca.pem), or a
        directory of hashed certificates.
      - Taken from the environment variable E(PROXMOX_CA_PATH) when not set.
    type: path
  api_timeout:
    description:
      - Seconds that one request may take to connect, and to be answered. Not the time that a backup may take.
      - Taken from the environment variable E(PROXMOX_API_TIMEOUT) when not set.
    type: int
    default: 30
"""

    ACTIONGROUP = r"""
attributes:
  action_group:
    description: Use C(group/lifeboat.backup.proxmox) in C(module_defaults) to set the connection options once.
    support: full
    membership:
      - lifeboat.backup.proxmox
"""
