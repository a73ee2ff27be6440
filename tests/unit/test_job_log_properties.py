# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for the log of any backup task, whatever stands in it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.job_log import parse_command, parse_job_log
from unit.builders import failed_lines, good_lines, job_line

IDS = st.integers(100, 999_999_999)
WORDS = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"], exclude_characters="\r\n"), max_size=30)
EXTRA = st.sampled_from(
    [
        "WARN: Interface 'tap301i0' not attached to any bridge.",
        "ERROR: VM 301 qmp command 'guest-fsfreeze-freeze' failed - got timeout",
        "INFO: excluding volume mount point mp1 ('/srv/skip') from backup (disabled)",
        "INFO: exclude disk 'scsi1' 'local-lvm:vm-103-disk-1' (backup=no)",
        "INFO: prune older backups with retention: keep-last=1",
        "INFO: removing backup 'vault:backup/vzdump-lxc-101-2026_11_01-12_00_00.tar.zst'",
        "INFO: tar: ./srv/x: Cannot open: Permission denied",
    ]
)
PREFIXES = ("INFO: ", "WARN: ", "ERROR: ")
NOISE = st.one_of(
    st.sampled_from(
        [
            "INFO: status = running",
            "INFO:  12% (1.2 GiB of 10.0 GiB) in 5s, read: 250.0 MiB/s, write: 240.0 MiB/s",
            "INFO: archive file size: 1MB",
            "INFO: Backup finished at 2026-11-20 12:26:37",
            "INFO: notified via target `mail-to-root`",
            "INFO: a line that only the next version writes",
            "trying to acquire lock...",
            " OK",
            "TASK OK",
            "",
        ]
    ),
    st.text(max_size=40).filter(lambda text: not text.startswith(PREFIXES)),
)


@dataclass(frozen=True)
class Section:
    """The lines of one guest."""

    vmid: int
    lines: tuple[str, ...]


@st.composite
def sections(draw: st.DrawFn) -> list[Section]:
    found: list[Section] = []
    for vmid in draw(st.lists(IDS, unique=True, max_size=4)):
        kind = draw(st.sampled_from(["qemu", "lxc"]))
        extra = draw(st.lists(EXTRA, max_size=3))
        if draw(st.booleans()):
            lines = good_lines(vmid, kind, more=extra)
        else:
            begun, (failure, end) = failed_lines(vmid, kind=kind)[:3], failed_lines(vmid, kind=kind)[3:]
            lines = [*begun, *extra, failure, *draw(st.lists(st.just("ERROR: and more of it"), max_size=2)), end]
        found.append(Section(vmid, tuple(lines)))
    return found


def _whole(parts: list[Section]) -> list[str]:
    return [job_line(part.vmid for part in parts), *(line for part in parts for line in part.lines), "TASK OK"]


KNOWN_FORMS = st.one_of(
    st.builds("INFO: starting new backup job: {}".format, WORDS),
    st.builds("INFO: starting new backup job: vzdump {}".format, WORDS),
    st.builds("INFO: Starting Backup of VM {} (lxc)".format, IDS),
    st.builds("INFO: Finished Backup of VM {} (00:00:0{})".format, IDS, st.integers(0, 9)),
    st.builds("ERROR: Backup of VM {} failed - {}".format, IDS, WORDS),
    st.builds("INFO: creating vzdump archive '{}'".format, WORDS),
    st.builds("INFO: removing backup '{}'".format, WORDS),
    st.builds("{}{}".format, st.sampled_from(PREFIXES), WORDS),
    EXTRA,
)


@settings(max_examples=40)
@given(st.lists(st.one_of(st.text(), KNOWN_FORMS), max_size=12))
@example(["INFO: starting new backup job: vzdump '"])
@example(["ERROR: Backup of VM 101 failed - ", "ERROR: "])
def test_no_log_makes_it_fail(lines: list[str]) -> None:
    log = parse_job_log(lines)
    for part in log.guests.values():
        assert isinstance(part.cause, str)
        assert part.volid("vault") is None or str(part.volid("vault")).startswith("vault:backup/")


@settings(max_examples=25)
@given(sections(), st.data())
def test_lines_that_mean_nothing_change_nothing(parts: list[Section], data: st.DataObject) -> None:
    lines = _whole(parts)
    noisy: list[str] = []
    for line in lines:
        inside_a_failure = bool(noisy) and noisy[-1].startswith("ERROR: ") and line.startswith("ERROR: ")
        if not inside_a_failure:  # Proxmox writes all lines of an error at once
            noisy += data.draw(st.lists(NOISE, max_size=2))
        noisy.append(line)
    assert parse_job_log(noisy) == parse_job_log(lines)


@settings(max_examples=25)
@given(sections(), st.data())
def test_a_log_that_was_cut_off_never_says_more(parts: list[Section], data: st.DataObject) -> None:
    text = "\n".join(_whole(parts))
    whole = parse_job_log(text.split("\n"))
    cut = text[: data.draw(st.integers(0, len(text)))]
    shown = parse_job_log(cut.split("\n"))
    for vmid, part in shown.guests.items():
        assert not part.finished or whole.guests[vmid].finished
        assert not part.finished or f"INFO: Finished Backup of VM {vmid} (" in cut
        assert part.error is None or (whole.guests[vmid].error or "").startswith(part.error)
    assert shown.removed == whole.removed[: len(shown.removed)]


@settings(max_examples=25)
@given(sections())
def test_what_is_said_of_a_guest_does_not_depend_on_the_others(parts: list[Section]) -> None:
    together = parse_job_log(_whole(parts))
    alone = [parse_job_log(part.lines) for part in parts]
    assert together.guests == {vmid: part for log in alone for vmid, part in log.guests.items()}
    assert sorted(together.guests) == sorted(part.vmid for part in parts)


@settings(max_examples=40)
@given(
    st.frozensets(IDS, min_size=1, max_size=5),
    WORDS.filter(lambda notes: not notes.startswith("-")),
    st.permutations(["storage", "notes-template", "mode", "exclude-path"]),
)
def test_a_command_is_read_whatever_the_notes_and_the_order(ids: frozenset[int], notes: str, order: list[str]) -> None:
    values = {"storage": "vault", "notes-template": notes, "mode": "stop", "exclude-path": "/srv/*.iso"}
    options = " ".join(f"--{name} {shlex.quote(values[name])}" for name in order)
    command = parse_command(f"vzdump {' '.join(map(str, sorted(ids)))} {options}")
    assert command is not None
    assert (command.vmids, command.storage, command.everything, command.pool) == (ids, "vault", False, None)
