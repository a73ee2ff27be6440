# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All services asked at once, or their facts taken from the catalogue. Private to this collection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import counted
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.answers import parsed
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.catalogue import Catalogue
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import Facts, Garbled, Question
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.fetch import Answer, Pending, Trust, start

TOLERANCE = 3.0
"""Seconds by which a service's clock may seem to be off: its Date has whole seconds, and comes late."""


@dataclass(frozen=True)
class Heard:
    """What came of one question. ``facts`` is None where there is no usable answer; ``error`` then says why.

    An answer of which a part could not be read has both. ``latency`` is in seconds, None for facts from the catalogue;
    ``asked`` is when the service was asked, in epoch seconds; ``offset`` how far its clock is ahead of ours.
    """

    question: Question
    facts: Facts | None
    error: str | None
    latency: float | None
    asked: float
    offset: float = 0.0


@dataclass(frozen=True)
class Manner:
    """How services are asked: ``timeout`` for all together and ``keep`` for their answers, both in seconds.

    ``refresh``: whatever is kept isn't used.
    """

    timeout: float
    keep: float
    refresh: bool
    trust: Trust


class Inquiry:
    """Services that are being asked, so that the disk can be looked at meanwhile."""

    def __init__(self, questions: Sequence[Question], manner: Manner, catalogue: Catalogue, clock: Clock) -> None:
        self._catalogue = catalogue
        self._now = clock.now()
        self._questions = questions
        self._manner = manner
        self._heard: dict[str, Heard] = {}
        if not manner.refresh and manner.keep > 0:
            self._recall(manner.keep)
        self._open = [question for question in questions if self._key(question) not in self._heard]
        self._pending: Pending | None = None
        if self._open:
            self._pending = start([question.url for question in self._open], manner.timeout, manner.trust)

    def _recall(self, keep: float) -> None:
        for question in self._questions:
            kept = self._catalogue.answer(self._key(question), self._now - keep, self._now)
            if kept is None:
                continue
            try:
                facts = Facts.from_text(kept[1])
            except ValueError:  # of another version of this code: asked again
                continue
            self._heard[self._key(question)] = Heard(question, facts, _unread(facts), None, kept[0])

    def _key(self, question: Question) -> str:
        """By what an answer is kept: who was asked, and whether it was made sure that it was them."""
        sure = "" if self._manner.trust.validate_certs else " unverified"
        return f"{question.service} {question.url}{sure}"

    def results(self) -> list[Heard]:
        """What came of each question, in their order; waits no longer than the timeout."""
        for place, answer in self._pending.each() if self._pending else ():
            question = self._open[place]
            heard = self._heard[self._key(question)] = _heard(question, answer, self._now)
            if heard.facts is not None:
                self._catalogue.keep_answer(self._key(question), self._now, heard.facts.as_text())
        return [self._heard[self._key(question)] for question in self._questions]


def _heard(question: Question, answer: Answer, now: float) -> Heard:
    if answer.body is None:
        return Heard(question, None, answer.error or "no answer", answer.latency, now)
    offset = answer.clock_offset or 0.0
    offset = offset if abs(offset) > TOLERANCE + answer.latency else 0.0
    try:
        facts = question.read(parsed(answer.body)).shifted(offset)
    except Garbled as failure:
        return Heard(question, None, str(failure), answer.latency, now, offset)
    return Heard(question, facts, _unread(facts), answer.latency, now, offset)


def _unread(facts: Facts) -> str | None:
    """What to say of an answer of which a part made no sense."""
    if not facts.unread:
        return None
    return f"{counted(facts.unread, 'entry', 'entries')} of the answer made no sense and did not count"
