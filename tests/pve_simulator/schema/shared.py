# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parameters that many calls have in common."""

from __future__ import annotations

from pve_simulator.schema.parameters import Parameter

NODE = Parameter(format="pve-node", optional=False)
STORAGE = Parameter(format="pve-storage-id", optional=False)
VMID = Parameter(type="integer", format="pve-vmid", minimum=100, maximum=999999999, optional=False)
VMID_FILTER = Parameter(type="integer", format="pve-vmid", minimum=100, maximum=999999999)
USER = Parameter(format="pve-userid", max_length=64, optional=False)
ONE_GUEST = {"node": NODE, "vmid": VMID}
PROPERTY_STRING = "property-string"  # parts with names, whose own rules are not kept here
