# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From options to what is sent: only what the user set, written as Proxmox wants it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.vzdump_request import (
    BODY_LIMIT,
    NOTES_LIMIT,
    chunks,
    escaped_notes,
    room_for_ids,
    vzdump_parameters,
)


def _refusal(params: dict[str, Any]) -> str:
    with pytest.raises(InputError) as caught:
        vzdump_parameters(params)
    return caught.value.message


def test_nothing_is_sent_that_was_not_asked_for() -> None:
    unset = dict.fromkeys(["mode", "compress", "notes", "protected", "bwlimit", "performance", "fleecing", "lock_wait"])
    assert vzdump_parameters({**unset, "storage_retention": True, "exclude_paths": []}) == {}


def test_everything_that_can_be_asked_for() -> None:
    assert vzdump_parameters(
        {
            "mode": "snapshot",
            "compress": "zstd",
            "notes": "before the upgrade of {{ guestname }}\nby me\n",
            "protected": True,
            "bwlimit": 0,
            "ionice": 8,
            "zstd_threads": 0,
            "performance": {"max_workers": 16, "pbs_entries_max": 1048576},
            "fleecing": {"enabled": True, "storage": "fast"},
            "exclude_paths": ["/tmp/?*", "*.log"],
            "lock_wait": "90s",
            "stop_wait": "10m",
            "notification_mode": "legacy-sendmail",
            "change_detection_mode": "metadata",
            "storage_retention": False,
            "storage": "vault",
            "max_age": "24h",
        }
    ) == {
        "mode": "snapshot",
        "compress": "zstd",
        "notes-template": "before the upgrade of {{guestname}}\\nby me",
        "protected": 1,
        "bwlimit": 0,
        "ionice": 8,
        "zstd": 0,
        "performance": "max-workers=16,pbs-entries-max=1048576",
        "fleecing": "enabled=1,storage=fast",
        "exclude-path": ["/tmp/?*", "*.log"],
        "lockwait": 2,
        "stopwait": 10,
        "notification-mode": "legacy-sendmail",
        "pbs-change-detection-mode": "metadata",
        "remove": 0,
    }


@pytest.mark.parametrize(
    ("params", "sent"),
    [
        ({"compress": "none"}, {"compress": "0"}),
        ({"compress": "gzip"}, {"compress": "gzip"}),
        ({"protected": False}, {"protected": 0}),
        ({"notes": ""}, {"notes-template": ""}),
        ({"lock_wait": "0"}, {"lockwait": 0}),
        ({"performance": {"max_workers": None, "pbs_entries_max": 5}}, {"performance": "pbs-entries-max=5"}),
        ({"performance": {"max_workers": None}}, {}),
        ({"performance": {}}, {}),
        ({"fleecing": {"enabled": False, "storage": None}}, {"fleecing": "enabled=0"}),
        ({"fleecing": {"enabled": False, "storage": "fast"}}, {"fleecing": "enabled=0,storage=fast"}),
        ({"fleecing": {}}, {}),
    ],
)
def test_how_one_option_is_written(params: dict[str, Any], sent: dict[str, Any]) -> None:
    assert vzdump_parameters(params) == sent


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"bwlimit": -1}, "bwlimit: -1 is out of range; it is at least 0."),
        ({"ionice": 9}, "ionice: 9 is out of range; it is 0 to 8."),
        ({"ionice": -1}, "ionice: -1 is out of range; it is 0 to 8."),
        ({"zstd_threads": -1}, "zstd_threads: -1 is out of range; it is at least 0."),
        ({"performance": {"max_workers": 257}}, "max_workers: 257 is out of range; it is 1 to 256."),
        ({"performance": {"max_workers": 0}}, "max_workers: 0 is out of range; it is 1 to 256."),
        ({"performance": {"pbs_entries_max": 0}}, "pbs_entries_max: 0 is out of range; it is at least 1."),
        (
            {"fleecing": {"enabled": True, "storage": None}},
            "fleecing: name the storage that holds the fleecing images (fleecing.storage).",
        ),
        (
            {"stop_wait": "soon"},
            (
                "stop_wait: 'soon' is not a duration; write a whole number with s, m, h, d or w, such as 90s, 15m, "
                "24h, 7d, 2w, or seconds without a letter."
            ),
        ),
    ],
)
def test_what_proxmox_would_refuse_or_misread_is_said_before(params: dict[str, Any], message: str) -> None:
    assert _refusal(params) == message


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ("one\ntwo", "one\\ntwo"),
        ("one\r\ntwo", "one\\ntwo"),
        ("one\r\ntwo\r\n", "one\\ntwo"),
        ("ends\n\n", "ends"),
        ("C:\\new", "C:\\\\new"),
        ("\\n is no newline", "\\\\n is no newline"),
        ("{{cluster}}/{{ guestname}}/{{node }}/{{\tvmid }}", "{{cluster}}/{{guestname}}/{{node}}/{{vmid}}"),
        ("{ {vmid} } {x} }} {{", "{ {vmid} } {x} }} {{"),
        ("Größe: 5 €", "Größe: 5 €"),
    ],
)
def test_notes_become_one_line(text: str, template: str) -> None:
    assert escaped_notes(text) == template


@pytest.mark.parametrize("found", ["{{name}}", "{{ VMID }}", "{{}}", "{{ vm id }}"])
def test_a_variable_that_proxmox_does_not_know(found: str) -> None:
    assert _refusal({"notes": f"{{{{vmid}}}} of {found}"}) == (
        f"notes: Proxmox does not know {found}; it knows {{{{cluster}}}}, {{{{guestname}}}}, {{{{node}}}}, "
        f"{{{{vmid}}}}."
    )


