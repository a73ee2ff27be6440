# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plays all recordings of a release against a fresh simulator, in the order in which they were made."""

from __future__ import annotations

from pathlib import Path

from pve_simulator import Simulator, World
from replay import stages
from replay.player import Player, known_secrets
from replay.recording import Case

_ROUND_AT = {"8.4": 5.0, "9.2": 0.0}  # the second of ten at which the recorded hosts looked at their guests
_BEGIN = "2026-11-20 12:22:00"


def run(folder: Path, version: str, recordings: dict[str, list[Case]]) -> dict[str, list[str]]:
    """What differs, by the cases' ids; every case has an entry."""
    clock = stages.Clock(stages.epoch(_BEGIN))
    world = World(folder, version=version, clock=clock)
    world.status_round = (10.0, _ROUND_AT[version])
    stages.begin(world, clock)
    found: dict[str, list[str]] = {}
    with Simulator(world) as simulator:
        secrets = known_secrets([case for cases in recordings.values() for case in cases])
        player = Player(simulator, clock, secrets)
        player.log_in("root@pam")
        for name, cases in recordings.items():
            if name == "06_prune":
                stages.before_prune(world, clock)
            if name == "09_backup_jobs":
                stages.before_jobs(world, clock)
            if name == "10_tasks":
                player.upids.update(stages.before_tasks(world, clock))
            if name == "11_qemu":
                stages.before_machines(world, clock)
            found.update(player.play(cases))
        player.close()
    return found
