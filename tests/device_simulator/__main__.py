# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulated fleet from a shell: ``python -m device_simulator --folder DIR [--scenario demo]``."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
from pathlib import Path

from device_simulator.faults import Hang
from device_simulator.fleet import Fleet
from device_simulator.scenarios import SCENARIOS
from device_simulator.services import running

_PROGRAMS = ("node", "mysql", "rsync")
_MARK = ".device-simulator"


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT. One JSON line says where the servers and the node's copies are."""
    options = _parser().parse_args(arguments)
    if not _make_room(options.folder):
        sys.stderr.write(f"{options.folder} is not empty, and no fleet of this simulator\n")
        return 1
    # blocked before any thread starts, so that the signals wait for sigtimedwait below
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    fleet = Fleet(options.folder.absolute())  # whoever reads paths may be elsewhere
    SCENARIOS[options.scenario](fleet, options.devices)
    with running(fleet, **{name: Hang() for name in options.hang}) as servers:
        line = json.dumps(
            {
                "node_url": servers.node.url,
                "mysql_service_url": servers.mysql.url,
                "rsync_service_url": servers.rsync.url,
                "results_path": str(fleet.results),
                "videos_path": str(fleet.videos),
                "pid": os.getpid(),
            }
        )
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        if options.ready_file is not None:
            _write_ready(options.ready_file, line)
        _wait(os.getppid() if options.with_parent else None)
    return 0


def _make_room(folder: Path) -> bool:
    """Take a new or empty folder, or one of this simulator: then what was there goes, because fleets aren't kept."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()) and not (folder / _MARK).exists():
        return False
    (folder / _MARK).touch()
    for name in ("results", "videos", "devices"):
        shutil.rmtree(folder / name, ignore_errors=True)
    return True


def _wait(parent: int | None) -> None:
    """Until SIGTERM or SIGINT, or until ``parent`` is gone, however it ended."""
    while signal.sigtimedwait({signal.SIGTERM, signal.SIGINT}, 1.0) is None:
        if parent is not None and os.getppid() != parent:
            return


def _write_ready(path: Path, line: str) -> None:
    """Write the line so that whoever waits for the file never reads a part of it."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(f"{line}\n", encoding="utf-8")
    partial.replace(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m device_simulator", description=__doc__)
    parser.add_argument("--folder", required=True, type=Path, help="where the fleet lives; an old one begins anew")
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), default="demo", help="which devices there are")
    parser.add_argument("--devices", type=int, default=50, help="how many, with --scenario fleet")
    parser.add_argument("--ready-file", type=Path, help="write the JSON line into this file, too")
    parser.add_argument("--with-parent", action="store_true", help="end when the process that started it is gone")
    parser.add_argument("--hang", choices=_PROGRAMS, action="append", default=[], help="this program never answers")
    return parser


if __name__ == "__main__":
    sys.exit(main())
