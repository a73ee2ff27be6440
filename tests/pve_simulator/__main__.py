# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulator from a shell: ``python -m pve_simulator --folder DIR [--scenario demo]``."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from pve_simulator.scenarios import SCENARIOS
from pve_simulator.simulator import Simulator
from pve_simulator.versions import VERSIONS
from pve_simulator.world import World


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT. One JSON line says where the server is and how to get in."""
    options = _parser().parse_args(arguments)
    # blocked before any thread starts, so that the signals wait for sigwait below
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    world = World(options.folder, version=options.version)
    entrance = SCENARIOS[options.scenario](world)
    with Simulator(world, pace=options.pace, auth_delay=options.auth_delay, port=options.port) as simulator:
        line = json.dumps(
            {
                "host": simulator.host,
                "port": simulator.port,
                "ca_path": str(simulator.ca_path.absolute()),  # whoever reads it may be elsewhere
                "token_id": entrance.token_id,
                "token_secret": entrance.token_secret,
                "user": entrance.user,
                "password": entrance.password,
                "pid": os.getpid(),
            }
        )
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        if options.ready_file is not None:
            _write_ready(options.ready_file, line)
        _wait(os.getppid() if options.with_parent else None)
    return 0


def _wait(parent: int | None) -> None:
    """Until SIGTERM or SIGINT, or until ``parent`` is gone, however it ended."""
    while signal.sigtimedwait({signal.SIGTERM, signal.SIGINT}, 1.0) is None:
        if parent is not None and os.getppid() != parent:
            return


def _write_ready(path: Path, line: str) -> None:
    """Write the line so that whoever waits for the file never reads a part of it."""
    partial = path.with_name(f"{path.name}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # it holds a secret
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(f"{line}\n")
    partial.replace(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pve_simulator", description=__doc__)
    parser.add_argument("--folder", required=True, type=Path, help="where the cluster lives; an old one goes on")
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), default="demo", help="what a new folder begins with")
    parser.add_argument("--version", choices=sorted(VERSIONS), default="8.4", help="which Proxmox VE to be")
    parser.add_argument("--port", type=int, default=0, help="0 (the default) takes a free one")
    parser.add_argument("--pace", type=float, default=0.0, help="seconds that each guest's backup takes")
    parser.add_argument("--auth-delay", type=float, default=0.0, help="seconds a failed login takes (3 in Proxmox)")
    parser.add_argument("--ready-file", type=Path, help="write the JSON line into this file, too")
    parser.add_argument("--with-parent", action="store_true", help="end when the process that started it is gone")
    return parser


if __name__ == "__main__":
    sys.exit(main())
