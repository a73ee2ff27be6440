# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options that select guests. Private to this collection."""

from __future__ import annotations


class ModuleDocFragment:
    """Which guests are meant."""

    DOCUMENTATION = r"""
options:
  vmids:
    description:
      - Ids of guests.
      - O(vmids), O(names), O(tags), O(pools) and O(all_guests) together form a union, which O(nodes), O(guest_type) and
        O(exclude) then narrow.
    type: list
    elements: int
  names:
    description:
      - Exact names of guests. A name that no guest or more than one guest has is an error.
    type: list
    elements: str
  tags:
    description:
      - Tags. Guests that carry any or all of them (see O(tags_match)) are selected.
    type: list
    elements: str
  tags_match:
    description:
      - Whether a guest must carry one of O(tags) or all of them.
    type: str
    choices: [any, all]
    default: any
  pools:
    description:
      - Resource pools. Their guests are selected. A pool that does not exist is an error.
    type: list
    elements: str
  all_guests:
    description:
      - Select every guest that the token may see (C(VM.Audit)), templates included.
    type: bool
    default: false
  nodes:
    description:
      - Only guests on these nodes.
    type: list
    elements: str
  guest_type:
    description:
      - Only virtual machines (V(qemu)) or only containers (V(lxc)).
    type: str
    choices: [any, qemu, lxc]
    default: any
  exclude:
    description:
      - Ids or exact names of guests that are left out. An entry that matches nothing is no error.
    type: list
    elements: str
"""
