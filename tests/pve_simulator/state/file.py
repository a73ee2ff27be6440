# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state file: the cluster as JSON, replaced atomically, so that a killed simulator finds its state again."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pve_simulator.state.model import (
    AclEntry,
    Cluster,
    Guest,
    Node,
    Pool,
    Replication,
    Resource,
    Snapshot,
    Storage,
    Token,
    User,
    Volume,
)


def load(path: Path) -> Cluster:
    """Read the cluster back; a file from before restores or jobs were simulated is fine.

    Raises ``OSError`` or ``ValueError`` when the file is not what `save` wrote.
    """
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    plain = {key: data[key] for key in ("version", "name", "secret", "boot_time", "next_pid", "roles")}
    return Cluster(
        **plain,
        nodes={name: Node(**item) for name, item in data["nodes"].items()},
        storages={name: Storage(**item) for name, item in data["storages"].items()},
        guests={int(vmid): _guest(item) for vmid, item in data["guests"].items()},
        pools={name: Pool(**item) for name, item in data["pools"].items()},
        users={name: _user(item) for name, item in data["users"].items()},
        acl=[AclEntry(**item) for item in data["acl"]],
        resources={sid: Resource(**item) for sid, item in data.get("resources", {}).items()},
        replications={name: Replication(**item) for name, item in data.get("replications", {}).items()},
        jobs=data.get("jobs", {}),
    )


def save(cluster: Cluster, path: Path) -> None:
    """Write the cluster so that a reader finds the old state or the new one, never a part."""
    text = json.dumps(asdict(cluster))
    partial = path.with_suffix(".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # it holds token secrets
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    partial.replace(path)


def _guest(item: dict[str, Any]) -> Guest:
    parts = {
        "volumes": [Volume(**volume) for volume in item["volumes"]],
        "orphans": [Volume(**volume) for volume in item.get("orphans", [])],
        "snapshots": [Snapshot(**snapshot) for snapshot in item.get("snapshots", [])],
    }
    return Guest(**{**item, **parts})


def _user(item: dict[str, Any]) -> User:
    return User(**{**item, "tokens": {name: Token(**token) for name, token in item["tokens"].items()}})


class StateKeeper:
    """Writes the state soon after it changed, in a thread: with 10,000 guests a file is too dear for each change."""

    def __init__(self, write: Callable[[], None]) -> None:
        self._write = write
        self._dirty = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def touch(self) -> None:
        """Say that the state changed."""
        self._dirty.set()

    def start(self) -> None:
        """Begin to write changes down."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="state-keeper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what is left and end the thread."""
        self._stopping.set()
        self._dirty.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while True:
            self._dirty.wait()
            self._dirty.clear()
            began = time.monotonic()
            self._write()
            if self._stopping.is_set():
                return
            # a pause in proportion to the cost keeps the writer under a tenth of one processor
            self._stopping.wait(max(0.02, 10 * (time.monotonic() - began)))
