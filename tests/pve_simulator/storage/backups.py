# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups that lie on a storage: found on disk, with notes, protection and what else is said of them.

A file storage has its archives in one folder, notes and protection in files beside them, as Proxmox does it. A
backup server's snapshots are folders with the same three files inside. What a test makes up (a size, a verification)
is in ``simulated.json`` files, which Proxmox does not have.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pve_simulator.state.model import Storage
from pve_simulator.storage.archive_names import ArchiveName, parse_file, parse_snapshot

_SNAPSHOT_FILE = "archive"


@dataclass(frozen=True)
class Backup:
    """One backup as it lies there."""

    storage: str
    name: ArchiveName
    path: Path
    size: int
    ctime: int
    notes: str | None
    protected: bool
    verification: str | None = None
    encrypted: str | None = None

    @property
    def volume(self) -> str:
        """The name of the volume on its storage."""
        return f"backup/{self.name.name}"

    @property
    def volid(self) -> str:
        """The full name of the volume."""
        return f"{self.storage}:{self.volume}"

    @property
    def vmid(self) -> int | None:
        """The guest it belongs to."""
        return self.name.vmid


class BackupFolder:
    """The backups of one storage as one node sees them."""

    def __init__(self, storage: Storage, dump: Path) -> None:
        self.storage = storage
        self.dump = dump
        self.server = storage.type == "pbs"

    def all(self) -> list[Backup]:
        """Every backup, by the name of its volume."""
        found = [self._read(name) for name in self._names()]
        return sorted((backup for backup in found if backup is not None), key=lambda backup: backup.volid.lower())

    def find(self, name: str) -> Backup | None:
        """The backup with this name (without ``backup/``), or None."""
        parsed = self.parse(name)
        return self._read(parsed) if parsed is not None and self.file(name).exists() else None

    def parse(self, name: str) -> ArchiveName | None:
        """What a name means on a storage of this kind."""
        return parse_snapshot(name) if self.server else parse_file(name)

    def file(self, name: str) -> Path:
        """Where the archive's bytes lie."""
        return self.dump / name / _SNAPSHOT_FILE if self.server else self.dump / name

    def set_notes(self, name: str, notes: str) -> None:
        """Put notes beside a backup; empty notes remove them."""
        path = self._beside(name, "notes")
        if notes:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(notes, encoding="utf-8")
        else:
            path.unlink(missing_ok=True)

    def set_protected(self, name: str, protected: bool) -> None:
        """Put or remove the mark of protection."""
        path = self._beside(name, "protected")
        if protected:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        else:
            path.unlink(missing_ok=True)

    def set_simulated(self, name: str, facts: dict[str, Any]) -> None:
        """Make up what a listing says of a backup: ``size``, ``verification``, ``encrypted``."""
        path = self._beside(name, "simulated.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(facts), encoding="utf-8")

    def delete(self, name: str) -> None:
        """Remove a backup and what lies beside it."""
        if self.server:
            shutil.rmtree(self.dump / name, ignore_errors=True)
            return
        self.file(name).unlink(missing_ok=True)
        for word in ("notes", "protected", "simulated.json"):
            self._beside(name, word).unlink(missing_ok=True)

    def used(self) -> int:
        """Bytes on the storage. Other nodes work in the same folder: what goes away meanwhile takes no room."""
        total = 0
        for folder, _folders, files in os.walk(self.dump):
            for name in files:
                with contextlib.suppress(FileNotFoundError):
                    total += Path(folder, name).stat().st_size
        return total

    def _names(self) -> Iterator[ArchiveName]:
        if not self.dump.is_dir():
            return
        depth = 3 if self.server else 1
        for path in _below(self.dump, depth):
            parsed = self.parse(path.relative_to(self.dump).as_posix())
            if parsed is not None:
                yield parsed

    def _read(self, name: ArchiveName) -> Backup | None:
        path = self.file(name.name)
        try:
            status = path.stat()
        except FileNotFoundError:  # removed between the listing and now
            return None
        facts = self._simulated(name.name)
        notes = self._beside(name.name, "notes")
        return Backup(
            storage=self.storage.name,
            name=name,
            path=path,
            size=facts.get("size", status.st_size),
            ctime=name.ctime if name.ctime is not None else int(status.st_mtime),
            notes=_text(notes),
            protected=self._beside(name.name, "protected").exists(),
            verification=facts.get("verification"),
            encrypted=facts.get("encrypted"),
        )

    def _beside(self, name: str, word: str) -> Path:
        return self.dump / name / word if self.server else self.dump / f"{name}.{word}"

    def _simulated(self, name: str) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads(_text(self._beside(name, "simulated.json")) or "{}")
        return facts


def _text(path: Path) -> str | None:
    """What a file says; None when it is not there, or goes away while it is looked at."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _below(folder: Path, depth: int) -> Iterator[Path]:
    """What lies ``depth`` levels below; folders that another node removes meanwhile are empty."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if depth == 1:
            yield Path(entry.path)
        else:
            yield from _below(Path(entry.path), depth - 1)
