# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of proxmox_backup_job that can't be meant, and values of jobs in their one form."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.fields import FIELDS
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.wish import UNSETTABLE, Choice, jobs_wish


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "Name one job by id, or several by jobs."),
        ({"id": "a", "jobs": []}, "Name one job by id, or several by jobs."),
        ({"jobs": [{"id": "a"}], "schedule": "1:00"}, "schedule: with jobs these go into each job."),
        ({"jobs": [{"id": "a"}, {"id": "a"}]}, "jobs: a is there more than once."),
        ({"jobs": [{"id": "a"}], "managed_prefix": "b-"}, "managed_prefix: a does not begin with b-."),
        ({"jobs": [], "managed_prefix": "b-", "purge": True}, "purge: it removes the jobs of managed_prefix"),
        ({"jobs": [{"id": "a"}], "purge": True}, "name both, and at least one job"),
        ({"id": "a b"}, "id: 'a b' is no id of a job"),
        ({"id": "a" * 51}, "it has 1 to 50 characters"),
        ({"id": "a", "state": "absent", "mode": "stop"}, "mode: a job that is to be absent has none."),
        ({"id": "a", "unset": ["schedule"]}, "unset: schedule cannot be removed from a job; what can be: "),
        ({"id": "a", "unset": ["protected"], "protected": False}, "unset: protected is set as well"),
        ({"id": "a", "all_guests": True, "vmids": [101]}, "vmids, all_guests: a job takes all guests, those of a pool"),
        ({"id": "a", "pool": "p", "tags": ["t"]}, "tags, pool: a job takes all guests"),
        ({"id": "a", "tags": []}, "tags: it is empty, and Proxmox would take every guest for that"),
        ({"id": "a", "vmids": [], "names": []}, "vmids, names: it is empty"),
        ({"id": "a", "pool": ""}, "pool: it is empty"),
        ({"id": "a", "pool": "p", "exclude": ["101"]}, "exclude: Proxmox excludes none from a pool"),
        ({"id": "a", "pool": " "}, "pool: it is empty"),
        ({"id": "a", "node": ""}, "node: it is empty; name one, or remove it with unset."),
        ({"id": "a", "storage": " "}, "storage: it is empty"),
        ({"id": "a", "exclude_paths": ["/a", " /b"]}, "exclude_paths: ' /b' begins or ends with a blank"),
        ({"id": "a", "schedule": "  "}, "schedule: it is empty"),
        ({"id": "a", "schedule": "1" * 129}, "schedule: Proxmox takes 128 characters."),
        ({"id": "a", "comment": "c" * 513}, "comment: 513 characters are too many"),
        ({"id": "a", "keep": {"keep_last": 0}}, "keep: no rule keeps anything"),
        ({"id": "a", "keep": {"keep_last": -1}}, "keep: keep_last must not be negative."),
        ({"id": "a", "notes": "{{vm}}"}, "notes: Proxmox does not know {{vm}}"),
        ({"id": "a", "lock_wait": "soon"}, "lock_wait: 'soon' is not a duration"),
        ({"id": "a", "ionice": 9}, "ionice: 9 is out of range"),
        ({"id": "a", "performance": {"max_workers": 0}}, "max_workers: 0 is out of range"),
        ({"id": "a", "fleecing": {"enabled": True}}, "fleecing: name the storage"),
    ],
)
def test_one_clear_sentence(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        jobs_wish(options)
    assert words in caught.value.message
    assert caught.value.message.endswith("Nothing was changed.")


def test_the_job_is_named_where_there_are_several() -> None:
    with pytest.raises(InputError, match=r"^jobs\[1\]\.ionice: 9 is out of range"):
        jobs_wish({"jobs": [{"id": "a"}, {"id": "b", "ionice": 9}]})


def test_false_and_nothing_are_not_named() -> None:
    wish = jobs_wish({"id": "a", "all_guests": False, "exact": False, "mode": None}).jobs[0]
    assert wish.choice == Choice(all_guests=False)
    assert wish.values == {}


def test_notes_lose_the_blanks_around_them() -> None:
    """As in the file that holds the job."""
    assert jobs_wish({"id": "a", "notes": " {{guestname}} \n"}).jobs[0].values == {"notes": "{{guestname}}"}


def test_everything_can_be_unset_but_what_every_job_has() -> None:
    assert set(FIELDS) - set(UNSETTABLE) == {"schedule", "enabled", "vmids", "all_guests", "pool"}


@pytest.mark.parametrize(
    ("option", "one", "other"),
    [
        ("vmids", "101,102", [102, 101]),
        ("vmids", "102; 101 101", (101, 102)),
        ("keep", {"keep-last": "3", "keep-weekly": "2"}, "keep-weekly=2,keep-last=3,keep-daily=0"),
        ("keep", "", {"keep-all": 1}),
        ("compress", "1", "lzo"),
        ("compress", 0, "none"),
        ("protected", "1", True),
        ("fleecing", {"enabled": "1", "storage": "fast"}, "storage=fast,enabled=1"),
        ("fleecing", "1,storage=fast", {"enabled": True, "storage": "fast"}),
        ("mail_to", ["a@example.com,root"], ["root", "a@example.com"]),
        ("performance", {"max-workers": "16"}, {"pbs_entries_max": 1048576}),
        ("exclude_paths", ["/b", "/a"], ("/a", "/b")),
        ("mail_to", "root, a@example.com", ["a@example.com", "root"]),
        ("bwlimit", "1000", 1000),
        ("comment", " a  b ", "a b"),
        ("schedule", "mon   02:30", "mon 02:30"),
    ],
)
def test_two_ways_to_say_the_same(option: str, one: Any, other: Any) -> None:
    field = FIELDS[option]
    assert field.same(field.of(one), field.of(other))


@pytest.mark.parametrize("option", ["vmids", "keep", "compress", "fleecing", "performance", "exclude_paths", "mail_to"])
def test_what_is_written_is_read_as_the_same(option: str) -> None:
    given: dict[str, Any] = {
        "vmids": [101, 300],
        "keep": {"keep-last": 3, "keep-yearly": 1},
        "compress": "none",
        "fleecing": {"enabled": True, "storage": "fast"},
        "performance": {"max_workers": 4},
        "exclude_paths": ["/a b", "/c,d"],
        "mail_to": ["root"],
    }
    field = FIELDS[option]
    value = field.of(given[option])
    assert field.of(field.write(value)) == value
