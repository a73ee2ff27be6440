# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks of a node: list, state, log, and waiting for the end on a clock that nobody waits for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import (
    AnswerLost,
    BadAnswer,
    TimedOut,
    Unreachable,
    error_of,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.tasks import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    SILENCE_LIMIT,
    ListedTask,
    NodeLost,
    TaskState,
    backup_tasks,
    cancel_task,
    follow_task,
    succeeded,
    task_log,
    task_state,
    wait_for_end,
)
from unit.builders import FakeClock, PreparedAnswers, a_upid

UPID = a_upid(101)
PATH = f"nodes/pve1/tasks/{UPID.text}"
RUNNING = {"status": "running", "type": "vzdump", "pid": 491}
OK = {"status": "stopped", "exitstatus": "OK"}
AWAY = error_of("GET", "/x", 595, "Connection refused", "", {})


@pytest.mark.parametrize(
    ("exitstatus", "good"),
    [
        ("OK", True),
        ("WARNINGS: 1", True),
        ("WARNINGS: 12", True),
        ("WARNINGS: ", False),
        ("job errors", False),
        ("unexpected status", False),
        ("interrupted by signal", False),
        ("ok", False),
        ("OK ", False),
        ("", False),
        (None, False),
    ],
)
def test_warnings_are_a_success_and_everything_else_is_an_error(exitstatus: str | None, good: bool) -> None:
    assert succeeded(exitstatus) is good


def test_the_list_tells_who_runs() -> None:
    """Entries as recorded in 10_tasks; a running one has no endtime."""
    done, running = a_upid(101, pid=1), a_upid("", pid=2, user="root@pam")
    prepared = PreparedAnswers(
        [
            {"upid": running.text, "starttime": 1795178100, "type": "vzdump", "status": "RUNNING"},
            {"upid": done.text, "starttime": 1795178100, "endtime": 1795178106, "status": "OK"},
            {"upid": "nonsense"},
            {},
            "odd",
        ]
    )
    assert backup_tasks(prepared.client, "pve1") == [
        ListedTask(running, True),
        ListedTask(done, False, "OK", 1795178106),
    ]
    assert prepared.asked == ["GET nodes/pve1/tasks"]
    assert prepared.parameters == [{"typefilter": "vzdump", "source": "all", "limit": 200}]


def test_a_list_that_is_none() -> None:
    with pytest.raises(BadAnswer) as caught:
        backup_tasks(PreparedAnswers(None).client, "pve1")
    assert caught.value.message == "The list of tasks of node pve1 is not one: check api_host and api_port."


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (RUNNING, TaskState(True, None)),
        ({"status": "running", "exitstatus": "OK"}, TaskState(True, None)),
        (OK, TaskState(False, "OK")),
        ({"status": "stopped", "exitstatus": "job errors"}, TaskState(False, "job errors")),
        ({"status": "stopped"}, TaskState(False, "unexpected status")),
        ({"status": "stopped", "exitstatus": ""}, TaskState(False, "unexpected status")),
    ],
)
def test_the_state_of_a_task(answer: dict[str, Any], state: TaskState) -> None:
    prepared = PreparedAnswers(answer)
    assert task_state(prepared.client, UPID) == state
    assert prepared.asked == [f"GET {PATH}/status"]


@pytest.mark.parametrize("answer", [None, {}, {"status": "paused"}, [], "running"])
def test_a_state_that_is_neither(answer: object) -> None:
    with pytest.raises(BadAnswer) as caught:
        task_state(PreparedAnswers(answer).client, UPID)
    assert caught.value.message == f"The state of task {UPID.text} is neither running nor stopped."


def test_the_log_is_read_whole_and_by_number() -> None:
    prepared = PreparedAnswers(
        [{"n": 2, "t": "two"}, {"t": "one", "n": "1"}, {"n": 10, "t": None}, {"t": "none"}, "odd"]
    )
    assert task_log(prepared.client, UPID) == ["none", "one", "two", ""]
    assert prepared.asked == [f"GET {PATH}/log"]
    assert prepared.parameters == [{"start": 0, "limit": 0}]


def test_a_log_that_is_none() -> None:
    with pytest.raises(BadAnswer) as caught:
        task_log(PreparedAnswers({"data": []}).client, UPID, 20)
    assert caught.value.message == f"The log of task {UPID.text} is not a list of lines."


def test_a_task_is_cancelled_by_its_name() -> None:
    prepared = PreparedAnswers(None)
    cancel_task(prepared.client, UPID)
    assert prepared.asked == [f"DELETE {PATH}"]


def _waited(*answers: object, seconds: float = 3600) -> tuple[TaskState, FakeClock, PreparedAnswers]:
    time_ = FakeClock()
    prepared = PreparedAnswers(*answers)
    state = wait_for_end(prepared.client, UPID, Deadline.after(time_.clock, seconds), time_.clock)
    return state, time_, prepared


def test_a_task_that_has_ended_is_not_waited_for() -> None:
    state, time_, _prepared = _waited(OK)
    assert (state, time_.slept) == (TaskState(False, "OK"), [])


