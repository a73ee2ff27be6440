# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parameters of vzdump."""

from __future__ import annotations

from pve_simulator.schema.parameters import Parameter, Table
from pve_simulator.versions import Version

_ALL = {
    "node": Parameter(format="pve-node"),
    "vmid": Parameter(format="pve-vmid-list"),
    "all": Parameter(type="boolean", default=0),
    "exclude": Parameter(format="pve-vmid-list"),
    "pool": Parameter(),
    "storage": Parameter(format="pve-storage-id"),
    "mode": Parameter(enum=("snapshot", "suspend", "stop"), default="snapshot"),
    "compress": Parameter(enum=("0", "1", "gzip", "lzo", "zstd"), default="0"),
    "zstd": Parameter(type="integer", default=1),
    "pigz": Parameter(type="integer", default=0),
    "bwlimit": Parameter(type="integer", minimum=0, default=0),
    "ionice": Parameter(type="integer", minimum=0, maximum=8, default=7),
    "performance": Parameter(format="backup-performance"),
    "fleecing": Parameter(format="backup-fleecing"),
    "pbs-change-detection-mode": Parameter(enum=("legacy", "data", "metadata")),
    "exclude-path": Parameter(type="array"),
    "stdexcludes": Parameter(type="boolean", default=1),
    "prune-backups": Parameter(format="prune-backups", default="keep-all=1"),
    "maxfiles": Parameter(type="integer", minimum=1),
    "remove": Parameter(type="boolean", default=1),
    "protected": Parameter(type="boolean", requires="storage"),
    "notes-template": Parameter(max_length=1024, requires="storage"),
    "lockwait": Parameter(type="integer", minimum=0, default=180),
    "stopwait": Parameter(type="integer", minimum=0, default=10),
    "stop": Parameter(type="boolean", default=0),
    "stdout": Parameter(type="boolean"),
    "quiet": Parameter(type="boolean", default=0),
    "mailto": Parameter(format="email-or-username-list"),
    "mailnotification": Parameter(enum=("always", "failure"), default="always"),
    "notification-mode": Parameter(enum=("auto", "legacy-sendmail", "notification-system"), default="auto"),
    "notification-policy": Parameter(enum=("always", "failure", "never"), default="always"),
    "notification-target": Parameter(format="pve-configid"),
    "tmpdir": Parameter(),
    "dumpdir": Parameter(),
    "script": Parameter(),
    "job-id": Parameter(max_length=50, pattern=r"\S+"),
}


def table(version: Version) -> Table:
    """The parameters that a release knows."""
    return {name: parameter for name, parameter in _ALL.items() if name not in version.removed_vzdump_options}
