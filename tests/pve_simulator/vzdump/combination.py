# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which options of a backup go together: PVE::VZDump::verify_vzdump_parameters, for calls and for jobs."""

from __future__ import annotations

from typing import Any

from pve_simulator.errors import ParameterError
from pve_simulator.vzdump import notes


def check(given: dict[str, Any], *, whole: bool = True) -> None:
    """Raise `ParameterError` for options that exclude each other, or when nobody says which guests are meant.

    ``exclude`` without a pool means all other guests: then ``all`` is set in ``given``. Where it is not the ``whole``
    job, as in a change of one, the guests may be missing.
    """
    for name in ("all", "exclude", "pool"):
        if given.get(name) and given.get("vmid"):
            raise ParameterError({name: "option conflicts with option 'vmid'"})
    if "maxfiles" in given and "prune-backups" in given:
        raise ParameterError({"prune-backups": "option conflicts with option 'maxfiles'"})
    complaint = notes.complaint(given.get("notes-template", ""))
    if complaint is not None:
        raise ParameterError({"notes-template": complaint})
    if given.get("exclude") and not given.get("pool"):
        given["all"] = 1
    if whole and not any(given.get(name) for name in ("all", "stop", "pool", "vmid")):
        raise ParameterError({"vmid": "property is missing"})
