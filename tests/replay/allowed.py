# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recorded cases that the simulator need not repeat, each with the reason. A test counts them: no silent growth."""

from __future__ import annotations

_RESOLVER = "the recorded host had no working resolver, which is a matter of that host and not of Proxmox"

# version, recording, title: why
ALLOWED = {
    ("9.2", "02_auth", "GET /api2/json/nodes/other/lxc"): _RESOLVER,
    ("9.2", "02_auth", "GET /api2/json/nodes/other/status"): _RESOLVER,
}


def reason(version: str, recording: str, title: str, path: str) -> str | None:
    """Why a case need not be repeated, or None. Several cases may share a title: then their path names them."""
    return ALLOWED.get((version, recording, title)) or ALLOWED.get((version, recording, f"GET {path}"))
