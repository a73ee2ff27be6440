# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user wants to know of a fleet, as the module's options say it, and what can't be meant."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.fetch import Trust
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.inquiry import Manner
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.proof import Proof
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.wish import Wish
from ansible_collections.lifeboat.backup.plugins.modules import device_backup_status
from unit.builders import DAY, HOUR

DEFAULTS: dict[str, Any] = {
    option: said.get("default") if isinstance(said, dict) else None
    for option, said in device_backup_status.argument_spec().items()
}
"""What Ansible hands over when nothing was said."""
NODE: dict[str, Any] = {"node_url": "http://node"}
PATTERN = r"^(?P<device>[^/]+)\.cfg$"


def wish(environment: Mapping[str, str] | None = None, **given: Any) -> Wish:
    return Wish.from_params({**DEFAULTS, **given}, environment or {})


def refusal(**given: Any) -> str:
    with pytest.raises(InputError) as caught:
        wish(**{**NODE, **given})
    return caught.value.message


def a_tree(root: object, **more: Any) -> dict[str, Any]:
    return {"type": "config", "root": str(root), "pattern": PATTERN, **more}


# ----- what is meant


def test_one_address_is_enough_and_the_rest_is_as_documented() -> None:
    meant = wish(**NODE)
    assert [question.url for question in meant.questions] == ["http://node/devices", "http://node/backup/status"]
    assert meant.urls == {"node": "http://node"}
    assert meant.layouts == ()
    assert (meant.devices, meant.exclude, meant.fail_on) == (frozenset(), frozenset(), frozenset())
    assert meant.ages == {"mysql": DAY, "sqlite": DAY, "video": 7 * DAY}
    assert meant.proof == Proof("open", 4)
    assert meant.manner == Manner(10, 300, refresh=False, trust=Trust(validate_certs=True, ca_path=None))
    assert meant.stable_after == 7 * DAY
    assert meant.types == ("mysql", "sqlite", "video")


