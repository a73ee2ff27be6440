# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a backup job: what the call gave, and where it gave nothing the node's defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pve_simulator.schema import property_strings
from pve_simulator.schema.formats import split_list
from pve_simulator.state.model import Cluster
from pve_simulator.vzdump.quoting import quoted

DEFAULT_STORAGE = "local"

_COMPRESSION = {"1": "lzo"}


@dataclass(frozen=True)
class Options:
    """What a worker needs to know. ``prune`` is None where nothing is to be pruned."""

    mode: str
    compress: str
    storage: str | None
    dumpdir: str | None
    prune: dict[str, int]
    remove: bool
    notes_template: str | None
    protected: bool
    exclude_path: tuple[str, ...]
    stdexcludes: bool
    bwlimit: int
    ionice: int
    zstd_threads: int
    lockwait: int
    stopwait: int
    all: bool


def options(cluster: Cluster, given: Mapping[str, Any]) -> Options:
    """The options of a call whose parameters were verified."""
    dumpdir = given.get("dumpdir")
    storage = given.get("storage") or (None if dumpdir else DEFAULT_STORAGE)
    prune = retention(cluster, storage, given.get("prune-backups"))
    keeps_all = bool(prune.get("keep-all"))
    compress = given.get("compress", "0")
    return Options(
        mode=given.get("mode", "snapshot"),
        compress=_COMPRESSION.get(compress, compress),
        storage=storage,
        dumpdir=dumpdir,
        prune=prune,
        remove=bool(given.get("remove", 1)) and not keeps_all,
        notes_template=given.get("notes-template"),
        protected=bool(given.get("protected", 0)),
        exclude_path=tuple(given.get("exclude-path", ())),
        stdexcludes=bool(given.get("stdexcludes", 1)),
        bwlimit=given.get("bwlimit", 0),
        ionice=given.get("ionice", 7),
        zstd_threads=max(1, given.get("zstd", 1)),
        lockwait=given.get("lockwait", 180),
        stopwait=given.get("stopwait", 10),
        all=bool(given.get("all", 0)),
    )


def retention(cluster: Cluster, storage: str | None, given: str | None) -> dict[str, int]:
    """The retention that counts: of the call, else of the storage, else everything is kept."""
    if given:
        return property_strings.parse_prune(given)
    configured = cluster.storages[storage].prune if storage in cluster.storages else None
    return property_strings.parse_prune(configured) if configured else {"keep-all": 1}


def command_line(given: Mapping[str, Any]) -> str:
    """The first line of the log names the call like a command; the order of options is arbitrary in Proxmox."""
    words = ["vzdump", *split_list(given.get("vmid", ""))]
    for key, value in given.items():
        if key in ("vmid", "job-id"):
            continue
        for item in value if isinstance(value, Sequence) and not isinstance(value, str) else [value]:
            words += [f"--{key}", quoted(str(item))]
    return " ".join(words)
