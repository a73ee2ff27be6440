# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What drills ask of the simulator: guest agents and what goes wrong with them, and ``pct`` in containers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pve_simulator import Agent, Mount, Simulator, World, pct
from pve_simulator.api import agent as agent_api
from pve_simulator.client import Client, Reply

TESTS = Path(__file__).parents[1]
CANARY = "alive since März\n"
INSIDE = Agent(files={"/etc/canary": CANARY.encode()}, boot_seconds=0.0)
WINDOWS = Agent("mswindows", "Microsoft Windows Server 2022", hostname="WIN-1", boot_seconds=0.0)
CARDS: dict[str, str | int] = {
    "net0": "virtio=BC:24:11:00:00:01,bridge=vmbr0",
    "net1": "virtio=BC:24:11:00:00:02,bridge=vmbr0,link_down=1",
}
PLACE = "/nodes/pve1/qemu/300"
NO_AGENT = "QEMU guest agent is not running"
RELEASES = pytest.mark.parametrize("world", ["8.4", "9.2"], indirect=True)


@pytest.fixture
def world(tmp_path: Path, request: pytest.FixtureRequest) -> World:
    """A VM that runs and has an agent, and a container that runs."""
    world = World(tmp_path / "cluster", version=getattr(request, "param", "8.4"))
    world.add_node("pve1", memory=8 << 30)
    world.add_storage("local", content=["rootdir", "images"])
    world.add_storage("backups", "nfs")
    options = {**CARDS, "agent": "enabled=1,fstrim_cloned_disks=1"}
    world.add_vm(
        300, "db1", "pve1", disks={"scsi0": b"x" * 1000}, options=options, running=True, memory=1024, agent=INSIDE
    )
    card = "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:09,ip=10.1.2.3/16,type=veth"
    world.add_container(
        101,
        "web1",
        "pve1",
        files={"etc/motd": b"hello\n", "srv/a": b"hidden"},
        mounts=[Mount("mp0", "/srv", files={"b": b"in the mount"})],
        options={"net0": card},
        running=True,
    )
    return world


def done(client: Client, path: str, **more: object) -> str:
    reply = client.post(path, **more)
    assert reply.status == 200, reply
    return client.ended(reply.data)


def ask(client: Client, what: str, place: str = PLACE, /, **more: object) -> Reply:
    path = f"{place}/agent/{what}"
    return client.post(path, **more) if what in ("ping", "exec") else client.get(path, **more)


def run(client: Client, *command: str, place: str = PLACE) -> dict[str, Any]:
    started = ask(client, "exec", place, command=list(command))
    assert started.status == 200, started
    ended: dict[str, Any] = ask(client, "exec-status", place, pid=started.data["pid"]).data
    return ended


def refusal(client: Client, what: str = "ping", /, **more: object) -> str:
    reply = ask(client, what, **more)
    assert reply.status == 500, reply
    return reply.reason


@RELEASES
def test_an_agent_tells_of_its_guest(root: Client) -> None:
    assert ask(root, "ping").data == {"result": {}}
    assert ask(root, "get-host-name").data == {"result": {"host-name": "db1"}}
    system = ask(root, "get-osinfo").data["result"]
    assert (system["id"], system["name"]) == ("debian", "Debian GNU/Linux")
    assert system["pretty-name"] == "Debian GNU/Linux 12 (bookworm)"
    [loopback, eth0, eth1] = ask(root, "network-get-interfaces").data["result"]
    assert loopback["ip-addresses"][0]["ip-address"] == "127.0.0.1"
    assert (eth0["name"], eth0["hardware-address"]) == ("eth0", "bc:24:11:00:00:01")
    assert eth0["ip-addresses"] == [{"ip-address": "10.0.1.44", "ip-address-type": "ipv4", "prefix": 24}]
    assert "ip-addresses" not in eth1  # its link is down
    assert root.get(f"{PLACE}/status/current").data["agent"] == 1


