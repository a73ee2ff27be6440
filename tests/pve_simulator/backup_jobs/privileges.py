# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may make and change which job, beyond Sys.Modify on ``/``. Root himself may everything; no token of his is he.

Recorded are tmpdir, a pool that there is not, and what one may who has all rights; the rest is by the reference.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pve_simulator.access.acl import ROOT
from pve_simulator.errors import Died, Forbidden, ParameterError
from pve_simulator.schema import property_strings
from pve_simulator.state.model import BackupJob
from pve_simulator.vzdump.options import DEFAULT_STORAGE
from pve_simulator.world import World

_ROOT_ONLY = ("tmpdir", "dumpdir", "script")
_ALLOCATE = "Datastore.Allocate"


def check_creation(world: World, identity: str, given: Mapping[str, Any]) -> None:
    """Raise `ParameterError` or `Forbidden` unless the caller may make this job."""
    if identity != ROOT:
        _check_options(world, identity, given)
        _check_target(world, identity, given)
    _check_pool(world, identity, given)


def check_change(world: World, identity: str, given: Mapping[str, Any], delete: Collection[str]) -> None:
    """Raise `ParameterError` or `Forbidden` unless the caller may write this into a job, whatever is in it now."""
    if identity != ROOT:
        _check_options(world, identity, given)
        _check_root_only(delete)
        if "storage" in given:
            world.rights.check(identity, f"/storage/{given['storage']}", _ALLOCATE)
        elif "storage" in delete:  # what counts then
            world.rights.check(identity, f"/storage/{DEFAULT_STORAGE}", _ALLOCATE)
    _check_pool(world, identity, given)


def check_current(world: World, identity: str, job: BackupJob) -> None:
    """Raise `Forbidden` or `Died` unless the caller may change a job as it is now."""
    if identity == ROOT:
        return
    if "dumpdir" in job:
        raise Died("only root@pam may edit jobs with a 'dumpdir' option.")
    _check_target(world, identity, job)


def _check_options(world: World, identity: str, given: Mapping[str, Any]) -> None:
    _check_root_only(given)
    if "fleecing" in given:
        where = property_strings.parse(given["fleecing"], default_key="enabled").get("storage")
        if where is not None:
            world.rights.check(identity, f"/storage/{where}", "Datastore.AllocateSpace")


def _check_root_only(names: Collection[str]) -> None:
    for name in _ROOT_ONLY:
        if name in names:
            raise ParameterError({name: "Only root may set this option."})


def _check_target(world: World, identity: str, options: Mapping[str, Any]) -> None:
    world.rights.check(identity, f"/storage/{options.get('storage') or DEFAULT_STORAGE}", _ALLOCATE)


def _check_pool(world: World, identity: str, given: Mapping[str, Any]) -> None:
    """This holds for root as well, as far as the pool has to exist."""
    pool = given.get("pool")
    if not pool:
        return
    if pool not in world.cluster.pools:
        raise Forbidden(f"pool '{pool}' does not exist")
    world.rights.check(identity, f"/pool/{pool}", "VM.Backup")
