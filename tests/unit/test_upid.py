# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of tasks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.upid import Upid

NODES = st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9\-]{0,20}[a-zA-Z0-9])?", fullmatch=True)
WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=":/\\"), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "UPID:pve:000001EB:0002E9FF:6B003C7D:vzdump:101:root@pam:",
            ("pve", 1795177597, "vzdump", "101", "root@pam"),
        ),
        (
            "UPID:pve:0000038D:0002FD6C:6B003CAF:vzdump::backup@pve!op:",
            ("pve", 1795177647, "vzdump", "", "backup@pve!op"),
        ),
        (
            "UPID:pve-2:0000038D:10002FD6C:6b003caf:imgdel:local\\x3abackup\\x2fx:a-b.c@ldap:",
            ("pve-2", 1795177647, "imgdel", "local:backup/x", "a-b.c@ldap"),
        ),
    ],
)
def test_a_name_tells_node_time_type_id_and_user(text: str, parts: tuple[str, int, str, str, str]) -> None:
    assert Upid.parse(text) == Upid(text, *parts)


@pytest.mark.parametrize(
    "text",
    [
        "OK",
        "",
        "UPID:",
        "UPID:pve:000001EB:0002E9FF:6B003C7D:vzdump:101:root@pam",
        " UPID:pve:000001EB:0002E9FF:6B003C7D:vzdump:101:root@pam:",
        "UPID:pve:000001EB:0002E9FF:6B003C7D:vzdump:101:root@pam:x",
        "UPID:-pve:000001EB:0002E9FF:6B003C7D:vzdump:101:root@pam:",
        "UPID:pve:1EB:0002E9FF:6B003C7D:vzdump:101:root@pam:",
        "UPID:pve:000001EB:0002E9FF:6B003C7G:vzdump:101:root@pam:",
        "UPID:pve:000001EB:0002E9FF:6B003C7D:vz dump:101:root@pam:",
        "UPID:pve:000001EB:0002E9FF:6B003C7D:vzdump:../101:root@pam:",
        None,
        ["UPID:pve:000001EB:0002E9FF:6B003C7D:vzdump:101:root@pam:"],
        491,
    ],
)
def test_anything_else_is_no_task(text: object) -> None:
    assert Upid.parse(text) is None


@given(NODES, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), WORDS, st.one_of(st.just(""), WORDS), WORDS)
def test_every_name_that_proxmox_can_make_is_read(
    node: str, pid: int, starttime: int, kind: str, of: str, user: str
) -> None:
    text = f"UPID:{node}:{pid:08X}:0002E9FF:{starttime:08X}:{kind}:{of}:{user}:"
    assert Upid.parse(text) == Upid(text, node, starttime, kind, of, user)


@given(st.text())
def test_an_id_with_special_characters_is_given_back_as_it_was(of: str) -> None:
    latin = "".join(char for char in of if ord(char) < 256)
    escaped = "".join(char if char.isascii() and char.isalnum() else f"\\x{ord(char):02x}" for char in latin)
    upid = Upid.parse(f"UPID:pve:000001EB:0002E9FF:6B003C7D:imgdel:{escaped}:root@pam:")
    assert upid is not None
    assert upid.id == latin


@given(st.one_of(st.text(), st.from_regex(r"UPID(:[0-9A-Fa-f]{1,9}){0,7}:?")))
def test_no_text_makes_it_fail_and_what_it_takes_it_keeps(text: str) -> None:
    upid = Upid.parse(text)
    assert upid is None or upid.text == text.rstrip("\n")
