# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module in a process of its own, as it is on a controller, without ansible-playbook around it.

    python -m benchmarks.module_run NAME < {"options": ..., "check": true}

prints the module's result as JSON. Without ``options`` it only imports the module: what a run costs before it begins.
"""

from __future__ import annotations

import importlib
import json
import sys

from harness.modules import environment, run_module


def main(name: str) -> None:
    """Run one module."""
    given = json.load(sys.stdin)
    module = importlib.import_module(f"ansible_collections.lifeboat.backup.plugins.modules.{name}")
    if "options" not in given:
        return
    with environment():
        result = run_module(module, given["options"], check=given["check"])
    del result["_printed"]
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
