# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The node's ``pct``, as far as it looks into containers: ``python -m pve_simulator.pct --folder DIR exec 101 true``.

It reads the files of a simulated cluster; the simulator may run meanwhile. Texts and exit statuses are not recorded.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pve_simulator.guests import commands
from pve_simulator.guests.commands import Outcome
from pve_simulator.state import file
from pve_simulator.state.model import Cluster, Guest
from pve_simulator.storage.layout import Layout

_NO_CONTAINER = 2  # what is left of the error that the missing file was
_NOT_RUNNING = 255
_NO_PROGRAM = 127
BEHIND = 0.5  # seconds by which the state on the disk may lag behind; it is asked again for so long
_STEP = 0.02


@dataclass(frozen=True)
class Container:
    """A container as a command in it sees it."""

    guest: Guest
    folder: Path

    @property
    def hostname(self) -> str:
        """Its name."""
        return self.guest.name

    def read(self, path: str) -> bytes | None:
        """The bytes of a file in the root or in a mount point, or None when there is no such file."""
        name = path.strip("/")
        holding = [volume for volume in self.guest.volumes if f"{name}/".startswith(_prefix(volume.path))]
        volume = max(holding, key=lambda one: len(_prefix(one.path)))
        root = (self.folder / volume.key).resolve()
        found = (root / name[len(_prefix(volume.path)) :]).resolve()
        if found.is_relative_to(root) and found.is_file():
            return found.read_bytes()
        return f"{self.hostname}\n".encode() if name == "etc/hostname" else None


def main(arguments: list[str] | None = None) -> int:
    """Do as ``pct`` does; the answer is the exit status, of ``exec`` that of the command."""
    options = _parser().parse_args(arguments)
    outcome: Outcome = options.do(options)
    for stream, data in ((sys.stdout, outcome.out), (sys.stderr, outcome.err)):
        stream.buffer.write(data)
        stream.flush()
    return outcome.exit_code


def _status(options: argparse.Namespace) -> Outcome:
    """Say whether a container runs."""
    cluster, guest = _seen(options, lambda found: found is not None)
    if guest is None:
        return _unknown(cluster, options)
    return Outcome(0, f"status: {'running' if guest.running else 'stopped'}\n".encode())


def _exec(options: argparse.Namespace) -> Outcome:
    """Run a command in a container."""
    cluster, guest = _seen(options, lambda found: found is not None and found.running)
    if guest is None:
        return _unknown(cluster, options)
    if not guest.running:
        return Outcome(_NOT_RUNNING, err=f"container '{guest.vmid}' not running!\n".encode())
    command: Sequence[str] = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        return Outcome(_NOT_RUNNING, err=b"missing command\n")
    outcome = commands.run(command, Container(guest, Layout(options.folder).guest(guest.vmid)))
    if outcome is None:
        text = f'lxc-attach: {guest.vmid}: No such file or directory - Failed to exec "{command[0]}"\n'
        return Outcome(_NO_PROGRAM, err=text.encode())
    return outcome


def _seen(options: argparse.Namespace, enough: Callable[[Guest | None], bool]) -> tuple[Cluster, Guest | None]:
    """The container on this node, or None; the simulator writes what changed down a moment later."""
    deadline = time.monotonic() + BEHIND
    while True:
        cluster = file.load(Layout(options.folder).state_file)
        guest = cluster.guests.get(options.vmid)
        if guest is not None and (guest.kind != "lxc" or options.node not in (None, guest.node)):
            guest = None
        if enough(guest) or time.monotonic() > deadline:
            return cluster, guest
        time.sleep(_STEP)


def _unknown(cluster: Cluster, options: argparse.Namespace) -> Outcome:
    node = options.node or next(iter(cluster.nodes))
    text = f"Configuration file 'nodes/{node}/lxc/{options.vmid}.conf' does not exist\n"
    return Outcome(_NO_CONTAINER, err=text.encode())


def _prefix(path: str | None) -> str:
    inside = (path or "").strip("/")
    return f"{inside}/" if inside else ""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pve_simulator.pct", description=__doc__)
    parser.add_argument("--folder", required=True, type=Path, help="where the cluster lives")
    parser.add_argument("--node", help="the node on which it runs; it knows no containers of others (default: of all)")
    words = parser.add_subparsers(required=True, metavar="exec | status")
    for name, do in (("exec", _exec), ("status", _status)):
        word = words.add_parser(name, help=do.__doc__, description=do.__doc__)
        word.add_argument("vmid", type=int)
        word.set_defaults(do=do)
        if name == "exec":
            word.add_argument("--keep-env", choices=("0", "1"), help="makes no difference here")
            word.add_argument("command", nargs=argparse.REMAINDER)
    return parser


if __name__ == "__main__":
    sys.exit(main())
