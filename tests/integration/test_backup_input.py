# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bad input: one clear sentence, before anything is started."""

from __future__ import annotations

from typing import Any

import pytest

from harness.lab import Lab


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {},
            (
                "No guest is selected: set vmids, names, tags, pools, or all_guests to true. An empty list selects "
                "nothing."
            ),
        ),
        (
            {"vmids": []},
            (
                "No guest is selected: set vmids, names, tags, pools, or all_guests to true. An empty list selects "
                "nothing."
            ),
        ),
        ({"vmids": [99]}, "vmids: 99 cannot be a guest's id; ids are 100 to 999999999."),
        (
            {"vmids": [101, 998, 999]},
            (
                "vmids: no guest with the id 998, 999 is shown to this token: it does not exist or VM.Audit on it "
                "is missing. "
                "Nothing was started."
            ),
        ),
        (
            {"names": ["web1", "nosuch"]},
            "names: no guest that this token may see (VM.Audit) is named nosuch; names are exact.",
        ),
        (
            {"tags": ["nosuch"]},
            "The selection matches no guest that this token may see (VM.Audit). Nothing was started.",
        ),
        ({"pools": ["nosuch"]}, "pools: the cluster shows no pool named nosuch; it shows prod."),
        (
            {"all_guests": True, "nodes": ["pve9"]},
            "nodes: the cluster shows no node named pve9; it shows pve1, pve2, pve3.",
        ),
        (
            {"vmids": [101], "max_age": "1 day"},
            (
                "max_age: '1 day' is not a duration; write a whole number with s, m, h, d or w, such as 90s, 15m, "
                "24h, 7d, 2w, "
                "or seconds without a letter."
            ),
        ),
        ({"vmids": [101], "ionice": 9}, "ionice: 9 is out of range; it is 0 to 8."),
        ({"vmids": [101], "max_parallel": 0}, "max_parallel: at least one node must be allowed to work."),
        (
            {"vmids": [101], "notes": "{{bogus}}"},
            "notes: Proxmox does not know {{bogus}}; it knows {{cluster}}, {{guestname}}, {{node}}, {{vmid}}.",
        ),
        ({"vmids": [101], "notes": "x" * 1025}, "notes: 1025 characters are too many for Proxmox, which takes 1024."),
        (
            {"vmids": [101], "fleecing": {"enabled": True}},
            "fleecing: name the storage that holds the fleecing images (fleecing.storage).",
        ),
        (
            {"vmids": [101], "bwlimit": 100},
            (
                "bwlimit: Proxmox takes this only from a token with Sys.Modify on /; grant it or leave the option "
                "out. Nothing "
                "was started."
            ),
        ),
        ({"vmids": [101], "mode": "hot"}, "value of mode must be one of: snapshot, suspend, stop, got: hot"),
        (
            {"vmids": [101], "compress": "brotli"},
            "value of compress must be one of: zstd, gzip, lzo, none, got: brotli",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_one_sentence_and_nothing_started(cluster: Lab, options: dict[str, Any], sentence: str) -> None:
    result = cluster.backup(**options)
    assert result["failed"] is True
    assert result["msg"] == sentence
    assert cluster.sent("POST", "/vzdump") == []


@pytest.mark.parametrize(
    ("storage", "why"),
    [
        ("off", "it is disabled"),
        ("images", "its content is images, without backup"),
        ("nosuch", "there is no storage of this name"),
    ],
)
def test_a_storage_that_cannot_take_backups(cluster: Lab, storage: str, why: str) -> None:
    cluster.world.add_storage("off", type="dir", content=["backup"], disabled=True)
    cluster.world.add_storage("images", type="dir", content=["images"])
    result = cluster.backup(vmids=[101], storage=storage)
    assert result["msg"] == f"storage {storage} cannot be used on node pve1: {why}. Nothing was started."
    assert cluster.sent("POST", "/vzdump") == []


def test_an_inactive_storage(cluster: Lab) -> None:
    cluster.sim.faults.storage_offline("vault")
    result = cluster.backup(vmids=[101], storage="vault")
    assert result["msg"] == "storage vault cannot be used on node pve1: it is not active there. Nothing was started."


def test_an_ambiguous_name(cluster: Lab) -> None:
    cluster.world.add_container(120, "web1", node="pve3", files={})
    result = cluster.backup(names=["web1"])
    assert result["msg"] == "names: several guests are named web1 (101, 120); choose by vmids."
    assert cluster.sent("POST", "/vzdump") == []


def test_no_room(cluster: Lab) -> None:
    cluster.world.add_archive(101, storage="vault", node="pve1", age=90000, size=10**15)
    result = cluster.backup(vmids=[101], max_age="1h")
    assert result["msg"].startswith("no storage for backups on node pve1 has room for 909 TiB (")
    assert cluster.sent("POST", "/vzdump") == []


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ({"tags": ["prod"]}, [101, 102, 104, 300]),
        ({"tags": ["prod", "db"], "tags_match": "all"}, [300]),
        ({"tags": ["db"], "vmids": [105]}, [105, 300, 301]),
        ({"pools": ["prod"], "nodes": ["pve1"]}, [101, 102]),
        ({"all_guests": True, "guest_type": "qemu"}, [300, 301]),
        ({"all_guests": True, "exclude": ["web1", "102", "nosuch"], "nodes": ["pve1"]}, [103, 300]),
        ({"names": ["web1", "db2"]}, [101, 301]),
    ],
    ids=str,
)
def test_selection(cluster: Lab, options: dict[str, Any], ids: list[int]) -> None:
    assert [row["vmid"] for row in cluster.backup(check=True, **options)["guests"]] == ids
