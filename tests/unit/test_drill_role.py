# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role has every option of the module, as the module has it, and hands each on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ansible_collections.lifeboat.backup.plugins.modules.proxmox_drill import argument_spec

ROLE = Path(__file__).parents[2] / "roles" / "restore_drill"
PREFIX = "restore_drill_"
MODULE = "lifeboat.backup.proxmox_drill"
GIVEN = {"run", "verdicts"}
"""What the role itself gives to the module."""
OWN = {"tasks", "container_commands", "node_hosts", "command_timeout", "result_path", "junit_path"}
"""What the role has beside the module's options."""
SETTLED = {
    *("vmids", "names", "tags", "tags_match", "pools", "all_guests", "nodes", "guest_type", "exclude"),
    *("pick", "window", "storages", "verified_only", "per_run", "within_days", "target_node", "target_storage", "pool"),
}
"""What a drill that goes on isn't asked again: which guests, which backups, and where to."""


def content(name: str) -> Any:
    return yaml.safe_load((ROLE / f"{name}.yml").read_text())


def options() -> dict[str, Any]:
    said = content("meta/argument_specs")["argument_specs"]["main"]["options"]
    return {name.removeprefix(PREFIX): option for name, option in said.items()}


def facts(option: Any) -> dict[str, Any]:
    return {fact: option[fact] for fact in ("type", "elements", "choices", "required") if fact in option}


def handed_on(name: str) -> dict[str, Any]:
    given: dict[str, Any] = content(f"tasks/{name}")[0][MODULE]
    return given


def test_the_role_takes_each_option_with_its_type_and_choices() -> None:
    found, spec = options(), argument_spec()
    passed = spec.keys() - GIVEN - {"state"}
    assert {name: facts(found[name]) for name in passed} == {name: facts(spec[name]) for name in passed}
    assert found.keys() == {*passed, "state", *OWN}
    canaries: Any = spec["canaries"]
    assert found["canaries"]["options"].keys() == canaries["options"].keys()


def test_one_call_is_given_each_option() -> None:
    given = handed_on("drill")
    assert given.keys() == argument_spec().keys() - GIVEN
    assert {name for name, value in given.items() if value != f"{{{{ {PREFIX}{name} | default(omit) }}}}"} == {
        "state",
        "fail_on",
    }


def test_a_call_that_goes_on_is_given_all_but_what_is_settled() -> None:
    given = handed_on("go_on")
    assert given.keys() == argument_spec().keys() - SETTLED
    assert given["run"] == f"{{{{ {PREFIX}result.run }}}}"


def test_the_defaults_are_those_of_the_options() -> None:
    said = {f"{PREFIX}{name}": option["default"] for name, option in options().items() if "default" in option}
    assert content("defaults/main") == said
