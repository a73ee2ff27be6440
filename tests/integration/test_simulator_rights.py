# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rights: where entries count, what replaces what, what pools and tokens do to them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pve_simulator import Simulator, World
from pve_simulator.client import Client

USER = "backup@pve"


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.add_node("pve1")
    world.add_storage("local", content=["backup", "rootdir"])
    world.add_pool("prod", storages=["local"])
    world.add_container(101, "web1", "pve1", pool="prod")
    world.add_container(102, "web2", "pve1")
    world.add_user(USER)
    world.add_role("Guests", ["VM.Audit", "VM.Backup"])
    world.add_role("Space", ["Datastore.AllocateSpace", "Datastore.Audit"])
    return world


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    secret = world.add_token(USER, "full", privsep=False)
    with Simulator(world) as sim, Client(sim, f"{USER}!full", secret) as client:
        yield client


def guests(client: Client) -> list[int]:
    return [guest["vmid"] for guest in client.get("/cluster/resources", type="vm").data]


def test_nobody_sees_anything_at_first(client: Client) -> None:
    assert guests(client) == []
    assert client.get("/access/permissions").data == {}


def test_an_entry_propagates(world: World, client: Client) -> None:
    world.add_acl("/vms", "Guests", USER)
    assert guests(client) == [101, 102]


def test_an_entry_that_does_not_propagate_counts_for_its_path_only(world: World, client: Client) -> None:
    world.add_acl("/vms", "Guests", USER, propagate=False)
    world.add_acl("/vms/102", "Guests", USER, propagate=False)
    assert guests(client) == [102]
    held = client.get("/access/permissions").data
    assert held["/vms"] == {"VM.Audit": 0, "VM.Backup": 0}
    assert held["/vms/102"] == {"VM.Audit": 0, "VM.Backup": 0}
    assert "/vms/101" not in held


def test_an_entry_further_down_replaces_those_above(world: World, client: Client) -> None:
    world.add_acl("/vms", "Guests", USER)
    world.add_acl("/vms/101", "Space", USER)
    assert guests(client) == [102]


def test_no_access_shuts_a_path(world: World, client: Client) -> None:
    world.add_acl("/vms", "Guests", USER)
    world.add_acl("/vms/101", "NoAccess", USER)
    assert guests(client) == [102]


def test_a_pool_gives_its_rights_to_its_members(world: World, client: Client) -> None:
    world.add_acl("/pool/prod", "Guests", USER)
    world.add_acl("/pool/prod", "Space", USER)
    assert guests(client) == [101]
    assert client.get("/nodes/pve1/storage/local/content").data == []
    held = client.get("/access/permissions").data
    assert set(held) == {"/pool/prod", "/vms/101", "/storage/local"}
    assert (held["/pool/prod"]["VM.Backup"], held["/vms/101"]["VM.Backup"]) == (1, 0)


def test_no_access_to_a_pool_shuts_its_members(world: World, client: Client) -> None:
    world.add_acl("/vms", "Guests", USER)
    world.add_acl("/pool/prod", "NoAccess", USER)
    assert guests(client) == [102]


def test_a_separated_token_has_what_both_have(world: World, client: Client) -> None:
    world.add_acl("/vms", "Guests", USER)
    secret = world.add_token(USER, "sep", privsep=True)
    world.add_role("More", ["VM.Audit", "VM.Allocate"])
    world.add_acl("/vms/102", "More", f"{USER}!sep")
    client.headers = {"Authorization": f"PVEAPIToken={USER}!sep={secret}"}
    assert guests(client) == [102]
    assert client.get("/access/permissions").data == {"/vms/102": {"VM.Audit": 1}}


def test_a_separated_token_without_entries_has_nothing(world: World, client: Client) -> None:
    world.add_acl("/", "Guests", USER)
    secret = world.add_token(USER, "sep", privsep=True)
    client.headers = {"Authorization": f"PVEAPIToken={USER}!sep={secret}"}
    assert client.get("/access/permissions").data == {}


def test_rights_of_others_are_for_auditors(world: World, client: Client) -> None:
    reply = client.get("/access/permissions", userid="root@pam")
    assert (reply.status, reply.reason) == (403, "Permission check failed (/access, Sys.Audit)")
    world.add_acl("/", "PVEAuditor", USER)
    assert client.get("/access/permissions?path=/vms&userid=root@pam").data["/vms"]["VM.Allocate"] == 1
    assert client.get("/access/permissions", userid="no@pve").errors == {"userid": "no such user ('no@pve')"}