@pytest.mark.parametrize("found", ["{{guest\nname}}", "{{\n}}"])
def test_a_variable_that_a_newline_divides_is_none_either(found: str) -> None:
    """The newline is sent escaped, so that Proxmox sees one word between the braces and refuses it."""
    assert _refusal({"notes": found}).startswith("notes: Proxmox does not know {{")


def test_notes_count_as_they_are_sent() -> None:
    assert len(escaped_notes("x" * NOTES_LIMIT)) == 1024
    assert _refusal({"notes": "x" * 1000 + "\n" * 30 + "y"}) == (
        "notes: 1061 characters are too many for Proxmox, which takes 1024."
    )


def _unescaped(template: str) -> str:
    """As PVE::VZDump does it."""
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "\\": "\\"}[found.group(1)], template, flags=re.DOTALL)


@given(st.text(max_size=200))
def test_proxmox_reads_the_notes_that_were_written(text: str) -> None:
    plain = text.replace("{{", "{ {")
    template = escaped_notes(plain)
    assert "\n" not in template
    assert _unescaped(template).rstrip("\r\n") == plain.replace("\r\n", "\n").rstrip("\r\n")


@given(st.lists(st.sampled_from(["{{vmid}}", "{{ node }}", "\\", "\n", "n", " ", "{", "}"]), max_size=30))
def test_variables_stay_variables(parts: list[str]) -> None:
    try:
        template = escaped_notes("".join(parts))
    except InputError as refusal:
        assert refusal.message.startswith("notes: Proxmox does not know {{")  # noqa: PT017
    else:
        assert all(found in ("vmid", "node") for found in re.findall(r"\{\{([^{}]*)\}\}", template))


def test_a_small_job_is_one_request_and_no_job_is_none() -> None:
    assert chunks([103, 101, 102]) == [[103, 101, 102]]
    assert chunks([]) == []


def test_twenty_thousand_guests_need_three_requests() -> None:
    parts = chunks(range(100, 20_100))
    assert [part for chunk in parts for part in chunk] == list(range(100, 20_100))
    assert len(parts) == 3
    assert max(len("%2C".join(map(str, part))) for part in parts) <= BODY_LIMIT


@pytest.mark.parametrize(
    ("parameters", "taken"),
    [
        ({}, 0),
        ({"mode": "stop"}, len("mode=stop")),
        ({"exclude-path": ["/a", "b"]}, len("exclude-path=%2Fa&exclude-path=b")),
    ],
)
def test_what_else_is_sent_takes_room_from_the_ids(parameters: dict[str, Any], taken: int) -> None:
    assert room_for_ids(parameters) == BODY_LIMIT - taken


def test_options_that_leave_no_room_are_refused() -> None:
    assert room_for_ids({"exclude-path": ["x" * (BODY_LIMIT - 1000 - len("exclude-path="))]}) == 1000
    with pytest.raises(InputError) as caught:
        room_for_ids({"exclude-path": ["x" * (BODY_LIMIT - 999 - len("exclude-path="))]})
    assert caught.value.message == (
        "exclude_paths and the other options together are longer than Proxmox takes in one request."
    )


@given(st.lists(st.integers(100, 999_999_999), max_size=60), st.integers(12, 120))
def test_parts_are_short_enough_and_lose_nothing(vmids: list[int], limit: int) -> None:
    parts = chunks(vmids, limit)
    assert [vmid for part in parts for vmid in part] == vmids
    assert all(part and len("%2C".join(map(str, part))) <= limit for part in parts)


@given(st.lists(st.integers(100, 999_999_999), max_size=60), st.integers(12, 120))
def test_no_part_could_have_taken_the_next_one_as_well(vmids: list[int], limit: int) -> None:
    parts = chunks(vmids, limit)
    for part, following in zip(parts, parts[1:]):
        assert len("%2C".join(map(str, [*part, following[0]]))) + len("%2C") > limit


EVERY_CHOICE: list[dict[str, Any]] = [
    *({"mode": choice} for choice in ("snapshot", "suspend", "stop")),
    *({"compress": choice} for choice in ("zstd", "gzip", "lzo", "none")),
    *({"notification_mode": choice} for choice in ("auto", "legacy-sendmail", "notification-system")),
    *({"change_detection_mode": choice} for choice in ("legacy", "data", "metadata")),
    {"notes": "x"},
    {"protected": True},
    {"bwlimit": 0},
    {"ionice": 0},
    {"ionice": 8},
    {"zstd_threads": 0},
    {"performance": {"max_workers": 1}},
    {"fleecing": {"enabled": True, "storage": "fast"}},
    {"exclude_paths": ["/tmp"]},
    {"lock_wait": "0"},
    {"stop_wait": "1s"},
    {"storage_retention": False},
]


@pytest.mark.parametrize("version", ["8.4.5", "9.2.3"])
def test_proxmox_takes_every_parameter_and_choice(version: str, contracts: dict[str, dict[str, Any]]) -> None:
    """The schemas of the versions that know all of them."""
    kinds = {"integer": int, "boolean": int, "string": str, "array": list}
    schema = contracts[version]["paths"]["/nodes/{node}/vzdump"]["POST"]["params"]
    assert schema["notes-template"]["max_length"] == NOTES_LIMIT
    for params in EVERY_CHOICE:
        for name, value in vzdump_parameters(params).items():
            wanted = schema[name]
            assert isinstance(value, kinds[wanted["type"]]), params
            assert value in wanted.get("enum", [value]), params
            assert not isinstance(value, int) or wanted.get("minimum", 0) <= value <= wanted.get("maximum", value), (
                params
            )
