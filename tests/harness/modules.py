# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a module: in this process (so that coverage sees it), or as Ansible does, in a process of its own."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from ansible.module_utils import basic


def run_module(
    module: ModuleType, options: Mapping[str, Any], *, check: bool = False, diff: bool = False
) -> dict[str, Any]:
    """The result that the module prints, as a user sees it; ``failed`` is in it when the task would fail."""
    arguments = {
        **options,
        "_ansible_check_mode": check,
        "_ansible_diff": diff,
        "_ansible_remote_tmp": "/tmp",
        "_ansible_keep_remote_files": False,
    }
    printed = io.StringIO()
    with (
        _as_on_a_target(),
        module_arguments(arguments),
        contextlib.redirect_stdout(printed),
        contextlib.suppress(SystemExit),
    ):
        module.main()
    text = printed.getvalue().strip()
    assert text, "the module ended without a result"
    result: dict[str, Any] = json.loads(text.splitlines()[-1])
    result.pop("invocation", None)
    result["_printed"] = text
    return result


@contextlib.contextmanager
def _as_on_a_target() -> Iterator[None]:
    """Warnings as a module's own process has them: none from before, and returned where a controller shows them."""
    vars(importlib.import_module("ansible.module_utils.common.warnings"))["_global_warnings"].clear()
    place = vars(importlib.import_module("ansible.module_utils._internal"))
    before = place.get("is_controller")
    if before is not None:  # from ansible-core 2.19 on
        place["is_controller"] = False
    try:
        yield
    finally:
        if before is not None:
            place["is_controller"] = before


@contextlib.contextmanager
def module_arguments(arguments: Mapping[str, Any]) -> Iterator[None]:
    try:
        from ansible.module_utils.testing import patch_module_args  # noqa: PLC0415 - from ansible-core 2.19 on
    except ImportError:
        before = basic._ANSIBLE_ARGS
        basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": dict(arguments)}).encode()
        try:
            yield
        finally:
            basic._ANSIBLE_ARGS = before
    else:
        with patch_module_args(dict(arguments)):
            yield


@contextlib.contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Environment variables for the time of a test; all PROXMOX_* of the caller are hidden."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("PROXMOX_")]:
        del os.environ[name]
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def warnings_of(result: Mapping[str, Any]) -> list[str]:
    """The warnings as texts: since ansible-core 2.19 a module may write them as events."""
    return [one if isinstance(one, str) else one["event"]["msg"] for one in result.get("warnings", [])]
