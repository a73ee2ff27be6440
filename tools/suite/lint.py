# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The linters, two at a time; each counts as one check."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from suite import collection_build, headers
from suite.outcome import FAILED, Outcome, checked, together
from suite.place import CACHE, CHECKOUT, IN_CI, LINK, program, project_files, run, say

BIN = Path(sys.executable).parent
# By their one name, through the link tree: mypy and import-linter find a module under the name it is imported by
CODE = [str(LINK.relative_to(CHECKOUT) / "plugins"), "tests"]


@dataclass(frozen=True)
class Verdict:
    """What a linter says. ``detail`` is shown when it is not content, or when it could not run."""

    good: bool
    detail: str = ""
    left_out: str | None = None


def lint(arguments: Sequence[str]) -> Outcome:
    """All linters, or those named in ``arguments``."""
    unknown = set(arguments) - set(LINTERS)
    if unknown:
        say(f"linters are {', '.join(LINTERS)}, not {', '.join(sorted(unknown))}")
        return FAILED
    wanted = {name: check for name, check in LINTERS.items() if not arguments or name in arguments}
    with ThreadPoolExecutor(2) as pool:
        return together(pool.map(_judge, wanted, wanted.values()))


def _judge(name: str, check: Callable[[], Verdict]) -> Outcome:
    started = time.monotonic()
    verdict = check()
    seconds = time.monotonic() - started
    if verdict.left_out:
        say(f"{name}: {verdict.left_out}")
        return FAILED if IN_CI else Outcome(left_out=(f"{name}: {verdict.left_out}",))
    if verdict.good:
        say(f"{name}: good ({seconds:.1f} s)")
    else:
        say(f"{name}: FAILED ({seconds:.1f} s)\n{verdict.detail.rstrip()}")
    return checked(verdict.good)


def _tool(name: str, *command: str | Path, **env: str) -> Callable[[], Verdict]:
    def check() -> Verdict:
        if program(str(command[0])) is None:
            return Verdict(good=False, left_out=f"not run: needs {command[0]}")
        finished = run(command, f"lint-{name}", env)
        return Verdict(finished.good, finished.output.replace(f"{LINK.relative_to(CHECKOUT)}/", ""))

    return check


def _shellcheck() -> Verdict:
    scripts = [path for path in project_files() if _is_shell(CHECKOUT / path)]
    return _tool("shellcheck", "shellcheck", *scripts)() if scripts else Verdict(good=True)


def _is_shell(path: Path) -> bool:
    if path.suffix == ".sh":
        return True
    if not path.is_file() or path.is_symlink():
        return False
    with path.open("rb") as file:
        return re.match(rb"#!.*\b(ba)?sh\s*$", file.readline(80)) is not None


def _pipelines() -> Verdict:
    """The pipelines and the policy of docs/gitops, by the schemas of those who read them."""
    verdicts = [
        _tool("pipelines", "check-jsonschema", *schema, f"docs/gitops/{file}")()
        for file, schema in (
            ("github-actions.yml", ("--builtin-schema", "vendor.github-workflows")),
            ("gitlab-ci.yml", ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci")),
            ("policy.yml", ("--schemafile", "docs/policy.schema.json")),
        )
    ]
    wrong = [verdict for verdict in verdicts if not verdict.good]
    return wrong[0] if wrong else verdicts[0]


def _headers() -> Verdict:
    wrong = headers.without_header()
    return Verdict(not wrong, "\n".join(f"{path}: does not start with the licence header" for path in wrong))


def _build() -> Verdict:
    wrong = collection_build.what_is_wrong()
    return Verdict(not wrong, "\n".join(wrong))


# The slow ones first
LINTERS: dict[str, Callable[[], Verdict]] = {
    "mypy": _tool("mypy", "mypy", *CODE),
    "mypy-tools": _tool("mypy-tools", "mypy", "--python-version=3.11", "tools"),
    "ansible-lint": _tool("ansible-lint", "ansible-lint", "--offline", "--nocolor"),
    "antsibull-docs": _tool(
        "antsibull-docs",
        "antsibull-docs",
        "lint-collection-docs",
        "--plugin-docs",
        "--validate-collection-refs=all",
        ".",
    ),
    "build": _build,
    "yamllint": _tool("yamllint", "yamllint", "--strict", "."),
    "import-linter": _tool(
        "import-linter",
        "lint-imports",
        f"--cache-dir={CACHE / 'import-linter'}",
        PYTHONPATH=str(CACHE / "collections"),
    ),
    "antsibull-changelog": _tool("antsibull-changelog", "antsibull-changelog", "lint"),
    "changelog.yaml": _tool(
        "changelog-yaml", "antsibull-changelog", "lint-changelog-yaml", "--strict", "changelogs/changelog.yaml"
    ),
    "ruff-check": _tool("ruff-check", "ruff", "check", "--quiet", "--output-format=concise", "."),
    "ruff-format": _tool("ruff-format", "ruff", "format", "--check", "--quiet", "--output-format=concise", "."),
    "shellcheck": _shellcheck,
    "pipelines": _pipelines,
    "headers": _headers,
}
