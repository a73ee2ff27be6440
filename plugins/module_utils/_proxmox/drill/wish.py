# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user wants drilled, and how. Pure. Private to this collection."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import parse_duration
from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.isolation import Network
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.marks import TAG
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.selection import Selection

NOTHING = "Nothing was restored."
PHASES = ("prepared", "started", "checked", "cleaned")
"""How far a drill is taken; ``complete`` is all of them in one call."""
_RANGE = re.compile(r"^\s*(\d+)\s*-\s*(\d+)\s*$")
_RUN = re.compile(r"^\d{8}T\d{6}Z-[0-9a-f]{8}$")
_TAG = re.compile(r"^[a-z0-9_][a-z0-9_+.-]*$")
_PLAN = re.compile(r"^[^\x00-\x1f\x7f]{1,100}$")
_SHA256 = re.compile(r"^[0-9a-fA-F]{64}$")
_HIGHEST = 999999999
VERDICTS = ("passed", "failed", "not_run")
OWN_CHECKS = ("restored", "booted", "agent", "running")
"""What this module looks at itself, and takes nobody's word for."""
_LONGEST = 500
"""Characters of a reason that the record keeps."""


@dataclass(frozen=True)
class Canary:
    """A file that a restored guest must hold: its content, or the SHA-256 of it. Without a guest it is everybody's."""

    path: str
    content: str | None = None
    sha256: str | None = None
    vmid: int | None = None
    name: str | None = None

    def concerns(self, vmid: int, name: str | None) -> bool:
        """Whether this guest must have it."""
        if self.vmid is None and self.name is None:
            return True
        return vmid == self.vmid or (self.name is not None and name == self.name)


@dataclass(frozen=True)
class Given:
    """What the user's own task found of a drilled guest."""

    vmid: int
    check: str
    verdict: str
    reason: str
    evidence: str


@dataclass(frozen=True)
class Limits:
    """Seconds that each part of a drill may take; ``running_for`` is how long the guest has to stay up."""

    restore: int = 14400
    boot: int = 300
    checks: int = 300
    clean_up: int = 600
    running_for: int = 30
    lease: int = 14400


@dataclass(frozen=True)
class DrillWish:
    """What is wanted. ``low`` to ``high`` are the ids for scratch guests; ``memory`` in MiB; ``window`` in seconds.

    ``pick`` chooses the backup: ``latest``, or ``random_in_window``. ``per_run`` is ``all``, ``auto`` or a number.
    ``run`` names the drill that an earlier call has begun. ``free_memory`` (MiB) has to be left to the node.
    """

    state: str
    low: int
    high: int
    selection: Selection = field(default_factory=Selection)
    run: str | None = None
    plan: str = "drill"
    tag: str = TAG
    pick: str = "latest"
    window: int = 604800
    per_run: str = "all"
    within_days: int = 30
    target_node: str | None = None
    target_storage: str | None = None
    pool: str | None = None
    storages: tuple[str, ...] | None = None
    verified_only: bool = False
    network: Network = field(default_factory=Network)
    memory: int | None = None
    cores: int | None = None
    free_memory: int = 1024
    check_memory: bool = True
    bwlimit: int | None = None
    agent: str = "auto"
    canaries: tuple[Canary, ...] = ()
    given: tuple[Given, ...] = ()
    limits: Limits = field(default_factory=Limits)

    def reaches(self, phase: str) -> bool:
        """Whether this call takes drills as far as ``phase``."""
        return self.state == "complete" or PHASES.index(phase) <= PHASES.index(self.state)


