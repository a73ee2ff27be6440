# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clusters as hypothesis makes them up: guests, storages, privileges and backups in any combination.

The parts are made beforehand and only chosen from, which is many times faster than to make up each number.
"""

from __future__ import annotations

from itertools import product
from typing import Any

from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions
from unit.builders import DAY, GIB, HOUR, MIB, MINIMAL, a_backup, a_guest, a_place, an_observation

NODES = ("pve1", "pve2", "pve3")
STORAGES = ("vault", "local", "attic")
VMIDS = (101, 102, 103, 104)

_GUESTS = [
    a_guest(vmid, node=node, kind=kind)
    for vmid, node, kind in product(VMIDS, NODES, ("lxc", "qemu"))
    if (vmid, kind) != (104, "lxc")
]
_AGES = (-2 * HOUR, -60, 0, HOUR, DAY - 1, DAY, DAY + 1, 2 * DAY)
_FLAWS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"verified": True},
    {"size": 0},
    {"size": 200 * GIB},
    {"verified": False},
    {"guest_type": None},
)
_BACKUPS = [
    a_backup(vmid, age - index, **{"storage": storage, "node": node, "size": MIB, "guest_type": kind, **flaw})
    for index, (vmid, storage, age, flaw) in enumerate(product((*VMIDS, 900, None), STORAGES, _AGES, _FLAWS))
    for node, kind in [(NODES[index % 3], ("lxc", "lxc", "qemu")[index % 7 % 3])]
]
BACKUPS = st.one_of(
    st.sampled_from(_BACKUPS),
    st.sampled_from([backup._replace(protected=True) for backup in _BACKUPS[::5]]),
)
"""Any backup that there may be: damaged, protected, from the future, of a guest that is gone or of nobody."""
_PLACES = [
    a_place(storage, node, active=active, avail=avail)
    for storage, node in product(STORAGES, NODES)
    for active, avail in ((True, 100 * GIB), (True, GIB), (True, 0), (False, 100 * GIB))
]
_AUDITED = {"VM.Audit": True}
_PERMISSIONS = [
    MINIMAL,
    MINIMAL,
    Permissions({**MINIMAL.paths, "/vms/101": _AUDITED}),
    Permissions({**MINIMAL.paths, "/vms/102": _AUDITED, "/vms/103": {"VM.Backup": True}}),
    Permissions({**MINIMAL.paths, "/storage/vault": {"Datastore.Audit": True}}),
    Permissions({**MINIMAL.paths, "/storage/local": {"Datastore.Allocate": True}, "/vms/104": _AUDITED}),
    Permissions({"/": {"Datastore.Allocate": True, "Datastore.AllocateSpace": True, "VM.Backup": True}}),
    Permissions({"/": {"Datastore.Audit": True, "VM.Audit": True}}),
]


@st.composite
def observations(draw: st.DrawFn) -> Observation:
    """A cluster of three nodes, one of which may be away, and one storage of which may not answer."""
    known = draw(st.lists(st.sampled_from(_GUESTS), unique_by=lambda guest: guest.vmid, min_size=1, max_size=4))
    away = draw(st.sampled_from([None, None, *NODES]))
    places = draw(
        st.lists(st.sampled_from(_PLACES), unique_by=lambda place: (place.storage, place.node), min_size=1, max_size=5)
    )
    broken = draw(st.sampled_from([None, None, None, *STORAGES]))
    return an_observation(
        known,
        draw(st.lists(st.sampled_from(_BACKUPS), unique_by=lambda backup: backup.volid, max_size=6)),
        nodes={node: node != away for node in NODES},
        places=[place for place in places if place.node != away],
        permissions=draw(st.sampled_from(_PERMISSIONS)),
        errors={broken: "It is not online."} if broken else {},
    )
