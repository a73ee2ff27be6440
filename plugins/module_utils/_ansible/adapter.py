# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place where a module ends and fails. Private to this collection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import LifeboatError


@dataclass(frozen=True)
class Result:
    """What a module has to say.

    ``values`` go to the user as they are; ``failure`` makes the task fail with this message, with all values kept.
    """

    values: Mapping[str, Any]
    failure: str | None = None

    @classmethod
    def judged(cls, values: Mapping[str, Any], failed: bool) -> Result:
        """The values with their ``msg``, which becomes the failure where the task has ``failed``."""
        if not failed:
            return cls(values)
        return cls({key: value for key, value in values.items() if key != "msg"}, values["msg"])


def run(module: AnsibleModule, work: Callable[[], Result], always: Callable[[], Mapping[str, Any]] = dict) -> None:
    """Do ``work``, and end the module with its result or with the one sentence of its error.

    ``always`` gives what a result has however it ends.
    """
    try:
        result = work()
    except LifeboatError as failure:
        facts = {**always(), **failure.details(), **failure.partial}
        module.fail_json(msg=failure.message, **facts)
    values = {**result.values, **always()}
    for warning in values.pop("warnings", ()):
        module.warn(warning)
    if result.failure is not None:
        values.pop("msg", None)
        module.fail_json(msg=result.failure, **values)
    module.exit_json(**values)


def without_library(module: AnsibleModule, names: str, cause: BaseException) -> None:
    """End the module because it can't work without a Python library."""
    module.fail_json(msg=missing_required_lib(names), exception=repr(cause))
