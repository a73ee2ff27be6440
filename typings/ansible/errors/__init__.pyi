# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from typing import Any

class AnsibleError(Exception):
    message: str
    def __init__(
        self,
        message: str = "",
        obj: Any = None,
        show_content: bool = True,
        suppress_extended_error: bool = False,
        orig_exc: BaseException | None = None,
    ) -> None: ...

class AnsibleFilterError(AnsibleError): ...
class AnsibleOptionsError(AnsibleError): ...
class AnsibleConnectionFailure(AnsibleError): ...

class AnsibleAction(AnsibleError):
    result: dict[str, Any]
    def __init__(self, message: str = "", *args: Any, result: dict[str, Any] | None = None, **kwargs: Any) -> None: ...

class AnsibleActionFail(AnsibleAction): ...
class AnsibleActionSkip(AnsibleAction): ...
class _AnsibleActionDone(AnsibleAction): ...
