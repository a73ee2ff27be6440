# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
name: drill_junit
short_description: Drills as JUnit XML for a CI system
version_added: 0.1.0
author:
  - the Lifeboat authors (@lifeboat)
description:
  - Turns the result of M(lifeboat.backup.proxmox_drill) into the XML that CI systems read as test results. Each run is
    a test suite, each check of each guest a test case; times are seconds.
  - A check that failed is a failure, one that was not run is skipped. A drill whose verdict no check tells has a test
    case C(drill) for it; one that was interrupted is an error there, and one that is not over is skipped.
  - A guest without a good backup is a failure of the test case C(has a good backup). A scratch guest that was not
    removed is a failure of the test case C(clean-up).
  - Characters that XML cannot hold are replaced.
positional: []
options:
  _input:
    description: The whole result of the task.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Drill the backups of two guests
  lifeboat.backup.proxmox_drill:
    vmids: [101, 300]
    scratch_range: 900000-900099
    running_for: 5s
  register: drilled
  ignore_errors: true

- name: Hand the verdicts to the CI system
  ansible.builtin.copy:
    content: "{{ drilled | lifeboat.backup.drill_junit }}"
    dest: drills.xml
    mode: "0644"
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description: The XML document.
  type: str
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

from ansible.errors import AnsibleFilterError

from ansible_collections.lifeboat.backup.plugins.module_utils._core.table import cell

# What XML 1.0 doesn't have (its production "Char"), not even as a reference to a number
_FOREIGN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ELEMENTS = {"failed": "failure", "not_run": "skipped", "pending": "skipped", "interrupted": "error"}
"""What is in the test case of a verdict; nothing when it passed."""
LONGEST = 10_000
"""Characters of a check's evidence that are shown."""


class _Case(NamedTuple):
    """A test case; ``details`` stand in the element, or beside it in a case that passed."""

    where: str
    name: str
    verdict: str
    reason: object = ""
    seconds: float | None = None
    details: str = ""


def drill_junit(result: Mapping[str, Any]) -> str:
    """The document.

    :raises AnsibleFilterError: when the input is not such a result.
    """
    if not isinstance(result, Mapping) or "drills" not in result:
        raise AnsibleFilterError("drill_junit: give it the whole result of proxmox_drill.")
    try:
        root = _document(result)
    except (AttributeError, KeyError, OSError, OverflowError, TypeError, ValueError) as error:
        raise AnsibleFilterError(f"drill_junit: a row is not one of proxmox_drill ({cell(error)}).") from error
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _document(result: Mapping[str, Any]) -> ET.Element:
    own = str(result.get("run") or "")
    # A run may tell of the drills of another one that died
    runs: dict[str, list[Mapping[str, Any]]] = {own: []}
    for row in result["drills"]:
        runs.setdefault(str(row.get("run") or own), []).append(row)
    root = ET.Element("testsuites", name="proxmox_drill")
    for run, rows in runs.items():
        cases = [case for row in rows for case in _of_drill(row)]
        if run == own:
            cases += [*_of_findings(result.get("findings") or ()), *_of_leftovers(result.get("leftovers") or ())]
        root.append(_suite(run, rows, cases))
    for count in ("tests", "failures", "errors", "skipped"):
        root.set(count, str(sum(int(suite.get(count) or 0) for suite in root)))
    root.set("time", f"{sum(float(suite.get('time') or 0) for suite in root):.3f}")
    return root


def _suite(run: str, rows: Sequence[Mapping[str, Any]], cases: Sequence[_Case]) -> ET.Element:
    suite = ET.Element("testsuite", name=_held(f"proxmox_drill {run}"))
    for count, element in (("tests", None), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(count, str(sum(element in (None, _ELEMENTS.get(case.verdict)) for case in cases)))
    suite.set("time", f"{sum(_total(row) for row in rows):.3f}")
    if rows:
        began = datetime.fromtimestamp(min(row["at"] for row in rows), timezone.utc)
        suite.set("timestamp", began.strftime("%Y-%m-%dT%H:%M:%S"))
    suite.extend(map(_case, cases))
    return suite


def _case(case: _Case) -> ET.Element:
    made = ET.Element("testcase", classname=_held(case.where), name=_held(case.name))
    if case.seconds is not None:
        made.set("time", f"{case.seconds:.3f}")
    details = _FOREIGN.sub("\ufffd", case.details)
    if case.verdict in _ELEMENTS:
        told = ET.SubElement(made, _ELEMENTS[case.verdict], message=_held(case.reason) or case.verdict)
        told.text = details or None
    elif details:
        ET.SubElement(made, "system-err").text = details
    return made


def _held(text: object) -> str:
    """For an attribute: on one line, and only what XML can hold."""
    return cell(_FOREIGN.sub("\ufffd", str("" if text is None else text)))


def _of_drill(row: Mapping[str, Any]) -> Iterator[_Case]:
    where = _who(row["guest"])
    errors = "\n".join(cell(error) for error in row["errors"])
    verdict = _known(row["verdict"])
    if errors or not any(check["verdict"] == verdict for check in row["checks"]):
        yield _Case(where, "drill", verdict, row["reason"], _total(row), errors)
    for check in row["checks"]:
        yield _Case(
            where, check["check"], _known(check["verdict"]), check["reason"], check["seconds"], _evidence(check)
        )
    cleanup = row["cleanup"]
    if cleanup and verdict != "pending":  # the scratch guest of a drill that is not over is there on purpose
        left = "" if cleanup["done"] else f"not cleaned up: {cleanup['reason']}"
        yield _Case(where, "clean-up", "failed" if left else "passed", left)


def _evidence(check: Mapping[str, Any]) -> str:
    """What a check that failed has seen."""
    if check["verdict"] != "failed" or not check["evidence"]:
        return ""
    return json.dumps(check["evidence"], indent=2, sort_keys=True, ensure_ascii=False, default=str)[:LONGEST]


def _of_findings(findings: Sequence[Mapping[str, Any]]) -> Iterator[_Case]:
    for one in findings:
        yield _Case(_who(one), "has a good backup", "failed", one["reason"])


def _of_leftovers(leftovers: Sequence[Mapping[str, Any]]) -> Iterator[_Case]:
    for one in leftovers:
        verdict = "failed" if one["result"] == "left" else "passed"
        yield _Case(f"scratch guest {one['vmid']}", f"clean-up of run {one['run']}", verdict, one["reason"])


def _who(guest: Mapping[str, Any]) -> str:
    return f"{guest['vmid']} ({guest['name']})" if guest["name"] else str(guest["vmid"])


def _known(verdict: str) -> str:
    if verdict not in ("passed", *_ELEMENTS):
        raise ValueError(f"verdict {verdict}")
    return verdict


def _total(row: Mapping[str, Any]) -> float:
    """Seconds that the drill took, as far as they were measured."""
    return float(sum(row["seconds"][part] or 0.0 for part in ("restore", "boot", "checks")))


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"drill_junit": drill_junit}