def drill_wish(params: Mapping[str, Any]) -> DrillWish:
    """The wish of the module's options.

    :raises InputError: for what can't be meant.
    """
    state = params.get("state") or "complete"
    low, high = _range(params.get("scratch_range"))
    selection = Selection.from_params(params)
    run = params.get("run") or None
    if run is not None and not _RUN.match(run):
        raise InputError(f"run: '{run}' is none; take the value run of the task that began the drill. {NOTHING}")
    if run is not None and (selection.narrows or state == "complete"):
        raise InputError(
            "run: it continues the drills that an earlier task began: leave out the guests, and set state to started, "
            f"checked or cleaned. {NOTHING}"
        )
    if run is None and state == "checked":
        raise InputError(f"run: state checked needs the run whose guests were started. {NOTHING}")
    if run is None and state != "cleaned" and not selection.narrows:
        raise InputError(
            "Say which guests are to be drilled: by vmids, names, tags, pools, or all_guests for every one that the "
            f"token may see. {NOTHING}"
        )
    wish = DrillWish(
        state=state,
        low=low,
        high=high,
        selection=selection,
        run=run,
        plan=_plan(params),
        tag=_tag(params),
        pick=params.get("pick") or "latest",
        window=_duration(params, "window", "7d"),
        per_run=str(params.get("per_run") or "all").strip(),
        within_days=_number(params, "within_days", 30, 1, 3650),
        target_node=params.get("target_node") or None,
        target_storage=params.get("target_storage") or None,
        pool=params.get("pool") or None,
        storages=tuple(params["storages"]) if params.get("storages") else None,
        verified_only=bool(params.get("verified_only")),
        network=_network(params),
        memory=_optional(params, "memory", 16),
        cores=_optional(params, "cores", 1),
        free_memory=_number(params, "free_memory", 1024, 0, 1 << 30),
        check_memory=params.get("check_memory") is not False,
        bwlimit=_optional(params, "bwlimit", 0),
        agent=params.get("agent") or "auto",
        canaries=_canaries(params.get("canaries") or ()),
        given=_given(params.get("verdicts") or ()),
        limits=Limits(
            restore=_duration(params, "restore_timeout", "4h"),
            boot=_duration(params, "boot_timeout", "5m"),
            checks=_duration(params, "check_timeout", "5m"),
            clean_up=_duration(params, "clean_up_timeout", "10m"),
            running_for=_duration(params, "running_for", "30s", least=0),
            lease=_duration(params, "lease", "4h"),
        ),
    )
    _check(wish)
    return wish


def _check(wish: DrillWish) -> None:
    if wish.given and wish.run is None:
        raise InputError(f"verdicts: they belong to a run that was started; name it by run. {NOTHING}")
    if wish.given and not wish.reaches("checked"):
        raise InputError(f"verdicts: they are taken with state checked or cleaned. {NOTHING}")
    if wish.limits.running_for >= wish.limits.checks:
        raise InputError(
            f"running_for: the guest has to stay up for {wish.limits.running_for} s, and check_timeout allows "
            f"{wish.limits.checks} s for all checks; make one shorter or the other longer. {NOTHING}"
        )


def _range(given: object) -> tuple[int, int]:
    match = _RANGE.match(str(given or ""))
    low, high = (int(match.group(1)), int(match.group(2))) if match else (0, 0)
    if not 100 <= low <= high <= _HIGHEST:
        raise InputError(
            f"scratch_range: '{given or ''}' is no range of ids; write the first and the last that scratch guests may "
            f"have, such as 900000-900099. {NOTHING}"
        )
    return low, high


def _plan(params: Mapping[str, Any]) -> str:
    plan = str(params.get("plan") or "drill").strip()
    if not _PLAN.match(plan):
        raise InputError(f"plan: it is a name of at most 100 characters on one line. {NOTHING}")
    return plan


def _tag(params: Mapping[str, Any]) -> str:
    tag = str(params.get("tag") or TAG)
    if not _TAG.match(tag):
        raise InputError(
            f"tag: '{tag}' can't be one in Proxmox VE; it takes small letters, digits, - _ + and . such as {TAG}. "
            f"{NOTHING}"
        )
    return tag


