# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs by the dice: options of proxmox_backup_job as a user may write them, for guests 101 to 105 and 300 and 301."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

VMIDS = (101, 102, 103, 104, 105, 300, 301)
_IDS = st.lists(st.sampled_from(VMIDS), min_size=1, max_size=7)
SELECTIONS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.builds(lambda ids: {"vmids": ids}, _IDS),
    st.just({"pool": "prod"}),
    st.just({"all_guests": True}),
    st.builds(lambda ids: {"all_guests": True, "exclude": [str(one) for one in ids]}, _IDS),
)
_NUMBERS = st.integers(1, 9)
_KEEP = st.one_of(
    st.just({"keep_all": True}),
    st.dictionaries(st.sampled_from(["keep_last", "keep_daily", "keep_weekly", "keep_yearly"]), _NUMBERS, min_size=1),
)
OTHERS: dict[str, st.SearchStrategy[Any]] = {
    "mode": st.sampled_from(["snapshot", "suspend", "stop"]),
    "compress": st.sampled_from(["zstd", "gzip", "lzo", "none"]),
    "node": st.sampled_from(["pve1", "pve2"]),
    "keep": _KEEP,
    "notes": st.sampled_from(["{{guestname}}", "two\nlines", "back\\slash"]),
    "protected": st.booleans(),
    "fleecing": st.sampled_from([{"enabled": False}, {"enabled": True, "storage": "local"}]),
    "performance": st.sampled_from([{"max_workers": 16}, {"max_workers": 4}, {"pbs_entries_max": 2000}]),
    "bwlimit": st.sampled_from([0, 1000]),
    "ionice": st.sampled_from([7, 8]),
    "zstd_threads": st.sampled_from([0, 1, 4]),
    "lock_wait": st.sampled_from(["3h", "10m"]),
    "stop_wait": st.sampled_from(["10m", "90s"]),
    "repeat_missed": st.booleans(),
    "comment": st.sampled_from(["one", "with, comma; and = sign", "ümlaut"]),
    "notification_mode": st.sampled_from(["auto", "notification-system"]),
    "change_detection_mode": st.sampled_from(["data", "metadata"]),
    "exclude_paths": st.lists(st.sampled_from(["/tmp/?*", "/var/x y", "/a,b"]), min_size=1, max_size=3, unique=True),
    "standard_excludes": st.booleans(),
    "storage_retention": st.booleans(),
    "mail_to": st.lists(st.sampled_from(["a@example.com", "root"]), min_size=1, max_size=2, unique=True),
    "mail_notification": st.sampled_from(["always", "failure"]),
}
SCHEDULES = st.sampled_from(["02:30", "sat 01:00", "mon..fri 22:00", "*/6:00"])
JOBS: st.SearchStrategy[dict[str, Any]] = st.builds(
    lambda selection, schedule, storage, others: {**selection, "schedule": schedule, "storage": storage, **others},
    SELECTIONS,
    SCHEDULES,
    st.sampled_from(["vault", "local"]),
    st.fixed_dictionaries({}, optional=OTHERS),
)
"""Whole jobs: all that a new one needs, and any of the rest."""
PARTS: st.SearchStrategy[dict[str, Any]] = st.builds(
    lambda selection, schedule, others: {**selection, **schedule, **others},
    st.one_of(st.just({}), SELECTIONS),
    st.one_of(st.just({}), st.builds(lambda one: {"schedule": one}, SCHEDULES)),
    st.fixed_dictionaries({}, optional=OTHERS),
)
"""Some fields of a job."""