def test_looks_are_frequent_at_first_and_then_rare() -> None:
    state, time_, _prepared = _waited(*[RUNNING] * 20, OK)
    assert state == TaskState(False, "OK")
    assert time_.slept[:3] == pytest.approx([FIRST_PAUSE, FIRST_PAUSE * 1.3, FIRST_PAUSE * 1.69])
    assert time_.slept == sorted(time_.slept)
    assert time_.slept[-1] == LONGEST_PAUSE
    assert len(time_.slept) == 20


def test_at_the_deadline_it_is_looked_at_once_more() -> None:
    state, time_, prepared = _waited(*[RUNNING] * 9, seconds=1)
    assert state == TaskState(True, None)
    assert sum(time_.slept) == pytest.approx(1)
    assert prepared.answers == []


def test_the_last_look_may_find_the_end() -> None:
    state, _time, _prepared = _waited(*[RUNNING] * 8, OK, seconds=1)
    assert state == TaskState(False, "OK")


@pytest.mark.parametrize(
    "failure",
    [
        AWAY,
        AnswerLost("It broke."),
        TimedOut("Too slow."),
        Unreachable("Nobody there."),
        BadAnswer("A page of HTML."),
        error_of("GET", "/x", 503, "Service Unavailable", "", {}),
    ],
)
def test_a_server_that_is_away_for_a_while_does_not_end_the_task(failure: Exception) -> None:
    state, _time, _prepared = _waited(RUNNING, failure, failure, RUNNING, OK)
    assert state == TaskState(False, "OK")


def test_after_a_long_silence_the_node_is_lost() -> None:
    time_ = FakeClock()
    prepared = PreparedAnswers(RUNNING, *[AnswerLost("It broke.")] * 500)
    with pytest.raises(NodeLost) as caught:
        wait_for_end(prepared.client, UPID, Deadline.after(time_.clock, 86400), time_.clock)
    assert caught.value.message == f"Nothing was heard of task {UPID.text} for 10 min: It broke."
    assert SILENCE_LIMIT < sum(time_.slept) <= SILENCE_LIMIT + LONGEST_PAUSE + FIRST_PAUSE


def test_every_answer_ends_the_silence() -> None:
    looks: list[object] = []
    for _hour in range(4):
        looks += [*[AWAY] * 100, RUNNING]
    state, time_, _prepared = _waited(*looks, OK, seconds=86400)
    assert state == TaskState(False, "OK")
    assert sum(time_.slept) > 2 * SILENCE_LIMIT


def test_a_refusal_is_not_waited_out() -> None:
    refusal = error_of("GET", "/x", 403, "Permission check failed (/nodes/pve1, Sys.Audit)", "", {})
    with pytest.raises(type(refusal)):
        _waited(RUNNING, refusal)


def _followed(enough: Sequence[object], *answers: object, seconds: float = 3600) -> tuple[TaskState, PreparedAnswers]:
    """``enough`` are the answers when it is asked whether that will do."""
    time_ = FakeClock()
    prepared = PreparedAnswers(*answers)
    words = iter(enough)

    def will_do() -> bool:
        word = next(words)
        if isinstance(word, Exception):
            raise word
        return bool(word)

    state = follow_task(prepared.client, UPID, Deadline.after(time_.clock, seconds), time_.clock, will_do)
    return state, prepared


def test_a_task_is_followed_until_it_is_enough() -> None:
    state, prepared = _followed([False, False, True], RUNNING, RUNNING, RUNNING, OK)
    assert state == TaskState(True, None)
    assert prepared.answers == [OK]


def test_or_until_it_ends() -> None:
    assert _followed([False], RUNNING, OK)[0] == TaskState(False, "OK")
    assert _followed([], OK)[0] == TaskState(False, "OK")


def test_or_until_the_time_is_up() -> None:
    assert _followed([False] * 9, *[RUNNING] * 9, seconds=1)[0] == TaskState(True, None)


def test_a_question_that_is_not_answered_is_asked_again() -> None:
    state, _prepared = _followed([AWAY, AnswerLost("It broke."), True], RUNNING, RUNNING, RUNNING)
    assert state == TaskState(True, None)


LOOKS = st.lists(st.sampled_from([RUNNING, AWAY, AnswerLost("x")]), max_size=30)


@settings(max_examples=40)
@given(LOOKS, st.sampled_from(["OK", "job errors", "WARNINGS: 2"]))
def test_every_end_is_found_after_as_many_pauses_as_looks(looks: list[object], exitstatus: str) -> None:
    state, time_, _prepared = _waited(*looks, {"status": "stopped", "exitstatus": exitstatus})
    assert state == TaskState(False, exitstatus)
    assert len(time_.slept) == len(looks)


@settings(max_examples=40)
@given(st.floats(0, 200), st.lists(st.booleans(), max_size=8))
def test_waiting_never_lasts_longer_than_it_may(seconds: float, answers: list[bool]) -> None:
    looks = [RUNNING if heard else AWAY for heard in answers]
    state, time_, _prepared = _waited(*looks, *[RUNNING] * 100, seconds=seconds)
    assert state == TaskState(True, None)
    assert sum(time_.slept) == pytest.approx(seconds, abs=1e-3)
