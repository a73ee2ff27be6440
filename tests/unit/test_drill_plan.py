# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The restore of a drill: marked, cut off as far as the call can, onto a scratch id, and never by force."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.drill_plan import (
    DrillPlan,
    lacking_rights,
    memory_of,
    record_base,
    restore_wish,
    uses_agent,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.isolation import Network
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.marks import Marks, nonce_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.wish import DrillWish
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_configuration import GuestConfiguration
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.plan import plan_restore
from unit.builders import GIB, HOUR, NOW, a_guest, granted
from unit.restore_builders import EVERYTHING, RIGHTS, a_configuration, a_scene

MARKS = Marks("lifeboat-drill", "0123456789abcdef0123456789abcdef", 900, 909)
RUN = "20261121T221500Z-1a2b3c4d"
OWN = ("VM.Config.Options", "VM.Config.Network", "VM.Config.Memory", "VM.Config.CPU")
ENOUGH = Permissions(granted((*RIGHTS, *OWN), "/vms", "/storage", "/sdn"))


def a_wish(**more: Any) -> DrillWish:
    return DrillWish("complete", 900, 909, **more)


def a_plan(kind: str = "qemu", wish: DrillWish | None = None, **archived: str | None) -> DrillPlan:
    """The plan of a drill of the web server or the database."""
    wanted = wish or a_wish()
    configuration = a_configuration(kind, **archived)
    scene = a_scene(kind, archived=configuration, vmid=900, permissions=ENOUGH)
    guest = a_guest(scene.backup.vmid or 0, configuration.name, kind=kind)
    restore = restore_wish(wanted, guest, scene.backup, 900, MARKS, RUN, configuration)
    return DrillPlan(
        guest, scene.backup, HOUR, plan_restore(restore, scene), MARKS, memory_of(configuration, wanted),
        uses_agent(configuration, wanted.agent),
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["lxc", "qemu"])
def test_the_copy_has_its_marks_from_the_start(kind: str) -> None:
    plan = a_plan(kind, onboot="1", protection="1", tags="prod")
    sent = plan.restore.request
    assert (sent["tags"], sent["onboot"], sent["protection"]) == ("lifeboat-drill", "0", "0")
    assert nonce_of(GuestConfiguration(kind, {"description": sent["description"]})) == MARKS.nonce
    assert sent["unique"] == 1
    assert "force" not in sent
    assert "start" not in sent
    assert plan.restore.action == "restore"
    assert plan.restore.steps == ("restore", "check", "start")
    name = {"lxc": ("hostname", "drill-101-web1"), "qemu": ("name", "drill-300-db1")}[kind]
    assert sent[name[0]] == name[1]


def test_less_of_everything() -> None:
    sent = a_plan(wish=a_wish(memory=256, cores=1, bwlimit=100), cores="8").restore.request
    assert (sent["memory"], sent["cores"], sent["bwlimit"]) == ("256", "1", 100)


def test_networks() -> None:
    assert "net0" not in a_plan().restore.request
    off = a_plan(wish=a_wish(network=Network("disconnected"))).restore.request["net0"]
    assert "link_down=1" in off
    lab = a_plan(wish=a_wish(network=Network("isolated", "vmbr9", 7))).restore.request["net0"]
    assert "bridge=vmbr9" in lab
    assert "tag=7" in lab


def test_a_name_that_is_too_long_is_cut() -> None:
    name = a_plan(name="d" * 62 + ".").restore.request["name"]
    assert len(name) <= 63
    assert name.startswith("drill-300-ddd")


@pytest.mark.parametrize(
    ("agent", "said", "expected"),
    [
        ("auto", "1", True), ("auto", "enabled=1,fstrim_cloned_disks=1", True), ("auto", "0", False),
        ("auto", None, False), ("auto", "enabled=0", False), ("required", None, True), ("ignored", "1", False),
    ],
)  # fmt: skip
def test_whose_agent_has_to_answer(agent: str, said: str | None, expected: bool) -> None:
    assert uses_agent(a_configuration("qemu", agent=said), agent) == expected
    assert not uses_agent(a_configuration("lxc"), agent)


def test_a_template_takes_no_memory_and_is_not_started() -> None:
    plan = a_plan(template="1")
    assert (plan.template, plan.memory) == (True, 0)
    assert plan.restore.steps == ("restore", "check")
    assert not lacking_rights(plan, None, ENOUGH, (8, 4))


def test_the_memory_of_a_copy() -> None:
    assert a_plan().memory == 2048
    assert a_plan(wish=a_wish(memory=512)).memory == 512


def test_rights_that_a_drill_takes_beyond_the_restore() -> None:
    plan = a_plan(agent="1")
    assert not lacking_rights(plan, None, Permissions(granted((*RIGHTS, *OWN, "VM.Monitor"), "/vms")), (8, 4))
    assert [one.privilege for one in lacking_rights(plan, None, EVERYTHING, (8, 4))] == ["VM.Monitor"]
    assert [one.privilege for one in lacking_rights(plan, None, ENOUGH, (9, 2))] == ["VM.GuestAgent.Unrestricted"]
    nothing = Permissions(granted((), "/vms"))
    assert [one.told() for one in lacking_rights(plan, None, nothing, (8, 4))] == [
        "VM.Config.Options on /vms/900 (for the marks of the copy)",
        "VM.PowerMgmt on /vms/900 (to start and stop the copy)",
        "VM.Config.Network on /vms/900 (to cut the copy off from networks)",
        "VM.Monitor on /vms/900 (to ask the guest agent)",
    ]


def test_rights_on_the_pool_of_copies_are_enough() -> None:
    plan = a_plan(agent="1")
    on_pool = Permissions(granted((*OWN, "VM.PowerMgmt", "VM.Monitor"), "/pool/drill"))
    assert not lacking_rights(plan, "drill", on_pool, (8, 4))
    assert lacking_rights(plan, None, on_pool, (8, 4))


def test_the_beginning_of_the_record() -> None:
    plan = a_plan("lxc")
    base = record_base(plan, a_wish(plan="nightly"), RUN, "pve1-8006", NOW + 0.7, {"lifeboat": "1", "proxmox": "8.4"})
    assert base == {
        "schema": 1, "run": RUN, "plan": "nightly", "cluster": "pve1-8006", "at": NOW,
        "guest": {"vmid": 101, "name": "web1", "type": "lxc", "node": "pve1"},
        "archive": {
            "volid": plan.backup.volid, "storage": "vault", "node": "pve1", "ctime": NOW - HOUR,
            "size": 2 * GIB // 1024, "verified": None, "encrypted": False,
        },
        "rpo": HOUR, "target": {"vmid": None, "node": "pve1", "storage": "local"},
        "versions": {"lifeboat": "1", "proxmox": "8.4"},
    }  # fmt: skip
