# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The peer's collection, out of the PyPI package ``ansible``: unpacked into .cache, beside ours, in no environment."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from harness.playbooks import CHECKOUT

NAME = "community.proxmox"
FOLDER = CHECKOUT / ".cache/peer"
REQUIREMENTS = CHECKOUT / "requirements-peer.txt"

_INSIDE = "ansible_collections/community/proxmox/"


def fetch() -> Path:
    """A path of collections that holds the peer alone. Does nothing when the pinned version is there already."""
    stamp, wanted = FOLDER / "made-from", hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text(encoding="ascii") != wanted:
        shutil.rmtree(FOLDER, ignore_errors=True)
        with tempfile.TemporaryDirectory() as folder:
            _download(folder)
            (wheel,) = Path(folder).glob("ansible-*.whl")
            with zipfile.ZipFile(wheel) as packed:
                packed.extractall(FOLDER, [name for name in packed.namelist() if name.startswith(_INSIDE)])
        stamp.write_text(wanted, encoding="ascii")
    return FOLDER


def version() -> str:
    """The version that was fetched."""
    manifest = json.loads((fetch() / _INSIDE / "MANIFEST.json").read_bytes())
    return str(manifest["collection_info"]["version"])


def _download(folder: str) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    download = ["download", "--no-deps", "--only-binary=:all:", "--dest", folder, "--requirement", str(REQUIREMENTS)]
    done = subprocess.run([*pip, *download], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{NAME} could not be fetched from PyPI:\n{done.stdout}{done.stderr}")
