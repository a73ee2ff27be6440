# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors as sentences, from answers as Proxmox gives them (recorded: 02_auth, 05_vzdump_errors, 14_transport)."""

from __future__ import annotations

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError, LifeboatError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import (
    AnswerLost,
    ApiError,
    BadAnswer,
    NodeUnreachable,
    NotAuthenticated,
    NotTrusted,
    PermissionDenied,
    ProxmoxError,
    TimedOut,
    Unreachable,
    error_of,
)


def test_an_error_carries_its_sentence_and_what_was_achieved() -> None:
    achieved = {"guests": [{"vmid": 101}]}
    error = LifeboatError("The node is gone.", achieved)
    assert (str(error), error.message, error.partial, error.details()) == (
        "The node is gone.",
        "The node is gone.",
        {"guests": [{"vmid": 101}]},
        {},
    )
    achieved.clear()
    assert error.partial == {"guests": [{"vmid": 101}]}
    assert LifeboatError("x").partial == {}


def test_the_tree_tells_whether_a_request_can_have_been_carried_out() -> None:
    assert issubclass(TimedOut, AnswerLost)
    assert not issubclass(Unreachable, AnswerLost)
    assert issubclass(NotTrusted, Unreachable)
    for kind in (Unreachable, AnswerLost, BadAnswer, ApiError):
        assert issubclass(kind, ProxmoxError)
    assert issubclass(ProxmoxError, LifeboatError)
    assert not issubclass(InputError, ProxmoxError)


@pytest.mark.parametrize(
    ("status", "reason", "detail", "errors", "sentence"),
    [
        (
            400,
            "Parameter verification failed.",
            "Parameter verification failed.\n",
            {"vmid": "invalid format - value does not look like a valid VM ID\n"},
            (
                "Proxmox answered 400 to POST /nodes/pve/vzdump: Parameter verification failed (vmid: invalid format "
                "- value does not look like a valid VM ID)."
            ),
        ),
        (
            400,
            "Parameter verification failed.",
            "",
            {"zstd": "type check ('integer') failed - got 'x'", "mode": "value 'x'\n does not have a value"},
            (
                "Proxmox answered 400 to POST /nodes/pve/vzdump: Parameter verification failed (mode: value 'x' does "
                "not have a value; zstd: type check ('integer') failed - got 'x')."
            ),
        ),
        (
            500,
            "hostname lookup 'other' failed - failed to get address info for: other: Name or service not known",
            "",
            {},
            (
                "Proxmox answered 500 to POST /nodes/pve/vzdump: hostname lookup 'other' failed - failed to get "
                "address info for: other: Name or service not known."
            ),
        ),
        (
            500,
            "400 Parameter verification failed.",
            "400 Parameter verification failed.\nvmid: property is missing\n",
            {},
            (
                "Proxmox answered 500 to POST /nodes/pve/vzdump: 400 Parameter verification failed. vmid: property is "
                "missing."
            ),
        ),
        (400, "", "", {"vmid": "no"}, "Proxmox answered 400 to POST /nodes/pve/vzdump: vmid: no."),
        (502, "", "", {}, "Proxmox answered 502 to POST /nodes/pve/vzdump: no reason given."),
    ],
)
def test_a_refusal_says_what_was_asked_and_all_that_proxmox_said(
    status: int, reason: str, detail: str, errors: dict[str, str], sentence: str
) -> None:
    error = error_of("POST", "/nodes/pve/vzdump", status, reason, detail, errors)
    assert error.message == sentence
    assert error.__class__ is ApiError


def test_the_facts_of_a_refusal_are_kept_for_the_result() -> None:
    error = error_of(
        "POST", "/cluster/backup", 500, "400 Parameter verification failed.", "400 Parameter…\nvmid: x\n", {"a": "b"}
    )
    assert error.details() == {
        "api_error": {
            "method": "POST",
            "path": "/cluster/backup",
            "status": 400,
            "reason": "400 Parameter verification failed.",
            "message": "400 Parameter…\nvmid: x",
            "errors": {"a": "b"},
        }
    }
    assert error.http_status == 500


