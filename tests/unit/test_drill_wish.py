# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user wants drilled, as the module's options say it, and what can't be meant."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.isolation import Network
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.wish import (
    Canary,
    DrillWish,
    Given,
    Limits,
    drill_wish,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.selection import Selection
from ansible_collections.lifeboat.backup.plugins.modules import proxmox_drill

DEFAULTS: dict[str, Any] = {
    option: said.get("default") if isinstance(said, dict) else None
    for option, said in proxmox_drill.argument_spec().items()
}
"""What Ansible hands over when nothing was said."""
RUN = "20261121T221500Z-1a2b3c4d"


def wish(**given: Any) -> DrillWish:
    return drill_wish({**DEFAULTS, "scratch_range": "900-909", **given})


def refusal(**given: Any) -> str:
    with pytest.raises(InputError) as caught:
        wish(**given)
    return caught.value.message


def test_the_defaults_of_the_options_are_those_of_a_wish() -> None:
    assert wish(vmids=[101]) == DrillWish("complete", 900, 909, Selection(vmids=(101,)))
    assert drill_wish({"vmids": [101], "scratch_range": "900 - 909"}) == wish(vmids=[101])


def test_every_option_has_its_place() -> None:
    found = wish(
        state="started", vmids=[101], plan="nightly", tag="scratch", pick="random_in_window", window="2d",
        per_run="auto", within_days=7, target_node="pve2", target_storage="fast", pool="lab", storages=["vault"],
        verified_only=True, network="isolated", bridge="vmbr9", vlan=7, memory=512, cores=1, free_memory=0,
        check_memory=False, bwlimit=0, agent="required", running_for="1m", restore_timeout="1h", boot_timeout="2m",
        check_timeout="3m", clean_up_timeout="4m", lease="1d",
        canaries=[{"path": "/a", "content": "x"}, {"path": "C:\\a", "sha256": "A" * 64, "vmid": 101}],
    )  # fmt: skip
    assert found == DrillWish(
        "started", 900, 909, Selection(vmids=(101,)), None, "nightly", "scratch", "random_in_window", 172800, "auto", 7,
        "pve2", "fast", "lab", ("vault",), True, Network("isolated", "vmbr9", 7), 512, 1, 0, False, 0, "required",
        (Canary("/a", "x"), Canary("C:\\a", None, "a" * 64, 101)), (), Limits(3600, 120, 180, 240, 60, 86400),
    )  # fmt: skip


def test_a_run_is_gone_on_with() -> None:
    found = wish(state="checked", run=RUN, verdicts=[
        {"vmid": 101, "check": "shop", "verdict": "passed", "evidence": "HTTP 200"},
        {"vmid": 101, "check": "mail", "verdict": "passed", "evidence": " "},
        {"vmid": 102, "check": "mail", "verdict": "failed", "reason": "no answer"},
    ])  # fmt: skip
    assert found.given == (
        Given(101, "shop", "passed", "", "HTTP 200"),
        Given(101, "mail", "not_run", "it is said to have passed, and no evidence is given", ""),
        Given(102, "mail", "failed", "no answer", ""),
    )
    assert wish(state="cleaned").run is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Say which guests are to be drilled: by vmids, names, tags, pools, or all_guests for every one that the"),
        ({"vmids": [101], "scratch_range": ""}, "scratch_range: '' is no range of ids; write the first and the last"),
        ({"vmids": [101], "scratch_range": "909-900"}, "scratch_range: '909-900' is no range of ids"),
        ({"vmids": [101], "scratch_range": "1-900"}, "scratch_range: '1-900' is no range of ids"),
        ({"vmids": [101], "scratch_range": "900-1000000000"}, "scratch_range: '900-1000000000' is no range of ids"),
        ({"vmids": [101], "scratch_range": "900"}, "scratch_range: '900' is no range of ids"),
        ({"state": "checked"}, "run: state checked needs the run whose guests were started."),
        ({"state": "checked", "run": "last"}, "run: 'last' is none; take the value run of the task that began"),
        ({"run": RUN}, "run: it continues the drills that an earlier task began: leave out the guests, and set state"),
        ({"state": "cleaned", "run": RUN, "vmids": [101]}, "run: it continues the drills that an earlier task began"),
        (
            {"vmids": [101], "verdicts": [{"vmid": 101, "check": "x", "verdict": "passed"}]},
            "verdicts: they belong to a",
        ),
        (
            {"state": "started", "run": RUN, "verdicts": [{"vmid": 101, "check": "x", "verdict": "failed"}]},
            "verdicts: they are taken with state checked or cleaned.",
        ),
        ({"state": "checked", "run": RUN, "verdicts": [{"check": "x", "verdict": "failed"}]}, "verdicts, entry 1: say"),
        (
            {"state": "checked", "run": RUN, "verdicts": [{"vmid": 1, "check": "x", "verdict": "good"}]},
            "verdicts, entry 1: verdict is passed, failed, not_run, not 'good'.",
        ),
        ({"vmids": [101], "tag": "Drill"}, "tag: 'Drill' can't be one in Proxmox VE; it takes small letters, digits"),
        ({"vmids": [101], "plan": "a\nb"}, "plan: it is a name of at most 100 characters on one line."),
        (
            {"vmids": [101], "network": "isolated"},
            "bridge: network isolated needs the bridge to put scratch guests on.",
        ),
        ({"vmids": [101], "bridge": "vmbr9"}, "bridge: it belongs to network isolated."),
        ({"vmids": [101], "vlan": 9}, "vlan: it belongs to network isolated."),
        (
            {"vmids": [101], "network": "isolated", "bridge": "b", "vlan": 4095},
            "vlan: 4095 is out of range; it is 1 to",
        ),
        ({"vmids": [101], "memory": 8}, "memory: 8 is out of range; it is at least 16."),
        ({"vmids": [101], "cores": 0}, "cores: 0 is out of range; it is at least 1."),
        ({"vmids": [101], "bwlimit": -1}, "bwlimit: -1 is out of range; it is at least 0."),
        ({"vmids": [101], "free_memory": -1}, "free_memory: -1 is out of range; it is 0 to"),
        ({"vmids": [101], "within_days": 0}, "within_days: 0 is out of range; it is 1 to 3650."),
        ({"vmids": [101], "boot_timeout": "0"}, "boot_timeout: it is at least 1 s."),
        ({"vmids": [101], "window": "soon"}, "window: 'soon' is not a duration;"),
        ({"vmids": [101], "running_for": "5m"}, "running_for: the guest has to stay up for 300 s, and check_timeout"),
        (
            {"vmids": [101], "canaries": [{"path": "etc/x", "content": "x"}]},
            "canaries, entry 1: path is the whole path",
        ),
        (
            {"vmids": [101], "canaries": [{"path": "/x"}]},
            "canaries, entry 1: give what the file holds, by content or by",
        ),
        (
            {"vmids": [101], "canaries": [{"path": "/x", "content": "x", "sha256": "a" * 64}]},
            "canaries, entry 1: give what the file holds, by content or by sha256.",
        ),
        ({"vmids": [101], "canaries": [{"path": "/x", "sha256": "zz"}]}, "canaries, entry 1: sha256 is 64 hexadecimal"),
        (
            {"vmids": [101], "canaries": [{"path": "/x", "content": "x", "vmid": 1, "name": "a"}]},
            "canaries, entry 1: name the guest by vmid or by name, not by both.",
        ),
    ],
)
def test_what_cannot_be_meant(given: dict[str, Any], words: str) -> None:
    found = refusal(**given)
    assert found.startswith(words), found


def test_how_far_a_call_goes() -> None:
    assert [wish(vmids=[101]).reaches(phase) for phase in ("prepared", "cleaned")] == [True, True]
    started = wish(state="started", vmids=[101])
    assert [started.reaches(phase) for phase in ("prepared", "started", "checked")] == [True, True, False]


def test_whom_a_canary_concerns() -> None:
    assert Canary("/x", "x").concerns(101, None)
    assert Canary("/x", "x", vmid=101).concerns(101, "web1")
    assert not Canary("/x", "x", vmid=101).concerns(102, "web1")
    assert Canary("/x", "x", name="web1").concerns(101, "web1")
    assert not Canary("/x", "x", name="web1").concerns(101, None)
