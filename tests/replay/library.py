# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the recordings lie, and which of them are replayed."""

from __future__ import annotations

from pathlib import Path

from replay import recording
from replay.recording import Case

# beside the checkout; nothing of it goes into the project
RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings" / "pve"

REPLAYED = {
    "8.4": (
        "02_auth",
        "03_storage",
        "04_vzdump_ok",
        "05_vzdump_errors",
        "06_prune",
        "07_notes_protected_delete",
        "08_restore_lxc",
        "09_backup_jobs",
        "10_tasks",
        "11_qemu",
        "14_transport",
    ),
    "9.2": (
        "02_auth",
        "04_vzdump_ok",
        "05_vzdump_errors",
        "07_notes_protected_delete",
        "08_restore_lxc",
        "09_backup_jobs",
    ),
}
# of 09_backup_jobs all but making a role and a user, who are there from the start;
# of 11_qemu all but making VMs, and figures of the moment: what is listed beside, and what QEMU says of itself
LEFT_OUT = {
    "09_backup_jobs": ("POST /api2/json/access/roles", "POST /api2/json/access/users", "PUT /api2/json/access/acl"),
    "11_qemu": (
        "create a VM without a disk",
        "create a VM with a qcow2 disk",
        "create a VM to be a template",
        "make it a template",
        "running",
    ),
}
_FOLDERS = {"8.4": RECORDINGS, "9.2": RECORDINGS / "v9"}


def available() -> bool:
    """Tell whether the recordings are there."""
    return RECORDINGS.is_dir()


def cases(version: str) -> dict[str, list[Case]]:
    """A release's recordings, in the order in which they are replayed."""
    return {name: _part(version, name) for name in REPLAYED[version]}


def path(version: str, name: str) -> Path:
    """The file of a recording."""
    return _FOLDERS[version] / f"{name}.txt"


def every(version: str, name: str) -> list[Case]:
    """The cases of a recording, with those that are not replayed."""
    return recording.read(path(version, name), name)


def _part(version: str, name: str) -> list[Case]:
    return [case for case in every(version, name) if case.title not in LEFT_OUT.get(name, ())]
