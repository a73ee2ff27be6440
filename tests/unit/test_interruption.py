# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Being asked to end: by a signal, by a reader that is gone, from any thread."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.interruption import (
    PAIR,
    SIGNALS,
    Interruption,
    reader_gone,
)
from unit.builders import FakeClock
from unit.second_process import SecondProcess, second_process

GONE = "nobody reads its result any more: ansible-playbook is gone"
A_RUN = """
import signal, sys, time
from ansible_collections.lifeboat.backup.plugins.module_utils._core.interruption import Interruption

for name in sys.argv[1:]:
    signal.signal(signal.Signals[name], signal.SIG_IGN)
interruption = Interruption()
with interruption.on_signals():
    print("runs", flush=True)
    interruption.sleep(30)
    print(interruption.requested, interruption.reason, flush=True)
    time.sleep(30)
"""
AFTERWARDS = """
import signal, time
from ansible_collections.lifeboat.backup.plugins.module_utils._core.interruption import Interruption

with Interruption().on_signals():
    signal.raise_signal(signal.SIGTERM)
print("over", flush=True)
time.sleep(30)
"""


@pytest.fixture(autouse=True)
def heeded() -> Iterator[None]:
    """No signal is ignored from before, as it is where the tests themselves run under nohup or in the background."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        if before[number] is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    yield
    for number in SIGNALS:
        signal.signal(number, before[number])


def test_nobody_asks_at_first() -> None:
    interruption = Interruption()
    assert (interruption.requested, interruption.reason) == (False, "")


def test_the_first_reason_is_kept() -> None:
    interruption = Interruption()
    interruption.request("it got SIGTERM")
    interruption.request("it got SIGINT")
    assert (interruption.requested, interruption.reason) == (True, "it got SIGTERM")


def test_a_probe_is_asked_until_it_finds_a_reason() -> None:
    found = [None, None, GONE]
    interruption = Interruption(lambda: found.pop(0))
    assert [interruption.requested for _look in range(5)] == [False, False, True, True, True]
    assert (interruption.reason, found) == (GONE, [])


def test_a_probe_is_not_asked_once_there_is_a_reason() -> None:
    interruption = Interruption(lambda: pytest.fail("asked"))
    interruption.request("it got SIGINT")
    assert (interruption.requested, interruption.reason) == (True, "it got SIGINT")


def test_a_sleeper_wakes_when_it_is_asked_to_end() -> None:
    interruption = Interruption()
    timer = threading.Timer(0.05, interruption.request, ["it got SIGTERM"])
    timer.start()
    began = time.monotonic()
    interruption.sleep(30)
    assert 0.04 < time.monotonic() - began < 5
    timer.join()


def test_a_sleep_is_as_long_as_said_before_and_after() -> None:
    """What is cancelled after the interruption is waited for, too, and not in a busy loop."""
    interruption = Interruption()
    for _asked in range(2):
        began = time.monotonic()
        interruption.sleep(0.05)
        assert time.monotonic() - began >= 0.045
        interruption.request("it got SIGTERM")


def test_a_deadline_passes_when_the_run_is_asked_to_end() -> None:
    interruption = Interruption()
    deadline = Deadline.after(FakeClock().clock, 60, interruption)
    assert (deadline.interrupted, deadline.passed()) == (False, False)
    interruption.request("it got SIGTERM")
    assert (deadline.interrupted, deadline.passed(), deadline.remaining()) == (True, True, 60)


def test_a_deadline_passes_when_the_probe_finds_a_reason() -> None:
    assert Deadline.after(FakeClock().clock, 60, Interruption(lambda: GONE)).passed()
    assert not Deadline.after(FakeClock().clock, 60, Interruption(lambda: None)).passed()
    assert not Deadline.after(FakeClock().clock, 60).interrupted


# ----- signals


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_asks_for_the_end(number: signal.Signals) -> None:
    interruption = Interruption()
    before = [signal.getsignal(one) for one in SIGNALS]
    with interruption.on_signals():
        signal.raise_signal(number)
        assert (interruption.requested, interruption.reason) == (True, f"it got {number.name}")
        signal.raise_signal(number)
        assert interruption.reason == f"it got {number.name}", "one that comes at once belongs to the first"
    assert [signal.getsignal(one) for one in SIGNALS] == before


def test_the_handlers_come_back_after_an_error_too() -> None:
    before = [signal.getsignal(one) for one in SIGNALS]
    with pytest.raises(OSError, match="the work failed"):  # noqa: SIM117 - the error must come from within
        with Interruption().on_signals():
            raise OSError("the work failed")
    assert [signal.getsignal(one) for one in SIGNALS] == before


def test_a_signal_that_was_ignored_stays_so() -> None:
    interruption = Interruption()
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruption.on_signals():
            signal.raise_signal(signal.SIGHUP)
            assert not interruption.requested
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_outside_of_the_main_thread_nothing_is_changed() -> None:
    before = [signal.getsignal(one) for one in SIGNALS]
    within: list[object] = []

    def work() -> None:
        with Interruption().on_signals():
            within.extend(signal.getsignal(one) for one in SIGNALS)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert within == before


def _asleep(run: SecondProcess) -> None:
    """Wait until it sleeps."""
    assert run.line() == "runs"
    time.sleep(0.1)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_the_first_signal_ends_the_sleep_and_the_second_the_process(name: str) -> None:
    number = signal.Signals[name]
    with second_process(A_RUN) as run:
        _asleep(run)
        run.send(number)
        assert run.line() == f"True it got {name}"
        time.sleep(PAIR + 0.1)
        run.send(number)
        assert run.end() == -number


def test_the_second_signal_may_be_another_one() -> None:
    with second_process(A_RUN) as run:
        _asleep(run)
        run.send(signal.SIGINT)
        assert run.line() == "True it got SIGINT"
        time.sleep(PAIR + 0.1)
        run.send(signal.SIGTERM)
        assert run.end() == -signal.SIGTERM


def test_under_nohup_a_hangup_is_nothing_before_and_after_the_first_signal() -> None:
    with second_process(A_RUN, "SIGHUP") as run:
        _asleep(run)
        run.send(signal.SIGHUP)
        run.send(signal.SIGTERM)
        assert run.line() == "True it got SIGTERM"
        time.sleep(PAIR + 0.1)
        run.send(signal.SIGHUP)
        run.send(signal.SIGTERM)
        assert run.end() == -signal.SIGTERM


def test_afterwards_a_signal_is_what_it_was() -> None:
    with second_process(AFTERWARDS) as run:
        assert run.line() == "over"
        run.send(signal.SIGTERM)
        assert run.end() == -signal.SIGTERM


# ----- the reader of the result


@contextmanager
def _pipe() -> Iterator[tuple[int, list[int]]]:
    """The writing end of a pipe, and the open ends by which it can be closed."""
    reading, writing = os.pipe()
    left = [reading]
    try:
        yield writing, left
    finally:
        for descriptor in (*left, writing):
            os.close(descriptor)


def test_while_somebody_reads_the_pipe_there_is_no_reason() -> None:
    with _pipe() as (writing, _left):
        assert reader_gone(writing) is None


def test_a_full_pipe_has_a_reader() -> None:
    with _pipe() as (writing, _left):
        os.set_blocking(writing, False)
        assert os.write(writing, b"x" * 1024**2) < 1024**2
        assert reader_gone(writing) is None


def test_a_pipe_that_nobody_reads_any_more_is_one() -> None:
    with _pipe() as (writing, left):
        os.close(left.pop())
        assert reader_gone(writing) == GONE
        assert Interruption(lambda: reader_gone(writing)).requested


@pytest.mark.parametrize("kind", ["file", "/dev/null"])
def test_what_is_no_pipe_has_no_reader_to_lose(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "result" if kind == "file" else Path(kind)
    with path.open("wb") as file:
        assert reader_gone(file.fileno()) is None


BUSY = """
from ansible_collections.lifeboat.backup.plugins.module_utils._core.interruption import Interruption
interruption = Interruption()
with interruption.on_signals():
    print("runs", flush=True)
    while not interruption.requested:
        interruption.sleep(0)
    print("woke", flush=True)
"""


def test_a_signal_in_the_middle_of_a_sleep_hangs_nothing() -> None:
    """With a lock in it, the handler waited for itself every second time."""
    for _attempt in range(3):
        with second_process(BUSY) as run:
            assert run.line() == "runs"
            run.send(signal.SIGTERM)
            assert run.line() == "woke"
