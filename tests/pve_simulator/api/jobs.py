# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backup jobs. There are none yet: an empty list, for those who may read it."""

from __future__ import annotations

from pve_simulator.web.routes import Call, Privilege, Routes

routes = Routes()


@routes.add("GET", "/cluster/backup", permission=Privilege("/", ("Sys.Audit",)))
def jobs(call: Call) -> object:
    """The jobs (recorded: 02_auth)."""
    return []
