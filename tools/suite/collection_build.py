# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``ansible-galaxy collection build`` packs is the project, and nothing else."""

from __future__ import annotations

import tarfile

from suite.place import CACHE, project_files, run

FOLDER = CACHE / "build"
MADE_BY_THE_BUILD = {"MANIFEST.json", "FILES.json"}
NEEDED = {
    "LICENSE",
    "README.md",
    "CHANGELOG.rst",
    "meta/runtime.yml",
    "meta/execution-environment.yml",
    "requirements.txt",
}
# Galaxy takes 20 MB; ours is text
LARGEST = 2_000_000


def what_is_wrong() -> list[str]:
    """Build the collection and look into it; each finding is a sentence."""
    built = run(
        ["ansible-galaxy", "collection", "build", "--force", "--output-path", FOLDER],
        "lint-build",
    )
    if not built.good:
        return [built.output]
    archive = max(FOLDER.glob("*.tar.gz"), key=lambda path: path.stat().st_mtime)
    with tarfile.open(archive) as packed:
        names = {member.name for member in packed if not member.isdir()}
    known = {str(path) for path in project_files()} | MADE_BY_THE_BUILD
    findings = [f"{name} is in the built collection, but no file of the project" for name in sorted(names - known)]
    findings += [f"{name} is missing in the built collection" for name in sorted(NEEDED - names)]
    size = archive.stat().st_size
    if size > LARGEST:
        findings.append(f"{archive.name} has {size} bytes, more than {LARGEST}")
    return findings
