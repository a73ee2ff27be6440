# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a drill asks of the guest agent of a VM, and nothing else. Private to this collection.

The calls are those of qemu-server API2/Qemu/Agent.pm. The agent's answers come from inside of the copy, over a channel
of its own: no other guest can give them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import (
    ApiError,
    BadAnswer,
    NodeUnreachable,
    NotAuthenticated,
    PermissionDenied,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_tasks import guest_path

_PAUSE = 0.25
"""Seconds between two looks at a command that runs in the guest."""
_SILENT = ("not running", "got timeout", "timeout")
_UNABLE = ("has been disabled", "not found", "not supported", "not implemented", "unsupported")


class Refused(Exception):
    """The agent, or Proxmox for it, does not do what it is asked for; the reason as the end of a sentence."""


@dataclass(frozen=True)
class Agent:
    """The guest agent of one VM."""

    client: Client
    guest: Guest

    def answers(self) -> bool:
        """Whether it answers now. Needs VM.Monitor, from Proxmox VE 9 on VM.GuestAgent.Audit.

        :raises Refused: when it never will: no agent is configured, a privilege is missing.
        """
        try:
            self._call("POST", "ping")
        except ApiError as failure:
            if _is_silence(failure):
                return False
            raise _refusal(failure) from failure
        return True

    def system(self) -> Mapping[str, Any]:
        """What operating system it says it is; empty where it doesn't say."""
        found = self._told("get-osinfo")
        return {key: found[key] for key in ("id", "pretty-name", "version-id") if isinstance(found.get(key), str)}

    def host_name(self) -> str | None:
        """What the guest calls itself; None where it doesn't say."""
        name = self._told("get-host-name").get("host-name")
        return name if isinstance(name, str) else None

    def run(self, command: Sequence[str], deadline: Deadline) -> tuple[int, str] | None:
        """The exit status and the output of a command in the guest; None when it did not end in time.

        :raises Refused: when it is not carried out.
        """
        try:
            answer = self._call("POST", "exec", command=list(command))
            pid = answer.get("pid") if isinstance(answer, Mapping) else None
            if pid is None:
                raise Refused("the agent names no process for a command")
            while True:
                state = self._call("GET", "exec-status", pid=pid)
                if isinstance(state, Mapping) and str(state.get("exited", 0)) in ("1", "True", "true"):
                    return _number(state.get("exitcode")), str(state.get("out-data") or "")
                if deadline.passed():
                    return None
                deadline.sleep(_PAUSE)
        except ApiError as failure:
            raise _refusal(failure) from failure

    def read(self, path: str) -> tuple[str, bool]:
        """The content of a file in the guest, and whether all of it came. Needs VM.GuestAgent.FileRead from 9 on.

        :raises Refused: when it can't be read.
        """
        try:
            answer = self._call("GET", "file-read", file=path)
        except ApiError as failure:
            raise _refusal(failure) from failure
        if not isinstance(answer, Mapping) or not isinstance(answer.get("content"), str):
            raise Refused("the agent's answer holds no content of a file")
        return answer["content"], str(answer.get("truncated", 0)) not in ("1", "True", "true")

    def _told(self, what: str) -> Mapping[str, Any]:
        try:
            answer = self._call("GET", what)
        except ApiError as failure:
            if isinstance(failure, (NodeUnreachable, NotAuthenticated)):
                raise
            return {}
        found = answer.get("result") if isinstance(answer, Mapping) else None
        return found if isinstance(found, Mapping) else {}

    def _call(self, method: str, what: str, **parameters: Any) -> Any:
        path = guest_path(self.guest, "agent", what)
        if method == "POST":
            return self.client.post(path, **parameters)
        return self.client.get(path, **parameters)


def is_unable(refused: Refused) -> bool:
    """Whether the agent has been told not to do this at all, or the token may not ask: another way has to do."""
    text = str(refused).lower()
    return any(word in text for word in _UNABLE) or "lacks" in text


def _is_silence(failure: ApiError) -> bool:
    return failure.status == 500 and any(word in failure.text.lower() for word in _SILENT) and _is_up(failure)


def _is_up(failure: ApiError) -> bool:
    """A VM that is not running is no silent agent."""
    return not failure.text.strip().startswith("VM ") or "is not running" not in failure.text


def _refusal(failure: ApiError) -> Exception:
    """What the agent refused; what never came to it stays what it is."""
    if failure.passing or isinstance(failure, NotAuthenticated):
        return failure
    return Refused(_words(failure))


def _words(failure: ApiError) -> str:
    if isinstance(failure, PermissionDenied):
        return failure.message.rstrip(".")
    return " ".join(failure.text.split()).rstrip(".") or failure.message.rstrip(".")


def _number(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise BadAnswer(f"The agent tells no exit status of a command: {str(value)[:40]!r}.") from None
