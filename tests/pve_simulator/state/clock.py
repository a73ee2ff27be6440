# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nodes' clocks, and the two ways in which Proxmox writes a node's local time."""

from __future__ import annotations

import time


def log_time(epoch: float) -> str:
    """Local time as task logs write it: ``2026-11-20 12:26:37``."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(epoch))


def archive_time(epoch: float) -> str:
    """Local time as names of archives carry it: ``2026_11_20-12_26_37``."""
    return time.strftime("%Y_%m_%d-%H_%M_%S", time.localtime(epoch))


def parse_archive_time(text: str) -> int:
    """The epoch of a time in the name of an archive. Raises ``ValueError`` for a time that there is not."""
    return int(time.mktime(time.strptime(text, "%Y_%m_%d-%H_%M_%S")))


def utc_time(epoch: float) -> str:
    """UTC as a backup server names its snapshots: ``2026-11-20T12:26:37Z``."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))
