# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Encrypted backups on a backup server: who has the key reads them, and a forced restore without it harms nobody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.lab import restore_world
from pve_simulator import World
from pve_simulator.client import Client

KEY = "a1:b2:c3:d4:e5:f6:07:18"
MISSING = f"Error: missing key - manifest was created with key {KEY}"
KINDS = {101: "lxc", 300: "qemu"}
BOTH = pytest.mark.parametrize("vmid", KINDS)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A backup server with a key, a container and a VM."""
    world = restore_world(tmp_path / "cluster")
    world.add_storage("depot", "pbs", encryption_key=KEY)
    world.add_container(101, "web1", "pve1", files={"etc/motd": b"hello\n"})
    world.add_vm(300, "vm", "pve1", disks={"scsi0": b"x" * 1000})
    return world


def restored(client: Client, source: int, vmid: int, volid: str, **more: Any) -> tuple[str, list[str]]:
    """How the restore of a backup of ``source`` ends, and its log."""
    archive = {"ostemplate": volid, "restore": 1} if KINDS[source] == "lxc" else {"archive": volid}
    reply = client.post(f"/nodes/pve1/{KINDS[source]}", vmid=vmid, storage="local", **archive, **more)
    assert reply.status == 200, reply
    return client.ended(reply.data), client.log(reply.data)


def encrypted(client: Client) -> list[object]:
    return [entry.get("encrypted") for entry in client.get("/nodes/pve1/storage/depot/content").data]


def test_a_storages_key_is_seen_by_its_fingerprint(world: World, root: Client) -> None:
    listed = {entry["storage"]: entry for entry in root.get("/storage").data}
    assert listed["depot"]["encryption-key"] == KEY
    assert root.get("/storage/depot").data["encryption-key"] == KEY
    assert all("encryption-key" not in listed[name] for name in listed if name != "depot")
    assert "encryption-key" not in root.get("/storage/backups").data
    with pytest.raises(ValueError, match="encrypts nothing"):
        world.add_storage("other", "nfs", encryption_key=KEY)


@BOTH
def test_who_has_the_key_reads_what_is_encrypted(world: World, root: Client, vmid: int) -> None:
    volid, before = world.add_archive(vmid, "depot", encrypted=KEY), world.content_hash(vmid)
    assert encrypted(root) == [KEY]
    assert "memory: 512" in root.get("/nodes/pve1/vzdump/extractconfig", volume=volid).data
    world.break_guest(vmid)
    assert restored(root, vmid, vmid, volid, force=1)[0] == "OK"
    assert world.content_hash(vmid) == before


@BOTH
@pytest.mark.parametrize("mark", [KEY, "1"])
def test_without_the_key_nothing_is_read_and_nothing_destroyed(
    world: World, root: Client, vmid: int, mark: str
) -> None:
    volid, before = world.add_archive(vmid, "depot", encrypted=mark), world.content_hash(vmid)
    world.add_storage("depot", "pbs")  # the same one, whose key is lost
    text = MISSING if mark == KEY else MISSING.replace(KEY, "00:00:00:00:00:00:00:00")
    shown = root.get("/nodes/pve1/vzdump/extractconfig", volume=volid)
    assert (shown.status, shown.reason) == (500, f"proxmox-backup-client failed: {text}")
    end, log = restored(root, vmid, vmid, volid, force=1)
    if vmid == 101:
        assert end == f"unable to restore CT 101 - proxmox-backup-client failed: {text}"
    else:
        assert log[0] == f"Could not extract backed up config: proxmox-backup-client failed: {text}"
        assert log[4] == text
        assert end.startswith("command '/usr/bin/proxmox-backup-client restore --crypt-mode=none vm/300/")
        assert end.endswith(" --repository backup@pbs@192.0.2.201:depot' failed: exit code 255")
    assert world.content_hash(vmid) == before, "the configuration is read before anything goes"
    assert world.cluster.guests[vmid].lock is None
    assert "failed" in restored(root, vmid, vmid + 100, volid)[0]
    assert (vmid + 100 in world.cluster.guests) == (vmid == 300), "of a VM an empty configuration stays"


@BOTH
def test_what_is_not_encrypted_needs_no_key(world: World, root: Client, vmid: int) -> None:
    volid = world.add_archive(vmid, "depot")
    world.add_storage("depot", "pbs")
    assert restored(root, vmid, vmid, volid, force=1)[0] == "OK"


@BOTH
def test_a_backup_onto_a_storage_with_a_key_is_encrypted(world: World, root: Client, vmid: int) -> None:
    upid = root.backup("pve1", vmid=vmid, storage="depot")
    assert root.ended(upid) == "OK"
    said = {101: f"INFO: Encryption key fingerprint: {KEY}", 300: "INFO: enabling encryption"}
    assert said[vmid] in root.log(upid)
    assert encrypted(root) == [KEY]
    (volid,) = world.archives("depot")
    assert root.put(f"/nodes/pve1/storage/depot/content/{volid}", notes="kept", protected=1).status == 200
    world.add_storage("depot", "pbs")
    assert restored(root, vmid, vmid, volid, force=1)[0] != "OK"
    assert encrypted(root) == [KEY], "it is listed all the same"
