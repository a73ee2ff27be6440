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
from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Any

from pve_simulator.state.model import Storage
from pve_simulator.storage.archive_names import ArchiveName, parse_file, parse_snapshot

_SNAPSHOT_FILE = "archive"
_NOTES, _PROTECTED, _MADE_UP = _BESIDE = ("notes", "protected", "simulated.json")


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
    """The backups of one storage as one node, whose time zone ``zone`` is, sees them."""

    def __init__(self, storage: Storage, dump: Path, zone: tzinfo) -> None:
        self.storage = storage
        self.dump = dump
        self.zone = zone
        self.server = storage.type == "pbs"

    def all(self) -> list[Backup]:
        """Every backup, by the name of its volume."""
        found = self._snapshots() if self.server else self._files()
        return sorted((backup for backup in found if backup is not None), key=lambda backup: backup.volid.lower())

    def find(self, name: str) -> Backup | None:
        """The backup with this name (without ``backup/``), or None."""
        parsed = self.parse(name)
        return self._look(parsed) if parsed is not None else None

    def parse(self, name: str) -> ArchiveName | None:
        """What a name means on a storage of this kind."""
        return parse_snapshot(name) if self.server else parse_file(name, self.zone)

    def file(self, name: str) -> Path:
        """Where the archive's bytes lie."""
        return self.dump / name / _SNAPSHOT_FILE if self.server else self.dump / name

    def protected(self, name: str) -> bool:
        """Tell whether the mark of protection is there; it may be so without a backup."""
        return self._beside(name, _PROTECTED).exists()

    def set_notes(self, name: str, notes: str) -> None:
        """Put notes beside a backup; empty notes remove them."""
        path = self._beside(name, _NOTES)
        if notes:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(notes.encode("utf-8"))
        else:
            path.unlink(missing_ok=True)

    def set_protected(self, name: str, protected: bool) -> None:
        """Put or remove the mark of protection."""
        path = self._beside(name, _PROTECTED)
        if protected:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        else:
            path.unlink(missing_ok=True)

    def set_simulated(self, name: str, facts: dict[str, Any]) -> None:
        """Make up what a listing says of a backup: ``size``, ``verification``, ``encrypted``."""
        path = self._beside(name, _MADE_UP)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(facts), encoding="utf-8")

    def delete(self, name: str) -> None:
        """Remove a backup and what lies beside it."""
        if self.server:
            shutil.rmtree(self.dump / name, ignore_errors=True)
            return
        self.file(name).unlink(missing_ok=True)
        for word in _BESIDE:
            self._beside(name, word).unlink(missing_ok=True)

    def used(self) -> int:
        """Bytes on the storage. Other nodes work in the same folder: what goes away meanwhile takes no room."""
        return _weight(str(self.dump))

    def _snapshots(self) -> Iterator[Backup | None]:
        for kind in _entries(str(self.dump)):
            for guest in _entries(kind.path):
                for time in _entries(guest.path):
                    parsed = self.parse(f"{kind.name}/{guest.name}/{time.name}")
                    if parsed is not None:
                        files = {entry.name: entry for entry in _entries(time.path)}
                        yield self._read(parsed, files.get(_SNAPSHOT_FILE), files)

    def _files(self) -> Iterator[Backup | None]:
        # One look at the folder says which archives have something beside them. Most have nothing, and asking for
        # each of three files of each archive made the listing of a large folder slow.
        files = {entry.name: entry for entry in _entries(str(self.dump))}
        for name, entry in files.items():
            parsed = self.parse(name)
            if parsed is not None:
                beside = {word: files[f"{name}.{word}"] for word in _BESIDE if f"{name}.{word}" in files}
                yield self._read(parsed, entry, beside)

    def _look(self, name: ArchiveName) -> Backup | None:
        """One backup, by its name."""
        return self._read(name, self.file(name.name), dict.fromkeys(_BESIDE))

    def _read(
        self, name: ArchiveName, archive: os.DirEntry[str] | Path | None, beside: Container[str]
    ) -> Backup | None:
        """A backup, where its file is known, with which of `_BESIDE` may lie beside it."""
        try:
            status = archive.stat() if archive is not None else None
        except (FileNotFoundError, NotADirectoryError):  # removed between the listing and now
            status = None
        if status is None:
            return None
        facts = self._simulated(name.name) if _MADE_UP in beside else {}
        return Backup(
            storage=self.storage.name,
            name=name,
            path=self.file(name.name),
            size=facts.get("size", status.st_size),
            ctime=name.ctime if name.ctime is not None else int(status.st_mtime),
            notes=_text(self._beside(name.name, _NOTES)) if _NOTES in beside else None,
            protected=_PROTECTED in beside and self.protected(name.name),
            verification=facts.get("verification"),
            encrypted=facts.get("encrypted"),
        )

    def _beside(self, name: str, word: str) -> Path:
        return self.dump / name / word if self.server else self.dump / f"{name}.{word}"

    def _simulated(self, name: str) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads(_text(self._beside(name, _MADE_UP)) or "{}")
        return facts


def _text(path: Path) -> str | None:
    """What a file says; None when it is not there, or goes away while it is looked at."""
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """What lies in a folder; one that is not there, or that another node removes meanwhile, is empty."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _weight(folder: str) -> int:
    """The bytes of all files below a folder."""
    total = 0
    for entry in _entries(folder):
        with contextlib.suppress(FileNotFoundError):
            total += _weight(entry.path) if entry.is_dir() else entry.stat().st_size
    return total
