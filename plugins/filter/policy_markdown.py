# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
name: policy_markdown
short_description: A judged policy as Markdown, for a pull request
version_added: 0.1.0
author:
  - the Lifeboat authors (@lifeboat)
description:
  - Turns the result of M(lifeboat.backup.backup_policy_info) into Markdown. The share of guests to which all promises
    are kept comes first, then the tiers, the guests to which a promise is broken or of which it can't be told, the
    findings by kind, and the jobs to set.
  - Of tiers, guests, findings of a kind, and jobs the first 50 are named, and the others counted. Fewer are named where
    the text would be longer than 60,000 characters, because GitHub takes comments of at most 65,536.
  - Names and reasons of others are written so that they are read as text, whatever they hold.
positional: []
options:
  _input:
    description: The whole result of the task.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Judge the cluster by a policy (connection from PROXMOX_HOST and the other environment variables)
  lifeboat.backup.backup_policy_info:
    policy:
      version: 1
      name: small
      tiers:
        all: {rpo: 24h, storage: vault, schedule: "02:30"}
      rules:
        - tier: all
  register: judged

- name: Write the report into a file
  ansible.builtin.copy:
    content: "{{ judged | lifeboat.backup.policy_markdown }}"
    dest: /var/lib/lifeboat/policy.md
    mode: "0644"
"""

RETURN = r"""
_value:
  description: The text. It ends with a newline.
  type: str
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import format_duration
from ansible_collections.lifeboat.backup.plugins.module_utils._core.table import cell, shortened
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import counted

MOST = 50
"""Guests, or findings of a kind, that are named."""
LONGEST = 60_000
"""Characters of the text. GitHub takes comments of at most 65,536; what puts it there may add a few of its own."""
_NUMBERS = (MOST, 40, 30, 20, 15, 10, 7, 5, 3, 2, 1, 0)
WIDEST = 600
"""Characters of a cell."""
_TITLES = {"met": "Met", "not_met": "Not met", "unknown": "Unknown", "exempt": "Exempt", "new": "New"}
_ENTITIES = {one: f"&#{ord(one)};" for one in "&<>|@"}
_MARKUP = re.compile(r"([\\`*_\[\]~#])")
_LINKS = re.compile(r"(?i)(?<=www)\.|:(?=//)")


def policy_markdown(result: Mapping[str, Any]) -> str:
    """The text.

    :raises AnsibleFilterError: when the input is not such a result.
    """
    if not isinstance(result, Mapping) or "summary" not in result or "guests" not in result:
        raise AnsibleFilterError("policy_markdown: give it the whole result of backup_policy_info.")
    try:
        return _short_enough(result)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise AnsibleFilterError(
            f"policy_markdown: the result is not one of backup_policy_info ({cell(error)})."
        ) from error


def _short_enough(result: Mapping[str, Any]) -> str:
    """With as many guests, findings and jobs as there is room for."""
    text = ""
    for most in _NUMBERS:
        text = "\n\n".join(_blocks(result, most)) + "\n"
        if len(text) <= LONGEST:
            break
    return text


def _blocks(result: Mapping[str, Any], most: int) -> Iterator[str]:
    summary = result["summary"]
    yield f"# Backup policy {_text(result['policy']['name'])}: {_text(summary['compliance'])}"
    yield _verdict(summary)
    tiers = list(_tiers(result))
    yield from _table(("Tier", "RPO", "Storage", "Guests", *_TITLES.values()), tiers, most, "tiers")
    for status, title in _TITLES.items():
        rows = [_guest(row) for row in result["guests"] if row["status"] == status]
        if rows and status != "met":
            yield f"## {title}"
            yield from _table(("Guest", "Tier", "Why"), rows, most, "guests")
    yield from _findings(result["findings"], most)
    drift = [one for one in result["drift"] if one["action"] != "none"]
    if drift:
        yield "## Jobs to set"
        rows = [(one["job"], one["action"], one["text"]) for one in drift]
        yield from _table(("Job", "To do", "Why"), rows, most, "jobs")


def _verdict(summary: Mapping[str, Any]) -> str:
    """One sentence: yes only where all is seen and kept."""
    met, total = int(summary["met"]), int(summary["total"])
    if summary["not_met"]:
        told = f"**No:** a promise is broken to {summary['not_met']} of {counted(total, 'guest')}."
    elif summary["unknown"] or not summary["complete"]:
        told = "**Cannot tell:** not everything could be read; see the findings."
    elif not total:
        told = "**Cannot tell:** there is no guest."
    elif met == total:
        told = f"**Yes:** all promises to {counted(total, 'guest')} are kept."
    else:
        told = f"**Yes, as far as promised:** {total - met} of {counted(total, 'guest')} are exempt or new."
    drift = summary["drift"]
    jobs = "the jobs cannot be compared" if drift is None else f"{counted(drift, 'job')} to set"
    return f"{told} {counted(summary['errors'], 'error')}, {counted(summary['warnings'], 'warning')}, {jobs}."


def _tiers(result: Mapping[str, Any]) -> Iterator[Sequence[object]]:
    counts = Counter((row["tier"], row["status"]) for row in result["guests"])
    for tier in result["policy"]["tiers"]:
        of_tier = [counts[tier["name"], status] for status in _TITLES]
        yield tier["name"], format_duration(tier["rpo"]), tier["storage"], sum(of_tier), *of_tier


def _guest(row: Mapping[str, Any]) -> Sequence[object]:
    name = f"{row['vmid']} ({row['name']})" if row["name"] else row["vmid"]
    until = f" (until {row['until']})" if row["status"] == "exempt" else ""
    return name, row["tier"], f"{row['reason']}{until}"


def _findings(found: Sequence[Mapping[str, Any]], most: int) -> Iterator[str]:
    if found:
        yield "## Findings"
    for kind in dict.fromkeys(one["kind"] for one in found):
        some = [one for one in found if one["kind"] == kind]
        yield f"### {_text(str(kind).replace('_', ' '))}"
        if most:
            yield "\n".join(f"- {_text(one['severity'])}: {_text(one['text'])}{_place(one)}" for one in some[:most])
        yield from _rest(len(some) - most, "findings")


def _place(one: Mapping[str, Any]) -> str:
    return f" ({_text(one['place'])})" if one["place"] else ""


def _rest(number: int, what: str) -> Iterator[str]:
    if number > 0:
        yield f"... and {number} more {what}."


def _table(headings: Sequence[str], rows: Sequence[Sequence[object]], most: int, what: str) -> Iterator[str]:
    lines = [f"| {' | '.join(headings)} |", f"|{'---|' * len(headings)}"]
    lines += [f"| {' | '.join(_text(one) or '-' for one in row)} |" for row in rows[:most]]
    yield "\n".join(lines)
    yield from _rest(len(rows) - most, what)


def _text(value: object) -> str:
    """Text of whatever origin on one line, read as nothing but text: no markup, HTML, link or mention."""
    plain = shortened(cell("" if value is None else value), WIDEST)
    marked = _MARKUP.sub(r"\\\1", "".join(_ENTITIES.get(one, one) for one in plain).replace("&#", "\0"))
    return _LINKS.sub(lambda found: f"&#{ord(found.group())};", marked).replace("\0", "&#")


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"policy_markdown": policy_markdown}
