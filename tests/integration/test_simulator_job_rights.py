# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may make, change and read backup jobs in the simulator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from pve_simulator import Simulator, World
from pve_simulator.client import Client, Reply

OPERATOR = ("Sys.Audit", "Sys.Modify")
ONLY_ROOT = "Only root may set this option."


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Ann may read and write jobs, and has Datastore.Allocate on one storage."""
    world = World(tmp_path / "cluster")
    world.add_node("pve1")
    for name in ("local", "backups", "vault"):
        world.add_storage(name, content=["backup", "rootdir", "images"])
    world.add_pool("prod")
    world.add_container(101, "web1", "pve1", pool="prod")
    world.add_container(102, "web2", "pve1")
    world.add_user("root@pam", "secret-of-root")
    world.add_user("ann@pve")
    give(world, "/", *OPERATOR, propagate=False)
    give(world, "/storage/backups", "Datastore.Allocate")
    world.add_job("nightly", schedule="02:30", storage="backups", vmid="101,102")
    return world


@pytest.fixture
def ann(world: World, sim: Simulator) -> Iterator[Client]:
    secret = world.add_token("ann@pve", "hers", privsep=False)
    with Client(sim, "ann@pve!hers", secret) as client:
        yield client


@pytest.fixture
def root_himself(sim: Simulator) -> Iterator[Client]:
    """Root with a ticket: no token of his is he."""
    with Client(sim) as client:
        ticket = client.post("/access/ticket", username="root@pam", password="secret-of-root").data
        client.headers["Cookie"] = f"PVEAuthCookie={quote(ticket['ticket'], safe=':/+=')}"
        client.headers["CSRFPreventionToken"] = ticket["CSRFPreventionToken"]
        yield client


def give(world: World, path: str, *privileges: str, propagate: bool = True) -> None:
    name = f"R{len(world.cluster.acl)}"
    world.add_role(name, privileges)
    world.add_acl(path, name, "ann@pve", propagate)


def create(client: Client, **options: Any) -> Reply:
    given = {"id": "new", "schedule": "1:00", **({} if "pool" in options else {"vmid": "101"}), **options}
    return client.post("/cluster/backup", **given)


def change(client: Client, **options: Any) -> Reply:
    return client.put("/cluster/backup/nightly", **options)


def told(reply: Reply) -> tuple[int, str]:
    return reply.status, json.loads(reply.body)["message"]


def forbidden(path: str, privilege: str) -> tuple[int, str]:
    return 403, f"Permission check failed ({path}, {privilege})\n"


def test_whoever_may_only_read(world: World, sim: Simulator) -> None:
    world.add_user("bob@pve")
    world.add_role("Reader", ["Sys.Audit"])
    world.add_acl("/", "Reader", "bob@pve", propagate=False)
    with Client(sim, "bob@pve!his", world.add_token("bob@pve", "his", privsep=False)) as bob:
        assert [job["id"] for job in bob.get("/cluster/backup").data] == ["nightly"]
        assert bob.get("/cluster/backup/nightly").status == 200
        for reply in (create(bob), change(bob, comment="x"), bob.delete("/cluster/backup/nightly")):
            assert told(reply) == forbidden("/", "Sys.Modify")
    assert list(world.cluster.jobs) == ["nightly"]


def test_whoever_has_no_right(world: World, sim: Simulator) -> None:
    world.add_user("bob@pve")
    with Client(sim, "bob@pve!his", world.add_token("bob@pve", "his", privsep=False)) as bob:
        for path in ("backup", "backup/nightly", "backup/nightly/included_volumes", "backup-info/not-backed-up"):
            assert told(bob.get(f"/cluster/{path}")) == forbidden("/", "Sys.Audit")
        assert told(bob.get("/cluster/backup-info")) == (403, "Permission check failed (user != root@pam)\n")
        assert bob.get("/cluster/jobs/schedule-analyze", schedule="1:00").status == 200


def test_what_has_no_right_of_its_own_is_for_root_himself(root: Client, root_himself: Client) -> None:
    assert told(root.get("/cluster/backup-info")) == (403, "Permission check failed (user != root@pam)\n")
    assert root_himself.get("/cluster/backup-info").data == [{"subdir": "not-backed-up"}]


def test_a_job_onto_a_storage_takes_allocate_there(ann: Client, world: World) -> None:
    assert told(create(ann, storage="vault")) == forbidden("/storage/vault", "Datastore.Allocate")
    assert told(create(ann)) == forbidden("/storage/local", "Datastore.Allocate")
    assert "new" not in world.cluster.jobs
    assert create(ann, storage="backups").status == 200


def test_a_change_takes_allocate_on_the_new_storage(ann: Client, world: World) -> None:
    assert told(change(ann, storage="vault")) == forbidden("/storage/vault", "Datastore.Allocate")
    assert told(change(ann, delete="storage")) == forbidden("/storage/local", "Datastore.Allocate")
    give(world, "/storage/vault", "Datastore.Allocate")
    assert change(ann, storage="vault").status == 200
    assert world.cluster.jobs["nightly"]["storage"] == "vault"
    give(world, "/storage/local", "Datastore.Allocate")
    assert change(ann, delete="storage").status == 200


@pytest.mark.parametrize(("target", "told_of"), [("vault", "vault"), (None, "local")])
def test_a_change_takes_allocate_on_the_old_storage(
    ann: Client, world: World, target: str | None, told_of: str
) -> None:
    """That is found under the lock: a 500 with the 403 in its text."""
    world.add_job("nightly", schedule="02:30", storage=target, all=1)
    for wish in ({"comment": "x"}, {"storage": "backups"}):
        reply = change(ann, **wish)
        text = f"403 Permission check failed (/storage/{told_of}, Datastore.Allocate)"
        assert told(reply) == (500, f"{text}\n")
        assert reply.reason == text
    assert "comment" not in world.cluster.jobs["nightly"]
    assert ann.delete("/cluster/backup/nightly").status == 200


def test_a_pool_takes_the_right_to_back_it_up(ann: Client, world: World) -> None:
    wish = {"pool": "prod", "storage": "backups"}
    assert told(create(ann, **wish)) == forbidden("/pool/prod", "VM.Backup")
    assert told(change(ann, pool="prod")) == forbidden("/pool/prod", "VM.Backup")
    give(world, "/pool/prod", "VM.Backup")
    assert change(ann, pool="prod").status == 200
    assert change(ann, comment="x").status == 200
    assert told(change(ann, pool="nopool")) == (403, "Permission check failed (pool 'nopool' does not exist)\n")


def test_a_pool_that_there_is_not_is_refused_to_root_as_well(root_himself: Client) -> None:
    text = "Permission check failed (pool 'nopool' does not exist)\n"
    assert told(create(root_himself, pool="nopool")) == (403, text)


def test_fleecing_takes_space_where_it_writes(ann: Client, world: World) -> None:
    wish = {"fleecing": "enabled=1,storage=vault"}
    assert told(create(ann, storage="backups", **wish)) == forbidden("/storage/vault", "Datastore.AllocateSpace")
    assert told(change(ann, **wish)) == forbidden("/storage/vault", "Datastore.AllocateSpace")
    assert change(ann, fleecing="enabled=0").status == 200
    give(world, "/storage/vault", "Datastore.AllocateSpace")
    assert change(ann, **wish).status == 200
    assert change(ann, delete="fleecing").status == 200


@pytest.mark.parametrize("name", ["tmpdir", "dumpdir", "script"])
def test_what_only_root_himself_may_set(ann: Client, root: Client, root_himself: Client, name: str) -> None:
    for client in (ann, root):  # a token of root is not he
        for reply in (
            create(client, storage="backups", **{name: "/x"}),
            change(client, **{name: "/x"}),
            change(client, delete=name),
        ):
            assert (reply.status, reply.errors) == (400, {name: ONLY_ROOT})
    assert change(root_himself, **{name: "/x"}).status == 200
    assert root_himself.get("/cluster/backup/nightly").data[name] == "/x"


def test_a_job_into_a_folder_is_changed_by_root_alone(ann: Client, root_himself: Client) -> None:
    assert change(root_himself, dumpdir="/x").status == 200
    assert told(change(ann, comment="x")) == (500, "only root@pam may edit jobs with a 'dumpdir' option.\n")
    assert change(root_himself, comment="x").status == 200


def test_guests_that_one_may_not_see_are_left_out(ann: Client, world: World) -> None:
    world.add_container(103, "web3", "pve1")
    world.add_container(104, "web4", "pve1")
    give(world, "/vms/101", "VM.Audit")
    give(world, "/vms/103", "VM.Audit")
    taken = ann.get("/cluster/backup/nightly/included_volumes").data["children"]
    assert [entry["id"] for entry in taken] == [101]
    assert [entry["vmid"] for entry in ann.get("/cluster/backup-info/not-backed-up").data] == [103]


def test_a_job_is_refused_before_it_is_looked_for(ann: Client) -> None:
    """Whoever may not write onto the storage is not told whether there is such a job."""
    reply = ann.put("/cluster/backup/nope", storage="vault")
    assert told(reply) == forbidden("/storage/vault", "Datastore.Allocate")
    assert told(ann.put("/cluster/backup/nope", storage="backups")) == (500, "no such vzdump job\n")
