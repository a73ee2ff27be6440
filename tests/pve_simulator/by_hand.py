# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hands on the disks of a simulated cluster, past its API: ``python -m pve_simulator.by_hand --folder DIR show 101``.

For demonstrations: to see what is really in a guest, and to do what no client of Proxmox VE could. The simulator may
run meanwhile; nothing but the files of the guest or the archive is changed.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from pve_simulator.guests import content
from pve_simulator.handling import Handling
from pve_simulator.storage.layout import Layout


def main(arguments: list[str] | None = None) -> int:
    """Do one thing and say on standard output what there is then; 1 when it can't be done."""
    options = _parser().parse_args(arguments)
    if not Layout(options.folder).state_file.exists():
        sys.stderr.write(f"no cluster in {options.folder}\n")
        return 1
    world = Handling(options.folder, "", time.time)  # the version is the cluster's own
    try:
        lines = options.do(world, options.what)
    except KeyError as error:
        sys.stderr.write(f"there is no {error.args[0]} in this cluster\n")
        return 1
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 0


def _show(world: Handling, vmid: int) -> list[str]:
    """Every file of a container, every disk of a VM: bytes, the begin of a hash, path."""
    guest = world.cluster.guests[vmid]
    folder = world.layout.guest(guest.vmid)
    found = []
    for volume in guest.volumes:
        path = content.volume_path(folder, guest.kind, volume.key)
        files = sorted(entry for entry in path.rglob("*") if entry.is_file()) if path.is_dir() else [path]
        found += [
            f"{file.stat().st_size:>7} bytes  {content.digest(file)[:12]}  {file.relative_to(folder).as_posix()}"
            for file in files
            if file.is_file()
        ]
    return found


def _break(world: Handling, vmid: int) -> list[str]:
    """Lose half of what is in a guest; says what was there, and what is left."""
    before = _show(world, vmid)
    world.break_guest(vmid)
    return [*before, "and what is left:", *_show(world, vmid)]


def _truncate(world: Handling, volid: str) -> list[str]:
    """Cut an archive off, so that the configuration in it can be read and the rest can't."""
    whole = world.archive_path(volid).stat().st_size
    return [f"{volid}: {world.truncate_archive(volid)} of {whole} bytes are left"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pve_simulator.by_hand", description=__doc__)
    parser.add_argument("--folder", required=True, type=Path, help="where the cluster lives")
    commands = parser.add_subparsers(required=True, metavar="show | break | truncate")
    for name, do, what in (("show", _show, "VMID"), ("break", _break, "VMID"), ("truncate", _truncate, "VOLID")):
        command = commands.add_parser(name, help=do.__doc__, description=do.__doc__)
        command.add_argument("what", metavar=what, type=int if what == "VMID" else str)
        command.set_defaults(do=do)
    return parser


if __name__ == "__main__":
    sys.exit(main())
