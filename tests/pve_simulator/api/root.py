# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API's root, and its version."""

from __future__ import annotations

from pve_simulator.web.routes import Call, Routes

routes = Routes()


@routes.add("GET", "/")
def index(call: Call) -> object:
    """The areas (recorded: 14_transport)."""
    return [{"subdir": name} for name in ("version", "cluster", "nodes", "storage", "access", "pools")]


@routes.add("GET", "/version")
def version(call: Call) -> object:
    """The release (recorded: 02_auth)."""
    found = call.world.version
    return {"release": found.release, "version": found.version, "repoid": found.repoid}