@RELEASES
def test_commands_run_in_the_guest(root: Client) -> None:
    assert run(root, "echo", "two", "words") == {"exited": 1, "exitcode": 0, "out-data": "two words\n"}
    assert run(root, "/usr/bin/hostname")["out-data"] == "db1\n"
    assert run(root, "cat", "/etc/hostname")["out-data"] == "db1\n"
    assert run(root, "true") == {"exited": 1, "exitcode": 0}
    assert run(root, "false") == {"exited": 1, "exitcode": 1}
    missing = run(root, "cat", "/etc/nothing")
    assert missing == {"exited": 1, "exitcode": 1, "err-data": "cat: /etc/nothing: No such file or directory\n"}
    text = 'Failed to execute child process "nonsense" (No such file or directory)'
    failed = f"Agent error: Guest agent command failed, error was '{text}'"
    assert refusal(root, "exec", command=["nonsense", "-x"]) == failed


def test_bytes_arrive_as_a_character_each(root: Client) -> None:
    """As from Proxmox: what was UTF-8 in the guest has to be put together again."""
    for text in (
        run(root, "cat", "/etc/canary")["out-data"],
        ask(root, "file-read", file="/etc/canary").data["content"],
    ):
        assert text != CANARY
        assert text.encode("latin-1").decode() == CANARY


def test_the_end_of_a_command_is_told_once(world: World, root: Client) -> None:
    world.set_agent(300, Agent(boot_seconds=0.0, exec_seconds=0.1))
    pid = ask(root, "exec", command="true").data["pid"]
    assert ask(root, "exec-status", pid=pid).data == {"exited": 0}
    time.sleep(0.11)
    assert ask(root, "exec-status", pid=pid).data == {"exited": 1, "exitcode": 0}
    assert refusal(root, "exec-status", pid=pid) == "Agent error: Invalid parameter 'pid'"


def test_a_command_does_not_outlive_its_guest(world: World, root: Client) -> None:
    pid = ask(root, "exec", command="true").data["pid"]
    world.set_running(300, False)
    world.set_running(300, True)
    assert refusal(root, "exec-status", pid=pid) == "Agent error: Invalid parameter 'pid'"


def test_files_are_read(world: World, root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_api, "MOST", 8)  # 16 MiB take a second
    world.set_agent(300, Agent(files={"/big": b"123456789", "/small": b"12345678"}, boot_seconds=0.0))
    assert ask(root, "file-read", file="/small").data == {"content": "12345678", "bytes-read": 8}
    assert ask(root, "file-read", file="/big").data == {"content": "12345678", "bytes-read": 8, "truncated": 1}
    text = "Agent error: failed to open file '/none' (mode: 'r'): No such file or directory"
    assert refusal(root, "file-read", file="/none") == text


def test_a_guest_that_was_broken_has_lost_files(world: World, root: Client) -> None:
    world.set_agent(300, Agent(files={"/a": b"a", "/b": b"b"}, boot_seconds=0.0))
    world.break_guest(300)
    assert [ask(root, "file-read", file=path).status for path in ("/a", "/b")] == [500, 200]


def test_windows(world: World, root: Client) -> None:
    world.set_agent(300, WINDOWS)
    system = ask(root, "get-osinfo").data["result"]
    assert (system["id"], system["name"]) == ("mswindows", "Microsoft Windows Server")
    assert run(root, "cmd.exe", "/c", "echo", "hello", "there")["out-data"] == "hello there\r\n"
    assert run(root, "hostname")["out-data"] == "WIN-1\n"


def test_why_an_agent_is_not_there(world: World, root: Client) -> None:
    world.set_option(300, "agent", None)
    assert refusal(root) == "No QEMU guest agent configured"
    world.set_option(300, "agent", 0)
    assert refusal(root) == NO_AGENT
    world.set_option(300, "agent", 1)
    world.set_running(300, False)
    assert refusal(root) == "VM 300 is not running"
    world.set_running(300, True)
    assert ask(root, "ping").status == 200
    world.set_agent(300, None)
    assert refusal(root) == NO_AGENT


