# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks the simulator what was asked of the recorded system, and compares the answers.

What the recorded system made up (tickets, secrets of tokens, UPIDs) is replaced by what the simulator made up in its
place. The clock is set to what the recorded task's log says, because names of archives and the retention depend on it.
Looks at a task are repeated until they match: when exactly a recorder looked is nobody's rule.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from pve_simulator import Simulator
from pve_simulator.client import Client, Reply
from pve_simulator.scenarios import small
from replay import normalise
from replay.compare import differences
from replay.recording import Call, Case
from replay.stages import Clock, before_case, epoch

_PATIENCE = 5.0
_RIGHT_AFTER = "task status right after the start"
_BROKEN = "12345678"  # in tickets and CSRF tokens that were made up by the recorder
_TOKEN = re.compile(r"^PVEAPIToken=([^=:]+)[=:](\S+)$")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# when a guest's backup began, or failed without having begun
_STARTED = re.compile(r"Backup started at (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)|unable to find VM")
_FAILED = re.compile(r"Failed at (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)")
_PASSWORDS = {"root@pam": small.ROOT_PASSWORD, "root": small.ROOT_PASSWORD, "backup@pve": small.USER_PASSWORD}


@dataclass
class Player:
    """Plays recordings against a simulator, in their order."""

    sim: Simulator
    clock: Clock
    secrets: dict[str, str]  # recorded secret of a token to its id
    upids: dict[str, str] = field(default_factory=dict)  # and ids of jobs: what was made up there, to what was here
    tickets: dict[str, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._client = Client(self.sim)
        self._made: dict[str, str] = {}
        self._times: list[float] = []

    def close(self) -> None:
        """Give the connection back."""
        self._client.close()

    def play(self, cases: list[Case]) -> dict[str, list[str]]:
        """Play the cases; the answer is what differs, by the cases' ids."""
        calls = [call for case in cases for call in case.calls]
        found: dict[str, list[str]] = {}
        at = 0
        for case in cases:
            found[case.id] = []
            before_case(self.sim.world, case.recording, case.title)
            for call in case.calls:
                found[case.id] += self._play_one(call, calls[at + 1 :])
                at += 1
        return found

    def log_in(self, user: str) -> None:
        """Get a ticket."""
        body = urlencode({"username": user, "password": _PASSWORDS[user]})
        reply = self._send("POST", "/api2/json/access/ticket", {}, body)
        data = reply.data
        self.tickets[user] = (data["ticket"], data["CSRFPreventionToken"])

    def _play_one(self, call: Call, later: list[Call]) -> list[str]:
        started = self._expected_upid(call)
        if started is not None:
            self._set_clock(started, later)
            if later and later[0].title == _RIGHT_AFTER and '"running"' in later[0].answer:
                self.sim.world.tasks.hold()  # so that the next call finds it running, however fast we are
        if call.status == 595:
            self.sim.faults.http(call.method, ".", 595, call.reason)
        deadline = time.monotonic() + (_PATIENCE if "/tasks/UPID" in call.path and call.method == "GET" else 0)
        while True:
            reply = self._send(call.method, self._path(call), self._headers(call), self._body(call))
            found = [f"{call.method} {call.path}: {text}" for text in self._compare(call, reply)]
            if not found or time.monotonic() > deadline:
                break
            time.sleep(0.01)
        if started is None:
            self.sim.world.tasks.release()
        self._learn(call, reply)
        return found

    def _compare(self, call: Call, reply: Reply) -> list[str]:
        found = []
        if (call.status, normalise.text(call.reason)) != (reply.status, normalise.text(reply.reason)):
            found.append(f"recorded {call.status} {call.reason}, found {reply.status} {reply.reason}")
        found += [
            f"{name}: recorded {call.answer_headers.get(name)}, found {reply.headers.get(name)}"
            for name in ("server", "content-type")
            if call.answer_headers.get(name) != reply.headers.get(name)
        ]
        if ("content-length" in call.answer_headers) != ("content-length" in reply.headers):
            found.append(f"content-length: recorded {call.answer_headers}, found {reply.headers}")
        if not call.is_json:
            recorded = [normalise.text(line) for line in call.answer.splitlines()]
            if recorded != [normalise.text(line) for line in reply.body.decode().splitlines()]:
                found.append(f"recorded {call.answer!r}, found {reply.body!r}")
            return found
        return found + list(differences(call.document, json.loads(reply.body) if reply.body else None))

    def _learn(self, call: Call, reply: Reply) -> None:
        if reply.status != 200 or not call.is_json:
            return
        recorded, found = call.document.get("data"), json.loads(reply.body).get("data")
        if isinstance(recorded, str) and recorded.startswith("UPID:"):
            self.upids[recorded] = found
            task = self.sim.world.tasks.find(found)
            if task is not None:
                self.clock.follow(task.log, self._times)
        if isinstance(recorded, list) and isinstance(found, list):
            self._learn_ids(recorded, found)
        if isinstance(recorded, dict) and "value" in recorded and isinstance(found, dict):
            self._made[recorded["value"]] = found["value"]
        if isinstance(found, dict) and "ticket" in found:
            self.tickets[found["username"]] = (found["ticket"], found["CSRFPreventionToken"])

    def _learn_ids(self, recorded: list[Any], found: list[Any]) -> None:
        """The id that was made up for a job, where each list has one such id."""
        ours, theirs = _made_up_ids(found), _made_up_ids(recorded)
        if len(ours) == len(theirs) == 1:
            self.upids[theirs[0]] = ours[0]

    def _expected_upid(self, call: Call) -> str | None:
        match = re.match(r'^\{"data":"(UPID:[^"]+)"\}$', call.answer) if call.method in ("POST", "DELETE") else None
        return match[1] if match else None

    def _set_clock(self, upid: str, later: list[Call]) -> None:
        """The time at which the recorded task began its first guest, else that of its UPID."""
        self._times = _guest_times(upid, later) or [int(upid.split(":")[4], 16)]
        self.clock.set(self._times[0])

    def _path(self, call: Call) -> str:
        path = call.path
        for recorded, ours in self.upids.items():
            path = path.replace(recorded, ours).replace(quote(recorded, safe=""), quote(ours, safe=""))
        return path

    def _headers(self, call: Call) -> dict[str, str]:
        headers = {name.title(): value for name, value in call.headers.items() if name in ("accept", "content-type")}
        cookie = call.headers.get("cookie")
        user = cookie.split("=", 1)[1].split(":")[1].replace("%40", "@") if cookie is not None else ""
        if cookie is not None and f":{_BROKEN}:" in cookie:
            headers["Cookie"] = f"PVEAuthCookie=PVE:{quote(user)}:{_BROKEN}::AAAA"
        elif cookie is not None:
            headers["Cookie"] = f"PVEAuthCookie={quote(self.tickets[user][0], safe=':/+=')}"
        csrf = call.headers.get("csrfpreventiontoken")
        if csrf is not None:
            headers["CSRFPreventionToken"] = csrf if csrf.startswith(_BROKEN) else self.tickets[user][1]
        authorization = call.headers.get("authorization")
        if authorization is not None:
            headers["Authorization"] = self._own_secrets(authorization)
        return headers

    def _body(self, call: Call) -> str:
        if not call.path.endswith("/access/ticket"):
            return call.body
        pairs = dict(parse_qsl(call.body))
        password = pairs.get("password", "")
        if password.startswith("PVE:"):
            pairs["password"] = self.tickets[pairs["username"]][0]
        elif call.status == 200:
            pairs["password"] = _PASSWORDS[pairs["username"]]
        return self._own_secrets(urlencode(pairs))

    def _own_secrets(self, text: str) -> str:
        for recorded, token in self.secrets.items():
            user, _mark, name = token.partition("!")
            known = self.sim.world.cluster.users[user].tokens.get(name)
            if known is not None:
                text = text.replace(recorded, known.secret)
        for recorded, ours in self._made.items():
            text = text.replace(recorded, ours)
        return text

    def _send(self, method: str, path: str, headers: dict[str, str], body: str) -> Reply:
        sent = dict(headers)
        if method != "GET":
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
        return self._client.send(method, path, sent, body.encode() if body else None)


def _made_up_ids(entries: list[Any]) -> list[str]:
    ids = [entry.get("id") for entry in entries if isinstance(entry, dict)]
    return [name for name in ids if isinstance(name, str) and _UUID.fullmatch(name)]


def _guest_times(upid: str, later: list[Call]) -> list[float]:
    """When the guests of a recorded task began, from its log."""
    logs = [call.document["data"] for call in later if upid in call.path and "/log" in call.path and call.is_json]
    lines = [entry["t"] for entry in max(logs, key=len)] if logs else []
    times: list[float] = []
    for at, line in enumerate(lines):
        started = _STARTED.search(line)
        failed = _FAILED.search(lines[at + 1]) if started and not started[1] else None
        if started is not None and (started[1] or failed is not None):
            times.append(epoch(failed[1] if failed is not None else started[1]))
    return times


def known_secrets(cases: list[Case]) -> dict[str, str]:
    """The secrets of tokens that were accepted, each with its token's id."""
    found = {}
    for case in cases:
        for call in case.calls:
            match = _TOKEN.match(call.headers.get("authorization", ""))
            if match is not None and call.status != 401:
                found[match[2]] = match[1]
    return found
