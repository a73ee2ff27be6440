# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Times as Proxmox writes them: in logs and names of archives the node's local time, in names of snapshots UTC.

The time zone is always given and never that of the machine on which the simulator runs.
"""

from __future__ import annotations

from datetime import datetime, timezone, tzinfo
from zoneinfo import ZoneInfo

UTC = "UTC"

_ARCHIVE = "%Y_%m_%d-%H_%M_%S"
_SNAPSHOT = "%Y-%m-%dT%H:%M:%SZ"


def zone(name: str) -> tzinfo:
    """The time zone with this name (``Europe/Berlin``). Raises ``ValueError`` or ``KeyError`` when there is none."""
    # UTC needs no data, which small machines do not have
    return timezone.utc if name == UTC else ZoneInfo(name)


def local(epoch: float, where: tzinfo) -> datetime:
    """A moment by the clock on the wall there."""
    return datetime.fromtimestamp(int(epoch), where)


def log_time(epoch: float, where: tzinfo) -> str:
    """Local time as task logs write it: ``2026-11-20 12:26:37``."""
    return local(epoch, where).strftime("%Y-%m-%d %H:%M:%S")


def archive_time(epoch: float, where: tzinfo) -> str:
    """Local time as names of archives carry it: ``2026_11_20-12_26_37``."""
    return local(epoch, where).strftime(_ARCHIVE)


def parse_archive_time(text: str, where: tzinfo) -> int:
    """The epoch of a time in the name of an archive. Raises ``ValueError`` for a time that there is not.

    Of an hour that comes twice, when summer time ends, the first is meant, as Perl's timelocal has it.
    """
    return int(datetime.strptime(text, _ARCHIVE).replace(tzinfo=where).timestamp())


def utc_time(epoch: float) -> str:
    """UTC as a backup server names its snapshots: ``2026-11-20T12:26:37Z``."""
    return local(epoch, timezone.utc).strftime(_SNAPSHOT)


def parse_utc_time(text: str) -> int:
    """The epoch of a time in the name of a snapshot. Raises ``ValueError``."""
    return int(datetime.strptime(text, _SNAPSHOT).replace(tzinfo=timezone.utc).timestamp())
