# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

_ANSIBLE_ARGS: bytes | None

def missing_required_lib(library: str, reason: str | None = None, url: str | None = None) -> str: ...
def env_fallback(*args: str, **kwargs: Any) -> Any: ...
def heuristic_log_sanitize(data: str, no_log_values: set[str] | None = None) -> str: ...

class AnsibleModule:
    params: dict[str, Any]
    check_mode: bool
    no_log: bool
    no_log_values: set[str]
    tmpdir: str
    argument_spec: dict[str, Any]
    ansible_version: str
    _diff: bool
    _name: str
    _verbosity: int
    def __init__(
        self,
        argument_spec: Mapping[str, Any],
        bypass_checks: bool = False,
        no_log: bool = False,
        mutually_exclusive: Sequence[Sequence[str]] | None = None,
        required_together: Sequence[Sequence[str]] | None = None,
        required_one_of: Sequence[Sequence[str]] | None = None,
        add_file_common_args: bool = False,
        supports_check_mode: bool = False,
        required_if: Sequence[Sequence[Any]] | None = None,
        required_by: Mapping[str, str | Sequence[str]] | None = None,
    ) -> None: ...
    def exit_json(self, **kwargs: Any) -> NoReturn: ...
    def fail_json(self, msg: str, **kwargs: Any) -> NoReturn: ...
    def warn(self, warning: str) -> None: ...
    def deprecate(
        self,
        msg: str,
        version: str | None = None,
        date: str | None = None,
        collection_name: str | None = None,
    ) -> None: ...
    def debug(self, msg: str) -> None: ...
    def log(self, msg: str, log_args: Mapping[str, Any] | None = None) -> None: ...
    def get_bin_path(self, arg: str, required: bool = False, opt_dirs: Sequence[str] | None = None) -> str | None: ...
    def run_command(
        self,
        args: str | Sequence[str],
        check_rc: bool = False,
        close_fds: bool = True,
        executable: str | None = None,
        data: str | bytes | None = None,
        binary_data: bool = False,
        path_prefix: str | None = None,
        cwd: str | None = None,
        use_unsafe_shell: bool = False,
        prompt_regex: str | None = None,
        environ_update: Mapping[str, str] | None = None,
        umask: int | None = None,
        encoding: str | None = "utf-8",
        errors: str = "surrogate_or_strict",
        expand_user_and_vars: bool = True,
        pass_fds: Sequence[int] | None = None,
        before_communicate_callback: Callable[[Any], None] | None = None,
        ignore_invalid_cwd: bool = True,
        handle_exceptions: bool = True,
    ) -> tuple[int, str, str]: ...
    def atomic_move(self, src: str, dest: str, unsafe_writes: bool = False, keep_dest_attrs: bool = True) -> None: ...
    def backup_local(self, fn: str) -> str: ...
    def sha1(self, filename: str) -> str | None: ...
    def sha256(self, filename: str) -> str | None: ...
    def digest_from_file(self, filename: str, algorithm: str) -> str | None: ...
    def load_file_common_arguments(self, params: Mapping[str, Any], path: str | None = None) -> dict[str, Any]: ...
    def set_fs_attributes_if_different(
        self,
        file_args: Mapping[str, Any],
        changed: bool,
        diff: dict[str, Any] | None = None,
        expand: bool = True,
    ) -> bool: ...
    def add_cleanup_file(self, path: str) -> None: ...
    def jsonify(self, data: Any) -> str: ...
    def from_json(self, data: str) -> Any: ...
    def boolean(self, arg: Any) -> bool: ...