@pytest.mark.parametrize(
    ("status", "reason", "detail", "inner"),
    [
        (500, "400 Parameter verification failed.", "", 400),
        (500, "something else", "403 Permission check failed (/, Sys.Modify)\n", 403),
        (500, "storage 'nope' does not exist", "", 500),
        (500, "4000 things", "", 500),
        (400, "500 times wrong", "", 400),
    ],
)
def test_the_code_inside_a_500_counts(status: int, reason: str, detail: str, inner: int) -> None:
    error = error_of("GET", "/x", status, reason, detail, {})
    assert (error.status, error.http_status) == (inner, status)


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (
            "Authentication failed!",
            (
                "Proxmox does not accept the credentials (Authentication failed!): check api_token_id "
                "(user@realm!token) and api_token_secret, or api_user and api_password, and that the token has not "
                "expired and its user is enabled."
            ),
        ),
        (
            "",
            (
                "Proxmox does not accept the credentials (no reason given): check api_token_id (user@realm!token) and "
                "api_token_secret, or api_user and api_password, and that the token has not expired and its user is "
                "enabled."
            ),
        ),
    ],
)
def test_401_says_which_options_to_check(reason: str, sentence: str) -> None:
    error = error_of("GET", "/version", 401, reason, "", {})
    assert error.__class__ is NotAuthenticated
    assert error.message == sentence


@pytest.mark.parametrize(
    ("status", "reason", "lacks"),
    [
        (403, "Permission check failed (/vms/102, VM.Backup)", "VM.Backup on /vms/102"),
        (403, "Permission check failed (/, Sys.Modify)", "Sys.Modify on /"),
        (500, "403 Permission check failed (/storage/x, Datastore.Allocate)", "Datastore.Allocate on /storage/x"),
        (
            403,
            "Permission check failed (/storage/local, Datastore.Audit|Datastore.AllocateSpace)",
            "Datastore.Audit or Datastore.AllocateSpace on /storage/local",
        ),
    ],
)
def test_403_says_what_to_grant_and_where(status: int, reason: str, lacks: str) -> None:
    error = error_of("POST", "/nodes/pve/vzdump", status, reason, f"{reason}\n", {})
    assert error.__class__ is PermissionDenied
    assert error.status == 403
    assert error.message == (
        f"The token or user lacks {lacks} (Proxmox refused POST /nodes/pve/vzdump); grant it there and, with privilege "
        "separation, to the token as well."
    )


@pytest.mark.parametrize(
    "reason",
    [
        "Permission check failed",
        "Permission check failed (user != root@pam)",
        "Permission check failed (pool 'x' does not exist)",
    ],
)
def test_403_without_a_privilege_says_what_proxmox_said(reason: str) -> None:
    assert error_of("GET", "/pools/x", 403, reason, f"{reason}\n", {}).message == (
        f"The token or user lacks a privilege: Proxmox refused GET /pools/x ({reason})."
    )


@pytest.mark.parametrize("status", [595, 596, 597, 598, 599])
def test_from_595_on_it_is_the_node_that_does_not_answer(status: int) -> None:
    error = error_of("GET", "/nodes/pve2/storage", status, "Connection refused", "", {})
    assert error.__class__ is NodeUnreachable
    assert error.message == f"The node behind GET /nodes/pve2/storage does not answer ({status} Connection refused)."


def test_a_node_that_gives_no_reason() -> None:
    assert (
        error_of("GET", "/x", 596, "", "", {}).message
        == "The node behind GET /x does not answer (596 no reason given)."
    )


@pytest.mark.parametrize(
    ("status", "detail", "passing"),
    [
        (502, "", True),
        (503, "", True),
        (504, "", True),
        (595, "", True),
        (599, "", True),
        (400, "", False),
        (401, "", False),
        (403, "", False),
        (500, "", False),
        (500, "503 from somewhere else", False),
        (501, "", False),
        (505, "", False),
        (600, "", False),
    ],
)
def test_which_refusals_may_pass_by_themselves(status: int, detail: str, passing: bool) -> None:
    assert error_of("GET", "/x", status, "because", detail, {}).passing is passing


@pytest.mark.parametrize("status", [404, 501, 594, 600])
def test_other_codes_are_plain_refusals(status: int) -> None:
    assert error_of("GET", "/x", status, "because", "", {}).__class__ is ApiError
