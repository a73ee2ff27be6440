# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Test data of drills: records as the file has them, and results as the module returns them."""

from __future__ import annotations

from typing import Any

from unit.builders import HOUR, NOW

RUN = "20261120T122637Z-1a2b3c4d"


def a_record(vmid: int = 101, age: int = 0, verdict: str = "passed", kind: str = "lxc", **more: Any) -> dict[str, Any]:
    """A drill that began ``age`` seconds ago; ``name`` and ``node`` are those of the guest."""
    guest = {"vmid": vmid, "name": more.pop("name", "web1"), "type": kind, "node": more.pop("node", "pve1")}
    record = {
        "schema": 1,
        "run": RUN,
        "plan": "nightly",
        "cluster": "pve1-8006",
        "at": NOW - age,
        "ended": NOW - age + 120,
        "guest": guest,
        "archive": {
            "volid": f"vault:backup/vzdump-{kind}-{vmid}-2026_11_20-09_26_37.tar.zst",
            "storage": "vault",
            "node": "pve1",
            "ctime": NOW - age - 3 * HOUR,
            "size": 1234,
            "verified": None,
            "encrypted": False,
        },
        "rpo": 3 * HOUR,
        "target": {"vmid": 900, "node": "pve2", "storage": "local-lvm"},
        "seconds": {"restore": 61.3, "boot": 12.0, "checks": 30.4},
        "rto": None,
        "verdict": verdict,
        "reason": "",
        "checks": [],
        "errors": [],
        "cleanup": {"done": True, "reason": "", "upid": None},
        "versions": {"lifeboat": "0.1.0", "proxmox": "8.4"},
    }
    return {**record, **more}


def a_drill(vmid: int = 101, verdict: str = "passed", **more: Any) -> dict[str, Any]:
    """The same as a row of the module's result."""
    return {**a_record(vmid, verdict=verdict, **more), "phase": more.get("phase", "cleaned")}


def a_check(check: str = "restored", verdict: str = "passed", reason: str = "", **more: Any) -> dict[str, Any]:
    """One check of a drill."""
    return {"check": check, "verdict": verdict, "reason": reason, "seconds": 0.4, "evidence": {}, **more}


def a_result(*drills: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The module's result."""
    return {"changed": True, "msg": "", "run": RUN, "drills": list(drills), "findings": [], "leftovers": [], **more}