def test_every_option_has_its_place(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    meant = wish(
        node_url="http://node/",
        mysql_service_url="http://node:8090/",
        rsync_service_url="https://node:8093",
        results_path=str(tmp_path),
        videos_path=str(tmp_path / "videos"),
        devices=["a", "b", "a"],
        exclude=["c"],
        max_age={"mysql": "2h", "video": 0},
        verify="full",
        timeout="1h",
        parallel=64,
        cache_path="/var/cache/x.sqlite",
        cache_ttl="0",
        stable_after=90,
        refresh=True,
        fail_on=["stale", "no_answer"],
        validate_certs=False,
        ca_path="/etc/ca.pem",
    )
    assert [question.url for question in meant.questions] == [
        "http://node/devices",
        "http://node/backup/status",
        "http://node:8090/status",
        "https://node:8093/status",
    ]
    assert meant.urls == {"node": "http://node", "mysql": "http://node:8090", "rsync": "https://node:8093"}
    assert [(layout.option, layout.root) for layout in meant.layouts] == [
        ("results_path", str(tmp_path)),
        ("videos_path", str(tmp_path / "videos")),
    ]
    assert meant.devices == {"a", "b"}
    assert meant.exclude == {"c"}
    assert meant.ages == {"mysql": 2 * HOUR, "sqlite": DAY, "video": 0}
    assert meant.proof == Proof("full", 64)
    assert meant.manner == Manner(HOUR, 0, refresh=True, trust=Trust(validate_certs=False, ca_path="/etc/ca.pem"))
    assert meant.cache_path == Path("/var/cache/x.sqlite")
    assert meant.stable_after == 90
    assert meant.fail_on == {"stale", "no_answer"}


@pytest.mark.parametrize("option", ["node_url", "mysql_service_url", "rsync_service_url"])
def test_each_service_alone_is_enough(option: str) -> None:
    given: dict[str, Any] = {option: "http://node"}
    meant = wish(**given)
    assert len(meant.urls) == 1
    assert meant.types == ("mysql", "sqlite", "video")


@pytest.mark.parametrize(
    ("ages", "kept"), [({}, 300), ({"mysql": "2m"}, 120), ({"video": 0}, 0), ({"mysql": "9d"}, 300)]
)
def test_no_answer_is_kept_for_longer_than_a_copy_may_be_old(ages: dict[str, Any], kept: int) -> None:
    assert wish(**NODE, max_age=ages).manner.keep == kept


@pytest.mark.parametrize("option", ["results_path", "videos_path"])
def test_each_folder_alone_is_enough(option: str, tmp_path: Path) -> None:
    given: dict[str, Any] = {option: str(tmp_path)}
    meant = wish(**given)
    assert not meant.questions
    assert [(layout.option, layout.by_device) for layout in meant.layouts] == [(option, True)]
    assert meant.types == ("mysql", "sqlite", "video")


def test_a_tree_of_ones_own_needs_no_service(tmp_path: Path) -> None:
    meant = wish(layout=[a_tree(tmp_path), a_tree(tmp_path, type="clip"), a_tree(tmp_path, pattern="(?P<device>x)")])
    assert meant.types == ("config", "clip")
    assert [layout.option for layout in meant.layouts] == ["layout, entry 1", "layout, entry 2", "layout, entry 3"]
    assert meant.ages == {"mysql": DAY, "sqlite": DAY, "video": 7 * DAY}
    assert (meant.max_age("config"), meant.max_age("video")) == (DAY, 7 * DAY)


def test_ethoscopes_and_trees_of_ones_own_go_together(tmp_path: Path) -> None:
    meant = wish(
        layout=[a_tree(tmp_path), "ethoscope", a_tree(tmp_path, type="mysql")],
        results_path=str(tmp_path),
        max_age={"config": "2d"},
    )
    assert [layout.option for layout in meant.layouts] == ["results_path", "layout, entry 1", "layout, entry 3"]
    assert meant.types == ("mysql", "sqlite", "video", "config")
    assert meant.max_age("config") == 2 * DAY


def test_a_tree_of_ones_own_beside_a_service_has_the_services_types_too(tmp_path: Path) -> None:
    assert wish(**NODE, layout=[a_tree(tmp_path)]).types == ("mysql", "sqlite", "video", "config")


@pytest.mark.parametrize("layout", [["ethoscope"], [], None])
def test_the_layout_is_that_of_ethoscopes_if_nothing_is_said(layout: Any, tmp_path: Path) -> None:
    assert [one.option for one in wish(layout=layout, results_path=str(tmp_path)).layouts] == ["results_path"]


def test_a_folder_is_found_by_home_and_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COPIES", "routers")
    (tmp_path / "routers").mkdir()
    (layout,) = wish(layout=[a_tree("~/$COPIES")]).layouts
    assert layout.root == str(tmp_path / "routers")


def test_a_folder_is_taken_from_where_the_module_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "copies").mkdir()
    assert wish(results_path="copies").layouts[0].root == str(tmp_path / "copies")


def test_a_link_to_a_folder_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there")
    assert wish(results_path=str(tmp_path / "link")).layouts[0].root == str(tmp_path / "link")


# ----- the catalogue's place


@pytest.mark.parametrize(
    ("given", "environment", "path"),
    [
        (None, {"XDG_CACHE_HOME": "/x", "HOME": "/home/me"}, "/x/lifeboat/devices.sqlite"),
        (None, {"HOME": "/home/me"}, "/home/me/.cache/lifeboat/devices.sqlite"),
        (None, {"XDG_CACHE_HOME": "", "HOME": "/home/me"}, "/home/me/.cache/lifeboat/devices.sqlite"),
        (None, {}, None),
        (None, {"HOME": ""}, None),
        (None, {"HOME": "not/absolute"}, None),
        (None, {"XDG_CACHE_HOME": "not/absolute"}, None),
        ("", {"HOME": "/home/me"}, None),
        (" ", {"HOME": "/home/me"}, None),
        ("/x/y.sqlite", {"HOME": "/home/me"}, "/x/y.sqlite"),
        ("here.sqlite", {}, "here.sqlite"),
    ],
)
def test_the_place_of_the_catalogue(given: str | None, environment: dict[str, str], path: str | None) -> None:
    found = wish(environment, **NODE, cache_path=given).cache_path
    assert found == (None if path is None else Path(path))


