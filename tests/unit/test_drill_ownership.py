# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may be destroyed: the copy that our own task has made, with all its marks, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.marks import TAG, Marks
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.ownership import why_not
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_configuration import GuestConfiguration
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_tasks import GuestState

NONCE = "0123456789abcdef0123456789abcdef"
MARKS = Marks(TAG, NONCE, 900, 909)
NOTES = MARKS.description("101 (web1)", "20261121T221500Z-1a2b3c4d")
UPID = "UPID:pve1:000003EA:000AFDED:6B022B28:vzrestore:900:root@pam:"
COPY = Guest(900, None, "pve1", "lxc")
STOPPED, RUNNING = GuestState(False, None, False), GuestState(True, None, False)


def a_copy(**changed: str | None) -> GuestConfiguration:
    values = {"tags": TAG, "description": NOTES, "rootfs": "local:900/vm-900-disk-0.raw,size=4G", **changed}
    return GuestConfiguration("lxc", {key: value for key, value in values.items() if value is not None})


STUB = GuestConfiguration("qemu", {"memory": "128", "digest": "0"})


def judged(found: GuestConfiguration, **more: Any) -> str | None:
    facts = {"copy": COPY, "marks": MARKS, "state": STOPPED, "makers": (), **more}
    return why_not(found=found, **facts)


def test_our_copy() -> None:
    assert judged(a_copy()) is None
    assert judged(a_copy(), state=RUNNING) is None


def test_the_empty_vm_of_a_failed_restore() -> None:
    assert judged(STUB) is None
    assert judged(STUB, state=RUNNING) == "carries no marks and runs; somebody else may use it, and it was left alone"
    assert judged(STUB, copy=Guest(899, None, "pve1", "qemu")) is not None


@pytest.mark.parametrize(
    ("found", "more", "words"),
    [
        (a_copy(tags=None), {}, f"lacks the tag {TAG}; somebody else may use it, and it was left alone"),
        (a_copy(description=None), {}, "lacks this drill's nonce in its notes; somebody else may use it, and it was"),
        (
            a_copy(),
            {"copy": Guest(101, None, "pve1", "lxc")},
            "lacks an id of the scratch range 900-909; somebody else",
        ),
        (a_copy(), {"makers": (UPID,)}, f"was made anew by {UPID}; it was left alone"),
        (STUB, {"makers": (UPID,)}, f"was made anew by {UPID}; it was left alone"),
        (a_copy(lock="create"), {}, "is locked (create); run 'pct unlock 900' there, and the next drill removes it"),
        (
            a_copy(),
            {"state": GuestState(False, "backup", False)},
            "is being backed up; the next drill removes it once that has",
        ),
        (a_copy(), {"state": GuestState(True, None, True)}, "is managed by HA; take it out of HA, and the next drill"),
    ],
)
def test_what_is_left_alone(found: GuestConfiguration, more: dict[str, Any], words: str) -> None:
    assert str(judged(found, **more)).startswith(words)


texts = st.sampled_from([TAG, f"{TAG};dev", "prod", "", f"x{TAG}", f"{TAG}2"])
notes = st.sampled_from([NOTES, NOTES + "\nmore", "", "the web server", NOTES.replace(NONCE, NONCE[::-1]), NONCE])
settings = st.fixed_dictionaries(
    {},
    optional={
        "tags": texts, "description": notes, "rootfs": st.just("local:900/vm-900-disk-0.raw"), "memory": st.just("128"),
        "hostname": st.just("web1"), "lock": st.sampled_from(["backup", "create"]), "digest": st.just("0"),
        "net0": st.just("name=eth0"),
    },
)  # fmt: skip


@given(
    st.integers(100, 1000), st.sampled_from(["lxc", "qemu"]), settings,
    st.builds(GuestState, st.booleans(), st.sampled_from([None, "backup"]), st.booleans()),
    st.lists(st.just(UPID), max_size=1),
)  # fmt: skip
def test_nothing_but_our_own_is_ever_destroyed(
    vmid: int, kind: str, values: dict[str, str], state: GuestState, makers: list[str]
) -> None:
    """For any guest: it goes only with an id of the range, and all marks, or as the empty VM that was never started."""
    found = GuestConfiguration(kind, values)
    if why_not(Guest(vmid, None, "pve1", kind), MARKS, found, state, makers) is not None:
        return
    assert 900 <= vmid <= 909
    assert not makers
    assert not state.ha
    assert state.lock is None
    assert "lock" not in values
    marked = TAG in values.get("tags", "").split(";") and f"Lifeboat drill {NONCE}" in values.get("description", "")
    assert marked or (not state.running and not {"rootfs", "hostname", "net0", "tags"} & set(values))
