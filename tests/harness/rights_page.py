# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roles and grants of docs/rights.md, as a reader of the page would type them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from harness.lab import TOKEN
from pve_simulator import World

PAGE = Path(__file__).parents[2] / "docs" / "rights.md"
ROLES = {
    name: privileges.split()
    for name, privileges in re.findall(r'^pveum role add (\S+) --privs "([^"]+)"$', PAGE.read_text(), re.MULTILINE)
}
MORE = re.findall(r"^pveum role modify (\S+) --append 1 --privs (\S+)", PAGE.read_text(), re.MULTILINE)
"""Privileges that the page adds to a role; which one depends on the version."""
GRANT = re.compile(r"^pveum acl modify (\S+) --roles (\S+) --users \S+ --tokens \S+( --propagate 0)?$", re.MULTILINE)
GRANTS = GRANT.findall(PAGE.read_text())


def grant(world: World, roles: Sequence[str], without: str = "") -> None:
    """What the page says of these roles, to the token and its user, less one privilege."""
    for role in roles:
        added = [privilege for name, privilege in MORE if name == role and privilege in world.version.privileges]
        world.add_role(role, [privilege for privilege in [*ROLES[role], *added] if privilege != without])
        for path in dict.fromkeys(path for path, granted_role, _flag in GRANTS if granted_role == role):
            propagate = not any(found == path and flag for found, given, flag in GRANTS if given == role)
            for holder in ("backup@pve", TOKEN):
                world.add_acl(path, role, user_or_token=holder, propagate=propagate)