# ----- what can't be meant


def test_without_anything_to_look_at_there_is_nothing_to_do() -> None:
    assert refusal(node_url=None) == (
        "There is nothing to look at: set at least one of node_url, mysql_service_url, rsync_service_url, "
        "results_path, videos_path, layout."
    )


@pytest.mark.parametrize(
    ("one", "other"), [("node_url", "mysql_service_url"), ("mysql_service_url", "rsync_service_url")]
)
def test_each_service_has_an_address_of_its_own(one: str, other: str) -> None:
    assert refusal(**{one: "http://node:80", other: "http://node:80/"}) == (
        "Two of node_url, mysql_service_url and rsync_service_url name the same address."
    )


@pytest.mark.parametrize("option", ["node_url", "mysql_service_url", "rsync_service_url"])
def test_an_address_must_be_one(option: str) -> None:
    assert refusal(**{option: "node:8090"}) == (
        f"{option}: 'node:8090' is not an http or https address; begin it with http:// or https://, "
        "such as http://node.example:8090."
    )


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"timeout": "0"}, "timeout must be longer than 0 seconds."),
        ({"timeout": "0s"}, "timeout must be longer than 0 seconds."),
        ({"timeout": "61m"}, "timeout: '61m' is longer than an hour; a service that takes longer is down."),
        ({"stable_after": 0}, "stable_after must be longer than 0 seconds."),
        ({"parallel": 0}, "parallel must be between 1 and 64; 0 is not."),
        ({"parallel": -4}, "parallel must be between 1 and 64; -4 is not."),
        ({"parallel": 65}, "parallel must be between 1 and 64; 65 is not."),
        (
            {"max_age": {"tape": "1d", "mysql": "1d"}},
            "max_age: there is no type tape; known are mysql, sqlite, video.",
        ),
        ({"max_age": {7: "1d"}}, "max_age: there is no type 7; known are mysql, sqlite, video."),
    ],
)
def test_numbers_and_types_must_be_in_their_bounds(given: dict[str, Any], sentence: str) -> None:
    assert refusal(**given) == sentence


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"timeout": "soon"}, "timeout"),
        ({"cache_ttl": "-1"}, "cache_ttl"),
        ({"stable_after": "1.5d"}, "stable_after"),
        ({"max_age": {"mysql": "1y"}}, "max_age.mysql"),
        ({"max_age": {"sqlite": None}}, "max_age.sqlite"),
        ({"max_age": {"video": ["7d"]}}, "max_age.video"),
    ],
)
def test_a_duration_must_be_one(given: dict[str, Any], option: str) -> None:
    said = refusal(**given)
    assert said.startswith(f"{option}: '")
    assert "is not a duration; write a whole number with s, m, h, d or w" in said


def test_the_types_of_ones_own_trees_are_known_to_max_age(tmp_path: Path) -> None:
    assert refusal(layout=[a_tree(tmp_path)], max_age={"confg": "1d"}) == (
        "max_age: there is no type confg; known are mysql, sqlite, video, config."
    )


@pytest.mark.parametrize(
    ("tree", "sentence"),
    [
        ("etoscope", "layout, entry 1: 'etoscope' is neither 'ethoscope' nor a tree with type, root and pattern."),
        (["a"], "layout, entry 1: '['a']' is neither 'ethoscope' nor a tree with type, root and pattern."),
        (None, "layout, entry 1: 'None' is neither 'ethoscope' nor a tree with type, root and pattern."),
        (
            {"type": "x", "path": "/", "regex": "x"},
            "layout, entry 1 has path, regex, which is unknown; a tree has type, root and pattern.",
        ),
        ({}, "layout, entry 1 needs a pattern, as text."),
        ({"pattern": PATTERN}, "layout, entry 1 needs a root, as text."),
        ({"pattern": PATTERN, "root": "/"}, "layout, entry 1 needs a type, as text."),
        ({"pattern": PATTERN, "root": "/", "type": " "}, "layout, entry 1 needs a type, as text."),
        ({"pattern": PATTERN, "root": ["/"], "type": "x"}, "layout, entry 1 needs a root, as text."),
        ({"pattern": 7, "root": "/", "type": "x"}, "layout, entry 1 needs a pattern, as text."),
        (
            {"pattern": "(", "root": "/", "type": "x"},
            (
                "layout, entry 1: the pattern '(' is no regular expression: missing ), unterminated subpattern at "
                "position 0."
            ),
        ),
        (
            {"pattern": "x", "root": "/", "type": "x"},
            "layout, entry 1: the pattern 'x' needs a group that says the device, such as (?P<device>[^/]+).",
        ),
    ],
)
def test_a_tree_of_ones_own_must_be_whole(tree: Any, sentence: str) -> None:
    assert refusal(layout=[tree]) == sentence


