# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role has every option of the module, as the module has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ansible_collections.lifeboat.backup.plugins.modules.device_backup_status import argument_spec

ROLE = Path(__file__).parents[2] / "roles" / "device_backup_status"
PREFIX = "device_backup_status_"
OWN = {"report_path"}
"""What the role has beside the module's options."""


def part(name: str) -> Any:
    return yaml.safe_load((ROLE / name / ("argument_specs.yml" if name == "meta" else "main.yml")).read_text())


def test_the_role_takes_each_option_with_its_type_and_choices() -> None:
    said = part("meta")["argument_specs"]["main"]["options"]
    found = {name.removeprefix(PREFIX): option for name, option in said.items()}
    facts = ("type", "elements", "choices")
    assert {
        name: {fact: option[fact] for fact in facts if fact in option}
        for name, option in found.items()
        if name not in OWN
    } == {
        name: {fact: option[fact] for fact in facts if fact in option}  # type: ignore[index, operator]
        for name, option in argument_spec().items()
    }
    assert found.keys() - argument_spec().keys() == OWN


def test_the_role_hands_each_option_to_the_module() -> None:
    [task] = part("tasks")[0]["block"]
    assert task["lifeboat.backup.device_backup_status"] == {
        name: f"{{{{ {PREFIX}{name} | default(omit) }}}}" for name in argument_spec()
    }
    assert part("defaults").keys() == {f"{PREFIX}{name}" for name in OWN}
