# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network cards that a running guest sees, with addresses that are made up where the configuration has none."""

from __future__ import annotations

from dataclasses import dataclass

from pve_simulator.guests import parsing
from pve_simulator.schema import property_strings
from pve_simulator.state.model import Guest

_PREFIX = 24
_DYNAMIC = ("dhcp", "manual")


@dataclass(frozen=True)
class Card:
    """A card: its name in the guest, its hardware address, and its address where it is connected to anything."""

    name: str
    hardware: str
    address: str | None
    prefix: int = _PREFIX


LOOPBACK = Card("lo", "00:00:00:00:00:00", "127.0.0.1", 8)


def cards(guest: Guest) -> list[Card]:
    """The loopback and what the configuration names. One whose link is down, or that hangs in the air, has no address.

    The addresses are not recorded: 10.0 and the id.
    """
    return [LOOPBACK, *(_card(guest, key, value) for key, value in sorted(parsing.networks(guest).items()))]


def _card(guest: Guest, key: str, value: str) -> Card:
    parts = property_strings.parse(value, default_key="model")
    hardware = parts.get("hwaddr") or next((one for one in parts.values() if one.count(":") == 5), "")
    name = parts.get("name", f"eth{key[3:]}")
    if parts.get("link_down") == "1" or "bridge" not in parts:
        return Card(name, hardware.lower(), None)
    given = parts.get("ip", _DYNAMIC[0])
    if given in _DYNAMIC:
        return Card(name, hardware.lower(), f"10.0.{guest.vmid >> 8 & 255}.{guest.vmid & 255}")
    address, _mark, prefix = given.partition("/")
    return Card(name, hardware.lower(), address, int(prefix or _PREFIX))
