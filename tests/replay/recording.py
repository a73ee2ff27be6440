# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The recordings' text format: calls and answers, in cases."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_REQUEST = re.compile(r"^(GET|POST|PUT|DELETE) (\S+)$")
_STATUS = re.compile(r"^HTTP (\d{3}) (.*)$")
_FOLLOW_UP = ("task status right after the start", "task status, ended", "task log")


@dataclass(frozen=True)
class Call:
    """One call and its answer. ``title`` is the case's name, empty where the recording gives none."""

    title: str
    method: str
    path: str
    headers: dict[str, str]
    body: str
    status: int
    reason: str
    answer_headers: dict[str, str]
    answer: str

    @property
    def document(self) -> Any:
        """The JSON of the answer, None for an empty one. A listing that was cut off keeps its whole items."""
        if not self.answer:
            return None
        try:
            return json.loads(self.answer)
        except json.JSONDecodeError:
            return json.loads(self.answer[: self.answer.rindex("},{")] + "}]}")

    @property
    def is_json(self) -> bool:
        """Tell whether the answer is JSON."""
        return self.answer_headers.get("content-type", "").startswith("application/json")


@dataclass
class Case:
    """A named group of calls: one call, or a task with the looks at its status and log."""

    recording: str
    number: int
    title: str
    calls: list[Call] = field(default_factory=list)

    @property
    def id(self) -> str:
        """A name for a test."""
        return f"{self.recording}:{self.number:03d} {self.title}"


def read(path: Path, name: str) -> list[Case]:
    """The cases of a recording, in order."""
    cases: list[Case] = []
    for call in _calls(path.read_text(encoding="utf-8").splitlines()):
        follows = call.title.strip() in _FOLLOW_UP and cases
        if not follows:
            title = call.title or f"{call.method} {call.path.split('?', 1)[0]}"
            cases.append(Case(name, len(cases) + 1, title))
        cases[-1].calls.append(call)
    return cases


def _calls(lines: list[str]) -> list[Call]:
    calls: list[Call] = []
    title, sent, received, answer = "", list[str](), list[str](), list[str]()
    for line in [*lines, "## end"]:
        begins = line.startswith("## ") or (line.startswith(">>> ") and bool(received))
        if begins and sent and received:
            calls.append(_call(title, sent, received, answer))
            title, sent, received, answer = "", [], [], []
        if line.startswith("## "):
            title = line[3:].strip()
        elif line.startswith(">>>"):
            sent.append(line[4:])
        elif line.startswith("<<<"):
            received.append(line[4:])
        elif received:
            answer.append(line)
    return calls


def _call(title: str, sent: list[str], received: list[str], answer: list[str]) -> Call:
    request = _REQUEST.match(sent[0])
    status = _STATUS.match(received[0])
    if request is None or status is None:
        raise ValueError(f"not a call: {sent[0]!r}, {received[0]!r}")
    end = sent.index("") if "" in sent else len(sent)
    return Call(
        title=title,
        method=request[1],
        path=request[2],
        headers=_headers(sent[1:end]),
        body="\n".join(sent[end + 1 :]),
        status=int(status[1]),
        reason=status[2],
        answer_headers=_headers(received[1:]),
        answer="\n".join(answer).rstrip("\n"),
    )


def _headers(lines: list[str]) -> dict[str, str]:
    pairs = (line.split(": ", 1) for line in lines if ": " in line)
    return {name.lower(): value for name, value in pairs}