def test_the_entry_that_is_wrong_is_named_by_its_number(tmp_path: Path) -> None:
    assert refusal(layout=["ethoscope", a_tree(tmp_path), {}]).startswith("layout, entry 3 needs a ")


@pytest.mark.parametrize("option", ["results_path", "videos_path"])
def test_folders_of_ethoscopes_need_their_layout(option: str, tmp_path: Path) -> None:
    assert refusal(layout=[a_tree(tmp_path)], **{option: str(tmp_path)}) == (
        f"{option} is of the layout 'ethoscope': add that to layout, or describe the tree there and leave {option} out."
    )


def test_a_folder_must_be_one(tmp_path: Path) -> None:
    file, absent = tmp_path / "file", tmp_path / "absent"
    file.touch()
    assert refusal(results_path=str(file)) == (
        f"results_path: {file} is not a folder where the module runs; name the folder that holds the copies."
    )
    assert refusal(videos_path=str(absent)) == (
        f"videos_path: {absent} cannot be used (No such file or directory) where the module runs; "
        "name the folder that holds the copies."
    )
    assert refusal(layout=[a_tree(file / "below")]) == (
        f"layout, entry 1: {file}/below cannot be used (Not a directory) where the module runs; "
        "name the folder that holds the copies."
    )
    assert refusal(results_path="/" + "x" * 5000).endswith(
        "cannot be used (File name too long) where the module runs; name the folder that holds the copies."
    )


def test_a_folder_that_may_not_be_looked_at_is_told_in_the_result(tmp_path: Path) -> None:
    folder = tmp_path / "closed" / "copies"
    folder.mkdir(parents=True)
    folder.parent.chmod(0o600)
    user = os.geteuid()
    if user == 0:  # who may look at everything
        os.seteuid(65534)
    try:
        with pytest.raises(PermissionError):
            folder.stat()
        (layout,) = wish(results_path=str(folder)).layouts
    finally:
        os.seteuid(user)
        folder.parent.chmod(0o700)
    assert layout.root == str(folder)


def test_the_catalogue_lies_apart_from_the_copies(tmp_path: Path) -> None:
    copies, link = tmp_path / "copies", tmp_path / "link"
    (copies / "a").mkdir(parents=True)
    link.symlink_to(copies)
    for place in (copies / "x.sqlite", copies / "a/x.sqlite", link / "x.sqlite", copies / "new/x.sqlite"):
        assert refusal(results_path=str(copies), cache_path=str(place)) == (
            f"cache_path: {place} lies among the copies in {copies}; put it elsewhere."
        )
    assert refusal(layout=[a_tree(link)], cache_path=str(copies / "x.sqlite")).startswith("cache_path: ")
    place = tmp_path / "copies.sqlite"
    assert wish(results_path=str(copies), cache_path=str(place)).cache_path == place
    assert wish(results_path=str(copies), cache_path="").cache_path is None


def test_a_path_holds_no_nul() -> None:
    assert refusal(results_path="/a\0b") == "results_path: a path cannot hold a NUL character."
    assert refusal(layout=[a_tree("/a\0b")]) == "layout, entry 1: a path cannot hold a NUL character."


def test_the_home_of_nobody_is_no_folder() -> None:
    assert refusal(layout=[a_tree("~nobody-of-that-name/x")]) == (
        "layout, entry 1: the user whose home ~nobody-of-that-name/x begins with is not known here."
    )