@pytest.mark.parametrize(
    ("entries", "seen"),
    [
        ([("/storage/local", "Space")], []),
        ([("/storage/local", "Space"), ("/vms/101", "Guests")], [101]),
        ([("/storage/local", "PVEDatastoreAdmin")], [101, 102]),
        ([("/storage/local", "PVEAuditor"), ("/vms", "Guests")], []),
    ],
    ids=["no guest's rights", "one guest's", "allocate", "audit only"],
)
def test_a_listing_is_silent_about_what_the_caller_may_not_see(
    world: World, client: Client, entries: list[tuple[str, str]], seen: list[int]
) -> None:
    for vmid in (101, 102):
        world.add_archive(vmid, "local")
    for path, role in entries:
        world.add_acl(path, role, USER)
    reply = client.get("/nodes/pve1/storage/local/content", content="backup")
    assert reply.status == 200
    assert [entry["vmid"] for entry in reply.data] == seen


def test_a_backup_that_nobody_owns_is_for_those_who_may_allocate(world: World, client: Client) -> None:
    world.add_archive(101, "local", name="vzdump-qemu-keepme.vma.zst")
    world.add_acl("/", "Space", USER)
    content = "/nodes/pve1/storage/local/content"
    assert client.get(content, content="backup").data == []
    assert client.get(f"{content}/local:backup/vzdump-qemu-keepme.vma.zst").status == 403
    world.add_acl("/storage/local", "PVEDatastoreAdmin", USER)
    assert [entry["subtype"] for entry in client.get(content, content="backup").data] == ["qemu"]


def test_a_missing_right_ends_the_job_before_any_backup(world: World, client: Client) -> None:
    world.add_acl("/storage", "Space", USER)
    world.add_acl("/vms/101", "Guests", USER)
    upid = client.backup("pve1", vmid="101,102", storage="local")
    assert client.ended(upid) == "403 Permission check failed (/vms/102, VM.Backup)"
    assert world.archives("local") == []


def test_with_all_a_missing_right_is_passed_over(world: World, client: Client) -> None:
    world.add_acl("/storage", "Space", USER)
    world.add_acl("/vms/101", "Guests", USER)
    assert client.ended(client.backup("pve1", all=1, storage="local")) == "OK"
    assert len(world.archives("local")) == 1


@pytest.mark.parametrize(
    ("options", "path", "privilege"),
    [
        ({"prune_backups": "keep-last=1"}, "/storage/local", "Datastore.Allocate"),
        ({"bwlimit": 1}, "/", "Sys.Modify"),
        ({"ionice": 1}, "/", "Sys.Modify"),
        ({"performance": "max-workers=1"}, "/", "Sys.Modify"),
        ({"fleecing": "enabled=1,storage=fast"}, "/storage/fast", "Datastore.AllocateSpace"),
    ],
    ids=["retention", "bwlimit", "ionice", "performance", "fleecing"],
)
def test_what_costs_others_needs_more(
    world: World, client: Client, options: dict[str, Any], path: str, privilege: str
) -> None:
    world.add_storage("fast", content=["images"])
    world.add_acl("/storage/local", "Space", USER)
    world.add_acl("/vms", "Guests", USER)
    reply = client.post("/nodes/pve1/vzdump", vmid=101, storage="local", **options)
    assert (reply.status, reply.reason) == (403, f"Permission check failed ({path}, {privilege})")


def test_stop_needs_more_from_9_2_on(tmp_path: Path) -> None:
    for version, status in (("8.4", 200), ("9.2", 403)):
        world = World(tmp_path / version, version=version)
        world.add_node("pve1")
        world.add_user(USER)
        secret = world.add_token(USER, "full", privsep=False)
        with Simulator(world) as sim, Client(sim, f"{USER}!full", secret) as client:
            assert client.post("/nodes/pve1/vzdump", stop=1).status == status


def test_names_and_roles_are_checked(world: World) -> None:
    with pytest.raises(ValueError, match="no name of a token"):
        world.add_token(USER, "t")
    with pytest.raises(ValueError, match="no name of a user"):
        world.add_user("nobody")
    with pytest.raises(ValueError, match=r"8\.4 has no privilege VM\.Replicate"):
        world.add_role("New", ["VM.Audit", "VM.Replicate"])
    with pytest.raises(ValueError, match="no role Nope"):
        world.add_acl("/", "Nope", USER)
    with pytest.raises(ValueError, match="no node pve9"):
        world.add_container(500, "lost", "pve9")