def test_an_agent_comes_up_some_time_after_the_start(world: World, root: Client) -> None:
    world.set_running(300, False)
    world.set_agent(300, Agent(boot_seconds=0.15))
    assert done(root, f"{PLACE}/status/start") == "OK"
    assert refusal(root) == NO_AGENT
    deadline = time.monotonic() + 1
    while ask(root, "ping").status != 200:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_agent_goes_into_the_backup_and_comes_out_of_it(world: World, root: Client) -> None:
    volid = world.add_archive(300)
    before = world.content_hash(300, settings=False)
    world.set_agent(300, WINDOWS)
    world.add_vm(901, "old", "pve1", disks={"scsi0": b"y"}, options={"agent": 1}, agent=WINDOWS)
    for vmid, force in ((900, 0), (901, 1)):
        assert done(root, "/nodes/pve1/qemu", vmid=vmid, archive=volid, storage="local", force=force) == "OK"
        assert world.content_hash(vmid, settings=False) == before != world.content_hash(300, settings=False)
        place = f"/nodes/pve1/qemu/{vmid}"
        assert done(root, f"{place}/status/start") == "OK"
        assert run(root, "hostname", place=place)["out-data"] == "db1\n"
        assert ask(root, "file-read", place, file="/etc/canary").status == 200


def test_a_restore_that_fails_leaves_no_agent(world: World, sim: Simulator, root: Client) -> None:
    upid = root.backup("pve1", vmid=300, storage="backups")
    assert root.ended(upid) == "OK"
    [volid] = world.archives("backups")
    world.set_running(300, False)
    sim.faults.restore_fails(300, "no such luck")
    assert done(root, "/nodes/pve1/qemu", vmid=300, archive=volid, force=1) == "no such luck"
    assert not list((world.layout.guest(300)).glob("agent*"))


def test_what_can_go_wrong_with_an_agent(sim: Simulator, root: Client) -> None:
    faults = sim.faults
    faults.boot_hangs(300)
    assert refusal(root) == NO_AGENT
    assert root.get(f"{PLACE}/status/current").data["qmpstatus"] == "running"
    faults.release(300)
    faults.agent_hangs(300)
    assert refusal(root) == "VM 300 qga command 'guest-ping' failed - got timeout"
    faults.clear()
    faults.exec_disabled(300)
    assert ask(root, "ping").status == 200
    assert refusal(root, "exec", command="true") == "Agent error: Command guest-exec has been disabled"
    faults.clear()
    faults.agent_lies(300, out="all is well")
    assert run(root, "cat", "/etc/canary") == {"exited": 1, "exitcode": 0, "out-data": "all is well"}
    faults.clear()
    faults.guest_paused(300)
    state = root.get(f"{PLACE}/status/current").data
    assert (state["status"], state["qmpstatus"]) == ("running", "io-error")
    assert refusal(root) == NO_AGENT


RIGHTS = {
    "8.4": {"VM.Monitor": {"ping", "get-osinfo", "exec", "file-read"}, "VM.Audit": set()},
    "9.2": {
        "VM.GuestAgent.Audit": {"ping", "get-osinfo"},
        "VM.GuestAgent.FileRead": {"file-read"},
        "VM.GuestAgent.Unrestricted": {"ping", "get-osinfo", "exec", "file-read"},
    },
}
QUESTIONS: dict[str, dict[str, object]] = {
    "ping": {},
    "get-osinfo": {},
    "exec": {"command": "true"},
    "file-read": {"file": "/etc/canary"},
}


