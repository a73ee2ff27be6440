# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The marks of a scratch guest: who carries all of them is ours, and nobody else."""

from __future__ import annotations

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.marks import TAG, Marks, nonce_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_configuration import GuestConfiguration

NONCE = "0123456789abcdef0123456789abcdef"
MARKS = Marks(TAG, NONCE, 900, 909)
NOTES = MARKS.description("101 (web1)", "20261121T221500Z-1a2b3c4d")


def a_copy(description: str | None = NOTES, tags: str = TAG) -> GuestConfiguration:
    values = {"tags": tags, **({"description": description} if description is not None else {})}
    return GuestConfiguration("lxc", values)


def test_our_own_copy_carries_all() -> None:
    assert MARKS.missing(900, a_copy()) == []
    assert MARKS.missing(909, a_copy(NOTES + "\nlooked at by Eve\n", f"dev;{TAG}")) == []
    assert "101 (web1)" in NOTES
    assert nonce_of(a_copy()) == NONCE


@pytest.mark.parametrize(
    ("vmid", "found", "missing"),
    [
        (899, a_copy(), ["an id of the scratch range 900-909"]),
        (910, a_copy(), ["an id of the scratch range 900-909"]),
        (900, a_copy(tags=""), [f"the tag {TAG}"]),
        (900, a_copy(tags=f"{TAG}s;x{TAG}"), [f"the tag {TAG}"]),
        (900, a_copy(None), ["this drill's nonce in its notes"]),
        (900, a_copy(f"Lifeboat drill {NONCE[::-1]}"), ["this drill's nonce in its notes"]),
        (900, a_copy(f"Lifeboat drill {NONCE}0"), ["this drill's nonce in its notes"]),
        (900, a_copy(f"some other Lifeboat drill {NONCE[:-1]}"), ["this drill's nonce in its notes"]),
        (101, a_copy("the web server", "prod"), [
            "an id of the scratch range 900-909", f"the tag {TAG}", "this drill's nonce in its notes",
        ]),
    ],
)  # fmt: skip
def test_who_lacks_one_is_not_ours(vmid: int, found: GuestConfiguration, missing: list[str]) -> None:
    assert MARKS.missing(vmid, found) == missing
