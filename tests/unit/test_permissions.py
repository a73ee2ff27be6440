# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the token may do: the nearest path above counts, and what is granted there must reach down."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import BadAnswer
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import (
    Permissions,
    observe_permissions,
)
from unit.builders import PreparedAnswers, granted

PATHS = [
    "/",
    "/vms",
    "/vms/101",
    "/vms/102",
    "/storage",
    "/storage/vault",
    "/nodes",
    "/nodes/pve1",
    "/pool/a",
    "/pool/a/b",
]
PRIVILEGES = ["VM.Backup", "VM.Audit", "Datastore.AllocateSpace", "Datastore.Allocate"]
LISTS = st.dictionaries(
    st.sampled_from(PATHS), st.dictionaries(st.sampled_from(PRIVILEGES), st.booleans(), max_size=4), max_size=10
)


def _model(paths: dict[str, dict[str, bool]], privilege: str, path: str) -> bool:
    """The rule in its slowest form: all paths that are the path or above it, the longest last."""
    above = sorted((known for known in paths if known == path or path.startswith(known.rstrip("/") + "/")), key=len)
    if not above:
        return False
    nearest = above[-1]
    return privilege in paths[nearest] and (nearest == path or paths[nearest][privilege])


@given(
    LISTS, st.sampled_from(PRIVILEGES), st.sampled_from([*PATHS, "/vms/103", "/storage/vault/x", "/pool/a/b/c", "/x"])
)
def test_the_nearest_path_above_decides(paths: dict[str, dict[str, bool]], privilege: str, path: str) -> None:
    assert Permissions(paths).allows(privilege, path) == _model(paths, privilege, path)


def test_a_path_of_its_own_hides_what_stands_above() -> None:
    permissions = Permissions({**granted(["VM.Backup"], "/", "/vms"), "/vms/101": {"VM.Audit": True}})
    assert not permissions.may_back_up(101)
    assert permissions.may_back_up(102)


def test_what_does_not_reach_down_counts_only_where_it_stands() -> None:
    permissions = Permissions({"/vms": {"VM.Backup": False}, "/storage/vault": {"Datastore.AllocateSpace": False}})
    assert permissions.allows("VM.Backup", "/vms")
    assert not permissions.may_back_up(101)
    assert permissions.may_write("vault")


def test_a_similar_name_is_not_above() -> None:
    assert not Permissions(granted(["VM.Backup"], "/vms/10")).may_back_up(101)


def test_no_list_no_rights() -> None:
    nothing = Permissions({})
    assert not nothing.allows("Sys.Audit", "/")
    assert not nothing.may_back_up(101)


@pytest.mark.parametrize(
    ("on_storage", "on_guest", "shown"),
    [
        (["Datastore.Allocate"], [], True),
        (["Datastore.AllocateSpace"], ["VM.Backup"], True),
        (["Datastore.AllocateSpace"], ["VM.Audit"], False),
        (["Datastore.Audit"], ["VM.Backup"], False),
        ([], ["VM.Backup"], False),
    ],
)
def test_whose_backups_are_shown(on_storage: list[str], on_guest: list[str], shown: bool) -> None:
    permissions = Permissions({**granted(on_storage, "/storage/vault"), **granted(on_guest, "/vms/101")})
    assert permissions.may_list("vault", 101) is shown
    assert permissions.may_list_all("vault") is ("Datastore.Allocate" in on_storage)


def test_the_list_is_read_as_recorded() -> None:
    """A token with rights on one guest and one storage only (recorded: 02_auth)."""
    rights = {"VM.Audit": 1, "VM.Backup": 1, "Datastore.Audit": 1, "Datastore.AllocateSpace": 1}
    prepared = PreparedAnswers({"/storage/backups": rights, "/vms/101": rights})
    permissions = observe_permissions(prepared.client)
    assert prepared.asked == ["GET access/permissions"]
    assert (permissions.may_back_up(101), permissions.may_back_up(102)) == (True, False)
    assert (permissions.may_write("backups"), permissions.may_write("local")) == (True, False)
    assert not permissions.allows("Sys.Audit", "/nodes/pve")


def test_a_privilege_that_does_not_propagate_is_listed_with_a_zero() -> None:
    permissions = observe_permissions(
        PreparedAnswers({"/vms": {"VM.Backup": 0, "VM.Audit": "1", "VM.Console": None}, "/odd": None}).client
    )
    assert permissions == Permissions({"/vms": {"VM.Backup": False, "VM.Audit": True, "VM.Console": False}})


@pytest.mark.parametrize("answer", [None, [], "ok"])
def test_an_answer_that_is_no_list_of_permissions(answer: object) -> None:
    with pytest.raises(BadAnswer) as caught:
        observe_permissions(PreparedAnswers(answer).client)
    assert caught.value.message == "The list of permissions is not one: check api_host and api_port."