@RELEASES
def test_who_may_ask_an_agent(world: World, sim: Simulator) -> None:
    world.add_user("ann@pve")
    for number, (privilege, allowed) in enumerate(RIGHTS[world.version.release].items()):
        world.add_role(f"R{number}", [privilege])
        secret = world.add_token("ann@pve", f"token{number}")
        world.add_acl("/vms", f"R{number}", f"ann@pve!token{number}")
        world.add_acl(f"/vms/{300}", "Administrator", "ann@pve")
        with Client(sim, f"ann@pve!token{number}", secret) as client:
            answers = {command: ask(client, command, **more).status for command, more in QUESTIONS.items()}
        assert {command for command, status in answers.items() if status == 200} == allowed
        assert set(answers.values()) <= {200, 403}


def test_a_container_tells_its_addresses(world: World, root: Client) -> None:
    place = "/nodes/pve1/lxc/101/interfaces"
    assert root.get(place).data == [
        {"name": "lo", "hwaddr": "00:00:00:00:00:00", "inet": "127.0.0.1/8"},
        {"name": "eth0", "hwaddr": "bc:24:11:00:00:09", "inet": "10.1.2.3/16"},
    ]
    world.set_running(101, False)
    assert root.get(place).data is None


@pytest.mark.parametrize(
    ("words", "status", "out", "err"),
    [
        (["exec", "101", "--", "cat", "/etc/motd"], 0, "hello\n", ""),
        (["exec", "101", "--", "cat", "/srv/b"], 0, "in the mount", ""),
        (["exec", "101", "--", "cat", "/srv/a"], 1, "", "cat: /srv/a: No such file or directory\n"),
        (
            ["exec", "101", "--", "cat", "/../../state.json"],
            1,
            "",
            "cat: /../../state.json: No such file or directory\n",
        ),
        (["exec", "--keep-env", "0", "101", "hostname"], 0, "web1\n", ""),
        (["exec", "101", "--", "echo", "-n", "x"], 0, "-n x\n", ""),
        (["exec", "101", "--", "false"], 1, "", ""),
        (
            ["exec", "101", "--", "reboot"],
            127,
            "",
            'lxc-attach: 101: No such file or directory - Failed to exec "reboot"\n',
        ),
        (["exec", "102", "--", "true"], 255, "", "container '102' not running!\n"),
        (["exec", "300", "--", "true"], 2, "", "Configuration file 'nodes/pve1/lxc/300.conf' does not exist\n"),
        (["status", "101"], 0, "status: running\n", ""),
        (["status", "102"], 0, "status: stopped\n", ""),
        (["status", "900"], 2, "", "Configuration file 'nodes/pve1/lxc/900.conf' does not exist\n"),
    ],
)
def test_pct(
    world: World,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    status: int,
    out: str,
    err: str,
) -> None:
    monkeypatch.setattr(pct, "BEHIND", 0.0)  # nothing runs here that could write the state a moment later
    world.add_container(102, "web2", "pve1")
    (world.layout.guest(101).parent / "x").write_text("of the host")
    world.save()
    assert pct.main(["--folder", str(world.layout.folder), *words]) == status
    assert capfd.readouterr() == (out, err)


def test_pct_knows_the_containers_of_its_node_only(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    world.save()
    folder = str(world.layout.folder)
    assert pct.main(["--folder", folder, "--node", "pve1", "status", "101"]) == 0
    assert pct.main(["--folder", folder, "--node", "pve2", "status", "101"]) == 2
    assert capfd.readouterr().err == "Configuration file 'nodes/pve2/lxc/101.conf' does not exist\n"


@pytest.mark.slow
def test_pct_beside_a_simulator(world: World, root: Client) -> None:
    """A process of its own sees what has been restored and started a moment ago."""
    volid = world.add_archive(101)
    call = {"vmid": 900, "ostemplate": volid, "restore": 1, "storage": "local", "unprivileged": 1}
    assert done(root, "/nodes/pve1/lxc", **call) == "OK"
    assert done(root, "/nodes/pve1/lxc/900/status/start") == "OK"
    command = [sys.executable, "-m", "pve_simulator.pct", "--folder", str(world.layout.folder), "exec", "900", "--"]
    ran = subprocess.run(
        [*command, "cat", "/etc/motd"],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "hello\n", "")
