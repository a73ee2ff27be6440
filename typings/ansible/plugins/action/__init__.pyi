# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from collections.abc import Mapping, Sequence
from typing import Any

class ActionBase:
    _supports_async: bool
    _supports_check_mode: bool
    _requires_connection: bool
    TRANSFERS_FILES: bool
    _VALID_ARGS: frozenset[str]
    _task: Any
    _connection: Any
    _play_context: Any
    _loader: Any
    _templar: Any
    _shared_loader_obj: Any
    _display: Any
    def __init__(
        self,
        task: Any,
        connection: Any,
        play_context: Any,
        loader: Any,
        templar: Any,
        shared_loader_obj: Any,
    ) -> None: ...
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]: ...
    def cleanup(self, force: bool = False) -> None: ...
    def validate_argument_spec(
        self,
        argument_spec: Mapping[str, Any] | None = None,
        mutually_exclusive: Sequence[Sequence[str]] | None = None,
        required_together: Sequence[Sequence[str]] | None = None,
        required_one_of: Sequence[Sequence[str]] | None = None,
        required_if: Sequence[Sequence[Any]] | None = None,
        required_by: Mapping[str, str | Sequence[str]] | None = None,
    ) -> tuple[Any, dict[str, Any]]: ...
    def _execute_module(
        self,
        module_name: str | None = None,
        module_args: Mapping[str, Any] | None = None,
        tmp: str | None = None,
        task_vars: Mapping[str, Any] | None = None,
        persist_files: bool = False,
        delete_remote_tmp: bool | None = None,
        wrap_async: bool = False,
        ignore_unknown_opts: bool = False,
    ) -> dict[str, Any]: ...
    def _make_tmp_path(self, remote_user: str | None = None) -> str: ...
    def _remove_tmp_path(self, tmp_path: str | None, force: bool = False) -> None: ...
    def _remote_file_exists(self, path: str) -> bool: ...
    def _transfer_file(self, local_path: str, remote_path: str) -> str: ...
    def _low_level_execute_command(
        self,
        cmd: str,
        sudoable: bool = True,
        in_data: bytes | None = None,
        executable: str | None = None,
        encoding_errors: str = "surrogate_then_replace",
        chdir: str | None = None,
    ) -> dict[str, Any]: ...