def _network(params: Mapping[str, Any]) -> Network:
    how, bridge, vlan = params.get("network") or "none", params.get("bridge") or None, params.get("vlan")
    if how == "isolated" and bridge is None:
        raise InputError(f"bridge: network isolated needs the bridge to put scratch guests on. {NOTHING}")
    for option, value in (("bridge", bridge), ("vlan", vlan)):
        if value is not None and how != "isolated":
            raise InputError(f"{option}: it belongs to network isolated. {NOTHING}")
    if vlan is not None and not 1 <= vlan <= 4094:
        raise InputError(f"vlan: {vlan} is out of range; it is 1 to 4094. {NOTHING}")
    return Network(how, bridge, vlan)


def _duration(params: Mapping[str, Any], option: str, default: str, least: int = 1) -> int:
    found = params.get(option)
    seconds = parse_duration(default if found in (None, "") else str(found), option)
    if seconds < least:
        raise InputError(f"{option}: it is at least {least} s. {NOTHING}")
    return seconds


def _number(params: Mapping[str, Any], option: str, default: int, low: int, high: int) -> int:
    found = params.get(option)
    number = default if found is None else int(found)
    if not low <= number <= high:
        raise InputError(f"{option}: {number} is out of range; it is {low} to {high}. {NOTHING}")
    return number


def _optional(params: Mapping[str, Any], option: str, low: int) -> int | None:
    found = params.get(option)
    if found is not None and found < low:
        raise InputError(f"{option}: {found} is out of range; it is at least {low}. {NOTHING}")
    return None if found is None else int(found)


def _canaries(entries: Sequence[Mapping[str, Any]]) -> tuple[Canary, ...]:
    return tuple(_canary(entry, number) for number, entry in enumerate(entries, start=1))


def _canary(entry: Mapping[str, Any], number: int) -> Canary:
    said = {key: value for key, value in entry.items() if value is not None}
    path = str(said.get("path") or "")
    if not path.startswith("/") and not re.match(r"^[A-Za-z]:\\", path):
        raise InputError(f"canaries, entry {number}: path is the whole path of a file in the guest. {NOTHING}")
    if ("content" in said) == ("sha256" in said):
        raise InputError(f"canaries, entry {number}: give what the file holds, by content or by sha256. {NOTHING}")
    if "sha256" in said and not _SHA256.match(said["sha256"]):
        raise InputError(f"canaries, entry {number}: sha256 is 64 hexadecimal digits. {NOTHING}")
    if "vmid" in said and "name" in said:
        raise InputError(f"canaries, entry {number}: name the guest by vmid or by name, not by both. {NOTHING}")
    sha256 = said["sha256"].lower() if "sha256" in said else None
    return Canary(path, said.get("content"), sha256, said.get("vmid"), said.get("name"))


def _given(entries: Sequence[Mapping[str, Any]]) -> tuple[Given, ...]:
    found = []
    for number, entry in enumerate(entries, start=1):
        check, verdict = str(entry.get("check") or "").strip(), str(entry.get("verdict") or "")
        if not entry.get("vmid") or not check:
            raise InputError(
                f"verdicts, entry {number}: say the drilled guest by vmid, and what was checked. {NOTHING}"
            )
        if check in OWN_CHECKS or len(check) > _LONGEST:
            raise InputError(
                f"verdicts, entry {number}: '{check[:40]}' can't be told; {listed(OWN_CHECKS)} are looked at here, and "
                f"a check of your own has a name of its own. {NOTHING}"
            )
        if verdict not in VERDICTS:
            raise InputError(f"verdicts, entry {number}: verdict is {listed(VERDICTS)}, not '{verdict}'. {NOTHING}")
        evidence = str(entry.get("evidence") or "").strip()
        reason = str(entry.get("reason") or "").strip()[:_LONGEST]
        if verdict == "passed" and not evidence:
            verdict, reason = "not_run", "it is said to have passed, and no evidence is given"
        found.append(Given(int(entry["vmid"]), check, verdict, reason, evidence))
    return tuple(found)
